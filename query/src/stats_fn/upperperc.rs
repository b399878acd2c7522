//! `upperperc95(x)`: a percentile of the numeric values; where it is estimated, a bound that the true one does not exceed.
//!
//! Up to a million values of a group it is the same as `perc95(x)`.
//!
//! ```example
//! x=1
//! x=2
//! x=4
//! > stats upperperc75(x)
//! upperperc75(x)=3
//! ```

use super::ddsketch::BucketValue;
use super::numeric::{Numeric, NumericState};
use super::perc::Numbers;
use super::running::{PercentileTally, Tallied};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    takes_percentile: true,
    running: Some(Tallied::<PercentileTally>::start),
    ..StatsFunction::new("upperperc", include_str!("upperperc.rs"), States::<Numeric<UpperPercentile>>::start)
};

#[derive(Clone, Default)]
struct UpperPercentile(Numbers);

wire_struct!(UpperPercentile { 0 });

impl NumericState for UpperPercentile {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, parameters: &Parameters<'_>) -> Option<f64> {
        self.0.percentile(parameters, BucketValue::Upper)
    }
}
