//! `earliest_time(x)`: `_time` of the row with the earliest value.
//!
//! ```example
//! _time=20 x=b
//! _time=10 x=a
//! > stats earliest_time(x)
//! earliest_time(x)=10
//! ```

use super::earliest::TimedValue;
use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    order_matters: true,
    reads_time: true,
    ..StatsFunction::new("earliest_time", include_str!("earliest_time.rs"), States::<EarliestTime>::start)
};

#[derive(Clone, Default)]
struct EarliestTime(Option<TimedValue>);

wire_struct!(EarliestTime { 0 });

impl State for EarliestTime {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        TimedValue::keep(&mut self.0, TimedValue::new(value, at), TimedValue::is_before)
    }

    fn merge(&mut self, other: Self) {
        TimedValue::keep(&mut self.0, other.0, TimedValue::is_before);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        self.0.map_or(Value::Null, |timed| Value::number(timed.time))
    }
}
