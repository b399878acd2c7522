//! Threads: pieces of work from one queue, each thread with a bucket of its own.

use crate::compression::Compression;
use crate::error::IndexError;
use crate::ingest::{Shared, Worker};
use crate::job::{FileJob, PlainAccess};
use crate::provisional::Provisional;
use crossbeam_channel::Receiver;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Bytes that are worth a thread of their own: each thread ends with a bucket, and small buckets are a burden to searches.
const BYTES_PER_THREAD: u64 = 16 << 20;

/// What a thread does in one go.
pub(crate) enum Work {
    /// A range of a plain file.
    Range(Arc<FileJob>, PlainAccess, Range<u64>),
    /// A compressed file.
    Compressed(Arc<FileJob>, Compression),
}

impl Work {
    pub(crate) fn job(&self) -> &FileJob {
        match self {
            Self::Range(job, ..) | Self::Compressed(job, _) => job,
        }
    }

    /// Bytes on disk that it reads.
    pub(crate) fn n_bytes(&self) -> u64 {
        match self {
            Self::Range(_, _, range) => range.end - range.start,
            Self::Compressed(job, _) => job.meta.len,
        }
    }
}

/// Does all work, and commits it. Events that may still grow are handed back.
///
/// Each thread commits a bucket as soon as it is full, so that an interruption loses at most one bucket of each.
///
/// # Errors
/// The first error of the store. The other threads stop; what they have not committed is read again by the next run.
pub(crate) fn run(shared: Shared<'_>, mut work: Vec<Work>) -> Result<Vec<Provisional>, IndexError> {
    if work.is_empty() {
        return Ok(Vec::new());
    }
    // Files of one time go to one bucket, so that a search for another time leaves the bucket out. The order of the
    // pieces of a file stays.
    work.sort_by_key(|work| work.job().meta.mtime_us);
    let n_bytes: u64 = work.iter().map(Work::n_bytes).sum();
    let n_useful = usize::try_from(1 + n_bytes / BYTES_PER_THREAD).unwrap_or(usize::MAX);
    let n_threads = shared.options.n_jobs().min(n_useful).min(work.len());

    let (queue, tasks) = crossbeam_channel::unbounded();
    for task in work {
        queue.send(task).expect("the receiver is alive");
    }
    drop(queue);
    let has_failed = AtomicBool::new(false);
    let outcomes: Vec<Result<Vec<Provisional>, IndexError>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(|| work_off(shared, &tasks, &has_failed))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut provisional = Vec::new();
    for outcome in outcomes {
        provisional.extend(outcome?);
    }
    Ok(provisional)
}

fn work_off(
    shared: Shared<'_>,
    tasks: &Receiver<Work>,
    has_failed: &AtomicBool,
) -> Result<Vec<Provisional>, IndexError> {
    let attempt = || {
        let mut worker = Worker::new(shared)?;
        for task in tasks {
            // The flags carry no other data.
            if shared.is_cancelled() || has_failed.load(Ordering::Relaxed) {
                break;
            }
            match task {
                Work::Range(job, access, range) => worker.read_range(&job, access, range)?,
                Work::Compressed(job, compression) => worker.read_compressed(&job, compression)?,
            }
        }
        worker.finish()
    };
    let outcome = attempt();
    if outcome.is_err() {
        has_failed.store(true, Ordering::Relaxed);
    }
    outcome.map_err(IndexError::from)
}
