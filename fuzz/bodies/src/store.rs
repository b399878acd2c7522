//! What lies on disk: any bytes give a value or an error, in memory that the bytes account for.

use crate::input::Input;
use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use trawl_formats::event::IndexName;
use trawl_formats::{Decoding, ParsedBlock, Parser, ParserOptions, Registry, Step, text};
use trawl_store::archive::{ArchivedBucket, open_bucket};
use trawl_store::bucket::blocks::{BLOCKS_FILE, BlockDirectory};
use trawl_store::bucket::columns::{COLUMNS_FILE, Chunk};
use trawl_store::bucket::journal::{FrameRef, JOURNAL_FILE};
use trawl_store::bucket::meta::{BucketMeta, META_FILE};
use trawl_store::retention::aged_out::{AgedOutFile, SOURCES_FILE};
use trawl_store::segment::Tokenizer;
use trawl_store::segment::terms::TermTable;
use trawl_store::sums::{self, BucketFiles, SUMS_FILE};
use trawl_store::{
    BlockInput, BlockReader, Bucket, BucketBuilder, Fingerprint, LiveBlock, SourceHandle, SourceId, live as live_log,
};

/// Events of several levels and hosts, of one line and of more, in blocks of a few events.
const LOG: &str = "\
2026-11-20 14:05:00,123 ERROR [main] com.acme.Pay - job=7 failed\n\tat com.acme.Pay.run(Pay.java:1)\n\
2026-11-20 14:05:01,000 INFO  [w-1] com.acme.Pay - job=8 host=db-01\n\
no stamp\n\
2026-11-20 14:05:02,500 WARN  [w-2] com.acme.Pay - job=9 host=db-02\n\
2026-11-20 14:05:03,000 INFO  [w-1] com.acme.Pay - job=10 host=db-01\n\
2026-11-20 14:05:04,000 INFO  [w-1] com.acme.Pay - done\n";

/// Files of a bucket that the body changes. Those of the segment are tantivy's to read.
const FILES: [&str; 4] = [BLOCKS_FILE, COLUMNS_FILE, JOURNAL_FILE, META_FILE];

fn main_index() -> IndexName {
    IndexName::new("main").expect("a valid name")
}

/// The first byte chooses the file that the rest stands for: block directory, chunk of columns, `bucket.json`, journal with
/// right checksums, checksums; or how a whole bucket is changed before its checksums are made right again.
pub fn journal(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() % 6 {
        0 => read_directory(input.rest()),
        1 => read_columns(input),
        2 => read_meta(input.rest()),
        3 => read_frame(input),
        4 => BUCKET.with(|bucket| bucket.get_or_init(TemplateBucket::new).read_sums(input.rest())),
        _ => BUCKET.with(|bucket| bucket.get_or_init(TemplateBucket::new).read_changed(input)),
    }
}

