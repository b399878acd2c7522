//! What is asked for, and what is answered, as it stands in the files. New kinds of work are new variants.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use trawl_store::source::path_text;

/// A request.
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
    /// Text for the standard output of the one who asked.
    #[serde(default)]
    pub stdout: String,
    /// Text for its standard error.
    #[serde(default)]
    pub stderr: String,
    /// Its exit code.
    pub code: u8,
    /// Events that were added.
    #[serde(default)]
    pub n_events: u64,
}
