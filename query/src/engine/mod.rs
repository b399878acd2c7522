//! Running a plan on the buckets and live logs of a store.
//!
//! Buckets are chosen by index and time from the catalog; in each, [`candidates`] narrows the search expression to events
//! that match or may match, `live` does so in the text of live blocks; `target` reads blocks; `events` verifies and makes rows. Behind the first commands,
//! which look at one row at a time, the plan is cut: either states are filled in parallel and merged, or rows are handed on
//! in the documented order, newest first, as far as somebody wants them.
//!
//! [`feed`] searches events that lie in no store, as they come. [`event`] fetches single events by their addresses, [`neighbours`] those around them; [`surroundings`] where there is no store; `places` knows which block holds which bytes.
//!
//! The other way round, `sieve` looks at each event once for many searches, and `arrivals` shows it all that comes in.

pub mod address;
mod arrivals;
pub mod bytes;
pub mod candidates;
pub mod coverage;
mod diagnosis;
mod docset;
pub mod event;
mod events;
pub mod feed;
pub(crate) mod frequency;
mod live;
pub mod neighbours;
mod places;
pub(crate) mod rates;
mod scan;
mod schema;
mod sieve;
pub mod surroundings;
mod target;

pub use arrivals::{Arrivals, Polled};
pub use diagnosis::TermDiagnosis;
pub(crate) use scan::Scan;
pub use schema::builtin_fields;
pub(crate) use schema::{EventSchema, Extracted};
pub use sieve::{Sieve, Sighting};

use crate::context::Cancel;
use crate::error::RunError;
use address::Address;
use feed::Feed;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use surroundings::Surroundings;
use trawl_formats::Registry;
use trawl_store::{Reader, Snapshot};

/// What searches run on: a store and the log formats. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    origin: Origin,
    /// The log formats, which extract fields.
    pub registry: Arc<Registry>,
    /// What there is to search, if not what there is at the time of each search; empty until the first one.
    snapshot: Option<Arc<OnceLock<Arc<Snapshot>>>>,
}

/// Where events come from.
#[derive(Clone)]
enum Origin {
    Store(Arc<Store>),
    Feed(Arc<dyn Feed>),
}

/// A store that is opened when events are first asked for.
struct Store {
    data: PathBuf,
    archives: Vec<PathBuf>,
    reader: OnceLock<Arc<Reader>>,
}

impl Engine {
    /// Searches `reader`'s store.
    pub fn new(reader: Reader, registry: Arc<Registry>) -> Self {
        let data = reader.data().to_owned();
        let store = Store { data, archives: Vec::new(), reader: OnceLock::from(Arc::new(reader)) };
        Self { origin: Origin::Store(Arc::new(store)), registry, snapshot: None }
    }

    /// Searches the store in the folder `data`, which need not be there before a search asks for events: one that makes its
    /// own rows never does.
    pub fn of_folder(data: PathBuf, registry: Arc<Registry>) -> Self {
        Self::of_folders(data, Vec::new(), registry)
    }

    /// As [`of_folder`](Self::of_folder); the folders `archives` are searched, too, without what the store holds itself.
    pub fn of_folders(data: PathBuf, archives: Vec<PathBuf>, registry: Arc<Registry>) -> Self {
        let store = Store { data, archives, reader: OnceLock::new() };
        Self { origin: Origin::Store(Arc::new(store)), registry, snapshot: None }
    }

    /// Searches events that lie in no store. Nothing of them is kept: each search reads them anew.
    pub fn of_feed(feed: Arc<dyn Feed>, registry: Arc<Registry>) -> Self {
        Self { origin: Origin::Feed(feed), registry, snapshot: None }
    }

    /// Where events come from, if not from a store.
    pub(crate) fn feed(&self) -> Option<&Arc<dyn Feed>> {
        match &self.origin {
            Origin::Feed(feed) if self.snapshot.is_none() => Some(feed),
            _ => None,
        }
    }

    /// Events that a search of no store has found, with up to `n_before` events before and `n_after` behind each in what they come
    /// from, which is read again; `None` if there is a store.
    ///
    /// # Errors
    /// If it cannot be read again, or somebody cancels it.
    pub fn surroundings<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a Address>,
        (n_before, n_after): (usize, usize),
        cancel: &Cancel,
    ) -> Result<Option<Surroundings>, RunError> {
        let reading = self.feed().map(|feed| feed.open()).transpose()?;
        reading.map(|reading| Surroundings::read(reading, addresses, (n_before, n_after), cancel)).transpose()
    }

    /// The same, whose searches all see the store as it was at one moment.
    pub fn at(&self, snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot: Some(Arc::new(OnceLock::from(snapshot))), ..self.clone() }
    }

    /// The same, whose searches all see the store as the first of them finds it.
    pub fn at_one_moment(&self) -> Self {
        Self { snapshot: Some(Arc::default()), ..self.clone() }
    }

    /// The same, whose searches find no event, whatever the store holds.
    pub fn without_events(&self) -> Self {
        self.at(Arc::default())
    }

    /// Whether files of archives are searched, too.
    pub(crate) fn has_archives(&self) -> bool {
        matches!(&self.origin, Origin::Store(store) if !store.archives.is_empty())
    }

    /// What there is to search.
    ///
    /// # Errors
    /// If the store cannot be opened, or its catalog not be read.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, RunError> {
        let present = || self.reader()?.snapshot().map(Arc::new).map_err(|error| RunError::Source(Box::new(error)));
        match &self.snapshot {
            Some(once) => match once.get() {
                Some(snapshot) => Ok(Arc::clone(snapshot)),
                None => present().map(|snapshot| Arc::clone(once.get_or_init(|| snapshot))),
            },
            None => present(),
        }
    }

    /// The store, opened now if it was not before.
    ///
    /// # Errors
    /// [`RunError::Open`]; the next call tries again. [`RunError::NoStore`] if there is none.
    pub fn reader(&self) -> Result<&Arc<Reader>, RunError> {
        let Origin::Store(store) = &self.origin else { return Err(RunError::NoStore) };
        let Store { data, archives, reader } = &**store;
        if let Some(reader) = reader.get() {
            return Ok(reader);
        }
        let open = || Reader::open(data)?.with_archives(archives);
        let opened = open().map_err(|error| RunError::Open(Box::new(error)))?;
        Ok(reader.get_or_init(|| Arc::new(opened)))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
