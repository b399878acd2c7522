//! Creating files and directories with the store's permissions, and making them durable.

use crate::error::{IoContext, Result};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
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
