//! Looking: which files there are, and which of them have grown.

use super::effort::Effort;
use super::follower::Follower;
use super::listing::Listing;
use super::reading::note_error;
use super::tracked::{Idle, State, Tracked};
use super::{Moment, Notices, Route, Tailer};
use crate::discovery::{Discovery, FileKey, FileMeta, Found, RealPath, discover_again};
use crate::error::{FileError, IndexError};
use crate::look::KnownAs;
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trawl_store::rotation::Family;

/// Of so many rescans one lists everything, whatever directories look like.
const LISTING_EVERY: u32 = 6;
/// So many files in directories of which no notices come are looked at in each reconcile, whether they were active or not.
const MAX_UNWATCHED: usize = 1000;
/// Rescans take at most this share of the time, and those that a notice brings forward at most this one.
const RESCAN_SHARE: u32 = 200;
const NOTICED_RESCAN_SHARE: u32 = 20;
/// How long a notice of a change in a directory waits for others.
const NOTICE_DELAY: Duration = Duration::from_millis(50);
/// Files that grew within this time are looked at in each reconcile.
const ACTIVE: Duration = Duration::from_secs(60);

impl Tailer<'_> {
    pub(super) fn take_notices(&mut self, notices: &Notices, now: Moment) {
        for path in &notices.written {
            // Others are none of ours; those that are new come with a notice of their name.
            let Some(&key) = self.by_path.get(path) else { continue };
            match self.files.get(&key) {
                Some(tracked @ Tracked { state: State::Idle(Idle::Empty { .. }), .. }) => {
                    let (found, route, known_as) = (tracked.found.clone(), tracked.route, tracked.known_as());
                    self.wait_for(key, found, route, known_as, now.at);
                }
                _ => self.mark_dirty(key),
            }
        }
        if notices.rescan {
            self.rescan_soon(now);
        }
    }

    /// Brings the next rescan forward.
    pub(super) fn rescan_soon(&mut self, now: Moment) {
        let soon = (now.at + NOTICE_DELAY).max(self.no_rescan_before);
        self.next_rescan = self.next_rescan.min(soon);
        self.must_list = true;
    }

    /// Looks at all inputs: lists them, or, where that would find the same names, asks each file whether it has grown.
    pub(super) fn rescan(&mut self, now: Moment) -> Result<(), IndexError> {
        let effort = Effort::begin();
        let must_list = mem::take(&mut self.must_list) || now.at >= self.next_listing || !self.sweep.is_empty();
        if must_list || !self.look_round(now) {
            self.list_inputs(now)?;
            self.next_listing = now.at + (self.options.rescan * LISTING_EVERY).max(effort.rest(RESCAN_SHARE));
            self.no_rescan_before = now.at + effort.rest(NOTICED_RESCAN_SHARE);
        }
        self.next_rescan = now.at + self.options.rescan.max(effort.rest(RESCAN_SHARE));
        Ok(())
    }

    /// Asks each file for its length, if the names are the same as in the last listing; whether they are.
    fn look_round(&mut self, now: Moment) -> bool {
        if !self.listing.has_same_names() || self.files.values().any(|tracked| tracked.missing_since.is_some()) {
            return false;
        }
        let mut seen = Vec::new();
        for (path, known) in &self.listing.real_paths {
            let key = FileKey { dev: known.dev, ino: known.ino };
            let Ok(metadata) = fs::metadata(path) else { return false };
            let meta = FileMeta::from(&metadata);
            if FileKey::from(&meta) != key {
                return false;
            }
            match self.files.get(&key) {
                Some(tracked) if tracked.has_news(&meta, now) => seen.push((key, meta)),
                Some(_) => {}
                None if self.waiting.contains_key(&key) => {}
                // It is of no interest only as long as it stays as it was.
                None if self.listing.ignored.get(&key).is_some_and(|before| before.mtime_us == meta.mtime_us) => {}
                None => return false,
            }
        }
        for (key, meta) in seen {
            let Some(Tracked { found, route, .. }) = self.files.get(&key) else { continue };
            let (found, route) = (Found { meta, ..found.clone() }, *route);
            self.see(key, found, route, now);
        }
        true
    }

    /// Lists all inputs anew.
    fn list_inputs(&mut self, now: Moment) -> Result<(), IndexError> {
        let mut present: HashSet<FileKey> = HashSet::new();
        // Whatever happens to a directory from here on, it has another time then.
        let dirs_before = self.listing.look_at_dirs();
        let known = mem::take(&mut self.listing).real_paths;
        let mut listing = Listing::default();
        let mut dirs = BTreeSet::new();
        for route in 0..self.routes.len() {
            let Route { inputs, options, ignore_older } = &self.routes[route];
            let ignore_older = *ignore_older;
            let Discovery { files, errors, dirs: listed, .. } =
                discover_again(inputs, &options.exclude, Some(self.writer.data()), &known)?;
            listing.unlisted.extend(errors);
            dirs.extend(listed);
            for found in files {
                let key = FileKey::from(&found.meta);
                if !present.insert(key) {
                    continue;
                }
                let real_path = RealPath { dev: key.dev, ino: key.ino, path: found.real_path.clone() };
                listing.real_paths.insert(found.path.clone(), real_path);
                if let Some(dir) = found.real_path.parent().filter(|dir| !dirs.contains(*dir)) {
                    dirs.insert(dir.to_owned());
                }
                if !self.has_swept {
                    self.sweep.entry(Family::of(&found.real_path)).or_insert(route);
                }
                let age_us = now.wall_us.saturating_sub(found.meta.mtime_us);
                let is_old = ignore_older.is_some_and(|limit| i128::from(age_us) > limit.as_micros() as i128);
                if is_old && !self.files.contains_key(&key) {
                    listing.ignored.insert(key, found.meta);
                    listing.too_old.push(found.path);
                } else {
                    self.see(key, found, route, now);
                }
            }
        }
        listing.set_dirs(dirs, &dirs_before, now.wall_us);
        self.listing = listing;
        self.has_swept = true;
        self.has_listed = true;
        self.miss(&present, now);
        self.sweep_families(now);
        Ok(())
    }

    /// A file was found by a rescan.
    pub(super) fn see(&mut self, key: FileKey, found: Found, route: usize, now: Moment) {
        let Some(tracked) = self.files.get_mut(&key) else {
            self.wait_for(key, found, route, KnownAs::Any, now.at);
            return;
        };
        tracked.missing_since = None;
        let known_as = tracked.known_as();
        let has_news = tracked.has_news(&found.meta, now);
        if tracked.found.real_path == found.real_path && tracked.found.path == found.path {
            tracked.found.meta = found.meta;
        } else {
            let before = mem::replace(&mut tracked.found, found.clone());
            self.by_path.remove(&before.real_path);
        }
        if self.by_path.get(&found.real_path) != Some(&key) {
            self.by_path.insert(found.real_path.clone(), key);
        }
        let is_followed = match &mut tracked.state {
            State::Following(follower) => {
                follower.note_len(found.meta.len);
                if follower.job.path != found.real_path {
                    follower.job.path.clone_from(&found.real_path);
                }
                true
            }
            State::Loading(_) | State::Idle(_) => false,
        };
        match (has_news, is_followed) {
            (false, _) => {}
            (true, true) => self.mark_dirty(key),
            (true, false) => self.wait_for(key, found, route, known_as, now.at),
        }
    }

    /// Deals with the files that no input names any more: renamed, deleted, or behind a link that leads elsewhere now.
    pub(super) fn miss(&mut self, present: &HashSet<FileKey>, now: Moment) {
        let missing: Vec<FileKey> = self.files.keys().filter(|key| !present.contains(*key)).copied().collect();
        let mut listings: HashMap<PathBuf, io::Result<HashMap<FileKey, PathBuf>>> = HashMap::new();
        for key in missing {
            let Some(tracked) = self.files.get_mut(&key) else { continue };
            match &mut tracked.state {
                State::Loading(_) => {}
                State::Idle(_) => {
                    self.forget(key);
                }
                State::Following(follower) => {
                    let dir = follower.job.path.parent().unwrap_or(Path::new("/")).to_owned();
                    let listing = match listings.entry(dir).or_insert_with_key(|dir| list(dir)) {
                        Ok(listing) => listing,
                        // Nobody can say whether it is gone.
                        Err(_) if follower.is_open() => {
                            self.mark_dirty(key);
                            continue;
                        }
                        Err(error) => {
                            note_error(follower, FileError::Unreadable(clone_error(error)), now);
                            continue;
                        }
                    };
                    tracked.missing_since.get_or_insert(now.at);
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
    pub(super) fn sweep_families(&mut self, now: Moment) {
        let families = mem::take(&mut self.sweep);
        let mut dirs: HashMap<PathBuf, HashMap<FileKey, PathBuf>> = HashMap::new();
        for family in families.keys() {
            let folder = family.folder().to_owned();
            dirs.entry(folder).or_insert_with_key(|dir| list(dir).unwrap_or_default());
        }
        for (key, path) in dirs.into_values().flatten() {
            let Some(&route) = families.get(&Family::of(&path)) else { continue };
            match self.files.get(&key).map(|tracked| &tracked.state) {
                Some(State::Following(_) | State::Loading(_)) => {}
                Some(State::Idle(_)) => {
                    let (found, known_as) = (self.files[&key].found.clone(), self.files[&key].known_as());
                    self.wait_for(key, found, route, known_as, now.at);
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
    pub(super) fn reconcile(&mut self, now: Moment) {
        self.next_reconcile = now.at + self.options.reconcile;
        let mut grown = Vec::new();
        let (mut gone, mut is_gone) = (Vec::new(), false);
        let mut n_unwatched = 0;
        for (key, tracked) in &mut self.files {
            let State::Following(follower) = &mut tracked.state else { continue };
            let is_active = now.at.saturating_sub(follower.last_growth) < ACTIVE || tracked.missing_since.is_some();
            let is_unwatched = |follower: &Follower| {
                let dir = follower.job.path.parent();
                n_unwatched < MAX_UNWATCHED && dir.is_some_and(|dir| self.unwatched.contains_key(dir))
            };
            if !is_active {
                if self.unwatched.is_empty() || !is_unwatched(follower) {
                    continue;
                }
                n_unwatched += 1;
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
        self.close_surplus(now);
    }

    /// Keeps the number of open files within its limit: those that were opened first are closed.
    pub(super) fn close_surplus(&mut self, now: Moment) {
        self.close_first();
        if self.open.len() > self.options.max_open_files {
            // Files stay open until what was read of them is durable: they may be gone when it is to be read again.
            self.commit_all(now);
            self.close_first();
        }
    }

    fn close_first(&mut self) {
        for _ in 0..self.open.len() {
            if self.open.len() <= self.options.max_open_files {
                return;
            }
            let Some(key) = self.open.pop_front() else { return };
            let Some(Tracked { state: State::Following(follower), missing_since, .. }) = self.files.get_mut(&key)
            else {
                continue;
            };
            // What was deleted can be read only as long as it is open.
            if missing_since.is_none() {
                follower.close_file();
            }
            if follower.is_open() {
                self.open.push_back(key);
            }
        }
    }
}

/// The regular files in a directory, links left out; none if there is no such directory.
///
/// # Errors
/// If the directory cannot be listed.
pub(super) fn list(dir: &Path) -> io::Result<HashMap<FileKey, PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        answer => answer?,
    };
    let file = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((FileKey::from(&FileMeta::from(&metadata)), entry.path()))
    };
    Ok(entries.filter_map(file).collect())
}

/// The same error once more.
fn clone_error(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
