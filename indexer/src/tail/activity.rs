//! What has been done, counted for whoever wants to know: it only grows, also where one tailer follows another.

use super::batch::Pending;
use crate::report::Report;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use trawl_formats::event::IndexName;
use trawl_formats::parse::EventFlags;
use trawl_store::SourceId;

/// Counts, shared by all threads. One is kept for as long as the process lives.
#[derive(Debug, Default)]
pub struct Activity(Mutex<Counts>);

/// What has been done since the process began.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// By index.
    pub indexes: BTreeMap<IndexName, IndexCounts>,
    /// What was not stored as it stood, by source; sources without such a thing have no entry.
    pub remarks: BTreeMap<SourceId, Remarks>,
}

/// What has been done for one index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexCounts {
    /// Whole events that were read. What the disk refused is read, and counted, again.
    pub n_events_read: u64,
    /// Bytes of them.
    pub bytes_read: u64,
    /// Events that became durable.
    pub n_events: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// What was remarkable about them.
    pub remarks: Remarks,
    /// Batches that became durable, each with one sync.
    pub batches: Timed,
    /// Batches that the disk refused; what they held is read again.
    pub n_refused: u64,
    /// Live logs that became buckets.
    pub seals: Timed,
    /// Attempts of that which failed; the logs stay, and it is tried again.
    pub n_failed_seals: u64,
    /// Buckets that were made, those that were loaded in bulk included.
    pub n_buckets: u64,
}

/// Bytes that are not stored, and events that are stored in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// NULs in runs, which hold nothing and are left out.
    pub nul_bytes: u64,
    /// Pieces of events that were longer than an event may be. Nothing of them is lost.
    pub n_cut: u64,
}

impl Remarks {
    fn add(&mut self, other: Self) {
        self.nul_bytes += other.nul_bytes;
        self.n_cut += other.n_cut;
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How often something was done, and how long that took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timed {
    /// How often.
    pub count: u64,
    /// Time that it took.
    pub total: Duration,
}

impl Timed {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.total += took;
    }
}

/// What is in a batch.
#[derive(Default)]
pub(super) struct Batch {
    n_events: u64,
    bytes: u64,
    /// By source, in the order of the batch.
    remarks: Vec<(SourceId, Remarks)>,
}

impl Batch {
    pub(super) fn of(pending: &[Pending]) -> Self {
        let mut batch = Self::default();
        for pending in pending {
            let (source, remarks) = match pending {
                Pending::Block { is_open: true, .. } => continue,
                Pending::Block { source, bytes, parsed, .. } => {
                    batch.n_events += parsed.events.len() as u64;
                    batch.bytes += bytes.len() as u64;
                    let n_cut = parsed.events.iter().filter(|event| event.flags.contains(EventFlags::CUT)).count();
                    (source, Remarks { n_cut: n_cut as u64, ..Remarks::default() })
                }
                Pending::Gap { source, len, .. } => (source, Remarks { nul_bytes: *len, ..Remarks::default() }),
            };
            if !remarks.is_empty() {
                batch.remarks.push((source.id, remarks));
            }
        }
        batch
    }
}

impl Activity {
    /// The counts as of now.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// A batch was handed to the store; `took` how long that took, if it is durable.
    pub(super) fn note_batch(&self, index: &IndexName, batch: Batch, took: Option<Duration>) {
        let mut counts = self.lock();
        let of_index = counts.index(index);
        of_index.n_events_read += batch.n_events;
        of_index.bytes_read += batch.bytes;
        let Some(took) = took else {
            of_index.n_refused += 1;
            return;
        };
        of_index.n_events += batch.n_events;
        of_index.bytes += batch.bytes;
        of_index.batches.add(took);
        batch.remarks.iter().for_each(|(_, remarks)| of_index.remarks.add(*remarks));
        for (source, remarks) in batch.remarks {
            counts.remarks.entry(source).or_default().add(remarks);
        }
    }

    /// Files were loaded in bulk.
    pub(super) fn note_load(&self, index: &IndexName, report: &Report) {
        let mut counts = self.lock();
        let counts = counts.index(index);
        counts.n_events_read += report.totals.events;
        counts.bytes_read += report.totals.bytes;
        counts.n_events += report.totals.events;
        counts.bytes += report.totals.bytes;
        counts.n_buckets += report.totals.buckets;
    }

    /// Live logs were to become buckets: how many that made, if it did not fail.
    pub(super) fn note_seal(&self, index: &IndexName, n_buckets: Option<usize>, took: Duration) {
        let mut counts = self.lock();
        let counts = counts.index(index);
        match n_buckets {
            // There was nothing to seal.
            Some(0) => {}
            Some(n_buckets) => {
                counts.seals.add(took);
                counts.n_buckets += n_buckets as u64;
            }
            None => counts.n_failed_seals += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Numbers make sense whatever became of who added to them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn index(&mut self, index: &IndexName) -> &mut IndexCounts {
        if !self.indexes.contains_key(index) {
            self.indexes.insert(index.clone(), IndexCounts::default());
        }
        self.indexes.get_mut(index).expect("just inserted")
    }
}
