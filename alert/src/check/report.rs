//! What a check came to.

use super::Expectation;
use super::job::JobReport;
use crate::notification::SampleEvent;
use crate::severity::Severity;
use std::time::Duration;

/// What a check came to at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Name of the check.
    pub check: String,
    /// What it is about.
    pub description: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// The moment, microseconds UTC.
    pub at_us: i64,
    /// What came of each expectation, in the order of the check; of jobs named by a pattern, of each of them.
    pub judged: Vec<Judged>,
    /// How long it took.
    pub took: Duration,
}

/// What came of one expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What is expected.
    pub title: String,
    /// How bad it is that it is not so; of one that holds, how bad it would be.
    pub severity: Severity,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// What was asked.
    pub question: Question,
    /// Whether it is so.
    pub outcome: Outcome,
    /// Why it is not so, or cannot be told; of a job also how it went.
    pub reason: Option<String>,
    /// What was found: events, rows of a table, alerts. `None`: nothing was counted.
    pub count: Option<u64>,
    /// The newest events, or rows, that it rests on.
    pub evidence: Vec<Evidence>,
    /// What the answer of its search rests on.
    pub basis: Option<Basis>,
    /// The job that it is about.
    pub job: Option<JobReport>,
    /// How long it took.
    pub took: Duration,
}

/// What is asked for an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// `search`, `open_alerts` or `job`.
    pub kind: &'static str,
    /// The search, the name of the job, or from which severity on alerts count.
    pub subject: String,
    /// What is wanted of it.
    pub want: String,
    /// The range of time, microseconds UTC, the end excluded; open where it is `None`.
    pub range_us: (Option<i64>, Option<i64>),
}

/// Whether something is as it is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is.
    Passed,
    /// It is not.
    Failed,
    /// It cannot be told.
    NotJudged,
}

impl Outcome {
    /// The word in output and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotJudged => "not_judged",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// An event.
    Event(SampleEvent),
    /// A row of a table: fields and values in order.
    Row(Vec<(String, String)>),
}

impl Evidence {
    /// Most that is shown of one expectation.
    pub const MAX: usize = 5;
}

/// What the answer of a search rests on: with it, "nothing" is a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// What was searched, in words.
    pub searched: String,
    /// Events that were there to be searched.
    pub n_events: u64,
    /// Sources that they come from.
    pub n_sources: usize,
    /// Where nothing was found: that nothing arrived from where the search looks, and what the newest is that did.
    pub silent: Option<String>,
    /// What else a person should know.
    pub warnings: Vec<String>,
}

/// How many expectations came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that hold.
    pub n_passed: usize,
    /// Those that do not.
    pub n_failed: usize,
    /// Those that cannot be told.
    pub n_not_judged: usize,
}

impl Judged {
    /// An expectation of which nothing is known yet.
    pub(super) fn of(expectation: &Expectation, question: Question) -> Self {
        Self {
            title: expectation.title.clone(),
            severity: expectation.severity,
            runbook: expectation.runbook.clone(),
            question,
            outcome: Outcome::NotJudged,
            reason: None,
            count: None,
            evidence: Vec::new(),
            basis: None,
            job: None,
            took: Duration::ZERO,
        }
    }
}

impl Report {
    /// How many expectations came to what.
    pub fn counts(&self) -> Counts {
        let count = |outcome| self.judged.iter().filter(|judged| judged.outcome == outcome).count();
        Counts {
            n_passed: count(Outcome::Passed),
            n_failed: count(Outcome::Failed),
            n_not_judged: count(Outcome::NotJudged),
        }
    }

    /// What the whole check came to: it passed if every expectation holds; one that cannot be told weighs more than one that
    /// does not hold, for then nobody knows all that is wrong.
    pub fn outcome(&self) -> Outcome {
        match self.counts() {
            Counts { n_failed: 0, n_not_judged: 0, .. } => Outcome::Passed,
            Counts { n_not_judged: 0, .. } => Outcome::Failed,
            _ => Outcome::NotJudged,
        }
    }
}
