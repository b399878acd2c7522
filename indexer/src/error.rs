//! What can go wrong, for a whole run and for a single file.

use std::io;
use trawl_formats::event::Sourcetype;
use trawl_store::StoreError;

/// Why a run could not be done, or ended early. What was committed before stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The store refused what was to be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pattern, of an input or of `--exclude`, is malformed.
    #[error("`{pattern}` is not a valid glob")]
    Glob {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// A sourcetype was asked for that nobody defined.
    #[error("there is no sourcetype `{name}`")]
    UnknownSourcetype {
        /// Its name.
        name: Sourcetype,
    },
    /// Relative paths cannot be resolved.
    #[error("cannot find out the working directory")]
    WorkingDirectory(#[source] io::Error),
    /// No pipe could be made to stop threads with.
    #[error("cannot make a pipe")]
    Pipe(#[source] io::Error),
    /// Threads could not be started.
    #[error("cannot start {jobs} threads")]
    Threads {
        /// How many.
        jobs: usize,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What is wrong with one file. The rest of the run is not affected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing was found at a path or for a pattern that was named.
    #[error("no such file or directory")]
    NotFound,
    /// The file or directory could not be opened, listed or read.
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    /// The file is none: the kernel makes up what is in it whenever it is read.
    #[error("lies on {file_system}, whose files are made when they are read: use a command as input instead")]
    Made {
        /// Name of the file system.
        file_system: &'static str,
    },
    /// Reading failed inside the file; the events before are indexed.
    #[error("cannot be read any further than byte {offset}")]
    ReadFailed {
        /// First byte that could not be read.
        offset: u64,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A compressed file ends early or is corrupt; the events before the damage are indexed.
    #[error("the compressed file is damaged after {offset} bytes of its content")]
    Damaged {
        /// How many bytes of content came before the damage.
        offset: u64,
        /// The decoder's answer.
        source: io::Error,
    },
    /// The file was truncated while it was read.
    #[error("was truncated to less than {offset} bytes while it was read; run again for what has been written since")]
    Shrunk {
        /// Where reading stopped.
        offset: u64,
    },
    /// Another file took the path between looking at it and reading it.
    #[error("was replaced by another file while indexing; run again")]
    Replaced,
    /// The parser broke: our fault. The rest of the file is left out.
    #[error("internal error while parsing from byte {offset} on, please report it: {message}")]
    Internal {
        /// Where the block begins that could not be parsed.
        offset: u64,
        /// The panic's message.
        message: String,
    },
}

/// Whether an error of a file says that it became shorter than it was.
pub(crate) fn is_shrunk(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
