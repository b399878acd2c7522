//! `stdev(x)`: the sample standard deviation (N−1) of the numeric values. Of one value it is 0.
//!
//! ```example
//! x=2
//! x=4
//! x=4
//! x=6
//! > stats stdev(x) AS s | eval s=round(s, 4)
//! s=1.633
//! ```

use super::moments::Moments;
use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("stdev", include_str!("stdev.rs"), States::<Numeric<StdDev>>::start);

#[derive(Clone, Default)]
struct StdDev(Moments);

wire_struct!(StdDev { 0 });

impl NumericState for StdDev {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        self.0.variance(1).map(f64::sqrt)
    }
}
