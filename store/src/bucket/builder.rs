//! Builds one bucket at a time: journal, columns, block directory, segment, checksums; then seals it.

use super::blocks::{BLOCKS_FILE, Block, BlockDirectory, BlockSource, MIXED};
use super::columns::{BlockColumns, COLUMNS_FILE, constant};
use super::journal::JournalWriter;
use super::meta::{BucketMeta, FORMAT_VERSION, META_FILE};
use crate::disk;
use crate::error::{IoContext, Result};
use crate::gain::Gain;
use crate::segment::{self, Tokenizer, terms::TermTable};
use crate::source::{SourceHandle, SourceId};
use crate::sums::{self, SUMS_FILE};
use hashbrown::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::event::IndexName;
use trawl_formats::parse::ParsedBlock;

/// Raw bytes after which a bucket is full. Smaller buckets repeat more terms (64 MiB: 4 % of raw more disk), larger ones
/// take memory while they are built (256 MiB: as much again).
pub const FULL_BYTES: u64 = 128 << 20;
/// Raw bytes from which a bucket is closed once its events lie more than [`MAX_SPAN_US`] apart.
pub const SPREAD_BYTES: u64 = 16 << 20;
/// 90 days in microseconds.
pub const MAX_SPAN_US: i64 = 90 * 24 * 3600 * 1_000_000;
/// Directories of buckets being built begin with this; a reader never looks at them.
pub const BUILDING_PREFIX: &str = ".building-";

/// The release, as noted in each bucket.
pub(crate) const WRITTEN_BY: &str = concat!("trawl ", env!("CARGO_PKG_VERSION"));

/// One journal block of a source, as the parser framed it.
#[derive(Clone, Copy)]
pub struct BlockInput<'a> {
    /// The source; all blocks of a source and generation share the handle.
    pub source: &'a Arc<SourceHandle>,
    /// Offset of the first byte in the (decompressed) source.
    pub offset: u64,
    /// The bytes of the block: `parsed.len` of them.
    pub bytes: &'a [u8],
    /// The events in them.
    pub parsed: &'a ParsedBlock,
}

/// A bucket on disk that the catalog does not know yet.
#[derive(Clone, Debug)]
pub struct SealedBucket {
    /// The bucket directory.
    pub dir: PathBuf,
    /// Its metadata.
    pub meta: BucketMeta,
    /// Bytes that its files take.
    pub disk_bytes: u64,
}

/// Collects blocks until the bucket is full, then seals it and begins the next one with the same buffers.
pub struct BucketBuilder {
    buckets_dir: PathBuf,
    index: IndexName,
    tokenizer: Tokenizer,
    terms: TermTable,
    open: Option<OpenBucket>,
    columns: BlockColumns,
    chunk: Vec<u8>,
    replaces: Vec<String>,
}

/// The bucket being built.
struct OpenBucket {
    dir: PathBuf,
    id: String,
    journal: JournalWriter,
    columns: BufWriter<File>,
    columns_len: u64,
    directory: BlockDirectory,
    sources: Vec<Gain>,
    source_idx: HashMap<(SourceId, u32), usize>,
    n_events: u32,
    raw_bytes: u64,
    min_time_us: i64,
    max_time_us: i64,
}

impl BucketBuilder {
    /// A builder of buckets in `buckets_dir`; nothing is created before the first block comes.
    pub fn new(buckets_dir: PathBuf, index: IndexName) -> Self {
        Self {
            buckets_dir,
            index,
            tokenizer: Tokenizer::default(),
            terms: TermTable::default(),
            open: None,
            columns: BlockColumns::default(),
            chunk: Vec::new(),
            replaces: Vec::new(),
        }
    }

    /// Notes in all buckets to come which live logs they take over.
    pub fn set_replaces(&mut self, logs: &[String]) {
        self.replaces = logs.to_vec();
    }

