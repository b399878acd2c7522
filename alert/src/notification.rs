//! What an action is told: everything about one transition of an alert, as data that outlives the process.

use crate::severity::Severity;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Identity of a transition, stable over restarts: the same rule, group, kind and evaluated moment give the same one.
/// A channel derives from it what keeps a repeated delivery from counting twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransitionId(String);

impl TransitionId {
    /// The identity of what happened to a group of an alert at the evaluated moment `tick_us`, in microseconds UTC.
    /// `what` tells several things at one moment apart.
    pub fn new(alert: &str, group: &Group, what: &str, tick_us: i64) -> Self {
        let mut hash = Sha256::new();
        for part in [alert, &group.to_json(), what, &tick_us.to_string()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hex::encode(&hash.finalize()[..16]))
    }

    /// As 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The values of an alert's `group_by` fields, in the order of the rule. Empty where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(pub Vec<(String, String)>);

impl Group {
    /// As a JSON array of pairs: the form that is stored.
    ///
    /// # Panics
    /// Never: strings are always JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings are JSON")
    }
}

/// `host=web01 service=pay`; nothing for the whole.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (field, value)) in self.0.iter().enumerate() {
            write!(f, "{}{field}={value}", if at > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The alert began to fire.
    Raised,
    /// It fires with another severity.
    SeverityChanged,
    /// It still fires, and nobody has acknowledged it.
    Reminder,
    /// An event of an alert that tells of each by itself.
    Row,
    /// It ended.
    Resolved,
    /// Somebody said that they know of it.
    Acknowledged,
    /// An action did not do what it was for: a command failed, its outcome is unknown, or things are not well after it.
    Escalated,
}

impl Happening {
    /// The word in messages and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::SeverityChanged => "severity_changed",
            Self::Reminder => "reminder",
            Self::Row => "row",
            Self::Resolved => "resolved",
            Self::Acknowledged => "acknowledged",
            Self::Escalated => "escalated",
        }
    }

    /// Whether nothing is wrong any more.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Resolved)
    }
}

/// A transition of an alert, for people and programs elsewhere. Texts come from logs and are hostile: each channel
/// escapes them for its own format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Identity of the transition.
    pub id: TransitionId,
    /// Identity of the transition that began the episode: the same from `raised` to `resolved`.
    pub episode: TransitionId,
    /// Name of the alert.
    pub alert: String,
    /// What it is about, from the configuration.
    pub description: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// Which of its groups.
    pub group: Group,
    /// What happened.
    pub happening: Happening,
    /// How bad it is now; of an alert that ended, [`Severity::Ok`].
    pub severity: Severity,
    /// How bad it was before.
    pub severity_before: Severity,
    /// The evaluated moment, microseconds UTC.
    pub at_us: i64,
    /// Since when the episode lasts, microseconds UTC.
    pub since_us: i64,
    /// The range of time that was searched, microseconds UTC, the end excluded.
    pub window_us: (i64, i64),
    /// The search as written.
    pub search: String,
    /// The condition as written.
    pub condition: String,
    /// Events that matched; of a search that makes a table, its rows.
    pub count: u64,
    /// The newest matching events, at most [`Notification::MAX_EVENTS`].
    pub events: Vec<SampleEvent>,
    /// Rows of the table that satisfy the condition, at most [`Notification::MAX_ROWS`]: fields and values in order.
    pub rows: Vec<Vec<(String, String)>>,
    /// Events per bin of the window, for a small chart: the start of each bin and its count.
    pub series: Vec<(i64, u64)>,
    /// Who has acknowledged it.
    pub acknowledged_by: Option<String>,
    /// Who it is assigned to.
    pub assigned_to: Option<String>,
    /// What led to it, for [`Happening::Escalated`] and an alert that was removed; what the person said, for
    /// [`Happening::Acknowledged`].
    pub reason: Option<String>,
    /// The machine that runs the alert.
    pub node: String,
}

impl Notification {
    /// Most events that are shown.
    pub const MAX_EVENTS: usize = 10;
    /// Most rows that are shown.
    pub const MAX_ROWS: usize = 20;

    /// The same for all transitions of one group of one alert, for systems that keep one ticket for each: 32 hexadecimal
    /// digits.
    pub fn correlation_id(&self) -> String {
        TransitionId::new(&self.alert, &self.group, "correlation", 0).0
    }

    /// One line that says it all: `CRITICAL payment-db host=web01: 7 events (count > 5)`. It may hold any characters that
    /// the group's values hold.
    pub fn title(&self) -> String {
        let state = match self.happening {
            Happening::Resolved => "RESOLVED".to_owned(),
            Happening::Acknowledged => format!("ACKNOWLEDGED {}", self.severity).to_uppercase(),
            Happening::Escalated => format!("ESCALATED {}", self.severity).to_uppercase(),
            _ => self.severity.as_str().to_uppercase(),
        };
        let group = if self.group.0.is_empty() { String::new() } else { format!(" {}", self.group) };
        let of = if self.rows.is_empty() { "event" } else { "row" };
        let plural = if self.count == 1 { "" } else { "s" };
        format!("{state} {}{group}: {} {of}{plural} ({})", self.alert, self.count, self.condition)
    }
}

/// An event that led to a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleEvent {
    /// When it happened, microseconds UTC.
    pub time_us: i64,
    /// The machine that wrote it.
    pub host: String,
    /// The file it stands in.
    pub source: String,
    /// Where it stands, as `trawl context` takes it.
    pub address: String,
    /// Its text, at most [`SampleEvent::MAX_BYTES`].
    pub raw: String,
}

impl SampleEvent {
    /// Most bytes of text that are shown of one event.
    pub const MAX_BYTES: usize = 4096;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_depends_on_each_part_and_nothing_else() {
        let group = Group(vec![("host".into(), "web01".into())]);
        let id = TransitionId::new("a", &group, "raised", 1);
        assert_eq!(id, TransitionId::new("a", &group, "raised", 1));
        assert_eq!(id.as_str().len(), 32);
        let others = [
            TransitionId::new("b", &group, "raised", 1),
            TransitionId::new("a", &Group::default(), "raised", 1),
            TransitionId::new("a", &group, "resolved", 1),
            TransitionId::new("a", &group, "raised", 2),
        ];
        assert!(others.iter().all(|other| *other != id));
    }
}
