//! Reading a live log, whole or while it grows.
//!
//! Batches are found by their lengths, one behind the other; then they are checked and taken apart by as many threads as there
//! are, and what they say is put together in order, up to the first that is not whole.

use super::LiveBlock;
use super::format::{BATCH_HEADER_LEN, BATCH_MAGIC, Decoded, MAGIC, Payload, VERSION, take_payload};
use crate::codec::Take;
use crate::error::{IoContext, Result, StoreError};
use crate::source::{SourceHandle, SourceId};
use hashbrown::HashMap;
use memmap2::{Mmap, MmapOptions};
use rayon::prelude::*;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::event::IndexName;

/// Magic and version in front of the batches.
const HEADER_LEN: u64 = 12;
/// From this length on, batches are taken apart in parallel.
const PARALLEL_LEN: usize = 1 << 20;
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

impl Records {
    /// Gives an event that was open the time at which its first bytes were indexed: a person, an alert and a search "as of
    /// then" have seen it since. Cost: linear.
    fn keep_first_times(&mut self) {
        let mut first_times: HashMap<(SourceId, u32, u64), i64> = HashMap::new();
        for block in &mut self.blocks {
            let key = (block.source.id, block.source.generation, block.offset);
            let Some((_, indexed_at_us)) = block.indexed.first().copied() else { continue };
            if block.is_open {
                let first = *first_times.entry(key).or_insert(indexed_at_us);
                block.indexed = vec![(0, first)];
            } else if let Some(first) = first_times.remove(&key).filter(|first| *first != indexed_at_us) {
                block.indexed = vec![(0, first)];
                if block.parsed.events.len() > 1 {
                    block.indexed.push((1, indexed_at_us));
                }
            }
        }
    }
}

/// Reads a live log from batch to batch, also while another process appends to it.
pub struct LiveReader {
    path: PathBuf,
    index: IndexName,
    file: Arc<File>,
    /// Where the next batch begins.
    at: u64,
    sources: Vec<Arc<SourceHandle>>,
}

/// A log that the catalog names, opened but not read.
pub(crate) struct OpenLog {
    /// Its unique name.
    pub(crate) id: String,
    pub(crate) reader: LiveReader,
    /// What lies behind does not count.
    pub(crate) end: Option<u64>,
}

impl LiveReader {
    /// Opens a log.
    ///
    /// # Errors
    /// If the file cannot be read, is no live log, or is of another format.
    pub fn open(path: &Path, index: &IndexName) -> Result<Self> {
        Self::of_file(Arc::new(File::open(path).at("open", path)?), path, index)
    }

    /// Reads a log that is open, from its begin. It need not have a name any more.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of_file(file: Arc<File>, path: &Path, index: &IndexName) -> Result<Self> {
        use std::os::unix::fs::FileExt;
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

    /// The open file.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
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
        let map = unsafe { MmapOptions::new().offset(map_start).len(map_len).map(&*self.file) };
        let map: Arc<Mmap> = Arc::new(map.at("map", &self.path)?);
        let batches = find_batches(&map[(self.at - map_start) as usize..]);
        let take_apart = |batch: &Batch<'_>| {
            let is_whole = crc32c::crc32c(batch.bytes) == batch.crc;
            is_whole.then(|| take_payload(&Payload { map: &map, bytes: batch.bytes }, &self.index))
        };
        // What was appended since a moment ago is not worth waking others for.
        let taken: Vec<Option<Option<Vec<Decoded>>>> = match map_len < PARALLEL_LEN {
            true => batches.iter().map(take_apart).collect(),
            false => batches.par_iter().map(take_apart).collect(),
        };
        for (batch, taken) in batches.iter().zip(taken) {
            let Some(decoded) = taken else { break };
            decoded
                .and_then(|decoded| {
                    decoded.into_iter().try_for_each(|record| record.resolve(self.at, &mut self.sources, &mut records))
                })
                .ok_or_else(|| {
                    StoreError::damaged(&self.path, self.at, "a batch with a right checksum is malformed")
                })?;
            self.at += (BATCH_HEADER_LEN + batch.bytes.len()) as u64;
        }
        records.keep_first_times();
        Ok(records)
    }
}

/// What looks like a batch, not yet checked.
struct Batch<'m> {
    crc: u32,
    bytes: &'m [u8],
}

/// The batches in `log`, one behind the other, as far as their headers say so.
fn find_batches(log: &[u8]) -> Vec<Batch<'_>> {
    let mut take = Take::new(log);
    let mut next = || {
        let (magic, len, crc) = (take.u32()?, take.u32()?, take.u32()?);
        let bytes = take.bytes(len as usize)?;
        // Where only the magic reached the disk, zeros stand behind it: the checksum of nothing.
        (magic == BATCH_MAGIC && len > 0).then_some(Batch { crc, bytes })
    };
    std::iter::from_fn(&mut next).collect()
}

/// Reads the whole batches of a live log, up to byte `end`, if one is given.
///
/// # Errors
/// As [`LiveReader::open`] and [`LiveReader::read_new`].
pub fn read(path: &Path, index: &IndexName, end: Option<u64>) -> Result<Records> {
    LiveReader::open(path, index)?.read_new(end)
}
