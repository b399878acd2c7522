//! The events around an event, by position in its source file.

use super::address::Address;
use crate::engine::scan::source_error;
use crate::error::Result;
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::Arc;
use trawl_store::{BlockReader, Bucket, LiveBlock, Reader};

/// Finds neighbours of events; keeps what it has learned of the sources asked about.
pub struct Neighbours<'r> {
    reader: &'r Reader,
    live: Vec<LiveBlock>,
    buckets: Vec<Arc<Bucket>>,
    /// Blocks of a source and generation by offset, found at the first question.
    by_source: HashMap<(String, u32), Vec<Place>>,
    blocks: BlockReader,
}

/// Where a block of a source lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    len: u64,
    at: PlaceKind,
}

#[derive(Clone, Copy, Debug)]
enum PlaceKind {
    /// Bucket and block.
    Sealed(usize, usize),
    Live(usize),
}

/// An event near another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Where its bytes lie in the source.
    pub range: Range<u64>,
    /// The exact bytes, line end included.
    pub bytes: Vec<u8>,
}

impl<'r> Neighbours<'r> {
    /// Over the present contents of a store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn new(reader: &'r Reader) -> Result<Self> {
        let snapshot = reader.snapshot().map_err(source_error)?;
        let mut buckets = Vec::new();
        for row in &snapshot.buckets {
            // A damaged bucket has no neighbours to offer; the search itself has named it already.
            buckets.extend(reader.bucket(row).ok());
        }
        let blocks = BlockReader::new().map_err(source_error)?;
        Ok(Self { reader, live: snapshot.live, buckets, by_source: HashMap::new(), blocks })
    }

    /// The store.
    pub fn reader(&self) -> &'r Reader {
        self.reader
    }

    /// Up to `n_before` events directly before the one at `address` and up to `n_after` directly behind it, each in the
    /// order of the file. Events behind a hole in what is indexed are not its neighbours.
    ///
    /// # Errors
    /// If a block is damaged.
    pub fn of(
        &mut self,
        address: &Address,
        n_before: usize,
        n_after: usize,
    ) -> Result<(Vec<Neighbour>, Vec<Neighbour>)> {
        let places = self.places(&address.source, address.generation);
        let Some(home) =
            places.iter().position(|place| (place.offset..place.offset + place.len).contains(&address.offset))
        else {
            return Ok((Vec::new(), Vec::new()));
        };
        let end = address.offset + u64::from(address.len);

        let mut before: Vec<Neighbour> = Vec::new();
        let mut at = Some(home);
        while let Some(place) = at {
            let events = self.events(&places[place])?;
            let earlier = events.into_iter().filter(|event| event.range.start < address.offset);
            before = earlier.chain(before).collect();
            let joined = |previous: &usize| places[*previous].offset + places[*previous].len == places[place].offset;
            at = if before.len() < n_before { place.checked_sub(1).filter(joined) } else { None };
        }
        before.drain(..before.len().saturating_sub(n_before));

        let mut after: Vec<Neighbour> = Vec::new();
        let mut at = Some(home);
        while let Some(place) = at {
            let events = self.events(&places[place])?;
            after.extend(events.into_iter().filter(|event| event.range.start >= end));
            let block_end = places[place].offset + places[place].len;
            let joined = |next: &usize| places.get(*next).is_some_and(|next| next.offset == block_end);
            at = if after.len() < n_after { Some(place + 1).filter(joined) } else { None };
        }
        after.truncate(n_after);
        Ok((before, after))
    }

    fn places(&mut self, source: &str, generation: u32) -> Vec<Place> {
        let key = (source.to_owned(), generation);
        if let Some(places) = self.by_source.get(&key) {
            return places.clone();
        }
        let mut places = Vec::new();
        for (bucket_idx, bucket) in self.buckets.iter().enumerate() {
            for (block_idx, block) in bucket.blocks().iter().enumerate() {
                let of = bucket.source_of(block);
                if of.source.as_str() == source && of.generation == generation {
                    let (offset, len) = (block.source_offset, u64::from(block.frame.raw_len));
                    places.push(Place { offset, len, at: PlaceKind::Sealed(bucket_idx, block_idx) });
                }
            }
        }
        for (live_idx, block) in self.live.iter().enumerate() {
            if block.source.source.as_str() == source && block.source.generation == generation {
                places.push(Place {
                    offset: block.offset,
                    len: block.bytes.len() as u64,
                    at: PlaceKind::Live(live_idx),
                });
            }
        }
        places.sort_unstable_by_key(|place| place.offset);
        self.by_source.insert(key, places.clone());
        places
    }

    /// The events of a block, in the order of the file.
    fn events(&mut self, place: &Place) -> Result<Vec<Neighbour>> {
        let (mut raw, mut ends) = (Vec::new(), Vec::new());
        match place.at {
            PlaceKind::Sealed(bucket, block) => {
                let bucket = &self.buckets[bucket];
                let block = &bucket.blocks()[block];
                bucket.read_block(&mut self.blocks, block, &mut raw).map_err(source_error)?;
                bucket.event_ends(block, &raw, &mut ends).map_err(source_error)?;
            }
            PlaceKind::Live(live) => {
                let block = &self.live[live];
                raw.extend_from_slice(&block.bytes);
                ends.extend(block.parsed.events.iter().scan(0, |end, event| {
                    *end += event.len;
                    Some(*end)
                }));
            }
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        Ok(starts
            .zip(&ends)
            .map(|(start, &end)| Neighbour {
                range: place.offset + u64::from(start)..place.offset + u64::from(end),
                bytes: raw[start as usize..end as usize].to_vec(),
            })
            .collect())
    }
}
