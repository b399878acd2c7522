//! What an answer rests on.

use crate::time::TimeRange;
use serde::{Deserialize, Serialize};
use std::fmt;
use trawl_formats::event::IndexName;

/// What was searched, skipped and missing. With it, "no such event" is a statement and not a hope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Start of the searched range, microseconds since the epoch; absent if open.
    pub earliest_us: Option<i64>,
    /// End of the searched range, excluded; absent if open.
    pub latest_us: Option<i64>,
    /// Indexes searched.
    pub indexes: Vec<IndexName>,
    /// Sources with events in the buckets searched.
    pub n_sources: usize,
    /// Buckets in those indexes.
    pub n_buckets: usize,
    /// Of them, buckets that lie outside the range.
    pub n_buckets_pruned: usize,
    /// Of them, buckets that could not be read.
    pub n_buckets_failed: usize,
    /// Blocks in the buckets that were read.
    pub n_blocks: usize,
    /// Blocks whose text was read.
    pub n_blocks_read: usize,
    /// Events in the buckets that were read, live ones included.
    pub n_events: u64,
    /// Events whose text was looked at.
    pub n_events_read: u64,
    /// Raw bytes that were decompressed.
    pub n_bytes_read: u64,
    /// Events that lie in no sealed bucket yet.
    pub n_events_live: u64,
    /// Buckets that retention removed while the search ran: it answers as if they had gone before.
    pub aged_out: Vec<String>,
    /// Parts that could not be read, with the reason.
    pub damaged: Vec<String>,
    /// Files that were read to their ends; absent if a store was searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_files: Option<usize>,
    /// Bytes of files in which nothing of the search can be: their events were not counted.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub n_bytes_skimmed: u64,
    /// Files that were left out on purpose, with the reason; only where no store was searched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl Coverage {
    /// Nothing searched yet, in `range`.
    pub fn new(range: TimeRange) -> Self {
        Self { earliest_us: range.earliest, latest_us: range.latest, ..Self::default() }
    }

    /// Buckets that were searched.
    pub fn n_buckets_searched(&self) -> usize {
        self.n_buckets.saturating_sub(self.n_buckets_pruned + self.n_buckets_failed + self.aged_out.len())
    }

    /// Whether everything that there is was searched.
    pub fn is_complete(&self) -> bool {
        self.n_buckets_failed == 0 && self.damaged.is_empty()
    }
}

impl Coverage {
    fn fmt_files(&self, n_files: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.n_bytes_skimmed {
            0 => counted(self.n_events, "event"),
            _ => counted(self.n_bytes_read, "byte"),
        };
        write!(f, "searched {what} of {}", counted(n_files as u64, "file"))?;
        if !self.left_out.is_empty() {
            write!(f, " ({} left out)", self.left_out.len())?;
        }
        if !self.is_complete() {
            write!(f, "; INCOMPLETE: {} could not be read", counted(self.damaged.len() as u64, "part"))?;
        }
        Ok(())
    }
}

/// One line for people, without the time range: that is theirs to print, in their zone.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(n_files) = self.n_files {
            return self.fmt_files(n_files, f);
        }
        if self.indexes.is_empty() {
            return f.write_str("searched nothing: no index, or stopped before the first one was opened");
        }
        let names: Vec<&str> = self.indexes.iter().map(IndexName::as_str).collect();
        write!(
            f,
            "searched {} of {} in {} of {}",
            counted(self.n_events, "event"),
            counted(self.n_sources as u64, "source"),
            self.n_buckets_searched(),
            counted(self.n_buckets as u64, "bucket")
        )?;
        if self.n_events_live > 0 {
            write!(f, " ({} not sealed yet)", counted(self.n_events_live, "event"))?;
        }
        write!(f, ", index {}", names.join(", "))?;
        if !self.aged_out.is_empty() {
            write!(f, "; {} aged out meanwhile", counted(self.aged_out.len() as u64, "bucket"))?;
        }
        if !self.is_complete() {
            let n_parts = self.damaged.len().max(self.n_buckets_failed) as u64;
            write!(f, "; INCOMPLETE: {} could not be read", counted(n_parts, "part"))?;
        }
        Ok(())
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
