//! `latest_time(x)`: `_time` of the row with the latest value.
//!
//! ```example
//! _time=10 x=a
//! _time=20 x=b
//! > stats latest_time(x)
//! latest_time(x)=20
//! ```

use super::earliest::TimedValue;
use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    order_matters: true,
    reads_time: true,
    ..StatsFunction::new("latest_time", include_str!("latest_time.rs"), States::<LatestTime>::start)
};

#[derive(Clone, Default)]
struct LatestTime(Option<TimedValue>);

wire_struct!(LatestTime { 0 });

impl State for LatestTime {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        TimedValue::keep(&mut self.0, TimedValue::new(value, at), TimedValue::is_after)
    }

    fn merge(&mut self, other: Self) {
        TimedValue::keep(&mut self.0, other.0, TimedValue::is_after);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        self.0.map_or(Value::Null, |timed| Value::number(timed.time))
    }
}
