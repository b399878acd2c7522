//! How a line is laid out, apart from what it says: what a program's logging decides, and no statement of it. Pure.
//!
//! - Of a JSON object: the keys of its time, level and message, and how the time is written.
//! - Of text: what stands before the time, how that is written, what stands between it and the level, and the punctuation behind the
//!   level. Words are `w` and white space counts nothing, so that names and numbers do not matter; messages are not looked at.
//!
//! The punctuation behind the level is left out of warnings and errors: of these a single statement may be most of what is
//! written for a while, and what that begins with is no layout.

use super::super::super::event::head;
use super::read::Line;
use memchr::memmem;
use trawl_formats::Severity;
use trawl_formats::sourcetype::Rules;
use trawl_formats::timestamp::StampHint;

/// How much of a line is looked at, in bytes.
const MAX_LOOKED_AT: usize = 1024;
/// A level so far behind the time is a word of the message: words, and bytes.
const MAX_WORDS: usize = 4;
const MAX_BYTES: usize = 96;
/// Longest description of a part, in signs.
const MAX_SIGNS: usize = 12;
/// Follows the description of a time that is not believed.
const BAD_TIME: &str = "!";
/// What ends a level, or parts it from the message.
const SEPARATORS: &str = ":;,|-=])>}";
/// Names under which JSON logs keep time, level and message, the usual ones first.
const TIME_KEYS: [&str; 8] = ["@timestamp", "timestamp", "ts", "time", "datetime", "date", "eventTime", "t"];
const LEVEL_KEYS: [&str; 7] = ["level", "severity", "lvl", "log.level", "levelname", "loglevel", "severityText"];
const MESSAGE_KEYS: [&str; 6] = ["message", "msg", "log", "event", "text", "body"];

/// A layout; equal for lines that one logging writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Layout {
    /// A JSON object.
    Json { time: Option<&'static str>, level: Option<&'static str>, message: Option<&'static str>, stamp: String },
    /// An XML element.
    Xml,
    /// Anything else.
    Text {
        /// What stands before the time.
        before: String,
        /// How the time is written; empty for none.
        stamp: String,
        /// What stands between it and the level, `L` for that, and the punctuation behind it.
        behind: String,
    },
}

/// A line with its layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    pub layout: Layout,
    pub severity: Option<Severity>,
    /// The level as written.
    pub level: Option<String>,
    /// Where the time stands, in bytes.
    pub stamp: Option<(usize, usize)>,
}

impl Read {
    /// Reads a line, with what is known of its time.
    pub fn of_line(line: &Line<'_>, rules: &Rules) -> Self {
        let mut read = Self::of(line.text, rules);
        if let (true, Layout::Json { stamp, .. } | Layout::Text { stamp, .. }) = (line.has_bad_time, &mut read.layout) {
            stamp.push_str(BAD_TIME);
        }
        read
    }

    /// Reads a line by the rules of its sourcetype.
    pub fn of(line: &str, rules: &Rules) -> Self {
        let line = head(line, MAX_LOOKED_AT);
        let span = rules.stamp_span(line.as_bytes(), StampHint::default());
        let level = rules.level(line.as_bytes(), span).map(|level| level.into_owned());
        let severity = level.as_deref().and_then(|level| rules.severity(level));
        let stamp = span.map(|span| span.range()).filter(|range| line.get(range.clone()).is_some());
        let layout = match line.as_bytes() {
            [b'{', rest @ ..] if matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')) => {
                json(line, stamp.clone().map_or("", |range| &line[range]))
            }
            [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'?', ..] => Layout::Xml,
            _ => {
                let (start, end) = stamp.clone().map_or((0, 0), |range| (range.start, range.end));
                Layout::Text {
                    before: signs(&line[..start]),
                    stamp: numerals(&line[start..end]),
                    behind: behind(&line[end..], level.as_deref(), severity),
                }
            }
        };
        Self { layout, severity, level, stamp: stamp.map(|range| (range.start, range.end)) }
    }
}

