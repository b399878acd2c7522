//! The catalog: which buckets there are, and how far each source has been read.
//!
//! A SQLite database in WAL mode with `synchronous=FULL`: a committed transaction survives a power cut, and readers never
//! wait for the writer. Everything in it can be rebuilt from the `bucket.json` files and `sources.json`; what cannot
//! ([`finished`]) only saves work.

pub mod finished;

mod log;

use crate::bucket::builder::SealedBucket;
use crate::bucket::meta::{BucketMeta, SourceMeta};
use crate::error::{Result, StoreError};
use crate::ranges::RangeSet;
use crate::retention::aged_out::{AgedOut, AgedOutFile};
use crate::source::{Fingerprint, Hash16, SourceEntry, SourceHandle, SourceId, Tail, path_text};
use log::Log;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use trawl_formats::event::{Host, IndexName, Source, Sourcetype};
use trawl_formats::text::Decoding;

/// Name of the database file.
pub const CATALOG_FILE: &str = "catalog.db";
/// Newest schema that this build reads.
const SCHEMA_VERSION: u32 = 2;
/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
CREATE TABLE bucket (
    id TEXT PRIMARY KEY,
    index_name TEXT NOT NULL,
    dir TEXT NOT NULL,
    n_events INTEGER NOT NULL,
    n_blocks INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    disk_bytes INTEGER NOT NULL,
    min_time_us INTEGER NOT NULL,
    max_time_us INTEGER NOT NULL,
    sealed_at_us INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE source (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    index_name TEXT NOT NULL,
    path TEXT NOT NULL,
    source TEXT NOT NULL,
    host TEXT NOT NULL,
    sourcetype TEXT NOT NULL,
    rules_hash INTEGER NOT NULL,
    decoding INTEGER NOT NULL
);
CREATE INDEX source_path ON source (path, index_name);
CREATE TABLE generation (
    source_id INTEGER NOT NULL REFERENCES source (id),
    number INTEGER NOT NULL,
    head_len INTEGER NOT NULL,
    head TEXT NOT NULL,
    dev INTEGER NOT NULL,
    ino INTEGER NOT NULL,
    n_events INTEGER NOT NULL DEFAULT 0,
    last_end INTEGER NOT NULL DEFAULT 0,
    last_time_us INTEGER,
    header TEXT,
    PRIMARY KEY (source_id, number)
) WITHOUT ROWID;
-- The bytes of a generation that a bucket holds, with the hash of the last of them.
CREATE TABLE byte_range (
    source_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    tail_len INTEGER NOT NULL,
    tail_hash TEXT NOT NULL,
    bucket_id TEXT NOT NULL REFERENCES bucket (id),
    PRIMARY KEY (source_id, generation, end, bucket_id)
) WITHOUT ROWID;
CREATE INDEX byte_range_bucket ON byte_range (bucket_id);
CREATE TABLE live_log (
    id TEXT PRIMARY KEY,
    index_name TEXT NOT NULL
) WITHOUT ROWID;
";

/// What leads from each schema to the next.
const MIGRATIONS: [&str; 1] = ["-- Where a log ends that the disk failed; else at its last whole batch.
ALTER TABLE live_log ADD COLUMN end INTEGER;
CREATE INDEX source_name ON source (source, index_name);
-- 0: retention may remove it. 1: brought back from an archive, and exempt until it is released.
ALTER TABLE bucket ADD COLUMN is_restored INTEGER NOT NULL DEFAULT 0;
-- Events of buckets that have aged out, which `n_events` still counts.
ALTER TABLE generation ADD COLUMN aged_events INTEGER NOT NULL DEFAULT 0;
-- The bytes of a generation that were held by buckets that have aged out. Disjoint and not adjacent.
CREATE TABLE aged_range (
    source_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    tail_len INTEGER NOT NULL,
    tail_hash TEXT NOT NULL,
    PRIMARY KEY (source_id, generation, end)
) WITHOUT ROWID;
-- Compressed files of which everything is known, as they were then.
CREATE TABLE finished_file (
    index_name TEXT NOT NULL,
    dev INTEGER NOT NULL,
    ino INTEGER NOT NULL,
    len INTEGER NOT NULL,
    mtime_us INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    content_len INTEGER NOT NULL,
    noted_at_us INTEGER NOT NULL,
    PRIMARY KEY (index_name, dev, ino)
) WITHOUT ROWID;
"];

/// One bucket as the catalog knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketRow {
    /// Unique name.
    pub id: String,
    /// Index it belongs to.
    pub index: IndexName,
    /// Directory, relative to the data directory; of a bucket in an archive, the absolute path of its file.
    pub dir: PathBuf,
    /// Events.
    pub n_events: u64,
    /// Journal blocks.
    pub n_blocks: u64,
    /// Raw bytes in the journal.
    pub raw_bytes: u64,
    /// Bytes that its files take.
    pub disk_bytes: u64,
    /// Earliest `_time`, microseconds.
    pub min_time_us: i64,
    /// Latest `_time`, microseconds.
    pub max_time_us: i64,
    /// When it was sealed, microseconds since the epoch.
    pub sealed_at_us: i64,
    /// It was brought back from an archive, and retention leaves it alone until it is released.
    pub is_restored: bool,
}

impl BucketRow {
    /// Whether it lies in an archive, and not in the store.
    pub fn is_archived(&self) -> bool {
        self.dir.is_absolute()
    }
}

/// A source that is to be entered in the catalog.
#[derive(Clone, Debug)]
pub struct NewSource {
    /// Index that its events go to.
    pub index: IndexName,
    /// Path of the file.
    pub path: PathBuf,
    /// Value of the field `source`.
    pub source: Source,
    /// Value of the field `host`.
    pub host: Host,
    /// Value of the field `sourcetype`.
    pub sourcetype: Sourcetype,
    /// Hash of the sourcetype's rules.
    pub rules_hash: u64,
    /// How bytes become text.
    pub decoding: Decoding,
    /// How the file is known again.
    pub fingerprint: Fingerprint,
}

/// A source with all its generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Key.
    pub id: SourceId,
    /// Index that its events go to.
    pub index: IndexName,
    /// First path at which the file was seen.
    pub path: PathBuf,
    /// Value of the field `source`.
    pub source: Source,
    /// Value of the field `host`.
    pub host: Host,
    /// Value of the field `sourcetype`.
    pub sourcetype: Sourcetype,
    /// Hash of the sourcetype's rules.
    pub rules_hash: u64,
    /// How bytes become text.
    pub decoding: Decoding,
    /// Generations by number.
    pub generations: Vec<GenerationState>,
}

