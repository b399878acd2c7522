//! Committing: what was read, run or received becomes durable, and only then counts as read.

use super::activity::Batch;
use super::batch::Producer;
use super::feed::Desk;
use super::tracked::{State, Tracked};
use super::{Moment, Tailer};
use crate::error::IndexError;
use crate::look::KnownAs;
use std::mem;
use std::time::Instant;
use trawl_store::StoreError;

impl Tailer<'_> {
    /// Takes what commands and streams have brought. With `at_end`, the last events of streams count as whole.
    pub(super) fn take_records(&mut self, now: Moment, at_end: bool) -> Result<(), IndexError> {
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

    pub(super) fn commit_due(&mut self, now: Moment) {
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].due_at(&self.options).is_some_and(|due| due <= now.at) && self.lanes[lane].is_ready(now)
            {
                self.commit(lane, now);
            }
        }
    }

    /// Makes durable what is pending of an index; whether nothing is pending any more because of that.
    pub(super) fn commit(&mut self, lane: usize, now: Moment) -> bool {
        let lane = &mut self.lanes[lane];
        if lane.pending.is_empty() {
            return lane.refused_since.is_none() || lane.is_ready(now);
        }
        let (n_events, n_bytes) = lane.totals();
        let batch = Batch::of(&lane.pending);
        let touched = mem::take(&mut lane.touched);
        let begun = Instant::now();
        let outcome = lane.commit(self.writer, now, self.options.commit_interval);
        self.options.activity.note_batch(&lane.index, batch, outcome.is_ok().then(|| begun.elapsed()));
        for producer in touched {
            let key = match (producer, &outcome) {
                (Producer::File(key), _) => key,
                (Producer::Orphan(generation), Ok(())) => {
                    self.holds_too_much |= self.orphans.remove(&generation).is_some();
                    continue;
                }
                (Producer::Orphan(generation), Err(_)) => {
                    // What it holds is nowhere else: it is given again.
                    if let Some(orphan) = self.orphans.get_mut(&generation) {
                        orphan.is_pending = false;
                    }
                    continue;
                }
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

    pub(super) fn commit_all(&mut self, now: Moment) {
        for lane in 0..self.lanes.len() {
            self.commit(lane, now);
        }
    }

    pub(super) fn roll_logs(&mut self, now: Moment) {
        for lane in 0..self.lanes.len() {
            match self.lanes[lane].roll(self.writer, &self.options, now.wall_us) {
                Ok(has_rolled) => self.has_ended_logs |= has_rolled,
                Err(error) => self.note_store_error(&error, now),
            }
        }
    }

    pub(super) fn note_store_error(&mut self, error: &StoreError, now: Moment) {
        let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
        self.last_store_error = Some((format!("{error}{cause}"), now.at));
    }

    /// Lets runs of [`index`](crate::index) have the files that are not read here any more, once all that was read of them is
    /// durable, and so known.
    pub(super) fn let_others_read(&mut self, now: Moment) {
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
}
