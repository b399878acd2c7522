//! What is asked about a range of time, and what is answered.

use serde::Serialize;
use std::collections::HashMap;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Beginning of the range, microseconds UTC. Default: the first event.
    pub from_us: Option<i64>,
    /// End of the range, excluded.
    pub to_us: i64,
    /// Only sources in which this search can find something; how much it finds is told, too.
    pub query: Option<String>,
    /// Reads every block in the range, which checks its checksum.
    pub reads_all: bool,
    /// What is known of files, by index and source.
    pub files: HashMap<(String, String), FileState>,
}

/// What a look at the file of a source has told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileState {
    /// Bytes that are there and were not read.
    pub unread_bytes: u64,
    /// Since when the oldest of them is there, microseconds UTC, as far as it is known.
    pub unread_since_us: Option<i64>,
    /// Why it cannot be read.
    pub trouble: Option<String>,
}

/// What there is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Beginning of the range, microseconds UTC.
    pub from_us: i64,
    /// Its end, excluded.
    pub to_us: i64,
    /// The search, in its canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Rows that it finds in the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_found: Option<u64>,
    /// Events in the range.
    pub n_events: u64,
    /// Those of them that lie in no sealed bucket yet.
    pub n_live: u64,
    /// Sources by index and name.
    pub sources: Vec<SourceCoverage>,
    /// Parts of the store that could not be read, with the reason.
    pub damaged: Vec<String>,
    /// Bytes that were read and agree with their checksums.
    pub n_checked_bytes: u64,
}

/// What there is of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SourceCoverage {
    /// Index.
    pub index: String,
    /// Value of the field `source`.
    pub source: String,
    /// Value of the field `host`, where the event names none itself.
    pub host: String,
    /// Sourcetype.
    pub sourcetype: String,
    /// Events in the range.
    pub n_events: u64,
    /// Time of the first of them, microseconds UTC.
    pub first_us: Option<i64>,
    /// Time of the last of them.
    pub last_us: Option<i64>,
    /// Time of the first event that is held at all.
    pub held_from_us: Option<i64>,
    /// Time of the last event that is held at all.
    pub held_to_us: Option<i64>,
    /// Bytes that were indexed, of all generations.
    pub indexed_bytes: u64,
    /// Bytes between them that were not.
    pub byte_gaps: Vec<ByteGap>,
    /// Bytes that have aged out since.
    pub aged_out_bytes: u64,
    /// Times without events that are longer than usual.
    pub silences: Vec<Silence>,
    /// Events that were indexed more than five minutes after their time.
    pub n_late: u64,
    /// The longest time from an event to its being indexed, microseconds.
    pub latest_us: i64,
    /// Events without a time stamp: they have the time of the event before.
    pub n_unstamped: u64,
    /// Events whose stamp makes no sense: they have the time of the event before.
    pub n_bad_times: u64,
    /// Bytes that are in its file and were not read.
    pub unread_bytes: u64,
    /// Since when, microseconds UTC, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_since_us: Option<i64>,
    /// Why its file cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Bytes of a source that were not indexed, though some behind them were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ByteGap {
    /// Generation of the source.
    pub generation: u32,
    /// First byte.
    pub start: u64,
    /// First byte behind.
    pub end: u64,
}

/// A time without events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// Its beginning, microseconds UTC.
    pub from_us: i64,
    /// Its end.
    pub to_us: i64,
    /// Of a hundred pauses of the source, 99 are not longer than this, microseconds.
    pub usual_us: i64,
    /// It lasts until the end of the range.
    pub is_open: bool,
}

impl SourceCoverage {
    /// Whether some of the range may be missing: what was not read, was left out, or has gone.
    pub fn is_missing_something(&self, from_us: i64, to_us: i64) -> bool {
        !self.byte_gaps.is_empty() || self.is_unread(to_us) || self.is_aged_out(from_us) || self.trouble.is_some()
    }

    /// Whether bytes are unread that can belong to a range that ends at `to_us`.
    pub fn is_unread(&self, to_us: i64) -> bool {
        self.unread_bytes > 0 && self.unread_since_us.is_none_or(|since_us| since_us < to_us)
    }

    /// Whether events have aged out that can belong to a range that begins at `from_us`.
    pub fn is_aged_out(&self, from_us: i64) -> bool {
        self.aged_out_bytes > 0 && self.held_from_us.is_none_or(|held_us| held_us > from_us)
    }
}

impl Report {
    /// Whether everything that the sources held in the range is indexed and readable, as far as can be told.
    pub fn is_whole(&self) -> bool {
        self.damaged.is_empty()
            && !self.sources.iter().any(|source| source.is_missing_something(self.from_us, self.to_us))
    }
}
