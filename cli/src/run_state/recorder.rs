//! The side of the process that follows: what it says, written when it changes.

use super::{Doing, FeedNow, FileNow, RemarksNow, RunState, Trouble, path};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use trawl_indexer::tail::{Counts, FileState, FileStatus, TailStatus};

/// Most paths of files that are left out as too old.
const MAX_TOO_OLD: usize = 1000;
/// Most lengths that are remembered of a file that is behind.
const MAX_SAMPLES: usize = 64;

/// Says how things are.
pub struct Recorder {
    path: PathBuf,
    state: RunState,
    /// What was written last, or an error that stays until writing succeeds.
    written: Option<RunState>,
    behind: HashMap<PathBuf, Growth>,
}

impl Recorder {
    /// Begins: from now on others see that there is a process, and since when.
    pub fn begin(data: &Path, now_us: i64) -> Self {
        let mut recorder =
            Self { path: path(data), state: RunState::new(now_us), written: None, behind: HashMap::new() };
        recorder.write();
        recorder
    }

    /// What was said last.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Says how the tailer is.
    pub fn tell(&mut self, status: &TailStatus, counts: &Counts, now_us: i64) {
        let before = std::mem::take(&mut self.state.files);
        let before: HashMap<&Path, &FileNow> = before.iter().map(|file| (&*file.path, file)).collect();
        let mut behind = HashMap::new();
        let files = status.files.iter().map(|file| {
            let known = before.get(&*file.path).and_then(|known| known.trouble.as_ref());
            let mut growth = self.behind.remove(&file.path).unwrap_or_default();
            let behind_since_us = growth.oldest_unread(now_us, file.len, file.read_to);
            if behind_since_us.is_some() {
                behind.insert(file.path.clone(), growth);
            }
            file_now(file, behind_since_us, known, now_us)
        });
        let files = files.collect();
        drop(before);
        self.state.files = files;
        self.behind = behind;
        let feeds = status.feeds.iter().map(|feed| (feed.name.clone(), feed.error.clone())).collect();
        self.state.feeds = named(feeds, &self.state.feeds, now_us);
        let unlisted = status.unlisted.iter().map(|(path, error)| {
            let error = (error.clone(), Duration::ZERO);
            (path.display().to_string(), Some(error))
        });
        self.state.unlisted = named(unlisted.collect(), &self.state.unlisted, now_us);
        self.state.paused = status.paused.clone().map(|paused| trouble(paused, self.state.paused.as_ref(), now_us));
        self.state.n_unwatched = status.unwatched.len() as u64;
        self.state.n_too_old = status.too_old.len() as u64;
        self.state.too_old = status.too_old.iter().take(MAX_TOO_OLD).cloned().collect();
        self.state.remarks = counts
            .remarks
            .iter()
            .map(|(id, remarks)| (id.0, RemarksNow { nul_bytes: remarks.nul_bytes, n_cut: remarks.n_cut }))
            .collect();
        self.write();
    }

    /// Says what keeps retention from its work.
    pub fn tell_retention<'t>(&mut self, troubles: impl Iterator<Item = &'t String>, now_us: i64) {
        let before = std::mem::take(&mut self.state.retention);
        let find = |text: &String| before.iter().find(|trouble| trouble.text == *text);
        self.state.retention =
            troubles.map(|text| trouble((text.clone(), Duration::ZERO), find(text), now_us)).collect();
    }

    /// Says why the configuration was not read again, or that it was.
    pub fn tell_configuration(&mut self, refused: Option<String>, now_us: i64) {
        self.state.refused_configuration = refused.map(|text| Trouble { text, since_us: now_us });
    }

    /// Says that the process ends as it was told to.
    pub fn end(&mut self, now_us: i64) {
        self.state.stopped_at_us = Some(now_us);
        self.write();
    }

    /// Writes what has changed. If it cannot be written, the file tells by its age that it is old, and it is tried again.
    fn write(&mut self) {
        if self.written.as_ref() == Some(&self.state) {
            let touched = File::open(&self.path).and_then(|file| file.set_modified(SystemTime::now()));
            if touched.is_ok() {
                return;
            }
        }
        self.written = self.replace().is_ok().then(|| self.state.clone());
    }

    fn replace(&self) -> io::Result<()> {
        let new = self.path.with_extension("json-new");
        let bytes = serde_json::to_vec(&self.state)?;
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o640)
            .open(&new)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| fs::rename(&new, &self.path));
        if written.is_err() {
            // Where the disk is full, it takes nothing more of it.
            let _ = fs::remove_file(&new);
        }
        written
    }
}

fn file_now(file: &FileStatus, behind_since_us: Option<i64>, known: Option<&Trouble>, now_us: i64) -> FileNow {
    let identity = file.identity.as_ref();
    FileNow {
        path: file.path.clone(),
        index: file.index.as_str().to_owned(),
        identity: identity.map(|(source, generation, sourcetype)| {
            (source.as_str().to_owned(), *generation, sourcetype.as_str().to_owned())
        }),
        state: match file.state {
            FileState::Followed => Doing::Following,
            FileState::Draining => Doing::Draining,
            FileState::Loading => Doing::Loading,
            FileState::Empty => Doing::Empty,
            FileState::Binary => Doing::Binary,
            FileState::Read => Doing::Read,
            FileState::Copy => Doing::Copy,
            FileState::Failed => Doing::Unreadable,
        },
        len: file.len,
        read_to: file.read_to,
        durable_to: file.durable_to,
        behind_since_us,
        trouble: file.error.clone().map(|error| trouble(error, known, now_us)),
    }
}

