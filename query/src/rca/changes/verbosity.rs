//! Sources that begin, or cease, to write what is for developers: a log level that was changed, though no line says so. Pure.
//!
//! At each boundary of bins the share of lines of the levels below `INFO` before it is compared with that of the quarter of an hour
//! behind it. It is a change if one is next to nothing and the other at least a fifth in each part of it, and the log-likelihood ratio of
//! the two shares, divided by the dispersion of the counts, is at least [`MIN_G`]. What ceases must be gone to the end of what is looked at, while
//! all else goes on: a lull is no change, and neither is a program that has nothing to do.

use super::regime::dispersion;
use crate::engine::rates::TimeBins;

const MIN_G: f64 = 30.0;
/// Share of lines that is next to nothing, and share that is much.
const FEW: f64 = 0.02;
const MUCH: f64 = 0.2;
/// Fewest lines of these levels.
const MIN_LINES: f64 = 20.0;
/// How long behind a boundary is compared with all that is before it, and how long that must be: microseconds.
const BESIDE_US: i64 = 900_000_000;
const MIN_BEFORE_US: i64 = 3_600_000_000;
/// What ceases must be missing to the end, and so long at least: a lull is no change.
const MIN_MISSING_US: i64 = 1_800_000_000;
/// It must be so in each of so many parts of a side.
const PARTS: usize = 3;

/// How the share of fine levels changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verbosity {
    /// The first bin of the new share.
    pub bin: usize,
    /// Shares of lines, 0 to 1.
    pub before: f64,
    pub after: f64,
    /// Log-likelihood ratio, by dispersion.
    pub g: f64,
}

/// The clearest change of verbosity from counts of lines of fine levels and of all others in `bins`.
pub(super) fn verbosity(fine: &[u32], others: &[u32], bins: TimeBins) -> Option<Verbosity> {
    let n = fine.len().min(others.len());
    let n_beside = usize::try_from(BESIDE_US / bins.width_us).ok()?.max(PARTS);
    let n_missing = usize::try_from(MIN_MISSING_US / bins.width_us).ok()?.max(PARTS);
    let n_before = usize::try_from(MIN_BEFORE_US / bins.width_us).ok()?.max(PARTS);
    let prefix = |counts: &[u32]| -> Vec<f64> {
        let mut sums = vec![0.0];
        counts.iter().for_each(|n| sums.push(sums[sums.len() - 1] + f64::from(*n)));
        sums
    };
    let (fine_sums, other_sums) = (prefix(&fine[..n]), prefix(&others[..n]));
    let sums = |from: usize, to: usize| (fine_sums[to] - fine_sums[from], other_sums[to] - other_sums[from]);
    let share = |(fine, others): (f64, f64)| if fine + others > 0.0 { fine / (fine + others) } else { 0.0 };
    let mut best: Option<Verbosity> = None;
    let in_parts = |from: usize, len: usize, is_it: &dyn Fn(f64) -> bool| {
        (0..PARTS).all(|part| is_it(share(sums(from + part * len / PARTS, from + (part + 1) * len / PARTS))))
    };
    for at in n_before..(n + 1).saturating_sub(n_beside) {
        let (before, after) = (sums(0, at), sums(at, at + n_beside));
        let (share_before, share_after) = (share(before), share(after));
        let is_it = if share_before <= FEW {
            after.0 >= MIN_LINES && before.1 >= MIN_LINES && in_parts(at, n_beside, &|share| share >= MUCH)
        } else {
            // What is not for developers goes on as before, or nearly.
            let rates = (before.1 / at as f64, after.1 / n_beside as f64);
            before.0 >= MIN_LINES
                && rates.1 * 2.0 >= rates.0
                && after.1 >= MIN_LINES
                && (1..=at / n_beside).all(|part| share(sums(at - part * n_beside, at - (part - 1) * n_beside)) >= MUCH)
                && n - at >= n_missing
                && share(sums(at, n)) <= FEW
        };
        if !is_it {
            continue;
        }
        let rows = [before, after];
        let all = (before.0 + after.0, before.1 + after.1);
        let part = |n: f64, row: f64, column: f64| {
            if n > 0.0 { n * (n * (all.0 + all.1) / (row * column)).ln() } else { 0.0 }
        };
        let g = 2.0 * rows.iter().map(|(a, b)| part(*a, a + b, all.0) + part(*b, a + b, all.1)).sum::<f64>();
        let side = if share_before <= FEW { at..at + n_beside } else { at - n_beside..at };
        let g = g / dispersion(&fine[side]);
        if g >= MIN_G && best.is_none_or(|best| g > best.g) {
            best = Some(Verbosity { bin: at, before: share_before, after: share_after, g });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BINS: TimeBins = TimeBins { from_us: 0, width_us: 60_000_000, n: 240 };

    fn found(of: impl Fn(usize) -> (u32, u32)) -> Option<(usize, bool)> {
        let (fine, others): (Vec<u32>, Vec<u32>) = (0..BINS.n).map(of).unzip();
        verbosity(&fine, &others, BINS).map(|found| (found.bin, found.after > found.before))
    }

    #[test]
    fn debugging_that_is_turned_on_or_off_is_found() {
        assert_eq!(found(|at| if at >= 180 { (30, 10) } else { (0, 10) }), Some((180, true)));
        // A few such lines were there before.
        assert_eq!(
            found(|at| if at >= 100 { (9, 10) } else { (u32::from(at.is_multiple_of(50)), 10) }),
            Some((100, true))
        );
        assert_eq!(found(|at| if at >= 100 { (0, 9) } else { (20, 10) }), Some((100, false)));
        // On for half an hour.
        assert_eq!(found(|at| if (150..180).contains(&at) { (30, 10) } else { (0, 10) }), Some((150, true)));
    }

    #[test]
    fn bursts_and_silence_are_no_change_of_level() {
        assert_eq!(found(|_| (5, 10)), None);
        assert_eq!(found(|at| (if at == 200 { 500 } else { 0 }, 10)), None, "a burst");
        assert_eq!(found(|at| (if (150..170).contains(&at) { 0 } else { 20 }, 10)), None, "a lull");
        assert_eq!(found(|at| (if at > 215 { 0 } else { 20 }, 10)), None, "a lull at the end");
        assert_eq!(found(|at| if at >= 100 { (0, 0) } else { (20, 10) }), None, "all of it ceased");
        assert_eq!(found(|at| if at % 30 < 15 { (20, 10) } else { (0, 10) }), None, "comes and goes");
        assert_eq!(found(|at| (u32::from(at > 200 && at.is_multiple_of(9)), 1)), None, "few lines");
    }

    proptest! {
        #[test]
        fn any_counts_can_be_looked_at(counts in proptest::collection::vec((0..500_u32, 0..500_u32), 0..200)) {
            let (fine, others): (Vec<u32>, Vec<u32>) = counts.into_iter().unzip();
            if let Some(found) = verbosity(&fine, &others, BINS) {
                prop_assert!(found.bin < fine.len() && found.g.is_finite());
            }
        }
    }
}
