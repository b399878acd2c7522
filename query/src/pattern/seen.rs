//! What a table of patterns says of each: how many lines, when, from where, and one of them.

use super::Tally;
use crate::time::{Bins, TimeRange, TimeSpan};
use std::collections::{BTreeMap, BTreeSet};
use trawl_formats::Zone;

/// Most bins of a trend.
const MAX_BINS: u32 = 32;
/// Most sources that are remembered, the first ones by name.
const MAX_SOURCES: usize = 20;
/// Bytes of an example.
const MAX_EXAMPLE_BYTES: usize = 2_000;

/// Lines of a pattern, counted. Which lines they are decides what it holds, not their order.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    n_lines: u64,
    trend: Option<Trend>,
    sources: BTreeSet<String>,
    /// The first line; without a time after all others, of several the least.
    example: Option<(i64, String)>,
}

impl Seen {
    /// Counts a line in; returns how many bytes it holds more. `bins` as [`Trend::bins`] made them.
    pub fn add(&mut self, line: &str, time_us: Option<i64>, source: Option<&str>, bins: &Trend) -> usize {
        self.n_lines += 1;
        let mut n_bytes = 0;
        if let Some(time_us) = time_us {
            n_bytes += self.trend.get_or_insert_with(|| bins.clone()).add(time_us);
        }
        if let Some(source) = source.filter(|source| !self.sources.contains(*source)) {
            self.sources.insert(source.to_owned());
            n_bytes += source.len() + size_of::<String>();
            self.drop_sources();
        }
        let line = cut(line);
        let time_us = time_us.unwrap_or(i64::MAX);
        let is_earlier = self.example.as_ref().is_none_or(|(first_us, text)| (time_us, line) < (*first_us, text));
        if is_earlier {
            n_bytes += line.len().saturating_sub(self.example.as_ref().map_or(0, |(_, text)| text.len()));
            self.example = Some((time_us, line.to_owned()));
        }
        n_bytes
    }

    fn drop_sources(&mut self) {
        while self.sources.len() > MAX_SOURCES {
            self.sources.pop_last();
        }
    }

    /// Times of the first and the last line, if any has one.
    pub fn times_us(&self) -> Option<(i64, i64)> {
        self.trend.as_ref().map(|trend| (trend.first_us, trend.last_us))
    }

    /// The sources, in order of their names; the first twenty.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = &str> {
        self.sources.iter().map(String::as_str)
    }

    /// The first line, or its first bytes.
    pub fn example(&self) -> &str {
        self.example.as_ref().map_or("", |(_, text)| text)
    }

    /// Lines in each bin of a trend that covers all of `times_us`, or the searched range.
    pub fn trend(&self, times_us: (i64, i64)) -> Vec<u64> {
        self.trend.as_ref().map_or_else(Vec::new, |trend| trend.counts(times_us))
    }
}

impl Tally for Seen {
    fn merge(&mut self, other: Self) {
        self.n_lines += other.n_lines;
        match (&mut self.trend, other.trend) {
            (Some(trend), Some(other)) => trend.merge(&other),
            (trend @ None, other) => *trend = other,
            (Some(_), None) => {}
        }
        self.sources.extend(other.sources);
        self.drop_sources();
        self.example = [self.example.take(), other.example].into_iter().flatten().min();
    }

    fn n_lines(&self) -> u64 {
        self.n_lines
    }
}

