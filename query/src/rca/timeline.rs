//! One table of an incident: alerts, changes, notes, chosen events, the onset and the end, in order of time.

use super::changes::{Change, Changes, ChangesOptions, Onset, changes};
use super::event::{Event, Moment};
use super::inquiry::{Inquiry, RcaError};
use crate::engine::coverage::Coverage;
use crate::time::from_seconds;
use serde::{Deserialize, Serialize};

/// What people and programs said of alerts, as `trawl run` indexes it.
const ALERTS: &str = "index=_audit sourcetype=\"trawl:audit\" alert=* NOT what=delivery \
                      | fields _time, what, alert, group, transition, severity, by, note";

/// Least score of what changed after the onset, as a share of that of the best.
const MIN_SHARE_AFTER: f64 = 0.5;

/// What goes into a timeline.
#[derive(Clone, Debug)]
pub struct TimelineOptions {
    /// The incident, and how its changes are found.
    pub changes: ChangesOptions,
    /// Most suspects, the likeliest.
    pub max_suspects: usize,
    /// Least score of a suspect, as a share of that of the first.
    pub min_share: f64,
    /// A query of events.
    pub query: Option<String>,
    /// Most of them, the newest.
    pub max_events: usize,
}

impl TimelineOptions {
    /// An incident with its five likeliest changes.
    pub fn new(changes: ChangesOptions) -> Self {
        Self { changes, max_suspects: 5, min_share: 0.1, query: None, max_events: 200 }
    }
}

/// What an entry of a timeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Something changed.
    Change,
    /// The failures rose.
    Onset,
    /// An alert changed its state, or somebody said something about it.
    Alert,
    /// An event that was asked for.
    Event,
    /// Somebody's note.
    Note,
    /// The failures were over.
    End,
}

impl EntryKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Onset => "onset",
            Self::Alert => "alert",
            Self::Event => "event",
            Self::Note => "note",
            Self::End => "end",
        }
    }
}

/// A row of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub time: Moment,
    /// Since the onset, microseconds; negative before it.
    #[serde(default)]
    pub relative_us: i64,
    /// What it is.
    pub kind: EntryKind,
    /// It in few words. May hold text of logs: hostile.
    pub what: String,
    /// Where it comes from: a source, or who wrote the note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
}

/// A timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    /// When the incident began, and how that is known.
    pub onset: Onset,
    /// The entries, the oldest first.
    pub entries: Vec<Entry>,
    /// Events of the query that were left out.
    pub n_events_left_out: u64,
    /// What the searches rested on.
    pub coverage: Coverage,
    /// Why it is not whole, if it is not.
    pub incomplete: Option<String>,
}

/// Puts together the timeline of an incident. `notes` are entries that somebody else has, such as those of a case: their
/// relative times are set here.
///
/// # Errors
/// As [`changes`](fn@changes), and if the query of events is not valid.
pub fn timeline(inquiry: &Inquiry, options: &TimelineOptions, notes: Vec<Entry>) -> Result<Timeline, RcaError> {
    if let Some(query) = &options.query {
        inquiry.check(query)?;
    }
    let changes = changes(inquiry, &options.changes)?;
    let (from, until) = (options.changes.from_us.min(changes.onset.time.0), changes.until.0);
    let mut entries = notes;
    entries.extend(of_changes(&changes, options));
    entries.extend(of_onset(&changes.onset));
    entries.extend(alerts(inquiry, (changes.from.0, until))?);
    let mut n_events_left_out = 0;
    if let Some(query) = &options.query {
        let found = inquiry.events(query, inquiry.within(Some(from), Some(until)), options.max_events)?;
        n_events_left_out = found.n_matched.saturating_sub(found.events.len() as u64);
        entries.extend(found.events.into_iter().map(|event| of_event(EntryKind::Event, event)));
    }
    let onset = changes.onset;
    let entries = in_order(entries, onset.time);
    Ok(Timeline { onset, entries, n_events_left_out, coverage: inquiry.coverage(), incomplete: inquiry.incomplete() })
}

/// Entries in order of time, of one instant by kind, each with its time relative to the onset; an event that is there twice
/// counts as what was first made of it.
pub fn in_order(mut entries: Vec<Entry>, onset: Moment) -> Vec<Entry> {
    for entry in &mut entries {
        entry.relative_us = entry.time.since(onset);
    }
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| (entry.time, entry.kind, entry.source.clone(), entry.what.clone());
        key(a).cmp(&key(b))
    });
    let mut seen: Vec<String> = Vec::new();
    entries.retain(|entry| match &entry.event {
        Some(event) if !event.addr.is_empty() => {
            let is_new = !seen.contains(&event.addr);
            seen.push(event.addr.clone());
            is_new
        }
        _ => true,
    });
    entries
}

fn of_event(kind: EntryKind, event: Event) -> Entry {
    Entry {
        time: event.time,
        relative_us: 0,
        kind,
        what: event.first_line().to_owned(),
        source: Some(event.source.clone()),
        event: Some(event),
    }
}

