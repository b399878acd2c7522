//! Lines of a source, from the blocks that hold them.

use super::super::super::inquiry::Inquiry;
use crate::engine::address::Address;
use crate::plan::Plan;
use memchr::memchr_iter;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use trawl_formats::parse::EventFlags;
use trawl_formats::sourcetype::Rules;
use trawl_formats::text::{Decoding, text};
use trawl_store::{BlockReader, Bucket, LiveBlock, StoreError};

/// An event of more lines may be many that were not told apart.
const MANY_LINES: usize = 20;
/// Lines of such an event that are looked at to find out.
const LOOKED_AT: usize = 64;

/// Where lines of a source lie: a block of events.
#[derive(Clone)]
pub(super) struct Piece {
    pub generation: u32,
    pub offset: u64,
    pub min_time_us: i64,
    pub n_events: u64,
    held: Held,
}

#[derive(Clone)]
enum Held {
    Sealed(Arc<Bucket>, usize),
    Live(LiveBlock),
}

/// What is known of a source, with its pieces in the order of its files.
pub(super) struct SourceLines {
    pub index: String,
    pub source: String,
    pub sourcetype: String,
    pub host: String,
    pub rules: Arc<Rules>,
    pub pieces: Vec<Piece>,
}

/// A line: the first one of an event, or one of an event that may be many.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'t> {
    pub time_us: i64,
    /// Its event in the block.
    pub event: u32,
    /// Its place in the event.
    pub line: u32,
    /// Lines of its event.
    pub n_lines: u32,
    /// It has a time that is not believed: before 1990, or in the future.
    pub has_bad_time: bool,
    pub text: &'t str,
    /// The whole event.
    pub event_text: &'t str,
}

/// All sources of a plan, with their pieces from `range`, half open, microseconds. A bucket that is gone or damaged counts
/// nothing: the searches name it.
///
/// # Errors
/// If the store cannot be opened, or the search is cancelled.
pub(super) fn sources(inquiry: &Inquiry, plan: &Plan, range: Range<i64>) -> crate::error::Result<Vec<SourceLines>> {
    let engine = inquiry.engine();
    let (reader, snapshot) = (Arc::clone(engine.reader()?), engine.snapshot()?);
    let mut by_name: BTreeMap<(String, String), SourceLines> = BTreeMap::new();
    let mut add = |index: &str, source: &str, sourcetype: &str, host: &str, piece: Piece| {
        let lines = by_name.entry((index.to_owned(), source.to_owned())).or_insert_with(|| SourceLines {
            index: index.to_owned(),
            source: source.to_owned(),
            sourcetype: sourcetype.to_owned(),
            host: host.to_owned(),
            rules: engine.registry.get(sourcetype).unwrap_or_else(|| engine.registry.generic()),
            pieces: Vec::new(),
        });
        lines.pieces.push(piece);
    };
    for row in &snapshot.buckets {
        inquiry.options().cancel.check()?;
        let is_near = row.max_time_us >= range.start && row.min_time_us < range.end;
        if !is_near || !plan.indexes.covers(&row.index) {
            continue;
        }
        let Ok(bucket) = reader.bucket(row) else { continue };
        for (at, block) in bucket.blocks().iter().enumerate() {
            if block.max_time_us < range.start || block.min_time_us >= range.end {
                continue;
            }
            let of = bucket.source_of(block);
            let piece = Piece {
                generation: of.generation,
                offset: block.source_offset,
                min_time_us: block.min_time_us,
                n_events: u64::from(block.n_events),
                held: Held::Sealed(Arc::clone(&bucket), at),
            };
            add(row.index.as_str(), of.source.as_str(), of.sourcetype.as_str(), of.host.as_str(), piece);
        }
    }
    for block in snapshot.live.iter().filter(|block| plan.indexes.covers(&block.source.index)) {
        let times = || block.parsed.events.iter().map(|event| event.time_us);
        let (Some(min_time_us), Some(max_time_us)) = (times().min(), times().max()) else { continue };
        if max_time_us < range.start || min_time_us >= range.end {
            continue;
        }
        let of = &block.source;
        let piece = Piece {
            generation: of.generation,
            offset: block.offset,
            min_time_us,
            n_events: block.parsed.events.len() as u64,
            held: Held::Live(block.clone()),
        };
        add(of.index.as_str(), of.source.as_str(), of.sourcetype.as_str(), of.host.as_str(), piece);
    }
    let mut sources: Vec<SourceLines> = by_name.into_values().collect();
    sources.iter_mut().for_each(SourceLines::sort);
    Ok(sources)
}

