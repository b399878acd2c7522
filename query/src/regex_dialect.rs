//! Regular expressions as Splunk users write them: the dialect of PCRE.
//!
//! Most patterns run on an engine of linear time. Those with look-around, back references or the like run on one that goes
//! back; it may take [`MAX_STEPS`] for one match, after which there is no match, and a warning says so.

mod translate;

use crate::context::{Context, Warning};
use crate::error::{QueryError, QueryErrorKind};
use crate::span::Span;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use translate::translate;

/// Most memory that one compiled expression may take, in bytes.
const SIZE_LIMIT_BYTES: usize = 10 << 20;

/// Most times that an engine goes back while it looks for one match. Takes some tens of milliseconds; patterns that people
/// write on purpose need as many as the text has characters.
const MAX_STEPS: usize = 1_000_000;

/// A compiled regular expression.
#[derive(Clone)]
pub(crate) struct Regex {
    pattern: Box<str>,
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
}

/// Where the groups of a match stand. Kept from row to row, so that matching need not allocate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    locations: Option<regex::CaptureLocations>,
    ranges: Vec<Option<(usize, usize)>>,
}

impl Groups {
    /// The bytes of the group at `index`, 0 for the whole match; `None` if the group took no part.
    pub fn get(&self, index: usize) -> Option<Range<usize>> {
        let found = match &self.locations {
            Some(locations) => locations.get(index),
            None => self.ranges.get(index).copied().flatten(),
        };
        found.map(|(start, end)| start..end)
    }
}

impl Regex {
    fn build(pattern: &str) -> Result<Self, String> {
        let translation = translate(pattern);
        let engine = if translation.needs_backtracking {
            fancy_regex::RegexBuilder::new(&translation.pattern)
                .backtrack_limit(MAX_STEPS)
                .delegate_size_limit(SIZE_LIMIT_BYTES)
                .max_prog_size(SIZE_LIMIT_BYTES / size_of::<usize>())
                .build()
                .map(Engine::Backtracking)
                .map_err(|error| {
                    lower_first(&match error {
                        fancy_regex::Error::ParseError(_, error) => error.to_string(),
                        fancy_regex::Error::CompileError(error) => error.to_string(),
                        other => other.to_string(),
                    })
                })?
        } else {
            regex::RegexBuilder::new(&translation.pattern)
                .size_limit(SIZE_LIMIT_BYTES)
                .build()
                .map(Engine::Linear)
                .map_err(|error| match &error {
                    regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                    // The library draws a caret of its own under the pattern; its last line says what is wrong.
                    other => {
                        other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
                    }
                })?
        };
        Ok(Self { pattern: pattern.into(), engine })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// The names of the groups, from group 0 on, which has none.
    pub fn group_names(&self) -> Vec<Option<&str>> {
        match &self.engine {
            Engine::Linear(regex) => regex.capture_names().collect(),
            Engine::Backtracking(regex) => regex.capture_names().collect(),
        }
    }

    /// Whether the expression occurs in `text`.
    pub fn is_match(&self, text: &str, ctx: &Context) -> bool {
        match &self.engine {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => self.within_steps(regex.is_match(text), ctx).unwrap_or(false),
        }
    }

    /// Calls `each` with the groups of every match, from left to right, until it says that it has enough.
    pub fn for_each_match(
        &self,
        text: &str,
        groups: &mut Groups,
        ctx: &Context,
        mut each: impl FnMut(&Groups) -> Continue,
    ) {
        let mut cursor = Cursor::default();
        while cursor.next(text, |at| self.captures_at(text, at, groups, ctx)).is_some() {
            if each(groups) == Continue::No {
                return;
            }
        }
    }

    /// The text with every match replaced.
    pub fn replace_all<'t>(&self, text: &'t str, with: &Replacement, ctx: &Context) -> Cow<'t, str> {
        self.replace(text, with, None, ctx)
    }

    /// The text with every match replaced, or only the `nth` one, from 1.
    pub fn replace<'t>(&self, text: &'t str, with: &Replacement, nth: Option<usize>, ctx: &Context) -> Cow<'t, str> {
        let mut groups = Groups::default();
        let mut replaced = String::new();
        let mut n_matches = 0;
        let mut copied = 0;
        self.for_each_match(text, &mut groups, ctx, |groups| {
            n_matches += 1;
            if nth.is_some_and(|nth| nth != n_matches) {
                return Continue::Yes;
            }
            if let Some(whole) = groups.get(0) {
                replaced.push_str(&text[copied..whole.start]);
                with.expand(text, groups, &mut replaced);
                copied = whole.end;
            }
            if nth.is_some() { Continue::No } else { Continue::Yes }
        });
        if copied == 0 && replaced.is_empty() && nth.map_or(n_matches == 0, |nth| n_matches < nth) {
            return Cow::Borrowed(text);
        }
        replaced.push_str(&text[copied..]);
        Cow::Owned(replaced)
    }

    fn captures_at(&self, text: &str, at: usize, groups: &mut Groups, ctx: &Context) -> Option<Range<usize>> {
        match &self.engine {
            Engine::Linear(regex) => {
                let locations = groups.locations.get_or_insert_with(|| regex.capture_locations());
                regex.captures_read_at(locations, text, at).map(|found| found.range())
            }
            Engine::Backtracking(regex) => {
                let found = self.within_steps(regex.captures_from_pos(text, at), ctx)??;
                groups.ranges.clear();
                groups.ranges.extend(found.iter().map(|group| group.map(|group| (group.start(), group.end()))));
                groups.get(0)
            }
        }
    }

    /// The outcome of the engine that goes back, unless it went back too often.
    fn within_steps<T>(&self, outcome: fancy_regex::Result<T>, ctx: &Context) -> Option<T> {
        outcome.map_err(|_| ctx.warn(Warning::RegexGaveUp { pattern: self.pattern.to_string() })).ok()
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Regex").field(&self.pattern).finish()
    }
}

