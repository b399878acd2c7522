//! Files that are read once, for somebody who keeps nothing of them: no store, no progress, the same events.

use crate::compression::Compression;
use crate::content::{self, CompressedContent, PlainContent, detect_compression, open, peek_head};
use crate::copies::{Original, Suspect, originals};
use crate::discovery::{Discovery, FileMeta, Found, Input, discover};
use crate::error::{FileError, IndexError};
use crate::file_system::FileSystem;
use crate::format::{DETECT_LEN, Format, detect_format, forced_rules};
use crate::identity::Content;
use crate::job::{FileJob, Kind, PlainAccess, ReadBefore, Tally};
use crate::look::written_end;
use crate::options::Options;
use crate::piece;
use crate::pipeline::Work;
use crate::plan::QUIET;
use crate::progress::Progress;
use crate::provisional::Provisional;
use crate::read::BufferedWindow;
use crate::report::{SkipReason, Skipped};
use crate::stretch::{Sink, StretchReader};
use rayon::prelude::*;
use std::io::{self, Read};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use trawl_formats::event::{Host, Source};
use trawl_formats::parse::{ParsedBlock, Parser};
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_formats::text::Decoding;
use trawl_formats::timestamp::TimeContext;
use trawl_store::live::LiveBytes;
use trawl_store::rotation::is_rotated;
use trawl_store::source::path_text;
use trawl_store::{BlockInput, Fingerprint, LiveBlock, Result as StoreResult, SourceHandle, SourceId};

/// Bytes of a piece of a plain file: small enough that all threads have work to the end.
const PIECE_BYTES: u64 = 8 << 20;

/// Fewer bytes are not worth passing over: they are parsed with what follows.
const MIN_SKIP: usize = 64 << 10;
/// How far before what is wanted the beginning of an event is looked for.
const BACK: [usize; 2] = [4 << 10, 64 << 10];

/// Finds the first place in whole lines, or a line that goes on, where something may be that is wanted.
pub type FirstWanted<'w> = dyn Fn(&[u8], Decoding) -> Option<usize> + Sync + 'w;
/// What is wanted; `None` if everything is.
pub type Wanted<'w> = Option<&'w FirstWanted<'w>>;

/// The events of files, part by part.
///
/// The files are those that [`index`](crate::index) would read, the events those that it would store, each with the time, level,
/// host and address that it would have there. A copy of another file is read once; where the copies are of different lengths, the
/// longest under the name of the first.
pub struct FileScan {
    parts: Vec<Work>,
    next: AtomicUsize,
    jobs: Vec<Arc<FileJob>>,
    stdin: Option<Stdin>,
    /// Files that were left out, and why.
    skipped: Vec<Skipped>,
    failed: Mutex<Vec<(PathBuf, FileError)>>,
    progress: Arc<Progress>,
    n_skipped_bytes: AtomicU64,
}

/// Standard input, read by the first thread that asks for a part.
struct Stdin {
    stream: Mutex<Option<Box<dyn Read + Send>>>,
    format: Formats,
    host: Host,
    options: Options,
}

/// What formats are told by.
struct Formats {
    registry: Arc<Registry>,
    forced: Option<Arc<Rules>>,
}

impl Formats {
    fn detect(&self, head: &[u8], path: &Path) -> Option<Format> {
        detect_format(&self.registry, self.forced.as_ref(), head, path)
    }
}

/// Why nothing of a file is read.
enum NoFile {
    Empty,
    Binary,
    Failed(FileError),
}

impl From<io::Error> for NoFile {
    fn from(error: io::Error) -> Self {
        Self::Failed(match error.kind() {
            io::ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Unreadable(error),
        })
    }
}

