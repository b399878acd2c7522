//! Notices of the kernel: they make the tailer faster, and never right or wrong.

use super::Notices;
use crate::discovery::{FileKey, FileMeta};
use crate::file_system::FileSystem;
use crossbeam_channel::{Receiver, Sender};
use hashbrown::HashSet;
use notify::event::{EventKind, ModifyKind};
use notify::{ErrorKind, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};
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
                // Where the kernel's queue was full, notices are lost.
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

/// A directory that is to be watched.
struct Place {
    /// Which one it was: another one may have its path now.
    key: FileKey,
    /// Why the kernel does not tell of changes in it.
    refused: Option<Refusal>,
}

enum Refusal {
    /// The file system is of a kind of which the kernel learns nothing.
    Remote(String),
    /// The kernel had no watcher left; it may have one later.
    Exhausted(String),
}

/// Watches directories.
pub(super) struct Watch {
    inbox: Arc<Inbox>,
    watcher: Option<Box<dyn Watcher>>,
    places: BTreeMap<PathBuf, Place>,
    kind_of: fn(&Path) -> FileSystem,
}

impl Watch {
    /// Watches nothing yet. Whoever waits at the other end of `wake` is told that there is something to take.
    pub(super) fn new(wake: Sender<()>) -> Self {
        let inbox = Arc::new(Inbox { notices: Mutex::default(), wake });
        let handler = Arc::clone(&inbox);
        let watcher = notify::recommended_watcher(move |event| handler.take_event(event)).ok();
        // A file system that does not answer is not watched worse than another.
        let kind_of = |dir: &Path| FileSystem::of(dir).unwrap_or(FileSystem::Local);
        Self { inbox, watcher: watcher.map(|watcher| Box::new(watcher) as _), places: BTreeMap::new(), kind_of }
    }

    /// Watches exactly `dirs`. A directory that is new is to be listed once more: what happened before it was watched was
    /// noticed by nobody. Directories that could not be watched are tried again.
    pub(super) fn set(&mut self, dirs: &BTreeSet<PathBuf>) {
        let gone: Vec<PathBuf> = self.places.keys().filter(|dir| !dirs.contains(*dir)).cloned().collect();
        gone.iter().for_each(|dir| self.forget(dir));
        let mut has_new = false;
        for dir in dirs {
            // What is gone is named no more after the next rescan.
            let Ok(metadata) = fs::metadata(dir) else { continue };
            let key = FileKey::from(&FileMeta::from(&metadata));
            match self.places.get(dir) {
                Some(Place { key: before, .. }) if *before != key => self.forget(dir),
                Some(Place { refused: Some(Refusal::Exhausted(_)), .. }) | None => {}
                Some(_) => continue,
            }
            let refused = self.watch(dir);
            has_new |= refused.is_none();
            self.places.insert(dir.clone(), Place { key, refused });
        }
        if has_new {
            self.inbox.lock().1 = true;
            let _ = self.inbox.wake.try_send(());
        }
    }

    fn watch(&mut self, dir: &Path) -> Option<Refusal> {
        if let FileSystem::Remote(name) = (self.kind_of)(dir) {
            return Some(Refusal::Remote(format!("it lies on {name}, which does not tell who else writes to it")));
        }
        let Some(watcher) = &mut self.watcher else {
            let why = "the kernel allows no more watchers (fs.inotify.max_user_instances)";
            return Some(Refusal::Exhausted(why.to_owned()));
        };
        watcher.watch(dir, RecursiveMode::NonRecursive).err().map(|error| {
            Refusal::Exhausted(match error.kind {
                ErrorKind::MaxFilesWatch => {
                    "the kernel watches no more directories (fs.inotify.max_user_watches)".to_owned()
                }
                _ => error.to_string(),
            })
        })
    }

    fn forget(&mut self, dir: &Path) {
        if let Some(Place { refused: None, .. }) = self.places.remove(dir)
            && let Some(watcher) = &mut self.watcher
        {
            // It may be gone, and the watch with it.
            let _ = watcher.unwatch(dir);
        }
    }

    /// What was noticed since the last call.
    pub(super) fn take(&self) -> Notices {
        let (written, rescan) = mem::take(&mut *self.inbox.lock());
        Notices { written: written.into_iter().collect(), rescan }
    }

    /// Directories that are looked at in intervals only, and why.
    pub(super) fn refused(&self) -> BTreeMap<PathBuf, String> {
        let why = |place: &Place| match &place.refused {
            Some(Refusal::Remote(why) | Refusal::Exhausted(why)) => Some(why.clone()),
            None => None,
        };
        self.places.iter().filter_map(|(dir, place)| Some((dir.clone(), why(place)?))).collect()
    }
}

