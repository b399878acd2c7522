//! How far a run is, for whoever watches it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that a run moves forward; read them from any thread at any time.
///
/// Bytes are counted as they lie on disk, compressed files compressed, so that [`done_bytes`](Self::done_bytes) runs
/// towards [`total_bytes`](Self::total_bytes). Both may grow while the run finds out what there is to do.
#[derive(Debug, Default)]
pub struct Progress {
    total_files: AtomicU64,
    done_files: AtomicU64,
    total_bytes: AtomicU64,
    done_bytes: AtomicU64,
    content_bytes: AtomicU64,
    events: AtomicU64,
    buckets: AtomicU64,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident, $add:ident;)*) => {
        impl Progress {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> u64 {
                    // The counters are independent of each other and of any other memory.
                    self.$name.load(Ordering::Relaxed)
                }

                pub(crate) fn $add(&self, n: u64) {
                    self.$name.fetch_add(n, Ordering::Relaxed);
                }
            )*
        }
    };
}

counters! {
    /// Files found.
    total_files, add_total_files;
    /// Files that are done with.
    done_files, add_done_files;
    /// Bytes on disk that are to be read.
    total_bytes, add_total_bytes;
    /// Bytes on disk that have been read.
    done_bytes, add_done_bytes;
    /// Bytes of content that have been indexed, after decompression.
    content_bytes, add_content_bytes;
    /// Events that have been added.
    events, add_events;
    /// Buckets that have been sealed.
    buckets, add_buckets;
}
