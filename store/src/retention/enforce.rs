//! Letting buckets go, and making room before something is added.

use super::aged_out::AgedOutFile;
use super::aside::{self, Aside};
use super::{BucketUse, DiskUse, Policies, Policy, Reason, Removal, plan};
use crate::archive;
use crate::bucket::meta::{BucketMeta, META_FILE};
use crate::catalog::BucketRow;
use crate::clock;
use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use crate::store::{READER_GRACE, Reader, Writer, index_dir, indexes};
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};
use trawl_formats::event::IndexName;

/// Below so much free space, directories that were moved aside go before their time.
const LOW_SPACE_BYTES: u64 = 256 << 20;
/// Replaced live logs younger than this are never deleted: one may just be created, and nobody knows it yet.
const LEAST_LOG_AGE: Duration = Duration::from_secs(60);
/// How long an index that stays too large, because the rest of it may not go, is left alone.
const OVERSIZE_PAUSE: Duration = Duration::from_secs(10);
/// Buckets that go in one transaction: few, because the disk gets its space back only then.
const CHUNK_LEN: usize = 16;

/// What the writer knows of retention.
#[derive(Default)]
pub(crate) struct Retention {
    policies: Mutex<Policies>,
    /// Held while buckets go: one at a time.
    work: Mutex<Sizes>,
    /// Bytes of the sealed buckets of each index, as of when they were last added up.
    totals: Mutex<BTreeMap<IndexName, u64>>,
    /// What has gone since the store was opened.
    gone: Mutex<BTreeMap<(IndexName, Reason), Gone>>,
    /// When it is worth the trouble again to make an index smaller.
    resize_at: Mutex<BTreeMap<IndexName, Instant>>,
}

/// Bytes on disk by bucket, which never change.
type Sizes = HashMap<String, u64>;

/// How much has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Buckets.
    pub n_buckets: u64,
    /// Those of them that were archived.
    pub n_archived: u64,
    /// Bytes that they took on disk.
    pub bytes: u64,
}

/// A bucket that went.
#[derive(Clone, Debug)]
pub struct Removed {
    /// The bucket as the catalog knew it.
    pub bucket: BucketRow,
    /// Bytes on disk.
    pub bytes: u64,
    /// Why it went.
    pub reason: Reason,
    /// The file that it is in now, if it was archived.
    pub archived: Option<PathBuf>,
}

/// What became of buckets that were to go.
#[derive(Debug, Default)]
pub struct RetentionReport {
    /// Those that went.
    pub removed: Vec<Removed>,
    /// Why others did not. They stay in the store, and it is tried again.
    pub problems: Vec<StoreError>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What they guard is changed in one step, or derived anew at the next use.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Retention {
    fn policy(&self, index: &IndexName) -> Policy {
        lock(&self.policies).get(index).cloned().unwrap_or_default()
    }

    /// Counts a bucket that has become part of an index.
    pub(crate) fn count(&self, index: &IndexName, bytes: u64) {
        if let Some(total) = lock(&self.totals).get_mut(index) {
            *total = total.saturating_add(bytes);
        }
    }
}

impl Writer {
    /// Says how long, and in how much space, indexes keep their buckets from now on. Nothing is removed by this alone.
    pub fn set_retention(&self, policies: Policies) {
        *lock(&self.retention.policies) = policies;
        lock(&self.retention.resize_at).clear();
    }

    /// Space on the disk of the data directory, and bytes of the live logs.
    ///
    /// # Errors
    /// If the file system does not tell.
    pub fn disk_use(&self) -> Result<DiskUse> {
        disk_use(&self.data, self.live_bytes_by_index())
    }

    /// What has gone since the store was opened, by index and reason.
    pub fn gone(&self) -> BTreeMap<(IndexName, Reason), Gone> {
        lock(&self.retention.gone).clone()
    }

    /// Lets go what has to, and deletes what was moved aside long enough ago; stops early once it `is_cancelled`.
    ///
    /// # Errors
    /// If the catalog or the disk refuses it. That a bucket cannot be archived is no error but part of the report.
    pub fn enforce_retention(&self, is_cancelled: &dyn Fn() -> bool) -> Result<RetentionReport> {
        let mut sizes = lock(&self.retention.work);
        self.sweep(READER_GRACE)?;
        let low = self.low_space(LOW_SPACE_BYTES)?;
        self.free_aside(low)?;
        let report = self.remove_planned(&mut sizes, None, is_cancelled)?;
        // What went for the sake of free space must not lie aside for an hour.
        self.free_aside(low)?;
        Ok(report)
    }

