//! A sealed bucket, opened for reading.

use super::blocks::{BLOCKS_FILE, Block, BlockDirectory, BlockSource};
use super::columns::{COLUMNS_FILE, Chunk};
use super::journal::{BlockReader, JOURNAL_FILE};
use super::meta::{BucketMeta, META_FILE};
use crate::error::{Result, StoreError};
use crate::segment::Segment;
use crate::sums::{BucketFiles, CheckedFile};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A sealed bucket. Opening reads the checksum file and the block directory; journal, columns and segment are opened when
/// they are needed.
pub struct Bucket {
    files: Arc<BucketFiles>,
    directory: BlockDirectory,
    journal: OnceLock<CheckedFile>,
    columns: OnceLock<CheckedFile>,
    segment: OnceLock<Segment>,
}

impl Bucket {
    /// Opens the bucket in `dir`.
    ///
    /// # Errors
    /// If the checksum file or the block directory is missing, damaged or of a newer format.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::of_files(BucketFiles::open(dir)?)
    }

    /// Opens a bucket whose checksums have been read.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of_files(files: BucketFiles) -> Result<Self> {
        let files = Arc::new(files);
        let blocks = files.open_file(BLOCKS_FILE)?;
        let directory = BlockDirectory::decode(blocks.read(0..blocks.len())?, blocks.path())?;
        Ok(Self { files, directory, journal: OnceLock::new(), columns: OnceLock::new(), segment: OnceLock::new() })
    }

    /// The bucket directory on disk.
    pub fn dir(&self) -> &Path {
        self.files.dir()
    }

    /// The checksummed files.
    pub fn files(&self) -> &Arc<BucketFiles> {
        &self.files
    }

    /// The contents of `bucket.json`.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn meta(&self) -> Result<BucketMeta> {
        let file = self.files.open_file(META_FILE)?;
        BucketMeta::decode(file.read(0..file.len())?, file.path())
    }

    /// Blocks and dictionaries.
    pub fn directory(&self) -> &BlockDirectory {
        &self.directory
    }

    /// The blocks in journal order.
    pub fn blocks(&self) -> &[Block] {
        &self.directory.blocks
    }

    /// The source of a block.
    pub fn source_of(&self, block: &Block) -> &BlockSource {
        &self.directory.sources[block.source as usize]
    }

    /// Number of events.
    pub fn n_events(&self) -> u32 {
        self.blocks().last().map_or(0, |block| block.docs().end)
    }

    /// The inverted index.
    ///
    /// # Errors
    /// If a component is missing or damaged.
    pub fn segment(&self) -> Result<&Segment> {
        open_once(&self.segment, || {
            let segment = Segment::open(&self.files)?;
            if segment.n_docs() != self.n_events() {
                let what = format!("segment has {} documents for {} events", segment.n_docs(), self.n_events());
                return Err(StoreError::damaged(self.dir(), 0, what));
            }
            Ok(segment)
        })
    }

    /// Replaces `out` by the raw bytes of a block.
    ///
    /// # Errors
    /// If the journal is damaged there.
    pub fn read_block(&self, reader: &mut BlockReader, block: &Block, out: &mut Vec<u8>) -> Result<()> {
        let journal = open_once(&self.journal, || self.files.open_file(JOURNAL_FILE))?;
        reader.read(journal.path(), journal.unchecked(), block.frame, out)
    }

    /// Replaces `out` by the times of a block's events, microseconds since the epoch.
    ///
    /// # Errors
    /// If the column file is damaged there.
    pub fn times_us(&self, block: &Block, out: &mut Vec<i64>) -> Result<()> {
        self.column(block, |chunk| chunk.times_us(out))
    }

    /// Replaces `out` by the level ids of a block's events.
    ///
    /// # Errors
    /// If the column file is damaged there.
    pub fn levels(&self, block: &Block, out: &mut Vec<u32>) -> Result<()> {
        self.column(block, |chunk| chunk.levels(out).filter(|()| self.directory.levels.holds_all(out)))
    }

    /// Replaces `out` by the host ids of a block's events.
    ///
    /// # Errors
    /// If the column file is damaged there.
    pub fn hosts(&self, block: &Block, out: &mut Vec<u32>) -> Result<()> {
        self.column(block, |chunk| chunk.hosts(out).filter(|()| self.directory.hosts.holds_all(out)))
    }

    /// Replaces `out` by the end of each event in the raw block `raw`.
    ///
    /// # Errors
    /// If the column file is damaged there, or does not fit the block.
    pub fn event_ends(&self, block: &Block, raw: &[u8], out: &mut Vec<u32>) -> Result<()> {
        self.column(block, |chunk| chunk.event_ends(raw, out))
    }

    /// Hands out (event index, flags) of the events of a block that have flags.
    ///
    /// # Errors
    /// If the column file is damaged there.
    pub fn flags(&self, block: &Block, each: impl FnMut(u32, u8)) -> Result<()> {
        self.column(block, |chunk| chunk.flags(each))
    }

    /// Replaces `out` by runs of (first event, time of indexing in microseconds) of a block.
    ///
    /// # Errors
    /// If the column file is damaged there.
    pub fn indexed(&self, block: &Block, out: &mut Vec<(u32, i64)>) -> Result<()> {
        if block.flags & Block::INDEXED_AT_TIMES == 0 {
            out.clear();
            out.push((0, block.indexed_at_us));
            return Ok(());
        }
        self.column(block, |chunk| chunk.indexed(block.indexed_at_us, out))
    }

    fn column(&self, block: &Block, read: impl FnOnce(Chunk<'_>) -> Option<()>) -> Result<()> {
        let columns = open_once(&self.columns, || self.files.open_file(COLUMNS_FILE))?;
        let bytes = columns.read(block.columns.start as usize..block.columns.end as usize)?;
        Chunk::parse(bytes, block.n_events)
            .and_then(read)
            .ok_or_else(|| StoreError::damaged(columns.path(), block.columns.start, "malformed columns"))
    }
}

/// [`OnceLock::get_or_try_init`] for a value whose second opening is harmless.
fn open_once<T>(cell: &OnceLock<T>, open: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = open()?;
    Ok(cell.get_or_init(|| value))
}
