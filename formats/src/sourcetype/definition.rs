//! The sourcetype file as it is written.
//!
//! What is serialised back is the canonical form that is hashed: samples, description and detection are left out, since
//! they have no say in what is derived from an event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::level::Severity;
use crate::text::Wrapper;

/// One sourcetype.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) name: String,
    #[serde(skip_serializing)]
    pub(super) description: String,
    #[serde(default = "default_priority", skip_serializing)]
    pub(super) priority: i32,
    pub(super) wrapper: Option<WrapperName>,
    #[serde(skip_serializing)]
    pub(super) detect: Option<DetectSection>,
    #[serde(default)]
    pub(super) framing: FramingSection,
    #[serde(default)]
    pub(super) time: TimeSection,
    #[serde(default)]
    pub(super) level: LevelSection,
    pub(super) host: Option<HostSection>,
    #[serde(default)]
    pub(super) extract: ExtractSection,
    #[serde(default, skip_serializing)]
    pub(super) sample: Vec<Sample>,
}

fn default_priority() -> i32 {
    50
}

/// `wrapper = …`
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrapperName {
    DockerJson,
    Cri,
}

impl From<WrapperName> for Wrapper {
    fn from(name: WrapperName) -> Self {
        match name {
            WrapperName::DockerJson => Self::DockerJson,
            WrapperName::Cri => Self::Cri,
        }
    }
}

/// `[detect]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DetectSection {
    /// Needed unless framing is by table.
    pub(super) line: Option<String>,
    #[serde(default = "default_min_share")]
    pub(super) min_share: f64,
    pub(super) file: Option<String>,
}

fn default_min_share() -> f64 {
    0.5
}

/// `[framing]`
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FramingSection {
    #[serde(default)]
    pub(super) mode: FramingMode,
    pub(super) start: Option<String>,
    #[serde(rename = "continue")]
    pub(super) continues: Option<String>,
    pub(super) delimiter: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) skip: Option<String>,
}

/// `framing.mode`
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FramingMode {
    #[default]
    Line,
    Start,
    Stamp,
    Csv,
    W3c,
    Columns,
}

/// `[time]`
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimeSection {
    pub(super) formats: Vec<String>,
    pub(super) prefix: Option<String>,
    pub(super) keys: Vec<String>,
    pub(super) lookahead: Option<usize>,
    pub(super) zone: Option<String>,
}

impl Default for TimeSection {
    fn default() -> Self {
        Self { formats: vec!["generic".to_owned()], prefix: None, keys: Vec::new(), lookahead: None, zone: None }
    }
}

/// `[level]`
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelSection {
    pub(super) pattern: Option<String>,
    pub(super) keys: Option<Vec<String>>,
    pub(super) word: Option<usize>,
    pub(super) mode: Option<LevelMode>,
    pub(super) fallback: Option<bool>,
    #[serde(default)]
    pub(super) map: BTreeMap<String, SeverityName>,
}

/// `level.mode`
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LevelMode {
    Generic,
    None,
    Pri,
}

/// A value of `level.map`.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SeverityName {
    #[serde(alias = "TRACE")]
    Trace,
    #[serde(alias = "DEBUG")]
    Debug,
    #[serde(alias = "INFO")]
    Info,
    #[serde(alias = "WARN")]
    Warn,
    #[serde(alias = "ERROR")]
    Error,
    #[serde(alias = "FATAL")]
    Fatal,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Trace => Self::Trace,
            SeverityName::Debug => Self::Debug,
            SeverityName::Info => Self::Info,
            SeverityName::Warn => Self::Warn,
            SeverityName::Error => Self::Error,
            SeverityName::Fatal => Self::Fatal,
        }
    }
}

/// `[host]`
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostSection {
    pub(super) pattern: Option<String>,
    pub(super) word: Option<usize>,
}

/// `[extract]`
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtractSection {
    #[serde(default)]
    pub(super) mode: ExtractMode,
    #[serde(default)]
    pub(super) patterns: Vec<String>,
    #[serde(default)]
    pub(super) bounded: Vec<String>,
}

/// `extract.mode`
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ExtractMode {
    #[default]
    Auto,
    Kv,
    Json,
    Csv,
    W3c,
    Columns,
    Xml,
    None,
}

/// One event of a sourcetype, verbatim, and what is expected of it: `[[sample]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Sample {
    /// The event, without its last line end; for wrapped formats the raw lines.
    pub text: String,
    /// The line of column names in force.
    pub header: Option<String>,
    /// The expected `_raw`, if it is not `text`.
    pub raw: Option<String>,
    /// The expected time, RFC 3339; the zone of the source is UTC and a missing date is near 2026-11-22.
    pub time: Option<String>,
    /// The expected level.
    pub level: Option<String>,
    /// The expected host.
    pub host: Option<String>,
    /// Some of the expected fields.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldValues>,
}

/// The expected values of a field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FieldValues {
    /// One value.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

impl FieldValues {
    /// Returns the values in order.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}
