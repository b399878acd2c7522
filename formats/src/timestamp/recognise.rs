//! Recognition: the stamp of an event by the rules of its sourcetype.

use memchr::memchr;

use super::Span;
use super::generic;
use super::program::{InvalidTimeFormat, Moment, Op, compile};
use crate::keys::{self, KeySet};
use crate::pattern::Prefix;
use crate::token::{is_boundary, is_token_byte};

/// How far into the first line a stamp may begin, in bytes, if the sourcetype does not say.
pub(crate) const DEFAULT_LOOKAHEAD: usize = 128;

/// Names under which JSON logs keep their time, for sourcetypes that do not list their own.
const JSON_TIME_KEYS: &[&str] = &[
    "_time",
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "datetime",
    "eventTime",
    "timeUnixNano",
    "__REALTIME_TIMESTAMP",
];

/// Where to look for a stamp and what it looks like.
#[derive(Debug)]
pub(crate) struct Recogniser {
    formats: Vec<Format>,
    prefix: Option<Prefix>,
    keys: KeySet,
    json_keys: KeySet,
    lookahead: usize,
}

#[derive(Debug)]
enum Format {
    Generic,
    Program(Vec<Op>),
}

/// A recognised stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) span: Span,
    pub(crate) moment: Moment,
}

impl Recogniser {
    pub(crate) fn new(
        formats: &[String],
        prefix: Option<Prefix>,
        keys: &[String],
        lookahead: usize,
    ) -> Result<Self, InvalidTimeFormat> {
        let formats = formats.iter().map(|format| match format.as_str() {
            "generic" => Ok(Format::Generic),
            _ => compile(format).map(Format::Program),
        });
        Ok(Self {
            formats: formats.collect::<Result<_, _>>()?,
            prefix,
            keys: KeySet::new(keys),
            json_keys: KeySet::new(JSON_TIME_KEYS),
            lookahead,
        })
    }

    /// Finds the stamp where the sourcetype says it stands.
    #[inline]
    pub(crate) fn find_in_position(&self, line: &[u8]) -> Option<Stamp> {
        if !self.keys.is_empty()
            && let Some(stamp) = self.find_by_key(line, &self.keys)
        {
            return Some(stamp);
        }
        match &self.prefix {
            Some(prefix) => self.match_at(line, prefix.match_end(line)?),
            None if self.keys.is_empty() => self.scan(line),
            None => None,
        }
    }

    /// Returns whether the sourcetype has no formats of its own.
    fn is_generic(&self) -> bool {
        matches!(self.formats[..], [Format::Generic]) && self.prefix.is_none() && self.keys.is_empty()
    }

    /// Finds the stamp by the generic shapes, where the rules of the sourcetype do not fit.
    #[cold]
    pub(crate) fn find_elsewhere(&self, line: &[u8]) -> Option<Stamp> {
        // Without any format, what looks like a stamp is a value.
        if self.is_generic() || self.formats.is_empty() {
            return None;
        }
        self.find_by_usual_json_key(line).or_else(|| self.find_generic(line, self.lookahead.max(DEFAULT_LOOKAHEAD)))
    }

    /// Finds the stamp of an event that is a JSON object, unless the sourcetype names the keys to look at.
    fn find_by_usual_json_key(&self, line: &[u8]) -> Option<Stamp> {
        let is_object = self.keys.is_empty() && line.first() == Some(&b'{');
        is_object.then(|| self.find_by_key(line, &self.json_keys)).flatten()
    }

    fn find_generic(&self, line: &[u8], lookahead: usize) -> Option<Stamp> {
        generic::find(line, lookahead).map(|(span, moment)| Stamp { span, moment })
    }

    fn find_by_key(&self, line: &[u8], keys: &KeySet) -> Option<Stamp> {
        keys::find(line, keys, |at| self.value_at(line, at))
    }

    /// Reads the value of a time key: by the formats of the sourcetype, else by any shape.
    fn value_at(&self, line: &[u8], at: usize) -> Option<Stamp> {
        let by_format = || self.match_at(line, at);
        by_format().or_else(|| generic::value_at(line, at).map(|(span, moment)| Stamp { span, moment }))
    }

