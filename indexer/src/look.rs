//! A look at one file: what it is, and whether there is something to read.

use crate::compression::Compression;
use crate::content::{CompressedContent, PlainContent, detect_compression, open};
use crate::discovery::{FileMeta, Found};
use crate::error::FileError;
use crate::file_system::FileSystem;
use crate::format::{DETECT_LEN, Format, detect_format};
use crate::identity::{Content, GenerationRef, IdentifyError, Identity, KnownSources, identify};
use crate::read::read_at_most;
use crate::report::Outcome;
use crate::stored::StoredContent;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use trawl_formats::event::IndexName;
use trawl_formats::parse::{EventFlags, EventMeta, ParsedBlock, Parser, ParserOptions, Step};
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_formats::text::Encoding;
use trawl_store::{Catalog, Fingerprint, FinishedFile, RangeSet, StoreError, Tail};

/// So many bytes before the place where a file parts from what was read of it are looked at.
const EVIDENCE_LEN: u64 = 64 << 10;
/// NULs at the end of a file that were allocated but not yet written. Fewer are text.
pub(crate) const MIN_UNWRITTEN: u64 = 4096;

/// A file of which something is to be read.
pub(crate) struct Look {
    pub(crate) meta: FileMeta,
    pub(crate) compression: Option<Compression>,
    /// The first [`Fingerprint::MAX_HEAD_LEN`] bytes of the content.
    pub(crate) head: Vec<u8>,
    pub(crate) subject: Subject,
}

/// What is to be read.
pub(crate) enum Subject {
    /// More of a known generation.
    Known(GenerationRef),
    /// The next generation: up to a place, the file is the known one, and no longer behind it.
    Parted(GenerationRef, Tail),
    /// A file never seen.
    New(Format),
}

/// Why nothing of a file is to be read.
pub(crate) enum NoLook {
    /// Nothing is in it, or nothing new; perhaps because of an error.
    Done {
        /// What the file turned out to be.
        outcome: Outcome,
        /// What is wrong with it.
        error: Option<FileError>,
    },
    /// It is compressed, and everything in it is known. This can be noted.
    Finished(FinishedFile),
    /// It is not text.
    Binary,
    /// The store cannot be read.
    Store(StoreError),
}

/// What is in a file.
enum Inside {
    /// Something that is to be read, behind a head.
    Unread(Vec<u8>, Subject),
    /// Nothing but what is known of a generation.
    Read(GenerationRef),
}

impl From<io::Error> for NoLook {
    fn from(error: io::Error) -> Self {
        let error = match error.kind() {
            io::ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Unreadable(error),
        };
        Self::Done { outcome: Outcome::Failed, error: Some(error) }
    }
}

impl From<IdentifyError> for NoLook {
    fn from(error: IdentifyError) -> Self {
        match error {
            IdentifyError::File(error) => error.into(),
            IdentifyError::Store(error) => Self::Store(error),
        }
    }
}

fn nothing_to_read(outcome: Outcome) -> NoLook {
    NoLook::Done { outcome, error: None }
}

/// What a file is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read what is in it and was not read before.
    Load,
    /// To read on whenever it grows, also where all of it is known.
    Follow,
}

/// What is known of a file before anybody looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownAs {
    /// Nothing.
    Any,
    /// Nobody asked for it: it counts only as a part of a known source.
    Relative,
    /// It was truncated or written anew while it was followed: whatever is in it is new.
    Renewed,
}

/// What files are compared with.
pub(crate) struct Observer<'r> {
    pub(crate) known: &'r KnownSources,
    pub(crate) stored: StoredContent<'r>,
    pub(crate) registry: &'r Registry,
    /// Rules of the sourcetype that was asked for.
    pub(crate) forced: Option<&'r Arc<Rules>>,
    pub(crate) purpose: Purpose,
    /// Where it is noted which compressed files hold nothing new, and of which index.
    pub(crate) catalog: &'r Catalog,
    pub(crate) index: &'r IndexName,
    /// Microseconds since the epoch.
    pub(crate) now_us: i64,
}

