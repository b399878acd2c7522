//! What is different during an incident: patterns of lines that are new, gone, more or less frequent, or on other hosts; and values of fields that
//! are over-represented.
//!
//! [`compare`] runs the searches and decides; the report is plain data. The baseline is given, or chosen: the hours before and the
//! same time of the days before ([`Baseline`] says which). All of the incident and the baseline is looked at for patterns, for values the incident
//! and a sample of the baseline: finding fields costs ten times as much.
//!
//! **Statistic** Everything is ranked by `g`, the log-likelihood ratio of its rate in the incident against that in the baseline, divided by
//! how much more its counts scatter among stretches of the baseline than chance would have it. `q` is the p-value of it,
//! adjusted for the number of tests (Benjamini and Hochberg): at most so many of the findings with this `q` or less are
//! false. See `statistics`.

mod baseline;
mod decide;
mod gather;
mod report;
mod statistics;
mod values;
mod windows;

pub use report::{Change, Diff, HostCounts, Line, PatternChange, Side, Stretch, ValueChange};
pub use windows::Windows;

pub(crate) use decide::decide;
use gather::Gather;
pub(crate) use gather::{Gathered, What};

pub use baseline::Baseline;

use crate::Flow;
use crate::context::Progress;
use crate::engine::Engine;
use crate::error::{QueryError, RunError};
use crate::pattern;
use crate::run::{Search, SearchOptions, Summary};
use crate::time::TimeRange;
use crate::wanted::Wanted;
use std::sync::Arc;

/// Findings with a larger `q` are not called significant: one false one in a hundred.
pub const SIGNIFICANT: f64 = 0.01;

/// Most findings of each list whose line is looked up again, for its address.
const MAX_LOCATED: usize = 20;

/// Most events before the incident that are looked at to learn whether a new pattern was seen before.
const MAX_EARLIER: usize = 50;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Request {
    /// The search that selects events, perhaps with commands that look at one event at a time. It names no range of time.
    pub query: String,
    /// The incident, half open, microseconds UTC.
    pub incident_us: (i64, i64),
    /// The baseline; `None` to choose one.
    pub baseline_us: Option<(i64, i64)>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// The query is not valid, or not one whose events can be compared.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A search failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The query makes a table.
    #[error("the query must yield events, and this one makes a table of them; leave out `{command}` and what follows")]
    NoEvents {
        /// The first command that makes a table.
        command: String,
    },
    /// The query has a time range.
    #[error("the query names a time range itself; leave out `earliest` and `latest`")]
    NamesRange,
    /// A range ends before it begins, or the two overlap.
    #[error("{0}")]
    Range(&'static str),
    /// There is nothing to compare with.
    #[error(
        "nothing is indexed of the hours before the incident, nor of the same time of the seven days before; name a baseline"
    )]
    NoBaseline,
}

/// Compares the incident with the baseline.
///
/// Reads both for patterns, and parts of them again for fields. The order of findings is that of the report.
///
/// # Errors
/// See [`DiffError`]. Damage or a deadline is no error: [`Diff::incomplete`] says so.
pub fn compare(engine: &Engine, request: &Request, options: &SearchOptions) -> Result<Diff, DiffError> {
    let (from_us, to_us) = request.incident_us;
    if from_us >= to_us {
        return Err(DiffError::Range("the incident must end after it begins"));
    }
    if let Some((start, end)) = request.baseline_us {
        if start >= end {
            return Err(DiffError::Range("the baseline must end after it begins"));
        }
        if start < to_us && from_us < end {
            return Err(DiffError::Range("the incident and the baseline must not overlap"));
        }
    }
    let engine = engine.at_one_moment();
    let searcher = Searcher { engine: &engine, query: &request.query, options };
    searcher.check()?;
    let baseline = match request.baseline_us {
        Some(range) => Baseline::given(range),
        None => Baseline::choose(&searcher, request.incident_us, options.zone)?,
    };
    let ranges: Vec<(i64, i64)> = baseline.ranges().collect();
    let windows = Arc::new(Windows::of_parts(request.incident_us, baseline.parts().to_vec()));
    let mut incomplete = None;
    let mut patterns = Gathered::default();
    for range in std::iter::once(request.incident_us).chain(ranges.iter().copied()) {
        let (gathered, summary) = searcher.gather(range, Gather::patterns(&windows))?;
        patterns.merge(gathered);
        incomplete = incomplete.or(summary.incomplete);
    }
    let sample = baseline.sample(to_us - from_us);
    let of_values: Vec<(i64, i64)> = sample.iter().map(|part| (part.from_us, part.to_us)).collect();
    let windows_of_values = Arc::new(Windows::of_parts(request.incident_us, sample));
    let mut values = Gathered::default();
    for range in std::iter::once(request.incident_us).chain(of_values.iter().copied()) {
        let (gathered, summary) = searcher.gather(range, Gather::values(&windows_of_values))?;
        values.merge(gathered);
        incomplete = incomplete.or(summary.incomplete);
    }
    let n_events = patterns.n_events();
    let mut diff = Diff {
        query: request.query.clone(),
        incident: Side::new(&[request.incident_us], n_events.0),
        baseline: Side::new(&ranges, n_events.1),
        baseline_is_chosen: request.baseline_us.is_none(),
        baseline_text: baseline.text().to_owned(),
        values_baseline: Side::new(&of_values, values.n_events().1),
        patterns: Vec::new(),
        n_tests: 0,
        values: Vec::new(),
        n_value_tests: 0,
        incomplete,
    };
    let seen_us = patterns.seen_us.unwrap_or_default();
    (diff.patterns, diff.n_tests) = decide(patterns.into_patterns(), &windows, TimeRange::ALL, seen_us);
    (diff.values, diff.n_value_tests) = values::decide(values, &windows_of_values);
    searcher.locate(&mut diff.patterns)?;
    for found in diff.patterns.iter_mut().filter(|found| found.change == Change::New).take(MAX_LOCATED) {
        found.seen_earlier_us = searcher.seen_earlier(found, from_us, &windows)?;
    }
    Ok(diff)
}

