//! Where files lie: links, folders that come later, odd names, many of them; and what a restart remembers.

use super::{follow, follow_into, follow_with};
use crate::lab::{Lab, line, lines, open_writer};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::time::Duration;
use trawl_formats::EventFlags;
use trawl_indexer::tail::{FileState, TailOptions};
use trawl_store::rebuild_catalog;

#[test]
fn situation_09_equal_beginnings() {
    let lab = Lab::new();
    let banner = "starting version 1.2.3 of the application\n".repeat(60);
    follow(&lab, &["*.log"], |tail| {
        for name in ["a.log", "b.log"] {
            lab.write_on(name, &banner);
            tail.see();
        }
        lab.write_on("a.log", line(1));
        lab.write_on("b.log", line(2));
        tail.settle();
    });
    let content = |n| [banner.as_bytes(), line(n).as_bytes()].concat();
    lab.check(&[("a.log", 0, &content(1)), ("b.log", 0, &content(2))]);
}

#[test]
fn situation_11_a_link_that_leads_elsewhere() {
    let lab = Lab::new();
    lab.write_on("dir/app-1.log", lines(0, 5));
    symlink(lab.path("dir/app-1.log"), lab.path("current.log")).expect("link");
    follow(&lab, &["current.log"], |tail| {
        tail.see();
        lab.write_on("dir/app-1.log", lines(5, 8));
        lab.write_on("dir/app-2.log", lines(20, 25));
        lab.remove("current.log");
        symlink(lab.path("dir/app-2.log"), lab.path("current.log")).expect("link");
        tail.see();
        // A last word in the file that the link has left.
        lab.write_on("dir/app-1.log", line(8));
        tail.settle();
    });
    let mut contents = lab.contents().into_values().collect::<Vec<_>>();
    contents.sort();
    assert_eq!(contents, [lines(0, 9).into_bytes(), lines(20, 25).into_bytes()]);
}

#[test]
fn situation_12_what_is_no_file() {
    let lab = Lab::new();
    fs::create_dir(lab.path("dir.log")).expect("create");
    symlink(lab.path("gone"), lab.path("dangling.log")).expect("link");
    symlink(lab.path("loop.log"), lab.path("loop.log")).expect("link");
    let fifo = std::ffi::CString::new(lab.path("fifo.log").as_os_str().as_bytes()).expect("no NUL");
    // SAFETY: the path is a valid string.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let _socket = std::os::unix::net::UnixListener::bind(lab.path("socket.log")).expect("socket");
    lab.write_on("app.log", lines(0, 3));
    follow(&lab, &["*.log"], |tail| {
        tail.settle();
        let unlisted: Vec<_> = tail.status().unlisted.into_iter().map(|(path, _)| path).collect();
        assert_eq!(unlisted, [lab.path("dangling.log"), lab.path("loop.log")]);
        // What a link promises may come.
        fs::write(lab.path("gone"), line(7)).expect("write");
        tail.settle();
    });
    lab.check(&[("app.log", 0, lines(0, 3).as_bytes()), ("dangling.log", 0, line(7).as_bytes())]);
}

#[test]
fn situation_13_one_file_under_two_names() {
    let lab = Lab::new();
    lab.write_on("a.log", lines(0, 5));
    fs::hard_link(lab.path("a.log"), lab.path("b.log")).expect("link");
    follow(&lab, &["*.log", "a*", "b.log"], |tail| {
        tail.see();
        lab.write_on("b.log", lines(5, 8));
        tail.settle();
        lab.remove("a.log");
        lab.write_on("b.log", lines(8, 9));
        tail.settle();
    });
    lab.check(&[("a.log", 0, lines(0, 9).as_bytes())]);
}

#[test]
fn situation_27_folders_that_come_later() {
    let lab = Lab::new();
    follow(&lab, &["**/*.log"], |tail| {
        tail.see();
        lab.write_on("x/y/z/app.log", lines(0, 3));
        tail.settle();
        lab.check(&[("app.log", 0, lines(0, 3).as_bytes())]);
        fs::rename(lab.path("x/y"), lab.path("w")).expect("rename");
        lab.write_on("w/z/app.log", line(3));
        tail.settle();
    });
    lab.check(&[("app.log", 0, lines(0, 4).as_bytes())]);
}

