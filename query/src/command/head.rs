//! Keeps the first rows.
//!
//! **Syntax**
//!
//! `head [N | limit=N] [(condition)] [keeplast=f] [null=f]`
//!
//! **Arguments**
//!
//! - `N`, `limit=N`: how many rows, 10 by default. With a condition there is no limit unless `limit=` says one.
//! - condition: an expression, as in `where`, in parentheses. Rows are kept until it is false for the first time.
//! - `keeplast=t`: keep that row too.
//! - `null=t`: an unknown condition, because a field is null, counts as true.
//!
//! **Kind** ordered; stops the search as soon as it has its rows.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! x=3
//! > head 2
//! x=1
//! x=2
//! ```
//!
//! ```example
//! x=1
//! x=2
//! x=9
//! x=1
//! > head (x<5) keeplast=t
//! x=1
//! x=2
//! x=9
//! ```

use super::args::{boolean, count};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::expr::Expression;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Head {
    /// Most rows that are kept; `None` if only the condition decides.
    pub limit: Option<usize>,
    /// Rows are kept until this is false.
    pub condition: Option<Expression>,
    /// Whether the row that ends it is kept.
    pub keep_last: bool,
    /// Whether an unknown condition counts as true.
    pub null_is_true: bool,
}

const DEFAULT_LIMIT: usize = 10;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut head = Head { limit: None, condition: None, keep_last: false, null_is_true: false };
    let mut bare_number = None;
    loop {
        if let Some((option, value)) = args.option(&["limit", "keeplast", "null"])? {
            match option {
                "limit" => head.limit = Some(count(&value)?),
                "keeplast" => head.keep_last = boolean(&value)?,
                _ => head.null_is_true = boolean(&value)?,
            }
            continue;
        }
        let start = args.cursor.pos();
        if let Some(number) = args.number()? {
            if bare_number.is_some() {
                return Err(QueryError::rule("head takes one number", args.cursor.span_from(start)));
            }
            bare_number = Some((number, args.cursor.span_from(start)));
        } else if args.cursor.peek() == Some('(') && head.condition.is_none() {
            args.cursor.expect("(")?;
            head.condition = Some(Expression::parse_plain_condition(&mut args.cursor)?);
            args.cursor.expect(")")?;
        } else {
            args.finish()?;
            break;
        }
    }
    if let Some((number, span)) = bare_number {
        if head.limit.is_some() || head.condition.is_some() {
            return Err(
                QueryError::rule("a bare number stands alone in head", span).with_hint(format!("write limit={number}"))
            );
        }
        head.limit = Some(number);
    }
    if head.condition.is_none() {
        head.limit.get_or_insert(DEFAULT_LIMIT);
    }
    Ok(Box::new(head))
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("head")?;
        match (self.limit, &self.condition) {
            (Some(limit), None) => write!(f, " {limit}")?,
            (Some(limit), Some(_)) => write!(f, " limit={limit}")?,
            (None, _) => {}
        }
        if let Some(condition) = &self.condition {
            write!(f, " ({condition})")?;
        }
        f.write_str(if self.keep_last { " keeplast=t" } else { "" })?;
        f.write_str(if self.null_is_true { " null=t" } else { "" })
    }
}

impl Command for Head {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn keeps_rows(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        self.condition.iter().for_each(|condition| condition.add_fields_read(&mut wanted));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(HeadOperator { ctx: Arc::clone(ctx), head: self.clone(), n_rows: 0, is_done: false })
    }
}

struct HeadOperator {
    ctx: Arc<Context>,
    head: Head,
    n_rows: usize,
    is_done: bool,
}

impl Operator for HeadOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if self.is_done {
            return Ok(Flow::Done);
        }
        if let Some(condition) = &self.head.condition {
            let bound = condition.bind(&batch, &self.ctx);
            let ends = |row: &usize| !bound.truth(*row).unwrap_or(self.head.null_is_true);
            if let Some(row) = (0..batch.len()).find(ends) {
                self.is_done = true;
                batch.truncate(row + usize::from(self.head.keep_last));
            }
        }
        if let Some(limit) = self.head.limit {
            batch.truncate(limit - self.n_rows);
            self.n_rows += batch.len();
            self.is_done |= self.n_rows == limit;
        }
        out(batch);
        Ok(if self.is_done { Flow::Done } else { Flow::More })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("head", "head 10"),
            ("head 5", "head 5"),
            ("HEAD limit=5", "head 5"),
            ("head limit=5 (x=1) null=true", "head limit=5 (x=1) null=t"),
            ("head (x=1) keeplast=f", "head (x=1)"),
            ("head keeplast=t (x=1 OR (y=2))", "head (x=1 OR y=2) keeplast=t"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("head x", "x", "expected the end of the command, found `x`");
        check_refused("head 5 limit=3", "5", "a bare number stands alone in head");
        check_refused("head 5 (x=1)", "5", "a bare number stands alone in head");
        check_refused("head lim=3", "lim", "`head` has no option `lim`");
        check_refused("head limit=x", "x", "`x` is not a whole number");
        check_refused("head (x)", "x", "expected a condition, found a value");
    }

    #[test]
    fn rows() {
        check_rows("x=1\nx=2\nx=3", "head 0", "");
        check_rows("x=1\nx=2\nx=3", "head 9", "x=1\nx=2\nx=3");
        check_rows("x=1\nx=2\nx=3\nx=1", "head limit=1 (x<3)", "x=1");
        check_rows("x=1\ny=2\nx=3", "head (x>0)", "x=1");
        check_rows("x=1\ny=2\nx=3", "head (x>0) null=t", "x=1\ny=2\nx=3");
    }

    #[test]
    fn head_of_head_is_the_shorter() {
        for (a, b) in [(2, 3), (3, 2), (0, 1)] {
            let shorter = format!("head {}", a.min(b));
            let expected: String = (0..a.min(b)).map(|x| format!("x={x}\n")).collect();
            let input = "x=0\nx=1\nx=2\nx=3";
            check_rows(input, &format!("head {a} | head {b}"), &expected);
            check_rows(input, &shorter, &expected);
        }
    }

    #[test]
    fn fields_read() {
        check_fields_read("head 5", &["a"], "a");
        check_fields_read("head (x=1)", &["a"], "a x");
    }
}
