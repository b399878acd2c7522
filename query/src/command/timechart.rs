//! Computes statistics over time: one line for each bin of time.
//!
//! **Syntax**
//!
//! `timechart [options] <function> [AS name] … [BY <field>] [options]`
//!
//! **Arguments**
//!
//! - functions: as in `stats`.
//! - `BY`: one field; each of its values becomes a column.
//! - `span=5m`: length of a bin: a number and `us ms cs ds s m h d w mon q y`; `1w@w1` starts weeks on Monday. Without it
//!   the length of the range decides.
//! - `bins=100`: most bins when the span is chosen. `minspan=1m`: the shortest span that may be chosen.
//! - `aligntime=earliest|latest|<epoch seconds>`: an instant at which a bin starts; only for spans below a month.
//! - `limit=10`, `limit=top10`, `limit=bottom10`: how many values of the BY field get a column: those with the largest
//!   (smallest) sum of the first result; 0 for all.
//! - `useother=t`: a column `otherstr=OTHER` for the other values. `usenull=t`: a column `nullstr=NULL` for rows without
//!   the field.
//! - `cont=f`: leave out bins without rows. `partial=f`: leave out a first or last bin that is not whole.
//! - `fixedrange=f`: lines from the first to the last row, not for the whole searched range.
//!
//! **Semantics**
//!
//! The first column is `_time`, the start of the bin. Bins follow the local clock: days begin at midnight, weeks on Sunday.
//! Without `span` it is the smallest of 1 s, 5 s, 10 s, 30 s, 1 m, 5 m, 10 m, 30 m, 1 h, 1 d, 1 mon that needs at most 100
//! bins. There is a line for every bin of the searched range (where it is open, from the first to the last row); an empty
//! one has 0 for `count` and `dc` and nothing for the others.
//!
//! With `BY` the columns stand in the order of their text, then OTHER, then NULL. With several functions they are called
//! `function: value`. A value that begins with `_` gets the prefix `VALUE`. Values beyond the limit are computed together
//! for OTHER: an average there is that of all their rows.
//!
//! Rows without `_time` do not count.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** one state for each bin and value. Bounded by `max_groups` and `max_memory_bytes`.
//!
//! **Examples**
//!
//! ```example
//! _time=65 level=error
//! _time=10 level=warn
//! _time=5 level=error
//! > timechart span=1m count BY level
//! _time=0 error=1 warn=1
//! _time=60 error=1 warn=0
//! ```
//!
//! ```example
//! _time=130 ms=5
//! _time=5 ms=2
//! > timechart span=1m max(ms) count
//! _time=0 max(ms)=2 count=1
//! _time=60 count=0
//! _time=120 max(ms)=5 count=1
//! ```
//!
//! **Differences** the `WHERE` clause of `BY` is not supported.

use super::aggregate::{self, Aggregates, Aggregation};
use super::args::{bad_value, boolean, count};
use super::group::Groups;
use super::stats::check_groups;
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::lexer::{quote, quote_name};
use crate::span::Spanned;
use crate::stats_fn::{Rows, Target};
use crate::time::{Bins, TimeSpan, from_seconds, to_value};
use crate::value::Value;
use crate::wanted::Wanted;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Timechart {
    /// Length of a bin; `None` if the range decides.
    pub span: Option<TimeSpan>,
    /// Most bins when the range decides.
    pub max_bins: u32,
    /// The shortest span when the range decides.
    pub min_span: Option<TimeSpan>,
    /// An instant at which a bin starts.
    pub align: Option<Align>,
    /// Which values of the BY field get a column; `None` for all.
    pub limit: Option<SeriesLimit>,
    /// The column of the values that get none; `None` to drop them.
    pub other: Option<String>,
    /// The column of rows without the BY field; `None` to drop them.
    pub null: Option<String>,
    /// Whether bins without rows have a line.
    pub continuous: bool,
    /// Whether bins that reach beyond the range have a line.
    pub partial: bool,
    /// Whether the searched range, not the rows, decides where lines begin and end.
    pub fixed_range: bool,
    /// The calls, in order.
    pub aggregations: Vec<Aggregation>,
    /// The field whose values are columns.
    pub by: Option<String>,
}

