//! Archived buckets beside those of a store.

use super::{ArchivedBucket, check_meta, file_name, files, holds_same, may_hold_same, peek_meta};
use crate::bucket::meta::{BucketMeta, META_FILE};
use crate::catalog::BucketRow;
use crate::error::{Result, StoreError};
use crate::store::Snapshot;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use trawl_formats::event::IndexName;

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;

/// What lies in the archives that a reader looks into.
///
/// Nothing but its first kilobytes is read of a file before it is searched: whether a search needs it at all is decided by its
/// name and by what it says of itself, which must agree. Where they do not, the file is opened and checked.
#[derive(Default)]
pub(crate) struct Archives {
    buckets: Vec<Archived>,
    unreadable: Vec<Arc<StoreError>>,
    /// What buckets of the store say of themselves, by id: asked for those that may be what became of an archived one.
    known: Mutex<HashMap<String, Option<Arc<BucketMeta>>>>,
}

/// A bucket in an archive.
struct Archived {
    /// As if it were in a catalog. Its time range is one of whole seconds.
    row: BucketRow,
    /// What it says of itself, checked: asked for only where a bucket of the store may hold the same. `None` if it cannot be
    /// read, which is found out again when it is searched.
    checked: OnceLock<Option<BucketMeta>>,
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
            let looks: Vec<Result<Archived>> = files(folder)?.par_iter().map(|path| look(path)).collect();
            for look in looks {
                match look {
                    Ok(bucket) if ids.insert(bucket.row.id.clone()) => archives.buckets.push(bucket),
                    Ok(_) => {}
                    Err(error) => archives.unreadable.push(Arc::new(error)),
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
            for archived in &self.buckets {
                let row = &archived.row;
                let is_old = begins.get(&row.index).is_none_or(|begin| row.max_time_us < *begin);
                if !ids.contains(&*row.id) && (is_old || !self.is_held(data, rows, archived)) {
                    added.push(row.clone());
                }
            }
        }
        snapshot.buckets.append(&mut added);
    }

    /// Whether a bucket of the store holds the same events as an archived one.
    fn is_held(&self, data: &Path, rows: &[BucketRow], archived: &Archived) -> bool {
        let overlaps = |row: &&BucketRow| {
            row.index == archived.row.index
                && row.min_time_us <= archived.row.max_time_us
                && archived.row.min_time_us <= row.max_time_us
        };
        rows.iter().filter(overlaps).any(|row| {
            archived.checked().is_some_and(|meta| {
                may_hold_same(row, meta) && self.known_meta(data, row).is_some_and(|held| holds_same(&held, meta))
            })
        })
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

impl Archived {
    fn checked(&self) -> Option<&BucketMeta> {
        self.checked.get_or_init(|| ArchivedBucket::open(&self.row.dir).ok().map(|bucket| bucket.meta)).as_ref()
    }
}

/// Looks at a file, no closer than needed.
fn look(path: &Path) -> Result<Archived> {
    if let Some((meta, file_bytes)) = peek_meta(path)? {
        // Damage changes one of them, not both alike; below the second, the row is wide enough for any.
        let is_named_so = path.file_name().is_some_and(|name| *name == *file_name(&meta));
        if is_named_so && check_meta(&meta, path).is_ok() {
            return Ok(Archived { row: row_of(path, &meta, file_bytes), checked: OnceLock::new() });
        }
    }
    let ArchivedBucket { meta, file_bytes, .. } = ArchivedBucket::open(path)?;
    let row = row_of(path, &meta, file_bytes);
    Ok(Archived { row, checked: OnceLock::from(Some(meta)) })
}

/// An archived bucket as if it were in a catalog.
fn row_of(path: &Path, meta: &BucketMeta, file_bytes: u64) -> BucketRow {
    let second = |time_us: i64| time_us.div_euclid(SECOND_US).saturating_mul(SECOND_US);
    BucketRow {
        id: meta.id.clone(),
        index: meta.index.clone(),
        dir: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        n_events: meta.n_events.into(),
        n_blocks: meta.n_blocks.into(),
        raw_bytes: meta.raw_bytes,
        disk_bytes: file_bytes,
        min_time_us: second(meta.min_time_us),
        max_time_us: second(meta.max_time_us).saturating_add(SECOND_US - 1),
        sealed_at_us: meta.sealed_at_us,
        is_restored: false,
    }
}
