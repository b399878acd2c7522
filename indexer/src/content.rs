//! The content of a file, whatever it is packed in: opened, looked at, compared.

use crate::compression::{Compression, MAGIC_LEN};
use crate::discovery::FileMeta;
use crate::error::FileError;
use crate::identity::Content;
use crate::progress::Progress;
use crate::read::{BufferedWindow, Window, read_at_most};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Buffer in front of a decoder: a few system calls per MiB.
const READ_BUFFER_LEN: usize = 128 << 10;

/// Opens a regular file for reading. It may have been exchanged for a pipe since it was found; opening never waits for a
/// writer.
///
/// # Errors
/// If it cannot be opened.
pub(crate) fn open(path: &Path) -> io::Result<(File, FileMeta)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let meta = FileMeta::from(&metadata);
    Ok((file, meta))
}

/// How the content of a file is packed, by its first bytes.
///
/// # Errors
/// If they cannot be read.
pub(crate) fn detect_compression(file: &File) -> io::Result<Option<Compression>> {
    let mut magic = [0; MAGIC_LEN];
    let n_read = read_at_most(file, &mut magic, 0)?;
    Ok(Compression::detect(&magic[..n_read]))
}

/// The content of a compressed file as a stream from its beginning.
///
/// # Errors
/// If the decoder cannot get memory.
pub(crate) fn decode<'p>(
    file: impl Read + Send + 'p,
    compression: Compression,
    progress: Option<&'p Progress>,
) -> io::Result<Box<dyn Read + Send + 'p>> {
    compression.decoder(BufReader::with_capacity(READ_BUFFER_LEN, Counted { inner: file, progress }))
}

/// A file from its beginning, wherever others are in it.
struct FromStart<'f> {
    file: &'f File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n_read = self.file.read_at(out, self.at)?;
        self.at += n_read as u64;
        Ok(n_read)
    }
}

/// Counts what is read as progress.
struct Counted<'p, R> {
    inner: R,
    progress: Option<&'p Progress>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n_read = self.inner.read(out)?;
        if let Some(progress) = self.progress {
            progress.add_done_bytes(n_read as u64);
        }
        Ok(n_read)
    }
}

/// A plain file.
pub(crate) struct PlainContent<'f> {
    pub(crate) file: &'f File,
    /// Where the content ends; what lies behind is never shown.
    pub(crate) len: u64,
}

impl Content for PlainContent<'_> {
    fn read(&mut self, start: u64, len: usize) -> io::Result<Vec<u8>> {
        let len = self.len.saturating_sub(start).min(len as u64);
        let mut bytes = vec![0; len as usize];
        let n_read = read_at_most(self.file, &mut bytes, start)?;
        bytes.truncate(n_read);
        Ok(bytes)
    }

    fn known_len(&self) -> Option<u64> {
        Some(self.len)
    }
}

/// A compressed file. Reads forward, and begins anew for what lies before.
pub(crate) struct CompressedContent<'c> {
    /// Opened once: rotation may give its name to another file while it is read.
    file: &'c File,
    compression: Compression,
    /// Offset of the first byte not yet passed, and the stream from there.
    stream: Option<(u64, Box<dyn Read + Send + 'c>)>,
    len: Option<u64>,
    /// Why the content ends where it does, if that is damage.
    damage: Option<io::Error>,
    /// The last bytes passed, for a question about the end that comes after reading met it.
    recent: Recent,
}

impl<'c> CompressedContent<'c> {
    pub(crate) fn new(file: &'c File, compression: Compression) -> Self {
        Self { file, compression, stream: None, len: None, damage: None, recent: Recent::default() }
    }

    /// The damage that reading has met.
    pub(crate) fn into_damage(self) -> Option<FileError> {
        let offset = self.len.unwrap_or(0);
        self.damage.map(|source| FileError::Damaged { offset, source })
    }

    /// Whether there is a byte at `offset`.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn reaches(&mut self, offset: u64) -> io::Result<bool> {
        Ok(!self.read(offset, 1)?.is_empty())
    }
}

