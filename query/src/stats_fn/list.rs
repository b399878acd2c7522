//! `list(x)`: all values in the order of the rows, duplicates kept, the first 100 only.
//!
//! ```example
//! x=b
//! x=a
//! x=b
//! > stats list(x)
//! list(x)=[b,a,b]
//! ```

use super::{Parameters, Position, State, States, StatsFunction};
use crate::batch::OrderKey;
use crate::context::Warning;
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    order_matters: true,
    is_several: true,
    ..StatsFunction::new("list", include_str!("list.rs"), States::<List>::start)
};

#[derive(Clone, Default)]
struct List {
    values: Vec<((OrderKey, u32), Value)>,
    is_cut: bool,
}

wire_struct!(List { values, is_cut });

impl State for List {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        let order = at.order();
        self.values.push((order, value.clone()));
        if self.values.len() >= 2 * MAX_VALUES {
            self.cut();
        }
        // Once the list was full it does not grow any more.
        if self.is_cut { 0 } else { size_of::<((OrderKey, u32), Value)>() + value.heap_bytes() }
    }

    fn merge(&mut self, other: Self) {
        self.values.extend(other.values);
        self.is_cut |= other.is_cut;
        self.cut();
    }

    fn finish(mut self, parameters: &Parameters<'_>) -> Value {
        self.cut();
        if self.is_cut {
            parameters.ctx.warn(Warning::ListCut { kept: MAX_VALUES });
        }
        Value::multi(self.values.into_iter().map(|(_, value)| value))
    }
}

/// The number of values that are kept, as in Splunk.
const MAX_VALUES: usize = 100;

impl List {
    fn cut(&mut self) {
        self.values.sort_by_key(|(order, _)| *order);
        self.is_cut |= self.values.len() > MAX_VALUES;
        self.values.truncate(MAX_VALUES);
    }
}
