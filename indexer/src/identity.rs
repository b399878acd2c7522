//! Which file is which: known again after rotation, renaming and compression, told apart after truncation.
//!
//! A file is the same as a generation of a known source if its name could be that of the source after rotation, or it has
//! the source's inode; and the hash of its first bytes, and the hash of the last bytes before the end of what was
//! read, agree. The names only say which sources to compare with; content decides.

use crate::discovery::FileMeta;
use crate::stored::StoredContent;
use hashbrown::HashMap;
use std::ffi::OsStr;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use trawl_formats::event::IndexName;
use trawl_store::catalog::GenerationState;
use trawl_store::{Fingerprint, FinishedFile, SourceId, SourceState, StoreError, Tail};

/// Suffixes that compression tools append.
const COMPRESSION_SUFFIXES: [&str; 11] =
    [".gz", ".gzip", ".z", ".zst", ".zstd", ".bz2", ".bz", ".xz", ".lzma", ".lz4", ".zip"];
/// Suffixes of files that were put aside.
const ASIDE_SUFFIXES: [&str; 7] = [".old", ".bak", ".backup", ".prev", ".rotated", ".save", "~"];
/// Extensions in front of which some programs put the rotation's date: `app-2026-11-20.log`.
const LOG_EXTENSIONS: [&str; 6] = [".log", ".txt", ".out", ".err", ".json", ".csv"];
/// Behind a longer line without an end, it is not looked for where a file parts from what was read of it.
const LONGEST_LINE: u64 = 64 << 10;
/// Longest number that counts rotations (`app.log.12345`).
const MAX_COUNT_DIGITS: usize = 5;

/// What remains of a file name without the suffixes of compression and rotation: the same for a log and everything that
/// rotation makes of it.
///
/// Taken off again and again: compression (`.gz`), put aside (`.old`), a count (`.1`), a date or date and time
/// (`-20261120`, `.2026-11-20-14`, `_2026-11-20T14-05-00.123`, `-1732111500`), in front of an extension, too.
pub fn rotation_key(file_name: &str) -> String {
    strip(file_name).0
}

/// Whether a file name is one that rotation gave: such a file may grow for a moment, but is never truncated.
pub fn is_rotated(file_name: &str) -> bool {
    strip(file_name).1
}

/// The key, and whether more than compression suffixes was taken off.
fn strip(file_name: &str) -> (String, bool) {
    let mut rest = file_name;
    let mut is_rotated = false;
    loop {
        let before = rest;
        rest = strip_any(rest, &COMPRESSION_SUFFIXES);
        let unrotated = strip_date(strip_count(strip_any(rest, &ASIDE_SUFFIXES)));
        is_rotated |= unrotated.len() < rest.len();
        rest = unrotated;
        if rest.len() == before.len() {
            break;
        }
    }
    // A count in front of an extension (`app-1.log`) is as likely the number of a process; only a date is a rotation's.
    let stem = strip_any(rest, &LOG_EXTENSIONS);
    let undated = strip_date(stem);
    if stem.len() < rest.len() && undated.len() < stem.len() {
        return (format!("{undated}{}", &rest[stem.len()..]), true);
    }
    (rest.to_owned(), is_rotated)
}

/// `text` without the first of `suffixes` that it ends with, in any case, if something remains.
fn strip_any<'t>(text: &'t str, suffixes: &[&str]) -> &'t str {
    let strip = |suffix: &&str| {
        let stem = text.len().checked_sub(suffix.len()).filter(|&stem| stem > 0)?;
        (text.is_char_boundary(stem) && text[stem..].eq_ignore_ascii_case(suffix)).then(|| &text[..stem])
    };
    suffixes.iter().find_map(strip).unwrap_or(text)
}

/// `text` without `.` and a short number.
fn strip_count(text: &str) -> &str {
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let n_digits = text.len() - stem.len();
    match stem.strip_suffix('.') {
        Some(stem) if !stem.is_empty() && (1..=MAX_COUNT_DIGITS).contains(&n_digits) => stem,
        _ => text,
    }
}

