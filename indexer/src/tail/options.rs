//! What is followed, and how; what comes in at a moment, and what comes of it.

use super::activity::Activity;
use super::streams::StreamInput;
use crate::command::CommandInput;
use crate::custody::Custody;
use crate::discovery::Input;
use crate::options::Options;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Files that are followed alike: the first route that finds a file has it.
#[derive(Clone, Debug)]
pub struct Route {
    /// What to follow.
    pub inputs: Vec<Input>,
    /// How their events are described. The present is asked of the clock.
    pub options: Options,
    /// Files that have not been written for so long are left out until they are.
    pub ignore_older: Option<Duration>,
}

/// Everything that a tailer gets events from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Files.
    pub routes: Vec<Route>,
    /// Programs that are run in intervals.
    pub commands: Vec<CommandInput>,
    /// Standard input and FIFOs.
    pub streams: Vec<StreamInput>,
}

impl From<Vec<Route>> for Inputs {
    fn from(routes: Vec<Route>) -> Self {
        Self { routes, ..Self::default() }
    }
}

/// How to follow.
#[derive(Clone, Debug)]
pub struct TailOptions {
    /// How long a file must be quiet for its last event to count as whole. Default 5 s.
    pub event_timeout: Duration,
    /// How often active files are looked at. Default 1 s.
    pub reconcile: Duration,
    /// How often everything is. Default 10 s.
    pub rescan: Duration,
    /// How long a batch waits for more, at most. Default 100 ms.
    pub commit_interval: Duration,
    /// Length at which a live log is sealed. Default 128 MiB.
    pub log_bytes: u64,
    /// Age at which a live log is sealed. Default 24 h.
    pub log_age: Duration,
    /// How long a file that was renamed out of the inputs, or deleted, is kept after its last growth. Default 60 s.
    pub drain: Duration,
    /// Files kept open; never more than half of the descriptors that the process may have. Default 512.
    pub max_open_files: usize,
    /// A file whose unread part is longer than this is left to the loader, which is many times faster than a live log. Default
    /// 16 MiB.
    pub backlog_bytes: u64,
    /// Of files that are there at the start and unknown, only about so many bytes at the end are read. For a store that
    /// nobody keeps: the rest does not count as read. Default: all of them.
    pub from_last_bytes: Option<u64>,
    /// Who reads which file in this process. Default: nobody else does.
    pub custody: Arc<Custody>,
    /// Where it is counted what is done. Default: counts of its own.
    pub activity: Arc<Activity>,
}

impl Default for TailOptions {
    fn default() -> Self {
        Self {
            event_timeout: Duration::from_secs(5),
            reconcile: Duration::from_secs(1),
            rescan: Duration::from_secs(10),
            commit_interval: Duration::from_millis(100),
            log_bytes: 128 << 20,
            log_age: Duration::from_secs(24 * 3600),
            drain: Duration::from_secs(60),
            max_open_files: 512,
            backlog_bytes: 16 << 20,
            from_last_bytes: None,
            custody: Arc::default(),
            activity: Arc::default(),
        }
    }
}

/// A moment: on a clock that never jumps, and on the one on the wall.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since some fixed time.
    pub at: Duration,
    /// Microseconds since the epoch.
    pub wall_us: i64,
}

/// What the kernel has told.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Files that were written, by any of their names.
    pub written: Vec<PathBuf>,
    /// Names came, went or changed, or notices were lost.
    pub rescan: bool,
}

/// What a call of [`Tailer::pump`](super::Tailer::pump) came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pumped {
    /// There is more to do at once.
    pub is_busy: bool,
    /// When there is something to do, if no notice comes.
    pub wake_at: Duration,
}
