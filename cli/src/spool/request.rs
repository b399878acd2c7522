//! What is asked for, and what is answered, as it stands in the files. New kinds of work are new variants.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use trawl_formats::IndexName;
use trawl_store::BucketRow;
use trawl_store::bucket::meta::BucketMeta;
use trawl_store::retention::Policies;
use trawl_store::source::path_text;

/// A request. It can be done again from the beginning, whatever became of it before: nothing is stored twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// What is to be done.
    pub work: Work,
    /// Whether texts may hold colours.
    pub has_color: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Files are to be indexed.
    Index(IndexWork),
    /// Archived buckets are to come back.
    Restore {
        /// Their files, absolute.
        #[serde(with = "files")]
        files: Vec<PathBuf>,
    },
    /// Restored buckets are to be given back to retention.
    Release {
        /// Their ids.
        ids: Vec<String>,
    },
    /// What has to go is to go now.
    Retention {
        /// How long indexes keep their events, for the one who asks.
        policies: Policies,
    },
}

/// What `trawl index` was asked to do. Paths and patterns are absolute.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexWork {
    /// What to read.
    pub inputs: Vec<InputPath>,
    /// Name of the zone of time stamps without one.
    pub zone: String,
    /// As the options of these names.
    pub index: String,
    /// Likewise.
    pub sourcetype: Option<String>,
    /// Likewise.
    pub host: Option<String>,
    /// Likewise.
    pub source: Option<String>,
    /// Likewise.
    pub exclude: Vec<String>,
    /// Whether the report names each file.
    pub is_verbose: bool,
}

impl Request {
    /// Whether it reads the standard input.
    pub fn reads_stdin(&self) -> bool {
        matches!(&self.work, Work::Index(work) if work.inputs.contains(&InputPath::Stdin))
    }
}

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputPath {
    /// A file or folder.
    Path(#[serde(with = "path_text")] PathBuf),
    /// The files that match a pattern.
    Glob {
        /// The pattern, absolute.
        pattern: String,
        /// As it was typed: so it is named in the report.
        typed: String,
    },
    /// What the one who asks got from its standard input.
    Stdin,
}

/// How a request ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Text for the standard error of the one who asked.
    #[serde(default)]
    pub stderr: String,
    /// Its exit code.
    pub code: u8,
    /// Events that were added.
    #[serde(default)]
    pub n_events: u64,
    /// What became of buckets; `None` if the work could not be begun, which `stderr` then explains.
    #[serde(default)]
    pub buckets: Option<Vec<BucketOutcome>>,
    /// What went wrong with others, each in a line.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// What became of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketOutcome {
    /// Its index.
    pub index: IndexName,
    /// Its name.
    pub id: String,
    /// Earliest `_time`, microseconds.
    pub min_time_us: i64,
    /// Latest `_time`, microseconds.
    pub max_time_us: i64,
    /// Events.
    pub n_events: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// What became of it, or why.
    pub outcome: String,
    /// The file that it is in now, if it was archived.
    pub archived: Option<String>,
}

impl BucketOutcome {
    /// What became of a bucket of the store.
    pub fn of_row(row: &BucketRow, outcome: impl Into<String>) -> Self {
        Self {
            index: row.index.clone(),
            id: row.id.clone(),
            min_time_us: row.min_time_us,
            max_time_us: row.max_time_us,
            n_events: row.n_events,
            bytes: row.disk_bytes,
            outcome: outcome.into(),
            archived: None,
        }
    }

    /// What became of a bucket of an archive.
    pub fn of_meta(meta: &BucketMeta, bytes: u64, outcome: impl Into<String>) -> Self {
        Self {
            index: meta.index.clone(),
            id: meta.id.clone(),
            min_time_us: meta.min_time_us,
            max_time_us: meta.max_time_us,
            n_events: meta.n_events.into(),
            bytes,
            outcome: outcome.into(),
            archived: None,
        }
    }
}

/// Lists of paths, for serde's `with`.
pub mod files {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::path::PathBuf;
    use trawl_store::source::path_text;

    /// For serde's `with`.
    pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|path| path_text::to_text(path)))
    }

    /// For serde's `with`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        Ok(texts.iter().map(|text| path_text::from_text(text)).collect())
    }
}
