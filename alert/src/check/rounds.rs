//! Checks that are made by themselves: each at its moments, each moment once, whatever was stopped in between.
//!
//! What a check comes to stands in the [book](crate::book) like what an alert does, under the name `check:` and its own: each
//! expectation is a group, which is raised when it begins to fail and resolved when it holds again. One transaction for each moment
//! takes along progress, states, transitions, deliveries and the records for the index `_audit`.

use super::report::{Evidence, Judged, Outcome as Judgement, Report};
use super::run::{Bench, judge};
use super::{Check, EXPECTATION_FIELD};
use crate::audit::AuditRecord;
use crate::book::{Book, BookError, Outcome, RuleProgress};
use crate::evaluate::Evaluator;
use crate::machine::{Change, ChangeKind, Handling, Reading, State, Timing};
use crate::notification::{Group, Happening, Notification, SampleEvent};
use crate::severity::Severity;
use crate::watch::{COMMIT_US, SETTLE_US, Told};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Most moments of a check that are made up for after a stop; of more, the last ones.
const MAX_MISSED: usize = 1_000;
/// A check that is made later than this after its moment sees what was indexed until now: nobody read the files before. A minute,
/// in microseconds.
const STOPPED_US: i64 = 60_000_000;
/// Longest text of a record, in characters.
const MAX_RECORD_CHARS: usize = 4_000;

/// The checks that have a schedule.
pub struct Rounds<'b> {
    book: &'b Book,
    checks: Vec<Standing>,
    /// The machine that makes them.
    node: String,
}

struct Standing {
    check: Arc<Check>,
    progress: RuleProgress,
    states: BTreeMap<Group, State>,
}

/// A check that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What it came to.
    pub report: Report,
    /// What changed by it.
    pub told: Vec<Told>,
}

impl<'b> Rounds<'b> {
    /// Takes up checks where the book left them; one that it does not know begins now. Those without a schedule are left out.
    ///
    /// # Errors
    /// If the book refuses.
    pub fn new(book: &'b Book, checks: &[Arc<Check>], node: String, now_us: i64) -> Result<Self, BookError> {
        let mut known = book.progress()?;
        let mut standing = Vec::new();
        for check in checks {
            let Some(schedule) = &check.schedule else { continue };
            let name = check.book_name();
            let begins = RuleProgress { meaning: String::new(), tick_us: now_us, seen_us: now_us, error: None };
            let found = known.remove(&name);
            let is_new = found.is_none();
            let progress = RuleProgress { meaning: schedule.to_string(), ..found.unwrap_or(begins) };
            let one = Standing { check: Arc::clone(check), progress, states: book.states(&name)? };
            // It begins when it is first seen, even if the process ends before its first moment.
            if is_new {
                book.commit(&[one.outcome(now_us)])?;
            }
            standing.push(one);
        }
        Ok(Self { book, checks: standing, node })
    }

    /// When the next check is due, microseconds UTC.
    pub fn due_us(&self) -> Option<i64> {
        let next = |standing: &Standing| standing.check.schedule.as_ref()?.next_after(standing.progress.tick_us);
        self.checks.iter().filter_map(next).min().map(|tick_us| tick_us + SETTLE_US + COMMIT_US)
    }

    /// Makes the checks that are due at `now_us`, microseconds UTC; alerts have been evaluated up to then. `clock` says how long the
    /// process has been running.
    ///
    /// # Errors
    /// If the book refuses.
    pub fn advance(
        &mut self,
        evaluator: &Evaluator<'_>,
        clock: &dyn Fn() -> Duration,
        now_us: i64,
    ) -> Result<Vec<Made>, BookError> {
        let mut made = Vec::new();
        for standing in &mut self.checks {
            let Some(schedule) = &standing.check.schedule else { continue };
            let due = schedule.between(standing.progress.tick_us, now_us - SETTLE_US - COMMIT_US, MAX_MISSED);
            for tick_us in due {
                let is_past = now_us - tick_us > STOPPED_US;
                let seen_us = if is_past { now_us } else { tick_us + SETTLE_US };
                standing.progress = RuleProgress { tick_us, seen_us, ..standing.progress.clone() };
                if !standing.check.is_active(tick_us) {
                    self.book.commit(&[standing.outcome(now_us)])?;
                    continue;
                }
                let bench = Bench { evaluator, book: Some(self.book), seen_us: Some(seen_us), clock };
                let report = judge(&standing.check, &bench, tick_us);
                let told = standing.enter(self.book, &report, &self.node, now_us)?;
                made.push(Made { report, told });
            }
        }
        Ok(made)
    }
}

