//! Matching words, wildcard words and phrases against the text of an event.
//!
//! A pattern is literals with `*` between them. It matches if some contiguous stretch of the text equals it, letters of
//! ASCII folded unless `CASE()` says otherwise, where `*` is any run of bytes without a major breaker, and both ends of
//! the stretch lie on a token boundary — or, for `TERM()`, at a major breaker. At an end with a `*` there is always such a
//! place, so that end is free.
//!
//! Which text: a bare pattern of token bytes only (`404`, `pay*`) and an IPv4 address never mean a part of the event's
//! time stamp, so they are matched on the text with the recognised stamp blanked. Every other pattern sees the whole
//! text. Both also see the text with its escapes decoded, except `TERM()`, which is about the characters as written.

use super::{Pattern, PatternForm};
use memchr::memmem;
use std::cell::OnceCell;
use std::fmt::Write;
use std::ops::Range;
use trawl_formats::timestamp::Span as Stamp;
use trawl_formats::token::{is_boundary, is_major_breaker, is_token_byte, unescape};

/// The text of one event in the forms that patterns want, decoded at most once and only if asked for.
#[derive(Debug)]
pub struct EventText<'t> {
    text: &'t [u8],
    stamp: Option<Stamp>,
    unescaped: OnceCell<Option<Vec<u8>>>,
    unescaped_without_stamp: OnceCell<Option<Vec<u8>>>,
}

impl<'t> EventText<'t> {
    /// The text of an event and the place of its recognised time stamp in it.
    pub fn new(text: &'t [u8], stamp: Option<Stamp>) -> Self {
        let stamp = stamp.filter(|stamp| stamp.start as usize + stamp.len as usize <= text.len());
        Self { text, stamp, unescaped: OnceCell::new(), unescaped_without_stamp: OnceCell::new() }
    }

    /// The text as it is.
    pub fn text(&self) -> &'t [u8] {
        self.text
    }

    /// The text with its escapes decoded, if it has any.
    fn unescaped(&self) -> Option<&[u8]> {
        self.unescaped.get_or_init(|| unescape(self.text)).as_deref()
    }

    /// The text with its stamp blanked and then its escapes decoded, if it has any.
    fn unescaped_without_stamp(&self) -> Option<&[u8]> {
        let Some(stamp) = self.stamp_range() else { return self.unescaped() };
        self.unescaped_without_stamp
            .get_or_init(|| {
                // Without one of these nothing decodes, and the copy is not needed.
                memchr::memchr2(b'\\', b'&', self.text)?;
                let mut text = self.text.to_vec();
                text[stamp].fill(b' ');
                unescape(&text)
            })
            .as_deref()
    }

    fn stamp_range(&self) -> Option<Range<usize>> {
        self.stamp.map(|stamp| stamp.start as usize..stamp.start as usize + stamp.len as usize)
    }
}

/// A compiled [`Pattern`]. Matching does not allocate, except to decode the escapes of an event that has some.
#[derive(Clone, Debug)]
pub struct PatternMatcher {
    engine: Engine,
    scope: Scope,
    spans_lines: bool,
}

#[derive(Clone, Debug)]
enum Engine {
    /// One literal, possibly with stars around it.
    Literal { finder: Finder, left: Edge, right: Edge },
    /// Literals with stars between them; group 1 of the expression is the stretch. The longest literal must occur first:
    /// looking for it alone is much faster.
    Regex { longest: Finder, regex: regex::bytes::Regex },
}

/// The texts a pattern is matched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    WithoutStamp,
    Whole,
    AsWritten,
}

/// What must hold at an end of the stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Free,
    Token,
    Major,
}

/// Major breakers of more than one byte: characters as URLs encode them, and the dash of two hyphens. spl.md §4.
const ENCODED_BREAKERS: [&str; 17] = [
    "%21", "%26", "%2526", "%3B", "%7C", "%20", "%2B", "%3D", "--", "%2520", "%5D", "%5B", "%3A", "%0A", "%2C", "%28",
    "%29",
];

