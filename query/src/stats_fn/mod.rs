//! The statistical functions of `stats`, `timechart` and their like.
//!
//! A function is one file: its `//!` text is the manual page, then come its line for the table and its `State`, what it
//! knows of one group. States take values in, merge in any order with the same result, finish exactly, and can be written
//! to disk at any time.

mod avg;
mod count;
mod dc;
mod ddsketch;
mod earliest;
mod earliest_time;
mod estdc;
mod estdc_error;
mod exact_sum;
mod exactperc;
mod first;
mod hyperloglog;
mod known;
mod last;
mod latest;
mod latest_time;
mod list;
mod max;
mod median;
mod min;
mod mode;
mod moments;
mod numeric;
mod per_day;
mod per_hour;
mod per_minute;
mod per_second;
mod perc;
mod range;
mod rate;
mod running;
mod sparkline;
mod stdev;
mod stdevp;
mod sum;
mod summary;
mod sumsq;
mod upperperc;
mod values;
mod var;
mod varp;

pub(crate) use exact_sum::ExactSum;
pub(crate) use known::find;
pub(crate) use perc::exact_percentile;
pub(crate) use running::Running;
use running::TwoStacks;
pub(crate) use sparkline::{MARK as SPARKLINE_MARK, SparklineStates};
pub(crate) use summary::ValueSummary;

use crate::batch::{Batch, OrderKey};
use crate::context::Context;
use crate::manual::Manual;
use crate::spill::{Damaged, Wire};
use crate::value::Value;
use std::any::Any;
use std::fmt;

/// A line of the table of statistical functions.
pub struct StatsFunction {
    /// The name. That of a percentile is followed by its number: `perc95`.
    pub name: &'static str,
    /// Other names for the same function.
    pub aliases: &'static [&'static str],
    /// The manual page.
    pub manual: Manual,
    /// Whether a percentile is part of the name.
    pub(crate) takes_percentile: bool,
    /// The percentile where none is part of the name.
    pub(crate) default_percentile: f64,
    /// Whether the result depends on the order of rows.
    pub(crate) order_matters: bool,
    /// Whether the function reads `_time` beside its argument.
    pub(crate) reads_time: bool,
    /// Whether a cell without any row holds 0, in a table that has a row there, rather than nothing.
    pub(crate) is_zero_if_empty: bool,
    /// Whether the result is a list of values, which `delim=` joins.
    pub(crate) is_several: bool,
    /// For sums per unit of time: the unit in seconds. What makes a rate of the sum is the length of a bin of time.
    pub(crate) rate_unit_s: Option<f64>,
    pub(crate) start: fn() -> Box<dyn GroupStates>,
    /// What computes it over a window of rows, where that is better done than by merging states.
    pub(crate) running: Option<fn(bool) -> Box<dyn Running>>,
}

impl StatsFunction {
    /// A line with the usual properties; the others are set by the methods below.
    const fn new(name: &'static str, source: &'static str, start: fn() -> Box<dyn GroupStates>) -> Self {
        Self {
            name,
            aliases: &[],
            manual: Manual::of(source),
            takes_percentile: false,
            default_percentile: 0.0,
            order_matters: false,
            reads_time: false,
            is_zero_if_empty: false,
            is_several: false,
            rate_unit_s: None,
            start,
            running: None,
        }
    }

    /// What computes the function over a stream of rows, of which the oldest leave one by one if it `is_windowed`.
    pub(crate) fn start_running(&self, is_windowed: bool) -> Box<dyn Running> {
        self.running.map_or_else(|| (self.start)().running(is_windowed), |start| start(is_windowed))
    }
}

impl PartialEq for StatsFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for StatsFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Distinct values for which `dc`, and values for which `perc` and `median` are exact in each group. Beyond it they are
/// estimated, in a few KiB instead of tens of MiB.
const MAX_EXACT_VALUES: usize = 1_000_000;

/// The function `sum`.
pub(crate) fn sum() -> &'static StatsFunction {
    static SUM: StatsFunction = sum::FUNCTION;
    &SUM
}