fn json(line: &str, stamp: &str) -> Layout {
    let first_of = |keys: &'static [&'static str]| keys.iter().copied().find(|key| has_key(line, key));
    Layout::Json {
        time: first_of(&TIME_KEYS),
        level: first_of(&LEVEL_KEYS),
        message: first_of(&MESSAGE_KEYS),
        stamp: numerals(stamp),
    }
}

/// Whether `"key":` stands somewhere in a JSON text.
fn has_key(line: &str, key: &str) -> bool {
    memmem::find_iter(line.as_bytes(), key.as_bytes()).any(|at| {
        let behind = line.as_bytes()[at + key.len()..].strip_prefix(b"\"");
        at > 0
            && line.as_bytes()[at - 1] == b'"'
            && behind.is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b':'))
    })
}

/// How a time is written: numbers are `9`, words `a`.
fn numerals(stamp: &str) -> String {
    let mut out = String::new();
    for c in stamp.chars() {
        let sign = match c {
            '0'..='9' => '9',
            c if c.is_alphabetic() => 'a',
            c if c.is_whitespace() => ' ',
            c => c,
        };
        if !(matches!(sign, '9' | 'a' | ' ') && out.ends_with(sign)) {
            out.push(sign);
        }
    }
    out
}

/// A text as punctuation and words: each word is `w`, a dash that stands for a missing one, too.
fn signs(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if word.chars().all(|c| c == '-') {
            out.push('w');
            continue;
        }
        let mut in_word = false;
        let mut chars = word.chars().peekable();
        while let Some(c) = chars.next() {
            // A colon, point or dash within a word is a part of it: addresses, names, versions.
            let joins = |c: char| matches!(c, ':' | '.' | '-' | '/' | '@' | '_' | '#' | '+' | '$' | '\\' | '*' | '~');
            let is_word = c.is_alphanumeric()
                || c == '_'
                || (joins(c) && in_word && chars.peek().is_some_and(|next| next.is_alphanumeric() || joins(*next)))
                || (joins(c) && !in_word && c != ':');
            match (is_word, in_word) {
                (true, true) => {}
                (true, false) => out.push('w'),
                (false, _) => out.push(c),
            }
            in_word = is_word;
        }
    }
    match out.char_indices().nth(MAX_SIGNS) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}

/// What stands between the time and the level, the level, and the punctuation behind it; without a level nearby the
/// punctuation behind the time.
fn behind(rest: &str, level: Option<&str>, severity: Option<Severity>) -> String {
    let near = head(rest, MAX_BYTES);
    let at =
        level.and_then(|level| near.match_indices(level).map(|(at, _)| at).find(|at| is_whole(near, *at, level.len())));
    let is_loud = severity.is_some_and(|severity| severity >= Severity::Warn);
    // What opens may be the beginning of a message.
    let punctuation = |text: &str| -> String {
        text.chars().filter(|c| !c.is_whitespace()).take_while(|c| SEPARATORS.contains(*c)).take(2).collect()
    };
    match (at, level) {
        (Some(at), Some(level)) if near[..at].split_whitespace().count() <= MAX_WORDS => {
            let closing = &rest[at + level.len()..];
            let closing = if is_loud { String::new() } else { punctuation(closing) };
            format!("{}L{closing}", signs(&near[..at]))
        }
        _ if is_loud => String::new(),
        _ => punctuation(rest),
    }
}

/// Whether a stretch is a word of its own.
fn is_whole(text: &str, at: usize, len: usize) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    is_edge(text[..at].chars().next_back()) && is_edge(text[at + len..].chars().next())
}

impl Layout {
    /// The layout in short: for JSON, and to compare.
    pub fn text(&self) -> String {
        match self {
            Self::Xml => "xml".to_owned(),
            Self::Json { time, level, message, stamp } => {
                let keys: Vec<&str> = [*time, *level, *message].into_iter().flatten().collect();
                format!("json {} {stamp}", keys.join(","))
            }
            Self::Text { before, stamp, behind } => format!("text {before}<{stamp}>{behind}"),
        }
    }

