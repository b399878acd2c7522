//! Computes statistics over all rows, or over each group of them.
//!
//! **Syntax**
//!
//! `stats [allnum=f] [delim=text] <function> [AS name] … [BY fields]`
//!
//! **Arguments**
//!
//! - functions: `count`, `count(x)`, `dc`, `sum`, `avg`, `min`, `max`, `range`, `median`, `perc<n>`, `mode`, `stdev`,
//!   `stdevp`, `var`, `varp`, `sumsq`, `values`, `list`, `first`, `last`, `earliest`, `latest`, `earliest_time`,
//!   `latest_time`, `rate`, `exactperc<n>`, `upperperc<n>`, `estdc`, `estdc_error`, `sparkline(function[, span])`. The argument is a field, a field with wildcards (`avg(*_ms)`: a column for each match, in the
//!   order of their names) or `eval(expression)`; a condition counts where it is true.
//! - `eval(expression) AS name` in place of a function: an expression over results, as in `eval(sum(a)/sum(b))`.
//! - `delim=`: joins the results of `values` and `list` to one text; without it they are several values.
//! - `allnum=t`: functions of numbers give null if some value of the group is not numeric.
//! - `BY`: fields without wildcards.
//!
//! **Semantics**
//!
//! One row for each combination of values of the BY fields, sorted by them: numbers by size, then text. The BY fields come
//! first, then the results as written; all other fields are gone, `_time` too. A result is called as its call was
//! written (`avg(x)`), or as `AS` says.
//!
//! A row in which a BY field is null is left out. A multivalue BY field counts the row once for each value. Values are
//! grouped by their text.
//!
//! Without `BY` there is always one row, also over no rows: `count` is 0 then, the rest is empty. With `BY` and no rows
//! there is none.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** one state for each group and call; `values`, `dc`, `mode` grow with distinct values, `median` and `perc`
//! with values. Bounded by `max_groups`. Beyond `max_memory_bytes` states go to disk, as long as those of one group fit.
//!
//! **Examples**
//!
//! ```example
//! host=b status=200
//! host=a status=404
//! host=b status=500
//! > stats count max(status) AS worst BY host
//! host=a count=1 worst=404
//! host=b count=2 worst=500
//! ```
//!
//! ```example
//! status=200
//! status=404
//! > stats count(eval(status>399)) AS errors, count
//! errors=1 count=2
//! ```
//!
//! **Differences** distinct counts and percentiles are exact up to a million values of a group, then estimated, which a
//! warning says; there is no limit on `values`. With `delim` the results of `values` and `list` are joined at once, not only
//! when `nomv` makes one value of them.

use super::aggregate::{self, Aggregation};
use super::grouping::{GroupedAggregates, Grouping};
use super::rows::RowStream;
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Stats(pub Grouping);

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    Ok(Box::new(Stats(Grouping::parse(args)?)))
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stats{}", self.0)
    }
}

impl Command for Stats {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: aggregate::order_matters(&self.0.aggregations) }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        let mut wanted = Wanted::none();
        self.0.add_fields_read(&mut wanted);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let aggregates = Some(self.0.start(ctx, "stats").spilling());
        Box::new(StatsOperator { aggregates, rest: RowStream::End })
    }

    fn counts_rows_only(&self) -> bool {
        self.0.aggregations.iter().all(Aggregation::counts_rows)
    }
}

struct StatsOperator {
    /// Taken when the rest is asked for.
    aggregates: Option<GroupedAggregates>,
    rest: RowStream,
}

impl StatsOperator {
    fn take(&mut self, batch: &Batch, counts: Option<&[u64]>) -> Result<()> {
        self.aggregates.as_mut().map_or(Ok(()), |aggregates| aggregates.take(batch, counts))
    }
}

impl Operator for StatsOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.take(&batch, None)?;
        Ok(Flow::More)
    }

    fn push_counted(&mut self, batch: Batch, counts: &[u64]) -> Result<()> {
        self.take(&batch, Some(counts))
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        match (&mut self.aggregates, other.aggregates) {
            (Some(aggregates), Some(other)) => aggregates.merge(other),
            _ => Ok(()),
        }
    }

    fn snapshot(&self) -> Option<Box<dyn Operator>> {
        let aggregates = self.aggregates.as_ref()?.snapshot()?;
        Some(Box::new(Self { aggregates: Some(aggregates), rest: RowStream::End }))
    }

    fn drain(&mut self, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if let Some(aggregates) = self.aggregates.take() {
            self.rest = aggregates.into_stream()?;
        }
        self.rest.pass_on(out)
    }
}

