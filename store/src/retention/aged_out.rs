//! `sources.json`: progress over bytes that no bucket holds any more.
//!
//! A bucket that ages out takes its events along, but not the knowledge that they were read: files that are still there
//! must not be read again. The catalog has it in a table; this file has it for a catalog that is made anew. It is written
//! before a bucket goes, so that a bucket may be in both, which counts once.

use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use crate::ranges::RangeSet;
use crate::source::{SourceEntry, SourceHandle, Tail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use trawl_formats::event::IndexName;

/// Name of the file in the data directory.
pub const SOURCES_FILE: &str = "sources.json";
/// Newest format that this build reads.
const FORMAT_VERSION: u32 = 1;

/// Contents of `sources.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgedOutFile {
    format: u32,
    /// Generations of which a part has aged out.
    pub aged_out: Vec<AgedOut>,
    /// Ids of the buckets that were brought back from an archive and are exempt from retention.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub restored: BTreeSet<String>,
}

/// What was read of one generation of a source and is no longer held by the bucket that it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgedOut {
    /// Which.
    #[serde(flatten)]
    pub entry: SourceEntry,
    /// Index that its events went to.
    pub index: IndexName,
    /// Events that have aged out.
    pub n_events: u64,
    /// Bytes that have aged out.
    pub ranges: RangeSet,
    /// Tail of each of those ranges.
    pub tails: Vec<Tail>,
    /// Where the generation ended when this was written.
    pub last_end: u64,
    /// `_time` of the last event before that, microseconds.
    pub last_time_us: Option<i64>,
    /// Header line in force there (CSV, W3C).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Arc<str>>,
}

impl AgedOut {
    /// The source without progress.
    pub fn handle(&self) -> SourceHandle {
        self.entry.handle(&self.index)
    }

    /// Adds ranges with their tails. Ranges that touch become one, and keep the tail of its end.
    pub fn add(&mut self, ranges: &RangeSet, tails: &[Tail]) {
        ranges.iter().for_each(|range| self.ranges.insert(range));
        self.tails.extend_from_slice(tails);
        let ends: BTreeSet<u64> = self.ranges.iter().map(|range| range.end).collect();
        self.tails.retain(|tail| ends.contains(&tail.end));
        self.tails.sort_unstable_by_key(|tail| (tail.end, tail.len));
        // Of two for the same end the longer one tells more.
        self.tails.reverse();
        self.tails.dedup_by_key(|tail| tail.end);
        self.tails.reverse();
    }
}

impl AgedOutFile {
    /// Nothing has aged out.
    pub fn new(aged_out: Vec<AgedOut>, restored: BTreeSet<String>) -> Self {
        Self { format: FORMAT_VERSION, aged_out, restored }
    }

    /// Reads the file of a data directory; without one, nothing has aged out.
    ///
    /// # Errors
    /// If it cannot be read, is malformed or of a newer format.
    pub fn read(data: &Path) -> Result<Self> {
        let path = data.join(SOURCES_FILE);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::new(Vec::new(), BTreeSet::new())),
            bytes => Self::decode(&bytes.at("read", &path)?, &path),
        }
    }

    /// Reads the contents of the file; `path` is named in errors.
    ///
    /// # Errors
    /// If they are malformed or of a newer format.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        /// The one field that every version has.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged = |error: serde_json::Error| StoreError::damaged(path, 0, error.to_string());
        let Version { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format > FORMAT_VERSION {
            return Err(StoreError::NewerFormat { path: path.to_owned(), found: format, supported: FORMAT_VERSION });
        }
        let file: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        let is_sound = |aged: &AgedOut| {
            let ends: Vec<u64> = aged.ranges.iter().map(|range| range.end).collect();
            let tails: Vec<u64> = aged.tails.iter().map(|tail| tail.end).collect();
            ends == tails && aged.tails.iter().all(|tail| u64::from(tail.len) <= tail.end)
        };
        if !file.aged_out.iter().all(is_sound) {
            return Err(StoreError::damaged(path, 0, "the tails of a source are not those of its ranges"));
        }
        Ok(file)
    }

    /// Replaces the file of a data directory; durable when this returns.
    ///
    /// # Errors
    /// If the disk refuses it; the old file then stays.
    pub fn write(&self, data: &Path) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self).expect("string keys only");
        disk::replace_file(&data.join(SOURCES_FILE), &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Fingerprint, SourceId};
    use std::iter;

    fn aged() -> AgedOut {
        AgedOut {
            entry: SourceEntry {
                id: SourceId(7),
                generation: 1,
                path: "/a.log".into(),
                source: "/a.log".into(),
                host: "web01".into(),
                sourcetype: "generic".into(),
                rules_hash: u64::MAX,
                decoding: 0,
                fingerprint: Fingerprint::of(b"head", 1, 2),
            },
            index: IndexName::new("main").expect("a valid name"),
            n_events: 0,
            ranges: RangeSet::default(),
            tails: Vec::new(),
            last_end: 40,
            last_time_us: Some(5),
            header: None,
        }
    }

    #[test]
    fn ranges_that_touch_keep_the_tail_of_their_end() {
        let mut aged = aged();
        for (start, end) in [(10, 20), (30, 40), (0, 10)] {
            aged.add(&iter::once(start..end).collect(), &[Tail::of(b"0123456789", end)]);
        }
        assert_eq!(aged.ranges.iter().collect::<Vec<_>>(), [0..20, 30..40]);
        assert_eq!(aged.tails.iter().map(|tail| tail.end).collect::<Vec<_>>(), [20, 40]);
        // The same once more changes nothing.
        let before = aged.clone();
        aged.add(&iter::once(10..20).collect(), &[Tail::of(b"0123456789", 20)]);
        assert_eq!(aged, before);
    }

    #[test]
    fn it_reads_back_and_refuses_what_makes_no_sense() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut aged = aged();
        aged.add(&iter::once(10..20).collect(), &[Tail::of(b"0123456789", 20)]);
        let file = AgedOutFile::new(vec![aged.clone()], BTreeSet::from(["id".to_owned()]));
        assert_eq!(AgedOutFile::read(dir.path()).expect("no file"), AgedOutFile::new(Vec::new(), BTreeSet::new()));
        for _ in 0..2 {
            file.write(dir.path()).expect("write");
            assert_eq!(AgedOutFile::read(dir.path()).expect("read"), file);
        }
        aged.tails.clear();
        AgedOutFile::new(vec![aged], BTreeSet::new()).write(dir.path()).expect("write");
        assert!(matches!(AgedOutFile::read(dir.path()), Err(StoreError::Damaged { .. })));
        fs::write(dir.path().join(SOURCES_FILE), r#"{"format":9}"#).expect("write");
        assert!(matches!(AgedOutFile::read(dir.path()), Err(StoreError::NewerFormat { found: 9, .. })));
    }
}
