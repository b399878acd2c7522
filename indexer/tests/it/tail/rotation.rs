//! Files that are renamed, truncated, copied, deleted and compressed while they are followed.

use super::{Following, follow, follow_until_killed, follow_with};
use crate::lab::{Lab, describe, gzip, line, lines};
use std::fs;
use std::time::Duration;
use trawl_indexer::tail::TailOptions;

/// Lines `from..to` as bytes.
fn log(from: u32, to: u32) -> Vec<u8> {
    lines(from, to).into_bytes()
}

#[test]
fn situation_01_rename_and_create() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        lab.check(&[("app.log", 0, &log(0, 10))]);
        // What is written behind the last look, before the rename and after it, by a writer that still holds the file.
        lab.write_on("app.log", lines(10, 20));
        lab.rename("app.log", "app.log.1");
        lab.write_on("app.log.1", lines(20, 30));
        lab.write_on("app.log", lines(30, 40));
        tail.see();
        lab.check(&[("app.log", 0, &log(0, 30)), ("app.log", 1, &log(30, 40))]);
        lab.write_on("app.log.1", line(99));
        tail.settle();
        lab.check(&[("app.log", 0, format!("{}{}", lines(0, 30), line(99)).as_bytes()), ("app.log", 1, &log(30, 40))]);
    });
}

#[test]
fn situation_01_many_rotations_with_a_chain_of_names() {
    let lab = Lab::new();
    follow(&lab, &["app.log"], |tail| {
        for n in 0..8 {
            lab.write_on("app.log", lines(n * 10, n * 10 + 7));
            tail.see();
            lab.write_on("app.log", lines(n * 10 + 7, n * 10 + 10));
            for old in (1..4).rev().filter(|old| lab.path(&format!("app.log.{old}")).exists()) {
                lab.rename(&format!("app.log.{old}"), &format!("app.log.{}", old + 1));
            }
            lab.rename("app.log", "app.log.1");
        }
        tail.settle();
    });
    let expected: Vec<Vec<u8>> = (0..8).map(|n| log(n * 10, n * 10 + 10)).collect();
    let expected: Vec<_> = expected.iter().zip(0..).map(|(content, n)| ("app.log", n, &content[..])).collect();
    lab.check(&expected);
}

#[test]
fn situation_02_renamed_while_down_outside_of_the_inputs() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| tail.see());
    lab.write_on("app.log", lines(10, 20));
    lab.rename("app.log", "app.log.1");
    lab.write_on("app.log", lines(20, 25));
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.check(&[("app.log", 0, &log(0, 20)), ("app.log", 1, &log(20, 25))]);
}

#[test]
fn situation_03_several_rotations_while_down() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| tail.see());
    lab.write_on("app.log", lines(10, 20));
    lab.rename("app.log", "app.log.2");
    lab.write_on("app.log.1", lines(20, 30));
    lab.write_on("app.log", lines(30, 40));
    // The one that rotation made while nobody looked was never seen: the inputs do not name it.
    follow(&lab, &["app.log*"], |tail| tail.settle());
    lab.check(&[("app.log", 0, &log(0, 20)), ("app.log", 1, &log(30, 40)), ("app.log.1", 0, &log(20, 30))]);
}

#[test]
fn siblings_from_before_anybody_asked_are_left_alone() {
    let lab = Lab::new();
    lab.write("app.log.3.gz", gzip(&log(0, 10)));
    lab.write("app.log.2", log(10, 20));
    lab.write_on("app.log", lines(20, 30));
    for n in 0..3 {
        follow(&lab, &["app.log"], |tail| {
            tail.see();
            lab.rename("app.log.2", "aside");
            lab.rename("app.log", &format!("app.log.{}", 9 - n));
            lab.rename("aside", "app.log.2");
            lab.write_on("app.log", lines(30 + n, 31 + n));
            tail.settle();
        });
    }
    let kept = [log(20, 30), log(30, 31), log(31, 32), log(32, 33)];
    let expected: Vec<_> = kept.iter().zip(0..).map(|(content, n)| ("app.log", n, &content[..])).collect();
    lab.check(&expected);
}

#[test]
fn born_and_rotated_between_two_looks() {
    let lab = Lab::new();
    lab.write("app.log.7", log(900, 910));
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        lab.rename("app.log", "app.log.3");
        lab.write_on("app.log.2", lines(10, 20));
        lab.write_on("app.log.1", gzip(&log(20, 30)));
        lab.rename("app.log.1", "app.log.1.gz");
        lab.write_on("app.log", lines(30, 40));
        tail.settle();
    });
    lab.check(&[
        ("app.log", 0, &log(0, 10)),
        ("app.log", 1, &log(30, 40)),
        ("app.log.1.gz", 0, &log(20, 30)),
        ("app.log.2", 0, &log(10, 20)),
    ]);
}