impl PatternMatcher {
    /// Compiles a pattern.
    pub fn new(pattern: &Pattern) -> Self {
        let literals = pattern.glob.literals();
        let bounded = if pattern.form == PatternForm::Term { Edge::Major } else { Edge::Token };
        let edge = |literal: &str| if literal.is_empty() { Edge::Free } else { bounded };
        // A pattern that is nothing but stars is no pattern, so there is at least one literal with text.
        let (first, last) = (&literals[0], &literals[literals.len() - 1]);
        let (left, right) = (edge(first), edge(last));
        let mut filled = literals.iter().filter(|literal| !literal.is_empty());
        let engine = match (filled.next(), filled.next()) {
            (Some(literal), None) => {
                Engine::Literal { finder: Finder::new(literal.as_bytes(), pattern.case_sensitive), left, right }
            }
            _ => {
                let longest =
                    literals.iter().max_by_key(|literal| literal.len()).map_or(&[][..], |literal| literal.as_bytes());
                let longest = Finder::new(longest, pattern.case_sensitive);
                Engine::Regex { longest, regex: compile_regex(pattern, left, right) }
            }
        };
        let is_word = literals.iter().flat_map(|literal| literal.bytes()).all(is_token_byte);
        let scope = match pattern.form {
            PatternForm::Term => Scope::AsWritten,
            PatternForm::Bare if is_word || pattern.is_ipv4() => Scope::WithoutStamp,
            PatternForm::Bare | PatternForm::Quoted => Scope::Whole,
        };
        let spans_lines = literals.iter().any(|literal| literal.contains(['\n', '\r']));
        Self { engine, scope, spans_lines }
    }

    /// Whether the event holds the pattern.
    pub fn matches(&self, event: &EventText<'_>) -> bool {
        match (self.scope, event.stamp_range()) {
            (Scope::AsWritten, _) => self.is_match(event.text),
            (Scope::Whole, _) => self.is_match(event.text) || event.unescaped().is_some_and(|text| self.is_match(text)),
            // No match of such a pattern crosses a blank, and both ends of a stamp are boundaries: the two sides of the
            // stamp stand for the blanked text.
            (Scope::WithoutStamp, Some(stamp)) => {
                self.is_match(&event.text[..stamp.start])
                    || self.is_match(&event.text[stamp.end..])
                    || event.unescaped_without_stamp().is_some_and(|text| self.is_match(text))
            }
            (Scope::WithoutStamp, None) => {
                self.is_match(event.text) || event.unescaped().is_some_and(|text| self.is_match(text))
            }
        }
    }

