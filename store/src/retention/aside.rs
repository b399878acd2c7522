//! Directories of buckets that are no longer part of the store, kept for searches that began while they were.

use crate::disk;
use crate::error::{IoContext, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folder beside `buckets` that they are moved to.
pub const ASIDE_DIR: &str = "removed";

/// Where the bucket directory `dir` lies, or would lie, once it is moved aside.
pub fn aside_path(dir: &Path) -> Option<PathBuf> {
    let index = dir.parent()?.parent()?;
    Some(index.join(ASIDE_DIR).join(dir.file_name()?))
}

/// Moves a bucket directory aside. One that is gone is no error.
///
/// # Errors
/// If the disk refuses it; the directory then stays.
pub fn set_aside(dir: &Path) -> Result<()> {
    let Some(aside) = aside_path(dir) else { return Ok(()) };
    let parent = aside.parent().unwrap_or(Path::new("/"));
    disk::create_dir_all(parent)?;
    // Says from when on it lies there. Before it moves, so that it is never taken for an old one.
    let touched = File::open(dir).and_then(|dir| dir.set_modified(SystemTime::now()));
    match touched.and_then(|()| fs::rename(dir, &aside)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // It was there before: brought back from an archive, and removed again within the hour.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            fs::remove_dir_all(&aside).at("remove", &aside)?;
            fs::rename(dir, &aside).at("rename", dir)?;
        }
        moved => moved.at("rename", dir)?,
    }
    disk::sync_dir(parent)?;
    dir.parent().map_or(Ok(()), disk::sync_dir)
}

/// A bucket directory that was moved aside.
#[derive(Debug)]
pub struct Aside {
    /// Where it lies now.
    pub dir: PathBuf,
    /// When it was moved there.
    pub since: SystemTime,
}

/// The directories that were moved aside in the directory of an index, the oldest first.
///
/// # Errors
/// If they cannot be listed.
pub fn list(index_dir: &Path) -> Result<Vec<Aside>> {
    let folder = index_dir.join(ASIDE_DIR);
    let mut found = Vec::new();
    let listing = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        listing => listing.at("read", &folder)?,
    };
    for entry in listing {
        let dir = entry.at("read", &folder)?.path();
        let since = dir.metadata().and_then(|metadata| metadata.modified()).at("read", &dir)?;
        found.push(Aside { dir, since });
    }
    found.sort_by(|a, b| (a.since, &a.dir).cmp(&(b.since, &b.dir)));
    Ok(found)
}
