//! Readers need no write permission, whatever the writer does.

use crate::helpers::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use trawl_store::{BlockInput, Reader, Record, StoreError, Writer};

/// Takes away or gives back write permission for everything under `path`.
fn set_writable(path: &Path, writable: bool) {
    let metadata = path.symlink_metadata().expect("metadata");
    let mode = match (metadata.is_dir(), writable) {
        (true, true) => 0o755,
        (true, false) => 0o555,
        (false, true) => 0o644,
        (false, false) => 0o444,
    };
    if writable {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("list") {
            set_writable(&entry.expect("entry").path(), writable);
        }
    }
    if !writable {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    }
}

#[test]
fn a_stopped_and_a_read_only_store_answer() {
    let dir = tempfile::tempdir().expect("temporary directory");
    index(dir.path(), &[("/a.log", &log("alpha", 50))]);
    assert_eq!(doc_freq(&Reader::open(dir.path()).expect("stopped"), "alpha"), 50);
    set_writable(dir.path(), false);
    let answer = Reader::open(dir.path()).map(|reader| doc_freq(&reader, "alpha"));
    set_writable(dir.path(), true);
    assert_eq!(answer.expect("read-only"), 50);
}

#[test]
fn a_live_store_answers_and_shows_what_is_committed() {
    let dir = tempfile::tempdir().expect("temporary directory");
    index(dir.path(), &[("/a.log", &log("alpha", 50))]);
    let writer = Writer::open(dir.path()).expect("writer");
    let reader = Reader::open(dir.path()).expect("reader");
    assert_eq!(doc_freq(&reader, "beta"), 0);
    let text = log("beta", 20);
    let source = register(&writer, "/b.log", text.as_bytes());
    let mut builder = writer.bucket_builder(&main_index()).expect("builder");
    for (offset, parsed) in blocks(text.as_bytes(), 4096) {
        let bytes = &text.as_bytes()[offset..];
        let input = BlockInput { source: &source, offset: offset as u64, bytes, parsed: &parsed };
        builder.push(&input).expect("push");
    }
    let sealed = builder.seal().expect("seal").expect("events");
    assert_eq!(doc_freq(&reader, "beta"), 0, "sealed is not committed");
    writer.commit(&[sealed]).expect("commit");
    assert_eq!(doc_freq(&reader, "beta"), 20);
}

#[test]
fn no_store_and_a_newer_store_are_refused_clearly() {
    let dir = tempfile::tempdir().expect("temporary directory");
    assert!(matches!(Reader::open(dir.path()), Err(StoreError::NoStore { .. })));
    index(dir.path(), &[("/a.log", &log("alpha", 5))]);
    let connection = rusqlite::Connection::open(dir.path().join("catalog.db")).expect("open");
    connection.pragma_update(None, "user_version", 99).expect("pragma");
    drop(connection);
    assert!(matches!(Reader::open(dir.path()), Err(StoreError::NewerFormat { found: 99, .. })));
    assert!(matches!(Writer::open(dir.path()), Err(StoreError::NewerFormat { found: 99, .. })));
}

#[test]
fn what_is_sealed_while_sources_are_read_counts_once() {
    const ROUNDS: usize = 40;
    let dir = tempfile::tempdir().expect("temporary directory");
    let writer = Writer::open(dir.path()).expect("writer");
    // Lines of one length.
    let text = "2026-11-20 10:00:00 INFO a line\n".repeat(ROUNDS * 50);
    let line_len = text.find('\n').expect("a line") as u64 + 1;
    let source = register(&writer, "/a.log", text.as_bytes());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for piece in 0..ROUNDS {
                let mut log = writer.begin_live_log(&main_index()).expect("begin");
                let offset = piece * 50 * line_len as usize;
                let bytes = &text.as_bytes()[offset..offset + 50 * line_len as usize];
                for (at, parsed) in blocks(bytes, 1 << 20) {
                    let block = BlockInput {
                        source: &source,
                        offset: (offset + at) as u64,
                        bytes: &bytes[at..],
                        parsed: &parsed,
                    };
                    writer.append(&mut log, &[Record::Events(block)]).expect("append");
                }
                writer.end_live_log(log);
                writer.seal_live_logs(&main_index(), &|| false).expect("seal");
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let reader = Reader::open(dir.path()).expect("reader");
        let mut is_last = false;
        while !is_last {
            is_last = is_over.load(Ordering::SeqCst);
            for generation in reader.sources().expect("sources").iter().flat_map(|source| &source.generations) {
                assert_eq!(generation.n_events * line_len, generation.committed.len());
            }
        }
    });
    let sources = writer.sources().expect("sources");
    assert_eq!(sources[0].generations[0].n_events, ROUNDS as u64 * 50);
}

#[test]
fn a_store_that_a_power_cut_left_half_created_is_none_yet() {
    // Until the catalog has its log, SQLite keeps a rollback journal, which only a writer can play back.
    let (elsewhere, dir) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
    let catalog = elsewhere.path().join("catalog.db");
    let connection = rusqlite::Connection::open(&catalog).expect("create");
    connection
        .execute_batch("PRAGMA synchronous = OFF; CREATE TABLE a (b); BEGIN; INSERT INTO a VALUES (1);")
        .expect("write");
    for name in ["catalog.db", "catalog.db-journal"] {
        fs::copy(elsewhere.path().join(name), dir.path().join(name)).expect("copy");
    }
    fs::write(dir.path().join("catalog.db-wal"), [0; 32]).expect("write");
    let is_none_yet = || {
        let outcome = Reader::open(dir.path()).err();
        assert!(matches!(outcome, Some(StoreError::NoStore { .. })), "{outcome:?}");
    };
    is_none_yet();
    // Nor is it, where its first page was torn before there was a log.
    fs::remove_file(dir.path().join("catalog.db-wal")).expect("remove");
    let torn = fs::read(dir.path().join("catalog.db")).expect("read").into_iter().map(|byte| !byte);
    fs::write(dir.path().join("catalog.db"), torn.collect::<Vec<u8>>()).expect("write");
    is_none_yet();
}
