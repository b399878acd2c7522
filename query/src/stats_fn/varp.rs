//! `varp(x)`: the variance (N) of the numeric values, taken as the whole population.
//!
//! ```example
//! x=1
//! x=3
//! > stats varp(x)
//! varp(x)=1
//! ```

use super::moments::Moments;
use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("varp", include_str!("varp.rs"), States::<Numeric<VarianceP>>::start);

#[derive(Clone, Default)]
struct VarianceP(Moments);

wire_struct!(VarianceP { 0 });

impl NumericState for VarianceP {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        self.0.variance(0)
    }
}