impl Observer<'_> {
    /// Looks at a file.
    ///
    /// # Errors
    /// If there is nothing to read.
    pub(crate) fn look(&self, found: &Found, known_as: KnownAs) -> Result<Look, NoLook> {
        let (file, meta) = open(&found.real_path)?;
        if let FileSystem::Made(file_system) = FileSystem::of_file(&file)? {
            return Err(NoLook::Done { outcome: Outcome::Failed, error: Some(FileError::Made { file_system }) });
        }
        match detect_compression(&file)? {
            None => self.look_at_plain(found, known_as, &file, meta),
            Some(compression) => self.look_at_compressed(found, known_as, compression, &file, meta),
        }
    }

    fn look_at_plain(&self, found: &Found, known_as: KnownAs, file: &File, mut meta: FileMeta) -> Result<Look, NoLook> {
        meta.len = written_end(file, meta.len)?;
        let mut content = PlainContent { file, len: meta.len };
        let has_more = |_: &mut PlainContent<'_>, committed: &RangeSet| {
            Ok(self.purpose == Purpose::Follow || !committed.holes(meta.len).is_empty())
        };
        match self.look_inside(found, known_as, &meta, &mut content, has_more)? {
            Inside::Unread(head, subject) => Ok(Look { meta, compression: None, head, subject }),
            Inside::Read(_) => Err(nothing_to_read(Outcome::Unchanged)),
        }
    }

    fn look_at_compressed(
        &self,
        found: &Found,
        known_as: KnownAs,
        compression: Compression,
        file: &File,
        meta: FileMeta,
    ) -> Result<Look, NoLook> {
        if known_as != KnownAs::Renewed && self.is_finished(&meta)? {
            return Err(nothing_to_read(Outcome::Unchanged));
        }
        let mut content = CompressedContent::new(file, compression);
        let has_more =
            |content: &mut CompressedContent<'_>, committed: &RangeSet| content.reaches(committed.first_gap(0));
        match self.look_inside(found, known_as, &meta, &mut content, has_more) {
            Ok(Inside::Unread(head, subject)) => Ok(Look { meta, compression: Some(compression), head, subject }),
            Ok(Inside::Read(at)) => {
                let content_len = content.known_len();
                Err(match (content.into_damage(), content_len) {
                    (None, Some(content_len)) if is_untouched(&found.real_path, &meta) => {
                        let (source, generation) = (self.known.source(at).id, self.known.generation(at).number);
                        NoLook::Finished(FinishedFile { stamp: (&meta).into(), source, generation, content_len })
                    }
                    (error, _) => NoLook::Done { outcome: Outcome::Unchanged, error },
                })
            }
            Err(NoLook::Done { outcome, error: None }) => Err(NoLook::Done { outcome, error: content.into_damage() }),
            Err(other) => Err(other),
        }
    }

    /// Whether it was noted of a compressed file that everything in it is known, and nobody has touched it since.
    fn is_finished(&self, meta: &FileMeta) -> Result<bool, NoLook> {
        let noted = self.catalog.finished_file(self.index, &meta.into(), self.now_us).map_err(NoLook::Store)?;
        // What was known may be so no more, where a log was damaged.
        Ok(noted.is_some_and(|file| self.known.covers(&file)))
    }

    fn look_inside<C: Content>(
        &self,
        found: &Found,
        known_as: KnownAs,
        meta: &FileMeta,
        content: &mut C,
        has_more: impl FnOnce(&mut C, &RangeSet) -> io::Result<bool>,
    ) -> Result<Inside, NoLook> {
        let head = content.read(0, Fingerprint::MAX_HEAD_LEN)?;
        if head.is_empty() {
            return Err(nothing_to_read(Outcome::Empty));
        }
        let identity = match known_as {
            KnownAs::Renewed => Identity::Unknown,
            KnownAs::Any | KnownAs::Relative => identify(self.known, &self.stored, &found.real_path, meta, content)?,
        };
        if let Identity::Parted(at, end) = identity
            && let Some(tail) = self.part(at, end, content)?
        {
            return Ok(Inside::Unread(head, Subject::Parted(at, tail)));
        }
        let subject = match identity {
            Identity::Known(at) if has_more(content, &self.known.generation(at).committed)? => Subject::Known(at),
            Identity::Known(at) | Identity::Copy(at) => return Ok(Inside::Read(at)),
            Identity::Unknown | Identity::Parted(..) if known_as == KnownAs::Relative => {
                return Err(nothing_to_read(Outcome::NotReached));
            }
            Identity::Unknown | Identity::Parted(..) => {
                let start = content.read(0, DETECT_LEN)?;
                Subject::New(self.detect(&start, &found.path).ok_or(NoLook::Binary)?)
            }
        };
        Ok(Inside::Unread(head, subject))
    }

    /// The tail of what a file still is of a known generation, if that is beyond doubt: lines with different times in them are
    /// not written once more when a file is written anew.
    fn part<C: Content>(&self, at: GenerationRef, end: u64, content: &mut C) -> io::Result<Option<Tail>> {
        let source = self.known.source(at);
        let Some(rules) = self.registry.get(source.sourcetype.as_str()) else { return Ok(None) };
        if !matches!(source.decoding.encoding, Encoding::Utf8 | Encoding::Latin1) {
            return Ok(None);
        }
        let start = end.saturating_sub(EVIDENCE_LEN);
        let bytes = content.read(start, (end - start) as usize)?;
        // Where it begins within a line, the rest of that is none.
        let first_line = if start == 0 { 0 } else { memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1) };
        let options = ParserOptions {
            decoding: source.decoding,
            header: self.known.generation(at).header.clone(),
            ..ParserOptions::new(rules)
        };
        let (mut parser, mut parsed, mut lines) = (Parser::new(options), ParsedBlock::default(), &bytes[first_line..]);
        let mut first_us = None;
        loop {
            match parser.next_block(lines, true, &mut parsed) {
                Step::Block => {
                    let is_stamped = |event: &&EventMeta| {
                        !event.flags.contains(EventFlags::NO_STAMP) && !event.flags.contains(EventFlags::BAD_TIME)
                    };
                    for event in parsed.events.iter().filter(is_stamped) {
                        // A single one may be the date of a report that was made twice.
                        if *first_us.get_or_insert(event.time_us) != event.time_us {
                            return Ok(Some(Tail::of(&bytes, end)));
                        }
                    }
                    lines = &lines[parsed.len..];
                }
                Step::Gap { len } => lines = &lines[len..],
                Step::NeedMore => return Ok(None),
            }
        }
    }

    /// The format of a content that begins with `start`; `None` if it is not text.
    pub(crate) fn detect(&self, start: &[u8], path: &Path) -> Option<Format> {
        detect_format(self.registry, self.forced, start, path)
    }
}

/// Whether nobody has touched the file at `path` since it was asked for `meta`.
pub(crate) fn is_untouched(path: &Path, meta: &FileMeta) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| FileMeta::from(&metadata) == *meta)
}

/// Where the written part of a file ends: some programs allocate a file in advance, and the end is NUL until it is
/// written.
pub(crate) fn written_end(file: &File, len: u64) -> io::Result<u64> {
    let mut piece = vec![0; MIN_UNWRITTEN as usize];
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(piece.len() as u64);
        let n_read = read_at_most(file, &mut piece[..(end - start) as usize], start)?;
        if let Some(last) = piece[..n_read].iter().rposition(|&byte| byte != 0) {
            end = start + last as u64 + 1;
            break;
        }
        end = start;
        // Most files end in the first piece; a long run is passed over faster in larger ones.
        piece.resize(1 << 20, 0);
    }
    Ok(if len - end >= MIN_UNWRITTEN { end } else { len })
}
