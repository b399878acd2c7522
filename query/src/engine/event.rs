//! One event, fetched by its address; and those around it in its file.
//!
//! Only the bucket and the block are opened that hold it.

use super::Engine;
use super::address::Address;
use super::events::{Candidate, RowMaker};
use super::live::LiveNarrower;
use super::places::{Pick, Place, PlaceKind, Places, around};
use super::scan::source_error;
use super::schema::EventSchema;
use super::target::{BlockLoader, Condition, LiveTarget, Needs, Target, Unit};
use crate::error::{RunError, nearest};
use crate::search::{Filter, SearchExpr};
use crate::time::TimeRange;
use crate::value::Value;
use crate::wanted::Wanted;
use hashbrown::HashMap;
use std::sync::Arc;
use trawl_formats::text::{Decoding, text};
use trawl_formats::{Registry, Zone};
use trawl_store::SourceId;

/// An event with everything that a search could say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Where its bytes lie. Its length may be another than was asked for: the last event of a file may have grown since.
    pub address: Address,
    /// Key of its source in the catalog, where path and fingerprint of the file are found.
    pub source_id: SourceId,
    /// Index.
    pub index: String,
    /// Value of the field `host`.
    pub host: String,
    /// Value of the field `sourcetype`.
    pub sourcetype: String,
    /// `_time`, microseconds UTC.
    pub time_us: i64,
    /// When it was indexed, microseconds UTC.
    pub indexed_at_us: i64,
    /// The exact bytes, line end included.
    pub bytes: Vec<u8>,
    /// How they become text.
    pub decoding: Decoding,
    /// The fields that a search shows of it, `_raw` and other builtin ones among them.
    pub fields: Vec<(String, Value)>,
    /// What holds it.
    pub held_in: Held,
}

impl EventRecord {
    /// The text, without line end and colour codes.
    pub fn text(&self) -> Vec<u8> {
        text(&self.bytes, self.decoding).into_owned()
    }
}

/// What holds an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The bucket of this id.
    Bucket(String),
    /// A live log: it is in no bucket yet.
    Live,
}

/// Why there is no event at an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// There is no such source.
    #[error("no source is called `{source_name}`")]
    UnknownSource {
        /// The name in the address.
        source_name: String,
        /// One with a similar name.
        nearest: Option<String>,
    },
    /// The source has no such generation.
    #[error("`{source_name}` has no generation {generation}: its last one is {last}")]
    UnknownGeneration {
        /// The source.
        source_name: String,
        /// The generation in the address.
        generation: u32,
        /// The last one that there is.
        last: u32,
    },
    /// These bytes were never indexed.
    #[error("byte {} of `{}` is not indexed: {indexed} bytes of that generation are", address.offset, address.source)]
    NotIndexed {
        /// What was asked for.
        address: Address,
        /// Bytes that are.
        indexed: u64,
    },
    /// Retention has removed the event, or moved it to an archive.
    #[error("the event at {address} has aged out of the index `{index}`")]
    AgedOut {
        /// What was asked for.
        address: Address,
        /// Where it was.
        index: String,
    },
    /// No event begins there.
    #[error("no event begins at byte {} of `{}`", address.offset, address.source)]
    NotAnEvent {
        /// What was asked for.
        address: Address,
        /// The event that holds the byte.
        holding: Box<Address>,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Fetches events by address, from the store as it was at one moment.
pub struct EventReader<'e> {
    places: Places<'e>,
    blocks: Blocks<'e>,
}