    /// Raw bytes in the bucket being built.
    pub fn raw_bytes(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.raw_bytes)
    }

    /// Events in the bucket being built.
    pub fn n_events(&self) -> u32 {
        self.open.as_ref().map_or(0, |open| open.n_events)
    }

    /// Whether the bucket should be sealed before the next block comes.
    pub fn is_full(&self) -> bool {
        self.open.as_ref().is_some_and(|open| {
            open.raw_bytes >= FULL_BYTES
                || (open.raw_bytes >= SPREAD_BYTES && open.max_time_us.saturating_sub(open.min_time_us) > MAX_SPAN_US)
        })
    }

    /// Adds a block that is indexed now.
    ///
    /// # Errors
    /// If the disk refuses it; the bucket being built is then to be dropped.
    pub fn push(&mut self, block: &BlockInput<'_>) -> Result<()> {
        self.push_indexed(block, &[(0, crate::clock::now_us())])
    }

    /// Adds a block whose events were indexed earlier: `indexed` has runs of (first event, microseconds since the epoch),
    /// the first of them beginning with event 0.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_indexed(&mut self, block: &BlockInput<'_>, indexed: &[(u32, i64)]) -> Result<()> {
        if block.parsed.events.is_empty() {
            return Ok(());
        }
        let bytes = &block.bytes[..block.parsed.len];
        let open = open_bucket(&mut self.open, &self.buckets_dir)?;
        let source = open.source(block.source);
        let first_doc = open.n_events;
        self.tokenizer.add_block(bytes, block.parsed, block.source.decoding, first_doc, &mut self.terms);

        let frame = open.journal.append(bytes)?;
        fill_columns(&mut self.columns, block.parsed, &mut open.directory);
        self.columns.indexed.extend_from_slice(indexed);
        self.chunk.clear();
        self.columns.encode(&mut self.chunk);
        open.columns.write_all(&self.chunk).at("write", &open.dir.join(COLUMNS_FILE))?;
        let columns = open.columns_len..open.columns_len + self.chunk.len() as u64;
        open.columns_len = columns.end;

        let times = &self.columns.times_us;
        let min_time_us = times.iter().copied().min().expect("the block has events");
        let max_time_us = times.iter().copied().max().expect("the block has events");
        let header = block.parsed.header.as_ref().map_or(0, |header| open.directory.headers.id(header));
        open.directory.blocks.push(Block {
            frame,
            columns,
            source: source as u32,
            source_offset: block.offset,
            first_doc,
            n_events: times.len() as u32,
            min_time_us,
            max_time_us,
            indexed_at_us: indexed[0].1,
            hint: block.parsed.hint,
            header,
            level: constant(&self.columns.levels).unwrap_or(MIXED),
            host: constant(&self.columns.hosts).unwrap_or(MIXED),
            flags: block_flags(&self.columns),
        });
        open.n_events += times.len() as u32;
        open.raw_bytes += bytes.len() as u64;
        open.min_time_us = open.min_time_us.min(min_time_us);
        open.max_time_us = open.max_time_us.max(max_time_us);
        open.sources[source].add_block(block);
        Ok(())
    }

    /// Notes that a stretch of a source holds only NULs and is not stored.
    ///
    /// # Errors
    /// If the bucket cannot be begun.
    pub fn push_gap(&mut self, source: &Arc<SourceHandle>, offset: u64, len: u64) -> Result<()> {
        let open = open_bucket(&mut self.open, &self.buckets_dir)?;
        let source = open.source(source);
        open.sources[source].add_gap(offset, len);
        Ok(())
    }

    /// Writes what is missing, syncs every file, and gives the bucket its name. `None` if nothing was added. A bucket to
    /// which only NUL runs were added holds no events, but the progress over them.
    ///
    /// # Errors
    /// If the disk refuses any of it; the bucket is then gone, as if its blocks had never been pushed.
    pub fn seal(&mut self) -> Result<Option<SealedBucket>> {
        let Some(open) = self.open.take() else { return Ok(None) };
        let sealed = open.seal(&self.index, &self.buckets_dir, &self.replaces, &mut self.terms);
        self.terms.clear();
        sealed.map(Some)
    }
}

fn open_bucket<'a>(open: &'a mut Option<OpenBucket>, buckets_dir: &Path) -> Result<&'a mut OpenBucket> {
    match open {
        Some(open) => Ok(open),
        None => Ok(open.insert(OpenBucket::create(buckets_dir)?)),
    }
}

fn fill_columns(columns: &mut BlockColumns, parsed: &ParsedBlock, directory: &mut BlockDirectory) {
    columns.clear();
    // Symbols are numbered per block; ids 0 stay 0.
    let mut level_ids = vec![0; parsed.symbols.len() + 1];
    let mut host_ids = level_ids.clone();
    let global = |ids: &mut [u32], symbol: u16, dictionary: &mut super::blocks::Dictionary| {
        let symbol = usize::from(symbol);
        if symbol > 0 && ids[symbol] == 0 {
            ids[symbol] = dictionary.id(&parsed.symbols[symbol - 1]);
        }
        ids[symbol]
    };
    for (event_idx, event) in (0..).zip(&parsed.events) {
        columns.times_us.push(event.time_us);
        columns.levels.push(global(&mut level_ids, event.level, &mut directory.levels));
        columns.hosts.push(global(&mut host_ids, event.host, &mut directory.hosts));
        if !event.flags.is_empty() {
            columns.flags.push((event_idx, event.flags.0));
        }
    }
    if !parsed.line_events {
        columns.lens.extend(parsed.events.iter().map(|event| event.len));
    }
}

