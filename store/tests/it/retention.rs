//! What ages out is gone, and stays known as read.

use crate::helpers::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use trawl_store::retention::{MinFree, Policies, Policy, Reason};
use trawl_store::{Bucket, BucketRow, Reader, StoreError, Writer, rebuild_catalog};

fn policies(policy: Policy) -> Policies {
    BTreeMap::from([(main_index(), policy)])
}

/// Whatever there is is too much. Not by age: nobody knows what the clock of the machine says.
fn nothing_stays() -> Policies {
    policies(Policy { max_size: Some(0), ..Policy::default() })
}

fn rows(data: &Path) -> Vec<BucketRow> {
    Reader::open(data).expect("reader").snapshot().expect("snapshot").buckets
}

/// Bytes that are known as read, by source, and how many events that were.
fn progress(data: &Path) -> Vec<(String, Vec<std::ops::Range<u64>>, u64)> {
    let sources = Reader::open(data).expect("reader").sources().expect("sources");
    let states = sources.iter().map(|source| {
        let generation = &source.generations[0];
        (source.source.to_string(), generation.committed.iter().collect(), generation.n_events)
    });
    states.collect()
}

/// A store with three buckets.
fn three_buckets(data: &Path) {
    index(data, &[("/a.log", &log("alpha", 200))]);
    index(data, &[("/b.log", &log("beta", 90))]);
    index(data, &[("/c.log", &log("gamma", 20))]);
}

#[test]
fn what_ages_out_is_gone_and_stays_known() {
    let dir = tempfile::tempdir().expect("temporary directory");
    three_buckets(dir.path());
    let before = progress(dir.path());
    let reader = Reader::open(dir.path()).expect("reader");
    let snapshot = reader.snapshot().expect("snapshot").buckets;

    let writer = Writer::open(dir.path()).expect("writer");
    assert!(writer.enforce_retention(&|| false).expect("enforce").removed.is_empty(), "nobody asked for anything");
    writer.set_retention(policies(Policy { max_size: Some(0), protected: true, ..Policy::default() }));
    assert!(writer.enforce_retention(&|| false).expect("enforce").removed.is_empty(), "on hold");
    writer.set_retention(nothing_stays());
    let report = writer.enforce_retention(&|| false).expect("enforce");
    assert_eq!((report.removed.len(), report.problems.len()), (3, 0));
    assert!(report.removed.iter().all(|removed| removed.reason == Reason::Size && removed.bytes > 0));
    assert_eq!(rows(dir.path()), []);
    assert_eq!(progress(dir.path()), before);

    // A search that began before finds them where they lie now, opened or not.
    for row in &snapshot {
        assert_eq!(reader.bucket(row).expect("moved aside").n_events() as u64, row.n_events);
        assert!(!reader.has_aged_out(row).expect("catalog"));
    }

    drop((writer, reader));
    fs::remove_file(dir.path().join("catalog.db")).expect("lose the catalog");
    assert_eq!(rebuild_catalog(dir.path()).expect("rebuild"), 0);
    assert_eq!(progress(dir.path()), before);
}

#[test]
fn a_bucket_that_is_used_stays_readable_when_it_is_moved() {
    let dir = tempfile::tempdir().expect("temporary directory");
    three_buckets(dir.path());
    let reader = Reader::open(dir.path()).expect("reader");
    let row = reader.snapshot().expect("snapshot").buckets.remove(0);
    let bucket = reader.bucket(&row).expect("open");
    let writer = Writer::open(dir.path()).expect("writer");
    writer.set_retention(nothing_stays());
    writer.enforce_retention(&|| false).expect("enforce");
    // Segment, journal and columns are opened at their first use.
    assert!(bucket.segment().expect("segment").doc_freq(b"info").expect("dictionary") > 0);
    let mut raw = Vec::new();
    let mut blocks = trawl_store::BlockReader::new().expect("reader");
    bucket.read_block(&mut blocks, &bucket.blocks()[0], &mut raw).expect("journal");
    bucket.times_us(&bucket.blocks()[0], &mut Vec::new()).expect("columns");
    assert!(bucket.files().check_all().is_empty());

    // When even that is deleted, it is known that it has aged out.
    let fresh = Reader::open(dir.path()).expect("reader");
    fs::remove_dir_all(dir.path().join("index/main/removed")).expect("remove");
    assert!(matches!(fresh.bucket(&row), Err(StoreError::BucketGone { .. })));
    assert!(fresh.has_aged_out(&row).expect("catalog"));
}

