//! The level of an event: the word its writer put there, and what that word means.

use std::fmt;

use regex::bytes::CaptureLocations;

use crate::keys::{self, KeySet};
use crate::pattern::GroupPattern;
use crate::timestamp::Span;
use crate::timestamp::recognise::first_line;
use crate::token::{is_token_byte, token_end};

/// How grave an event is: derived from the level's text, for colour and sorting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Severity {
    /// Finer than debugging.
    Trace,
    /// For developers.
    Debug,
    /// Normal operation, notices included.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something failed.
    Error,
    /// The program or system cannot go on: fatal, critical, alert, emergency, panic.
    Fatal,
}

impl Severity {
    /// Returns the lower-case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns what a level means, whatever format wrote it: words in any case, the single letters of logcat and klog.
///
/// Numbers mean different things in different formats; a sourcetype maps its own.
pub fn severity(level: &str) -> Option<Severity> {
    let mut lower = [0; 11];
    let lower = lower.get_mut(..level.len())?;
    lower.copy_from_slice(level.as_bytes());
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"trace" | b"finest" | b"finer" | b"verbose" | b"v" | b"t" => Severity::Trace,
        b"debug" | b"fine" | b"dbg" | b"d" | b"debug1" | b"debug2" | b"debug3" | b"debug4" | b"debug5" => {
            Severity::Debug
        }
        b"info" | b"information" | b"notice" | b"note" | b"config" | b"log" | b"system" | b"i" | b"success" => {
            Severity::Info
        }
        b"warn" | b"warning" | b"w" => Severity::Warn,
        b"error" | b"err" | b"severe" | b"failure" | b"e" => Severity::Error,
        b"fatal" | b"critical" | b"crit" | b"alert" | b"emerg" | b"emergency" | b"panic" | b"f" | b"a" | b"c" => {
            Severity::Fatal
        }
        _ => return None,
    })
}

/// Longest text taken for a level: what is longer is a message.
const MAX_LEVEL_LEN: usize = 32;

/// How far into the first line level and host patterns look.
pub(crate) const HEAD_LEN: usize = 1024;

/// Names under which JSON and key=value logs keep their level.
pub(crate) const LEVEL_KEYS: &[&str] = &[
    "level",
    "severity",
    "lvl",
    "log.level",
    "loglevel",
    "levelname",
    "log_level",
    "severityText",
    "Level",
    "Severity",
];

/// Where the level of a sourcetype's events stands.
#[derive(Debug)]
pub(crate) struct LevelRule {
    place: Place,
    /// Where the place holds nothing, look for a level word.
    fallback: bool,
    generic_keys: KeySet,
}

#[derive(Debug)]
pub(crate) enum Place {
    /// There is none.
    Nowhere,
    /// The first level word.
    Generic,
    /// The group `level` of an expression over the head of the first line.
    Pattern(GroupPattern),
    /// The value of the first of these keys.
    Keys(KeySet),
    /// The n-th white-space separated word after the stamp, from 1.
    Word(usize),
    /// The severity in the `<PRI>` of a syslog line.
    Priority,
}

/// Buffers that a level or host pattern needs, kept between events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch(Option<CaptureLocations>);

impl Scratch {
    pub(crate) fn find<'t>(&mut self, pattern: &GroupPattern, text: &'t [u8]) -> Option<&'t [u8]> {
        pattern.find(text, self.0.get_or_insert_with(|| pattern.locations()))
    }
}

impl LevelRule {
    pub(crate) fn new(place: Place, fallback: bool) -> Self {
        Self { place, fallback, generic_keys: KeySet::new(LEVEL_KEYS) }
    }

    /// Returns whether lines after the first have a say.
    pub(crate) fn spans_lines(&self) -> bool {
        matches!(&self.place, Place::Pattern(pattern) if pattern.spans_lines())
    }

