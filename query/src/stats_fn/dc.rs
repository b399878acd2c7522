//! `dc(x)`, `distinct_count(x)`: the number of distinct values; 0 if there is none.
//!
//! Values are told apart as text: `1` and `1.0` are two. The number is exact up to a million distinct values of a group,
//! and memory grows with them. Beyond that it is estimated as by `estdc`, and a warning says so. In `streamstats` it is
//! always exact.
//!
//! ```example
//! x=a
//! x=b
//! x=a
//! > stats dc(x)
//! dc(x)=2
//! ```

use super::hyperloglog::HyperLogLog;
use super::running::{DistinctTally, Tallied};
use super::{MAX_EXACT_VALUES, Parameters, Position, State, States, StatsFunction};
use crate::context::Warning;
use crate::spill::wire_enum;
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::HashSet;

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    aliases: &["distinct_count"],
    is_zero_if_empty: true,
    running: Some(Tallied::<DistinctTally>::start),
    ..StatsFunction::new("dc", include_str!("dc.rs"), States::<DistinctCount>::start)
};

/// The distinct texts of a group; from some number on only how many there are, roughly.
#[derive(Clone)]
pub(crate) enum DistinctCount {
    Exact(HashSet<CompactString>),
    Estimated(HyperLogLog),
}

wire_enum!(DistinctCount { Exact, Estimated });

impl Default for DistinctCount {
    fn default() -> Self {
        DistinctCount::Exact(HashSet::new())
    }
}

impl DistinctCount {
    /// The number, and whether it is exact.
    pub fn count(&self) -> (u64, bool) {
        match self {
            DistinctCount::Exact(texts) => (texts.len() as u64, true),
            DistinctCount::Estimated(estimate) => (estimate.estimate(), false),
        }
    }

    fn give_up_if_large(&mut self) {
        if let DistinctCount::Exact(texts) = self
            && texts.len() > MAX_EXACT_VALUES
        {
            let mut estimate = HyperLogLog::default();
            texts.iter().for_each(|text| {
                estimate.add(text);
            });
            *self = DistinctCount::Estimated(estimate);
        }
    }
}

impl State for DistinctCount {
    fn update(&mut self, value: &Value, _: &Position<'_>) -> usize {
        let bytes = value.with_text(|text| match self {
            DistinctCount::Exact(texts) => insert_text(texts, text),
            DistinctCount::Estimated(estimate) => estimate.add(text),
        });
        if bytes > 0 {
            self.give_up_if_large();
        }
        bytes
    }

    fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (DistinctCount::Exact(texts), DistinctCount::Exact(more)) => merge_texts(texts, more),
            (DistinctCount::Estimated(estimate), DistinctCount::Estimated(more)) => estimate.merge(more),
            (DistinctCount::Estimated(estimate), DistinctCount::Exact(texts)) => texts.iter().for_each(|text| {
                estimate.add(text);
            }),
            (DistinctCount::Exact(_), estimated) => {
                let texts = std::mem::replace(self, estimated);
                self.merge(texts);
            }
        }
        self.give_up_if_large();
    }

    fn finish(self, parameters: &Parameters<'_>) -> Value {
        let (n, is_exact) = self.count();
        if !is_exact {
            parameters.ctx.warn(Warning::Estimated { function: "dc", exact_values: MAX_EXACT_VALUES });
        }
        Value::count(n)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::stats_fn::{Rows, Target};
    use crate::testing::context;

    /// The result over the whole numbers in `ranges`, each range in a part of its own.
    fn count(ranges: &[std::ops::Range<u32>]) -> (f64, Vec<Warning>) {
        let ctx = context();
        let mut merged = States::<DistinctCount>::start();
        for range in ranges {
            let cells: Vec<Value> = range.clone().map(|n| Value::Number(f64::from(n))).collect();
            let targets: Vec<Target> = (0..cells.len() as u32).map(|row| Target { row, group: 0 }).collect();
            let mut part = States::<DistinctCount>::start();
            part.update(Some(&cells), &targets, &Rows::new(&Batch::default(), 0, None), 1);
            merged.merge(part, &[0], 1);
        }
        let result = merged.finish(0, &Parameters { percentile: 0.0, all_numeric: false, ctx: &ctx });
        (result.as_number().unwrap(), ctx.warnings())
    }

    #[test]
    fn exact_up_to_the_bound_and_estimated_beyond_it() {
        let bound = MAX_EXACT_VALUES as u32;
        assert_eq!(count(&[0..bound, 0..5]), (f64::from(bound), vec![]));
        let (whole, warnings) = count(&[0..bound + 50, 0..0]);
        assert!((whole / f64::from(bound) - 1.0).abs() < 0.03, "{whole}");
        assert_eq!(warnings, [Warning::Estimated { function: "dc", exact_values: MAX_EXACT_VALUES }]);
        assert_eq!(count(&[0..700_000, 600_000..bound + 50]).0, whole, "parts do not matter");
    }
}
