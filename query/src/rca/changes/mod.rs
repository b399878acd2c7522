//! What changed before an incident: a ranked list of suspects, each with the line that tells of it.
//!
//! 1. The onset is given, or found in the rates of failures by source (`onset`).
//! 2. Lines that may tell of a change are looked for with the index, by the table of [`kinds`]; pieces of queries that half
//!    the log would match are counted first, and left out where they are too common.
//! 3. Changes that no line tells of come from the rates of all events (`regime`, `verbosity`) and from the layout of lines (`format`).
//! 4. Names in the errors say what a change has to do with them (`relation`), and `rank` puts all in order.

mod format;
pub mod kinds;
mod logs;
mod onset;
mod rank;
mod regime;
mod relation;
mod verbosity;
mod window;

pub use format::FormatChange;
pub use regime::Regime;

use super::event::{Event, Moment};
use super::inquiry::{Inquiry, RcaError};
use crate::engine::coverage::Coverage;
use crate::engine::frequency;
use crate::search::SearchExpr;
use kinds::{KINDS, kind_of};
use rank::{Line, Silent, rank};
use relation::Failing;
use serde::{Deserialize, Serialize};
use window::Rates;

/// Candidates that a piece of a query may have before it counts as too common to be news.
const MOST_OF_QUERY: u64 = 4_000;
/// How long before the onset pieces that are too common are looked for all the same: microseconds.
const NEAR_US: i64 = 900_000_000;
/// Most lines that are read.
const MAX_LINES: usize = 40_000;
/// Errors that are read to learn what fails.
const MAX_ERRORS: usize = 300;
/// How long after the onset errors tell what fails: microseconds.
const ERRORS_US: i64 = 300_000_000;

/// Which incident, and how far to look.
#[derive(Clone, Debug)]
pub struct ChangesOptions {
    /// Where the incident is said to begin, microseconds UTC. The onset may lie before it.
    pub from_us: i64,
    /// Where it is said to end. Default: two hours later, or now.
    pub until_us: Option<i64>,
    /// When it began, if that is known.
    pub onset_us: Option<i64>,
    /// How long before it changes are looked for, microseconds. Default: six hours.
    pub before_us: i64,
    /// What fails: a query of events. Default: events of a level that is an error.
    pub query: Option<String>,
}

impl ChangesOptions {
    /// An incident from `from_us` on, looked at from six hours before.
    pub fn new(from_us: i64) -> Self {
        Self { from_us, until_us: None, onset_us: None, before_us: 6 * 3_600_000_000, query: None }
    }
}

/// What changed.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// When the incident began, and how that is known.
    pub onset: Onset,
    /// The likeliest cause first.
    pub suspects: Vec<Change>,
    /// What changed after the onset, in order of time.
    pub after: Vec<Change>,
    /// Where changes were looked for.
    pub from: Moment,
    /// The end of that, itself not included.
    pub until: Moment,
    /// Pieces of queries that were not looked for in all of that time: too many lines match.
    pub too_common: Vec<TooCommon>,
    /// How many lines were read.
    pub n_lines: usize,
    /// What the searches rested on.
    pub coverage: Coverage,
    /// Why the answer is not whole, if it is not.
    pub incomplete: Option<String>,
}

/// The beginning of an incident.
#[derive(Clone, Debug, Serialize)]
pub struct Onset {
    /// When.
    pub time: Moment,
    /// How that is known.
    pub how: OnsetFrom,
    /// When the failures were over, if they were.
    pub end: Option<Moment>,
    /// The sources whose failures are more than before, the clearest first.
    pub failing: Vec<FailingSource>,
}

/// How an onset is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnsetFrom {
    /// It was given.
    Given,
    /// Failures rose.
    Detected,
    /// No failures rose: it is the beginning of the window.
    Window,
}

