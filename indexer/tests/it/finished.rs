//! A compressed file that nobody has touched since everything in it was known is not decompressed again.

use crate::lab::{Lab, gzip, line, lines, open_writer, outcomes};
use crate::tail::{alone::alone, follow};
use std::fs::{self, File};
use std::time::{SystemTime, UNIX_EPOCH};
use trawl_formats::sourcetype::Registry;
use trawl_indexer::{Input, Outcome, Progress, index};
use trawl_store::FinishedFile;

/// Bytes that this process has read.
fn n_read() -> u64 {
    let io = fs::read_to_string("/proc/self/io").expect("procfs");
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("a line");
    line.parse().expect("a number")
}

/// A lab in an hour's time: whatever is written now was written long ago.
fn lab() -> Lab {
    let mut lab = Lab::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch");
    lab.options.now_us = now.as_micros() as i64 + 3_600_000_000;
    lab
}

/// Log number `n`, compressed, with zeros behind it up to the length that all of them have.
fn packed(n: u32) -> Vec<u8> {
    let mut bytes = gzip(lines(n * 40_000, (n + 1) * 40_000).as_bytes());
    assert!(bytes.len() < LEN);
    bytes.resize(LEN, 0);
    bytes
}

const LEN: usize = 400_000;
const N_FILES: u32 = 6;

#[test]
fn what_nobody_has_touched_is_left_alone() {
    alone("finished::what_nobody_has_touched_is_left_alone", || {
        let lab = lab();
        for n in 0..N_FILES {
            lab.write(&format!("{n}.log.gz"), packed(n));
        }
        let all = u64::from(N_FILES) * LEN as u64;
        let n_read_by = |run: &dyn Fn()| {
            let before = n_read();
            run();
            n_read() - before
        };
        let unchanged = || {
            let report = lab.index();
            assert!(report.files.iter().all(|file| file.outcome == Outcome::Unchanged), "{:?}", report.files);
        };
        let first = n_read_by(&|| assert_eq!(lab.index().totals.events, u64::from(N_FILES) * 40_000));
        assert!(first > all);
        let second = n_read_by(&unchanged);
        assert!(second < all / 4, "{second} bytes read of {all}");
        let followed = n_read_by(&|| follow(&lab, &["*.gz"], |tail| tail.settle()));
        assert!(followed < all / 4, "{followed} bytes read of {all}");

        // One is touched, though nothing in it changes.
        lab.write("0.log.gz", packed(0));
        let third = n_read_by(&unchanged);
        assert!(third > LEN as u64 && third < all / 2, "{third} bytes read");
        // Then it is left alone again.
        let fourth = n_read_by(&unchanged);
        assert!(fourth < all / 4, "{fourth} bytes read of {all}");

        // What was noted of it is worth something only as long as the bytes are known.
        {
            let writer = open_writer(lab.data());
            let name = lab.path("0.log.gz");
            let source = writer.sources().expect("sources").into_iter().find(|source| source.path == name);
            let stamp = stamp(&lab, "0.log.gz");
            let len = lines(0, 40_000).len() as u64;
            let source = source.expect("known").id;
            let index = &lab.options.index;
            let noted = writer.catalog().finished_file(index, &stamp, lab.options.now_us).expect("the catalog answers");
            assert_eq!(noted, Some(FinishedFile { stamp, source, generation: 0, content_len: len }));
            let longer = FinishedFile { stamp, source, generation: 0, content_len: len + 1 };
            writer.catalog().note_finished(index, &[longer], lab.options.now_us).expect("the catalog takes it");
        }
        assert!(n_read_by(&unchanged) > LEN as u64);
    });
}

fn stamp(lab: &Lab, name: &str) -> trawl_store::FileStamp {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(lab.path(name)).expect("exists");
    trawl_store::FileStamp {
        dev: metadata.dev(),
        ino: metadata.ino(),
        len: metadata.len(),
        mtime_us: metadata.mtime() * 1_000_000 + metadata.mtime_nsec() / 1000,
        ctime_ns: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
    }
}

#[test]
fn a_change_that_keeps_length_and_time_is_found() {
    let lab = lab();
    lab.write("app.log.gz", packed(1));
    lab.index();
    let before = stamp(&lab, "app.log.gz");
    let modified = fs::metadata(lab.path("app.log.gz")).and_then(|metadata| metadata.modified()).expect("exists");
    fs::write(lab.path("app.log.gz"), packed(2)).expect("write");
    File::options().write(true).open(lab.path("app.log.gz")).and_then(|file| file.set_modified(modified)).expect("set");
    let after = stamp(&lab, "app.log.gz");
    assert_eq!((before.len, before.mtime_us, before.ino), (after.len, after.mtime_us, after.ino));
    assert_eq!(outcomes(&lab, &lab.index()), [("app.log.gz".to_owned(), Outcome::NewGeneration)]);
}

#[test]
fn a_copy_of_what_is_known_is_noted_and_what_is_damaged_is_not() {
    let lab = lab();
    lab.write("app.log", lines(0, 100) + &line(100));
    lab.write("app.log.1.gz", gzip(lines(0, 100).as_bytes()));
    let damaged = gzip(lines(200, 9000).as_bytes());
    lab.write("other.log.gz", &damaged[..damaged.len() - 20]);
    lab.index();
    lab.index();
    let noted = |name: &str| {
        let writer = open_writer(lab.data());
        let noted = writer.catalog().finished_file(&lab.options.index, &stamp(&lab, name), lab.options.now_us);
        noted.expect("the catalog answers").map(|file| file.content_len)
    };
    assert_eq!(noted("app.log.1.gz"), Some(lines(0, 100).len() as u64));
    assert_eq!(noted("other.log.gz"), None);
    // The damage is told of each time.
    assert_eq!(lab.index().files.iter().filter(|file| !file.errors.is_empty()).count(), 1);
}

#[test]
fn another_index_has_notes_of_its_own() {
    let lab = lab();
    lab.write("app.log.gz", packed(0));
    lab.index();
    let options = trawl_indexer::Options {
        index: trawl_formats::event::IndexName::new("web").expect("valid"),
        ..lab.options.clone()
    };
    let writer = open_writer(lab.data());
    let inputs = [Input::Path(lab.path("app.log.gz"))];
    let report = index(&writer, &Registry::builtin(), &inputs, &options, &Progress::default()).expect("run");
    assert_eq!((&report.files[0].outcome, report.totals.events), (&Outcome::New, 40_000));
}
