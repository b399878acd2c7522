//! The events around events that lie in no store: what they come from is read once more.

use super::address::Address;
use super::feed::Reading;
use super::neighbours::Neighbour;
use crate::command::Flow;
use crate::context::Cancel;
use crate::error::{Result, RunError};
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use trawl_formats::text::Decoding;
use trawl_store::LiveBlock;

/// Some events with those around them, by source and offset.
pub struct Surroundings {
    sources: HashMap<String, Kept>,
}

/// What is kept of a source.
#[derive(Default)]
struct Kept {
    decoding: Decoding,
    /// By offset.
    events: BTreeMap<u64, Vec<u8>>,
}

impl Surroundings {
    /// Reads the sources of the events at `addresses`, and keeps these events with up to `n_before` events directly before and
    /// `n_after` directly behind each.
    ///
    /// # Errors
    /// If the sources cannot be read again, or somebody cancels it.
    pub(super) fn read<'a>(
        mut reading: Box<dyn Reading>,
        addresses: impl IntoIterator<Item = &'a Address>,
        (n_before, n_after): (usize, usize),
        cancel: &Cancel,
    ) -> Result<Self> {
        let mut walks: HashMap<String, Walk> = HashMap::new();
        for address in addresses {
            let walk = walks.entry_ref(&address.source).or_insert_with(|| Walk::new(n_before, n_after));
            walk.matches.insert(address.offset);
        }
        reading.keep_sources(&|source| walks.contains_key(source.as_str()));
        let mut take = |block: LiveBlock| {
            cancel.check()?;
            if let Some(walk) = walks.get_mut(block.source.source.as_str()) {
                walk.take(&block);
            }
            Ok::<_, RunError>(Flow::More)
        };
        // One thread: the parts of a file come in its order.
        while reading.read_part(None, &mut take)? {}
        Ok(Self { sources: walks.into_iter().map(|(source, walk)| (source, walk.kept)).collect() })
    }

    /// The events directly before and behind one, each in the order of the file: as many as asked for when they were read, and
    /// more where they were read for its neighbours. None stands behind a hole in the file.
    pub fn of(&self, address: &Address, n_before: usize, n_after: usize) -> (Vec<Neighbour>, Vec<Neighbour>) {
        let Some(kept) = self.sources.get(&address.source) else { return Default::default() };
        let neighbour = |(offset, bytes): (&u64, &Vec<u8>)| Neighbour {
            range: *offset..*offset + bytes.len() as u64,
            bytes: bytes.clone(),
        };
        let mut before: Vec<Neighbour> = Vec::new();
        let mut start = address.offset;
        for event in kept.events.range(..address.offset).rev().take(n_before).map(neighbour) {
            if event.range.end != start {
                break;
            }
            start = event.range.start;
            before.push(event);
        }
        before.reverse();
        let mut after: Vec<Neighbour> = Vec::new();
        let mut end = address.offset + u64::from(address.len);
        for event in kept.events.range(address.offset + 1..).take(n_after).map(neighbour) {
            if event.range.start != end {
                break;
            }
            end = event.range.end;
            after.push(event);
        }
        (before, after)
    }

    /// How the bytes of a source become text.
    pub fn decoding(&self, source: &str) -> Decoding {
        self.sources.get(source).map(|kept| kept.decoding).unwrap_or_default()
    }
}

/// A walk through the events of a source.
struct Walk {
    /// Offsets of the events that are asked about.
    matches: BTreeSet<u64>,
    n_before: usize,
    n_after: usize,
    /// The last events that were not kept, as many as may be asked for.
    recent: VecDeque<(u64, Vec<u8>)>,
    /// Events that are still to be kept.
    n_wanted: usize,
    /// First byte behind the last event.
    end: u64,
    kept: Kept,
}

impl Walk {
    fn new(n_before: usize, n_after: usize) -> Self {
        let (matches, recent, kept) = Default::default();
        Self { matches, n_before, n_after, recent, n_wanted: 0, end: 0, kept }
    }

    fn take(&mut self, block: &LiveBlock) {
        self.kept.decoding = block.source.decoding;
        let mut start = block.offset;
        let mut rest = &*block.bytes;
        for event in &block.parsed.events {
            let (raw, behind) = rest.split_at(event.len as usize);
            rest = behind;
            self.take_event(start, raw);
            start += u64::from(event.len);
        }
    }

    fn take_event(&mut self, start: u64, raw: &[u8]) {
        if start != self.end {
            self.recent.clear();
            self.n_wanted = 0;
        }
        self.end = start + raw.len() as u64;
        if self.matches.contains(&start) {
            self.kept.events.extend(self.recent.drain(..));
            self.n_wanted = self.n_after;
            self.kept.events.insert(start, raw.to_vec());
        } else if self.n_wanted > 0 {
            self.n_wanted -= 1;
            self.kept.events.insert(start, raw.to_vec());
        } else if self.n_before > 0 {
            if self.recent.len() == self.n_before {
                self.recent.pop_front();
            }
            self.recent.push_back((start, raw.to_vec()));
        }
    }
}