#[cfg(test)]
mod tests {
    use crate::batch::Batch;
    use crate::command::Flow;
    use crate::context::Warning;
    use crate::testing::{
        check_columns, check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, print,
        rows,
    };
    use crate::value::Value;
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("stats sparkline BY host", "stats sparkline(count) AS sparkline BY host"),
            ("stats count", "stats count"),
            ("STATS Count by host", "stats count BY host"),
            ("stats count, dc( user ) as users by host source", "stats count dc(user) AS users BY host, source"),
            ("stats allnum=true avg(x)", "stats allnum=t avg(x)"),
            ("stats delim=\", \" values(x)", "stats delim=\", \" values(x)"),
            ("stats p95(x) perc99.9(x) mean(x)", "stats p95(x) perc99.9(x) mean(x)"),
            ("stats count(eval(a=1 AND b=2)) as \"two words\"", "stats count(eval(a=1 AND b=2)) AS \"two words\""),
            ("stats avg(*_ms) AS avg_*", "stats avg(*_ms) AS avg_*"),
            ("stats sum(\"a b\") sum('c d')", "stats sum(\"a b\") sum(\"c d\")"),
            ("stats c BY a.b{}", "stats c BY a.b{}"),
            ("stats eval(sum(a)/sum(\"b c\")) as r", "stats eval(sum(a) / sum(\"b c\")) AS r"),
            ("stats eval(if(count>1, max(x), p95(y)))", "stats eval(if(count>1, max(x), p95(y)))"),
            (
                "stats sparkline(avg(x), 5min) AS s sparkline(count)",
                "stats sparkline(avg(x), 5m) AS s sparkline(count)",
            ),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("stats", "", "expected a statistical function, found the end");
        check_refused("stats BY host", "BY", "unknown function `by`");
        check_refused("stats cuont", "cuont", "unknown function `cuont`");
        check_refused("stats sum", "sum", "`sum` needs a field");
        check_refused("stats eval(a/sum(b)) AS r", "eval(a/sum(b))", "`a` is not a statistical function");
        check_refused("stats eval(1+1) AS r", "eval(1+1)", "there is no statistical function in it");
        check_refused("stats eval(sum(b)+) AS r", "eval(sum(b)+)", "expected an expression, found the end");
        check_refused(
            "stats sparkline(sparkline(count))",
            "sparkline(count)",
            "a sparkline shows a function such as count or avg(x)",
        );
        check_refused("stats per_second(x)", "per_second", "`per_second` is for timechart alone");
        check_refused("stats perc(x)", "perc", "`perc` needs a percentile from 0 to 100");
        check_refused("stats p101(x)", "p101", "`p101` needs a percentile from 0 to 100");
        check_refused("stats alnum=t count", "alnum", "`stats` has no option `alnum`");
        check_refused("stats count count", "count", "two results are called `count`");
        check_refused("stats count AS host BY host", "count AS host", "two columns are called `host`");
        check_refused("stats count BY h*", "h*", "wildcards are not allowed here");
        check_refused("stats count BY", "", "expected the name of a field, found the end");
        check_refused("stats avg(*_ms) AS x", "x", "the new name needs as many wildcards as the old");
        check_refused("stats count AS n x", "x", "unknown function `x`");
    }

    #[test]
    fn groups_are_sorted_and_nulls_left_out() {
        check_rows(
            "h=b s=10\nh=a s=9\ns=1\nh=b s=9\nh=a s=x",
            "stats count BY h s",
            "h=a s=9 count=1\nh=a s=x count=1\nh=b s=9 count=1\nh=b s=10 count=1",
        );
    }

    /// spl.md §13.11: alerts depend on it.
    #[test]
    fn trap_11_no_rows() {
        check_rows("", "stats count sum(x) values(x) dc(x)", "count=0 dc(x)=0");
        check_rows("", "stats count BY host", "");
        check_columns("", "stats count sum(x) BY host", "host count sum(x)");
        check_columns("x=1", "search x=2 | stats sum(x) count", "sum(x) count");
    }

    #[test]
    fn trap_6_first_and_last_go_by_rows_earliest_and_latest_by_time() {
        check_rows(
            "_time=30 x=c\n_time=40 x=d\n_time=10 x=a\n_time=20",
            "stats first(x) last(x) earliest(x) latest(x)",
            "first(x)=c last(x)=a earliest(x)=a latest(x)=d",
        );
    }

    #[test]
    fn trap_15_multivalue_fields() {
        check_rows(
            "t=[a,b] x=1\nt=[b,b] x=2\nt=a x=[3,4]",
            "stats count sum(x) BY t",
            "t=a count=2 sum(x)=8\nt=b count=2 sum(x)=3",
        );
        check_rows(
            "a=[1,2] b=[x,y]",
            "stats count BY a b",
            "a=1 b=x count=1\na=1 b=y count=1\na=2 b=x count=1\na=2 b=y count=1",
        );
    }

    #[test]
    fn numbers_and_text() {
        check_rows("x=1\nx=up\nx=3", "stats sum(x) count(x) max(x)", "sum(x)=4 count(x)=3 max(x)=up");
        check_rows("x=1\nx=up\nx=3", "stats allnum=t sum(x) count(x)", "count(x)=3");
        check_rows("x=up", "stats sum(x) avg(x)", "-");
        check_rows("x=0.1\nx=0.2\nx=0.3\nx=1e16\nx=-1e16", "stats sum(x)", "sum(x)=0.6");
        check_rows("x=5\nx=5.0", "stats count BY x", "x=5 count=1\nx=5.0 count=1");
    }

    #[test]
    fn expressions_over_results() {
        check_rows(
            "g=a x=1 y=2\ng=a x=2 y=4\ng=b x=5",
            "stats eval(sum(x)/sum(y)) AS r eval(round(avg(x), 1).\"/\".count) BY g",
            "g=a r=0.5 eval(round(avg(x), 1) . \"/\" . count)=1.5/2\ng=b eval(round(avg(x), 1) . \"/\" . count)=5/1",
        );
        check_rows(
            "g=a x=1 y=2\ng=b x=9 y=3",
            "chart limit=1 eval(sum(x)/sum(y)) AS r BY y g",
            "y=2 OTHER=0.5\ny=3 b=3",
        );
    }

    #[test]
    fn a_delimiter_joins() {
        check_rows(
            "x=b y=1\nx=a y=2",
            "stats delim=\"; \" values(x) list(y) max(x)",
            "values(x)=\"a; b\" list(y)=\"1; 2\" max(x)=b",
        );
    }

    #[test]
    fn wildcards_make_columns() {
        check_rows("b_ms=1 a_ms=3 c=9\nb_ms=2", "stats avg(*_ms)", "avg(a_ms)=3 avg(b_ms)=1.5");
        check_rows("b_ms=1 a_ms=3", "stats max(*_ms) AS max_* count", "max_a=3 max_b=1 count=1");
    }

    #[test]
    fn eval_arguments() {
        check_rows(
            "s=200\ns=404\ns=500\nx=1",
            "stats count(eval(s>=400)) AS bad sum(eval(s/100)) AS n",
            "bad=2 n=11.04",
        );
    }

    #[test]
    fn list_keeps_a_hundred_in_order() {
        let input: String = (0..150).map(|x| format!("x={x}\n")).collect();
        let list: Vec<String> = (0..100).map(|x| x.to_string()).collect();
        for n_workers in [1, 2] {
            let ctx = Arc::new(context());
            let result = execute(&ctx, &commands("stats list(x) AS l"), &rows(&input), 7, n_workers).unwrap();
            assert_eq!(print(&result), format!("l=[{}]", list.join(",")));
            assert_eq!(ctx.warnings(), [Warning::ListCut { kept: 100 }]);
        }
    }

    #[test]
    fn limits_are_errors() {
        let mut ctx = context();
        ctx.limits.max_groups = 2;
        let result = execute(&Arc::new(ctx), &commands("stats count BY x"), &rows("x=1\nx=2\nx=3"), 1, 1);
        assert_eq!(result.unwrap_err().to_string(), "`stats` exceeds the limit max_groups = 2");
        let input: String = (0..8_000).map(|x| format!("x={x} g={}\n", x % 2)).collect();
        for query in ["stats values(x)", "stats values(x) BY g"] {
            let mut ctx = context();
            ctx.limits.max_memory_bytes = 20_000;
            let result = execute(&Arc::new(ctx), &commands(query), &rows(&input), 100, 2);
            // One group has more values than fit; of two groups each has.
            assert_eq!(
                result.unwrap_err().to_string(),
                "`stats` exceeds the limit max_memory_bytes = 20000",
                "{query}"
            );
        }
    }

    #[test]
    fn counted_memory_stays_near_its_limit() {
        let mut ctx = context();
        ctx.limits.max_memory_bytes = 1 << 20;
        let ctx = Arc::new(ctx);
        let mut operator = commands("stats count dc(n) BY k")[0].start(&ctx);
        let mut most = 0;
        for first in (0..60_000).step_by(100) {
            let cells = |of: fn(u32) -> u32| (first..first + 100).map(|n| Value::from(f64::from(of(n)))).collect();
            let batch = Batch::from_columns(100, [("k", cells(|n| n % 20_011)), ("n", cells(|n| n))]);
            operator.push(batch, &mut |_| {}).unwrap();
            most = most.max(ctx.memory_bytes());
        }
        let mut n_rows = 0;
        while operator.drain(&mut |batch| n_rows += batch.len()).unwrap() == Flow::More {
            most = most.max(ctx.memory_bytes());
        }
        assert_eq!(n_rows, 20_011);
        assert!(most > 900 << 10 && most < (1 << 20) * 11 / 10, "{most}");
    }

    #[test]
    fn groups_that_do_not_fit_in_memory_are_finished_partition_by_partition() {
        let row = |n: u64| format!("k={} h={} v_{}={} _time={}\n", n * 7919 % 701, n % 3, n % 2, n % 11, n * 100);
        let input: String = (0..4_000).map(row).collect();
        let input = rows(&input);
        for query in [
            "stats count BY k",
            "stats count sum(v_1) dc(v_0) values(v_1) list(v_0) BY k, h",
            "stats avg(v_*) first(v_0) latest(v_1) p90(v_1) sparkline(count) AS s BY k",
            "stats eval(sum(v_0)/count) AS r BY h, k",
            "stats delim=\",\" values(k) BY h",
            "stats count BY k | head 3",
        ] {
            let expected = execute(&Arc::new(context()), &commands(query), &input, 50, 2).unwrap();
            for limit in [0, 10_000] {
                let mut ctx = context();
                ctx.limits.max_memory_bytes = limit;
                let ctx = Arc::new(ctx);
                let result = execute(&ctx, &commands(query), &input, 50, 2).unwrap();
                assert_eq!(print(&result), print(&expected), "{query} in {limit} bytes");
                assert_eq!(result.fields(), expected.fields(), "{query}");
                assert!(!ctx.spilled().is_empty(), "{query}");
                assert_eq!((ctx.memory_bytes(), ctx.disk_bytes()), (0, 0), "{query}");
            }
        }
    }

    #[test]
    fn rows_that_stand_for_many() {
        let ctx = Arc::new(context());
        let command = &commands("stats count BY x")[0];
        assert!(command.counts_rows_only());
        let mut operator = command.start(&ctx);
        for (row, n) in [("x=a", 5), ("x=b", 2), ("x=a", 7)] {
            operator.push_counted(crate::testing::row(row), &[n]).unwrap();
        }
        let mut result = Vec::new();
        operator.drain(&mut |batch| result.push(batch)).unwrap();
        assert_eq!(print(&result[0]), "x=a count=12\nx=b count=2");
        assert!(!commands("stats count(x)")[0].counts_rows_only());
    }

    #[test]
    fn fields_read() {
        check_fields_read("stats count BY level", &["*"], "level");
        check_fields_read("stats count", &["*"], "");
        check_fields_read("stats latest(x) sum(eval(a+b)) BY h", &["*"], "_time a b h x");
        check_fields_read("stats avg(*_ms)", &["*"], "*_ms");
    }
}
