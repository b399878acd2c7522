//! The colours of a query that is being typed.

use crate::output::Theme;
use anstyle::{AnsiColor, Style};
use std::borrow::Cow;
use trawl_query::tokens::{TokenKind, Tokens};

/// The text with the escape sequences of its pieces' styles; unchanged if the theme has no colours.
pub fn highlighted<'t>(text: &'t str, theme: &Theme) -> Cow<'t, str> {
    if !theme.is_colored() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for token in Tokens::of(text).iter() {
        let style = style(token.kind, theme);
        let piece = &text[token.span.range()];
        out.push_str(&text[at..token.span.start]);
        out.push_str(&format!("{style}{piece}{style:#}"));
        at = token.span.end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

fn style(kind: TokenKind, theme: &Theme) -> Style {
    match kind {
        TokenKind::Command => AnsiColor::Blue.on_default().bold(),
        TokenKind::UnknownCommand => theme.error,
        TokenKind::Function | TokenKind::Macro => AnsiColor::Cyan.on_default(),
        TokenKind::Option => AnsiColor::Yellow.on_default(),
        TokenKind::Keyword => AnsiColor::Magenta.on_default(),
        TokenKind::Quoted => AnsiColor::Green.on_default(),
        TokenKind::Comment => theme.faint,
        TokenKind::Pipe => theme.title,
        TokenKind::Word | TokenKind::Bracket | TokenKind::Operator => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text with the letter of a piece's colour before it and `.` behind it.
    fn marked(text: &str) -> String {
        let mut marked = highlighted(text, &Theme::colored()).into_owned();
        for (code, mark) in [
            ("1m\x1b[34", "<cmd "),
            ("1m\x1b[31", "<bad "),
            ("36", "<fn "),
            ("33", "<opt "),
            ("35", "<key "),
            ("32", "<str "),
        ] {
            marked = marked.replace(&format!("\x1b[{code}m"), mark);
        }
        marked.replace("\x1b[1m|\x1b[0m", "|").replace("\x1b[2m", "<rem ").replace("\x1b[0m", ">")
    }

    #[test]
    fn pieces_have_colours() {
        for (text, expected) in [
            ("error", "error"),
            ("error | stats count(x) by host", "error | <cmd stats> <fn count>(x) <key by> host"),
            ("a | stast x ```c```", "a | <bad stast> x <rem ```c```>"),
            ("\"a | b", "<str \"a | b>"),
            ("* | dedup x keepempty=t", "* | <cmd dedup> x <opt keepempty>=t"),
        ] {
            assert_eq!(marked(text), expected);
        }
    }

    proptest! {
        #[test]
        fn only_colours_are_added(text in "[a-zé|()\\[\\]\"'` =\n]{0,24}") {
            let colored = highlighted(&text, &Theme::colored());
            let plain = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(&colored, "").into_owned();
            prop_assert_eq!(&plain, &text);
            prop_assert!(highlighted(&text, &Theme::plain()) == text.as_str());
        }
    }
}
