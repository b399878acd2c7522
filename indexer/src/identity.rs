//! Which file is which: known again after rotation, renaming and compression, told apart after truncation.
//!
//! A file is the same as a generation of a known source if its name could be that of the source after rotation, or it has
//! the source's inode; and the hash of its first bytes, and the hash of the last bytes before the end of what was
//! read, agree. The names only say which sources to compare with; content decides.

use crate::discovery::FileMeta;
use crate::stored::StoredContent;
use hashbrown::HashMap;
use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use trawl_formats::event::IndexName;
use trawl_store::catalog::GenerationState;
use trawl_store::rotation::Family;
use trawl_store::{Fingerprint, FinishedFile, SourceId, SourceState, StoreError, Tail};

/// Behind a longer line without an end, it is not looked for where a file parts from what was read of it.
const LONGEST_LINE: u64 = 64 << 10;

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
