//! Statistical functions over a stream of rows: a result after every row, of all rows so far or of a window of them.
//!
//! Merging states gives a window its result without looking at its rows again: rows enter a stack of states and leave
//! another one, which holds merged states; when that is empty the first is turned over into it. Each row is merged a
//! constant number of times (the queue of two stacks; Tangwongsan, Hirzel, Schneider, *Low-Latency Sliding-Window
//! Aggregation in Worst-Case Constant Time*, 2017, section 3). Functions whose state is as large as the window, such as
//! `dc`, keep a [`Tally`] instead, from which values can be taken out.

use super::{Parameters, Rows, State, take_cell};
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A function over a stream of rows.
pub(crate) trait Running: Send {
    /// Takes in the next row: the cell of the argument, or none for a call without argument.
    fn push(&mut self, cell: Option<&Value>, rows: &Rows<'_>, row: usize);

    /// Takes out the oldest row. Only for windows.
    fn pop(&mut self);

    /// The result over the rows that are in.
    fn result(&self, parameters: &Parameters<'_>) -> Value;

    /// Roughly the bytes that it holds.
    fn bytes(&self) -> usize;
}

/// A window over states that merge.
pub(super) struct TwoStacks<S> {
    is_windowed: bool,
    /// Rows that came since the stacks were last turned over, the newest last, and all of them merged.
    newer: Vec<S>,
    newer_merged: S,
    /// For each older row it and all rows after it, up to the last turn, merged; the oldest last.
    older_merged: Vec<S>,
    heap_bytes: usize,
}

impl<S: State> TwoStacks<S> {
    pub fn new(is_windowed: bool) -> Self {
        Self { is_windowed, newer: Vec::new(), newer_merged: S::default(), older_merged: Vec::new(), heap_bytes: 0 }
    }
}

impl<S: State> Running for TwoStacks<S> {
    fn push(&mut self, cell: Option<&Value>, rows: &Rows<'_>, row: usize) {
        let heap_bytes = take_cell(&mut self.newer_merged, cell, rows, row);
        if self.is_windowed {
            let mut state = S::default();
            take_cell(&mut state, cell, rows, row);
            self.newer.push(state);
        } else {
            self.heap_bytes += heap_bytes;
        }
    }

    fn pop(&mut self) {
        if self.older_merged.is_empty() {
            let mut merged = S::default();
            while let Some(state) = self.newer.pop() {
                merged.merge(state);
                self.older_merged.push(merged.clone());
            }
            self.newer_merged = S::default();
        }
        self.older_merged.pop();
    }

    fn result(&self, parameters: &Parameters<'_>) -> Value {
        let Some(older) = self.older_merged.last() else { return self.newer_merged.clone().finish(parameters) };
        let mut all = older.clone();
        all.merge(self.newer_merged.clone());
        all.finish(parameters)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + (self.newer.len() + self.older_merged.len()) * size_of::<S>() + self.heap_bytes
    }
}

/// Values of which each can be taken out again.
pub(super) trait Tally: Default + Send + 'static {
    /// Takes a value in: neither null nor several.
    fn add(&mut self, value: &Value);

    /// Takes out a value that is in.
    fn remove(&mut self, value: &Value);

    /// The result over the values that are in.
    fn result(&self, parameters: &Parameters<'_>) -> Value;

    /// Roughly the bytes that it holds.
    fn bytes(&self) -> usize;
}

/// A window over a [`Tally`].
pub(super) struct Tallied<T> {
    is_windowed: bool,
    /// The cells in the window, the oldest first.
    cells: VecDeque<Value>,
    tally: T,
}

impl<T: Tally> Tallied<T> {
    pub fn start(is_windowed: bool) -> Box<dyn Running> {
        Box::new(Self { is_windowed, cells: VecDeque::new(), tally: T::default() })
    }
}

impl<T: Tally> Running for Tallied<T> {
    fn push(&mut self, cell: Option<&Value>, _: &Rows<'_>, _: usize) {
        let cell = cell.unwrap_or(&Value::Null);
        cell.each().iter().for_each(|value| self.tally.add(value));
        if self.is_windowed {
            self.cells.push_back(cell.clone());
        }
    }

    fn pop(&mut self) {
        if let Some(cell) = self.cells.pop_front() {
            cell.each().iter().for_each(|value| self.tally.remove(value));
        }
    }

    fn result(&self, parameters: &Parameters<'_>) -> Value {
        self.tally.result(parameters)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.cells.len() * size_of::<Value>() + self.tally.bytes()
    }
}

/// How often each text is there.
#[derive(Default)]
struct Counts(HashMap<CompactString, u64>);

impl Counts {
    /// Adds one; tells how many there were before.
    fn add(&mut self, text: &str) -> u64 {
        match self.0.get_mut(text) {
            Some(n) => {
                *n += 1;
                *n - 1
            }
            None => {
                self.0.insert(text.into(), 1);
                0
            }
        }
    }

    /// Takes one out; tells how many there were before.
    fn remove(&mut self, text: &str) -> u64 {
        match self.0.get_mut(text) {
            Some(1) => {
                self.0.remove(text);
                1
            }
            Some(n) => {
                *n -= 1;
                *n + 1
            }
            None => 0,
        }
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<(CompactString, u64)>()
    }
}

/// The number of distinct values.
#[derive(Default)]
pub(super) struct DistinctTally(Counts);

impl Tally for DistinctTally {
    fn add(&mut self, value: &Value) {
        value.with_text(|text| self.0.add(text));
    }

    fn remove(&mut self, value: &Value) {
        value.with_text(|text| self.0.remove(text));
    }

    fn result(&self, _: &Parameters<'_>) -> Value {
        Value::count(self.0.0.len() as u64)
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// The distinct values in the order of their text.
#[derive(Default)]
pub(super) struct ValuesTally(BTreeMap<CompactString, u64>);

impl Tally for ValuesTally {
    fn add(&mut self, value: &Value) {
        value.with_text(|text| match self.0.get_mut(text) {
            Some(n) => *n += 1,
            None => {
                self.0.insert(text.into(), 1);
            }
        });
    }

    fn remove(&mut self, value: &Value) {
        value.with_text(|text| match self.0.get_mut(text) {
            Some(n) if *n > 1 => *n -= 1,
            _ => {
                self.0.remove(text);
            }
        });
    }

    fn result(&self, _: &Parameters<'_>) -> Value {
        Value::multi(self.0.keys().cloned().map(Value::Text))
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<(CompactString, u64)>()
    }
}

/// The most frequent value; of equally frequent ones the first in mixed order.
#[derive(Default)]
pub(super) struct ModeTally {
    counts: Counts,
    ranked: BTreeSet<(Reverse<u64>, Mixed)>,
}

/// A text in mixed order.
#[derive(PartialEq)]
struct Mixed(Value);

impl Eq for Mixed {}

impl PartialOrd for Mixed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Mixed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_mixed(&other.0)
    }
}

impl ModeTally {
    fn move_rank(&mut self, text: &str, from: u64, to: u64) {
        let place = |n: u64| (Reverse(n), Mixed(Value::from(text)));
        if from > 0 {
            self.ranked.remove(&place(from));
        }
        if to > 0 {
            self.ranked.insert(place(to));
        }
    }
}

impl Tally for ModeTally {
    fn add(&mut self, value: &Value) {
        value.with_text(|text| {
            let before = self.counts.add(text);
            self.move_rank(text, before, before + 1);
        });
    }

    fn remove(&mut self, value: &Value) {
        value.with_text(|text| {
            let before = self.counts.remove(text);
            self.move_rank(text, before, before.saturating_sub(1));
        });
    }

    fn result(&self, _: &Parameters<'_>) -> Value {
        self.ranked.first().map_or(Value::Null, |(_, Mixed(value))| value.clone())
    }

    fn bytes(&self) -> usize {
        2 * self.counts.bytes()
    }
}

/// Numbers in order, for percentiles: in chunks, so that putting one in moves few others.
#[derive(Default)]
pub(super) struct PercentileTally {
    /// Ascending, none empty.
    chunks: Vec<Vec<f64>>,
    n: usize,
    n_texts: usize,
}

/// Most numbers of a chunk. Larger ones take longer to move, smaller ones to count through.
const CHUNK_NUMBERS: usize = 1024;

impl PercentileTally {
    fn chunk_of(&self, number: f64) -> usize {
        let chunk =
            self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.total_cmp(&number).is_lt()));
        chunk.min(self.chunks.len().saturating_sub(1))
    }

