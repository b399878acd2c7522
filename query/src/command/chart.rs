//! Computes statistics in a table: one line for each value of a field, one column for each value of another.
//!
//! **Syntax**
//!
//! `chart [options] <function> [AS name] … [OVER <row> [bins]] [BY <column> [bins] [WHERE <condition>]] [options]`
//!
//! `chart [options] <function> [AS name] … BY <row> [bins] [<column> [bins] [WHERE <condition>]] [options]`
//!
//! **Arguments**
//!
//! - functions: as in `stats`.
//! - row: its values are the lines. column: its values are the columns.
//! - bins: `span=`, `bins=`, `minspan=`, `start=`, `end=`, `aligntime=` after a field cut its values as `bin` does.
//! - `limit=10`, `limit=top10`, `limit=bottom10`: how many values of the column field get a column: those with the largest
//!   (smallest) sum of the first result, of equal ones the first in order; 0 for all. `agg=max` or `agg=max(x)` chooses by
//!   another function than the sum.
//! - `WHERE count in top5`, `WHERE avg > 10`: which values get a column, as in `timechart`.
//! - `useother=t`: a column `otherstr=OTHER` for the other values. `usenull=t`: a column `nullstr=NULL` for rows without
//!   the column field.
//! - `cont=f`: leave out bins of the row field that have no rows.
//! - `sep=": "`, `format="$AGG$: $VAL$"`: names of the columns where there are several functions.
//!
//! **Semantics**
//!
//! Lines are sorted by the row field: numbers by size, then text. Rows without the row field do not count; a multivalue
//! field counts once for each value. Without a column field the results are the columns, as in `stats`.
//!
//! Columns stand in the order of their text (bins in their own), then OTHER, then NULL. A value that is called like the row
//! field, or begins with `_`, gets the prefix `VALUE`. Values beyond the limit are computed together for OTHER. An empty
//! cell has 0 for `count` and `dc` and nothing for the others.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** one state for each line and value. Bounded by `max_groups` and `max_memory_bytes`.
//!
//! **Examples**
//!
//! ```example
//! host=a status=200
//! host=b status=500
//! host=a status=500
//! host=a status=500
//! > chart count OVER host BY status
//! host=a 200=1 500=2
//! host=b 200=0 500=1
//! ```
//!
//! ```example
//! ms=7
//! ms=25
//! ms=3
//! > chart count BY ms span=10
//! ms=0-10 count=2
//! ms=10-20 count=0
//! ms=20-30 count=1
//! ```

use super::aggregate::{self, Aggregation};
use super::args::boolean;
use super::binning::{Binner, Binning, Extent};
use super::group::Groups;
use super::grouping::check_groups;
use super::series::{Pivot, SeriesOptions};
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Which values of the column field become columns.
    pub series: SeriesOptions,
    /// Whether empty bins of the row field have a line.
    pub continuous: bool,
    /// The calls, in order.
    pub aggregations: Vec<Aggregation>,
    /// The field whose values are lines.
    pub row: Option<ChartField>,
    /// The field whose values are columns.
    pub column: Option<ChartField>,
}

/// A field of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartField {
    /// The field.
    pub name: String,
    /// How its values are cut; nothing said for not at all.
    pub binning: Binning,
}

const OPTIONS: [&str; 9] = ["limit", "agg", "useother", "otherstr", "usenull", "nullstr", "sep", "format", "cont"];
const FIELD_OPTIONS: [&str; 15] = [
    "span",
    "bins",
    "minspan",
    "start",
    "end",
    "aligntime",
    "limit",
    "agg",
    "useother",
    "otherstr",
    "usenull",
    "nullstr",
    "sep",
    "format",
    "cont",
];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut chart =
        Chart { series: SeriesOptions::default(), continuous: true, aggregations: Vec::new(), row: None, column: None };
    chart.parse_options(&mut args, &OPTIONS, None)?;
    args.cursor.skip_space();
    let start = args.cursor.pos();
    chart.aggregations = aggregate::parse(&mut args, &["OVER", "BY"])?;
    let written = args.cursor.trimmed_span_from(start);
    chart.parse_options(&mut args, &OPTIONS, None)?;
    let is_over = args.keyword("OVER");
    if is_over {
        chart.row = Some(chart.parse_field(&mut args)?);
    }
    if args.keyword("BY") {
        let field = chart.parse_field(&mut args)?;
        if is_over {
            chart.column = Some(field);
        } else {
            chart.row = Some(field);
            args.cursor.skip_separators();
            if !args.cursor.at_end() && !args.at_keyword(&["WHERE"]) {
                chart.column = Some(chart.parse_field(&mut args)?);
            }
        }
        if chart.column.is_some() {
            chart.series.parse_condition(&mut args)?;
            chart.parse_options(&mut args, &OPTIONS, None)?;
        }
    }
    args.finish()?;
    if let (Some(row), Some(column)) = (&chart.row, &chart.column)
        && row.name == column.name
    {
        let span = args.cursor.trimmed_span_from(start);
        return Err(QueryError::rule(format!("`{}` cannot be lines and columns at once", row.name), span));
    }
    if let (Some(row), None) = (&chart.row, &chart.column) {
        aggregate::check_names(&chart.aggregations, std::slice::from_ref(&row.name), written)?;
    }
    Ok(Box::new(chart))
}