/// One of the files that had a source's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationState {
    /// Number, from 0.
    pub number: u32,
    /// How the file is known again.
    pub fingerprint: Fingerprint,
    /// Bytes that are durably indexed.
    pub committed: RangeSet,
    /// Tails of the committed ranges.
    pub tails: Vec<Tail>,
    /// The part of the committed bytes whose buckets have aged out.
    pub aged_out: RangeSet,
    /// Events indexed, those that have aged out included.
    pub n_events: u64,
    /// `_time` of the last event in the file, microseconds.
    pub last_time_us: Option<i64>,
    /// Header line in force at the end (CSV, W3C).
    pub header: Option<Arc<str>>,
}

impl GenerationState {
    /// The tail that ends where the first hole of the committed bytes begins.
    pub fn tail(&self) -> Option<&Tail> {
        let end = self.committed.first_gap(0);
        self.tails.iter().find(|tail| tail.end == end)
    }
}

impl SourceState {
    /// The handle under which blocks of a generation are written.
    pub fn handle(&self, generation: &GenerationState) -> SourceHandle {
        SourceHandle {
            id: self.id,
            generation: generation.number,
            index: self.index.clone(),
            path: self.path.clone(),
            source: self.source.clone(),
            sourcetype: self.sourcetype.clone(),
            host: self.host.clone(),
            rules_hash: self.rules_hash,
            decoding: self.decoding,
            fingerprint: generation.fingerprint,
        }
    }
}

/// An open catalog. Shared by threads; statements wait for each other.
pub struct Catalog {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// Schema of the database: a reader does not migrate.
    version: u32,
    log: Log,
}

/// What a search needs of the catalog, read in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogSnapshot {
    /// All buckets.
    pub buckets: Vec<BucketRow>,
    /// Live logs, the oldest first.
    pub live_logs: Vec<LiveLogRow>,
}

/// One live log as the catalog knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveLogRow {
    /// Unique name; names sort by age.
    pub id: String,
    /// Index it belongs to.
    pub index: IndexName,
    /// Where it ends, if not at its last whole batch.
    pub end: Option<u64>,
}

impl Catalog {
    /// Opens the catalog in `data` for writing; creates it if there is none.
    ///
    /// # Errors
    /// If the database cannot be opened or has a newer schema.
    pub fn open_writer(data: &Path) -> Result<Self> {
        let path = data.join(CATALOG_FILE);
        let open = || -> rusqlite::Result<(Connection, u32)> {
            let mut connection = Connection::open(&path)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            let version = schema_version(&connection)?;
            if version < SCHEMA_VERSION {
                let transaction = connection.transaction()?;
                if version == 0 {
                    transaction.execute_batch(SCHEMA)?;
                }
                for migration in &MIGRATIONS[version.saturating_sub(1) as usize..] {
                    transaction.execute_batch(migration)?;
                }
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
                transaction.commit()?;
            }
            Ok((connection, version))
        };
        let (connection, version) = open().map_err(|source| StoreError::Catalog { path: path.clone(), source })?;
        check_version(&path, version)?;
        Ok(Self::new(path, connection, SCHEMA_VERSION))
    }

    fn new(path: PathBuf, connection: Connection, version: u32) -> Self {
        Self { path, connection: Mutex::new(connection), version, log: Log::default() }
    }

    fn has_aged(&self) -> bool {
        self.version >= 2
    }

