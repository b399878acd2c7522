//! The record of everything that alerts, actions and people did: lines of JSON in files of the data folder, which are events of
//! the index `_audit`.
//!
//! Records are entered in the database in the transaction of what they tell of, and from there appended to the file, each
//! once: a line carries the number of its record, and after a crash the last line says where to go on.

use crate::machine::Change;
use crate::notification::Group;
use serde_json::{Map, Value, json};

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord(Map<String, Value>);

impl AuditRecord {
    /// Something that happened at `at_us`, microseconds UTC: what it is (`alert`, `delivery`, `acknowledge` …), and what is known of it.
    /// Values that are null are left out.
    pub fn new(at_us: i64, what: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let time = chrono::DateTime::from_timestamp_micros(at_us).unwrap_or_default();
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let mut record = Map::from_iter([("time".to_owned(), json!(time)), ("what".to_owned(), json!(what))]);
        let known = fields.into_iter().filter(|(_, value)| !value.is_null());
        record.extend(known.map(|(field, value)| (field.to_owned(), value)));
        Self(record)
    }

    /// A transition of an alert.
    pub fn of_change(alert: &str, group: &Group, change: &Change, count: u64, at_us: i64, tick_us: i64) -> Self {
        let moment = |us: i64| json!(us as f64 / 1e6);
        Self::new(
            at_us,
            "alert",
            [
                ("alert", json!(alert)),
                ("group", if group.0.is_empty() { Value::Null } else { json!(group.to_string()) }),
                ("transition", json!(change.what.as_str())),
                ("severity", json!(change.severity.1.as_str())),
                ("severity_before", json!(change.severity.0.as_str())),
                ("count", json!(count)),
                ("evaluated", moment(tick_us)),
                ("since", moment(change.since_us)),
                ("id", json!(change.id.as_str())),
                ("episode", json!(change.episode.as_str())),
                ("quiet", change.quiet.and_then(|quiet| serde_json::to_value(quiet).ok()).unwrap_or(Value::Null)),
            ],
        )
    }

    /// As one line of JSON, without its end.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}