fn named(all: Vec<(String, Option<(String, Duration)>)>, before: &[FeedNow], now_us: i64) -> Vec<FeedNow> {
    let before: BTreeMap<&str, &Trouble> =
        before.iter().filter_map(|feed| Some((&*feed.name, feed.trouble.as_ref()?))).collect();
    let now = all.into_iter().map(|(name, error)| FeedNow {
        trouble: error.map(|error| trouble(error, before.get(&*name).copied(), now_us)),
        name,
    });
    now.collect()
}

/// A trouble of a certain age. If it is the one that was `known` before, it began when that did: the clock may have been set
/// meanwhile, and what has not changed must not look as if it had.
fn trouble((text, age): (String, Duration), known: Option<&Trouble>, now_us: i64) -> Trouble {
    if let Some(known) = known.filter(|known| known.text == text) {
        return known.clone();
    }
    let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Trouble { text, since_us: now_us.saturating_sub(age_us) }
}

/// When a file that is behind had which length.
#[derive(Debug, Default)]
struct Growth(VecDeque<(i64, u64)>);

impl Growth {
    /// Since when the oldest byte that was not read is there, as far as somebody looked: a file of `len` bytes was read up
    /// to `read_to`.
    fn oldest_unread(&mut self, now_us: i64, len: u64, read_to: u64) -> Option<i64> {
        let samples = &mut self.0;
        while samples.front().is_some_and(|(_, seen)| *seen <= read_to) {
            samples.pop_front();
        }
        if len > read_to && samples.back().is_none_or(|(_, seen)| *seen < len) {
            let is_full = samples.len() == MAX_SAMPLES;
            match samples.back_mut() {
                // Rather too old than too young.
                Some((_, seen)) if is_full => *seen = len,
                _ => samples.push_back((now_us, len)),
            }
        }
        samples.front().map(|(at_us, _)| *at_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt;
    use trawl_formats::IndexName;

    fn file(path: &str, len: u64, read_to: u64, error: Option<&str>) -> FileStatus {
        FileStatus {
            path: path.into(),
            index: IndexName::new("main").unwrap(),
            identity: None,
            state: FileState::Followed,
            len,
            read_to,
            durable_to: read_to,
            lag: len - read_to,
            is_open: true,
            quiet_for: None,
            error: error.map(|error| (error.to_owned(), Duration::from_secs(1))),
        }
    }

    #[test]
    fn it_is_written_when_something_changes_and_touched_when_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::begin(dir.path(), 1_000_000);
        let written = path(dir.path());
        assert_eq!(fs::metadata(&written).unwrap().permissions().mode() & 0o777, 0o640);
        let tell = |recorder: &mut Recorder, error, second: i64| {
            let status = TailStatus { files: vec![file("/a.log", 10, 10, error)], ..TailStatus::default() };
            recorder.tell(&status, &Counts::default(), second * 1_000_000);
        };
        let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&written).unwrap());
        tell(&mut recorder, Some("no"), 10);
        let first = inode();
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        File::open(&written).unwrap().set_modified(old).unwrap();
        tell(&mut recorder, Some("no"), 20);
        assert_eq!(inode(), first, "nothing has changed");
        assert!(fs::metadata(&written).unwrap().modified().unwrap() > old, "and it lives");
        tell(&mut recorder, Some("worse"), 30);
        let heard = super::super::Heard::of(dir.path()).unwrap().unwrap();
        assert_eq!(heard.state, *recorder.state());
        assert_eq!(heard.state.files[0].trouble, Some(Trouble { text: "worse".to_owned(), since_us: 29_000_000 }));
        // Removed by somebody: written anew.
        fs::remove_file(&written).unwrap();
        tell(&mut recorder, Some("worse"), 40);
        assert!(written.exists());
    }

    #[test]
    fn the_oldest_unread_byte_has_an_age() {
        let mut growth = Growth::default();
        assert_eq!(growth.oldest_unread(1, 10, 10), None);
        assert_eq!(growth.oldest_unread(2, 20, 10), Some(2));
        assert_eq!(growth.oldest_unread(3, 30, 15), Some(2));
        assert_eq!(growth.oldest_unread(4, 40, 20), Some(3));
        assert_eq!(growth.oldest_unread(5, 40, 40), None);
    }

    proptest! {
        /// Never younger than it is, and exact while there are few lengths.
        #[test]
        fn ages_are_never_too_young(steps in proptest::collection::vec((0..50_u64, 0..40_u64), 1..300)) {
            let mut growth = Growth::default();
            let (mut len, mut read_to) = (0, 0);
            let mut written_at: Vec<i64> = Vec::new();
            for (at, (n_written, n_read)) in steps.into_iter().enumerate() {
                len += n_written;
                written_at.resize(len as usize, at as i64);
                read_to = len.min(read_to + n_read);
                let since = growth.oldest_unread(at as i64, len, read_to);
                let truth = written_at.get(read_to as usize).copied();
                prop_assert_eq!(since.is_some(), truth.is_some());
                prop_assert!(since <= truth, "{:?} {:?}", since, truth);
                prop_assert!(growth.0.len() <= MAX_SAMPLES);
                if at < MAX_SAMPLES {
                    prop_assert_eq!(since, truth);
                }
            }
        }
    }
}
