//! `values(x)`: the distinct values, in the order of their text: 1, 10, 2.
//!
//! There is no limit but memory, which grows with the distinct values.
//!
//! ```example
//! x=2
//! x=10
//! x=1
//! x=2
//! > stats values(x)
//! values(x)=[1,10,2]
//! ```

use super::dc::{insert_text, merge_texts};
use super::running::{Tallied, ValuesTally};
use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::HashSet;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    is_several: true,
    running: Some(Tallied::<ValuesTally>::start),
    ..StatsFunction::new("values", include_str!("values.rs"), States::<Values>::start)
};

#[derive(Clone, Default)]
struct Values(HashSet<CompactString>);

wire_struct!(Values { 0 });

impl State for Values {
    fn update(&mut self, value: &Value, _: &Position<'_>) -> usize {
        value.with_text(|text| insert_text(&mut self.0, text))
    }

    fn merge(&mut self, other: Self) {
        merge_texts(&mut self.0, other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        let mut texts: Vec<CompactString> = self.0.into_iter().collect();
        texts.sort_unstable();
        Value::multi(texts.into_iter().map(Value::Text))
    }
}
