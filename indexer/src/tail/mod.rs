//! Follows files for as long as they are written.
//!
//! [`Tailer`] is one thread's worth of work without a clock, a watcher or a thread of its own: [`Tailer::pump`] does what is
//! to be done at a moment, and says when the next one is. [`run`] gives it the real ones.
//!
//! **Correctness rests on looking, not on being told.** Every [`TailOptions::rescan`] all inputs are listed anew, and every
//! [`TailOptions::reconcile`] each file that was active lately is asked for its length. Notices of the kernel only make it
//! faster.
//!
//! **A file is known by device and inode** while the tailer runs, and by its content after that ([`crate::identity`]). Before
//! each byte that is read, the up to 256 bytes before it are read again: whoever truncates a file and writes past the old
//! end is found out.
//!
//! **Events and progress become durable in one batch** (module `batch`). What the disk refuses is forgotten and read again.
//!
//! A file's way: `looking` finds it, `admitting` finds out what it is and who reads it from where, `reading` reads it with its
//! `follower` whenever it has grown, `committing` makes durable what was read.

mod activity;
mod admitting;
mod batch;
mod commands;
mod committing;
mod effort;
mod feed;
mod follower;
mod kin;
mod listing;
mod looking;
mod options;
mod pipes;
mod reading;
mod relatives;
mod run;
mod stamp;
mod status;
mod streams;
mod tracked;
mod watch;

pub use crate::command::CommandInput;
pub use activity::{Activity, Counts, IndexCounts, Remarks, Timed};
pub use options::{Inputs, Moment, Notices, Pumped, Route, TailOptions};
pub use run::{Control, run};
pub use status::{FeedStatus, FileState, FileStatus, TailStatus};
pub use streams::{StreamInput, StreamOrigin};

use crate::custody::{Generation, Reading};
use crate::discovery::{FileKey, Found, Input, discover_again};
use crate::error::IndexError;
use batch::Lane;
use commands::CommandFeed;
use hashbrown::HashMap;
use listing::Listing;
use relatives::Relatives;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use streams::Stream;
use tracked::{Orphan, Tracked, Waiting};
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_store::Writer;
use trawl_store::rotation::Family;

/// Follows files into a store.
pub struct Tailer<'w> {
    writer: &'w Writer,
    registry: &'w Registry,
    routes: Vec<Route>,
    options: TailOptions,
    /// One per index.
    lanes: Vec<Lane>,
    lane_of_route: Vec<usize>,
    commands: Vec<CommandFeed>,
    streams: Vec<Stream>,
    files: HashMap<FileKey, Tracked>,
    by_path: HashMap<PathBuf, FileKey>,
    by_generation: HashMap<Generation, FileKey>,
    dirty: VecDeque<FileKey>,
    /// When open events are to be closed.
    quiet_at: BinaryHeap<Reverse<(Duration, FileKey)>>,
    /// Files that may be open, the one that is to be closed first in front.
    open: VecDeque<FileKey>,
    /// Files that were truncated or are gone, with an open event.
    orphans: HashMap<Generation, Orphan>,
    waiting: HashMap<FileKey, Waiting>,
    backlog: HashMap<usize, Vec<Found>>,
    next_reconcile: Duration,
    next_rescan: Duration,
    no_rescan_before: Duration,
    /// What the last rescan that listed everything has found.
    listing: Listing,
    /// The next rescan is to list everything, whatever directories look like.
    must_list: bool,
    next_listing: Duration,
    has_listed: bool,
    /// Directories that are looked at in intervals only, and why.
    unwatched: BTreeMap<PathBuf, String>,
    /// Families of which siblings outside of the inputs are to be looked at.
    sweep: HashMap<Family, usize>,
    has_swept: bool,
    /// Which files are read though no input names them.
    relatives: Relatives,
    /// The files that are there at the start have been looked at.
    has_begun: bool,
    buffer: Vec<u8>,
    /// Total of events and bytes that are durable.
    n_events: u64,
    n_bytes: u64,
    last_store_error: Option<(String, Duration)>,
    has_ended_logs: bool,
    /// Something may be held that is not read any more.
    holds_too_much: bool,
}

