//! Finding the value of a known key without extracting everything: how time and level of JSON and key=value events are
//! found at ingest speed.

use aho_corasick::packed::Searcher;
use memchr::{memchr, memchr2, memrchr};

/// A small set of key names.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Box<[u8]>>,
    /// Bit n: some key is n bytes long.
    lengths: u64,
    /// Finds the keys in quotes, where the machine has vector instructions for that.
    quoted: Option<Searcher>,
}

impl KeySet {
    pub(crate) fn new<S: AsRef<str>>(keys: &[S]) -> Self {
        let keys: Vec<Box<[u8]>> = keys.iter().map(|key| key.as_ref().as_bytes().into()).collect();
        let lengths = keys.iter().fold(0, |lengths, key| lengths | Self::length_bit(key));
        let quoted = Searcher::new(keys.iter().map(|key| [b"\"", &**key, b"\""].concat()));
        Self { keys, lengths, quoted }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    #[inline]
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.lengths & Self::length_bit(key) != 0 && self.keys.iter().any(|known| **known == *key)
    }

    fn length_bit(key: &[u8]) -> u64 {
        1 << key.len().min(63)
    }

    /// Returns the end of the first key in quotes at or after `from`.
    fn next_quoted(&self, line: &[u8], from: usize) -> Option<usize> {
        let Some(searcher) = &self.quoted else { return self.next_string(line, from) };
        let mut from = from;
        loop {
            let found = searcher.find_in(line, (from..line.len()).into())?;
            // `\"level"` is the end of some string's text, not a key.
            if found.start() == 0 || line[found.start() - 1] != b'\\' {
                return Some(found.end());
            }
            from = found.start() + 1;
        }
    }

    /// As [`Self::next_quoted`], by walking over all strings.
    fn next_string(&self, line: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let open = at + memchr(b'"', &line[at..])? + 1;
            let close = string_end(line, open)?;
            at = close + 1;
            if self.contains(&line[open..close]) {
                return Some(at);
            }
        }
    }
}

/// Returns where a JSON object begins that is the event, perhaps behind a short prefix such as `caddy  | `.
///
/// Behind a prefix the object must run to the end of the text, and the prefix must not hold a quote.
pub(crate) fn object_start(text: &[u8]) -> Option<usize> {
    /// The length of a prefix is bounded so that long plain lines are not searched for a brace.
    const MAX_PREFIX: usize = 64;
    match text.first()? {
        b'{' => return Some(0),
        b' ' | b'\t' | b'\n' => {
            let blanks = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
            if text.get(blanks) == Some(&b'{') {
                return Some(blanks);
            }
        }
        _ => {}
    }
    if text.trim_ascii_end().last() != Some(&b'}') {
        return None;
    }
    let start = memchr2(b'{', b'"', &text[..text.len().min(MAX_PREFIX)])?;
    (text[start] == b'{' && text[start + 1..].trim_ascii_start().first() == Some(&b'"')).then_some(start)
}

/// Calls `read` with the start of the value of each key in `keys`, in the order of the text, until it returns something.
///
/// The line is read as JSON, members at any depth, if it holds an object; else as `key=value` pairs. A value in quotes
/// starts behind its quote.
#[inline]
pub(crate) fn find<T>(line: &[u8], keys: &KeySet, read: impl FnMut(usize) -> Option<T>) -> Option<T> {
    match object_start(line) {
        Some(start) => find_in_json(line, start, keys, read),
        None => find_in_pairs(line, keys, read),
    }
}

/// Looks at each key of the set that is followed by a colon.
fn find_in_json<T>(line: &[u8], start: usize, keys: &KeySet, mut read: impl FnMut(usize) -> Option<T>) -> Option<T> {
    let mut at = start;
    loop {
        at = keys.next_quoted(line, at)?;
        let colon = skip_blanks(line, at);
        if line.get(colon) != Some(&b':') {
            continue;
        }
        let value = skip_blanks(line, colon + 1);
        let quoted = line.get(value) == Some(&b'"');
        if let Some(found) = read(value + usize::from(quoted)) {
            return Some(found);
        }
        at = value;
    }
}

