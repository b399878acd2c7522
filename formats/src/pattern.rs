//! Regular expressions of sourcetypes, with short cuts for the simple ones that run on every line.

use regex::bytes::{CaptureLocations, Regex, RegexBuilder};

/// Limits the memory of one compiled expression: user files must not be able to take the machine down.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles an expression over bytes: no Unicode classes unless `(?u)` asks for them, so that any bytes can be matched.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).size_limit(SIZE_LIMIT).build()
}

/// An expression that is asked whether a line matches.
///
/// `^\s|^Caused by|^\}` and the like, alternatives of an anchored first byte or literal, are decided by the first bytes
/// without the regex engine.
#[derive(Debug)]
pub(crate) struct LinePattern {
    regex: Regex,
    starts: Option<Starts>,
}

impl LinePattern {
    pub(crate) fn new(pattern: &str) -> Result<Self, regex::Error> {
        Ok(Self { regex: compile(pattern)?, starts: Starts::parse(pattern) })
    }

    #[inline]
    pub(crate) fn is_match(&self, line: &[u8]) -> bool {
        match &self.starts {
            Some(starts) => starts.is_match(line),
            None => self.regex.is_match(line),
        }
    }
}

/// An expression that stands before something: the end of its match is asked for.
#[derive(Debug)]
pub(crate) enum Prefix {
    /// `^`, `^\[`, `^\[?`: some bytes at the start of the line.
    Bytes(Vec<PrefixByte>),
    /// Anything else.
    Regex(Regex),
}

/// One byte of a simple prefix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefixByte {
    byte: u8,
    optional: bool,
}

impl Prefix {
    pub(crate) fn new(pattern: &str) -> Result<Self, regex::Error> {
        let regex = compile(pattern)?;
        Ok(pattern.strip_prefix('^').and_then(prefix_bytes).map_or(Self::Regex(regex), Self::Bytes))
    }

    /// Returns where the first match of the prefix ends.
    #[inline]
    pub(crate) fn match_end(&self, line: &[u8]) -> Option<usize> {
        match self {
            Self::Bytes(bytes) => {
                let mut at = 0;
                for PrefixByte { byte, optional } in bytes {
                    if line.get(at) == Some(byte) {
                        at += 1;
                    } else if !optional {
                        return None;
                    }
                }
                Some(at)
            }
            Self::Regex(regex) => regex.find(line).map(|found| found.end()),
        }
    }
}

/// Reads a pattern of plain bytes, each perhaps followed by `?`. Taking an optional byte whenever it is there is right
/// only if the byte after it is another one.
fn prefix_bytes(pattern: &str) -> Option<Vec<PrefixByte>> {
    let mut bytes: Vec<PrefixByte> = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let len = if rest.starts_with('\\') { 2 } else { 1 };
        let byte = *literal(rest.get(..len)?)?.first()?;
        rest = &rest[len..];
        if bytes.last().is_some_and(|last| last.optional && last.byte == byte) {
            return None;
        }
        let optional = rest.strip_prefix('?');
        rest = optional.unwrap_or(rest);
        bytes.push(PrefixByte { byte, optional: optional.is_some() });
    }
    Some(bytes)
}

/// An expression of which one named group is wanted.
#[derive(Debug)]
pub(crate) struct GroupPattern {
    regex: Regex,
    group: usize,
    spans_lines: bool,
}

impl GroupPattern {
    /// Compiles `pattern`; `None` if it has no group called `group`.
    pub(crate) fn new(pattern: &str, group: &str) -> Result<Option<Self>, regex::Error> {
        let regex = compile(pattern)?;
        let group = regex.capture_names().position(|name| name == Some(group));
        let spans_lines = ["(?m", "(?s", r"\n"].iter().any(|sign| pattern.contains(sign));
        Ok(group.map(|group| Self { regex, group, spans_lines }))
    }

    /// Returns whether the expression is written for texts of several lines.
    pub(crate) fn spans_lines(&self) -> bool {
        self.spans_lines
    }

    pub(crate) fn locations(&self) -> CaptureLocations {
        self.regex.capture_locations()
    }

    /// Returns the text of the group in the first match.
    #[inline]
    pub(crate) fn find<'t>(&self, text: &'t [u8], locations: &mut CaptureLocations) -> Option<&'t [u8]> {
        self.regex.captures_read(locations, text)?;
        let (start, end) = locations.get(self.group)?;
        Some(&text[start..end])
    }
}

/// What the first byte of a line decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    No,
    Yes,
    /// Depends on the literals.
    Maybe,
}

/// Alternatives that look at the start of a line only.
#[derive(Debug)]
struct Starts {
    first: Box<[First; 256]>,
    literals: Vec<Vec<u8>>,
}

impl Starts {
    fn parse(pattern: &str) -> Option<Self> {
        let mut starts = Self { first: Box::new([First::No; 256]), literals: Vec::new() };
        for alternative in split_alternatives(pattern)? {
            let anchored = alternative.strip_prefix('^')?;
            if let Some(set) = byte_set(anchored) {
                for (b, first) in starts.first.iter_mut().enumerate() {
                    if set[b] {
                        *first = First::Yes;
                    }
                }
            } else {
                starts.literals.push(literal(anchored).filter(|literal| !literal.is_empty())?);
            }
        }
        for literal in &starts.literals {
            let first = &mut starts.first[usize::from(literal[0])];
            if *first == First::No {
                *first = First::Maybe;
            }
        }
        Some(starts)
    }