impl<'w> Tailer<'w> {
    /// A tailer that has not looked at anything yet.
    ///
    /// # Errors
    /// If an input or option makes no sense.
    pub fn new(
        writer: &'w Writer,
        registry: &'w Registry,
        inputs: impl Into<Inputs>,
        options: TailOptions,
    ) -> Result<Self, IndexError> {
        let Inputs { mut routes, commands, streams } = inputs.into();
        let max_open_files = options.max_open_files.min(descriptors_for_files());
        let options = TailOptions { max_open_files, ..options };
        let (mut lanes, mut lane_of_route): (Vec<Lane>, Vec<usize>) = (Vec::new(), Vec::new());
        for Route { inputs, options: described, .. } in &mut routes {
            described.custody = Arc::clone(&options.custody);
            let options = &*described;
            // Found out now rather than at the first rescan.
            discover_again(&[], &options.exclude, None, &HashMap::new())?;
            crate::format::forced_rules(registry, options)?;
            for input in &*inputs {
                if let Input::Glob(pattern) = input {
                    globset::Glob::new(pattern)
                        .map_err(|source| IndexError::Glob { pattern: pattern.clone(), source })?;
                }
            }
            lane_of_route.push(lane_of(&mut lanes, &options.index));
        }
        let described = commands.iter().map(|command| &command.options);
        for options in described.chain(streams.iter().map(|stream| &stream.options)) {
            crate::format::forced_rules(registry, options)?;
        }
        let commands = commands.into_iter().map(|input| {
            let lane = lane_of(&mut lanes, &input.options.index);
            CommandFeed::new(input, lane)
        });
        let commands = commands.collect();
        let streams = streams.into_iter().map(|input| {
            let lane = lane_of(&mut lanes, &input.options.index);
            Stream::new(input, lane)
        });
        let streams = streams.collect();
        Ok(Self {
            writer,
            registry,
            routes,
            options,
            lanes,
            lane_of_route,
            commands,
            streams,
            files: HashMap::new(),
            by_path: HashMap::new(),
            by_generation: HashMap::new(),
            dirty: VecDeque::new(),
            quiet_at: BinaryHeap::new(),
            open: VecDeque::new(),
            orphans: HashMap::new(),
            waiting: HashMap::new(),
            backlog: HashMap::new(),
            next_reconcile: Duration::ZERO,
            next_rescan: Duration::ZERO,
            no_rescan_before: Duration::ZERO,
            listing: Listing::default(),
            must_list: true,
            next_listing: Duration::ZERO,
            has_listed: false,
            unwatched: BTreeMap::new(),
            sweep: HashMap::new(),
            has_swept: false,
            relatives: Relatives::default(),
            has_begun: false,
            buffer: Vec::new(),
            n_events: 0,
            n_bytes: 0,
            last_store_error: None,
            has_ended_logs: false,
            holds_too_much: false,
        })
    }

    /// Does what is to be done now.
    ///
    /// # Errors
    /// If the catalog fails in a way that no waiting mends. Files that cannot be read and a full disk are no errors: they are
    /// part of the [`status`](Self::status), and tried again.
    pub fn pump(&mut self, now: Moment, notices: Notices) -> Result<Pumped, IndexError> {
        self.relatives.begin(now);
        self.take_notices(&notices, now);
        if now.at >= self.next_rescan {
            self.rescan(now)?;
        }
        if now.at >= self.next_reconcile {
            self.reconcile(now);
        }
        self.admit_waiting(now)?;
        self.has_begun = true;
        let is_busy = self.read_dirty(now);
        self.close_quiet(now);
        self.close_orphans(now);
        self.take_records(now, false)?;
        self.commit_due(now);
        self.roll_logs(now);
        self.let_others_read(now);
        Ok(Pumped { is_busy, wake_at: self.wake_at() })
    }

