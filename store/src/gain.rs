//! What a bucket or a live log gains of a source: byte ranges, their ends, and the state behind the last event.

use crate::bucket::builder::BlockInput;
use crate::bucket::meta::SourceMeta;
use crate::ranges::RangeSet;
use crate::source::{SourceEntry, SourceHandle, Tail};
use std::sync::Arc;

/// Progress over one generation of a source.
pub struct Gain {
    handle: Arc<SourceHandle>,
    /// Ranges in the order in which they began, each with its last bytes.
    ranges: Vec<OpenRange>,
    n_events: u64,
    /// (offset behind it, time) of the last event.
    last_event: (u64, i64),
    header: Option<Arc<str>>,
}

struct OpenRange {
    start: u64,
    end: u64,
    tail: Vec<u8>,
}

impl Gain {
    /// No progress yet.
    pub fn new(handle: Arc<SourceHandle>) -> Self {
        Self { handle, ranges: Vec::new(), n_events: 0, last_event: (0, 0), header: None }
    }

    /// The source.
    pub fn handle(&self) -> &SourceHandle {
        &self.handle
    }

    /// Adds a block of whole events.
    pub fn add_block(&mut self, block: &BlockInput<'_>) {
        let Some(last) = block.parsed.events.last() else { return };
        let bytes = &block.bytes[..block.parsed.len];
        self.n_events += block.parsed.events.len() as u64;
        let end = block.offset + bytes.len() as u64;
        if end > self.last_event.0 {
            self.last_event = (end, last.time_us);
            self.header.clone_from(&block.parsed.header);
        }
        self.extend_range(block.offset, bytes.len() as u64, bytes);
    }

    /// Adds a run of NULs.
    pub fn add_gap(&mut self, offset: u64, len: u64) {
        let tail = vec![0; len.min(Tail::MAX_LEN as u64) as usize];
        self.extend_range(offset, len, &tail);
    }

    /// Adds `len` bytes from `offset`, of which `bytes` holds the last ones.
    fn extend_range(&mut self, offset: u64, len: u64, bytes: &[u8]) {
        let range = match self.ranges.iter_mut().rfind(|range| range.end == offset) {
            Some(range) => range,
            None => {
                self.ranges.push(OpenRange { start: offset, end: offset, tail: Vec::new() });
                self.ranges.last_mut().expect("just pushed")
            }
        };
        range.end += len;
        range.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(Tail::MAX_LEN)..]);
        let surplus = range.tail.len().saturating_sub(Tail::MAX_LEN);
        range.tail.drain(..surplus);
    }

    /// The progress as it is noted in `bucket.json` and in the catalog.
    pub fn to_meta(&self) -> SourceMeta {
        SourceMeta {
            entry: SourceEntry::of(&self.handle),
            n_events: self.n_events,
            ranges: self.ranges.iter().map(|range| range.start..range.end).collect::<RangeSet>(),
            tails: self.ranges.iter().map(|range| Tail::of(&range.tail, range.end)).collect(),
            last_time_us: self.last_event.1,
            header: self.header.clone(),
        }
    }
}