/// The library begins its messages with a capital letter, ours do not.
fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Whether somebody who looks at matches wants the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continue {
    Yes,
    No,
}

/// Steps from match to match. Behind an empty match the search goes on one character later, and an empty match directly
/// behind another match does not count.
#[derive(Default)]
struct Cursor {
    at: usize,
    last_end: Option<usize>,
}

impl Cursor {
    fn next(&mut self, text: &str, mut find_at: impl FnMut(usize) -> Option<Range<usize>>) -> Option<Range<usize>> {
        loop {
            if self.at > text.len() {
                return None;
            }
            let found = find_at(self.at)?;
            let is_counted = !found.is_empty() || self.last_end != Some(found.end);
            self.at = found.end;
            if found.is_empty() {
                self.at += text[found.end..].chars().next().map_or(1, char::len_utf8);
            }
            if is_counted {
                self.last_end = Some(found.end);
                return Some(found);
            }
        }
    }
}

/// What a match is replaced by: text in which `\1` … `\9` stand for groups and `\0` for the whole match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

impl Replacement {
    /// Reads the text. A backslash before anything but a digit is itself.
    pub fn new(text: &str) -> Self {
        Self::read(text, |_| None)
    }

    /// Reads the replacement of a sed expression: `\n`, `\r` and `\t` are characters, and a backslash before punctuation
    /// goes away.
    pub fn sed(text: &str) -> Self {
        Self::read(text, |escaped| match escaped {
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            other => other.is_ascii_punctuation().then_some(other),
        })
    }

    fn read(text: &str, unescape: impl Fn(char) -> Option<char>) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let escaped = chars.peek().filter(|_| c == '\\').copied();
            if let Some(group) = escaped.and_then(|c| c.to_digit(10)) {
                chars.next();
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Group(group as usize));
            } else if let Some(character) = escaped.and_then(&unescape) {
                chars.next();
                literal.push(character);
            } else {
                literal.push(c);
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Self(pieces)
    }

    fn expand(&self, text: &str, groups: &Groups, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(literal) => out.push_str(literal),
                Piece::Group(index) => out.push_str(groups.get(*index).map_or("", |range| &text[range])),
            }
        }
    }
}

/// Compiles a regular expression from the query text at `span`.
pub(crate) fn compile(pattern: &str, span: Span) -> Result<Regex, QueryError> {
    Regex::build(pattern).map_err(|reason| QueryError::new(QueryErrorKind::Regex(reason), span))
}

