//! Line ends, NUL runs and cut points in the bytes at hand.

use memchr::memchr;

use crate::text::Encoding;
use crate::token::is_token_byte;

/// A run of so many NULs is not text but a hole: a crash left it, or a sparse copy.
const MIN_GAP: usize = 4096;

/// The bytes at hand, from some event start on.
pub(super) struct Lines<'b> {
    pub(super) bytes: &'b [u8],
    /// No more bytes will come.
    pub(super) at_end: bool,
    pub(super) encoding: Encoding,
    /// A line longer than this is cut.
    pub(super) max_len: usize,
}

/// Where a line ends. Offsets count from the beginning of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LineEnd {
    /// After its line feed.
    Terminated(usize),
    /// Without line feed, before a NUL run or at the end of the source.
    Open(usize),
    /// Not within the length allowed.
    TooLong,
    /// Not within the bytes at hand.
    Unknown,
}

/// What NULs at a line start mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gap {
    /// There are none, or too few: they are text.
    None,
    /// They reach the end of the bytes at hand and may become enough.
    Undecided,
    /// They are skipped.
    Run {
        /// How many.
        len: usize,
        /// The run may go on behind the bytes at hand.
        open: bool,
    },
}

impl Lines<'_> {
    /// Finds the end of the line that begins at `start`. The view is always that of `max_len` bytes, or all there will
    /// be, so that the answer does not depend on how the bytes were fed.
    #[inline]
    pub(super) fn end_of_line(&self, start: usize) -> LineEnd {
        let unit_len = self.encoding.unit_len();
        let rest = &self.bytes[start..];
        let view = &rest[..rest.len().min(self.max_len - self.max_len % unit_len)];
        let terminated = if unit_len == 1 { memchr(b'\n', view).map(|at| at + 1) } else { self.wide_line_end(view) };
        let line = &view[..terminated.unwrap_or(view.len())];
        if line.len() >= MIN_GAP
            && let Some(gap) = find_gap(line, unit_len)
        {
            return LineEnd::Open(start + gap);
        }
        match terminated {
            Some(end) => LineEnd::Terminated(start + end),
            // The unit behind the view has a say in where to cut, so it must be there whole.
            None if rest.len() >= view.len() + if self.at_end { 1 } else { unit_len } => LineEnd::TooLong,
            None if self.at_end => LineEnd::Open(start + rest.len()),
            None => LineEnd::Unknown,
        }
    }

    /// Returns the end of the first UTF-16 line feed, which stands at an even offset.
    fn wide_line_end(&self, view: &[u8]) -> Option<usize> {
        let line_feed = match self.encoding {
            Encoding::Utf16Be => [0, b'\n'],
            _ => [b'\n', 0],
        };
        memchr::memchr_iter(b'\n', view)
            .map(|at| at & !1)
            .find(|&at| view.get(at..at + 2) == Some(&line_feed))
            .map(|at| at + 2)
    }

    /// Finds out what NULs at `start` mean. `open`: the bytes before them belong to a gap.
    #[inline]
    pub(super) fn gap_at(&self, start: usize, open: bool) -> Gap {
        let rest = &self.bytes[start..];
        if rest.first() != Some(&0) {
            return Gap::None;
        }
        let n_nuls = rest.iter().position(|&b| b != 0).unwrap_or(rest.len());
        let may_go_on = n_nuls == rest.len() && !self.at_end;
        let len = n_nuls - n_nuls % self.encoding.unit_len();
        if len > 0 && (open || len >= MIN_GAP) {
            Gap::Run { len, open: may_go_on }
        } else if may_go_on {
            Gap::Undecided
        } else {
            Gap::None
        }
    }

    /// Finds where to cut a line that is too long: behind white space near the limit, else at a token boundary, else
    /// between characters.
    pub(super) fn cut_point(&self, start: usize) -> usize {
        /// How far back from the limit a boundary is looked for. A token longer than this is no word.
        const BACK: usize = 4096;
        let unit_len = self.encoding.unit_len();
        let limit = self.max_len - self.max_len % unit_len;
        let lowest = limit.saturating_sub(BACK).max(limit / 2);
        let unit = |at: usize| self.unit(start + at);
        let candidates = || (lowest..=limit).rev().filter(|at| at % unit_len == 0 && *at > 0);
        // A carriage return and its line feed stay together, a backslash and what it escapes too.
        let splits_pair = |at: usize| matches!((unit(at - unit_len), unit(at)), (0x0d, 0x0a) | (0x5c, _));
        let is_token = |unit: u16| u8::try_from(unit).map_or(true, is_token_byte);
        let after_space = |at: &usize| matches!(unit(at - unit_len), 0x20 | 0x09 | 0x0a);
        let splits_token = |at: usize| is_token(unit(at - unit_len)) && is_token(unit(at));
        let boundary = |at: &usize| !splits_token(*at) && !splits_pair(*at);
        let starts_character = |at: &usize| match self.encoding {
            Encoding::Utf8 => unit(*at) & 0xc0 != 0x80,
            Encoding::Utf16Le | Encoding::Utf16Be => unit(*at) & 0xfc00 != 0xdc00,
            Encoding::Latin1 => true,
        };
        let found = candidates().find(after_space).or_else(|| candidates().find(boundary));
        start + found.or_else(|| candidates().take(4).find(starts_character)).unwrap_or(limit)
    }

    /// Returns the code unit at `at`, which lies within the bytes.
    fn unit(&self, at: usize) -> u16 {
        let low = self.bytes[at];
        let high = || self.bytes.get(at + 1).copied().unwrap_or(0);
        match self.encoding {
            Encoding::Utf8 | Encoding::Latin1 => low.into(),
            Encoding::Utf16Le => u16::from_le_bytes([low, high()]),
            Encoding::Utf16Be => u16::from_be_bytes([low, high()]),
        }
    }
}