    /// Makes everything durable that was read, and ends the live logs.
    pub fn finish(&mut self, now: Moment) {
        if let Err(error) = self.take_records(now, true) {
            self.last_store_error = Some((error.to_string(), now.at));
        }
        self.commit_all(now);
        self.lanes.iter_mut().for_each(|lane| lane.end(self.writer));
    }

    /// Whether live logs have ended since this was last asked.
    pub fn take_ended_logs(&mut self) -> bool {
        mem::take(&mut self.has_ended_logs)
    }

    /// Indexes that are written to.
    pub fn indexes(&self) -> impl Iterator<Item = &IndexName> {
        self.lanes.iter().map(|lane| &lane.index)
    }

    /// Directories whose changes are worth a notice.
    pub fn dirs(&self) -> &BTreeSet<PathBuf> {
        &self.listing.dirs
    }

    /// Whether everything has been listed since this was last asked.
    pub fn take_has_listed(&mut self) -> bool {
        mem::take(&mut self.has_listed)
    }

    /// Says of which directories no notices come, and why: files in them are looked at more often.
    pub fn set_unwatched(&mut self, unwatched: BTreeMap<PathBuf, String>) {
        self.unwatched = unwatched;
    }

    fn wake_at(&self) -> Duration {
        let due = self.lanes.iter().filter_map(|lane| lane.due_at(&self.options)).min();
        let quiet = self.quiet_at.peek().map(|Reverse((at, _))| *at);
        let waiting = self.waiting.values().map(|waiting| waiting.not_before).min();
        // Where the disk refuses everything there is nothing to do at that time.
        let is_refused = |stream: &&Stream| self.lanes[stream.lane].refused_since.is_some();
        let streams = self.streams.iter().filter(|stream| !is_refused(stream));
        let streams = streams.filter_map(|stream| stream.quiet_at(self.options.event_timeout)).min();
        let next = self.next_rescan.min(self.next_reconcile);
        [due, quiet, waiting, streams].into_iter().flatten().fold(next, Duration::min)
    }

    /// Commands and streams, for the threads that run and read them.
    fn feeds(&self) -> (Vec<CommandInput>, Vec<StreamOrigin>) {
        let commands = self.commands.iter().map(|command| command.input.clone()).collect();
        (commands, self.streams.iter().map(|stream| stream.input.origin.clone()).collect())
    }

    fn take_fed(&mut self, fed: run::Fed, now: Moment) {
        match fed {
            run::Fed::Run(finished) => self.commands[finished.command].take(finished),
            run::Fed::Chunk(chunk) => self.streams[chunk.stream].take(chunk, now.at),
        }
    }

    /// Whether nothing can come any more: there are streams only, and all have ended and are durable.
    fn is_over(&self) -> bool {
        let has_streams_only = self.routes.is_empty() && self.commands.is_empty() && !self.streams.is_empty();
        has_streams_only && self.streams.iter().all(Stream::is_over)
    }

    /// Lets go of the threads that run commands and read streams.
    fn disconnect(&mut self) {
        self.commands.iter_mut().for_each(CommandFeed::disconnect);
        self.streams.iter_mut().for_each(Stream::disconnect);
    }
}

impl Drop for Tailer<'_> {
    fn drop(&mut self) {
        self.options.custody.end(Reading::Tailer);
    }
}

/// Descriptors of this process that followed files may take: half of what it may have.
fn descriptors_for_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit / 2).unwrap_or(usize::MAX).max(1))
}

/// The lane of an index; a new one if there is none.
fn lane_of(lanes: &mut Vec<Lane>, index: &IndexName) -> usize {
    lanes.iter().position(|lane| lane.index == *index).unwrap_or_else(|| {
        lanes.push(Lane::new(index.clone()));
        lanes.len() - 1
    })
}
