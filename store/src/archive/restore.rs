//! Bringing archived buckets back into the store.

use super::{ArchivedBucket, first_damage, holds_same, may_hold_same, open_bucket};
use crate::bucket::builder::{BUILDING_PREFIX, SealedBucket};
use crate::bucket::meta::{BucketMeta, META_FILE, SourceMeta};
use crate::catalog::BucketRow;
use crate::disk;
use crate::error::{IoContext, Result};
use crate::ranges::RangeSet;
use crate::retention::aged_out::AgedOut;
use crate::retention::aside;
use crate::source::Fingerprint;
use crate::store::{Writer, index_dir};
use crate::sums::{BucketFiles, SUMS_FILE};
use std::fs;
use std::path::{Path, PathBuf};

/// A bucket that came back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The bucket.
    pub meta: BucketMeta,
    /// Where it lies now.
    pub dir: PathBuf,
}

/// Why a bucket was not brought back, though nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRestored {
    /// It is in the store.
    InStore,
    /// Another bucket of the store holds the same bytes of the same files.
    SameBytes,
}

impl Writer {
    /// Brings a bucket back from an archive. It is whole, and exempt from retention until it is
    /// [released](Writer::release); the file stays where it is. Its events can be found once this returns.
    ///
    /// # Errors
    /// If the file is damaged or no archived bucket, there is no room, or the disk or the catalog refuses the bucket. Nothing
    /// has changed then.
    pub fn restore(&self, archived: &ArchivedBucket) -> Result<std::result::Result<Restored, NotRestored>> {
        let meta = &archived.meta;
        let _paused = self.pause_retention();
        let rows = self.catalog().snapshot()?.buckets;
        if rows.iter().any(|row| row.id == meta.id) {
            return Ok(Err(NotRestored::InStore));
        }
        if self.holds_same_bytes(&rows, meta)? {
            return Ok(Err(NotRestored::SameBytes));
        }
        // Nothing else goes for it.
        self.has_room(&meta.index, archived.file_bytes)?;
        let bucket = self.unpack(archived)?;
        let dir = bucket.dir.clone();
        let added = self.add_restored(&bucket);
        if added.is_err() {
            // Nothing names it; the first error is the one to report.
            let _ = fs::remove_dir_all(&dir);
        }
        added.map(|()| Ok(Restored { meta: bucket.meta, dir }))
    }

    /// Copies the files of an archived bucket into a bucket directory of its index, durable and checked.
    fn unpack(&self, archived: &ArchivedBucket) -> Result<SealedBucket> {
        let packed = open_bucket(&archived.path)?;
        first_damage(packed.files())?;
        let meta = packed.meta()?;
        super::check_meta(&meta, &archived.path)?;
        // Makes the folder, if this is the first bucket of its index.
        drop(self.bucket_builder(&meta.index)?);
        let buckets = index_dir(self.data(), &meta.index).join("buckets");
        let building = buckets.join(format!("{BUILDING_PREFIX}{}", meta.id));
        let dir = buckets.join(meta.dir_name());
        for stale in [&building, &dir] {
            if stale.exists() {
                aside::set_aside(stale)?;
            }
        }
        let write = || -> Result<u64> {
            disk::create_dir(&building)?;
            let mut disk_bytes = 0;
            for name in packed.files().names() {
                let file = packed.files().open_file(name)?;
                disk_bytes += write_durably(&building.join(name), file.read(0..file.len())?)?;
            }
            disk_bytes += write_durably(&building.join(SUMS_FILE), packed.files().sums())?;
            disk::sync_dir(&building)?;
            first_damage(&BucketFiles::open(&building)?)?;
            fs::rename(&building, &dir).at("rename", &building)?;
            disk::sync_dir(&buckets)?;
            Ok(disk_bytes)
        };
        match write() {
            Ok(disk_bytes) => Ok(SealedBucket { dir, meta, disk_bytes }),
            Err(error) => {
                let _ = fs::remove_dir_all(&building);
                Err(error)
            }
        }
    }

    fn add_restored(&self, bucket: &SealedBucket) -> Result<()> {
        let mut file = self.note_aged_out(&[])?;
        let mut changed = Vec::new();
        let sources = self.catalog().sources()?;
        for source in &bucket.meta.sources {
            let known = sources.iter().find(|known| known.id == source.entry.id);
            let is_same = |path: &Path| *path == *source.entry.path;
            let generation = known.and_then(|known| {
                known.generations.iter().find(|generation| generation.number == source.entry.generation)
            });
            match (known, generation) {
                // The id belongs to another file: the bucket comes from another store. Its events are found, its progress
                // means nothing here.
                (Some(known), _) if !is_same(&known.path) || known.index != bucket.meta.index => continue,
                (_, Some(generation)) if is_other_file(&generation.fingerprint, &source.entry.fingerprint) => continue,
                (_, Some(generation)) if is_subset(&source.ranges, &generation.committed) => continue,
                _ => {}
            }
            let key = source.entry.key();
            let at = match file.aged_out.iter().position(|aged| aged.entry.key() == key) {
                Some(at) => at,
                None => {
                    file.aged_out.push(aged_source(bucket, source));
                    file.aged_out.len() - 1
                }
            };
            let aged = &mut file.aged_out[at];
            aged.add(&source.ranges, &source.tails);
            aged.n_events = aged.n_events.saturating_add(source.n_events);
            changed.push(at);
        }
        file.restored.insert(bucket.meta.id.clone());
        file.write(self.data())?;
        let changed: Vec<AgedOut> = changed.into_iter().map(|at| file.aged_out[at].clone()).collect();
        self.catalog().add_restored(self.data(), bucket, &changed)
    }

    /// Whether a bucket of the store holds the same events.
    fn holds_same_bytes(&self, rows: &[BucketRow], meta: &BucketMeta) -> Result<bool> {
        for row in rows.iter().filter(|row| may_hold_same(row, meta)) {
            let path = self.data().join(&row.dir).join(META_FILE);
            if holds_same(&BucketMeta::decode(&fs::read(&path).at("read", &path)?, &path)?, meta) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether two heads cannot be of one file. Of a file that was short at first, less may have been hashed.
fn is_other_file(a: &Fingerprint, b: &Fingerprint) -> bool {
    a.head_len == b.head_len && a.head != b.head
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<u64> {
    disk::write_file(path, bytes)?;
    disk::sync_file(path)
}

fn is_subset(ranges: &RangeSet, of: &RangeSet) -> bool {
    ranges.iter().all(|range| of.first_gap(range.start) >= range.end)
}

/// A source of a bucket, before its ranges are added.
fn aged_source(bucket: &SealedBucket, source: &SourceMeta) -> AgedOut {
    AgedOut {
        entry: source.entry.clone(),
        index: bucket.meta.index.clone(),
        n_events: 0,
        ranges: RangeSet::default(),
        tails: Vec::new(),
        last_end: source.ranges.end(),
        last_time_us: Some(source.last_time_us),
        header: source.header.clone(),
    }
}
