//! What to colour in the text of an event: what the query matched, and the level.

use super::sanitize;
use super::theme::Theme;
use aho_corasick::{AhoCorasick, Match, MatchKind};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use trawl_formats::token::is_boundary;
use trawl_formats::{Registry, Severity};
use trawl_query::Highlight;

/// What is coloured in events.
#[derive(Clone, Default)]
pub struct Marks {
    /// Finds what the query matched.
    pub highlighter: Highlighter,
    /// The log formats, which know what a level means.
    pub registry: Option<Arc<Registry>>,
}

impl Marks {
    /// How grave an event is that its sourcetype gives this level.
    pub fn severity(&self, sourcetype: &str, level: &str) -> Option<Severity> {
        self.registry.as_ref()?.get(sourcetype)?.severity(level)
    }
}

/// Finds the literals of a query's terms in a text.
#[derive(Clone, Debug, Default)]
pub struct Highlighter {
    literals: Vec<Highlight>,
    automaton: Option<AhoCorasick>,
}

impl Highlighter {
    /// Finds `literals`, the longest one at each place.
    pub fn new(literals: Vec<Highlight>) -> Self {
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest);
        // Without an automaton (too many or too long literals) nothing is coloured, which loses no information.
        let automaton = builder.build(literals.iter().map(|literal| &literal.literal)).ok();
        Self { automaton: automaton.filter(|_| !literals.is_empty()), literals }
    }

    fn matches(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let is_match = |found: &Match| {
            let wanted = &self.literals[found.pattern()];
            (!wanted.case_sensitive || text[found.range()] == *wanted.literal.as_bytes())
                && (!wanted.begins_word || is_boundary(text, found.start()))
                && (!wanted.ends_word || is_boundary(text, found.end()))
        };
        automaton.find_iter(text).filter(is_match).map(|found| found.range()).collect()
    }
}

/// The style of a level.
fn level_style(severity: Severity, theme: &Theme) -> Style {
    if !theme.is_colored() {
        return Style::new();
    }
    match severity {
        Severity::Fatal => AnsiColor::Red.on_default().bold().invert(),
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warn => AnsiColor::Yellow.on_default().bold(),
        Severity::Info => AnsiColor::Green.on_default(),
        Severity::Debug => AnsiColor::Blue.on_default(),
        Severity::Trace => Style::new().dimmed(),
    }
}

/// Where the word `level` stands in the first line of an event.
fn level_range(text: &[u8], level: &str) -> Option<Range<usize>> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    let is_word_end = |at: usize| line.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let mut places = line.windows(level.len().max(1)).enumerate();
    let is_here = |(at, window): &(usize, &[u8])| {
        *window == level.as_bytes() && is_word_end(at + level.len()) && (*at == 0 || is_word_end(at - 1))
    };
    places.find(is_here).map(|(at, _)| at..at + level.len())
}

/// Writes the text of an event for a terminal: hostile characters visible, matches and the level in colour.
pub fn write_event(
    out: &mut dyn Write,
    text: &[u8],
    level: Option<(&str, Severity)>,
    highlighter: &Highlighter,
    theme: &Theme,
) -> io::Result<()> {
    if !theme.is_colored() {
        return sanitize::write(out, text, theme);
    }
    let mut spans: Vec<(Range<usize>, Style)> =
        highlighter.matches(text).into_iter().map(|range| (range, theme.matched)).collect();
    // A match of the level itself keeps the level's colour.
    if let Some((word, severity)) = level
        && let Some(range) = level_range(text, word)
    {
        spans.retain(|(span, _)| span.end <= range.start || range.end <= span.start);
        let at = spans.partition_point(|(span, _)| span.start < range.start);
        spans.insert(at, (range, level_style(severity, theme)));
    }
    let mut written = 0;
    for (range, style) in spans {
        sanitize::write(out, &text[written..range.start], theme)?;
        write!(out, "{style}")?;
        sanitize::write(out, &text[range.clone()], theme)?;
        write!(out, "{style:#}")?;
        written = range.end;
    }
    sanitize::write(out, &text[written..], theme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(literal: &str, case_sensitive: bool) -> Highlight {
        Highlight { literal: literal.to_owned(), case_sensitive, begins_word: true, ends_word: true }
    }

    fn colored(text: &str, level: Option<(&str, Severity)>, literals: &[&str]) -> String {
        let literals = literals.iter().map(|literal| word(literal, false)).collect();
        let mut out = Vec::new();
        write_event(&mut out, text.as_bytes(), level, &Highlighter::new(literals), &Theme::colored()).unwrap();
        String::from_utf8(out).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn matches_and_level_are_coloured() {
        insta::assert_snapshot!(
            colored("14:05 ERROR db: Timeout\x07 ERRORS\nat Db.timeout()", Some(("ERROR", Severity::Error)), &["timeout", "error"]),
            @r"
            14:05 ^[1m^[31mERROR^[0m db: ^[1m^[35mTimeout^[0m^[7m^[36m\x07^[0m ERRORS
            at Db.^[1m^[35mtimeout^[0m()
            "
        );
        assert_eq!(colored("plain", None, &[]), "plain");
    }

    #[test]
    fn case_matters_where_the_query_says_so() {
        let matches = Highlighter::new(vec![word("Db", true)]).matches(b"DB db Db");
        assert_eq!((matches.len(), matches[0].start), (1, 6));
    }

    #[test]
    fn only_whole_words_match_unless_a_wildcard_says_so() {
        let prefix = Highlight { ends_word: false, ..word("err", false) };
        let matches = Highlighter::new(vec![prefix]).matches(b"ERRORS xerr");
        assert_eq!((matches.len(), matches[0].clone()), (1, 0..3));
    }

    #[test]
    fn a_level_is_a_word_of_the_first_line() {
        let cases = [
            ("INFO: x", "INFO", Some(0..4)),
            ("[main] INFO x", "INFO", Some(7..11)),
            ("INFORM INFO", "INFO", Some(7..11)),
            ("x\nINFO", "INFO", None),
            ("x", "", None),
        ];
        for (text, level, expected) in cases {
            assert_eq!(level_range(text.as_bytes(), level).filter(|range| !range.is_empty()), expected, "{text}");
        }
    }
}
