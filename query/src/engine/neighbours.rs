//! The events around an event, by position in its source file.

use super::address::Address;
use super::places::{Pick, Place, PlaceKind, Places, around};
use crate::engine::scan::source_error;
use crate::error::Result;
use std::ops::Range;
use std::sync::Arc;
use trawl_store::{BlockReader, Reader};

/// Finds neighbours of events; keeps what it has learned of the sources asked about.
pub struct Neighbours<'r> {
    places: Places<'r>,
    blocks: BlockReader,
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
        let blocks = BlockReader::new().map_err(source_error)?;
        Ok(Self { places: Places::new(reader, Arc::new(snapshot)), blocks })
    }

    /// The store.
    pub fn reader(&self) -> &'r Reader {
        self.places.reader()
    }

    /// Up to `n_before` events directly before the one at `address` and up to `n_after` directly behind it, each in the
    /// order of the file. Events behind a hole in what is indexed are not its neighbours, nor are those in a bucket that is
    /// damaged: the search itself has named it already.
    ///
    /// # Errors
    /// If a block is damaged, or the catalog fails.
    pub fn of(
        &mut self,
        address: &Address,
        n_before: usize,
        n_after: usize,
    ) -> Result<(Vec<Neighbour>, Vec<Neighbour>)> {
        let places = self.places.of(&address.source, address.generation)?;
        let read = |place: &Place, pick: Pick| events(place, pick, &mut self.blocks);
        Ok(around(&places, address, n_before, n_after, read)?.unwrap_or_default())
    }
}

/// Events of a block, in the order of the file.
fn events(place: &Place, pick: Pick, blocks: &mut BlockReader) -> Result<Vec<Neighbour>> {
    let (mut raw, mut ends) = (Vec::new(), Vec::new());
    match &place.at {
        PlaceKind::Sealed(_, bucket, block) => {
            let block = &bucket.blocks()[*block];
            bucket.read_block(blocks, block, &mut raw).map_err(source_error)?;
            bucket.event_ends(block, &raw, &mut ends).map_err(source_error)?;
        }
        PlaceKind::Live(block) => {
            raw.extend_from_slice(&block.bytes);
            ends.extend(block.parsed.events.iter().scan(0, |end, event| {
                *end += event.len;
                Some(*end)
            }));
        }
    }
    let start_of = |event: usize| event.checked_sub(1).map_or(0, |previous| ends[previous]);
    let neighbour = |event: usize| {
        let (start, end) = (start_of(event), ends[event]);
        Neighbour {
            range: place.offset + u64::from(start)..place.offset + u64::from(end),
            bytes: raw[start as usize..end as usize].to_vec(),
        }
    };
    Ok(pick.ordinals(place.offset, &ends).map(neighbour).collect())
}
