//! When an incident began and ended, from the rates of failures. Pure.
//!
//! The statistic is the scan statistic of Kulldorff (A spatial scan statistic, 1997) in one dimension, for Poisson counts: of
//! all intervals, the one in which the failures are the least likely to be as many as they are if they came at one rate all
//! the time. Its logarithmic likelihood ratio for an interval with `c` of `C` failures, of which `e` were to be expected by its
//! length, is `c·ln(c/e) + (C−c)·ln((C−c)/(C−e))` where `c > e`, and 0 elsewhere.

use crate::engine::rates::TimeBins;
use std::ops::Range;

/// Ratios below this are seen in counts without any incident.
const MIN_LLR: f64 = 12.0;

/// The interval in which there are too many.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Peak {
    /// The bins of the interval.
    pub bins: Range<usize>,
    /// How much likelier two rates are than one, as a logarithm.
    pub llr: f64,
    /// Failures in it.
    pub n_inside: u64,
    /// Failures beside it.
    pub n_outside: u64,
}

/// The interval with the greatest ratio among those that begin in `starts`, if it is great enough. Of equal ones the first,
/// then the shortest. O(`starts` × bins).
pub(super) fn peak(counts: &[u32], starts: Range<usize>) -> Option<Peak> {
    let mut sums = vec![0_u64];
    counts.iter().for_each(|n| sums.push(sums[sums.len() - 1] + u64::from(*n)));
    let (all, n_bins) = (sums[counts.len()], counts.len());
    let mut best: Option<Peak> = None;
    for begin in starts.start..starts.end.min(n_bins) {
        // An interval that begins with an empty bin is worse than the one behind it.
        if counts[begin] == 0 {
            continue;
        }
        for end in begin + 1..=n_bins {
            if counts[end - 1] == 0 {
                continue;
            }
            let inside = sums[end] - sums[begin];
            let llr = ratio(inside, all, (end - begin) as f64 / n_bins as f64);
            if best.as_ref().is_none_or(|best| llr > best.llr) {
                best = Some(Peak { bins: begin..end, llr, n_inside: inside, n_outside: all - inside });
            }
        }
    }
    best.filter(|best| best.llr >= MIN_LLR)
}

/// The logarithmic likelihood ratio of an interval with `inside` of `all`, whose length is `share` of the whole.
fn ratio(inside: u64, all: u64, share: f64) -> f64 {
    let (inside, all) = (inside as f64, all as f64);
    let expected = all * share;
    if inside <= expected || share >= 1.0 {
        return 0.0;
    }
    let rest = all - inside;
    let beside = if rest > 0.0 { rest * (rest / (all - expected)).ln() } else { 0.0 };
    inside * (inside / expected).ln() + beside
}

/// Bins such that a range of `look_us` has at most `most` of them, over `from_us..until_us`: of the widths that people think in.
pub(super) fn bins(from_us: i64, until_us: i64, look_us: i64, most: i64) -> TimeBins {
    const WIDTHS_S: [i64; 12] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 86_400];
    let least_us = look_us.div_euclid(most.max(1));
    let width_us = WIDTHS_S.iter().map(|s| s * 1_000_000).find(|us| *us >= least_us).unwrap_or(least_us);
    let from_us = from_us.div_euclid(width_us) * width_us;
    let n = (until_us.saturating_sub(from_us).max(1) - 1).div_euclid(width_us) + 1;
    TimeBins { from_us, width_us, n: usize::try_from(n).unwrap_or(0).min(1 << 20) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_is_found_to_the_bin() {
        let mut counts = vec![1; 100];
        counts[40..60].fill(30);
        let peak = peak(&counts, 0..100).unwrap();
        assert_eq!((peak.bins, peak.n_inside, peak.n_outside), (40..60, 600, 80));
        assert!(peak.llr > 500.0);
    }

    #[test]
    fn what_begins_elsewhere_is_another_matter() {
        let mut counts = vec![0; 100];
        counts[10..20].fill(50);
        counts[60..70].fill(20);
        assert_eq!(peak(&counts, 0..100).unwrap().bins.start, 10);
        assert_eq!(peak(&counts, 50..100).unwrap().bins, 60..70);
    }

    #[test]
    fn an_even_rate_has_no_onset() {
        assert_eq!(peak(&[5; 100], 0..100), None);
        assert_eq!(peak(&[0; 100], 0..100), None);
        assert_eq!(peak(&[], 0..0), None);
        let noise: Vec<u32> = (0..200_u32).map(|n| (n * 7919 % 11) % 4).collect();
        assert_eq!(peak(&noise, 0..200), None);
    }

    #[test]
    fn bins_have_readable_widths() {
        let hour_us = 3_600_000_000;
        let bins = bins(7, 6 * hour_us, hour_us, 400);
        assert_eq!((bins.from_us, bins.width_us, bins.n), (0, 10_000_000, 2160));
        assert!(bins.end() >= 6 * hour_us);
    }

    proptest! {
        #[test]
        fn a_step_of_rates_is_found_where_it_is(
            before in 0..4_u32, factor in 8..30_u32, begin in 20..70_usize, len in 5..25_usize, seed in any::<u32>()
        ) {
            let mut noise = seed | 1;
            let mut next = || {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 16) % 3
            };
            let counts: Vec<u32> = (0..100)
                .map(|at| if (begin..begin + len).contains(&at) { factor * (before + 1) + next() } else { before + next() / 2 })
                .collect();
            let peak = peak(&counts, 0..100).expect("a step");
            prop_assert_eq!(peak.bins, begin..begin + len);
        }

        #[test]
        fn any_counts_can_be_scanned(counts in proptest::collection::vec(0..u32::MAX, 0..40), starts in 0..50_usize) {
            if let Some(peak) = peak(&counts, starts..50) {
                prop_assert!(peak.bins.start >= starts && peak.bins.end <= counts.len());
                prop_assert!(peak.llr.is_finite());
                prop_assert_eq!(peak.n_inside + peak.n_outside, counts.iter().map(|n| u64::from(*n)).sum::<u64>());
            }
        }
    }
}