/// An instant at which a bin starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The start of the searched range.
    Earliest,
    /// Its end.
    Latest,
    /// Microseconds since 1970.
    At(i64),
}

/// Which values of the BY field get a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesLimit {
    /// How many.
    pub n: usize,
    /// Those with the smallest sums rather than the largest.
    pub smallest: bool,
}

const OPTIONS: [&str; 12] = [
    "span",
    "bins",
    "minspan",
    "aligntime",
    "limit",
    "useother",
    "otherstr",
    "usenull",
    "nullstr",
    "cont",
    "partial",
    "fixedrange",
];
const DEFAULT_LIMIT: SeriesLimit = SeriesLimit { n: 10, smallest: false };
const DEFAULT_MAX_BINS: u32 = 100;
const DEFAULT_OTHER: &str = "OTHER";
const DEFAULT_NULL: &str = "NULL";

/// Options as they are read; the names of columns come apart from whether these columns are wanted.
struct Options {
    chart: Timechart,
    use_other: bool,
    other: String,
    use_null: bool,
    null: String,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut options = Options {
        chart: Timechart {
            span: None,
            max_bins: DEFAULT_MAX_BINS,
            min_span: None,
            align: None,
            limit: Some(DEFAULT_LIMIT),
            other: None,
            null: None,
            continuous: true,
            partial: true,
            fixed_range: true,
            aggregations: Vec::new(),
            by: None,
        },
        use_other: true,
        other: DEFAULT_OTHER.to_owned(),
        use_null: true,
        null: DEFAULT_NULL.to_owned(),
    };
    parse_options(&mut args, &mut options)?;
    options.chart.aggregations = aggregate::parse(&mut args, &["BY"])?;
    parse_options(&mut args, &mut options)?;
    if args.keyword("BY") {
        let field = args.expect_plain_name()?;
        options.chart.by = Some(field.value);
        parse_options(&mut args, &mut options)?;
        if args.at_keyword(&["WHERE"]) {
            return Err(args
                .cursor
                .expected("the end of the command")
                .with_hint("the WHERE clause of BY is not supported; use limit=top5 or limit=bottom5"));
        }
    }
    args.finish()?;
    let mut chart = options.chart;
    chart.other = options.use_other.then_some(options.other);
    chart.null = options.use_null.then_some(options.null);
    Ok(Box::new(chart))
}

fn parse_options(args: &mut Args<'_>, options: &mut Options) -> Result<(), QueryError> {
    let chart = &mut options.chart;
    while let Some((option, value)) = args.option(&OPTIONS)? {
        match option {
            "span" => chart.span = Some(span(&value)?),
            "minspan" => chart.min_span = Some(span(&value)?),
            "bins" => chart.max_bins = u32::try_from(count(&value)?.max(2)).unwrap_or(u32::MAX),
            "aligntime" => chart.align = Some(align(&value)?),
            "limit" => chart.limit = series_limit(&value)?,
            "useother" => options.use_other = boolean(&value)?,
            "otherstr" => options.other = value.value,
            "usenull" => options.use_null = boolean(&value)?,
            "nullstr" => options.null = value.value,
            "cont" => chart.continuous = boolean(&value)?,
            "partial" => chart.partial = boolean(&value)?,
            _ => chart.fixed_range = boolean(&value)?,
        }
    }
    Ok(())
}

fn span(value: &Spanned<String>) -> Result<TimeSpan, QueryError> {
    TimeSpan::parse(&value.value).ok_or_else(|| {
        QueryError::new(QueryErrorKind::TimeSpan(value.value.clone()), value.span)
            .with_hint("spans look like 30s, 5m, 1h, 1d, 1w@w1, 1mon")
    })
}

