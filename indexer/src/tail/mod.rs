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

mod activity;
mod batch;
mod commands;
mod feed;
mod follower;
mod run;
mod status;
mod streams;
mod watch;

pub use crate::command::CommandInput;
pub use activity::{Activity, Counts, IndexCounts, Remarks, Timed};
pub use run::{Control, run};
pub use status::{FeedStatus, FileState, FileStatus, TailStatus};
pub use streams::{StreamInput, StreamOrigin};

use crate::content::open;
use crate::custody::{Custody, Generation, Reading};
use crate::discovery::{Discovery, FileKey, FileMeta, Found, Input, RealPath, discover_again};
use crate::error::{FileError, IndexError};
use crate::identity::Family;
use crate::ingest::Shared;
use crate::job::{FileJob, Kind};
use crate::look::{KnownAs, Purpose};
use crate::options::Options;
use crate::plan::{Candidate, Planner, Verdict};
use crate::progress::Progress;
use crate::read::read_at_most;
use crate::report::{Outcome, Report};
use batch::{Lane, Producer};
use commands::CommandFeed;
use feed::Desk;
use follower::{Follower, Turn};
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use streams::Stream;
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_store::{StoreError, Writer};

/// A file whose unread part is longer than this is left to the loader, which is many times faster than a live log.
const BACKLOG_BYTES: u64 = 16 << 20;
/// Bytes read in one call of [`Tailer::pump`].
const PUMP_BYTES: usize = 8 << 20;
/// How long after a truncation its copy is looked for before the last event counts as whole.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a notice of a change in a directory waits for others.
const NOTICE_DELAY: Duration = Duration::from_millis(50);
/// Rescans take at most this share of the time, and those that a notice brings forward at most this one.
const RESCAN_SHARE: u32 = 200;
const NOTICED_RESCAN_SHARE: u32 = 20;
/// Files that grew within this time are looked at in each reconcile.
const ACTIVE: Duration = Duration::from_secs(60);
/// How long a file that could not be read rests.
const FAILED_PAUSE: Duration = Duration::from_secs(10);

/// Files that are followed alike: the first route that finds a file has it.
#[derive(Clone, Debug)]
pub struct Route {
    /// What to follow.
    pub inputs: Vec<Input>,
    /// How their events are described. The present is asked of the clock.
    pub options: Options,
    /// Files that have not been written for so long are left out until they are.
    pub ignore_older: Option<Duration>,
}

/// Everything that a tailer gets events from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Files.
    pub routes: Vec<Route>,
    /// Programs that are run in intervals.
    pub commands: Vec<CommandInput>,
    /// Standard input and FIFOs.
    pub streams: Vec<StreamInput>,
}

impl From<Vec<Route>> for Inputs {
    fn from(routes: Vec<Route>) -> Self {
        Self { routes, ..Self::default() }
    }
}

/// How to follow.
#[derive(Clone, Debug)]
pub struct TailOptions {
    /// How long a file must be quiet for its last event to count as whole. Default 5 s.
    pub event_timeout: Duration,
    /// How often active files are looked at. Default 1 s.
    pub reconcile: Duration,
    /// How often everything is. Default 10 s.
    pub rescan: Duration,
    /// How long a batch waits for more, at most. Default 100 ms.
    pub commit_interval: Duration,
    /// Length at which a live log is sealed. Default 128 MiB.
    pub log_bytes: u64,
    /// Age at which a live log is sealed. Default 24 h.
    pub log_age: Duration,
    /// How long a file that was renamed out of the inputs, or deleted, is kept after its last growth. Default 60 s.
    pub drain: Duration,
    /// Files kept open. Default 512.
    pub max_open_files: usize,
    /// Of files that are there at the start and unknown, only about so many bytes at the end are read. For a store that
    /// nobody keeps: the rest does not count as read. Default: all of them.
    pub from_last_bytes: Option<u64>,
    /// Who reads which file in this process. Default: nobody else does.
    pub custody: Arc<Custody>,
    /// Where it is counted what is done. Default: counts of its own.
    pub activity: Arc<Activity>,
}

impl Default for TailOptions {
    fn default() -> Self {
        Self {
            event_timeout: Duration::from_secs(5),
            reconcile: Duration::from_secs(1),
            rescan: Duration::from_secs(10),
            commit_interval: Duration::from_millis(100),
            log_bytes: 128 << 20,
            log_age: Duration::from_secs(24 * 3600),
            drain: Duration::from_secs(60),
            max_open_files: 512,
            from_last_bytes: None,
            custody: Arc::default(),
            activity: Arc::default(),
        }
    }
}

/// A moment: on a clock that never jumps, and on the one on the wall.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since some fixed time.
    pub at: Duration,
    /// Microseconds since the epoch.
    pub wall_us: i64,
}

