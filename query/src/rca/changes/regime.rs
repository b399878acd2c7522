//! Changes that no line tells of: a source that writes at another rate, falls silent, is new, writes a level that it never
//! wrote, or writes its lines otherwise. Pure: from numbers of events in bins of time; of `verbosity` and `format` only what is said of them is here.
//!
//! - **Rate**: at each boundary of bins the quarter of an hour before is compared with the time behind, as two Poisson counts;
//!   the logarithmic likelihood ratio is divided by the dispersion of the counts of the hour before (their variance over their mean,
//!   at least 1), because logs come in bursts. What reaches [`MIN_LLR`] and doubles or halves counts, at the last boundary where
//!   it is about the greatest.
//! - **Silence**: a run of empty bins in which, by the rate of the hour before and its dispersion, more than [`MIN_MISSED`]
//!   events were to be expected: by chance that happens once in millions.
//! - **New**: a source, machine or level whose first event lies in the hour before the onset. Whether it was there before the
//!   window is for the caller to find out.

use super::super::event::Event;
use super::format::FormatChange;
use crate::engine::rates::{Series, TimeBins};
use serde::{Deserialize, Serialize};

const MIN_LLR: f64 = 15.0;
/// Ratios that are not farther apart do not tell which of two boundaries it is.
const SAME_LLR: f64 = 3.0;
const MIN_FACTOR: f64 = 2.0;
const MIN_MISSED: f64 = 16.0;
/// How long before a boundary is compared with it, and for how long behind it: microseconds.
const BESIDE_US: i64 = 900_000_000;
/// How long before the onset changes of rate are looked for: microseconds.
const LOOK_US: i64 = 3_600_000_000;
/// Fewest events of a level that is new.
const MIN_NEW: u64 = 5;

/// What changed without a line about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Regime {
    /// A source writes more or less than before.
    Rate {
        /// Events in a minute before.
        before_per_min: f64,
        /// Events in a minute since.
        after_per_min: f64,
        /// Logarithmic likelihood ratio of two rates against one, over the dispersion.
        llr: f64,
    },
    /// A source was silent.
    Silence {
        /// For how long, microseconds.
        lasted_us: i64,
        /// How many events were to be expected in that time.
        n_missed: f64,
    },
    /// The first event of a source.
    NewSource,
    /// The first event of a machine in a source.
    NewHost,
    /// The first event of a level in a source.
    NewLevel {
        /// The level.
        level: String,
    },
    /// A source begins, or ceases, to write lines of the levels below `INFO`.
    Verbosity {
        /// These levels, as written.
        levels: Vec<String>,
        /// Their share of its lines before, 0 to 1.
        before: f64,
        /// Their share since.
        after: f64,
        /// Logarithmic likelihood ratio of two shares against one, over the dispersion.
        g: f64,
        /// The first such line, or the last one.
        line: Option<Box<Event>>,
    },
    /// The lines of a source are laid out otherwise.
    Format(Box<FormatChange>),
}

impl Regime {
    /// What changed, in few words.
    pub(super) fn summary(&self, source: &str, host: &str) -> String {
        let file = source.rsplit('/').next().unwrap_or(source);
        match self {
            Regime::Rate { before_per_min, after_per_min, .. } => {
                format!("{file} goes from {before_per_min} to {after_per_min} events a minute")
            }
            Regime::Silence { lasted_us, n_missed } => {
                let minutes = lasted_us / 60_000_000;
                format!("{file} is silent for {minutes} min, where about {n_missed} events were to be expected")
            }
            Regime::NewSource => format!("{file} begins: there was no such source before"),
            Regime::NewHost => format!("the machine {host} appears in {file}: it was not there before"),
            Regime::NewLevel { level } => format!("{file} begins to write the level {level}"),
            Regime::Verbosity { levels, before, after, .. } => {
                let verb = if after > before { "begins" } else { "ceases" };
                let percent = |share: f64| (share * 100.0).round();
                let levels = levels.join(" and ");
                format!(
                    "{file} {verb} to write {levels}: {} % of its lines, were {} %",
                    percent(*after),
                    percent(*before)
                )
            }
            Regime::Format(change) => change.summary(file),
        }
    }

    /// The lines that show it, each with what it is.
    pub fn lines(&self) -> Vec<(&'static str, &Event)> {
        match self {
            Regime::Format(change) => vec![("last before", &change.last_before), ("first since", &change.first_since)],
            Regime::Verbosity { line: Some(line), before, after, .. } => {
                vec![(if after > before { "the first" } else { "the last" }, line)]
            }
            _ => Vec::new(),
        }
    }
}

