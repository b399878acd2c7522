//! The archive of a bundle: a tar of regular files, compressed by zstd.
//!
//! It is written in one way only, and what is not written so is refused: plain names, one time for all members, no owner, zeros
//! for padding and for the end, nothing behind it. So there is no byte of the tar that could be changed unnoticed, and nothing in
//! it that could lead a tool that unpacks it out of its folder.
//!
//! ```text
//! archive := one frame of zstd, with its checksum, of: member* zeros(1024)
//! member  := header(512, ustar) bytes zeros(up to a multiple of 512)
//! name    := part | `data/` part | `files/` part,  part := [A-Za-z0-9_] [A-Za-z0-9._-]*, at most 100 bytes in all
//! ```

use std::collections::HashSet;
use std::io::{self, Read, Write};
use tar::{EntryType, Header};

/// Length of a header, and what members are padded to.
const BLOCK: usize = 512;
/// Longest name of a member.
const MAX_NAME: usize = 100;
/// Folders that members may lie in.
const FOLDERS: [&str; 2] = ["data", "files"];
/// Most bytes of all members together, which are held in memory.
pub const MAX_BYTES: u64 = 512 << 20;
/// Most members.
pub const MAX_MEMBERS: usize = 100_000;
/// Largest window of zstd, as a power of two: 128 MiB, the default of its tool.
const WINDOW_LOG: u32 = 27;
/// Compression: a bundle is written once and kept for years.
const LEVEL: i32 = 12;
/// Members can be read by all; who may read the bundle decides.
const MODE: u32 = 0o644;