/// The first byte chooses what the rest is: `sources.json`, or a file of an archive.
pub fn archive(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if input.u8().is_multiple_of(2) {
        let path = Path::new(SOURCES_FILE);
        if let Ok(file) = AgedOutFile::decode(input.rest(), path) {
            let text = serde_json::to_vec(&file).expect("it was read");
            assert_eq!(AgedOutFile::decode(&text, path).expect("what was written"), file);
        }
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("bucket.tar");
    fs::write(&path, input.rest()).expect("write");
    if let Ok(bucket) = ArchivedBucket::open(&path)
        && bucket.verify().is_ok()
    {
        // Whole, by its own sums: then it can be read.
        assert_eq!(open_bucket(&path).expect("open").n_events(), bucket.meta.n_events);
    }
}

fn read_directory(bytes: &[u8]) {
    let Ok(directory) = BlockDirectory::decode(bytes, Path::new(BLOCKS_FILE)) else { return };
    let again = BlockDirectory::decode(&directory.encode(), Path::new(BLOCKS_FILE)).expect("what was written");
    assert_eq!(again, directory);
    for (block_idx, block) in directory.blocks.iter().enumerate() {
        assert!(directory.sources.get(block.source as usize).is_some());
        for doc in [block.docs().start, block.docs().end - 1] {
            assert_eq!(directory.block_of(doc), block_idx);
        }
    }
}

fn read_columns(mut input: Input<'_>) {
    let n_events = u32::from(input.u16());
    let n_raw = usize::from(input.u8());
    let raw = input.take(n_raw);
    let Some(chunk) = Chunk::parse(input.rest(), n_events) else { return };
    let (mut times_us, mut ids, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    if chunk.times_us(&mut times_us).is_some() {
        assert_eq!(times_us.len(), n_events as usize);
    }
    for read in [Chunk::levels, Chunk::hosts] {
        assert!(read(&chunk, &mut ids).is_none() || ids.len() == n_events as usize);
    }
    if chunk.event_ends(raw, &mut ends).is_some() {
        check_ends(raw, &ends, n_events);
    }
    let _ = chunk.flags(|event_idx, _| assert!(event_idx < n_events));
}

fn check_ends(raw: &[u8], ends: &[u32], n_events: u32) {
    assert_eq!(ends.len(), n_events as usize);
    assert!(ends.is_sorted(), "{ends:?}");
    assert_eq!(ends.last().copied().unwrap_or_default() as usize, raw.len());
}

fn read_meta(bytes: &[u8]) {
    let Ok(meta) = BucketMeta::decode(bytes, Path::new(META_FILE)) else { return };
    let again = BucketMeta::decode(&meta.encode(), Path::new(META_FILE)).expect("what was written");
    assert_eq!(again, meta);
    assert!(!meta.dir_name().is_empty());
    for source in &meta.sources {
        let _ = source.entry.handle(&meta.index);
        let ranges = &source.ranges;
        assert!(ranges.iter().all(|range| range.start < range.end));
        assert_eq!(ranges.len(), ranges.iter().map(|range| range.end - range.start).sum::<u64>());
        assert_eq!(ranges.first_gap(ranges.end()), ranges.end());
        source.tails.iter().for_each(|tail| assert!(tail.start() <= tail.end));
    }
}

fn read_frame(mut input: Input<'_>) {
    let frame = FrameRef {
        offset: input.i64() as u64,
        compressed_len: u32::from(input.u16()),
        raw_len: if input.u8() == 0 { u32::from(input.u16()) } else { input.u32() },
    };
    let mut journal = input.rest().to_vec();
    let mut raw = Vec::new();
    let mut reader = BlockReader::new().expect("memory");
    let path = Path::new(JOURNAL_FILE);
    let _ = reader.read(path, &journal, frame, &mut raw);
    // The same data as a frame that is what the reference says.
    journal.truncate(usize::from(u16::MAX));
    let frame = FrameRef { offset: 0, compressed_len: journal.len() as u32, ..frame };
    let mut whole = frame_header(frame, &journal);
    whole.extend(journal);
    if reader.read(path, &whole, frame, &mut raw).is_ok() {
        assert_eq!(raw.len(), frame.raw_len as usize);
    }
}

/// Magic number, lengths and checksum of a frame of the journal.
fn frame_header(frame: FrameRef, data: &[u8]) -> Vec<u8> {
    let lengths = [frame.compressed_len.to_le_bytes(), frame.raw_len.to_le_bytes()].concat();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&lengths), data);
    [&b"TRWB"[..], &lengths, &crc.to_le_bytes()].concat()
}

thread_local! {
    static BUCKET: OnceCell<TemplateBucket> = const { OnceCell::new() };
}

/// A bucket that was sealed once and is changed and read again and again.
struct TemplateBucket {
    dir: PathBuf,
    _folder: TempDir,
    names: Vec<String>,
    /// The contents of [`FILES`] as they were sealed.
    contents: [Vec<u8>; 4],
    sums: Vec<u8>,
}

impl TemplateBucket {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut builder = BucketBuilder::new(folder.path().to_owned(), main_index());
        let (source, blocks) = (source(), blocks(LOG.as_bytes()));
        for (offset, parsed) in &blocks {
            let bytes = &LOG.as_bytes()[*offset..];
            builder.push(&BlockInput { source: &source, offset: *offset as u64, bytes, parsed }).expect("a whole disk");
        }
        let dir = builder.seal().expect("a whole disk").expect("there are events").dir;
        let names = BucketFiles::open(&dir).expect("a whole bucket").names().map(str::to_owned).collect();
        let read = |name: &str| fs::read(dir.join(name)).expect("a file of the bucket");
        Self { names, contents: FILES.map(read), sums: read(SUMS_FILE), dir, _folder: folder }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.dir.join(name), bytes).expect("the temporary folder can be written");
    }

    /// A checksum file whose own checksum is right.
    fn read_sums(&self, bytes: &[u8]) {
        self.write(SUMS_FILE, &[bytes, &crc32c::crc32c(bytes).to_le_bytes()].concat());
        if let Ok(files) = BucketFiles::open(&self.dir) {
            let _ = files.check_all();
            let _ = Bucket::open(&self.dir);
        }
        self.write(SUMS_FILE, &self.sums);
    }

    /// Sets single bytes, cuts files short, makes the checksums right again, and reads everything.
    fn read_changed(&self, mut input: Input<'_>) {
        let mut contents = self.contents.clone();
        while !input.is_empty() {
            let (choice, at, value) = (input.u8(), usize::from(input.u16()), input.u8());
            let content = &mut contents[usize::from(choice % 4)];
            match content.get_mut(at) {
                Some(byte) if choice < 0xf0 => *byte = value,
                _ => content.truncate(at),
            }
        }
        mend_frames(&mut contents[2]);
        FILES.iter().zip(&contents).for_each(|(name, content)| self.write(name, content));
        self.write(SUMS_FILE, &sums::compute(&self.dir, &self.names).expect("all files are there"));
        if let Ok(bucket) = Bucket::open(&self.dir) {
            read_bucket(&bucket);
        }
    }
}

