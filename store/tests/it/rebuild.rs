//! What is derived can be made again.

use crate::helpers::*;
use trawl_formats::Registry;
use trawl_store::verify::verify;
use trawl_store::{Reader, Writer, rebuild_catalog};

#[test]
fn a_rebuilt_catalog_is_the_catalog() {
    let dir = tempfile::tempdir().expect("temporary directory");
    index(dir.path(), &[("/a.log", &log("alpha", 200)), ("/b.log", &log("beta", 90))]);
    index(dir.path(), &[("/c.log", &log("gamma", 20))]);
    let reader = Reader::open(dir.path()).expect("reader");
    let (before, sources) = (reader.snapshot().expect("snapshot").buckets, reader.sources().expect("sources"));
    drop(reader);
    std::fs::write(dir.path().join("catalog.db"), b"not a database any more").expect("damage");
    assert_eq!(rebuild_catalog(dir.path()).expect("rebuild"), 2);
    let reader = Reader::open(dir.path()).expect("reader");
    assert_eq!(reader.snapshot().expect("snapshot").buckets, before);
    assert_eq!(reader.sources().expect("sources"), sources);
}

#[test]
fn a_lost_catalog_costs_no_bucket() {
    let dir = tempfile::tempdir().expect("temporary directory");
    index(dir.path(), &[("/a.log", &log("alpha", 200))]);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("catalog.db{suffix}")));
    }
    let refused = Writer::open(dir.path());
    assert!(matches!(refused, Err(trawl_store::StoreError::CatalogLost { .. })));
    assert_eq!(rebuild_catalog(dir.path()).expect("rebuild"), 1);
    assert_eq!(doc_freq(&Reader::open(dir.path()).expect("reader"), "alpha"), 200);
}

#[test]
fn a_rebuilt_index_is_the_index() {
    let dir = tempfile::tempdir().expect("temporary directory");
    index(dir.path(), &[("/a.log", &log("alpha", 200))]);
    let registry = Registry::builtin();
    let report = verify(dir.path(), &registry).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!((report.n_buckets, report.n_events), (1, 200));

    let writer = Writer::open(dir.path()).expect("writer");
    let old = Reader::open(dir.path()).expect("reader").snapshot().expect("snapshot").buckets.remove(0);
    writer.rebuild_index(&old, &registry).expect("rebuild");
    let reader = Reader::open(dir.path()).expect("reader");
    let new = reader.snapshot().expect("snapshot").buckets.remove(0);
    assert_ne!(new.id, old.id);
    assert_eq!((new.n_events, new.raw_bytes, new.min_time_us), (old.n_events, old.raw_bytes, old.min_time_us));
    assert_eq!(doc_freq(&reader, "alpha"), 200);
    let source = &reader.sources().expect("sources")[0].generations[0];
    assert_eq!((source.n_events, source.committed.len()), (200, old.raw_bytes));

    // The old directory is still there for readers, and a catalog made anew does not count its events twice.
    drop((writer, reader));
    assert_eq!(rebuild_catalog(dir.path()).expect("rebuild"), 1);
    drop(Writer::open(dir.path()).expect("writer"));
    let report = verify(dir.path(), &registry).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}
