//! tantivy's view of a bucket: one directory to build in, one to read from.

use crate::disk;
use crate::error::StoreError;
use crate::sums::{BucketFiles, CheckedFile};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

/// Where a segment is built. Nothing is synced here: sealing a bucket syncs all of its files once, at the end.
#[derive(Clone, Debug)]
pub struct BuildDirectory {
    dir: PathBuf,
}

impl BuildDirectory {
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }
}

struct BuildFile(File);

impl Write for BuildFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for BuildFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()
    }
}

fn open_read_error(error: io::Error, path: &Path) -> OpenReadError {
    if error.kind() == io::ErrorKind::NotFound {
        OpenReadError::FileDoesNotExist(path.to_owned())
    } else {
        OpenReadError::wrap_io_error(error, path.to_owned())
    }
}

impl Directory for BuildDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let bytes = self.atomic_read(path)?;
        Ok(Arc::new(OwnedBytes::new(bytes)))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        std::fs::remove_file(self.dir.join(path))
            .map_err(|error| DeleteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.dir.join(path).try_exists().map_err(|error| open_read_error(error, path))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let file = disk::create_file(&self.dir.join(path))
            .map_err(|error| OpenWriteError::wrap_io_error(io::Error::other(error), path.to_owned()))?;
        Ok(BufWriter::new(Box::new(BuildFile(file))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        std::fs::read(self.dir.join(path)).map_err(|error| open_read_error(error, path))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        // tantivy's own list of files serves its garbage collection, which a sealed bucket never sees.
        if path == Path::new(".managed.json") {
            return Ok(());
        }
        std::fs::write(self.dir.join(path), data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _lock: &Lock) -> Result<DirectoryLock, LockError> {
        // The directory has one owner, the builder, and a name that nobody else knows yet.
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

/// A sealed bucket, read-only; every byte handed to tantivy was checked against `sums`.
#[derive(Clone, Debug)]
pub struct SealedDirectory {
    files: Arc<BucketFiles>,
}

impl SealedDirectory {
    pub fn new(files: Arc<BucketFiles>) -> Self {
        Self { files }
    }

    fn open(&self, path: &Path) -> Result<CheckedFile, OpenReadError> {
        let missing = || OpenReadError::FileDoesNotExist(path.to_owned());
        let name = path.to_str().ok_or_else(missing)?;
        if !self.files.names().any(|known| known == name) {
            return Err(missing());
        }
        self.files
            .open_file(name)
            .map_err(|error| OpenReadError::wrap_io_error(io::Error::other(error), path.to_owned()))
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a sealed bucket is never written")
}

impl Directory for SealedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(Arc::new(SealedFile(self.open(path)?)))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.files.names().any(|name| Path::new(name) == path))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(read_only(), path.to_owned()))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let file = self.open(path)?;
        let bytes = file.read(0..file.len());
        bytes
            .map(<[u8]>::to_vec)
            .map_err(|error| OpenReadError::wrap_io_error(io::Error::other(error), path.to_owned()))
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

struct SealedFile(CheckedFile);

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl HasLen for SealedFile {
    fn len(&self) -> usize {
        self.0.len()
    }
}

impl FileHandle for SealedFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        self.0.read(range.clone()).map_err(io::Error::other)?;
        Ok(OwnedBytes::new(Stable(self.0.clone())).slice(range))
    }
}

/// Keeps the file open for as long as tantivy holds bytes of it.
struct Stable(CheckedFile);

impl Deref for Stable {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.unchecked()
    }
}

// SAFETY: the bytes live behind an `Arc` that the value holds, in a mapping or a vector that is never changed; moving
// the value moves neither.
unsafe impl stable_deref_trait::StableDeref for Stable {}

/// Turns tantivy's error into ours, bringing back the damage report that passed through it.
pub fn segment_error(dir: &Path, error: impl Into<tantivy::TantivyError>) -> StoreError {
    StoreError::Segment { path: dir.to_owned(), source: Box::new(error.into()) }
}
