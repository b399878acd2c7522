//! `latest(x)`: the value with the largest `_time`.
//!
//! Rows without the field or without `_time` are skipped.
//!
//! ```example
//! _time=10 x=a
//! _time=20 x=b
//! > stats latest(x)
//! latest(x)=b
//! ```

use super::earliest::TimedValue;
use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    order_matters: true,
    reads_time: true,
    ..StatsFunction::new("latest", include_str!("latest.rs"), States::<Latest>::start)
};

#[derive(Clone, Default)]
struct Latest(Option<TimedValue>);

wire_struct!(Latest { 0 });

impl State for Latest {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        TimedValue::keep(&mut self.0, TimedValue::new(value, at), TimedValue::is_after)
    }

    fn merge(&mut self, other: Self) {
        TimedValue::keep(&mut self.0, other.0, TimedValue::is_after);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        self.0.map(|timed| timed.value).unwrap_or_default()
    }
}
