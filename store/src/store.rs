//! An opened data directory: one [`Writer`], any number of [`Reader`]s.
//!
//! ```text
//! <data>/lock  catalog.db  sources.json
//! <data>/index/<name>/live/<id>.log
//! <data>/index/<name>/buckets/<min_s>_<max_s>_<id>/
//! <data>/index/<name>/removed/<min_s>_<max_s>_<id>/       no longer part of the store
//! ```

use crate::archive::{self, Archives};
use crate::bucket::builder::{BUILDING_PREFIX, BlockInput, BucketBuilder, SealedBucket};
use crate::bucket::reader::Bucket;
use crate::catalog::{self, BucketRow, CATALOG_FILE, Catalog, CatalogSnapshot, LiveLogRow, SourceState};
use crate::clock;
use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use crate::live::{self, LiveBlock, LiveLog, LiveReader, LiveState, OpenLog, Record};
use crate::lock::StoreLock;
use crate::retention::{Retention, aside};
use crate::source::SourceId;
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::mem;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use trawl_formats::event::IndexName;

/// How long buckets that were replaced stay, for readers that hold an older snapshot. Live logs go at once: a reader opens
/// them when it takes its snapshot, and takes another one if it misses one.
pub(crate) const READER_GRACE: Duration = Duration::from_secs(3600);
/// Most buckets kept open. Each takes up to four mappings, of which a process has 65,530.
const MAX_OPEN_BUCKETS: usize = 4096;
/// How often, at most, the catalog is read anew because a live log that it named is gone. Each time another log was sealed in
/// the moment between the two.
const MOST_TRIES: usize = 100;

/// Directory of an index.
pub fn index_dir(data: &Path, index: &IndexName) -> PathBuf {
    data.join("index").join(index.as_str())
}

fn buckets_dir(data: &Path, index: &IndexName) -> PathBuf {
    index_dir(data, index).join("buckets")
}

/// The one process that adds events.
pub struct Writer {
    pub(crate) data: PathBuf,
    catalog: Catalog,
    pub(crate) retention: Retention,
    live: Mutex<LiveState>,
    /// Held while a log is appended to or takes the place of another: open events count in the newest log alone.
    newest: Mutex<()>,
    /// Held while logs are sealed: two that seal the same one would store it twice.
    sealing: Mutex<()>,
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
        // The log that the last process left, folded into the database and removed, must not come back: if a sync of it has
        // failed, it may name what is now taken for an orphan.
        disk::sync_dir(data)?;
        let mut live = LiveState::default();
        for LiveLogRow { id, index, end } in catalog.snapshot()?.live_logs {
            let reader = LiveReader::open(&live::log_path(&index_dir(data, &index), &id), &index)?;
            live.load(OpenLog { id, reader, end })?;
        }
        catalog.restore(live.sources())?;
        let writer = Self {
            data: data.to_owned(),
            catalog,
            retention: Retention::default(),
            live: Mutex::new(live),
            newest: Mutex::default(),
            sealing: Mutex::default(),
            _lock: lock,
        };
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

    /// Makes sealed buckets part of the store, with the byte ranges they gained, in one transaction. What retention has to
    /// remove for them goes first.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] if less would be free than is to be kept, and if the catalog fails; the buckets are then not
    /// part of the store, and their directories gone. They stay until the next start where only a power cut would tell
    /// whether the catalog names them.
    pub fn commit(&self, sealed: &[SealedBucket]) -> Result<()> {
        let add = || -> Result<()> {
            let sizes: Vec<u64> =
                sealed.iter().map(|bucket| disk::allocated_bytes(&bucket.dir)).collect::<Result<_>>()?;
            for (bucket, bytes) in sealed.iter().zip(&sizes) {
                self.make_room_for(&bucket.meta.index, *bytes, 0)?;
            }
            self.catalog.add_buckets(&self.data, sealed)?;
            sealed.iter().zip(sizes).for_each(|(bucket, bytes)| self.retention.count(&bucket.meta.index, bytes));
            Ok(())
        };
        let added = add();
        if added.as_ref().is_err_and(|error| !catalog::may_be_committed(error)) {
            // They would take space until the next start; the first error is the one to report.
            sealed.iter().for_each(|bucket| drop(fs::remove_dir_all(&bucket.dir)));
        }
        added
    }

    /// All sources with their progress, that of the live logs included.
    ///
    /// # Errors
    /// If the catalog fails.
    pub fn sources(&self) -> Result<Vec<SourceState>> {
        // Held, so that no log is sealed between the two.
        let live = self.lock_live();
        let mut sources = self.catalog.sources()?;
        live.add_progress(&mut sources);
        Ok(sources)
    }

