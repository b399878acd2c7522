//! What can be chosen for a run.

use crate::custody::Custody;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use trawl_formats::event::{Host, IndexName, Source, Sourcetype};
use trawl_formats::timestamp::Zone;
use trawl_store::bucket::builder::FULL_BYTES;

/// Choices for a run. Those that describe events hold for sources that are new; a known source keeps what it has.
#[derive(Clone, Debug)]
pub struct Options {
    /// Index that the events go to.
    pub index: IndexName,
    /// Sourcetype of all files. Default: each file's is detected.
    pub sourcetype: Option<Sourcetype>,
    /// Host of all files. Default: the name of this machine.
    pub host: Option<Host>,
    /// Source of all files. Default: the path of each, `stdin` for standard input.
    pub source: Option<Source>,
    /// Number that the standard input of this run is known by, not 0. If it is read again under the same number, from its
    /// beginning, what is committed of it is not stored twice. Default: it is new each time.
    pub stdin_id: Option<NonZeroU64>,
    /// Zone of time stamps that name none.
    pub zone: Zone,
    /// Globs of files and directories that are left out: with `/` they are compared with the whole path, else with the
    /// name.
    pub exclude: Vec<String>,
    /// Number of builders, each a thread that takes some 200 MB. Default: the number of cores.
    pub jobs: Option<NonZeroUsize>,
    /// How long a file must have been quiet for its last event to count as whole. Default 10 minutes.
    pub event_timeout: Duration,
    /// The present, microseconds since the epoch.
    pub now_us: i64,
    /// Length of the pieces into which a large file is cut. Default 32 MiB.
    pub piece_bytes: u64,
    /// Raw bytes after which a bucket is sealed. Default: [`FULL_BYTES`], the most that one takes.
    pub bucket_bytes: u64,
    /// Who reads which file in this process. Default: nobody else does.
    pub custody: Arc<Custody>,
    /// Set this from anywhere to end the run early: what has been read is committed.
    pub cancel: Arc<AtomicBool>,
}

impl Options {
    /// Default choices.
    pub fn new(index: IndexName, zone: Zone, now_us: i64) -> Self {
        Self {
            index,
            sourcetype: None,
            host: None,
            source: None,
            stdin_id: None,
            zone,
            exclude: Vec::new(),
            jobs: None,
            event_timeout: Duration::from_secs(600),
            now_us,
            piece_bytes: 32 << 20,
            bucket_bytes: FULL_BYTES,
            custody: Arc::default(),
            cancel: Arc::default(),
        }
    }

    pub(crate) fn n_jobs(&self) -> usize {
        self.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}