/// `text` without a separator and a date, which a time may follow.
///
/// ```text
/// date := digits{8} | digits{10} | digits{12} | digits{14} | digits{4} sep digits{2} sep digits{2} rest
/// rest := (letter T or sep, digits{1..6} | digits{10})*       sep := `-` `.` `_` `:`
/// ```
fn strip_date(text: &str) -> &str {
    let is_separator = |byte: u8| matches!(byte, b'-' | b'.' | b'_' | b':');
    // The run of digits and separators at the end, which the date must fill from some separator on.
    let start = text
        .bytes()
        .rposition(|byte| !(byte.is_ascii_digit() || is_separator(byte) || byte == b'T'))
        .map_or(0, |last_other| last_other + 1);
    let run = &text.as_bytes()[start..];
    let cut = (0..run.len()).find(|&at| is_separator(run[at]) && start + at > 0 && is_date(&run[at + 1..]));
    cut.map_or(text, |at| &text[..start + at])
}

fn is_date(bytes: &[u8]) -> bool {
    let n_digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match n_digits {
        8 | 12 | 14 => is_time(&bytes[n_digits..]),
        // yyyymmddhh, or seconds since the epoch.
        10 => bytes.len() == 10 || is_time(&bytes[10..]),
        4 => {
            let [_, _, _, _, a, month_1, month_2, b, day_1, day_2, rest @ ..] = bytes else { return false };
            matches!(a, b'-' | b'.' | b'_')
                && a == b
                && [month_1, month_2, day_1, day_2].iter().all(|byte| byte.is_ascii_digit())
                && is_time(rest)
        }
        _ => false,
    }
}

/// Whether `bytes` are groups of at most six digits, or of the ten of seconds since the epoch, each behind a separator or `T`.
fn is_time(mut bytes: &[u8]) -> bool {
    while let Some((separator, rest)) = bytes.split_first() {
        let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if separator.is_ascii_digit() || !matches!(n_digits, 1..=6 | 10) {
            return false;
        }
        bytes = &rest[n_digits..];
    }
    true
}

/// Folder and key of a path: equal for files of which one may be made from the other by rotation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Family {
    folder: PathBuf,
    key: String,
}

impl Family {
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn of(path: &Path) -> Self {
        Self {
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            key: rotation_key(&path.file_name().unwrap_or(OsStr::new("")).to_string_lossy()),
        }
    }
}

/// The sources of an index, to be looked up by what a file has in common with them.
pub(crate) struct KnownSources {
    sources: Vec<SourceState>,
    by_family: HashMap<Family, Vec<usize>>,
    by_id: HashMap<SourceId, usize>,
    /// Source and generation by device and inode.
    by_inode: HashMap<(u64, u64), Vec<(usize, usize)>>,
}

/// Position of a generation in [`KnownSources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GenerationRef {
    source: usize,
    generation: usize,
}

impl KnownSources {
    /// Of all sources in the catalog, those of `index`.
    pub(crate) fn new(all: Vec<SourceState>, index: &IndexName) -> Self {
        let sources: Vec<SourceState> = all.into_iter().filter(|source| source.index == *index).collect();
        let mut by_family: HashMap<Family, Vec<usize>> = HashMap::new();
        let by_id = sources.iter().enumerate().map(|(source_idx, source)| (source.id, source_idx)).collect();
        let mut by_inode: HashMap<_, Vec<_>> = HashMap::new();
        for (source_idx, source) in sources.iter().enumerate() {
            by_family.entry(Family::of(&source.path)).or_default().push(source_idx);
            for (generation_idx, generation) in source.generations.iter().enumerate() {
                let Fingerprint { dev, ino, .. } = generation.fingerprint;
                by_inode.entry((dev, ino)).or_default().push((source_idx, generation_idx));
            }
        }
        Self { sources, by_family, by_id, by_inode }
    }

    pub(crate) fn source(&self, at: GenerationRef) -> &SourceState {
        &self.sources[at.source]
    }

    /// Whether everything in a file is known still that was when this was noted of it.
    pub(crate) fn covers(&self, file: &FinishedFile) -> bool {
        let source = self.by_id.get(&file.source).map(|&source_idx| &self.sources[source_idx]);
        let generations = source.into_iter().flat_map(|source| &source.generations);
        let mut generations = generations.filter(|generation| generation.number == file.generation);
        generations.any(|generation| generation.committed.first_gap(0) >= file.content_len)
    }

    pub(crate) fn generation(&self, at: GenerationRef) -> &GenerationState {
        &self.source(at).generations[at.generation]
    }