impl Chart {
    fn parse_options(
        &mut self,
        args: &mut Args<'_>,
        options: &[&'static str],
        mut binning: Option<&mut Binning>,
    ) -> Result<(), QueryError> {
        while let Some(option) = args.option_name(options)? {
            if self.series.parse_option(args, option)? {
                continue;
            }
            let value = args.option_value(option)?;
            let is_of_field = match &mut binning {
                Some(binning) => binning.set(option, &value)?,
                None => false,
            };
            if !is_of_field {
                self.continuous = boolean(&value)?;
            }
        }
        Ok(())
    }

    fn parse_field(&mut self, args: &mut Args<'_>) -> Result<ChartField, QueryError> {
        args.cursor.skip_separators();
        let name = args.expect_plain_name()?;
        let mut binning = Binning::default();
        self.parse_options(args, &FIELD_OPTIONS, Some(&mut binning))?;
        binning.span.iter().chain(&binning.min_span).try_for_each(|span| span.check(&name.value, name.span))?;
        Ok(ChartField { name: name.value, binning })
    }
}

impl fmt::Display for ChartField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", quote_name(&self.name), self.binning)
    }
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chart{}", self.series)?;
        f.write_str(if self.continuous { "" } else { " cont=f" })?;
        self.aggregations.iter().try_for_each(|call| write!(f, " {call}"))?;
        match (&self.row, &self.column) {
            (Some(row), Some(column)) => write!(f, " OVER {row} BY {column}")?,
            (Some(row), None) => write!(f, " BY {row}")?,
            (None, _) => {}
        }
        self.series.write_condition(f)
    }
}

impl Command for Chart {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: aggregate::order_matters(&self.aggregations) }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        let mut wanted = Wanted::of(self.row.iter().chain(&self.column).map(|field| field.name.clone()));
        aggregate::add_fields_read(&self.aggregations, &mut wanted);
        self.series.add_fields_read(&mut wanted);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let bins = |field: &Option<ChartField>| {
            let ChartField { name, binning } = field.as_ref()?;
            binning.fixed_bins(name, ctx)
        };
        let mut pivot = Pivot::new(ctx, "chart", &self.series, self.column.is_some(), &self.aggregations);
        pivot.taken_name = self.row.as_ref().map(|row| row.name.clone());
        pivot.series_bins = bins(&self.column);
        Box::new(ChartOperator {
            ctx: Arc::clone(ctx),
            chart: self.clone(),
            row_bins: bins(&self.row),
            rows: Groups::new(1),
            pivot,
            memory: Memory::new(ctx, "chart"),
        })
    }

    fn counts_rows_only(&self) -> bool {
        self.aggregations.iter().all(Aggregation::counts_rows) && self.series.counts_rows_only()
    }
}

#[derive(Clone)]
struct ChartOperator {
    ctx: Arc<Context>,
    chart: Chart,
    /// The bins of the row field, once they are known; its values are then their starts.
    row_bins: Option<Binner>,
    /// The values of the row field.
    rows: Groups,
    /// Lines are groups of `rows`; without a row field there is line 0.
    pivot: Pivot,
    memory: Memory,
}

/// The column of a field, cut into bins if they are known.
fn binned<'b>(batch: &'b Batch, field: &ChartField, bins: Option<&Binner>) -> Option<Cow<'b, [Value]>> {
    let column = batch.column(&field.name)?;
    Some(match bins {
        Some(bins) => Cow::Owned(bins.start_column(column)),
        None => Cow::Borrowed(column),
    })
}

impl ChartOperator {
    fn take(&mut self, batch: &Batch, counts: Option<&[u64]>) -> Result<()> {
        let chart = &self.chart;
        let split = chart.column.as_ref().and_then(|field| binned(batch, field, self.pivot.series_bins.as_ref()));
        let Some(row) = &chart.row else {
            return self.pivot.take(batch, split.as_deref(), counts, |_, add| add(0));
        };
        let Some(lines) = binned(batch, row, self.row_bins.as_ref()) else { return Ok(()) };
        let mut bytes = 0;
        self.pivot.take(batch, split.as_deref(), counts, |row, add| {
            for value in lines[row].each() {
                let (line, grown) = self.rows.find_or_add(&[value]);
                bytes += grown;
                add(i64::from(line));
            }
        })?;
        self.memory.grow(bytes)?;
        check_groups(&self.ctx, "chart", self.rows.len())
    }

