//! Computes statistics over time: one line for each bin of time.
//!
//! **Syntax**
//!
//! `timechart [options] <function> [AS name] … [BY <field> [WHERE <condition>]] [options]`
//!
//! **Arguments**
//!
//! - functions: as in `stats`, and `per_second`, `per_minute`, `per_hour`, `per_day`.
//! - `BY`: one field; each of its values becomes a column.
//! - `span=5m`: length of a bin: a number and `us ms cs ds s m h d w mon q y`; `1w@w1` starts weeks on Monday. Without it
//!   the length of the range decides.
//! - `bins=100`: most bins when the span is chosen. `minspan=1m`: the shortest span that may be chosen.
//! - `aligntime=earliest|latest|<time>`: an instant at which a bin starts, such as `@d+3h`; only for spans below a month.
//! - `limit=10`, `limit=top10`, `limit=bottom10`: how many values of the BY field get a column: those with the largest
//!   (smallest) sum of the first result, of equal ones the first in order; 0 for all.
//!   `agg=max` or `agg=max(x)` chooses by another function than the sum.
//! - `WHERE count in top5`, `WHERE avg > 10`, `WHERE max(x) notin bottom3`: which values of the BY field get a column, in
//!   place of the limit. A function without field is that of the first result's cells, `count` that of rows.
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
//! `function: value`; `sep=` changes what stands between, `format="$AGG$: $VAL$"` all of it. A value that begins with `_` gets the prefix `VALUE`. Values beyond the limit are computed together
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
//! ```example
//! _time=10 host=a ms=5
//! _time=20 host=b ms=90
//! _time=30 host=c ms=80
//! > timechart span=1m useother=f max(ms) BY host WHERE max > 50
//! _time=0 b=90 c=80
//! ```

use super::aggregate::{self, Aggregation};
use super::args::{boolean, count, time_span};
use super::binning::Align;
use super::grouping::check_groups;
use super::series::{Pivot, SeriesOptions};
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::time::{Bins, SECOND_US, TimeSpan, from_seconds, to_value};
use crate::wanted::Wanted;
use std::collections::BTreeSet;
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
    /// Whether bins without rows have a line.
    pub continuous: bool,
    /// Whether bins that reach beyond the range have a line.
    pub partial: bool,
    /// Whether the searched range, not the rows, decides where lines begin and end.
    pub fixed_range: bool,
    /// Which values of the BY field become columns.
    pub series: SeriesOptions,
    /// The calls, in order.
    pub aggregations: Vec<Aggregation>,
    /// The field whose values are columns.
    pub by: Option<String>,
}

const OPTIONS: [&str; 15] = [
    "span",
    "bins",
    "minspan",
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
    "partial",
    "fixedrange",
];
const DEFAULT_MAX_BINS: u32 = 100;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut chart = Timechart {
        span: None,
        max_bins: DEFAULT_MAX_BINS,
        min_span: None,
        align: None,
        continuous: true,
        partial: true,
        fixed_range: true,
        series: SeriesOptions::default(),
        aggregations: Vec::new(),
        by: None,
    };
    parse_options(&mut args, &mut chart)?;
    chart.aggregations = aggregate::parse(&mut args, &["BY"])?;
    parse_options(&mut args, &mut chart)?;
    if args.keyword("BY") {
        let field = args.expect_plain_name()?;
        chart.by = Some(field.value);
        parse_options(&mut args, &mut chart)?;
        chart.series.parse_condition(&mut args)?;
        parse_options(&mut args, &mut chart)?;
    }
    args.finish()?;
    Ok(Box::new(chart))
}

fn parse_options(args: &mut Args<'_>, chart: &mut Timechart) -> Result<(), QueryError> {
    while let Some(option) = args.option_name(&OPTIONS)? {
        if chart.series.parse_option(args, option)? {
            continue;
        }
        let value = args.option_value(option)?;
        match option {
            "span" => chart.span = Some(time_span(&value)?),
            "minspan" => chart.min_span = Some(time_span(&value)?),
            "bins" => chart.max_bins = u32::try_from(count(&value)?.max(2)).unwrap_or(u32::MAX),
            "aligntime" => chart.align = Some(Align::parse(&value)?),
            "cont" => chart.continuous = boolean(&value)?,
            "partial" => chart.partial = boolean(&value)?,
            _ => chart.fixed_range = boolean(&value)?,
        }
    }
    Ok(())
}

