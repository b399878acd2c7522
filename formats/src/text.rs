//! From bytes to searchable text: one pure function for tokenizer, verifier, regexes, extraction and oracle alike.
//!
//! Raw output and evidence use the bytes of an event; everything that *reads* an event uses [`text`] of them.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2, memmem};

use crate::wrapper;

const ESC: u8 = 0x1b;
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// How the bytes of a source stand for characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Encoding {
    /// UTF-8 or ASCII. Invalid bytes are kept as they are.
    #[default]
    Utf8,
    /// UTF-16, low byte first, as Windows writes it.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// One byte per character: windows-1252, the superset of ISO 8859-1 that the web calls latin1.
    Latin1,
}

/// What a container runtime puts around each line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Wrapper {
    /// Nothing.
    #[default]
    None,
    /// Docker's json-file driver: `{"log":"…\n","stream":"stdout","time":"…"}`.
    DockerJson,
    /// The Kubernetes container runtime interface: `2026-11-20T14:05:00.1Z stdout F …`.
    Cri,
}

/// How the bytes of a source become text: part of what is remembered about a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Decoding {
    /// The character encoding.
    pub encoding: Encoding,
    /// The envelope around each line.
    pub wrapper: Wrapper,
}

impl Decoding {
    /// Returns the persistent form: encoding in the low four bits, wrapper in the high ones.
    pub fn to_u8(self) -> u8 {
        let encoding = match self.encoding {
            Encoding::Utf8 => 0,
            Encoding::Utf16Le => 1,
            Encoding::Utf16Be => 2,
            Encoding::Latin1 => 3,
        };
        let wrapper = match self.wrapper {
            Wrapper::None => 0,
            Wrapper::DockerJson => 1,
            Wrapper::Cri => 2,
        };
        wrapper << 4 | encoding
    }

    /// Reads the persistent form back; `None` if it was not written by [`Decoding::to_u8`].
    pub fn from_u8(code: u8) -> Option<Self> {
        let encoding = match code & 0xf {
            0 => Encoding::Utf8,
            1 => Encoding::Utf16Le,
            2 => Encoding::Utf16Be,
            3 => Encoding::Latin1,
            _ => return None,
        };
        let wrapper = match code >> 4 {
            0 => Wrapper::None,
            1 => Wrapper::DockerJson,
            2 => Wrapper::Cri,
            _ => return None,
        };
        Some(Self { encoding, wrapper })
    }
}

impl Encoding {
    /// Returns the size of a code unit in bytes.
    pub fn unit_len(self) -> usize {
        match self {
            Self::Utf8 | Self::Latin1 => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
        }
    }
}

/// Returns the searchable text of one event.
///
/// Decodes to UTF-8, strips the byte order mark, drops the final line end and all carriage returns that stand before a
/// line feed or the end, drops the terminal's colour codes (`ESC [ … m`, and `ESC [ … K` that tools print beside them)
/// and unwraps container lines: the message of each stream whole (partial lines joined), streams in order of first
/// appearance and joined by a line feed. UTF-8 input passes invalid bytes through unchanged, so the result is bytes.
///
/// Borrows when nothing changes but the ends. Cost: one scan for carriage returns and escape characters.
pub fn text(bytes: &[u8], decoding: Decoding) -> Cow<'_, [u8]> {
    let decoded = decode(bytes, decoding.encoding);
    let unwrapped = match decoding.wrapper {
        Wrapper::None => decoded,
        wrapper => Cow::Owned(wrapper::unwrap(&decoded, wrapper)),
    };
    match unwrapped {
        Cow::Borrowed(bytes) => clean(bytes),
        Cow::Owned(bytes) => Cow::Owned(clean(&bytes).into_owned()),
    }
}

/// Returns whether, for any cut of `block` into events, [`text`] of each event is its bytes but for line ends and
/// carriage returns: UTF-8 without wrapper, escape character and byte order mark.
pub fn is_plain(block: &[u8], decoding: Decoding) -> bool {
    decoding == Decoding::default() && memchr(ESC, block).is_none() && memmem::find(block, UTF8_BOM).is_none()
}

/// Decodes to UTF-8 and strips the byte order mark.
pub(crate) fn decode(bytes: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    let decoder = match encoding {
        Encoding::Utf8 => return Cow::Borrowed(bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes)),
        Encoding::Utf16Le => encoding_rs::UTF_16LE,
        Encoding::Utf16Be => encoding_rs::UTF_16BE,
        Encoding::Latin1 => encoding_rs::WINDOWS_1252,
    };
    match decoder.decode_with_bom_removal(bytes).0 {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Drops the final line end, carriage returns before line ends, and colour codes.
fn clean(text: &[u8]) -> Cow<'_, [u8]> {
    let text = trim_line_end(text);
    if memchr2(b'\r', ESC, text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    for line in lines(text) {
        strip_colour(line, &mut out);
        if line.ends_with(b"\n") {
            trim_carriage_returns(&mut out);
            out.push(b'\n');
        }
    }
    trim_carriage_returns(&mut out);
    Cow::Owned(out)
}

/// Returns `text` without one final line end and the carriage returns before it.
pub(crate) fn trim_line_end(text: &[u8]) -> &[u8] {
    let mut text = text.strip_suffix(b"\n").unwrap_or(text);
    while let [rest @ .., b'\r'] = text {
        text = rest;
    }
    text
}

/// Returns the lines of `text`, each with its line feed.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr_iter(b'\n', text).map(|at| at + 1);
    ends.chain((!text.is_empty() && !text.ends_with(b"\n")).then_some(text.len())).map(move |end| {
        let line = &text[start..end];
        start = end;
        line
    })
}