impl<'e> EventReader<'e> {
    /// Over what there is to search.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn new(engine: &'e Engine) -> Result<Self, RunError> {
        let places = Places::new(engine.reader()?, engine.snapshot()?);
        Ok(Self { places, blocks: Blocks::new(&engine.registry)? })
    }

    /// The event that begins at an address. Reads one block.
    ///
    /// # Errors
    /// If there is none, says why; and if the store is damaged there.
    pub fn event(&mut self, address: &Address) -> Result<EventRecord, EventError> {
        let Some(place) = self.places.holding(&address.source, address.generation, address.offset)? else {
            return Err(self.why_not(address)?);
        };
        self.event_in(&place, address)
    }

    /// The event at an address, up to `n_before` events directly before it in its file and up to `n_after` directly behind it, in
    /// the order of the file; and the position of the event among them. What lies behind a hole is not near.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn around(
        &mut self,
        address: &Address,
        n_before: usize,
        n_after: usize,
    ) -> Result<(Vec<EventRecord>, usize), EventError> {
        let event = self.event(address)?;
        let places = self.places.of(&address.source, address.generation)?;
        let read = |place: &Place, pick: Pick| self.blocks.records(place, pick);
        let near = around(&places, &event.address, n_before, n_after, read)?;
        let (mut events, after) = near.unwrap_or_default();
        let position = events.len();
        events.push(event);
        events.extend(after);
        Ok((events, position))
    }

    fn event_in(&mut self, place: &Place, address: &Address) -> Result<EventRecord, EventError> {
        // The last event that begins at the offset or before it holds its byte.
        let pick = Pick::Before(address.offset + 1, 1);
        let found = self.blocks.records(place, pick)?;
        match found.into_iter().next() {
            Some(event) if event.address.offset == address.offset => Ok(event),
            Some(event) => Err(EventError::NotAnEvent { address: address.clone(), holding: Box::new(event.address) }),
            None => Err(self.why_not(address)?),
        }
    }

    /// Why no block holds an address.
    fn why_not(&self, address: &Address) -> Result<EventError, RunError> {
        let sources = self.places.reader().sources().map_err(source_error)?;
        let mut named = sources.iter().filter(|source| source.source.as_str() == address.source).peekable();
        if named.peek().is_none() {
            let names = sources.iter().map(|source| source.source.as_str());
            let nearest = nearest(&address.source, names).map(str::to_owned);
            return Ok(EventError::UnknownSource { source_name: address.source.clone(), nearest });
        }
        let generations: Vec<_> =
            named.flat_map(|source| source.generations.iter().map(move |generation| (source, generation))).collect();
        let of_number = || generations.iter().filter(|(_, generation)| generation.number == address.generation);
        if let Some((source, _)) = of_number().find(|(_, generation)| generation.aged_out.contains(address.offset)) {
            let index = source.index.as_str().to_owned();
            return Ok(EventError::AgedOut { address: address.clone(), index });
        }
        Ok(match of_number().map(|(_, generation)| generation.committed.len()).max() {
            Some(indexed) => EventError::NotIndexed { address: address.clone(), indexed },
            None => EventError::UnknownGeneration {
                source_name: address.source.clone(),
                generation: address.generation,
                last: generations.iter().map(|(_, generation)| generation.number).max().unwrap_or(0),
            },
        })
    }
}

/// Reads events of blocks.
struct Blocks<'e> {
    registry: &'e Registry,
    loader: BlockLoader,
    schema: EventSchema,
    filter: Filter,
    everything: Arc<LiveNarrower>,
}

impl<'e> Blocks<'e> {
    fn new(registry: &'e Registry) -> Result<Self, RunError> {
        let expr = &SearchExpr::All;
        let everything = Condition { expr, times: TimeRange::ALL, index_times: TimeRange::ALL };
        Ok(Self {
            registry,
            loader: BlockLoader::new().map_err(source_error)?,
            schema: EventSchema::new(&Wanted::All, false),
            filter: Filter::new(expr),
            everything: Arc::new(LiveNarrower::new(&everything)),
        })
    }

    /// The events of a block that are picked.
    fn records(&mut self, place: &Place, pick: Pick) -> Result<Vec<EventRecord>, RunError> {
        match &place.at {
            PlaceKind::Sealed(row, bucket, at) => {
                let target = Target::unnarrowed(row.clone(), Arc::clone(bucket), self.registry);
                let block = &bucket.blocks()[*at];
                let source_id = SourceId(bucket.source_of(block).id);
                self.load(&Unit::Sealed(&target, block), pick, source_id, Held::Bucket(row.id.clone()))
            }
            PlaceKind::Live(block) => {
                let source_id = block.source.id;
                let target = LiveTarget::new(block.clone(), self.registry, &self.everything);
                self.load(&Unit::Live(&target), pick, source_id, Held::Live)
            }
        }
    }

    fn load(
        &mut self,
        unit: &Unit<'_>,
        pick: Pick,
        source_id: SourceId,
        held_in: Held,
    ) -> Result<Vec<EventRecord>, RunError> {
        let mut maker = RowMaker::new(&self.schema, &self.filter, [], Zone::UTC, false);
        let loaded = self.loader.load(unit, Needs::all(), &HashMap::new(), |info, columns| {
            let picked = pick.ordinals(info.offset, &columns.ends);
            let candidate = |event: usize| Candidate { event: event as u32, certain: true };
            let rows = maker.rows(info, columns, &picked.clone().map(candidate).collect::<Vec<_>>());
            let record = |(row, event): (usize, usize)| {
                let fields = rows.iter().map(|(name, column)| (name.to_owned(), column[row].clone()));
                let fields = fields.filter(|(_, value)| !value.is_null()).collect();
                let value = |name: &str| rows.value(row, name).to_string();
                EventRecord {
                    address: info.address(columns, event),
                    source_id,
                    index: value("index"),
                    host: value("host"),
                    sourcetype: value("sourcetype"),
                    time_us: columns.times_us[event],
                    indexed_at_us: columns.indexed_at_us(event),
                    bytes: columns.bytes_of(event).to_vec(),
                    decoding: info.decoding,
                    fields,
                    held_in: held_in.clone(),
                }
            };
            picked.enumerate().map(record).collect()
        });
        loaded.map_err(source_error)
    }
}
