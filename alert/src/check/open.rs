//! The expectation that no alert fires: what the [book](crate::book) says of a moment.

use super::Expectation;
use super::report::{Evidence, Judged, Outcome, Question};
use crate::book::{Book, BookError, TransitionRecord};
use crate::schedule::Schedule;
use crate::severity::Severity;
use crate::text;

/// How much later than its moment an alert has been evaluated at the latest, and the book says so, in microseconds.
const GRACE_US: i64 = 120_000_000;

/// An alert that is declared.
#[derive(Clone, Debug)]
pub struct WatchedAlert {
    /// Its name.
    pub name: String,
    /// When it is evaluated.
    pub schedule: Schedule,
}

/// Judges whether no alert fires at `at_us`, microseconds UTC, that is at least so bad.
pub(super) fn judge(
    expectation: &Expectation,
    at_least: Severity,
    alerts: &[WatchedAlert],
    book: Option<&Book>,
    at_us: i64,
) -> Judged {
    let question = Question {
        kind: "open_alerts",
        subject: at_least.to_string(),
        want: "count == 0".to_owned(),
        range_us: (None, Some(at_us)),
    };
    let mut judged = Judged::of(expectation, question);
    match look(alerts, book, at_least, at_us) {
        Ok((open, blind)) => {
            judged.count = Some(open.len() as u64);
            judged.evidence = open.iter().take(Evidence::MAX).map(row).collect();
            judged.outcome = match (open.is_empty(), &blind) {
                (false, _) => Outcome::Failed,
                (true, Some(_)) => Outcome::NotJudged,
                (true, None) => Outcome::Passed,
            };
            judged.reason = blind;
        }
        Err(error) => judged.reason = Some(crate::watch::chain(&error)),
    }
    judged
}

/// The transitions by which alerts fire, and why it cannot be told that no other does.
fn look(
    alerts: &[WatchedAlert],
    book: Option<&Book>,
    at_least: Severity,
    at_us: i64,
) -> Result<(Vec<TransitionRecord>, Option<String>), BookError> {
    if alerts.is_empty() {
        return Ok((Vec::new(), Some("no alert is declared".to_owned())));
    }
    let Some(book) = book else {
        return Ok((Vec::new(), Some("no alert was evaluated yet: `trawl run` does it".to_owned())));
    };
    let progress = book.progress()?;
    let blind = alerts.iter().find_map(|alert| {
        let Some(progress) = progress.get(&alert.name) else {
            return Some(format!("alert {} was not evaluated yet: `trawl run` does it", alert.name));
        };
        if let Some((error, since_us)) = progress.error.as_ref().filter(|(_, since_us)| *since_us <= at_us) {
            let since = text::moment(*since_us);
            return Some(format!("alert {} cannot be evaluated since {since}: {error}", alert.name));
        }
        let next_us = match alert.schedule {
            Schedule::Continuous => Some(progress.tick_us),
            ref schedule => schedule.next_after(progress.tick_us),
        };
        let is_overdue = next_us.is_some_and(|next_us| next_us.saturating_add(GRACE_US) < at_us);
        is_overdue.then(|| {
            format!(
                "alert {} was last evaluated at {}: is `trawl run` at work?",
                alert.name,
                text::moment(progress.tick_us)
            )
        })
    });
    let mut open = book.open_at(at_us)?;
    open.retain(|record| record.severity.1 >= at_least && alerts.iter().any(|alert| alert.name == record.alert));
    open.sort_by_key(|record| std::cmp::Reverse((record.severity.1, record.since_us)));
    Ok((open, blind))
}

fn row(record: &TransitionRecord) -> Evidence {
    let known = [
        ("alert", record.alert.clone()),
        ("group", record.group.to_string()),
        ("severity", record.severity.1.to_string()),
        ("since", text::rfc3339(record.since_us)),
    ];
    let fields = known.into_iter().filter(|(_, value)| !value.is_empty());
    Evidence::Row(fields.map(|(field, value)| (field.to_owned(), value)).collect())
}