    /// Whether a time was found in the line.
    pub fn has_stamp(&self) -> bool {
        match self {
            Self::Xml => true,
            Self::Json { stamp, .. } | Self::Text { stamp, .. } => !stamp.is_empty(),
        }
    }

    fn is_bad(&self) -> bool {
        match self {
            Self::Xml => false,
            Self::Json { stamp, .. } | Self::Text { stamp, .. } => stamp.ends_with(BAD_TIME),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Json { .. } => "JSON",
            Self::Xml => "XML",
            Self::Text { .. } => "text",
        }
    }

    /// What is different from `former`, in few words; `before` and `former_before` are what stands before the time of an example of each: log text.
    pub fn difference(&self, former: &Self, before: &str, former_before: &str) -> String {
        match (former, self) {
            (Self::Json { time: t0, level: l0, message: m0, .. }, Self::Json { time, level, message, .. }) => {
                let pairs = [("time", t0, time), ("level", l0, level), ("message", m0, message)];
                let moved: Vec<String> = pairs
                    .into_iter()
                    .filter(|(_, former, now)| former != now)
                    .map(|(what, former, now)| match (former, now) {
                        (Some(former), Some(now)) => format!("its {what} stands in `{now}` instead of `{former}`"),
                        (Some(former), None) => format!("`{former}` with its {what} is gone"),
                        (None, now) => format!("`{}` with its {what} is new", now.unwrap_or_default()),
                    })
                    .collect();
                if moved.is_empty() { self.of_stamps(former) } else { moved.join(", ") }
            }
            (Self::Text { before: b0, stamp: s0, behind: d0 }, Self::Text { before: b, stamp: s, behind: d }) => {
                match (s0.is_empty(), s.is_empty()) {
                    (false, true) => return "no time is found in its lines any more".to_owned(),
                    (true, false) => return "its lines have a time now".to_owned(),
                    _ => {}
                }
                if b0 != b {
                    return match (former_before.trim(), before.trim()) {
                        ("", now) => format!("`{now}` stands before the time now"),
                        (former, "") => format!("`{former}` no longer stands before the time"),
                        (former, now) => format!("`{now}` stands before the time, where `{former}` did"),
                    };
                }
                match (s0 == s, d0 == d) {
                    (true, _) if d.contains('L') != d0.contains('L') => match d.contains('L') {
                        true => "the level stands behind the time now".to_owned(),
                        false => "the level no longer stands behind the time".to_owned(),
                    },
                    (true, _) => "another layout around the level".to_owned(),
                    (false, true) => self.of_stamps(former),
                    (false, false) => format!("{}, and what stands behind it is another", self.of_stamps(former)),
                }
            }
            _ => format!("{} instead of {}", self.kind(), former.kind()),
        }
    }

