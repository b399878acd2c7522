//! What a tailer is doing, for whoever asks.

use super::tracked::{Idle, State};
use super::{Moment, Tailer};
use crate::error::FileError;
use std::path::PathBuf;
use std::time::Duration;
use trawl_formats::event::{IndexName, Source, Sourcetype};

/// A tailer's state at one moment.
#[derive(Clone, Debug, Default)]
pub struct TailStatus {
    /// Every file that it knows, by path.
    pub files: Vec<FileStatus>,
    /// Events that became durable since it began.
    pub n_events: u64,
    /// Bytes of them.
    pub n_bytes: u64,
    /// Why the store takes nothing, and since when. The files wait; nothing is lost.
    pub paused: Option<(String, Duration)>,
    /// Directories that are looked at in intervals only, and why.
    pub unwatched: Vec<(PathBuf, String)>,
    /// Paths that could not be listed.
    pub unlisted: Vec<(PathBuf, String)>,
    /// Files that are left out because they have not been written for too long.
    pub too_old: Vec<PathBuf>,
    /// Commands and streams.
    pub feeds: Vec<FeedStatus>,
}

/// A command or a stream.
#[derive(Clone, Debug)]
pub struct FeedStatus {
    /// The command line; the path of a FIFO; `stdin`.
    pub name: String,
    /// What was wrong when it was last run or read, and since when.
    pub error: Option<(String, Duration)>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct FileStatus {
    /// Where it lies now.
    pub path: PathBuf,
    /// Index of its events.
    pub index: IndexName,
    /// What it counts as.
    pub identity: Option<(Source, u32, Sourcetype)>,
    /// What is done with it.
    pub state: FileState,
    /// Its length when it was last looked at, as far as is known.
    pub len: u64,
    /// Bytes that were read.
    pub read_to: u64,
    /// Bytes that are durable.
    pub durable_to: u64,
    /// Bytes that are there, but not durable.
    pub lag: u64,
    /// Whether a descriptor is held for it.
    pub is_open: bool,
    /// Since when it has not grown.
    pub quiet_for: Option<Duration>,
    /// What is wrong with it, and since when.
    pub error: Option<(String, Duration)>,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// It is read whenever it grows.
    Followed,
    /// It has lost its name, and is read to its end.
    Draining,
    /// What is in it is loaded in bulk.
    Loading,
    /// It is empty.
    Empty,
    /// It is not text.
    Binary,
    /// Everything in it is known, and it does not grow: compressed files, and copies.
    Read,
    /// Another file is followed that holds the same.
    Copy,
    /// It cannot be read; it is tried again.
    Failed,
}

impl Tailer<'_> {
    /// What the tailer is doing.
    pub fn status(&self, now: Moment) -> TailStatus {
        let mut files: Vec<FileStatus> = self
            .files
            .values()
            .map(|tracked| {
                let mut status = FileStatus {
                    path: tracked.found.path.clone(),
                    index: self.routes[tracked.route].options.index.clone(),
                    identity: None,
                    state: FileState::Read,
                    len: tracked.found.meta.len,
                    read_to: 0,
                    durable_to: 0,
                    lag: 0,
                    is_open: false,
                    quiet_for: None,
                    error: None,
                };
                match &tracked.state {
                    State::Following(follower) => {
                        let source = follower.source();
                        status.identity = Some((source.source.clone(), source.generation, source.sourcetype.clone()));
                        let is_missing = tracked.missing_since.is_some();
                        status.state = if is_missing { FileState::Draining } else { FileState::Followed };
                        (status.durable_to, status.read_to) = (follower.durable_to(), follower.read_to());
                        status.len = follower.seen_len().max(status.read_to);
                        status.lag = status.len - status.durable_to;
                        status.is_open = follower.is_open();
                        status.quiet_for = Some(now.at.saturating_sub(follower.last_growth));
                        status.error = follower.error.as_ref().map(|(error, since)| (explain(error), now.at - *since));
                        status.path.clone_from(&follower.job.path);
                    }
                    State::Loading(_) => {
                        status.state = FileState::Loading;
                        status.lag = tracked.found.meta.len;
                    }
                    State::Idle(idle) => {
                        status.state = match idle {
                            Idle::Empty => FileState::Empty,
                            Idle::Binary => FileState::Binary,
                            Idle::Read => FileState::Read,
                            Idle::Shadow(_) => FileState::Copy,
                            Idle::Failed { .. } => FileState::Failed,
                        };
                        if let Idle::Failed { error, since, .. } = idle {
                            status.error = Some((explain(error), now.at - *since));
                        }
                    }
                }
                status
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let refused_since = self.lanes.iter().filter_map(|lane| lane.refused_since).min();
        let paused = refused_since.map(|since| {
            let why = self.last_store_error.as_ref().map_or_else(String::new, |(error, _)| error.clone());
            (why, now.at - since)
        });
        let since = |(why, since): &(String, Duration)| (why.clone(), now.at.saturating_sub(*since));
        let commands = self.commands.iter().map(|command| (&command.line, &command.trouble));
        let streams = self.streams.iter().map(|stream| (&stream.name, &stream.trouble));
        let feeds = commands
            .chain(streams)
            .map(|(name, trouble)| FeedStatus { name: name.clone(), error: trouble.as_ref().map(since) });
        TailStatus {
            feeds: feeds.collect(),
            files,
            n_events: self.n_events,
            n_bytes: self.n_bytes,
            paused,
            unwatched: self.unwatched.iter().map(|(dir, why)| (dir.clone(), why.clone())).collect(),
            too_old: self.listing.too_old.clone(),
            unlisted: self.listing.unlisted.iter().map(|(path, error)| (path.clone(), explain(error))).collect(),
        }
    }
}

/// An error with its cause.
fn explain(error: &FileError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
