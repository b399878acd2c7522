//! Live logs go as soon as they are sealed, under the eyes of readers that may just be about to open them.

use crate::helpers::*;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use trawl_store::live::log_path;
use trawl_store::{BlockInput, LiveLog, LiveTail, Reader, Record, SourceHandle, Writer, index_dir};

/// Logs that are begun, filled and sealed under the readers.
const N_LOGS: u64 = 150;

/// A line of always the same length.
fn line(number: u64) -> Vec<u8> {
    format!("2026-11-20 10:00:00 INFO line {number:08}\n").into_bytes()
}

fn append(writer: &Writer, log: &mut LiveLog, source: &Arc<SourceHandle>, number: u64) {
    let bytes = line(number);
    let parsed = blocks(&bytes, 1 << 20).remove(0).1;
    let offset = number * bytes.len() as u64;
    let block = BlockInput { source, offset, bytes: &bytes, parsed: &parsed };
    writer.append(log, &[Record::Events(block)]).expect("append");
}

fn begin(writer: &Writer) -> LiveLog {
    writer.begin_live_log(&main_index()).expect("begin")
}

/// Ids of the live logs that have a file.
fn files(data: &Path) -> Vec<String> {
    let dir = log_path(&index_dir(data, &main_index()), "x");
    let entries = fs::read_dir(dir.parent().expect("a folder")).expect("list");
    entries
        .map(|entry| entry.expect("entry").path().file_stem().expect("a name").to_str().expect("UTF-8").into())
        .collect()
}

#[test]
fn readers_never_miss_a_log_that_is_sealed() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let writer = Writer::open(dir.path()).expect("writer");
    let source = register(&writer, "/a.log", &line(0));
    let (n_durable, is_done) = (AtomicU64::new(0), AtomicBool::new(false));
    let n_looks = thread::scope(|scope| {
        let look = || {
            let reader = Reader::open(dir.path()).expect("reader");
            let mut n_looks = 0;
            while !is_done.load(Ordering::Relaxed) {
                let before = n_durable.load(Ordering::SeqCst);
                let snapshot = reader.snapshot().expect("a snapshot");
                let sealed: u64 = snapshot.buckets.iter().map(|bucket| bucket.n_events).sum();
                let live: u64 = snapshot.live.iter().map(|block| block.parsed.events.len() as u64).sum();
                assert!(sealed + live >= before, "{sealed} sealed and {live} live events of {before} or more");
                // What is appended meanwhile may be in it, but no event twice.
                assert!(sealed + live <= n_durable.load(Ordering::SeqCst) + 1);
                let before = n_durable.load(Ordering::SeqCst);
                let sources = reader.sources().expect("sources");
                let n_read = sources[0].generations[0].committed.len() / line(0).len() as u64;
                assert!(n_read >= before, "progress of {n_read} events of {before} or more");
                n_looks += 1;
            }
            n_looks
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(look)).collect();
        for number in 0..N_LOGS {
            let mut log = begin(&writer);
            append(&writer, &mut log, &source, number);
            n_durable.fetch_add(1, Ordering::SeqCst);
            writer.end_live_log(log);
            writer.seal_live_logs(&main_index(), &|| false).expect("seal");
        }
        is_done.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().expect("a reader")).sum::<u64>()
    });
    assert!(n_looks > 0);
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[test]
fn a_log_that_somebody_took_away_is_an_error() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let writer = Writer::open(dir.path()).expect("writer");
    let source = register(&writer, "/a.log", &line(0));
    let mut log = begin(&writer);
    append(&writer, &mut log, &source, 0);
    fs::remove_file(log.path()).expect("remove");
    let reader = Reader::open(dir.path()).expect("reader");
    assert!(reader.snapshot().is_err());
    assert!(reader.sources().is_err());
}

#[test]
fn who_follows_reads_a_log_to_its_end_after_it_is_gone() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let writer = Writer::open(dir.path()).expect("writer");
    let reader = Reader::open(dir.path()).expect("reader");
    let source = register(&writer, "/a.log", &line(0));
    let text =
        |blocks: Vec<trawl_store::LiveBlock>| blocks.iter().flat_map(|block| block.bytes.to_vec()).collect::<Vec<u8>>();
    let seal = |log: LiveLog| {
        let path = log.path().to_owned();
        writer.end_live_log(log);
        assert_eq!(writer.seal_live_logs(&main_index(), &|| false).expect("seal"), 1);
        assert!(!path.exists(), "a sealed log goes at once");
    };

    let mut log = begin(&writer);
    append(&writer, &mut log, &source, 0);
    let snapshot = reader.snapshot().expect("snapshot");
    // It grows, is sealed and goes between the snapshot and the begin of following.
    append(&writer, &mut log, &source, 1);
    seal(log);
    let mut tail = LiveTail::after(&reader, &snapshot).expect("follow");
    let mut log = begin(&writer);
    append(&writer, &mut log, &source, 2);
    assert_eq!(text(tail.poll(&reader).expect("poll")), [line(1), line(2)].concat());
    // And between two looks.
    append(&writer, &mut log, &source, 3);
    seal(log);
    assert_eq!(text(tail.poll(&reader).expect("poll")), line(3));
    assert_eq!(text(tail.poll(&reader).expect("poll")), b"");
}

