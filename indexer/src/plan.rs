//! From the files found to the work to be done.

use crate::claims::Claims;
use crate::compression::Compression;
use crate::content::open;
use crate::custody::{Access, Looking, Reading};
use crate::discovery::{FileKey, FileMeta, Found};
use crate::error::{FileError, IndexError};
use crate::format::{Format, detect_format, forced_rules};
use crate::identity::{GenerationRef, KnownSources};
use crate::ingest::Shared;
use crate::job::{FileJob, Kind, PlainAccess, ReadBefore, Tally};
use crate::look::{KnownAs, Look, NoLook, Observer, Purpose, Subject};
use crate::options::Options;
use crate::piece;
use crate::pipeline::Work;
use crate::report::Outcome;
use crate::stored::StoredContent;
use rayon::prelude::*;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use trawl_formats::event::{Host, Source};
use trawl_formats::parse::Parser;
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_formats::timestamp::TimeContext;
use trawl_store::catalog::GenerationState;
use trawl_store::rotation::{Family, is_rotated};
use trawl_store::source::path_text;
use trawl_store::{Fingerprint, NewSource, SourceHandle, SourceId, SourceState, StoreError, Tail};

/// What a look at a file came to that the tailer reads.
const FOLLOWED: Verdict = Verdict::Done { outcome: Outcome::Followed, error: None };
/// A file that has not been written for so long is taken for one that nobody truncates.
pub(crate) const QUIET: Duration = Duration::from_secs(3600);

/// A file that is to be looked at.
pub(crate) struct Candidate {
    /// Whatever tells the caller which one it is.
    pub(crate) report_idx: usize,
    pub(crate) found: Found,
    pub(crate) known_as: KnownAs,
}

/// What a look at a file came to.
pub(crate) enum Verdict {
    /// Nothing is to be read.
    Done { outcome: Outcome, error: Option<FileError> },
    /// Not text.
    Binary,
    /// There is something to read.
    Job { outcome: Outcome, job: Arc<FileJob> },
}

impl Verdict {
    fn job(&self) -> Option<&Arc<FileJob>> {
        match self {
            Self::Job { job, .. } => Some(job),
            Self::Done { .. } | Self::Binary => None,
        }
    }
}

/// A round of files. Those that may be the same as one of this round are left for the next, when it is known what that one
/// held.
#[derive(Default)]
pub(crate) struct Admitted {
    pub(crate) verdicts: Vec<(usize, Verdict)>,
    pub(crate) deferred: Vec<Candidate>,
}

/// A round of work.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) verdicts: Vec<(usize, Verdict)>,
    pub(crate) work: Vec<Work>,
    pub(crate) deferred: Vec<Candidate>,
}

/// Plans what to read, and enters new files in the catalog.
pub(crate) struct Planner<'r> {
    shared: Shared<'r>,
    registry: &'r Registry,
    reading: Reading,
    /// Rules of the sourcetype that was asked for.
    forced: Option<Arc<Rules>>,
    host: Host,
}

impl<'r> Planner<'r> {
    /// A planner for a run, or for whoever else is `reading`.
    ///
    /// # Errors
    /// If a sourcetype was asked for that does not exist.
    pub(crate) fn new(shared: Shared<'r>, registry: &'r Registry, reading: Reading) -> Result<Self, IndexError> {
        let forced = forced_rules(registry, shared.options)?;
        let host = shared.options.host.clone().unwrap_or_else(crate::host::local_host);
        Ok(Self { shared, registry, reading, forced, host })
    }

    fn known_sources(&self) -> Result<KnownSources, StoreError> {
        Ok(KnownSources::new(self.shared.writer.sources()?, &self.shared.options.index))
    }

