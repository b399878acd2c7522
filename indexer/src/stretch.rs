//! Stretches of sources, read event by event into whatever takes them.

use crate::compression::Compression;
use crate::content::{self, decode};
use crate::error::FileError;
use crate::job::{BLOCK_BYTES, FileJob, Kind, PlainAccess};
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
use trawl_formats::parse::{EventFlags, ParsedBlock, Parser, Step};
use trawl_store::{BlockInput, Result};

/// Less than this in view, and more is brought in before the parser is asked for a block: blocks stay of one size.
const LOW_WATER: usize = 2 * BLOCK_BYTES;

/// What takes the events of stretches.
pub(crate) trait Sink {
    /// Whether nothing more is wanted.
    fn is_done(&self) -> bool;

    /// Takes whole events.
    ///
    /// # Errors
    /// If they cannot be taken, which ends the reading.
    fn push(&mut self, job: &FileJob, block: &BlockInput<'_>) -> Result<()>;

    /// Takes note of NULs that stand for nothing.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    fn push_gap(&mut self, job: &FileJob, offset: u64, len: u64) -> Result<()>;

    /// Takes the end of a source, to which more may be written.
    fn push_open(&mut self, end: Provisional);
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

/// Reads stretches, one after the other, into a sink.
pub(crate) struct StretchReader<'p, S> {
    pub(crate) sink: S,
    /// Where it is told how far the reading has come.
    progress: &'p Progress,
    /// Buffers, used again for each stretch.
    buffer: Vec<u8>,
    block: ParsedBlock,
}

impl<'p, S: Sink> StretchReader<'p, S> {
    /// A reader whose events go to `sink`.
    pub(crate) fn new(sink: S, progress: &'p Progress) -> Self {
        Self { sink, progress, buffer: Vec::new(), block: ParsedBlock::default() }
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

    /// Reads a compressed file. The length of its content, if all of it was read.
    pub(crate) fn read_compressed(&mut self, job: &FileJob, compression: Compression) -> Result<Option<u64>> {
        let Some(file) = open_again(job) else { return Ok(None) };
        let mut buffer = mem::take(&mut self.buffer);
        let (outcome, content_len) = match decode(file, compression, Some(self.progress)) {
            Ok(stream) => {
                let mut window = BufferedWindow::new(stream, &mut buffer, 0);
                let outcome = self.read_stream(job, &mut window);
                let content_len = window.offset() + window.bytes().len() as u64;
                (outcome, Some(content_len).filter(|_| window.reaches_end()))
            }
            Err(error) => {
                job.tally.fail(FileError::Unreadable(error));
                (Ok(()), None)
            }
        };
        self.buffer = buffer;
        outcome.map(|()| content_len)
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

    /// Reads all events of a stretch.
    fn read_stretch<W: Window>(&mut self, job: &FileJob, window: &mut W, start: Start, ending: Ending) -> Result<()> {
        let Start { mut parser, mut is_continued } = start;
        let mut failure = None;
        let mut block = mem::take(&mut self.block);
        while !self.sink.is_done() {
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
                    let bytes = &window.bytes()[..block.len];
                    let input = BlockInput { source: &job.handle, offset: window.offset(), bytes, parsed: &block };
                    self.sink.push(job, &input)?;
                    job.tally.add(block.events.len() as u64, block.len as u64);
                    block.len
                }
                Ok(Step::Gap { len }) => {
                    self.sink.push_gap(job, window.offset(), len as u64)?;
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
                self.progress.add_done_bytes(consumed as u64);
            }
            window.consume(consumed);
        }
        self.block = block;
        if self.sink.is_done() {
            return Ok(());
        }
        if let Some(error) = failure {
            job.fail_read(window.offset() + window.bytes().len() as u64, error);
        }
        match Provisional::parse(&job.handle, window.offset(), window.bytes(), &mut parser, is_continued) {
            Ok(rest) => rest.into_iter().for_each(|end| self.sink.push_open(end)),
            Err(message) => job.tally.fail(FileError::Internal { offset: window.offset(), message }),
        }
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
