//! `range(x)`: the largest numeric value minus the smallest.
//!
//! ```example
//! x=3
//! x=10
//! > stats range(x)
//! range(x)=7
//! ```

use super::numeric::{Numeric, NumericState};
use super::{Parameters, States, StatsFunction};
use crate::spill::wire_struct;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("range", include_str!("range.rs"), States::<Numeric<Range>>::start);

#[derive(Clone, Default)]
struct Range(Option<(f64, f64)>);

wire_struct!(Range { 0 });

impl NumericState for Range {
    fn update(&mut self, number: f64) -> usize {
        let (low, high) = self.0.unwrap_or((number, number));
        self.0 = Some((low.min(number), high.max(number)));
        0
    }

    fn merge(&mut self, other: Self) {
        if let Some((low, high)) = other.0 {
            self.update(low);
            self.update(high);
        }
    }

    fn finish(self, _: &Parameters<'_>) -> Option<f64> {
        self.0.map(|(low, high)| high - low)
    }
}