impl fmt::Display for Timechart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timechart")?;
        self.span.iter().try_for_each(|span| write!(f, " span={span}"))?;
        if self.max_bins != DEFAULT_MAX_BINS {
            write!(f, " bins={}", self.max_bins)?;
        }
        self.min_span.iter().try_for_each(|span| write!(f, " minspan={span}"))?;
        self.align.iter().try_for_each(|align| write!(f, " aligntime={align}"))?;
        write!(f, "{}", self.series)?;
        f.write_str(if self.continuous { "" } else { " cont=f" })?;
        f.write_str(if self.partial { "" } else { " partial=f" })?;
        f.write_str(if self.fixed_range { "" } else { " fixedrange=f" })?;
        self.aggregations.iter().try_for_each(|call| write!(f, " {call}"))?;
        self.by.iter().try_for_each(|field| write!(f, " BY {}", quote_name(field)))?;
        self.series.write_condition(f)
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
        self.series.add_fields_read(&mut wanted);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let align_us = self.align.as_ref().and_then(|align| align.resolve(ctx));
        let range_length = self.fixed_range.then(|| Some(ctx.range.latest? - ctx.range.earliest?)).flatten();
        let fixed_span = self.span.or_else(|| Some(TimeSpan::automatic(range_length?, self.max_bins, self.min_span)));
        let span = fixed_span.unwrap_or_else(|| TimeSpan::automatic(0, self.max_bins, self.min_span));
        Box::new(TimechartOperator {
            ctx: Arc::clone(ctx),
            chart: self.clone(),
            bins: Bins { span, zone: ctx.zone, align_us },
            is_span_fixed: fixed_span.is_some(),
            times: None,
            pivot: Pivot::new(ctx, "timechart", &self.series, self.by.is_some(), &self.aggregations),
        })
    }

    fn counts_rows_only(&self) -> bool {
        self.aggregations.iter().all(Aggregation::counts_rows) && self.series.counts_rows_only()
    }
}

#[derive(Clone)]
struct TimechartOperator {
    ctx: Arc<Context>,
    chart: Timechart,
    bins: Bins,
    /// Otherwise the span grows with the range of the rows.
    is_span_fixed: bool,
    /// First and last time of the rows.
    times: Option<(i64, i64)>,
    /// Lines are the starts of bins.
    pivot: Pivot,
}

impl TimechartOperator {
    fn take(&mut self, batch: &Batch, counts: Option<&[u64]>) -> Result<()> {
        let Some(times) = batch.column("_time") else { return Ok(()) };
        let split = self.chart.by.as_ref().and_then(|field| batch.column(field));
        let mut bin = 0..0;
        self.pivot.take(batch, split, counts, |row, add| {
            let Some(time_us) = times[row].as_number().and_then(from_seconds) else { return };
            let (first, last) = self.times.unwrap_or((time_us, time_us));
            self.times = Some((first.min(time_us), last.max(time_us)));
            // Rows that follow one another mostly share their bin.
            if !bin.contains(&time_us) {
                let start = self.bins.start_of(time_us);
                bin = start..self.bins.next(start);
            }
            add(bin.start);
        })?;
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
        let bins = self.bins;
        self.pivot.rename_lines(|bin_us| bins.start_of(bin_us));
    }