    /// Opens the catalog in `data` for reading; needs no write permission.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if there is none, and as [`open_writer`](Self::open_writer).
    pub fn open_reader(data: &Path) -> Result<Self> {
        let path = data.join(CATALOG_FILE);
        if !path.exists() {
            return Err(StoreError::NoStore { path: data.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = |query: &str| -> rusqlite::Result<(Connection, u32)> {
            let connection = Connection::open_with_flags(format!("file:{}?{query}", uri_path(&path)), flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            let version = schema_version(&connection)?;
            Ok((connection, version))
        };
        // A WAL database needs its shared memory file even to be read. Where it is absent and cannot be made, no writer
        // is at work and the log was folded into the database, which can then be read as an unchanging file.
        let opened = open("mode=ro").or_else(|error| {
            let wal = path.with_extension("db-wal");
            let folded = wal.metadata().map_or(true, |wal| wal.len() == 0);
            if folded { open("mode=ro&immutable=1") } else { Err(error) }
        });
        let (connection, version) = match opened {
            // A power cut came while the catalog was created.
            Err(_) if has_rollback_journal(&path) => return Err(StoreError::NoStore { path: data.to_owned() }),
            opened => opened.map_err(|source| StoreError::Catalog { path: path.clone(), source })?,
        };
        check_version(&path, version)?;
        if version == 0 {
            // A writer was stopped between creating the file and the tables in it.
            return Err(StoreError::NoStore { path: data.to_owned() });
        }
        Ok(Self::new(path, connection, version))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a statement leaves no half-done transaction: it is rolled back when it is dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a transaction; it is durable when this returns.
    fn run<T>(&self, statement: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.lock();
        self.log.mend(&mut connection, &self.path)?;
        let n_changes = connection.total_changes();
        let answer = transact(&mut connection, statement);
        self.log.note_durable(&answer, connection.total_changes() > n_changes);
        self.explained(answer)
    }

    /// Runs a transaction that need not survive a power cut by itself. The next durable one syncs the same log and with it
    /// this one: a source is never lost while a bucket names it, and thousands of new files do not wait for the disk.
    fn run_lazily<T>(&self, statement: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.lock();
        self.log.mend(&mut connection, &self.path)?;
        self.log.note_lazy();
        let lazily = connection.pragma_update(None, "synchronous", "NORMAL");
        let value = lazily.and_then(|()| transact(&mut connection, statement));
        let restored = connection.pragma_update(None, "synchronous", "FULL");
        self.explained(value.and_then(|value| restored.map(|()| value)))
    }

    fn explained<T>(&self, answer: rusqlite::Result<T>) -> Result<T> {
        answer.map_err(|source| StoreError::Catalog { path: self.path.clone(), source })
    }

    /// Buckets and live logs, as of one moment.
    ///
    /// # Errors
    /// If the database fails.
    pub fn snapshot(&self) -> Result<CatalogSnapshot> {
        self.snapshot_with(|snapshot, _| Ok(snapshot))
    }

    /// Buckets and live logs, and what `read` makes of them at the same moment: its second argument tells whether a byte of
    /// a source's generation is held by a bucket.
    ///
    /// # Errors
    /// If the database or `read` fails.
    pub fn snapshot_with<T>(
        &self,
        read: impl FnOnce(CatalogSnapshot, &dyn Fn(SourceId, u32, u64) -> Result<bool>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.lock();
        let transaction = self.explained(connection.transaction())?;
        let snapshot = self.explained(take_snapshot(&transaction))?;
        read(snapshot, &|source, generation, at| {
            self.explained(is_committed(&transaction, self.range_tables(), source, generation, at))
        })
    }

    /// All sources with their generations and progress, by id.
    ///
    /// # Errors
    /// If the database fails.
    pub fn sources(&self) -> Result<Vec<SourceState>> {
        self.run(|transaction| read_sources(transaction, self.range_tables()))
    }

    /// The same, and the live logs that were not part of it at that moment, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub fn sources_and_live_logs(&self) -> Result<(Vec<SourceState>, Vec<LiveLogRow>)> {
        self.run(|transaction| {
            Ok((read_sources(transaction, self.range_tables())?, take_snapshot(transaction)?.live_logs))
        })
    }

    /// Ids of the buckets that hold bytes between `start` and `end` of a generation of the sources of this name. What was
    /// brought back from an archive is not among them.
    ///
    /// # Errors
    /// If the database fails.
    pub fn buckets_with(&self, source: &str, generation: u32, start: u64, end: u64) -> Result<Vec<String>> {
        let offset = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
        self.run(|transaction| {
            transaction
                .prepare_cached(
                    "SELECT DISTINCT bucket_id FROM source
                     JOIN byte_range ON byte_range.source_id = source.id
                     WHERE source.source = ? AND byte_range.generation = ? AND byte_range.start < ? AND byte_range.end > ?",
                )?
                .query_map(params![source, generation, offset(end), offset(start)], |row| row.get(0))?
                .collect()
        })
    }

    fn range_tables(&self) -> &'static [&'static str] {
        if self.has_aged() { &RANGE_TABLES } else { &RANGE_TABLES[..1] }
    }

    /// Enters a source, and the number of its first generation: 0, unless other files have the same value of the field
    /// `source`, which then goes on counting. Durable with the first bucket or live log that names it.
    ///
    /// # Errors
    /// If the database fails.
    pub fn register(&self, new: &NewSource) -> Result<(SourceId, u32)> {
        self.run_lazily(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO source (index_name, path, source, host, sourcetype, rules_hash, decoding)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    new.index.as_str(),
                    path_text::to_text(&new.path),
                    new.source.as_str(),
                    new.host.as_str(),
                    new.sourcetype.as_str(),
                    new.rules_hash as i64,
                    new.decoding.to_u8()
                ])?;
            let id = SourceId(transaction.last_insert_rowid() as u64);
            let number = next_generation(transaction, id)?;
            insert_generation(transaction, id, number, &new.fingerprint)?;
            Ok((id, number))
        })
    }

    /// Begins the next generation of a source; its number.
    ///
    /// # Errors
    /// If the database fails.
    pub fn new_generation(&self, source: SourceId, fingerprint: &Fingerprint) -> Result<u32> {
        self.run_lazily(|transaction| {
            let number = next_generation(transaction, source)?;
            insert_generation(transaction, source, number, fingerprint)?;
            Ok(number)
        })
    }

    /// Enters the next generation of a source, whose bytes up to `tail` are those of the generation `of`: they count as read, and
    /// are held there.
    ///
    /// # Errors
    /// If the database fails.
    pub fn part_generation(
        &self,
        source: &SourceState,
        of: &GenerationState,
        fingerprint: &Fingerprint,
        tail: &Tail,
    ) -> Result<u32> {
        self.run(|transaction| {
            let number = next_generation(transaction, source.id)?;
            insert_generation(transaction, source.id, number, fingerprint)?;
            let parted = GenerationState { number, fingerprint: *fingerprint, ..of.clone() };
            let held_elsewhere = AgedOut {
                entry: SourceEntry::of(&source.handle(&parted)),
                index: source.index.clone(),
                n_events: 0,
                ranges: iter::once(0..tail.end).collect(),
                tails: vec![*tail],
                last_end: tail.end,
                last_time_us: of.last_time_us,
                header: of.header.clone(),
            };
            set_aged_out(transaction, &[held_elsewhere])?;
            Ok(number)
        })
    }

    /// Replaces a generation's fingerprint, after a file that was shorter than its head has grown.
    ///
    /// # Errors
    /// If the database fails.
    pub fn set_fingerprint(&self, source: SourceId, generation: u32, fingerprint: &Fingerprint) -> Result<()> {
        self.run_lazily(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE generation SET head_len = ?, head = ?, dev = ?, ino = ? WHERE source_id = ? AND number = ?",
                )?
                .execute(params![
                    fingerprint.head_len,
                    fingerprint.head.to_string(),
                    fingerprint.dev as i64,
                    fingerprint.ino as i64,
                    source.0 as i64,
                    generation
                ])
                .map(|_| ())
        })
    }

    /// Adds sealed buckets and the byte ranges they gained, in one transaction.
    ///
    /// # Errors
    /// If the database fails; nothing is added then.
    pub fn add_buckets(&self, data: &Path, sealed: &[SealedBucket]) -> Result<()> {
        self.run(|transaction| sealed.iter().try_for_each(|bucket| insert_bucket(transaction, data, bucket, &[])))
    }

    /// What has aged out, and what will have when the buckets of `metas` go, which hold the ranges that are entered for them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) fn aged_out(&self, going: &[BucketMeta]) -> Result<Vec<AgedOut>> {
        self.run(|transaction| {
            let mut aged = aged_out(transaction)?;
            for meta in going {
                let mut ranges = transaction.prepare_cached("SELECT * FROM byte_range WHERE bucket_id = ?")?;
                let mut rows = ranges.query([&meta.id])?;
                let mut touched: BTreeSet<(u64, u32)> = BTreeSet::new();
                while let Some(row) = rows.next()? {
                    let (id, number, range, tail) = range_row(row)?;
                    let aged = aged_entry(transaction, &mut aged, (id, number))?;
                    aged.add(&iter::once(range).collect(), &[tail]);
                    touched.insert((id, number));
                }
                for source in &meta.sources {
                    let key = (source.entry.id.0, source.entry.generation);
                    if let Some(aged) = aged.get_mut(&key).filter(|_| touched.contains(&key)) {
                        aged.n_events += source.n_events;
                    }
                }
            }
            Ok(aged.into_values().collect())
        })
    }

    /// Removes buckets; `aged` is what has aged out then, as [`aged_out`](Self::aged_out) told.
    ///
    /// # Errors
    /// If the database fails; nothing is changed then.
    pub(crate) fn remove_buckets(&self, ids: &[&str], aged: &[AgedOut]) -> Result<()> {
        self.run(|transaction| {
            set_aged_out(transaction, aged)?;
            for id in ids {
                transaction.prepare_cached("DELETE FROM byte_range WHERE bucket_id = ?")?.execute([id])?;
                transaction.prepare_cached("DELETE FROM bucket WHERE id = ?")?.execute([id])?;
            }
            Ok(())
        })
    }

    /// Adds a bucket that comes back from an archive. It brings no progress of its own: that is in `aged`.
    ///
    /// # Errors
    /// If the database fails; nothing is changed then.
    pub(crate) fn add_restored(&self, data: &Path, bucket: &SealedBucket, aged: &[AgedOut]) -> Result<()> {
        self.run(|transaction| {
            set_aged_out(transaction, aged)?;
            insert_bucket_row(transaction, data, bucket, true)
        })
    }

    /// Gives restored buckets back to retention. Returns how many of them were exempt.
    ///
    /// # Errors
    /// If the database fails; nothing is changed then.
    pub(crate) fn release(&self, ids: &[&str]) -> Result<usize> {
        self.run(|transaction| {
            let mut update =
                transaction.prepare_cached("UPDATE bucket SET is_restored = 0 WHERE id = ? AND is_restored = 1")?;
            ids.iter().try_fold(0, |n_released, id| Ok(n_released + update.execute([id])?))
        })
    }

    /// Puts a bucket in the place of another that holds the same events.
    ///
    /// # Errors
    /// If the database fails; nothing is changed then.
    pub fn replace_bucket(&self, data: &Path, old_id: &str, new: &SealedBucket) -> Result<()> {
        self.run(|transaction| {
            let is_restored = transaction
                .prepare_cached("SELECT is_restored FROM bucket WHERE id = ?")?
                .query_row([old_id], |row| row.get(0))
                .optional()?;
            // One that was restored has no ranges of its own, and the new one gets none.
            let ranges: u64 = transaction
                .prepare_cached("SELECT count(*) FROM byte_range WHERE bucket_id = ?")?
                .query_row([old_id], |row| row.get::<_, i64>(0).map(|n| n as u64))?;
            transaction.prepare_cached("DELETE FROM byte_range WHERE bucket_id = ?")?.execute([old_id])?;
            transaction.prepare_cached("DELETE FROM bucket WHERE id = ?")?.execute([old_id])?;
            insert_bucket_row(transaction, data, new, is_restored.unwrap_or(false))?;
            if ranges == 0 {
                return Ok(());
            }
            for source in &new.meta.sources {
                transaction
                    .prepare_cached("UPDATE generation SET n_events = n_events - ? WHERE source_id = ? AND number = ?")?
                    .execute(params![source.n_events as i64, source.entry.id.0 as i64, source.entry.generation])?;
                insert_gain(transaction, &new.meta.id, source)?;
            }
            Ok(())
        })
    }

    /// Enters sources that a live log names, where a power cut has taken what [`register`](Self::register) had noted.
    ///
    /// # Errors
    /// If the database fails.
    pub fn restore<'s>(&self, sources: impl IntoIterator<Item = &'s SourceHandle>) -> Result<()> {
        self.run(|transaction| sources.into_iter().try_for_each(|source| restore_source(transaction, source)))
    }

    /// Adds a live log and removes others, which it takes the place of.
    ///
    /// # Errors
    /// If the database fails; nothing is changed then.
    pub fn add_live_log(&self, id: &str, index: &IndexName, replaced: &[String]) -> Result<()> {
        self.run(|transaction| {
            insert_live_log(transaction, id, index)?;
            delete_live_logs(transaction, replaced)
        })
    }

    /// Notes that a live log ends at byte `end`, whatever lies behind.
    ///
    /// # Errors
    /// If the database fails.
    pub fn end_live_log(&self, id: &str, end: u64) -> Result<()> {
        self.run(|transaction| {
            let mut update = transaction.prepare_cached("UPDATE live_log SET end = ? WHERE id = ?")?;
            update.execute(params![end as i64, id]).map(|_| ())
        })
    }

    /// Puts sealed buckets in the place of live logs.
    ///
    /// # Errors
    /// If the database fails; nothing is changed then.
    pub fn seal_live_logs(&self, data: &Path, logs: &[String], sealed: &[SealedBucket]) -> Result<()> {
        self.run(|transaction| {
            delete_live_logs(transaction, logs)?;
            sealed.iter().try_for_each(|bucket| insert_bucket(transaction, data, bucket, &[]))
        })
    }

    /// Empties the catalog and fills it anew from sealed buckets, the given live logs, and what has aged out.
    ///
    /// # Errors
    /// If the database fails; the catalog is then unchanged.
    pub(crate) fn rebuild(
        &self,
        data: &Path,
        sealed: &[SealedBucket],
        live_logs: &[(String, IndexName)],
        aged: &AgedOutFile,
    ) -> Result<()> {
        self.run(|transaction| {
            transaction.execute_batch(
                "DELETE FROM byte_range; DELETE FROM aged_range; DELETE FROM generation; DELETE FROM source;
                 DELETE FROM bucket; DELETE FROM live_log;",
            )?;
            set_aged_out(transaction, &aged.aged_out)?;
            live_logs.iter().try_for_each(|(id, index)| insert_live_log(transaction, id, index))?;
            for bucket in sealed {
                for source in &bucket.meta.sources {
                    restore_source(transaction, &source.entry.handle(&bucket.meta.index))?;
                }
                insert_bucket(transaction, data, bucket, &aged.aged_out)?;
                if aged.restored.contains(&bucket.meta.id) {
                    let mut update = transaction.prepare_cached("UPDATE bucket SET is_restored = 1 WHERE id = ?")?;
                    update.execute([&bucket.meta.id])?;
                }
            }
            Ok(())
        })
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        // SQLite folds the log into the database now. Where it cannot be mended, it is as it was.
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = self.log.mend(connection, &self.path);
    }
}