    /// Makes sure that `bytes` more may be added to an index: what must go for it goes now.
    ///
    /// Cost: asks the file system, unless there is something to do.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] if less would be free than is to be kept, and nothing more may go. That an index stays larger
    /// than its `max_size`, because what is left of it is protected, is no error.
    pub fn make_room(&self, index: &IndexName, bytes: u64) -> Result<()> {
        self.make_room_for(index, 0, bytes)
    }

    /// As [`make_room`](Self::make_room), where `written` bytes more lie on disk already, but are not part of the store.
    pub(crate) fn make_room_for(&self, index: &IndexName, written: u64, bytes: u64) -> Result<()> {
        let policy = self.retention.policy(index);
        let disk = disk::file_system(&self.data)?;
        let wanted = policy.min_free.map_or(0, |min_free| min_free.bytes(disk.total)).max(LOW_SPACE_BYTES);
        let is_short = disk.free < wanted.saturating_add(bytes);
        if !is_short && !self.is_oversized(index, &policy, written.saturating_add(bytes)) {
            return Ok(());
        }
        let sizes = match self.retention.work.try_lock() {
            Ok(sizes) => Some(sizes),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            // Whoever is at it does the same; the caller asks again.
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut sizes) = sizes {
            let wanted = self.low_space(LOW_SPACE_BYTES)?.saturating_add(bytes);
            self.free_aside(wanted)?;
            // What could not be archived stays; whether there is room in spite of it is asked below.
            self.remove_planned(&mut sizes, Some((index, written, bytes)), &|| false)?;
            self.free_aside(wanted)?;
            if self.is_oversized(index, &policy, written.saturating_add(bytes)) {
                lock(&self.retention.resize_at).insert(index.clone(), Instant::now() + OVERSIZE_PAUSE);
            }
        }
        self.has_room(index, bytes)
    }

    /// Whether `bytes` more leave enough free. Deletes what lies aside for it, but lets no bucket go.
    ///
    /// # Errors
    /// As [`make_room`](Self::make_room).
    pub(crate) fn has_room(&self, index: &IndexName, bytes: u64) -> Result<()> {
        let policy = self.retention.policy(index);
        let Some(min_free) = policy.min_free else { return Ok(()) };
        self.free_aside(min_free.bytes(disk::file_system(&self.data)?.total).saturating_add(bytes))?;
        let disk = disk::file_system(&self.data)?;
        let min_free = min_free.bytes(disk.total);
        if disk.free < min_free.saturating_add(bytes) {
            return Err(StoreError::NoRoom {
                path: self.data.clone(),
                index: index.clone(),
                free: disk.free,
                min_free,
            });
        }
        Ok(())
    }

    /// Whether an index with `bytes` more would be larger than it may, as far as is known.
    fn is_oversized(&self, index: &IndexName, policy: &Policy, bytes: u64) -> bool {
        let Some(max_size) = policy.max_size.filter(|_| !policy.protected) else { return false };
        if lock(&self.retention.resize_at).get(index).is_some_and(|at| Instant::now() < *at) {
            return false;
        }
        let sealed = match lock(&self.retention.totals).get(index) {
            Some(&sealed) => sealed,
            // Nobody has added them up yet.
            None => return true,
        };
        sealed.saturating_add(self.live_bytes(index)).saturating_add(bytes) > max_size
    }

    /// Bytes that are to be free: `least`, or what an index wants more.
    fn low_space(&self, least: u64) -> Result<u64> {
        let total = disk::file_system(&self.data)?.total;
        let policies = lock(&self.retention.policies);
        let wanted = policies.values().filter_map(|policy| Some(policy.min_free?.bytes(total)));
        Ok(wanted.fold(least, u64::max))
    }

