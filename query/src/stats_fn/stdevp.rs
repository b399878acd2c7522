//! `stdevp(x)`: the standard deviation (N) of the numeric values, taken as the whole population.
//!
//! ```example
//! x=2
//! x=4
//! x=4
//! x=6
//! > stats stdevp(x) AS s | eval s=round(s, 4)
//! s=1.4142
//! ```

use super::moments::Moments;
use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("stdevp", include_str!("stdevp.rs"), States::<Numeric<StdDevP>>::start);

#[derive(Clone, Default)]
struct StdDevP(Moments);

wire_struct!(StdDevP { 0 });

impl NumericState for StdDevP {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        self.0.variance(0).map(f64::sqrt)
    }
}