fn align(value: &Spanned<String>) -> Result<Align, QueryError> {
    match value.value.to_ascii_lowercase().as_str() {
        "earliest" => Ok(Align::Earliest),
        "latest" => Ok(Align::Latest),
        other => crate::value::parse_number(other)
            .and_then(from_seconds)
            .map(Align::At)
            .ok_or_else(|| bad_value(value, "earliest, latest or epoch seconds")),
    }
}

fn series_limit(value: &Spanned<String>) -> Result<Option<SeriesLimit>, QueryError> {
    let text = value.value.to_ascii_lowercase();
    let (digits, smallest) = match (text.strip_prefix("top"), text.strip_prefix("bottom")) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => (text.as_str(), false),
    };
    let n = digits.parse::<u32>().map_err(|_| bad_value(value, "a number, topN or bottomN"))? as usize;
    Ok((n > 0).then_some(SeriesLimit { n, smallest }))
}

impl fmt::Display for Timechart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timechart")?;
        if let Some(span) = self.span {
            write!(f, " span={span}")?;
        }
        if self.max_bins != DEFAULT_MAX_BINS {
            write!(f, " bins={}", self.max_bins)?;
        }
        if let Some(span) = self.min_span {
            write!(f, " minspan={span}")?;
        }
        match self.align {
            None => {}
            Some(Align::Earliest) => f.write_str(" aligntime=earliest")?,
            Some(Align::Latest) => f.write_str(" aligntime=latest")?,
            Some(Align::At(us)) => write!(f, " aligntime={}", to_value(us))?,
        }
        match self.limit {
            Some(DEFAULT_LIMIT) => {}
            None => f.write_str(" limit=0")?,
            Some(SeriesLimit { n, smallest: false }) => write!(f, " limit={n}")?,
            Some(SeriesLimit { n, smallest: true }) => write!(f, " limit=bottom{n}")?,
        }
        for (column, option, name, default) in
            [(&self.other, "useother", "otherstr", DEFAULT_OTHER), (&self.null, "usenull", "nullstr", DEFAULT_NULL)]
        {
            match column {
                None => write!(f, " {option}=f")?,
                Some(column) if column == default => {}
                Some(column) => write!(f, " {name}={}", quote(column))?,
            }
        }
        f.write_str(if self.continuous { "" } else { " cont=f" })?;
        f.write_str(if self.partial { "" } else { " partial=f" })?;
        f.write_str(if self.fixed_range { "" } else { " fixedrange=f" })?;
        self.aggregations.iter().try_for_each(|call| write!(f, " {call}"))?;
        self.by.iter().try_for_each(|field| write!(f, " BY {}", quote_name(field)))
    }
}

impl Command for Timechart {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: aggregate::order_matters(&self.aggregations) }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        let mut wanted = Wanted::of(["_time"]);
        self.by.iter().for_each(|field| wanted.add(field));
        aggregate::add_fields_read(&self.aggregations, &mut wanted);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let align_us = match self.align {
            None => None,
            Some(Align::Earliest) => ctx.range.earliest,
            Some(Align::Latest) => ctx.range.latest,
            Some(Align::At(us)) => Some(us),
        };
        let range_length = self.fixed_range.then(|| Some(ctx.range.latest? - ctx.range.earliest?)).flatten();
        let fixed_span = self.span.or_else(|| Some(TimeSpan::automatic(range_length?, self.max_bins, self.min_span)));
        let span = fixed_span.unwrap_or_else(|| TimeSpan::automatic(0, self.max_bins, self.min_span));
        Box::new(TimechartOperator {
            ctx: Arc::clone(ctx),
            chart: self.clone(),
            bins: Bins { span, zone: ctx.zone, align_us },
            is_span_fixed: fixed_span.is_some(),
            times: None,
            series: Groups::new(1),
            cells: Cells::default(),
            aggregates: Aggregates::new(&self.aggregations, false),
            memory: Memory::new(ctx, "timechart"),
            n_rows: 0,
            targets: Vec::new(),
        })
    }

    fn counts_rows_only(&self) -> bool {
        self.aggregations.iter().all(Aggregation::counts_rows)
    }
}

