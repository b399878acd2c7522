//! Files of a case on the disk.

use super::error::{CaseError, Result, failed};
use super::{EXHIBIT_FILE, TEXT_FILE};
use crate::exhibit::CopiedFile;
use crate::merkle::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A file to be laid beside an exhibit.
#[derive(Clone, Debug)]
pub enum NewFile {
    /// A copy of this one.
    CopyOf(PathBuf),
    /// One that is made: its name, and its bytes.
    Made(String, Vec<u8>),
}

/// Lays a file beside an exhibit.
pub(super) fn lay(file: &NewFile, folder: &Path, n_before: usize) -> Result<CopiedFile> {
    match file {
        NewFile::CopyOf(from) => copy(from, folder, n_before),
        NewFile::Made(name, bytes) => {
            let name = free_name(name, folder, n_before);
            write(&folder.join(&name), bytes)?;
            Ok(CopiedFile { name, from: String::new(), len: bytes.len() as u64, sha256: Digest::of(bytes) })
        }
    }
}

/// A name that is harmless and not taken.
fn free_name(name: &str, folder: &Path, n_before: usize) -> String {
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches('.');
    let is_ours = [EXHIBIT_FILE, TEXT_FILE, ""].contains(&name) || folder.join(name).exists();
    if is_ours { format!("{}-{name}", n_before + 1) } else { name.to_owned() }
}

fn copy(from: &Path, folder: &Path, n_before: usize) -> Result<CopiedFile> {
    let input = File::open(from).map_err(failed("read", from))?;
    if !input.metadata().map_err(failed("read", from))?.is_file() {
        return Err(CaseError::NotAFile(from.to_owned()));
    }
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = free_name(&name, folder, n_before);
    let to = folder.join(&name);
    let mut output = File::create_new(&to).map_err(failed("write", &to))?;
    let (mut hasher, mut len, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    let mut input = input;
    loop {
        let n_read = input.read(&mut buffer).map_err(failed("read", from))?;
        if n_read == 0 {
            break;
        }
        hasher.update(&buffer[..n_read]);
        output.write_all(&buffer[..n_read]).map_err(failed("write", &to))?;
        len += n_read as u64;
    }
    output.sync_all().map_err(failed("sync", &to))?;
    let from = fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
    let from = trawl_store::source::path_text::to_text(&from);
    Ok(CopiedFile { name, from, len, sha256: Digest(hasher.finalize().into()) })
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(failed("write", path))
}

/// A temporary folder is for nobody else; what it became is for all who may read the case.
pub(super) fn readable(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let parent = dir.parent().and_then(|parent| fs::metadata(parent).ok());
    match parent {
        Some(parent) => fs::set_permissions(dir, fs::Permissions::from_mode(parent.permissions().mode()))
            .map_err(failed("share", dir)),
        None => Ok(()),
    }
}