/// What the kernel has told.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Files that were written, by any of their names.
    pub written: Vec<PathBuf>,
    /// Names came, went or changed, or notices were lost.
    pub rescan: bool,
}

/// What a call of [`Tailer::pump`] came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pumped {
    /// There is more to do at once.
    pub is_busy: bool,
    /// When there is something to do, if no notice comes.
    pub wake_at: Duration,
}

/// A file that the tailer knows.
struct Tracked {
    found: Found,
    route: usize,
    state: State,
    /// It waits for its turn to be read.
    is_dirty: bool,
    /// Since when no input names it.
    missing_since: Option<Duration>,
}

enum State {
    Following(Box<Follower>),
    /// The loader has it.
    Loading(Generation),
    /// Nothing is to be read until it changes.
    Idle(Idle),
}

/// Why nothing is to be read.
enum Idle {
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
struct Waiting {
    found: Found,
    route: usize,
    known_as: KnownAs,
    not_before: Duration,
}

/// Files for the loader.
pub(crate) struct Backlog {
    route: usize,
    files: Vec<Found>,
}

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
    /// Files that were truncated, with an open event that a copy may hold the end of.
    orphans: HashMap<Generation, (Box<Follower>, usize, Duration)>,
    waiting: HashMap<FileKey, Waiting>,
    backlog: HashMap<usize, Vec<Found>>,
    /// Paths that could not be listed.
    unlisted: Vec<(PathBuf, FileError)>,
    /// Files that are left out until they are written again.
    too_old: Vec<PathBuf>,
    /// Directories that hold followed files, or may.
    dirs: BTreeSet<PathBuf>,
    next_reconcile: Duration,
    next_rescan: Duration,
    no_rescan_before: Duration,
    /// Real paths of the files found in the last rescan.
    real_paths: HashMap<PathBuf, RealPath>,
    /// Families of which siblings outside of the inputs are to be looked at.
    sweep: HashMap<Family, usize>,
    has_swept: bool,
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
            orphans: HashMap::new(),
            waiting: HashMap::new(),
            backlog: HashMap::new(),
            unlisted: Vec::new(),
            too_old: Vec::new(),
            dirs: BTreeSet::new(),
            next_reconcile: Duration::ZERO,
            next_rescan: Duration::ZERO,
            no_rescan_before: Duration::ZERO,
            real_paths: HashMap::new(),
            sweep: HashMap::new(),
            has_swept: false,
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

    fn commit_all(&mut self, now: Moment) {
        for lane in 0..self.lanes.len() {
            self.commit(lane, now);
        }
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
        &self.dirs
    }

    fn take_notices(&mut self, notices: &Notices, now: Moment) {
        for path in &notices.written {
            // Others are none of ours; those that are new come with a notice of their name.
            let Some(&key) = self.by_path.get(path) else { continue };
            match self.files.get(&key) {
                Some(Tracked { state: State::Idle(Idle::Empty), found, route, .. }) => {
                    let (found, route) = (found.clone(), *route);
                    self.wait_for(key, found, route, KnownAs::Any, now.at);
                }
                _ => self.mark_dirty(key),
            }
        }
        if notices.rescan {
            self.rescan_soon(now);
        }
    }

    /// Brings the next rescan forward.
    fn rescan_soon(&mut self, now: Moment) {
        let soon = (now.at + NOTICE_DELAY).max(self.no_rescan_before);
        self.next_rescan = self.next_rescan.min(soon);
    }

