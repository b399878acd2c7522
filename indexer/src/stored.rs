//! Looks up what the store holds of a source, to compare a file with it byte for byte.

use crate::identity::{Content, IdentifyError};
use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};
use trawl_store::bucket::blocks::Block;
use trawl_store::catalog::GenerationState;
use trawl_store::{BlockReader, Bucket, Reader, Snapshot, SourceId, StoreError, Writer};

/// So many bytes in a row that are the same are no accident.
const SAME_BYTES: u64 = 64 << 10;

/// The content of a store's buckets and live logs.
///
/// Only asked for a file that is shorter than the source it looks like: hashes of the ends of what was read do not help
/// there. That is rare, so nothing is opened before the first question.
pub(crate) struct StoredContent<'w> {
    writer: &'w Writer,
    opened: OnceLock<(Reader, Snapshot)>,
}

impl<'w> StoredContent<'w> {
    pub(crate) fn new(writer: &'w Writer) -> Self {
        Self { writer, opened: OnceLock::new() }
    }

    /// Whether a generation of a source holds exactly `bytes` at `start`. Bytes that are not stored count as NUL, which is
    /// what the only ones that are left out are. `None` if that cannot be said, because a part of them has aged out.
    ///
    /// # Errors
    /// If the store cannot be read. Cost: opens every bucket of the store.
    pub(crate) fn contains(
        &self,
        source: SourceId,
        generation: &GenerationState,
        start: u64,
        bytes: &[u8],
    ) -> Result<Option<bool>, StoreError> {
        let (reader, Snapshot { buckets, live, .. }) = self.open()?;
        let end = start + bytes.len() as u64;
        let mut stored = vec![0; bytes.len()];
        let (mut block_reader, mut raw) = (BlockReader::new()?, Vec::new());
        let mut place = |offset: u64, raw: &[u8]| {
            let (from, to) = (start.max(offset), end.min(offset + raw.len() as u64));
            if from < to {
                let part = &raw[(from - offset) as usize..(to - offset) as usize];
                stored[(from - start) as usize..(to - start) as usize].copy_from_slice(part);
            }
        };
        for block in live.iter().filter(|block| !block.is_open) {
            if (block.source.id, block.source.generation) == (source, generation.number) {
                place(block.offset, &block.bytes);
            }
        }
        for row in buckets {
            let bucket = match reader.bucket(row) {
                Err(_) if reader.has_aged_out(row)? => return Ok(None),
                bucket => bucket?,
            };
            for block in bucket.blocks().iter().filter(|block| is_of(&bucket, block, source, generation.number)) {
                let block_end = block.source_offset + u64::from(block.frame.raw_len);
                if block.source_offset >= end || block_end <= start {
                    continue;
                }
                bucket.read_block(&mut block_reader, block, &mut raw)?;
                place(block.source_offset, &raw);
            }
        }
        let is_same = stored == bytes;
        let has_aged_out = generation.aged_out.iter().any(|aged| aged.start < end && start < aged.end);
        Ok((is_same || !has_aged_out).then_some(is_same))
    }

    /// Where a content that begins as a generation does parts from what is stored of it: looked for from the end backward.
    /// `None` if nothing that is stored is the same.
    ///
    /// # Errors
    /// If the content or the store cannot be read.
    pub(crate) fn parts_at(
        &self,
        source: SourceId,
        generation: &GenerationState,
        content: &mut dyn Content,
    ) -> Result<Option<u64>, IdentifyError> {
        let (reader, Snapshot { buckets, live, .. }) = self.open()?;
        let of_live = live.iter().filter(|block| {
            !block.is_open && (block.source.id, block.source.generation) == (source, generation.number)
        });
        let mut places: Vec<(u64, Place<'_>)> =
            of_live.map(|block| (block.offset, Place::Live(&block.bytes))).collect();
        for row in buckets {
            let bucket = match reader.bucket(row) {
                Err(_) if reader.has_aged_out(row)? => continue,
                bucket => Arc::new(bucket?),
            };
            let blocks = (0..bucket.blocks().len())
                .filter(|&at| is_of(&bucket, &bucket.blocks()[at], source, generation.number));
            places.extend(blocks.map(|at| (bucket.blocks()[at].source_offset, Place::Sealed(Arc::clone(&bucket), at))));
        }
        places.sort_by_key(|(offset, _)| Reverse(*offset));
        let (mut block_reader, mut raw) = (BlockReader::new()?, Vec::new());
        // Where the content parts, and how much before that is the same without a difference.
        let (mut end, mut n_same) = (None, 0);
        for (offset, place) in places {
            let stored = match &place {
                Place::Live(bytes) => bytes,
                Place::Sealed(bucket, at) => {
                    bucket.read_block(&mut block_reader, &bucket.blocks()[*at], &mut raw)?;
                    &raw[..]
                }
            };
            let bytes = content.read(offset, stored.len())?;
            let n_common = bytes.iter().zip(stored).take_while(|(a, b)| a == b).count();
            if n_common < stored.len() {
                (end, n_same) = ((n_common > 0).then_some(offset + n_common as u64), 0);
                continue;
            }
            end.get_or_insert(offset + n_common as u64);
            n_same += n_common as u64;
            if n_same >= SAME_BYTES {
                break;
            }
        }
        Ok(end)
    }

    fn open(&self) -> Result<&(Reader, Snapshot), StoreError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let reader = Reader::open(self.writer.data())?;
        let snapshot = reader.snapshot()?;
        Ok(self.opened.get_or_init(|| (reader, snapshot)))
    }
}

/// Where a block lies.
enum Place<'s> {
    Live(&'s [u8]),
    Sealed(Arc<Bucket>, usize),
}

fn is_of(bucket: &Bucket, block: &Block, source: SourceId, generation: u32) -> bool {
    let block_source = bucket.source_of(block);
    block_source.id == source.0 && block_source.generation == generation
}