#[test]
fn a_bucket_that_was_deleted_by_hand_has_not_aged_out() {
    let dir = tempfile::tempdir().expect("temporary directory");
    three_buckets(dir.path());
    let reader = Reader::open(dir.path()).expect("reader");
    let row = reader.snapshot().expect("snapshot").buckets.remove(0);
    fs::remove_dir_all(dir.path().join(&row.dir)).expect("remove");
    assert!(reader.bucket(&row).is_err());
    assert!(!reader.has_aged_out(&row).expect("catalog"));
}

#[test]
fn size_counts_what_is_about_to_be_added() {
    let dir = tempfile::tempdir().expect("temporary directory");
    three_buckets(dir.path());
    let sizes: Vec<u64> = rows(dir.path()).iter().map(|row| allocated(&dir.path().join(&row.dir))).collect();
    let total: u64 = sizes.iter().sum();
    let writer = Writer::open(dir.path()).expect("writer");
    writer.set_retention(policies(Policy { max_size: Some(total), ..Policy::default() }));
    assert!(writer.enforce_retention(&|| false).expect("enforce").removed.is_empty(), "it fits");
    writer.make_room(&main_index(), 1).expect("room");
    assert_eq!(rows(dir.path()).len(), 2);
    drop(writer);

    // A commit makes the room that it needs.
    let writer = Writer::open(dir.path()).expect("writer");
    writer.set_retention(policies(Policy { max_size: Some(total), ..Policy::default() }));
    let text = log("delta", 300);
    commit(&writer, "/d.log", &text).expect("commit");
    let used: u64 = rows(dir.path()).iter().map(|row| allocated(&dir.path().join(&row.dir))).sum();
    assert!(used <= total, "{used} of {total}");
    assert_eq!(doc_freq(&Reader::open(dir.path()).expect("reader"), "delta"), 300);
}

/// Bytes that a directory really takes.
fn allocated(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let files =
        fs::read_dir(dir).expect("list").map(|entry| entry.expect("entry").metadata().expect("metadata").blocks());
    (files.sum::<u64>() + dir.metadata().expect("metadata").blocks()) * 512
}

fn commit(writer: &Writer, path: &str, text: &str) -> trawl_store::Result<()> {
    let source = register(writer, path, text.as_bytes());
    let mut builder = writer.bucket_builder(&main_index()).expect("builder");
    for (offset, parsed) in blocks(text.as_bytes(), 4096) {
        let bytes = &text.as_bytes()[offset..];
        builder
            .push(&trawl_store::BlockInput { source: &source, offset: offset as u64, bytes, parsed: &parsed })
            .expect("push");
    }
    writer.commit(&[builder.seal().expect("seal").expect("events")])
}

#[test]
fn a_disk_that_is_never_free_enough_takes_nothing_and_stays_searchable() {
    let absurd = Some(MinFree::Bytes(u64::MAX / 2));
    for (protected, n_left) in [(false, 0), (true, 3)] {
        let dir = tempfile::tempdir().expect("temporary directory");
        three_buckets(dir.path());
        let writer = Writer::open(dir.path()).expect("writer");
        writer.set_retention(policies(Policy { min_free: absurd, protected, ..Policy::default() }));
        let refused = commit(&writer, "/d.log", &log("delta", 30));
        assert!(matches!(refused, Err(StoreError::NoRoom { .. })), "{refused:?}");
        assert!(matches!(writer.make_room(&main_index(), 1), Err(StoreError::NoRoom { .. })));
        assert_eq!(rows(dir.path()).len(), n_left);
        let reader = Reader::open(dir.path()).expect("reader");
        assert_eq!(doc_freq(&reader, "beta"), if protected { 90 } else { 0 });
        // What went did not stay aside: there is no room for that.
        let aside = dir.path().join("index/main/removed");
        assert!(!aside.exists() || fs::read_dir(aside).expect("list").next().is_none());
        // What was refused left nothing behind, and goes in as soon as it may.
        assert_eq!(fs::read_dir(dir.path().join("index/main/buckets")).expect("list").count(), n_left);
        writer.set_retention(Policies::new());
        commit(&writer, "/d.log", &log("delta", 30)).expect("there is room");
        assert_eq!(doc_freq(&reader, "delta"), 30);
    }
}

