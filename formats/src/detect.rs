//! Detection: what a file is, from its first bytes.

use std::borrow::Cow;
use std::sync::Arc;

use regex::bytes::Regex;

use crate::extract::{columns, find_delimiter, leaves_quote_open, n_columns};
use crate::framing::Framing;
use crate::sourcetype::{Registry, Rules};
use crate::text::{Decoding, Encoding, Wrapper, lines, text};

/// How much of a file is looked at.
const MAX_HEAD: usize = 64 << 10;

/// What was found out about a file.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The rules of its sourcetype.
    pub rules: Arc<Rules>,
    /// How its bytes become text.
    pub decoding: Decoding,
    /// It is no text at all.
    pub is_binary: bool,
}

/// How a sourcetype is told from others.
#[derive(Debug)]
pub(crate) struct Detector {
    /// What an event's first line looks like; tables have none.
    pub(crate) line: Option<Regex>,
    /// The least share of such lines among those that could begin an event.
    pub(crate) min_share: f64,
    /// File names that make it likelier.
    pub(crate) file: Option<Regex>,
    /// The column separator of tables.
    pub(crate) delimiter: Option<char>,
}

/// Finds out what a file is.
pub(crate) fn detect(registry: &Registry, head: &[u8], file_name: &str) -> Detection {
    let is_whole = head.len() < MAX_HEAD;
    let head = &head[..head.len().min(MAX_HEAD)];
    let encoding = detect_encoding(head);
    let is_binary = is_binary(head, encoding);
    let rules =
        if is_binary { registry.generic() } else { detect_rules(registry, head, is_whole, encoding, file_name) };
    let decoding = Decoding { encoding, wrapper: rules.wrapper() };
    Detection { rules, decoding, is_binary }
}

/// Chooses the sourcetype: of those with their least share of matching lines the one of the highest priority; then the
/// larger share, then the name.
fn detect_rules(registry: &Registry, head: &[u8], is_whole: bool, encoding: Encoding, file_name: &str) -> Arc<Rules> {
    let decoding = Decoding { encoding, wrapper: Wrapper::None };
    // What follows the last line feed is a cut line, unless the file ends there or there is nothing else.
    let mut lines: Vec<Cow<'_, [u8]>> = raw_lines(head, encoding).map(|line| text(line, decoding)).collect();
    if !is_whole && lines.len() > 1 && !head.ends_with(b"\n") {
        lines.pop();
    }
    let candidates = registry.all().filter_map(|rules| {
        let detector = rules.detector.as_ref()?;
        let share = match &rules.framing {
            Framing::Csv => table_share(&lines, detector.delimiter),
            framing @ Framing::Columns { .. } if !begins_with_header(&lines, framing) => 0.0,
            framing => line_share(&lines, framing, detector.line.as_ref()?),
        };
        // A fitting name is evidence, but never enough.
        let named = detector.file.as_ref().is_some_and(|file| file.is_match(file_name.as_bytes()));
        let min_share = if named { detector.min_share / 2.0 } else { detector.min_share };
        (share > 0.0 && share >= min_share).then_some((rules, share))
    });
    let best = candidates.max_by(|(a, a_share), (b, b_share)| {
        let by_share = a_share.total_cmp(b_share);
        a.priority().cmp(&b.priority()).then(by_share).then_with(|| b.name().cmp(a.name()))
    });
    best.map_or_else(|| registry.generic(), |(rules, _)| Arc::clone(rules))
}

fn raw_lines(head: &[u8], encoding: Encoding) -> Box<dyn Iterator<Item = &[u8]> + '_> {
    if encoding.unit_len() == 1 {
        return Box::new(lines(head));
    }
    let line_feed: [u8; 2] = if encoding == Encoding::Utf16Be { [0, b'\n'] } else { [b'\n', 0] };
    let mut rest = head;
    Box::new(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.chunks_exact(2).position(|unit| unit == line_feed).map_or(rest.len(), |n| 2 * n + 2);
        let (line, tail) = rest.split_at(end);
        rest = tail;
        Some(line)
    }))
}

