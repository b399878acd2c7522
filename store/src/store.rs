//! An opened data directory: one [`Writer`], any number of [`Reader`]s.
//!
//! ```text
//! <data>/lock  catalog.db
//! <data>/index/<name>/live/<id>.log
//! <data>/index/<name>/buckets/<min_s>_<max_s>_<id>/
//! ```

use crate::bucket::builder::{BUILDING_PREFIX, BlockInput, BucketBuilder, SealedBucket};
use crate::bucket::reader::Bucket;
use crate::catalog::{BucketRow, CATALOG_FILE, Catalog, CatalogSnapshot, SourceState};
use crate::clock;
use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use crate::live::{self, LiveBlock, LiveLogWriter};
use crate::lock::StoreLock;
use crate::source::SourceId;
use hashbrown::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use trawl_formats::event::IndexName;

/// How long files that were replaced stay, for readers that hold an older snapshot.
const READER_GRACE: Duration = Duration::from_secs(3600);
/// Most buckets kept open. Each takes up to four mappings, of which a process has 65,530.
const MAX_OPEN_BUCKETS: usize = 4096;
/// How often a snapshot is taken anew because a live log vanished between catalog and file.
const SNAPSHOT_TRIES: usize = 5;

/// Directory of an index.
pub fn index_dir(data: &Path, index: &IndexName) -> PathBuf {
    data.join("index").join(index.as_str())
}

fn buckets_dir(data: &Path, index: &IndexName) -> PathBuf {
    index_dir(data, index).join("buckets")
}

/// The one process that adds events.
pub struct Writer {
    data: PathBuf,
    catalog: Catalog,
    _lock: StoreLock,
}

impl Writer {
    /// Opens a data directory for writing; creates it if there is none. What an interrupted writer left half-done is
    /// removed.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process writes, [`StoreError::CatalogLost`] if buckets are there without a catalog,
    /// and if the directory or its catalog cannot be opened.
    pub fn open(data: &Path) -> Result<Self> {
        let lock = StoreLock::take(data)?;
        // An empty catalog would make orphans of all of them.
        if !data.join(CATALOG_FILE).exists() && !bucket_dirs(data)?.is_empty() {
            return Err(StoreError::CatalogLost { path: data.to_owned() });
        }
        let catalog = Catalog::open_writer(data)?;
        let writer = Self { data: data.to_owned(), catalog, _lock: lock };
        writer.remove_orphans()?;
        Ok(writer)
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// A builder of buckets for an index; one per thread.
    ///
    /// # Errors
    /// If the directory of the index cannot be created.
    pub fn bucket_builder(&self, index: &IndexName) -> Result<BucketBuilder> {
        let dir = buckets_dir(&self.data, index);
        disk::create_dir_all(&dir)?;
        // The names of the directories just made are part of what a bucket's durability rests on.
        for dir in dir.ancestors().take_while(|dir| dir.starts_with(&self.data)) {
            disk::sync_dir(dir)?;
        }
        Ok(BucketBuilder::new(dir, index.clone()))
    }

    /// Makes sealed buckets part of the store, with the byte ranges they gained, in one transaction.
    ///
    /// # Errors
    /// If the catalog fails; the buckets are then not part of the store.
    pub fn commit(&self, sealed: &[SealedBucket]) -> Result<()> {
        self.catalog.add_buckets(&self.data, sealed)
    }

    /// Replaces the provisional events of an index: those given are added, earlier ones of other sources stay, and those
    /// whose first byte has been committed meanwhile go.
    ///
    /// # Errors
    /// If the live log cannot be written; the old one then stays in force.
    pub fn set_provisional(&self, index: &IndexName, blocks: &[BlockInput<'_>]) -> Result<()> {
        let snapshot = self.catalog.snapshot()?;
        let renewed: HashSet<(SourceId, u32)> =
            blocks.iter().map(|block| (block.source.id, block.source.generation)).collect();
        let mut kept = Vec::new();
        for (id, _) in snapshot.live_logs.iter().filter(|(_, log_index)| log_index == index) {
            for block in live::read(&live::log_path(&index_dir(&self.data, index), id), index)? {
                let source = &block.source;
                let stays = !renewed.contains(&(source.id, source.generation))
                    && !self.catalog.is_committed(source.id, source.generation, block.offset)?;
                stays.then(|| kept.push(block));
            }
        }
        let all: Vec<BlockInput<'_>> =
            kept.iter().map(LiveBlock::as_input).chain(blocks.iter().map(reborrow)).collect();
        if all.is_empty() {
            return self.catalog.set_live_log(index, None);
        }
        let id = clock::unique_id();
        let path = live::log_path(&index_dir(&self.data, index), &id);
        LiveLogWriter::create(&path)?.append(&all)?;
        for dir in path.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.data)) {
            disk::sync_dir(dir)?;
        }
        self.catalog.set_live_log(index, Some(&id))
    }

    /// Removes directories and logs that the catalog does not know: an interrupted seal at once, replaced ones after
    /// [`READER_GRACE`].
    fn remove_orphans(&self) -> Result<()> {
        let snapshot = self.catalog.snapshot()?;
        let known: HashSet<PathBuf> = snapshot.buckets.iter().map(|bucket| self.data.join(&bucket.dir)).collect();
        for index in indexes(&self.data)? {
            for dir in entries(&buckets_dir(&self.data, &index))? {
                // Whatever is unknown was never committed: its bytes are read again from their source.
                if !known.contains(&dir) {
                    fs::remove_dir_all(&dir).at("remove", &dir)?;
                }
            }
            for id in live_logs(&self.data, &index)? {
                let path = live::log_path(&index_dir(&self.data, &index), &id);
                if !snapshot.live_logs.iter().any(|(known, _)| *known == id) && age(&path)? > READER_GRACE {
                    fs::remove_file(&path).at("remove", &path)?;
                }
            }
        }
        Ok(())
    }
}

