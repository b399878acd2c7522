//! The expressions of `rex mode=sed`.

use crate::context::Context;
use crate::error::QueryError;
use crate::regex_dialect::{self, Regex, Replacement};
use crate::span::{Span, Spanned};
use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// One or more expressions, which run one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Script {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Substitute {
        regex: Regex,
        with: Replacement,
        /// Which match; `None` for all.
        nth: Option<usize>,
    },
    /// Each character of the first text becomes the one at its place in the second.
    Transliterate(Vec<(char, char)>),
}

impl Script {
    /// Reads `s/regex/with/flags` and `y/from/to/`.
    pub fn parse(text: &Spanned<String>) -> Result<Self, QueryError> {
        let span = text.span;
        let mut steps = Vec::new();
        let mut chars = text.value.chars().peekable();
        loop {
            while chars.next_if(|c| c.is_whitespace() || *c == ';').is_some() {}
            match chars.next() {
                None if !steps.is_empty() => return Ok(Self { text: text.value.clone(), steps }),
                Some('s') => steps.push(parse_substitution(&mut chars, span)?),
                Some('y') => steps.push(parse_transliteration(&mut chars, span)?),
                _ => {
                    return Err(QueryError::rule("a sed expression begins with s or y", span)
                        .with_hint("write \"s/regex/with/g\" or \"y/abc/xyz/\""));
                }
            }
        }
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What `text` becomes; `None` if it stays as it is.
    pub fn run(&self, text: &str, ctx: &Context) -> Option<String> {
        let mut result = Cow::Borrowed(text);
        for step in &self.steps {
            let changed = match step {
                Step::Substitute { regex, with, nth } => match regex.replace(&result, with, *nth, ctx) {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(changed) => Some(changed),
                },
                Step::Transliterate(pairs) => Some(transliterate(&result, pairs)),
            };
            if let Some(changed) = changed {
                result = Cow::Owned(changed);
            }
        }
        match result {
            Cow::Borrowed(_) => None,
            Cow::Owned(changed) => Some(changed),
        }
    }
}

fn transliterate(text: &str, pairs: &[(char, char)]) -> String {
    let becomes = |c: char| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
    text.chars().map(becomes).collect()
}

fn parse_substitution(chars: &mut Peekable<Chars<'_>>, span: Span) -> Result<Step, QueryError> {
    let delimiter = parse_delimiter(chars, span)?;
    let pattern = parse_part(chars, delimiter, span)?;
    let with = parse_part(chars, delimiter, span)?;
    let mut nth = Some(1);
    let mut ignore_case = false;
    while let Some(flag) = chars.next_if(|c| !c.is_whitespace() && *c != ';') {
        match flag {
            'g' => nth = None,
            'i' | 'I' => ignore_case = true,
            '1'..='9' => {
                let mut number = flag.to_digit(10).unwrap_or(1) as usize;
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    chars.next();
                    number = number.saturating_mul(10).saturating_add(digit as usize);
                }
                nth = Some(number);
            }
            other => {
                return Err(QueryError::rule(format!("`{other}` is not a flag of s"), span)
                    .with_hint("its flags are g, a number, and i"));
            }
        }
    }
    let pattern = if ignore_case { format!("(?i){pattern}") } else { pattern };
    Ok(Step::Substitute { regex: regex_dialect::compile(&pattern, span)?, with: Replacement::sed(&with), nth })
}

fn parse_transliteration(chars: &mut Peekable<Chars<'_>>, span: Span) -> Result<Step, QueryError> {
    let delimiter = parse_delimiter(chars, span)?;
    let [from, to] = [unescape(&parse_part(chars, delimiter, span)?), unescape(&parse_part(chars, delimiter, span)?)];
    if from.len() != to.len() {
        return Err(QueryError::rule("y needs as many characters on the right as on the left", span));
    }
    Ok(Step::Transliterate(from.into_iter().zip(to).collect()))
}

fn parse_delimiter(chars: &mut Peekable<Chars<'_>>, span: Span) -> Result<char, QueryError> {
    chars.next_if(|c| !c.is_alphanumeric() && !c.is_whitespace() && *c != '\\').ok_or_else(|| {
        QueryError::rule("a delimiter must follow s or y", span).with_hint("write \"s/regex/with/g\" or \"y/abc/xyz/\"")
    })
}

/// Text up to the delimiter, which is taken. An escaped delimiter is the character itself; other escapes stay.
fn parse_part(chars: &mut Peekable<Chars<'_>>, delimiter: char, span: Span) -> Result<String, QueryError> {
    let mut part = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                // What means something in a regular expression keeps its backslash, so that it stands for itself.
                Some(next) if next == delimiter && !"^$.|?*+()[]{}".contains(next) => part.push(next),
                next => {
                    part.push('\\');
                    part.extend(next);
                }
            },
            c if c == delimiter => return Ok(part),
            c => part.push(c),
        }
    }
    Err(QueryError::rule(format!("the sed expression lacks a closing `{delimiter}`"), span))
}

fn unescape(text: &str) -> Vec<char> {
    let mut chars = text.chars();
    let mut unescaped = Vec::new();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        unescaped.push(match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some(other) => other,
            None => c,
        });
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_refused, context};

    fn sed(script: &str, text: &str) -> String {
        let script = Script::parse(&Spanned::new(script.to_owned(), Span::default())).unwrap();
        script.run(text, &context()).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn scripts() {
        for (script, text, expected) in [
            ("s/a/b/", "aa", "ba"),
            ("s/a/b/g", "aa", "bb"),
            ("s/a/b/2", "aaa", "aba"),
            ("s/A/b/gi", "aAa", "bbb"),
            ("s/a/b/9", "aaa", "aaa"),
            (r"s/(\w+) (\w+)/\2 \1/", "one two", "two one"),
            ("s#/var/log#L#", "/var/log/x", "L/x"),
            (r"s/\/var/V/", "/var", "V"),
            (r"s|a\|b|x|g", "a|b", "x"),
            (r"s/,/\n/g", "a,b", "a\nb"),
            ("s/a/b/; s/b/c/g", "ab", "cc"),
            ("y/abc/xyz/", "aabbcc-", "xxyyzz-"),
            (r"y/\/\\/ab/", r"/\", "ab"),
            ("s/x//g", "axbx", "ab"),
        ] {
            assert_eq!(sed(script, text), expected, "{script}");
        }
    }

    #[test]
    fn refused() {
        let refused = |script: &str, message: &str| {
            check_refused(&format!("rex mode=sed \"{script}\""), &format!("\"{script}\""), message);
        };
        refused("a/b/", "a sed expression begins with s or y");
        refused("", "a sed expression begins with s or y");
        refused("s", "a delimiter must follow s or y");
        refused("s/a/b", "the sed expression lacks a closing `/`");
        refused("s/a/b/q", "`q` is not a flag of s");
        refused("s/(/b/", "invalid regular expression: unclosed group");
        refused("y/ab/c/", "y needs as many characters on the right as on the left");
    }
}
