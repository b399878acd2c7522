//! `last(x)`: the last value in the order of the rows. Over events that is the oldest: events come newest first.
//!
//! Rows without the field are skipped.
//!
//! ```example
//! x=b
//! x=a
//! > stats last(x)
//! last(x)=a
//! ```

use super::{Parameters, Position, State, States, StatsFunction};
use crate::batch::OrderKey;
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction { order_matters: true, ..StatsFunction::new("last", include_str!("last.rs"), States::<Last>::start) };

#[derive(Clone, Default)]
struct Last(Option<((OrderKey, u32), Value)>);

wire_struct!(Last { 0 });

impl State for Last {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        let order = at.order();
        // Rows made of one event share its key; the last of them counts.
        if self.0.as_ref().is_none_or(|(known, _)| order >= *known) {
            self.0 = Some((order, value.clone()));
            return value.heap_bytes();
        }
        0
    }

    fn merge(&mut self, other: Self) {
        if let Some((order, value)) = other.0
            && self.0.as_ref().is_none_or(|(known, _)| order > *known)
        {
            self.0 = Some((order, value));
        }
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        self.0.map(|(_, value)| value).unwrap_or_default()
    }
}
