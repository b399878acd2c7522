//! Notices of the kernel: they make the tailer faster, and never right or wrong.

use super::Notices;
use crossbeam_channel::{Receiver, Sender};
use hashbrown::HashSet;
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Notices that nobody has taken yet, each file once.
struct Inbox {
    notices: Mutex<(HashSet<PathBuf>, bool)>,
    wake: Sender<()>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, (HashSet<PathBuf>, bool)> {
        // A set of hints is never wrong.
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_event(&self, event: notify::Result<notify::Event>) {
        let mut notices = self.lock();
        match event {
            // Opening and reading are our own doing as often as not.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) && !event.need_rescan() => return,
            Ok(event) => {
                let is_content = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any));
                notices.1 |= event.need_rescan() || !is_content;
                notices.0.extend(event.paths);
            }
            Err(_) => notices.1 = true,
        }
        drop(notices);
        // Full: somebody is about to wake up.
        let _ = self.wake.try_send(());
    }
}

/// Watches directories.
pub(super) struct Watch {
    inbox: Arc<Inbox>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Directories that could not be watched, and why.
    refused: BTreeMap<PathBuf, String>,
}

impl Watch {
    /// Watches nothing yet. Whoever waits at the other end of `wake` is told that there is something to take.
    pub(super) fn new(wake: Sender<()>) -> Self {
        let inbox = Arc::new(Inbox { notices: Mutex::default(), wake });
        let handler = Arc::clone(&inbox);
        // Where the kernel has no watcher left for us, looking in intervals must do.
        let watcher = notify::recommended_watcher(move |event| handler.take_event(event)).ok();
        Self { inbox, watcher, watched: BTreeSet::new(), refused: BTreeMap::new() }
    }

    /// Watches exactly `dirs`. A directory that is new is to be listed once more: what happened before it was watched was
    /// noticed by nobody.
    pub(super) fn set(&mut self, dirs: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else {
            let why = "the kernel allows no more watchers (fs.inotify.max_user_instances)";
            self.refused = dirs.iter().map(|dir| (dir.clone(), why.to_owned())).collect();
            return;
        };
        for dir in self.watched.difference(dirs) {
            // It may be gone, and the watch with it.
            let _ = watcher.unwatch(dir);
        }
        self.watched.retain(|dir| dirs.contains(dir));
        self.refused.retain(|dir, _| dirs.contains(dir));
        let mut has_new = false;
        for dir in dirs {
            if self.watched.contains(dir) || self.refused.contains_key(dir) {
                continue;
            }
            match watcher.watch(dir, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(dir.clone());
                    has_new = true;
                }
                Err(error) => {
                    self.refused.insert(dir.clone(), error.to_string());
                }
            }
        }
        if has_new {
            self.inbox.lock().1 = true;
            let _ = self.inbox.wake.try_send(());
        }
    }

    /// What was noticed since the last call.
    pub(super) fn take(&self) -> Notices {
        let (written, rescan) = mem::take(&mut *self.inbox.lock());
        Notices { written: written.into_iter().collect(), rescan }
    }

    /// Directories that are looked at in intervals only.
    pub(super) fn refused(&self) -> Vec<(PathBuf, String)> {
        self.refused.iter().map(|(dir, why)| (dir.clone(), why.clone())).collect()
    }
}

/// A pair to wake a thread with: many calls before it wakes count as one.
pub(super) fn waker() -> (Sender<()>, Receiver<()>) {
    crossbeam_channel::bounded(1)
}
