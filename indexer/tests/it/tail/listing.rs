//! Rescans that ask files for their length instead of listing directories find the same.

use super::{Following, follow_into};
use crate::lab::{Lab, NOON_US, line, lines, open_writer};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::Duration;
use trawl_indexer::tail::TailOptions;

/// Longer than the interval of rescans, and shorter than that of listings.
const A_RESCAN: Duration = Duration::from_secs(11);
/// Longer than the interval of listings. What was quiet for so long is not looked at in between.
const QUIET: Duration = Duration::from_secs(90);

/// A tailer to which every directory seems to have been as it is for years.
fn follow_long(lab: &Lab, inputs: &[&str], ignore_older: Option<Duration>, scene: impl FnOnce(&mut Following<'_>)) {
    let writer = open_writer(lab.data());
    follow_into(&writer, lab, inputs, TailOptions::default(), ignore_older, |tail| {
        tail.begun_us = NOON_US + 10 * 365 * 24 * 3600 * 1_000_000;
        scene(tail);
        tail.tailer.finish(tail.now());
    });
}

/// Comes to a moment at which the next rescan would not list anything, nor one soon after.
fn rest(tail: &mut Following<'_>) {
    tail.wait(QUIET);
    tail.tailer.take_has_listed();
    while !tail.tailer.take_has_listed() {
        tail.wait(Duration::from_secs(1));
    }
    tail.wait(A_RESCAN);
    assert!(!tail.tailer.take_has_listed(), "nothing has changed");
}

/// Does something to a folder until its time has changed: the clock of the file system ticks slowly.
fn change(lab: &Lab, folder: &str, mut change: impl FnMut(u32)) {
    let time = || fs::metadata(lab.path(folder)).map(|metadata| (metadata.ctime(), metadata.ctime_nsec())).ok();
    let before = time();
    let mut n = 0;
    while time() == before {
        change(n);
        n += 1;
    }
}

#[test]
fn what_is_appended_is_found_without_listing() {
    let lab = Lab::new();
    lab.write_on("a/app.log", lines(0, 5));
    lab.write_on("b/app.log", "");
    lab.write_on("b/cut.log", lines(0, 9));
    symlink(lab.path("a"), lab.path("link")).expect("link");
    follow_long(&lab, &["**/*.log", "missing/*.log"], None, |tail| {
        rest(tail);
        lab.write_on("a/app.log", lines(5, 8));
        lab.write_on("b/app.log", line(1));
        fs::write(lab.path("b/cut.log"), line(50)).expect("write");
        tail.wait(A_RESCAN);
        let mut texts = lab.texts();
        texts.sort();
        let mut expected: Vec<String> = (0..8).chain([1]).chain(0..9).chain([50]).map(line).collect();
        expected.sort();
        assert_eq!(texts, expected);
    });
}

#[test]
fn names_that_come_are_found() {
    let lab = Lab::new();
    lab.write_on("a/app.log", lines(0, 5));
    follow_long(&lab, &["**/*.log", "late/x.log"], None, |tail| {
        rest(tail);
        let mut n_files = 0;
        change(&lab, "a", |n| {
            lab.write_on(&format!("a/{n}.log"), line(n));
            n_files = n + 1;
        });
        tail.wait(A_RESCAN);
        assert_eq!(lab.events().len() as u32, 5 + n_files);
        // A folder deep down, and a path that was missing.
        rest(tail);
        change(&lab, "a", |n| lab.write_on(&format!("a/{n}/b/c/deep.log"), line(100)));
        tail.wait(A_RESCAN);
        assert!(lab.texts().contains(&line(100)));
    });
}

#[test]
fn what_was_exchanged_is_found() {
    let lab = Lab::new();
    lab.write_on("a/app.log", lines(0, 5));
    lab.write_on("1/app.log", lines(10, 15));
    lab.write_on("2/app.log", lines(20, 25));
    symlink(lab.path("1"), lab.path("current")).expect("link");
    follow_long(&lab, &["a/app.log", "current/app.log"], None, |tail| {
        rest(tail);
        // The folder that a link names, without any change in the folders that were listed.
        symlink(lab.path("2"), lab.path("next")).expect("link");
        lab.rename("next", "current");
        tail.wait(A_RESCAN);
        assert!(lab.texts().contains(&line(24)), "{:?}", lab.texts());
        rest(tail);
        // Renamed, and another one in its place.
        change(&lab, "a", |n| {
            if n == 0 {
                lab.rename("a/app.log", "a/app.log.1");
                lab.write_on("a/app.log", lines(30, 33));
            }
            lab.write_on(&format!("a/{n}"), "");
        });
        tail.wait(A_RESCAN);
        assert!(lab.texts().contains(&line(32)), "{:?}", lab.texts());
    });
}

#[test]
fn an_old_file_that_is_written_is_found() {
    let lab = Lab::new();
    lab.write("old.log", lines(0, 3));
    follow_long(&lab, &["*.log"], Some(Duration::from_secs(3600)), |tail| {
        rest(tail);
        assert!(lab.texts().is_empty());
        lab.write_on("old.log", line(3));
        let years = Duration::from_secs(10 * 365 * 24 * 3600);
        let file = fs::File::options().write(true).open(lab.path("old.log")).expect("open");
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_micros(NOON_US as u64) + years).expect("set time");
        tail.wait(A_RESCAN);
        lab.check(&[("old.log", 0, lines(0, 4).as_bytes())]);
    });
}
