//! From the bytes of a file into a bucket.

use crate::compression::Compression;
use crate::content::{self, decode};
use crate::error::FileError;
use crate::job::{BLOCK_BYTES, FileJob, Kind, PlainAccess};
use crate::look::is_untouched;
use crate::options::Options;
use crate::piece::{self, Before};
use crate::progress::Progress;
use crate::provisional::Provisional;
use crate::read::{BufferedWindow, MappedWindow, RangeReader, Window, read_at_most};
use std::any::Any;
use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use trawl_formats::parse::{EventFlags, ParsedBlock, Parser, Step};
use trawl_store::{BlockInput, BucketBuilder, FinishedFile, Result, SourceHandle, Writer};

/// Less than this in view, and more is brought in before the parser is asked for a block: blocks stay of one size.
const LOW_WATER: usize = 2 * BLOCK_BYTES;

/// What all threads of a run share.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'r> {
    pub(crate) writer: &'r Writer,
    pub(crate) options: &'r Options,
    pub(crate) progress: &'r Progress,
}

impl Shared<'_> {
    pub(crate) fn is_cancelled(&self) -> bool {
        // Nothing else is communicated by the flag.
        self.options.cancel.load(Ordering::Relaxed)
    }
}

/// How a stretch of a source ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With a whole event.
    Closed,
    /// With an event to which more may be written.
    Open,
}

/// A parser at the beginning of a stretch.
pub(crate) struct Start {
    pub(crate) parser: Parser,
    /// The first event is the rest of one that was closed before its end was known.
    pub(crate) is_continued: bool,
}

impl Start {
    /// Prepares to parse from `at` on. `around` gives the bytes around, the place of `at` in them, and whether the source
    /// ends with them.
    pub(crate) fn new(job: &FileJob, at: u64, around: impl FnOnce() -> (Vec<u8>, usize, bool)) -> Self {
        let mut options = job.parser_options();
        let mut before = Before::default();
        if at > 0 {
            let (bytes, place, at_end) = around();
            before = piece::look_back(&options, &bytes, place, at_end);
            let known = job.read_before.last_time_us.filter(|_| at == job.read_before.committed.end());
            options.previous_time_us = before.time_us.or(known);
            options.header.clone_from(&job.read_before.header);
        }
        Self { parser: Parser::new(options), is_continued: before.is_continued }
    }
}

/// Reads files into buckets, one after the other; each thread has one.
pub(crate) struct Worker<'r> {
    shared: Shared<'r>,
    builder: BucketBuilder,
    /// Buffers, used again for each stretch.
    buffer: Vec<u8>,
    block: ParsedBlock,
    provisional: Vec<Provisional>,
}

impl<'r> Worker<'r> {
    pub(crate) fn new(shared: Shared<'r>) -> Result<Self> {
        let builder = shared.writer.bucket_builder(&shared.options.index)?;
        Ok(Self { shared, builder, buffer: Vec::new(), block: ParsedBlock::default(), provisional: Vec::new() })
    }

    /// Seals and commits what has been collected; the provisional events, which are not part of it.
    pub(crate) fn finish(mut self) -> Result<Vec<Provisional>> {
        self.seal()?;
        Ok(self.provisional)
    }

    fn seal(&mut self) -> Result<()> {
        if let Some(sealed) = self.builder.seal()? {
            self.shared.writer.commit(&[sealed])?;
            self.shared.progress.add_buckets(1);
        }
        Ok(())
    }

    /// Reads a range of a plain file.
    pub(crate) fn read_range(&mut self, job: &FileJob, access: PlainAccess, range: Range<u64>) -> Result<()> {
        let PlainAccess { end, is_mapped, may_grow } = access;
        let Some(file) = open_again(job) else { return Ok(()) };
        let ending = if may_grow && range.end == end { Ending::Open } else { Ending::Closed };
        let start = Start::new(job, range.start, || bytes_around(&file, range.start, end));
        if is_mapped {
            let mut window = MappedWindow::new(&file, range);
            return self.read_stretch(job, &mut window, start, ending);
        }
        let mut buffer = mem::take(&mut self.buffer);
        let mut window = BufferedWindow::new(RangeReader::new(&file, range.clone()), &mut buffer, range.start);
        let outcome = self.read_stretch(job, &mut window, start, ending);
        self.buffer = buffer;
        outcome
    }

    /// Reads a compressed file.
    pub(crate) fn read_compressed(&mut self, job: &FileJob, compression: Compression) -> Result<()> {
        let Some(file) = open_again(job) else { return Ok(()) };
        let stream = match decode(file, compression, Some(self.shared.progress)) {
            Ok(stream) => stream,
            Err(error) => {
                job.tally.fail(FileError::Unreadable(error));
                return Ok(());
            }
        };
        let mut buffer = mem::take(&mut self.buffer);
        let mut window = BufferedWindow::new(stream, &mut buffer, 0);
        let outcome = self.read_stream(job, &mut window);
        let (content_len, is_at_end) = (window.offset() + window.bytes().len() as u64, window.reaches_end());
        self.buffer = buffer;
        outcome?;
        // Of the file that was looked at and is the same still, everything is known once this is committed.
        if is_at_end && !job.tally.has_errors() && !self.shared.is_cancelled() && is_untouched(&job.path, &job.meta) {
            let SourceHandle { id: source, generation, .. } = *job.handle;
            let file = FinishedFile { stamp: (&job.meta).into(), source, generation, content_len };
            let Options { index, now_us, .. } = self.shared.options;
            self.shared.writer.catalog().note_finished(index, &[file], *now_us)?;
        }
        Ok(())
    }

