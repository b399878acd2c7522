//! Reading what has grown, and letting go of what is gone or was written anew.

use super::batch::{Pending, Producer};
use super::follower::{Follower, Turn};
use super::tracked::{Idle, Orphan, State, Tracked};
use super::{Moment, Tailer};
use crate::custody::Generation;
use crate::discovery::{FileKey, FileMeta, Found};
use crate::error::FileError;
use crate::look::KnownAs;
use std::cmp::Reverse;
use std::fs;
use std::io;
use std::mem;
use std::time::Duration;
use trawl_store::rotation::Family;

/// Bytes read in one call of [`Tailer::pump`].
const PUMP_BYTES: usize = 8 << 20;
/// How long after a truncation its copy is looked for before the last event counts as whole.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(3);

impl Tailer<'_> {
    pub(super) fn mark_dirty(&mut self, key: FileKey) {
        if let Some(tracked) = self.files.get_mut(&key)
            && !mem::replace(&mut tracked.is_dirty, true)
        {
            self.dirty.push_back(key);
        }
    }

    /// Reads files that may have grown, each for a turn; whether there is more.
    pub(super) fn read_dirty(&mut self, now: Moment) -> bool {
        let mut n_read = 0;
        let mut rested = Vec::new();
        while n_read < PUMP_BYTES {
            let Some(key) = self.dirty.pop_front() else { break };
            n_read += self.read_turn(key, &mut rested, now);
        }
        self.dirty.extend(rested);
        n_read >= PUMP_BYTES
    }

    /// Reads one file for a turn; so many bytes. What has to be read again later, and not at once, is added to `rested`.
    pub(super) fn read_turn(&mut self, key: FileKey, rested: &mut Vec<FileKey>, now: Moment) -> usize {
        let Some(tracked) = self.files.get_mut(&key) else { return 0 };
        let lane = self.lane_of_route[tracked.route];
        let State::Following(follower) = &mut tracked.state else {
            tracked.is_dirty = false;
            return 0;
        };
        if !self.lanes[lane].is_ready(now) {
            rested.push(key);
            return 0;
        }
        let was_open = follower.is_open();
        let mut records = Vec::new();
        let turn = follower.read(now, &mut self.buffer, &mut records);
        let n_read = records.iter().map(Pending::n_bytes).sum();
        tracked.is_dirty = false;
        let mut is_gone = false;
        match turn {
            Ok(Turn::More) => {
                follower.error = None;
                tracked.is_dirty = true;
                self.dirty.push_back(key);
            }
            Ok(Turn::AtEnd) => {
                follower.error = follower.error.take().filter(|(error, _)| matches!(error, FileError::Internal { .. }));
                follower.note_open_event(&mut records);
                if follower.has_open_event() {
                    self.quiet_at.push(Reverse((follower.last_growth + self.options.event_timeout, key)));
                }
            }
            Ok(Turn::Renewed) => {
                self.lanes[lane].add(key, &mut records, now);
                self.renew(key, now);
                return n_read;
            }
            Ok(Turn::Stale) => {
                tracked.is_dirty = true;
                rested.push(key);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => is_gone = true,
            Err(error) => note_error(follower, FileError::Unreadable(error), now),
        }
        if !was_open && follower.is_open() {
            self.open.push_back(key);
        }
        self.lanes[lane].add(key, &mut records, now);
        self.close_surplus(now);
        if self.lanes[lane].due_at(&self.options) == Some(Duration::ZERO) {
            self.commit(lane, now);
        }
        if is_gone {
            self.rescan_soon(now);
        }
        n_read
    }

    /// A file was truncated or written anew: what is in it now is its next generation.
    pub(super) fn renew(&mut self, key: FileKey, now: Moment) {
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
            self.leave(follower, route, now.at + ORPHAN_TIMEOUT, now);
        }
        // The bytes that were not read before the truncation may be in a copy.
        self.sweep.insert(Family::of(&found.real_path), route);
        self.next_rescan = self.next_rescan.min(now.at);
        self.must_list = true;
        let meta = fs::metadata(&found.real_path).map_or(found.meta, |metadata| FileMeta::from(&metadata));
        if FileKey::from(&meta) == key {
            self.wait_for(key, Found { meta, ..found }, route, KnownAs::Renewed, now.at);
        }
    }

    /// Nobody follows a generation any more: files that hold the same may be looked at.
    pub(super) fn release(&mut self, generation: Generation, now: Moment) {
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
    pub(super) fn close_quiet(&mut self, now: Moment) {
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
            // Time has passed, but perhaps nobody has looked: what is there already belongs to the event.
            if tracked.is_dirty || follower.look().is_ok_and(|stamp| follower.has_changed(&stamp)) {
                self.quiet_at.push(Reverse((now.at + self.options.reconcile, key)));
                self.mark_dirty(key);
                continue;
            }
            follower.close_event(&mut records);
            self.lanes[lane].add(key, &mut records, now);
        }
    }

    /// Closes the last events of files that are gone, if no copy was found.
    pub(super) fn close_orphans(&mut self, now: Moment) {
        let mut empty = Vec::new();
        for (&generation, orphan) in &mut self.orphans {
            let lane = &mut self.lanes[self.lane_of_route[orphan.route]];
            if orphan.is_pending || now.at < orphan.close_at || !lane.is_ready(now) {
                continue;
            }
            let mut records = orphan.follower.closed_event();
            orphan.is_pending = !records.is_empty();
            if records.is_empty() {
                empty.push(generation);
            }
            lane.add(Producer::Orphan(generation), &mut records, now);
        }
        for generation in empty {
            self.orphans.remove(&generation);
            self.holds_too_much = true;
        }
    }

    /// Stops following a file that is gone. Its last event is closed as soon as the disk takes it.
    pub(super) fn let_go(&mut self, key: FileKey, now: Moment) {
        let Some(tracked) = self.files.get(&key) else { return };
        if !self.commit(self.lane_of_route[tracked.route], now) {
            return;
        }
        let Some(Tracked { state: State::Following(follower), found, route, .. }) = self.files.remove(&key) else {
            return;
        };
        self.by_path.remove(&found.real_path);
        self.leave(follower, route, now.at, now);
    }

    /// Nobody reads on from where this follower has come to; its open event is to be closed at `close_at`.
    fn leave(&mut self, follower: Box<Follower>, route: usize, close_at: Duration, now: Moment) {
        let source = follower.source();
        let generation = (source.id, source.generation);
        self.release(generation, now);
        if follower.has_open_event() {
            self.orphans.insert(generation, Orphan { follower, route, close_at, is_pending: false });
        }
    }

    pub(super) fn forget(&mut self, key: FileKey) {
        if let Some(tracked) = self.files.remove(&key) {
            self.by_path.remove(&tracked.found.real_path);
        }
    }
}

pub(super) fn note_error(follower: &mut Follower, error: FileError, now: Moment) {
    let since = follower.error.take().map_or(now.at, |(_, since)| since);
    follower.error = Some((error, since));
}