    /// Sources whose first file had exactly this path, latest first.
    pub(crate) fn at_path<'s>(&'s self, path: &'s Path) -> impl Iterator<Item = &'s SourceState> {
        self.sources.iter().rev().filter(move |source| source.path == path)
    }

    /// The standard input that was read under a number before, as far as it was; it began with `head`.
    pub(crate) fn stdin(&self, id: NonZeroU64, head: &[u8]) -> Option<GenerationRef> {
        let known = self.by_inode.get(&(0, id.get())).into_iter().flatten();
        let known = known.map(|&(source, generation)| GenerationRef { source, generation });
        known.rev().find(|&at| self.generation(at).fingerprint.matches(head))
    }

    /// Generations of the file with the same device and inode.
    fn of_inode(&self, meta: &FileMeta) -> impl Iterator<Item = GenerationRef> {
        let known = self.by_inode.get(&(meta.dev, meta.ino)).into_iter().flatten();
        known.map(|&(source, generation)| GenerationRef { source, generation })
    }

    /// Generations that begin with `head` and may be the file at `path`, the most likely first.
    fn candidates(&self, path: &Path, meta: &FileMeta, head: &[u8]) -> Vec<GenerationRef> {
        let family = self.by_family.get(&Family::of(path)).into_iter().flatten().flat_map(|&source| {
            (0..self.sources[source].generations.len()).map(move |generation| GenerationRef { source, generation })
        });
        let mut candidates: Vec<GenerationRef> = self.of_inode(meta).chain(family).collect();
        candidates.retain(|&at| {
            let fingerprint = &self.generation(at).fingerprint;
            // A file that is shorter than the head it should have can only be a copy of the beginning.
            fingerprint.head_len > 0 && (fingerprint.matches(head) || head.len() < fingerprint.head_len as usize)
        });
        candidates.sort_by_key(|&at| {
            let generation = self.generation(at);
            let is_same_inode = (generation.fingerprint.dev, generation.fingerprint.ino) == (meta.dev, meta.ino);
            // What nothing was read of can be compared by its head alone: it comes last. A stream is compared from
            // its beginning to its end: short ones come first.
            let order = generation.committed.is_empty();
            (order, generation.committed.end(), !is_same_inode, at.source, at.generation)
        });
        candidates.dedup();
        candidates
    }
}

/// A file's content, of which parts can be compared.
pub(crate) trait Content {
    /// The bytes from `start` on, as many as are there up to `len`.
    ///
    /// # Errors
    /// If they cannot be read. A compressed file that is damaged ends at the damage; that is no error here.
    fn read(&mut self, start: u64, len: usize) -> io::Result<Vec<u8>>;

    /// How long the content is, if reading has met its end or it is known from the start.
    fn known_len(&self) -> Option<u64>;
}

/// Why it could not be found out what a file is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentifyError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The file of a known generation, with all that was read of it and perhaps more.
    Known(GenerationRef),
    /// A copy of the beginning of a known generation.
    Copy(GenerationRef),
    /// The file of a known generation up to a place, where it goes on with something else than what was read of it.
    Parted(GenerationRef, u64),
    /// None that is known.
    Unknown,
}

/// Finds out what the file at `path` is.
///
/// # Errors
/// If the file or the store cannot be read.
pub(crate) fn identify(
    known: &KnownSources,
    stored: &StoredContent<'_>,
    path: &Path,
    meta: &FileMeta,
    content: &mut dyn Content,
) -> Result<Identity, IdentifyError> {
    let head = content.read(0, Fingerprint::MAX_HEAD_LEN)?;
    for at in known.candidates(path, meta, &head) {
        let (source, generation) = (known.source(at), known.generation(at));
        // The end of what was read without a hole; where the beginning is a hole, of any other part.
        let tail = generation.tail().or_else(|| generation.tails.first());
        if generation.fingerprint.matches(&head) {
            let Some(tail) = tail else { return Ok(Identity::Known(at)) };
            if tail.matches(&content.read(tail.start(), tail.len as usize)?) {
                // A file that ends before something that was read, behind a hole, was truncated.
                if content.known_len().is_none_or(|len| len >= generation.committed.end()) {
                    return Ok(Identity::Known(at));
                }
                continue;
            }
        }
        // Longer than what was read, but not than what was hashed of the head: only its bytes tell, and there are few.
        if let Some(tail) = tail.filter(|tail| {
            (head.len() as u64) < u64::from(generation.fingerprint.head_len)
                && content.known_len().is_some_and(|len| tail.end <= len)
        }) {
            let bytes = content.read(0, tail.end as usize)?;
            if tail.end <= head.len() as u64 && stored.contains(source.id, generation, 0, &bytes)? == Some(true) {
                return Ok(Identity::Known(at));
            }
            continue;
        }
        // Shorter than what was read: truncated and begun anew, or a copy that is not complete (yet). Only its bytes tell.
        let end = tail.map_or(0, |tail| tail.end);
        if let Some(len) = content.known_len().filter(|&len| len < end) {
            let start = len.saturating_sub(Tail::MAX_LEN as u64);
            let bytes = content.read(start, (len - start) as usize)?;
            // What has aged out cannot be compared; then the head, with all that was hashed of it, must do.
            let is_copy = stored.contains(source.id, generation, start, &bytes)?;
            if is_copy.unwrap_or_else(|| generation.fingerprint.matches(&head)) {
                return Ok(Identity::Copy(at));
            }
        }
    }
    let parted = part(known, stored, meta, content, &head)?;
    Ok(parted.map_or(Identity::Unknown, |(at, end)| Identity::Parted(at, end)))
}