    /// Matches the formats in order at one place that is known to hold a time.
    fn match_at(&self, line: &[u8], at: usize) -> Option<Stamp> {
        if at >= line.len() || !is_boundary(line, at) {
            return None;
        }
        self.formats.iter().find_map(|format| {
            let (span, moment) = match format {
                Format::Generic => generic::value_at(line, at)?,
                Format::Program(ops) => generic::run_bounded(ops, line, at)?,
            };
            Some(Stamp { span, moment })
        })
    }

    /// Looks for each format in order at all token starts within the look-ahead. The generic shapes keep their own rule
    /// of what is believed where.
    fn scan(&self, line: &[u8]) -> Option<Stamp> {
        self.formats.iter().find_map(|format| match format {
            Format::Generic => self.find_by_usual_json_key(line).or_else(|| self.find_generic(line, self.lookahead)),
            Format::Program(ops) => {
                let (span, moment) = scan_for(ops, line, self.lookahead)?;
                Some(Stamp { span, moment })
            }
        })
    }
}

/// Runs a program at each token start within the first `lookahead` bytes.
fn scan_for(ops: &[Op], line: &[u8], lookahead: usize) -> Option<(Span, Moment)> {
    let end = line.len().min(lookahead);
    let is_start = |at: &usize| is_token_byte(line[*at]) && (*at == 0 || !is_token_byte(line[*at - 1]));
    (0..end).filter(is_start).find_map(|at| generic::run_bounded(ops, line, at))
}

/// Returns the first line of a text, without its line end.
pub(crate) fn first_line(text: &[u8]) -> &[u8] {
    &text[..memchr(b'\n', text).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(formats: &[&str], prefix: Option<&str>, keys: &[&str], line: &str, expected: Option<&str>) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let prefix = prefix.map(|prefix| Prefix::new(prefix).unwrap());
        let recogniser = Recogniser::new(&owned(formats), prefix, &owned(keys), DEFAULT_LOOKAHEAD).unwrap();
        let in_position = recogniser.find_in_position(line.as_bytes());
        assert_eq!(in_position.map(|stamp| &line[stamp.span.range()]), expected, "{formats:?} {keys:?} in {line}");
    }

    #[test]
    fn stamps_in_position() {
        let iso = "%Y-%m-%d %H:%M:%S";
        check(&[iso], Some("^"), &[], "2026-11-20 14:05:00 x", Some("2026-11-20 14:05:00"));
        check(&[iso], Some("^"), &[], " 2026-11-20 14:05:00 x", None);
        check(&[iso], Some(r"^\["), &[], "[2026-11-20 14:05:00] x", Some("2026-11-20 14:05:00"));
        check(&[iso], Some("x"), &[], "x2026-11-20 14:05:00", None);
        check(&[iso], None, &[], "at [2026-11-20 14:05:00]", Some("2026-11-20 14:05:00"));
        check(&[iso], None, &[], "at 2026-11-20 14:05:00.5", Some("2026-11-20 14:05:00"));
        check(&[iso], None, &[], "at 2026-11-20 14:05:001", None);
        check(&["generic", "epoch"], None, &[], "a,b,1795183500,2026-11-20 14:05:00", Some("2026-11-20 14:05:00"));
        check(&["generic", "epoch"], None, &[], "a,b,1795183500", Some("1795183500"));
    }

    #[test]
    fn stamps_under_keys() {
        check(&["generic"], None, &["ts"], "a=1795183500 ts=1795183501.5 x", Some("1795183501.5"));
        check(&["generic"], None, &["ts"], r#"ts="2026-11-20T14:05:00Z""#, Some("2026-11-20T14:05:00Z"));
        check(&["generic"], None, &["ts"], "a=1795183500", None);
        check(&["generic"], None, &["ts"], r#"{"ts":"soon","x":{"ts":1795183500123}}"#, Some("1795183500123"));
        check(
            &["generic"],
            None,
            &[],
            r#"{"id":1534860261,"@timestamp":"2026-11-20 14:05:00"}"#,
            Some("2026-11-20 14:05:00"),
        );
        check(&["%d.%m.%Y"], None, &["day"], r#"{"day":"02.11.2026"}"#, Some("02.11.2026"));
    }
}
