//! Checks: named lists of expectations, each of which holds, does not, or cannot be told.
//!
//! A [`Check`] is what the configuration says. [`judge`] looks at the events as of a moment and makes a [`Report`];
//! [`Rounds`](rounds::Rounds) does so at the moments of the checks that have a schedule.

pub mod job;
mod open;
mod report;
pub mod rounds;
mod run;
mod search;

pub use open::WatchedAlert;
pub use report::{Basis, Counts, Evidence, Judged, Outcome, Question, Report};
pub use run::{Bench, judge};

use crate::calendar::Calendar;
use crate::condition::Condition;
use crate::schedule::Schedule;
use crate::severity::Severity;
use job::JobExpectation;
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_query::time::TimeSpec;
use trawl_query::{QueryError, Search, SearchOptions};

/// What the states of checks are kept under in the book, before the name of the check.
pub const CHECK_PREFIX: &str = "check:";
/// The field of the groups of a check: which expectation.
pub const EXPECTATION_FIELD: &str = "expect";
/// Start of the range of an expectation that names none.
pub const DEFAULT_EARLIEST: &str = "-24h";
/// End of the range of an expectation that names none: the moment of the check.
pub const DEFAULT_LATEST: &str = "now";

/// A check, as it is declared.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name, unique.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// When it is made by itself, if it is.
    pub schedule: Option<Schedule>,
    /// When it is made at all.
    pub active: Option<Arc<Calendar>>,
    /// The clock of time modifiers, of the times of jobs and of the dates in what `autorep` prints.
    pub zone: Zone,
    /// The search that finds what AutoSys says of jobs.
    pub autosys: String,
    /// Actions that are told when an expectation of a scheduled check begins or ends to fail.
    pub actions: Vec<String>,
    /// What is expected, in the order in which it is shown.
    pub expectations: Vec<Expectation>,
}

/// One thing that is expected.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What it is, for people; unique in its check.
    pub title: String,
    /// How bad it is if it is not so.
    pub severity: Severity,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// How it is told.
    pub what: Expected,
}

/// How an expectation is told.
#[derive(Clone, Debug)]
pub enum Expected {
    /// A search finds what is wanted.
    Search(SearchExpectation),
    /// No alert fires that is as bad as this, or worse.
    NoOpenAlert {
        /// From which severity on.
        severity: Severity,
        /// The alerts that are declared.
        alerts: Vec<WatchedAlert>,
    },
    /// Jobs of AutoSys are done.
    Job(JobExpectation),
}

/// A search and what it is to find.
#[derive(Clone, Debug)]
pub struct SearchExpectation {
    /// The search.
    pub search: String,
    /// Start of its range: a time modifier, relative to the moment of the check. `None`: [`DEFAULT_EARLIEST`].
    pub earliest: Option<String>,
    /// End of its range, excluded. `None`: [`DEFAULT_LATEST`].
    pub latest: Option<String>,
    /// What must hold, of every row of a table.
    pub want: Condition,
}

/// A check that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCheck {
    /// Nothing is expected.
    #[error("it expects nothing: write a [[check.expect]] or a [[check.job]] below it")]
    Nothing,
    /// Two expectations that could not be told apart.
    #[error("two expectations have the title `{0}`: give each a title of its own")]
    SameTitle(String),
    /// A search cannot be read.
    #[error("the search of `{title}` cannot be used: {error}")]
    Search {
        /// Which expectation.
        title: String,
        /// The search as written.
        text: String,
        /// What is wrong with it.
        error: Box<QueryError>,
    },
    /// A time modifier cannot be read.
    #[error("`{text}` of `{title}` is not a time: write for example -15m, -1d@d+22h or 2026-11-20T14:00:00")]
    Time {
        /// Which expectation.
        title: String,
        /// What was written.
        text: String,
    },
    /// Two ranges of time.
    #[error("the search of `{0}` has a range of time, and so has the expectation: leave out one of them")]
    TwoRanges(String),
    /// A schedule that checks cannot have.
    #[error("a check is made at moments: write `every` or `cron`")]
    Continuous,
}