    /// The bins that get a line, in order.
    fn lines(&self) -> Result<Vec<i64>> {
        let mut lines: BTreeSet<i64> = self.pivot.lines().collect();
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
        let other: Self = same_operator(other);
        self.times = match (self.times, other.times) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (times, None) | (None, times) => times,
        };
        self.coarsen(Some(other.bins.span));
        let bins = self.bins;
        self.pivot.merge(other.pivot, |bin_us| bins.start_of(bin_us))
    }

    fn snapshot(&self) -> Option<Box<dyn Operator>> {
        Some(Box::new(self.clone()))
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let lines = self.lines()?;
        let bins = self.bins;
        let seconds = |bin_us: i64| (bins.next(bin_us) - bin_us) as f64 / SECOND_US as f64;
        let columns = self.pivot.finish(&lines, seconds)?;
        let times = lines.iter().map(|bin_us| to_value(*bin_us)).collect();
        out(Batch::from_columns(lines.len(), std::iter::once(("_time".to_owned(), times)).chain(columns)));
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
    use crate::value::Value;
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
            ("timechart count BY host limit=top20 span=1h", "timechart span=1h limit=20 count BY host"),
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
            ("timechart span=1d aligntime=@d+3h count", "timechart span=1d aligntime=@d+3h count"),
            ("timechart count by a where count in top5", "timechart count BY a WHERE count in top5"),
            ("timechart avg(x) by a limit=3 WHERE AVG>=10.5", "timechart limit=3 avg(x) BY a WHERE avg >= 10.5"),
            ("timechart count by a where p95(x) notin bottom2", "timechart count BY a WHERE p95(x) notin bottom2"),
            ("timechart agg=max(y) sep=- count max(y) by a", "timechart agg=max(y) sep=\"-\" count max(y) BY a"),
            ("timechart per_second(x) per_day(x)", "timechart per_second(x) per_day(x)"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("timechart", "", "expected a statistical function, found the end");
        check_refused("timechart span=5x count", "5x", "`5x` is not a span of time");
        check_refused("timechart limit=many count", "many", "`many` is not a number, topN or bottomN");
        check_refused("timechart sapn=1h count", "sapn", "`timechart` has no option `sapn`");
        check_refused("timechart count BY a b", "b", "expected the end of the command, found `b`");
        check_refused("timechart count BY a WHERE", "", "expected a statistical function, found the end");
        check_refused("timechart count BY a WHERE count", "", "expected `in`, `notin` or a comparison, found the end");
        check_refused("timechart count BY a WHERE count in best5", "best5", "`best5` is not a number, topN or bottomN");
        check_refused("timechart count BY a WHERE avg > x", "x", "`x` is not a number");
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
    fn conditions_choose_series() {
        let input = "_time=1 h=a x=10\n_time=1 h=b x=2\n_time=2 h=b x=4\n_time=70 h=c x=30\n_time=3 x=1";
        check_rows(
            input,
            "timechart span=1m cont=f count BY h WHERE count in top1",
            "_time=0 b=2 OTHER=1 NULL=1\n_time=60 b=0 OTHER=1 NULL=0",
        );
        check_rows(
            input,
            "timechart span=1m useother=f usenull=f sum(x) BY h WHERE max>9",
            "_time=0 a=10\n_time=60 c=30",
        );
        check_rows(input, "timechart span=1m useother=f usenull=f max(x) BY h WHERE avg(x)<5", "_time=0 b=4\n_time=60");
        check_rows(
            input,
            "timechart span=1m useother=f usenull=f count BY h WHERE sum(x) notin top2",
            "_time=0 b=2\n_time=60 b=0",
        );
        check_rows(
            input,
            "timechart span=1m useother=f usenull=f count BY h limit=1 agg=max(x)",
            "_time=0 c=0\n_time=60 c=1",
        );
        let many: String = (0..12).map(|h| format!("_time=1 h={h:02}\n")).collect();
        check_rows(&many, "timechart span=1m count BY h WHERE count>0 | untable _time h n | stats count", "count=12")
    }

    #[test]
    fn columns_of_several_results_have_names() {
        let input = "_time=1 h=a x=10";
        check_columns(input, "timechart span=1m sep=/ count max(x) BY h", "_time count/a max(x)/a");
        check_columns(input, "timechart span=1m format=\"$VAL$ $AGG$\" count max(x) BY h", "_time a count a max(x)");
    }

    #[test]
    fn sums_per_unit_of_time() {
        check_rows(
            "_time=1 x=30\n_time=2 x=30\n_time=61 x=up",
            "timechart span=1m per_second(x) per_minute(x) per_hour(x) per_day(x)",
            "_time=0 per_second(x)=1 per_minute(x)=60 per_hour(x)=3600 per_day(x)=86400\n_time=60",
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
        check_fields_read("timechart count BY host WHERE max(y) > 1", &["*"], "_time host y");
    }
}
