//! From a pattern as Perl's library (PCRE) reads it to one that the engines here read the same way.
//!
//! | written | PCRE | becomes |
//! | --- | --- | --- |
//! | `{"a":1}`, `x{,3}` | a `{` that begins no count is itself | `\{"a":1}`, `x\{,3}` |
//! | `[[(]`, `[a&&b]`, `[\w-.]` | a class holds characters, nothing nests | every special character in it escaped |
//! | `\<`, `[\"\é]` | a needless backslash | the character |
//! | `\h` `\v` `\R` `\N` `\e` `\012` | kinds of space, line ends, escape, octal | classes and codes |
//! | `\Q.*\E` | literal text | `\.\*` |
//! | `(?'n'…)` `(?#…)` | a named group, a comment | `(?<n>…)`, nothing |
//!
//! On the way it is noticed whether the pattern needs an engine that goes back: look-around, back references, atomic groups
//! and possessive counts.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// A pattern for the engines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translation {
    pub pattern: String,
    /// Whether only an engine that goes back can run it.
    pub needs_backtracking: bool,
}

const HORIZONTAL_SPACE: &str = r"\t\p{Zs}";
const VERTICAL_SPACE: &str = r"\n\x0B\f\r\x{85}\x{2028}\x{2029}";

/// Translates a pattern. What is wrong with it is left for the engine to say.
pub(super) fn translate(pattern: &str) -> Translation {
    let out = Translation { pattern: String::with_capacity(pattern.len() + 8), needs_backtracking: false };
    let mut translator = Translator { chars: pattern.chars().peekable(), out, after_count: false };
    translator.run();
    translator.out
}

struct Translator<'p> {
    chars: Peekable<Chars<'p>>,
    out: Translation,
    /// Whether a count such as `*` or `{2}` was just written: a `+` then makes it possessive.
    after_count: bool,
}