impl FileScan {
    /// Looks at the files that `inputs` stand for. Each is read in parts, which several threads may take.
    ///
    /// Of the options count those that describe events, `exclude`, `zone` and `now_us`.
    ///
    /// # Errors
    /// If the options or inputs make no sense. What is wrong with single files is told by [`failed`](Self::failed).
    pub fn open(
        registry: &Arc<Registry>,
        inputs: &[Input],
        options: &Options,
        stdin: impl FnOnce() -> Box<dyn Read + Send>,
        progress: Arc<Progress>,
    ) -> Result<Self, IndexError> {
        let formats = Formats { registry: Arc::clone(registry), forced: forced_rules(registry, options)? };
        let Discovery { files, mut skipped, errors: mut failed, stdin: has_stdin, .. } =
            discover(inputs, &options.exclude, None)?;
        let host = options.host.clone().unwrap_or_else(crate::host::local_host);
        let looks: Vec<_> = files.par_iter().map(|found| look(found, &formats)).collect();
        let (mut seen, mut found) = (Vec::new(), Vec::new());
        for (file, look) in files.into_iter().zip(looks) {
            match look {
                Ok(look) => {
                    seen.push(look);
                    found.push(file);
                }
                Err(NoFile::Empty) => {}
                Err(NoFile::Binary) => skipped.push(Skipped { path: file.path, reason: SkipReason::Binary }),
                Err(NoFile::Failed(error)) => failed.push((file.path, error)),
            }
        }
        let suspect = |(found, seen): (&'_ Found, &'_ Seen)| (found.real_path.clone(), seen.compression, seen.meta.len);
        let about: Vec<_> = found.iter().zip(&seen).map(suspect).collect();
        let suspects = about.iter().zip(&seen).map(|((path, compression, len), seen)| Suspect {
            path,
            compression: *compression,
            len: *len,
            head: &seen.head,
        });
        let originals = originals(&suspects.collect::<Vec<_>>());
        progress.add_total_files(originals.len() as u64);
        let maker = JobMaker { options, host: &host };
        let make = |(at, original): (usize, &Original)| {
            let name = &found[original.first].path;
            let made = maker.make(at, name, &found[original.longest].real_path, &seen[original.longest]);
            made.map_err(|error| (name.clone(), FileError::Unreadable(error)))
        };
        let made: Vec<_> = originals.par_iter().enumerate().map(make).collect();
        let (mut jobs, mut parts) = (Vec::new(), Vec::new());
        for made in made {
            match made {
                Ok((job, of_job)) => {
                    jobs.push(job);
                    parts.extend(of_job);
                }
                Err(error) => failed.push(error),
            }
        }
        // What takes one thread longest first.
        parts.sort_by_key(|part| match part {
            Work::Compressed(..) => std::cmp::Reverse(part.n_bytes()),
            Work::Range(..) => std::cmp::Reverse(0),
        });
        progress.add_total_bytes(parts.iter().map(Work::n_bytes).sum());
        let stdin = has_stdin.then(|| Stdin {
            stream: Mutex::new(Some(stdin())),
            format: formats,
            host,
            options: options.clone(),
        });
        let failed = Mutex::new(failed);
        Ok(Self {
            parts,
            next: AtomicUsize::new(0),
            jobs,
            stdin,
            skipped,
            failed,
            progress,
            n_skipped_bytes: AtomicU64::new(0),
        })
    }

    /// The values of the field `source` that events can have.
    pub fn sources(&self) -> Vec<Source> {
        let stdin = self.stdin.iter().map(Stdin::source);
        self.jobs.iter().map(|job| job.handle.source.clone()).chain(stdin).collect()
    }

    /// Leaves out the files of other sources than those to be kept. Called before anything is read.
    pub fn keep_sources(&mut self, keeps: &dyn Fn(&Source) -> bool) {
        self.parts.retain(|part| keeps(&part.job().handle.source));
        self.jobs.retain(|job| keeps(&job.handle.source));
        self.stdin.take_if(|stdin| !keeps(&stdin.source()));
    }

    /// Files that are read, standard input among them.
    pub fn n_files(&self) -> usize {
        self.jobs.len() + usize::from(self.stdin.is_some())
    }

    /// What was left out on purpose.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What could not be read, or not to its end, so far.
    pub fn failed(&self) -> Vec<(PathBuf, FileError)> {
        let mut failed = std::mem::take(&mut *self.failed.lock().unwrap_or_else(PoisonError::into_inner));
        for job in &self.jobs {
            failed.extend(job.tally.take().2.into_iter().map(|error| (job.path.clone(), error)));
        }
        failed
    }

    /// Bytes that were passed over so far, because nothing in them was wanted.
    pub fn n_skipped_bytes(&self) -> u64 {
        // Read when the threads have ended.
        self.n_skipped_bytes.load(Ordering::Relaxed)
    }

