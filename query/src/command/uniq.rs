//! Removes rows that equal the row before them.
//!
//! **Syntax**
//!
//! `uniq`
//!
//! **Semantics**
//!
//! Rows are equal if they have the same fields with the same texts, internal fields such as `_raw` too. Only neighbours are
//! compared: see `dedup` and `stats` for duplicates anywhere.
//!
//! **Kind** ordered.
//!
//! **Memory** one row.
//!
//! **Examples**
//!
//! ```example
//! host=a
//! host=a
//! host=b
//! host=a
//! > uniq
//! host=a
//! host=b
//! host=a
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Uniq;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    args.finish()?;
    Ok(Box::new(Uniq))
}

impl fmt::Display for Uniq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("uniq")
    }
}

impl Command for Uniq {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn keeps_rows(&self) -> bool {
        true
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(UniqOperator { ctx: Arc::clone(ctx), last: None })
    }
}

struct UniqOperator {
    ctx: Arc<Context>,
    /// The last row, as a batch of one.
    last: Option<Batch>,
}

/// Whether two rows have the same fields with the same texts.
fn same_row(a: &Batch, a_row: usize, b: &Batch, b_row: usize) -> bool {
    let n_values = |batch: &Batch, row: usize| batch.iter().filter(|(_, cells)| !cells[row].is_null()).count();
    let has_value =
        |(name, cells): (&str, &[Value])| cells[a_row].is_null() || b.value(b_row, name).same_text(&cells[a_row]);
    n_values(a, a_row) == n_values(b, b_row) && a.iter().all(has_value)
}

impl Operator for UniqOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        if batch.is_empty() {
            return Ok(Flow::More);
        }
        let columns: Vec<&[Value]> = batch.iter().map(|(_, cells)| cells).collect();
        let mut kept = vec![self.last.as_ref().is_none_or(|last| !same_row(last, 0, &batch, 0))];
        kept.extend((1..batch.len()).map(|row| columns.iter().any(|cells| !cells[row].same_text(&cells[row - 1]))));
        self.last = Some(batch.copy_rows(&[batch.len() as u32 - 1]));
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
        check_prints(&[("UNIQ", "uniq")]);
    }

    #[test]
    fn refused() {
        check_refused("uniq a", "a", "expected the end of the command, found `a`");
    }

    #[test]
    fn rows() {
        check_rows("a=1\na=1\na=1\na=2", "uniq", "a=1\na=2");
        check_rows("a=1\na=1 b=\"\"\na=1\nb=1\na=1", "uniq", "a=1\na=1 b=\"\"\na=1\nb=1\na=1");
        check_rows("a=1 _raw=x\na=1 _raw=y", "uniq", "a=1 _raw=x\na=1 _raw=y");
        check_rows("a=[1,2]\na=[1,2]\n-\n-", "uniq", "a=[1,2]\n-");
        check_rows("", "uniq", "");
    }

    #[test]
    fn fields_read() {
        check_fields_read("uniq", &["a"], "*");
    }
}
