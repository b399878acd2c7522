//! The rates around an incident, and what they say: when failures rose, what fails, what changed without a line.

use super::super::event::{COLUMNS, Event, Moment, is_error, severity_of};
use super::super::inquiry::{Inquiry, RcaError, in_list, phrase};
use super::format;
use super::logs::{Logs, by_log, log_of};
use super::onset::{Peak, bins, peak};
use super::rank::Silent;
use super::regime::{Regime, is_frequent, is_new, rate_change, rounded, silence};
use super::verbosity::verbosity;
use super::{ChangesOptions, FailingSource, Onset, OnsetFrom};
use crate::engine::rates::{self, Series, SeriesKey, TimeBins};
use crate::time::from_seconds;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use trawl_formats::Severity;

/// How long an incident without an end is taken to last: microseconds.
const DEFAULT_LENGTH_US: i64 = 7_200_000_000;
/// How long before its beginning an incident may really have begun, at least and at most: microseconds.
const SLACK_US: (i64, i64) = (1_800_000_000, 21_600_000_000);
/// How long behind its end is looked for the real end: microseconds.
const BEHIND_US: i64 = 900_000_000;
/// How far from the onset failures that rise are of the same incident: microseconds.
const NEAR_US: i64 = 300_000_000;
/// Most bins in which an onset is looked for.
const MOST_BINS: i64 = 400;
/// Least width of bins of all events: microseconds.
const WIDE_US: i64 = 60_000_000;
/// Most lines of a bin that are read to find its first one.
const MAX_OF_BIN: usize = 10_000;
/// Most series that are asked about what was there before the window.
const MAX_ASKED: usize = 8;
/// What failures look like where no event has a level.
const FAILURE_WORDS: &str = "error OR exception OR failed OR failure OR fatal OR refused OR timeout OR denied";

/// Numbers of events around an incident.
pub(super) struct Rates {
    pub bins: TimeBins,
    /// The end of what is looked at.
    pub until_us: i64,
    /// All events, by source, machine and level.
    all: HashMap<SeriesKey, Series>,
    /// Failures by source.
    failures: BTreeMap<String, Series>,
    /// Events of a level that is an error, by source, where a query says what fails: they tell what else does.
    others: BTreeMap<String, Series>,
    /// The query of events of such a level, if there are any.
    others_query: Option<String>,
    /// The query of failures.
    failing: String,
    /// The bins in which the onset may lie.
    starts: std::ops::Range<usize>,
}

impl Rates {
    /// Reads the rates around an incident.
    ///
    /// # Errors
    /// If its window is empty, the query is not valid, or a search fails.
    pub fn read(inquiry: &Inquiry, options: &ChangesOptions) -> Result<Self, RcaError> {
        let now_us = inquiry.options().now_us;
        let from_us = options.onset_us.map_or(options.from_us, |onset_us| options.from_us.min(onset_us));
        let default_us = from_us.saturating_add(DEFAULT_LENGTH_US);
        // A window in the future holds nothing; one that goes on ends now.
        let said_us = options.until_us.unwrap_or(if now_us > from_us { default_us.min(now_us) } else { default_us });
        if said_us <= from_us {
            return Err(RcaError::EmptyWindow);
        }
        let until_us = said_us.saturating_add(BEHIND_US).min(now_us).max(said_us);
        let slack_us = (said_us - from_us).clamp(SLACK_US.0, SLACK_US.1).min(options.before_us.max(0));
        let bins =
            bins(from_us.saturating_sub(options.before_us.max(0)), until_us, until_us - from_us + slack_us, MOST_BINS);
        let range = inquiry.within(Some(bins.from_us), Some(until_us));
        let search = inquiry.everything(&range)?;
        let all = rates::series(inquiry.engine(), search.plan(), bins, &inquiry.options().cancel)?;
        let by_level = errors_by_source(inquiry, &all, bins);
        let levels: BTreeSet<&str> = all
            .keys()
            .filter(|key| is_error(inquiry.registry(), &key.sourcetype, &key.level))
            .map(|key| key.level.as_str())
            .collect();
        let by_level_query = (!levels.is_empty()).then(|| in_list("level", levels.into_iter()));
        let (failures, failing, others, others_query) = match (&options.query, by_level_query) {
            (Some(query), by_level_query) => {
                (failures_of(inquiry, query, bins, until_us)?, query.clone(), by_level, by_level_query)
            }
            (None, Some(by_level_query)) => (by_level, by_level_query, BTreeMap::new(), None),
            (None, None) => {
                (failures_of(inquiry, FAILURE_WORDS, bins, until_us)?, FAILURE_WORDS.to_owned(), BTreeMap::new(), None)
            }
        };
        let start = |us: i64| bins.of(us.max(bins.from_us)).unwrap_or(bins.n);
        let starts = start(from_us - slack_us)..start(said_us - 1) + 1;
        Ok(Self { bins, until_us, all, failures, others, others_query, failing, starts })
    }