/// Makes the checksum of each frame right whose lengths lie within the journal.
fn mend_frames(journal: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = journal.get(at..at + 16) {
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let frame = FrameRef { offset: 0, compressed_len: word(4), raw_len: word(8) };
        let end = at + 16 + frame.compressed_len as usize;
        let Some(data) = journal.get(at + 16..end) else { return };
        let mended = frame_header(frame, data);
        journal[at + 12..at + 16].copy_from_slice(&mended[12..]);
        at = end;
    }
}

/// Reads all that a search or a check reads. A part that is damaged costs no other part.
fn read_bucket(bucket: &Bucket) {
    let _ = (bucket.meta(), bucket.segment());
    let mut reader = BlockReader::new().expect("memory");
    let (mut raw, mut ends, mut times_us, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let directory = bucket.directory();
    for block in bucket.blocks() {
        let n_events = block.n_events as usize;
        let decoding = bucket.source_of(block).decoding;
        if bucket.read_block(&mut reader, block, &mut raw).is_ok() && bucket.event_ends(block, &raw, &mut ends).is_ok()
        {
            check_ends(&raw, &ends, block.n_events);
            let mut start = 0;
            for &end in &ends {
                let _ = text(&raw[start as usize..end as usize], decoding);
                start = end;
            }
        }
        assert!(bucket.times_us(block, &mut times_us).is_err() || times_us.len() == n_events);
        let is_known = |ids: &[u32], n_known: usize| ids.iter().all(|&id| id as usize <= n_known);
        if bucket.levels(block, &mut ids).is_ok() {
            assert!(ids.len() == n_events && is_known(&ids, directory.levels.items().len()));
        }
        if bucket.hosts(block, &mut ids).is_ok() {
            assert!(ids.len() == n_events && is_known(&ids, directory.hosts.items().len()));
        }
        let _ = bucket.flags(block, |event_idx, _| assert!(event_idx < block.n_events));
    }
}

fn source() -> Arc<SourceHandle> {
    let rules = Registry::builtin().get("log4j").expect("a built-in sourcetype");
    Arc::new(SourceHandle {
        id: SourceId(7),
        generation: 2,
        index: main_index(),
        path: "/var/log/pay.log".into(),
        source: "/var/log/pay.log".into(),
        sourcetype: rules.name().clone(),
        host: "web01".into(),
        rules_hash: rules.hash(),
        decoding: Decoding::default(),
        fingerprint: Fingerprint::of(LOG.as_bytes(), 1, 2),
    })
}

/// Blocks of a few events with their offsets.
fn blocks(bytes: &[u8]) -> Vec<(usize, ParsedBlock)> {
    let rules = Registry::builtin().get("log4j").expect("a built-in sourcetype");
    let mut parser = Parser::new(ParserOptions { block_bytes: 150, ..ParserOptions::new(rules) });
    let (mut blocks, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let mut parsed = ParsedBlock::default();
        assert_eq!(parser.next_block(&bytes[at..], true, &mut parsed), Step::Block);
        at += parsed.len;
        blocks.push((at - parsed.len, parsed));
    }
    blocks
}

thread_local! {
    static LIVE_DIR: TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// A live log as it is or, if the first byte is odd, the payload of its only batch: what is read can be indexed.
pub fn live(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_payload = input.u8() % 2 == 1;
    let content = input.rest();
    let log = if is_payload {
        let header = [b"trawlliv\x02\0\0\0TRWL", &(content.len() as u32).to_le_bytes()[..]].concat();
        [&header, &crc32c::crc32c(content).to_le_bytes()[..], content].concat()
    } else {
        content.to_vec()
    };
    let path = LIVE_DIR.with(|dir| dir.path().join("live.log"));
    fs::write(&path, log).expect("the temporary folder can be written");
    let Ok(records) = live_log::read(&path, &main_index(), None) else { return };
    let sound: Vec<LiveBlock> = records.blocks.into_iter().filter(LiveBlock::is_sound).collect();
    let n_bytes: usize = sound.iter().map(|block| block.bytes.len()).sum();
    let blocks = live_log::join(sound);
    assert_eq!(n_bytes, blocks.iter().map(|block| block.bytes.len()).sum::<usize>());
    let (mut terms, mut tokenizer, mut n_docs) = (TermTable::default(), Tokenizer::default(), 0);
    for block in &blocks {
        let BlockInput { source, bytes, parsed, .. } = block.as_input();
        let mut at = 0;
        for event in &parsed.events {
            let end = at + event.len as usize;
            let text = text(&bytes[at..end], source.decoding);
            assert!(event.stamp.is_none_or(|stamp| stamp.end() <= text.len()));
            assert!(usize::from(event.level.max(event.host)) <= parsed.symbols.len());
            at = end;
        }
        assert_eq!(at, bytes.len());
        tokenizer.add_block(bytes, parsed, source.decoding, n_docs, &mut terms);
        n_docs += parsed.events.len() as u32;
    }
    let walk: Result<(), std::convert::Infallible> = terms.for_each_term(n_docs, |_, docs| {
        assert!(docs.is_sorted() && docs.last().is_some_and(|&doc| doc < n_docs));
        Ok(())
    });
    let Ok(()) = walk;
}