    /// Cuts the values of a field into bins now that all are known.
    fn adapt_bins(&mut self) {
        let is_adaptive = |field: &ChartField| field.binning.span.is_none() && !field.binning.is_empty();
        if let Some(row) = self.chart.row.as_ref().filter(|field| is_adaptive(field)) {
            let values: Vec<Value> = (0..self.rows.len() as u32).map(|row| self.rows.key(row)[0].clone()).collect();
            let (bins, starts) = adapted(row, &self.ctx, &values);
            let mut rows = Groups::new(1);
            let renamed: Vec<u32> = starts.iter().map(|start| rows.find_or_add(&[start]).0).collect();
            self.pivot.rename_lines(|line| i64::from(renamed[line as usize]));
            self.rows = rows;
            self.row_bins = Some(bins);
        }
        if let Some(column) = self.chart.column.as_ref().filter(|field| is_adaptive(field)) {
            let values: Vec<Value> = self.pivot.series_values().cloned().collect();
            let (bins, starts) = adapted(column, &self.ctx, &values);
            self.pivot.rename_series(&starts);
            self.pivot.series_bins = Some(bins);
        }
    }

    /// The lines in order, empty bins between others included.
    fn lines(&mut self) -> Result<Vec<i64>> {
        if self.chart.row.is_none() {
            return Ok(vec![0]);
        }
        if let Some(bins @ (Binner::Time(_) | Binner::Numbers { .. })) = self.row_bins
            && self.chart.continuous
        {
            let start = |row: u32| match self.rows.key(row)[0] {
                Value::Number(start) => Some(start),
                _ => None,
            };
            let mut starts: Vec<f64> = (0..self.rows.len() as u32).filter_map(start).collect();
            starts.sort_by(f64::total_cmp);
            if let (Some(first), Some(last)) = (starts.first(), starts.last()) {
                let mut bin = *first;
                while bin < *last {
                    self.rows.find_or_add(&[&Value::Number(bin)]);
                    check_groups(&self.ctx, "chart", self.rows.len())?;
                    bin = bins.next(bin);
                }
            }
        }
        Ok(self.rows.sorted().into_iter().map(i64::from).collect())
    }
}

/// The bins of a field with the given values, and the start of the bin of each value.
fn adapted(field: &ChartField, ctx: &Context, values: &[Value]) -> (Binner, Vec<Value>) {
    let bins = field.binning.bins(&field.name, ctx, &Extent::of(values));
    (bins, bins.start_column(values))
}

