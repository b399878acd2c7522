//! Archived buckets beside those of a store.

use super::{ArchivedBucket, holds_same, list, may_hold_same};
use crate::bucket::meta::{BucketMeta, META_FILE};
use crate::catalog::BucketRow;
use crate::error::{Result, StoreError};
use crate::store::Snapshot;
use hashbrown::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use trawl_formats::event::IndexName;

/// What lies in the archives that a reader looks into.
#[derive(Default)]
pub(crate) struct Archives {
    buckets: Vec<(ArchivedBucket, BucketRow)>,
    unreadable: Vec<Arc<StoreError>>,
    /// What buckets of the store say of themselves, by id: asked for those that may be what became of an archived one.
    known: Mutex<HashMap<String, Option<Arc<BucketMeta>>>>,
}

impl Archives {
    /// Looks into folders. A bucket that is in several counts once.
    ///
    /// # Errors
    /// If a folder is not there or cannot be listed.
    pub fn open(folders: &[PathBuf]) -> Result<Self> {
        let mut archives = Self::default();
        let mut ids: HashSet<String> = HashSet::new();
        for folder in folders {
            let (found, problems) = list(folder)?;
            archives.unreadable.extend(problems.into_iter().map(Arc::new));
            for bucket in found {
                if ids.insert(bucket.meta.id.clone()) {
                    let row = row_of(&bucket);
                    archives.buckets.push((bucket, row));
                }
            }
        }
        Ok(archives)
    }

    /// Adds the archived buckets that the store in `data` does not hold.
    pub fn add_to(&self, data: &Path, snapshot: &mut Snapshot) {
        snapshot.unreadable.clone_from(&self.unreadable);
        let mut added = Vec::new();
        {
            let rows = &snapshot.buckets;
            let ids: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            // What is archived is mostly older than all that is in the store: then nothing needs to be compared.
            let mut begins: HashMap<&IndexName, i64> = HashMap::new();
            for row in rows {
                let begin = begins.entry(&row.index).or_insert(row.min_time_us);
                *begin = row.min_time_us.min(*begin);
            }
            for (ArchivedBucket { meta, .. }, row) in &self.buckets {
                let is_old = begins.get(&meta.index).is_none_or(|begin| meta.max_time_us < *begin);
                let holds = |row: &&BucketRow| self.known_meta(data, row).is_some_and(|held| holds_same(&held, meta));
                let is_held = ids.contains(&*meta.id)
                    || !is_old && rows.iter().filter(|row| may_hold_same(row, meta)).any(|row| holds(&row));
                if !is_held {
                    added.push(row.clone());
                }
            }
        }
        snapshot.buckets.append(&mut added);
    }

    /// What a bucket of the store says of itself. One that does not say it is damaged, and named as such when it is searched.
    fn known_meta(&self, data: &Path, row: &BucketRow) -> Option<Arc<BucketMeta>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let path = data.join(&row.dir).join(META_FILE);
            let bytes = fs::read(&path).ok()?;
            BucketMeta::decode(&bytes, &path).ok().map(Arc::new)
        };
        known.entry(row.id.clone()).or_insert_with(read).clone()
    }
}

/// An archived bucket as if it were in a catalog.
fn row_of(bucket: &ArchivedBucket) -> BucketRow {
    let meta = &bucket.meta;
    BucketRow {
        id: meta.id.clone(),
        index: meta.index.clone(),
        dir: std::path::absolute(&bucket.path).unwrap_or_else(|_| bucket.path.clone()),
        n_events: meta.n_events.into(),
        n_blocks: meta.n_blocks.into(),
        raw_bytes: meta.raw_bytes,
        disk_bytes: bucket.file_bytes,
        min_time_us: meta.min_time_us,
        max_time_us: meta.max_time_us,
        sealed_at_us: meta.sealed_at_us,
        is_restored: false,
    }
}