/// A source whose failures rose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailingSource {
    /// The source.
    pub source: String,
    /// When they rose, to the bin.
    pub begin: Moment,
    /// When that was over, to the bin.
    pub end: Moment,
    /// Failures in a minute before and after that.
    pub before_per_min: f64,
    /// Failures in a minute in that time.
    pub inside_per_min: f64,
    /// Logarithmic likelihood ratio of the scan statistic.
    pub llr: f64,
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Stable name of its kind, see [`kinds`]; of those without a line `silence`, `rate`, `new_source`, `new_host`, `new_level`,
    /// `format`, `verbosity`.
    pub kind: String,
    /// The kind for people.
    pub title: String,
    /// The product of the parts.
    pub score: f64,
    /// Why it stands where it stands.
    pub parts: Parts,
    /// When.
    pub time: Moment,
    /// Since the onset, microseconds; negative before it.
    pub relative_us: i64,
    /// Its source.
    pub source: String,
    /// Its machine; empty where it is about all machines of a source.
    pub host: String,
    /// The line that tells of it, if one does.
    pub event: Option<Event>,
    /// What changed, if no line tells of it.
    pub regime: Option<Regime>,
    /// Names that it shares with what fails.
    pub shared: Vec<String>,
    /// Tickets that its lines name.
    pub tickets: Vec<String>,
    /// Lines that tell of it.
    pub n_alike: usize,
    /// How often the same was said at other times before the onset.
    pub n_background: usize,
    /// What other sources, or other lines of its own, tell of it.
    pub also: Vec<Echo>,
}

/// Another line about the same change: the first of its kind in its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Echo {
    /// Since the onset, microseconds.
    pub relative_us: i64,
    /// The line.
    pub event: Event,
}

/// The parts of a score, each between 0 and 1: see `rank`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// How often such a line turns out to be the cause.
    pub kind: f64,
    /// How shortly before the onset.
    pub closeness: f64,
    /// How seldom the same is said otherwise.
    pub rarity: f64,
    /// What it has to do with what fails.
    pub relation: f64,
}

impl Parts {
    fn score(&self) -> f64 {
        let product = self.kind * self.closeness * self.rarity * self.relation;
        (product * 10_000.0).round() / 10_000.0
    }
}

/// A piece of a query that too many lines match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooCommon {
    /// The piece.
    pub query: String,
    /// Lines in the time that was looked at.
    pub n_events: u64,
    /// Whether it was looked for shortly before the onset all the same.
    pub near_onset: bool,
}

/// Finds what changed.
///
/// # Errors
/// If the window is empty, the query is not valid, or a search fails.
pub fn changes(inquiry: &Inquiry, options: &ChangesOptions) -> Result<Changes, RcaError> {
    let rates = Rates::read(inquiry, options)?;
    let onset = rates.onset(inquiry, options)?;
    let errors = rates.errors(inquiry, &onset, ERRORS_US, MAX_ERRORS)?;
    let failing = Failing::of(&errors);
    let (events, too_common) = change_lines(inquiry, &rates, onset.time)?;
    let n_lines = events.len();
    let line = |event: Event| kind_of(event.first_line()).map(|kind| Line { kind, event });
    let lines = events.into_iter().filter_map(line).collect();
    let silent: Vec<Silent> = rates.silent(inquiry, onset.time)?;
    let (suspects, after) = rank(lines, silent, &failing, onset.time);
    Ok(Changes {
        onset,
        suspects,
        after,
        from: Moment(rates.bins.from_us),
        until: Moment(rates.until_us),
        too_common,
        n_lines,
        coverage: inquiry.coverage(),
        incomplete: inquiry.incomplete(),
    })
}

