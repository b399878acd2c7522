//! Time stamps: where they stand in the text and which moment they mean.
//!
//! Two steps, kept apart on purpose:
//!
//! 1. **Recognition** (`recognise`) finds the stamp in the first line of an event's text. It is a pure function of
//!    the text and the sourcetype's rules, so search time finds again exactly what ingest found.
//! 2. **Resolution** (`resolve`) turns it into UTC microseconds with what only the source knows: its zone, and the
//!    modification time that stands in for a missing year or date.
//!
//! Formats are small programs of `program::Op`s, written as strptime strings in sourcetypes and as tables in the
//! generic recogniser (`generic`).

pub(crate) mod civil;
pub(crate) mod generic;
pub(crate) mod names;
pub(crate) mod program;
pub(crate) mod recognise;
pub(crate) mod resolve;
mod zone;

use std::ops::Range;

pub use program::InvalidTimeFormat;
pub use zone::{UnknownZone, Zone};

/// A stretch of an event's [text](crate::text()), in bytes.
///
/// The span of a stamp lies in the first line and begins and ends at token boundaries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// How long it is.
    pub len: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        // Stamps lie within the look-ahead window or a line of at most `max_event_bytes`, far below 4 GiB.
        Self { start: start as u32, len: (end - start) as u32 }
    }

    /// Returns the span as a range of indexes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end()
    }

    /// Returns where the span ends.
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }
}

/// What helps to find the stamps of a block again: opaque, kept with each journal block.
///
/// Recognition depends on nothing but the text and the rules, so today's hint is always the same. It stays part of the
/// interface and the disk format so that a recogniser that learns from a source can be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct StampHint(pub u32);

/// What resolves a stamp that does not say everything by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeContext {
    /// The zone of stamps that name none.
    pub zone: Zone,
    /// When the source was last written, UTC microseconds: stands in for a missing year or date.
    pub mtime_us: i64,
    /// The present, UTC microseconds: a stamp far in its future is absurd.
    pub now_us: i64,
}

/// Returns where the generic recogniser finds a stamp, for tests of what stands around it.
#[cfg(test)]
pub(crate) fn generic_span(line: &[u8]) -> Option<Span> {
    generic::find(line, recognise::DEFAULT_LOOKAHEAD).map(|(span, _)| span)
}