/// The greatest change of rate before or at the onset, with the bin at whose beginning it is.
pub(super) fn rate_change(counts: &[u32], bins: TimeBins, onset_us: i64) -> Option<(usize, Regime)> {
    let n_beside = usize::try_from(BESIDE_US / bins.width_us).ok().filter(|n| *n >= 2)?;
    let n_hour = usize::try_from(LOOK_US / bins.width_us).ok()?;
    let onset = bins.of(onset_us)?;
    let first = bins.of(onset_us.saturating_sub(LOOK_US)).unwrap_or(0).max(n_beside);
    let sum = |from: usize, to: usize| counts[from..to].iter().map(|n| f64::from(*n)).sum::<f64>();
    let mut found: Vec<(usize, f64, f64, f64)> = Vec::new();
    for at in first..=onset {
        let until = (at + n_beside).min(counts.len());
        // What is compared with less than a third of the time before it says little.
        if (until - at) * 3 < n_beside {
            break;
        }
        let (before, after) = (sum(at - n_beside, at), sum(at, until));
        let (rate_before, rate_after) = (before / n_beside as f64, after / (until - at) as f64);
        let changed = rate_after >= MIN_FACTOR * rate_before || rate_before >= MIN_FACTOR * rate_after;
        if !changed || before + after == 0.0 {
            continue;
        }
        let both = (before + after) / (until - at + n_beside) as f64;
        let part = |n: f64, rate: f64| if n > 0.0 { n * (rate / both).ln() } else { 0.0 };
        let llr = part(before, rate_before) + part(after, rate_after);
        found.push((at, llr / dispersion(&counts[at.saturating_sub(n_hour)..at]), rate_before, rate_after));
    }
    let best = found.iter().map(|(_, llr, ..)| *llr).fold(0.0, f64::max);
    // Of boundaries that are about as likely the last: what comes with the onset is no cause of it.
    let (at, llr, before, after) =
        found.into_iter().rfind(|(_, llr, ..)| *llr >= MIN_LLR && *llr >= best - SAME_LLR)?;
    let per_min = 60e6 / bins.width_us as f64;
    let regime = Regime::Rate {
        before_per_min: rounded(before * per_min),
        after_per_min: rounded(after * per_min),
        llr: rounded(llr),
    };
    Some((at, regime))
}

/// The longest silence that begins before the onset and ends not long before it, with the bin in which it begins.
pub(super) fn silence(counts: &[u32], bins: TimeBins, onset_us: i64) -> Option<(usize, Regime)> {
    let onset = bins.of(onset_us)?;
    let n_hour = usize::try_from(LOOK_US / bins.width_us).ok()?.max(1);
    let n_near = usize::try_from(BESIDE_US / bins.width_us).ok()?;
    let mut best: Option<(usize, usize, f64)> = None;
    let mut begin = None;
    for at in 0..=counts.len() {
        match (counts.get(at).copied().unwrap_or(1), begin) {
            (0, None) => begin = Some(at),
            (1.., Some(start)) => {
                begin = None;
                let before = &counts[start.saturating_sub(n_hour)..start];
                // It begins before the onset, and was still on shortly before it.
                if start == 0 || start > onset || at + n_near < onset || before.len() * 4 < n_hour {
                    continue;
                }
                let rate = before.iter().map(|n| f64::from(*n)).sum::<f64>() / before.len() as f64;
                let missed = rate * (at - start) as f64;
                if missed / dispersion(before) >= MIN_MISSED && best.is_none_or(|(.., most)| missed > most) {
                    best = Some((start, at, missed));
                }
            }
            _ => {}
        }
    }
    best.map(|(start, end, missed)| {
        let lasted_us = bins.width_us.saturating_mul((end - start) as i64);
        (start, Regime::Silence { lasted_us, n_missed: rounded(missed) })
    })
}

/// Whether the first event of a series lies within the hour before the onset, and its window begins long before that.
pub(super) fn is_new(series: &Series, bins: TimeBins, onset_us: i64) -> bool {
    let since_us = onset_us.saturating_sub(LOOK_US).max(bins.from_us.saturating_add(LOOK_US / 2));
    (since_us..onset_us).contains(&series.first_us)
}