#[test]
fn what_is_excluded_is_not_read_because_it_is_new() {
    let mut lab = Lab::new();
    lab.options.exclude = vec!["*.1".to_owned()];
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        lab.rename("app.log", "app.log.3");
        lab.write_on("app.log.1", lines(10, 20));
        lab.write_on("app.log.2", lines(20, 30));
        lab.write_on("app.log", lines(30, 40));
        tail.settle();
    });
    lab.check(&[("app.log", 0, &log(0, 10)), ("app.log", 1, &log(30, 40)), ("app.log.2", 0, &log(20, 30))]);
}

#[test]
fn born_and_rotated_while_down() {
    let hours = |n: u32| crate::lab::AN_HOUR * n;
    let lab = Lab::new();
    lab.write("app.log.7", log(900, 910));
    lab.write_on("app.log", lines(0, 10));
    lab.set_age("app.log", hours(4));
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.write_on("app.log", lines(10, 12));
    lab.rename("app.log", "app.log.2");
    lab.set_age("app.log.2", hours(3));
    lab.write_on("app.log.1", lines(12, 20));
    lab.set_age("app.log.1", hours(2));
    lab.write_on("app.log", lines(20, 30));
    lab.set_age("app.log", hours(1));
    // All of it was written before this tailer began; what is known of `app.log.2` tells the new from the old.
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.check(&[("app.log", 0, &log(0, 12)), ("app.log", 1, &log(20, 30)), ("app.log.1", 0, &log(12, 20))]);
}

#[test]
fn situation_04_copied_and_truncated() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        // Bytes that were never read from the file itself are in the copy.
        lab.write_on("app.log", lines(10, 20));
        fs::copy(lab.path("app.log"), lab.path("app.log.1")).expect("copy");
        fs::File::options().write(true).open(lab.path("app.log")).and_then(|file| file.set_len(0)).expect("truncate");
        lab.write_on("app.log", lines(20, 22));
        tail.settle();
        lab.check(&[("app.log", 0, &log(0, 20)), ("app.log", 1, &log(20, 22))]);
        // Once more, with everything read before: the copy adds nothing.
        fs::copy(lab.path("app.log"), lab.path("app.log.2")).expect("copy");
        tail.settle();
        fs::File::options().write(true).open(lab.path("app.log")).and_then(|file| file.set_len(0)).expect("truncate");
        lab.write_on("app.log", line(50));
        tail.settle();
        lab.check(&[("app.log", 0, &log(0, 20)), ("app.log", 1, &log(20, 22)), ("app.log", 2, line(50).as_bytes())]);
    });
}

#[test]
fn situation_04_the_copy_is_named_by_the_inputs_too() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log*"], |tail| {
        tail.see();
        fs::copy(lab.path("app.log"), lab.path("app.log.1")).expect("copy");
        tail.see();
        lab.write_on("app.log", lines(10, 12));
        tail.see();
        fs::File::options().write(true).open(lab.path("app.log")).and_then(|file| file.set_len(0)).expect("truncate");
        lab.write_on("app.log", line(20));
        tail.settle();
        lab.check(&[("app.log", 0, &log(0, 12)), ("app.log", 1, line(20).as_bytes())]);
    });
}

/// What is read first of a log must be what the log was known by when it was looked at: else its own copy is a stranger.
#[test]
fn situation_04_truncated_between_the_look_and_the_first_reading() {
    let lab = Lab::new();
    // In one round so much is read; what is found behind them is read in a later one.
    let busy: Vec<String> = (0..20).map(|n| format!("busy-{n}.log")).collect();
    busy.iter().for_each(|name| lab.write_on(name, line(0)));
    follow(&lab, &["*.log"], |tail| {
        tail.see();
        busy.iter().for_each(|name| lab.write_on(name, lines(1, 24_000)));
        let rotate = |to: &str, next: String| {
            fs::copy(lab.path("app.log"), lab.path(to)).expect("copy");
            let log = fs::File::options().write(true).open(lab.path("app.log"));
            log.and_then(|log| log.set_len(0)).expect("truncate");
            lab.write_on("app.log", next);
        };
        lab.write_on("app.log", lines(0, 200));
        let is_seen = |tail: &Following<'_>| tail.status().files.iter().any(|file| file.path == lab.path("app.log"));
        for _ in 0..3 {
            if !is_seen(tail) {
                tail.see_once(true);
            }
        }
        assert!(is_seen(tail), "it was looked at");
        rotate("app.log-20261120", lines(200, 400));
        tail.settle();
        rotate("app.log-20261121", lines(400, 403));
        tail.settle();
        let is_of_log =
            |((source, _), content): ((String, u32), Vec<u8>)| source.contains("app.log").then_some(content);
        let mut found: Vec<String> = Vec::new();
        for content in lab.contents().into_iter().filter_map(is_of_log) {
            found.extend(String::from_utf8(content).expect("text").lines().map(ToOwned::to_owned));
        }
        found.sort_unstable();
        let mut expected: Vec<String> = lines(0, 403).lines().map(ToOwned::to_owned).collect();
        expected.sort_unstable();
        assert!(found == expected, "{} lines are stored of {}", found.len(), expected.len());
    });
}

