//! The live log against a model: whatever is appended, rotated, sealed and reopened, each byte is there once.

use crate::helpers::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use trawl_formats::ParsedBlock;
use trawl_store::{BlockInput, BlockReader, LiveLog, Reader, Record, SourceHandle, Writer, rebuild_catalog};

/// What can happen to a store.
#[derive(Clone, Debug)]
enum Step {
    /// Some lines of a source are whole, and the next one is open, or not.
    Append { source: usize, n_lines: usize, open: bool },
    /// NULs in a source.
    Gap { source: usize, len: u64 },
    /// The log ends and a new one begins.
    Rotate,
    /// Ended logs become buckets.
    Seal,
    /// The process ends, or is killed.
    Reopen,
    /// As an index run does at its end, also beside a log that grows.
    SetProvisional { source: usize },
    /// A batch fails after it was written, and is written again.
    Fail { source: usize, n_lines: usize },
    /// The catalog is lost and made anew.
    Rebuild,
}

fn step() -> impl Strategy<Value = Step> {
    let source = 0..3_usize;
    prop_oneof![
        6 => (source.clone(), 0..5_usize, any::<bool>())
            .prop_map(|(source, n_lines, open)| Step::Append { source, n_lines, open }),
        1 => (source.clone(), 1..9000_u64).prop_map(|(source, len)| Step::Gap { source, len }),
        2 => Just(Step::Rotate),
        2 => Just(Step::Seal),
        1 => Just(Step::Reopen),
        2 => source.clone().prop_map(|source| Step::SetProvisional { source }),
        1 => (source, 1..4_usize).prop_map(|(source, n_lines)| Step::Fail { source, n_lines }),
        1 => Just(Step::Rebuild),
    ]
}

/// A source as it should be found.
#[derive(Default)]
struct Expected {
    /// (offset, bytes) of each event that is whole.
    events: Vec<(u64, Vec<u8>)>,
    /// Behind the last whole one.
    end: u64,
    open: Option<Vec<u8>>,
    n_lines: usize,
}

struct Lab {
    dir: tempfile::TempDir,
    writer: Option<Writer>,
    log: Option<LiveLog>,
    sources: Vec<Arc<SourceHandle>>,
    expected: Vec<Expected>,
}

/// The next line of a source.
fn line(source: usize, number: usize) -> Vec<u8> {
    format!("2026-11-20 10:{:02}:{:02} INFO source{source} line{number}\n", number / 60 % 60, number % 60).into_bytes()
}

