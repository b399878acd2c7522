//! Archives: folders of buckets that have left the store, each a file that needs nothing else.
//!
//! An archived bucket is a plain tar of its directory, uncompressed, because everything in it is compressed already. It is
//! named `<index>_<first event>_<last event>_<id>.tar`, so that a person finds it, and unpacked by any tar. Its own `sums`
//! says whether it is whole. It is searched where it lies: nothing is unpacked.
//!
//! Nothing in such a file is believed: only the known names of a bucket's files are accepted, each once, as regular files,
//! within the file; the rest is up to the checksums.

mod pack;
mod restore;
mod search;

pub use restore::{NotRestored, Restored};
pub(crate) use search::Archives;

use crate::bucket::meta::{BucketMeta, SourceMeta};
use crate::bucket::reader::Bucket;
use crate::catalog::BucketRow;
use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use crate::sums::BucketFiles;
use pack::{Packed, peek_meta, write_tar};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Ending of the name of an archived bucket.
const EXTENSION: &str = "tar";

/// A bucket in an archive.
#[derive(Clone, Debug)]
pub struct ArchivedBucket {
    /// The file.
    pub path: PathBuf,
    /// What the bucket says of itself.
    pub meta: BucketMeta,
    /// Length of the file in bytes.
    pub file_bytes: u64,
}

impl ArchivedBucket {
    /// Reads what an archived bucket says of itself.
    ///
    /// # Errors
    /// If the file cannot be read, or is no archived bucket.
    pub fn open(path: &Path) -> Result<Self> {
        let (_, meta) = open_checked(path)?;
        let file_bytes = path.metadata().at("read", path)?.len();
        Ok(Self { path: path.to_owned(), meta, file_bytes })
    }

    /// Checks every byte of the file against its sum.
    ///
    /// # Errors
    /// The first damage that is found.
    pub fn verify(&self) -> Result<()> {
        first_damage(open_bucket(&self.path)?.files())
    }
}

/// Opens an archived bucket; what it says of itself is whole, and makes sense.
fn open_checked(path: &Path) -> Result<(Bucket, BucketMeta)> {
    let bucket = open_bucket(path)?;
    let meta = bucket.meta()?;
    check_meta(&meta, path)?;
    if meta.n_events != bucket.n_events() {
        return Err(not_an_archive(path, "its events are not as many as it says"));
    }
    Ok((bucket, meta))
}

/// Opens an archived bucket for searching. It is the one that `row` says it is.
///
/// # Errors
/// If the file cannot be read, or is no archived bucket, or another one.
pub(crate) fn open_for_search(row: &BucketRow) -> Result<Bucket> {
    let (bucket, meta) = open_checked(&row.dir)?;
    let is_same = (&meta.id, &meta.index) == (&row.id, &row.index)
        && row.min_time_us <= meta.min_time_us
        && meta.max_time_us <= row.max_time_us;
    if is_same { Ok(bucket) } else { Err(not_an_archive(&row.dir, "it is not the bucket that its name says")) }
}

/// Opens an archived bucket.
///
/// # Errors
/// If the file cannot be read, or is no archived bucket.
pub fn open_bucket(path: &Path) -> Result<Bucket> {
    let packed = Packed::open(path)?;
    let bucket = Bucket::of_files(BucketFiles::open_packed(path, packed.files.clone())?)?;
    // Nothing is missing, and nothing is in it that its sums do not cover.
    let mut listed: Vec<&str> = bucket.files().names().chain([crate::sums::SUMS_FILE]).collect();
    let mut packed: Vec<&str> = packed.files.iter().map(|file| file.name.as_str()).collect();
    listed.sort_unstable();
    packed.sort_unstable();
    if listed != packed {
        return Err(not_an_archive(path, "its files are not those that its checksums name"));
    }
    Ok(bucket)
}

/// The archived buckets in a folder, by name, and why others cannot be read.
///
/// # Errors
/// [`StoreError::NoArchive`] if there is no such folder, and if it cannot be listed.
pub fn list(folder: &Path) -> Result<(Vec<ArchivedBucket>, Vec<StoreError>)> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for path in files(folder)? {
        match ArchivedBucket::open(&path) {
            Ok(bucket) => found.push(bucket),
            Err(error) => problems.push(error),
        }
    }
    Ok((found, problems))
}