/// The first bytes of a line.
fn cut(line: &str) -> &str {
    let mut end = MAX_EXAMPLE_BYTES.min(line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// How lines spread over time, in bins that become longer as their range grows.
#[derive(Clone, Debug)]
pub struct Trend {
    bins: Bins,
    /// The searched range, where both of its ends are known: then the length of bins is, too.
    range: Option<(i64, i64)>,
    first_us: i64,
    last_us: i64,
    counts: BTreeMap<i64, u64>,
    /// The bin of the line before, which the next line is likely to be in: start, end, lines.
    open: (i64, i64, u64),
}

impl Trend {
    /// An empty trend over a range of time, by the clock of a zone.
    pub fn bins(range: TimeRange, zone: Zone) -> Self {
        let range = range.earliest.zip(range.latest);
        let span =
            TimeSpan::automatic(range.map_or(0, |(earliest, latest)| latest.saturating_sub(earliest)), MAX_BINS, None);
        let bins = Bins { span, zone, align_us: None };
        Self { bins, range, first_us: i64::MAX, last_us: i64::MIN, counts: BTreeMap::new(), open: (0, 0, 0) }
    }

    fn add(&mut self, time_us: i64) -> usize {
        let n_before = self.counts.len();
        if time_us < self.open.0 || time_us >= self.open.1 {
            self.close();
            let start = self.bins.start_of(time_us);
            self.open = (start, self.bins.next(start), 0);
        }
        self.open.2 += 1;
        if time_us < self.first_us || time_us > self.last_us {
            (self.first_us, self.last_us) = (self.first_us.min(time_us), self.last_us.max(time_us));
            self.fit((self.first_us, self.last_us));
        }
        self.counts.len().saturating_sub(n_before) * 2 * size_of::<(i64, u64)>()
    }

    fn close(&mut self) {
        if self.open.2 > 0 {
            *self.counts.entry(self.open.0).or_default() += self.open.2;
        }
        self.open = (0, 0, 0);
    }

    /// Makes bins long enough for a range, if they are not.
    fn fit(&mut self, (first_us, last_us): (i64, i64)) {
        if self.range.is_some() {
            return;
        }
        let span = TimeSpan::automatic(last_us.saturating_sub(first_us), MAX_BINS, Some(self.bins.span));
        if span != self.bins.span {
            self.close();
            self.bins.span = span;
            for (start, n) in std::mem::take(&mut self.counts) {
                *self.counts.entry(self.bins.start_of(start)).or_default() += n;
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        (self.first_us, self.last_us) = (self.first_us.min(other.first_us), self.last_us.max(other.last_us));
        self.close();
        self.fit((self.first_us, self.last_us));
        let open = (other.open.2 > 0).then_some((other.open.0, other.open.2));
        for (start, n) in other.counts.iter().map(|(start, n)| (*start, *n)).chain(open) {
            *self.counts.entry(self.bins.start_of(start)).or_default() += n;
        }
    }

    fn counts(&self, times_us: (i64, i64)) -> Vec<u64> {
        let mut trend = self.clone();
        trend.close();
        trend.fit(times_us);
        let (first, end) = trend.range.unwrap_or((times_us.0, times_us.1.saturating_add(1)));
        let mut counts = Vec::new();
        let mut bin = trend.bins.start_of(first);
        // One more, as neither end need be that of a bin.
        while bin < end && counts.len() <= MAX_BINS as usize {
            counts.push(trend.counts.get(&bin).copied().unwrap_or(0));
            bin = trend.bins.next(bin);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn seen(times: &[i64]) -> Seen {
        let mut seen = Seen::default();
        for time in times {
            seen.add(&format!("line {time}"), Some(*time), Some("a"), &Trend::bins(TimeRange::ALL, Zone::UTC));
        }
        seen
    }

    #[test]
    fn parts_are_the_whole_and_bins_grow_with_the_range() {
        let times = [5 * MINUTE, 0, 7 * MINUTE, 61 * MINUTE, 6 * MINUTE];
        let whole = seen(&times);
        let mut merged = seen(&times[3..]);
        merged.merge(seen(&times[..3]));
        for seen in [whole, merged] {
            assert_eq!(seen.n_lines(), 5);
            assert_eq!(seen.times_us(), Some((0, 61 * MINUTE)));
            assert_eq!(seen.example(), "line 0");
            assert_eq!(seen.trend((0, 61 * MINUTE)), [1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            assert_eq!(seen.trend((0, 24 * 60 * MINUTE)).len(), 25);
        }
    }

    #[test]
    fn a_known_range_decides_about_bins() {
        let bins = Trend::bins(TimeRange { earliest: Some(0), latest: Some(10 * MINUTE) }, Zone::UTC);
        let mut seen = Seen::default();
        seen.add("x", Some(3 * MINUTE), None, &bins);
        assert_eq!(seen.trend((3 * MINUTE, 3 * MINUTE)), [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(seen.sources().len(), 0);
    }

    #[test]
    fn lines_without_a_time_count() {
        let mut seen = Seen::default();
        for line in ["b", "a"] {
            seen.add(line, None, None, &Trend::bins(TimeRange::ALL, Zone::UTC));
        }
        assert_eq!((seen.n_lines(), seen.example(), seen.times_us()), (2, "a", None));
        assert!(seen.trend((0, 1)).is_empty());
    }
}
