//! Jobs of AutoSys: what its `event_demon` log and `autorep` say of their runs, and whether that is as it should be.
//!
//! Pure functions one after the other: rows of a search become [`JobEvent`]s ([`events`]), these become the runs of each
//! job ([`histories`]), and those are judged by the clock ([`judge`]). **Late is not failed**: a job that
//! succeeded after its time, or still runs then, has a severity of its own.

mod clock;
mod read;
mod runs;
mod verdict;

pub use clock::{BadClock, ClockTime};
pub use read::{JobNews, events, read};
pub use runs::{JobEvent, JobHistory, JobRun, RunState, Said, histories, usual_us};
pub use verdict::{Due, JobReport, JobStatus, JobVerdict, due, judge};

pub(super) use read::read_for;

use super::report::{Judged, Question};
use super::{Check, Expectation, Expected};
use crate::calendar::Calendar;
use crate::severity::Severity;
use std::fmt;
use std::sync::Arc;
use trawl_query::glob::Glob;

/// The search that finds what AutoSys says, if nothing else is declared.
pub const AUTOSYS_SEARCH: &str =
    "(sourcetype=autosys_event_demon (event=CHANGE_STATUS OR CAUAJM_I_10082)) OR sourcetype=autorep";
/// How far back past runs count for the usual run time if nothing is said: 30 days, in microseconds.
pub const DEFAULT_HISTORY_US: i64 = 30 * 86_400_000_000;

/// What is expected of a job, or of all jobs whose names are like a pattern.
#[derive(Clone, Debug)]
pub struct JobExpectation {
    /// Its name; `*` is any run of characters.
    pub name: String,
    /// When it must have succeeded.
    pub by: Option<ClockTime>,
    /// When it must have started.
    pub start_by: Option<ClockTime>,
    /// How long a run may take.
    pub max_runtime: Option<MaxRuntime>,
    /// How long before its time the run starts at the earliest, in microseconds. `None`: 12 hours, and 24 hours before the check
    /// where no time is given.
    pub within_us: Option<i64>,
    /// The days on which it is due. `None`: every day.
    pub days: Option<Arc<Calendar>>,
    /// How far back past runs count, in microseconds.
    pub history_us: i64,
    /// How bad it is that it is late.
    pub late_severity: Severity,
}

/// How long a run may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRuntime {
    /// So long, in microseconds.
    Fixed(i64),
    /// So many times as long as usual.
    TimesUsual(f64),
}

impl JobExpectation {
    /// Whether it names several jobs.
    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }
}

/// `finished by 22:15`, `started by 21:00, run time at most x1.5`.
impl fmt::Display for JobExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.start_by.map(|time| format!("started by {time}"));
        let finished = self.by.map(|time| format!("finished by {time}"));
        let runtime = self.max_runtime.map(|max| match max {
            MaxRuntime::Fixed(us) => format!("run time at most {}", hms(us)),
            MaxRuntime::TimesUsual(factor) => format!("run time at most x{factor}"),
        });
        let parts: Vec<String> = [started, finished, runtime].into_iter().flatten().collect();
        if parts.is_empty() { f.write_str("succeeded") } else { f.write_str(&parts.join(", ")) }
    }
}

/// A time span in microseconds as AutoSys writes it: hours, minutes and seconds, `01:02:03`.
pub fn hms(us: i64) -> String {
    let seconds = us.max(0) / 1_000_000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Judges the jobs that an expectation names: one, or each that is known and like its pattern.
pub(super) fn judge_all(
    check: &Check,
    expectation: &Expectation,
    wanted: &JobExpectation,
    news: &JobNews,
    now_us: i64,
) -> Vec<Judged> {
    let Some(due) = due(wanted, now_us, check.zone) else {
        return vec![unjudged(expectation, wanted, "its calendar has no day on which it was due".to_owned(), now_us)];
    };
    let unseen = JobHistory::default();
    let glob = Glob::new(&wanted.name);
    let of = |job: &str, history: &JobHistory, title: String| {
        let verdict = judge(wanted, job, history, &due, news.newest_us, (now_us, check.zone));
        let question = Question {
            kind: "job",
            subject: job.to_owned(),
            want: wanted.to_string(),
            range_us: (Some(due.from_us), Some(due.until_us)),
        };
        let is_late = verdict.report.status == JobStatus::Late;
        Judged {
            title,
            severity: if is_late { wanted.late_severity } else { expectation.severity },
            outcome: verdict.outcome,
            reason: verdict.reason,
            count: Some(verdict.n_runs),
            basis: Some(news.basis.clone()),
            job: Some(verdict.report),
            ..Judged::of(expectation, question)
        }
    };
    if !wanted.is_pattern() {
        let history = news.jobs.get(&wanted.name).unwrap_or(&unseen);
        return vec![of(&wanted.name, history, expectation.title.clone())];
    }
    // A job that has not run for so long is not a part of this batch any more.
    let is_known = |history: &JobHistory| {
        history.idle.is_some() || history.runs.iter().any(|run| run.at_us() >= now_us.saturating_sub(wanted.history_us))
    };
    let is_named = |job: &str| {
        let mut others = check.expectations.iter().map(|other| &other.what);
        others.any(|other| matches!(other, Expected::Job(other) if other.name == job))
    };
    let known = news.jobs.iter().filter(|(job, history)| glob.matches(job) && !is_named(job) && is_known(history));
    // Where the title is none of our own, it says more than the times.
    let has_title = expectation.title != format!("{} {wanted}", wanted.name);
    let title = |job: &str| if has_title { format!("{}: {job}", expectation.title) } else { format!("{job} {wanted}") };
    let judged: Vec<Judged> = known.map(|(job, history)| of(job, history, title(job))).collect();
    if judged.is_empty() {
        let nothing = unjudged(expectation, wanted, format!("no job like {} is known", wanted.name), now_us);
        return vec![Judged { basis: Some(news.basis.clone()), ..nothing }];
    }
    judged
}

/// Of what is expected of a job nothing can be told.
pub(super) fn unjudged(expectation: &Expectation, wanted: &JobExpectation, why: String, now_us: i64) -> Judged {
    let question = Question {
        kind: "job",
        subject: wanted.name.clone(),
        want: wanted.to_string(),
        range_us: (None, Some(now_us)),
    };
    Judged { reason: Some(why), ..Judged::of(expectation, question) }
}