/// Every statistical function there is, by name.
pub static STATS_FUNCTIONS: &[StatsFunction] = &[
    avg::FUNCTION,
    count::FUNCTION,
    dc::FUNCTION,
    earliest::FUNCTION,
    earliest_time::FUNCTION,
    estdc::FUNCTION,
    estdc_error::FUNCTION,
    exactperc::FUNCTION,
    first::FUNCTION,
    last::FUNCTION,
    latest::FUNCTION,
    latest_time::FUNCTION,
    list::FUNCTION,
    max::FUNCTION,
    median::FUNCTION,
    min::FUNCTION,
    mode::FUNCTION,
    per_day::FUNCTION,
    per_hour::FUNCTION,
    per_minute::FUNCTION,
    per_second::FUNCTION,
    perc::FUNCTION,
    range::FUNCTION,
    rate::FUNCTION,
    sparkline::FUNCTION,
    stdev::FUNCTION,
    stdevp::FUNCTION,
    sum::FUNCTION,
    sumsq::FUNCTION,
    upperperc::FUNCTION,
    values::FUNCTION,
    var::FUNCTION,
    varp::FUNCTION,
];

/// What a result depends on beside the values.
#[derive(Clone, Copy)]
pub(crate) struct Parameters<'c> {
    /// The number in `perc95`.
    pub percentile: f64,
    /// `allnum=t`: numeric functions give null if some value is not numeric.
    pub all_numeric: bool,
    /// Where warnings go.
    pub ctx: &'c Context,
}

/// What a function knows of one group of rows.
pub(crate) trait State: Wire + Clone + Default + Send + 'static {
    /// Takes a value in: neither null nor several. Tells how many bytes of heap the state holds more than before.
    fn update(&mut self, value: &Value, at: &Position<'_>) -> usize;

    /// Takes in what another part of the rows yielded.
    fn merge(&mut self, other: Self);

    /// The result over all values taken in.
    fn finish(self, parameters: &Parameters<'_>) -> Value;
}

/// The place of a value in the stream of rows.
#[derive(Clone, Copy)]
pub(crate) struct Position<'r> {
    rows: &'r Rows<'r>,
    row: usize,
    /// Among several values of one cell.
    value_index: u32,
}

/// The rows of one batch, as states see them.
pub(crate) struct Rows<'b> {
    order: Option<&'b [OrderKey]>,
    /// The place in the stream of the batch's first row, where rows have no order keys.
    first_sequence: u64,
    times: Option<&'b [Value]>,
    /// How many equal rows each row stands for.
    counts: Option<&'b [u64]>,
}

impl<'b> Rows<'b> {
    pub fn new(batch: &'b Batch, first_sequence: u64, counts: Option<&'b [u64]>) -> Self {
        Self { order: batch.order(), first_sequence, times: batch.column("_time"), counts }
    }

    /// As [`Rows::new`], for commands to which rows come in their order: keys are then of no use.
    pub fn in_order(batch: &'b Batch, first_sequence: u64) -> Self {
        Self { order: None, ..Self::new(batch, first_sequence, None) }
    }
}

impl Position<'_> {
    /// A key by which the values of a stream are in order.
    fn order(&self) -> (OrderKey, u32) {
        let key = match self.rows.order {
            Some(order) => order[self.row],
            None => OrderKey::sequence(self.rows.first_sequence + self.row as u64),
        };
        (key, self.value_index)
    }

    /// `_time` of the row, in seconds.
    fn time(&self) -> Option<f64> {
        self.rows.times?[self.row].as_number()
    }

    /// How many equal rows this one stands for.
    fn count(&self) -> u64 {
        self.rows.counts.map_or(1, |counts| counts[self.row])
    }
}

