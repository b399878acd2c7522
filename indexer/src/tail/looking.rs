//! Looking: which files there are, and which of them have grown.

use super::reading::note_error;
use super::tracked::{Idle, State, Tracked};
use super::{Moment, Notices, Route, Tailer};
use crate::discovery::{Discovery, FileKey, FileMeta, Found, RealPath, discover_again};
use crate::error::{FileError, IndexError};
use crate::identity::Family;
use crate::look::KnownAs;
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    pub(super) fn rescan_soon(&mut self, now: Moment) {
        let soon = (now.at + NOTICE_DELAY).max(self.no_rescan_before);
        self.next_rescan = self.next_rescan.min(soon);
    }

    /// Lists all inputs anew.
    pub(super) fn rescan(&mut self, now: Moment) -> Result<(), IndexError> {
        let begun = std::time::Instant::now();
        let mut present: HashSet<FileKey> = HashSet::new();
        let known = mem::take(&mut self.real_paths);
        let mut real_paths = HashMap::new();
        self.unlisted.clear();
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
    pub(super) fn see(&mut self, key: FileKey, found: Found, route: usize, now: Moment) {
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

    /// Deals with the files that no input names any more: renamed, deleted, or behind a link that leads elsewhere now.
    pub(super) fn miss(&mut self, present: &HashSet<FileKey>, now: Moment) {
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
    pub(super) fn sweep_families(&mut self, now: Moment) {
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
    pub(super) fn reconcile(&mut self, now: Moment) {
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
    pub(super) fn close_files(&mut self) {
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
}

/// The regular files in a directory, links left out.
pub(super) fn list(dir: &Path) -> HashMap<FileKey, PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return HashMap::new() };
    let file = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((FileKey::from(&FileMeta::from(&metadata)), entry.path()))
    };
    entries.filter_map(file).collect()
}
