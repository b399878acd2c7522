//! `perc95(x)`, `p95(x)`, `p99.9(x)`: a percentile of the numeric values, 0 to 100.
//!
//! Linear interpolation at rank (N−1)·p/100 of the sorted values; exact. Memory: eight bytes for each value.
//!
//! ```example
//! x=1
//! x=2
//! x=3
//! x=4
//! x=5
//! x=6
//! x=7
//! x=8
//! x=9
//! x=10
//! > stats perc50(x) p95(x)
//! perc50(x)=5.5 p95(x)=9.55
//! ```

use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    aliases: &["p"],
    takes_percentile: true,
    ..StatsFunction::new("perc", include_str!("perc.rs"), States::<Numeric<Percentile>>::start)
};

#[derive(Clone, Default)]
struct Percentile(Numbers);

impl NumericState for Percentile {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, parameters: &Parameters<'_>) -> Option<f64> {
        self.0.percentile(parameters.percentile)
    }
}

/// All the numbers of a group.
#[derive(Clone, Default)]
pub(super) struct Numbers(Vec<f64>);

impl Numbers {
    pub fn update(&mut self, number: f64) -> usize {
        self.0.push(number);
        size_of::<f64>()
    }

    pub fn merge(&mut self, mut other: Self) {
        // Appending the shorter list is cheaper; the order does not matter.
        if other.0.len() > self.0.len() {
            std::mem::swap(&mut self.0, &mut other.0);
        }
        self.0.append(&mut other.0);
    }

    pub fn percentile(mut self, percentile: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let rank = last as f64 * percentile / 100.0;
        let below = (rank.floor() as usize).min(last);
        let (_, low, above) = self.0.select_nth_unstable_by(below, f64::total_cmp);
        let low = *low;
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        Some(low + (high - low) * rank.fract())
    }
}
