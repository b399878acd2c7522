//! One file that is followed: what has been read of it, and what its next bytes mean.

use super::Moment;
use super::batch::Pending;
use super::stamp::Stamp;
use crate::content::open;
use crate::discovery::FileMeta;
use crate::error::FileError;
use crate::job::{FileJob, ReadBefore};
use crate::look::MIN_UNWRITTEN;
use crate::provisional::Provisional;
use crate::read::read_at_most;
use crate::stretch::{Start, bytes_around, next_block};
use std::fs::File;
use std::io;
use std::iter;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;
use trawl_formats::parse::{EventFlags, ParsedBlock, Parser, Step};
use trawl_formats::timestamp::TimeContext;
use trawl_store::{SourceHandle, Tail};

/// Bytes read of one file before another has its turn.
const TURN_BYTES: usize = 512 << 10;

/// Whether nothing but NULs stands in a file from `at` on. Holes are not read.
fn only_nulls_follow(file: &File, mut at: u64) -> io::Result<bool> {
    let mut piece = vec![0; 1 << 20];
    loop {
        // SAFETY: a call on an open descriptor; the file's own position is never used.
        let data = unsafe { libc::lseek(file.as_raw_fd(), at as libc::off_t, libc::SEEK_DATA) };
        match u64::try_from(data) {
            Ok(data) => at = data,
            // Nothing but a hole up to the end; where the file system cannot tell, everything is read.
            Err(_) if io::Error::last_os_error().raw_os_error() == Some(libc::ENXIO) => return Ok(true),
            Err(_) => {}
        }
        let n_read = read_at_most(file, &mut piece, at)?;
        if piece[..n_read].iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        if n_read < piece.len() {
            return Ok(true);
        }
        at += n_read as u64;
    }
}

/// What one turn of reading came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Everything that is there has been read.
    AtEnd,
    /// There is more.
    More,
    /// The file does not hold any more what was read of it: it was truncated, or written anew.
    Renewed,
    /// A server knows the open file no more. It is to be opened again by its path.
    Stale,
}

/// Whether a server has forgotten an open file, as it does when it was exchanged or exported anew.
fn is_stale(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::StaleNetworkFileHandle
}

/// A place in a source up to which its bytes are known.
#[derive(Clone, Debug)]
struct Place {
    offset: u64,
    /// The last bytes before it, at most [`Tail::MAX_LEN`].
    tail: Vec<u8>,
}

impl Place {
    fn advance(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        let last = &bytes[bytes.len().saturating_sub(Tail::MAX_LEN)..];
        self.tail.extend_from_slice(last);
        let surplus = self.tail.len().saturating_sub(Tail::MAX_LEN);
        self.tail.drain(..surplus);
    }
}

/// A followed file.
pub(super) struct Follower {
    pub(super) job: FileJob,
    file: Option<File>,
    /// Made anew at the next byte, if absent.
    parser: Option<Parser>,
    /// Bytes behind [`parsed_to`](Self::parsed_to): those of the open event.
    rest: Vec<u8>,
    is_continued: bool,
    /// Behind the last byte that was read.
    read: Place,
    /// Behind the last event that is durable.
    durable: Place,
    /// Behind the last whole event.
    parsed_to: u64,
    stamp: Option<Stamp>,
    /// Length of the file when somebody looked at it last, read or not.
    seen_len: u64,
    pub(super) last_growth: Duration,
    /// Whether the open event is in the batch, or was, as it is now.
    open_is_noted: bool,
    pub(super) n_events: u64,
    pub(super) error: Option<(FileError, Duration)>,
}

