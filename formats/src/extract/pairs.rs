//! Automatic `key=value` extraction.
//!
//! ```text
//! key    letters, digits, `_ . - :` and non-ASCII, after anything else
//! value  "…" with \" and \\ inside, or a run up to white space or one of , ; & | " ) ] }
//! ```
//!
//! Spaces may stand around `=` before a quoted value only. The key is cleaned: characters other than letters, digits and
//! `_` become `_`, then leading digits and underscores go. An empty value gives no field.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use super::fields::Sink;
use crate::keys::string_end;

/// Extracts all pairs of `text`.
pub(super) fn extract(text: &str, sink: &mut Sink<'_>) {
    let bytes = text.as_bytes();
    let mut free_from = 0;
    for equals in memchr_iter(b'=', bytes) {
        if equals < free_from {
            continue;
        }
        let Some(value) = value_after(bytes, equals) else { continue };
        let key_end = match value.spaced {
            true => bytes[free_from..equals].trim_ascii_end().len() + free_from,
            false => equals,
        };
        let key_start = key_start(bytes, free_from, key_end);
        let name = clean(&text[key_start..key_end]);
        if name.is_empty() {
            continue;
        }
        free_from = value.end;
        let raw = &text[value.start..value.end];
        if value.quoted && memchr(b'\\', raw.as_bytes()).is_some() {
            sink.add(&name, &unquote(raw));
        } else if !raw.is_empty() {
            sink.add(&name, raw);
        }
        if sink.is_satisfied() {
            return;
        }
    }
}

/// Where a value stands.
struct Value {
    start: usize,
    end: usize,
    quoted: bool,
    /// Blanks stand on either side of the equals sign.
    spaced: bool,
}

#[inline]
fn value_after(bytes: &[u8], equals: usize) -> Option<Value> {
    let next = *bytes.get(equals + 1)?;
    let space_before = equals > 0 && bytes[equals - 1] == b' ';
    if next == b'=' {
        // `==` compares.
        return None;
    }
    if next == b'"' || next == b' ' || space_before {
        let n_blanks = bytes[equals + 1..].iter().take_while(|b| **b == b' ').count();
        let open = equals + 1 + n_blanks;
        let is_quoted = bytes.get(open) == Some(&b'"');
        let end = is_quoted.then(|| string_end(bytes, open + 1)).flatten()?;
        return Some(Value { start: open + 1, end, quoted: true, spaced: space_before || n_blanks > 0 });
    }
    let start = equals + 1;
    let end = start + bytes[start..].iter().position(|&b| ENDS_VALUE[usize::from(b)]).unwrap_or(bytes.len() - start);
    (end > start).then_some(Value { start, end, quoted: false, spaced: false })
}

/// Bytes that end a value without quotes.
const ENDS_VALUE: [bool; 256] = table(b" \t\n\r\x0b\x0c,;&|\")]}");

/// Bytes of a key besides letters, digits and non-ASCII.
const KEY_PUNCTUATION: [bool; 256] = table(b"_.-:");

const fn table(members: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < members.len() {
        table[members[n] as usize] = true;
        n += 1;
    }
    table
}

#[inline]
fn key_start(bytes: &[u8], free_from: usize, key_end: usize) -> usize {
    let is_key_byte = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80 || KEY_PUNCTUATION[usize::from(*b)];
    bytes[free_from..key_end].iter().rposition(|b| !is_key_byte(b)).map_or(free_from, |at| free_from + at + 1)
}

/// Cleans a key.
fn clean(key: &str) -> Cow<'_, str> {
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    let is_leading = |c: char| c.is_ascii_digit() || matches!(c, '_' | '.' | '-' | ':');
    let key = key.trim_start_matches(is_leading);
    if key.bytes().all(is_name_byte) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.chars().map(|c| if c.is_ascii() && !is_name_byte(c as u8) { '_' } else { c }).collect())
}

/// Decodes `\"` and `\\`; other backslashes stay.
fn unquote(raw: &str) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&escaped @ ('"' | '\\')) if c == '\\' => {
                value.push(escaped);
                chars.next();
            }
            _ => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use crate::extract::{Extractor, Fields, Kind, Patterns, Wanted};
    use std::sync::Arc;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let patterns = Arc::new(Patterns::new(Vec::new(), Vec::new()));
        let mut fields = Fields::default();
        Extractor::new(Kind::Pairs, patterns, Wanted::All).extract(text.as_bytes(), None, &mut fields);
        assert_eq!(fields.iter().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn pairs() {
        check("a=1 b=two, c=3;d=4", &[("a", "1"), ("b", "two"), ("c", "3"), ("d", "4")]);
        check(r#"msg="hello \"you\" c:\\x" n=1"#, &[("msg", r#"hello "you" c:\x"#), ("n", "1")]);
        check(r#"msg = "spaced out" x = y"#, &[("msg", "spaced out")]);
        check("GET /x?a=1&b=2 HTTP/1.1", &[("a", "1"), ("b", "2")]);
        check(
            r#"user.name="x" 9lives=cat -Dprop=1 _hidden=2"#,
            &[("user_name", "x"), ("lives", "cat"), ("Dprop", "1"), ("hidden", "2")],
        );
        check("empty= next=1", &[("next", "1")]);
        check("a=1 a=2", &[("a", "1")]);
        check("x==y a!=b c>=d token=abc==", &[("token", "abc==")]);
        check(r#"open="never closed n=1"#, &[("n", "1")]);
        check("größe=5 url=http://h/p?q=1", &[("größe", "5"), ("url", "http://h/p?q=1")]);
        check("map={k1=v1, k2=v2} f(x=1)", &[("map", "{k1=v1"), ("k2", "v2"), ("x", "1")]);
        check("", &[]);
        check("=", &[]);
    }
}