    /// Returns the level of an event, as written. Unless the rule [spans lines](Self::spans_lines), the first line of the
    /// text is enough.
    #[inline]
    pub(crate) fn find<'t>(&self, text: &'t [u8], stamp: Option<Span>, scratch: &mut Scratch) -> Option<&'t str> {
        let line = first_line(text);
        let level = match &self.place {
            Place::Nowhere => return None,
            Place::Pattern(pattern) if pattern.spans_lines() => scratch.find(pattern, head(text)).and_then(as_level),
            Place::Generic => return self.generic(line, stamp),
            Place::Pattern(pattern) => scratch.find(pattern, head(line)).and_then(as_level),
            Place::Keys(keys) => find_by_key(line, keys),
            Place::Word(n) => level_word(head(line), stamp, *n),
            Place::Priority => priority(line),
        };
        match level {
            None if self.fallback => self.generic(line, stamp),
            level => level,
        }
    }

    fn generic<'t>(&self, line: &'t [u8], stamp: Option<Span>) -> Option<&'t str> {
        if line.first() == Some(&b'{') {
            return find_by_key(line, &self.generic_keys);
        }
        self.first_word(line, stamp)
    }

    /// Finds the first level word in the head of a line.
    ///
    /// Capitals count wherever they stand free. Other spellings are also words of ordinary prose, so they count only
    /// where a level would stand: in brackets, before a colon, or as the first word after the stamp. The
    /// value of a key counts if the key is one that holds levels.
    fn first_word<'t>(&self, line: &'t [u8], stamp: Option<Span>) -> Option<&'t str> {
        /// How far after the stamp a level may begin.
        const WINDOW: usize = 160;
        /// A stamp further in than this has its level after it.
        const MAX_STAMP_START: usize = 48;
        let (mut at, stamp_end) = match stamp {
            Some(span) if span.start as usize > MAX_STAMP_START => (span.end(), span.end()),
            Some(span) => (0, span.end()),
            None => (0, 0),
        };
        let end = line.len().min(stamp_end + WINDOW);
        let mut n_words = 0;
        while at < end {
            let class = CLASSES[usize::from(line[at])];
            if class == Class::Breaker {
                at += 1;
                continue;
            }
            if class == Class::Initial {
                let word = &line[at..end.min(at + MAX_WORD_LEN + 1)];
                let len = word.iter().position(|&b| !is_token_byte(b)).unwrap_or(word.len());
                if is_level_word(&line[at..at + len]) && self.stands_as_level(line, at, at + len, n_words) {
                    return std::str::from_utf8(&line[at..at + len]).ok();
                }
            }
            // The words of the stamp itself do not count, nor do numbers such as a process id.
            n_words = if at < stamp_end { 0 } else { n_words + usize::from(!line[at].is_ascii_digit()) };
            while at < end && CLASSES[usize::from(line[at])] != Class::Breaker {
                at += 1;
            }
        }
        None
    }

    /// Returns whether the level word between `start` and `end` stands where a level would.
    fn stands_as_level(&self, line: &[u8], start: usize, end: usize, n_words_before: usize) -> bool {
        let before = start.checked_sub(1).map(|at| line[at]);
        let after = line.get(end).copied();
        match before {
            Some(b'=') => return self.is_level_key(line, start),
            Some(b'"' | b':') if matches!(after, Some(b'"' | b',' | b'}')) => return self.is_level_key(line, start),
            Some(b'_' | b'-' | b'/' | b'\\' | b'$' | b'@' | b'#' | b'%') => return false,
            _ => {}
        }
        let joined = |b| matches!(b, Some(b'_' | b'/' | b'\\' | b'=' | b'"' | b'\'' | b'@'));
        // `ERROR.` ends a sentence, `error.log` and `ERROR-17` are names.
        let in_name = matches!(after, Some(b'.' | b'-')) && line.get(end + 1).is_some_and(|&b| is_token_byte(b));
        if joined(after) || in_name {
            return false;
        }
        if line[start..end].iter().all(u8::is_ascii_uppercase) {
            return true;
        }
        match (before, after) {
            // `[core:error]`, and a cell of a table.
            (Some(b':'), Some(b']')) | (Some(b',' | b'\t'), Some(b',' | b'\t')) => true,
            (Some(b'[' | b'<' | b'(' | b'|'), Some(b']' | b'>' | b')' | b'|' | b':' | b' ')) => true,
            (None | Some(b' ' | b'\t' | b']' | b')' | b':'), Some(b':')) => {
                line.get(end + 1).is_none_or(|b| matches!(b, b' ' | b'\t'))
            }
            (None | Some(b' ' | b'\t'), None | Some(b' ' | b'\t' | b']' | b'|' | b',')) => n_words_before == 0,
            _ => false,
        }
    }

    fn is_level_key(&self, line: &[u8], value: usize) -> bool {
        keys::key_before(line, value).is_some_and(|key| self.generic_keys.contains(key))
    }
}

