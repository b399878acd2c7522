//! `dc(x)`, `distinct_count(x)`: the number of distinct values, exactly; 0 if there is none.
//!
//! Values are told apart as text: `1` and `1.0` are two. Memory grows with the distinct values.
//!
//! ```example
//! x=a
//! x=b
//! x=a
//! > stats dc(x)
//! dc(x)=2
//! ```

use super::{Parameters, Position, State, States, StatsFunction};
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::HashSet;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    aliases: &["distinct_count"],
    is_zero_if_empty: true,
    ..StatsFunction::new("dc", include_str!("dc.rs"), States::<DistinctCount>::start)
};

#[derive(Clone, Default)]
struct DistinctCount(HashSet<CompactString>);

impl State for DistinctCount {
    fn update(&mut self, value: &Value, _: &Position<'_>) -> usize {
        value.with_text(|text| insert_text(&mut self.0, text))
    }

    fn merge(&mut self, other: Self) {
        merge_texts(&mut self.0, other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        Value::count(self.0.len() as u64)
    }
}

/// Adds a text to a set; tells how many bytes the set holds more than before.
pub(super) fn insert_text(texts: &mut HashSet<CompactString>, text: &str) -> usize {
    if texts.contains(text) {
        return 0;
    }
    let text = CompactString::from(text);
    let heap = if text.is_heap_allocated() { text.capacity() } else { 0 };
    texts.insert(text);
    size_of::<CompactString>() + heap
}

/// Adds the smaller set to the larger.
pub(super) fn merge_texts(texts: &mut HashSet<CompactString>, mut other: HashSet<CompactString>) {
    if other.len() > texts.len() {
        std::mem::swap(texts, &mut other);
    }
    texts.extend(other);
}