    #[inline]
    fn is_match(&self, line: &[u8]) -> bool {
        line.first().is_some_and(|&b| match self.first[usize::from(b)] {
            First::No => false,
            First::Yes => true,
            First::Maybe => self.literals.iter().any(|literal| line.starts_with(literal)),
        })
    }
}

/// Cuts a pattern at its top-level `|`; `None` if it holds groups.
fn split_alternatives(pattern: &str) -> Option<Vec<&str>> {
    let mut alternatives = Vec::new();
    let mut start = 0;
    let mut in_class = false;
    let mut bytes = pattern.bytes().enumerate();
    while let Some((at, b)) = bytes.next() {
        match b {
            b'\\' => drop(bytes.next()),
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' | b')' if !in_class => return None,
            b'|' if !in_class => {
                alternatives.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    alternatives.push(&pattern[start..]);
    Some(alternatives)
}

/// Reads `\s`, `\d`, `[ab\]]`, `[^ \t]` and the like; `None` if the pattern is more than one class.
fn byte_set(pattern: &str) -> Option<[bool; 256]> {
    let mut set = [false; 256];
    if let Some(escaped) = pattern.strip_prefix('\\') {
        let class = escaped.strip_prefix(['s', 'd'])?;
        if !class.is_empty() {
            return None;
        }
        add_class(&mut set, escaped.as_bytes()[0])?;
        return Some(set);
    }
    let inner = pattern.strip_prefix('[')?.strip_suffix(']')?;
    let (inner, negated) = match inner.strip_prefix('^') {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    // An empty class, a nested one, set operations and ranges are left to the regex engine.
    if inner.is_empty() || !inner.is_ascii() || inner.contains("&&") || inner.contains("--") || inner.contains("~~") {
        return None;
    }
    let mut bytes = inner.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => add_class(&mut set, bytes.next()?)?,
            b'[' | b']' | b'-' => return None,
            _ => set[usize::from(b)] = true,
        }
    }
    Some(if negated { set.map(|member| !member) } else { set })
}

/// Adds what a backslash and this byte stand for.
fn add_class(set: &mut [bool; 256], escaped: u8) -> Option<()> {
    match escaped {
        b's' => b" \t\n\r\x0b\x0c".iter().for_each(|b| set[usize::from(*b)] = true),
        b'd' => set[usize::from(b'0')..=usize::from(b'9')].fill(true),
        b't' => set[usize::from(b'\t')] = true,
        b if b.is_ascii_punctuation() => set[usize::from(b)] = true,
        _ => return None,
    }
    Some(())
}

/// Reads a pattern without any operator as the bytes it stands for.
fn literal(pattern: &str) -> Option<Vec<u8>> {
    let mut literal = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.bytes();
    while let Some(b) = bytes.next() {
        literal.push(match b {
            b'\\' => match bytes.next()? {
                b't' => b'\t',
                b if b.is_ascii_punctuation() => b,
                _ => return None,
            },
            b'.' | b'+' | b'*' | b'?' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'|' | b'^' | b'$' => return None,
            b => b,
        });
    }
    Some(literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The short cut must agree with the regex engine on every line.
    #[test]
    fn short_cuts_agree_with_the_engine() {
        let patterns = [
            (r"^\s", true),
            (r"^[\s}\]]", true),
            (r"^\s|^Caused by|^\.\.\. ", true),
            (r"^[^\[]", true),
            (r"^\tat |^\d", true),
            (r"^[a-z]", false),
            (r"^(?:a|b)", false),
            (r"^a.c", false),
            (r"\s", false),
            (r"^a+", false),
            (r"^$", false),
        ];
        let lines: [&[u8]; 12] = [
            b"",
            b" x",
            b"\tat x",
            b"Caused by: y",
            b"Caused",
            b"... 5 more",
            b"}",
            b"]",
            b"[x",
            b"7",
            b"abc",
            b"\xff",
        ];
        for (pattern, has_short_cut) in patterns {
            let pattern = LinePattern::new(pattern).unwrap();
            assert_eq!(pattern.starts.is_some(), has_short_cut, "{pattern:?}");
            for line in lines {
                assert_eq!(pattern.is_match(line), pattern.regex.is_match(line), "{} over {line:?}", pattern.regex);
            }
        }
    }

    #[test]
    fn prefixes_end_where_the_stamp_begins() {
        for (pattern, line, expected) in [
            (r"^\[", "[2026", Some(1)),
            ("^", "2026", Some(0)),
            (r"^\[", "2026", None),
            (r"^\[?", "[2026", Some(1)),
            (r"^\[?", "2026", Some(0)),
            (r"^\[??", "[2026", Some(0)),
            (r"^a?a", "a2026", Some(1)),
            (r"^# Time: ", "# Time: 1", Some(8)),
            (r"^\S+ ", "host 2026", Some(5)),
            (r"time=", "a time=1", Some(7)),
        ] {
            let prefix = Prefix::new(pattern).unwrap();
            assert_eq!(prefix.match_end(line.as_bytes()), expected, "{pattern} over {line}");
            let by_engine = compile(pattern).unwrap().find(line.as_bytes()).map(|found| found.end());
            assert_eq!(by_engine, expected, "{pattern} over {line}");
        }
    }
}