    /// Whether these very bytes hold the pattern.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Literal { .. } => self.find_at(text, 0).is_some(),
            Engine::Regex { longest, regex } => longest.find(text, 0).is_some() && regex.is_match(text),
        }
    }

    /// Where in `lowered`, text in lower case, at or after `from`, there can be a match: no match is missed, but a hit may be
    /// none. For searching many events at once, which is several times faster than one by one.
    pub fn find_lowered(&self, lowered: &[u8], from: usize) -> Option<usize> {
        match &self.engine {
            Engine::Literal { finder, left, right } => {
                let mut from = from;
                loop {
                    let start = finder.find_lowered(lowered, from)?;
                    let end = start + finder.needle.len();
                    if left.holds_before(lowered, start) && right.holds_after(lowered, end) {
                        return Some(start);
                    }
                    from = start + 1;
                }
            }
            Engine::Regex { longest, .. } => longest.find_lowered(lowered, from),
        }
    }

    /// Whether a match may run over a line end, around which the text of an event lacks carriage returns that its bytes have.
    pub(crate) fn spans_lines(&self) -> bool {
        self.spans_lines
    }

    /// Length of a hit of [`find_lowered`](Self::find_lowered), where it is known.
    pub(crate) fn literal_len(&self) -> Option<usize> {
        match &self.engine {
            Engine::Literal { finder, .. } => Some(finder.needle.len()),
            Engine::Regex { .. } => None,
        }
    }

    /// Whether bytes whose lower-cased form [`find_lowered`](Self::find_lowered) has hit match as they are written.
    pub(crate) fn is_literal(&self, bytes: &[u8]) -> bool {
        match &self.engine {
            Engine::Literal { finder, .. } => finder.fold || *bytes == *finder.needle,
            Engine::Regex { .. } => false,
        }
    }

    /// Whether it is matched on the text without its stamp.
    pub(crate) fn skips_stamp(&self) -> bool {
        self.scope == Scope::WithoutStamp
    }

    /// Whether it is also matched on the text with its escapes decoded.
    pub(crate) fn sees_escapes(&self) -> bool {
        self.scope != Scope::AsWritten
    }

    /// The first stretch of `text` that matches and starts at or after `from`; for highlighting. Where the pattern begins
    /// or ends with a star the stretch is the part without it.
    pub fn find_at(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        match &self.engine {
            Engine::Literal { finder, left, right } => {
                let mut from = from;
                loop {
                    let start = finder.find(text, from)?;
                    let end = start + finder.needle.len();
                    if left.holds_before(text, start) && right.holds_after(text, end) {
                        return Some(start..end);
                    }
                    from = start + 1;
                }
            }
            Engine::Regex { regex, .. } => {
                // A few bytes back, so that the breaker before `from` can be seen.
                let mut at = from.saturating_sub(ENCODED_BREAKERS[2].len());
                loop {
                    let groups = regex.captures_at(text, at)?;
                    let (whole, stretch) = (groups.get(0)?, groups.get(1)?);
                    if stretch.start() >= from {
                        return Some(stretch.range());
                    }
                    at = whole.start() + 1;
                }
            }
        }
    }
}

impl Pattern {
    /// Whether the pattern is four numbers of one to three digits joined by dots.
    pub fn is_ipv4(&self) -> bool {
        let [literal] = self.glob.literals() else { return false };
        let numbers: Vec<&str> = literal.split('.').collect();
        numbers.len() == 4
            && numbers
                .iter()
                .all(|number| (1..=3).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit()))
    }
}

/// `%3d` is the same character as `%3D`.
fn is_breaker(text: &[u8], breaker: &str) -> bool {
    text.eq_ignore_ascii_case(breaker.as_bytes())
}

impl Edge {
    fn holds_before(self, text: &[u8], start: usize) -> bool {
        match self {
            Edge::Free => true,
            Edge::Token => is_boundary(text, start),
            Edge::Major => {
                start == 0
                    || is_major_breaker(text[start - 1])
                    || ENCODED_BREAKERS.iter().any(|breaker| {
                        start.checked_sub(breaker.len()).is_some_and(|from| is_breaker(&text[from..start], breaker))
                    })
            }
        }
    }

    fn holds_after(self, text: &[u8], end: usize) -> bool {
        match self {
            Edge::Free => true,
            Edge::Token => is_boundary(text, end),
            Edge::Major => {
                end == text.len()
                    || is_major_breaker(text[end])
                    || ENCODED_BREAKERS
                        .iter()
                        .any(|breaker| text.get(end..end + breaker.len()).is_some_and(|text| is_breaker(text, breaker)))
            }
        }
    }
}

/// Finds a byte string, with the case of ASCII letters folded or not.
///
/// It looks for the byte of the needle that is likely to be the rarest in logs, in both cases at once, and compares the
/// rest around each hit. That needs no folded copy of the text, and little set-up for short events.
#[derive(Clone, Debug)]
struct Finder {
    /// Lower-cased if `fold`.
    needle: Box<[u8]>,
    fold: bool,
    rarest_at: usize,
    /// The needle in lower case, to be looked for in lower-cased text.
    lowered: Box<memmem::Finder<'static>>,
}

