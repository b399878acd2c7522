//! Bytes in, bytes out; ranges and columns as they were given.

use crate::helpers::*;
use trawl_store::{BlockInput, Reader, Writer};

#[test]
fn raw_bytes_columns_and_terms_come_back() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (a, b) = (log("alpha", 500), log("beta", 300));
    index(dir.path(), &[("/var/log/a.log", &a), ("/var/log/b.log", &b)]);
    let reader = Reader::open(dir.path()).expect("open");
    assert_eq!(raw_of(&reader, "/var/log/a.log"), a.as_bytes());
    assert_eq!(raw_of(&reader, "/var/log/b.log"), b.as_bytes());
    assert_eq!([doc_freq(&reader, "alpha"), doc_freq(&reader, "beta"), doc_freq(&reader, "line7")], [500, 300, 2]);

    let row = &reader.snapshot().expect("snapshot").buckets[0];
    assert_eq!((row.n_events, row.raw_bytes), (800, (a.len() + b.len()) as u64));
    let bucket = reader.bucket(row).expect("bucket");
    let (mut times, mut levels) = (Vec::new(), Vec::new());
    let first = &bucket.blocks()[0];
    bucket.times_us(first, &mut times).expect("times");
    bucket.levels(first, &mut levels).expect("levels");
    assert_eq!(times[1] - times[0], 1_000_000);
    let names: Vec<&str> = levels[..3].iter().map(|id| &**bucket.directory().levels.get(*id).expect("level")).collect();
    assert_eq!(names, ["INFO", "WARN", "ERROR"]);
}

#[test]
fn progress_is_what_was_committed() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = log("alpha", 400);
    let writer = Writer::open(dir.path()).expect("open");
    let source = register(&writer, "/a.log", text.as_bytes());
    let parsed = blocks(text.as_bytes(), 2048);
    let mut builder = writer.bucket_builder(&main_index()).expect("builder");
    // Blocks 0, 1 and 3 are committed, block 2 is a hole.
    for i in [3, 0, 1] {
        let (offset, block) = &parsed[i];
        let bytes = &text.as_bytes()[*offset..];
        builder.push(&BlockInput { source: &source, offset: *offset as u64, bytes, parsed: block }).expect("push");
    }
    let sealed = builder.seal().expect("seal").expect("events");
    let state = writer.catalog().sources().expect("sources").remove(0);
    assert!(state.generations[0].committed.is_empty(), "nothing is progress before the commit");
    writer.commit(&[sealed]).expect("commit");
    let state = writer.catalog().sources().expect("sources").remove(0);
    let generation = &state.generations[0];
    let hole = parsed[2].0 as u64..parsed[3].0 as u64;
    assert_eq!(generation.committed.holes(parsed[4].0 as u64), std::slice::from_ref(&hole));
    let tail = generation.tail().expect("the tail before the hole");
    assert_eq!(tail.end, hole.start);
    assert!(tail.matches(&text.as_bytes()[tail.start() as usize..tail.end as usize]));
    let committed =
        |at| writer.catalog().snapshot_with(|_, is_committed| is_committed(state.id, 0, at)).expect("catalog");
    assert!(committed(0));
    assert!(!committed(hole.start));
}

#[test]
fn an_abandoned_bucket_leaves_nothing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = log("alpha", 40);
    let buckets = dir.path().join("index/main/buckets");
    {
        let writer = Writer::open(dir.path()).expect("open");
        let source = register(&writer, "/a.log", text.as_bytes());
        let mut builder = writer.bucket_builder(&main_index()).expect("builder");
        for (offset, parsed) in blocks(text.as_bytes(), 512) {
            let bytes = &text.as_bytes()[offset..];
            builder.push(&BlockInput { source: &source, offset: offset as u64, bytes, parsed: &parsed }).expect("push");
        }
        assert_eq!(std::fs::read_dir(&buckets).expect("list").count(), 1);
        drop(builder);
        assert_eq!(std::fs::read_dir(&buckets).expect("list").count(), 0, "dropped");

        // Sealed but never committed: what a crash between the two leaves.
        let mut builder = writer.bucket_builder(&main_index()).expect("builder");
        let (offset, parsed) = &blocks(text.as_bytes(), 512)[0];
        let bytes = &text.as_bytes()[*offset..];
        builder.push(&BlockInput { source: &source, offset: 0, bytes, parsed }).expect("push");
        builder.seal().expect("seal").expect("events");
        assert_eq!(std::fs::read_dir(&buckets).expect("list").count(), 1);
    }
    Writer::open(dir.path()).expect("open again");
    assert_eq!(std::fs::read_dir(&buckets).expect("list").count(), 0, "removed at the next start");
}

#[test]
fn a_provisional_event_is_found_until_it_is_superseded() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = log("alpha", 2);
    let writer = Writer::open(dir.path()).expect("open");
    let source = register(&writer, "/a.log", text.as_bytes());
    let other = register(&writer, "/b.log", text.as_bytes());
    let provisional = &blocks(text.as_bytes(), 1)[1];
    let input = |source, len: usize| BlockInput {
        source,
        offset: provisional.0 as u64,
        bytes: &text.as_bytes()[provisional.0..][..len],
        parsed: &provisional.1,
    };
    let len = provisional.1.len;
    writer.set_provisional(&main_index(), &[input(&source, len), input(&other, len)]).expect("write");
    let reader = Reader::open(dir.path()).expect("reader");
    let offsets = |reader: &Reader| -> Vec<(String, u64)> {
        let live = reader.snapshot().expect("snapshot").live;
        live.iter().map(|block| (block.source.source.to_string(), block.offset)).collect()
    };
    let at = provisional.0 as u64;
    assert_eq!(offsets(&reader), [("/a.log".to_owned(), at), ("/b.log".to_owned(), at)]);

    // A later run knows more of a.log; b.log stays as it was.
    writer.set_provisional(&main_index(), &[input(&source, len)]).expect("write");
    assert_eq!(offsets(&reader), [("/b.log".to_owned(), at), ("/a.log".to_owned(), at)]);

    let mut builder = writer.bucket_builder(&main_index()).expect("builder");
    for (offset, parsed) in blocks(text.as_bytes(), 1 << 20) {
        let bytes = &text.as_bytes()[offset..];
        builder.push(&BlockInput { source: &source, offset: offset as u64, bytes, parsed: &parsed }).expect("push");
    }
    let sealed = builder.seal().expect("seal").expect("events");
    writer.commit(&[sealed]).expect("commit");
    assert_eq!(offsets(&reader), [("/b.log".to_owned(), at)], "the bucket holds the event now");
}