#[test]
fn situations_28_and_29_more_files_than_may_be_open() {
    let lab = Lab::new();
    let options = TailOptions { max_open_files: 16, ..TailOptions::default() };
    follow_with(&lab, &["**/*.log"], options, |tail| {
        for round in 0..3 {
            for n in 0..300 {
                lab.write_on(&format!("{}/{n:03}.log", n % 7), line(round));
            }
            tail.settle();
        }
        let prefix = lab.path("").display().to_string();
        let descriptors = fs::read_dir("/proc/self/fd").expect("procfs").filter_map(|entry| {
            let target = fs::read_link(entry.ok()?.path()).ok()?;
            target.display().to_string().starts_with(&prefix).then_some(())
        });
        assert!(descriptors.count() <= 16);
    });
    let contents = lab.contents();
    assert_eq!(contents.len(), 300);
    assert!(contents.values().all(|content| content == lines(0, 3).as_bytes()));
}

#[test]
fn situation_31_clocks_that_lie() {
    let lab = Lab::new();
    let log = "2031-01-01 00:00:00 INFO from the future\n1971-01-01 00:00:00 INFO from the past\n2026-11-20 00:00:00 INFO right\n";
    follow(&lab, &["app.log"], |tail| {
        lab.write_on("app.log", log);
        tail.settle();
    });
    lab.check(&[("app.log", 0, log.as_bytes())]);
    let is_bad: Vec<bool> =
        lab.events().iter().map(|event| EventFlags(event.flags).contains(EventFlags::BAD_TIME)).collect();
    assert_eq!(is_bad, [true, true, false]);
}

#[test]
fn situation_32_old_files_are_left_out_until_they_change() {
    let lab = Lab::new();
    lab.write("old.log", lines(0, 3));
    lab.write_on("new.log", lines(0, 3));
    let set_noon = |name: &str| lab.set_age(name, Duration::ZERO);
    set_noon("new.log");
    let writer = open_writer(lab.data());
    follow_into(&writer, &lab, &["*.log"], TailOptions::default(), Some(Duration::from_secs(3600)), |tail| {
        tail.settle();
        lab.check(&[("new.log", 0, lines(0, 3).as_bytes())]);
        lab.write_on("old.log", line(3));
        set_noon("old.log");
        tail.settle();
    });
    lab.check(&[("new.log", 0, lines(0, 3).as_bytes()), ("old.log", 0, lines(0, 4).as_bytes())]);
}

#[test]
fn situation_33_a_large_file_is_loaded_and_then_followed() {
    let lab = Lab::new();
    let n = 450_000;
    let log = lines(0, n);
    lab.write_on("app.log", &log);
    assert!(log.len() > 16 << 20);
    follow(&lab, &["app.log"], |tail| {
        tail.see();
        assert_eq!(tail.status().files[0].state, FileState::Followed);
        lab.write_on("app.log", lines(n, n + 5));
        tail.settle();
    });
    lab.check(&[("app.log", 0, (log + &lines(n, n + 5)).as_bytes())]);
}

#[test]
fn situation_36_the_catalog_is_lost() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 5));
    follow(&lab, &["app.log"], |tail| tail.settle());
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(lab.data().join(format!("catalog.db{suffix}")));
    }
    rebuild_catalog(lab.data()).expect("rebuild");
    lab.write_on("app.log", lines(5, 8));
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.check(&[("app.log", 0, lines(0, 8).as_bytes())]);
}

#[test]
fn situation_37_a_file_that_was_away() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 5));
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.rename("app.log", "away");
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.rename("away", "app.log");
    lab.write_on("app.log", line(5));
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.check(&[("app.log", 0, lines(0, 6).as_bytes())]);
}

#[test]
fn situation_42_device_and_inode_change_and_the_content_does_not() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 5));
    follow(&lab, &["app.log"], |tail| tail.settle());
    // As after a restore, or on another device.
    fs::copy(lab.path("app.log"), lab.path("copy")).expect("copy");
    lab.rename("copy", "app.log");
    lab.write_on("app.log", line(5));
    follow(&lab, &["app.log"], |tail| tail.settle());
    lab.check(&[("app.log", 0, lines(0, 6).as_bytes())]);
}

#[test]
fn situation_45_odd_names() {
    let lab = Lab::new();
    let names: [&[u8]; 4] = [b"new\nline.log", b"esc\x1b[31m.log", b"not utf8 \xff.log", b"back\\slash.log"];
    for (n, name) in (0..).zip(names) {
        fs::write(lab.path("").join(OsStr::from_bytes(name)), line(n)).expect("write");
    }
    for _ in 0..2 {
        follow(&lab, &["*.log"], |tail| tail.settle());
    }
    let mut texts = lab.texts();
    texts.sort();
    assert_eq!(texts.concat(), lines(0, 4));
}

#[test]
fn a_clean_stop_and_a_start_cost_nothing() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 5));
    let before = follow_and_count(&lab);
    let after = follow_and_count(&lab);
    assert_eq!((before, after), (5, 5));
}

fn follow_and_count(lab: &Lab) -> usize {
    follow(lab, &["app.log"], |tail| tail.settle());
    lab.events().len()
}