/// Returns the part of a line that patterns see.
pub(crate) fn head(line: &[u8]) -> &[u8] {
    &line[..line.len().min(HEAD_LEN)]
}

/// Returns the n-th white-space separated word after the stamp, from 1.
pub(crate) fn word_after(line: &[u8], stamp: Option<Span>, n: usize) -> Option<&[u8]> {
    // The rest of the word in which the stamp ends (`]` or `,`) is not a word.
    let start = stamp.map_or(0, |span| {
        let end = span.end().min(line.len());
        end + line[end..].iter().position(|b| b.is_ascii_whitespace()).unwrap_or(line.len() - end)
    });
    let mut words = line[start..].split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty());
    words.nth(n - 1)
}

fn level_word(line: &[u8], stamp: Option<Span>, n: usize) -> Option<&str> {
    let word = word_after(line, stamp, n)?;
    let start = word.iter().position(|&b| is_token_byte(b))?;
    let end = token_end(word, start);
    as_level(&word[start..end]).filter(|level| level.bytes().any(|b| b.is_ascii_alphabetic()))
}

fn find_by_key<'t>(line: &'t [u8], keys: &KeySet) -> Option<&'t str> {
    keys::find(line, keys, |at| keys::value_at(line, at).and_then(as_level))
}

/// Takes a text as a level if it could be one.
fn as_level(text: &[u8]) -> Option<&str> {
    let plausible =
        !text.is_empty() && text.len() <= MAX_LEVEL_LEN && !text.iter().any(|b| matches!(b, b'\\' | b'{' | b'['));
    std::str::from_utf8(text).ok().filter(|level| plausible && *level != "null")
}

/// RFC 5424 §6.2.1: `<PRI>` is facility × 8 + severity.
fn priority(line: &[u8]) -> Option<&'static str> {
    const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    let digits = line.strip_prefix(b"<")?;
    let len = digits.iter().take(4).position(|&b| b == b'>')?;
    let value: usize = std::str::from_utf8(&digits[..len]).ok()?.parse().ok()?;
    (value < 192).then(|| SEVERITIES[value % 8])
}

/// What a byte means to the search for level words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Breaker,
    Token,
    /// A letter that a level word begins with.
    Initial,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Breaker; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        if byte.is_ascii_alphanumeric() || byte >= 0x80 {
            classes[b] = match byte.to_ascii_lowercase() {
                b't' | b'd' | b'i' | b'n' | b'w' | b'e' | b's' | b'c' | b'a' | b'f' | b'p' | b'v' => Class::Initial,
                _ => Class::Token,
            };
        }
        b += 1;
    }
    classes
};

/// Length of `information`.
const MAX_WORD_LEN: usize = 11;

