//! From bytes to a sealed bucket, stage by stage. Throughput counts raw bytes of log.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use trawl_benches::corpus::{Log, logs, write_all};
use trawl_formats::{
    Decoding, Fields, IndexName, ParsedBlock, Parser, ParserOptions, Registry, Rules, Step, Wanted, Zone, text,
};
use trawl_indexer::{Input, Options, Progress};
use trawl_store::Writer;
use trawl_store::segment::{Tokenizer, terms::TermTable};

/// Later than every stamp of the logs.
fn now_us() -> i64 {
    trawl_testdata::now_us()
}

fn rules_of(log: &Log) -> (Arc<Rules>, Decoding) {
    let detection = Registry::builtin().detect(&log.bytes[..64 << 10], log.file_name);
    (detection.rules, detection.decoding)
}

/// The blocks of a log with their offsets.
fn blocks(log: &Log) -> Vec<(usize, ParsedBlock)> {
    let (rules, decoding) = rules_of(log);
    let mut options = ParserOptions::new(rules);
    options.decoding = decoding;
    let mut parser = Parser::new(options);
    let (mut blocks, mut at) = (Vec::new(), 0);
    while at < log.bytes.len() {
        let mut block = ParsedBlock::default();
        assert_eq!(parser.next_block(&log.bytes[at..], true, &mut block), Step::Block);
        let len = block.len;
        blocks.push((at, block));
        at += len;
    }
    blocks
}

/// Line ends, stamps, levels.
fn framing(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse/events");
    for log in logs() {
        let (rules, decoding) = rules_of(&log);
        group.throughput(Throughput::Bytes(log.bytes.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(log.name), |b| {
            b.iter(|| {
                let mut options = ParserOptions::new(Arc::clone(&rules));
                options.decoding = decoding;
                let mut parser = Parser::new(options);
                let (mut block, mut at, mut n_events) = (ParsedBlock::default(), 0, 0);
                while at < log.bytes.len() {
                    parser.next_block(&log.bytes[at..], true, &mut block);
                    at += block.len;
                    n_events += block.events.len();
                }
                black_box(n_events)
            });
        });
    }
    group.finish();
}

/// Finding the stamp of an event again, as a search does.
fn timestamp(c: &mut Criterion) {
    let mut group = c.benchmark_group("sourcetype/timestamp");
    for log in logs() {
        let (rules, decoding) = rules_of(&log);
        let (offset, block) = &blocks(&log)[0];
        group.throughput(Throughput::Elements(block.events.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(log.name), |b| {
            b.iter(|| {
                let mut at = *offset;
                let mut n_stamps = 0;
                for event in &block.events {
                    let text = text(&log.bytes[at..at + event.len as usize], decoding);
                    n_stamps += usize::from(rules.stamp_span(&text, block.hint).is_some());
                    at += event.len as usize;
                }
                black_box(n_stamps)
            });
        });
    }
    group.finish();
}

/// All fields of every event.
fn extract(c: &mut Criterion) {
    let mut group = c.benchmark_group("sourcetype/extract");
    for log in logs() {
        let (rules, decoding) = rules_of(&log);
        let (offset, block) = &blocks(&log)[0];
        group.throughput(Throughput::Bytes(block.len as u64));
        group.bench_function(BenchmarkId::from_parameter(log.name), |b| {
            let mut extractor = rules.extractor(Wanted::All);
            let mut fields = Fields::default();
            b.iter(|| {
                let mut at = *offset;
                let mut n_fields = 0;
                for event in &block.events {
                    let text = text(&log.bytes[at..at + event.len as usize], decoding);
                    extractor.extract(&text, None, &mut fields);
                    n_fields += fields.len();
                    at += event.len as usize;
                }
                black_box(n_fields)
            });
        });
    }
    group.finish();
}

/// Tokens into the term table.
fn tokenize(c: &mut Criterion) {
    let mut group = c.benchmark_group("ingest/tokenize");
    for log in logs() {
        let (_, decoding) = rules_of(&log);
        let blocks = blocks(&log);
        let (mut tokenizer, mut terms) = (Tokenizer::default(), TermTable::default());
        group.throughput(Throughput::Bytes(log.bytes.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(log.name), |b| {
            b.iter(|| {
                terms.clear();
                let mut doc = 0;
                for (offset, block) in &blocks {
                    let bytes = &log.bytes[*offset..*offset + block.len];
                    tokenizer.add_block(bytes, block, decoding, doc, &mut terms);
                    doc += block.events.len() as u32;
                }
                black_box(terms.n_tokens())
            });
        });
    }
    group.finish();
}

/// Sorted terms and postings through tantivy's serializers.
fn segment(c: &mut Criterion) {
    let mut group = c.benchmark_group("store/segment");
    group.sample_size(20);
    for log in logs() {
        let (_, decoding) = rules_of(&log);
        let blocks = blocks(&log);
        let n_docs = blocks.iter().map(|(_, block)| block.events.len() as u32).sum();
        group.throughput(Throughput::Bytes(log.bytes.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(log.name), |b| {
            b.iter_batched(
                || {
                    let (mut tokenizer, mut terms) = (Tokenizer::default(), TermTable::default());
                    let mut doc = 0;
                    for (offset, block) in &blocks {
                        let bytes = &log.bytes[*offset..*offset + block.len];
                        tokenizer.add_block(bytes, block, decoding, doc, &mut terms);
                        doc += block.events.len() as u32;
                    }
                    (tempfile::tempdir().expect("temporary directory"), terms)
                },
                |(dir, mut terms)| {
                    trawl_store::segment::write(dir.path(), &mut terms, n_docs).expect("write");
                    dir
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Files to searchable buckets, sealed, synced and committed.
fn end_to_end(c: &mut Criterion) {
    let logs = tempfile::tempdir().expect("temporary directory");
    let n_bytes = write_all(logs.path());
    let mut group = c.benchmark_group("ingest/end_to_end");
    group.sample_size(10).throughput(Throughput::Bytes(n_bytes));
    for jobs in [1, 2] {
        group.bench_function(BenchmarkId::new("builders", jobs), |b| {
            b.iter_batched(
                || tempfile::tempdir().expect("temporary directory"),
                |data| {
                    let writer = Writer::open(data.path()).expect("writer");
                    let mut options = Options::new(IndexName::new("main").expect("name"), Zone::UTC, now_us());
                    options.jobs = NonZeroUsize::new(jobs);
                    let inputs = [Input::Path(logs.path().to_owned())];
                    let registry = Registry::builtin();
                    let report = trawl_indexer::index(&writer, &registry, &inputs, &options, &Progress::default());
                    let totals = report.expect("index").totals;
                    assert!(totals.bytes + 4096 > n_bytes, "everything but the last events is in buckets");
                    data
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, framing, timestamp, extract, tokenize, segment, end_to_end);
criterion_main!(benches);