    fn nth(&self, mut n: usize) -> Option<f64> {
        for chunk in &self.chunks {
            match chunk.get(n) {
                Some(number) => return Some(*number),
                None => n -= chunk.len(),
            }
        }
        None
    }
}

impl Tally for PercentileTally {
    fn add(&mut self, value: &Value) {
        let Some(number) = value.as_number() else {
            self.n_texts += 1;
            return;
        };
        self.n += 1;
        let index = self.chunk_of(number);
        let Some(chunk) = self.chunks.get_mut(index) else {
            self.chunks.push(vec![number]);
            return;
        };
        let place = chunk.partition_point(|known| known.total_cmp(&number).is_lt());
        chunk.insert(place, number);
        if chunk.len() > CHUNK_NUMBERS {
            let upper = chunk.split_off(CHUNK_NUMBERS / 2);
            self.chunks.insert(index + 1, upper);
        }
    }

    fn remove(&mut self, value: &Value) {
        let Some(number) = value.as_number() else {
            self.n_texts -= 1;
            return;
        };
        let index = self.chunk_of(number);
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        if let Ok(place) = chunk.binary_search_by(|known| known.total_cmp(&number)) {
            chunk.remove(place);
            self.n -= 1;
        }
        if chunk.is_empty() {
            self.chunks.remove(index);
        }
    }

