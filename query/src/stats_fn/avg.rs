//! `avg(x)`: the mean of the numeric values; null if there is none.
//!
//! ```example
//! x=1
//! x=2
//! x=up
//! > stats avg(x)
//! avg(x)=1.5
//! ```

use super::exact_sum::ExactSum;
use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    aliases: &["mean"],
    ..StatsFunction::new("avg", include_str!("avg.rs"), States::<Numeric<Average>>::start)
};

#[derive(Clone, Default)]
struct Average {
    n: u64,
    sum: ExactSum,
}

wire_struct!(Average { n, sum });

impl NumericState for Average {
    fn update(&mut self, number: f64) -> usize {
        self.n += 1;
        self.sum.add(number)
    }

    fn merge(&mut self, other: Self) {
        self.n += other.n;
        self.sum.merge(other.sum);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        (self.n > 0).then(|| self.sum.total() / self.n as f64)
    }
}
