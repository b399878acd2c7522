//! What a program does with a file — detect, cut into events, read the columns — in one function, and the comparison
//! that collects every difference before it fails.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use trawl_formats::{
    Decoding, EventFlags, ParsedBlock, Parser, ParserOptions, Registry, Rules, Step, TimeContext, Zone, text,
};

/// Detection looks at this much of a file, as the indexer does.
const HEAD_BYTES: usize = 64 * 1024;

/// The time at which all test files count as written and read, so that a stamp without a year has one meaning.
pub const NOW: &str = "2026-11-22T00:00:00Z";

/// One event with its columns, as a reader of the index would see it.
#[derive(Debug)]
pub struct Event {
    pub text: Vec<u8>,
    pub time_us: i64,
    pub level: Option<String>,
    pub host: Option<String>,
    pub flags: EventFlags,
    /// The header line in force (CSV, W3C).
    pub header: Option<String>,
}

impl Event {
    /// True if the event's own text gave its time.
    pub fn is_stamped(&self) -> bool {
        !self.flags.contains(EventFlags::NO_STAMP) && !self.flags.contains(EventFlags::BAD_TIME)
    }

    /// True for directive and column-name lines, which are data about the data.
    pub fn is_header(&self) -> bool {
        self.flags.contains(EventFlags::HEADER)
    }
}

/// A parsed file.
pub struct ParsedFile {
    pub rules: std::sync::Arc<Rules>,
    pub events: Vec<Event>,
    /// Bytes in events and gaps; equals the length of the file when nothing was lost or read twice.
    pub covered: usize,
}

impl ParsedFile {
    pub fn sourcetype(&self) -> &str {
        self.rules.name().as_str()
    }

    /// Number of events per level, as written; events without a level are left out.
    pub fn levels(&self) -> BTreeMap<String, usize> {
        let mut levels = BTreeMap::new();
        for level in self.events.iter().filter_map(|event| event.level.as_ref()) {
            *levels.entry(level.clone()).or_insert(0) += 1;
        }
        levels
    }
}

pub fn micros(rfc3339: &str) -> i64 {
    DateTime::parse_from_rfc3339(rfc3339).unwrap_or_else(|error| panic!("`{rfc3339}`: {error}")).timestamp_micros()
}

pub fn rfc3339(time_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(time_us)
        .map_or_else(|| format!("{time_us} µs"), |time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// Detects the format of `bytes` and parses all of it, as of [`NOW`] and in UTC.
pub fn parse(bytes: &[u8], file_name: &str) -> ParsedFile {
    let detection = Registry::builtin().detect(&bytes[..bytes.len().min(HEAD_BYTES)], file_name);
    let mut parser = Parser::new(ParserOptions {
        rules: detection.rules.clone(),
        decoding: detection.decoding,
        time: TimeContext { zone: Zone::UTC, mtime_us: micros(NOW), now_us: micros(NOW) },
        block_bytes: 128 * 1024,
        max_event_bytes: 1024 * 1024,
        previous_time_us: None,
        header: None,
    });
    let mut events = Vec::new();
    let mut block = ParsedBlock::default();
    let mut at = 0;
    while at < bytes.len() {
        match parser.next_block(&bytes[at..], true, &mut block) {
            Step::Block => {
                take_events(&bytes[at..at + block.len], &block, detection.decoding, &mut events);
                at += block.len;
            }
            Step::Gap { len } => at += len,
            Step::NeedMore => break,
        }
    }
    ParsedFile { rules: detection.rules, events, covered: at }
}

fn take_events(bytes: &[u8], block: &ParsedBlock, decoding: Decoding, events: &mut Vec<Event>) {
    let symbol = |index: u16| (index > 0).then(|| block.symbols[usize::from(index) - 1].to_string());
    let mut at = 0;
    for meta in &block.events {
        let end = at + meta.len as usize;
        events.push(Event {
            text: text(&bytes[at..end], decoding).into_owned(),
            time_us: meta.time_us,
            level: symbol(meta.level),
            host: symbol(meta.host),
            flags: meta.flags,
            header: block.header.as_deref().map(str::to_owned),
        });
        at = end;
    }
    assert_eq!(at, block.len, "the events of a block cover the block");
}

/// The folder named by an environment variable, or `None` with a note that the test was skipped.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub fn folder(variable: &str, test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("note: {test} skipped: {variable} names no folder");
    }
    folder
}

/// Reads a file, through gzip if its name says so.
pub fn read(path: &Path) -> Vec<u8> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader: Box<dyn Read> = match path.extension() {
        Some(extension) if extension == "gz" => Box::new(flate2::read::GzDecoder::new(file)),
        _ => Box::new(file),
    };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes
}

/// Differences between expectation and fact, reported together: one run shows all that is wrong.
#[derive(Default)]
pub struct Differences(Vec<String>);

impl Differences {
    pub fn check<T: PartialEq + std::fmt::Debug>(&mut self, of: &str, what: &str, expected: T, actual: T) {
        if expected != actual {
            self.0.push(format!("{of}: {what}: expected {expected:?}, got {actual:?}"));
        }
    }

    pub fn note(&mut self, difference: String) {
        self.0.push(difference);
    }

    pub fn assert_none(self) {
        assert!(self.0.is_empty(), "{} differences:\n  {}", self.0.len(), self.0.join("\n  "));
    }
}