impl Standing {
    /// What has to be committed if nothing else happened.
    fn outcome(&self, at_us: i64) -> Outcome {
        Outcome {
            alert: self.check.book_name(),
            progress: self.progress.clone(),
            at_us,
            states: Vec::new(),
            changes: Vec::new(),
            deliveries: Vec::new(),
            told_events: Vec::new(),
        }
    }

    /// Moves the states of the expectations by a report, and commits what came of it.
    fn enter(&mut self, book: &Book, report: &Report, node: &str, now_us: i64) -> Result<Vec<Told>, BookError> {
        let name = self.check.book_name();
        let handlings = book.handlings()?;
        let unsaid = Handling::default();
        let mut states = self.states.clone();
        let mut outcome = self.outcome(now_us);
        let mut told = Vec::new();
        let groups: Vec<(Group, Option<&Judged>)> = {
            let judged: BTreeMap<Group, &Judged> =
                report.judged.iter().map(|judged| (group(&judged.title), judged)).collect();
            // What is expected no more has no reason to fail.
            let gone = states.keys().filter(|group| !judged.contains_key(*group)).cloned();
            let gone: Vec<_> = gone.map(|group| (group, None)).collect();
            judged.into_iter().map(|(group, judged)| (group, Some(judged))).chain(gone).collect()
        };
        for (group, judged) in groups {
            let mut state = states.get(&group).cloned().unwrap_or_default();
            let severity = judged.map_or(Severity::Ok, |judged| match judged.outcome {
                Judgement::Passed => Severity::Ok,
                Judgement::Failed => judged.severity,
                // Nobody knows: somebody should look, and what failed before is not well.
                Judgement::NotJudged => state.severity().max(Severity::Warning),
            });
            let reading = Reading { tick_us: report.at_us, severity, is_clear: severity == Severity::Ok };
            let handling = handlings.get(&(name.clone(), group.clone())).unwrap_or(&unsaid);
            let change = state.advance(&name, &group, &Timing::default(), handling, reading);
            state.forget(&Timing::default(), report.at_us);
            if states.get(&group) != Some(&state) {
                outcome.states.push((group.clone(), state.clone()));
            }
            if state.is_blank() {
                states.remove(&group);
            } else {
                states.insert(group.clone(), state);
            }
            let Some(change) = change else { continue };
            if let (ChangeKind::Told(happening), None) = (change.what, change.quiet) {
                let notification = self.notification(report, &group, judged, (&change, happening), node);
                outcome.deliveries.push((notification, self.check.actions.clone()));
            }
            let count = judged.and_then(|judged| judged.count).unwrap_or(0);
            told.push(Told { alert: name.clone(), group: group.clone(), change: change.clone() });
            outcome.changes.push((group, change, count));
        }
        book.commit_with(&[outcome], &records(report, now_us))?;
        self.states = states;
        Ok(told)
    }

