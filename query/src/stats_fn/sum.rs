//! `sum(x)`: the sum of the numeric values; null if there is none.
//!
//! The sum is exact and rounded once, so it does not depend on the order of the rows.
//!
//! ```example
//! x=1.5
//! x=2
//! x=up
//! > stats sum(x)
//! sum(x)=3.5
//! ```

use super::exact_sum::ExactSum;
use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("sum", include_str!("sum.rs"), States::<Numeric<Sum>>::start);

#[derive(Clone, Default)]
pub(super) struct Sum {
    n: u64,
    sum: ExactSum,
}

wire_struct!(Sum { n, sum });

impl NumericState for Sum {
    fn update(&mut self, number: f64) -> usize {
        self.n += 1;
        self.sum.add(number)
    }

    fn merge(&mut self, other: Self) {
        self.n += other.n;
        self.sum.merge(other.sum);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        (self.n > 0).then(|| self.sum.total())
    }
}
