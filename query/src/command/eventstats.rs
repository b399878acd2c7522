//! Adds statistics over all rows, or over each group of them, to every row.
//!
//! **Syntax**
//!
//! `eventstats [allnum=f] [delim=text] <function> [AS name] … [BY fields]`
//!
//! **Arguments**
//!
//! As in `stats`.
//!
//! **Semantics**
//!
//! The results are computed as `stats` would, and written to every row of the group; the rows stay as they are, in their
//! order. A field that is called like a result is overwritten. A row in which a BY field is null stays without results; one
//! with several values in a BY field has the results of all its groups.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all rows, which go to disk beyond `max_memory_bytes`, and a state for each group and call, which do not.
//!
//! **Examples**
//!
//! ```example
//! host=a ms=10
//! host=b ms=40
//! host=a ms=20
//! ms=1
//! > eventstats avg(ms) AS usual BY host
//! host=a ms=10 usual=15
//! host=b ms=40 usual=40
//! host=a ms=20 usual=15
//! ms=1
//! ```
//!
//! ```example
//! ms=10
//! ms=30
//! > eventstats max(ms) AS slowest | where ms=slowest
//! ms=30 slowest=30
//! ```

use super::grouping::{GroupedAggregates, Grouping};
use super::rows::{RowStream, SortedRows, Ties};
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Eventstats(pub Grouping);

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    Ok(Box::new(Eventstats(Grouping::parse(args)?)))
}

impl fmt::Display for Eventstats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eventstats{}", self.0)
    }
}

impl Command for Eventstats {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        // A row that belongs to no group keeps what it had under the name of a result, so nothing is taken out.
        let mut wanted = downstream.clone();
        self.0.add_fields_read(&mut wanted);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(EventstatsOperator {
            rows: Some(SortedRows::new(ctx, "eventstats", Arc::default(), Ties::InOrder, None).spilling()),
            aggregates: self.0.start(ctx, "eventstats"),
            rest: RowStream::End,
        })
    }
}

struct EventstatsOperator {
    /// Taken by `finish`.
    rows: Option<SortedRows>,
    aggregates: GroupedAggregates,
    rest: RowStream,
}

impl Operator for EventstatsOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.aggregates.take(&batch, None)?;
        if let Some(rows) = &mut self.rows {
            rows.push(batch)?;
        }
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        self.aggregates.merge(other.aggregates)?;
        match (&mut self.rows, other.rows) {
            (Some(rows), Some(other)) => rows.merge(other),
            _ => Ok(()),
        }
    }

    fn drain(&mut self, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if let Some(rows) = self.rows.take() {
            self.rest = rows.into_stream()?;
        }
        let Some(mut batch) = self.rest.next()? else { return Ok(Flow::Done) };
        self.aggregates.add_results(&mut batch);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        check_columns, check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, print,
        rows,
    };
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("eventstats count", "eventstats count"),
            ("EVENTSTATS allnum=t avg(x) as a, max(y) by h s", "eventstats allnum=t avg(x) AS a max(y) BY h, s"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("eventstats", "", "expected a statistical function, found the end");
        check_refused("eventstats count AS h BY h", "count AS h", "two columns are called `h`");
        check_refused("eventstats window=5 count", "window", "`eventstats` has no option `window`");
    }

    #[test]
    fn rows_stay_in_their_order() {
        check_rows(
            "x=3\nx=1\nx=2",
            "eventstats sum(x) AS s count",
            "x=3 s=6 count=3\nx=1 s=6 count=3\nx=2 s=6 count=3",
        );
        check_rows(
            "g=a x=3\ng=b x=1\ng=a x=2",
            "eventstats first(x) AS f list(x) AS l BY g",
            "g=a x=3 f=3 l=[3,2]\ng=b x=1 f=1 l=1\ng=a x=2 f=3 l=[3,2]",
        );
        check_rows("", "eventstats count", "");
        check_columns("x=1", "eventstats sum(y) AS s", "x s");
        check_rows("a_ms=1\nb_ms=3", "eventstats sum(*_ms) AS *", "a_ms=1 a=1 b=3\nb_ms=3 a=1 b=3");
    }

    #[test]
    fn existing_columns_are_overwritten() {
        check_rows("x=3 y=1\nx=1", "eventstats max(x) AS y", "x=3 y=3\nx=1 y=3");
        check_rows("x=3 y=1 g=a\nx=1 y=7", "eventstats max(x) AS y BY g", "x=3 y=3 g=a\nx=1 y=7");
    }

    /// spl.md §13.7.
    #[test]
    fn trap_7_rows_without_the_by_field_stay() {
        check_rows("h=a\nx=1\nh=a", "eventstats count BY h", "h=a count=2\nx=1\nh=a count=2");
    }

    /// spl.md §13.15.
    #[test]
    fn trap_15_several_values_belong_to_several_groups() {
        check_rows("t=[a,b] x=1\nt=b x=2", "eventstats sum(x) AS s BY t", "t=[a,b] x=1 s=[1,3]\nt=b x=2 s=3");
    }

    #[test]
    fn memory_is_bounded() {
        // Rows go to disk, groups do not.
        let mut ctx = context();
        ctx.limits.max_memory_bytes = 100;
        let result = execute(&Arc::new(ctx), &commands("eventstats count"), &rows("x=1\nx=2\nx=3\nx=4"), 1, 1);
        assert_eq!(print(&result.unwrap()), "x=1 count=4\nx=2 count=4\nx=3 count=4\nx=4 count=4");
        let mut ctx = context();
        ctx.limits.max_memory_bytes = 100;
        let result = execute(&Arc::new(ctx), &commands("eventstats count BY x"), &rows("x=1\nx=2\nx=3\nx=4"), 1, 1);
        assert_eq!(result.unwrap_err().to_string(), "`eventstats` exceeds the limit max_memory_bytes = 100");
    }

    #[test]
    fn fields_read() {
        check_fields_read("eventstats avg(x) AS a BY h", &["z"], "h x z");
        check_fields_read("eventstats count", &["*"], "*");
    }
}
