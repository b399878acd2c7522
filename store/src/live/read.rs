//! Reading a live log, whole or while it grows.

use super::LiveBlock;
use super::format::{BATCH_HEADER_LEN, BATCH_MAGIC, Decoded, MAGIC, Payload, VERSION, take_payload};
use crate::codec::Take;
use crate::error::{IoContext, Result, StoreError};
use crate::source::{SourceHandle, SourceId};
use hashbrown::HashMap;
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::event::IndexName;

/// Magic and version in front of the batches.
const HEADER_LEN: u64 = 12;
/// A map begins at a multiple of this.
const PAGE_LEN: u64 = 4096;

/// A run of NULs that is not stored.
#[derive(Clone, Debug)]
pub struct Gap {
    /// The source.
    pub source: Arc<SourceHandle>,
    /// Offset of the first.
    pub offset: u64,
    /// How many.
    pub len: u64,
    /// Place of its batch in the log.
    pub batch: u64,
}

/// What stands in some whole batches of a log, in the order in which it was appended.
#[derive(Debug, Default)]
pub struct Records {
    /// Blocks, those of open events among them.
    pub blocks: Vec<LiveBlock>,
    /// NUL runs.
    pub gaps: Vec<Gap>,
}

impl Records {
    /// Drops the open events that a later batch has superseded. Cost: linear.
    pub fn drop_superseded(&mut self) {
        let key = |source: &SourceHandle| (source.id, source.generation);
        let mut last: HashMap<(SourceId, u32), u64> = HashMap::new();
        for (source, batch) in self
            .blocks
            .iter()
            .map(|block| (&block.source, block.batch))
            .chain(self.gaps.iter().map(|gap| (&gap.source, gap.batch)))
        {
            let last = last.entry(key(source)).or_insert(batch);
            *last = batch.max(*last);
        }
        self.blocks.retain(|block| !block.is_open || last.get(&key(&block.source)) == Some(&block.batch));
    }
}

/// Reads a live log from batch to batch, also while another process appends to it.
pub struct LiveReader {
    path: PathBuf,
    index: IndexName,
    file: File,
    /// Where the next batch begins.
    at: u64,
    sources: Vec<Arc<SourceHandle>>,
}

impl LiveReader {
    /// Opens a log.
    ///
    /// # Errors
    /// If the file cannot be read, is no live log, or is of another format.
    pub fn open(path: &Path, index: &IndexName) -> Result<Self> {
        use std::os::unix::fs::FileExt;
        let file = File::open(path).at("open", path)?;
        let mut header = [0; HEADER_LEN as usize];
        file.read_exact_at(&mut header, 0).at("read", path)?;
        let mut take = Take::new(&header);
        if take.bytes(MAGIC.len()) != Some(MAGIC) {
            return Err(StoreError::damaged(path, 0, "not a live log"));
        }
        match take.u32() {
            Some(VERSION) => {}
            Some(found) if found > VERSION => {
                return Err(StoreError::NewerFormat { path: path.to_owned(), found, supported: VERSION });
            }
            _ => return Err(StoreError::damaged(path, 0, "unknown version")),
        }
        Ok(Self { path: path.to_owned(), index: index.clone(), file, at: HEADER_LEN, sources: Vec::new() })
    }

    /// Behind the last batch that was read.
    pub fn end(&self) -> u64 {
        self.at
    }

    /// The index of the log.
    pub fn index(&self) -> &IndexName {
        &self.index
    }

    /// Whether the log has grown since the last call of [`read_new`](Self::read_new).
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn has_grown(&self) -> Result<bool> {
        Ok(self.file.metadata().at("read", &self.path)?.len() > self.at)
    }

    /// The whole batches behind those read before, up to byte `end` of the log, if one is given. A torn end is no error.
    ///
    /// # Errors
    /// If the file cannot be read, or a batch with a right checksum is malformed.
    pub fn read_new(&mut self, end: Option<u64>) -> Result<Records> {
        let mut records = Records::default();
        let len = self.file.metadata().at("read", &self.path)?.len();
        let len = end.map_or(len, |end| end.min(len));
        if len <= self.at {
            return Ok(records);
        }
        let map_start = self.at / PAGE_LEN * PAGE_LEN;
        let map_len = usize::try_from(len - map_start).map_err(std::io::Error::other).at("map", &self.path)?;
        // SAFETY: the map is only read, and a live log is never shortened: what is taken back is overwritten in place. A
        // batch that is overwritten while it is read fails its checksum or was read before.
        let map = unsafe { MmapOptions::new().offset(map_start).len(map_len).map(&self.file) };
        let map: Arc<Mmap> = Arc::new(map.at("map", &self.path)?);
        while let Some(payload) = self.next_payload(&map, map_start) {
            let batch_len = BATCH_HEADER_LEN + payload.bytes.len();
            let taken = take_payload(&payload, &self.index, &mut self.sources, |record| match record {
                Decoded::Block(block) => records.blocks.push(block),
                Decoded::Gap(gap) => records.gaps.push(gap),
            });
            taken.ok_or_else(|| {
                StoreError::damaged(&self.path, self.at, "a batch with a right checksum is malformed")
            })?;
            self.at += batch_len as u64;
        }
        Ok(records)
    }

    fn next_payload<'m>(&self, map: &'m Arc<Mmap>, map_start: u64) -> Option<Payload<'m>> {
        let mut take = Take::new(&map[(self.at - map_start) as usize..]);
        let (magic, len, crc) = (take.u32()?, take.u32()?, take.u32()?);
        let bytes = take.bytes(len as usize)?;
        // Where only the magic reached the disk, zeros stand behind it: the checksum of nothing.
        let is_whole = magic == BATCH_MAGIC && len > 0 && crc32c::crc32c(bytes) == crc;
        is_whole.then_some(Payload { map, bytes, batch: self.at })
    }
}

/// Reads the whole batches of a live log, up to byte `end`, if one is given.
///
/// # Errors
/// As [`LiveReader::open`] and [`LiveReader::read_new`].
pub fn read(path: &Path, index: &IndexName, end: Option<u64>) -> Result<Records> {
    LiveReader::open(path, index)?.read_new(end)
}
