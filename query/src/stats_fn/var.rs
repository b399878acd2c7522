//! `var(x)`: the sample variance (N−1) of the numeric values. Of one value it is 0.
//!
//! ```example
//! x=1
//! x=3
//! > stats var(x)
//! var(x)=2
//! ```

use super::moments::Moments;
use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("var", include_str!("var.rs"), States::<Numeric<Variance>>::start);

#[derive(Clone, Default)]
struct Variance(Moments);

wire_struct!(Variance { 0 });

impl NumericState for Variance {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        self.0.variance(1)
    }
}
