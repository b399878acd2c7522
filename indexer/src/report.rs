//! What a run did, file by file.

use crate::error::FileError;
use std::path::PathBuf;
use trawl_formats::event::{Source, Sourcetype};

/// Result of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Files that were read or could not be, in order of discovery, then standard input, then paths
    /// at which nothing could be found.
    pub files: Vec<FileReport>,
    /// What was left out on purpose.
    pub skipped: Vec<Skipped>,
    /// Sums over all files.
    pub totals: Totals,
    /// The run was asked to stop before it was done. What it had read is committed.
    pub cancelled: bool,
}

impl FileReport {
    /// The report of a file that nobody has looked at yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, outcome: Outcome::NotReached, sourcetype: None, events: 0, bytes: 0, errors: Vec::new() }
    }
}

impl Report {
    /// Whether any file had an error.
    pub fn has_errors(&self) -> bool {
        self.files.iter().any(|file| !file.errors.is_empty())
    }
}

/// Sums over all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events that were added, provisional ones not counted.
    pub events: u64,
    /// Bytes of those events, after decompression.
    pub bytes: u64,
    /// Last events that may still grow: searchable, but not yet counted as read.
    pub provisional_events: u64,
    /// Buckets that were sealed.
    pub buckets: u64,
}

/// What became of one file.
#[derive(Debug)]
pub struct FileReport {
    /// Path by which the file was reached; `stdin` for standard input.
    pub path: PathBuf,
    /// What it turned out to be.
    pub outcome: Outcome,
    /// Its sourcetype, once that is known.
    pub sourcetype: Option<Sourcetype>,
    /// Events that were added, a provisional one not counted.
    pub events: u64,
    /// Bytes of those events, after decompression.
    pub bytes: u64,
    /// What went wrong, in order of time.
    pub errors: Vec<FileError>,
}

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Never seen before.
    New,
    /// A known path with other content: the next generation of its source.
    NewGeneration,
    /// Grown since the last run, or not read to its end then.
    Appended,
    /// A known file under another name, renamed or compressed, with more in it than was read before.
    Continued {
        /// The source that it continues.
        source: Source,
    },
    /// Everything in it is indexed.
    Unchanged,
    /// A tailer in this process reads it, or another copy of it: nothing was read here.
    Followed,
    /// Has no content.
    Empty,
    /// Could not be opened; see the errors.
    Failed,
    /// The run was cancelled before its turn.
    NotReached,
}

/// A path that was left out on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why a path was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Its content is not text.
    Binary,
    /// A device, socket or pipe.
    NotRegular,
    /// A link to, or the same file as, one found before.
    SameFile {
        /// The path that counts.
        path: PathBuf,
    },
    /// A symbolic link that leads back to a directory above it.
    LinkLoop,
    /// The store itself.
    OwnData,
}
