//! A disk that is full, slow or torn, and what waits for it.

use super::alone::{alone, alone_with_mounts, memory, set_limit};
use super::{follow, follow_until_killed, follow_with};
use crate::lab::{Lab, line, lines, stored_events};
use rustix::process::Resource;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use trawl_indexer::tail::TailOptions;

/// The live log that was begun last.
fn newest_log(data: &Path) -> PathBuf {
    let logs = fs::read_dir(data.join("index/main/live")).expect("list");
    let logs = logs.map(|entry| entry.expect("entry").path());
    logs.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().expect("a log")
}

#[test]
fn situation_35_the_last_batch_is_torn() {
    for n_lost in [1, 2, 7, 40, 150, 600] {
        let lab = Lab::new();
        follow_until_killed(&lab, &["app.log"], |tail| {
            for n in 0..6 {
                lab.write_on("app.log", lines(n * 5, n * 5 + 5));
                tail.see();
            }
        });
        let log = newest_log(lab.data());
        let torn = fs::read(&log).expect("read");
        // What a power cut leaves: a part of what was written last, and something else behind it.
        let end = torn.len() - n_lost;
        fs::write(&log, [&torn[..end], &vec![0xa5; n_lost / 2]].concat()).expect("write");
        lab.write_on("app.log", lines(30, 33));
        follow(&lab, &["app.log"], |tail| tail.settle());
        lab.check(&[("app.log", 0, lines(0, 33).as_bytes())]);
    }
}

/// The longest file that this process may write: to the store it is a full disk, and nobody else notices.
fn fill_disk(is_full: bool) {
    // SAFETY: a signal that is to be ignored, so that writing fails instead.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    set_limit(Resource::Fsize, is_full.then_some(0));
}

/// Appends as another process does, to which this one's limits do not apply.
fn append_unlimited(path: &Path, text: &str) {
    let filled = rustix::process::getrlimit(Resource::Fsize).current.is_some();
    set_limit(Resource::Fsize, None);
    let mut file = fs::File::options().append(true).create(true).open(path).expect("open");
    std::io::Write::write_all(&mut file, text.as_bytes()).expect("write");
    if filled {
        set_limit(Resource::Fsize, Some(0));
    }
}

#[test]
fn situation_38_a_reader_that_is_too_fast_waits() {
    alone("tail::disk::situation_38_a_reader_that_is_too_fast_waits", || {
        let lab = Lab::new();
        let path = lab.path("app.log");
        append_unlimited(&path, &lines(0, 5));
        follow(&lab, &["app.log"], |tail| {
            tail.see();
            fill_disk(true);
            let (before, _) = memory();
            let mut n = 5;
            let mut written = lines(0, 5);
            while written.len() < 40 << 20 {
                let text = "x".repeat(2000);
                let more: String = (n..n + 1000).map(|n| format!("{} {text}\n", line(n).trim_end())).collect();
                n += 1000;
                append_unlimited(&path, &more);
                written.push_str(&more);
                tail.wait(Duration::from_secs(2));
            }
            let status = tail.status();
            assert!(status.paused.is_some(), "the disk takes nothing");
            let lag = status.files[0].lag;
            assert!(lag >= 36 << 20, "nobody has read on: {lag}");
            let held = written.capacity() as u64;
            let (now, _) = memory();
            assert!(
                now < before + held + (24 << 20),
                "{before} bytes of memory before, {now} now, {held} of them mine"
            );
            fill_disk(false);
            tail.settle();
            let (_, most) = memory();
            assert!(most < before + held + (32 << 20), "{most} bytes of memory at most, {held} of them mine");
            let status = tail.status();
            assert!(status.paused.is_none());
            assert_eq!(status.files[0].lag, 0);
        });
        let n_events: usize = lab.events().len();
        let n_lines = lab.read("app.log").iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(n_events, n_lines);
        assert!(lab.contents().into_values().eq([lab.read("app.log")]));
    });
}

