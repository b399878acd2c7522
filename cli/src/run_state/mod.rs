//! What `trawl run` says of itself: `<data>/status.json`.
//!
//! The catalog knows what is stored; the process that follows the files knows what it is about to do, what it cannot do, and
//! since when. It writes that down whenever something has changed, at most once a second, and touches the file while
//! nothing has: so others see that it lives. The file is replaced as a whole, and not made durable: it tells of a process, and
//! a crash of the machine ends that, too.
//!
//! [`Recorder`] writes it, [`Heard`] is what others make of it.

mod recorder;

pub use recorder::Recorder;

use crate::spool;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trawl_store::source::path_text;

/// Name of the file in the data folder.
const FILE_NAME: &str = "status.json";
/// Newest format that this build reads.
const FORMAT: u32 = 1;
/// Longer than a process at work ever keeps silent.
const SILENCE: Duration = Duration::from_secs(60);

/// What a process that follows says of itself. Times are microseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// Format of the file.
    pub format: u32,
    /// Its process id.
    pub pid: u32,
    /// Its release.
    pub version: String,
    /// When it began.
    pub started_at_us: i64,
    /// When it ended, if it was told to and everything it had read is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at_us: Option<i64>,
    /// Why nothing can be stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Trouble>,
    /// Why the configuration was not read again when that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_configuration: Option<Trouble>,
    /// What keeps retention from its work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retention: Vec<Trouble>,
    /// The files that it knows.
    #[serde(default)]
    pub files: Vec<FileNow>,
    /// Commands and streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<FeedNow>,
    /// Paths that could not be listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<FeedNow>,
    /// How many directories are looked at in intervals only.
    #[serde(default)]
    pub n_unwatched: u64,
    /// How many files are left out because they have not been written for too long.
    #[serde(default)]
    pub n_too_old: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "spool::files")]
    pub too_old: Vec<PathBuf>,
    /// What was not stored as it stood, by the source's key in the catalog.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remarks: BTreeMap<u64, RemarksNow>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What.
    pub text: String,
    /// Since when.
    pub since_us: i64,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNow {
    /// Where it lies.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// Index of its events.
    pub index: String,
    /// Value of the field `source`, number of the generation, and sourcetype, once it is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<(String, u32, String)>,
    /// What is done with it.
    pub state: Doing,
    /// Its length.
    pub len: u64,
    /// Bytes of it that were read.
    pub read_to: u64,
    /// Bytes of it that are durable as whole events.
    pub durable_to: u64,
    /// Since when the oldest byte that was not read is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_since_us: Option<i64>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It is read whenever it grows.
    Following,
    /// It has lost its name, and is read to its end.
    Draining,
    /// What is in it is loaded in bulk.
    Loading,
    /// There is nothing in it.
    Empty,
    /// It is not text, and left out.
    Binary,
    /// Everything in it is known, and it does not grow.
    Read,
    /// Another file is followed that holds the same.
    Copy,
    /// It cannot be read.
    Unreadable,
}

/// A command, a stream or a path by its name, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedNow {
    /// The command line, or the path.
    pub name: String,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// Bytes that are not stored, and events that are stored in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemarksNow {
    /// NULs in runs.
    pub nul_bytes: u64,
    /// Pieces of events that were too long.
    pub n_cut: u64,
}

impl RunState {
    /// A process that begins now.
    fn new(started_at_us: i64) -> Self {
        Self {
            format: FORMAT,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at_us,
            stopped_at_us: None,
            paused: None,
            refused_configuration: None,
            retention: Vec::new(),
            files: Vec::new(),
            feeds: Vec::new(),
            unlisted: Vec::new(),
            n_unwatched: 0,
            n_too_old: 0,
            too_old: Vec::new(),
            remarks: BTreeMap::new(),
        }
    }
}

fn path(data: &Path) -> PathBuf {
    data.join(FILE_NAME)
}

/// What is known of the process that follows, or followed.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What it said last.
    pub state: RunState,
    /// How it is.
    pub life: Life,
    /// How long ago it was heard of.
    pub ago: Duration,
}

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// At work.
    Running,
    /// It is there, but has kept silent for longer than it should.
    Silent,
    /// It was told to end, and did.
    Stopped,
    /// It is gone without a word: killed, or the machine was.
    Gone,
}

impl Heard {
    /// What the process that follows into a data folder said last; `None` if there never was one.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn of(data: &Path) -> anyhow::Result<Option<Self>> {
        use anyhow::Context;
        let path = path(data);
        let at = || format!("cannot read {}", path.display());
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(at)?,
        };
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified()).with_context(at)?;
        let state: RunState = serde_json::from_slice(&text).with_context(at)?;
        anyhow::ensure!(
            state.format <= FORMAT,
            "{} has format {}, and this build reads up to {FORMAT}: update trawl",
            path.display(),
            state.format
        );
        let ago = modified.elapsed().unwrap_or_default();
        let life = match (spool::is_served(data), state.stopped_at_us) {
            (true, _) if ago <= SILENCE => Life::Running,
            (true, _) => Life::Silent,
            (false, Some(_)) => Life::Stopped,
            (false, None) => Life::Gone,
        };
        Ok(Some(Self { state, life, ago }))
    }

    /// Whether the process is there.
    pub fn is_alive(&self) -> bool {
        matches!(self.life, Life::Running | Life::Silent)
    }
}
