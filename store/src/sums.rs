//! Checksummed reading of a bucket's files.
//!
//! `sums` holds a CRC-32C for each 64 KiB chunk of every other file of the bucket:
//!
//! ```text
//! sums  := magic[8] version:u32 n_files:varint file* crc:u32     crc over everything before it
//! file  := name:bytes len:varint crc:u32 × ceil(len / 65536)
//! ```
//!
//! A chunk is checked when it is touched for the first time, so that opening a bucket costs nothing and a flipped bit
//! can still never reach an answer.

use crate::codec::{Put, Take};
use crate::error::{IoContext, Result, StoreError};
use crate::retention::aside::aside_path;
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Name of the checksum file.
pub const SUMS_FILE: &str = "sums";
const MAGIC: &[u8; 8] = b"trawlsum";
const VERSION: u32 = 1;
const CHUNK_LEN: usize = 64 << 10;
/// Files up to this size are read into memory: a mapping of their own would cost more than it saves, and the number of
/// mappings of a process is limited.
const MAX_HEAP_LEN: u64 = CHUNK_LEN as u64;

/// Computes the checksums of `names` in `dir` and returns the contents of `sums`.
///
/// # Errors
/// If a file cannot be read.
pub fn compute(dir: &Path, names: &[String]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.extend_from_slice(MAGIC);
    out.put_u32(VERSION);
    out.put_varint(names.len() as u64);
    let mut chunk = vec![0; CHUNK_LEN];
    for name in names {
        let path = dir.join(name);
        let mut file = File::open(&path).at("open", &path)?;
        let len = file.metadata().at("read", &path)?.len();
        out.put_bytes(name.as_bytes());
        out.put_varint(len);
        for range in chunk_ranges(len as usize) {
            let chunk = &mut chunk[..range.len()];
            file.read_exact(chunk).at("read", &path)?;
            out.put_u32(crc32c::crc32c(chunk));
        }
    }
    out.put_u32(crc32c::crc32c(&out));
    Ok(out)
}

fn chunk_ranges(len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(CHUNK_LEN).map(move |start| start..(start + CHUNK_LEN).min(len))
}

/// The files of one sealed bucket with their checksums.
#[derive(Debug)]
pub struct BucketFiles {
    place: Place,
    files: Vec<FileSums>,
    sums: Vec<u8>,
}

#[derive(Debug)]
struct FileSums {
    name: String,
    len: u64,
    chunks: Arc<[u32]>,
}

/// Where the files of a bucket lie.
#[derive(Debug)]
enum Place {
    /// In a directory, which may be moved aside at any moment.
    Dir(PathBuf),
    /// One behind the other in a file.
    Packed(PathBuf, Vec<PackedFile>),
}

/// A file of a bucket within a larger one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFile {
    /// Its name.
    pub name: String,
    /// The bytes of the larger file that it takes.
    pub bytes: Range<u64>,
}

/// An open file, and the part of it that counts.
struct Part {
    path: PathBuf,
    file: File,
    bytes: Range<u64>,
}

impl Place {
    /// What stands for the whole bucket in errors.
    fn path(&self) -> &Path {
        match self {
            Self::Dir(path) | Self::Packed(path, _) => path,
        }
    }

    fn open(&self, name: &str) -> Result<Part> {
        match self {
            Self::Dir(dir) => {
                let (path, file) = open_in(dir, name)?;
                let len = file.metadata().at("read", &path)?.len();
                Ok(Part { path, file, bytes: 0..len })
            }
            Self::Packed(path, files) => {
                let packed = files.iter().find(|file| file.name == name);
                let packed =
                    packed.ok_or_else(|| StoreError::damaged(path, 0, format!("there is no file `{name}` in it")))?;
                let file = File::open(path).at("open", path)?;
                let len = file.metadata().at("read", path)?.len();
                // A part that reaches past the end could not be mapped.
                let bytes = packed.bytes.start.min(len)..packed.bytes.end.min(len);
                Ok(Part { path: path.join(name), file, bytes })
            }
        }
    }
}

/// Opens a file of a bucket directory, where it was or where it was moved aside meanwhile.
fn open_in(dir: &Path, name: &str) -> Result<(PathBuf, File)> {
    let path = dir.join(name);
    let error = match File::open(&path) {
        Ok(file) => return Ok((path, file)),
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::NotFound {
        let aside = aside_path(dir).unwrap_or_default();
        let moved = aside.join(name);
        if let Ok(file) = File::open(&moved) {
            return Ok((moved, file));
        }
        if !dir.is_dir() && !aside.is_dir() {
            return Err(StoreError::BucketGone { dir: dir.to_owned() });
        }
    }
    Err(error).at("open", &path)
}

impl Part {
    fn len(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.len() as usize];
        self.file.read_exact_at(&mut bytes, self.bytes.start).at("read", &self.path)?;
        Ok(bytes)
    }
}