impl Translator<'_> {
    fn run(&mut self) {
        while let Some(c) = self.chars.next() {
            let after_count = std::mem::take(&mut self.after_count);
            match c {
                '\\' => self.escape(),
                '[' => self.class(),
                '(' => self.group(),
                '{' => match self.count() {
                    Some(count) => {
                        self.push_str(&count);
                        self.after_count = true;
                    }
                    None => self.push_str(r"\{"),
                },
                '+' if after_count => {
                    self.out.needs_backtracking = true;
                    self.push('+');
                }
                '?' if after_count => self.push('?'),
                '*' | '+' | '?' => {
                    self.push(c);
                    self.after_count = true;
                }
                other => self.push(other),
            }
        }
    }

    fn push(&mut self, c: char) {
        self.out.pattern.push(c);
    }

    fn push_str(&mut self, text: &str) {
        self.out.pattern.push_str(text);
    }

    /// Writes a character that stands for itself.
    fn push_literal(&mut self, c: char) {
        if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
            self.push('\\');
        }
        self.push(c);
    }

    fn push_code(&mut self, code: u32) {
        let _ = write!(self.out.pattern, r"\x{{{code:x}}}");
    }

    /// Takes the rest of `{n}`, `{n,}` or `{n,m}` after the brace.
    fn count(&mut self) -> Option<String> {
        let mut ahead = self.chars.clone();
        let mut count = String::from("{");
        loop {
            let c = ahead.next()?;
            count.push(c);
            match c {
                '0'..='9' => {}
                ',' if count.len() > 2 && !count[..count.len() - 1].contains(',') => {}
                '}' if count.len() > 2 => {
                    self.chars = ahead;
                    return Some(count);
                }
                _ => return None,
            }
        }
    }

    /// What stands in braces after `\x`, `\p` and the like, the braces included; nothing if no brace follows.
    fn braced(&mut self) -> String {
        let mut braced = String::new();
        if self.chars.peek() == Some(&'{') {
            for c in self.chars.by_ref() {
                braced.push(c);
                if c == '}' {
                    break;
                }
            }
        }
        braced
    }

    /// An escape outside of a class; the backslash is taken.
    fn escape(&mut self) {
        let Some(c) = self.chars.next() else { return self.push('\\') };
        match c {
            'h' | 'v' => self.push_class("[", c),
            'H' | 'V' => self.push_class("[^", c.to_ascii_lowercase()),
            'N' => self.push_str(r"[^\n]"),
            'R' => {
                self.push_str(r"(?:\r\n|[");
                self.push_str(VERTICAL_SPACE);
                self.push_str("])");
            }
            'Q' => self.quoted(),
            'E' => {}
            '0' => self.octal(c),
            'e' => self.push_code(0x1b),
            'x' | 'p' | 'P' => {
                self.push('\\');
                self.push(c);
                let braced = self.braced();
                self.push_str(&braced);
            }
            '1'..='9' | 'k' | 'g' | 'K' | 'G' | 'Z' | 'X' => {
                self.out.needs_backtracking = true;
                self.push('\\');
                self.push(c);
                let braced = self.braced();
                self.push_str(&braced);
            }
            letter if letter.is_ascii_alphanumeric() => {
                self.push('\\');
                self.push(letter);
            }
            other => self.push_literal(other),
        }
    }

    fn push_class(&mut self, open: &str, kind: char) {
        self.push_str(open);
        self.push_str(if kind == 'h' { HORIZONTAL_SPACE } else { VERTICAL_SPACE });
        self.push(']');
    }

    /// Up to three octal digits, of which the first is taken.
    fn octal(&mut self, first: char) {
        let mut code = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.chars.peek().and_then(|c| c.to_digit(8)) else { break };
            self.chars.next();
            code = code * 8 + digit;
        }
        self.push_code(code);
    }

    /// Literal text up to `\E` or the end.
    fn quoted(&mut self) {
        while let Some(c) = self.chars.next() {
            if c == '\\' && self.chars.peek() == Some(&'E') {
                self.chars.next();
                return;
            }
            self.push_literal(c);
        }
    }

    /// What follows an opening parenthesis.
    fn group(&mut self) {
        let mut ahead = self.chars.clone();
        if ahead.next() != Some('?') {
            return self.push('(');
        }
        match (ahead.next(), ahead.next()) {
            (Some('#'), _) => while self.chars.next().is_some_and(|c| c != ')') {},
            (Some('\''), _) => {
                self.chars.nth(1);
                self.push_str("(?<");
                while let Some(c) = self.chars.next().filter(|c| *c != '\'') {
                    self.push(c);
                }
                self.push('>');
            }
            (Some(kind), next) => {
                let looks_around = matches!(kind, '=' | '!') || (kind == '<' && matches!(next, Some('=' | '!')));
                let is_engine_only = matches!(kind, '>' | '(' | '|' | '&' | 'R' | '0'..='9');
                let refers_back = kind == 'P' && matches!(next, Some('=' | '>'));
                self.out.needs_backtracking |= looks_around || is_engine_only || refers_back;
                self.chars.nth(0);
                self.push_str("(?");
            }
            (None, _) => self.push('('),
        }
    }

    /// A class; the opening bracket is taken.
    fn class(&mut self) {
        self.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            self.push('^');
        }
        // A bracket that comes first is itself.
        let mut is_first = true;
        // Whether a hyphen here could begin the second half of a range.
        let mut after_character = false;
        loop {
            let Some(c) = self.chars.next() else { return };
            match c {
                ']' if !is_first => return self.push(']'),
                '[' if matches!(self.chars.peek(), Some(':')) && self.named_class() => after_character = false,
                '-' if after_character && self.range_goes_on() => {
                    self.push('-');
                    if let Some(c) = self.chars.next() {
                        self.class_character(c);
                    }
                    after_character = false;
                }
                c => after_character = self.class_character(c),
            }
            is_first = false;
        }
    }

    /// Takes `[:alpha:]` after its first bracket.
    fn named_class(&mut self) -> bool {
        let mut ahead = self.chars.clone();
        let mut name = String::from("[");
        while let Some(c) = ahead.next_if(|c| c.is_ascii_alphabetic() || matches!(c, ':' | '^')) {
            name.push(c);
        }
        if !name.ends_with(':') || name.len() < 4 || ahead.next() != Some(']') {
            return false;
        }
        self.push_str(&name);
        self.push(']');
        self.chars = ahead;
        true
    }

    /// Whether a character follows that can end a range, rather than the end of the class or a kind of characters.
    fn range_goes_on(&self) -> bool {
        let mut ahead = self.chars.clone();
        match ahead.next() {
            None | Some(']') => false,
            Some('\\') => !ahead.next().is_some_and(|c| "dDwWsShHvVpPR".contains(c)),
            Some('[') => ahead.next() != Some(':'),
            Some(_) => true,
        }
    }

    /// Writes one member of a class; whether it is a single character.
    fn class_character(&mut self, c: char) -> bool {
        if c != '\\' {
            self.push_literal(c);
            return true;
        }
        let Some(escaped) = self.chars.next() else {
            self.push('\\');
            return true;
        };
        match escaped {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                self.push('\\');
                self.push(escaped);
                return false;
            }
            'p' | 'P' => {
                self.push('\\');
                self.push(escaped);
                let braced = self.braced();
                self.push_str(&braced);
                return false;
            }
            'h' => {
                self.push_str(HORIZONTAL_SPACE);
                return false;
            }
            'v' => {
                self.push_str(VERTICAL_SPACE);
                return false;
            }
            'b' => self.push_code(8),
            'e' => self.push_code(0x1b),
            '0'..='7' => self.octal(escaped),
            'x' => {
                self.push_str(r"\x");
                let braced = self.braced();
                self.push_str(&braced);
            }
            'n' | 'r' | 't' | 'f' | 'a' => {
                self.push('\\');
                self.push(escaped);
            }
            other => self.push_literal(other),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_rewritten_where_the_engines_differ() {
        for (written, expected) in [
            (r#"{"a":(?<a>\d+)}"#, r#"\{"a":(?<a>\d+)}"#),
            (r"a{2}b{2,}c{2,3}d{,3}e{x}{", r"a{2}b{2,}c{2,3}d\{,3}e\{x}\{"),
            (r"\{\}\x{41}\p{L}", r"\{\}\x{41}\p{L}"),
            (r"\<b\>", "<b>"),
            (r"\é\-\/\ ", r"é\-\/ "),
            (r"[[(]", r"[\[\(]"),
            (r"[]a][^]a]", r"[\]a][^\]a]"),
            (r"[a&&b~~c]", r"[a\&\&b\~\~c]"),
            (r"[\w-.]", r"[\w\-\.]"),
            (r"[.-\w]", r"[\.\-\w]"),
            (r"[a-z0-9_-]", r"[a-z0-9\_\-]"),
            (r"[\x20-\x7e]", r"[\x20-\x7e]"),
            (r"[[:alpha:]_]", r"[[:alpha:]\_]"),
            (r#"[\"\<\:\y]"#, r#"[\"<\:y]"#),
            (r"[\b\012]", r"[\x{8}\x{a}]"),
            (r"\h\e\0", r"[\t\p{Zs}]\x{1b}\x{0}"),
            (r"\Qa.b*\Ec", r"a\.b\*c"),
            (r"(?'n'a)(?#no)(?:b)(?i)c", r"(?<n>a)(?:b)(?i)c"),
        ] {
            assert_eq!(translate(written).pattern, expected, "{written}");
            assert!(!translate(written).needs_backtracking, "{written}");
        }
    }

    #[test]
    fn going_back_is_noticed() {
        for pattern in [
            "(?=a)",
            "(?!a)",
            "(?<=a)b",
            "(?<!a)b",
            r"(a)\1",
            r"(?<n>a)\k<n>",
            "(?>a)",
            "a++",
            "a{2}+",
            "(?P<n>a)(?P=n)",
        ] {
            assert!(translate(pattern).needs_backtracking, "{pattern}");
        }
        for pattern in ["a+?", "a+", "(a+)+", "(?<n>a)", "(?P<n>a)", "(?i)a", r"\\1", "[+]+", "a|b"] {
            assert!(!translate(pattern).needs_backtracking, "{pattern}");
        }
    }
}
