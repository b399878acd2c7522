//! What pages for people are made of: clocks, durations, short names of sources, lines that fit.

use crate::output::{Highlighter, Theme, human, visible, write_event};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;
use trawl_formats::{Severity, Zone};
use trawl_query::rca::{Event, Moment};
use trawl_query::time::TimeFormat;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Widest line of an event in a pipe, in columns; JSON has all of it.
const MAX_PIPE_WIDTH: usize = 400;
/// Narrowest that lines are cut to on a terminal.
const MIN_WIDTH: usize = 24;

/// Prints instants of one result: with the day where they are of several.
pub struct Clock {
    zone: Zone,
    short: TimeFormat,
    long: TimeFormat,
}

impl Clock {
    /// For results whose instants are `times`.
    pub fn new(zone: Zone, times: impl Iterator<Item = Moment>) -> Self {
        let day = TimeFormat::new("%F");
        let mut days: Vec<Option<String>> = times.map(|time| day.format(time.0, zone)).collect();
        days.dedup();
        let short = if days.len() > 1 { "%F %T.%3N" } else { "%T.%3N" };
        Self { zone, short: TimeFormat::new(short), long: TimeFormat::new("%F %T.%3N %:z") }
    }

    /// An instant beside others.
    pub fn short(&self, time: Moment) -> String {
        self.short.format(time.0, self.zone).unwrap_or_else(|| time.0.to_string())
    }

    /// An instant with day and zone.
    pub fn long(&self, time: Moment) -> String {
        self.long.format(time.0, self.zone).unwrap_or_else(|| time.0.to_string())
    }
}

/// A length of time: `40 ms`, `3.2 s`, `4 min 5 s`, `1 h 0 min`.
pub fn span(us: i64) -> String {
    let length = Duration::from_micros(us.unsigned_abs());
    let text = if length.as_secs() >= 3600 { human::age(length) } else { human::duration(length) };
    if us < 0 { format!("-{text}") } else { text }
}

/// A time relative to another one: `+40 ms`, `-2 min 18 s`.
pub fn relative(us: i64) -> String {
    if us >= 0 { format!("+{}", span(us)) } else { span(us) }
}

/// Names of sources without the folders that all of them have.
pub struct ShortNames(BTreeMap<String, String>);

impl ShortNames {
    /// Short names of `sources`; each is the end of its source, and no two are alike.
    pub fn new<'s>(sources: impl Iterator<Item = &'s str>) -> Self {
        let sources: Vec<&str> = sources.collect();
        let folder = |source: &str| source.rfind('/').map_or(0, |slash| slash + 1);
        let mut common = sources.first().map_or("", |first| &first[..folder(first)]);
        for source in &sources {
            let n_same = common.bytes().zip(source.bytes()).take_while(|(a, b)| a == b).count();
            common =
                &common[..common.as_bytes()[..n_same].iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1)];
        }
        let len = common.len();
        Self(sources.iter().map(|source| ((*source).to_owned(), visible(&source[len..]).into_owned())).collect())
    }

    /// The short name of a source, safe to print; `?` for one that was not among them.
    pub fn of(&self, source: &str) -> &str {
        self.0.get(source).map_or("?", String::as_str)
    }
}

/// Text in as many columns as it has or as it needs to fill `width`.
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(text.width()))
}

/// The widest of some texts.
pub fn widest<'t>(texts: impl Iterator<Item = &'t str>) -> usize {
    texts.map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// Prints lines of events in what is left of a row.
pub struct Lines<'a> {
    /// The colours.
    pub theme: &'a Theme,
    /// What is coloured in them.
    pub highlighter: &'a Highlighter,
    /// Columns of the terminal, if there is one.
    pub terminal_width: Option<usize>,
}

impl Lines<'_> {
    /// The first line of an event behind `n_before` columns, cut to fit, and how many more lines it has.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, event: &Event, n_before: usize) -> io::Result<()> {
        let more = match event.n_more_lines() {
            0 => String::new(),
            n => format!(" (+{})", human::plural(n as u64, "line")),
        };
        let room = self.terminal_width.map_or(MAX_PIPE_WIDTH, |width| width.saturating_sub(n_before).max(MIN_WIDTH));
        let line = event.first_line().replace('\t', " ");
        let line = cut(&line, room.saturating_sub(more.len()));
        let level = event.level.as_deref().filter(|_| event.is_error).map(|level| (level, Severity::Error));
        write_event(out, line.as_bytes(), level, self.highlighter, self.theme)?;
        let faint = self.theme.faint;
        writeln!(out, "{faint}{more}{faint:#}")
    }
}

/// As much of a line as fits, with a mark where something is missing. What is printed as an escape takes more room.
pub fn cut(line: &str, width: usize) -> String {
    let shown = |c: char| if c.is_control() { 4 } else { c.width().unwrap_or(0) };
    let (mut used, mut end) = (0, 0);
    for (at, c) in line.char_indices() {
        if used + shown(c) > width {
            return format!("{}…", &line[..end]);
        }
        used += shown(c);
        // One column is kept for the mark.
        if used < width {
            end = at + c.len_utf8();
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_apart() {
        let sources = ["/logs/payments/api-gateway.log", "/logs/payments/deploy.log", "/logs/auth.log"];
        let names = ShortNames::new(sources.into_iter());
        assert_eq!(
            sources.map(|source| names.of(source)),
            ["payments/api-gateway.log", "payments/deploy.log", "auth.log"]
        );
        let names = ShortNames::new(["/var/log/a.log"].into_iter());
        assert_eq!(names.of("/var/log/a.log"), "a.log");
        let names = ShortNames::new(["udp:514", "stdin\x1b[2J"].into_iter());
        assert_eq!((names.of("udp:514"), names.of("stdin\x1b[2J")), ("udp:514", r"stdin\x1b[2J"));
    }

    #[test]
    fn lengths_of_time_are_readable() {
        let cases = [(40_000, "+40 ms"), (-138_240_000, "-2 min 18 s"), (3_600_040_000, "+1 h 0 min"), (0, "+0.0 ms")];
        for (us, expected) in cases {
            assert_eq!(relative(us), expected);
        }
    }

    #[test]
    fn lines_are_cut_where_they_do_not_fit() {
        assert_eq!((cut("abc", 3), cut("abcd", 3), cut("日本語", 5)), ("abc".into(), "ab…".into(), "日本…".into()));
        assert_eq!(cut("a\x1bb", 4), "a…");
    }
}