/// The states of one call, for every group: one allocation for all of them.
pub(crate) trait GroupStates: Any + Send {
    /// Takes in a column of cells. `targets` names rows and their groups; a row may go to several groups. `None` stands
    /// for a call without argument. Tells how many bytes of heap the states hold more than before.
    fn update(&mut self, cells: Option<&[Value]>, targets: &[Target], rows: &Rows<'_>, n_groups: usize) -> usize;

    /// Takes over the states of another part of the rows; `groups[i]` is what its group `i` is called here.
    fn merge(&mut self, other: Box<dyn GroupStates>, groups: &[u32], n_groups: usize);

    /// Adds the state of group `from` to that of group `into`.
    fn merge_group(&mut self, from: u32, into: u32, n_groups: usize);

    /// Writes the state of a group.
    fn encode(&self, group: u32, out: &mut Vec<u8>);

    /// Adds a state that was written to that of `group`. Tells how many bytes more are held at most.
    ///
    /// # Errors
    /// If the bytes were not written by [`encode`](Self::encode) of the same call.
    fn merge_encoded(&mut self, input: &mut &[u8], group: u32, n_groups: usize) -> Result<usize, Damaged>;

    /// States of the same call without any group, which know what is known of all groups.
    fn emptied(&self) -> Box<dyn GroupStates>;

    /// Bytes that all states hold, roughly.
    fn bytes(&self) -> usize;

    /// The result of a group.
    fn peek(&self, group: u32, parameters: &Parameters<'_>) -> Value;

    /// The result of a group, whose state is then empty.
    fn finish(&mut self, group: u32, parameters: &Parameters<'_>) -> Value;

    /// The same states, on their own.
    fn copy(&self) -> Box<dyn GroupStates>;

    /// The same function over a stream of rows, of which the oldest leave one by one if it `is_windowed`.
    fn running(&self, is_windowed: bool) -> Box<dyn Running>;
}

impl Clone for Box<dyn GroupStates> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

/// A row and the group it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub row: u32,
    pub group: u32,
}

/// [`GroupStates`] of one type of state.
#[derive(Clone, Default)]
struct States<S>(Vec<S>);

impl<S: State> States<S> {
    fn start() -> Box<dyn GroupStates> {
        Box::new(States::<S>(Vec::new()))
    }

    /// Grows to `n_groups` and tells by how many bytes.
    fn grow(&mut self, n_groups: usize) -> usize {
        let added = n_groups.saturating_sub(self.0.len());
        self.0.resize_with(self.0.len() + added, S::default);
        added * size_of::<S>()
    }
}

/// Gives a state the values of one cell; without a cell the row itself, which is a value that is always there.
fn take_cell<S: State>(state: &mut S, cell: Option<&Value>, rows: &Rows<'_>, row: usize) -> usize {
    match cell {
        None => state.update(&Value::Number(1.0), &Position { rows, row, value_index: 0 }),
        Some(Value::Null) => 0,
        Some(Value::Multi(values)) => {
            let each = values.iter().enumerate();
            each.map(|(index, value)| state.update(value, &Position { rows, row, value_index: index as u32 })).sum()
        }
        Some(single) => state.update(single, &Position { rows, row, value_index: 0 }),
    }
}

impl<S: State> GroupStates for States<S> {
    fn update(&mut self, cells: Option<&[Value]>, targets: &[Target], rows: &Rows<'_>, n_groups: usize) -> usize {
        let mut bytes = self.grow(n_groups);
        for target in targets {
            let row = target.row as usize;
            bytes += take_cell(&mut self.0[target.group as usize], cells.map(|cells| &cells[row]), rows, row);
        }
        bytes
    }

    fn merge(&mut self, other: Box<dyn GroupStates>, groups: &[u32], n_groups: usize) {
        let other: Box<dyn Any> = other;
        let other = other.downcast::<Self>().expect("states of one call are merged");
        self.grow(n_groups);
        for (state, group) in other.0.into_iter().zip(groups) {
            self.0[*group as usize].merge(state);
        }
    }

    fn merge_group(&mut self, from: u32, into: u32, n_groups: usize) {
        self.grow(n_groups);
        let state = std::mem::take(&mut self.0[from as usize]);
        self.0[into as usize].merge(state);
    }

    fn encode(&self, group: u32, out: &mut Vec<u8>) {
        match self.0.get(group as usize) {
            Some(state) => state.encode(out),
            None => S::default().encode(out),
        }
    }

    fn merge_encoded(&mut self, input: &mut &[u8], group: u32, n_groups: usize) -> Result<usize, Damaged> {
        let state = S::decode(input)?;
        let bytes = state.heap_bytes() + self.grow(n_groups);
        self.0[group as usize].merge(state);
        Ok(bytes)
    }

    fn emptied(&self) -> Box<dyn GroupStates> {
        Self::start()
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<S>() + self.0.iter().map(S::heap_bytes).sum::<usize>()
    }

    fn peek(&self, group: u32, parameters: &Parameters<'_>) -> Value {
        self.0.get(group as usize).cloned().unwrap_or_default().finish(parameters)
    }

    fn finish(&mut self, group: u32, parameters: &Parameters<'_>) -> Value {
        let state = self.0.get_mut(group as usize).map(std::mem::take).unwrap_or_default();
        state.finish(parameters)
    }

    fn copy(&self) -> Box<dyn GroupStates> {
        Box::new(self.clone())
    }

    fn running(&self, is_windowed: bool) -> Box<dyn Running> {
        Box::new(TwoStacks::<S>::new(is_windowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        let mut seen = BTreeSet::new();
        for function in STATS_FUNCTIONS {
            for name in [function.name].iter().chain(function.aliases) {
                assert!(seen.insert(*name), "{name} stands twice");
                assert_eq!(*name, name.to_ascii_lowercase());
            }
        }
    }

    proptest! {
        /// A state that was written and read is what it was, for every function, alone and within a sparkline.
        #[test]
        fn states_survive_being_written(
            cells in proptest::collection::vec("1|2|2\\.5|-3|a|b|", 1..20), cut in 0..20_usize,
        ) {
            let ctx = context();
            let cells: Vec<Value> =
                cells.iter().map(|text| if text.is_empty() { Value::Null } else { Value::from(text.as_str()) }).collect();
            let times = (0..cells.len()).map(|row| Value::Number(100.0 * row as f64)).collect();
            let batch = Batch::from_columns(cells.len(), [("x", cells), ("_time", times)]);
            let rows = Rows::in_order(&batch, 0);
            let targets: Vec<Target> = (0..batch.len() as u32).map(|row| Target { row, group: row % 2 }).collect();
            let (left, right) = targets.split_at(cut.min(targets.len()));
            for function in STATS_FUNCTIONS {
                for in_sparkline in [false, true] {
                    let start = || match in_sparkline {
                        true => Box::new(SparklineStates::new((function.start)(), None, &ctx)),
                        false => (function.start)(),
                    };
                    let of = |targets: &[Target]| {
                        let mut states: Box<dyn GroupStates> = start();
                        states.update(batch.column("x"), targets, &rows, 2);
                        states
                    };
                    let (mut whole, first, second) = (of(&targets), of(left), of(right));
                    // What is known of all groups is the part of those who merge.
                    let mut common = first.emptied();
                    common.merge(second.emptied(), &[], 0);
                    let mut read = common.emptied();
                    for part in [second, first] {
                        for group in 0..2 {
                            let mut bytes = Vec::new();
                            part.encode(group, &mut bytes);
                            let mut input = &bytes[..];
                            read.merge_encoded(&mut input, group, 2).unwrap();
                            prop_assert!(input.is_empty());
                        }
                    }
                    let parameters = Parameters { percentile: 50.0, all_numeric: false, ctx: &ctx };
                    for group in 0..2 {
                        let (read, whole) = (read.finish(group, &parameters), whole.finish(group, &parameters));
                        prop_assert_eq!(read, whole, "{} sparkline={}", function.name, in_sparkline);
                    }
                }
            }
        }
    }

    #[test]
    fn the_examples_of_the_manual_hold() {
        for function in STATS_FUNCTIONS {
            crate::testing::check_examples(function.name, &function.manual);
        }
    }
}
