//! Files of a round that may be the same: a log and its compressed copy, before either is known to the catalog.
//!
//! What one of them holds is known once it has been committed. Until then the other waits; most rounds have nobody waiting.

use crate::content::{PlainContent, open};
use crate::discovery::{FileKey, Found};
use crate::identity::{Content, GenerationRef};
use crate::look::{Look, Subject};
use hashbrown::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use trawl_store::Tail;
use trawl_store::rotation::Family;

/// Which files of a round must not be read together.
#[derive(Default)]
pub(crate) struct Claims {
    generations: HashSet<GenerationRef>,
    by_family: HashMap<Family, Vec<Claimant>>,
    followed: HashMap<Family, Vec<(FileKey, PathBuf)>>,
}

/// A file that is read in this round.
struct Claimant {
    head: Vec<u8>,
    /// Path and length of a plain file.
    plain: Option<(PathBuf, u64)>,
}

impl Claims {
    /// No claims yet, beside plain files that are being read.
    pub(crate) fn beside(followed: Vec<(FileKey, PathBuf)>) -> Self {
        let mut claims = Self::default();
        for (key, path) in followed {
            claims.followed.entry(Family::of(&path)).or_default().push((key, path));
        }
        claims
    }

    /// Whether the file may be read in this round, beside those that claimed so before: none of them can be the same.
    pub(crate) fn claim(&mut self, found: &Found, look: &Look) -> bool {
        let plain = look.compression.is_none().then(|| (found.real_path.clone(), look.meta.len));
        let claimant = Claimant { head: look.head.clone(), plain };
        if matches!(look.subject, Subject::New(_)) {
            let family = Family::of(&found.real_path);
            let followed = self.followed.get(&family).into_iter().flatten();
            let mut others = followed.filter(|(key, _)| *key != FileKey::from(&look.meta));
            if others.any(|(key, path)| claimant.may_be_copy_of(*key, path).unwrap_or(true)) {
                return false;
            }
        }
        let claimants = self.by_family.entry(Family::of(&found.real_path)).or_default();
        if claimants.iter().any(|other| other.may_be_same(&claimant)) {
            return false;
        }
        if let Subject::Known(at) = look.subject
            && !self.generations.insert(at)
        {
            return false;
        }
        claimants.push(claimant);
        true
    }
}

impl Claimant {
    /// Whether a plain file may be the same.
    fn may_be_copy_of(&self, key: FileKey, path: &Path) -> io::Result<bool> {
        let (file, meta) = open(path)?;
        if FileKey::from(&meta) != key {
            // It was renamed since it was seen there: what it holds is not known.
            return Ok(true);
        }
        let head = PlainContent { file: &file, len: meta.len }.read(0, self.head.len())?;
        Ok(self.may_be_same(&Self { head, plain: Some((path.to_owned(), meta.len)) }))
    }

    /// Whether one of the files may be the other, or what it was when it was shorter.
    fn may_be_same(&self, other: &Self) -> bool {
        let len = self.head.len().min(other.head.len());
        if self.head[..len] != other.head[..len] {
            return false;
        }
        match (&self.plain, &other.plain) {
            (Some((_, len)), Some((_, other_len))) => {
                let end = *len.min(other_len);
                let is_parted = || Ok::<_, io::Error>(self.before(end)? != other.before(end)?);
                // What was written anew since, as a log is that was just copied, says nothing of what it was.
                let is_settled = || Ok::<_, io::Error>(self.begins_as_seen()? && other.begins_as_seen()?);
                !(is_parted().unwrap_or(false) && is_settled().unwrap_or(false))
            }
            // The end of a compressed file is not known yet.
            _ => true,
        }
    }

    /// The bytes of a plain file before `end`, as far as it holds them now.
    fn before(&self, end: u64) -> io::Result<Vec<u8>> {
        let start = end.saturating_sub(Tail::MAX_LEN as u64);
        self.read(start, (end - start) as usize)
    }

    /// Whether a plain file has the head that was seen, and is no shorter than it was.
    fn begins_as_seen(&self) -> io::Result<bool> {
        let Some((path, len)) = &self.plain else { return Ok(true) };
        let is_long_enough = open(path)?.1.len >= *len;
        Ok(is_long_enough && self.read(0, self.head.len())? == self.head)
    }

    fn read(&self, start: u64, len: usize) -> io::Result<Vec<u8>> {
        let Some((path, _)) = &self.plain else { return Ok(Vec::new()) };
        let (file, meta) = open(path)?;
        PlainContent { file: &file, len: meta.len }.read(start, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::FileMeta;
    use crate::format::detect_format;
    use std::fs::{self, File};
    use std::io::Write as _;
    use trawl_formats::Registry;

    /// What is found at a path, and what is seen in it.
    fn see(path: &Path) -> (Found, Look) {
        let (content, metadata) = (fs::read(path).unwrap(), fs::metadata(path).unwrap());
        let meta = FileMeta::from(&metadata);
        let format = detect_format(&Registry::builtin(), None, &content, path).unwrap();
        let head = content[..content.len().min(1024)].to_vec();
        let look = Look { meta, compression: None, head, subject: Subject::New(format) };
        (Found { path: path.to_owned(), real_path: path.to_owned(), meta }, look)
    }

    #[test]
    fn a_log_that_is_truncated_while_it_is_compared_is_not_told_from_its_copy() {
        let lines = |from: u32, to: u32| -> String {
            (from..to).map(|n| format!("2026-11-20 14:00:00 INFO number {n}\n")).collect()
        };
        let dir = tempfile::tempdir().unwrap();
        let (log, copy) = (dir.path().join("a.log"), dir.path().join("a.log-20261120"));
        // What the log holds when it is compared: all, nothing, or something new that is shorter, or longer.
        for regrown in [None, Some(0), Some(5), Some(900)] {
            fs::write(&log, lines(0, 400)).unwrap();
            fs::write(&copy, lines(0, 400)).unwrap();
            let (seen_log, seen_copy) = (see(&log), see(&copy));
            if let Some(n) = regrown {
                let mut file = File::create(&log).unwrap();
                file.write_all(lines(1000, 1000 + n).as_bytes()).unwrap();
            }
            let mut claims = Claims::default();
            assert!(claims.claim(&seen_log.0, &seen_log.1));
            assert!(!claims.claim(&seen_copy.0, &seen_copy.1), "{regrown:?}");
        }
        // Two that begin alike are told apart by what follows.
        fs::write(&log, lines(0, 100) + &lines(200, 300)).unwrap();
        fs::write(&copy, lines(0, 200)).unwrap();
        let mut claims = Claims::default();
        for path in [&log, &copy] {
            let (found, look) = see(path);
            assert!(claims.claim(&found, &look));
        }
    }
}