#[test]
fn what_an_interrupted_writer_could_not_delete_goes_at_the_next_start() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let writer = Writer::open(dir.path()).expect("writer");
    let source = register(&writer, "/a.log", &line(0));
    let mut log = begin(&writer);
    append(&writer, &mut log, &source, 0);
    let (path, copy) = (log.path().to_owned(), dir.path().join("copy"));
    fs::copy(&path, &copy).expect("copy");
    writer.end_live_log(log);
    writer.seal_live_logs(&main_index(), &|| false).expect("seal");
    let mut kept = begin(&writer);
    append(&writer, &mut kept, &source, 1);
    drop(writer);
    fs::rename(&copy, &path).expect("as if it had stayed");
    let writer = Writer::open(dir.path()).expect("writer");
    assert_eq!(files(dir.path()), [kept.id()]);
    assert_eq!(writer.sources().expect("sources")[0].generations[0].committed.len(), 2 * line(0).len() as u64);
}

/// Large enough that its batches are taken apart, and its blocks joined, by several threads.
#[test]
fn a_large_log_is_read_back_whole_and_up_to_a_cut() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let writer = Writer::open(dir.path()).expect("writer");
    let texts: Vec<Vec<u8>> = (0..2).map(|n| log(&format!("file{n}"), 50_000).into_bytes()).collect();
    let sources: Vec<_> =
        texts.iter().enumerate().map(|(n, text)| register(&writer, &format!("/{n}.log"), text)).collect();
    let pieces: Vec<_> = texts.iter().map(|text| blocks(text, 8 << 10)).collect();
    let mut log = begin(&writer);
    let (mut ends, mut offsets) = (Vec::new(), Vec::new());
    for at in 0..pieces[0].len().max(pieces[1].len()) {
        let records: Vec<Record<'_>> = (0..2)
            .filter_map(|n| {
                let (offset, parsed) = pieces[n].get(at)?;
                let block =
                    BlockInput { source: &sources[n], offset: *offset as u64, bytes: &texts[n][*offset..], parsed };
                Some(Record::Events(block))
            })
            .collect();
        writer.append(&mut log, &records).expect("append");
        ends.push(log.durable_len());
        offsets.push(
            (0..2).map(|n| pieces[n].get(at + 1).map_or(texts[n].len(), |(offset, _)| *offset)).collect::<Vec<_>>(),
        );
    }
    let text_of = |blocks: &[trawl_store::LiveBlock], source: &str| {
        let mut blocks: Vec<_> = blocks.iter().filter(|block| block.source.source.as_str() == source).collect();
        blocks.sort_unstable_by_key(|block| block.offset);
        blocks.iter().flat_map(|block| block.bytes.to_vec()).collect::<Vec<u8>>()
    };
    let live = Reader::open(dir.path()).and_then(|reader| reader.snapshot()).expect("snapshot").live;
    assert!(live.len() < pieces[0].len(), "small blocks are joined");
    for (n, text) in texts.iter().enumerate() {
        assert!(text_of(&live, &format!("/{n}.log")) == *text, "file {n}");
        let n_events: usize =
            live.iter().filter(|block| block.source.id == sources[n].id).map(|block| block.parsed.events.len()).sum();
        assert_eq!(n_events, 50_000);
    }
    let whole = fs::read(log.path()).expect("read");
    let cut = dir.path().join("cut.log");
    // A torn batch, and one with a wrong byte: both end the log, whatever stands behind.
    for (at, is_torn) in [(ends.len() / 2, true), (ends.len() / 3, false)] {
        let mut bytes = whole.clone();
        match is_torn {
            true => bytes.truncate(ends[at] as usize - 3),
            false => bytes[ends[at] as usize - 3] ^= 1,
        }
        fs::write(&cut, &bytes).expect("write");
        let records = trawl_store::live::read(&cut, &main_index(), None).expect("a torn end is no error");
        for (n, text) in texts.iter().enumerate() {
            assert!(
                text_of(&records.blocks, &format!("/{n}.log")) == text[..offsets[at - 1][n]],
                "file {n} up to batch {at}"
            );
        }
    }
}