    fn mark_dirty(&mut self, key: FileKey) {
        if let Some(tracked) = self.files.get_mut(&key)
            && !mem::replace(&mut tracked.is_dirty, true)
        {
            self.dirty.push_back(key);
        }
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

    // ---- looking

    /// Lists all inputs anew.
    fn rescan(&mut self, now: Moment) -> Result<(), IndexError> {
        let begun = std::time::Instant::now();
        let mut present: HashSet<FileKey> = HashSet::new();
        let known = mem::take(&mut self.real_paths);
        let mut real_paths = HashMap::new();
        self.unlisted.clear();
        self.too_old.clear();
        let mut dirs = BTreeSet::new();
        for route in 0..self.routes.len() {
            let Route { inputs, options, ignore_older } = &self.routes[route];
            let ignore_older = *ignore_older;
            let Discovery { files, errors, dirs: listed, .. } =
                discover_again(inputs, &options.exclude, Some(self.writer.data()), &known)?;
            self.unlisted.extend(errors);
            dirs.extend(listed);
            for found in files {
                let key = FileKey::from(&found.meta);
                if !present.insert(key) {
                    continue;
                }
                let real_path = RealPath { dev: key.dev, ino: key.ino, path: found.real_path.clone() };
                real_paths.insert(found.path.clone(), real_path);
                if let Some(dir) = found.real_path.parent() {
                    dirs.insert(dir.to_owned());
                }
                if !self.has_swept {
                    self.sweep.entry(Family::of(&found.real_path)).or_insert(route);
                }
                let age_us = now.wall_us.saturating_sub(found.meta.mtime_us);
                let is_old = ignore_older.is_some_and(|limit| i128::from(age_us) > limit.as_micros() as i128);
                if !is_old || self.files.contains_key(&key) {
                    self.see(key, found, route, now);
                } else {
                    self.too_old.push(found.path);
                }
            }
        }
        self.has_swept = true;
        self.real_paths = real_paths;
        self.dirs = dirs;
        self.miss(&present, now);
        self.sweep_families(now);
        let took = begun.elapsed();
        self.next_rescan = now.at + self.options.rescan.max(took * RESCAN_SHARE);
        self.no_rescan_before = now.at + took * NOTICED_RESCAN_SHARE;
        Ok(())
    }

    /// A file was found by a rescan.
    fn see(&mut self, key: FileKey, found: Found, route: usize, now: Moment) {
        let Some(tracked) = self.files.get_mut(&key) else {
            self.wait_for(key, found, route, KnownAs::Any, now.at);
            return;
        };
        tracked.missing_since = None;
        let meta = found.meta;
        let moved = tracked.found.real_path != found.real_path;
        let before = mem::replace(&mut tracked.found, found.clone());
        let mut look_again = false;
        let mut is_dirty = false;
        match &mut tracked.state {
            State::Following(follower) => {
                follower.job.path.clone_from(&found.real_path);
                is_dirty = follower.differs_from(&meta);
            }
            State::Loading(_) => {}
            State::Idle(Idle::Failed { retry_at, .. }) => look_again = *retry_at <= now.at,
            State::Idle(_) => look_again = (before.meta.len, before.meta.mtime_us) != (meta.len, meta.mtime_us),
        }
        if moved {
            self.by_path.remove(&before.real_path);
        }
        self.by_path.insert(found.real_path.clone(), key);
        if is_dirty {
            self.mark_dirty(key);
        }
        if look_again {
            self.wait_for(key, found, route, KnownAs::Any, now.at);
        }
    }

    fn wait_for(&mut self, key: FileKey, found: Found, route: usize, known_as: KnownAs, not_before: Duration) {
        let waiting =
            self.waiting.entry(key).or_insert_with(|| Waiting { found: found.clone(), route, known_as, not_before });
        waiting.found = found;
        // What was seen to be truncated is new, whatever else is asked of it.
        if known_as == KnownAs::Renewed || (known_as == KnownAs::Any && waiting.known_as == KnownAs::Relative) {
            waiting.known_as = known_as;
        }
        waiting.not_before = waiting.not_before.min(not_before);
    }

    /// Deals with the files that no input names any more: renamed, deleted, or behind a link that leads elsewhere now.
    fn miss(&mut self, present: &HashSet<FileKey>, now: Moment) {
        let missing: Vec<FileKey> = self.files.keys().filter(|key| !present.contains(*key)).copied().collect();
        let mut listings: HashMap<PathBuf, HashMap<FileKey, PathBuf>> = HashMap::new();
        for key in missing {
            let Some(tracked) = self.files.get_mut(&key) else { continue };
            match &mut tracked.state {
                State::Loading(_) => {}
                State::Idle(_) => {
                    self.forget(key);
                }
                State::Following(follower) => {
                    tracked.missing_since.get_or_insert(now.at);
                    let dir = follower.job.path.parent().unwrap_or(Path::new("/")).to_owned();
                    let listing = listings.entry(dir).or_insert_with_key(|dir| list(dir));
                    match listing.get(&key) {
                        Some(path) => {
                            let path = path.clone();
                            let before = mem::replace(&mut follower.job.path, path.clone());
                            tracked.found.real_path.clone_from(&path);
                            self.by_path.remove(&before);
                            self.by_path.insert(path, key);
                            self.mark_dirty(key);
                        }
                        // Deleted; while it is open, what was written to it can still be read.
                        None if follower.is_open() => self.mark_dirty(key),
                        None => self.let_go(key, now),
                    }
                }
            }
        }
    }

    /// Looks at files that no input names, but which may be what rotation made of one: they hold what was not read before
    /// the rotation.
    fn sweep_families(&mut self, now: Moment) {
        let families = mem::take(&mut self.sweep);
        let mut dirs: HashMap<PathBuf, HashMap<FileKey, PathBuf>> = HashMap::new();
        for family in families.keys() {
            let folder = family.folder().to_owned();
            dirs.entry(folder).or_insert_with_key(|dir| list(dir));
        }
        for (key, path) in dirs.into_values().flatten() {
            let Some(&route) = families.get(&Family::of(&path)) else { continue };
            match self.files.get(&key).map(|tracked| &tracked.state) {
                Some(State::Following(_) | State::Loading(_)) => {}
                Some(State::Idle(_)) => {
                    let found = self.files[&key].found.clone();
                    self.wait_for(key, found, route, KnownAs::Any, now.at);
                }
                None => {
                    let Ok(metadata) = fs::metadata(&path) else { continue };
                    let found = Found { path: path.clone(), real_path: path, meta: FileMeta::from(&metadata) };
                    self.wait_for(key, found, route, KnownAs::Relative, now.at);
                }
            }
        }
    }

    /// Asks each file that was active lately whether it has grown.
    fn reconcile(&mut self, now: Moment) {
        self.next_reconcile = now.at + self.options.reconcile;
        let mut grown = Vec::new();
        let (mut gone, mut is_gone) = (Vec::new(), false);
        for (key, tracked) in &mut self.files {
            let State::Following(follower) = &mut tracked.state else { continue };
            let is_active = now.at.saturating_sub(follower.last_growth) < ACTIVE || tracked.missing_since.is_some();
            if !is_active {
                continue;
            }
            match follower.look() {
                Ok(stamp) if follower.has_changed(&stamp) => grown.push(*key),
                Ok(_) => {
                    let has_drained = tracked.missing_since.is_some_and(|since| {
                        let quiet_since = follower.last_growth.max(since);
                        now.at.saturating_sub(quiet_since) >= self.options.drain
                    });
                    if has_drained && !follower.has_open_event() {
                        gone.push(*key);
                    }
                }
                // The next rescan finds out what became of it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => is_gone = true,
                Err(error) => note_error(follower, FileError::Unreadable(error), now),
            }
        }
        if is_gone {
            self.rescan_soon(now);
        }
        grown.into_iter().for_each(|key| self.mark_dirty(key));
        gone.into_iter().for_each(|key| self.let_go(key, now));
        self.close_files();
    }

    /// Keeps the number of open files within its limit: those that have been quiet longest are closed.
    fn close_files(&mut self) {
        let mut open: Vec<(Duration, FileKey)> = self
            .files
            .iter()
            .filter(|(_, tracked)| tracked.missing_since.is_none())
            .filter_map(|(key, tracked)| match &tracked.state {
                State::Following(follower) if follower.is_open() => Some((follower.last_growth, *key)),
                _ => None,
            })
            .collect();
        let Some(surplus) = open.len().checked_sub(self.options.max_open_files).filter(|&n| n > 0) else { return };
        open.sort_unstable();
        for (_, key) in &open[..surplus] {
            if let Some(Tracked { state: State::Following(follower), .. }) = self.files.get_mut(key) {
                follower.close_file();
            }
        }
    }

    // ---- admitting

    /// Finds out what the files are that wait for it.
    fn admit_waiting(&mut self, now: Moment) -> Result<(), IndexError> {
        let due: Vec<FileKey> =
            self.waiting.iter().filter(|(_, waiting)| waiting.not_before <= now.at).map(|(key, _)| *key).collect();
        if due.is_empty() {
            return Ok(());
        }
        // Only what is durable is known again.
        for lane in 0..self.lanes.len() {
            if !self.lanes[lane].is_ready(now) || !self.commit(lane, now) {
                return Ok(());
            }
        }
        let mut by_route: HashMap<usize, Vec<(FileKey, Waiting)>> = HashMap::new();
        for key in due {
            let mut waiting = self.waiting.remove(&key).expect("just found");
            if find_again(key, &mut waiting.found) {
                by_route.entry(waiting.route).or_default().push((key, waiting));
            } else {
                self.forget(key);
                self.holds_too_much = true;
            }
        }
        for (route, mut waiting) in by_route {
            // The oldest first, so that generations come in their order.
            waiting.sort_by_key(|(key, waiting)| (waiting.found.meta.mtime_us, *key));
            if let Err(error) = self.admit(route, waiting, now) {
                self.note_store_error(&error, now);
                return Ok(());
            }
        }
        Ok(())
    }

    fn admit(&mut self, route: usize, waiting: Vec<(FileKey, Waiting)>, now: Moment) -> Result<(), StoreError> {
        self.holds_too_much = true;
        let options = Options { now_us: now.wall_us, ..self.routes[route].options.clone() };
        let progress = Progress::default();
        let shared = Shared { writer: self.writer, options: &options, progress: &progress };
        let Ok(planner) = Planner::new(shared, self.registry, Reading::Tailer) else { return Ok(()) };
        let candidates: Vec<Candidate> = waiting
            .iter()
            .enumerate()
            .map(|(report_idx, (_, waiting))| Candidate {
                report_idx,
                found: waiting.found.clone(),
                known_as: waiting.known_as,
            })
            .collect();
        let admitted = match planner.admit_all(candidates, Purpose::Follow) {
            Ok(admitted) => admitted,
            Err(error) => {
                // The store does not answer: later.
                for (key, file) in waiting {
                    let not_before = now.at + self.options.reconcile;
                    self.waiting.insert(key, Waiting { not_before, ..file });
                }
                return Err(error);
            }
        };
        for deferred in admitted.deferred {
            let (key, waiting) = &waiting[deferred.report_idx];
            let not_before = now.at + self.options.reconcile;
            self.wait_for(*key, waiting.found.clone(), route, waiting.known_as, not_before);
        }
        for (idx, verdict) in admitted.verdicts {
            let (key, waiting) = &waiting[idx];
            self.take_verdict(*key, waiting.found.clone(), route, verdict, now);
        }
        Ok(())
    }

    fn take_verdict(&mut self, key: FileKey, found: Found, route: usize, verdict: Verdict, now: Moment) {
        let failed = |error, pause| Idle::Failed { error, since: now.at, retry_at: now.at + pause };
        let state = match verdict {
            Verdict::Binary => State::Idle(Idle::Binary),
            Verdict::Done { error: Some(FileError::NotFound), .. }
            | Verdict::Done { outcome: Outcome::NotReached, .. } => {
                self.forget(key);
                return;
            }
            Verdict::Done { error: Some(error), .. } => State::Idle(failed(error, FAILED_PAUSE)),
            Verdict::Done { outcome: Outcome::Empty, .. } => State::Idle(Idle::Empty),
            Verdict::Done { .. } => State::Idle(Idle::Read),
            Verdict::Job { outcome, job } => {
                let job = Arc::into_inner(job).expect("nobody else has it");
                if outcome == Outcome::NewGeneration {
                    self.sweep.insert(Family::of(&found.real_path), route);
                    self.rescan_soon(now);
                }
                self.begin(key, &found, route, job, now)
            }
        };
        match &state {
            State::Following(follower) => {
                let source = follower.source();
                self.by_generation.insert((source.id, source.generation), key);
                self.orphans.remove(&(source.id, source.generation));
            }
            State::Loading(generation) => {
                self.by_generation.insert(*generation, key);
                self.orphans.remove(generation);
                self.options.custody.hand_to_loader(*generation, key);
            }
            State::Idle(_) => {}
        }
        self.by_path.insert(found.real_path.clone(), key);
        self.files.insert(key, Tracked { found, route, state, is_dirty: false, missing_since: None });
        self.mark_dirty(key);
    }

    /// How a file is read from now on.
    fn begin(&mut self, key: FileKey, found: &Found, route: usize, mut job: FileJob, now: Moment) -> State {
        if let Some(n_bytes) = self.options.from_last_bytes.filter(|_| !self.has_begun) {
            skip_to_last_bytes(&mut job, n_bytes);
        }
        let generation = (job.handle.id, job.handle.generation);
        if self.by_generation.get(&generation).is_some_and(|other| *other != key && self.files.contains_key(other)) {
            return State::Idle(Idle::Shadow(generation));
        }
        let holes = job.read_before.committed.holes(job.meta.len);
        let unread: u64 = holes.iter().map(|hole| hole.end - hole.start).sum();
        let is_plain = matches!(job.kind, Kind::Plain(_));
        if !is_plain || holes.len() > 1 || unread > BACKLOG_BYTES {
            self.backlog.entry(route).or_default().push(found.clone());
            return State::Loading(generation);
        }
        let follower = open(&job.path).and_then(|(file, meta)| {
            if !job.is_same(&meta) {
                return Err(io::ErrorKind::NotFound.into());
            }
            Follower::new(job, file, now)
        });
        match follower {
            Ok(follower) => State::Following(Box::new(follower)),
            Err(error) => {
                let error = FileError::Unreadable(error);
                State::Idle(Idle::Failed { error, since: now.at, retry_at: now.at + self.options.reconcile })
            }
        }
    }

    /// Loads what is too long to be followed from where it stands, in this thread.
    pub fn load_backlog(&mut self, now: Moment) {
        for backlog in self.take_backlog() {
            let options = self.load_options(&backlog, now);
            let report = crate::load(self.writer, self.registry, backlog.files.clone(), &options, &Progress::default());
            self.loaded(backlog, &report, now);
        }
    }

    /// Files that are to be loaded; [`loaded`](Self::loaded) takes them back.
    pub(crate) fn take_backlog(&mut self) -> Vec<Backlog> {
        self.backlog.drain().map(|(route, files)| Backlog { route, files }).collect()
    }

    /// How a backlog is loaded.
    pub(crate) fn load_options(&self, backlog: &Backlog, now: Moment) -> Options {
        Options { now_us: now.wall_us, ..self.routes[backlog.route].options.clone() }
    }

    /// A backlog has been loaded, as far as that was possible.
    pub(crate) fn loaded(&mut self, backlog: Backlog, report: &Result<Report, IndexError>, now: Moment) {
        for found in backlog.files {
            let key = FileKey::from(&found.meta);
            let failed = |error| State::Idle(Idle::Failed { error, since: now.at, retry_at: now.at + FAILED_PAUSE });
            let error = match report {
                Err(error) => Some(FileError::Unreadable(io::Error::other(error.to_string()))),
                Ok(report) => {
                    let of_file = report.files.iter().find(|file| file.path == found.path);
                    of_file.and_then(|file| file.errors.first()).map(|error| {
                        let causes =
                            std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
                        FileError::Unreadable(io::Error::other(format!("{error}{causes}")))
                    })
                }
            };
            let Some(tracked) = self.files.get_mut(&key) else { continue };
            let has_failed = error.is_some();
            let state = mem::replace(&mut tracked.state, error.map_or(State::Idle(Idle::Read), failed));
            if let State::Loading(generation) = state {
                self.release(generation, now);
            }
            if !has_failed {
                self.wait_for(key, found, backlog.route, KnownAs::Any, now.at);
            }
        }
    }

    // ---- reading

    /// Reads files that may have grown, each for a turn; whether there is more.
    fn read_dirty(&mut self, now: Moment) -> bool {
        let mut n_read = 0;
        let mut records = Vec::new();
        let (mut rested, mut is_gone) = (Vec::new(), false);
        while n_read < PUMP_BYTES {
            let Some(key) = self.dirty.pop_front() else { break };
            let Some(tracked) = self.files.get_mut(&key) else { continue };
            let lane = self.lane_of_route[tracked.route];
            let State::Following(follower) = &mut tracked.state else {
                tracked.is_dirty = false;
                continue;
            };
            if !self.lanes[lane].is_ready(now) {
                rested.push(key);
                continue;
            }
            let turn = follower.read(now, &mut self.buffer, &mut records);
            n_read += records.iter().map(batch::Pending::n_bytes).sum::<usize>();
            tracked.is_dirty = false;
            match turn {
                Ok(Turn::More) => {
                    follower.error = None;
                    tracked.is_dirty = true;
                    self.dirty.push_back(key);
                }
                Ok(Turn::AtEnd) => {
                    follower.error =
                        follower.error.take().filter(|(error, _)| matches!(error, FileError::Internal { .. }));
                    follower.note_open_event(&mut records);
                    if follower.has_open_event() {
                        self.quiet_at.push(Reverse((follower.last_growth + self.options.event_timeout, key)));
                    }
                }
                Ok(Turn::Renewed) => {
                    self.lanes[lane].add(key, &mut records, now);
                    self.renew(key, now);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => is_gone = true,
                Err(error) => note_error(follower, FileError::Unreadable(error), now),
            }
            self.lanes[lane].add(key, &mut records, now);
            if self.lanes[lane].due_at(&self.options) == Some(Duration::ZERO) {
                self.commit(lane, now);
            }
        }
        self.dirty.extend(rested);
        if is_gone {
            self.rescan_soon(now);
        }
        n_read >= PUMP_BYTES
    }

    /// A file was truncated or written anew: what is in it now is its next generation.
    fn renew(&mut self, key: FileKey, now: Moment) {
        let Some(tracked) = self.files.get(&key) else { return };
        let lane = self.lane_of_route[tracked.route];
        if !self.commit(lane, now) {
            // It is found out again when the disk is well.
            self.mark_dirty(key);
            return;
        }
        let Some(Tracked { found, route, state, .. }) = self.files.remove(&key) else { return };
        self.by_path.remove(&found.real_path);
        if let State::Following(follower) = state {
            let source = follower.source();
            let generation = (source.id, source.generation);
            self.release(generation, now);
            if follower.has_open_event() {
                self.orphans.insert(generation, (follower, route, now.at));
            }
        }
        // The bytes that were not read before the truncation may be in a copy.
        self.sweep.insert(Family::of(&found.real_path), route);
        self.next_rescan = self.next_rescan.min(now.at);
        let meta = fs::metadata(&found.real_path).map_or(found.meta, |metadata| FileMeta::from(&metadata));
        if FileKey::from(&meta) == key {
            self.wait_for(key, Found { meta, ..found }, route, KnownAs::Renewed, now.at);
        }
    }

    /// Nobody follows a generation any more: files that hold the same may be looked at.
    fn release(&mut self, generation: Generation, now: Moment) {
        self.holds_too_much = true;
        self.by_generation.remove(&generation);
        let shadows: Vec<(FileKey, Found, usize)> = self
            .files
            .iter()
            .filter(|(_, tracked)| matches!(tracked.state, State::Idle(Idle::Shadow(of)) if of == generation))
            .map(|(key, tracked)| (*key, tracked.found.clone(), tracked.route))
            .collect();
        for (key, found, route) in shadows {
            self.wait_for(key, found, route, KnownAs::Any, now.at);
        }
    }

    /// Closes the last events of files that have been quiet long enough.
    fn close_quiet(&mut self, now: Moment) {
        let mut records = Vec::new();
        while let Some(Reverse((at, key))) = self.quiet_at.peek().copied() {
            if at > now.at {
                break;
            }
            self.quiet_at.pop();
            let Some(tracked) = self.files.get_mut(&key) else { continue };
            let lane = self.lane_of_route[tracked.route];
            let State::Following(follower) = &mut tracked.state else { continue };
            let quiet_at = follower.last_growth + self.options.event_timeout;
            if !follower.has_open_event() || quiet_at > at {
                continue;
            }
            follower.close_event(&mut records);
            self.lanes[lane].add(key, &mut records, now);
        }
    }

    /// Closes the last events of truncated files of which no copy was found.
    fn close_orphans(&mut self, now: Moment) {
        let expired: Vec<Generation> = self
            .orphans
            .iter()
            .filter(|(_, (_, _, since))| now.at.saturating_sub(*since) >= ORPHAN_TIMEOUT)
            .map(|(generation, _)| *generation)
            .collect();
        for generation in expired {
            let Some((mut follower, route, _)) = self.orphans.remove(&generation) else { continue };
            self.holds_too_much = true;
            let mut records = Vec::new();
            let key = FileKey::from(&follower.job.meta);
            follower.close_event(&mut records);
            self.lanes[self.lane_of_route[route]].add(key, &mut records, now);
        }
    }

    /// Stops following a file that is gone.
    fn let_go(&mut self, key: FileKey, now: Moment) {
        let Some(tracked) = self.files.get_mut(&key) else { return };
        let lane = self.lane_of_route[tracked.route];
        if let State::Following(follower) = &mut tracked.state {
            let mut records = Vec::new();
            follower.close_event(&mut records);
            self.lanes[lane].add(key, &mut records, now);
        }
        if self.commit(lane, now)
            && let Some(Tracked { state: State::Following(follower), found, .. }) = self.files.remove(&key)
        {
            self.by_path.remove(&found.real_path);
            let source = follower.source();
            self.release((source.id, source.generation), now);
        }
    }

    fn forget(&mut self, key: FileKey) {
        if let Some(tracked) = self.files.remove(&key) {
            self.by_path.remove(&tracked.found.real_path);
        }
    }

    // ---- commands and streams

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

    /// Takes what commands and streams have brought. With `at_end`, the last events of streams count as whole.
    fn take_records(&mut self, now: Moment, at_end: bool) -> Result<(), IndexError> {
        let desk = Desk { writer: self.writer, registry: self.registry };
        for (idx, command) in self.commands.iter_mut().enumerate() {
            let lane = &mut self.lanes[command.lane];
            if lane.is_ready(now) {
                lane.add(Producer::Command(idx), &mut command.records(desk, now.at)?, now);
            }
        }
        for (idx, stream) in self.streams.iter_mut().enumerate() {
            let lane = &mut self.lanes[stream.lane];
            if lane.is_ready(now) {
                let mut records = stream.records(desk, now, self.options.event_timeout, at_end)?;
                lane.add(Producer::Stream(idx), &mut records, now);
            }
        }
        Ok(())
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

    // ---- writing

    /// Lets runs of [`index`](crate::index) have the files that are not read here any more, once all that was read of them is
    /// durable, and so known.
    fn let_others_read(&mut self, now: Moment) {
        if !self.holds_too_much {
            return;
        }
        for lane in 0..self.lanes.len() {
            let is_clean = self.lanes[lane].pending.is_empty();
            let is_clean = is_clean || (self.lanes[lane].is_ready(now) && self.commit(lane, now));
            if !is_clean {
                return;
            }
        }
        self.holds_too_much = false;
        let is_read = |key| {
            let tracked = self.files.get(&key).map(|tracked| &tracked.state);
            matches!(tracked, Some(State::Following(_) | State::Loading(_)))
        };
        // What was truncated counts as new, whatever is known: nobody else may read it before.
        let is_renewed = |key| self.waiting.get(&key).is_some_and(|waiting| waiting.known_as == KnownAs::Renewed);
        let is_loading = |key| matches!(self.files.get(&key), Some(Tracked { state: State::Loading(_), .. }));
        self.options.custody.keep_followed(
            |key| is_read(key) || is_renewed(key),
            |generation, key| {
                self.by_generation.contains_key(&generation)
                    || self.orphans.contains_key(&generation)
                    || is_loading(key)
            },
        );
    }

    fn commit_due(&mut self, now: Moment) {
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].due_at(&self.options).is_some_and(|due| due <= now.at) && self.lanes[lane].is_ready(now)
            {
                self.commit(lane, now);
            }
        }
    }

    /// Makes durable what is pending of an index; whether nothing is pending any more because of that.
    fn commit(&mut self, lane: usize, now: Moment) -> bool {
        let lane = &mut self.lanes[lane];
        if lane.pending.is_empty() {
            return lane.refused_since.is_none() || lane.is_ready(now);
        }
        let (n_events, n_bytes) = lane.totals();
        let batch = activity::Batch::of(&lane.pending);
        let touched = mem::take(&mut lane.touched);
        let begun = std::time::Instant::now();
        let outcome = lane.commit(self.writer, now);
        self.options.activity.note_batch(&lane.index, batch, outcome.is_ok().then(|| begun.elapsed()));
        for producer in touched {
            let key = match (producer, &outcome) {
                (Producer::File(key), _) => key,
                (Producer::Command(command), Ok(())) => {
                    self.commands[command].note_durable();
                    continue;
                }
                (Producer::Command(command), Err(_)) => {
                    self.commands[command].roll_back();
                    continue;
                }
                (Producer::Stream(stream), Ok(())) => {
                    self.streams[stream].note_durable();
                    continue;
                }
                (Producer::Stream(stream), Err(_)) => {
                    self.streams[stream].roll_back();
                    continue;
                }
            };
            let Some(Tracked { state: State::Following(follower), .. }) = self.files.get_mut(&key) else { continue };
            match &outcome {
                Ok(()) => follower.note_durable(),
                Err(_) => follower.roll_back(),
            }
            if outcome.is_err() {
                self.mark_dirty(key);
            }
        }
        match outcome {
            Ok(()) => {
                self.n_events += n_events;
                self.n_bytes += n_bytes;
                true
            }
            Err(error) => {
                self.note_store_error(&error, now);
                false
            }
        }
    }

    fn roll_logs(&mut self, now: Moment) {
        for lane in 0..self.lanes.len() {
            match self.lanes[lane].roll(self.writer, &self.options, now.wall_us) {
                Ok(has_rolled) => self.has_ended_logs |= has_rolled,
                Err(error) => self.note_store_error(&error, now),
            }
        }
    }

    fn note_store_error(&mut self, error: &StoreError, now: Moment) {
        let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
        self.last_store_error = Some((format!("{error}{cause}"), now.at));
    }
}

/// Takes all of a plain, unknown file for read but the lines that begin within its last bytes.
fn skip_to_last_bytes(job: &mut FileJob, n_bytes: u64) {
    let from = job.meta.len.saturating_sub(n_bytes);
    if from == 0 || !job.read_before.committed.is_empty() || !matches!(job.kind, Kind::Plain(_)) {
        return;
    }
    let Ok((file, _)) = open(&job.path) else { return };
    let mut bytes = vec![0; n_bytes.min(job.meta.len) as usize];
    // What cannot be read is met again when the file is.
    let n_read = read_at_most(&file, &mut bytes, from).unwrap_or(0);
    let line_start = memchr::memchr(b'\n', &bytes[..n_read]).map_or(n_read, |at| at + 1);
    job.read_before.committed.insert(0..from + line_start as u64);
}

impl Drop for Tailer<'_> {
    fn drop(&mut self) {
        self.options.custody.end(Reading::Tailer);
    }
}

