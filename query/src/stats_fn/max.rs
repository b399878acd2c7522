//! `max(x)`: the largest value. Numbers rank before text, so the largest of mixed values is a text.
//!
//! ```example
//! x=10
//! x=9
//! > stats max(x)
//! max(x)=10
//! ```

use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction::new("max", include_str!("max.rs"), States::<Max>::start);

#[derive(Clone, Default)]
struct Max(Value);

wire_struct!(Max { 0 });

impl State for Max {
    fn update(&mut self, value: &Value, _: &Position<'_>) -> usize {
        if self.0.is_null() || value.cmp_mixed(&self.0).is_gt() {
            let before = self.0.heap_bytes();
            self.0 = value.clone();
            return self.0.heap_bytes().saturating_sub(before);
        }
        0
    }

    fn merge(&mut self, other: Self) {
        if self.0.is_null() || (!other.0.is_null() && other.0.cmp_mixed(&self.0).is_gt()) {
            self.0 = other.0;
        }
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        self.0
    }
}
