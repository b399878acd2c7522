//! `earliest(x)`: the value with the smallest `_time`.
//!
//! Rows without the field or without `_time` are skipped.
//!
//! ```example
//! _time=20 x=b
//! _time=10 x=a
//! > stats earliest(x)
//! earliest(x)=a
//! ```

use super::{Parameters, Position, State, States, StatsFunction};
use crate::batch::OrderKey;
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    order_matters: true,
    reads_time: true,
    ..StatsFunction::new("earliest", include_str!("earliest.rs"), States::<Earliest>::start)
};

#[derive(Clone, Default)]
struct Earliest(Option<TimedValue>);

wire_struct!(Earliest { 0 });

impl State for Earliest {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        TimedValue::keep(&mut self.0, TimedValue::new(value, at), TimedValue::is_before)
    }

    fn merge(&mut self, other: Self) {
        TimedValue::keep(&mut self.0, other.0, TimedValue::is_before);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        self.0.map(|timed| timed.value).unwrap_or_default()
    }
}

/// A value with its place in time.
#[derive(Clone)]
pub(super) struct TimedValue {
    pub time: f64,
    order: (OrderKey, u32),
    pub value: Value,
}

wire_struct!(TimedValue { time, order, value });

impl TimedValue {
    /// `None` if the row has no time.
    pub fn new(value: &Value, at: &Position<'_>) -> Option<Self> {
        Some(Self { time: at.time()?, order: at.order(), value: value.clone() })
    }

    /// Whether this one is earlier. Of the same time it is the one that comes later in the stream, which runs from new to
    /// old.
    pub fn is_before(&self, other: &Self) -> bool {
        self.time.total_cmp(&other.time).then(other.order.cmp(&self.order)).is_lt()
    }

    /// Whether this one is later.
    pub fn is_after(&self, other: &Self) -> bool {
        other.is_before(self)
    }

    /// Puts `candidate` in the place of `kept` if it is better; tells how many bytes that holds more.
    pub fn keep(kept: &mut Option<Self>, candidate: Option<Self>, is_better: fn(&Self, &Self) -> bool) -> usize {
        let Some(candidate) = candidate else { return 0 };
        if kept.as_ref().is_none_or(|kept| is_better(&candidate, kept)) {
            let bytes = candidate.value.heap_bytes();
            *kept = Some(candidate);
            return bytes;
        }
        0
    }
}