/// Returns whether a token is a level word, in any case.
pub(crate) fn is_level_word(token: &[u8]) -> bool {
    let is = |words: &[&[u8]]| words.iter().any(|word| token.eq_ignore_ascii_case(word));
    match token.len() {
        3 => is(&[b"err"]),
        4 => is(&[b"info", b"warn", b"crit"]),
        5 => is(&[b"error", b"debug", b"trace", b"fatal", b"alert", b"emerg", b"panic"]),
        6 => is(&[b"notice", b"severe"]),
        7 => is(&[b"warning", b"verbose"]),
        8 => is(&[b"critical"]),
        9 => is(&[b"emergency"]),
        11 => is(&[b"information"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::generic_span;

    fn generic(line: &str) -> Option<&str> {
        let rule = LevelRule::new(Place::Generic, true);
        rule.find(line.as_bytes(), generic_span(line.as_bytes()), &mut Scratch::default())
    }

    #[test]
    fn generic_levels() {
        for (line, expected) in [
            ("2015-10-18 18:01:47,978 INFO [main] org.x", Some("INFO")),
            ("2015-07-29 17:41:44,747 - WARN  [x] - y", Some("WARN")),
            ("2016-09-28 04:30:30, Info                  CBS    x", Some("Info")),
            ("2022-06-02T11:58:12.193Z info vpxd[45715] x", Some("info")),
            ("2016-06-30 12:00:01 trace tracemessage", Some("trace")),
            ("[2023-05-15 18:19:32] local.ERROR: Target class", Some("ERROR")),
            ("[Sun Dec 04 04:47:44 2005] [notice] workerEnv", Some("notice")),
            ("2026/11/20 14:05:00 [error] 1#1: *2 open()", Some("error")),
            ("Jun 14 15:16:01 combo sshd[1]: error: PAM: x", Some("error")),
            ("ts=2024-05-02T12:17:25.6Z caller=http.go:194 level=debug msg=x", Some("debug")),
            ("2025-01-01 10:00:00 status=ERROR level=\"warn\"", Some("warn")),
            ("[Sun Dec 04 04:47:44.1 2005] [core:error] [pid 1] x", Some("error")),
            ("2026-11-20 14:05:00,error,x", Some("error")),
            ("INFO 2026-11-20 14:05:00 x", Some("INFO")),
            ("ERROR:root:message", Some("ERROR")),
            (r#"{"a":"error","level":"info"}"#, Some("info")),
            (r#"{"a":"ERROR"}"#, None),
            ("2026-11-20 14:05:00 connection error for user", None),
            ("2026-11-20 14:05:00 host open /var/log/error.log", None),
            ("2026-11-20 14:05:00 host app LOG_ERROR and NON-FATAL", None),
            ("2026-11-20 14:05:00 the error_count is 3", None),
            ("no level here", None),
            ("", None),
        ] {
            assert_eq!(generic(line), expected, "{line}");
        }
    }

    #[test]
    fn other_places() {
        let find = |place: Place, fallback: bool, line: &'static str| {
            let rule = LevelRule::new(place, fallback);
            rule.find(line.as_bytes(), generic_span(line.as_bytes()), &mut Scratch::default())
        };
        let pattern = |p: &str| Place::Pattern(GroupPattern::new(p, "level").unwrap().unwrap());
        assert_eq!(find(pattern(r"^(?<level>[VDIWEF])/"), false, "W/Tag: x"), Some("W"));
        assert_eq!(find(pattern(r"^(?<level>[VDIWEF])/"), false, "ERROR x"), None);
        assert_eq!(find(pattern(r"^(?<level>[VDIWEF])/"), true, "ERROR x"), Some("ERROR"));
        assert_eq!(find(Place::Keys(KeySet::new(&["lvl"])), true, r#"{"@fields":{"lvl":"TRACE"}}"#), Some("TRACE"));
        assert_eq!(find(Place::Keys(KeySet::new(&["level"])), true, r#"{"level":20}"#), Some("20"));
        assert_eq!(find(Place::Word(1), false, "2026-11-20 14:05:00] [INFO]: x"), Some("INFO"));
        assert_eq!(find(Place::Word(2), false, "2026-11-20 14:05:00 12 warn x"), Some("warn"));
        assert_eq!(find(Place::Priority, false, "<34>Oct 11 22:14:15 su: x"), Some("crit"));
        assert_eq!(find(Place::Priority, false, "Oct 11 22:14:15 su: x"), None);
        assert_eq!(find(Place::Nowhere, true, "ERROR"), None);
    }

    #[test]
    fn severities() {
        for (level, expected) in [
            ("ERROR", Some(Severity::Error)),
            ("Warning", Some(Severity::Warn)),
            ("LOG", Some(Severity::Info)),
            ("F", Some(Severity::Fatal)),
            ("20", None),
            ("", None),
            ("somethingverylong", None),
        ] {
            assert_eq!(severity(level), expected, "{level}");
        }
        assert!(Severity::Fatal > Severity::Error && Severity::Debug > Severity::Trace);
    }
}
