//! What is read goes to the live log of its index in batches: data and progress become durable together.

use super::{Moment, TailOptions};
use crate::custody::Generation;
use crate::discovery::FileKey;
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
    last_commit: Option<Duration>,
    /// When the disk refused a batch for the first time since it took one.
    pub(super) refused_since: Option<Duration>,
    retry_at: Duration,
}

/// Pause after the disk has refused a batch.
const RETRY: Duration = Duration::from_secs(1);
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
            last_commit: None,
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
        // The first batch after a pause is written at once; in a stream they are a while apart.
        let spaced = self.last_commit.map_or(Duration::ZERO, |last| last + options.commit_interval);
        Some(spaced.min(first_at + options.commit_interval))
    }

    /// Writes the batch. On success, what `touched` files have pending is durable.
    ///
    /// # Errors
    /// If the disk refuses it: what is pending is to be forgotten, and read again later.
    pub(super) fn commit(&mut self, writer: &Writer, now: Moment) -> Result<()> {
        let outcome = self.try_commit(writer);
        self.pending.clear();
        self.n_bytes = 0;
        self.first_at = None;
        self.last_commit = Some(now.at);
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
