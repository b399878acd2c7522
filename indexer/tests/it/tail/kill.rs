//! A tailer that is killed at any moment, under load and with rotation, stores each byte exactly once and tears no event.
//!
//! The test binary starts itself as the process to be killed. `TRAWL_KILL_ROUNDS` sets the number of kills,
//! `TRAWL_KILL_SEED` their moments.

use crate::lab::{describe, lines, open_writer, options, stored_events};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use trawl_formats::sourcetype::Registry;
use trawl_indexer::Input;
use trawl_indexer::tail::{Control, Route, TailOptions, TailStatus, run};

/// Names the folder to the process that is to be killed.
const FOLDER: &str = "TRAWL_TAIL_KILL_FOLDER";
const DEFAULT_ROUNDS: u32 = 15;
/// Lines written in a second.
const RATE: u64 = 25_000;
/// So many statuses without a new event, about a second apart, mean that everything was read.
const QUIET_STATUSES: u32 = 3;
/// A file with this name in the folder asks the process to end.
const STOP: &str = "stop";

/// Not a test: the process that is killed. Without the folder it does nothing.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let writer = open_writer(&folder.join("data"));
    let control = Control::default();
    let input = Input::Glob(folder.join("logs/app.log*").to_str().expect("UTF-8").to_owned());
    let routes = vec![Route { inputs: vec![input], options: options(), ignore_older: None }];
    // Logs are sealed all the time, and files closed before the writer is done with them.
    let tail_options = TailOptions {
        log_bytes: 3 << 20,
        event_timeout: Duration::from_secs(60),
        max_open_files: 4,
        ..TailOptions::default()
    };
    // Asked to end, it ends when nothing has come for a while.
    let (mut n_events, mut n_quiet) = (0, 0);
    let on_status = |status: &TailStatus| {
        n_quiet = if status.n_events == n_events { n_quiet + 1 } else { 0 };
        n_events = status.n_events;
        if n_quiet >= QUIET_STATUSES && folder.join(STOP).exists() {
            control.stop();
        }
    };
    run(&writer, &Registry::builtin(), routes, tail_options, &control, on_status).expect("good inputs");
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("own path"))
        .args(["--exact", "tail::kill::child", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start")
}

/// Writes lines at [`RATE`] into `app.log`, some with a stack trace, and renames it several times a second.
fn write_logs(logs: &Path, stop: &AtomicBool) -> u32 {
    let (begun, mut n_lines, mut n_files) = (Instant::now(), 0_u32, 0);
    let path = logs.join("app.log");
    let mut file = File::options().append(true).create(true).open(&path).expect("create");
    let mut rotate_at = Duration::from_millis(300);
    while !stop.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_micros() as u64 * RATE / 1_000_000) as u32;
        while n_lines < due {
            let mut text = lines(n_lines, n_lines + 1);
            if n_lines % 40 == 7 {
                text.push_str("java.lang.IllegalStateException: no\n\tat a.b.C.d(C.java:1)\n\tat a.b.C.e(C.java:2)\n");
            }
            // Now and then a line comes in two writes.
            let (head, rest) = text.split_at(if n_lines.is_multiple_of(13) { text.len() / 2 } else { 0 });
            file.write_all(head.as_bytes()).and_then(|()| file.write_all(rest.as_bytes())).expect("write");
            n_lines += 1;
        }
        if begun.elapsed() >= rotate_at {
            rotate_at += Duration::from_millis(300);
            n_files += 1;
            fs::rename(&path, logs.join(format!("app.log.{n_files}"))).expect("rename");
            // As after a signal: the writer goes on in the old file for a moment.
            file.write_all(lines(n_lines, n_lines + 1).as_bytes()).expect("write");
            n_lines += 1;
            file = File::options().append(true).create(true).open(&path).expect("create");
        }
        thread::sleep(Duration::from_millis(2));
    }
    n_lines
}

#[test]
fn killed_at_any_moment() {
    let n_rounds: u32 = std::env::var("TRAWL_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(DEFAULT_ROUNDS);
    let seed = std::env::var("TRAWL_KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x9e37_79b9_u32);
    let folder = tempfile::tempdir().expect("temporary directory");
    let folder = fs::canonicalize(folder.path()).expect("exists");
    fs::create_dir_all(folder.join("logs")).expect("create");
    let is_done = AtomicBool::new(false);
    let n_lines = thread::scope(|scope| {
        let writer = scope.spawn(|| write_logs(&folder.join("logs"), &is_done));
        let mut state = seed;
        for _ in 0..n_rounds {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut child = start(&folder);
            thread::sleep(Duration::from_millis(30 + u64::from(state >> 24) * 2));
            child.kill().expect("kill");
            child.wait().expect("child");
        }
        is_done.store(true, Ordering::Relaxed);
        writer.join().expect("the writer ends")
    });
    // The last one reads everything, and ends by itself.
    fs::write(folder.join(STOP), "").expect("write");
    let mut child = start(&folder);
    assert!(child.wait().expect("child").success());

    let mut written: Vec<Vec<u8>> = fs::read_dir(folder.join("logs"))
        .expect("list")
        .map(|entry| fs::read(entry.expect("entry").path()).expect("read"))
        .filter(|content| !content.is_empty())
        .collect();
    let events = stored_events(&folder.join("data"));
    let mut stored: BTreeMap<(String, u32), Vec<u8>> = BTreeMap::new();
    for event in &events {
        assert!(event.bytes.starts_with(b"2026-"), "torn (seed {seed}): {event:?}");
        let content = stored.entry((event.source.clone(), event.generation)).or_default();
        assert_eq!(content.len() as u64, event.offset, "lost or doubled (seed {seed}): {event:?}");
        content.extend_from_slice(&event.bytes);
    }
    let mut stored: Vec<Vec<u8>> = stored.into_values().collect();
    written.sort();
    stored.sort();
    let only = |these: &[Vec<u8>], those: &[Vec<u8>]| {
        these.iter().filter(|content| those.binary_search(content).is_err()).map(|content| describe(content)).collect()
    };
    let (lost, wrong): (Vec<String>, Vec<String>) = (only(&written, &stored), only(&stored, &written));
    assert!(stored == written, "seed {seed}: not stored {lost:#?}, instead {wrong:#?}");
    assert_eq!(events.len(), n_lines as usize);
}
