//! What tells whether a file was written.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What the file system says of a file; as long as it is the same, nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) len: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
    /// Names that the file has; none if it was deleted.
    pub(super) n_links: u64,
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
            n_links: metadata.nlink(),
        }
    }
}

impl Stamp {
    /// When the file was last written, microseconds since the epoch.
    pub(super) fn mtime_us(&self) -> i64 {
        self.mtime.0.saturating_mul(1_000_000).saturating_add(self.mtime.1 / 1000)
    }

    /// Whether somebody may have written between the two.
    pub(super) fn may_differ(&self, other: &Self) -> bool {
        (self.len, self.mtime, self.ctime) != (other.len, other.mtime, other.ctime)
    }
}
