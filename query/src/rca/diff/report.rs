//! The report: plain data that serialises.

use serde::Serialize;

/// What is different.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// The search whose events were compared.
    pub query: String,
    /// The incident.
    pub incident: Side,
    /// What it is compared with.
    pub baseline: Side,
    /// Whether nobody named the baseline.
    pub baseline_is_chosen: bool,
    /// What the baseline is, in words.
    pub baseline_text: String,
    /// The part of the baseline that values of fields are compared with.
    pub values_baseline: Side,
    /// Patterns that changed, the largest `g` first within each kind of change; kinds in the order of [`Change`].
    pub patterns: Vec<PatternChange>,
    /// How many tests were made about patterns.
    pub n_tests: usize,
    /// Values that are over-represented, the largest `g` first.
    pub values: Vec<ValueChange>,
    /// How many tests were made about values.
    pub n_value_tests: usize,
    /// Why something is missing, if it is: damage, a deadline.
    pub incomplete: Option<String>,
}

/// One side of the comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Its ranges of time.
    pub stretches: Vec<Stretch>,
    /// Events in them.
    pub n_events: u64,
    /// How long they are together, in seconds.
    pub seconds: f64,
}

impl Side {
    pub(super) fn new(ranges: &[(i64, i64)], n_events: u64) -> Self {
        Self {
            stretches: ranges.iter().map(|(from_us, to_us)| Stretch { from_us: *from_us, to_us: *to_us }).collect(),
            n_events,
            seconds: ranges.iter().map(|(from_us, to_us)| (to_us - from_us) as f64 / 1e6).sum(),
        }
    }
}

/// A half open range of time, microseconds UTC.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Stretch {
    /// Its beginning.
    pub from_us: i64,
    /// Its end.
    pub to_us: i64,
}

/// How a pattern changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is in the incident only.
    New,
    /// Its rate is higher.
    More,
    /// Its rate is about the same, but other hosts have it.
    Moved,
    /// Its rate is lower.
    Less,
    /// It is in the baseline only.
    Vanished,
}

impl Change {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::New, Self::More, Self::Moved, Self::Less, Self::Vanished];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::More => "more",
            Self::Moved => "moved",
            Self::Less => "less",
            Self::Vanished => "vanished",
        }
    }
}

/// A pattern that changed.
#[derive(Clone, Debug, Serialize)]
pub struct PatternChange {
    /// How.
    pub change: Change,
    /// Its id, see [`crate::pattern::id`].
    pub id: String,
    /// Its text.
    pub pattern: String,
    /// Events in the incident.
    pub count: u64,
    /// Events in the baseline.
    pub baseline_count: u64,
    /// Events a minute in the incident.
    pub rate: f64,
    /// Events a minute in the baseline.
    pub baseline_rate: f64,
    /// The log-likelihood ratio, by scatter; of the hosts, where these changed.
    pub g: f64,
    /// The adjusted p-value.
    pub q: f64,
    /// Whether `q` is at most [`super::SIGNIFICANT`]. Only new patterns are listed without.
    pub is_significant: bool,
    /// The first event of the incident, of a pattern that vanished that of the baseline: microseconds UTC.
    pub first_seen_us: Option<i64>,
    /// The last event of all.
    pub last_seen_us: Option<i64>,
    /// Events by host, the most frequent ones of the incident first.
    pub hosts: Vec<HostCounts>,
    /// The sources, the first twenty by name.
    pub sources: Vec<String>,
    /// When an event of a new pattern was last seen before the incident, outside of the baseline, if one was. Of the first twenty.
    pub seen_earlier_us: Option<i64>,
    /// Level of the line.
    pub level: Option<String>,
    /// The first line of the incident; of a pattern that vanished that of the baseline.
    pub line: Line,
    /// A search that finds its events, if it has words.
    pub search: Option<String>,
}

/// Events of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostCounts {
    /// The host.
    pub host: String,
    /// Its events in the incident.
    pub count: u64,
    /// Its events in the baseline.
    pub baseline_count: u64,
}

/// One event, to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// Microseconds UTC.
    pub time_us: Option<i64>,
    /// Its text, at most 2,000 bytes of it.
    pub text: String,
    /// Its source.
    pub source: Option<String>,
    /// Its host.
    pub host: Option<String>,
    /// Its level.
    pub level: Option<String>,
    /// Where its bytes lie, see [`crate::engine::address`]. Of the first twenty findings of each kind.
    pub address: Option<String>,
}

/// A value that is over-represented in the incident.
#[derive(Clone, Debug, Serialize)]
pub struct ValueChange {
    /// The field.
    pub field: String,
    /// The value.
    pub value: String,
    /// Events of the incident that have it.
    pub count: u64,
    /// Events of the baseline of values that have it.
    pub baseline_count: u64,
    /// Share of the events of the incident, 0 to 1.
    pub share: f64,
    /// Share of the events of the baseline.
    pub baseline_share: f64,
    /// The log-likelihood ratio, by scatter; of a value that the baseline does not have, of what exceeds the usual for new values.
    pub g: f64,
    /// The adjusted p-value.
    pub q: f64,
}