/// Whether the first line that is not blank describes those below it. In the middle of a log, a table is part of that log.
fn begins_with_header(lines: &[Cow<'_, [u8]>], framing: &Framing) -> bool {
    lines.iter().find(|line| !line.trim_ascii().is_empty()).is_some_and(|line| framing.is_header(line))
}

/// The share of lines that match among those that could begin an event.
fn line_share(lines: &[Cow<'_, [u8]>], framing: &Framing, pattern: &Regex) -> f64 {
    let mut n_starts = 0u32;
    let mut n_matches = 0u32;
    for line in lines.iter().filter(|line| framing.could_begin(line)) {
        n_starts += 1;
        n_matches += u32::from(pattern.is_match(line));
    }
    if n_starts == 0 { 0.0 } else { f64::from(n_matches) / f64::from(n_starts) }
}

/// 1 if the lines form a table: a first row of at least two distinct names, and as many columns in at least 90 % of the
/// rows below it, of which there is at least one.
fn table_share(lines: &[Cow<'_, [u8]>], delimiter: Option<char>) -> f64 {
    let rows = records(lines);
    let Some((header, rows)) = rows.split_first() else { return 0.0 };
    let delimiter = delimiter.map_or_else(|| find_delimiter(header), |delimiter| delimiter as u8);
    let names = columns(header, delimiter);
    let is_name = |name: &String| {
        let name = name.trim();
        // A name is short and has a letter first: a value of some log line seldom looks like that.
        name.len() <= 64 && name.starts_with(|c: char| c.is_alphabetic() || c == '_') && !name.contains(['=', ':', '{'])
    };
    let mut distinct: Vec<&String> = names.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if names.len() < 2 || distinct.len() < names.len() || !names.iter().all(is_name) || rows.is_empty() {
        return 0.0;
    }
    let n_fitting = rows.iter().filter(|row| n_columns(row, delimiter) == names.len()).count();
    if n_fitting * 10 >= rows.len() * 9 { 1.0 } else { 0.0 }
}

/// Joins lines to records: a quoted field may hold line ends.
fn records(lines: &[Cow<'_, [u8]>]) -> Vec<String> {
    let mut records = Vec::new();
    let mut record = String::new();
    let mut open = false;
    for line in lines {
        open = leaves_quote_open(line, open);
        record.push_str(&String::from_utf8_lossy(line));
        if open {
            record.push('\n');
        } else if !record.is_empty() {
            records.push(std::mem::take(&mut record));
        }
    }
    records
}

/// Finds out how the bytes stand for characters.
///
/// A byte order mark decides. Without one, UTF-16 shows in NULs on one side of each pair of bytes. The rest is UTF-8,
/// unless the lines with bytes ≥ 0x80 are invalid as UTF-8 and look like words in windows-1252 more often than they are
/// valid: a few bad bytes do not make a file Latin-1.
fn detect_encoding(head: &[u8]) -> Encoding {
    match head {
        [0xff, 0xfe, ..] => return Encoding::Utf16Le,
        [0xfe, 0xff, ..] => return Encoding::Utf16Be,
        [0xef, 0xbb, 0xbf, ..] => return Encoding::Utf8,
        _ => {}
    }
    utf16_by_nuls(head).unwrap_or_else(|| if looks_latin1(head) { Encoding::Latin1 } else { Encoding::Utf8 })
}

/// Recognises UTF-16 text in western letters: most bytes of one parity are NUL, hardly any of the other.
fn utf16_by_nuls(head: &[u8]) -> Option<Encoding> {
    let n_pairs = head.len() / 2;
    if n_pairs < 4 {
        return None;
    }
    let count = |parity: usize| head.iter().skip(parity).step_by(2).take(n_pairs).filter(|b| **b == 0).count();
    let (even, odd) = (count(0), count(1));
    let (most, hardly) = (n_pairs * 4 / 10, n_pairs / 20);
    if odd >= most && even <= hardly {
        Some(Encoding::Utf16Le)
    } else if even >= most && odd <= hardly {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

fn looks_latin1(head: &[u8]) -> bool {
    let mut n_valid = 0;
    let mut n_latin1 = 0;
    let mut n_invalid = 0;
    for line in lines(head).filter(|line| !line.is_ascii()) {
        match std::str::from_utf8(line) {
            Ok(_) => n_valid += 1,
            // The last line may be cut inside a character.
            Err(error) if error.error_len().is_none() && !line.ends_with(b"\n") => n_valid += 1,
            Err(_) => {
                n_invalid += 1;
                n_latin1 += usize::from(has_latin1_words(line));
            }
        }
    }
    n_latin1 > n_valid && n_latin1 * 10 >= n_invalid * 9
}

/// Returns whether each byte ≥ 0x80 reads well as windows-1252: a letter beside an ASCII letter, or a sign.
fn has_latin1_words(line: &[u8]) -> bool {
    let is_letter = |at: usize| line.get(at).is_some_and(u8::is_ascii_alphabetic);
    line.iter().enumerate().filter(|(_, b)| **b >= 0x80).all(|(at, b)| match b {
        0xc0..=0xff => is_letter(at + 1) || (at > 0 && is_letter(at - 1)),
        0xa0..=0xbf => true,
        // Unassigned in windows-1252.
        0x81 | 0x8d | 0x8f | 0x90 | 0x9d => false,
        _ => true,
    })
}

/// Recognises what is no log: by the magic number of common formats, or by control characters.
fn is_binary(head: &[u8], encoding: Encoding) -> bool {
    const MAGIC: &[&[u8]] = &[
        b"\x7fELF",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"\xfd7zXZ\0",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"%PDF-",
        b"\xca\xfe\xba\xbe",
        b"\xcf\xfa\xed\xfe",
        b"SQLite format 3\0",
        b"!<arch>\n",
        b"MZ\x90\0",
        b"7z\xbc\xaf\x27\x1c",
        b"LPKSHHRH",
        b"\0asm",
    ];
    if MAGIC.iter().any(|magic| head.starts_with(magic)) {
        return true;
    }
    if encoding.unit_len() == 2 {
        return false;
    }
    // NULs are counted once per run: a hole in a text file is no sign of a binary one.
    let is_control = |b: u8| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x08 | 0x1b);
    let n_text = head.iter().filter(|b| **b != 0).count();
    let n_control = head
        .iter()
        .enumerate()
        .filter(|(at, b)| is_control(**b) && (**b != 0 || *at == 0 || head[at - 1] != 0))
        .count();
    // One in twenty: the text logs with stray control characters seen so far stay far below, machine code far above.
    n_text > 0 && n_control * 20 > n_text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (head, expected) in [
            (&b"\xff\xfea\0"[..], Encoding::Utf16Le),
            (b"\xfe\xff\0a", Encoding::Utf16Be),
            (b"\xef\xbb\xbfa", Encoding::Utf8),
            (b"h\0e\0l\0l\0o\0 \0w\0\n\0", Encoding::Utf16Le),
            (b"\0h\0e\0l\0l\0o\0 \0w\0\n", Encoding::Utf16Be),
            ("Größe\nplain\n".as_bytes(), Encoding::Utf8),
            (b"Gr\xf6\xdfe\nStra\xdfe\nplain\n", Encoding::Latin1),
            (b"Gr\xc3\xb6\xc3\x9fe\nGr\xc3\xb6\nbad \xff\xfe\n", Encoding::Utf8),
            (b"plain\nbad \xff \xfe\n", Encoding::Utf8),
            (b"plain\ncut in a character \xc3", Encoding::Utf8),
            (b"", Encoding::Utf8),
        ] {
            assert_eq!(detect_encoding(head), expected, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn binaries() {
        for (head, expected) in [
            (&b"\x7fELF\x02\x01\x01"[..], true),
            (b"PK\x03\x04abc", true),
            (b"\x01\x02\x03\x04\x05\x06abc\0\x01", true),
            (b"plain text\n", false),
            (b"a\0b in a line of text that is long enough\n", false),
            (&[0; 5000], false),
            (b"", false),
        ] {
            assert_eq!(is_binary(head, detect_encoding(head)), expected, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn tables() {
        let check = |text: &str, delimiter: Option<char>, expected: bool| {
            let lines: Vec<Cow<'_, [u8]>> = text.lines().map(|line| Cow::Borrowed(line.as_bytes())).collect();
            assert_eq!(table_share(&lines, delimiter) > 0.0, expected, "{text}");
        };
        check("time,level,msg\n1,2,\"a,b\"\n", Some(','), true);
        check("time\tlevel\n1\t2\n", Some('\t'), true);
        check("time,msg\n1,\"a\nb\"\n2,c\n", Some(','), true);
        check("time,level\n", Some(','), false);
        check("time,time\n1,2\n", Some(','), false);
        check("1,2\n3,4\n", Some(','), false);
        check("hello, world of logs\nanother line\n", Some(','), false);
    }
}
