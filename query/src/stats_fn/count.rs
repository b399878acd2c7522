//! `count`: the number of rows. `count(x)`: the number of values of x that are not null.
//!
//! `count(eval(condition))` counts the rows for which the condition is true. 0 if there is nothing to count.
//!
//! ```example
//! x=1 y=200
//! x=2
//! y=404
//! > stats count count(x) count(eval(y>399)) AS errors
//! count=3 count(x)=2 errors=1
//! ```

use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    aliases: &["c"],
    is_zero_if_empty: true,
    ..StatsFunction::new("count", include_str!("count.rs"), States::<Count>::start)
};

#[derive(Clone, Default)]
struct Count(u64);

wire_struct!(Count { 0 });

impl State for Count {
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize {
        self.0 += at.count();
        let _ = value;
        0
    }

    fn merge(&mut self, other: Self) {
        self.0 += other.0;
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        Value::count(self.0)
    }
}