#[test]
fn situation_39_the_disk_refuses_everything_for_a_while() {
    alone("tail::disk::situation_39_the_disk_refuses_everything_for_a_while", || {
        let lab = Lab::new();
        let path = lab.path("app.log");
        append_unlimited(&path, &lines(0, 5));
        follow(&lab, &["app.log", "new.log"], |tail| {
            tail.settle();
            fill_disk(true);
            append_unlimited(&path, &lines(5, 10));
            append_unlimited(&lab.path("new.log"), &lines(50, 53));
            tail.wait(Duration::from_secs(30));
            let status = tail.status();
            let (why, age) = status.paused.expect("ingest pauses");
            assert!(!why.is_empty() && age >= Duration::from_secs(20), "{why}, for {age:?}");
            assert_eq!(status.files[0].durable_to, lines(0, 5).len() as u64);
            lab.check(&[("app.log", 0, lines(0, 5).as_bytes())]);
            fill_disk(false);
            tail.settle();
            assert!(tail.status().paused.is_none());
        });
        lab.check(&[("app.log", 0, lines(0, 10).as_bytes()), ("new.log", 0, lines(50, 53).as_bytes())]);
    });
}

#[test]
fn situation_39_a_file_system_without_room() {
    alone_with_mounts("tail::disk::situation_39_a_file_system_without_room", || {
        let lab = Lab::new();
        let mount = |options: &str| {
            let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(lab.data()).status();
            assert!(mounted.expect("mount").success());
        };
        mount("size=6m");
        lab.write_on("app.log", lines(0, 5));
        let n_lines = 200_000;
        follow(&lab, &["app.log"], |tail| {
            tail.settle();
            // Nothing but the store's own files fills the disk.
            lab.write_on("app.log", lines(5, n_lines));
            tail.wait(Duration::from_secs(30));
            let (why, _) = tail.status().paused.expect("ingest pauses");
            assert!(why.contains("full") || why.contains("space"), "{why}");
            // A search finds what was stored before, each line once.
            let texts: Vec<String> = stored_events(lab.data()).iter().map(|event| event.text().to_owned()).collect();
            assert!(texts.len() > 5 && texts.concat() == lines(0, texts.len() as u32), "{} events", texts.len());
            mount("remount,size=64m");
            tail.settle();
            assert!(tail.status().paused.is_none());
        });
        lab.check(&[("app.log", 0, lines(0, n_lines).as_bytes())]);
    });
}

#[test]
fn a_close_that_the_disk_refuses_is_given_again() {
    alone("tail::disk::a_close_that_the_disk_refuses_is_given_again", || {
        for is_deleted in [false, true] {
            let lab = Lab::new();
            let path = lab.path("app.log");
            append_unlimited(&path, &lines(0, 5));
            append_unlimited(&lab.path("other.log"), &line(0));
            let options =
                TailOptions { event_timeout: Duration::from_secs(600), max_open_files: 1, ..TailOptions::default() };
            follow_with(&lab, &["*.log"], options, |tail| {
                tail.see();
                append_unlimited(&lab.path("other.log"), &line(1));
                tail.see();
                assert!(lab.events()[4].provisional);
                // Its last event is known to nobody but the tailer from here on.
                if is_deleted {
                    lab.remove("app.log");
                } else {
                    fs::write(&path, "").expect("truncate");
                    tail.see();
                }
                fill_disk(true);
                tail.wait(Duration::from_secs(100));
                assert!(tail.status().paused.is_some(), "the close was refused");
                fill_disk(false);
                tail.wait(Duration::from_secs(700));
                let events = lab.events();
                let texts: Vec<String> = lab.texts();
                assert_eq!(texts.concat(), lines(0, 5) + &lines(0, 2));
                assert!(events.iter().all(|event| !event.provisional), "deleted: {is_deleted}: {events:?}");
            });
        }
    });
}
