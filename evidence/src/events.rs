//! Events by their addresses: their exact bytes, what stands around them, and the file they came from.

use crate::Moment;
use crate::exhibit::Citation;
use crate::source::SourceIdentity;
use std::path::Path;
use trawl_query::Engine;
use trawl_query::engine::address::Address;
use trawl_query::engine::event::{EventError, EventReader, EventRecord};
use trawl_query::error::RunError;
use trawl_store::SourceState;
use trawl_store::source::path_text;

/// An event as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEvent {
    /// Where its bytes lie.
    pub address: Address,
    /// `_time`.
    pub time: Moment,
    /// Value of the field `host`.
    pub host: String,
    /// The exact bytes, line end included.
    pub bytes: Vec<u8>,
}

impl From<EventRecord> for FoundEvent {
    fn from(record: EventRecord) -> Self {
        let EventRecord { address, time_us, host, bytes, .. } = record;
        Self { address, time: Moment(time_us), host, bytes }
    }
}

/// An event with what stands directly around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Events before it, in the order of the file.
    pub before: Vec<FoundEvent>,
    /// The event.
    pub event: FoundEvent,
    /// Events behind it, in the order of the file.
    pub after: Vec<FoundEvent>,
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
pub struct StoredEvents<'e> {
    events: EventReader<'e>,
    sources: Vec<SourceState>,
}

impl<'e> StoredEvents<'e> {
    /// Over the present contents of a store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn new(engine: &'e Engine) -> Result<Self, RunError> {
        let sources = engine.reader()?.sources().map_err(|error| RunError::Source(Box::new(error)))?;
        Ok(Self { events: EventReader::new(engine)?, sources })
    }
}

impl EventStore for StoredEvents<'_> {
    fn find(&mut self, address: &Address, n_before: usize, n_after: usize) -> Result<Option<Surroundings>, RunError> {
        let (events, position) = match self.events.around(address, n_before, n_after) {
            Ok(found) => found,
            Err(EventError::Run(error)) => return Err(error),
            // Whatever the reason is, it is not there.
            Err(_) => return Ok(None),
        };
        let mut before: Vec<FoundEvent> = events.into_iter().map(FoundEvent::from).collect();
        let after = before.split_off((position + 1).min(before.len()));
        let event = before.pop();
        Ok(event.map(|event| Surroundings { before, event, after }))
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

/// The events at addresses, each with why it is cited, and the files they came from: for an exhibit. Those that are no longer
/// there are left out, and named.
///
/// # Errors
/// If what holds one is damaged.
pub fn cite(
    events: &mut dyn EventStore,
    cited: impl IntoIterator<Item = (Address, String)>,
) -> Result<Cited, RunError> {
    let mut out = Cited::default();
    for (address, why) in cited {
        let Some(Surroundings { event, .. }) = events.find(&address, 0, 0)? else {
            out.missing.push(address);
            continue;
        };
        // Its address may be another one by now: the last event of a file grows.
        let FoundEvent { address, time, host, bytes } = event;
        if !out.sources.iter().any(|known| known.is_of(&address)) {
            out.sources.extend(events.source_of(&address));
        }
        out.events.push(Citation { why, time: Some(time), host, ..Citation::new(address, bytes) });
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
