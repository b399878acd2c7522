//! Which files are read, and what becomes of those that cannot be.

use crate::lab::{Lab, bzip2, gzip, lines, open_writer, outcomes, xz, zstd};
use std::io::Read;
use std::num::NonZeroU64;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trawl_formats::event::{Host, Source, Sourcetype};
use trawl_formats::sourcetype::Registry;
use trawl_indexer::{
    FileError, IndexError, Input, Options, Outcome, PreviewError, Progress, SkipReason, dry_run, index,
    index_with_stdin,
};
use trawl_store::Reader;

#[test]
fn twice_is_once() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 50));
    lab.write("b/c.log", lines(100, 150));
    assert_eq!(lab.outcomes(), [("a.log".to_owned(), Outcome::New), ("b/c.log".to_owned(), Outcome::New)]);
    let first = lab.events();
    assert_eq!(lab.outcomes(), [("a.log".to_owned(), Outcome::Unchanged), ("b/c.log".to_owned(), Outcome::Unchanged)]);
    assert_eq!(lab.events(), first);
    lab.check(&[("a.log", 0, lines(0, 50).as_bytes()), ("c.log", 0, lines(100, 150).as_bytes())]);
}

#[test]
fn only_what_was_appended_is_read() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 50));
    lab.index();
    lab.append("a.log", lines(50, 70));
    let report = lab.index();
    assert_eq!(report.files[0].outcome, Outcome::Appended);
    assert_eq!((report.totals.events, report.totals.bytes), (20, lines(50, 70).len() as u64));
    lab.check(&[("a.log", 0, lines(0, 70).as_bytes())]);
}

#[test]
fn a_growing_head_is_hashed_anew() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 2));
    lab.index();
    lab.append("a.log", lines(2, 100));
    lab.index();
    let sources = Reader::open(lab.data()).expect("store").sources().expect("sources");
    assert_eq!(sources[0].generations[0].fingerprint.head_len, 1024);
    lab.write("a.log", [lines(0, 3), lines(500, 600)].concat());
    lab.index();
    assert_eq!(lab.contents().len(), 2, "the third line differs from what was hashed after it had grown");
}

#[test]
fn another_head_is_another_generation() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 50));
    lab.index();
    lab.write("a.log", lines(100, 200));
    assert_eq!(lab.outcomes(), [("a.log".to_owned(), Outcome::NewGeneration)]);
    lab.check(&[("a.log", 0, lines(0, 50).as_bytes()), ("a.log", 1, lines(100, 200).as_bytes())]);
    assert_eq!(lab.outcomes(), [("a.log".to_owned(), Outcome::Unchanged)]);
}

#[test]
fn an_edit_behind_the_head_is_noticed_at_the_tail() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 500));
    lab.index();
    let edited = [lines(0, 400), lines(1000, 1200)].concat();
    lab.write("a.log", &edited);
    assert_eq!(lab.outcomes(), [("a.log".to_owned(), Outcome::NewGeneration)]);
    // What is the same is there once.
    let second = [vec![0; lines(0, 400).len()], lines(1000, 1200).into_bytes()].concat();
    lab.check(&[("a.log", 0, lines(0, 500).as_bytes()), ("a.log", 1, &second)]);
}

#[test]
fn equal_content_under_unrelated_names_is_two_sources() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 50));
    lab.write("b.log", lines(0, 50));
    lab.write("sub/a.log", lines(0, 50));
    lab.index();
    assert_eq!(lab.events().len(), 150);
}