    /// When the failures rose, or what was given.
    ///
    /// # Errors
    /// If a search fails.
    pub fn onset(&self, inquiry: &Inquiry, options: &ChangesOptions) -> Result<Onset, RcaError> {
        let peaks = self.peaks(&self.failures);
        let failing = peaks.iter().map(|(source, peak)| self.failing_source(source, peak)).collect();
        let Some((source, first)) = peaks.first() else {
            let (time, how) = match options.onset_us {
                Some(onset_us) => (onset_us, OnsetFrom::Given),
                None => (options.from_us, OnsetFrom::Window),
            };
            return Ok(Onset { time: Moment(time), how, end: None, failing });
        };
        let bin = |at: usize| (self.bins.start(at), self.bins.start(at + 1));
        let (time, how) = match options.onset_us {
            Some(onset_us) => (Moment(onset_us), OnsetFrom::Given),
            None => {
                let times = self.failure_times(inquiry, source, bin(first.bins.start))?;
                (times.first().copied().unwrap_or(Moment(bin(first.bins.start).0)), OnsetFrom::Detected)
            }
        };
        // Failures that go on to the end of what is looked at are not over.
        let is_over = first.bins.end < self.bins.n && self.bins.start(first.bins.end) < self.until_us;
        let end = match is_over {
            true => self.failure_times(inquiry, source, bin(first.bins.end - 1))?.last().copied(),
            false => None,
        };
        Ok(Onset { time, how, end: end.filter(|end| *end > time), failing })
    }

