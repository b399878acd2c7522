//! Makes text from logs safe to print on a terminal.
//!
//! Whoever can write to a log could otherwise move the cursor, rename the window, hide a line or reverse the reading
//! order of another: an event is untrusted input. Everything that a terminal would act on, and everything that is
//! invisible, is printed as an escape (`\x1b`, `\u{202e}`); bytes that are not UTF-8 as `\xff`. Line feeds and tabs stay.

use super::theme::Theme;
use std::io::{self, Write};
pub use trawl_formats::visible::{is_visible as is_safe, visible};

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'\n' | b'\t' | b' '..=b'~'))
}

/// Writes `text` with everything unsafe as escapes in the theme's style for them.
pub fn write(out: &mut dyn Write, text: &[u8], theme: &Theme) -> io::Result<()> {
    if is_plain(text) {
        return out.write_all(text);
    }
    let escape = theme.escape;
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        let mut written = 0;
        for (at, c) in valid.char_indices().filter(|(_, c)| !is_safe(*c)) {
            out.write_all(&valid.as_bytes()[written..at])?;
            write!(out, "{escape}{}{escape:#}", Escaped(c))?;
            written = at + c.len_utf8();
        }
        out.write_all(&valid.as_bytes()[written..])?;
        for byte in chunk.invalid() {
            write!(out, "{escape}\\x{byte:02x}{escape:#}")?;
        }
    }
    Ok(())
}

/// A character as an escape.
struct Escaped(char);

impl std::fmt::Display for Escaped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            '\r' => f.write_str(r"\r"),
            c if c.is_ascii() => write!(f, r"\x{:02x}", u32::from(c)),
            c => write!(f, r"\u{{{:x}}}", u32::from(c)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &[u8], theme: &Theme) -> String {
        let mut out = Vec::new();
        write(&mut out, text, theme).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_bytes_become_visible() {
        let cases: [(&[u8], &str); 9] = [
            (b"plain\ttext\n", "plain\ttext\n"),
            ("größer 日本語 😀".as_bytes(), "größer 日本語 😀"),
            (b"\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
            (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
            (b"overwritten\rline", r"overwritten\rline"),
            ("a\u{202e}b\u{200b}c".as_bytes(), r"a\u{202e}b\u{200b}c"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"caf\xe9 \x9b31m\x7f", r"caf\xe9 \x9b31m\x7f"),
            (b"\0", r"\x00"),
        ];
        for (text, expected) in cases {
            assert_eq!(written(text, &Theme::plain()), expected);
            if let Ok(text) = std::str::from_utf8(text) {
                assert_eq!(visible(text), expected);
            }
        }
    }

    /// Takes our own colours away: `ESC [ digits and semicolons m`.
    fn without_colors(text: &str) -> String {
        let mut parts = text.split("\x1b[");
        let mut plain = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
            plain.push_str(rest.strip_prefix('m').expect("an escape sequence of ours is a colour"));
        }
        plain
    }

    proptest! {
        #[test]
        fn only_our_own_colours_reach_the_terminal(text in "[ -~\\x00-\\x1f\\x7f-\\xbf\\u{2000}-\\u{2070}]{0,40}", noise: Vec<u8>) {
            let text = [text.as_bytes(), &noise].concat();
            for theme in [Theme::plain(), Theme::colored()] {
                let printed = without_colors(&written(&text, &theme));
                prop_assert!(printed.chars().all(is_safe), "{:?}", printed);
                prop_assert!(printed.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            }
        }

        #[test]
        fn safe_text_stays_as_it_is(text in "[ -~äöüß日本\\n\\t]{0,40}") {
            prop_assert_eq!(written(text.as_bytes(), &Theme::colored()), text);
        }
    }
}
