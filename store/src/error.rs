//! What can go wrong on disk.

use std::io;
use std::path::{Path, PathBuf};
use trawl_formats::event::IndexName;

/// An error of the store; each variant names the file it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or directory could not be read, written or synced.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `create`, `sync`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Bytes on disk do not agree with their checksum or their grammar.
    #[error("{} is damaged at byte {offset}: {what}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file the damage was noticed.
        offset: u64,
        /// What does not fit.
        what: String,
    },
    /// The file was written by a newer release.
    #[error("{} has format version {found}, but this trawl reads versions up to {supported}; use a newer trawl", path.display())]
    NewerFormat {
        /// The file that names the version.
        path: PathBuf,
        /// The version it names.
        found: u32,
        /// The newest version that this build understands.
        supported: u32,
    },
    /// Another process writes to the store.
    #[error("{} is being written by another trawl ({holder}); wait until it ends, or stop it", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// Process id, command and start time of the holder.
        holder: String,
    },
    /// There is no store at this place.
    #[error("there is no trawl data in {}; index something first, or name another folder with --data", path.display())]
    NoStore {
        /// The data directory asked for.
        path: PathBuf,
    },
    /// There are buckets, but the catalog that should name them is gone.
    #[error("there are buckets in {}, but no catalog; rebuild it with `trawl verify --repair`", path.display())]
    CatalogLost {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory of a bucket does not exist any more.
    #[error("bucket {} is gone", dir.display())]
    BucketGone {
        /// Where it was.
        dir: PathBuf,
    },
    /// The file system has less free space than is to be kept, and nothing that may go would be enough.
    #[error(
        "{} has {free} bytes free, and min_free of index {index} keeps {min_free}; make room, or lower min_free",
        path.display()
    )]
    NoRoom {
        /// The data directory.
        path: PathBuf,
        /// The index that something is to be added to.
        index: IndexName,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to be kept free.
        min_free: u64,
    },
    /// A file is not a bucket in an archive, or cannot be trusted.
    #[error("{} is no archived bucket: {what}", path.display())]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The archive folder is not there.
    #[error("there is no archive folder {}; create it, or mount what it is on", path.display())]
    NoArchive {
        /// The folder.
        path: PathBuf,
    },
    /// The catalog refused a statement.
    #[error("catalog {} failed", path.display())]
    Catalog {
        /// The database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// tantivy refused to write or open a segment.
    #[error("segment in {} failed", path.display())]
    Segment {
        /// The bucket directory.
        path: PathBuf,
        /// tantivy's answer.
        source: Box<tantivy::TantivyError>,
    },
}

/// Result of a store operation.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Adds to an I/O error what was tried and on which file.
pub(crate) trait IoContext<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| StoreError::Io { action, path: path.to_owned(), source })
    }
}

impl StoreError {
    pub(crate) fn damaged(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), offset, what: what.into() }
    }
}
