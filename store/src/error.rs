//! What can go wrong on disk.

use std::io;
use std::path::{Path, PathBuf};

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