    /// Plans and removes, as if what is `added` were part of the store: an index, bytes that are on disk, bytes to come.
    fn remove_planned(
        &self,
        sizes: &mut Sizes,
        added: Option<(&IndexName, u64, u64)>,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<RetentionReport> {
        let policies = lock(&self.retention.policies).clone();
        let rows = self.catalog().snapshot()?.buckets;
        let buckets = bucket_uses(&self.data, &rows, sizes);
        sizes.retain(|id, _| rows.iter().any(|row| row.id == *id));
        *lock(&self.retention.totals) = totals(&buckets, &policies);
        if policies.is_empty() {
            return Ok(RetentionReport::default());
        }
        let file_system = disk::file_system(&self.data)?;
        let mut disk = DiskUse { free: file_system.free, total: file_system.total, live: BTreeMap::new() };
        for index in policies.keys() {
            disk.live.insert(index.clone(), self.live_bytes(index));
        }
        if let Some((index, written, to_come)) = added {
            disk.free = disk.free.saturating_sub(to_come);
            *disk.live.entry(index.clone()).or_default() += written.saturating_add(to_come);
        }
        let removals = plan(&buckets, &policies, clock::now_us(), &disk);
        let mut report = RetentionReport::default();
        for removals in removals.chunks(CHUNK_LEN) {
            self.remove(removals, &rows, &policies, sizes, is_cancelled, &mut report)?;
            if is_cancelled() {
                break;
            }
        }
        let mut totals = lock(&self.retention.totals);
        for removed in &report.removed {
            if let Some(total) = totals.get_mut(&removed.bucket.index) {
                *total = total.saturating_sub(removed.bytes);
            }
        }
        drop(totals);
        Ok(report)
    }

    /// Archives what is to be archived, and removes it and the rest.
    fn remove(
        &self,
        removals: &[Removal],
        rows: &[BucketRow],
        policies: &Policies,
        sizes: &Sizes,
        is_cancelled: &dyn Fn() -> bool,
        report: &mut RetentionReport,
    ) -> Result<()> {
        let mut going = Vec::new();
        for Removal { id, reason } in removals {
            if is_cancelled() {
                break;
            }
            let Some(row) = rows.iter().find(|row| row.id == *id) else { continue };
            let archived = match policies.get(&row.index).and_then(|policy| policy.archive.as_deref()) {
                Some(folder) => match archive::store_bucket(&self.data.join(&row.dir), folder) {
                    Ok(path) => Some(path),
                    Err(error) => {
                        report.problems.push(error);
                        continue;
                    }
                },
                None => None,
            };
            let bytes = sizes.get(id).copied().unwrap_or(row.disk_bytes);
            going.push(Removed { bucket: row.clone(), bytes, reason: *reason, archived });
        }
        self.drop_buckets(&going.iter().map(|removed| &removed.bucket).collect::<Vec<_>>())?;
        let mut gone = lock(&self.retention.gone);
        for removed in &going {
            let gone = gone.entry((removed.bucket.index.clone(), removed.reason)).or_default();
            gone.n_buckets += 1;
            gone.n_archived += u64::from(removed.archived.is_some());
            gone.bytes += removed.bytes;
        }
        drop(gone);
        report.removed.append(&mut going);
        Ok(())
    }

    /// Takes buckets out of the store; what they held stays known as read.
    fn drop_buckets(&self, rows: &[&BucketRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let aged = self.note_aged_out(rows)?;
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        self.catalog().remove_buckets(&ids, &aged.aged_out)?;
        rows.iter().try_for_each(|row| aside::set_aside(&self.data.join(&row.dir)))
    }

    /// The first step of a removal: `sources.json` names what the buckets hold.
    pub(crate) fn note_aged_out(&self, rows: &[&BucketRow]) -> Result<AgedOutFile> {
        let metas: Vec<BucketMeta> = rows.iter().map(|row| meta_of(&self.data, row)).collect();
        let buckets = self.catalog().snapshot()?.buckets;
        let is_going = |id: &str| rows.iter().any(|row| row.id == id);
        let restored: BTreeSet<String> =
            buckets.into_iter().filter(|row| row.is_restored && !is_going(&row.id)).map(|row| row.id).collect();
        let aged = AgedOutFile::new(self.catalog().aged_out(&metas)?, restored);
        aged.write(&self.data)?;
        Ok(aged)
    }

    /// Gives restored buckets back to retention. Returns how many of them were exempt.
    ///
    /// # Errors
    /// If the catalog or the disk refuses it.
    pub fn release(&self, ids: &[&str]) -> Result<usize> {
        let _work = lock(&self.retention.work);
        let n_released = self.catalog().release(ids)?;
        if n_released > 0 {
            // After the catalog: a crash between the two leaves one that must be released once more, if the catalog is lost.
            self.note_aged_out(&[])?;
        }
        Ok(n_released)
    }

    /// No bucket goes while the value lives.
    pub(crate) fn pause_retention(&self) -> impl Drop + use<'_> {
        lock(&self.retention.work)
    }

    /// Deletes what was moved aside longer ago than `grace`, and live logs that were replaced longer ago.
    pub(crate) fn sweep(&self, grace: Duration) -> Result<()> {
        for Aside { dir, .. } in self.aside()?.iter().filter(|aside| age(aside.since) > grace) {
            fs::remove_dir_all(dir).at("remove", dir)?;
        }
        self.sweep_live_logs(grace)
    }

    /// Deletes what was replaced or lies aside, the oldest first, until so many bytes are free.
    fn free_aside(&self, wanted: u64) -> Result<()> {
        if disk::file_system(&self.data)?.free >= wanted {
            return Ok(());
        }
        // A reader that misses a log takes another snapshot, so they cost nobody anything.
        self.sweep_live_logs(LEAST_LOG_AGE)?;
        for Aside { dir, .. } in self.aside()? {
            if disk::file_system(&self.data)?.free >= wanted {
                break;
            }
            fs::remove_dir_all(&dir).at("remove", &dir)?;
        }
        Ok(())
    }

    fn aside(&self) -> Result<Vec<Aside>> {
        let mut all = Vec::new();
        for index in indexes(&self.data)? {
            all.extend(aside::list(&index_dir(&self.data, &index))?);
        }
        all.sort_by_key(|aside| aside.since);
        Ok(all)
    }
}

/// A bucket, and whether it is to go.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The bucket.
    pub bucket: BucketRow,
    /// Bytes on disk.
    pub bytes: u64,
    /// Why it is to go, if it is.
    pub reason: Option<Reason>,
}

impl Reader {
    /// Space on the disk of the data directory, and bytes of the live logs.
    ///
    /// # Errors
    /// If the catalog fails, or the file system does not tell.
    pub fn disk_use(&self) -> Result<DiskUse> {
        disk_use(self.data(), self.sealed_and_live()?.1)
    }

