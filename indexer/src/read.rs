//! Views that move over a stretch of a source, for the parser to read from.
//!
//! A rotated file is memory-mapped: nobody truncates it. A file that may be truncated at any time is read with positioned
//! reads: touching a mapped page behind the new end would kill the process (SIGBUS). Compressed files and standard input
//! are streams. In each case the bytes are copied at most once, and memory does not grow with the file.

use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes that are brought into view at once: eight blocks of 128 KiB, so that the part carried over is small beside it.
const WINDOW_LEN: usize = 1 << 20;
/// Bytes that are mapped at once. Mapped pages count as memory of the process.
const MAP_LEN: u64 = 8 << 20;

/// A stretch of a source, some of which is in view.
pub(crate) trait Window {
    /// Offset in the source of the first byte in view.
    fn offset(&self) -> u64;

    /// What is in view.
    fn bytes(&self) -> &[u8];

    /// Whether the view reaches the end of the stretch.
    fn reaches_end(&self) -> bool;

    /// Moves the beginning of the view forward.
    fn consume(&mut self, len: usize);

    /// Brings more into view, unless the view [reaches the end](Self::reaches_end).
    ///
    /// # Errors
    /// If the source cannot be read any further; what is in view stays. [`io::ErrorKind::UnexpectedEof`] if a file has
    /// become shorter than the stretch.
    fn grow(&mut self) -> io::Result<()>;
}

/// A stretch of a file that nobody truncates.
pub(crate) struct MappedWindow<'f> {
    file: &'f File,
    /// What is mapped, from `map_start` on.
    map: Option<Mmap>,
    map_start: u64,
    /// From the first byte in view to the end of the stretch.
    rest: Range<u64>,
}

impl<'f> MappedWindow<'f> {
    pub(crate) fn new(file: &'f File, range: Range<u64>) -> Self {
        Self { file, map: None, map_start: range.start, rest: range }
    }

    fn map_end(&self) -> u64 {
        self.map_start + self.map.as_ref().map_or(0, |map| map.len() as u64)
    }
}

impl Window for MappedWindow<'_> {
    fn offset(&self) -> u64 {
        self.rest.start
    }

    fn bytes(&self) -> &[u8] {
        match &self.map {
            Some(map) => &map[(self.rest.start - self.map_start) as usize..],
            None => &[],
        }
    }

    fn reaches_end(&self) -> bool {
        self.map_end() == self.rest.end
    }

    fn consume(&mut self, len: usize) {
        self.rest.start += len as u64;
    }

    fn grow(&mut self) -> io::Result<()> {
        let in_view = self.map_end() - self.rest.start;
        let end = self.rest.end.min(self.rest.start + in_view + MAP_LEN);
        if self.file.metadata()?.len() < end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let len = usize::try_from(end - self.rest.start).map_err(io::Error::other)?;
        // All pages at once: coming one by one, they cost more than copying them by positioned reads would.
        let mut options = MmapOptions::new();
        options.offset(self.rest.start).len(len).populate();
        // SAFETY: the map is only read. Nobody truncates the file: it has a name that rotation gave it (see
        // `trawl_store::rotation::is_rotated`), or has not been written for long, and its length was checked just now.
        let map = unsafe { options.map(self.file)? };
        self.map_start = self.rest.start;
        self.map = Some(map);
        Ok(())
    }
}

/// A stream, read into a buffer that outlives it.
pub(crate) struct BufferedWindow<'b, R> {
    reader: R,
    buffer: &'b mut Vec<u8>,
    /// The part of the buffer that holds bytes not yet consumed.
    filled: Range<usize>,
    offset: u64,
    /// Where the stretch ends; `None` if at the end of the stream.
    end: Option<u64>,
    at_eof: bool,
    /// The error that ended the stream. A decoder is not asked again after one: it might take the damage for the end.
    failure: Option<(io::ErrorKind, String)>,
}

impl<'b, R: Read> BufferedWindow<'b, R> {
    /// A view of a stream whose first byte has the given offset.
    pub(crate) fn new(reader: R, buffer: &'b mut Vec<u8>, offset: u64) -> Self {
        if buffer.len() < WINDOW_LEN {
            buffer.resize(WINDOW_LEN, 0);
        }
        Self { reader, buffer, filled: 0..0, offset, end: None, at_eof: false, failure: None }
    }

    /// Ends the stretch at `end`, or at the end of the stream. What lies behind stays buffered for the next stretch.
    pub(crate) fn set_end(&mut self, end: Option<u64>) {
        self.end = end;
    }

    /// Passes over everything before `offset`. `false` if the stream ends before.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<bool> {
        self.end = None;
        loop {
            let missing = offset.saturating_sub(self.offset);
            let step = (self.filled.len() as u64).min(missing) as usize;
            self.consume(step);
            if self.offset >= offset {
                return Ok(true);
            }
            if self.at_eof {
                return Ok(false);
            }
            self.grow()?;
        }
    }

    /// The next bytes, as many as are there up to `len`, without consuming them.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub(crate) fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        while self.bytes().len() < len && !self.reaches_end() {
            self.grow()?;
        }
        let bytes = self.bytes();
        Ok(&bytes[..bytes.len().min(len)])
    }
}

