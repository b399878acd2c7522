//! Keeps the rows for which a condition is true.
//!
//! **Syntax**
//!
//! `where <condition>`
//!
//! **Semantics**
//!
//! The condition is an expression, as in `eval`: bare names are fields on both sides, text is in double quotes. `=`
//! compares numbers if both sides are numeric and else text, with case and without wildcards; for those see `like` and
//! `match`. `AND` binds more tightly than `OR`.
//!
//! A comparison with null is neither true nor false, and the row goes; also with `NOT` before it. Ask with `isnull`.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! status=404 host=a
//! status=200 host=b
//! host=c
//! > where status>=400 OR isnull(status)
//! status=404 host=a
//! host=c
//! ```
//!
//! ```example
//! user=alice owner=alice
//! user=bob owner=alice
//! > where user=owner
//! user=alice owner=alice
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::expr::Expression;
use crate::subsearch::{Place, Subsearch};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Where {
    /// The condition.
    pub condition: Expression,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let condition = Expression::parse_condition(&mut args.cursor)?;
    if !args.cursor.at_end() {
        return Err(Expression::unexpected_after(args.cursor, "an operator or the end"));
    }
    Ok(Box::new(Where { condition }))
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "where {}", self.condition)
    }
}

impl Command for Where {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn keeps_rows(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        self.condition.add_fields_read(&mut wanted);
        wanted
    }

    fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        self.condition.subsearches().into_iter().map(|found| (found, Place::Expression)).collect()
    }

    fn prepare(&self, ctx: &Arc<Context>) -> Result<()> {
        self.condition.prepare(ctx, "where")
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(WhereOperator { ctx: Arc::clone(ctx), condition: self.condition.clone() })
    }
}

struct WhereOperator {
    ctx: Arc<Context>,
    condition: Expression,
}

impl Operator for WhereOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let bound = self.condition.bind(&batch, &self.ctx);
        let kept: Vec<bool> = (0..batch.len()).map(|row| bound.is_true(row)).collect();
        batch.retain_rows(|row| kept[row]);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("where a=1", "where a=1"), ("WHERE a==\"x\" or b in (1,2)", "where a=\"x\" OR in(b, 1, 2)")]);
    }

    #[test]
    fn refused() {
        check_refused("where", "", "expected an expression, found the end");
        check_refused("where status", "status", "expected a condition, found a value");
        check_refused("where a=1 b=2", "b=2", "expected an operator or the end, found `b=2`");
        check_refused("where a=[search x | stast]", "stast", "unknown command `stast`");
    }

    /// spl.md §13.1: where reads OR and AND the other way round than search.
    #[test]
    fn trap_1_and_binds_before_or() {
        check_rows("a=1\na=2 b=1 c=1\na=2 b=1", "where a=1 OR b=1 AND c=1", "a=1\na=2 b=1 c=1");
        check_rows("a=1\na=2 b=1 c=1\na=1 c=1", "search a=1 OR b=1 AND c=1", "a=2 b=1 c=1\na=1 c=1");
    }

    #[test]
    fn trap_2_null_is_neither() {
        check_rows("a=1\nb=2\na=3", "where a!=1", "a=3");
        check_rows("a=1\nb=2\na=3", "where NOT a=1", "a=3");
    }

    #[test]
    fn trap_3_case_numbers_and_fields() {
        check_rows("u=A x=1.0\nu=a x=2", "where u=\"a\"", "u=a x=2");
        check_rows("u=A x=1.0\nu=a x=2", "where x=1", "u=A x=1.0");
        check_rows("u=A x=1.0\nu=a x=2", "search u=a x=1", "");
        check_rows("u=admin admin=x\nu=x admin=x", "where u=admin", "u=x admin=x");
        check_rows("u=abc", "where u=\"a*\"", "");
    }

    #[test]
    fn fields_read() {
        check_fields_read("where a=1 AND isnull('b c')", &["d"], "a b c d");
        check_fields_read("where mvcount(mvmap(x, x.y))>1", &["d"], "d x y");
        check_fields_read("where searchmatch(\"a=1 OR b=2\")", &["d"], "a b d");
        check_fields_read("where searchmatch(\"word\")", &["d"], "*");
    }
}
