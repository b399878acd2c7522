//! Which sources are of one log: what rotation has made of it is no new source, and one that has ended is not silent where the next
//! one goes on.

use super::super::inquiry::{Inquiry, RcaError, in_list, phrase};
use crate::engine::rates::{Series, SeriesKey, TimeBins};
use crate::error::RunError;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use trawl_store::rotation::Family;

/// The log that a source is of.
pub(super) fn log_of(source: &str) -> Family {
    Family::of(Path::new(source))
}

/// The sources of each log, whenever they had events.
pub(super) struct Logs(HashMap<Family, BTreeSet<String>>);

impl Logs {
    /// Those of the store, and `others`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub fn read<'s>(inquiry: &Inquiry, others: impl Iterator<Item = &'s str>) -> Result<Self, RcaError> {
        let stored = match inquiry.engine().reader() {
            Ok(reader) => reader.sources().map_err(|error| RunError::Source(Box::new(error)))?,
            // Files are read as they are.
            Err(RunError::NoStore) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut logs: HashMap<Family, BTreeSet<String>> = HashMap::new();
        let mut add = |source: &str| {
            logs.entry(log_of(source)).or_default().insert(source.to_owned());
        };
        stored.iter().for_each(|source| add(source.source.as_str()));
        others.for_each(add);
        Ok(Self(logs))
    }

    /// What finds the events of the log that a source is of.
    pub fn query(&self, source: &str) -> String {
        match self.0.get(&log_of(source)) {
            Some(sources) if sources.len() > 1 => in_list("source", sources.iter().map(String::as_str)),
            _ => format!("source={}", phrase(source)),
        }
    }
}

/// The events of a log.
pub(super) struct LogSeries {
    /// Of all of its sources.
    pub series: Series,
    /// When each of them began, in microseconds UTC.
    begins: BTreeMap<String, i64>,
}

impl LogSeries {
    /// The source that had begun last by a time, in microseconds UTC: the one that was written then.
    pub fn source_at(&self, time_us: i64) -> &str {
        let key = |(_, begin_us): &(&String, &i64)| match **begin_us < time_us {
            true => (1, **begin_us),
            false => (0, begin_us.saturating_neg()),
        };
        self.begins.iter().max_by_key(key).map_or("", |(source, _)| source)
    }
}

/// Events by log, in bins of which each is some whole ones of `bins`.
pub(super) fn by_log(all: &HashMap<SeriesKey, Series>, bins: TimeBins, wide: TimeBins) -> BTreeMap<Family, LogSeries> {
    let n_joined = usize::try_from(wide.width_us / bins.width_us).unwrap_or(1).max(1);
    let mut logs: BTreeMap<Family, LogSeries> = BTreeMap::new();
    for (key, series) in all {
        let log = logs
            .entry(log_of(&key.source))
            .or_insert_with(|| LogSeries { series: Series::new(wide.n), begins: BTreeMap::new() });
        let joined = series.counts.chunks_exact(n_joined).map(|counts| counts.iter().sum());
        log.series.add(&Series { counts: joined.collect(), ..*series });
        let begin_us = log.begins.entry(key.source.clone()).or_insert(series.first_us);
        *begin_us = series.first_us.min(*begin_us);
    }
    logs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(source: &str, counts: [u32; 6], first_us: i64) -> (SeriesKey, Series) {
        let (sourcetype, host, level) = Default::default();
        let key = SeriesKey { source: source.to_owned(), sourcetype, host, level };
        (key, Series { counts: counts.to_vec(), first_us, ..Series::new(6) })
    }

    #[test]
    fn files_of_one_log_are_counted_together() {
        let all = HashMap::from([
            series("/l/app.log.2", [2, 1, 0, 0, 0, 0], 5),
            series("/l/app.log.1", [0, 1, 4, 0, 0, 0], 15),
            series("/l/app.log", [0, 0, 0, 1, 2, 3], 30),
            series("/l/web.log", [1, 0, 0, 0, 0, 0], 1),
        ]);
        let bins = TimeBins { from_us: 0, width_us: 10, n: 6 };
        let logs = by_log(&all, bins, TimeBins { width_us: 20, n: 3, ..bins });
        let counts: Vec<&[u32]> = logs.values().map(|log| &*log.series.counts).collect();
        assert_eq!(counts, [[4, 5, 5], [1, 0, 0]]);
        let app = &logs[&log_of("/l/app.log.7.gz")];
        let sources = [0, 10, 20, 40].map(|time_us| app.source_at(time_us));
        assert_eq!(sources, ["/l/app.log.2", "/l/app.log.2", "/l/app.log.1", "/l/app.log"]);
    }
}