impl BucketFiles {
    /// Reads `sums` of the bucket in `dir`.
    ///
    /// # Errors
    /// [`StoreError::BucketGone`] if there is no such directory any more, and if the file is missing, damaged, or of a newer
    /// format.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::open_place(Place::Dir(dir.to_owned()))
    }

    /// Reads `sums` of a bucket whose files lie in the file `path`.
    ///
    /// # Errors
    /// If `sums` is missing, damaged, or of a newer format.
    pub fn open_packed(path: &Path, files: Vec<PackedFile>) -> Result<Self> {
        Self::open_place(Place::Packed(path.to_owned(), files))
    }

    fn open_place(place: Place) -> Result<Self> {
        let part = place.open(SUMS_FILE)?;
        let (path, bytes) = (&part.path, part.read()?);
        let damaged = |what: &str| StoreError::damaged(path, 0, what);
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("too short"))?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
            return Err(damaged("checksum of the checksum file does not match"));
        }
        let mut take = Take::new(body);
        if take.bytes(MAGIC.len()) != Some(MAGIC) {
            return Err(damaged("not a checksum file"));
        }
        let version = take.u32().ok_or_else(|| damaged("too short"))?;
        if version > VERSION {
            return Err(StoreError::NewerFormat { path: path.clone(), found: version, supported: VERSION });
        }
        let files = parse_files(&mut take).ok_or_else(|| damaged("malformed"))?;
        Ok(Self { place, files, sums: bytes })
    }

    /// The bucket directory, or the file that holds all of the bucket.
    pub fn dir(&self) -> &Path {
        self.place.path()
    }

    /// The contents of `sums`.
    pub fn sums(&self) -> &[u8] {
        &self.sums
    }

    /// Names of the checksummed files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Opens a file of the bucket for checked reading.
    ///
    /// # Errors
    /// If the file is missing or has another length than when it was sealed.
    pub fn open_file(&self, name: &str) -> Result<CheckedFile> {
        let sums =
            self.files.iter().find(|file| file.name == name).ok_or_else(|| {
                StoreError::damaged(&self.place.path().join(name), 0, "not listed in the checksum file")
            })?;
        let part = self.place.open(name)?;
        let len = part.len();
        if len != sums.len {
            let what = format!("{len} bytes instead of {}", sums.len);
            return Err(StoreError::damaged(&part.path, len.min(sums.len), what));
        }
        let bytes = if len <= MAX_HEAP_LEN {
            Bytes::Heap(part.read()?)
        } else {
            let map_len = usize::try_from(len).map_err(io::Error::other).at("map", &part.path)?;
            let mut options = MmapOptions::new();
            options.offset(part.bytes.start).len(map_len);
            // SAFETY: files of a sealed bucket are never written or truncated again, and neither is one in an archive; they
            // are only renamed and unlinked, which leaves the mapping intact.
            Bytes::Mapped(unsafe { options.map(&part.file) }.at("map", &part.path)?)
        };
        let n_chunks = sums.chunks.len();
        Ok(CheckedFile {
            inner: Arc::new(Inner {
                path: part.path,
                bytes,
                chunks: Arc::clone(&sums.chunks),
                checked: (0..n_chunks.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            }),
        })
    }

    /// Checks every byte of every file against its sum.
    ///
    /// # Errors
    /// The first damage found in each file, in file order.
    pub fn check_all(&self) -> Vec<StoreError> {
        self.files
            .iter()
            .filter_map(|file| {
                let checked = self.open_file(&file.name).and_then(|open| open.read(0..open.len()).map(|_| ()));
                checked.err()
            })
            .collect()
    }
}

fn parse_files(take: &mut Take<'_>) -> Option<Vec<FileSums>> {
    let n_files = take.varint()?;
    let mut files = Vec::new();
    for _ in 0..n_files {
        let name = take.str()?.to_owned();
        let len = take.varint()?;
        let n_chunks = usize::try_from(len.div_ceil(CHUNK_LEN as u64)).ok()?;
        let sums = take.bytes(n_chunks.checked_mul(4)?)?;
        let chunks = sums.chunks_exact(4).map(|sum| u32::from_le_bytes(sum.try_into().expect("four bytes"))).collect();
        files.push(FileSums { name, len, chunks });
    }
    take.is_empty().then_some(files)
}