/// A file in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, with its folder.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why a file is no archive of a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("cannot read it")]
    Read(#[source] io::Error),
    /// It is not compressed by zstd, is damaged, or has been cut.
    #[error("it cannot be decompressed: it is damaged, cut off, or no bundle")]
    Compression(#[source] io::Error),
    /// It ends within a member.
    #[error("it is cut off: it ends behind {0} bytes, within a member")]
    Truncated(usize),
    /// It is larger than any bundle.
    #[error("it holds more than {} MiB or {MAX_MEMBERS} files, which no bundle does", MAX_BYTES >> 20)]
    TooLarge,
    /// Something stands behind its end.
    #[error("something stands behind its end")]
    Trailing,
    /// A header is not as bundles have it.
    #[error("the header at byte {at} is not one that a bundle has: {what}")]
    Header {
        /// Byte of the tar.
        at: usize,
        /// What is wrong.
        what: String,
    },
    /// The bytes between members or at the end are not zero.
    #[error("the padding behind `{0}` is not empty")]
    Padding(String),
}

/// Writes members as an archive, all as of `time_s`, seconds since 1970.
///
/// # Errors
/// If `out` cannot be written.
///
/// # Panics
/// If a name is not one that a bundle may have, or there is too much: whoever makes bundles makes other ones.
pub fn write(members: &[Member], time_s: u64, out: impl Write) -> io::Result<()> {
    assert!(members.len() <= MAX_MEMBERS, "as many members as a bundle may have");
    assert!(
        members.iter().map(|member| member.bytes.len() as u64).sum::<u64>() <= MAX_BYTES,
        "as long as a bundle may be"
    );
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(&to_tar(members, time_s))?;
    encoder.finish()?.flush()
}

/// The members as an uncompressed tar.
///
/// # Panics
/// If a name is not one that a bundle may have.
pub fn to_tar(members: &[Member], time_s: u64) -> Vec<u8> {
    let mut tar = Vec::new();
    for member in members {
        assert!(is_name(&member.name), "a name that a bundle may have: {}", member.name);
        tar.extend_from_slice(header(&member.name, member.bytes.len() as u64, time_s).as_bytes());
        tar.extend_from_slice(&member.bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

/// Reads an archive, and the time of its members in seconds since 1970. Nothing is written anywhere.
///
/// # Errors
/// If it is not what [`write()`] writes.
pub fn read(input: impl Read) -> Result<(Vec<Member>, u64), ArchiveError> {
    from_tar(&decompress(input)?)
}

/// The uncompressed tar.
pub(super) fn decompress(input: impl Read) -> Result<Vec<u8>, ArchiveError> {
    decompress_up_to(MAX_BYTES + (MAX_MEMBERS * 2 * BLOCK) as u64, input)
}

fn decompress_up_to(most: u64, input: impl Read) -> Result<Vec<u8>, ArchiveError> {
    let mut decoder = zstd::Decoder::new(input).map_err(ArchiveError::Read)?.single_frame();
    decoder.window_log_max(WINDOW_LOG).map_err(ArchiveError::Read)?;
    let mut tar = Vec::new();
    (&mut decoder).take(most + 1).read_to_end(&mut tar).map_err(ArchiveError::Compression)?;
    if tar.len() as u64 > most {
        return Err(ArchiveError::TooLarge);
    }
    let mut behind = [0];
    match decoder.finish().read(&mut behind).map_err(ArchiveError::Read)? {
        0 => Ok(tar),
        _ => Err(ArchiveError::Trailing),
    }
}

/// The members of an uncompressed tar, and their time.
///
/// # Errors
/// If it is not what [`to_tar`] makes.
pub fn from_tar(tar: &[u8]) -> Result<(Vec<Member>, u64), ArchiveError> {
    let (mut members, mut time): (Vec<Member>, Option<u64>) = (Vec::new(), None);
    let mut names = HashSet::new();
    let mut at = 0;
    loop {
        let block = tar.get(at..at + BLOCK).ok_or(ArchiveError::Truncated(tar.len()))?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let wrong = |what: &str| ArchiveError::Header { at, what: what.to_owned() };
        let found = Header::from_byte_slice(block);
        let name = String::from_utf8(found.path_bytes().into_owned()).map_err(|_| wrong("its name is not text"))?;
        if !is_name(&name) {
            return Err(wrong("no file of a bundle has this name"));
        }
        if found.entry_type() != EntryType::Regular {
            return Err(wrong("it is not a regular file"));
        }
        let len = found.entry_size().map_err(|_| wrong("its length is not a number"))?;
        let time_s = found.mtime().map_err(|_| wrong("its time is not a number"))?;
        // All that a header says follows from these three.
        if header(&name, len, time_s).as_bytes() != block || *time.get_or_insert(time_s) != time_s {
            return Err(wrong("it is not written as bundles are"));
        }
        let start = at + BLOCK;
        let end = usize::try_from(len).ok().and_then(|len| start.checked_add(len)).filter(|end| *end <= tar.len());
        let end = end.ok_or(ArchiveError::Truncated(tar.len()))?;
        let padded = end.next_multiple_of(BLOCK);
        let padding = tar.get(end..padded).ok_or(ArchiveError::Truncated(tar.len()))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::Padding(name));
        }
        if members.len() == MAX_MEMBERS {
            return Err(ArchiveError::TooLarge);
        }
        if !names.insert(name.clone()) {
            return Err(wrong("there is a file of this name already"));
        }
        members.push(Member { name, bytes: tar[start..end].to_vec() });
        at = padded;
    }
    let end = &tar[at..];
    if end.len() < 2 * BLOCK {
        return Err(ArchiveError::Truncated(tar.len()));
    }
    if end.len() > 2 * BLOCK || end.iter().any(|byte| *byte != 0) {
        return Err(ArchiveError::Trailing);
    }
    Ok((members, time.unwrap_or_default()))
}

fn header(name: &str, len: u64, time_s: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_path(name).expect("the name is short, and leads nowhere");
    header.set_size(len);
    header.set_mode(MODE);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time_s);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    header
}

/// Whether a bundle may have a member of this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    name.len() <= MAX_NAME
        && match name.split_once('/') {
            Some((folder, part)) => FOLDERS.contains(&folder) && is_part(part),
            None => is_part(name),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members() -> Vec<Member> {
        let member = |name: &str, bytes: &[u8]| Member { name: name.to_owned(), bytes: bytes.to_vec() };
        vec![
            member("README.md", b"read me"),
            member("data/00001.log", &[7; 512]),
            member("files/01-a_b.txt", b""),
            member("SHA256SUMS", b"sums\n"),
        ]
    }

    #[test]
    fn archives_are_read_back() {
        let mut file = Vec::new();
        write(&members(), 1_795_183_500, &mut file).unwrap();
        assert_eq!(read(&file[..]).unwrap(), (members(), 1_795_183_500));
    }

    #[test]
    fn any_tar_unpacks_it() {
        let mut file = Vec::new();
        write(&members(), 1_795_183_500, &mut file).unwrap();
        let mut other = tar::Archive::new(zstd::Decoder::new(&file[..]).unwrap());
        let names: Vec<String> =
            other.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(names, members().into_iter().map(|member| member.name).collect::<Vec<_>>());
    }

    #[test]
    fn names_lead_nowhere() {
        for name in ["README.md", "data/00001.log", "files/02-x.tar.gz", "_a"] {
            assert!(is_name(name), "{name}");
        }
        let long = "a".repeat(101);
        let bad = [
            "",
            "/etc/passwd",
            "../x",
            "data/../x",
            "data/",
            "data/a/b",
            "other/x",
            ".ssh",
            "files/.x",
            "a b",
            "a\\b",
            "data/-x",
            "ü",
            &long,
        ];
        for name in bad {
            assert!(!is_name(name), "{name}");
        }
    }

    /// Tars as somebody else would make them.
    #[test]
    fn what_could_escape_is_refused() {
        let tar_of = |kind: EntryType, name: &str| {
            let mut header = Header::new_ustar();
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(0);
            header.set_mode(MODE);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_entry_type(kind);
            header.set_cksum();
            [header.as_bytes(), &[0; 1024][..]].concat()
        };
        assert_eq!(from_tar(&tar_of(EntryType::Regular, "data/x")).unwrap().0.len(), 1);
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo, EntryType::Directory] {
            assert!(matches!(from_tar(&tar_of(kind, "data/x")), Err(ArchiveError::Header { .. })), "{kind:?}");
        }
        for name in ["../x", "/x", "data/../../x", "etc/x"] {
            assert!(matches!(from_tar(&tar_of(EntryType::Regular, name)), Err(ArchiveError::Header { .. })), "{name}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = zstd::bulk::compress(&vec![0; 4 << 20], 1).unwrap();
        assert!(bomb.len() < 1 << 12);
        assert!(matches!(decompress_up_to((4 << 20) - 1, &bomb[..]), Err(ArchiveError::TooLarge)));
        assert_eq!(decompress_up_to(4 << 20, &bomb[..]).unwrap().len(), 4 << 20);
    }

    #[test]
    fn nothing_stands_behind_the_end() {
        let mut file = Vec::new();
        write(&members(), 0, &mut file).unwrap();
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7];
        for behind in [&b"x"[..], &skippable, &file.clone()] {
            assert!(matches!(read(&[&file, behind].concat()[..]), Err(ArchiveError::Trailing)));
        }
        for end in 0..file.len() {
            assert!(read(&file[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_of_the_tar_can_be_changed_unnoticed(at: prop::sample::Index, bit in 0_u8..8) {
            let whole = to_tar(&members(), 1_795_183_500);
            let mut tar = whole.clone();
            tar[at.index(whole.len())] ^= 1 << bit;
            // It is refused, or the content is another one, which the sums tell.
            prop_assert!(from_tar(&tar).map_or(true, |read| read != (members(), 1_795_183_500)));
        }
    }
}