    fn of_stamps(&self, former: &Self) -> String {
        match (former.has_stamp(), self.has_stamp()) {
            (true, false) => "no time is found in its lines any more".to_owned(),
            (false, true) => "its lines have a time now".to_owned(),
            _ if self.is_bad() != former.is_bad() => match self.is_bad() {
                true => "its times are before 1990 or in the future, and not believed".to_owned(),
                false => "its times are believed again".to_owned(),
            },
            _ => "the time is written another way".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trawl_formats::Registry;

    fn layout(line: &str) -> String {
        Read::of(line, &Registry::builtin().generic()).layout.text()
    }

    #[test]
    fn lines_of_one_logging_have_one_layout() {
        let same: [&[&str]; 6] = [
            &[
                "2026-11-20 14:05:00,123 INFO  [main] c.a.Service - order 17 stored",
                "2026-11-20 14:05:01,9 INFO [http-nio-8080-exec-11] c.a.Pool - size: 3",
                "2026-11-20 14:05:02,77 INFO Deleting index",
            ],
            &[
                "2026-11-20 14:05:00 ERROR failed",
                "2026-11-20 14:05:00 ERROR [db-1] failed",
                "2026-11-20 14:05:00 ERROR: x",
            ],
            &[
                r#"10.1.2.3 - - [20/Nov/2026:14:05:00 +0000] "GET /a HTTP/1.1" 200 17"#,
                r#"2001:db8::1 - frank [20/Nov/2026:14:05:00 +0000] "POST / HTTP/1.1" 503 0"#,
            ],
            &[
                "Nov  9 14:05:00 web-01 sshd[81]: Connection closed",
                "Nov 20 14:05:00 db sshd: Accepted publickey for kim",
            ],
            &[
                r#"{"ts":"2026-11-20T14:05:00Z","level":"info","msg":"started"}"#,
                r#"{"err":"refused","level":"error","msg":"failed","ts":"2026-11-20T14:05:00Z"}"#,
            ],
            &["<14> 2026-11-20 14:05:00 INFO a", "<190> 2026-11-20 14:05:00 INFO b"],
        ];
        for lines in same {
            let first = layout(lines[0]);
            lines.iter().for_each(|line| assert_eq!(layout(line), first, "{line}"));
        }
    }

    #[test]
    fn what_logging_decides_tells_layouts_apart() {
        let lines = [
            "2026-11-20 14:05:00,123 INFO [main] c.a.Service - x",
            "2026-11-20 14:05:00,123 [main] INFO c.a.Service - x",
            "2026-11-20 14:05:00,123 INFO: c.a.Service - x",
            "2026-11-20 14:05:00 INFO [main] c.a.Service - x",
            "20.11.2026 14:05:00,123 INFO [main] c.a.Service - x",
            "app-1 | 2026-11-20 14:05:00,123 INFO [main] c.a.Service - x",
            "INFO [main] c.a.Service - x",
            r#"{"ts":"2026-11-20T14:05:00Z","level":"info","msg":"x"}"#,
            r#"{"@timestamp":"2026-11-20T14:05:00Z","level":"info","message":"x"}"#,
            "<event time='2026-11-20T14:05:00Z'>x</event>",
        ];
        let layouts: std::collections::BTreeSet<String> = lines.iter().map(|line| layout(line)).collect();
        assert_eq!(layouts.len(), lines.len(), "{layouts:?}");
    }

    #[test]
    fn differences_are_said_in_words() {
        let registry = Registry::builtin();
        let text = "2026-11-20 14:05:00 INFO x";
        let cases = [
            (text, r#"{"ts":"2026-11-20T14:05:00Z","level":"info","msg":"x"}"#, "JSON instead of text"),
            (text, "app | 2026-11-20 14:05:00 INFO x", "`app |` stands before the time now"),
            ("<14> 2026-11-20 14:05:00 INFO x", text, "`<14>` no longer stands before the time"),
            (text, "INFO x", "no time is found in its lines any more"),
            (text, "20.11.2026 14:05:00 INFO x", "the time is written another way"),
            (text, "2026-11-20 14:05:00 [main] INFO x", "another layout around the level"),
            (
                r#"{"ts":"2026-11-20T14:05:00Z","msg":"x"}"#,
                r#"{"@timestamp":"2026-11-20T14:05:00Z","msg":"x"}"#,
                "its time stands in `@timestamp` instead of `ts`",
            ),
        ];
        for (former, now, expected) in cases {
            let read = |line: &str| {
                let read = Read::of(line, &registry.generic());
                let before = line[..read.stamp.map_or(0, |(start, _)| start)].to_owned();
                (read.layout, before)
            };
            let ((former, former_before), (now, before)) = (read(former), read(now));
            assert_eq!(now.difference(&former, &before, &former_before), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_has_a_layout(line in "\\PC{0,160}", noise in "[a-z0-9=:\"'._ {}<>|@$-]{0,80}") {
            let rules = Registry::builtin().generic();
            for line in [line, format!("2026-11-20 14:05:00 {noise}")] {
                let _ = Read::of(&line, &rules).layout.text();
            }
        }
    }
}