impl Follower {
    /// Follows a file from the end of what is committed of it. `file` is opened already.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn new(job: FileJob, file: File, now: Moment) -> io::Result<Self> {
        let offset = job.read_before.committed.first_gap(0);
        let tail_len = offset.min(Tail::MAX_LEN as u64);
        let mut tail = vec![0; tail_len as usize];
        let n_read = read_at_most(&file, &mut tail, offset - tail_len)?;
        if n_read < tail.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let place = Place { offset, tail };
        Ok(Self {
            seen_len: job.meta.len,
            job,
            file: Some(file),
            parser: None,
            rest: Vec::new(),
            is_continued: false,
            read: place.clone(),
            durable: place,
            parsed_to: offset,
            stamp: None,
            last_growth: now.at,
            open_is_noted: true,
            n_events: 0,
            error: None,
        })
    }

    pub(super) fn source(&self) -> &Arc<SourceHandle> {
        &self.job.handle
    }

    /// Whether the file is open.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Closes the file, unless something was read of it that is not durable; it is opened again when it grows.
    pub(super) fn close_file(&mut self) {
        if self.parsed_to == self.durable.offset {
            self.file = None;
        }
    }

    /// Whether its last event may still grow.
    pub(super) fn has_open_event(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Its length when it was last looked at.
    pub(super) fn seen_len(&self) -> u64 {
        self.seen_len
    }

    /// Bytes that were read.
    pub(super) fn read_to(&self) -> u64 {
        self.read.offset
    }

    /// Bytes that are durable.
    pub(super) fn durable_to(&self) -> u64 {
        self.durable.offset
    }

    /// The file's present stamp.
    ///
    /// # Errors
    /// If it cannot be found out. [`io::ErrorKind::NotFound`] if another file has its path, or none.
    pub(super) fn look(&mut self) -> io::Result<Stamp> {
        let metadata = match self.file.as_ref().map(File::metadata) {
            Some(Err(error)) if is_stale(&error) => {
                self.file = None;
                std::fs::metadata(&self.job.path)?
            }
            Some(answer) => answer?,
            None => std::fs::metadata(&self.job.path)?,
        };
        if (metadata.dev(), metadata.ino()) != (self.job.meta.dev, self.job.meta.ino) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.seen_len = metadata.len();
        Ok(Stamp::from(&metadata))
    }

    /// Notes how long the file is, as a listing says.
    pub(super) fn note_len(&mut self, len: u64) {
        self.seen_len = len;
    }

    /// Whether the file may have been written since it was read.
    pub(super) fn has_changed(&self, stamp: &Stamp) -> bool {
        self.stamp.is_none_or(|seen| seen.may_differ(stamp))
    }

    /// As [`has_changed`](Self::has_changed), by what a listing says.
    pub(super) fn differs_from(&self, meta: &FileMeta) -> bool {
        self.stamp.is_none_or(|seen| (seen.len, seen.mtime_us()) != (meta.len, meta.mtime_us))
    }

    /// Reads on, at most [`TURN_BYTES`].
    ///
    /// # Errors
    /// If the file cannot be read; nothing is lost by that.
    pub(super) fn read(&mut self, now: Moment, buffer: &mut Vec<u8>, out: &mut Vec<Pending>) -> io::Result<Turn> {
        let stamp = self.look()?;
        if stamp.len < self.read.offset {
            return Ok(Turn::Renewed);
        }
        if self.file.is_none() {
            let (file, meta) = open(&self.job.path)?;
            if !self.job.is_same(&meta) {
                return Err(io::ErrorKind::NotFound.into());
            }
            self.file = Some(file);
        }
        let file = self.file.as_ref().expect("just opened");
        // The bytes before the place are read again: only they tell whether the file was truncated and has grown past it.
        let tail_len = self.read.tail.len();
        buffer.resize(tail_len + TURN_BYTES, 0);
        let n_read = match read_at_most(file, buffer, self.read.offset - tail_len as u64) {
            // What has the path now is compared with what was read before anything is read of it.
            Err(error) if is_stale(&error) => {
                self.file = None;
                return Ok(Turn::Stale);
            }
            answer => answer?,
        };
        if n_read < tail_len || buffer[..tail_len] != self.read.tail {
            return Ok(Turn::Renewed);
        }
        let mut new = &buffer[tail_len..n_read];
        let mut is_at_end = n_read < buffer.len();
        let written = self.written_len(new);
        // NULs at the end of a file were allocated, but not written yet.
        if written < new.len() && (is_at_end || only_nulls_follow(file, self.read.offset + new.len() as u64)?) {
            new = &new[..written];
            is_at_end = true;
        }
        if is_at_end {
            self.stamp = Some(stamp);
        }
        if !new.is_empty() {
            self.last_growth = now.at;
            self.take(new, now, &stamp, out);
        }
        Ok(if is_at_end { Turn::AtEnd } else { Turn::More })
    }

    /// Length of `bytes` without NULs at their end. Where every other byte is one anyway, only a long run counts.
    fn written_len(&self, bytes: &[u8]) -> usize {
        let written = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        match self.job.handle.decoding.encoding.unit_len() {
            1 => written,
            _ if bytes.len() - written < MIN_UNWRITTEN as usize => bytes.len(),
            unit => written + (unit - (self.read.offset as usize + written) % unit) % unit,
        }
    }

    fn take(&mut self, new: &[u8], now: Moment, stamp: &Stamp, out: &mut Vec<Pending>) {
        let time = TimeContext { zone: self.job.time.zone, mtime_us: stamp.mtime_us(), now_us: now.wall_us };
        self.job.time = time;
        if self.parser.is_none() {
            let file = self.file.as_ref().expect("open");
            let start = Start::new(&self.job, self.parsed_to, || bytes_around(file, self.parsed_to, stamp.len));
            self.parser = Some(start.parser);
            self.is_continued = start.is_continued;
        }
        self.read.advance(new);
        self.rest.extend_from_slice(new);
        self.open_is_noted = false;
        let Some(parser) = &mut self.parser else { return };
        parser.set_time(time);
        let mut at = 0;
        let mut block = ParsedBlock::default();
        let failure = loop {
            match next_block(parser, &self.rest[at..], false, &mut block) {
                Ok(Step::Block) => {
                    if mem::take(&mut self.is_continued) {
                        block.events[0].flags.insert(EventFlags::CONTINUED);
                    }
                    let end = at + block.len;
                    let (offset, bytes) = (self.parsed_to + at as u64, self.rest[at..end].to_vec());
                    self.n_events += block.events.len() as u64;
                    out.push(Pending::events(&self.job.handle, offset, bytes, mem::take(&mut block)));
                    at = end;
                }
                Ok(Step::Gap { len }) => {
                    out.push(Pending::gap(&self.job.handle, self.parsed_to + at as u64, len as u64));
                    at += len;
                }
                Ok(Step::NeedMore) => break None,
                Err(message) => break Some(FileError::Internal { offset: self.parsed_to + at as u64, message }),
            }
        };
        self.parsed_to += at as u64;
        self.rest.drain(..at);
        if self.rest.capacity() > 4 * self.rest.len() + 4096 {
            self.rest.shrink_to_fit();
        }
        if let Some(error) = failure {
            self.error = Some((error, now.at));
        }
    }

    /// Notes the open event as it is now, for searches.
    pub(super) fn note_open_event(&mut self, out: &mut Vec<Pending>) {
        if mem::replace(&mut self.open_is_noted, true) || self.rest.is_empty() {
            return;
        }
        // The parser itself must not learn that the event is taken for whole.
        let Some(mut parser) = self.parser.clone() else { return };
        if let Ok(Some(open)) =
            Provisional::parse(&self.job.handle, self.parsed_to, &self.rest, &mut parser, self.is_continued)
        {
            out.extend(
                open.into_blocks()
                    .map(|(offset, bytes, parsed)| Pending::open(&self.job.handle, offset, bytes, parsed)),
            );
        }
    }

    /// Takes the open event for whole. What comes behind it is an event of its own, flagged as continued.
    pub(super) fn close_event(&mut self, out: &mut Vec<Pending>) {
        if self.rest.is_empty() {
            return;
        }
        if let Some(parser) = &mut self.parser
            && let Ok(Some(last)) =
                Provisional::parse(&self.job.handle, self.parsed_to, &self.rest, parser, self.is_continued)
        {
            for (offset, bytes, parsed) in last.into_blocks() {
                self.n_events += parsed.events.len() as u64;
                out.push(Pending::events(&self.job.handle, offset, bytes, parsed));
            }
        }
        self.parsed_to += self.rest.len() as u64;
        self.rest = Vec::new();
        self.open_is_noted = true;
        self.forget_parser();
    }

    /// The open event as a whole one; the follower itself is left as it is.
    pub(super) fn closed_event(&self) -> Vec<Pending> {
        let Some(mut parser) = self.parser.clone() else { return Vec::new() };
        let last = Provisional::parse(&self.job.handle, self.parsed_to, &self.rest, &mut parser, self.is_continued)
            .ok()
            .flatten();
        let blocks = last.into_iter().flat_map(Provisional::into_blocks);
        blocks.map(|(offset, bytes, parsed)| Pending::events(&self.job.handle, offset, bytes, parsed)).collect()
    }

    /// The next byte is read with a look at what stands before it.
    fn forget_parser(&mut self) {
        if let Some(parser) = self.parser.take() {
            self.job.read_before.last_time_us = parser.last_time_us();
            self.job.read_before.header = parser.header().cloned();
        }
        self.job.read_before.committed = iter::once(0..self.parsed_to).collect();
        self.is_continued = false;
    }

    /// What was read of the file is durable up to its last whole event.
    pub(super) fn note_durable(&mut self) {
        let n_open = self.rest.len();
        let behind = self.read.tail.len().saturating_sub(n_open);
        if n_open < self.read.tail.len() {
            self.durable.tail.clone_from(&self.read.tail);
            self.durable.tail.truncate(behind);
        } else {
            // All that is remembered belongs to the open event: nothing to compare with before it is whole.
            self.durable.tail.clear();
        }
        self.durable.offset = self.parsed_to;
    }

    /// Forgets what was read and is not durable: it is read again.
    pub(super) fn roll_back(&mut self) {
        self.read = self.durable.clone();
        self.parsed_to = self.durable.offset;
        self.rest = Vec::new();
        self.open_is_noted = true;
        self.parser = None;
        self.job.read_before = ReadBefore {
            committed: iter::once(0..self.durable.offset).collect(),
            last_time_us: None,
            header: self.job.read_before.header.clone(),
        };
        self.is_continued = false;
        self.stamp = None;
    }
}