/// A value of the BY field, or none.
type Series = Option<u32>;

/// The cells of the chart: which bin and series each group of the aggregates stands for.
#[derive(Default)]
struct Cells {
    index: HashMap<(i64, Series), u32>,
    places: Vec<(i64, Series)>,
}

impl Cells {
    fn find_or_add(&mut self, bin_us: i64, series: Series) -> u32 {
        *self.index.entry((bin_us, series)).or_insert_with(|| {
            self.places.push((bin_us, series));
            self.places.len() as u32 - 1
        })
    }

    fn len(&self) -> usize {
        self.places.len()
    }
}

struct TimechartOperator {
    ctx: Arc<Context>,
    chart: Timechart,
    bins: Bins,
    /// Otherwise the span grows with the range of the rows.
    is_span_fixed: bool,
    /// First and last time of the rows.
    times: Option<(i64, i64)>,
    series: Groups,
    cells: Cells,
    aggregates: Aggregates,
    memory: Memory,
    n_rows: u64,
    targets: Vec<Target>,
}

impl TimechartOperator {
    fn take(&mut self, batch: &Batch, counts: Option<&[u64]>) -> Result<()> {
        self.ctx.cancel.check()?;
        let first_row = self.n_rows;
        self.n_rows += batch.len() as u64;
        let Some(times) = batch.column("_time") else { return Ok(()) };
        let split = self.chart.by.as_ref().map(|field| batch.column(field).unwrap_or_default());
        let n_cells = self.cells.len();
        let mut bytes = 0;
        let mut bin = 0..0;
        self.targets.clear();
        for (row, time) in times.iter().enumerate() {
            let Some(time_us) = time.as_number().and_then(from_seconds) else { continue };
            let (first, last) = self.times.unwrap_or((time_us, time_us));
            self.times = Some((first.min(time_us), last.max(time_us)));
            // Rows that follow one another mostly share their bin.
            if !bin.contains(&time_us) {
                let start = self.bins.start_of(time_us);
                bin = start..self.bins.next(start);
            }
            let values = split.map_or(&[][..], |column| column.get(row).map_or(&[][..], Value::each));
            if values.is_empty() {
                let group = self.cells.find_or_add(bin.start, None);
                self.targets.push(Target { row: row as u32, group });
            }
            for value in values {
                let (series, grown) = self.series.find_or_add(&[value]);
                bytes += grown;
                let group = self.cells.find_or_add(bin.start, Some(series));
                self.targets.push(Target { row: row as u32, group });
            }
        }
        bytes += (self.cells.len() - n_cells) * 2 * size_of::<(i64, Series, u32)>();
        self.memory.grow(bytes)?;
        check_groups(&self.ctx, "timechart", self.cells.len())?;
        let rows = Rows::new(batch, first_row, counts);
        let bytes = self.aggregates.update(batch, &self.ctx, &self.targets, &rows, self.cells.len());
        self.memory.grow(bytes)?;
        self.coarsen(None);
        Ok(())
    }

    /// Takes longer bins if the rows have come to need them: every longer span starts its bins where a shorter one does.
    fn coarsen(&mut self, at_least: Option<TimeSpan>) {
        let Some((first, last)) = self.times else { return };
        if self.is_span_fixed {
            return;
        }
        let needed = TimeSpan::automatic(last - first, self.chart.max_bins, self.chart.min_span);
        let longest = at_least.into_iter().chain([needed, self.bins.span]).max_by_key(|span| span.nominal_us());
        let Some(span) = longest.filter(|span| *span != self.bins.span) else { return };
        self.bins.span = span;
        let fine = std::mem::take(&mut self.cells);
        for (group, (bin_us, series)) in fine.places.iter().enumerate() {
            let coarse = self.cells.find_or_add(self.bins.start_of(*bin_us), *series);
            // Groups keep their numbers or get smaller ones, so nothing is overwritten before it is read.
            if coarse != group as u32 {
                self.aggregates.merge_group(group as u32, coarse, fine.len());
            }
        }
    }

