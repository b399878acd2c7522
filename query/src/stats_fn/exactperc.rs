//! `exactperc95(x)`: a percentile of the numeric values, exact however many there are.
//!
//! As `perc95(x)`, which estimates beyond a million values of a group. Memory: eight bytes for each value.
//!
//! ```example
//! x=1
//! x=2
//! x=4
//! > stats exactperc75(x)
//! exactperc75(x)=3
//! ```

use super::numeric::{Numeric, NumericState};
use super::perc::{exact_percentile, merge_numbers};
use super::running::{PercentileTally, Tallied};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    takes_percentile: true,
    running: Some(Tallied::<PercentileTally>::start),
    ..StatsFunction::new("exactperc", include_str!("exactperc.rs"), States::<Numeric<ExactPercentile>>::start)
};

#[derive(Clone, Default)]
struct ExactPercentile(Vec<f64>);

wire_struct!(ExactPercentile { 0 });

impl NumericState for ExactPercentile {
    fn update(&mut self, number: f64) -> usize {
        self.0.push(number);
        size_of::<f64>()
    }

    fn merge(&mut self, other: Self) {
        merge_numbers(&mut self.0, other.0);
    }

    fn finish(self, parameters: &Parameters<'_>) -> Option<f64> {
        exact_percentile(self.0, parameters.percentile)
    }
}