impl SourceLines {
    /// Puts the pieces in the order in which they were written: generations by their first time, each by its offsets.
    fn sort(&mut self) {
        let mut firsts: BTreeMap<u32, i64> = BTreeMap::new();
        for piece in &self.pieces {
            let first = firsts.entry(piece.generation).or_insert(i64::MAX);
            *first = (*first).min(piece.min_time_us);
        }
        self.pieces.sort_by_key(|piece| (firsts[&piece.generation], piece.generation, piece.offset));
        // What was read while it was written may have been read again.
        self.pieces.dedup_by_key(|piece| (piece.generation, piece.offset));
    }
}

/// Reads pieces; keeps its buffers.
pub(super) struct LineReader {
    blocks: BlockReader,
    raw: Vec<u8>,
    ends: Vec<u32>,
    times_us: Vec<i64>,
    flags: Vec<(u32, EventFlags)>,
    decoding: Decoding,
}

/// Which lines of a piece are wanted.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// So many, evenly.
    Some(usize),
    /// Every one.
    All,
}

impl LineReader {
    /// A reader with empty buffers.
    ///
    /// # Errors
    /// If zstd cannot get memory.
    pub fn new() -> Result<Self, StoreError> {
        Ok(Self {
            blocks: BlockReader::new()?,
            raw: Vec::new(),
            ends: Vec::new(),
            times_us: Vec::new(),
            flags: Vec::new(),
            decoding: Decoding::default(),
        })
    }

    fn load(&mut self, piece: &Piece) -> Result<(), StoreError> {
        self.flags.clear();
        match &piece.held {
            Held::Sealed(bucket, at) => {
                let block = &bucket.blocks()[*at];
                bucket.read_block(&mut self.blocks, block, &mut self.raw)?;
                bucket.event_ends(block, &self.raw, &mut self.ends)?;
                bucket.times_us(block, &mut self.times_us)?;
                if block.flags != 0 {
                    bucket.flags(block, |event, flags| self.flags.push((event, EventFlags(flags))))?;
                }
                self.decoding = bucket.source_of(block).decoding;
            }
            Held::Live(block) => {
                self.raw.clear();
                self.raw.extend_from_slice(&block.bytes);
                self.ends.clear();
                self.times_us.clear();
                let mut end = 0;
                for (at, event) in (0..).zip(&block.parsed.events) {
                    end += event.len;
                    self.ends.push(end);
                    self.times_us.push(event.time_us);
                    if !event.flags.is_empty() {
                        self.flags.push((at, event.flags));
                    }
                }
                self.decoding = block.source.decoding;
            }
        }
        Ok(())
    }

    fn bytes_of(&self, event: usize) -> Range<usize> {
        let start = event.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        start..self.ends[event] as usize
    }

    fn flags_of(&self, event: usize) -> EventFlags {
        let at = self.flags.binary_search_by_key(&(event as u32), |(event, _)| *event);
        at.map_or(EventFlags::default(), |at| self.flags[at].1)
    }

