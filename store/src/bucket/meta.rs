//! `bucket.json`: what the catalog needs to know of a bucket, kept in the bucket so that the catalog can be rebuilt.

use crate::error::{Result, StoreError};
use crate::ranges::RangeSet;
use crate::source::{SourceEntry, Tail};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use trawl_formats::event::IndexName;

/// Name of the file.
pub const META_FILE: &str = "bucket.json";

/// Newest format that this build reads.
pub const FORMAT_VERSION: u32 = 1;

/// Contents of `bucket.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketMeta {
    /// Format of the whole bucket.
    pub format: u32,
    /// Unique name of the bucket.
    pub id: String,
    /// Index it belongs to.
    pub index: IndexName,
    /// Buckets and live logs whose events this one, or it and others, took over: for a catalog that is rebuilt while they
    /// still lie on disk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
    /// Release that wrote it.
    pub written_by: String,
    /// When it was sealed, microseconds since the epoch.
    pub sealed_at_us: i64,
    /// Events.
    pub n_events: u32,
    /// Journal blocks.
    pub n_blocks: u32,
    /// Raw bytes in the journal.
    pub raw_bytes: u64,
    /// Earliest `_time`, microseconds.
    pub min_time_us: i64,
    /// Latest `_time`, microseconds.
    pub max_time_us: i64,
    /// Sources with the byte ranges gained.
    pub sources: Vec<SourceMeta>,
}

/// One source and generation of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceMeta {
    /// Which.
    #[serde(flatten)]
    pub entry: SourceEntry,
    /// Events of this source.
    pub n_events: u64,
    /// Byte ranges of the source that this bucket holds, NUL runs that were not stored included.
    pub ranges: RangeSet,
    /// Tail of each of those ranges.
    pub tails: Vec<Tail>,
    /// `_time` of the event with the highest offset, microseconds.
    pub last_time_us: i64,
    /// Header line in force after the last event (CSV, W3C).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Arc<str>>,
}

impl BucketMeta {
    /// Stands for a bucket of which nothing but its name is known.
    pub(crate) fn without_sources(id: &str, index: &IndexName) -> Self {
        Self {
            format: FORMAT_VERSION,
            id: id.to_owned(),
            index: index.clone(),
            replaces: Vec::new(),
            written_by: String::new(),
            sealed_at_us: 0,
            n_events: 0,
            n_blocks: 0,
            raw_bytes: 0,
            min_time_us: 0,
            max_time_us: 0,
            sources: Vec::new(),
        }
    }

    /// Name of the bucket's directory: its time range in whole seconds, then its id.
    pub fn dir_name(&self) -> String {
        let seconds = |time_us: i64| time_us.div_euclid(1_000_000);
        format!("{}_{}_{}", seconds(self.min_time_us), seconds(self.max_time_us), self.id)
    }

    /// Reads the contents of a `bucket.json`.
    ///
    /// # Errors
    /// If they are malformed or of a newer format; `path` is named in the error.
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
        let meta: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        let mut tails = meta.sources.iter().flat_map(|source| &source.tails);
        if tails.any(|tail| u64::from(tail.len) > tail.end) {
            return Err(StoreError::damaged(path, 0, "a tail begins before its source"));
        }
        Ok(meta)
    }

    /// The contents of `bucket.json`.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a bucket's metadata has string keys only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_lies_within_its_source() {
        let decode = |tail_len: u32| {
            let text = format!(
                r#"{{"format":1,"id":"a","index":"main","written_by":"t","sealed_at_us":0,"n_events":1,"n_blocks":1,
                "raw_bytes":9,"min_time_us":0,"max_time_us":0,"sources":[{{"id":1,"generation":0,"path":"/a","source":"/a",
                "host":"h","sourcetype":"generic","rules_hash":1,"decoding":0,
                "fingerprint":{{"head_len":0,"head":"{hash}","dev":0,"ino":0}},"n_events":1,"ranges":[[0,9]],
                "tails":[{{"end":9,"len":{tail_len},"hash":"{hash}"}}],"last_time_us":0}}]}}"#,
                hash = "0".repeat(32)
            );
            BucketMeta::decode(text.as_bytes(), Path::new(META_FILE))
        };
        assert_eq!(decode(9).expect("a whole file").sources[0].tails[0].start(), 0);
        let error = decode(10).expect_err("a tail of ten bytes at offset nine");
        assert_eq!(error.to_string(), "bucket.json is damaged at byte 0: a tail begins before its source");
    }
}
