//! What is read goes to the live log of its index in batches: data and progress become durable together.

use super::{Moment, TailOptions};
use crate::custody::Generation;
use crate::discovery::FileKey;
use hashbrown::HashSet;
use std::sync::Arc;
use std::time::Duration;
use trawl_formats::event::IndexName;
use trawl_formats::parse::ParsedBlock;
use trawl_store::{BlockInput, LiveLog, Record, Result, SourceHandle, Writer};

/// A record that waits for its batch.
pub(super) enum Pending {
    /// Events: whole, or the open one.
    Block { source: Arc<SourceHandle>, offset: u64, bytes: Vec<u8>, parsed: ParsedBlock, is_open: bool },
    /// NULs.
    Gap { source: Arc<SourceHandle>, offset: u64, len: u64 },
}

impl Pending {
    pub(super) fn events(source: &Arc<SourceHandle>, offset: u64, bytes: Vec<u8>, parsed: ParsedBlock) -> Self {
        Self::Block { source: Arc::clone(source), offset, bytes, parsed, is_open: false }
    }

    pub(super) fn open(source: &Arc<SourceHandle>, offset: u64, bytes: Vec<u8>, parsed: ParsedBlock) -> Self {
        Self::Block { source: Arc::clone(source), offset, bytes, parsed, is_open: true }
    }

    pub(super) fn gap(source: &Arc<SourceHandle>, offset: u64, len: u64) -> Self {
        Self::Gap { source: Arc::clone(source), offset, len }
    }

    /// Bytes that are held in memory.
    pub(super) fn n_bytes(&self) -> usize {
        match self {
            Self::Block { bytes, .. } => bytes.len(),
            Self::Gap { .. } => 0,
        }
    }

    fn source(&self) -> &Arc<SourceHandle> {
        match self {
            Self::Block { source, .. } | Self::Gap { source, .. } => source,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self, Self::Block { is_open: true, .. })
    }

    fn as_record(&self) -> Record<'_> {
        match self {
            Self::Block { source, offset, bytes, parsed, is_open } => {
                let block = BlockInput { source, offset: *offset, bytes, parsed };
                if *is_open { Record::Open(block) } else { Record::Events(block) }
            }
            Self::Gap { source, offset, len } => Record::Gap { source, offset: *offset, len: *len },
        }
    }
}

/// Who gave a record, and is told whether it became durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Producer {
    File(FileKey),
    /// The last event of a file that is gone.
    Orphan(Generation),
    /// Position of a command.
    Command(usize),
    /// Position of a stream.
    Stream(usize),
}

impl From<FileKey> for Producer {
    fn from(key: FileKey) -> Self {
        Self::File(key)
    }
}

/// The way of one index from what produces events to its live log.
pub(super) struct Lane {
    pub(super) index: IndexName,
    log: Option<LiveLog>,
    /// A log that failed and could not be given up yet. Until then nothing is read.
    failed: Option<LiveLog>,
    pub(super) pending: Vec<Pending>,
    /// Of whom something is pending.
    pub(super) touched: Vec<Producer>,
    n_bytes: usize,
    first_at: Option<Duration>,
    pace: Pace,
    /// When the disk refused a batch for the first time since it took one.
    pub(super) refused_since: Option<Duration>,
    retry_at: Duration,
}

/// Pause after the disk has refused a batch.
const RETRY: Duration = Duration::from_secs(1);
/// So many batches are written at once after a pause.
const BATCHES_AT_ONCE: u32 = 3;
/// When batches are written. In a stream they are an interval apart, so that one sync serves many lines; after a pause the
/// first ones are written at once. One would be too few: a line often comes in several writes, and the first of them must
/// not keep the others waiting.
#[derive(Default)]
struct Pace {
    /// When the batches so far would have been written, had each been an interval behind the one before.
    paced_to: Duration,
}

impl Pace {
    /// When the next batch may be written.
    fn next_at(&self, interval: Duration) -> Duration {
        self.paced_to.saturating_sub(interval * (BATCHES_AT_ONCE - 1))
    }

    /// A batch was written.
    fn note(&mut self, now: Duration, interval: Duration) {
        self.paced_to = self.paced_to.max(now) + interval;
    }
}

/// A batch is written once it holds so much, however young it is.
const BATCH_BYTES: usize = 1 << 20;

impl Lane {
    pub(super) fn new(index: IndexName) -> Self {
        Self {
            index,
            log: None,
            failed: None,
            pending: Vec::new(),
            touched: Vec::new(),
            n_bytes: 0,
            first_at: None,
            pace: Pace::default(),
            refused_since: None,
            retry_at: Duration::ZERO,
        }
    }

    /// Whether the disk takes batches, as far as is known.
    pub(super) fn is_ready(&self, now: Moment) -> bool {
        self.refused_since.is_none() || self.retry_at <= now.at
    }