#[test]
fn compressed_files_are_known_by_content() {
    let lab = Lab::new();
    lab.write("a", gzip(lines(0, 50).as_bytes()));
    lab.write("b.txt", zstd(lines(100, 150).as_bytes()));
    lab.write("c.gz", bzip2(lines(200, 250).as_bytes()));
    lab.write("d", xz(lines(300, 350).as_bytes()));
    lab.write("e.gz", lines(400, 450));
    assert!(!lab.index().has_errors());
    let check = || {
        lab.check(&[
            ("a", 0, lines(0, 50).as_bytes()),
            ("b.txt", 0, lines(100, 150).as_bytes()),
            ("c.gz", 0, lines(200, 250).as_bytes()),
            ("d", 0, lines(300, 350).as_bytes()),
            ("e.gz", 0, lines(400, 450).as_bytes()),
        ]);
    };
    check();
    assert!(lab.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Unchanged));
    // Another member behind the first: a compressed file that grows.
    lab.append("a", gzip(lines(50, 60).as_bytes()));
    lab.index();
    assert_eq!(lab.contents()[&("a".to_owned(), 0)], lines(0, 60).into_bytes());
}

#[test]
fn events_before_the_damage_are_kept_and_the_rest_follows_when_it_comes() {
    let lab = Lab::new();
    let content = lines(0, 20_000);
    let whole = gzip(content.as_bytes());
    lab.write("a.log.1.gz", &whole[..whole.len() / 2]);
    let report = lab.index();
    assert!(matches!(report.files[0].errors[..], [FileError::Damaged { offset, .. }] if offset > 1000), "{report:?}");
    let kept = lab.contents()[&("a.log.1.gz".to_owned(), 0)].clone();
    assert!(kept.len() > content.len() / 4 && content.as_bytes().starts_with(&kept));
    assert!(lab.events().last().expect("events").provisional, "the last event before the damage may be torn");
    // Nothing changed: still reported, and nothing twice.
    assert!(lab.index().has_errors());
    assert_eq!(lab.contents()[&("a.log.1.gz".to_owned(), 0)], kept);
    lab.write("a.log.1.gz", &whole);
    assert!(!lab.index().has_errors());
    lab.check(&[("a.log.1.gz", 0, content.as_bytes())]);
    // The writer of the archive starts over: a shorter copy of what is known.
    lab.write("a.log.1.gz", &whole[..whole.len() / 3]);
    assert!(lab.index().has_errors());
    lab.check(&[("a.log.1.gz", 0, content.as_bytes())]);
}

#[test]
fn binary_empty_and_unreadable_files_do_not_stop_the_rest() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 10));
    lab.write("binary", [&b"\x7fELF\x02\x01\x01"[..], &[0; 100], &[0xff, 0xfe, 1, 2, 3, 0], &[7; 300]].concat());
    lab.write("empty", "");
    lab.write("secret.log", lines(0, 10));
    lab.write("z.log", lines(20, 30));
    std::fs::set_permissions(lab.path("secret.log"), PermissionsExt::from_mode(0o000)).expect("chmod");
    let is_root = std::fs::File::open(lab.path("secret.log")).is_ok();
    let report = lab.index_names(&["", "missing"]);
    assert_eq!(report.skipped.iter().map(|skipped| &skipped.reason).collect::<Vec<_>>(), [&SkipReason::Binary]);
    // Nothing is unreadable for root.
    let secret = if is_root { Outcome::New } else { Outcome::Failed };
    let expected = [
        ("a.log", Outcome::New),
        ("empty", Outcome::Empty),
        ("secret.log", secret),
        ("z.log", Outcome::New),
        ("missing", Outcome::Failed),
    ];
    assert_eq!(outcomes(&lab, &report), expected.map(|(name, outcome)| (name.to_owned(), outcome)));
    assert!(matches!(report.files[4].errors[..], [FileError::NotFound]));
    assert!(report.has_errors());
}

#[test]
fn standard_input_is_new_each_time() {
    let lab = Lab::new();
    let writer = open_writer(lab.data());
    let run = |content: Vec<u8>| {
        let stdin = move || std::io::Cursor::new(content);
        let inputs = [Input::Stdin];
        index_with_stdin(&writer, &Registry::builtin(), &inputs, &lab.options, &Progress::default(), stdin)
            .expect("run")
    };
    assert_eq!(run(lines(0, 10).into_bytes()).totals.events, 10);
    assert_eq!(run(gzip(lines(0, 10).as_bytes())).totals.events, 10);
    assert_eq!(run(Vec::new()).files[0].outcome, Outcome::Empty);
    assert_eq!(run([&b"\x7fELF"[..], &[1, 0, 2, 0, 0, 255].repeat(500)].concat()).skipped.len(), 1);
    assert_eq!(lab.events().len(), 20);
    assert!(lab.events().iter().all(|event| event.source == "stdin" && !event.provisional));
}

