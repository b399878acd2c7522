//! What analyses keep of an event.

use crate::batch::Batch;
use crate::time;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use trawl_formats::{Registry, Severity};

pub use crate::moment::Moment;

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