    /// What would go now under given policies, and what would stay.
    ///
    /// # Errors
    /// If the catalog fails, or the disk does not tell how much of it is free.
    pub fn plan_retention(&self, policies: &Policies) -> Result<Vec<Planned>> {
        let (rows, live) = self.sealed_and_live()?;
        let buckets = bucket_uses(self.data(), &rows, &mut Sizes::new());
        let disk = disk_use(self.data(), live)?;
        let removals = plan(&buckets, policies, clock::now_us(), &disk);
        let reason = |id: &str| removals.iter().find(|removal| removal.id == id).map(|removal| removal.reason);
        let planned = rows.into_iter().zip(buckets);
        Ok(planned.map(|(bucket, used)| Planned { reason: reason(&bucket.id), bytes: used.bytes, bucket }).collect())
    }
}

fn disk_use(data: &Path, live: BTreeMap<IndexName, u64>) -> Result<DiskUse> {
    let disk::FileSystem { free, total } = disk::file_system(data)?;
    Ok(DiskUse { free, total, live })
}

fn age(since: SystemTime) -> Duration {
    SystemTime::now().duration_since(since).unwrap_or_default()
}

/// What each bucket takes of the disk. Sizes that are not known are found out; for a directory that cannot be read, the
/// catalog's figure stands in.
pub(crate) fn bucket_uses(data: &Path, rows: &[BucketRow], sizes: &mut Sizes) -> Vec<BucketUse> {
    let mut size = |row: &BucketRow| {
        *sizes
            .entry(row.id.clone())
            .or_insert_with(|| disk::allocated_bytes(&data.join(&row.dir)).unwrap_or(row.disk_bytes))
    };
    rows.iter()
        .map(|row| BucketUse {
            id: row.id.clone(),
            index: row.index.clone(),
            newest_us: row.max_time_us,
            bytes: size(row),
            is_restored: row.is_restored,
        })
        .collect()
}

fn totals(buckets: &[BucketUse], policies: &Policies) -> BTreeMap<IndexName, u64> {
    let mut totals: BTreeMap<IndexName, u64> = policies.keys().map(|index| (index.clone(), 0)).collect();
    for bucket in buckets.iter().filter(|bucket| !bucket.is_restored) {
        *totals.entry(bucket.index.clone()).or_default() += bucket.bytes;
    }
    totals
}

/// What a bucket says of itself. The catalog knows the ranges; without `bucket.json` only the count of events is lost.
fn meta_of(data: &Path, row: &BucketRow) -> BucketMeta {
    let path = data.join(&row.dir).join(META_FILE);
    let read = fs::read(&path).at("read", &path).and_then(|bytes| BucketMeta::decode(&bytes, &path));
    match read {
        Ok(meta) if meta.id == row.id => meta,
        _ => BucketMeta::without_sources(&row.id, &row.index),
    }
}