enum Bytes {
    Heap(Vec<u8>),
    Mapped(Mmap),
}

struct Inner {
    path: PathBuf,
    bytes: Bytes,
    chunks: Arc<[u32]>,
    /// One bit per chunk: its sum was found right.
    checked: Box<[AtomicU64]>,
}

/// A file whose bytes are checked before they are handed out. Clones share the file and what is known of it.
#[derive(Clone)]
pub struct CheckedFile {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for CheckedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckedFile({})", self.inner.path.display())
    }
}

impl CheckedFile {
    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.unchecked().len()
    }

    /// Whether the file holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes, unchecked: for content that carries checksums of its own.
    pub fn unchecked(&self) -> &[u8] {
        match &self.inner.bytes {
            Bytes::Heap(bytes) => bytes,
            Bytes::Mapped(map) => map,
        }
    }

    /// The bytes of `range`, after every chunk they lie in was checked once.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a chunk's sum does not match or the range reaches past the end.
    pub fn read(&self, range: Range<usize>) -> Result<&[u8]> {
        let all = self.unchecked();
        let bytes = all.get(range.clone()).ok_or_else(|| {
            StoreError::damaged(self.path(), range.start as u64, "range reaches past the end of the file")
        })?;
        if bytes.is_empty() {
            return Ok(bytes);
        }
        for chunk in range.start / CHUNK_LEN..=(range.end - 1) / CHUNK_LEN {
            let flag = 1_u64 << (chunk % 64);
            let checked = &self.inner.checked[chunk / 64];
            if checked.load(Ordering::Relaxed) & flag != 0 {
                continue;
            }
            let start = chunk * CHUNK_LEN;
            let end = (start + CHUNK_LEN).min(all.len());
            if crc32c::crc32c(&all[start..end]) != self.inner.chunks[chunk] {
                return Err(StoreError::damaged(self.path(), start as u64, "checksum does not match"));
            }
            checked.fetch_or(flag, Ordering::Relaxed);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket_with(content: &[u8]) -> (tempfile::TempDir, BucketFiles) {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("file"), content).expect("write");
        let sums = compute(dir.path(), &["file".to_owned()]).expect("sums");
        std::fs::write(dir.path().join(SUMS_FILE), sums).expect("write");
        let files = BucketFiles::open(dir.path()).expect("open");
        (dir, files)
    }

    #[test]
    fn whole_files_of_any_length_check() {
        for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 5 * CHUNK_LEN + 3] {
            let content: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let (_dir, files) = bucket_with(&content);
            let file = files.open_file("file").expect("open");
            assert_eq!(file.read(0..len).expect("read"), content);
            assert!(file.read(0..len + 1).is_err());
            assert!(files.check_all().is_empty());
        }
    }

    #[test]
    fn a_flipped_bit_is_found_in_its_chunk_only() {
        let content = vec![7; 4 * CHUNK_LEN];
        let (dir, _files) = bucket_with(&content);
        let mut damaged = content;
        damaged[2 * CHUNK_LEN + 9] ^= 0x10;
        std::fs::write(dir.path().join("file"), damaged).expect("write");
        let files = BucketFiles::open(dir.path()).expect("open");
        let file = files.open_file("file").expect("open");
        file.read(0..2 * CHUNK_LEN).expect("chunks 0 and 1 are whole");
        let error = file.read(2 * CHUNK_LEN..2 * CHUNK_LEN + 1).expect_err("chunk 2 is damaged");
        assert!(matches!(error, StoreError::Damaged { offset, .. } if offset == 2 * CHUNK_LEN as u64), "{error}");
        assert_eq!(files.check_all().len(), 1);
    }

    #[test]
    fn a_flipped_bit_in_the_sums_is_found() {
        let (dir, _files) = bucket_with(b"content");
        let path = dir.path().join(SUMS_FILE);
        let sums = std::fs::read(&path).expect("read");
        for at in 0..sums.len() {
            let mut damaged = sums.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).expect("write");
            assert!(BucketFiles::open(dir.path()).is_err(), "flip at {at}");
        }
    }

    #[test]
    fn another_length_is_found() {
        let (dir, files) = bucket_with(b"content");
        std::fs::write(dir.path().join("file"), b"conten").expect("write");
        assert!(files.open_file("file").is_err());
    }
}