    /// The sources in which something rose, the clearest first.
    fn peaks<'s>(&self, failures: &'s BTreeMap<String, Series>) -> Vec<(&'s String, Peak)> {
        let peaks =
            failures.iter().filter_map(|(source, series)| Some((source, peak(&series.counts, self.starts.clone())?)));
        let mut peaks: Vec<(&String, Peak)> = peaks.collect();
        peaks.sort_by(|a, b| b.1.llr.total_cmp(&a.1.llr));
        peaks
    }

    fn failing_source(&self, source: &str, peak: &Peak) -> FailingSource {
        let per_min = 60e6 / self.bins.width_us as f64;
        let n_beside = (self.bins.n - peak.bins.len()).max(1) as f64;
        FailingSource {
            source: source.to_owned(),
            begin: Moment(self.bins.start(peak.bins.start)),
            end: Moment(self.bins.start(peak.bins.end)),
            before_per_min: rounded(peak.n_outside as f64 / n_beside * per_min),
            inside_per_min: rounded(peak.n_inside as f64 / peak.bins.len() as f64 * per_min),
            llr: rounded(peak.llr),
        }
    }

    /// The times of failures of a source in a range, in order. Of very many, the newest.
    fn failure_times(
        &self,
        inquiry: &Inquiry,
        source: &str,
        (from_us, until_us): (i64, i64),
    ) -> Result<Vec<Moment>, RcaError> {
        let mut times = Vec::new();
        let query = format!("{} source={} | fields _time", self.failing_search(), phrase(source));
        inquiry.run(&query, &inquiry.within(Some(from_us), Some(until_us)), &mut |batch| {
            let cells = batch.column("_time").unwrap_or_default();
            times.extend(cells.iter().filter_map(|cell| cell.as_number()).filter_map(from_seconds).map(Moment));
        })?;
        times.sort_unstable();
        Ok(times)
    }

    /// The query of failures, such that conditions may follow it.
    fn failing_search(&self) -> String {
        match self.failing.contains('|') {
            true => format!("{} | search", self.failing),
            false => format!("({})", self.failing),
        }
    }

    /// Errors from the onset on, of the sources whose failures rose.
    ///
    /// # Errors
    /// If a search fails.
    pub fn errors(&self, inquiry: &Inquiry, onset: &Onset, for_us: i64, limit: usize) -> Result<Vec<Event>, RcaError> {
        // Those that rose at another time have another cause.
        let is_near = |begin: Moment| begin.since(onset.time).abs() <= NEAR_US;
        let near = onset.failing.iter().filter(|failing| is_near(failing.begin));
        let mut of_failing = vec![self.failing_search()];
        let sources: Vec<&str> = near.map(|failing| failing.source.as_str()).collect();
        if !sources.is_empty() {
            of_failing.push(in_list("source", sources.into_iter()));
        }
        let mut queries = vec![of_failing.join(" ")];
        if let Some(query) = &self.others_query {
            let peaks = self.peaks(&self.others);
            let near = peaks.iter().filter(|(_, peak)| is_near(Moment(self.bins.start(peak.bins.start))));
            let sources: Vec<&str> = near.map(|(source, _)| source.as_str()).collect();
            if !sources.is_empty() {
                queries.push(format!("{query} {}", in_list("source", sources.into_iter())));
            }
        }
        let until_us = onset.time.plus(for_us).0.min(onset.end.map_or(i64::MAX, |end| end.0 + 1)).min(self.until_us);
        let range = inquiry.within(Some(onset.time.0.min(until_us - 1)), Some(until_us));
        let mut errors = Vec::new();
        for query in queries {
            errors.extend(
                inquiry.events(&format!("{query} | fields {}", COLUMNS.join(", ")), range.clone(), limit)?.events,
            );
        }
        Ok(errors)
    }

    /// What changed without a line about it.
    ///
    /// # Errors
    /// If a search fails.
    pub fn silent(&self, inquiry: &Inquiry, onset: Moment) -> Result<Vec<Silent>, RcaError> {
        let wide = self.wide();
        let mut found = self.logged_otherwise(inquiry, wide)?;
        let is_known = |known: &[Silent], source: &str, time: Moment| {
            known.iter().any(|known| log_of(&known.source) == log_of(source) && known.explains_rates(time))
        };
        for log in by_log(&self.all, self.bins, wide).values() {
            let counts = &log.series.counts;
            let changed = [silence(counts, wide, onset.0), rate_change(counts, wide, onset.0)];
            // Who is silent also writes less: that is said once.
            if let Some((at, regime)) = changed.into_iter().flatten().next() {
                let (mut time, source) = (Moment(wide.start(at)), log.source_at(wide.start(at + 1)));
                if is_known(&found, source, time) {
                    continue;
                }
                // In a bin that holds the onset nobody can tell which came first.
                let is_effect = wide.start(at + 1) > onset.0;
                if is_effect {
                    time = time.max(onset);
                }
                found.push(Silent { time, source: source.to_owned(), host: String::new(), regime, is_effect });
            }
        }
        let is_fine = |regime: &Regime| matches!(regime, Regime::Verbosity { .. });
        let verbose: BTreeSet<String> =
            found.iter().filter(|found| is_fine(&found.regime)).map(|found| found.source.clone()).collect();
        let news = self.news(inquiry, onset)?;
        // Of what is new, that it writes more than before goes without saying.
        let is_new =
            |source: &String| news.iter().any(|new| new.source == *source && matches!(new.regime, Regime::NewSource));
        found.retain(|found| !matches!(found.regime, Regime::Rate { .. }) || !is_new(&found.source));
        found.extend(
            news.into_iter()
                .filter(|news| !matches!(news.regime, Regime::NewLevel { .. }) || !verbose.contains(&news.source)),
        );
        Ok(found)
    }

    /// Sources that log more or less finely, or in another format.
    fn logged_otherwise(&self, inquiry: &Inquiry, wide: TimeBins) -> Result<Vec<Silent>, RcaError> {
        let mut found: Vec<Silent> = Vec::new();
        let silent = |time, source, regime| Silent { time, source, host: String::new(), regime, is_effect: false };
        for format in format::find(inquiry, self.bins.from_us..self.until_us)? {
            found.push(silent(format.time, format.source, Regime::Format(Box::new(format.change))));
        }
        for (source, fine) in self.by_fineness(inquiry, wide) {
            let Fineness { levels, fine, others } = fine;
            let Some(changed) = verbosity(&fine, &others, wide) else { continue };
            let is_on = changed.after > changed.before;
            let bin = (wide.start(changed.bin), wide.start(changed.bin + 1));
            // The last one of those that cease lies before the boundary.
            let (from_us, until_us) = if is_on { bin } else { (wide.from_us, bin.1) };
            let query = format!("source={} {}", phrase(&source), in_list("level", levels.iter().map(String::as_str)));
            let limit = if is_on { MAX_OF_BIN } else { 1 };
            let events = inquiry.events(&query, inquiry.within(Some(from_us), Some(until_us)), limit)?.events;
            // The newest come first.
            let line = if is_on { events.into_iter().next_back() } else { events.into_iter().next() };
            let time = line.as_ref().map_or(Moment(bin.0), |line| line.time);
            let regime = Regime::Verbosity {
                levels: levels.into_iter().collect(),
                before: rounded(changed.before),
                after: rounded(changed.after),
                g: rounded(changed.g),
                line: line.map(Box::new),
            };
            found.push(silent(time, source, regime));
        }
        Ok(found)
    }

    /// Lines of levels below `INFO` and all others, by source, of those that have some.
    fn by_fineness(&self, inquiry: &Inquiry, wide: TimeBins) -> BTreeMap<String, Fineness> {
        let n_joined = usize::try_from(wide.width_us / self.bins.width_us).unwrap_or(1).max(1);
        let mut by_source: BTreeMap<String, Fineness> = BTreeMap::new();
        for (key, series) in &self.all {
            let of = by_source.entry(key.source.clone()).or_insert_with(|| Fineness {
                levels: BTreeSet::new(),
                fine: vec![0; wide.n],
                others: vec![0; wide.n],
            });
            let is_fine = severity_of(inquiry.registry(), &key.sourcetype, &key.level)
                .is_some_and(|severity| severity < Severity::Info);
            if is_fine {
                of.levels.insert(key.level.clone());
            }
            let sums = if is_fine { &mut of.fine } else { &mut of.others };
            for (sum, counts) in sums.iter_mut().zip(series.counts.chunks_exact(n_joined)) {
                *sum += counts.iter().sum::<u32>();
            }
        }
        by_source.retain(|_, of| !of.levels.is_empty());
        by_source
    }

    /// Bins of a minute or more.
    fn wide(&self) -> TimeBins {
        let n_joined = usize::try_from(WIDE_US / self.bins.width_us).unwrap_or(1).max(1);
        // The last bin may be cut off; one that is not whole would look like a silence.
        TimeBins { width_us: self.bins.width_us * n_joined as i64, n: self.bins.n / n_joined, ..self.bins }
    }

    /// Sources, machines and levels that were not there before.
    fn news(&self, inquiry: &Inquiry, onset: Moment) -> Result<Vec<Silent>, RcaError> {
        /// What is asked about: its query, and what to say if it is new.
        type Asked<'k> = (String, Regime, &'k SeriesKey, Series);
        let logs = Logs::read(inquiry, self.all.keys().map(|key| key.source.as_str()))?;
        let mut by_query: BTreeMap<String, Asked<'_>> = BTreeMap::new();
        for (key, series) in &self.all {
            let (of_log, host) = (logs.query(&key.source), phrase(&key.host));
            let mut asked = vec![(of_log.clone(), Regime::NewSource), (format!("host={host}"), Regime::NewHost)];
            if !key.level.is_empty() && !is_error(inquiry.registry(), &key.sourcetype, &key.level) {
                let level = Regime::NewLevel { level: key.level.clone() };
                asked.push((format!("{of_log} level={}", phrase(&key.level)), level));
            }
            for (query, regime) in asked {
                match by_query.get_mut(&query) {
                    Some((.., first, sum)) => {
                        if series.first_us < sum.first_us {
                            *first = key;
                        }
                        sum.add(series);
                    }
                    None => drop(by_query.insert(query.clone(), (query, regime, key, series.clone()))),
                }
            }
        }
        let is_news = |(_, regime, _, series): &Asked<'_>| {
            is_new(series, self.bins, onset.0) && (!matches!(regime, Regime::NewLevel { .. }) || is_frequent(series))
        };
        let mut found: Vec<Silent> = Vec::new();
        for (query, regime, key, series) in by_query.into_values().filter(is_news).take(MAX_ASKED) {
            // A new source has new levels, and a machine that comes with it is no news of its own.
            if found
                .iter()
                .any(|known| log_of(&known.source) == log_of(&key.source) && matches!(known.regime, Regime::NewSource))
            {
                continue;
            }
            let range = inquiry.within(None, Some(self.bins.from_us));
            if !inquiry.events(&query, crate::run::SearchOptions { earliest: None, ..range }, 1)?.events.is_empty() {
                continue;
            }
            let host = if matches!(regime, Regime::NewHost) { key.host.clone() } else { String::new() };
            let (time, source) = (Moment(series.first_us), key.source.clone());
            found.push(Silent { time, source, host, regime, is_effect: false });
        }
        Ok(found)
    }
}

