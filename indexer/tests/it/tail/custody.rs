//! Runs of `index` beside a tailer, in the same process: each byte is read by one of them.

use super::{Following, follow_into};
use crate::lab::{Lab, gzip, line, lines, open_writer, outcomes};
use proptest::prelude::*;
use std::cell::RefCell;
use std::fs;
use std::io;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::tail::{FileState, TailOptions};
use trawl_indexer::{Input, Outcome, Progress, Report, index, index_with_stdin};
use trawl_store::Writer;

/// A tailer at work on `inputs`, and the writer that it shares.
fn beside(lab: &Lab, inputs: &[&str], scene: impl FnOnce(&mut Following<'_>, &Writer)) {
    let writer = open_writer(lab.data());
    follow_into(&writer, lab, inputs, TailOptions::default(), None, |tail| {
        scene(tail, &writer);
        tail.tailer.finish(tail.now());
    });
}

fn index_names(lab: &Lab, writer: &Writer, names: &[&str]) -> Report {
    let inputs: Vec<Input> = names.iter().map(|name| Input::Path(lab.path(name))).collect();
    index(writer, &Registry::builtin(), &inputs, &lab.options, &Progress::default()).expect("run")
}

fn named(outcomes: &[(&str, Outcome)]) -> Vec<(String, Outcome)> {
    outcomes.iter().map(|(name, outcome)| ((*name).to_owned(), outcome.clone())).collect()
}

#[test]
fn a_followed_file_is_left_to_the_tailer() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    lab.write_on("other.log", lines(50, 55));
    lab.set_age("other.log", crate::lab::AN_HOUR);
    beside(&lab, &["app.log"], |tail, writer| {
        tail.see();
        lab.write_on("app.log", lines(10, 20));
        let report = index_names(&lab, writer, &["app.log", "other.log"]);
        assert_eq!(outcomes(&lab, &report), named(&[("app.log", Outcome::Followed), ("other.log", Outcome::New)]));
        assert_eq!(report.totals.events, 5);
        tail.settle();
        let of_both = [lines(0, 20).into_bytes(), lines(50, 55).into_bytes()];
        lab.check(&[("app.log", 0, &of_both[0]), ("other.log", 0, &of_both[1])]);
    });
}

#[test]
fn so_is_a_compressed_copy_of_it() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    beside(&lab, &["app.log"], |tail, writer| {
        tail.see();
        lab.write_on("app.log", lines(10, 20));
        lab.write("app.log.1.gz", gzip(&lab.read("app.log")));
        let report = index_names(&lab, writer, &["app.log.1.gz"]);
        assert_eq!(outcomes(&lab, &report), named(&[("app.log.1.gz", Outcome::Followed)]));
        tail.settle();
        lab.check(&[("app.log", 0, lines(0, 20).as_bytes())]);
        assert_eq!(
            outcomes(&lab, &index_names(&lab, writer, &["app.log.1.gz"])),
            named(&[("app.log.1.gz", Outcome::Unchanged)])
        );
    });
}

#[test]
fn an_index_that_the_tailer_does_not_write_to_takes_it() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    beside(&lab, &["app.log"], |tail, writer| {
        tail.see();
        let options = trawl_indexer::Options {
            index: trawl_formats::event::IndexName::new("web").expect("valid"),
            ..lab.options.clone()
        };
        let inputs = [Input::Path(lab.path("app.log"))];
        let report = index(writer, &Registry::builtin(), &inputs, &options, &Progress::default()).expect("run");
        assert_eq!(outcomes(&lab, &report), named(&[("app.log", Outcome::New)]));
    });
}

#[test]
fn a_file_that_the_tailer_finds_while_a_run_reads_it_waits_for_the_run() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    beside(&lab, &["*.log", "*.gz"], |tail, writer| {
        let tail = RefCell::new(tail);
        let scene = || {
            let mut tail = tail.borrow_mut();
            // A copy is not read either while its original is.
            lab.write("app.log.1.gz", gzip(&lab.read("app.log")));
            tail.settle();
            lab.write_on("app.log", lines(10, 12));
            tail.settle();
            assert_eq!(tail.status().files.len(), 0, "{:?}", tail.status().files);
        };
        let inputs = [Input::Path(lab.path("app.log")), Input::Stdin];
        // Standard input is asked for when the files have been read, and are still held.
        let stdin = || {
            scene();
            &b"2026-11-20 00:00:00 INFO typed\n"[..]
        };
        let (registry, progress) = (Registry::builtin(), Progress::default());
        let report = index_with_stdin(writer, &registry, &inputs, &lab.options, &progress, stdin).expect("run");
        assert_eq!(outcomes(&lab, &report), named(&[("app.log", Outcome::New), ("stdin", Outcome::New)]));
        let tail = tail.into_inner();
        tail.settle();
        let state = |name: &str| {
            let status = tail.status();
            status.files.iter().find(|file| file.path == lab.path(name)).map(|file| file.state)
        };
        assert_eq!(state("app.log"), Some(FileState::Followed));
        lab.write_on("app.log", lines(12, 15));
        tail.settle();
        let typed = b"2026-11-20 00:00:00 INFO typed\n";
        lab.check(&[("app.log", 0, lines(0, 15).as_bytes()), ("stdin", 0, typed)]);
    });
}

