//! `mode(x)`: the most frequent value; of several that are equally frequent, the first in the order of mixed values.
//!
//! ```example
//! x=b
//! x=a
//! x=b
//! > stats mode(x)
//! mode(x)=b
//! ```

use super::running::{ModeTally, Tallied};
use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::cmp::Reverse;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    running: Some(Tallied::<ModeTally>::start),
    ..StatsFunction::new("mode", include_str!("mode.rs"), States::<Mode>::start)
};

#[derive(Clone, Default)]
struct Mode(HashMap<CompactString, u64>);

wire_struct!(Mode { 0 });

impl State for Mode {
    fn update(&mut self, value: &Value, _: &Position<'_>) -> usize {
        value.with_text(|text| match self.0.get_mut(text) {
            Some(n) => {
                *n += 1;
                0
            }
            None => {
                self.0.insert(text.into(), 1);
                size_of::<(CompactString, u64)>() + text.len()
            }
        })
    }

    fn merge(&mut self, other: Self) {
        for (text, n) in other.0 {
            *self.0.entry(text).or_default() += n;
        }
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        let values = self.0.into_iter().map(|(text, n)| (Reverse(n), Value::Text(text)));
        let most = values.min_by(|(a, a_value), (b, b_value)| a.cmp(b).then_with(|| a_value.cmp_mixed(b_value)));
        most.map(|(_, value)| value).unwrap_or_default()
    }
}
