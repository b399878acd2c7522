//! What analyses keep of an event.

use crate::batch::Batch;
use crate::time;
use crate::value::Value;
use chrono::{DateTime, Datelike, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trawl_formats::{Registry, Severity};

/// An instant, in microseconds since 1970 UTC. It serialises as RFC 3339 with microseconds, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// Microseconds from `earlier` to this, negative if it is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant `us` microseconds later.
    pub fn plus(self, us: i64) -> Self {
        Self(self.0.saturating_add(us))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Beyond the years of RFC 3339, as the number that it is.
        match DateTime::from_timestamp_micros(self.0).filter(|time| (0..=9999).contains(&time.year())) {
            Some(time) => serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => serializer.serialize_str(&self.0.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map(|time| time.timestamp_micros());
        let us = time.ok().or_else(|| text.parse().ok());
        us.map(Self).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a time of RFC 3339")))
    }
}

/// One event: where it comes from, when it happened, what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: Moment,
    /// Index.
    pub index: String,
    /// Path or name of its source.
    pub source: String,
    /// Format.
    pub sourcetype: String,
    /// Machine.
    pub host: String,
    /// Level as written, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<String>,
    /// Whether its sourcetype calls that level an error, or worse.
    pub is_error: bool,
    /// Text, all lines. Log text: hostile.
    pub text: String,
    /// Where its bytes lie, see [`crate::engine::address::Address`].
    pub addr: String,
}

/// The columns that an [`Event`] is made of.
pub(super) const COLUMNS: [&str; 8] = ["_time", "_raw", "host", "source", "sourcetype", "index", "level", "_addr"];

/// Whether `level`, as a sourcetype writes it, is an error or worse.
pub(super) fn is_error(registry: &Registry, sourcetype: &str, level: &str) -> bool {
    severity_of(registry, sourcetype, level).is_some_and(|severity| severity >= Severity::Error)
}

/// What `level` means, as a sourcetype writes it.
pub(super) fn severity_of(registry: &Registry, sourcetype: &str, level: &str) -> Option<Severity> {
    registry.get(sourcetype).map_or_else(|| trawl_formats::severity(level), |rules| rules.severity(level))
}

/// As much of a text as `max_bytes` hold, without cutting a character.
pub(super) fn head(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Event {
    /// The first line, without its end.
    pub fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// Lines beyond the first.
    pub fn n_more_lines(&self) -> usize {
        self.text.trim_end().lines().count().saturating_sub(1)
    }

    /// The rows of a batch that has [`COLUMNS`].
    pub(super) fn of_batch(batch: &Batch, registry: &Registry, out: &mut Vec<Self>) {
        let columns = COLUMNS.map(|name| batch.column(name));
        let text = |column: usize, row: usize| match columns[column].map(|cells| &cells[row]) {
            Some(Value::Text(text)) => text.to_string(),
            Some(Value::Null) | None => String::new(),
            Some(value) => value.to_string(),
        };
        for row in 0..batch.len() {
            let seconds = columns[0].and_then(|cells| cells[row].as_number());
            let (sourcetype, level) = (text(4, row), text(6, row));
            out.push(Self {
                time: Moment(seconds.and_then(time::from_seconds).unwrap_or_default()),
                text: text(1, row),
                host: text(2, row),
                source: text(3, row),
                index: text(5, row),
                is_error: is_error(registry, &sourcetype, &level),
                level: (!level.is_empty()).then_some(level),
                sourcetype,
                addr: text(7, row),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_moment_reads_back(us in any::<i64>()) {
            let text = serde_json::to_string(&Moment(us)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), Moment(us), "{}", text);
        }
    }

    #[test]
    fn a_moment_is_written_for_people() {
        assert_eq!(serde_json::to_string(&Moment(1_795_183_335_360_000)).unwrap(), "\"2026-11-20T14:02:15.360000Z\"");
        assert!(serde_json::from_str::<Moment>("\"yesterday\"").is_err());
    }
}