#[test]
fn a_file_that_was_truncated_stays_with_the_tailer() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    beside(&lab, &["app.log"], |tail, writer| {
        tail.see();
        // The last line was not closed yet: the copy has it, which the tailer looks for.
        fs::copy(lab.path("app.log"), lab.path("app.log.1")).expect("copy");
        fs::write(lab.path("app.log"), lines(100, 104)).expect("write");
        tail.pump(trawl_indexer::tail::Notices { rescan: true, ..Default::default() });
        let report = index_names(&lab, writer, &["app.log", "app.log.1"]);
        assert!(report.files.iter().all(|file| file.outcome == Outcome::Followed), "{:?}", report.files);
        tail.settle();
        lab.check(&[("app.log", 0, lines(0, 10).as_bytes()), ("app.log", 1, lines(100, 104).as_bytes())]);
    });
}

#[test]
fn what_the_tailer_has_let_go_of_is_read_by_a_run() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    beside(&lab, &["app.log"], |tail, writer| {
        tail.see();
        fs::create_dir(lab.path("old")).expect("create");
        lab.rename("app.log", "old/app.log");
        tail.settle();
        lab.write_on("old/app.log", lines(10, 20));
        lab.set_age("old/app.log", crate::lab::AN_HOUR);
        tail.wait(std::time::Duration::from_secs(120));
        index_names(&lab, writer, &["old/app.log"]);
        tail.settle();
        lab.check(&[("app.log", 0, lines(0, 20).as_bytes())]);
    });
}

#[derive(Clone, Debug)]
enum Step {
    Write { file: usize, n: u32 },
    Rotate { file: usize },
    Compress { file: usize },
    Truncate { file: usize },
    Wait { millis: u64 },
    Index { while_reading: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let file = 0..2_usize;
    prop_oneof![
        4 => (file.clone(), 1..6_u32).prop_map(|(file, n)| Step::Write { file, n }),
        2 => file.clone().prop_map(|file| Step::Rotate { file }),
        1 => file.clone().prop_map(|file| Step::Compress { file }),
        1 => file.prop_map(|file| Step::Truncate { file }),
        3 => (1..12_000_u64).prop_map(|millis| Step::Wait { millis }),
        3 => any::<bool>().prop_map(|while_reading| Step::Index { while_reading }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn each_line_is_stored_once(steps in proptest::collection::vec(step(), 1..16)) {
        let lab = Lab::new();
        let mut n_lines = 0;
        beside(&lab, &["a.log*"], |tail, writer| {
            let tail = RefCell::new(tail);
            for step in &steps {
                // The tailer follows the first one only; runs read both.
                let name = |file: usize| ["a.log", "b.log"][file];
                match *step {
                    Step::Write { file, n } => {
                        lab.write_on(name(file), lines(n_lines, n_lines + n));
                        n_lines += n;
                    }
                    Step::Rotate { file } if lab.path(name(file)).exists() => {
                        for old in (1..9).rev() {
                            let old_name = format!("{}.{old}", name(file));
                            if lab.path(&old_name).exists() {
                                lab.rename(&old_name, &format!("{}.{}", name(file), old + 1));
                            }
                        }
                        lab.rename(name(file), &format!("{}.1", name(file)));
                    }
                    Step::Compress { file } if lab.path(&format!("{}.1", name(file))).exists() => {
                        // What was never looked at must not vanish before somebody has looked.
                        tail.borrow_mut().see();
                        let old = format!("{}.1", name(file));
                        let number = (1..).find(|n| !lab.path(&format!("{}.{n}.gz", name(file))).exists()).expect("free");
                        lab.write(&format!("{}.{number}.gz", name(file)), gzip(&lab.read(&old)));
                        lab.remove(&old);
                    }
                    Step::Truncate { file } if lab.path(name(file)).exists() => {
                        index_names(&lab, writer, &["b.log"]);
                        tail.borrow_mut().settle();
                        if file == 0 {
                            fs::write(lab.path("a.log"), line(n_lines)).expect("write");
                            n_lines += 1;
                        }
                    }
                    Step::Wait { millis } => tail.borrow_mut().wait(std::time::Duration::from_millis(millis)),
                    Step::Index { while_reading } => {
                        let inputs = [Input::Path(lab.path("")), Input::Stdin];
                        let stdin = || {
                            if while_reading {
                                tail.borrow_mut().see();
                            }
                            io::empty()
                        };
                        let (registry, progress) = (Registry::builtin(), Progress::default());
                        let report = index_with_stdin(writer, &registry, &inputs, &lab.options, &progress, stdin);
                        report.expect("run");
                    }
                    Step::Rotate { .. } | Step::Compress { .. } | Step::Truncate { .. } => {}
                }
            }
            let tail = tail.into_inner();
            tail.settle();
            index_names(&lab, writer, &[""]);
            tail.settle();
        });
        let mut stored: Vec<u32> = lab
            .texts()
            .iter()
            .map(|text| text.trim_end().rsplit(' ').next().expect("a number").parse().expect("a number"))
            .collect();
        stored.sort_unstable();
        prop_assert_eq!(stored, (0..n_lines).collect::<Vec<_>>());
    }
}