/// Whether a series has events enough for its level to be news.
pub(super) fn is_frequent(series: &Series) -> bool {
    series.counts.iter().map(|n| u64::from(*n)).sum::<u64>() >= MIN_NEW
}

/// Variance over mean of counts, at least 1.
pub(super) fn dispersion(counts: &[u32]) -> f64 {
    let n = counts.len().max(1) as f64;
    let mean = counts.iter().map(|n| f64::from(*n)).sum::<f64>() / n;
    if mean == 0.0 {
        return 1.0;
    }
    let variance = counts.iter().map(|n| (f64::from(*n) - mean).powi(2)).sum::<f64>() / n;
    (variance / mean).max(1.0)
}

/// Two digits behind the point: what is printed reads back as what was computed.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BINS: TimeBins = TimeBins { from_us: 0, width_us: 60_000_000, n: 240 };
    const ONSET_US: i64 = 200 * 60_000_000;

    fn counts(at: impl Fn(usize) -> u32) -> Vec<u32> {
        (0..BINS.n).map(at).collect()
    }

    #[test]
    fn a_change_of_rate_is_found_where_it_is() {
        let up = counts(|at| if at < 180 { 10 + at as u32 % 3 } else { 40 });
        let (at, regime) = rate_change(&up, BINS, ONSET_US).unwrap();
        assert_eq!(at, 180);
        assert!(matches!(regime, Regime::Rate { before_per_min, after_per_min: 40.0, .. } if before_per_min < 12.0));
        let down = counts(|at| if at < 190 { 30 } else { 2 });
        assert_eq!(rate_change(&down, BINS, ONSET_US).unwrap().0, 190);
        // Slowly, too little, too long ago, or behind the onset: none.
        assert_eq!(rate_change(&counts(|at| 10 + at as u32 / 20), BINS, ONSET_US), None);
        assert_eq!(rate_change(&counts(|at| if at < 180 { 10 } else { 15 }), BINS, ONSET_US), None);
        assert_eq!(rate_change(&counts(|at| if at < 100 { 10 } else { 40 }), BINS, ONSET_US), None);
        assert_eq!(rate_change(&counts(|at| if at < 220 { 10 } else { 40 }), BINS, ONSET_US), None);
    }

    #[test]
    fn bursts_are_no_change_of_rate() {
        let bursts = counts(|at| if at % 20 == 0 { 300 } else { 0 });
        assert_eq!(rate_change(&bursts, BINS, ONSET_US), None);
    }

    #[test]
    fn a_silence_before_the_onset_is_found() {
        let silent = counts(|at| if (185..203).contains(&at) { 0 } else { 5 });
        let (at, regime) = silence(&silent, BINS, ONSET_US).unwrap();
        assert_eq!((at, regime), (185, Regime::Silence { lasted_us: 18 * 60_000_000, n_missed: 90.0 }));
        // To the end of the window, too.
        assert_eq!(silence(&counts(|at| if at < 190 { 5 } else { 0 }), BINS, ONSET_US).unwrap().0, 190);
        // Behind the onset, long over, or of a source that seldom writes: none.
        assert_eq!(silence(&counts(|at| if at > 205 { 0 } else { 5 }), BINS, ONSET_US), None);
        assert_eq!(silence(&counts(|at| if (100..120).contains(&at) { 0 } else { 5 }), BINS, ONSET_US), None);
        assert_eq!(silence(&counts(|at| u32::from(at % 30 == 0)), BINS, ONSET_US), None);
    }

    #[test]
    fn new_is_what_began_in_the_hour_before() {
        let series = |first_us: i64| Series { first_us, ..Series::new(1) };
        let minute_us = 60_000_000;
        assert!(is_new(&series(150 * minute_us), BINS, ONSET_US));
        assert!(!is_new(&series(20 * minute_us), BINS, ONSET_US));
        assert!(!is_new(&series(201 * minute_us), BINS, ONSET_US));
        // Where the window begins shortly before the onset, everything would be new.
        assert!(!is_new(&series(10 * minute_us), BINS, 40 * minute_us));
    }

    proptest! {
        #[test]
        fn any_counts_can_be_looked_at(counts in proptest::collection::vec(0..1000_u32, 240), onset in 0..300_i64) {
            for found in [rate_change(&counts, BINS, onset * 60_000_000), silence(&counts, BINS, onset * 60_000_000)] {
                prop_assert!(found.is_none_or(|(at, _)| at as i64 <= onset));
            }
        }
    }
}
