//! What files hold: halves of lines, very long ones, NULs, other encodings, events of several lines.

use super::{follow, follow_until_killed, follow_with};
use crate::lab::{Lab, gzip, line, lines};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;
use trawl_formats::EventFlags;
use trawl_indexer::tail::{FileState, TailOptions};

#[test]
fn situation_10_empty_and_of_one_byte() {
    let lab = Lab::new();
    lab.write_on("app.log", "");
    lab.write_on("other.log", "");
    follow(&lab, &["*.log"], |tail| {
        tail.see();
        assert!(tail.status().files.iter().all(|file| file.state == FileState::Empty));
        lab.write_on("app.log", "x");
        tail.see();
        lab.check(&[("app.log", 0, b"x")]);
        lab.write_on("app.log", "yz\n");
        lab.write_on("other.log", line(3));
        tail.settle();
    });
    lab.check(&[("app.log", 0, b"xyz\n"), ("other.log", 0, line(3).as_bytes())]);
    assert_eq!(lab.texts(), ["xyz\n", &line(3)]);
}

#[test]
fn situation_15_half_a_line_is_searchable_and_never_torn() {
    let lab = Lab::new();
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", format!("{}2026-11-20 00:00:05 INFO the first ha", lines(0, 2)));
        tail.see();
        assert_eq!(lab.texts(), [&line(0), &line(1), "2026-11-20 00:00:05 INFO the first ha"]);
        lab.write_on("app.log", "lf, and the other\n");
        tail.see();
        assert_eq!(lab.texts(), [&line(0), &line(1), "2026-11-20 00:00:05 INFO the first half, and the other\n"]);
        lab.write_on("app.log", line(9));
        tail.settle();
    });
    assert_eq!(lab.texts()[2..], ["2026-11-20 00:00:05 INFO the first half, and the other\n", &line(9)]);
    assert!(lab.events().iter().all(|event| !event.provisional && event.flags == 0));
}

#[test]
fn a_batch_of_many_looks_holds_each_event_once() {
    let lab = Lab::new();
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", line(0));
        tail.see();
        for n in 1..20 {
            lab.write_on("app.log", line(n));
            tail.hear_of(lab.path("app.log"));
        }
        tail.wait(Duration::from_secs(1));
        let expected: Vec<String> = (0..20).map(line).collect();
        assert_eq!(lab.texts(), expected);
    });
}

#[test]
fn situation_15_a_line_that_goes_on_after_it_was_closed() {
    let lab = Lab::new();
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", format!("{}2026-11-20 00:00:05 INFO the first ha", line(0)));
        tail.settle();
        lab.write_on("app.log", "lf, an hour later\n");
        tail.settle();
    });
    let events = lab.events();
    assert_eq!(lab.texts()[1..], ["2026-11-20 00:00:05 INFO the first ha", "lf, an hour later\n"]);
    assert!(EventFlags(events[2].flags).contains(EventFlags::CONTINUED));
    assert_eq!(events[2].time_us, events[1].time_us);
}

#[test]
fn situation_17_a_very_long_line_is_cut_and_kept_whole() {
    let lab = Lab::new();
    let long = format!("2026-11-20 00:00:01 INFO {}\n", "word ".repeat(700_000));
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", line(0));
        for piece in long.as_bytes().chunks(300_000) {
            lab.write_on("app.log", piece);
            tail.wait(Duration::from_millis(1250));
        }
        lab.write_on("app.log", line(2));
        tail.settle();
    });
    lab.check(&[("app.log", 0, [line(0).as_bytes(), long.as_bytes(), line(2).as_bytes()].concat().as_slice())]);
    let cut = |flags| EventFlags(flags).contains(EventFlags::CUT);
    let events = lab.events();
    assert_eq!(events.iter().filter(|event| cut(event.flags)).count(), 4);
    assert!(events.iter().all(|event| event.bytes.len() <= 1 << 20));
}

#[test]
fn situation_18_holes_and_runs_of_nul() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 5));
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        // A writer that kept its offset over a truncation leaves a hole in front of its next line.
        let mut file = fs::File::options().write(true).open(lab.path("app.log")).expect("open");
        let hole_end = lines(0, 5).len() as u64 + 2_000_000;
        file.seek(SeekFrom::Start(hole_end)).expect("seek");
        file.write_all(lines(5, 8).as_bytes()).expect("write");
        tail.settle();
        let texts = lab.texts();
        assert_eq!(texts.concat().replace('\0', ""), lines(0, 8));
        assert_eq!(lab.events()[5].offset, hole_end);
    });
    follow(&lab, &["app.log"], |tail| tail.settle());
    assert_eq!(lab.texts().concat(), lines(0, 8));
}

#[test]
fn situation_19_carriage_returns() {
    let lab = Lab::new();
    let log = "2026-11-20 00:00:01 INFO dos\r\n2026-11-20 00:00:02 INFO 10%\r20%\r30% done\n";
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", log);
        tail.settle();
    });
    lab.check(&[("app.log", 0, log.as_bytes())]);
    assert_eq!(lab.events().len(), 2);
}

