//! Text from logs on its way to people: control characters made visible, lengths bounded.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether `c` shows as what it is: no control character, no mark of direction, nothing invisible.
pub fn is_visible(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        c if c.is_control() => false,
        // Soft hyphen; fillers; zero-width characters, marks of direction and isolates; byte order mark; annotations; tags.
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{feff}' => false,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => false,
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

/// A moment, in microseconds UTC, as RFC 3339 has it.
pub fn rfc3339(us: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_micros(us).unwrap_or_default();
    moment.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// A moment, in microseconds UTC, for people: to the second.
pub fn moment(us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(us).unwrap_or_default().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Escapes for HTML, in text and in quoted attributes.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in visible(text).chars() {
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

/// Escapes for Slack: the three characters that make links, mentions and entities there. At most `max_chars` come out, and no
/// entity is cut.
pub fn slack(text: &str, max_chars: usize) -> String {
    let text = visible(text);
    let (mut out, mut n_chars) = (String::with_capacity(text.len().min(max_chars) + 16), 0);
    for c in text.chars() {
        let mut buffer = [0; 4];
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            c => &*c.encode_utf8(&mut buffer),
        };
        n_chars += escaped.chars().count();
        if n_chars > max_chars {
            while out.chars().count() + 1 > max_chars && out.pop().is_some() {}
            // What was popped may have been the end of an entity.
            if let Some(at) = out.rfind('&').filter(|at| !out[*at..].contains(';')) {
                out.truncate(at);
            }
            out.push('…');
            break;
        }
        out.push_str(escaped);
    }
    out
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

    #[test]
    fn slack_entities_are_whole() {
        assert_eq!(slack("<!channel> & co", 100), "&lt;!channel&gt; &amp; co");
        for max in 1..40 {
            let cut = slack("<<<<<<<<<<", max);
            assert!(cut.chars().count() <= max, "{max}: {cut}");
            assert_eq!(cut.trim_end_matches('…').replace("&lt;", ""), "", "{max}: {cut}");
        }
    }

    #[test]
    fn html_is_text() {
        assert_eq!(html("</script><a href='x\">&"), "&lt;/script&gt;&lt;a href=&#39;x&quot;&gt;&amp;");
    }
}
