//! Signs that the clocks of two sources disagree: an answer that stands before its question.
//!
//! In one trace that may be how things go: a job that ends before the next one asks. Where other traces of the same two
//! sources show it, too, with about the same time between them, the clocks are the likelier cause. Only a trace that shows it
//! costs a look at others.

use super::super::event::{Event, Moment};
use super::super::ids::{mentions, normal_key};
use super::super::inquiry::{Inquiry, RcaError, holding, phrase};
use super::follow::{FollowedId, holds};
use super::path::TraceEvent;
use hashbrown::HashMap;
use serde::Serialize;

/// Words of lines that ask, and of lines that answer; a line with both answers.
const QUESTIONS: [&str; 16] = [
    "request",
    "received",
    "receive",
    "start",
    "starting",
    "started",
    "begin",
    "calling",
    "call",
    "sending",
    "submit",
    "submitted",
    "initiated",
    "dispatching",
    "invoking",
    "incoming",
];
const ANSWERS: [&str; 19] = [
    "response",
    "responded",
    "completed",
    "complete",
    "confirmed",
    "authorised",
    "authorized",
    "declined",
    "failed",
    "finished",
    "done",
    "posted",
    "returned",
    "returning",
    "reply",
    "replied",
    "rejected",
    "callback",
    "succeeded",
];
/// Other traces that are looked at.
const MAX_SAMPLE: usize = 20;
/// Fewest traces, this one among them, and the share of them, that make it consistent.
const MIN_TRACES: usize = 3;
const MIN_SHARE: f64 = 0.8;
/// How far beside the question other questions of its source are looked for, microseconds, and how many events.
const SAMPLE_RANGE_US: i64 = 300_000_000;
const SAMPLE_EVENTS: usize = 400;
/// Events of an id in the sample.
const EVENTS_PER_ID: usize = 50;

/// One source answers before another one asks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkewHint {
    /// The source that answers too early.
    pub answers: String,
    /// The source that asks later.
    pub asks: String,
    /// Traces of the two that were looked at, this one among them.
    pub n_traces: usize,
    /// Those in which it is so.
    pub n_reversed: usize,
    /// How much the answer is too early at least: the median of them, microseconds.
    pub by_us: i64,
    /// Whether that is close to a whole number of quarters of an hour, as zones differ.
    pub is_zone: bool,
}

/// Whether a line asks (`false`) or answers (`true`).
fn answers(line: &str) -> Option<bool> {
    let mut asks = false;
    for word in line.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| (4..=11).contains(&word.len())) {
        let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is(&ANSWERS) {
            return Some(true);
        }
        asks |= is(&QUESTIONS);
    }
    asks.then_some(false)
}

/// A source that answered before any other source asked: who answered, who asked first, and how much later. `events` in order
/// of time.
fn reversal<'e>(events: impl Iterator<Item = (&'e str, Moment, &'e str)>) -> Option<(&'e str, &'e str, i64)> {
    let mut askers: Vec<&str> = Vec::new();
    let mut early: Option<(&str, Moment)> = None;
    for (source, time, line) in events {
        match (answers(line), early) {
            (Some(false), Some((answerer, answered))) if answerer != source => {
                let by_us = time.since(answered);
                return (by_us > 0).then_some((answerer, source, by_us));
            }
            (Some(false), None) => askers.push(source),
            (Some(true), None) if askers.iter().any(|asker| *asker != source) => return None,
            (Some(true), None) => early = Some((source, time)),
            _ => {}
        }
    }
    None
}

/// Looks for an early answer in the events of a trace, in order of time, and for the same in other traces.
pub(super) fn hints(
    inquiry: &Inquiry,
    events: &[TraceEvent],
    followed: &[FollowedId],
) -> Result<Vec<SkewHint>, RcaError> {
    let lines = events.iter().map(|event| (event.event.source.as_str(), event.event.time, event.event.first_line()));
    let Some((answers, asks, by_us)) = reversal(lines) else { return Ok(Vec::new()) };
    let asked = events
        .iter()
        .find(|event| event.event.source == asks && self::answers(event.event.first_line()) == Some(false));
    let Some(asked) = asked else { return Ok(Vec::new()) };
    let mut found = vec![by_us];
    let mut n_traces = 1;
    for others in other_traces(inquiry, &asked.event, answers, followed)? {
        let of_both =
            others.iter().any(|event| event.source == answers) && others.iter().any(|event| event.source == asks);
        n_traces += usize::from(of_both);
        let lines = others.iter().map(|event| (event.source.as_str(), event.time, event.first_line()));
        found.extend(
            reversal(lines).filter(|(answerer, asker, _)| (*answerer, *asker) == (answers, asks)).map(|(.., us)| us),
        );
    }
    Ok(hint(answers, asks, n_traces, found).into_iter().collect())
}