/// Lets the buckets of a store go, but stops after each of the steps.
#[test]
fn a_crash_between_two_steps_loses_and_doubles_nothing() {
    for n_steps in 0..=3 {
        let dir = tempfile::tempdir().expect("temporary directory");
        three_buckets(dir.path());
        let before = progress(dir.path());
        let dirs: Vec<PathBuf> = rows(dir.path()).iter().map(|row| dir.path().join(&row.dir)).collect();
        let copies = tempfile::tempdir().expect("temporary directory");
        let keep = |name: &str| {
            let to = copies.path().join(name);
            let _ = fs::copy(dir.path().join(name), to);
        };
        keep("catalog.db");
        let writer = Writer::open(dir.path()).expect("writer");
        writer.set_retention(nothing_stays());
        writer.enforce_retention(&|| false).expect("enforce");
        drop(writer);
        // Undo the later steps.
        if n_steps < 3 {
            for dir in &dirs {
                let aside = dir.parent().and_then(Path::parent).expect("index").join("removed");
                fs::rename(aside.join(dir.file_name().expect("name")), dir).expect("move back");
            }
        }
        if n_steps < 2 {
            for suffix in ["-wal", "-shm"] {
                let _ = fs::remove_file(dir.path().join(format!("catalog.db{suffix}")));
            }
            fs::copy(copies.path().join("catalog.db"), dir.path().join("catalog.db")).expect("old catalog");
        }
        if n_steps < 1 {
            fs::remove_file(dir.path().join("sources.json")).expect("no file yet");
        }

        let is_gone = n_steps >= 2;
        drop(Writer::open(dir.path()).expect("the next start"));
        assert_eq!(rows(dir.path()).len(), if is_gone { 0 } else { 3 }, "{n_steps} steps");
        assert_eq!(progress(dir.path()), before, "{n_steps} steps");
        assert_eq!(doc_freq(&Reader::open(dir.path()).expect("reader"), "beta"), if is_gone { 0 } else { 90 });

        // And when the catalog is lost on top.
        fs::remove_file(dir.path().join("catalog.db")).expect("lose the catalog");
        rebuild_catalog(dir.path()).expect("rebuild");
        assert_eq!(progress(dir.path()), before, "{n_steps} steps, rebuilt");
        // Removed once more, it is as if it had been removed once.
        let writer = Writer::open(dir.path()).expect("writer");
        writer.set_retention(nothing_stays());
        writer.enforce_retention(&|| false).expect("enforce");
        assert_eq!(progress(dir.path()), before, "{n_steps} steps, rebuilt, removed");
        drop(writer);
        fs::remove_file(dir.path().join("catalog.db")).expect("lose the catalog");
        rebuild_catalog(dir.path()).expect("rebuild");
        assert_eq!(progress(dir.path()), before, "{n_steps} steps, rebuilt twice");
    }
}

#[test]
fn an_aged_out_bucket_does_not_bring_its_live_log_back() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = log("alpha", 30);
    let writer = Writer::open(dir.path()).expect("writer");
    let source = register(&writer, "/a.log", text.as_bytes());
    let mut live = writer.begin_live_log(&main_index()).expect("begin");
    for (offset, parsed) in blocks(text.as_bytes(), 4096) {
        let bytes = &text.as_bytes()[offset..];
        let block = trawl_store::BlockInput { source: &source, offset: offset as u64, bytes, parsed: &parsed };
        writer.append(&mut live, &[trawl_store::Record::Events(block)]).expect("append");
    }
    writer.end_live_log(live);
    assert_eq!(writer.seal_live_logs(&main_index(), &|| false).expect("seal"), 1);
    let before = progress(dir.path());
    writer.set_retention(nothing_stays());
    writer.enforce_retention(&|| false).expect("enforce");
    drop(writer);
    // The log lies there for another hour.
    fs::remove_file(dir.path().join("catalog.db")).expect("lose the catalog");
    assert_eq!(rebuild_catalog(dir.path()).expect("rebuild"), 0);
    let snapshot = Reader::open(dir.path()).expect("reader").snapshot().expect("snapshot");
    assert!(snapshot.live.is_empty());
    assert_eq!(progress(dir.path()), before);
}

/// Any bucket can be opened by its directory alone.
#[test]
fn a_directory_that_is_gone_is_named() {
    let error = Bucket::open(Path::new("/nonexistent/index/main/buckets/1_2_3")).err().expect("gone");
    assert!(matches!(error, StoreError::BucketGone { .. }), "{error}");
}

#[test]
fn age_is_counted_from_the_newest_event() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = log("alpha", 10).replace("2026-11-20", "2001-02-03");
    index(dir.path(), &[("/old.log", &text)]);
    let young = "2099-01-01 00:00:00 INFO young\n";
    index(dir.path(), &[("/mixed.log", &format!("{text}{young}"))]);
    let writer = Writer::open(dir.path()).expect("writer");
    writer
        .set_retention(policies(Policy { max_age: Some(std::time::Duration::from_secs(86_400)), ..Policy::default() }));
    let report = writer.enforce_retention(&|| false).expect("enforce");
    assert_eq!(report.removed.iter().map(|removed| removed.reason).collect::<Vec<_>>(), [Reason::Age]);
    assert_eq!(rows(dir.path()).len(), 1);
    assert!(raw_of(&Reader::open(dir.path()).expect("reader"), "/old.log").is_empty());
}