/// The generation whose file this is though what was read last is not in it: the end of a log that was written shortly before a
/// power cut may be in the store, where it was synced, and not in the log, where nobody did that. Up to which byte it is that
/// file still: behind the last line that is the same.
fn part(
    known: &KnownSources,
    stored: &StoredContent<'_>,
    meta: &FileMeta,
    content: &mut dyn Content,
    head: &[u8],
) -> Result<Option<(GenerationRef, u64)>, IdentifyError> {
    let mut longest = None;
    if content.known_len().is_none() {
        return Ok(None);
    }
    for at in known.of_inode(meta) {
        let generation = known.generation(at);
        if generation.fingerprint.head_len == 0 || !generation.fingerprint.matches(head) {
            continue;
        }
        let Some(end) = stored.parts_at(known.source(at).id, generation, content)? else { continue };
        let start = end.saturating_sub(LONGEST_LINE);
        let bytes = content.read(start, (end - start) as usize)?;
        let Some(line_end) = memchr::memrchr(b'\n', &bytes) else { continue };
        let end = start + line_end as u64 + 1;
        if longest.is_none_or(|(_, other)| other < end) {
            longest = Some((at, end));
        }
    }
    Ok(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_and_what_rotation_makes_of_it_have_one_key() {
        let rotated = [
            "app.log.1",
            "app.log.12.gz",
            "app.log.1.bak.zst",
            "app.log.old",
            "app.log~",
            "app.log-20261120",
            "app.log-20261120.gz",
            "app.log-20261120-1",
            "app.log-20261120-1763640000",
            "app.log-20261120-1763640000.gz",
            "app.log-2026112014",
            "app.log-1763640000",
            "app.log.2026-11-20",
            "app.log.2026-11-20.1.gz",
            "app.log.2026-11-20-14",
            "app.log.2026-11-20_14-05",
            "app.log_2026-11-20T14-05-00.123",
            "app.log.20261120T140500",
            "app-2026-11-20.log",
            "app-2026-11-20T14-05-00.123.log.gz",
            "app.2026-11-20.0.log",
            "app.2026-11-20.log.3",
            "app_20261120.log",
        ];
        for name in rotated {
            assert_eq!(rotation_key(name), "app.log", "{name}");
            assert!(is_rotated(name), "{name}");
        }
        for (name, key) in [("app.log", "app.log"), ("app.log.gz", "app.log"), ("app.LOG.GZ", "app.LOG"), ("", "")] {
            assert_eq!(rotation_key(name), key, "{name}");
            assert!(!is_rotated(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_look_alike_keep_their_difference() {
        let distinct = [
            "app-1.log",
            "app-2.log",
            "app.1.log",
            "web01.log",
            "access_8080.log",
            "app-v1.2.log",
            "2026-11-20.log",
            ".1",
            "20261120",
            "node-10.0.0.1.log",
            "1.log",
        ];
        for name in distinct {
            assert_eq!(rotation_key(name), name);
        }
        assert_eq!(rotation_key("syslog.1"), "syslog");
        assert_eq!(rotation_key("größe.log.1"), "größe.log");
        assert_eq!(rotation_key("日本.gz"), "日本");
    }
}
