//! The tar files of an archive.

use super::not_an_archive;
use crate::bucket::blocks::BLOCKS_FILE;
use crate::bucket::columns::COLUMNS_FILE;
use crate::bucket::journal::JOURNAL_FILE;
use crate::bucket::meta::{BucketMeta, META_FILE};
use crate::disk;
use crate::error::{IoContext, Result};
use crate::sums::{BucketFiles, PackedFile, SUMS_FILE};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};
use tar::{Archive, Builder, EntryType, Header};

/// Files that every bucket has, beside those of its segment.
const FILES: [&str; 6] = [JOURNAL_FILE, BLOCKS_FILE, COLUMNS_FILE, META_FILE, SUMS_FILE, "meta.json"];
/// Endings of the files of a segment, whose name is an id of 32 hexadecimal digits.
const SEGMENT_EXTENSIONS: [&str; 6] = ["idx", "pos", "term", "fieldnorm", "store", "fast"];
/// Mode of the files when another tar unpacks them.
const FILE_MODE: u32 = 0o640;
/// Bytes of a header.
const HEADER_BYTES: usize = 512;
/// Bytes of a file that are read to see what a bucket says of itself: enough for a few dozen sources.
const PEEK_BYTES: u64 = 16 << 10;
/// Longer than what a bucket ever says of itself.
const MAX_META_BYTES: u64 = 256 << 20;
/// More files than a bucket ever has.
const MAX_FILES: usize = 64;

/// Where the files of an archived bucket lie.
pub struct Packed {
    pub files: Vec<PackedFile>,
}

impl Packed {
    /// Reads the headers of a tar file.
    ///
    /// # Errors
    /// If it cannot be read, or holds anything but the files of one bucket.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).at("open", path)?;
        let len = file.metadata().at("read", path)?.len();
        // What does not parse is not ours; what cannot be read is met again as such when the contents are.
        let refused = |error: std::io::Error| not_an_archive(path, error.to_string());
        let mut archive = Archive::new(BufReader::new(file));
        let mut files: Vec<PackedFile> = Vec::new();
        for entry in archive.entries_with_seek().map_err(refused)?.raw(true) {
            let entry = entry.map_err(refused)?;
            let name = file_name(&entry.path_bytes(), entry.header().entry_type())
                .map_err(|what| not_an_archive(path, what))?;
            let start = entry.raw_file_position();
            let bytes = start..start.saturating_add(entry.size());
            if bytes.end > len {
                return Err(not_an_archive(path, format!("`{name}` reaches past the end of the file")));
            }
            if files.iter().any(|file| file.name == name) {
                return Err(not_an_archive(path, format!("`{name}` is in it twice")));
            }
            if files.len() == MAX_FILES {
                return Err(not_an_archive(path, "it has too many files"));
            }
            files.push(PackedFile { name, bytes });
        }
        Ok(Self { files })
    }
}

/// What a bucket says of itself, if that is the first thing in its file, as [`write_tar`] writes it; and the length of the file.
/// Nothing else is read, and nothing is checked: this is for those who can check it, or do not mind.
pub fn peek_meta(path: &Path) -> Result<Option<(BucketMeta, u64)>> {
    let file = File::open(path).at("open", path)?;
    let len = file.metadata().at("read", path)?.len();
    let mut head = vec![0; PEEK_BYTES.min(len) as usize];
    file.read_exact_at(&mut head, 0).at("read", path)?;
    let Some((header, body)) = head.split_at_checked(HEADER_BYTES) else { return Ok(None) };
    let header = Header::from_byte_slice(header);
    let is_meta = header.entry_type() == EntryType::Regular && *header.path_bytes() == *META_FILE.as_bytes();
    let size = header.entry_size().unwrap_or(u64::MAX);
    if !is_meta || size > len - HEADER_BYTES as u64 || size > MAX_META_BYTES {
        return Ok(None);
    }
    let size = size as usize;
    let decode = |bytes: &[u8]| BucketMeta::decode(bytes, path).ok().map(|meta| (meta, len));
    if let Some(bytes) = body.get(..size) {
        return Ok(decode(bytes));
    }
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, HEADER_BYTES as u64).at("read", path)?;
    Ok(decode(&bytes))
}

/// The name of an entry, if a bucket may have such a file.
fn file_name(path: &[u8], kind: EntryType) -> Result<String, String> {
    let shown = String::from_utf8_lossy(path).into_owned();
    if kind != EntryType::Regular {
        return Err(format!("`{shown}` is not a regular file"));
    }
    let mut components = Path::new(&shown).components();
    let is_name = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    if is_name && is_bucket_file(&shown) { Ok(shown) } else { Err(format!("`{shown}` is not a file of a bucket")) }
}

/// Whether a bucket may have a file of this name.
fn is_bucket_file(name: &str) -> bool {
    FILES.contains(&name)
        || name.split_once('.').is_some_and(|(id, extension)| {
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && SEGMENT_EXTENSIONS.contains(&extension)
        })
}

/// Writes the files of a bucket as a new tar file, checked as they are read. What it says of itself comes first, so that many of
/// them are looked at quickly.
///
/// # Errors
/// If a file is damaged, or the disk refuses it.
pub fn write_tar(files: &BucketFiles, path: &Path) -> Result<File> {
    let mut tar = Builder::new(BufWriter::new(disk::create_file(path)?));
    let (first, others): (Vec<&str>, Vec<&str>) = files.names().partition(|name| *name == META_FILE);
    for name in first.into_iter().chain(others) {
        let file = files.open_file(name)?;
        add(&mut tar, name, file.read(0..file.len())?).at("write", path)?;
    }
    add(&mut tar, SUMS_FILE, files.sums()).at("write", path)?;
    let out = tar.into_inner().at("write", path)?;
    out.into_inner().map_err(|error| error.into_error()).at("write", path)
}

fn add(tar: &mut Builder<BufWriter<File>>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(FILE_MODE);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, name, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_a_bucket_are_accepted() {
        let segment = "0123456789abcdef0123456789abcdef.term";
        for name in ["journal", "sums", "bucket.json", segment] {
            assert_eq!(file_name(name.as_bytes(), EntryType::Regular).as_deref(), Ok(name));
        }
        let wrong = [
            "",
            ".",
            "..",
            "../journal",
            "/journal",
            "a/journal",
            "./journal",
            "journal/",
            "notes",
            "x.term",
            "journal\0",
        ];
        for name in wrong {
            assert!(file_name(name.as_bytes(), EntryType::Regular).is_err(), "{name}");
        }
        let kinds = [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo];
        for kind in kinds.into_iter().chain([EntryType::Directory, EntryType::GNUSparse, EntryType::XHeader]) {
            assert!(file_name(b"journal", kind).is_err(), "{kind:?}");
        }
    }
}