#[test]
fn options_describe_new_sources() {
    let mut lab = Lab::new();
    lab.write("a.log", lines(0, 10));
    lab.options.source = Some(Source::from("payments"));
    lab.options.host = Some(Host::from("web01"));
    lab.options.sourcetype = Some(Sourcetype::from("generic"));
    lab.options.zone = "+02:00".parse().expect("zone");
    lab.index();
    let sources = Reader::open(lab.data()).expect("store").sources().expect("sources");
    assert_eq!(sources.len(), 1);
    assert_eq!((sources[0].source.as_str(), sources[0].host.as_str()), ("payments", "web01"));
    assert_eq!(sources[0].sourcetype.as_str(), "generic");
    assert_eq!(sources[0].path, lab.path("a.log"));
    // 2026-11-20 00:00 +02:00
    assert_eq!(lab.events()[0].time_us, 1_795_125_600_000_000);
    lab.options.sourcetype = Some(Sourcetype::from("no-such-type"));
    let writer = open_writer(lab.data());
    let outcome = index(&writer, &Registry::builtin(), &[], &lab.options, &Progress::default());
    assert!(matches!(outcome, Err(IndexError::UnknownSourcetype { .. })));
}

#[test]
fn each_index_has_its_own_memory() {
    let mut lab = Lab::new();
    lab.write("a.log", lines(0, 10));
    lab.index();
    lab.options.index = trawl_formats::event::IndexName::new("other").expect("valid");
    assert_eq!(lab.outcomes(), [("a.log".to_owned(), Outcome::New)]);
    assert_eq!(lab.events().len(), 20);
}

#[test]
fn a_cancelled_run_leaves_a_store_to_go_on_from() {
    let lab = Lab::new();
    lab.write("a.log", lines(0, 1000));
    lab.options.cancel.store(true, Ordering::Relaxed);
    let report = lab.index();
    assert!(report.cancelled);
    assert_eq!(report.files[0].outcome, Outcome::NotReached);
    lab.options.cancel.store(false, Ordering::Relaxed);
    lab.index();
    lab.check(&[("a.log", 0, lines(0, 1000).as_bytes())]);
}

/// Asks for the end of the run after some bytes.
struct CancelAfter<R> {
    inner: R,
    n_bytes: usize,
    cancel: Arc<AtomicBool>,
}

impl<R: Read> Read for CancelAfter<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n_read = self.inner.read(out)?;
        self.n_bytes = self.n_bytes.saturating_sub(n_read);
        if self.n_bytes == 0 {
            self.cancel.store(true, Ordering::Relaxed);
        }
        Ok(n_read)
    }
}

#[test]
fn what_was_read_before_the_cancel_is_committed() {
    let lab = Lab::new();
    let content = lines(0, 100_000);
    let writer = open_writer(lab.data());
    let stdin = || CancelAfter {
        inner: std::io::Cursor::new(content.clone().into_bytes()),
        n_bytes: content.len() / 2,
        cancel: lab.options.cancel.clone(),
    };
    let inputs = [Input::Stdin];
    let report = index_with_stdin(&writer, &Registry::builtin(), &inputs, &lab.options, &Progress::default(), stdin)
        .expect("run");
    assert!(report.cancelled);
    let kept = lab.contents().into_values().next().unwrap_or_default();
    assert!(content.as_bytes().starts_with(&kept) && kept.len() < content.len());
}

