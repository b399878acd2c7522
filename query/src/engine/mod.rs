//! Running a plan on the buckets and live logs of a store.
//!
//! Buckets are chosen by index and time from the catalog; in each, [`candidates`] narrows the search expression to events
//! that match or may match; `target` reads their blocks; `events` verifies and makes rows. Behind the first commands,
//! which look at one row at a time, the plan is cut: either states are filled in parallel and merged, or rows are handed on
//! in the documented order, newest first, as far as somebody wants them.

pub mod address;
pub mod bytes;
pub mod candidates;
pub mod coverage;
mod diagnosis;
mod docset;
mod events;
pub mod neighbours;
mod scan;
mod schema;
mod target;

pub use diagnosis::TermDiagnosis;
pub(crate) use scan::Scan;
pub use schema::builtin_fields;

use std::fmt;
use std::sync::Arc;
use trawl_formats::Registry;
use trawl_store::Reader;

/// What searches run on: a store and the log formats. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// The store.
    pub reader: Arc<Reader>,
    /// The log formats, which extract fields.
    pub registry: Arc<Registry>,
}

impl Engine {
    /// Searches `reader`'s store.
    pub fn new(reader: Reader, registry: Arc<Registry>) -> Self {
        Self { reader: Arc::new(reader), registry }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