#[test]
fn situation_04_copied_while_it_is_loaded() {
    let mut wrong = Vec::new();
    for (known, is_truncated, is_input) in iproduct([0, 10], [false, true], [false, true]) {
        let lab = Lab::new();
        let options = TailOptions { backlog_bytes: 1000, ..TailOptions::default() };
        let input = if is_input { "app.log*" } else { "app.log" };
        if known > 0 {
            lab.write_on("app.log", lines(0, known));
            follow(&lab, &[input], |tail| tail.see());
        }
        lab.write_on("app.log", lines(known, 200));
        follow_with(&lab, &[input], options, |tail| {
            tail.see_while_loading();
            fs::copy(lab.path("app.log"), lab.path("app.log-20261120")).expect("copy");
            tail.see_while_loading();
            if is_truncated {
                let log = fs::File::options().write(true).open(lab.path("app.log"));
                log.and_then(|log| log.set_len(0)).expect("truncate");
                lab.write_on("app.log", lines(200, 203));
            }
            tail.see_while_loading();
            tail.settle();
            if !is_truncated {
                lab.write_on("app.log", lines(200, 203));
            }
            tail.settle();
            let found: Vec<u8> = lab.contents().into_values().flatten().collect();
            if found != log(0, 203) {
                wrong.push((known, is_truncated, is_input, describe(&found)));
            }
        });
    }
    assert!(wrong.is_empty(), "lines known, truncated, the copy is an input, what was found: {wrong:#?}");
}

/// All combinations.
fn iproduct<A: Copy, B: Copy, C: Copy>(a: [A; 2], b: [B; 2], c: [C; 2]) -> impl Iterator<Item = (A, B, C)> {
    (0..8).map(move |n| (a[n & 1], b[n >> 1 & 1], c[n >> 2]))
}

#[test]
fn situation_05_truncated_and_grown_past_the_old_end_between_two_looks() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        fs::write(lab.path("app.log"), lines(100, 130)).expect("write");
        tail.settle();
    });
    lab.check(&[("app.log", 0, &log(0, 10)), ("app.log", 1, &log(100, 130))]);
}

#[test]
fn situation_06_rewritten_at_the_same_length() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(10, 20));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        fs::write(lab.path("app.log"), lines(20, 30)).expect("write");
        tail.settle();
    });
    lab.check(&[("app.log", 0, &log(10, 20)), ("app.log", 1, &log(20, 30))]);
}

#[test]
fn situation_07_edited_in_place() {
    // As `sed -i` does: a new file takes the name. It is the next generation; the lines that are the same are there twice.
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        lab.write_on("new", lines(5, 10));
        lab.rename("new", "app.log");
        tail.settle();
        lab.check(&[("app.log", 0, &log(0, 10)), ("app.log", 1, &log(5, 10))]);
        // An editor that only appended has changed nothing that was read.
        lab.write_on("new", lines(5, 12));
        lab.rename("new", "app.log");
        tail.wait(Duration::from_secs(90));
        lab.check(&[("app.log", 0, &log(0, 10)), ("app.log", 1, &log(5, 12))]);
    });
}

#[test]
fn situation_08_an_inode_is_used_again() {
    let lab = Lab::new();
    lab.write_on("a.log", lines(0, 10));
    follow(&lab, &["*.log"], |tail| tail.see());
    // The same inode under another name and with other content, longer than what was read.
    fs::write(lab.path("a.log"), lines(50, 70)).expect("write");
    lab.rename("a.log", "b.log");
    follow(&lab, &["*.log"], |tail| tail.settle());
    lab.check(&[("a.log", 0, &log(0, 10)), ("b.log", 0, &log(50, 70))]);
}