    /// Reads what was not read before of a stream.
    pub(crate) fn read_stream<R: Read>(&mut self, job: &FileJob, window: &mut BufferedWindow<'_, R>) -> Result<()> {
        for hole in job.read_before.committed.holes(u64::MAX) {
            match start_in_stream(job, window, hole.start) {
                Ok(Some(start)) => {
                    window.set_end(Some(hole.end).filter(|&end| end < u64::MAX));
                    self.read_stretch(job, window, start, Ending::Closed)?;
                }
                Ok(None) => break,
                Err(error) => {
                    job.fail_read(window.offset(), error);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads all events of a stretch into the bucket.
    fn read_stretch<W: Window>(&mut self, job: &FileJob, window: &mut W, start: Start, ending: Ending) -> Result<()> {
        let Start { mut parser, mut is_continued } = start;
        let mut failure = None;
        let mut block = mem::take(&mut self.block);
        while !self.shared.is_cancelled() {
            let can_grow = failure.is_none() && !window.reaches_end();
            if window.bytes().len() < LOW_WATER && can_grow {
                failure = window.grow().err();
            }
            let at_end = ending == Ending::Closed && failure.is_none() && window.reaches_end();
            if window.bytes().is_empty() {
                break;
            }
            let consumed = match next_block(&mut parser, window.bytes(), at_end, &mut block) {
                Ok(Step::Block) => {
                    if mem::take(&mut is_continued) {
                        block.events[0].flags.insert(EventFlags::CONTINUED);
                    }
                    self.push(job, window.offset(), window.bytes(), &block)?;
                    block.len
                }
                Ok(Step::Gap { len }) => {
                    self.builder.push_gap(&job.handle, window.offset(), len as u64)?;
                    len
                }
                Ok(Step::NeedMore) if failure.is_none() && !window.reaches_end() => {
                    failure = window.grow().err();
                    0
                }
                Ok(Step::NeedMore) => break,
                Err(message) => {
                    job.tally.fail(FileError::Internal { offset: window.offset(), message });
                    self.block = block;
                    return Ok(());
                }
            };
            // Compressed files count what is read of the file.
            if matches!(job.kind, Kind::Plain(_)) {
                self.shared.progress.add_done_bytes(consumed as u64);
            }
            window.consume(consumed);
            if self.builder.is_full() || self.builder.raw_bytes() >= self.shared.options.bucket_bytes {
                self.seal()?;
            }
        }
        self.block = block;
        if self.shared.is_cancelled() {
            return Ok(());
        }
        if let Some(error) = failure {
            job.fail_read(window.offset() + window.bytes().len() as u64, error);
        }
        match Provisional::parse(&job.handle, window.offset(), window.bytes(), &mut parser, is_continued) {
            Ok(rest) => self.provisional.extend(rest),
            Err(message) => job.tally.fail(FileError::Internal { offset: window.offset(), message }),
        }
        Ok(())
    }

    fn push(&mut self, job: &FileJob, offset: u64, bytes: &[u8], parsed: &ParsedBlock) -> Result<()> {
        self.builder.push(&BlockInput { source: &job.handle, offset, bytes: &bytes[..parsed.len], parsed })?;
        let (n_events, n_bytes) = (parsed.events.len() as u64, parsed.len as u64);
        job.tally.add(n_events, n_bytes);
        self.shared.progress.add_events(n_events);
        self.shared.progress.add_content_bytes(n_bytes);
        Ok(())
    }
}

/// Opens a file that was looked at before. `None`, and an error in its report, if that is not possible.
fn open_again(job: &FileJob) -> Option<File> {
    let error = match content::open(&job.path) {
        Ok((file, meta)) if job.is_same(&meta) => return Some(file),
        Err(error) if error.kind() != io::ErrorKind::NotFound => FileError::Unreadable(error),
        // Renamed or removed, and perhaps another in its place.
        _ => FileError::Replaced,
    };
    job.tally.fail(error);
    None
}

/// Moves a stream to `at` and prepares to parse from there; `None` if it ends before.
fn start_in_stream<R: Read>(job: &FileJob, window: &mut BufferedWindow<'_, R>, at: u64) -> io::Result<Option<Start>> {
    let around = piece::around(at);
    window.skip_to(around.start)?;
    // What cannot be read is met again when the stretch is read.
    let _ = window.peek((around.end - window.offset()) as usize);
    let start = Start::new(job, at, || {
        let bytes = window.bytes();
        (bytes.to_vec(), ((at - window.offset()) as usize).min(bytes.len()), window.reaches_end())
    });
    Ok(window.skip_to(at)?.then_some(start))
}

/// The bytes around a place in a file that ends at `file_end`, the place in them, and whether they reach the end.
pub(crate) fn bytes_around(file: &File, at: u64, file_end: u64) -> (Vec<u8>, usize, bool) {
    let around = piece::around(at);
    let end = around.end.min(file_end);
    let mut bytes = vec![0; (end - around.start) as usize];
    // What cannot be read is met again when the stretch is read.
    let n_read = read_at_most(file, &mut bytes, around.start).unwrap_or(0);
    bytes.truncate(n_read);
    let at = (at - around.start) as usize;
    (bytes, at.min(n_read), end == file_end)
}

/// Asks the parser for a block. A panic is our fault, but must cost one file only: it becomes an error.
pub(crate) fn next_block(
    parser: &mut Parser,
    bytes: &[u8],
    at_end: bool,
    block: &mut ParsedBlock,
) -> std::result::Result<Step, String> {
    // Parser and block are not used again after a panic.
    catch_unwind(AssertUnwindSafe(|| parser.next_block(bytes, at_end, block))).map_err(|panic| panic_message(&*panic))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