#[test]
fn holes_of_nuls_are_passed_over_and_unwritten_ends_wait() {
    let lab = Lab::new();
    let holed = [lines(0, 10).into_bytes(), vec![0; 20_000], lines(10, 20).into_bytes()].concat();
    lab.write("holed.log", &holed);
    let allocated = [lines(0, 10).into_bytes(), vec![0; 3 << 20]].concat();
    lab.write("allocated.log", &allocated);
    lab.index();
    lab.check(&[("allocated.log", 0, lines(0, 10).as_bytes()), ("holed.log", 0, &holed)]);
    assert_eq!(lab.outcomes().iter().filter(|(_, outcome)| *outcome == Outcome::Unchanged).count(), 2);
    let written = [lines(0, 30).into_bytes(), vec![0; 1 << 20]].concat();
    lab.write("allocated.log", &written);
    lab.index();
    lab.check(&[("allocated.log", 0, lines(0, 30).as_bytes()), ("holed.log", 0, &holed)]);
}

#[test]
fn long_lines_crlf_and_a_missing_last_line_end_keep_every_byte() {
    let lab = Lab::new();
    let long = [lines(0, 3).into_bytes(), vec![b'x'; 5 << 20], b"\n".to_vec(), lines(3, 6).into_bytes()].concat();
    lab.write("long.log", &long);
    lab.write("long.gz", gzip(&long));
    lab.write("crlf.log", lines(0, 10).replace('\n', "\r\n"));
    lab.write("open.log", lines(0, 10).trim_end());
    lab.index();
    lab.check(&[
        ("crlf.log", 0, lines(0, 10).replace('\n', "\r\n").as_bytes()),
        ("long.gz", 0, &long),
        ("long.log", 0, &long),
        ("open.log", 0, lines(0, 10).trim_end().as_bytes()),
    ]);
}

#[test]
fn a_dry_run_shows_formats_and_first_events() {
    let lab = Lab::new();
    lab.write(
        "a.log.gz",
        gzip("2026-11-20 14:05:00,123 ERROR [main] com.acme.Pay - failed\n\tat com.acme.Pay.run\n".as_bytes()),
    );
    lab.write("binary", [1, 0, 2, 0, 0, 255].repeat(500));
    lab.write("empty", "");
    let inputs = [Input::Path(lab.path("")), Input::Path(lab.path("missing"))];
    let previews = dry_run(&Registry::builtin(), &inputs, &lab.options, 5).expect("options");
    let format = previews[0].format.as_ref().expect("readable");
    assert_eq!(format.sourcetype.as_str(), "log4j");
    assert_eq!(format.events.len(), 1);
    assert_eq!((format.events[0].time_us, format.events[0].level.as_deref()), (1_795_183_500_123_000, Some("ERROR")));
    assert!(matches!(previews[1].format, Err(PreviewError::Binary)));
    assert!(matches!(previews[2].format, Err(PreviewError::Empty)));
    assert!(matches!(previews[3].format, Err(PreviewError::File(FileError::NotFound))));
}

#[test]
fn standard_input_with_a_number_is_stored_once_however_often_it_is_read() {
    let lab = Lab::new();
    let text = lines(0, 60_000);
    let writer = open_writer(lab.data());
    let read = |id: u64, n_bytes: usize| {
        let options = Options {
            stdin_id: NonZeroU64::new(id),
            // So that much is committed before the end.
            bucket_bytes: 256 << 10,
            cancel: Arc::default(),
            ..lab.options.clone()
        };
        let input = CancelAfter { inner: text.as_bytes(), n_bytes, cancel: Arc::clone(&options.cancel) };
        let (registry, progress) = (Registry::builtin(), Progress::default());
        let report = index_with_stdin(&writer, &registry, &[Input::Stdin], &options, &progress, || input);
        report.expect("the store works")
    };
    for n_bytes in [1_200_000, 1_800_000] {
        assert!(read(7, n_bytes).cancelled);
    }
    let n_before = lab.events().len();
    assert!((1..60_000).contains(&n_before), "{n_before}");
    for _ in 0..2 {
        let report = read(7, usize::MAX);
        assert_eq!((report.totals.events, report.totals.bytes), (60_000, text.len() as u64));
        assert_eq!(lab.texts().concat(), text);
    }
    // Under another number, or none, it is another one.
    read(8, usize::MAX);
    read(0, usize::MAX);
    read(0, usize::MAX);
    assert_eq!(lab.events().len(), 4 * 60_000);
}
