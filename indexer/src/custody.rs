//! Who reads which file, where a tailer and runs of [`index`](crate::index) work on one store in one process.
//!
//! What was read of a file is known to all once it has been committed. Until then the one who reads it **holds** it: the file
//! itself, by device and inode, and the generation that it turned out to be, which copies of it turn out to be, too. A file
//! is held before anybody looks at it, so that what the look says of it stays true. What a look says of other files may
//! change meanwhile; then it is taken again ([`Access::Busy`]):
//!
//! - a generation was let go since: more of it may be known;
//! - a new file of the same [`Family`] was entered in the catalog since: it may be the same as this one.
//!
//! One index never reads the same bytes twice; two indexes may.

use crate::discovery::FileKey;
use hashbrown::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use trawl_formats::event::IndexName;
use trawl_store::rotation::Family;
use trawl_store::{SourceHandle, SourceId};

/// A file of a source, as the catalog numbers them.
pub(crate) type Generation = (SourceId, u32);

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The tailer. There is one.
    Tailer,
    /// The loader, which reads what the tailer holds, for it.
    Loader,
    /// A run of [`index`](crate::index).
    Run(u64),
}

/// Whether something may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is held now by the one who asked.
    Granted,
    /// The tailer reads it, and goes on to.
    Followed,
    /// Not now: it is to be looked at again.
    Busy,
}

/// Who reads which file. Share one between a tailer and the runs beside it.
#[derive(Default)]
pub struct Custody {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    n_runs: u64,
    files: HashMap<(IndexName, FileKey), Reading>,
    generations: HashMap<Generation, (Reading, FileKey)>,
    /// Counts what is noted for looks that have begun.
    clock: u64,
    n_looks: usize,
    /// When generations were let go.
    let_go: HashMap<Generation, u64>,
    /// When new files were entered, and by whom.
    entered: HashMap<(IndexName, Family), Vec<(Reading, u64)>>,
}

impl Custody {
    /// A new run, which holds nothing yet.
    pub(crate) fn next_run(&self) -> Reading {
        let mut state = self.lock();
        state.n_runs += 1;
        Reading::Run(state.n_runs)
    }

    /// A look at the catalog and at files begins.
    pub(crate) fn look(&self) -> Looking<'_> {
        let mut state = self.lock();
        state.n_looks += 1;
        Looking { custody: self, since: state.clock }
    }

    /// Holds a file for `reading`, if nobody else does.
    pub(crate) fn take_file(&self, reading: Reading, index: &IndexName, key: FileKey) -> Access {
        let mut state = self.lock();
        match state.files.get(&(index.clone(), key)) {
            None => {
                state.files.insert((index.clone(), key), reading.holder());
                Access::Granted
            }
            Some(holder) => reading.access(*holder),
        }
    }

    /// Nothing is read of a file after all.
    pub(crate) fn give_back(&self, reading: Reading, index: &IndexName, key: FileKey) {
        self.lock().files.retain(|file, holder| *holder != reading || *file != (index.clone(), key));
    }

    /// The loader is to read a generation that the tailer holds, from this file.
    pub(crate) fn hand_to_loader(&self, generation: Generation, key: FileKey) {
        self.lock().generations.insert(generation, (Reading::Tailer, key));
    }

    /// The tailer lets go of what it does not `keep`.
    pub(crate) fn keep_followed(
        &self,
        keep_file: impl Fn(FileKey) -> bool,
        keep_generation: impl Fn(Generation, FileKey) -> bool,
    ) {
        let mut state = self.lock();
        state.files.retain(|(_, key), holder| *holder != Reading::Tailer || keep_file(*key));
        state.let_go(|generation, holder, key| holder == Reading::Tailer && !keep_generation(generation, key));
    }

    /// Nothing more is read by `reading`.
    pub(crate) fn end(&self, reading: Reading) {
        let mut state = self.lock();
        state.files.retain(|_, holder| *holder != reading);
        state.let_go(|_, holder, _| holder == reading);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        write!(f, "Custody of {} files", state.files.len())
    }
}

impl State {
    fn let_go(&mut self, mut which: impl FnMut(Generation, Reading, FileKey) -> bool) {
        let gone: Vec<Generation> = self
            .generations
            .extract_if(|generation, (holder, key)| which(*generation, *holder, *key))
            .map(|(generation, _)| generation)
            .collect();
        if self.n_looks > 0 && !gone.is_empty() {
            self.clock += 1;
            self.let_go.extend(gone.into_iter().map(|generation| (generation, self.clock)));
        }
    }
}

impl Reading {
    fn holder(self) -> Self {
        match self {
            Self::Loader => Self::Tailer,
            other => other,
        }
    }

    /// What `holder` means to this one.
    fn access(self, holder: Self) -> Access {
        match holder {
            _ if holder == self.holder() => Access::Granted,
            Self::Tailer | Self::Loader => Access::Followed,
            Self::Run(_) => Access::Busy,
        }
    }
}

/// A look at the catalog and at files, from its beginning to the decision what to read.
pub(crate) struct Looking<'c> {
    custody: &'c Custody,
    since: u64,
}

impl Looking<'_> {
    /// Holds a generation that the file `key` turned out to be.
    pub(crate) fn take_generation(&self, reading: Reading, generation: Generation, key: FileKey) -> Access {
        let mut state = self.custody.lock();
        if state.let_go.get(&generation).is_some_and(|at| *at > self.since) {
            return Access::Busy;
        }
        match state.generations.get(&generation).copied() {
            None => {
                state.generations.insert(generation, (reading.holder(), key));
                Access::Granted
            }
            // The tailer knows itself what it follows; its loader knows one file only.
            Some((_, other)) if reading == Reading::Loader && other != key => Access::Followed,
            Some((holder, _)) => reading.access(holder),
        }
    }

    /// Has a file that was never seen before entered in the catalog, and holds its generation; `None` if it could be the same
    /// as one that somebody else entered meanwhile.
    ///
    /// # Errors
    /// Those of `enter`.
    pub(crate) fn enter<T, E>(
        &self,
        reading: Reading,
        index: &IndexName,
        (family, key): (Family, FileKey),
        enter: impl FnOnce() -> Result<(T, SourceHandle), E>,
    ) -> Result<Option<(T, SourceHandle)>, E> {
        let mut state = self.custody.lock();
        let entry = (index.clone(), family);
        let by_others = state.entered.get(&entry).into_iter().flatten();
        if by_others.into_iter().any(|(other, at)| *other != reading && *at > self.since) {
            return Ok(None);
        }
        // Under the lock: whoever begins to look now finds it in the catalog.
        let (value, handle) = enter()?;
        state.clock += 1;
        let at = state.clock;
        let entered = state.entered.entry(entry).or_default();
        entered.retain(|(other, _)| *other != reading);
        entered.push((reading, at));
        state.generations.insert((handle.id, handle.generation), (reading.holder(), key));
        Ok(Some((value, handle)))
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let mut state = self.custody.lock();
        state.n_looks -= 1;
        if state.n_looks == 0 {
            state.let_go.clear();
            state.entered.clear();
        }
    }
}