#[test]
fn situation_20_other_encodings() {
    let lab = Lab::new();
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(lines(0, 40).encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = [lines(0, 3).as_bytes(), b"2026-11-20 00:00:09 WARN caf\xe9 ferm\xe9\n"].concat();
    follow(&lab, &["*.log"], |tail| {
        // Cut in the middle of a character.
        lab.write_on("wide.log", &utf16[..1001]);
        lab.write_on("latin.log", &latin[..latin.len() - 6]);
        tail.see();
        lab.write_on("wide.log", &utf16[1001..]);
        lab.write_on("latin.log", &latin[latin.len() - 6..]);
        tail.settle();
    });
    lab.check(&[("latin.log", 0, &latin), ("wide.log", 0, &utf16)]);
    assert_eq!(lab.events().iter().filter(|event| event.source == "wide.log").count(), 40);
}

#[test]
fn situation_21_colour_codes_are_kept() {
    let lab = Lab::new();
    let log = "2026-11-20 00:00:01 \x1b[31mERROR\x1b[0m red\n2026-11-20 00:00:02 INFO plain\n";
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", log);
        tail.settle();
    });
    lab.check(&[("app.log", 0, log.as_bytes())]);
}

#[test]
fn situation_22_a_compressed_file_that_is_being_written() {
    let lab = Lab::new();
    let whole = gzip(lines(0, 4000).as_bytes());
    follow(&lab, &["*"], |tail| {
        lab.write_on("app.log.1.gz", &whole[..whole.len() / 2]);
        tail.settle();
        let n_first = lab.events().len();
        assert!(n_first > 0 && n_first < 4000, "{n_first} events of the half that is there");
        lab.write_on("app.log.1.gz", &whole[whole.len() / 2..]);
        tail.settle();
        tail.settle();
    });
    lab.check(&[("app.log.1.gz", 0, lines(0, 4000).as_bytes())]);
}

#[test]
fn situation_34_an_event_of_several_lines_over_wake_ups_restarts_and_rotation() {
    let lab = Lab::new();
    let trace = "2026-11-20 00:00:05 ERROR failed\njava.lang.IllegalStateException: no\n\tat a.b.C.d(C.java:1)\n\tat a.b.C.e(C.java:2)\n\
                 Caused by: java.io.IOException: gone\n\tat f.g.H.i(H.java:3)\n";
    lab.write_on("app.log", line(0));
    let pieces: Vec<&str> = trace.split_inclusive('\n').collect();
    // Each line in a wake-up of its own, with a restart or a kill between some of them.
    follow(&lab, &["app.log"], |tail| {
        for piece in &pieces[..2] {
            lab.write_on("app.log", piece);
            tail.see();
        }
    });
    follow_until_killed(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", pieces[2]);
        tail.see();
    });
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", &pieces[3][..9]);
        tail.see();
        lab.write_on("app.log", &pieces[3][9..]);
        lab.rename("app.log", "app.log.1");
        lab.write_on("app.log.1", pieces[4..].concat());
        lab.write_on("app.log", line(9));
        tail.settle();
    });
    assert_eq!(lab.texts(), [&line(0), trace, &line(9)]);
}

#[test]
fn situation_44_allocated_in_advance() {
    let lab = Lab::new();
    let mut file = fs::File::create(lab.path("app.log")).expect("create");
    file.set_len(4 << 20).expect("allocate");
    follow(&lab, &["app.log"], |tail| {
        let mut end = 0;
        for n in 0..5 {
            file.seek(SeekFrom::Start(end)).expect("seek");
            file.write_all(line(n).as_bytes()).expect("write");
            end += line(n).len() as u64;
            tail.see();
        }
        tail.settle();
        assert_eq!(lab.texts().concat(), lines(0, 5));
    });
    follow(&lab, &["app.log"], |tail| {
        tail.settle();
        file.set_len(lines(0, 5).len() as u64).expect("cut");
        tail.settle();
        lab.write_on("app.log", line(5));
        tail.settle();
    });
    assert_eq!(lab.texts().concat(), lines(0, 6));
}

#[test]
fn an_event_is_closed_by_the_clock_and_by_the_next_one() {
    let lab = Lab::new();
    let options = TailOptions { event_timeout: Duration::from_secs(2), ..TailOptions::default() };
    follow_with(&lab, &["app.log"], options, |tail| {
        lab.write_on("app.log", line(0));
        tail.see();
        assert!(lab.events()[0].provisional, "a line may be continued");
        tail.wait(Duration::from_secs(3));
        assert!(!lab.events()[0].provisional);
        lab.write_on("app.log", lines(1, 3));
        tail.see();
        assert_eq!(lab.events().iter().map(|event| event.provisional).collect::<Vec<_>>(), [false, false, true]);
    });
}
