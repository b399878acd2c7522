//! A file that the tailer knows, and what it does with it.

use super::follower::Follower;
use crate::custody::Generation;
use crate::discovery::Found;
use crate::error::FileError;
use crate::look::KnownAs;
use std::time::Duration;

/// A file that the tailer knows.
pub(super) struct Tracked {
    pub(super) found: Found,
    pub(super) route: usize,
    pub(super) state: State,
    /// It waits for its turn to be read.
    pub(super) is_dirty: bool,
    /// Since when no input names it.
    pub(super) missing_since: Option<Duration>,
}

pub(super) enum State {
    Following(Box<Follower>),
    /// The loader has it.
    Loading(Generation),
    /// Nothing is to be read until it changes.
    Idle(Idle),
}

/// Why nothing is to be read.
pub(super) enum Idle {
    Empty,
    Binary,
    /// Everything in it is known.
    Read,
    /// Another file is followed as the same generation.
    Shadow(Generation),
    Failed {
        error: FileError,
        since: Duration,
        retry_at: Duration,
    },
}

/// A file that waits to be looked at.
pub(super) struct Waiting {
    pub(super) found: Found,
    pub(super) route: usize,
    pub(super) known_as: KnownAs,
    pub(super) not_before: Duration,
}

/// Files for the loader.
pub(crate) struct Backlog {
    pub(super) route: usize,
    pub(super) files: Vec<Found>,
}