fn trim_carriage_returns(out: &mut Vec<u8>) {
    while out.last() == Some(&b'\r') {
        out.pop();
    }
}

/// Appends `line` without its line feed and colour codes.
fn strip_colour(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line.strip_suffix(b"\n").unwrap_or(line);
    while let Some(at) = memchr(ESC, rest) {
        out.extend_from_slice(&rest[..at]);
        let code = colour_code_len(&rest[at..]);
        if code == 0 {
            out.push(ESC);
        }
        rest = &rest[at + code.max(1)..];
    }
    out.extend_from_slice(rest);
}

/// Returns the length of the colour or erase-line code that `text`, an escape character, begins with; 0 if none.
///
/// Grammar (ECMA-48): `ESC [`, parameter bytes, then `m` (select graphic rendition) or `K` (erase in line).
fn colour_code_len(text: &[u8]) -> usize {
    let Some(parameters) = text.strip_prefix(b"\x1b[") else { return 0 };
    match parameters.iter().position(|b| !matches!(b, b'0'..=b'?')) {
        Some(n) if matches!(parameters[n], b'm' | b'K') => n + 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: Decoding = Decoding { encoding: Encoding::Utf8, wrapper: Wrapper::None };

    fn check(bytes: &[u8], encoding: Encoding, expected: &[u8]) {
        let text = text(bytes, Decoding { encoding, wrapper: Wrapper::None });
        assert_eq!(text.as_ref(), expected, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn utf8_loses_line_ends_and_colour_only() {
        let utf8 = |bytes: &[u8], expected: &[u8]| check(bytes, Encoding::Utf8, expected);
        utf8(b"", b"");
        utf8(b"\n", b"");
        utf8(b"a\n", b"a");
        utf8(b"a\r\n", b"a");
        utf8(b"a\r\r\n", b"a");
        utf8(b"a\r", b"a");
        utf8(b"a\n\n", b"a\n");
        utf8(b"a\r\nb\r\n", b"a\nb");
        utf8(b"a\rb\n", b"a\rb");
        utf8(b"\xef\xbb\xbfa\n", b"a");
        utf8(b"bad \xff\xfe bytes\n", b"bad \xff\xfe bytes");
        utf8(b"nul \0 byte\n", b"nul \0 byte");
        utf8(b"\x1b[1;31mred\x1b[0m text\x1b[m\x1b[K\n", b"red text");
        utf8(b"\x1b[31mred\x1b[0m\r\n", b"red");
        utf8(b"\x1b[2Jkept \x1bx \x1b[", b"\x1b[2Jkept \x1bx \x1b[");
    }

    #[test]
    fn borrows_when_nothing_changes() {
        assert!(matches!(text(b"plain line\r\n", UTF8), Cow::Borrowed(b"plain line")));
        assert!(matches!(text(b"a\nb\n", UTF8), Cow::Borrowed(b"a\nb")));
    }

    #[test]
    fn other_encodings_become_utf8() {
        check(b"\xff\xfeG\0r\0\xf6\0\r\0\n\0", Encoding::Utf16Le, "Grö".as_bytes());
        check(b"G\0r\0\xf6\0\n\0", Encoding::Utf16Le, "Grö".as_bytes());
        check(b"\xfe\xff\0G\0r\0\xf6\0\n", Encoding::Utf16Be, "Grö".as_bytes());
        check(b"Gr\xf6\xdfe \x80\r\n", Encoding::Latin1, "Größe €".as_bytes());
        check(b"\x00\xd8A\0\n\0", Encoding::Utf16Le, "\u{fffd}A".as_bytes());
    }

    #[test]
    fn plain_blocks_need_no_conversion() {
        assert!(is_plain(b"a\r\nb \xc3\xa9\n", UTF8));
        assert!(!is_plain(b"a\x1b[0m\n", UTF8));
        assert!(!is_plain(b"\xef\xbb\xbfa\n", UTF8));
        assert!(!is_plain(b"a\n", Decoding { encoding: Encoding::Latin1, wrapper: Wrapper::None }));
    }

    #[test]
    fn decoding_survives_its_persistent_form() {
        for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Latin1] {
            for wrapper in [Wrapper::None, Wrapper::DockerJson, Wrapper::Cri] {
                let decoding = Decoding { encoding, wrapper };
                assert_eq!(Decoding::from_u8(decoding.to_u8()), Some(decoding));
            }
        }
        assert_eq!(Decoding::from_u8(0x0f), None);
        assert_eq!(Decoding::from_u8(0xf0), None);
    }
}