    /// Reads the next part to its end, or until `take` has enough. Its blocks come in the order of the file; events in which nothing
    /// is wanted may be left out. `false` if there is no part left.
    pub fn read_part(&self, wanted: Wanted<'_>, take: &mut dyn FnMut(LiveBlock) -> ControlFlow<()>) -> bool {
        if let Some(stdin) = &self.stdin {
            let stream = stdin.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(stream) = stream {
                let failed = stdin.read(stream, self, wanted, take);
                let failed = failed.into_iter().map(|error| (PathBuf::from(crate::STDIN_NAME), error));
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).extend(failed);
                return true;
            }
        }
        // Nothing else is communicated by the number.
        let Some(part) = self.parts.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return false };
        let now_us = part.job().time.now_us;
        let mut reader = StretchReader::new(
            Hand { take, now_us, is_done: false, skim: self.skim(wanted, part.job()) },
            &self.progress,
        );
        let read = match part {
            Work::Range(job, access, range) => reader.read_range(job, *access, range.clone()),
            Work::Compressed(job, compression) => reader.read_compressed(job, *compression).map(|_| ()),
        };
        // Nobody who takes blocks by hand refuses them with an error of a store.
        debug_assert!(read.is_ok(), "nothing is stored");
        true
    }

    fn skim<'w>(&'w self, wanted: Wanted<'w>, job: &FileJob) -> Option<Skim<'w>> {
        let n_skipped_bytes = &self.n_skipped_bytes;
        wanted.map(|wanted| Skim { wanted, decoding: job.handle.decoding, n_skipped_bytes })
    }
}

/// What a look at a file has told.
struct Seen {
    meta: FileMeta,
    compression: Option<Compression>,
    /// Its first bytes, as many as tell it from others.
    head: Vec<u8>,
    format: Format,
}

/// Looks at a file.
fn look(found: &Found, formats: &Formats) -> Result<Seen, NoFile> {
    let (file, mut meta) = open(&found.real_path)?;
    if let FileSystem::Made(file_system) = FileSystem::of_file(&file)? {
        return Err(NoFile::Failed(FileError::Made { file_system }));
    }
    let compression = detect_compression(&file)?;
    let mut head = match compression {
        None => {
            meta.len = written_end(&file, meta.len)?;
            PlainContent { file: &file, len: meta.len }.read(0, DETECT_LEN)?
        }
        Some(compression) => {
            let mut content = CompressedContent::new(&file, compression);
            let head = content.read(0, DETECT_LEN)?;
            if let (true, Some(damage)) = (head.is_empty(), content.into_damage()) {
                return Err(NoFile::Failed(damage));
            }
            head
        }
    };
    if head.is_empty() {
        return Err(NoFile::Empty);
    }
    let format = formats.detect(&head, &found.path).ok_or(NoFile::Binary)?;
    head.truncate(Fingerprint::MAX_HEAD_LEN);
    Ok(Seen { meta, compression, head, format })
}

/// Makes jobs of files.
struct JobMaker<'m> {
    options: &'m Options,
    host: &'m Host,
}

impl JobMaker<'_> {
    /// The job of a file that was seen at `path` and is called `name`, and its parts.
    fn make(&self, at: usize, name: &Path, path: &Path, seen: &Seen) -> io::Result<(Arc<FileJob>, Vec<Work>)> {
        let Seen { meta, compression, head, format } = seen;
        let source = self.options.source.clone().unwrap_or_else(|| path_text::to_text(name).into());
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_quiet = i128::from(self.options.now_us.saturating_sub(meta.mtime_us)) >= QUIET.as_micros() as i128;
        let access = PlainAccess { end: meta.len, is_mapped: is_quiet || is_rotated(&file_name), may_grow: false };
        let kind = compression.map_or(Kind::Plain(access), Kind::Compressed);
        let fingerprint = Fingerprint::of(head, meta.dev, meta.ino);
        // 0 is standard input.
        let id = SourceId(at as u64 + 1);
        let job = Arc::new(job(id, path, *meta, kind, source, fingerprint, format, self.host, self.options));
        let parts = match compression {
            Some(compression) => vec![Work::Compressed(Arc::clone(&job), *compression)],
            None => {
                let (file, _) = open(path)?;
                let pieces = piece::cut(&file, &Parser::new(job.parser_options()), 0..meta.len, PIECE_BYTES)?;
                let part = |range: Range<u64>| Work::Range(Arc::clone(&job), access, range);
                pieces.into_iter().map(part).collect()
            }
        };
        Ok((job, parts))
    }
}

#[expect(clippy::too_many_arguments, reason = "they are what a job is made of")]
fn job(
    id: SourceId,
    path: &Path,
    meta: FileMeta,
    kind: Kind,
    source: Source,
    fingerprint: Fingerprint,
    format: &Format,
    host: &Host,
    options: &Options,
) -> FileJob {
    let handle = SourceHandle {
        id,
        generation: 0,
        index: options.index.clone(),
        path: path.to_owned(),
        source,
        sourcetype: format.rules.name().clone(),
        host: host.clone(),
        rules_hash: format.rules.hash(),
        decoding: format.decoding,
        fingerprint,
    };
    let time = TimeContext { zone: options.zone, mtime_us: meta.mtime_us, now_us: options.now_us };
    FileJob {
        path: path.to_owned(),
        meta,
        kind,
        handle: Arc::new(handle),
        rules: Arc::clone(&format.rules),
        time,
        read_before: ReadBefore::default(),
        tally: Tally::default(),
    }
}