fn transact<T>(
    connection: &mut Connection,
    statement: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction()?;
    let value = statement(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn take_snapshot(transaction: &Transaction<'_>) -> rusqlite::Result<CatalogSnapshot> {
    let buckets = transaction
        .prepare_cached("SELECT * FROM bucket ORDER BY index_name, min_time_us, id")?
        .query_map([], bucket_row)?
        .collect::<rusqlite::Result<_>>()?;
    let live_log = |row: &Row<'_>| {
        // A reader does not migrate: the first schema has no such column.
        let end = row.as_ref().column_index("end").map_or(Ok(None), |column| row.get::<_, Option<i64>>(column))?;
        let end = end.map(|end| end as u64);
        Ok(LiveLogRow { id: row.get("id")?, index: index_name(row, "index_name")?, end })
    };
    let live_logs = transaction
        .prepare_cached("SELECT * FROM live_log ORDER BY id")?
        .query_map([], live_log)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(CatalogSnapshot { buckets, live_logs })
}

fn read_sources(transaction: &Transaction<'_>, range_tables: &[&str]) -> rusqlite::Result<Vec<SourceState>> {
    let mut sources: BTreeMap<u64, SourceState> = transaction
        .prepare_cached("SELECT * FROM source")?
        .query_map([], |row| source_row(row).map(|source| (source.id.0, source)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut generations = transaction.prepare_cached("SELECT * FROM generation ORDER BY source_id, number")?;
    let mut rows = generations.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(source) = sources.get_mut(&unsigned(row, "source_id")?) {
            source.generations.push(generation_row(row)?);
        }
    }
    for table in range_tables {
        let mut ranges = transaction.prepare_cached(&format!("SELECT * FROM {table}"))?;
        let mut rows = ranges.query([])?;
        while let Some(row) = rows.next()? {
            let (id, number, range, tail) = range_row(row)?;
            let generation = sources
                .get_mut(&id)
                .and_then(|source| source.generations.iter_mut().find(|generation| generation.number == number));
            if let Some(generation) = generation {
                generation.committed.insert(range.clone());
                if *table == AGED_RANGES {
                    generation.aged_out.insert(range);
                }
                generation.tails.push(tail);
            }
        }
    }
    for generation in sources.values_mut().flat_map(|source| &mut source.generations) {
        generation.tails.sort_unstable_by_key(|tail| (tail.end, tail.len));
        generation.tails.dedup();
    }
    Ok(sources.into_values().collect())
}

/// Tables of the byte ranges that were read: those in buckets, and those that have aged out.
const RANGE_TABLES: [&str; 2] = ["byte_range", AGED_RANGES];
const AGED_RANGES: &str = "aged_range";

fn is_committed(
    transaction: &Transaction<'_>,
    tables: &[&str],
    source: SourceId,
    generation: u32,
    at: u64,
) -> rusqlite::Result<bool> {
    for table in tables {
        let sql = format!("SELECT 1 FROM {table} WHERE source_id = ? AND generation = ? AND start <= ? AND end > ?");
        let found = transaction
            .prepare_cached(&sql)?
            .query_row(params![source.0 as i64, generation, at as i64, at as i64], |_| Ok(()))
            .optional()?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Source, generation, range and tail.
fn range_row(row: &Row<'_>) -> rusqlite::Result<(u64, u32, Range<u64>, Tail)> {
    let (start, end) = (unsigned(row, "start")?, unsigned(row, "end")?);
    let tail = Tail { end, len: row.get("tail_len")?, hash: hash(row, "tail_hash")? };
    Ok((unsigned(row, "source_id")?, row.get("generation")?, start..end, tail))
}

/// What has aged out, by source and generation.
fn aged_out(transaction: &Transaction<'_>) -> rusqlite::Result<BTreeMap<(u64, u32), AgedOut>> {
    let mut aged: BTreeMap<(u64, u32), AgedOut> = BTreeMap::new();
    let mut ranges = transaction.prepare_cached("SELECT * FROM aged_range ORDER BY source_id, generation, end")?;
    let mut rows = ranges.query([])?;
    while let Some(row) = rows.next()? {
        let (id, number, range, tail) = range_row(row)?;
        let aged = aged_entry(transaction, &mut aged, (id, number))?;
        aged.ranges.insert(range);
        aged.tails.push(tail);
    }
    Ok(aged)
}

fn aged_entry<'a>(
    transaction: &Transaction<'_>,
    aged: &'a mut BTreeMap<(u64, u32), AgedOut>,
    (id, number): (u64, u32),
) -> rusqlite::Result<&'a mut AgedOut> {
    Ok(match aged.entry((id, number)) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(aged_generation(transaction, id, number)?),
    })
}

/// A generation, as if nothing of it had aged out but what is counted.
fn aged_generation(transaction: &Transaction<'_>, id: u64, number: u32) -> rusqlite::Result<AgedOut> {
    let source = transaction.prepare_cached("SELECT * FROM source WHERE id = ?")?.query_row([id as i64], source_row)?;
    let mut select = transaction.prepare_cached("SELECT * FROM generation WHERE source_id = ? AND number = ?")?;
    select.query_row(params![id as i64, number], |row| {
        let generation = generation_row(row)?;
        Ok(AgedOut {
            entry: SourceEntry::of(&source.handle(&generation)),
            index: source.index.clone(),
            n_events: unsigned(row, "aged_events")?,
            ranges: RangeSet::default(),
            tails: Vec::new(),
            last_end: unsigned(row, "last_end")?,
            last_time_us: generation.last_time_us,
            header: generation.header,
        })
    })
}

/// Notes what has aged out, all of it for each generation that is named. Generations that are not there are entered.
fn set_aged_out(transaction: &Transaction<'_>, aged: &[AgedOut]) -> rusqlite::Result<()> {
    for aged in aged {
        restore_source(transaction, &aged.handle())?;
        let key = params![aged.entry.id.0 as i64, aged.entry.generation];
        transaction.prepare_cached("DELETE FROM aged_range WHERE source_id = ? AND generation = ?")?.execute(key)?;
        let mut insert = transaction.prepare_cached("INSERT INTO aged_range VALUES (?, ?, ?, ?, ?, ?)")?;
        for range in aged.ranges.iter() {
            let Some(tail) = aged.tails.iter().find(|tail| tail.end == range.end) else { continue };
            insert.execute(params![
                aged.entry.id.0 as i64,
                aged.entry.generation,
                range.start as i64,
                range.end as i64,
                tail.len,
                tail.hash.to_string()
            ])?;
        }
        // Where the generation is new here, all that is known of it is what has aged out.
        transaction
            .prepare_cached(
                "UPDATE generation SET
                     n_events = max(n_events, ?1),
                     aged_events = ?1,
                     last_time_us = CASE WHEN ?2 > last_end THEN ?3 ELSE last_time_us END,
                     header = CASE WHEN ?2 > last_end THEN ?4 ELSE header END,
                     last_end = max(last_end, ?2)
                 WHERE source_id = ?5 AND number = ?6",
            )?
            .execute(params![
                aged.n_events as i64,
                aged.last_end as i64,
                aged.last_time_us,
                aged.header.as_deref(),
                aged.entry.id.0 as i64,
                aged.entry.generation
            ])?;
    }
    Ok(())
}

fn insert_live_log(transaction: &Transaction<'_>, id: &str, index: &IndexName) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO live_log (id, index_name) VALUES (?, ?)")?;
    insert.execute([id, index.as_str()]).map(|_| ())
}

fn delete_live_logs(transaction: &Transaction<'_>, ids: &[String]) -> rusqlite::Result<()> {
    let mut delete = transaction.prepare_cached("DELETE FROM live_log WHERE id = ?")?;
    ids.iter().try_for_each(|id| delete.execute([id]).map(|_| ()))
}

/// Whether what the catalog refused may be found in it after a power cut: the error says nothing about the disk then.
pub(crate) fn may_be_committed(error: &StoreError) -> bool {
    matches!(error, StoreError::Catalog { source, .. } if log::may_be_committed(source))
}

/// Whether a writer must undo first what is half done, which a reader may not. A catalog has such a journal only while it is
/// created, before it has its log.
fn has_rollback_journal(path: &Path) -> bool {
    path.with_extension("db-journal").metadata().is_ok_and(|journal| journal.len() > 0)
}

fn schema_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn check_version(path: &Path, found: u32) -> Result<()> {
    if found > SCHEMA_VERSION {
        return Err(StoreError::NewerFormat { path: path.to_owned(), found, supported: SCHEMA_VERSION });
    }
    Ok(())
}

/// Percent-encodes what has a meaning in a `file:` URI.
fn uri_path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// The number of a source's next generation. Sources of an index that share the value of the field `source` count together:
/// it and the number tell every file from every other.
fn next_generation(transaction: &Transaction<'_>, source: SourceId) -> rusqlite::Result<u32> {
    transaction
        .prepare_cached(
            "SELECT coalesce(max(generation.number) + 1, 0) FROM source
             JOIN source AS same ON same.source = source.source AND same.index_name = source.index_name
             JOIN generation ON generation.source_id = same.id
             WHERE source.id = ?",
        )?
        .query_row([source.0 as i64], |row| row.get(0))
}

fn insert_generation(
    transaction: &Transaction<'_>,
    source: SourceId,
    number: u32,
    fingerprint: &Fingerprint,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO generation (source_id, number, head_len, head, dev, ino) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            source.0 as i64,
            number,
            fingerprint.head_len,
            fingerprint.head.to_string(),
            fingerprint.dev as i64,
            fingerprint.ino as i64
        ])
        .map(|_| ())
}

