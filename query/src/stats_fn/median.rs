//! `median(x)`: the middle of the numeric values, the same as `perc50(x)`. Memory: eight bytes for each value.
//!
//! ```example
//! x=1
//! x=9
//! x=2
//! > stats median(x)
//! median(x)=2
//! ```

use super::numeric::{Numeric, NumericState};
use super::perc::Numbers;
use super::{Parameters, States, StatsFunction};

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("median", include_str!("median.rs"), States::<Numeric<Median>>::start);

#[derive(Clone, Default)]
struct Median(Numbers);

impl NumericState for Median {
    fn update(&mut self, number: f64) -> usize {
        self.0.update(number)
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        self.0.percentile(50.0)
    }
}
