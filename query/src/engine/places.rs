//! Where the bytes of a source lie: in which blocks of which buckets, and in which live blocks.

use super::address::Address;
use super::scan::source_error;
use crate::error::Result;
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::Arc;
use trawl_store::{Bucket, BucketRow, LiveBlock, Reader, Snapshot, StoreError};

/// Finds the blocks of sources; keeps what it has learned of those asked about. Only buckets that hold bytes of them are opened.
pub(super) struct Places<'r> {
    reader: &'r Reader,
    snapshot: Arc<Snapshot>,
    opened: HashMap<String, Option<Arc<Bucket>>>,
    by_source: HashMap<(String, u32), Arc<[Place]>>,
    /// Why buckets could not be opened.
    damaged: Vec<StoreError>,
}

/// A block of a source.
#[derive(Clone)]
pub(super) struct Place {
    /// Offset of its first byte in the source.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// Where they are.
    pub at: PlaceKind,
}

#[derive(Clone)]
pub(super) enum PlaceKind {
    /// A block of a sealed bucket, by its position.
    Sealed(BucketRow, Arc<Bucket>, usize),
    /// A live block.
    Live(LiveBlock),
}

impl Place {
    /// Offset behind the last byte.
    pub fn end(&self) -> u64 {
        self.offset + self.len
    }
}

/// Which events of a block are wanted.
#[derive(Clone, Copy)]
pub(super) enum Pick {
    /// The last events that begin before an offset in the source, so many at most.
    Before(u64, usize),
    /// The first events that begin at an offset or behind it, so many at most.
    From(u64, usize),
}

impl Pick {
    /// The ordinals of the events among those of a block at `offset` that end at `ends`.
    pub fn ordinals(self, offset: u64, ends: &[u32]) -> Range<usize> {
        // Events that begin before an offset: one more than end before or at it, if there is one more.
        let n_before = |at: u64| match at.checked_sub(offset) {
            None | Some(0) => 0,
            Some(at) => (ends.partition_point(|&end| u64::from(end) < at) + 1).min(ends.len()),
        };
        match self {
            Self::Before(at, n) => {
                let end = n_before(at);
                end.saturating_sub(n)..end
            }
            Self::From(at, n) => {
                let start = n_before(at);
                start..start.saturating_add(n).min(ends.len())
            }
        }
    }
}

impl<'r> Places<'r> {
    /// Over a snapshot of a store.
    pub fn new(reader: &'r Reader, snapshot: Arc<Snapshot>) -> Self {
        Self { reader, snapshot, opened: HashMap::new(), by_source: HashMap::new(), damaged: Vec::new() }
    }