impl<R: Read> Window for BufferedWindow<'_, R> {
    fn offset(&self) -> u64 {
        self.offset
    }

    fn bytes(&self) -> &[u8] {
        let bytes = &self.buffer[self.filled.clone()];
        match self.end {
            Some(end) => &bytes[..bytes.len().min(end.saturating_sub(self.offset) as usize)],
            None => bytes,
        }
    }

    fn reaches_end(&self) -> bool {
        self.at_eof || self.end.is_some_and(|end| self.offset + self.filled.len() as u64 >= end)
    }

    fn consume(&mut self, len: usize) {
        self.filled.start += len;
        self.offset += len as u64;
    }

    fn grow(&mut self) -> io::Result<()> {
        if let Some((kind, message)) = &self.failure {
            return Err(io::Error::new(*kind, message.clone()));
        }
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        if self.filled.end > self.buffer.len() / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while self.filled.end < self.buffer.len() && !self.reaches_end() {
            match self.reader.read(&mut self.buffer[self.filled.end..]) {
                Ok(0) => self.at_eof = true,
                Ok(n) => self.filled.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some((error.kind(), error.to_string()));
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// A stretch of a file as a stream, by positioned reads: several threads may read the same file.
pub(crate) struct RangeReader<'f> {
    file: &'f File,
    rest: Range<u64>,
}

impl<'f> RangeReader<'f> {
    pub(crate) fn new(file: &'f File, range: Range<u64>) -> Self {
        Self { file, rest: range }
    }
}

impl Read for RangeReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX).min(out.len());
        if wanted == 0 {
            return Ok(0);
        }
        let n = self.file.read_at(&mut out[..wanted], self.rest.start)?;
        if n == 0 {
            // The file has been truncated since its length was taken.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.rest.start += n as u64;
        Ok(n)
    }
}

/// Fills `out` from `offset` of a file, as far as the file goes; how many bytes it was.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_at_most(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut n_read = 0;
    while n_read < out.len() {
        match file.read_at(&mut out[n_read..], offset + n_read as u64) {
            Ok(0) => break,
            Ok(n) => n_read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file_of(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("temporary file");
        file.write_all(content).expect("write");
        file
    }

    fn numbers(len: usize) -> Vec<u8> {
        (0..).flat_map(|n: u32| n.to_le_bytes()).take(len).collect()
    }

    /// Reads a window to its end in steps of odd lengths.
    fn drain(window: &mut impl Window) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut step = 1;
        while !(window.reaches_end() && window.bytes().is_empty()) {
            if window.bytes().len() < step && !window.reaches_end() {
                let in_view = window.bytes().to_vec();
                window.grow()?;
                assert!(window.bytes().starts_with(&in_view));
            }
            let len = window.bytes().len().min(step);
            content.extend_from_slice(&window.bytes()[..len]);
            window.consume(len);
            step = step * 3 + 7;
        }
        Ok(content)
    }

    #[test]
    fn all_windows_show_the_same_bytes() {
        let content = numbers(5 << 20);
        let file = file_of(&content);
        for range in [0..content.len(), 0..0, 5..6, 4097..3_000_001, 1_000_000..content.len()] {
            let expected = &content[range.clone()];
            let range = range.start as u64..range.end as u64;
            let mut mapped = MappedWindow::new(&file, range.clone());
            assert_eq!(drain(&mut mapped).expect("readable"), expected);
            let mut buffer = Vec::new();
            let reader = RangeReader::new(&file, range.clone());
            let mut buffered = BufferedWindow::new(reader, &mut buffer, range.start);
            assert_eq!(drain(&mut buffered).expect("readable"), expected);
            assert_eq!(buffered.offset(), range.end);
        }
    }

    #[test]
    fn a_stream_is_cut_into_stretches() {
        let content = numbers(3_000_000);
        let mut buffer = Vec::new();
        let mut window = BufferedWindow::new(&content[..], &mut buffer, 0);
        assert_eq!(window.peek(10).expect("memory"), &content[..10]);
        for (start, end) in [(7, Some(100)), (100, Some(2_000_000)), (2_500_000, None)] {
            assert!(window.skip_to(start).expect("memory"));
            window.set_end(end);
            let end = end.unwrap_or(content.len() as u64) as usize;
            assert_eq!(drain(&mut window).expect("memory"), content[start as usize..end]);
        }
        assert!(!window.skip_to(3_000_001).expect("memory"));
    }

    #[test]
    fn a_file_that_shrinks_is_an_error_not_a_crash() {
        let content = numbers(2 << 20);
        let file = file_of(&content);
        let range = 0..content.len() as u64;
        let mut buffer = Vec::new();
        let mut buffered = BufferedWindow::new(RangeReader::new(&file, range.clone()), &mut buffer, 0);
        buffered.grow().expect("readable");
        file.set_len(100).expect("truncate");
        assert!(crate::error::is_shrunk(&drain(&mut buffered).expect_err("truncated")));
        assert!(crate::error::is_shrunk(&MappedWindow::new(&file, range).grow().expect_err("truncated")));
    }
}
