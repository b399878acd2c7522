//! A check at a moment.

use super::job::{self, JobNews};
use super::report::{Judged, Report};
use super::{Check, Expected, open, search};
use crate::book::Book;
use crate::evaluate::{EvaluateError, Evaluator};
use crate::watch::chain;
use std::time::Duration;
use trawl_query::SearchOptions;

/// What checks are made with.
pub struct Bench<'b> {
    /// Runs the searches.
    pub evaluator: &'b Evaluator<'b>,
    /// What is known of alerts.
    pub book: Option<&'b Book>,
    /// Only events that were indexed before this count, microseconds UTC. `None`: all.
    pub seen_us: Option<i64>,
    /// How long the process has been running, to say how long things took.
    pub clock: &'b dyn Fn() -> Duration,
}

impl Bench<'_> {
    /// What searches of a check are run with at a moment, microseconds UTC.
    pub(super) fn options(&self, check: &Check, now_us: i64) -> SearchOptions {
        SearchOptions {
            now_us,
            indexed_before_us: self.seen_us,
            zone: check.zone,
            search_name: Some(check.name.clone()),
            ..self.evaluator.options().clone()
        }
    }
}

/// Judges every expectation of a check as of a moment, microseconds UTC, whether the check is active then or not. What cannot be
/// told is part of the report.
pub fn judge(check: &Check, bench: &Bench<'_>, now_us: i64) -> Report {
    let begun = (bench.clock)();
    let mut judged = Vec::new();
    // Read once, for all jobs.
    let mut news: Option<Result<JobNews, String>> = None;
    for expectation in &check.expectations {
        let begun = (bench.clock)();
        let at = judged.len();
        match &expectation.what {
            Expected::Search(search) => judged.push(search::judge(check, expectation, search, bench, now_us)),
            Expected::NoOpenAlert { severity, alerts } => {
                judged.push(open::judge(expectation, *severity, alerts, bench.book, now_us));
            }
            Expected::Job(wanted) => {
                let news = news.get_or_insert_with(|| {
                    job::read_for(check, bench, now_us).map_err(|error: EvaluateError| chain(&error))
                });
                match news {
                    Ok(news) => judged.extend(job::judge_all(check, expectation, wanted, news, now_us)),
                    Err(why) => judged.push(job::unjudged(expectation, wanted, why.clone(), now_us)),
                }
            }
        }
        let took = (bench.clock)().saturating_sub(begun);
        judged.iter_mut().skip(at).for_each(|judged: &mut Judged| {
            judged.took = took;
            judged.runbook = judged.runbook.take().or_else(|| check.runbook.clone());
        });
    }
    Report {
        check: check.name.clone(),
        description: check.description.clone(),
        owner: check.owner.clone(),
        tags: check.tags.clone(),
        runbook: check.runbook.clone(),
        at_us: now_us,
        judged,
        took: (bench.clock)().saturating_sub(begun),
    }
}