    /// Replaces the open events of an index: those given are added, earlier ones of other sources stay, and those whose
    /// first byte has been committed meanwhile go. What live logs hold of whole events is sealed.
    ///
    /// # Errors
    /// If the live log cannot be written; the old one then stays in force.
    pub fn set_provisional(&self, index: &IndexName, blocks: &[BlockInput<'_>]) -> Result<()> {
        self.next_live_log(index, blocks)?;
        self.seal_live_logs(index, &|| false).map(|_| ())
    }

    /// Begins the live log to which this process appends what it reads for an index. It holds the open events that earlier
    /// logs left.
    ///
    /// # Errors
    /// If the disk or the catalog refuses it.
    pub fn begin_live_log(&self, index: &IndexName) -> Result<LiveLog> {
        let _newest = lock(&self.newest);
        self.next_growing_log(index)
    }

    fn next_growing_log(&self, index: &IndexName) -> Result<LiveLog> {
        let log = LiveLog::create(&index_dir(&self.data, index), index)?;
        self.enter_live_log(log, &[], true)
    }

    /// Begins a log that holds nothing but open events, and to which nothing is appended.
    fn next_live_log(&self, index: &IndexName, blocks: &[BlockInput<'_>]) -> Result<()> {
        let _newest = lock(&self.newest);
        let is_needed = !blocks.is_empty() || self.lock_live().logs_of(index).next().is_some();
        if is_needed {
            let log = LiveLog::create(&index_dir(&self.data, index), index)?;
            self.enter_live_log(log, blocks, false)?;
        }
        Ok(())
    }

    /// Fills a new log with the open events of its index, makes it durable, and enters it in the catalog in the place of
    /// those that held nothing else.
    fn enter_live_log(&self, mut log: LiveLog, blocks: &[BlockInput<'_>], grows: bool) -> Result<LiveLog> {
        let index = log.index().clone();
        let mut live = self.lock_live();
        let mut stale: HashSet<(SourceId, u32)> =
            blocks.iter().map(|block| (block.source.id, block.source.generation)).collect();
        self.catalog.snapshot_with(|_, is_committed| {
            for ((id, generation), offset) in live.open_offsets(&index) {
                if is_committed(id, generation, offset)? {
                    stale.insert((id, generation));
                }
            }
            Ok(())
        })?;
        let mut records = live.open_events(&index, |key| !stale.contains(key));
        records.extend(blocks.iter().map(|block| Record::Open(*block)));
        if !records.is_empty() {
            log.append(&records, clock::now_us())?;
        }
        for dir in log.path().ancestors().skip(1).take_while(|dir| dir.starts_with(&self.data)) {
            disk::sync_dir(dir)?;
        }
        let void: Vec<String> =
            live.logs_of(&index).filter(|(_, log)| !log.has_gains() && !log.grows).map(|(id, _)| id.clone()).collect();
        self.catalog.add_live_log(log.id(), &index, &void)?;
        let carried = live.take_open(&index, |key| !stale.contains(key));
        live.begin(&log, carried, blocks, grows);
        live.remove(&void);
        self.delete_logs(&index, &void);
        Ok(log)
    }

    /// Appends a batch of events and progress to a live log; both are durable when this returns. If somebody has begun a
    /// newer log meanwhile ([`set_provisional`](Self::set_provisional)), the log ends, and the batch is the first of the one
    /// that takes its place.
    ///
    /// # Errors
    /// If the disk refuses it: [`abandon_live_log`](Self::abandon_live_log) then.
    pub fn append(&self, log: &mut LiveLog, records: &[Record<'_>]) -> Result<()> {
        self.append_at(log, records, clock::now_us())
    }

    /// As [`append`](Self::append), with the time of indexing, in microseconds UTC, for replays and tests.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_at(&self, log: &mut LiveLog, records: &[Record<'_>], indexed_at_us: i64) -> Result<()> {
        let _newest = lock(&self.newest);
        if !self.lock_live().is_newest(log) {
            let next = self.next_growing_log(log.index())?;
            self.end_live_log(mem::replace(log, next));
        }
        let batch = log.durable_len();
        log.append(records, indexed_at_us)?;
        self.lock_live().add_batch(log, batch, records);
        Ok(())
    }

    /// Ends a live log; it can be sealed from now on.
    pub fn end_live_log(&self, log: LiveLog) {
        self.lock_live().end(log.id());
    }

    /// Ends a live log to which a batch could not be appended: what the batch held counts as not read.
    ///
    /// # Errors
    /// If the disk refuses even that. Nothing may be read again before it succeeds, or it could be there twice.
    pub fn abandon_live_log(&self, log: &LiveLog) -> Result<()> {
        self.catalog.end_live_log(log.id(), log.durable_len())?;
        self.lock_live().end(log.id());
        log.void_rest()
    }

    /// Bytes of all live logs of an index.
    pub(crate) fn live_bytes(&self, index: &IndexName) -> u64 {
        self.lock_live().logs_of(index).map(|(_, log)| log.len).sum()
    }

    /// Bytes of all live logs by index.
    pub(crate) fn live_bytes_by_index(&self) -> BTreeMap<IndexName, u64> {
        let mut bytes: BTreeMap<IndexName, u64> = BTreeMap::new();
        self.lock_live().all().for_each(|log| *bytes.entry(log.index.clone()).or_default() += log.len);
        bytes
    }

    /// Bytes of the live logs of an index that nobody appends to any more.
    pub fn ended_live_bytes(&self, index: &IndexName) -> u64 {
        self.lock_live().logs_of(index).filter(|(_, log)| !log.grows).map(|(_, log)| log.len).sum()
    }

    /// Seals what the ended live logs of an index hold into buckets, which take their place in one transaction. Returns
    /// how many buckets that made: none if it `is_cancelled` before all are done.
    ///
    /// # Errors
    /// If a log is damaged, or the disk or the catalog refuses the buckets; the logs then stay.
    pub fn seal_live_logs(&self, index: &IndexName, is_cancelled: &dyn Fn() -> bool) -> Result<usize> {
        let _sealing = lock(&self.sealing);
        let logs: Vec<String> = {
            let live = self.lock_live();
            live.logs_of(index).filter(|(_, log)| log.has_gains() && !log.grows).map(|(id, _)| id.clone()).collect()
        };
        if logs.is_empty() {
            return Ok(0);
        }
        let holds_open_events = self.lock_live().logs_of(index).any(|(id, log)| logs.contains(id) && log.has_open());
        if holds_open_events {
            self.next_live_log(index, &[])?;
        }
        let ends: HashMap<String, Option<u64>> =
            self.catalog.snapshot()?.live_logs.into_iter().map(|row| (row.id, row.end)).collect();
        let (mut blocks, mut gaps) = (Vec::new(), Vec::new());
        for id in &logs {
            let end = ends.get(id).copied().flatten();
            let path = live::log_path(&index_dir(&self.data, index), id);
            let records = live::read(&path, index, end)?;
            if !records.blocks.iter().all(LiveBlock::is_sound) {
                return Err(StoreError::damaged(&path, 0, "a time stamp lies outside of its event"));
            }
            blocks.extend(records.blocks.into_iter().filter(|block| !block.is_open));
            gaps.extend(records.gaps);
        }
        // A bucket takes a quarter of its logs, which go soon after: it is made even where nothing else may be added.
        match self.make_room(index, 0) {
            Err(StoreError::NoRoom { .. }) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        let mut builder = self.bucket_builder(index)?;
        builder.set_replaces(&logs);
        let mut sealed = Vec::new();
        for block in live::join(blocks) {
            if is_cancelled() {
                sealed.iter().for_each(|bucket: &SealedBucket| drop(fs::remove_dir_all(&bucket.dir)));
                return Ok(0);
            }
            builder.push_indexed(&block.as_input(), &block.indexed)?;
            if builder.is_full() {
                sealed.extend(builder.seal()?);
            }
        }
        for gap in gaps {
            builder.push_gap(&gap.source, gap.offset, gap.len)?;
        }
        sealed.extend(builder.seal()?);
        let mut live = self.lock_live();
        self.catalog.seal_live_logs(&self.data, &logs, &sealed)?;
        live.remove(&logs);
        drop(live);
        self.delete_logs(index, &logs);
        Ok(sealed.len())
    }

    fn lock_live(&self) -> MutexGuard<'_, LiveState> {
        // It is changed only after the disk has been.
        lock(&self.live)
    }

    /// Removes what an interrupted writer was building and live logs that the catalog does not know, moves such directories
    /// aside, and deletes what was replaced longer than [`READER_GRACE`] ago.
    fn remove_orphans(&self) -> Result<()> {
        let snapshot = self.catalog.snapshot()?;
        let known: HashSet<PathBuf> = snapshot.buckets.iter().map(|bucket| self.data.join(&bucket.dir)).collect();
        for index in indexes(&self.data)? {
            for dir in entries(&buckets_dir(&self.data, &index))? {
                let is_building =
                    dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BUILDING_PREFIX));
                if is_building {
                    fs::remove_dir_all(&dir).at("remove", &dir)?;
                } else if !known.contains(&dir) {
                    // It was never committed, and its bytes are read again; or it was replaced, or has aged out, and a
                    // search that began before may still want it.
                    aside::set_aside(&dir)?;
                }
            }
        }
        // No log is being created yet, so each that nobody knows was replaced.
        self.sweep_live_logs(Duration::ZERO)?;
        self.sweep(READER_GRACE)
    }

    /// Deletes live logs that were replaced, where they could not be deleted then, and were written longer than `grace` ago.
    pub(crate) fn sweep_live_logs(&self, grace: Duration) -> Result<()> {
        let known = self.catalog.snapshot()?.live_logs;
        for index in indexes(&self.data)? {
            for id in live_logs(&self.data, &index)? {
                let path = live::log_path(&index_dir(&self.data, &index), &id);
                if !known.iter().any(|known| known.id == id) && age(&path)? > grace {
                    fs::remove_file(&path).at("remove", &path)?;
                }
            }
        }
        Ok(())
    }

    /// Deletes live logs that the catalog, durably, does not name any more. Who has them open reads on.
    fn delete_logs(&self, index: &IndexName, ids: &[String]) {
        for id in ids {
            // What cannot be deleted now is swept later.
            let _ = fs::remove_file(live::log_path(&index_dir(&self.data, index), id));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    archives: Archives,
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
    /// Events of live logs, small blocks joined; open events that nothing has superseded among them.
    pub live: Vec<LiveBlock>,
    /// Live logs and how far they were read, the oldest first; held open, so that they can be read on when they have no name
    /// any more.
    pub logs: Vec<LogEnd>,
    /// Why files of the archives that are searched, too, cannot be read.
    pub unreadable: Vec<Arc<StoreError>>,
}

/// A place in a live log.
#[derive(Clone, Debug)]
pub struct LogEnd {
    /// Unique name of the log.
    pub id: String,
    /// Its index.
    pub index: IndexName,
    /// Behind its last whole batch.
    pub end: u64,
    pub(crate) file: Arc<fs::File>,
}

impl Reader {
    /// Opens a data directory for reading.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if there is none, and if the catalog cannot be opened.
    pub fn open(data: &Path) -> Result<Self> {
        Ok(Self {
            data: data.to_owned(),
            catalog: Catalog::open_reader(data)?,
            open: Mutex::default(),
            archives: Archives::default(),
        })
    }

    /// Takes the buckets in archive folders, as they are now, for part of the store, but for those that it holds itself.
    /// They are read where they lie.
    ///
    /// # Errors
    /// If a folder is not there or cannot be listed. A file that cannot be read is named in each [`Snapshot`].
    pub fn with_archives(mut self, folders: &[PathBuf]) -> Result<Self> {
        self.archives = Archives::open(folders)?;
        Ok(self)
    }

    /// Sealed buckets of the store itself, and the bytes of its live logs by index.
    pub(crate) fn sealed_and_live(&self) -> Result<(Vec<BucketRow>, BTreeMap<IndexName, u64>)> {
        let snapshot = self.catalog.snapshot()?;
        let mut live = BTreeMap::new();
        for LiveLogRow { id, index, .. } in snapshot.live_logs {
            let path = live::log_path(&index_dir(&self.data, &index), &id);
            // One that is gone was sealed meanwhile.
            *live.entry(index).or_default() += path.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok((snapshot.buckets, live))
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
        self.retrying(|| {
            let mut live = LiveState::default();
            // As of one moment: a log that is sealed after it counts by itself, and not in its bucket.
            let (mut sources, logs) = self.catalog.sources_and_live_logs()?;
            for log in self.open_logs(&logs)? {
                live.load(log)?;
            }
            live.add_progress(&mut sources);
            Ok(sources)
        })
    }

    /// The live logs as of now, the oldest first.
    ///
    /// # Errors
    /// If the catalog fails.
    pub fn live_logs(&self) -> Result<Vec<LiveLogRow>> {
        Ok(self.catalog.snapshot()?.live_logs)
    }

    /// The buckets as of now, without those of archives.
    ///
    /// # Errors
    /// If the catalog fails.
    pub fn buckets(&self) -> Result<Vec<BucketRow>> {
        Ok(self.catalog.snapshot()?.buckets)
    }

    /// The buckets of a snapshot that may hold bytes `range` of a generation of the sources of this name. Opens none: of those
    /// in archives, and those brought back from one, nobody says what they hold, so they are among them.
    ///
    /// # Errors
    /// If the catalog fails.
    pub fn buckets_with<'s>(
        &self,
        snapshot: &'s Snapshot,
        source: &str,
        generation: u32,
        range: Range<u64>,
    ) -> Result<Vec<&'s BucketRow>> {
        let ids: HashSet<String> =
            self.catalog.buckets_with(source, generation, range.start, range.end)?.into_iter().collect();
        let may_hold = |row: &&BucketRow| row.is_archived() || row.is_restored || ids.contains(&row.id);
        Ok(snapshot.buckets.iter().filter(may_hold).collect())
    }

    /// Buckets and live events as of now.
    ///
    /// # Errors
    /// If the catalog fails or a live log is damaged.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut snapshot = self.retrying(|| {
            self.catalog.snapshot_with(|CatalogSnapshot { buckets, live_logs }, is_committed| {
                let (live, logs) = read_live(self.open_logs(&live_logs)?, is_committed)?;
                Ok(Snapshot { buckets, live, logs, unreadable: Vec::new() })
            })
        })?;
        self.archives.add_to(&self.data, &mut snapshot);
        Ok(snapshot)
    }

    /// Does `look` again, with a newer state of the catalog, as long as it misses live logs: the writer deletes them when
    /// the catalog names their successors.
    fn retrying<T>(&self, look: impl Fn() -> Result<T>) -> Result<T> {
        let mut missed = None;
        for _ in 1..MOST_TRIES {
            match look() {
                // One that is still missed by the next state was taken away by somebody else.
                Err(StoreError::Io { path, source, .. })
                    if source.kind() == io::ErrorKind::NotFound && missed.as_ref() != Some(&path) =>
                {
                    missed = Some(path);
                }
                outcome => return outcome,
            }
        }
        look()
    }

    /// Opens all logs before any is read, so that none goes meanwhile.
    fn open_logs(&self, rows: &[LiveLogRow]) -> Result<Vec<OpenLog>> {
        let open = |LiveLogRow { id, index, end }: &LiveLogRow| {
            let reader = LiveReader::open(&live::log_path(&index_dir(&self.data, index), id), index)?;
            Ok(OpenLog { id: id.clone(), reader, end: *end })
        };
        rows.iter().map(open).collect()
    }

    /// A bucket of a snapshot, opened at its first use and kept open while there is room.
    ///
    /// # Errors
    /// If the bucket is gone or damaged; [`has_aged_out`](Self::has_aged_out) tells why it is gone.
    pub fn bucket(&self, row: &BucketRow) -> Result<Arc<Bucket>> {
        if let Some(bucket) = self.lock_open().get(&row.id) {
            return Ok(bucket);
        }
        // Opened without the lock, so that buckets open in parallel; two threads may open the same one, one is kept.
        let bucket = Arc::new(match row.is_archived() {
            true => archive::open_for_search(row)?,
            false => Bucket::open(&self.data.join(&row.dir))?,
        });
        Ok(self.lock_open().insert(&row.id, bucket))
    }

    /// Whether a bucket of a snapshot was removed by retention since, and so thoroughly that it cannot be read any more.
    ///
    /// # Errors
    /// If the catalog fails.
    pub fn has_aged_out(&self, row: &BucketRow) -> Result<bool> {
        let dir = self.data.join(&row.dir);
        let is_there = row.is_archived() || dir.is_dir() || aside::aside_path(&dir).is_some_and(|aside| aside.is_dir());
        Ok(!is_there && !self.catalog.snapshot()?.buckets.iter().any(|bucket| bucket.id == row.id))
    }

    fn lock_open(&self) -> MutexGuard<'_, OpenBuckets> {
        lock(&self.open)
    }
}

/// The events of logs that count, and how far the logs were read.
fn read_live(
    logs: Vec<OpenLog>,
    is_committed: &dyn Fn(SourceId, u32, u64) -> Result<bool>,
) -> Result<(Vec<LiveBlock>, Vec<LogEnd>)> {
    let indexes: Vec<IndexName> = logs.iter().map(|log| log.reader.index().clone()).collect();
    let (mut blocks, mut ends) = (Vec::new(), Vec::new());
    for (at, OpenLog { id, mut reader, end }) in logs.into_iter().enumerate() {
        let mut records = reader.read_new(end)?;
        let index = indexes[at].clone();
        if indexes[at + 1..].contains(&index) {
            records.blocks.retain(|block| !block.is_open);
        } else {
            records.drop_superseded();
        }
        ends.push(LogEnd { id, index, end: reader.end(), file: Arc::clone(reader.file()) });
        for block in records.blocks {
            if !block.is_open || !is_committed(block.source.id, block.source.generation, block.offset)? {
                blocks.push(block);
            }
        }
    }
    Ok((live::join(blocks), ends))
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
