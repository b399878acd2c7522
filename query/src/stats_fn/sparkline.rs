//! `sparkline(count)`, `sparkline(avg(x), 1h)`: how a function goes over time, as a row of numbers.
//!
//! The result is several values: `##__SPARKLINE__##`, then the function's result for each bin of time, 0 where it has none.
//! All groups have the same bins: those of the searched range, where it is open from the first to the last row. Without a
//! span the range decides about it, as in `timechart`. `sparkline` alone is `sparkline(count) AS sparkline`.
//!
//! ```example
//! _time=130 host=a
//! _time=10 host=a
//! _time=70 host=b
//! > stats sparkline(count, 1m) AS trend BY host
//! host=a trend=[##__SPARKLINE__##,1,0,1]
//! host=b trend=[##__SPARKLINE__##,0,1,0]
//! ```

use super::{GroupStates, Parameters, Position, Rows, Running, State, States, StatsFunction, Target};
use crate::context::Context;
use crate::spill::{Damaged, Wire, wire_struct};
use crate::time::{Bins, TimeRange, TimeSpan, from_seconds};
use crate::value::Value;
use std::any::Any;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The line of the table. The states of a call are [`SparklineStates`], made from those of the function within.
pub(super) const FUNCTION: StatsFunction = StatsFunction {
    reads_time: true,
    ..StatsFunction::new("sparkline", include_str!("sparkline.rs"), States::<Nothing>::start)
};

/// What a sparkline of no function would hold.
#[derive(Clone, Default)]
struct Nothing;

wire_struct!(Nothing {});

impl State for Nothing {
    fn update(&mut self, _: &Value, _: &Position<'_>) -> usize {
        0
    }

    fn merge(&mut self, _: Self) {}

    fn finish(self, _: &Parameters<'_>) -> Value {
        Value::Null
    }
}

/// What the values of a sparkline begin with.
pub(crate) const MARK: &str = "##__SPARKLINE__##";

/// Bytes that the place of a cell takes, roughly.
const CELL_BYTES: usize = 2 * size_of::<(i64, u32)>();

/// Most bins where the range decides about their length.
const MAX_BINS: u32 = 100;

/// The states of a function in each bin of each group.
#[derive(Clone)]
pub(crate) struct SparklineStates {
    states: Box<dyn GroupStates>,
    bins: Bins,
    /// Otherwise the span grows with the range of the rows.
    is_span_fixed: bool,
    range: TimeRange,
    /// First and last time of the rows.
    times: Option<(i64, i64)>,
    /// For each group the cells of its bins: what a group is called in `states`.
    cells: Vec<BTreeMap<i64, u32>>,
    n_cells: usize,
}

impl SparklineStates {
    pub fn new(states: Box<dyn GroupStates>, span: Option<TimeSpan>, ctx: &Context) -> Self {
        let range = ctx.range;
        let length = range.latest.zip(range.earliest).map(|(latest, earliest)| latest - earliest);
        let fixed_span = span.or_else(|| Some(TimeSpan::automatic(length?, MAX_BINS, None)));
        let span = fixed_span.unwrap_or_else(|| TimeSpan::automatic(0, MAX_BINS, None));
        Self {
            states,
            bins: Bins { span, zone: ctx.zone, align_us: None },
            is_span_fixed: fixed_span.is_some(),
            range,
            times: None,
            cells: Vec::new(),
            n_cells: 0,
        }
    }

    fn find_or_add(&mut self, group: u32, bin_us: i64) -> u32 {
        let group = group as usize;
        if group >= self.cells.len() {
            self.cells.resize_with(group + 1, BTreeMap::new);
        }
        *self.cells[group].entry(bin_us).or_insert_with(|| {
            self.n_cells += 1;
            self.n_cells as u32 - 1
        })
    }

    fn coarsen(&mut self, at_least: Option<TimeSpan>) {
        let Some((first, last)) = self.times.filter(|_| !self.is_span_fixed) else { return };
        let needed = TimeSpan::automatic(last - first, MAX_BINS, None);
        let longest = at_least.into_iter().chain([needed, self.bins.span]).max_by_key(|span| span.nominal_us());
        let Some(span) = longest.filter(|span| *span != self.bins.span) else { return };
        self.bins.span = span;
        for cells in &mut self.cells {
            let mut coarse: BTreeMap<i64, u32> = BTreeMap::new();
            for (bin_us, cell) in std::mem::take(cells) {
                match coarse.entry(self.bins.start_of(bin_us)) {
                    Entry::Vacant(entry) => {
                        entry.insert(cell);
                    }
                    Entry::Occupied(entry) => self.states.merge_group(cell, *entry.get(), self.n_cells),
                }
            }
            *cells = coarse;
        }
    }

