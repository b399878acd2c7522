//! SQLite's write-ahead log after a sync that failed.
//!
//! A lazy transaction is committed without a sync; that of the next durable one covers it. If that sync fails, the durable one
//! is rolled back and SQLite writes its pages again the next time, but not those of the lazy one before it. The kernel takes
//! them for written, and no later sync tries again (Rebello et al., *Can Applications Recover from fsync Failures?*, ATC
//! 2020). After a power cut the log would end there, and whatever was committed behind it would be lost. So the log is written
//! again, as it is, before anything is added to it.

use crate::error::{IoContext, Result, StoreError};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is known of the log. Changed under the lock of the connection only.
#[derive(Default)]
pub(super) struct Log {
    /// A lazy transaction has come after the last durable one.
    has_lazy: AtomicBool,
    /// A sync has failed that should have covered a lazy one.
    is_doubtful: AtomicBool,
}

impl Log {
    /// A lazy transaction is about to be committed.
    pub(super) fn note_lazy(&self) {
        self.has_lazy.store(true, Ordering::Relaxed);
    }

    /// A durable transaction has been tried; `has_written` tells whether it changed anything.
    pub(super) fn note_durable<T>(&self, answer: &rusqlite::Result<T>, has_written: bool) {
        match answer {
            Ok(_) if has_written => self.has_lazy.store(false, Ordering::Relaxed),
            Err(error) if may_be_committed(error) && self.has_lazy.load(Ordering::Relaxed) => {
                self.is_doubtful.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Makes sure that what is in the log is on the disk, as far as it should be. Free, unless a sync has failed.
    ///
    /// # Errors
    /// If the disk refuses it. Nothing may be added to the log then.
    pub(super) fn mend(&self, connection: &mut Connection, catalog: &Path) -> Result<()> {
        if !self.is_doubtful.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Nobody else adds to it meanwhile.
        let held = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let _held = held.map_err(|source| StoreError::Catalog { path: catalog.to_owned(), source })?;
        let path = catalog.with_extension("db-wal");
        let mut log = File::options().read(true).write(true).open(&path).at("open", &path)?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes).at("read", &path)?;
        log.write_all_at(&bytes, 0).at("write", &path)?;
        log.sync_data().at("sync", &path)?;
        self.is_doubtful.store(false, Ordering::Relaxed);
        self.has_lazy.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether a transaction that failed may nevertheless be found committed after a power cut: all of it was written, and only
/// the sync has failed. A full disk refuses to write it, which is another error.
pub(super) fn may_be_committed(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}
