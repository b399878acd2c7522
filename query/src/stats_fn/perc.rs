//! `perc95(x)`, `p95(x)`, `p99.9(x)`: a percentile of the numeric values, 0 to 100.
//!
//! Linear interpolation at rank (N−1)·p/100 of the sorted values. Exact up to a million values of a group, which take eight
//! bytes each; beyond that an estimate that is off by 0.1 % of the value at most, and a warning says so. `exactperc95(x)`
//! is exact whatever it takes. In `streamstats` percentiles are always exact.
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

use super::ddsketch::{BucketValue, DdSketch};
use super::numeric::{Numeric, NumericState};
use super::running::{PercentileTally, Tallied};
use super::{MAX_EXACT_VALUES, Parameters, States, StatsFunction};
use crate::context::Warning;
use crate::spill::{wire_enum, wire_struct};

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    aliases: &["p"],
    takes_percentile: true,
    running: Some(Tallied::<PercentileTally>::start),
    ..StatsFunction::new("perc", include_str!("perc.rs"), States::<Numeric<Percentile>>::start)
};

/// A percentile, estimated where there are many numbers.
#[derive(Clone, Default)]
pub(super) struct Percentile(Numbers);

wire_struct!(Percentile { 0 });

impl NumericState for Percentile {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, parameters: &Parameters<'_>) -> Option<f64> {
        self.0.percentile(parameters, BucketValue::Middle)
    }
}

/// The numbers of a group; from some number on only roughly.
#[derive(Clone)]
pub(super) enum Numbers {
    Exact(Vec<f64>),
    Estimated(DdSketch),
}

wire_enum!(Numbers { Exact, Estimated });

impl Default for Numbers {
    fn default() -> Self {
        Numbers::Exact(Vec::new())
    }
}

impl Numbers {
    pub fn update(&mut self, number: f64) -> usize {
        match self {
            Numbers::Exact(numbers) => {
                numbers.push(number);
                self.give_up_if_large();
                size_of::<f64>()
            }
            Numbers::Estimated(sketch) => {
                sketch.add(number);
                0
            }
        }
    }

    pub fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Numbers::Exact(numbers), Numbers::Exact(more)) => merge_numbers(numbers, more),
            (Numbers::Estimated(sketch), Numbers::Estimated(more)) => sketch.merge(more),
            (Numbers::Estimated(sketch), Numbers::Exact(numbers)) => {
                numbers.into_iter().for_each(|number| sketch.add(number));
            }
            (Numbers::Exact(_), estimated) => {
                let numbers = std::mem::replace(self, estimated);
                self.merge(numbers);
            }
        }
        self.give_up_if_large();
    }

    fn give_up_if_large(&mut self) {
        if let Numbers::Exact(numbers) = self
            && numbers.len() > MAX_EXACT_VALUES
        {
            let mut sketch = DdSketch::default();
            numbers.iter().for_each(|number| sketch.add(*number));
            *self = Numbers::Estimated(sketch);
        }
    }

    pub fn percentile(self, parameters: &Parameters<'_>, which: BucketValue) -> Option<f64> {
        match self {
            Numbers::Exact(numbers) => exact_percentile(numbers, parameters.percentile),
            Numbers::Estimated(sketch) => {
                parameters.ctx.warn(Warning::Estimated { function: "perc", exact_values: MAX_EXACT_VALUES });
                let rank = (sketch.len() - 1) as f64 * parameters.percentile / 100.0;
                let low = sketch.nth(rank.floor() as u64, which)?;
                let high = sketch.nth(rank.ceil() as u64, which)?;
                Some(low + (high - low) * rank.fract())
            }
        }
    }
}

/// Appends the shorter list to the longer: the order does not matter.
pub(super) fn merge_numbers(numbers: &mut Vec<f64>, mut other: Vec<f64>) {
    if other.len() > numbers.len() {
        std::mem::swap(numbers, &mut other);
    }
    numbers.append(&mut other);
}

/// A percentile by linear interpolation.
pub(crate) fn exact_percentile(mut numbers: Vec<f64>, percentile: f64) -> Option<f64> {
    let last = numbers.len().checked_sub(1)?;
    let rank = last as f64 * percentile / 100.0;
    let below = (rank.floor() as usize).min(last);
    let (_, low, above) = numbers.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (high - low) * rank.fract())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;

    #[test]
    fn estimated_beyond_the_bound() {
        let ctx = context();
        let parameters = Parameters { percentile: 95.0, all_numeric: false, ctx: &ctx };
        let (mut whole, mut left, mut right) = (Numbers::default(), Numbers::default(), Numbers::default());
        for n in 0..MAX_EXACT_VALUES + 1 {
            let number = ((n * 7919) % (MAX_EXACT_VALUES + 1)) as f64;
            whole.update(number);
            if n % 3 == 0 {
                left.update(number)
            } else {
                right.update(number)
            };
        }
        left.merge(right);
        let result = whole.clone().percentile(&parameters, BucketValue::Middle).unwrap();
        assert!((result / 950_000.0 - 1.0).abs() <= 0.001, "{result}");
        assert_eq!(left.percentile(&parameters, BucketValue::Middle), Some(result), "parts do not matter");
        assert!(whole.percentile(&parameters, BucketValue::Upper).unwrap() >= 950_000.0);
        assert_eq!(ctx.warnings(), [Warning::Estimated { function: "perc", exact_values: MAX_EXACT_VALUES }]);
    }
}