/// Numbers of lines of a source in bins, by whether they are for developers.
struct Fineness {
    /// Levels of those that are, as written.
    levels: BTreeSet<String>,
    fine: Vec<u32>,
    others: Vec<u32>,
}

/// The errors by source.
fn errors_by_source(inquiry: &Inquiry, all: &HashMap<SeriesKey, Series>, bins: TimeBins) -> BTreeMap<String, Series> {
    let mut failures: BTreeMap<String, Series> = BTreeMap::new();
    for (key, series) in all.iter().filter(|(key, _)| is_error(inquiry.registry(), &key.sourcetype, &key.level)) {
        failures.entry(key.source.clone()).or_insert_with(|| Series::new(bins.n)).add(series);
    }
    failures
}

/// The events of a query by source.
fn failures_of(
    inquiry: &Inquiry,
    query: &str,
    bins: TimeBins,
    until_us: i64,
) -> Result<BTreeMap<String, Series>, RcaError> {
    inquiry.check(query)?;
    let mut failures: BTreeMap<String, Series> = BTreeMap::new();
    let range = inquiry.within(Some(bins.from_us), Some(until_us));
    inquiry.run(&format!("{query} | fields _time, source"), &range, &mut |batch| {
        for row in 0..batch.len() {
            let time_us = batch.value(row, "_time").as_number().and_then(from_seconds);
            if let Some(time_us) = time_us
                && let Some(bin) = bins.of(time_us)
            {
                let source = batch.value(row, "source").to_string();
                failures.entry(source).or_insert_with(|| Series::new(bins.n)).count(bin, time_us);
            }
        }
    })?;
    Ok(failures)
}