    /// Plans a round of loading.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) fn plan(&self, candidates: Vec<Candidate>) -> Result<Plan, StoreError> {
        let Admitted { verdicts, deferred } = self.admit_all(candidates, Purpose::Load, Vec::new())?;
        let jobs: Vec<&Arc<FileJob>> = verdicts.iter().filter_map(|(_, verdict)| verdict.job()).collect();
        let work: Vec<Vec<Work>> = jobs.par_iter().map(|job| self.work_of(job)).collect();
        Ok(Plan { work: work.into_iter().flatten().collect(), verdicts, deferred })
    }

    /// Looks at files and enters those that are new in the catalog. Those that somebody else reads are left out, or for a
    /// later round. So are those that may be copies of files which are read already, though nothing of them is known:
    /// `followed`.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) fn admit_all(
        &self,
        candidates: Vec<Candidate>,
        purpose: Purpose,
        followed: Vec<(FileKey, PathBuf)>,
    ) -> Result<Admitted, StoreError> {
        let Options { custody, index, .. } = self.shared.options;
        let looking = custody.look();
        let mut admitted = Admitted::default();
        let mut held = Vec::new();
        for candidate in candidates {
            match custody.take_file(self.reading, index, FileKey::from(&candidate.found.meta)) {
                Access::Granted => held.push(candidate),
                Access::Followed => admitted.verdicts.push((candidate.report_idx, FOLLOWED)),
                Access::Busy => admitted.deferred.push(candidate),
            }
        }
        let known = &self.known_sources()?;
        let stored = StoredContent::new(self.shared.writer);
        let observer = Observer {
            known,
            stored,
            registry: self.registry,
            forced: self.forced.as_ref(),
            purpose,
            catalog: self.shared.writer.catalog(),
            index,
            now_us: self.shared.options.now_us,
        };
        let looks: Vec<Result<Look, NoLook>> =
            held.par_iter().map(|candidate| observer.look(&candidate.found, candidate.known_as)).collect();

        let (mut claims, mut finished) = (Claims::beside(followed), Vec::new());
        for (candidate, look) in held.into_iter().zip(looks) {
            let verdict = match look {
                Ok(look) if !claims.claim(&candidate.found, &look) => {
                    admitted.deferred.push(candidate);
                    continue;
                }
                Ok(look) => match self.admit(known, &looking, &candidate.found, look)? {
                    Ok((outcome, job)) => Verdict::Job { outcome, job: Arc::new(job) },
                    Err(Access::Followed) => FOLLOWED,
                    Err(Access::Granted | Access::Busy) => {
                        admitted.deferred.push(candidate);
                        continue;
                    }
                },
                Err(NoLook::Done { outcome, error }) => Verdict::Done { outcome, error },
                Err(NoLook::Finished(file)) => {
                    finished.push(file);
                    Verdict::Done { outcome: Outcome::Unchanged, error: None }
                }
                Err(NoLook::Binary) => Verdict::Binary,
                Err(NoLook::Store(error)) => return Err(error),
            };
            // The tailer decides itself what it goes on to hold.
            if verdict.job().is_none() && matches!(self.reading, Reading::Run(_)) {
                custody.give_back(self.reading, index, FileKey::from(&candidate.found.meta));
            }
            admitted.verdicts.push((candidate.report_idx, verdict));
        }
        self.shared.writer.catalog().note_finished(index, &finished, self.shared.options.now_us)?;
        Ok(admitted)
    }

    /// Makes a job of a file; enters it in the catalog, if it is new there. None, if somebody else reads the same.
    fn admit(
        &self,
        known: &KnownSources,
        looking: &Looking<'_>,
        found: &Found,
        look: Look,
    ) -> Result<Result<(Outcome, FileJob), Access>, StoreError> {
        let Look { meta, compression, head, subject } = look;
        let Options { custody, index, .. } = self.shared.options;
        let key = FileKey::from(&meta);
        // Another file may have taken the name since it was found. The tailer finds both again.
        match self.reading {
            Reading::Tailer if key != FileKey::from(&found.meta) => return Ok(Err(Access::Busy)),
            Reading::Loader if key != FileKey::from(&found.meta) => return Ok(Err(Access::Followed)),
            _ => {}
        }
        if let refused @ (Access::Followed | Access::Busy) = custody.take_file(self.reading, index, key) {
            return Ok(Err(refused));
        }
        let fingerprint = Fingerprint::of(&head, meta.dev, meta.ino);
        let path = &found.real_path;
        let (outcome, handle, rules, read_before) = match subject {
            Subject::Known(at) => {
                let generation = (known.source(at).id, known.generation(at).number);
                match looking.take_generation(self.reading, generation, key) {
                    Access::Granted => self.resume(known, at, path, &fingerprint)?,
                    refused => return Ok(Err(refused)),
                }
            }
            Subject::Parted(at, tail) => {
                let enter = || self.part(known, at, &fingerprint, &tail);
                let Some((read_before, handle)) = looking.enter(self.reading, index, (Family::of(path), key), enter)?
                else {
                    return Ok(Err(Access::Busy));
                };
                (Outcome::NewGeneration, handle, self.rules_of(known.source(at)), read_before)
            }
            Subject::New(format) => {
                let format = self.inherit(known, path, format);
                let source = Source::from(path_text::to_text(&found.path));
                let enter = || self.enter(known, path, source, &format, fingerprint);
                let Some((outcome, handle)) = looking.enter(self.reading, index, (Family::of(path), key), enter)?
                else {
                    return Ok(Err(Access::Busy));
                };
                (outcome, handle, format.rules, ReadBefore::default())
            }
        };
        let kind = match compression {
            Some(compression) => Kind::Compressed(compression),
            None => Kind::Plain(self.plain_access(path, &meta)),
        };
        Ok(Ok((outcome, self.job(path, meta, kind, handle, rules, read_before))))
    }

    fn job(
        &self,
        path: &Path,
        meta: FileMeta,
        kind: Kind,
        handle: SourceHandle,
        rules: Arc<Rules>,
        read_before: ReadBefore,
    ) -> FileJob {
        let time =
            TimeContext { zone: self.shared.options.zone, mtime_us: meta.mtime_us, now_us: self.shared.options.now_us };
        let handle = Arc::new(handle);
        FileJob { path: path.to_owned(), meta, kind, handle, rules, time, read_before, tally: Tally::default() }
    }

    /// Goes on with a known generation.
    fn resume(
        &self,
        known: &KnownSources,
        at: GenerationRef,
        path: &Path,
        fingerprint: &Fingerprint,
    ) -> Result<(Outcome, SourceHandle, Arc<Rules>, ReadBefore), StoreError> {
        let (source, generation) = (known.source(at), known.generation(at));
        let hashed = generation.fingerprint;
        if fingerprint.head_len > hashed.head_len {
            let grown = Fingerprint { dev: hashed.dev, ino: hashed.ino, ..*fingerprint };
            self.shared.writer.catalog().set_fingerprint(source.id, generation.number, &grown)?;
        }
        let outcome =
            if source.path == path { Outcome::Appended } else { Outcome::Continued { source: source.source.clone() } };
        let rules = self.rules_of(source);
        let handle = SourceHandle { rules_hash: rules.hash(), ..source.handle(generation) };
        let read_before = ReadBefore {
            committed: generation.committed.clone(),
            last_time_us: generation.last_time_us,
            header: generation.header.clone(),
        };
        Ok((outcome, handle, rules, read_before))
    }

    /// The rules of a known source. The sourcetype may have been the user's, and be gone.
    fn rules_of(&self, source: &SourceState) -> Arc<Rules> {
        self.registry.get(source.sourcetype.as_str()).unwrap_or_else(|| self.registry.generic())
    }

    /// Enters the next generation of a known one, which is the same up to `tail`.
    fn part(
        &self,
        known: &KnownSources,
        at: GenerationRef,
        fingerprint: &Fingerprint,
        tail: &Tail,
    ) -> Result<(ReadBefore, SourceHandle), StoreError> {
        let (source, generation) = (known.source(at), known.generation(at));
        let number = self.shared.writer.catalog().part_generation(source, generation, fingerprint, tail)?;
        let parted = GenerationState { number, fingerprint: *fingerprint, ..generation.clone() };
        let handle = SourceHandle { rules_hash: self.rules_of(source).hash(), ..source.handle(&parted) };
        let read_before = ReadBefore {
            committed: std::iter::once(0..tail.end).collect(),
            last_time_us: generation.last_time_us,
            header: generation.header.clone(),
        };
        Ok((read_before, handle))
    }

    /// The format of a new file at a known path. Where its beginning gives no evidence, as the first lines after a
    /// rotation may not, it is that of the files before.
    fn inherit(&self, known: &KnownSources, path: &Path, detected: Format) -> Format {
        let is_guess = self.forced.is_none() && detected.rules.name() == self.registry.generic().name();
        let inherited = || {
            let source = known.at_path(path).find(|source| source.decoding.encoding == detected.decoding.encoding)?;
            let rules = self.registry.get(source.sourcetype.as_str())?;
            Some(Format { rules, decoding: source.decoding })
        };
        if is_guess { inherited().unwrap_or(detected) } else { detected }
    }

    /// Enters content that was never seen: as the next generation of the source at its path, if the events would be
    /// described alike, else as a new source.
    fn enter(
        &self,
        known: &KnownSources,
        path: &Path,
        source: Source,
        format: &Format,
        fingerprint: Fingerprint,
    ) -> Result<(Outcome, SourceHandle), StoreError> {
        let options = self.shared.options;
        let new = NewSource {
            index: options.index.clone(),
            path: path.to_owned(),
            source: options.source.clone().unwrap_or(source),
            host: self.host.clone(),
            sourcetype: format.rules.name().clone(),
            rules_hash: format.rules.hash(),
            decoding: format.decoding,
            fingerprint,
        };
        let catalog = self.shared.writer.catalog();
        let is_known_path = known.at_path(path).next().is_some();
        let outcome = if is_known_path { Outcome::NewGeneration } else { Outcome::New };
        let (id, generation) = match known.at_path(path).find(|source| continues(source, &new)) {
            Some(source) => (source.id, catalog.new_generation(source.id, &new.fingerprint)?),
            None => catalog.register(&new)?,
        };
        Ok((outcome, handle_of(new, id, generation)))
    }

    fn plain_access(&self, path: &Path, meta: &FileMeta) -> PlainAccess {
        let age_us = self.shared.options.now_us.saturating_sub(meta.mtime_us);
        let is_older = |than: Duration| i128::from(age_us) >= than.as_micros() as i128;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        PlainAccess {
            end: meta.len,
            is_mapped: is_rotated(&name) || is_older(QUIET),
            may_grow: !is_older(self.shared.options.event_timeout),
        }
    }

    /// Cuts a file into work.
    fn work_of(&self, job: &Arc<FileJob>) -> Vec<Work> {
        match job.kind {
            Kind::Compressed(compression) => vec![Work::Compressed(Arc::clone(job), compression)],
            Kind::Stdin { .. } => Vec::new(),
            Kind::Plain(access) => match self.pieces(job) {
                Ok(pieces) => pieces.into_iter().map(|piece| Work::Range(Arc::clone(job), access, piece)).collect(),
                Err(error) => {
                    job.tally.fail(FileError::Unreadable(error));
                    Vec::new()
                }
            },
        }
    }

    fn pieces(&self, job: &FileJob) -> io::Result<Vec<Range<u64>>> {
        let (file, _) = open(&job.path)?;
        let parser = Parser::new(job.parser_options());
        let mut pieces = Vec::new();
        for hole in job.read_before.committed.holes(job.meta.len) {
            pieces.extend(piece::cut(&file, &parser, hole, self.shared.options.piece_bytes)?);
        }
        Ok(pieces)
    }

    /// A job for standard input, which has no path to be known by: it is new each time, unless it has a number by which it
    /// was read before. `None` if it is not text.
    ///
    /// # Errors
    /// If the catalog fails.
    pub(crate) fn admit_stdin(
        &self,
        compression: Option<Compression>,
        start: &[u8],
    ) -> Result<Option<FileJob>, StoreError> {
        let path = Path::new(crate::STDIN_NAME);
        let Some(format) = detect_format(self.registry, self.forced.as_ref(), start, path) else { return Ok(None) };
        let id = self.shared.options.stdin_id;
        // There is no device 0: it is no file's fingerprint.
        let fingerprint = Fingerprint::of(start, 0, id.map_or(0, NonZeroU64::get));
        let known = self.known_sources()?;
        let meta = FileMeta { dev: 0, ino: 0, len: 0, mtime_us: self.shared.options.now_us, ctime_ns: 0 };
        let kind = Kind::Stdin { compression };
        if let Some(at) = id.and_then(|id| known.stdin(id, start)) {
            let (_, handle, rules, read_before) = self.resume(&known, at, path, &fingerprint)?;
            let (n_events, n_bytes) = (known.generation(at).n_events, read_before.committed.len());
            let job = self.job(path, meta, kind, handle, rules, read_before);
            // What is reported is what became of all of it.
            job.tally.add(n_events, n_bytes);
            return Ok(Some(job));
        }
        let source = Source::from(crate::STDIN_NAME);
        let (_, handle) = self.enter(&known, path, source, &format, fingerprint)?;
        Ok(Some(self.job(path, meta, kind, handle, format.rules, ReadBefore::default())))
    }
}

/// Whether events of `new` would be described as those of `source` are.
pub(crate) fn continues(source: &SourceState, new: &NewSource) -> bool {
    (&source.source, &source.host, &source.sourcetype, source.decoding)
        == (&new.source, &new.host, &new.sourcetype, new.decoding)
}

/// The handle of a source that has just been entered.
pub(crate) fn handle_of(new: NewSource, id: SourceId, generation: u32) -> SourceHandle {
    let NewSource { index, path, source, host, sourcetype, rules_hash, decoding, fingerprint } = new;
    SourceHandle { id, generation, index, path, source, sourcetype, host, rules_hash, decoding, fingerprint }
}