/// A pair to wake a thread with: many calls before it wakes count as one.
pub(super) fn waker() -> (Sender<()>, Receiver<()>) {
    crossbeam_channel::bounded(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::{Config, EventHandler, WatcherKind};
    use std::fs::File;
    use std::time::Duration;

    /// A kernel that watches so many directories and no more.
    struct Meagre(Arc<Mutex<usize>>);

    impl Watcher for Meagre {
        fn new<F: EventHandler>(_: F, _: Config) -> notify::Result<Self> {
            Ok(Self(Arc::default()))
        }

        fn watch(&mut self, _: &Path, _: RecursiveMode) -> notify::Result<()> {
            let mut n_free = self.0.lock().expect("no panic");
            *n_free = n_free.checked_sub(1).ok_or_else(|| notify::Error::new(ErrorKind::MaxFilesWatch))?;
            Ok(())
        }

        fn unwatch(&mut self, _: &Path) -> notify::Result<()> {
            *self.0.lock().expect("no panic") += 1;
            Ok(())
        }

        fn kind() -> WatcherKind {
            WatcherKind::NullWatcher
        }
    }

    fn folders(names: &[&str]) -> (tempfile::TempDir, BTreeSet<PathBuf>) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let paths = names.iter().map(|name| dir.path().join(name));
        let paths: BTreeSet<PathBuf> = paths.inspect(|path| fs::create_dir(path).expect("create")).collect();
        (dir, paths)
    }

    /// What is noticed until something of the kind is.
    fn wait_until(watch: &Watch, woken: &Receiver<()>, is_it: impl Fn(&Notices) -> bool) -> Notices {
        let mut all = Notices::default();
        loop {
            let Notices { written, rescan } = watch.take();
            all.written.extend(written);
            all.rescan |= rescan;
            if is_it(&all) {
                return all;
            }
            // A minute is not a measure of anything: only a notice that never comes is waited for so long.
            woken.recv_timeout(Duration::from_secs(60)).expect("a notice");
        }
    }

    #[test]
    fn situation_24_a_network_file_system_is_looked_at_in_intervals() {
        let (_dir, paths) = folders(&["local", "remote"]);
        let mut watch = Watch::new(waker().0);
        watch.kind_of = |dir| match dir.ends_with("remote") {
            true => FileSystem::of_magic(0x6969),
            false => FileSystem::of_magic(0xef53),
        };
        watch.set(&paths);
        let refused = watch.refused();
        assert_eq!(refused.len(), 1);
        let (path, why) = refused.first_key_value().expect("one");
        assert!(path.ends_with("remote") && why.contains("NFS"), "{why}");
    }

    #[test]
    fn situation_25_the_kernels_queue_overflows() {
        let (_dir, paths) = folders(&["logs"]);
        let (wake, woken) = waker();
        let mut watch = Watch::new(wake);
        watch.set(&paths);
        assert!(watch.take().rescan, "a new directory is listed once more");
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("procfs");
        let limit: usize = limit.trim().parse().expect("a number");
        let logs = paths.first().expect("one");
        let file = File::create(logs.join("app.log")).expect("create");
        wait_until(&watch, &woken, |notices| notices.rescan);
        // Nobody takes what comes: the thread of the watcher waits for the inbox. Notices of writing alone bring no rescan, and
        // equal ones in a row count as one in the queue, so two files take turns.
        let other = File::create(logs.join("other.log")).expect("create");
        wait_until(&watch, &woken, |notices| notices.rescan);
        let held = watch.inbox.lock();
        for _ in 0..=limit {
            for file in [&file, &other] {
                std::io::Write::write_all(&mut &*file, b"x").expect("write");
            }
        }
        drop(held);
        let notices = wait_until(&watch, &woken, |notices| notices.rescan);
        assert!(notices.rescan);
    }

    #[test]
    fn situation_26_no_more_watches() {
        let (_dir, paths) = folders(&["a", "b", "c"]);
        let n_free = Arc::new(Mutex::new(1));
        let mut watch = Watch::new(waker().0);
        watch.watcher = Some(Box::new(Meagre(Arc::clone(&n_free))));
        watch.set(&paths);
        assert!(watch.take().rescan);
        let refused = watch.refused();
        assert_eq!(refused.len(), 2);
        assert!(refused.values().all(|why| why.contains("max_user_watches")), "{refused:?}");
        // They are tried again: somebody may have let go of some.
        *n_free.lock().expect("no panic") = 5;
        watch.set(&paths);
        assert!(watch.refused().is_empty());
        assert!(watch.take().rescan, "what happened before they were watched was noticed by nobody");
    }

    #[test]
    fn situation_26_no_watcher_at_all() {
        let (_dir, paths) = folders(&["a", "b"]);
        let mut watch = Watch::new(waker().0);
        watch.watcher = None;
        watch.set(&paths);
        assert!(watch.refused().values().all(|why| why.contains("max_user_instances")));
        assert_eq!(watch.refused().len(), 2);
    }

    #[test]
    fn a_directory_that_was_made_again_is_watched_again() {
        let (_dir, paths) = folders(&["logs"]);
        let (wake, woken) = waker();
        let mut watch = Watch::new(wake);
        watch.set(&paths);
        let logs = paths.first().expect("one");
        // Made before the other is gone, so that it has another inode.
        let new = logs.with_extension("new");
        fs::create_dir(&new).expect("create");
        fs::remove_dir(logs).expect("remove");
        fs::rename(&new, logs).expect("rename");
        watch.set(&paths);
        watch.take();
        File::create(logs.join("app.log")).expect("create");
        wait_until(&watch, &woken, |notices| notices.written.iter().any(|path| path.ends_with("app.log")));
    }
}