impl Check {
    /// Whether the parts fit each other. `options` are those with which searches are run.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self, options: &SearchOptions) -> Result<(), BadCheck> {
        if self.expectations.is_empty() {
            return Err(BadCheck::Nothing);
        }
        if matches!(self.schedule, Some(Schedule::Continuous)) {
            return Err(BadCheck::Continuous);
        }
        for (at, expectation) in self.expectations.iter().enumerate() {
            if self.expectations[..at].iter().any(|other| other.title == expectation.title) {
                return Err(BadCheck::SameTitle(expectation.title.clone()));
            }
            let search = match &expectation.what {
                Expected::Search(search) => search.check(&expectation.title, options).map(|()| None),
                Expected::Job(_) => Ok(Some(&self.autosys)),
                Expected::NoOpenAlert { .. } => Ok(None),
            }?;
            if let Some(text) = search {
                prepared(&expectation.title, text, options)?;
            }
        }
        Ok(())
    }

    /// What its states are kept under in the book, and actions are told that it is called.
    pub fn book_name(&self) -> String {
        format!("{CHECK_PREFIX}{}", self.name)
    }

    /// Whether it is made at a moment, microseconds UTC.
    pub fn is_active(&self, at_us: i64) -> bool {
        self.active.as_ref().is_none_or(|calendar| calendar.contains(at_us))
    }
}

fn prepared(title: &str, text: &str, options: &SearchOptions) -> Result<Search, BadCheck> {
    Search::prepare(text, options).map_err(|error| BadCheck::Search {
        title: title.to_owned(),
        text: text.to_owned(),
        error: Box::new(error),
    })
}

impl SearchExpectation {
    fn check(&self, title: &str, options: &SearchOptions) -> Result<(), BadCheck> {
        for text in [&self.earliest, &self.latest].into_iter().flatten() {
            if TimeSpec::parse(text).is_none() {
                return Err(BadCheck::Time { title: title.to_owned(), text: text.clone() });
            }
        }
        let search = prepared(title, &self.search, options)?;
        let has_own = !search.plan().times.is_all();
        if has_own && (self.earliest.is_some() || self.latest.is_some()) {
            return Err(BadCheck::TwoRanges(title.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(search: &str, earliest: Option<&str>) -> Check {
        let what = Expected::Search(SearchExpectation {
            search: search.to_owned(),
            earliest: earliest.map(str::to_owned),
            latest: None,
            want: Condition::parse("count >= 1").unwrap(),
        });
        Check {
            name: "sod".to_owned(),
            description: None,
            owner: None,
            tags: Vec::new(),
            runbook: None,
            schedule: None,
            active: None,
            zone: Zone::UTC,
            autosys: job::AUTOSYS_SEARCH.to_owned(),
            actions: Vec::new(),
            expectations: vec![Expectation {
                title: "a".to_owned(),
                severity: Severity::Critical,
                runbook: None,
                what,
            }],
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let options = SearchOptions::new(0);
        let said = |check: &Check| check.check(&options).err().map(|error| error.to_string());
        assert_eq!(said(&check("error", Some("-1d@d+18h"))), None);
        assert_eq!(said(&check("error earliest=-1h", None)), None);
        assert_eq!(
            said(&check("error", Some("yesterday"))).unwrap(),
            "`yesterday` of `a` is not a time: write for example -15m, -1d@d+22h or 2026-11-20T14:00:00"
        );
        assert!(said(&check("error earliest=-1h", Some("-2h"))).unwrap().contains("has a range of time"));
        assert!(said(&check("error |", None)).unwrap().starts_with("the search of `a` cannot be used"));
        let mut twice = check("error", None);
        twice.expectations.push(twice.expectations[0].clone());
        assert!(said(&twice).unwrap().contains("two expectations have the title `a`"));
        twice.expectations.clear();
        assert!(said(&twice).unwrap().starts_with("it expects nothing"));
    }
}
