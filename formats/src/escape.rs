//! The two escape notations of log text: backslashes in double-quoted strings, and XML entities.
//!
//! Field extraction and the index decode with the same functions: the tokens of an extracted value are tokens of the
//! text or of its decoded form.

use memchr::{memchr, memchr2};

/// Decodes the JSON escape at the start of `text`, a backslash, into `out`.
///
/// Returns how many bytes it took, `None` if this is no valid escape. A surrogate without its partner becomes U+FFFD.
pub(crate) fn decode_backslash(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let decoded = match *text.get(1)? {
        b @ (b'"' | b'\\' | b'/') => b,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return decode_unicode(text, out),
        _ => return None,
    };
    out.push(decoded);
    Some(2)
}

/// Appends the content of a JSON string to `out`, its escapes decoded; what is no valid escape stays as it is.
pub(crate) fn decode_string(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(next) = memchr(b'\\', &text[at..]) {
        out.extend_from_slice(&text[at..at + next]);
        at += next;
        at += decode_backslash(&text[at..], out).unwrap_or_else(|| {
            let len = 2.min(text.len() - at);
            out.extend_from_slice(&text[at..at + len]);
            len
        });
    }
    out.extend_from_slice(&text[at..]);
}

fn decode_unicode(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let unit = hex4(text.get(2..6)?)?;
    let pair = || {
        let low = text.get(6..12).filter(|low| low.starts_with(b"\\u")).and_then(|low| hex4(&low[2..]))?;
        char::decode_utf16([unit, low]).next()?.ok().filter(|c| *c > '\u{ffff}')
    };
    let (decoded, len) = match char::from_u32(unit.into()) {
        Some(c) => (c, 6),
        None => pair().map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12)),
    };
    out.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    Some(len)
}

fn hex4(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |value: u16, &b| Some(value << 4 | char::from(b).to_digit(16)? as u16))
}

/// Decodes the entity at the start of `text`, an ampersand, into `out`.
///
/// Returns how many bytes it took, `None` if this is no entity that XML knows without a DTD.
pub(crate) fn decode_entity(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    /// Long enough for `&#x10FFFF;` with some leading zeros.
    const MAX_LEN: usize = 12;
    let end = memchr(b';', &text[..text.len().min(MAX_LEN)])?;
    let decoded = match &text[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', hex @ ..] => code_point(hex, 16)?,
        [b'#', decimal @ ..] => code_point(decimal, 10)?,
        _ => return None,
    };
    out.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    Some(end + 1)
}

fn code_point(digits: &[u8], radix: u32) -> Option<char> {
    if digits.is_empty() {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0u32, |value, &b| value.checked_mul(radix)?.checked_add(char::from(b).to_digit(radix)?))?;
    char::from_u32(value)
}

/// Decodes the backslash escapes inside the double-quoted strings of `text`; `None` when there is none.
pub(crate) fn unescape_strings(text: &[u8]) -> Option<Vec<u8>> {
    memchr(b'\\', text)?;
    let mut out = Vec::with_capacity(text.len());
    let mut in_string = false;
    let mut changed = false;
    let mut copied = 0;
    let mut at = 0;
    while let Some(next) = memchr2(b'"', b'\\', &text[at..]) {
        at += next;
        if text[at] == b'"' {
            in_string = !in_string;
            at += 1;
            continue;
        }
        if !in_string {
            at += 1;
            continue;
        }
        out.extend_from_slice(&text[copied..at]);
        copied = at;
        match decode_backslash(&text[at..], &mut out) {
            Some(len) => {
                changed = true;
                at += len;
                copied = at;
            }
            // Not an escape: both bytes stay, and the second one cannot close the string.
            None => at = (at + 2).min(text.len()),
        }
    }
    out.extend_from_slice(&text[copied..]);
    changed.then_some(out)
}

/// Decodes the XML entities of `text`; `None` when there is none.
pub(crate) fn unescape_entities(text: &[u8]) -> Option<Vec<u8>> {
    let mut at = memchr(b'&', text)?;
    let mut out = Vec::with_capacity(text.len());
    let mut copied = 0;
    let mut changed = false;
    loop {
        out.extend_from_slice(&text[copied..at]);
        copied = at;
        match decode_entity(&text[at..], &mut out) {
            Some(len) => {
                changed = true;
                at += len;
                copied = at;
            }
            None => at += 1,
        }
        match memchr(b'&', &text[at..]) {
            Some(next) => at += next,
            None => break,
        }
    }
    out.extend_from_slice(&text[copied..]);
    changed.then_some(out)
}
