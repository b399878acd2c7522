//! A file that the tailer knows, and what it does with it.

use super::Moment;
use super::follower::Follower;
use crate::custody::Generation;
use crate::discovery::{FileMeta, Found};
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

impl Tracked {
    /// Whether there may be something to read, by what the file system says of the file.
    pub(super) fn has_news(&self, meta: &FileMeta, now: Moment) -> bool {
        match &self.state {
            // An error that has passed is noticed by reading.
            State::Following(follower) => follower.differs_from(meta) || follower.error.is_some(),
            State::Loading(_) => false,
            State::Idle(Idle::Failed { retry_at, .. }) => *retry_at <= now.at,
            State::Idle(_) => (self.found.meta.len, self.found.meta.mtime_us) != (meta.len, meta.mtime_us),
        }
    }
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

/// A file that is read no more, with an open event. A copy of the file may hold the end of it.
pub(super) struct Orphan {
    pub(super) follower: Box<Follower>,
    pub(super) route: usize,
    /// When the event counts as whole, if no copy is found.
    pub(super) close_at: Duration,
    /// It waits for its batch.
    pub(super) is_pending: bool,
}

/// Files for the loader.
pub(crate) struct Backlog {
    pub(super) route: usize,
    pub(super) files: Vec<Found>,
}
