//! A file cut into pieces, read by several threads, holds the same events as one read from end to end.

use crate::lab::{Lab, Stored, lines, open_writer};
use std::num::NonZeroUsize;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::{Input, Progress, index};
use trawl_store::Reader;

/// A log with single lines, traces, blank lines, lines without a stamp, and CRLF.
fn mixed_log(n: u32) -> String {
    let mut log = String::new();
    for i in 0..n {
        log += &lines(i, i + 1);
        match i % 7 {
            0 => log += "java.lang.IllegalStateException: no\n\tat a.b.C.d(C.java:1)\n\tat e.f.G.h(G.java:2)\n",
            3 => log += "no stamp here\n\n",
            5 => log += "2026-11-20 23:00:00 WARN with a carriage return\r\n",
            _ => {}
        }
    }
    log
}

fn events(log: &str, piece_bytes: u64, bucket_bytes: u64, jobs: usize) -> Vec<Stored> {
    let mut lab = Lab::new();
    lab.options.piece_bytes = piece_bytes;
    lab.options.bucket_bytes = bucket_bytes;
    lab.options.jobs = NonZeroUsize::new(jobs);
    lab.write("app.log", log);
    let report = lab.index();
    assert_eq!(report.totals.bytes, log.len() as u64);
    lab.check(&[("app.log", 0, log.as_bytes())]);
    lab.events()
}

#[test]
fn pieces_make_no_difference() {
    let log = mixed_log(20_000);
    let whole = events(&log, 1 << 30, 1 << 30, 1);
    for (piece_bytes, bucket_bytes, jobs) in [(100_000, 1 << 30, 2), (70_000, 150_000, 2), (300_000, 1, 3)] {
        assert!(events(&log, piece_bytes, bucket_bytes, jobs) == whole, "pieces of {piece_bytes}");
    }
}

#[test]
fn holes_are_read_again_and_only_they() {
    let log = mixed_log(20_000);
    let mut lab = Lab::new();
    lab.options.piece_bytes = 100_000;
    lab.options.bucket_bytes = 1;
    lab.write("app.log", &log);
    let whole = events(&log, 1 << 30, 1 << 30, 1);
    // Runs that end after a few buckets, as if they had been interrupted.
    for n_buckets in [1, 2, 3] {
        let progress = Progress::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while progress.buckets() < n_buckets && progress.done_files() == 0 {
                    std::thread::yield_now();
                }
                lab.options.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
            });
            let writer = open_writer(lab.data());
            let inputs = [Input::Path(lab.path("app.log"))];
            index(&writer, &Registry::builtin(), &inputs, &lab.options, &progress).expect("run");
        });
        lab.options.cancel.store(false, std::sync::atomic::Ordering::Relaxed);
    }
    let committed =
        Reader::open(lab.data()).expect("store").sources().expect("sources")[0].generations[0].committed.len();
    lab.options.bucket_bytes = 1 << 30;
    let report = lab.index();
    assert_eq!(report.totals.bytes, log.len() as u64 - committed);
    assert!(lab.events() == whole);
}
