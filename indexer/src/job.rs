//! One file, or standard input, that is to be read, and what has been read of it.

use crate::compression::Compression;
use crate::discovery::FileMeta;
use crate::error::{FileError, is_shrunk};
use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use trawl_formats::parse::ParserOptions;
use trawl_formats::sourcetype::Rules;
use trawl_formats::timestamp::TimeContext;
use trawl_store::{RangeSet, SourceHandle};

/// Raw bytes of a journal block: the parser closes a block at the first event end behind them.
pub(crate) const BLOCK_BYTES: usize = 128 << 10;
/// Longest event; a longer one is cut.
pub(crate) const MAX_EVENT_BYTES: usize = 1 << 20;

/// What is to be read, and what all threads that read parts of it share.
pub(crate) struct FileJob {
    /// Path to open, without symbolic links.
    pub(crate) path: PathBuf,
    pub(crate) meta: FileMeta,
    pub(crate) kind: Kind,
    pub(crate) handle: Arc<SourceHandle>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) time: TimeContext,
    pub(crate) read_before: ReadBefore,
    pub(crate) tally: Tally,
}

/// What was read in earlier runs.
#[derive(Clone, Default)]
pub(crate) struct ReadBefore {
    /// Which bytes.
    pub(crate) committed: RangeSet,
    /// `_time` of the last event in them.
    pub(crate) last_time_us: Option<i64>,
    /// Header line in force at their end (CSV, W3C).
    pub(crate) header: Option<Arc<str>>,
}

/// What kind of thing is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file that holds its content as it is.
    Plain(PlainAccess),
    /// A compressed file.
    Compressed(Compression),
    /// Standard input.
    Stdin {
        /// How it is compressed.
        compression: Option<Compression>,
    },
}

/// How a plain file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainAccess {
    /// Where its content ends; what was written later is left for the next run.
    pub(crate) end: u64,
    /// Nobody truncates it.
    pub(crate) is_mapped: bool,
    /// More may be written to it, so that its last event may not be whole.
    pub(crate) may_grow: bool,
}

impl FileJob {
    /// A parser's options for a place in the file: what stands before it is not known.
    pub(crate) fn parser_options(&self) -> ParserOptions {
        ParserOptions {
            decoding: self.handle.decoding,
            time: self.time,
            block_bytes: BLOCK_BYTES,
            max_event_bytes: MAX_EVENT_BYTES,
            ..ParserOptions::new(Arc::clone(&self.rules))
        }
    }

    /// Whether the file still is the one that was looked at.
    pub(crate) fn is_same(&self, meta: &FileMeta) -> bool {
        (meta.dev, meta.ino) == (self.meta.dev, self.meta.ino)
    }

    /// Notes that the content cannot be read past `offset`.
    pub(crate) fn fail_read(&self, offset: u64, source: io::Error) {
        self.tally.fail(match self.kind {
            Kind::Plain(_) if is_shrunk(&source) => FileError::Shrunk { offset },
            Kind::Plain(_) | Kind::Stdin { compression: None } => FileError::ReadFailed { offset, source },
            Kind::Compressed(_) | Kind::Stdin { compression: Some(_) } => FileError::Damaged { offset, source },
        });
    }
}

/// What has been read of a file in this run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    events: AtomicU64,
    bytes: AtomicU64,
    errors: Mutex<Vec<FileError>>,
}

impl Tally {
    pub(crate) fn add(&self, n_events: u64, n_bytes: u64) {
        // Read after the threads have been joined.
        self.events.fetch_add(n_events, Ordering::Relaxed);
        self.bytes.fetch_add(n_bytes, Ordering::Relaxed);
    }

    pub(crate) fn fail(&self, error: FileError) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error);
    }

    /// Whether anything has failed.
    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Events, bytes and errors.
    pub(crate) fn take(&self) -> (u64, u64, Vec<FileError>) {
        let errors = mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner));
        (self.events.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed), errors)
    }
}