/// Compiles a regular expression that came with the data; `None` if it is none.
pub(crate) fn compile_data(pattern: &str) -> Option<Regex> {
    Regex::build(pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;
    use proptest::prelude::*;

    /// What only the tests need.
    impl Regex {
        /// The matches from left to right; none overlap.
        pub fn find_iter<'r>(&'r self, text: &'r str, ctx: &'r Context) -> impl Iterator<Item = Range<usize>> + 'r {
            let mut cursor = Cursor::default();
            std::iter::from_fn(move || cursor.next(text, |at| self.find_at(text, at, ctx)))
        }

        /// The first match, with its groups.
        pub fn captures(&self, text: &str, groups: &mut Groups, ctx: &Context) -> bool {
            self.captures_at(text, 0, groups, ctx).is_some()
        }

        fn find_at(&self, text: &str, at: usize, ctx: &Context) -> Option<Range<usize>> {
            match &self.engine {
                Engine::Linear(regex) => regex.find_at(text, at).map(|found| found.range()),
                Engine::Backtracking(regex) => {
                    self.within_steps(regex.find_from_pos(text, at), ctx)?.map(|found| found.range())
                }
            }
        }
    }

    fn regex(pattern: &str) -> Regex {
        Regex::build(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
    }

    #[test]
    fn both_engines_find_the_same() {
        for (pattern, text, expected) in [
            (r"\d+", "a1bc22", vec![1..2, 4..6]),
            (r"(?<=[a-z])\d+", "a1bc22 3", vec![1..2, 4..6]),
            ("a*", "baac", vec![0..0, 1..3, 4..4]),
            ("(?!x)a*", "baac", vec![0..0, 1..3, 4..4]),
            ("é*(?!x)", "aéb", vec![0..0, 1..3, 4..4]),
            (r"(\w)\1", "aab bb", vec![0..2, 4..6]),
            (r"(?<twice>\w)\1", "aab bb", vec![0..2, 4..6]),
            ("x", "", vec![]),
        ] {
            let ctx = context();
            assert_eq!(regex(pattern).find_iter(text, &ctx).collect::<Vec<_>>(), expected, "{pattern} in {text}");
            assert_eq!(regex(pattern).is_match(text, &ctx), !expected.is_empty(), "{pattern} in {text}");
        }
    }

    #[test]
    fn groups_have_names_and_places() {
        for pattern in ["(?<a>x)(y)?(?P<b>z)?", "(?<a>x)(y)?(?P<b>z)?(?!q)"] {
            let regex = regex(pattern);
            assert_eq!(regex.group_names(), [None, Some("a"), None, Some("b")]);
            let mut groups = Groups::default();
            assert!(regex.captures("-xz-x", &mut groups, &context()));
            assert_eq!(
                [0, 1, 2, 3, 9].map(|index| groups.get(index)),
                [Some(1..3), Some(1..2), None, Some(2..3), None]
            );
            assert!(!regex.captures("-", &mut groups, &context()));
        }
    }

    #[test]
    fn replacing() {
        let ctx = context();
        for (pattern, text, with, expected) in [
            (r"(\d+)-(\d+)", "1-2, 3-4", r"\2.\1\9", "2.1, 4.3"),
            ("a", "banana", r"<\0>", "b<a>n<a>n<a>"),
            ("x", "banana", "y", "banana"),
            ("a", "aaa", "", ""),
            ("^", "ab", "> ", "> ab"),
            (r"(?<=a)n", "banana", r"\n", r"ba\na\na"),
        ] {
            assert_eq!(regex(pattern).replace_all(text, &Replacement::new(with), &ctx), expected, "{pattern}");
        }
        let second = regex("a").replace("banana", &Replacement::new("A"), Some(2), &ctx);
        assert_eq!(second, "banAna");
        assert_eq!(regex("a").replace("banana", &Replacement::new("A"), Some(4), &ctx), "banana");
        assert_eq!(regex(",").replace_all("a,b", &Replacement::sed(r"\n\/\\\d"), &ctx), "a\n/\\\\db");
    }

    #[test]
    fn an_expression_that_goes_back_too_often_does_not_match_and_warns() {
        let ctx = context();
        let hostile = regex("(?=a)(a|aa)+$(?!b)");
        assert!(!hostile.is_match(&format!("{}b", "a".repeat(200)), &ctx));
        let warnings = ctx.warnings();
        assert_eq!(warnings, [Warning::RegexGaveUp { pattern: hostile.as_str().to_owned() }]);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let reason = |pattern: &str| Regex::build(pattern).expect_err(pattern);
        insta::assert_snapshot!(reason("(a"), @"unclosed group");
        insta::assert_snapshot!(reason("*"), @"repetition operator missing expression");
        insta::assert_snapshot!(reason(r"\y"), @"unrecognized escape sequence");
        insta::assert_snapshot!(reason(r"(?=a"), @"opening parenthesis without closing parenthesis");
        insta::assert_snapshot!(reason("a{9999}{9999}"), @"it is too large");
        insta::assert_snapshot!(reason(r"(?=a)\7"), @"invalid back reference to group 7");
    }

    proptest! {
        #[test]
        fn any_text_compiles_or_is_refused(pattern in r#"[\\\[\](){}<>?:!=^$&~a-c0-2,|*+.'-]{0,12}"#) {
            if let Ok(regex) = Regex::build(&pattern) {
                let ctx = context();
                let n_matches = regex.find_iter("ab<c>{1}", &ctx).count();
                prop_assert!(n_matches <= 9, "{} matches", n_matches);
            }
        }

        #[test]
        fn plain_patterns_mean_what_they_always_did(pattern in r"[a-c.*+?|()]{0,8}", text in "[a-c]{0,8}") {
            prop_assume!(!translate(&pattern).needs_backtracking);
            if let (Ok(ours), Ok(theirs)) = (Regex::build(&pattern), regex::Regex::new(&pattern)) {
                let ctx = context();
                let found: Vec<_> = ours.find_iter(&text, &ctx).collect();
                let expected: Vec<_> = theirs.find_iter(&text).map(|found| found.range()).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