    fn result(&self, parameters: &Parameters<'_>) -> Value {
        if self.n == 0 || (parameters.all_numeric && self.n_texts > 0) {
            return Value::Null;
        }
        let rank = (self.n - 1) as f64 * parameters.percentile / 100.0;
        let below = (rank.floor() as usize).min(self.n - 1);
        match (self.nth(below), self.nth(below + 1)) {
            (Some(low), Some(high)) => Value::number(low + (high - low) * rank.fract()),
            (low, _) => low.map_or(Value::Null, Value::number),
        }
    }

    fn bytes(&self) -> usize {
        self.n * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::stats_fn::{STATS_FUNCTIONS, Target};
    use crate::testing::context;
    use proptest::prelude::*;

    proptest! {
        /// A window has the result of its rows alone, for every function.
        #[test]
        fn a_window_is_the_statistics_of_its_rows(
            cells in proptest::collection::vec("1|2|2\\.5|-3|a|b|", 1..20),
            window in 1..5_usize,
        ) {
            let ctx = context();
            let cells: Vec<Value> =
                cells.iter().map(|text| if text.is_empty() { Value::Null } else { Value::from(text.as_str()) }).collect();
            let times = (0..cells.len()).map(|row| Value::Number(row as f64)).collect();
            let batch = Batch::from_columns(cells.len(), [("x", cells), ("_time", times)]);
            let rows = Rows::in_order(&batch, 0);
            let column = batch.column("x").unwrap();
            for function in STATS_FUNCTIONS {
                let parameters = Parameters { percentile: 50.0, all_numeric: false, ctx: &ctx };
                let mut sliding = function.start_running(true);
                let mut running = function.start_running(false);
                for row in 0..batch.len() {
                    sliding.push(Some(&column[row]), &rows, row);
                    running.push(Some(&column[row]), &rows, row);
                    if row >= window {
                        sliding.pop();
                    }
                    let from_scratch = |first: usize| {
                        let mut states = (function.start)();
                        let targets: Vec<Target> =
                            (first..=row).map(|row| Target { row: row as u32, group: 0 }).collect();
                        states.update(Some(column), &targets, &rows, 1);
                        states.finish(0, &parameters)
                    };
                    let first = (row + 1).saturating_sub(window);
                    prop_assert_eq!(sliding.result(&parameters), from_scratch(first), "{} window", function.name);
                    prop_assert_eq!(running.result(&parameters), from_scratch(0), "{} running", function.name);
                }
            }
        }

        #[test]
        fn sorted_numbers_stay_sorted(numbers in proptest::collection::vec(0..50_u32, 1..200)) {
            let mut tally = PercentileTally::default();
            let values: Vec<Value> = numbers.iter().map(|number| Value::Number(f64::from(*number))).collect();
            values.iter().for_each(|value| tally.add(value));
            values.iter().take(values.len() / 2).for_each(|value| tally.remove(value));
            let mut rest: Vec<f64> = numbers[values.len() / 2..].iter().map(|number| f64::from(*number)).collect();
            rest.sort_by(f64::total_cmp);
            let sorted: Vec<f64> = (0..rest.len()).map_while(|n| tally.nth(n)).collect();
            prop_assert_eq!(sorted, rest);
        }
    }
}