    fn notification(
        &self,
        report: &Report,
        group: &Group,
        judged: Option<&Judged>,
        (change, happening): (&Change, Happening),
        node: &str,
    ) -> Notification {
        let check = &*self.check;
        let range = judged.map_or((None, None), |judged| judged.question.range_us);
        let (events, rows) = judged.map(shown).unwrap_or_default();
        Notification {
            id: change.id.clone(),
            episode: change.episode.clone(),
            alert: check.book_name(),
            description: check.description.clone(),
            owner: check.owner.clone(),
            tags: check.tags.clone(),
            runbook: judged.and_then(|judged| judged.runbook.clone()).or_else(|| check.runbook.clone()),
            group: group.clone(),
            happening,
            severity: change.severity.1,
            severity_before: change.severity.0,
            at_us: report.at_us,
            since_us: change.since_us,
            window_us: (range.0.unwrap_or(report.at_us), range.1.unwrap_or(report.at_us)),
            search: judged.map(|judged| judged.question.subject.clone()).unwrap_or_default(),
            condition: judged.map(|judged| judged.question.want.clone()).unwrap_or_default(),
            count: judged.and_then(|judged| judged.count).unwrap_or(0),
            events,
            rows,
            series: Vec::new(),
            acknowledged_by: None,
            assigned_to: None,
            reason: judged.and_then(|judged| judged.reason.clone()),
            node: node.to_owned(),
        }
    }
}

fn group(title: &str) -> Group {
    Group(vec![(EXPECTATION_FIELD.to_owned(), title.to_owned())])
}

/// The events and rows that actions are shown.
fn shown(judged: &Judged) -> (Vec<SampleEvent>, Vec<Vec<(String, String)>>) {
    let (mut events, mut rows) = (Vec::new(), Vec::new());
    for evidence in judged.evidence.iter().cloned() {
        match evidence {
            Evidence::Event(event) => events.push(event),
            Evidence::Row(row) => rows.push(row),
        }
    }
    rows.extend(judged.job.as_ref().map(|job| job.fields(&crate::text::rfc3339)));
    (events, rows)
}

/// What is written to the index `_audit`: the check, and each of its expectations.
fn records(report: &Report, now_us: i64) -> Vec<AuditRecord> {
    let evaluated = json!(report.at_us as f64 / 1e6);
    let counts = report.counts();
    let check = AuditRecord::new(
        now_us,
        "check",
        [
            ("check", json!(report.check)),
            ("outcome", json!(report.outcome().as_str())),
            ("n_passed", json!(counts.n_passed)),
            ("n_failed", json!(counts.n_failed)),
            ("n_not_judged", json!(counts.n_not_judged)),
            ("duration_ms", json!(report.took.as_millis() as u64)),
            ("evaluated", evaluated.clone()),
        ],
    );
    let of = |judged: &Judged| {
        let clipped = |text: &str| json!(crate::text::clip(text, MAX_RECORD_CHARS));
        let job = judged.job.as_ref();
        let seconds = |us: Option<i64>| us.map_or(Value::Null, |us| json!(us as f64 / 1e6));
        AuditRecord::new(
            now_us,
            "expectation",
            [
                ("check", json!(report.check)),
                ("expectation", clipped(&judged.title)),
                ("outcome", json!(judged.outcome.as_str())),
                ("severity", json!(judged.severity.as_str())),
                ("count", json!(judged.count)),
                ("reason", judged.reason.as_deref().map_or(Value::Null, clipped)),
                (
                    "silent",
                    judged.basis.as_ref().and_then(|basis| basis.silent.as_deref()).map_or(Value::Null, clipped),
                ),
                ("job", job.map_or(Value::Null, |job| json!(job.job))),
                ("status", job.map_or(Value::Null, |job| json!(job.status.as_str()))),
                ("start", seconds(job.and_then(|job| job.run.as_ref()?.start_us))),
                ("end", seconds(job.and_then(|job| job.run.as_ref()?.end_us))),
                ("runtime", seconds(job.and_then(|job| job.runtime_us))),
                ("usual_runtime", seconds(job.and_then(|job| Some(job.usual_us?.0)))),
                ("evaluated", evaluated.clone()),
            ],
        )
    };
    std::iter::once(check).chain(report.judged.iter().map(of)).collect()
}