fn block_flags(columns: &BlockColumns) -> u32 {
    let of_events = columns.flags.iter().fold(0, |union, (_, flags)| union | u32::from(*flags));
    of_events | if columns.indexed.len() > 1 { Block::INDEXED_AT_TIMES } else { 0 }
}

impl OpenBucket {
    fn create(buckets_dir: &Path) -> Result<Self> {
        let id = crate::clock::unique_id();
        let dir = buckets_dir.join(format!("{BUILDING_PREFIX}{id}"));
        disk::create_dir(&dir)?;
        let columns = disk::create_file(&dir.join(COLUMNS_FILE))?;
        Ok(Self {
            journal: JournalWriter::create(&dir)?,
            columns: BufWriter::with_capacity(256 << 10, columns),
            columns_len: 0,
            directory: BlockDirectory::default(),
            sources: Vec::new(),
            source_idx: HashMap::new(),
            n_events: 0,
            raw_bytes: 0,
            min_time_us: i64::MAX,
            max_time_us: i64::MIN,
            id,
            dir,
        })
    }

    /// Index of a source in this bucket.
    fn source(&mut self, handle: &Arc<SourceHandle>) -> usize {
        *self.source_idx.entry((handle.id, handle.generation)).or_insert_with(|| {
            self.directory.sources.push(BlockSource {
                id: handle.id.0,
                generation: handle.generation,
                source: handle.source.clone(),
                host: handle.host.clone(),
                sourcetype: handle.sourcetype.clone(),
                rules_hash: handle.rules_hash,
                decoding: handle.decoding,
            });
            self.sources.push(Gain::new(Arc::clone(handle)));
            self.sources.len() - 1
        })
    }

    fn seal(
        self,
        index: &IndexName,
        buckets_dir: &Path,
        replaces: &[String],
        terms: &mut TermTable,
    ) -> Result<SealedBucket> {
        let dir = self.dir;
        let sealed = || -> Result<SealedBucket> {
            segment::write(&dir, terms, self.n_events)?;
            self.journal.finish()?;
            let columns_path = dir.join(COLUMNS_FILE);
            let mut columns = self.columns;
            columns.flush().at("write", &columns_path)?;
            let has_events = self.n_events > 0;
            let meta = BucketMeta {
                format: FORMAT_VERSION,
                id: self.id,
                index: index.clone(),
                replaces: replaces.to_vec(),
                written_by: WRITTEN_BY.to_owned(),
                sealed_at_us: crate::clock::now_us(),
                n_events: self.n_events,
                n_blocks: self.directory.blocks.len() as u32,
                raw_bytes: self.raw_bytes,
                min_time_us: if has_events { self.min_time_us } else { 0 },
                max_time_us: if has_events { self.max_time_us } else { 0 },
                sources: self.sources.iter().map(Gain::to_meta).collect(),
            };
            disk::write_file(&dir.join(BLOCKS_FILE), &self.directory.encode())?;
            let disk_bytes = finish_dir(&dir, &meta)?;
            let final_dir = buckets_dir.join(meta.dir_name());
            fs::rename(&dir, &final_dir).at("rename", &dir)?;
            disk::sync_dir(buckets_dir)?;
            Ok(SealedBucket { dir: final_dir, meta, disk_bytes })
        }();
        if sealed.is_err() {
            // What is left behind is found and removed at the next start, too; the first error is the one to report.
            let _ = fs::remove_dir_all(&dir);
        }
        sealed
    }
}

/// Writes `bucket.json` and `sums`, and syncs every file and the directory. Returns the bytes that the files take.
pub(crate) fn finish_dir(dir: &Path, meta: &BucketMeta) -> Result<u64> {
    disk::write_file(&dir.join(META_FILE), &meta.encode())?;
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).at("read", dir)? {
        let name = entry.at("read", dir)?.file_name();
        names.push(name.into_string().expect("the builder names its files in ASCII"));
    }
    names.sort_unstable();
    disk::write_file(&dir.join(SUMS_FILE), &sums::compute(dir, &names)?)?;
    let mut disk_bytes = 0;
    for name in names.iter().map(String::as_str).chain([SUMS_FILE]) {
        let path = dir.join(name);
        disk_bytes += disk::sync_file(&path)?;
    }
    disk::sync_dir(dir)?;
    Ok(disk_bytes)
}

impl Drop for BucketBuilder {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            // Abandoned half-way: nothing refers to the directory yet.
            let _ = fs::remove_dir_all(&open.dir);
        }
    }
}