impl Finder {
    fn new(needle: &[u8], case_sensitive: bool) -> Self {
        let fold = !case_sensitive;
        let needle: Box<[u8]> = if fold { needle.to_ascii_lowercase() } else { needle.to_vec() }.into();
        let rarest_at = (0..needle.len()).min_by_key(|at| commonness(needle[*at])).unwrap_or(0);
        let lowered = Box::new(memmem::Finder::new(&needle.to_ascii_lowercase()).into_owned());
        Self { needle, fold, rarest_at, lowered }
    }

    /// The first place at or after `from` of text in lower case that can be a match, in whatever case it was.
    fn find_lowered(&self, text: &[u8], from: usize) -> Option<usize> {
        Some(from + self.lowered.find(text.get(from..)?)?)
    }

    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let rarest = *self.needle.get(self.rarest_at)?;
        let mut at = from + self.rarest_at;
        loop {
            let rest = text.get(at..)?;
            let found = match rarest.to_ascii_uppercase() {
                upper if self.fold && upper != rarest => memchr::memchr2(rarest, upper, rest),
                _ => memchr::memchr(rarest, rest),
            };
            let start = at + found? - self.rarest_at;
            let stretch = text.get(start..start + self.needle.len())?;
            let equal = if self.fold { stretch.eq_ignore_ascii_case(&self.needle) } else { *stretch == *self.needle };
            if equal {
                return Some(start);
            }
            at = start + self.rarest_at + 1;
        }
    }
}

/// How common a byte is in logs, roughly. Only speed depends on it.
fn commonness(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        b' ' | b'0'..=b'2' => 9,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'.' | b':' | b'-' => 8,
        b'3'..=b'9' | b'/' | b'=' | b'"' | b'_' | b',' => 7,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' => 6,
        b'h' | b'g' | b'f' | b'b' => 5,
        b'y' | b'w' | b'v' | b'k' => 4,
        b'a'..=b'z' => 2,
        _ => 3,
    }
}

fn compile_regex(pattern: &Pattern, left: Edge, right: Edge) -> regex::bytes::Regex {
    let major: String = (0..=u8::MAX).filter(|byte| is_major_breaker(*byte)).map(hex).collect();
    let other: String = (0..=u8::MAX).filter(|byte| !is_token_byte(*byte)).map(hex).collect();
    let encoded = ENCODED_BREAKERS.join("|");
    let edge = |edge: Edge, inner: Option<u8>, anchor: &str| match (edge, inner) {
        (Edge::Token, Some(inner)) if is_token_byte(inner) => format!("(?:{anchor}|[{other}])"),
        (Edge::Major, _) => format!("(?:{anchor}|[{major}]|{encoded})"),
        _ => String::new(),
    };
    let literals = pattern.glob.literals();
    let mut regex = edge(left, literals[0].bytes().next(), r"\A");
    regex.push('(');
    for (i, literal) in literals.iter().enumerate() {
        if i > 0 {
            // Writing to a string cannot fail.
            let _ = write!(regex, "[^{major}]*?");
        }
        regex.extend(literal.bytes().map(hex));
    }
    regex.push(')');
    regex.push_str(&edge(right, literals[literals.len() - 1].bytes().last(), r"\z"));
    regex::bytes::RegexBuilder::new(&regex)
        .unicode(false)
        .case_insensitive(!pattern.case_sensitive)
        .size_limit(usize::MAX)
        .build()
        .expect("escaped bytes and classes are a valid regular expression")
}