/// Returns where the first gap in a line begins.
///
/// A run of at least `MIN_GAP` NULs covers one of the positions that lie `MIN_GAP` apart, so only those are looked at.
fn find_gap(line: &[u8], unit_len: usize) -> Option<usize> {
    (MIN_GAP - 1..line.len()).step_by(MIN_GAP).filter(|&at| line[at] == 0).find_map(|at| {
        let start = line[..at].iter().rposition(|&b| b != 0).map_or(0, |before| before + 1);
        let start = start.next_multiple_of(unit_len);
        let end = at + line[at..].iter().position(|&b| b != 0).unwrap_or(line.len() - at);
        (end.saturating_sub(start) / unit_len * unit_len >= MIN_GAP).then_some(start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], at_end: bool, encoding: Encoding) -> Lines<'_> {
        Lines { bytes, at_end, encoding, max_len: 8192 }
    }

    #[test]
    fn line_ends() {
        let check = |bytes: &[u8], at_end: bool, encoding: Encoding, expected: LineEnd| {
            assert_eq!(lines(bytes, at_end, encoding).end_of_line(0), expected, "{bytes:?}");
        };
        check(b"ab\ncd", false, Encoding::Utf8, LineEnd::Terminated(3));
        check(b"ab", false, Encoding::Utf8, LineEnd::Unknown);
        check(b"ab", true, Encoding::Utf8, LineEnd::Open(2));
        check(&[b'a'; 9000], false, Encoding::Utf8, LineEnd::TooLong);
        // U+0A0D and U+0D0A hold the bytes of a line feed but are none.
        check(b"\x0d\x0a\x0a\x0d\x0a\0x\0", false, Encoding::Utf16Le, LineEnd::Terminated(6));
        check(b"\x0a\x0d\x0d\x0a\0\x0a\0x", false, Encoding::Utf16Be, LineEnd::Terminated(6));
        check(b"a\0\x0a", false, Encoding::Utf16Le, LineEnd::Unknown);
    }

    #[test]
    fn nul_runs_end_lines() {
        let mut bytes = b"abc".to_vec();
        bytes.resize(3 + MIN_GAP, 0);
        bytes.extend_from_slice(b"next\n");
        assert_eq!(lines(&bytes, false, Encoding::Utf8).end_of_line(0), LineEnd::Open(3));
        assert_eq!(lines(&bytes, false, Encoding::Utf8).gap_at(3, false), Gap::Run { len: MIN_GAP, open: false });
        // 3 is no code unit boundary: the gap begins at 4 and is too short by one unit.
        assert_eq!(lines(&bytes, true, Encoding::Utf16Le).gap_at(4, false), Gap::None);
        assert_eq!(lines(&[0; 100], false, Encoding::Utf8).gap_at(0, false), Gap::Undecided);
        assert_eq!(lines(&[0; 100], true, Encoding::Utf8).gap_at(0, false), Gap::None);
        assert_eq!(lines(&[0; 100], true, Encoding::Utf8).gap_at(0, true), Gap::Run { len: 100, open: false });
        assert_eq!(lines(&[0; 5000], false, Encoding::Utf8).gap_at(0, false), Gap::Run { len: 5000, open: true });
        assert_eq!(lines(b"\0A", true, Encoding::Utf16Be).gap_at(0, false), Gap::None);
    }

    #[test]
    fn cuts_stand_at_boundaries() {
        let cut = |text: &str, max_len: usize| {
            let lines = Lines { bytes: text.as_bytes(), at_end: false, encoding: Encoding::Utf8, max_len };
            text[..lines.cut_point(0)].to_owned()
        };
        assert_eq!(cut("hello my wonderful world", 14), "hello my ");
        assert_eq!(cut("one two three four", 15), "one two three ");
        assert_eq!(cut("a,b,c,d,e,f", 5), "a,b,c");
        assert_eq!(cut("abcdefghijkl", 6), "abcdef");
        assert_eq!(cut("aéééééé", 6), "aéé");
        assert_eq!(cut("abcde\r\nfg", 6), "abcde");
    }
}