/// What traces of two sources show, if it is consistent: `found` has by how much each of them is reversed.
fn hint(answers: &str, asks: &str, n_traces: usize, mut found: Vec<i64>) -> Option<SkewHint> {
    let n_reversed = found.len();
    if n_reversed < MIN_TRACES || (n_reversed as f64) < MIN_SHARE * n_traces as f64 {
        return None;
    }
    found.sort_unstable();
    let by_us = found[n_reversed / 2];
    const QUARTER_US: i64 = 900_000_000;
    let beside = by_us.rem_euclid(QUARTER_US).min(QUARTER_US - by_us.rem_euclid(QUARTER_US));
    let is_zone = by_us >= QUARTER_US / 2 && beside < QUARTER_US / 15;
    Some(SkewHint { answers: answers.to_owned(), asks: asks.to_owned(), n_traces, n_reversed, by_us, is_zone })
}

/// The events of other ids of the kind that `asked` mentions, each in order of time.
fn other_traces(
    inquiry: &Inquiry,
    asked: &Event,
    answers: &str,
    followed: &[FollowedId],
) -> Result<Vec<Vec<Event>>, RcaError> {
    let mut key = None;
    mentions(&asked.text, |mention| {
        if followed.iter().any(|id| id.value.eq_ignore_ascii_case(mention.value)) && mention.key.is_some() {
            key = mention.key.map(normal_key);
        }
    });
    let Some(key) = key else { return Ok(Vec::new()) };
    let range = inquiry.within(Some(asked.time.0 - SAMPLE_RANGE_US), Some(asked.time.0 + SAMPLE_RANGE_US));
    let near = inquiry.events(&format!("source={}", phrase(&asked.source)), range, SAMPLE_EVENTS)?;
    let mut values: Vec<String> = Vec::new();
    for event in near.events.iter().filter(|event| self::answers(event.first_line()) == Some(false)) {
        mentions(&event.text, |mention| {
            let is_known = values.iter().any(|value| value == mention.value) || holds(&asked.text, mention.value);
            if mention.key.map(normal_key).as_deref() == Some(&key) && values.len() < MAX_SAMPLE && !is_known {
                values.push(mention.value.to_owned());
            }
        });
    }
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let phrases: Vec<String> = values.iter().map(|value| holding(value)).collect();
    let sources = format!("({}) source IN ({}, {})", phrases.join(" OR "), phrase(answers), phrase(&asked.source));
    let found = inquiry.events(&sources, inquiry.options().clone(), MAX_SAMPLE * EVENTS_PER_ID)?;
    let mut by_value: HashMap<&str, Vec<Event>> = HashMap::new();
    for event in found.events.into_iter().rev() {
        if let Some(value) = values.iter().find(|value| holds(&event.text, value)) {
            by_value.entry(value).or_default().push(event);
        }
    }
    Ok(values.iter().filter_map(|value| by_value.remove(value.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_early_answer_is_seen() {
        let reversed = |events: &[(&'static str, i64, &'static str)]| {
            reversal(events.iter().map(|(source, ms, line)| (*source, Moment(*ms), *line)))
        };
        let normal = [
            ("gw", 0, "event=request"),
            ("pay", 5, "authorise start"),
            ("pay", 9, "authorised"),
            ("gw", 11, "event=response"),
        ];
        assert_eq!(reversed(&normal), None);
        let skewed = [
            ("pay", 0, "authorise start"),
            ("pay", 4, "authorised"),
            ("gw", 30, "event=request"),
            ("gw", 60, "event=response"),
        ];
        assert_eq!(reversed(&skewed), Some(("pay", "gw", 26)));
        // Who answers later asks another one: that is a chain of calls.
        let chain = [("gw", 0, "request"), ("risk", 1, "start"), ("risk", 2, "done"), ("pay", 3, "start")];
        assert_eq!(reversed(&chain), None);
        assert_eq!(reversed(&[("a", 0, "done"), ("a", 1, "start"), ("b", 2, "note")]), None);
    }

    #[test]
    fn only_what_is_consistent_is_a_hint() {
        assert_eq!(hint("pay", "gw", 2, vec![5, 6]), None);
        assert_eq!(hint("pay", "gw", 10, vec![5; 7]), None);
        let found = hint("pay", "gw", 4, vec![2_000_000, 3_000_000, 2_500_000]);
        assert_eq!(found, None, "three of four are not enough");
        let found = hint("pay", "gw", 3, vec![2_000_000, 3_000_000, 2_500_000]).unwrap();
        assert_eq!((found.by_us, found.is_zone), (2_500_000, false));
        assert!(hint("pay", "gw", 3, vec![3_600_000_000, 3_601_000_000, 3_599_000_000]).unwrap().is_zone);
    }
}