/// Returns the position of the quote that closes the string whose content begins at `open`.
#[inline]
pub(crate) fn string_end(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    at + text[at.min(text.len())..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// Returns whether `b` can be part of a key before `=`.
fn is_key_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@')
}

fn find_in_pairs<T>(line: &[u8], keys: &KeySet, mut read: impl FnMut(usize) -> Option<T>) -> Option<T> {
    memchr::memchr_iter(b'=', line).find_map(|equals| {
        let start = line[..equals].iter().rposition(|b| !is_key_byte(*b)).map_or(0, |at| at + 1);
        if !keys.contains(&line[start..equals]) {
            return None;
        }
        let quoted = line.get(equals + 1) == Some(&b'"');
        read(equals + 1 + usize::from(quoted))
    })
}

/// Returns the value that begins at `at`, as [`find`] reports it: up to the closing quote, or to white space, a comma or
/// a closing bracket.
pub(crate) fn value_at(line: &[u8], at: usize) -> Option<&[u8]> {
    let quoted = at > 0 && line[at - 1] == b'"';
    let rest = line.get(at..)?;
    let len = if quoted {
        string_end(rest, 0)?
    } else {
        rest.iter().position(|b| matches!(b, b' ' | b'\t' | b',' | b';' | b'}' | b']' | b')')).unwrap_or(rest.len())
    };
    Some(&rest[..len])
}

/// Returns the key whose value ends at or begins after `at`, for a word found in the middle of a line: the run before
/// `=`, or the string before `":"`.
pub(crate) fn key_before(line: &[u8], value: usize) -> Option<&[u8]> {
    let head = &line[..value];
    let head = head.strip_suffix(b"\"").unwrap_or(head);
    if let Some(head) = head.strip_suffix(b"=") {
        let start = head.iter().rposition(|b| !is_key_byte(*b)).map_or(0, |at| at + 1);
        return Some(&head[start..]);
    }
    let head = head.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")?;
    Some(&head[memrchr(b'"', head)? + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str, keys: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        let text = line.as_bytes();
        let none: Option<()> = find(text, &KeySet::new(keys), |at| {
            found.extend(value_at(text, at).map(|value| String::from_utf8_lossy(value).into_owned()));
            None
        });
        assert!(none.is_none());
        found
    }

    #[test]
    fn json_keys_at_any_depth() {
        let check = |line: &str, expected: &[&str]| assert_eq!(values(line, &["lvl", "ts"]), expected, "{line}");
        check(r#"{"ts":"a","x":{"lvl": "INFO"}}"#, &["a", "INFO"]);
        check(r#"{"ts":17.5,"lvl":20}"#, &["17.5", "20"]);
        check(r#"{ "ts" : "a" }"#, &["a"]);
        check(r#"{"x":"\"ts\":1","y":"ts","ts":2}"#, &["2"]);
        check(r#"caddy  | {"ts":1}"#, &["1"]);
        check(r#"{"x":"never closed"#, &[]);
        check("", &[]);
    }

    #[test]
    fn both_ways_to_find_keys_agree() {
        let keys = KeySet::new(&["level", "t", "@l", "log.level"]);
        for line in [
            r#"{"level":"t","t":{"@l":1},"log.level":"level"}"#,
            r#"{"x":"\"level\":1","y":"\\","t":2}"#,
            r#"{"levels":1,"alevel":2,"T":3,"":4}"#,
            r#"{"a":["t","level"],"t" : 1}"#,
            "{}",
            "",
        ] {
            let walk = |next: &dyn Fn(usize) -> Option<usize>| {
                let mut ends = Vec::new();
                let mut at = 0;
                while let Some(end) = next(at) {
                    ends.push(end);
                    at = end;
                }
                ends
            };
            let line = line.as_bytes();
            assert_eq!(walk(&|at| keys.next_quoted(line, at)), walk(&|at| keys.next_string(line, at)), "{line:?}");
        }
    }

    #[test]
    fn pairs() {
        let check = |line: &str, expected: &[&str]| assert_eq!(values(line, &["level", "ts"]), expected, "{line}");
        check("ts=2024 caller=x level=info", &["2024", "info"]);
        check(r#"ts="20 24", level=warn,"#, &["20 24", "warn"]);
        check("subts=1 x.ts=2", &[]);
        check("level=", &[""]);
    }

    #[test]
    fn keys_of_values() {
        for (line, value, expected) in [
            ("a level=x", 8, Some("level")),
            (r#"a level="x""#, 9, Some("level")),
            (r#"{"lvl": "x"}"#, 9, Some("lvl")),
            ("a b", 2, None),
        ] {
            assert_eq!(key_before(line.as_bytes(), value), expected.map(str::as_bytes), "{line}");
        }
    }
}