#[test]
fn situation_14_deleted_and_made_again() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        let mut held = fs::File::options().append(true).open(lab.path("app.log")).expect("open");
        std::io::Write::write_all(&mut held, b"2026-11-20 00:00:10 INFO last without a line end").expect("write");
        lab.remove("app.log");
        lab.write_on("app.log", lines(20, 30));
        tail.settle();
    });
    let first = [log(0, 10), b"2026-11-20 00:00:10 INFO last without a line end".to_vec()].concat();
    lab.check(&[("app.log", 0, &first), ("app.log", 1, &log(20, 30))]);
}

#[test]
fn situation_16_no_line_end_at_rotation() {
    let lab = Lab::new();
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", format!("{}2026-11-20 00:01:00 INFO cut of", lines(0, 3)));
        tail.see();
        lab.rename("app.log", "app.log.1");
        lab.write_on("app.log", lines(10, 13));
        tail.settle();
    });
    let first = format!("{}2026-11-20 00:01:00 INFO cut of", lines(0, 3));
    lab.check(&[("app.log", 0, first.as_bytes()), ("app.log", 1, &log(10, 13))]);
}

#[test]
fn situation_23_compressed_after_it_was_followed() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 10));
    follow(&lab, &["app.log*"], |tail| {
        tail.see();
        lab.write_on("app.log", lines(10, 20));
        lab.write("app.log.1.gz", gzip(&lab.read("app.log")));
        lab.remove("app.log");
        lab.write_on("app.log", lines(20, 30));
        tail.settle();
        lab.check(&[("app.log", 0, &log(0, 20)), ("app.log", 1, &log(20, 30))]);
    });
    // Nor is it read again by the next process.
    follow(&lab, &["app.log*"], |tail| tail.settle());
    lab.check(&[("app.log", 0, &log(0, 20)), ("app.log", 1, &log(20, 30))]);
}

#[test]
fn situation_40_killed_at_any_moment() {
    let lab = Lab::new();
    for n in 0..30 {
        lab.write_on("app.log", lines(n * 10, n * 10 + 10));
        follow_until_killed(&lab, &["app.log"], |tail| tail.wait(Duration::from_millis(u64::from(n) * 70)));
    }
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.check(&[("app.log", 0, &log(0, 300))]);
}

#[test]
fn an_event_that_is_closed_before_its_batch_is_written_is_stored_once() {
    let lab = Lab::new();
    let options = TailOptions { commit_interval: Duration::from_secs(60), ..TailOptions::default() };
    follow_with(&lab, &["app.log"], options, |tail| {
        lab.write_on("app.log", lines(0, 3));
        tail.see();
        for text in ["2026-11-20 00:01:00 INFO in", " three", " pieces\n"] {
            lab.write_on("app.log", text);
            tail.wait(Duration::from_secs(2));
        }
        // The event has been noted as it was three times, and is closed now: all in one batch.
        tail.wait(Duration::from_secs(10));
        tail.tailer.finish(tail.now());
    });
    let expected = format!("{}2026-11-20 00:01:00 INFO in three pieces\n", lines(0, 3));
    assert!(lab.events().iter().all(|event| !event.provisional));
    lab.check(&[("app.log", 0, expected.as_bytes())]);
}

#[test]
fn an_event_whose_rest_has_been_written_is_not_closed_by_the_time_that_nobody_looked() {
    let lab = Lab::new();
    // Nothing is looked at in time.
    let options = TailOptions { reconcile: Duration::from_secs(3600), ..TailOptions::default() };
    follow_with(&lab, &["app.log"], options, |tail| {
        lab.write_on("app.log", line(0));
        tail.see();
        lab.write_on("app.log", "\tat the second line\n");
        tail.wait(Duration::from_secs(7));
        tail.tailer.finish(tail.now());
    });
    assert_eq!(lab.texts(), [format!("{}\tat the second line\n", line(0))]);
}

#[test]
fn a_copy_that_is_older_by_name_does_not_keep_the_log_from_being_read() {
    let lab = Lab::new();
    lab.write("app.log.bak", lines(0, 10));
    lab.write_on("app.log", lines(0, 12));
    follow(&lab, &["app.log*"], |tail| {
        tail.see();
        lab.write_on("app.log", lines(12, 20));
        tail.settle();
    });
    // Whichever name it has got.
    let mut texts = lab.texts();
    texts.sort_unstable_by_key(|text| text.split(' ').next_back().and_then(|n| n.trim_end().parse::<u32>().ok()));
    assert_eq!(texts.concat(), lines(0, 20));
}