    /// The store.
    pub fn reader(&self) -> &'r Reader {
        self.reader
    }

    /// All blocks of a source's generation, in the order of the file.
    ///
    /// # Errors
    /// If the catalog fails. A bucket that cannot be opened has no blocks to offer.
    pub fn of(&mut self, source: &str, generation: u32) -> Result<Arc<[Place]>> {
        let key = (source.to_owned(), generation);
        if let Some(places) = self.by_source.get(&key) {
            return Ok(Arc::clone(places));
        }
        let places: Arc<[Place]> = self.find(source, generation, 0..u64::MAX)?.into();
        self.by_source.insert(key, Arc::clone(&places));
        Ok(places)
    }

    /// The block that holds a byte of a source's generation.
    ///
    /// # Errors
    /// If the catalog fails, or no block holds it and a bucket that may do so cannot be opened.
    pub fn holding(&mut self, source: &str, generation: u32, at: u64) -> Result<Option<Place>> {
        let places = self.find(source, generation, at..at.saturating_add(1))?;
        match places.into_iter().find(|place| (place.offset..place.end()).contains(&at)) {
            Some(place) => Ok(Some(place)),
            None => self.damaged.pop().map_or(Ok(None), |error| Err(source_error(error))),
        }
    }

    fn find(&mut self, source: &str, generation: u32, range: Range<u64>) -> Result<Vec<Place>> {
        let snapshot = Arc::clone(&self.snapshot);
        let rows = self.reader.buckets_with(&snapshot, source, generation, range).map_err(source_error)?;
        let mut places = Vec::new();
        for row in rows {
            let Some(bucket) = self.open(row) else { continue };
            for (at, block) in bucket.blocks().iter().enumerate() {
                let of = bucket.source_of(block);
                if of.source.as_str() == source && of.generation == generation {
                    let kind = PlaceKind::Sealed(row.clone(), Arc::clone(&bucket), at);
                    places.push(Place { offset: block.source_offset, len: u64::from(block.frame.raw_len), at: kind });
                }
            }
        }
        for block in &snapshot.live {
            if block.source.source.as_str() == source && block.source.generation == generation {
                let len = block.bytes.len() as u64;
                places.push(Place { offset: block.offset, len, at: PlaceKind::Live(block.clone()) });
            }
        }
        places.sort_by_key(|place| place.offset);
        // The same file may have been read into several indexes; and an archive may hold what the store holds.
        places.dedup_by(|next, place| next.offset < place.end());
        Ok(places)
    }

    fn open(&mut self, row: &BucketRow) -> Option<Arc<Bucket>> {
        if let Some(opened) = self.opened.get(&row.id) {
            return opened.clone();
        }
        let opened = match self.reader.bucket(row) {
            Ok(bucket) => Some(bucket),
            Err(error) => {
                self.damaged.push(error);
                None
            }
        };
        self.opened.insert(row.id.clone(), opened.clone());
        opened
    }
}

/// Up to `n_before` events directly before the one at `address` and up to `n_after` directly behind it, each in the order of
/// the file, as `read` reads those that are picked of a block. Events behind a hole are not neighbours. `None` if no block holds
/// the address.
///
/// # Errors
/// The first error of `read`.
pub(super) fn around<E>(
    places: &[Place],
    address: &Address,
    n_before: usize,
    n_after: usize,
    mut read: impl FnMut(&Place, Pick) -> Result<Vec<E>>,
) -> Result<Option<(Vec<E>, Vec<E>)>> {
    let holds = |place: &Place| (place.offset..place.end()).contains(&address.offset);
    let Some(home) = places.iter().position(holds) else { return Ok(None) };
    let mut before: Vec<E> = Vec::new();
    let mut at = Some(home);
    while let Some(place) = at.filter(|_| before.len() < n_before) {
        let earlier = read(&places[place], Pick::Before(address.offset, n_before - before.len()))?;
        before = earlier.into_iter().chain(before).collect();
        at = place.checked_sub(1).filter(|previous| places[*previous].end() == places[place].offset);
    }
    let mut after: Vec<E> = Vec::new();
    let mut at = Some(home);
    let end = address.offset + u64::from(address.len);
    while let Some(place) = at.filter(|_| after.len() < n_after) {
        after.extend(read(&places[place], Pick::From(end, n_after - after.len()))?);
        let is_joined = |next: &usize| places.get(*next).is_some_and(|next| next.offset == places[place].end());
        at = Some(place + 1).filter(is_joined);
    }
    Ok(Some((before, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_picked_by_where_they_begin() {
        // Three events at 100, 110 and 125 of the source.
        let ends = [10, 25, 40];
        for (pick, expected) in [
            (Pick::Before(100, 5), 0..0),
            (Pick::Before(110, 5), 0..1),
            (Pick::Before(111, 5), 0..2),
            (Pick::Before(125, 1), 1..2),
            (Pick::Before(900, 2), 1..3),
            (Pick::From(50, 2), 0..2),
            (Pick::From(110, 9), 1..3),
            (Pick::From(125, 1), 2..3),
            (Pick::From(140, 1), 3..3),
        ] {
            assert_eq!(pick.ordinals(100, &ends), expected);
        }
    }
}