impl Stdin {
    fn source(&self) -> Source {
        self.options.source.clone().unwrap_or_else(|| crate::STDIN_NAME.into())
    }

    /// Reads it to its end; what is wrong with it.
    fn read(
        &self,
        stream: Box<dyn Read + Send>,
        scan: &FileScan,
        wanted: Wanted<'_>,
        take: &mut dyn FnMut(LiveBlock) -> ControlFlow<()>,
    ) -> Vec<FileError> {
        let read = || -> io::Result<Vec<FileError>> {
            let (compression, stream) = content::unpack(stream)?;
            let mut buffer = Vec::new();
            let mut window = BufferedWindow::new(stream, &mut buffer, 0);
            let head = peek_head(&mut window, DETECT_LEN)?;
            if head.is_empty() {
                return Ok(Vec::new());
            }
            let path = Path::new(crate::STDIN_NAME);
            let not_text = || io::Error::new(io::ErrorKind::InvalidData, "it is not text");
            let format = self.format.detect(head, path).ok_or_else(not_text)?;
            let fingerprint = Fingerprint::of(head, 0, 0);
            let meta = FileMeta { dev: 0, ino: 0, len: 0, mtime_us: self.options.now_us, ctime_ns: 0 };
            let kind = Kind::Stdin { compression };
            let (source, options) = (self.source(), &self.options);
            let job = job(SourceId(0), path, meta, kind, source, fingerprint, &format, &self.host, options);
            let hand = Hand { take, now_us: options.now_us, is_done: false, skim: scan.skim(wanted, &job) };
            let read = StretchReader::new(hand, &scan.progress).read_stream(&job, &mut window);
            debug_assert!(read.is_ok(), "nothing is stored");
            Ok(job.tally.take().2)
        };
        read().unwrap_or_else(|error| vec![FileError::Unreadable(error)])
    }
}

/// Hands blocks on.
struct Hand<'t> {
    take: &'t mut dyn FnMut(LiveBlock) -> ControlFlow<()>,
    now_us: i64,
    is_done: bool,
    skim: Option<Skim<'t>>,
}

/// Passes over what is not wanted.
struct Skim<'w> {
    wanted: &'w FirstWanted<'w>,
    decoding: Decoding,
    n_skipped_bytes: &'w AtomicU64,
}

impl Hand<'_> {
    fn hand(&mut self, source: &Arc<SourceHandle>, offset: u64, bytes: Vec<u8>, parsed: ParsedBlock) {
        let block = LiveBlock {
            source: Arc::clone(source),
            offset,
            bytes: LiveBytes::Owned(Arc::new(bytes)),
            parsed,
            indexed: vec![(0, self.now_us)],
            is_open: false,
            batch: 0,
        };
        self.is_done |= (self.take)(block).is_break();
    }
}

impl Sink for Hand<'_> {
    fn is_done(&self) -> bool {
        self.is_done
    }

    fn skippable(&mut self, parser: &Parser, bytes: &[u8]) -> usize {
        let Some(Skim { wanted, decoding, n_skipped_bytes }) = &self.skim else { return 0 };
        let clear = wanted(bytes, *decoding).unwrap_or(bytes.len());
        if clear < MIN_SKIP {
            return 0;
        }
        // The event that holds what is wanted, or in which the view ends, begins before; one from which on events can be parsed
        // without those before is looked for near to it first.
        let start = BACK.iter().find_map(|back| parser.find_piece_start(&bytes[..clear], clear.saturating_sub(*back)));
        let skipped = start.unwrap_or(0);
        n_skipped_bytes.fetch_add(skipped as u64, Ordering::Relaxed);
        skipped
    }

    fn push(&mut self, _: &FileJob, block: &BlockInput<'_>) -> StoreResult<()> {
        self.hand(block.source, block.offset, block.bytes.to_vec(), block.parsed.clone());
        Ok(())
    }

    fn push_gap(&mut self, _: &FileJob, _: u64, _: u64) -> StoreResult<()> {
        Ok(())
    }

    fn push_open(&mut self, end: Provisional) {
        let source = end.source();
        for (offset, bytes, parsed) in end.into_blocks() {
            if !self.is_done {
                self.hand(&source, offset, bytes, parsed);
            }
        }
    }
}
