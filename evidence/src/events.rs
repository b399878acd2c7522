//! Events by their addresses: their exact bytes, what stands around them, and the file they came from.

use crate::exhibit::{Citation, SourceIdentity};
use crate::moment::Moment;
use std::path::Path;
use trawl_query::engine::address::Address;
use trawl_query::engine::neighbours::{Neighbour, Neighbours};
use trawl_query::error::RunError;
use trawl_store::source::path_text;
use trawl_store::{Reader, SourceState};

/// An event with what stands directly around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Events before it, in the order of the file.
    pub before: Vec<Neighbour>,
    /// The event.
    pub event: Neighbour,
    /// Events behind it, in the order of the file.
    pub after: Vec<Neighbour>,
}

/// Where events are found by their addresses.
pub trait EventStore {
    /// The event at `address` with up to `n_before` and `n_after` neighbours; `None` if it is not (or no more) there.
    ///
    /// # Errors
    /// If what holds it is damaged.
    fn find(&mut self, address: &Address, n_before: usize, n_after: usize) -> Result<Option<Surroundings>, RunError>;

    /// The file that the event at `address` came from, if it is known.
    fn source_of(&mut self, address: &Address) -> Option<SourceIdentity>;
}

/// The events of a store.
pub struct StoredEvents<'r> {
    neighbours: Neighbours<'r>,
    sources: Vec<SourceState>,
}

impl<'r> StoredEvents<'r> {
    /// Over the present contents of a store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn new(reader: &'r Reader) -> Result<Self, RunError> {
        let sources = reader.sources().map_err(|error| RunError::Source(Box::new(error)))?;
        Ok(Self { neighbours: Neighbours::new(reader)?, sources })
    }
}

impl EventStore for StoredEvents<'_> {
    fn find(&mut self, address: &Address, n_before: usize, n_after: usize) -> Result<Option<Surroundings>, RunError> {
        // The neighbours of the empty place in front of it: the first one behind that place is the event itself.
        let place = Address { len: 0, ..address.clone() };
        let (before, mut after) = self.neighbours.of(&place, n_before, n_after + 1)?;
        let is_it = after.first().is_some_and(|event| event.range.start == address.offset);
        if !is_it {
            return Ok(None);
        }
        let event = after.remove(0);
        Ok(Some(Surroundings { before, event, after }))
    }

    fn source_of(&mut self, address: &Address) -> Option<SourceIdentity> {
        let source = self.sources.iter().find(|source| source.source.as_str() == address.source)?;
        let generation = source.generations.iter().find(|generation| generation.number == address.generation)?;
        let fingerprint = generation.fingerprint;
        Some(SourceIdentity {
            source: address.source.clone(),
            generation: address.generation,
            path: path_text::to_text(Path::new(&source.path)),
            index: source.index.clone(),
            host: source.host.as_str().to_owned(),
            sourcetype: source.sourcetype.as_str().to_owned(),
            encoding: source.decoding.encoding.into(),
            envelope: source.decoding.wrapper.into(),
            device: fingerprint.dev,
            inode: fingerprint.ino,
            head_len: fingerprint.head_len,
            head_sha256_16: (fingerprint.head_len > 0).then(|| fingerprint.head.to_string()),
        })
    }
}

/// The events at `addresses`, each with why it is cited and when it happened, and the files they came from: for an exhibit.
/// Those that are no longer there are left out, and named.
///
/// # Errors
/// If what holds one is damaged.
pub fn cite(
    events: &mut dyn EventStore,
    cited: impl IntoIterator<Item = (Address, String, Option<Moment>)>,
) -> Result<Cited, RunError> {
    let mut out = Cited::default();
    for (address, why, time) in cited {
        let Some(Surroundings { event, .. }) = events.find(&address, 0, 0)? else {
            out.missing.push(address);
            continue;
        };
        let source = events.source_of(&address);
        let host = source.as_ref().map(|source| source.host.clone()).unwrap_or_default();
        // An event that was still open may have grown since its address was noted.
        let address = Address { len: event.bytes.len() as u32, ..address };
        if !out.sources.iter().any(|known| known.is_of(&address)) {
            out.sources.extend(source);
        }
        out.events.push(Citation { why, time, host, ..Citation::new(address, event.bytes) });
    }
    Ok(out)
}

/// What [`cite`] found.
#[derive(Clone, Debug, Default)]
pub struct Cited {
    /// The events.
    pub events: Vec<Citation>,
    /// Their files.
    pub sources: Vec<SourceIdentity>,
    /// Addresses at which there is nothing.
    pub missing: Vec<Address>,
}