/// Enters a source and a generation of it under the ids that they had, unless they are there.
fn restore_source(transaction: &Transaction<'_>, source: &SourceHandle) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO source (id, index_name, path, source, host, sourcetype, rules_hash, decoding)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            source.id.0 as i64,
            source.index.as_str(),
            path_text::to_text(&source.path),
            source.source.as_str(),
            source.host.as_str(),
            source.sourcetype.as_str(),
            source.rules_hash as i64,
            source.decoding.to_u8()
        ])?;
    insert_generation(transaction, source.id, source.generation, &source.fingerprint)
}

/// Adds a bucket with the ranges that it gained, but for those that are among what has `aged` out: the bucket was restored
/// from an archive, or it was about to go when the process was stopped.
fn insert_bucket(
    transaction: &Transaction<'_>,
    data: &Path,
    bucket: &SealedBucket,
    aged: &[AgedOut],
) -> rusqlite::Result<()> {
    insert_bucket_row(transaction, data, bucket, false)?;
    for source in &bucket.meta.sources {
        let has_aged = |aged: &AgedOut| {
            aged.entry.key() == source.entry.key()
                && source.ranges.iter().all(|range| aged.ranges.first_gap(range.start) >= range.end)
        };
        if !aged.iter().any(has_aged) {
            insert_gain(transaction, &bucket.meta.id, source)?;
        }
    }
    Ok(())
}

