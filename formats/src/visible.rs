//! Text from logs on its way to people: what nobody would see is made visible, lengths are bounded.
//!
//! Whoever can write to a log could otherwise hide a line, reverse the reading order of another, or move the cursor of a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes for HTML and XML, in content and in quoted attributes. What is invisible stays: see [`visible`].
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Whether `c` shows as what it is: no control character, no mark of direction, nothing invisible.
pub fn is_visible(c: char) -> bool {
    match c {
        '\n' | '\t' | ' '..='~' => true,
        // C0 controls, DEL, C1 controls, soft hyphen.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' => false,
        // Arabic letter mark, Mongolian vowel separator, Hangul fillers.
        '\u{61c}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => false,
        // Zero-width characters and marks of direction; line and paragraph separator, embeddings and overrides; invisible
        // operators and isolates; byte order mark; interlinear annotations.
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => false,
        // Tags.
        '\u{e0000}'..='\u{e007f}' => false,
        _ => true,
    }
}

/// The text with everything that is not visible as an escape: `\x1b`, `\u{202e}`. Line feeds and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if is_visible(c) => out.push(c),
            '\r' => out.push_str(r"\r"),
            c if c.is_ascii() => write!(out, r"\x{:02x}", u32::from(c)).expect("writing to a string does not fail"),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// The visible text on one line: line feeds and tabs become spaces.
pub fn one_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// The text, at most `max_chars` of it; what was cut ends with `…`.
pub fn clip(text: &str, max_chars: usize) -> Cow<'_, str> {
    if text.len() <= max_chars || text.chars().nth(max_chars).is_none() {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    Cow::Owned(kept + "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invisible_becomes_visible() {
        assert_eq!(visible("a\u{1b}[2J\r\n\tb\0\u{202e}c\u{85}"), "a\\x1b[2J\\r\n\tb\\x00\\u{202e}c\\u{85}");
        assert_eq!(one_line("Subject\r\nBcc: all"), "Subject\\r Bcc: all");
        assert!(matches!(visible("plain ü"), Cow::Borrowed(_)));
    }

    #[test]
    fn lengths_are_in_characters() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöüß", 3), "äö…");
    }
}