impl Operator for ChartOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.take(&batch, None)?;
        Ok(Flow::More)
    }

    fn push_counted(&mut self, batch: Batch, counts: &[u64]) -> Result<()> {
        self.take(&batch, Some(counts))
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        self.memory.absorb(other.memory);
        let (rows, bytes) = self.rows.merge(&other.rows);
        self.memory.grow(bytes)?;
        check_groups(&self.ctx, "chart", self.rows.len())?;
        self.pivot.merge(other.pivot, |line| rows.get(line as usize).map_or(line, |row| i64::from(*row)))
    }

    fn snapshot(&self) -> Option<Box<dyn Operator>> {
        Some(Box::new(self.clone()))
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        self.adapt_bins();
        let lines = self.lines()?;
        let columns = self.pivot.finish(&lines, |_| 1.0)?;
        let row = self.chart.row.as_ref().map(|row| {
            let cells = lines.iter().map(|line| match (&self.rows.key(*line as u32)[0], &self.row_bins) {
                (Value::Number(start), Some(bins)) => bins.label(*start),
                (value, _) => value.clone(),
            });
            (row.name.clone(), cells.collect())
        });
        out(Batch::from_columns(lines.len(), row.into_iter().chain(columns)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("chart count", "chart count"),
            ("CHART Count by host", "chart count BY host"),
            ("chart count by host, status", "chart count OVER host BY status"),
            ("chart count over host", "chart count BY host"),
            ("chart avg(x) max(x) over host by status limit=top5", "chart limit=5 avg(x) max(x) OVER host BY status"),
            ("chart limit=0 count by x span=10 y bins=5", "chart limit=0 count OVER x span=10 BY y bins=5"),
            ("chart count by _time span=1h host", "chart count OVER _time span=1h BY host"),
            ("chart count by a b where count in top3", "chart count OVER a BY b WHERE count in top3"),
            (
                "chart useother=f usenull=f cont=f sep=\" - \" format=\"$VAL$\" agg=max(x) count by a b",
                "chart agg=max(x) useother=f usenull=f sep=\" - \" format=\"$VAL$\" cont=f count OVER a BY b",
            ),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("chart", "", "expected a statistical function, found the end");
        check_refused("chart count BY a b c", "c", "expected the end of the command, found `c`");
        check_refused("chart count OVER a BY b c", "c", "expected the end of the command, found `c`");
        check_refused("chart count BY a a", "count BY a a", "`a` cannot be lines and columns at once");
        check_refused("chart count AS a BY a", "count AS a", "two columns are called `a`");
        check_refused("chart span=5 count BY a", "span", "`chart` has no option `span`");
        check_refused("chart count BY a spam=5", "spam", "`chart` has no option `spam`");
        check_refused("chart count BY a*", "a*", "wildcards are not allowed here");
        check_refused("chart per_hour(x) BY a", "per_hour", "`per_hour` is for timechart alone");
    }

    #[test]
    fn lines_without_columns() {
        check_rows("h=b\nh=a x=1\nx=5", "chart count max(x) BY h", "h=a count=1 max(x)=1\nh=b count=1");
        check_rows("x=1\nx=2", "chart sum(x) count", "sum(x)=3 count=2");
        check_rows("", "chart count", "count=0");
        check_rows("", "chart count BY h", "");
        check_rows("x=10\nx=9\nx=a", "chart count BY x", "x=9 count=1\nx=10 count=1\nx=a count=1");
    }

    #[test]
    fn columns() {
        let input = "h=b s=1\nh=a s=2 x=5\nh=a\ns=1\nh=a s=1 x=7\nh=a s=1 x=9";
        check_rows(input, "chart count BY h s", "h=a 1=2 2=1 NULL=1\nh=b 1=1 2=0 NULL=0");
        check_rows(input, "chart usenull=f max(x) BY h s", "h=a 1=9 2=5\nh=b");
        check_rows(input, "chart limit=1 count BY h s", "h=a 1=2 OTHER=1 NULL=1\nh=b 1=1 OTHER=0 NULL=0");
        check_rows(input, "chart limit=bottom1 useother=f nullstr=none count BY h s", "h=a 2=1 none=1\nh=b 2=0 none=0");
        check_columns(input, "chart count max(x) AS m BY h s", "h count: 1 count: 2 count: NULL m: 1 m: 2 m: NULL");
        check_rows("h=a s=h\nh=a s=_x", "chart count BY h s", "h=a VALUE_x=1 VALUEh=1");
        check_rows("h=[a,b] s=[1,2]", "chart count BY h s", "h=a 1=1 2=1\nh=b 1=1 2=1");
    }

    #[test]
    fn others_are_computed_together() {
        check_rows(
            "h=a s=1 x=10\nh=a s=2 x=1\nh=a s=3 x=3\nh=b s=3 x=5",
            "chart limit=1 avg(x) BY h s",
            "h=a 1=10 OTHER=2\nh=b OTHER=5",
        );
    }

    #[test]
    fn bins() {
        check_rows(
            "x=105\nx=7\nx=25\nx=up",
            "chart cont=f count BY x span=10",
            "x=0-10 count=1\nx=20-30 count=1\nx=100-110 count=1\nx=up count=1",
        );
        check_rows("x=1 y=5\nx=99 y=55", "chart count BY x bins=2", "x=0-50 count=1\nx=50-100 count=1");
        check_rows(
            "h=a y=5\nh=a y=155\nh=b y=55",
            "chart count BY h y span=50",
            "h=a 0-50=1 50-100=0 150-200=1\nh=b 0-50=0 50-100=1 150-200=0",
        );
        check_rows(
            "h=a y=1\nh=a y=99\nh=b y=60",
            "chart count BY h y bins=2",
            "h=a 0-50=1 50-100=1\nh=b 0-50=0 50-100=1",
        );
        check_rows(
            "_time=10 h=a\n_time=130 h=b",
            "chart count BY _time span=1m h",
            "_time=0 a=1 b=0\n_time=60 a=0 b=0\n_time=120 a=0 b=1",
        );
        check_rows("x=1\nx=1000", "chart count BY x span=log10", "x=1-10 count=1\nx=1000-10000 count=1");
    }

    #[test]
    fn a_value_that_a_field_has_twice_counts_once() {
        check_rows("a=1 b=[x,y,x]", "chart count OVER a BY b", "a=1 x=1 y=1");
        check_rows("a=[1,1] b=x", "chart count OVER a BY b", "a=1 x=1");
        check_rows("a=[1,1]", "chart count OVER a", "a=1 count=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("chart avg(x) OVER h BY s WHERE max(y)>1", &["*"], "h s x y");
    }
}
