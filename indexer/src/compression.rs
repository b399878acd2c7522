//! Compressed files: known by their content, read as streams.
//!
//! Names are never asked: `app.log.gz` may have been unpacked in place, and `messages-20261120` may be compressed.

use flate2::bufread::GzDecoder;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// How many of the first bytes [`Compression::detect`] wants to see.
pub(crate) const MAGIC_LEN: usize = 10;
/// Most bytes that a decoder is asked for at once. Where a decoder meets damage, it forgets what it has decoded since it
/// was called: the smaller the piece, the less is lost in front of the damage.
const DECODE_LEN: usize = 32 << 10;
/// Bytes that are read of a file at once.
const READ_LEN: usize = 128 << 10;
/// Most memory that an xz file may demand for its dictionary, KiB. `xz -9` demands 64 MiB.
const XZ_MEMORY_KIB: u32 = 128 << 10;
/// Largest window of a zstd file, as a power of two: the default of the `zstd` tool, 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd,
    /// bzip2, any number of streams.
    Bzip2,
    /// xz, any number of streams.
    Xz,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        })
    }
}

impl Compression {
    /// The format of a file that begins with `magic`: the first ten bytes, or the whole file if it is shorter.
    pub fn detect(magic: &[u8]) -> Option<Self> {
        match magic {
            // Method 8 is the only one ever used; the upper flags are reserved and zero.
            [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Self::Gzip),
            // A frame, or a skippable frame in front of it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            // Level, then the magic number of a block or of the end of an empty stream.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// A stream of the content of `input`. Memory is bounded by the format's window, not by the content.
    ///
    /// # Errors
    /// If the decoder cannot get memory.
    pub(crate) fn decoder<'r>(self, input: impl BufRead + Send + 'r) -> io::Result<Box<dyn Read + Send + 'r>> {
        Ok(match self {
            Self::Gzip => Box::new(SmallReads(GzipMembers::new(input))),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(SmallReads(decoder))
            }
            Self::Bzip2 => Box::new(SmallReads(bzip2::bufread::MultiBzDecoder::new(input))),
            Self::Xz => Box::new(SmallReads(lzma_rust2::XzReader::new_mem_limit(input, true, XZ_MEMORY_KIB))),
        })
    }
}

/// The content of the file at `path` as a stream, decompressed if it is compressed.
///
/// # Errors
/// If it cannot be opened, or read as far as its compression shows.
pub fn open_content(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut input = BufReader::with_capacity(READ_LEN, File::open(path)?);
    // A short read of a pipe is not the end of it.
    let mut magic = Vec::new();
    (&mut input).take(MAGIC_LEN as u64).read_to_end(&mut magic)?;
    let compression = Compression::detect(&magic);
    let whole = BufReader::with_capacity(READ_LEN, io::Cursor::new(magic).chain(input));
    match compression {
        Some(compression) => compression.decoder(whole),
        None => Ok(Box::new(whole)),
    }
}

/// Passes reads on in pieces of [`DECODE_LEN`].
struct SmallReads<R>(R);

impl<R: Read> Read for SmallReads<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = out.len().min(DECODE_LEN);
        self.0.read(&mut out[..len])
    }
}

/// The members of a gzip file one after the other. Zeros behind the last one, as tapes and block devices leave them, are
/// passed over; anything else is an error, behind all that could be decoded.
///
/// (`flate2::bufread::MultiGzDecoder` does not tell garbage at the end from a damaged member.)
struct GzipMembers<R> {
    /// `None` after the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    fn new(input: R) -> Self {
        Self { member: Some(GzDecoder::new(input)) }
    }

    /// The next member; `None` at the end of the file.
    fn next_member(mut input: R) -> io::Result<Option<GzDecoder<R>>> {
        loop {
            let rest = input.fill_buf()?;
            match rest.first() {
                None => return Ok(None),
                Some(0x1f) => return Ok(Some(GzDecoder::new(input))),
                Some(0) => {
                    let n_zeros = rest.iter().take_while(|&&byte| byte == 0).count();
                    input.consume(n_zeros);
                }
                Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "garbage behind the last member")),
            }
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(out)? {
                0 => self.member = self.member.take().map(GzDecoder::into_inner).map_or(Ok(None), Self::next_member)?,
                n_read => return Ok(n_read),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const TEXT: &[u8] = b"2026-11-20 14:05:00 INFO one\n2026-11-20 14:05:01 INFO two\n";

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    fn bzip2(content: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    fn xz(content: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(6);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("memory");
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(content, 3).expect("memory")
    }

    /// The content up to the end or the damage, and whether there was damage.
    fn read(bytes: &[u8]) -> (Vec<u8>, bool) {
        let compression = Compression::detect(&bytes[..bytes.len().min(MAGIC_LEN)]).expect("a known magic number");
        let mut content = Vec::new();
        let outcome = compression.decoder(bytes).expect("memory").read_to_end(&mut content);
        (content, outcome.is_err())
    }

    #[test]
    fn each_format_is_known_and_read_also_in_several_parts() {
        for compress in [gzip, bzip2, xz, zstd] {
            let one = compress(TEXT);
            assert_eq!(read(&one), (TEXT.to_vec(), false));
            let two = [one.clone(), compress(b"three\n")].concat();
            assert_eq!(read(&two), ([TEXT, b"three\n"].concat(), false));
            let empty = compress(b"");
            assert_eq!(read(&empty), (Vec::new(), false));
        }
    }

    #[test]
    fn text_is_not_taken_for_compressed() {
        for text in [TEXT, b"", b"BZh9 is not bzip2", b"\x1f\x8b", b"\xfd7zX"] {
            assert_eq!(Compression::detect(&text[..text.len().min(MAGIC_LEN)]), None);
        }
    }

    #[test]
    fn what_comes_before_the_damage_is_kept() {
        // Incompressible enough for several blocks of each format.
        let mut state = 1_u32;
        let content: Vec<u8> = (0..3_000_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                b'a' + (state >> 27) as u8
            })
            .collect();
        for compress in [gzip, bzip2, xz, zstd] {
            let whole = compress(&content);
            let (kept, damaged) = read(&whole[..whole.len() * 3 / 4]);
            assert!(damaged);
            assert!(kept.len() > content.len() / 4, "{} of {}", kept.len(), content.len());
            assert_eq!(kept, content[..kept.len()]);
        }
    }

    #[test]
    fn padding_behind_gzip_is_passed_over_and_garbage_reported() {
        assert_eq!(read(&[&gzip(TEXT)[..], &[0; 700]].concat()), (TEXT.to_vec(), false));
        assert_eq!(read(&[&gzip(TEXT)[..], &[0; 700], &gzip(TEXT)].concat()), ([TEXT, TEXT].concat(), false));
        assert_eq!(read(&[&gzip(TEXT)[..], b"garbage"].concat()), (TEXT.to_vec(), true));
    }
}