impl Content for CompressedContent<'_> {
    fn read(&mut self, start: u64, len: usize) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.recent.get(start, len, self.len) {
            return Ok(bytes);
        }
        let (mut at, mut stream) = match self.stream.take().filter(|&(at, _)| at <= start) {
            Some(stream) => stream,
            None => {
                self.recent = Recent::default();
                (0, decode(FromStart { file: self.file, at: 0 }, self.compression, None)?)
            }
        };
        let mut piece = vec![0; 64 << 10];
        let mut bytes = Vec::with_capacity(len);
        let end = start + len as u64;
        while at < end {
            let wanted = piece.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            match stream.read(&mut piece[..wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome @ (Ok(0) | Err(_)) => {
                    self.len = Some(at);
                    self.damage = outcome.err();
                    break;
                }
                Ok(n_read) => {
                    let passed = &piece[..n_read];
                    self.recent.push(passed, at + n_read as u64);
                    let from = start.saturating_sub(at).min(n_read as u64) as usize;
                    bytes.extend_from_slice(&passed[from..]);
                    at += n_read as u64;
                }
            }
        }
        self.stream = Some((at, stream));
        Ok(bytes)
    }

    fn known_len(&self) -> Option<u64> {
        self.len
    }
}

/// The last bytes that a stream gave.
#[derive(Default)]
struct Recent {
    bytes: Vec<u8>,
    end: u64,
}

impl Recent {
    /// More than is ever compared at once.
    const LEN: usize = 4 << 10;

    fn push(&mut self, bytes: &[u8], end: u64) {
        self.bytes.extend_from_slice(&bytes[bytes.len().saturating_sub(Self::LEN)..]);
        let surplus = self.bytes.len().saturating_sub(Self::LEN);
        self.bytes.drain(..surplus);
        self.end = end;
    }

    /// The bytes from `start` on, if they are here: `len` of them, or all up to the end of the content.
    fn get(&self, start: u64, len: usize, content_len: Option<u64>) -> Option<Vec<u8>> {
        let end = (start + len as u64).min(content_len.unwrap_or(u64::MAX));
        let first = self.end - self.bytes.len() as u64;
        let is_here = first <= start && start <= end && end <= self.end;
        is_here.then(|| self.bytes[(start - first) as usize..(end - first) as usize].to_vec())
    }
}

/// The first bytes of a content, as many as there are up to `len`; those before damage if there is damage.
///
/// # Errors
/// If the file cannot be opened.
pub(crate) fn read_head(path: &Path, compression: Option<Compression>, len: usize) -> io::Result<Vec<u8>> {
    let (file, meta) = open(path)?;
    match compression {
        Some(compression) => CompressedContent::new(&file, compression).read(0, len),
        None => PlainContent { file: &file, len: meta.len }.read(0, len),
    }
}

/// The format of a stream that cannot be read twice, by its first bytes, and the whole stream.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn unpack<'r>(
    mut input: impl Read + Send + 'r,
) -> io::Result<(Option<Compression>, Box<dyn Read + Send + 'r>)> {
    let mut magic = Vec::new();
    (&mut input).take(MAGIC_LEN as u64).read_to_end(&mut magic)?;
    let compression = Compression::detect(&magic);
    let whole = io::Cursor::new(magic).chain(input);
    let stream = match compression {
        Some(compression) => compression.decoder(BufReader::with_capacity(READ_BUFFER_LEN, whole))?,
        None => Box::new(whole),
    };
    Ok((compression, stream))
}

/// The first bytes of a stream, as many as there are up to `len`, without consuming them; those before damage if there is
/// damage.
///
/// # Errors
/// If the stream fails before its first byte.
pub(crate) fn peek_head<'w, R: Read>(window: &'w mut BufferedWindow<'_, R>, len: usize) -> io::Result<&'w [u8]> {
    let failure = window.peek(len).err();
    let bytes = window.bytes();
    match failure {
        Some(error) if bytes.is_empty() => Err(error),
        _ => Ok(&bytes[..bytes.len().min(len)]),
    }
}