    /// The bins that get a line, in order.
    fn lines(&self) -> Result<Vec<i64>> {
        let mut lines: BTreeSet<i64> = self.cells.places.iter().map(|(bin_us, _)| *bin_us).collect();
        let (chart, range) = (&self.chart, self.ctx.range);
        let (earliest, latest) = if chart.fixed_range { (range.earliest, range.latest) } else { (None, None) };
        let first = earliest.or(self.times.map(|(first, _)| first));
        let end = latest.or(self.times.map(|(_, last)| last.saturating_add(1)));
        if let (true, Some(first), Some(end)) = (chart.continuous, first, end) {
            let mut bin = self.bins.start_of(first);
            while bin < end {
                lines.insert(bin);
                check_groups(&self.ctx, "timechart", lines.len())?;
                bin = self.bins.next(bin);
            }
        }
        if !chart.partial {
            lines.retain(|bin| {
                range.earliest.is_none_or(|earliest| *bin >= earliest)
                    && range.latest.is_none_or(|latest| self.bins.next(*bin) <= latest)
            });
        }
        Ok(lines.into_iter().collect())
    }

    /// The series that get no column of their own.
    fn others(&self) -> BTreeSet<u32> {
        let Some(limit) = self.chart.limit.filter(|limit| limit.n < self.series.len()) else { return BTreeSet::new() };
        let mut sums = vec![0.0; self.series.len()];
        for (group, (_, series)) in self.cells.places.iter().enumerate() {
            if let Some(series) = series {
                sums[*series as usize] += self.aggregates.first_number(&self.ctx, group as u32);
            }
        }
        let mut ranked = self.series.sorted();
        ranked.sort_by(|a, b| {
            let by_sum = sums[*a as usize].total_cmp(&sums[*b as usize]);
            if limit.smallest { by_sum } else { by_sum.reverse() }
        });
        ranked.split_off(limit.n).into_iter().collect()
    }

    /// The columns of the chart by series: the ones of the values in the order of their text, then OTHER, then NULL.
    fn columns(&self) -> (Vec<String>, HashMap<Series, usize>) {
        let others = self.others();
        let mut by_name: BTreeMap<String, Vec<Series>> = BTreeMap::new();
        let (mut in_other, mut in_null) = (Vec::new(), Vec::new());
        for series in 0..self.series.len() as u32 {
            let name = self.series.key(series)[0].to_string();
            // A value that is called like one of the two columns belongs to it.
            if others.contains(&series) || (!others.is_empty() && self.chart.other.as_ref() == Some(&name)) {
                in_other.push(Some(series));
            } else if self.has_null() && self.chart.null.as_ref() == Some(&name) {
                in_null.push(Some(series));
            } else {
                let name = if name.starts_with('_') { format!("VALUE{name}") } else { name };
                by_name.entry(name).or_default().push(Some(series));
            }
        }
        if self.has_null() {
            in_null.push(None);
        }
        let mut columns: Vec<(String, Vec<Series>)> = by_name.into_iter().collect();
        columns.extend(self.chart.other.clone().filter(|_| !in_other.is_empty()).map(|name| (name, in_other)));
        columns.extend(self.chart.null.clone().filter(|_| !in_null.is_empty()).map(|name| (name, in_null)));
        let places = columns.iter().enumerate();
        let places =
            places.flat_map(|(column, (_, series))| series.iter().map(move |series| (*series, column))).collect();
        (columns.into_iter().map(|(name, _)| name).collect(), places)
    }

    fn has_null(&self) -> bool {
        self.chart.by.is_some() && self.cells.places.iter().any(|(_, series)| series.is_none())
    }
}

