//! What was found when everything was listed, and whether listing it again would find the same names.
//!
//! Listing 10,000 files takes several times as long as asking each for its length. A name that comes or goes changes the time
//! of its directory; as long as no directory has changed, the names are the same, and only the files are asked. Names are
//! taken for the same only where that rule holds: on local file systems, and in directories that had not been changed for a
//! while when they were listed, since two changes within a tick of the clock leave the same time. And even then everything
//! is listed from time to time.

use crate::discovery::{FileKey, FileMeta, RealPath};
use crate::error::FileError;
use crate::file_system::FileSystem;
use hashbrown::HashMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A directory that was changed so lately when it was listed could be changed again without a trace.
const SETTLED_US: i64 = 2_000_000;

/// What was found when everything was listed.
#[derive(Default)]
pub(super) struct Listing {
    /// Real paths of the files, by the paths at which they were found.
    pub(super) real_paths: HashMap<PathBuf, RealPath>,
    /// Files that were left out because they are old.
    pub(super) ignored: HashMap<FileKey, FileMeta>,
    /// Their paths.
    pub(super) too_old: Vec<PathBuf>,
    /// Paths that could not be listed.
    pub(super) unlisted: Vec<(PathBuf, FileError)>,
    /// Directories that hold followed files, or may.
    pub(super) dirs: BTreeSet<PathBuf>,
    /// What each directory was like before it was listed. `None` if no change of it would be seen by that.
    stamps: Option<Vec<(PathBuf, DirStamp)>>,
}

/// A directory as it was. Any name that comes or goes changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DirStamp {
    key: FileKey,
    mtime_us: i64,
    ctime_ns: i64,
}

impl DirStamp {
    fn of(dir: &Path) -> io::Result<Self> {
        let meta = FileMeta::from(&fs::metadata(dir)?);
        Ok(Self { key: FileKey::from(&meta), mtime_us: meta.mtime_us, ctime_ns: meta.ctime_ns })
    }
}

impl Listing {
    /// Notes what the directories are like that were listed; `before` is what [`look_at_dirs`](Self::look_at_dirs) said before.
    pub(super) fn set_dirs(&mut self, dirs: BTreeSet<PathBuf>, before: &Dirs, wall_us: i64) {
        let stamp = |dir: &PathBuf| {
            // A directory that was not known before was not looked at before it was listed either.
            let stamp = *before.0.get(dir)?;
            let changed_us = stamp.mtime_us.max(stamp.ctime_ns / 1000);
            (changed_us < wall_us.saturating_sub(SETTLED_US)).then(|| (dir.clone(), stamp))
        };
        self.stamps = dirs.iter().map(stamp).collect();
        self.dirs = dirs;
    }

    /// What the directories of this listing are like now; to be asked before they are listed again.
    pub(super) fn look_at_dirs(&self) -> Dirs {
        let stamp = |dir: &PathBuf| {
            // Others may write to a remote one without its time being true here.
            let is_local = FileSystem::of(dir).is_ok_and(|kind| kind == FileSystem::Local);
            is_local.then(|| DirStamp::of(dir).ok()).flatten().map(|stamp| (dir.clone(), stamp))
        };
        Dirs(self.dirs.iter().filter_map(stamp).collect())
    }

    /// Whether listing everything again would find the same names.
    pub(super) fn has_same_names(&self) -> bool {
        let Some(stamps) = &self.stamps else { return false };
        let is_missing = |(path, error): &(PathBuf, FileError)| {
            matches!(error, FileError::NotFound)
                && fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        self.unlisted.iter().all(is_missing)
            && stamps.iter().all(|(dir, stamp)| DirStamp::of(dir).is_ok_and(|now| now == *stamp))
    }
}

/// Directories on local file systems, and what they were like.
pub(super) struct Dirs(HashMap<PathBuf, DirStamp>);