/// Runs the searches of one comparison.
pub(super) struct Searcher<'a> {
    engine: &'a Engine,
    query: &'a str,
    options: &'a SearchOptions,
}

impl Searcher<'_> {
    /// The options of a search over a range.
    fn options(&self, (from_us, to_us): (i64, i64)) -> SearchOptions {
        SearchOptions {
            earliest: Some(seconds(from_us)),
            latest: Some(seconds(to_us)),
            limit: None,
            progress: Arc::new(Progress::default()),
            ..self.options.clone()
        }
    }

    fn check(&self) -> Result<(), DiffError> {
        let search = Search::prepare(self.query, self.options)?;
        if search.names_range() {
            return Err(DiffError::NamesRange);
        }
        if let Some(command) = search.plan().commands.iter().find(|command| command.makes_table()) {
            return Err(DiffError::NoEvents { command: command.to_string() });
        }
        Ok(())
    }

    fn gather(&self, range: (i64, i64), gather: Gather) -> Result<(Gathered, Summary), DiffError> {
        let result = gather.result();
        let search = Search::prepare_into(self.query, &self.options(range), Box::new(gather))?;
        let summary = search.run(self.engine, &mut |_| Ok(Flow::More))?;
        Ok((result.take(), summary))
    }

    /// The times of the first and the last event in a range, of whatever is indexed.
    fn seen(&self, range: (i64, i64)) -> Result<Option<(i64, i64)>, DiffError> {
        let search = Search::prepare("* | stats min(_time) AS first max(_time) AS last", &self.options(range))?;
        let mut seen = None;
        search.run(self.engine, &mut |batch| {
            let time = |name: &str| batch.value(0, name).as_number().and_then(crate::time::from_seconds);
            seen = time("first").zip(time("last"));
            Ok(Flow::More)
        })?;
        Ok(seen)
    }

    /// When an event of a pattern was last seen before the incident, outside of the baseline.
    fn seen_earlier(
        &self,
        found: &PatternChange,
        incident_us: i64,
        windows: &Windows,
    ) -> Result<Option<i64>, DiffError> {
        let Some(search) = &found.search else { return Ok(None) };
        let options = SearchOptions {
            earliest: None,
            limit: Some(MAX_EARLIER),
            event_fields: Wanted::of(["_time", "_raw"].map(str::to_owned)),
            ..self.options((i64::MIN, incident_us))
        };
        let mut seen: Option<i64> = None;
        Search::prepare(search, &options)?.run(self.engine, &mut |batch| {
            for row in 0..batch.len() {
                let time = batch.value(row, "_time").as_number().and_then(crate::time::from_seconds);
                let Some(time_us) = time.filter(|time_us| windows.stretch(*time_us).is_none()) else { continue };
                let first_line = |text: &str| pattern::matches(&found.pattern, text.lines().next().unwrap_or_default());
                if batch.value(row, "_raw").with_text(first_line) {
                    seen = seen.max(Some(time_us));
                }
            }
            Ok(Flow::More)
        })?;
        Ok(seen)
    }

    /// Looks up the addresses of the lines of the first findings of each kind.
    fn locate(&self, changes: &mut [PatternChange]) -> Result<(), DiffError> {
        for kind in Change::ALL {
            for change in changes.iter_mut().filter(|change| change.change == kind).take(MAX_LOCATED) {
                change.line.address = self.address(&change.line)?;
            }
        }
        Ok(())
    }

    fn address(&self, line: &Line) -> Result<Option<String>, DiffError> {
        let (Some(source), Some(time_us)) = (&line.source, line.time_us) else { return Ok(None) };
        let query = format!("source={}", crate::lexer::quote(source));
        let options = SearchOptions {
            event_fields: Wanted::of(["_addr", "_raw"].map(str::to_owned)),
            ..self.options((time_us, time_us.saturating_add(1)))
        };
        let mut address = None;
        Search::prepare(&query, &options)?.run(self.engine, &mut |batch| {
            let is_it = |row: &usize| batch.value(*row, "_raw").with_text(|text| text.starts_with(&line.text));
            if let Some(row) = (0..batch.len()).find(is_it) {
                address = batch.value(row, "_addr").as_text().map(std::borrow::Cow::into_owned);
            }
            Ok(if address.is_some() { Flow::Done } else { Flow::More })
        })?;
        Ok(address)
    }
}

/// An instant as seconds since 1970, with microseconds.
fn seconds(time_us: i64) -> String {
    let sign = if time_us < 0 { "-" } else { "" };
    let magnitude = time_us.unsigned_abs();
    format!("{sign}{}.{:06}", magnitude / 1_000_000, magnitude % 1_000_000)
}
