//! How many events there are, by source, machine, level and bins of time: from the columns alone, without a look at texts.

use super::Engine;
use super::frequency::buckets;
use crate::context::Cancel;
use crate::error::Result;
use crate::plan::Plan;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::sync::Arc;
use trawl_store::{Bucket, LiveBlock, StoreError};

/// Bins of time, each as wide, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeBins {
    /// Where the first begins, microseconds UTC.
    pub from_us: i64,
    /// How wide each is, microseconds; more than 0.
    pub width_us: i64,
    /// How many there are.
    pub n: usize,
}

impl TimeBins {
    /// The bin of an instant, if there is one.
    pub fn of(&self, time_us: i64) -> Option<usize> {
        let at = usize::try_from(time_us.checked_sub(self.from_us)?.div_euclid(self.width_us)).ok()?;
        (at < self.n).then_some(at)
    }

    /// Where a bin begins.
    pub fn start(&self, at: usize) -> i64 {
        self.from_us.saturating_add(self.width_us.saturating_mul(at as i64))
    }

    /// Where the last one ends.
    pub fn end(&self) -> i64 {
        self.start(self.n)
    }
}

/// What distinguishes events here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey {
    pub source: String,
    pub sourcetype: String,
    pub host: String,
    /// As written; empty for none.
    pub level: String,
}

/// Numbers of events in each bin, with the first and last instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub counts: Vec<u32>,
    pub first_us: i64,
    pub last_us: i64,
}

impl Series {
    /// No event yet.
    pub fn new(n_bins: usize) -> Self {
        Self { counts: vec![0; n_bins], first_us: i64::MAX, last_us: i64::MIN }
    }

    /// Counts an event in a bin.
    pub fn count(&mut self, bin: usize, time_us: i64) {
        self.counts[bin] += 1;
        self.first_us = self.first_us.min(time_us);
        self.last_us = self.last_us.max(time_us);
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, n)| *sum += n);
        self.first_us = self.first_us.min(other.first_us);
        self.last_us = self.last_us.max(other.last_us);
    }
}

type ByKey = HashMap<SeriesKey, Series>;

fn merged(mut into: ByKey, from: ByKey) -> ByKey {
    for (key, series) in from {
        match into.get_mut(&key) {
            Some(known) => known.add(&series),
            None => drop(into.insert(key, series)),
        }
    }
    into
}

/// The events of a plan's indexes in `bins`. A bucket that is gone or damaged counts nothing: the searches name it.
///
/// # Errors
/// If the store cannot be opened, or the search is cancelled.
pub(crate) fn series(engine: &Engine, plan: &Plan, bins: TimeBins, cancel: &Cancel) -> Result<ByKey> {
    let reader = Arc::clone(engine.reader()?);
    let rows = buckets(engine, plan)?;
    let sealed = rows
        .par_iter()
        .map(|row| {
            cancel.check()?;
            Ok(reader.bucket(row).and_then(|bucket| of_bucket(&bucket, bins)).unwrap_or_default())
        })
        .try_reduce(ByKey::new, |into, from| Ok(merged(into, from)))?;
    let snapshot = engine.snapshot()?;
    let live = snapshot.live.iter().filter(|block| plan.indexes.covers(&block.source.index));
    Ok(live.fold(sealed, |into, block| merged(into, of_live(block, bins))))
}

fn of_bucket(bucket: &Bucket, bins: TimeBins) -> Result<ByKey, StoreError> {
    let directory = bucket.directory();
    let (mut times, mut levels, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
    let mut by_ids: HashMap<(u32, u32, u32), Series> = HashMap::new();
    for block in
        bucket.blocks().iter().filter(|block| block.max_time_us >= bins.from_us && block.min_time_us < bins.end())
    {
        bucket.times_us(block, &mut times)?;
        bucket.levels(block, &mut levels)?;
        bucket.hosts(block, &mut hosts)?;
        for ((&time_us, &level), &host) in times.iter().zip(&levels).zip(&hosts) {
            if let Some(bin) = bins.of(time_us) {
                let series = by_ids.entry((block.source, host, level)).or_insert_with(|| Series::new(bins.n));
                series.count(bin, time_us);
            }
        }
    }
    let named = by_ids.into_iter().map(|((source, host, level), series)| {
        let source = &directory.sources[source as usize];
        let key = SeriesKey {
            source: source.source.as_str().to_owned(),
            sourcetype: source.sourcetype.as_str().to_owned(),
            host: directory.hosts.get(host).map_or(source.host.as_str(), |host| &**host).to_owned(),
            level: directory.levels.get(level).map_or("", |level| &**level).to_owned(),
        };
        (key, series)
    });
    // Generations of a source are one here.
    Ok(named.fold(ByKey::new(), |into, (key, series)| merged(into, ByKey::from_iter([(key, series)]))))
}

fn of_live(block: &LiveBlock, bins: TimeBins) -> ByKey {
    let symbol =
        |id: u16| usize::from(id).checked_sub(1).and_then(|id| block.parsed.symbols.get(id)).map(|text| &**text);
    let mut by_ids: HashMap<(u16, u16), Series> = HashMap::new();
    for event in &block.parsed.events {
        if let Some(bin) = bins.of(event.time_us) {
            let series = by_ids.entry((event.host, event.level)).or_insert_with(|| Series::new(bins.n));
            series.count(bin, event.time_us);
        }
    }
    let named = by_ids.into_iter().map(|((host, level), series)| {
        let key = SeriesKey {
            source: block.source.source.as_str().to_owned(),
            sourcetype: block.source.sourcetype.as_str().to_owned(),
            host: symbol(host).unwrap_or(block.source.host.as_str()).to_owned(),
            level: symbol(level).unwrap_or_default().to_owned(),
        };
        (key, series)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_half_open() {
        let bins = TimeBins { from_us: -5, width_us: 10, n: 3 };
        let of: Vec<_> = [-6, -5, 4, 5, 24, 25, i64::MIN, i64::MAX].into_iter().map(|us| bins.of(us)).collect();
        assert_eq!(of, [None, Some(0), Some(0), Some(1), Some(2), None, None, None]);
        assert_eq!((bins.start(1), bins.end()), (5, 25));
    }
}
