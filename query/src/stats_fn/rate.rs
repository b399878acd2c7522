//! `rate(x)`: how fast a counter grows: (latest value − earliest value) / seconds between them.
//!
//! Null if there are not two values at different times.
//!
//! ```example
//! _time=10 x=100
//! _time=20 x=150
//! > stats rate(x)
//! rate(x)=5
//! ```

use super::earliest::TimedValue;
use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    order_matters: true,
    reads_time: true,
    ..StatsFunction::new("rate", include_str!("rate.rs"), States::<Rate>::start)
};

#[derive(Clone, Default)]
struct Rate {
    earliest: Option<TimedValue>,
    latest: Option<TimedValue>,
}

wire_struct!(Rate { earliest, latest });

impl State for Rate {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        if value.as_number().is_none() {
            return 0;
        }
        TimedValue::keep(&mut self.earliest, TimedValue::new(value, at), TimedValue::is_before)
            + TimedValue::keep(&mut self.latest, TimedValue::new(value, at), TimedValue::is_after)
    }

    fn merge(&mut self, other: Self) {
        TimedValue::keep(&mut self.earliest, other.earliest, TimedValue::is_before);
        TimedValue::keep(&mut self.latest, other.latest, TimedValue::is_after);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        let (Some(earliest), Some(latest)) = (self.earliest, self.latest) else { return Value::Null };
        match (earliest.value.as_number(), latest.value.as_number()) {
            (Some(from), Some(to)) => Value::number((to - from) / (latest.time - earliest.time)),
            _ => Value::Null,
        }
    }
}