/// The lines that may tell of a change, and what was too common to be looked for.
fn change_lines(inquiry: &Inquiry, rates: &Rates, onset: Moment) -> Result<(Vec<Event>, Vec<TooCommon>), RcaError> {
    let queries: Vec<&str> = KINDS.iter().flat_map(|kind| kind.queries).copied().collect();
    let exprs = queries.iter().map(|query| inquiry.expr(query)).collect::<Result<Vec<_>, _>>()?;
    let count = |exprs: &[SearchExpr], from_us: i64, until_us: i64| -> Result<Vec<u64>, RcaError> {
        let range = inquiry.within(Some(from_us), Some(until_us));
        let plan = inquiry.everything(&range)?;
        Ok(frequency::possible(inquiry.engine(), plan.plan(), exprs, &inquiry.options().cancel)?)
    };
    let (from_us, until_us) = (rates.bins.from_us, rates.until_us);
    let (near_from_us, near_until_us) = (onset.0.saturating_sub(NEAR_US), onset.0.saturating_add(1_000_000));
    let (mut all, mut too_common) = (Vec::new(), Vec::new());
    let mut common = Vec::new();
    for ((query, expr), n_events) in queries.into_iter().zip(&exprs).zip(count(&exprs, from_us, until_us)?) {
        if n_events <= MOST_OF_QUERY {
            all.push(query);
        } else {
            common.push(expr.clone());
            too_common.push(TooCommon { query: query.to_owned(), n_events, near_onset: false });
        }
    }
    for (piece, n_events) in too_common.iter_mut().zip(count(&common, near_from_us, near_until_us)?) {
        piece.near_onset = n_events <= MOST_OF_QUERY;
    }
    let near: Vec<&str> =
        too_common.iter().filter(|piece| piece.near_onset).map(|piece| piece.query.as_str()).collect();
    let mut events: Vec<Event> = Vec::new();
    for (queries, from_us, until_us) in [(all, from_us, until_us), (near, near_from_us, near_until_us)] {
        if queries.is_empty() {
            continue;
        }
        let query = queries.iter().map(|query| format!("({query})")).collect::<Vec<_>>().join(" OR ");
        events.extend(inquiry.events(&query, inquiry.within(Some(from_us), Some(until_us)), MAX_LINES)?.events);
    }
    // A line that both found counts once.
    events.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.addr.cmp(&b.addr)));
    events.dedup_by(|a, b| a.addr == b.addr);
    Ok((events, too_common))
}

impl Changes {
    /// Of what changed after the onset, the `most` that score best, if they score at least `min_share` of the best, in order of
    /// time. All of it is as close as can be: their scores say how rare they are, and what they have to do with what fails.
    pub fn likeliest_after(&self, most: usize, min_share: f64) -> Vec<&Change> {
        let mut likeliest: Vec<&Change> = self.after.iter().collect();
        likeliest.sort_by(|a, b| b.score.total_cmp(&a.score));
        let least = likeliest.first().map_or(0.0, |best| best.score * min_share);
        likeliest.retain(|change| change.score >= least);
        likeliest.truncate(most);
        likeliest.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.source.cmp(&b.source)));
        likeliest
    }
}

impl Change {
    /// The event that shows it best, if one does.
    pub fn example(&self) -> Option<&Event> {
        let of_regime = || self.regime.as_ref()?.lines().last().map(|(_, event)| *event);
        self.event.as_ref().or_else(of_regime)
    }

    /// What changed, in few words: the first line of its event, or what the rates say. May hold text of logs: hostile.
    pub fn summary(&self) -> String {
        match (&self.event, &self.regime) {
            (Some(event), _) => event.first_line().to_owned(),
            (None, Some(regime)) => regime.summary(&self.source, &self.host),
            (None, None) => self.title.clone(),
        }
    }
}

impl Onset {
    /// How the onset is known, in few words. Holds names of sources.
    pub fn summary(&self) -> String {
        match (self.how, self.failing.first()) {
            (_, Some(FailingSource { source, before_per_min, inside_per_min, .. })) => {
                let file = source.rsplit('/').next().unwrap_or(source);
                format!("failures of {file} rise from {before_per_min} to {inside_per_min} a minute")
            }
            (OnsetFrom::Given, None) => "given; no failures rise".to_owned(),
            (_, None) => "the window begins; no failures rise".to_owned(),
        }
    }
}