    /// Adds what was read of a file or came from elsewhere.
    pub(super) fn add(&mut self, producer: impl Into<Producer>, records: &mut Vec<Pending>, now: Moment) {
        if records.is_empty() {
            return;
        }
        self.first_at.get_or_insert(now.at);
        // A batch has one last word of each source: what was open at an earlier look is whole by now, or has grown.
        let key = |source: &SourceHandle| (source.id, source.generation);
        let said: HashSet<_> = records.iter().map(|record| key(record.source())).collect();
        self.pending.retain(|pending| {
            let is_superseded = pending.is_open() && said.contains(&key(pending.source()));
            self.n_bytes -= if is_superseded { pending.n_bytes() } else { 0 };
            !is_superseded
        });
        self.n_bytes += records.iter().map(Pending::n_bytes).sum::<usize>();
        self.pending.append(records);
        let producer = producer.into();
        if self.touched.last() != Some(&producer) {
            self.touched.push(producer);
        }
    }

    /// Whole events and their bytes that are pending.
    pub(super) fn totals(&self) -> (u64, u64) {
        self.pending.iter().fold((0, 0), |(n_events, n_bytes), pending| match pending {
            Pending::Block { bytes, parsed, is_open: false, .. } => {
                (n_events + parsed.events.len() as u64, n_bytes + bytes.len() as u64)
            }
            Pending::Block { .. } | Pending::Gap { .. } => (n_events, n_bytes),
        })
    }

    /// When the batch is to be written; `None` if nothing is pending.
    pub(super) fn due_at(&self, options: &TailOptions) -> Option<Duration> {
        let first_at = self.first_at?;
        if self.n_bytes >= BATCH_BYTES {
            return Some(Duration::ZERO);
        }
        Some(self.pace.next_at(options.commit_interval).min(first_at + options.commit_interval))
    }

    /// Writes the batch. On success, what `touched` files have pending is durable. In a stream, batches are
    /// `interval` apart.
    ///
    /// # Errors
    /// If the disk refuses it: what is pending is to be forgotten, and read again later.
    pub(super) fn commit(&mut self, writer: &Writer, now: Moment, interval: Duration) -> Result<()> {
        let outcome = self.try_commit(writer);
        self.pending.clear();
        self.n_bytes = 0;
        self.first_at = None;
        self.pace.note(now.at, interval);
        match outcome {
            Ok(()) => self.refused_since = None,
            Err(_) => {
                self.refused_since.get_or_insert(now.at);
                self.retry_at = now.at + RETRY;
            }
        }
        outcome
    }

    fn try_commit(&mut self, writer: &Writer) -> Result<()> {
        if let Some(failed) = &self.failed {
            writer.abandon_live_log(failed)?;
            self.failed = None;
        }
        writer.make_room(&self.index, self.n_bytes as u64)?;
        let mut log = match self.log.take() {
            Some(log) => log,
            None => writer.begin_live_log(&self.index)?,
        };
        let records: Vec<Record<'_>> = self.pending.iter().map(Pending::as_record).collect();
        match writer.append(&mut log, &records) {
            Ok(()) => {
                self.log = Some(log);
                Ok(())
            }
            Err(error) => {
                // Perhaps the disk takes this small note; if not, it is tried again before anything else.
                if writer.abandon_live_log(&log).is_err() {
                    self.failed = Some(log);
                }
                Err(error)
            }
        }
    }

    /// Begins a new log if the present one is large or old enough to be sealed. Returns whether it did.
    ///
    /// # Errors
    /// If the disk refuses it; the present log then stays.
    pub(super) fn roll(&mut self, writer: &Writer, options: &TailOptions, wall_us: i64) -> Result<bool> {
        let Some(log) = &self.log else { return Ok(false) };
        let age_us = wall_us.saturating_sub(log.begun_at_us());
        let is_old = i128::from(age_us) >= options.log_age.as_micros() as i128;
        if log.durable_len() < options.log_bytes && !is_old {
            return Ok(false);
        }
        let next = writer.begin_live_log(&self.index)?;
        if let Some(full) = self.log.replace(next) {
            writer.end_live_log(full);
        }
        Ok(true)
    }

    /// Ends the log, so that it can be sealed.
    pub(super) fn end(&mut self, writer: &Writer) {
        if let Some(log) = self.log.take() {
            writer.end_live_log(log);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_an_interval_apart_but_for_the_first_after_a_pause() {
        let interval = Duration::from_millis(100);
        let mut pace = Pace::default();
        let mut n_written_by = |end_ms: u64, from_ms: u64| {
            let in_time = |&at: &u64| {
                let now = Duration::from_millis(at);
                let is_due = pace.next_at(interval) <= now;
                if is_due {
                    pace.note(now, interval);
                }
                is_due
            };
            (from_ms..end_ms).filter(in_time).count()
        };
        // Something is written in every millisecond: three at once, then one in 100 ms.
        assert_eq!(n_written_by(1003, 1000), 3);
        assert_eq!(n_written_by(2000, 1003), 9);
        // A pause, and one by one for a while: none of them waits.
        for n in 0..20 {
            let at = 10_000 + n * 150;
            assert_eq!(n_written_by(at + 1, at), 1);
        }
    }
}
