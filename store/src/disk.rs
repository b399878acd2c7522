//! Creating files and directories with the store's permissions, and making them durable.

use crate::error::{IoContext, Result};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Mode of directories in the store: the group may read.
const DIR_MODE: u32 = 0o750;
/// Mode of files in the store: the group may read.
const FILE_MODE: u32 = 0o640;

/// Creates a directory and its parents.
///
/// # Errors
/// If one of them cannot be created.
pub fn create_dir_all(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(path).at("create", path)
}

/// Creates a directory that does not exist yet.
///
/// # Errors
/// If it exists or cannot be created.
pub fn create_dir(path: &Path) -> Result<()> {
    DirBuilder::new().mode(DIR_MODE).create(path).at("create", path)
}

/// Creates a file that does not exist yet.
///
/// # Errors
/// If it exists or cannot be created.
pub fn create_file(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path).at("create", path)
}

/// Creates a file with the given contents; it is not durable before [`sync_file`].
///
/// # Errors
/// If it exists or cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    create_file(path)?.write_all(bytes).at("write", path)
}

/// Makes the contents of a file durable; its length.
///
/// # Errors
/// If the disk reports that it could not. The contents are then unknown, and the sync must not be tried again.
pub fn sync_file(path: &Path) -> Result<u64> {
    let file = File::open(path).at("open", path)?;
    file.sync_all().at("sync", path)?;
    Ok(file.metadata().at("read", path)?.len())
}

/// Makes the names in a directory durable.
///
/// # Errors
/// As [`sync_file`].
pub fn sync_dir(path: &Path) -> Result<()> {
    File::open(path).at("open", path)?.sync_all().at("sync", path)
}

/// Replaces a file, or creates it: there is the old one or the new one, whatever happens. Durable when this returns.
///
/// # Errors
/// If the disk refuses it; the old file then stays.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_name(path);
    remove_if_there(&temporary)?;
    write_file(&temporary, bytes)?;
    sync_file(&temporary)?;
    fs::rename(&temporary, path).at("rename", &temporary)?;
    sync_dir(path.parent().unwrap_or(Path::new("/")))
}

/// The name under which a file is written before it takes its place: hidden, beside it.
pub fn temporary_name(path: &Path) -> std::path::PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    path.with_file_name(name)
}

/// Removes a file that need not exist.
///
/// # Errors
/// If it exists and cannot be removed.
pub fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

/// Bytes of disk that a directory with its files takes, by the blocks that are really allocated.
///
/// # Errors
/// If it cannot be read.
pub fn allocated_bytes(dir: &Path) -> Result<u64> {
    // `st_blocks` counts in these, whatever the block size of the file system.
    const UNIT: u64 = 512;
    let mut blocks = dir.metadata().at("read", dir)?.blocks();
    for entry in fs::read_dir(dir).at("read", dir)? {
        blocks += entry.and_then(|entry| entry.metadata()).at("read", dir)?.blocks();
    }
    Ok(blocks * UNIT)
}

/// Bytes of a file system.
#[derive(Clone, Copy, Debug)]
pub struct FileSystem {
    /// That users may still take.
    pub free: u64,
    /// That it has.
    pub total: u64,
}

/// The file system that holds `path`.
///
/// # Errors
/// If the operating system does not tell.
pub fn file_system(path: &Path) -> Result<FileSystem> {
    let stat = rustix::fs::statvfs(path).map_err(io::Error::from).at("read the free space of", path)?;
    Ok(FileSystem {
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}

/// Asks the operating system to forget what it holds of a file, which is durable: what is read next comes from the disk.
///
/// # Errors
/// If it refuses.
pub fn forget_cached(file: &File, path: &Path) -> Result<()> {
    let forgotten = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    forgotten.map_err(io::Error::from).at("drop the cache of", path)
}
