//! `sumsq(x)`: the sum of the squares of the numeric values.
//!
//! ```example
//! x=3
//! x=4
//! > stats sumsq(x)
//! sumsq(x)=25
//! ```

use super::moments::Moments;
use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("sumsq", include_str!("sumsq.rs"), States::<Numeric<SumOfSquares>>::start);

#[derive(Clone, Default)]
struct SumOfSquares(Moments);

wire_struct!(SumOfSquares { 0 });

impl NumericState for SumOfSquares {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        (self.0.n > 0).then(|| self.0.squares.total())
    }
}
