//! Admitting: what a file is that was found, and who reads it from where.

use super::follower::Follower;
use super::looking::list;
use super::tracked::{Backlog, Idle, State, Tracked, Waiting};
use super::{Moment, Tailer};
use crate::content::open;
use crate::custody::Reading;
use crate::discovery::{FileKey, FileMeta, Found, is_excluded};
use crate::error::{FileError, IndexError};
use crate::ingest::Shared;
use crate::job::{FileJob, Kind};
use crate::look::{KnownAs, Purpose};
use crate::options::Options;
use crate::plan::{Candidate, Planner, Verdict};
use crate::progress::Progress;
use crate::read::read_at_most;
use crate::report::{Outcome, Report};
use hashbrown::HashMap;
use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use trawl_store::StoreError;
use trawl_store::rotation::{self, Family};

/// How long a file that could not be read rests.
const FAILED_PAUSE: Duration = Duration::from_secs(10);

impl Tailer<'_> {
    pub(super) fn wait_for(
        &mut self,
        key: FileKey,
        found: Found,
        route: usize,
        known_as: KnownAs,
        not_before: Duration,
    ) {
        let waiting =
            self.waiting.entry(key).or_insert_with(|| Waiting { found: found.clone(), route, known_as, not_before });
        waiting.found = found;
        // What was seen to be truncated is new, whatever else is asked of it.
        if known_as == KnownAs::Renewed || (known_as == KnownAs::Any && waiting.known_as == KnownAs::Relative) {
            waiting.known_as = known_as;
        }
        waiting.not_before = waiting.not_before.min(not_before);
    }

    /// Finds out what the files are that wait for it.
    pub(super) fn admit_waiting(&mut self, now: Moment) -> Result<(), IndexError> {
        if self.waiting.values().all(|waiting| waiting.not_before > now.at) {
            return Ok(());
        }
        let families = self.families_due(now);
        self.catch_up(&families, now);
        // One of a family may turn out to be a copy of another: they are looked at together.
        let is_due = |waiting: &Waiting| {
            waiting.not_before <= now.at || families.contains(&Family::of(&waiting.found.real_path))
        };
        let due: Vec<FileKey> =
            self.waiting.iter().filter(|(_, waiting)| is_due(waiting)).map(|(key, _)| *key).collect();
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
            waiting.sort_by_cached_key(|(_, waiting)| waiting.rank());
            if let Err(error) = self.admit(route, waiting, now) {
                self.note_store_error(&error, now);
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) fn admit(
        &mut self,
        route: usize,
        waiting: Vec<(FileKey, Waiting)>,
        now: Moment,
    ) -> Result<(), StoreError> {
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
        let unknown = self.followed_unknown();
        let admitted = match planner.admit_all(candidates, Purpose::Follow, unknown) {
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
        let mut not_reached = Vec::new();
        for (idx, verdict) in admitted.verdicts {
            let (key, waiting) = &waiting[idx];
            match &verdict {
                Verdict::Done { outcome: Outcome::NotReached, .. } => not_reached.push((*key, waiting.found.clone())),
                Verdict::Done { outcome: Outcome::Unchanged, error: None }
                | Verdict::Job { outcome: Outcome::Appended | Outcome::Continued { .. }, .. } => {
                    self.relatives.note_known(&waiting.found);
                }
                Verdict::Done { .. } | Verdict::Job { .. } | Verdict::Binary => {}
            }
            self.take_verdict(*key, waiting, route, verdict, now);
        }
        // Which of them are newer than what is known is known now.
        for (key, found) in not_reached {
            let exclude = &self.routes[route].options.exclude;
            if self.relatives.is_newer(&found) && !is_excluded(&found.real_path, exclude) {
                self.wait_for(key, found, route, KnownAs::Any, now.at);
            }
        }
        Ok(())
    }

    fn take_verdict(&mut self, key: FileKey, waiting: &Waiting, route: usize, verdict: Verdict, now: Moment) {
        let found = waiting.found.clone();
        let since = match self.files.get(&key) {
            Some(Tracked { state: State::Idle(Idle::Failed { since, .. }), .. }) => *since,
            _ => now.at,
        };
        let failed = |error, pause| Idle::Failed { error, since, retry_at: now.at + pause };
        let state = match verdict {
            Verdict::Binary => State::Idle(Idle::Binary),
            Verdict::Done { error: Some(FileError::NotFound), .. }
            | Verdict::Done { outcome: Outcome::NotReached, .. } => {
                self.forget(key);
                return;
            }
            Verdict::Done { error: Some(error), .. } => State::Idle(failed(error, FAILED_PAUSE)),
            Verdict::Done { outcome: Outcome::Empty, .. } => {
                State::Idle(Idle::Empty { was_truncated: waiting.known_as == KnownAs::Renewed })
            }
            Verdict::Done { .. } => State::Idle(Idle::Read),
            Verdict::Job { outcome, job } => {
                let job = Arc::into_inner(job).expect("nobody else has it");
                if matches!(outcome, Outcome::NewGeneration | Outcome::New) && !is_rotated(&found.real_path) {
                    self.sweep.insert(Family::of(&found.real_path), route);
                    self.rescan_soon(now);
                }
                let Some(state) = self.begin(key, &found, route, job, now) else { return };
                state
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
        if matches!(state, State::Following(_)) {
            self.open.push_back(key);
        }
        self.by_path.insert(found.real_path.clone(), key);
        self.files.insert(key, Tracked { found, route, state, is_dirty: false, missing_since: None });
        self.mark_dirty(key);
        self.close_surplus(now);
    }

    /// How a file is read from now on. `None` if that is to be found out later.
    fn begin(&mut self, key: FileKey, found: &Found, route: usize, mut job: FileJob, now: Moment) -> Option<State> {
        if let Some(n_bytes) = self.options.from_last_bytes.filter(|_| !self.has_begun) {
            skip_to_last_bytes(&mut job, n_bytes);
        }
        let generation = (job.handle.id, job.handle.generation);
        let is_plain = matches!(job.kind, Kind::Plain(_));
        if let Some(&other) = self.by_generation.get(&generation)
            && other != key
            && self.files.contains_key(&other)
        {
            if job.read_before.committed.is_empty() {
                // Only its first bytes say that it is the same.
                self.wait_for(key, found.clone(), route, KnownAs::Any, now.at + self.options.reconcile);
                return None;
            }
            if is_plain && !is_rotated(&found.real_path) && self.stand_back(other, now) {
                self.wait_for(key, found.clone(), route, KnownAs::Any, now.at);
                return None;
            }
            return Some(State::Idle(Idle::Shadow(generation)));
        }
        let holes = job.read_before.committed.holes(job.meta.len);
        let unread: u64 = holes.iter().map(|hole| hole.end - hole.start).sum();
        if !is_plain || holes.len() > 1 || unread > self.options.backlog_bytes {
            self.backlog.entry(route).or_default().push(found.clone());
            return Some(State::Loading(generation));
        }
        let follower = open(&job.path).and_then(|(file, meta)| {
            if !job.is_same(&meta) {
                return Err(io::ErrorKind::NotFound.into());
            }
            Follower::new(job, file, now)
        });
        Some(match follower {
            Ok(follower) => State::Following(Box::new(follower)),
            Err(error) => {
                let error = FileError::Unreadable(error);
                State::Idle(Idle::Failed { error, since: now.at, retry_at: now.at + self.options.reconcile })
            }
        })
    }

    /// Follows a copy no more, if it has the name of one: the log that it was made of has been found, and it is the log that
    /// grows. Whether that is so now.
    fn stand_back(&mut self, copy: FileKey, now: Moment) -> bool {
        let Some(Tracked { found, route, .. }) = self.files.get(&copy) else { return false };
        if !is_rotated(&found.real_path) || !self.commit(self.lane_of_route[*route], now) {
            return false;
        }
        let Some(tracked) = self.files.get_mut(&copy) else { return false };
        let State::Following(follower) = &tracked.state else { return false };
        let generation = (follower.source().id, follower.source().generation);
        // What is not durable of it, its open event among it, is read again from the log.
        tracked.state = State::Idle(Idle::Shadow(generation));
        self.by_generation.remove(&generation);
        self.holds_too_much = true;
        true
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
            // It may have been copied and truncated meanwhile: the copy has what was not loaded then.
            self.sweep.insert(Family::of(&found.real_path), backlog.route);
            self.rescan_soon(now);
            if !has_failed {
                self.wait_for(key, found, backlog.route, KnownAs::Any, now.at);
            }
        }
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

/// Whether a file has a name that rotation gave.
fn is_rotated(path: &Path) -> bool {
    rotation::is_rotated(&path.file_name().unwrap_or_default().to_string_lossy())
}

impl Waiting {
    /// The first is looked at first: a log before its copies and what it was before, so that what they have in common is
    /// known as its own; of those, the oldest.
    fn rank(&self) -> (bool, bool, i64, PathBuf) {
        let Found { real_path, meta, .. } = &self.found;
        (self.known_as != KnownAs::Renewed, is_rotated(real_path), meta.mtime_us, real_path.clone())
    }
}

/// Whether a file is still there: where it was found, or under another name beside that.
fn find_again(key: FileKey, found: &mut Found) -> bool {
    let is_there =
        |path: &Path| fs::metadata(path).is_ok_and(|metadata| FileKey::from(&FileMeta::from(&metadata)) == key);
    if is_there(&found.real_path) {
        return true;
    }
    let dir = found.real_path.parent().unwrap_or(Path::new("/"));
    let Some(path) = list(dir).unwrap_or_default().remove(&key) else { return false };
    found.path.clone_from(&path);
    found.real_path = path;
    true
}