/// Files in a folder that may be archived buckets, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::NoArchive { path: folder.to_owned() });
        }
        listing => listing.at("read", folder)?,
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in listing {
        let path = entry.at("read", folder)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden && path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Writes the bucket in `dir` into an archive and reads it back. Returns where it is now: durable, and found to be whole.
/// One that is there already is only checked.
///
/// # Errors
/// [`StoreError::NoArchive`] if there is no such folder: it may be one that is not mounted, so it is not created. If the
/// bucket is damaged, and if the disk refuses the file. Nothing is left behind then.
pub fn store_bucket(dir: &Path, folder: &Path) -> Result<PathBuf> {
    if !folder.is_dir() {
        return Err(StoreError::NoArchive { path: folder.to_owned() });
    }
    let bucket = Bucket::open(dir)?;
    let meta = bucket.meta()?;
    let path = folder.join(file_name(&meta));
    if path.exists() && is_copy(&path, bucket.files()) {
        return Ok(path);
    }
    let temporary = disk::temporary_name(&path);
    let write = || -> Result<()> {
        disk::remove_if_there(&temporary)?;
        let file = write_tar(bucket.files(), &temporary)?;
        file.sync_all().at("sync", &temporary)?;
        // A comfort, not a need: without it, what is read back may come from memory.
        let _ = disk::forget_cached(&file, &temporary);
        let copy = open_bucket(&temporary)?;
        if copy.files().sums() != bucket.files().sums() {
            return Err(StoreError::damaged(&temporary, 0, "it is not what was written"));
        }
        first_damage(copy.files())?;
        fs::rename(&temporary, &path).at("rename", &temporary)?;
        disk::sync_dir(folder)
    };
    let written = write();
    if written.is_err() {
        // The first error is the one to report; the next attempt removes it, too.
        let _ = disk::remove_if_there(&temporary);
    }
    written.map(|()| path)
}

/// Whether the file is a whole copy of a bucket.
fn is_copy(path: &Path, files: &BucketFiles) -> bool {
    open_bucket(path).is_ok_and(|copy| copy.files().sums() == files.sums() && first_damage(copy.files()).is_ok())
}

fn first_damage(files: &BucketFiles) -> Result<()> {
    files.check_all().into_iter().next().map_or(Ok(()), Err)
}

/// `main_20261120T140500Z_20261120T150000Z_<id>.tar`
fn file_name(meta: &BucketMeta) -> String {
    let time = |time_us: i64| match chrono::DateTime::from_timestamp_micros(time_us) {
        Some(time) => time.format("%Y%m%dT%H%M%SZ").to_string(),
        None => time_us.div_euclid(1_000_000).to_string(),
    };
    format!("{}_{}_{}_{}.{EXTENSION}", meta.index, time(meta.min_time_us), time(meta.max_time_us), meta.id)
}

/// Names of directories are made of the id, and progress of the ranges: they must be what we make.
fn check_meta(meta: &BucketMeta, path: &Path) -> Result<()> {
    let is_id = !meta.id.is_empty() && meta.id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(not_an_archive(path, "its id is not one that a bucket has"));
    }
    let has_tails = |source: &SourceMeta| {
        source.ranges.iter().all(|range| source.tails.iter().any(|tail| tail.end == range.end))
            && source.ranges.end() <= i64::MAX as u64
    };
    if !meta.sources.iter().all(has_tails) {
        return Err(not_an_archive(path, "its byte ranges make no sense"));
    }
    Ok(())
}

/// Whether a bucket of a store holds the events of an archived one: it is what became of it when its index was made anew.
fn holds_same(held: &BucketMeta, archived: &BucketMeta) -> bool {
    let is_same = |a: &SourceMeta, b: &SourceMeta| {
        let head = |source: &SourceMeta| (source.entry.fingerprint.head_len, source.entry.fingerprint.head);
        (a.entry.key(), &a.entry.path, head(a)) == (b.entry.key(), &b.entry.path, head(b))
            && a.ranges.iter().any(|a| b.ranges.iter().any(|b| a.start < b.end && b.start < a.end))
    };
    held.index == archived.index
        && (held.replaces.contains(&archived.id)
            || held.sources.iter().any(|a| archived.sources.iter().any(|b| is_same(a, b))))
}

/// Whether a bucket of a store may hold events of an archived one, as far as the catalog knows.
fn may_hold_same(row: &BucketRow, archived: &BucketMeta) -> bool {
    row.index == archived.index && row.min_time_us <= archived.max_time_us && archived.min_time_us <= row.max_time_us
}

fn not_an_archive(path: &Path, what: impl Into<String>) -> StoreError {
    StoreError::NotAnArchive { path: path.to_owned(), what: what.into() }
}