/// The likeliest suspects with what else told of them, and what changed since.
fn of_changes(changes: &Changes, options: &TimelineOptions) -> Vec<Entry> {
    let least = changes.suspects.first().map_or(0.0, |first| first.score * options.min_share);
    let suspects = changes.suspects.iter().filter(|change| change.score >= least).take(options.max_suspects);
    let mut entries = Vec::new();
    for change in suspects.chain(changes.likeliest_after(options.max_suspects, MIN_SHARE_AFTER)) {
        entries.push(of_change(change));
        let also = change.also.iter().map(|echo| of_event(EntryKind::Change, echo.event.clone()));
        entries.extend(also.take(options.max_suspects));
    }
    entries
}

fn of_change(change: &Change) -> Entry {
    match &change.event {
        Some(event) => of_event(EntryKind::Change, event.clone()),
        None => Entry {
            time: change.time,
            relative_us: 0,
            kind: EntryKind::Change,
            what: change.summary(),
            source: Some(change.source.clone()),
            event: None,
        },
    }
}

fn of_onset(onset: &Onset) -> Vec<Entry> {
    let entry =
        |time: Moment, kind, what: String| Entry { time, relative_us: 0, kind, what, source: None, event: None };
    let begin = entry(onset.time, EntryKind::Onset, onset.summary());
    let end = onset.end.map(|end| entry(end, EntryKind::End, "the last of these failures".to_owned()));
    std::iter::once(begin).chain(end).collect()
}

/// What happened to alerts, and what people said of them.
fn alerts(inquiry: &Inquiry, (from_us, until_us): (i64, i64)) -> Result<Vec<Entry>, RcaError> {
    let mut entries = Vec::new();
    inquiry.run(ALERTS, &inquiry.within(Some(from_us), Some(until_us)), &mut |batch| {
        for row in 0..batch.len() {
            let text = |field: &str| Some(batch.value(row, field).to_string()).filter(|text| !text.is_empty());
            let Some(time_us) = batch.value(row, "_time").as_number().and_then(from_seconds) else { continue };
            let happened = text("transition").or_else(|| text("what")).unwrap_or_default();
            let mut what = format!("{} {happened}", text("alert").unwrap_or_default());
            for (before, field, behind) in
                [(" (", "severity", ")"), (" ", "group", ""), (" by ", "by", ""), (": ", "note", "")]
            {
                if let Some(text) = text(field) {
                    what.push_str(&format!("{before}{text}{behind}"));
                }
            }
            let time = Moment(time_us);
            entries.push(Entry { time, relative_us: 0, kind: EntryKind::Alert, what, source: None, event: None });
        }
    })?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(us: i64, kind: EntryKind, what: &str) -> Entry {
        Entry { time: Moment(us), relative_us: 0, kind, what: what.to_owned(), source: None, event: None }
    }

    #[test]
    fn entries_are_in_order_and_relative_to_the_onset() {
        let entries = vec![
            entry(700, EntryKind::End, "over"),
            entry(100, EntryKind::Note, "kim: called the DBA"),
            entry(100, EntryKind::Onset, "errors rise"),
            entry(-50, EntryKind::Change, "deployed"),
        ];
        let ordered = in_order(entries, Moment(100));
        let rows: Vec<_> = ordered.iter().map(|entry| (entry.relative_us, entry.kind.as_str())).collect();
        assert_eq!(rows, [(-150, "change"), (0, "onset"), (0, "note"), (600, "end")]);
        let text = serde_json::to_string(&ordered).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Entry>>(&text).unwrap(), ordered);
    }

    #[test]
    fn an_event_that_is_a_change_is_shown_once() {
        let event = Event {
            time: Moment(5),
            index: "main".to_owned(),
            source: "deploy.log".to_owned(),
            sourcetype: "generic".to_owned(),
            host: "ci-01".to_owned(),
            level: None,
            is_error: false,
            text: "deployed\nsecond line".to_owned(),
            addr: "deploy.log@0:0+8".to_owned(),
        };
        let entries = vec![of_event(EntryKind::Event, event.clone()), of_event(EntryKind::Change, event)];
        let ordered = in_order(entries, Moment(0));
        assert_eq!((ordered.len(), ordered[0].kind, ordered[0].what.as_str()), (1, EntryKind::Change, "deployed"));
    }

    proptest! {
        #[test]
        fn nothing_but_doubles_is_lost(times in proptest::collection::vec(-1000..1000_i64, 0..20), onset in -1000..1000_i64) {
            let entries: Vec<Entry> = times.iter().map(|us| entry(*us, EntryKind::Note, "x")).collect();
            let ordered = in_order(entries, Moment(onset));
            prop_assert_eq!(ordered.len(), times.len());
            prop_assert!(ordered.is_sorted_by_key(|entry| entry.time));
            prop_assert!(ordered.iter().all(|entry| entry.time == Moment(onset).plus(entry.relative_us)));
        }
    }
}