fn reborrow<'a>(block: &BlockInput<'a>) -> BlockInput<'a> {
    BlockInput { source: block.source, offset: block.offset, bytes: block.bytes, parsed: block.parsed }
}

/// Names of the indexes on disk, in order.
pub(crate) fn indexes(data: &Path) -> Result<Vec<IndexName>> {
    let mut names: Vec<IndexName> = entries(&data.join("index"))?
        .iter()
        .filter_map(|dir| IndexName::new(dir.file_name()?.to_str()?).ok())
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Directories of the sealed buckets on disk.
pub(crate) fn bucket_dirs(data: &Path) -> Result<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for index in indexes(data)? {
        dirs.extend(entries(&buckets_dir(data, &index))?);
    }
    dirs.retain(|dir| !dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BUILDING_PREFIX)));
    dirs.sort_unstable();
    Ok(dirs)
}

/// Ids of the live logs of an index on disk.
pub(crate) fn live_logs(data: &Path, index: &IndexName) -> Result<Vec<String>> {
    let logs = entries(&index_dir(data, index).join("live"))?;
    Ok(logs.iter().filter_map(|log| Some(log.file_stem()?.to_str()?.to_owned())).collect())
}

/// Paths in a directory; none if it does not exist.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let listing = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.at("read", dir)?,
    };
    listing.map(|entry| entry.map(|entry| entry.path()).at("read", dir)).collect()
}

fn age(path: &Path) -> Result<Duration> {
    let modified = path.metadata().and_then(|metadata| metadata.modified()).at("read", path)?;
    Ok(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// A process that searches. Needs no write permission on the store and never waits for the writer.
pub struct Reader {
    data: PathBuf,
    catalog: Catalog,
    open: Mutex<OpenBuckets>,
}

/// Open buckets by id with the time of their last use.
#[derive(Default)]
struct OpenBuckets {
    by_id: HashMap<String, (Arc<Bucket>, u64)>,
    clock: u64,
}

/// What there is to search, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// All buckets.
    pub buckets: Vec<BucketRow>,
    /// Provisional events that no bucket has superseded.
    pub live: Vec<LiveBlock>,
}

impl Reader {
    /// Opens a data directory for reading.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if there is none, and if the catalog cannot be opened.
    pub fn open(data: &Path) -> Result<Self> {
        Ok(Self { data: data.to_owned(), catalog: Catalog::open_reader(data)?, open: Mutex::default() })
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// All sources with their progress.
    ///
    /// # Errors
    /// If the catalog fails.
    pub fn sources(&self) -> Result<Vec<SourceState>> {
        self.catalog.sources()
    }

    /// Buckets and live events as of now.
    ///
    /// # Errors
    /// If the catalog fails or a live log is damaged.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut tries = 0;
        loop {
            let CatalogSnapshot { buckets, live_logs } = self.catalog.snapshot()?;
            tries += 1;
            match self.read_live(&live_logs) {
                Ok(live) => return Ok(Snapshot { buckets, live }),
                // The writer replaced the log between the two reads: the next snapshot names its successor.
                Err(StoreError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && tries < SNAPSHOT_TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read_live(&self, live_logs: &[(String, IndexName)]) -> Result<Vec<LiveBlock>> {
        let mut live: Vec<LiveBlock> = Vec::new();
        for (id, index) in live_logs {
            for block in live::read(&live::log_path(&index_dir(&self.data, index), id), index)? {
                let source = &block.source;
                if self.catalog.is_committed(source.id, source.generation, block.offset)? {
                    continue;
                }
                // A later record of the same start supersedes the earlier one.
                live.retain(|earlier| {
                    (earlier.source.id, earlier.source.generation, earlier.offset)
                        != (source.id, source.generation, block.offset)
                });
                live.push(block);
            }
        }
        Ok(live)
    }

    /// A bucket of a snapshot, opened at its first use and kept open while there is room.
    ///
    /// # Errors
    /// If the bucket is gone or damaged.
    pub fn bucket(&self, row: &BucketRow) -> Result<Arc<Bucket>> {
        if let Some(bucket) = self.lock_open().get(&row.id) {
            return Ok(bucket);
        }
        // Opened without the lock, so that buckets open in parallel; two threads may open the same one, one is kept.
        let bucket = Arc::new(Bucket::open(&self.data.join(&row.dir))?);
        Ok(self.lock_open().insert(&row.id, bucket))
    }

    fn lock_open(&self) -> std::sync::MutexGuard<'_, OpenBuckets> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenBuckets {
    fn get(&mut self, id: &str) -> Option<Arc<Bucket>> {
        self.clock += 1;
        let (bucket, last_used) = self.by_id.get_mut(id)?;
        *last_used = self.clock;
        Some(Arc::clone(bucket))
    }

    fn insert(&mut self, id: &str, bucket: Arc<Bucket>) -> Arc<Bucket> {
        if self.by_id.len() >= MAX_OPEN_BUCKETS {
            let oldest = self.by_id.iter().min_by_key(|(_, (_, last_used))| *last_used).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.by_id.remove(&id));
        }
        let (bucket, _) = self.by_id.entry(id.to_owned()).or_insert((bucket, self.clock));
        Arc::clone(bucket)
    }
}