    fn add_times(&mut self, first: i64, last: i64) {
        let (low, high) = self.times.unwrap_or((first, last));
        self.times = Some((low.min(first), high.max(last)));
    }
}

impl GroupStates for SparklineStates {
    fn update(&mut self, cells: Option<&[Value]>, targets: &[Target], rows: &Rows<'_>, _: usize) -> usize {
        let Some(times) = rows.times else { return 0 };
        let n_cells = self.n_cells;
        let mut inner = Vec::with_capacity(targets.len());
        for target in targets {
            let Some(time_us) = times[target.row as usize].as_number().and_then(from_seconds) else { continue };
            self.add_times(time_us, time_us);
            let group = self.find_or_add(target.group, self.bins.start_of(time_us));
            inner.push(Target { row: target.row, group });
        }
        let bytes = (self.n_cells - n_cells) * CELL_BYTES;
        let bytes = bytes + self.states.update(cells, &inner, rows, self.n_cells);
        self.coarsen(None);
        bytes
    }

    fn merge(&mut self, other: Box<dyn GroupStates>, groups: &[u32], _: usize) {
        let other: Box<dyn Any> = other;
        let other = other.downcast::<Self>().expect("states of one call are merged");
        if let Some((first, last)) = other.times {
            self.add_times(first, last);
        }
        self.coarsen(Some(other.bins.span));
        let mut cells = vec![0; other.n_cells];
        for (group, bins) in groups.iter().zip(&other.cells) {
            for (bin_us, cell) in bins {
                cells[*cell as usize] = self.find_or_add(*group, self.bins.start_of(*bin_us));
            }
        }
        self.states.merge(other.states, &cells, self.n_cells);
    }

    fn merge_group(&mut self, from: u32, into: u32, _: usize) {
        let Some(moved) = self.cells.get_mut(from as usize).map(std::mem::take) else { return };
        for (bin_us, cell) in moved {
            let target = self.find_or_add(into, bin_us);
            self.states.merge_group(cell, target, self.n_cells);
        }
    }

    fn encode(&self, group: u32, out: &mut Vec<u8>) {
        let Some(cells) = self.cells.get(group as usize) else { return 0_usize.encode(out) };
        cells.len().encode(out);
        for (bin_us, cell) in cells {
            bin_us.encode(out);
            self.states.encode(*cell, out);
        }
    }

    fn merge_encoded(&mut self, input: &mut &[u8], group: u32, _: usize) -> Result<usize, Damaged> {
        let mut bytes = 0;
        for _ in 0..usize::decode(input)? {
            // The bins may have become longer since.
            let bin_us = self.bins.start_of(i64::decode(input)?);
            let cell = self.find_or_add(group, bin_us);
            bytes += CELL_BYTES + self.states.merge_encoded(input, cell, self.n_cells)?;
        }
        Ok(bytes)
    }

    fn emptied(&self) -> Box<dyn GroupStates> {
        Box::new(Self { states: self.states.emptied(), cells: Vec::new(), n_cells: 0, ..*self })
    }

    fn bytes(&self) -> usize {
        self.n_cells * CELL_BYTES + self.states.bytes()
    }

    fn peek(&self, _: u32, _: &Parameters<'_>) -> Value {
        // A row of numbers has no rank.
        Value::Null
    }

    fn finish(&mut self, group: u32, parameters: &Parameters<'_>) -> Value {
        let first = self.range.earliest.or(self.times.map(|(first, _)| first));
        let end = self.range.latest.or(self.times.map(|(_, last)| last.saturating_add(1)));
        let mut values = vec![Value::from(MARK)];
        if let (Some(first), Some(end)) = (first, end) {
            let mut bin = self.bins.start_of(first);
            while bin < end && values.len() <= parameters.ctx.limits.max_groups {
                let cell = self.cells.get(group as usize).and_then(|cells| cells.get(&bin).copied());
                let value = cell.map_or(Value::Null, |cell| self.states.finish(cell, parameters));
                values.push(if value.is_null() { Value::Number(0.0) } else { value });
                bin = self.bins.next(bin);
            }
        }
        Value::multi(values)
    }

    fn copy(&self) -> Box<dyn GroupStates> {
        Box::new(self.clone())
    }

    fn running(&self, is_windowed: bool) -> Box<dyn Running> {
        FUNCTION.start_running(is_windowed)
    }
}
