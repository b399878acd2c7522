//! What a bundle is made of: the events that exhibits cite, with what stands around them.

use super::manifest::Role;
use super::{MakeError, MakeOptions};
use crate::Moment;
use crate::events::{EventStore, Surroundings};
use crate::exhibit::{Citation, Exhibit};
use crate::merkle::Digest;
use crate::source::SourceIdentity;
use std::collections::BTreeMap;
use trawl_query::engine::address::Address;
use trawl_query::error::RunError;

/// An event on its way into a bundle.
pub(super) struct Event {
    pub role: Role,
    pub time: Option<Moment>,
    pub bytes: Vec<u8>,
}

/// Events by source and offset.
pub(super) type Events = BTreeMap<(usize, u64), Event>;

/// What exhibits cite, put together.
#[derive(Default)]
pub(super) struct Collected {
    pub sources: Vec<SourceIdentity>,
    pub events: Events,
    /// Exhibit, event, why.
    pub cited: Vec<(usize, (usize, u64), String)>,
    pub remarks: Vec<String>,
}

impl Collected {
    /// Takes the events out of an exhibit.
    pub fn take(
        &mut self,
        place: usize,
        exhibit: &mut Exhibit,
        store: &mut dyn EventStore,
        options: &MakeOptions<'_>,
    ) -> Result<(), MakeError> {
        let known = std::mem::take(&mut exhibit.sources);
        let (mut n_alone, mut n_grown) = (0_u64, 0_u64);
        for citation in std::mem::take(&mut exhibit.events) {
            let Citation { address, why, time, sha256, bytes, .. } = citation;
            if Digest::of(&bytes.0) != sha256 || bytes.0.len() as u64 != u64::from(address.len) {
                return Err(MakeError::Changed { exhibit: exhibit.title.clone(), address });
            }
            let identity = known.iter().find(|source| source.is_of(&address)).cloned();
            let identity = identity.or_else(|| store.source_of(&address));
            let source = self.source(identity.ok_or_else(|| MakeError::NoSource(address.clone()))?);
            let found = store.find(&address, options.n_before, options.n_after);
            let event = match found.map_err(|error| MakeError::Store(Box::new(error)))? {
                None => {
                    n_alone += u64::from(options.n_before + options.n_after > 0);
                    bytes.0
                }
                Some(Surroundings { before, event, after }) => {
                    if !event.bytes.starts_with(&bytes.0) {
                        return Err(MakeError::Differs { exhibit: exhibit.title.clone(), address });
                    }
                    n_grown += u64::from(event.bytes.len() > bytes.0.len());
                    for near in before.into_iter().chain(after) {
                        let context = Event { role: Role::Context, time: Some(near.time), bytes: near.bytes };
                        self.events.entry((source, near.address.offset)).or_insert(context);
                    }
                    event.bytes
                }
            };
            let key = (source, address.offset);
            self.events.insert(key, Event { role: Role::Cited, time, bytes: event });
            self.cited.push((place, key, why));
        }
        let title = &exhibit.title;
        if n_alone > 0 {
            self.remarks
                .push(format!("{n_alone} events of `{title}` were no longer in the index: they stand without context"));
        }
        if n_grown > 0 {
            self.remarks.push(format!(
                "{n_grown} events of `{title}` have grown since they were cited: they stand as they are now"
            ));
        }
        Ok(())
    }

    /// The place of a source.
    fn source(&mut self, identity: SourceIdentity) -> usize {
        let is_same = |known: &SourceIdentity| {
            (&known.source, known.generation, &known.index) == (&identity.source, identity.generation, &identity.index)
        };
        self.sources.iter().position(is_same).unwrap_or_else(|| {
            self.sources.push(identity);
            self.sources.len() - 1
        })
    }
}

/// A store without events.
pub(super) struct Nowhere;

impl EventStore for Nowhere {
    fn find(&mut self, _: &Address, _: usize, _: usize) -> Result<Option<Surroundings>, RunError> {
        Ok(None)
    }

    fn source_of(&mut self, _: &Address) -> Option<SourceIdentity> {
        None
    }
}
