//! A small store made of text.

use std::path::Path;
use std::sync::Arc;
use trawl_formats::event::IndexName;
use trawl_formats::{Decoding, ParsedBlock, Parser, ParserOptions, Registry, Step};
use trawl_store::{BlockInput, BlockReader, Fingerprint, NewSource, Reader, SourceHandle, Writer};

pub fn main_index() -> IndexName {
    IndexName::new("main").expect("a valid name")
}

/// A log of `n` lines, one second apart, in which every line can be told from the others.
pub fn log(name: &str, n: usize) -> String {
    (0..n)
        .map(|i| {
            let level = ["INFO", "WARN", "ERROR"][i % 3];
            format!(
                "2026-11-20 {:02}:{:02}:{:02} {level} {name} line{i} value={}\n",
                10 + i / 3600,
                i / 60 % 60,
                i % 60,
                i * 7
            )
        })
        .collect()
}

/// Registers a source whose file holds `text`.
pub fn register(writer: &Writer, path: &str, text: &[u8]) -> Arc<SourceHandle> {
    let rules = Registry::builtin().generic();
    let new = NewSource {
        index: main_index(),
        path: path.into(),
        source: path.into(),
        host: "web01".into(),
        sourcetype: rules.name().clone(),
        rules_hash: rules.hash(),
        decoding: Decoding::default(),
        fingerprint: Fingerprint::of(text, 1, 2),
    };
    let (id, _) = writer.catalog().register(&new).expect("register");
    let source =
        writer.catalog().sources().expect("sources").into_iter().find(|source| source.id == id).expect("registered");
    Arc::new(source.handle(&source.generations[0]))
}

/// Parses `text`, which begins at `offset` of its source, into blocks of at least `block_bytes`.
pub fn blocks(text: &[u8], block_bytes: usize) -> Vec<(usize, ParsedBlock)> {
    let mut options = ParserOptions::new(Registry::builtin().generic());
    options.block_bytes = block_bytes;
    let mut parser = Parser::new(options);
    let (mut blocks, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let mut parsed = ParsedBlock::default();
        assert_eq!(parser.next_block(&text[at..], true, &mut parsed), Step::Block);
        let len = parsed.len;
        blocks.push((at, parsed));
        at += len;
    }
    blocks
}

/// Indexes the text of each file into one bucket.
pub fn index(data: &Path, files: &[(&str, &str)]) {
    let writer = Writer::open(data).expect("open");
    let mut builder = writer.bucket_builder(&main_index()).expect("builder");
    for (path, text) in files {
        let source = register(&writer, path, text.as_bytes());
        for (offset, parsed) in blocks(text.as_bytes(), 4096) {
            let bytes = &text.as_bytes()[offset..];
            builder.push(&BlockInput { source: &source, offset: offset as u64, bytes, parsed: &parsed }).expect("push");
        }
    }
    let sealed = builder.seal().expect("seal").expect("events");
    writer.commit(&[sealed]).expect("commit");
}

/// All raw bytes of a source in the store, in order of offset.
pub fn raw_of(reader: &Reader, source: &str) -> Vec<u8> {
    let mut pieces = Vec::new();
    let mut blocks = BlockReader::new().expect("reader");
    for row in reader.snapshot().expect("snapshot").buckets {
        let bucket = reader.bucket(&row).expect("bucket");
        for block in bucket.blocks().iter().filter(|block| bucket.source_of(block).source.as_str() == source) {
            let mut raw = Vec::new();
            bucket.read_block(&mut blocks, block, &mut raw).expect("block");
            pieces.push((block.source_offset, raw));
        }
    }
    pieces.sort_unstable();
    let mut whole = Vec::new();
    for (offset, raw) in pieces {
        assert_eq!(offset, whole.len() as u64, "blocks join");
        whole.extend(raw);
    }
    whole
}

/// Number of events that hold `term`, by the index alone.
pub fn doc_freq(reader: &Reader, term: &str) -> u32 {
    let buckets = reader.snapshot().expect("snapshot").buckets;
    let counts = buckets.iter().map(|row| {
        let bucket = reader.bucket(row).expect("bucket");
        bucket.segment().expect("segment").doc_freq(term.as_bytes()).expect("dictionary")
    });
    counts.sum()
}
