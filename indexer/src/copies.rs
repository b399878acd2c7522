//! Which of some files are copies of others: a log and its compressed copy, or what was copied before the log grew on.
//!
//! As in a store, names only say which files to compare; heads and the last bytes of the shorter one decide.

use crate::compression::Compression;
use crate::content::{CompressedContent, PlainContent, open};
use crate::identity::Content;
use hashbrown::HashMap;
use std::io;
use std::path::Path;
use trawl_store::Tail;
use trawl_store::rotation::Family;

/// A file that may be a copy.
pub(crate) struct Suspect<'f> {
    /// Where it lies, without symbolic links.
    pub(crate) path: &'f Path,
    pub(crate) compression: Option<Compression>,
    /// Length of a plain file's content.
    pub(crate) len: u64,
    /// First bytes of its content.
    pub(crate) head: &'f [u8],
}

/// What counts as one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Original {
    /// Place of the file that came first, whose name counts.
    pub(crate) first: usize,
    /// Place of the file that holds most.
    pub(crate) longest: usize,
}

/// The files without copies, in their order. What cannot be read is no copy: that is found out when it is read.
pub(crate) fn originals(files: &[Suspect<'_>]) -> Vec<Original> {
    let mut originals: Vec<Original> = Vec::new();
    let mut by_family: HashMap<Family, Vec<usize>> = HashMap::new();
    for (at, file) in files.iter().enumerate() {
        let known = by_family.entry(Family::of(file.path)).or_default();
        let relation = known.iter().find_map(|&original| {
            let other = &files[originals[original].longest];
            relation(other, file).unwrap_or(None).map(|longer| (original, longer))
        });
        match relation {
            Some((original, Longer::Second)) => originals[original].longest = at,
            Some((_, Longer::First)) => {}
            None => {
                known.push(originals.len());
                originals.push(Original { first: at, longest: at });
            }
        }
    }
    originals
}

/// Which of two files holds all of the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Longer {
    First,
    Second,
}

/// Whether one of two files holds all of the other, and which; the first where both are the same.
fn relation(first: &Suspect<'_>, second: &Suspect<'_>) -> io::Result<Option<Longer>> {
    let n_common = first.head.len().min(second.head.len());
    if first.head[..n_common] != second.head[..n_common] {
        return Ok(None);
    }
    let (first_len, second_len) = (content_len(first)?, content_len(second)?);
    let (longer, end) = if second_len > first_len { (Longer::Second, first_len) } else { (Longer::First, second_len) };
    let start = end.saturating_sub(Tail::MAX_LEN as u64);
    let len = (end - start) as usize;
    let is_same = read(first, start, len)? == read(second, start, len)?;
    Ok(is_same.then_some(longer))
}

fn content_len(file: &Suspect<'_>) -> io::Result<u64> {
    let Some(compression) = file.compression else { return Ok(file.len) };
    let (opened, _) = open(file.path)?;
    let mut content = CompressedContent::new(&opened, compression);
    // Far behind any end: all of it is passed over.
    content.read(u64::MAX / 2, 1)?;
    let len = content.known_len().unwrap_or(0);
    match content.into_damage() {
        // Both are read then, and the damage is told.
        Some(damage) => Err(io::Error::other(damage)),
        None => Ok(len),
    }
}

fn read(file: &Suspect<'_>, start: u64, len: usize) -> io::Result<Vec<u8>> {
    let (opened, _) = open(file.path)?;
    match file.compression {
        Some(compression) => CompressedContent::new(&opened, compression).read(start, len),
        None => PlainContent { file: &opened, len: file.len }.read(start, len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::path::PathBuf;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn copies_count_once_and_the_longest_is_read() {
        let lines = |n: u32| (0..n).map(|n| format!("2026-11-20 14:00:00 INFO number {n}\n")).collect::<String>();
        let other = lines(400).replace("number 399", "number xxx");
        let dir = tempfile::tempdir().unwrap();
        let files: [(&str, Vec<u8>); 7] = [
            ("app.log", lines(400).into_bytes()),
            ("app.log.1.gz", gzip(lines(400).as_bytes())),
            ("app.log.2.gz", gzip(lines(500).as_bytes())),
            ("app.log.3", lines(300).into_bytes()),
            // Begins alike, and goes on differently.
            ("app.log.4", other.into_bytes()),
            // Equal content under an unrelated name is another file.
            ("web.log", lines(400).into_bytes()),
            ("web.log.gz", b"\x1f\x8bdamaged".to_vec()),
        ];
        let mut paths: Vec<PathBuf> = Vec::new();
        for (name, content) in &files {
            paths.push(dir.path().join(name));
            fs::write(paths.last().unwrap(), content).unwrap();
        }
        let plain = lines(30);
        let suspect = |(path, (name, content)): (&'_ PathBuf, &'_ (&str, Vec<u8>))| {
            let compression = name.ends_with(".gz").then_some(Compression::Gzip);
            (path.clone(), compression, content.len() as u64)
        };
        let parts: Vec<(PathBuf, Option<Compression>, u64)> = paths.iter().zip(&files).map(suspect).collect();
        let suspects: Vec<Suspect<'_>> = parts
            .iter()
            .map(|(path, compression, len)| Suspect {
                path,
                compression: *compression,
                len: *len,
                head: &plain.as_bytes()[..1024],
            })
            .collect();
        let expected = [(0, 2), (4, 4), (5, 5), (6, 6)].map(|(first, longest)| Original { first, longest });
        assert_eq!(originals(&suspects), expected);
    }
}