fn hex(byte: u8) -> String {
    format!("\\x{byte:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::Glob;
    use crate::search::SearchExpr;
    use proptest::prelude::*;

    fn matches_with_stamp(raw: &str, query: &str, stamp: Option<&str>) -> bool {
        let pattern = pattern(query);
        let stamp = stamp.map(|stamp| Stamp { start: raw.find(stamp).unwrap() as u32, len: stamp.len() as u32 });
        PatternMatcher::new(&pattern).matches(&EventText::new(raw.as_bytes(), stamp))
    }

    fn pattern(query: &str) -> Pattern {
        match crate::parse(query).unwrap().search.unwrap() {
            SearchExpr::Pattern(pattern) => pattern,
            other => panic!("{query} is not one pattern: {other:?}"),
        }
    }

    fn matches(raw: &str, query: &str) -> bool {
        matches_with_stamp(raw, query, None)
    }

    /// The table of spl.md §4.
    #[test]
    fn segmentation() {
        let cases = [
            ("src=10.0.0.1 up", "10.0.0.1", true),
            ("src=10.0.0.10", "10.0.0.1", false),
            ("110.0.0.1", "10.0.0.1", false),
            ("src=10.0.0.10", "10.0.0", true),
            ("src=10.0.0.1", "TERM(10.0.0.1)", false),
            ("src=10.0.0.1 up", "TERM(src=10.0.0.1)", true),
            ("user=alice,", "alice", true),
            ("user=alice,", "\"user=alice\"", true),
            ("error_count=3", "error", true),
            ("ERROR: disk", "error", true),
            ("ERROR disk", "\"error:\"", false),
            ("ERROR: disk", "\"error:\"", true),
            ("a/b/c.log", "c.log", true),
            ("a/b/c.log", "b/c", true),
            ("a/b/c.log", "a/b/c.log", true),
            ("a/b/c.log", "log", true),
            ("foo-bar", "foo", true),
            ("foo-bar", "bar", true),
            ("foo-bar", "foo-bar", true),
            ("foo-bar", "\"foo bar\"", false),
            ("PaymentService", "payment", false),
            ("PaymentService", "payment*", true),
            ("PaymentService", "*service", true),
            ("NullPointerException at com.x.Y", "Null*Exception", true),
            ("msg=\"a,b\"", "a", true),
            ("msg=\"a,b\"", "b", true),
            ("msg=\"a,b\"", "\"a,b\"", true),
            ("foo-bar", "foo*bar", true),
            ("foo bar", "foo*bar", false),
            ("foo,bar", "fo*ar", false),
        ];
        for (raw, query, expected) in cases {
            assert_eq!(matches(raw, query), expected, "{query} on {raw}");
        }
    }

    #[test]
    fn wildcards_stay_within_major_breakers() {
        let cases = [
            ("xpayments", "pay*", false),
            ("x_payments", "pay*", true),
            ("abc", "*b*", true),
            ("a.b.c", "a*c", true),
            ("a.b.cd", "a*c", false),
            ("a1 x a2b", "a*b", true),
            ("time out now", "\"time o*\"", true),
            ("aXb aXc", "a*b", true),
            ("ab b", "a*b*b", false),
            ("abb", "a*b*b", true),
        ];
        for (raw, query, expected) in cases {
            assert_eq!(matches(raw, query), expected, "{query} on {raw}");
        }
    }

    #[test]
    fn term_is_bounded_by_major_breakers() {
        let cases = [
            ("ip 10.0.0.1, up", "TERM(10.0.0.1)", true),
            ("ip 10.0.0.1:80", "TERM(10.0.0.1)", false),
            ("ip 10.0.0.1:80", "TERM(10.0.*)", true),
            ("q=a%3dten%3D", "TERM(ten)", true),
            ("q=a%20b", "TERM(b)", true),
            ("q--b", "TERM(b)", true),
            ("q-b", "TERM(b)", false),
            ("[Abc]", "TERM(abc)", true),
            ("k=v1.x", "TERM(k*x)", true),
            ("k=v1.x-", "TERM(k*x)", false),
        ];
        for (raw, query, expected) in cases {
            assert_eq!(matches(raw, query), expected, "{query} on {raw}");
        }
    }

    #[test]
    fn case_matters_only_on_request() {
        assert!(matches("ERROR x", "error"));
        assert!(!matches("ERROR x", "CASE(error)"));
        assert!(matches("ERROR x", "CASE(ERROR)"));
        assert!(matches("ERROR x", "CASE(ERR*)"));
        assert!(!matches("ERROR_x", "CASE(E*X)"));
        // Folding is for ASCII alone.
        assert!(!matches("É", "é"));
        assert!(matches("É", "É"));
    }

    #[test]
    fn words_do_not_mean_the_time_stamp() {
        let raw = "2026-11-20T14:05:00.404 code=200 at 10.1.2.3";
        let stamp = Some("2026-11-20T14:05:00.404");
        let cases = [
            ("404", false),
            ("20*", true),
            ("2026*", false),
            ("200", true),
            ("2026-11-20T14:05:00.404", true),
            ("\"404\"", true),
            ("05:00", true),
            ("10.1.2.3", true),
        ];
        for (query, expected) in cases {
            assert_eq!(matches_with_stamp(raw, query, stamp), expected, "{query}");
        }
        assert!(!matches_with_stamp("10.20.30.40 up", "10.20.30.40", Some("10.20.30.40")));
    }

    #[test]
    fn escapes_are_seen_through() {
        let raw = r#"{"t":"404","m":"caf\u00e9\nline two"}"#;
        assert!(matches(raw, "café"));
        assert!(matches(raw, "line"));
        assert!(matches(raw, "\"line two\""));
        assert!(!matches(raw, "TERM(line)"));
        assert!(!matches_with_stamp(raw, "404", Some("404")));
    }

    #[test]
    fn stretches_for_highlighting() {
        let find = |raw: &str, query: &str, from| PatternMatcher::new(&pattern(query)).find_at(raw.as_bytes(), from);
        assert_eq!(find("an error, Error", "error", 0), Some(3..8));
        assert_eq!(find("an error, Error", "error", 4), Some(10..15));
        assert_eq!(find("xa1b a2b", "a*b", 0), Some(5..8));
        assert_eq!(find("a1b a2b", "a*b", 1), Some(4..7));
        assert_eq!(find("payment", "pay*", 0), Some(0..3));
    }

    /// The definition, word for word: try every stretch.
    fn naive(pattern: &Pattern, text: &[u8]) -> bool {
        fn glob(literals: &[compact_str::CompactString], text: &[u8]) -> Option<Vec<usize>> {
            let (first, rest) = literals.split_first()?;
            let after = text.strip_prefix(first.as_bytes())?;
            if rest.is_empty() {
                return Some(vec![text.len() - after.len()]);
            }
            let run = after.iter().take_while(|byte| !is_major_breaker(**byte)).count();
            let mut ends = Vec::new();
            for skip in 0..=run {
                for end in glob(rest, &after[skip..]).unwrap_or_default() {
                    ends.push(first.len() + skip + end);
                }
            }
            Some(ends)
        }
        let text = text.to_ascii_lowercase();
        let literals: Vec<_> = pattern.glob.literals().iter().map(|literal| literal.to_ascii_lowercase()).collect();
        (0..=text.len()).any(|start| {
            is_boundary(&text, start)
                && glob(&literals, &text[start..])
                    .is_some_and(|ends| ends.iter().any(|end| is_boundary(&text, start + end)))
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(text in "[aAb., ]{0,10}", glob in "[ab.*]{1,5}") {
            let glob = Glob::new(&glob);
            prop_assume!(!glob.matches_everything());
            let pattern = Pattern { glob, form: PatternForm::Bare, case_sensitive: false, span: Default::default() };
            let found = PatternMatcher::new(&pattern).is_match(text.as_bytes());
            prop_assert_eq!(found, naive(&pattern, text.as_bytes()), "{} on {}", pattern, text);
        }
    }
}