fn insert_bucket_row(
    transaction: &Transaction<'_>,
    data: &Path,
    bucket: &SealedBucket,
    is_restored: bool,
) -> rusqlite::Result<()> {
    let meta = &bucket.meta;
    let dir = bucket.dir.strip_prefix(data).unwrap_or(&bucket.dir);
    transaction
        .prepare_cached("INSERT INTO bucket VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![
            meta.id,
            meta.index.as_str(),
            path_text::to_text(dir),
            meta.n_events,
            meta.n_blocks,
            meta.raw_bytes as i64,
            bucket.disk_bytes as i64,
            meta.min_time_us,
            meta.max_time_us,
            meta.sealed_at_us,
            is_restored
        ])
        .map(|_| ())
}

/// Notes what a bucket gained of a source.
fn insert_gain(transaction: &Transaction<'_>, bucket_id: &str, source: &SourceMeta) -> rusqlite::Result<()> {
    for tail in &source.tails {
        let range = source.ranges.iter().find(|range| range.start < tail.end && tail.end <= range.end);
        let start = range.map_or(tail.start(), |range| range.start);
        transaction.prepare_cached("INSERT INTO byte_range VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
            source.entry.id.0 as i64,
            source.entry.generation,
            start as i64,
            tail.end as i64,
            tail.len,
            tail.hash.to_string(),
            bucket_id
        ])?;
    }
    let end = source.ranges.end() as i64;
    transaction
        .prepare_cached(
            "UPDATE generation SET
                 n_events = n_events + ?1,
                 last_time_us = CASE WHEN ?2 >= last_end THEN ?3 ELSE last_time_us END,
                 header = CASE WHEN ?2 >= last_end THEN ?4 ELSE header END,
                 last_end = max(last_end, ?2)
             WHERE source_id = ?5 AND number = ?6",
        )?
        .execute(params![
            source.n_events as i64,
            end,
            source.last_time_us,
            source.header.as_deref(),
            source.entry.id.0 as i64,
            source.entry.generation
        ])
        .map(|_| ())
}

fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|value| value as u64)
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}

fn index_name(row: &Row<'_>, column: impl rusqlite::RowIndex) -> rusqlite::Result<IndexName> {
    IndexName::new(&row.get::<_, String>(column)?).map_err(malformed)
}

fn hash(row: &Row<'_>, column: &str) -> rusqlite::Result<Hash16> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: String| malformed(std::io::Error::other(error)))
}

fn bucket_row(row: &Row<'_>) -> rusqlite::Result<BucketRow> {
    Ok(BucketRow {
        id: row.get("id")?,
        index: index_name(row, "index_name")?,
        dir: path_text::from_text(&row.get::<_, String>("dir")?),
        n_events: unsigned(row, "n_events")?,
        n_blocks: unsigned(row, "n_blocks")?,
        raw_bytes: unsigned(row, "raw_bytes")?,
        disk_bytes: unsigned(row, "disk_bytes")?,
        min_time_us: row.get("min_time_us")?,
        max_time_us: row.get("max_time_us")?,
        sealed_at_us: row.get("sealed_at_us")?,
        // A reader does not migrate: the first schema has no such column.
        is_restored: row.as_ref().column_index("is_restored").map_or(Ok(false), |column| row.get(column))?,
    })
}

fn source_row(row: &Row<'_>) -> rusqlite::Result<SourceState> {
    let text = |column: &str| row.get::<_, String>(column);
    Ok(SourceState {
        id: SourceId(unsigned(row, "id")?),
        index: index_name(row, "index_name")?,
        path: path_text::from_text(&text("path")?),
        source: text("source")?.as_str().into(),
        host: text("host")?.as_str().into(),
        sourcetype: text("sourcetype")?.as_str().into(),
        rules_hash: unsigned(row, "rules_hash")?,
        decoding: Decoding::from_u8(row.get("decoding")?).unwrap_or_default(),
        generations: Vec::new(),
    })
}

fn generation_row(row: &Row<'_>) -> rusqlite::Result<GenerationState> {
    Ok(GenerationState {
        number: row.get("number")?,
        fingerprint: Fingerprint {
            head_len: row.get("head_len")?,
            head: hash(row, "head")?,
            dev: unsigned(row, "dev")?,
            ino: unsigned(row, "ino")?,
        },
        committed: RangeSet::default(),
        tails: Vec::new(),
        aged_out: RangeSet::default(),
        n_events: unsigned(row, "n_events")?,
        last_time_us: row.get("last_time_us")?,
        header: row.get::<_, Option<String>>("header")?.map(Arc::from),
    })
}
