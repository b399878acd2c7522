//! Files of a round that may be the same: a log and its compressed copy, before either is known to the catalog.
//!
//! What one of them holds is known once it has been committed. Until then the other waits; most rounds have nobody waiting.

use crate::content::{PlainContent, open};
use crate::discovery::Found;
use crate::identity::{Content, Family, GenerationRef};
use crate::look::{Look, Subject};
use hashbrown::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use trawl_store::Tail;

/// Which files of a round must not be read together.
#[derive(Default)]
pub(crate) struct Claims {
    generations: HashSet<GenerationRef>,
    by_family: HashMap<Family, Vec<Claimant>>,
    followed: HashMap<Family, Vec<PathBuf>>,
}

/// A file that is read in this round.
struct Claimant {
    head: Vec<u8>,
    /// Path and length of a plain file.
    plain: Option<(PathBuf, u64)>,
}

impl Claims {
    /// No claims yet, beside plain files that are being read.
    pub(crate) fn beside(followed: Vec<PathBuf>) -> Self {
        let mut claims = Self::default();
        for path in followed {
            claims.followed.entry(Family::of(&path)).or_default().push(path);
        }
        claims
    }

    /// Whether the file may be read in this round, beside those that claimed so before: none of them can be the same.
    pub(crate) fn claim(&mut self, found: &Found, look: &Look) -> bool {
        let plain = look.compression.is_none().then(|| (found.real_path.clone(), look.meta.len));
        let claimant = Claimant { head: look.head.clone(), plain };
        if matches!(look.subject, Subject::New(_)) {
            let family = Family::of(&found.real_path);
            let followed = self.followed.get(&family).into_iter().flatten().filter(|path| **path != found.real_path);
            if followed.into_iter().any(|path| claimant.may_be_copy_of(path).unwrap_or(true)) {
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
    fn may_be_copy_of(&self, path: &Path) -> io::Result<bool> {
        let (file, meta) = open(path)?;
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
            (Some(a), Some(b)) => ends_agree(a, b).unwrap_or(true),
            // The end of a compressed file is not known yet.
            _ => true,
        }
    }
}

/// Whether the bytes before the end of the shorter of two files are the same in both.
fn ends_agree((a, a_len): &(PathBuf, u64), (b, b_len): &(PathBuf, u64)) -> io::Result<bool> {
    let end = *a_len.min(b_len);
    let start = end.saturating_sub(Tail::MAX_LEN as u64);
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        let (file, meta) = open(path)?;
        PlainContent { file: &file, len: meta.len }.read(start, (end - start) as usize)
    };
    Ok(read(a)? == read(b)?)
}