impl Operator for TimechartOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.take(&batch, None)?;
        Ok(Flow::More)
    }

    fn push_counted(&mut self, batch: Batch, counts: &[u64]) -> Result<()> {
        self.take(&batch, Some(counts))
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let mut other: Self = same_operator(other);
        self.memory.absorb(other.memory);
        self.times = match (self.times, other.times) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (times, None) | (None, times) => times,
        };
        self.coarsen(Some(other.bins.span));
        let (series, bytes) = self.series.merge(&other.series);
        self.memory.grow(bytes)?;
        let groups: Vec<u32> = std::mem::take(&mut other.cells.places)
            .into_iter()
            .map(|(bin_us, place)| {
                let place = place.map(|place| series[place as usize]);
                self.cells.find_or_add(self.bins.start_of(bin_us), place)
            })
            .collect();
        check_groups(&self.ctx, "timechart", self.cells.len())?;
        self.aggregates.merge(other.aggregates, &groups, self.cells.len());
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let lines = self.lines()?;
        let is_split = self.chart.by.is_some();
        let (names, places) = match is_split {
            true => self.columns(),
            false => (vec![String::new()], HashMap::from([(None, 0)])),
        };
        check_groups(&self.ctx, "timechart", lines.len().saturating_mul(names.len()))?;
        // All series of a column in one cell.
        let mut groups: HashMap<(i64, usize), u32> = HashMap::new();
        for (group, (bin_us, series)) in self.cells.places.iter().enumerate() {
            let Some(column) = places.get(series) else { continue };
            let group = group as u32;
            let first = *groups.entry((*bin_us, *column)).or_insert(group);
            if first != group {
                self.aggregates.merge_group(group, first, self.cells.len());
            }
        }
        let filled: Vec<(usize, usize, u32)> = (lines.iter().enumerate())
            .flat_map(|(line, bin_us)| (0..names.len()).map(move |column| (line, column, *bin_us)))
            .filter_map(|(line, column, bin_us)| Some((line, column, *groups.get(&(bin_us, column))?)))
            .collect();
        let filled_groups: Vec<u32> = filled.iter().map(|(_, _, group)| *group).collect();
        let results = std::mem::take(&mut self.aggregates).finish(&self.ctx, &filled_groups);
        let has_one_result = results.len() == 1;
        let times = lines.iter().map(|bin_us| to_value(*bin_us)).collect();
        let mut table = vec![("_time".to_owned(), times)];
        for result in results {
            let mut columns = vec![vec![result.empty.clone(); lines.len()]; names.len()];
            for ((line, column, _), cell) in filled.iter().zip(result.cells) {
                columns[*column][*line] = cell;
            }
            for (name, cells) in names.iter().zip(columns) {
                let name = match (is_split, has_one_result) {
                    (false, _) => result.name.clone(),
                    (true, true) => name.clone(),
                    (true, false) => format!("{}: {name}", result.name),
                };
                table.push((name, cells));
            }
        }
        out(Batch::from_columns(lines.len(), table));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        check_columns, check_fields_read, check_prints, check_refused, check_rows, check_rows_in, commands, context,
        execute, rows,
    };
    use crate::time::TimeRange;
    use trawl_formats::Zone;

    /// A context that searches `earliest..latest`, in seconds.
    fn searching(earliest: i64, latest: i64) -> impl Fn() -> Context {
        move || {
            let mut ctx = context();
            let us = |seconds: i64| Some(seconds * 1_000_000);
            ctx.range = TimeRange { earliest: us(earliest), latest: us(latest) };
            ctx
        }
    }

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("timechart count", "timechart count"),
            ("TIMECHART span=5min Count by host", "timechart span=5m count BY host"),
            ("timechart count BY host limit=20 span=1h", "timechart span=1h limit=20 count BY host"),
            ("timechart avg(x) AS a, max(x) limit=bottom3", "timechart limit=bottom3 avg(x) AS a max(x)"),
            ("timechart bins=50 minspan=1m limit=0 count", "timechart bins=50 minspan=1m limit=0 count"),
            (
                "timechart useother=f usenull=f cont=f partial=f fixedrange=f count",
                "timechart useother=f usenull=f cont=f partial=f fixedrange=f count",
            ),
            (
                "timechart otherstr=rest nullstr=\"no host\" count BY host",
                "timechart otherstr=\"rest\" nullstr=\"no host\" count BY host",
            ),
            ("timechart span=1w@w1 aligntime=earliest count", "timechart span=1w@w1 aligntime=earliest count"),
            ("timechart aligntime=3600 span=30 count", "timechart span=30s aligntime=3600 count"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("timechart", "", "expected a statistical function, found the end");
        check_refused("timechart span=5x count", "5x", "`5x` is not a span of time");
        check_refused("timechart limit=many count", "many", "`many` is not a number, topN or bottomN");
        check_refused("timechart sapn=1h count", "sapn", "`timechart` has no option `sapn`");
        check_refused("timechart count BY a b", "b", "expected the end of the command, found `b`");
        check_refused(
            "timechart count BY a WHERE count in top5",
            "WHERE",
            "expected the end of the command, found `WHERE`",
        );
        check_refused("timechart per_second(x)", "per_second", "unsupported function: `per_second`");
    }

    /// spl.md §13.10 and §13.22.
    #[test]
    fn traps_10_and_22_empty_bins_have_lines() {
        check_rows(
            "_time=190 x=1\n_time=5 x=3",
            "timechart span=1m count avg(x) dc(x)",
            "_time=0 count=1 avg(x)=3 dc(x)=1\n_time=60 count=0 dc(x)=0\n_time=120 count=0 dc(x)=0\n_time=180 count=1 avg(x)=1 dc(x)=1",
        );
        check_rows("_time=190\n_time=5", "timechart span=1m cont=f count", "_time=0 count=1\n_time=180 count=1");
    }

    #[test]
    fn the_searched_range_has_lines() {
        check_rows_in(
            searching(30, 200),
            "_time=70",
            "timechart span=1m count",
            "_time=0 count=0\n_time=60 count=1\n_time=120 count=0\n_time=180 count=0",
        );
        check_rows_in(
            searching(30, 200),
            "_time=70",
            "timechart span=1m partial=f count",
            "_time=60 count=1\n_time=120 count=0",
        );
        check_rows_in(searching(30, 200), "_time=70", "timechart span=1m fixedrange=f count", "_time=60 count=1");
        check_rows_in(searching(0, 120), "", "timechart span=1m count", "_time=0 count=0\n_time=60 count=0");
        check_rows("", "timechart span=1m count", "");
        check_columns("", "timechart count avg(x)", "_time count avg(x)");
        check_rows("x=1", "timechart span=1m count", "");
    }

    #[test]
    fn the_range_chooses_the_span() {
        // 15 minutes: 10 s
        let lines = |ctx: Context, input: &str| {
            let ctx = Arc::new(ctx);
            let result = execute(&ctx, &commands("timechart count"), &rows(input), 2, 2).unwrap();
            let times: Vec<String> = result.column("_time").unwrap().iter().map(Value::to_string).collect();
            (times.len(), times.get(1).cloned().unwrap_or_default())
        };
        assert_eq!(lines(searching(0, 900)(), "_time=1"), (90, "10".to_owned()));
        assert_eq!(lines(searching(0, 86_400)(), "_time=1"), (48, "1800".to_owned()));
        assert_eq!(lines(searching(0, 7 * 86_400)(), "_time=1"), (7, "86400".to_owned()));
        // An open range: from the first to the last row, whatever came in which order.
        assert_eq!(lines(context(), "_time=3599\n_time=0"), (60, "60".to_owned()));
        assert_eq!(lines(context(), "_time=5\n_time=5"), (1, String::new()));
    }

    #[test]
    fn an_open_range_ends_with_the_same_bins_however_rows_come() {
        let input = "_time=86000 s=a\n_time=3 s=b\n_time=40000 s=a\n_time=40001 s=b\n_time=4 s=b\n_time=86001";
        check_rows(
            input,
            "timechart cont=f count BY s",
            "_time=0 a=0 b=2 NULL=0\n_time=39600 a=1 b=1 NULL=0\n_time=84600 a=1 b=0 NULL=1",
        );
        check_rows(
            input,
            "timechart cont=f minspan=1h count",
            "_time=0 count=2\n_time=39600 count=2\n_time=82800 count=2",
        );
        check_rows(input, "timechart cont=f bins=2 count", "_time=0 count=6");
    }

    #[test]
    fn series() {
        let input = "_time=1 h=b ms=1\n_time=2 h=a ms=2\n_time=3 ms=5\n_time=65 h=10 ms=3\n_time=66 h=9 ms=4\n_time=67 h=_x ms=6";
        check_rows(
            input,
            "timechart span=1m count BY h",
            "_time=0 10=0 9=0 VALUE_x=0 a=1 b=1 NULL=1\n_time=60 10=1 9=1 VALUE_x=1 a=0 b=0 NULL=0",
        );
        check_rows(input, "timechart span=1m usenull=f useother=f limit=1 max(ms) BY h", "_time=0\n_time=60 VALUE_x=6");
        check_columns(
            input,
            "timechart span=1m count max(ms) AS m limit=1 BY h",
            "_time count: a count: OTHER count: NULL m: a m: OTHER m: NULL"
                .replace("count: a", "count: 9")
                .replace("m: a", "m: 9")
                .as_str(),
        );
        check_rows("_time=1 t=[a,b]\n_time=2 t=a", "timechart span=1m count BY t", "_time=0 a=2 b=1");
    }

    #[test]
    fn the_others_are_computed_together() {
        let input = "_time=1 h=a x=10\n_time=1 h=b x=2\n_time=2 h=b x=4\n_time=3 h=c x=6\n_time=70 h=c x=1";
        check_rows(input, "timechart span=1m limit=1 avg(x) BY h", "_time=0 a=10 OTHER=4\n_time=60 OTHER=1");
        check_rows(input, "timechart span=1m limit=2 count BY h", "_time=0 b=2 c=1 OTHER=1\n_time=60 b=0 c=1 OTHER=0");
        check_rows(input, "timechart span=1m limit=bottom1 useother=f count BY h", "_time=0 a=1\n_time=60 a=0");
        check_rows(input, "timechart span=1m limit=0 dc(x) BY h", "_time=0 a=1 b=2 c=1\n_time=60 a=0 b=0 c=1");
        // A value that is called like the column of the others belongs to them.
        check_rows(
            "_time=1 h=a\n_time=2 h=a\n_time=3 h=OTHER\n_time=4 h=c",
            "timechart span=1m limit=1 count BY h",
            "_time=0 a=2 OTHER=2",
        );
    }

    #[test]
    fn days_follow_the_local_clock() {
        let new_york = || {
            let mut ctx = context();
            ctx.zone = Zone::Named(chrono_tz::America::New_York);
            ctx
        };
        // 2026-03-08 has 23 hours: midnights are at 05:00 and 04:00 UTC.
        check_rows_in(
            new_york,
            "_time=1773028800\n_time=1772946000\n_time=1772945999",
            "timechart span=1d count",
            "_time=1772859600 count=1\n_time=1772946000 count=1\n_time=1773028800 count=1",
        );
    }

    #[test]
    fn too_many_lines_are_an_error() {
        let mut ctx = searching(0, 1_000_000)();
        ctx.limits.max_groups = 1000;
        let result = execute(&Arc::new(ctx), &commands("timechart span=1s count"), &rows("_time=5"), 1, 1);
        assert_eq!(result.unwrap_err().to_string(), "`timechart` exceeds the limit max_groups = 1000");
    }

    #[test]
    fn fields_read() {
        check_fields_read("timechart count", &["*"], "_time");
        check_fields_read("timechart avg(x) BY host", &["*"], "_time host x");
    }
}