    /// Hands out lines of a piece whose time lies in `range`, in the order of the file.
    ///
    /// # Errors
    /// If the block is damaged.
    pub fn lines(
        &mut self,
        piece: &Piece,
        range: &Range<i64>,
        wanted: Wanted,
        mut each: impl FnMut(Line<'_>),
    ) -> Result<(), StoreError> {
        self.load(piece)?;
        // Events, with how many of their lines count: the lines of one that is many are told apart again.
        let mut events: Vec<(usize, usize)> = Vec::new();
        for event in 0..self.ends.len() {
            let flags = self.flags_of(event);
            if !range.contains(&self.times_us[event]) || flags.contains(EventFlags::HEADER) {
                continue;
            }
            let bytes = &self.raw[self.bytes_of(event)];
            let is_piece = flags.contains(EventFlags::CUT) || flags.contains(EventFlags::CONTINUED);
            let n_lines = if bytes.len() > MANY_LINES { memchr_iter(b'\n', bytes).count() } else { 1 };
            let is_many = (n_lines > MANY_LINES || is_piece) && are_records(&text(bytes, self.decoding));
            match (is_many, is_piece) {
                (true, _) => events.push((event, n_lines.max(1))),
                (false, true) => {}
                (false, false) => events.push((event, 1)),
            }
        }
        let n: usize = events.iter().map(|(_, n)| n).sum();
        let n_wanted = match wanted {
            Wanted::Some(n_wanted) => n_wanted.min(n),
            Wanted::All => n,
        };
        let mut picks = (0..n_wanted).map(|pick| pick * n / n_wanted).peekable();
        let mut first = 0;
        for (event, n_lines) in events {
            let next = first + n_lines;
            if picks.peek().is_some_and(|pick| *pick < next) {
                let decoded = text(&self.raw[self.bytes_of(event)], self.decoding);
                let event_text = String::from_utf8_lossy(&decoded);
                let of_event = (0..).zip(event_text.split('\n')).take(n_lines);
                for (line, text) in of_event {
                    let is_picked = picks.next_if(|pick| *pick == first + line as usize).is_some();
                    if is_picked && (line == 0 || !continues(text)) {
                        each(Line {
                            time_us: self.times_us[event],
                            event: event as u32,
                            line,
                            n_lines: n_lines as u32,
                            has_bad_time: self.flags_of(event).contains(EventFlags::BAD_TIME),
                            text,
                            event_text: &event_text,
                        });
                    }
                }
                // The text may have fewer lines than the bytes.
                while picks.next_if(|pick| *pick < next).is_some() {}
            }
            first = next;
        }
        Ok(())
    }

    /// Where the bytes of an event lie of the piece that was read last.
    pub fn address(&self, source: &str, piece: &Piece, event: u32) -> Address {
        let bytes = self.bytes_of(event as usize);
        Address {
            source: source.to_owned(),
            generation: piece.generation,
            offset: piece.offset + bytes.start as u64,
            len: bytes.len() as u32,
        }
    }
}

/// Whether a line only makes sense behind another one: of a stack trace, or indented.
fn continues(line: &str) -> bool {
    let beginnings = ["at ", "Caused by", "... ", "}", "]", ")", "Suppressed:"];
    line.is_empty()
        || line.starts_with(char::is_whitespace)
        || beginnings.iter().any(|beginning| line.starts_with(beginning))
}

/// Whether most of an event's further lines could begin events.
fn are_records(text: &[u8]) -> bool {
    let ends: Vec<usize> = memchr_iter(b'\n', text).collect();
    let n = ends.len().min(LOOKED_AT);
    let starts = (0..n).map(|at| ends[at * ends.len() / n] + 1);
    let n_continued = starts
        .filter(|start| {
            let line = &text[*start..];
            let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len()).min(32)];
            continues(&String::from_utf8_lossy(line))
        })
        .count();
    n > 0 && n_continued * 2 < n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_traces_and_dumps_are_no_records() {
        let trace = format!("ERROR x\n{}Caused by: y\n", "\tat com.acme.A.b(A.java:1)\n".repeat(30));
        assert!(!are_records(trace.as_bytes()));
        let dump = "\"main\" #1 prio=5\n   java.lang.Thread.State: RUNNABLE\n\tat A.b\n\n".repeat(20);
        assert!(!are_records(dump.as_bytes()));
        let json = format!("INFO x\n{}", "{\"level\":\"info\"}\n".repeat(30));
        assert!(are_records(json.as_bytes()));
        assert!(!are_records(b"one line"));
    }
}
