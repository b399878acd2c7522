//! Where `collect` brings its events. Writing is not the business of a search: whoever runs it gives it a collector.

use std::fmt::Debug;
use trawl_formats::event::IndexName;

/// Takes events into an index.
pub trait Collector: Debug + Send + Sync {
    /// Takes events in, all of them, durably; how many there are now.
    ///
    /// # Errors
    /// Why they could not be taken, in words that say what to do.
    fn collect(&self, events: &CollectedEvents) -> Result<u64, String>;
}

/// Events that `collect` has made of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedEvents {
    /// Where they go.
    pub index: IndexName,
    /// Their source.
    pub source: String,
    /// Their sourcetype.
    pub sourcetype: String,
    /// Their host. `None`: this machine.
    pub host: Option<String>,
    /// Their text, one after the other.
    pub text: String,
}