fn parse(bytes: &[u8]) -> ParsedBlock {
    blocks(bytes, 1 << 20).remove(0).1
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let writer = Writer::open(dir.path()).expect("writer");
        let sources = (0..3).map(|i| register(&writer, &format!("/{i}.log"), &line(i, 0))).collect();
        let expected = (0..3).map(|_| Expected::default()).collect();
        Self { dir, writer: Some(writer), log: None, sources, expected }
    }

    fn data(&self) -> &Path {
        self.dir.path()
    }

    fn writer(&self) -> &Writer {
        self.writer.as_ref().expect("open")
    }

    fn log(&mut self) -> LiveLog {
        self.log.take().unwrap_or_else(|| self.writer().begin_live_log(&main_index()).expect("begin"))
    }

    fn next_lines(&self, source: usize, n_lines: usize) -> Vec<Vec<u8>> {
        let first = self.expected[source].n_lines;
        (first..first + n_lines).map(|number| line(source, number)).collect()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Append { source, n_lines, open } => {
                let (lines, next) = (self.next_lines(source, n_lines), self.next_lines(source, n_lines + 1));
                let (whole, rest) = (lines.concat(), next[n_lines].clone());
                let (whole_parsed, rest_parsed) = ((n_lines > 0).then(|| parse(&whole)), parse(&rest));
                let (handle, offset) = (Arc::clone(&self.sources[source]), self.expected[source].end);
                let mut log = self.log();
                let mut records = Vec::new();
                records.extend(
                    whole_parsed
                        .as_ref()
                        .map(|parsed| Record::Events(BlockInput { source: &handle, offset, bytes: &whole, parsed })),
                );
                let end = offset + whole.len() as u64;
                if open {
                    let block = BlockInput { source: &handle, offset: end, bytes: &rest, parsed: &rest_parsed };
                    records.push(Record::Open(block));
                }
                self.writer().append(&mut log, &records).expect("append");
                let anything = !records.is_empty();
                self.log = Some(log);
                self.gain(source, lines);
                if anything {
                    self.expected[source].open = open.then_some(rest);
                }
            }
            Step::Gap { source, len } => {
                let (handle, offset) = (Arc::clone(&self.sources[source]), self.expected[source].end);
                let mut log = self.log();
                self.writer().append(&mut log, &[Record::Gap { source: &handle, offset, len }]).expect("append");
                self.log = Some(log);
                self.expected[source].end += len;
                self.expected[source].open = None;
            }
            Step::Rotate => {
                let log = self.log();
                self.writer().end_live_log(log);
                self.log = Some(self.writer().begin_live_log(&main_index()).expect("begin"));
            }
            Step::Seal => {
                self.writer().seal_live_logs(&main_index(), &|| false).expect("seal");
            }
            Step::Reopen => {
                (self.log, self.writer) = (None, None);
                self.writer = Some(Writer::open(self.dir.path()).expect("writer"));
            }
            Step::SetProvisional { source } => {
                let next = self.next_lines(source, 1).remove(0);
                let (parsed, handle) = (parse(&next), Arc::clone(&self.sources[source]));
                let block =
                    BlockInput { source: &handle, offset: self.expected[source].end, bytes: &next, parsed: &parsed };
                self.writer().set_provisional(&main_index(), &[block]).expect("set");
                self.expected[source].open = Some(next);
            }
            Step::Fail { source, n_lines } => {
                let lines = self.next_lines(source, n_lines);
                let (whole, handle) = (lines.concat(), Arc::clone(&self.sources[source]));
                let (parsed, offset) = (parse(&whole), self.expected[source].end);
                let block = BlockInput { source: &handle, offset, bytes: &whole, parsed: &parsed };
                let log = self.log();
                // What the disk may hold after a sync that failed: a batch like any other, behind the durable end.
                let before = std::fs::read(log.path()).expect("read");
                let mut copy = self.writer().begin_live_log(&main_index()).expect("begin");
                let empty_len = copy.durable_len() as usize;
                self.writer().append(&mut copy, &[Record::Events(block)]).expect("append");
                let batch = std::fs::read(copy.path()).expect("read").split_off(empty_len);
                std::fs::write(log.path(), [before, batch].concat()).expect("write");
                self.writer().abandon_live_log(&log).expect("abandon");
                self.log = Some(copy);
                self.gain(source, lines);
                self.expected[source].open = None;
            }
            Step::Rebuild => {
                (self.log, self.writer) = (None, None);
                rebuild_catalog(self.data()).expect("rebuild");
                let writer = Writer::open(self.dir.path()).expect("writer");
                // A source of which nothing was kept is unknown again.
                writer.catalog().restore(self.sources.iter().map(|source| &**source)).expect("restore");
                self.writer = Some(writer);
            }
        }
    }

    fn gain(&mut self, source: usize, lines: Vec<Vec<u8>>) {
        let expected = &mut self.expected[source];
        expected.n_lines += lines.len();
        for line in lines {
            let len = line.len() as u64;
            expected.events.push((expected.end, line));
            expected.end += len;
        }
    }

    /// Compares all that readers see with what was appended.
    fn check(&self) {
        let reader = Reader::open(self.data()).expect("reader");
        let mut found: BTreeMap<u64, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        let mut add = |id: u64, offset: u64, raw: &[u8], ends: &[u32]| {
            let mut start = 0;
            for &end in ends {
                let event = (offset + start as u64, raw[start..end as usize].to_vec());
                found.entry(id).or_default().push(event);
                start = end as usize;
            }
        };
        let snapshot = reader.snapshot().expect("snapshot");
        let (mut blocks, mut raw, mut ends) = (BlockReader::new().expect("reader"), Vec::new(), Vec::new());
        for row in &snapshot.buckets {
            let bucket = reader.bucket(row).expect("bucket");
            for block in bucket.blocks() {
                bucket.read_block(&mut blocks, block, &mut raw).expect("block");
                bucket.event_ends(block, &raw, &mut ends).expect("ends");
                add(bucket.source_of(block).id, block.source_offset, &raw, &ends);
            }
        }
        for block in &snapshot.live {
            ends.clear();
            ends.extend(block.parsed.events.iter().scan(0, |end, event| {
                *end += event.len;
                Some(*end)
            }));
            add(block.source.id.0, block.offset, &block.bytes, &ends);
        }
        let progress = self.writer().sources().expect("sources");
        for (handle, expected) in self.sources.iter().zip(&self.expected) {
            let mut events = found.remove(&handle.id.0).unwrap_or_default();
            events.sort();
            let open = expected.open.iter().map(|open| (expected.end, open.clone()));
            assert_eq!(events, expected.events.iter().cloned().chain(open).collect::<Vec<_>>(), "{:?}", handle.path);
            let state = progress.iter().find(|state| state.id == handle.id);
            let generation = state.map(|state| &state.generations[0]);
            let end = generation.map_or(0, |generation| generation.committed.first_gap(0));
            assert_eq!(end, expected.end, "progress of {:?}", handle.path);
            let n_events = generation.map_or(0, |generation| generation.n_events);
            assert_eq!(n_events, expected.events.len() as u64);
            if end > 0 {
                assert!(generation.and_then(|generation| generation.tail()).is_some(), "the end is known again");
            }
        }
        assert!(found.is_empty(), "nothing else is there");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn each_byte_is_there_once(steps in proptest::collection::vec(step(), 1..14)) {
        let mut lab = Lab::new();
        for step in &steps {
            lab.take(step);
            lab.check();
        }
    }
}

#[test]
fn a_batch_that_is_torn_anywhere_is_not_there() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let writer = Writer::open(dir.path()).expect("writer");
    let text = [line(0, 0), line(0, 1)];
    let source = register(&writer, "/0.log", &text[0]);
    let mut log = writer.begin_live_log(&main_index()).expect("begin");
    let mut append = |offset: u64, bytes: &[u8]| {
        let record = Record::Events(BlockInput { source: &source, offset, bytes, parsed: &parse(bytes) });
        writer.append(&mut log, &[record]).expect("append");
        log.durable_len() as usize
    };
    let durable = append(0, &text[0]);
    append(text[0].len() as u64, &text[1]);
    let path = log.path().to_owned();
    drop((log, writer));
    let whole = std::fs::read(&path).expect("read");
    for cut in durable..whole.len() {
        // The disk has made room for all of it, but written only a part.
        let torn: Vec<u8> = (0..whole.len()).map(|at| if at < cut { whole[at] } else { 0 }).collect();
        std::fs::write(&path, torn).expect("write");
        let records = trawl_store::live::read(&path, &main_index(), None);
        let blocks = records.map(|records| records.blocks.len());
        assert!(matches!(blocks, Ok(1)), "cut after {} bytes: {blocks:?}", cut - durable);
    }
}