/// The lane of an index; a new one if there is none.
fn lane_of(lanes: &mut Vec<Lane>, index: &IndexName) -> usize {
    lanes.iter().position(|lane| lane.index == *index).unwrap_or_else(|| {
        lanes.push(Lane::new(index.clone()));
        lanes.len() - 1
    })
}

fn note_error(follower: &mut Follower, error: FileError, now: Moment) {
    let since = follower.error.take().map_or(now.at, |(_, since)| since);
    follower.error = Some((error, since));
}

/// Whether a file is still there: where it was found, or under another name beside that.
fn find_again(key: FileKey, found: &mut Found) -> bool {
    let is_there =
        |path: &Path| fs::metadata(path).is_ok_and(|metadata| FileKey::from(&FileMeta::from(&metadata)) == key);
    if is_there(&found.real_path) {
        return true;
    }
    let dir = found.real_path.parent().unwrap_or(Path::new("/"));
    let Some(path) = list(dir).remove(&key) else { return false };
    found.path.clone_from(&path);
    found.real_path = path;
    true
}

/// The regular files in a directory, links left out.
fn list(dir: &Path) -> HashMap<FileKey, PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return HashMap::new() };
    let file = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((FileKey::from(&FileMeta::from(&metadata)), entry.path()))
    };
    entries.filter_map(file).collect()
}
