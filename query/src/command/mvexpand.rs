//! Makes a row of each value of a field.
//!
//! **Syntax**
//!
//! `mvexpand <field> [limit=<n>]`
//!
//! **Arguments**
//!
//! - `limit`: how many values of a row to take, 0 (the default) for all.
//!
//! **Semantics**
//!
//! The other fields are copied. The rows made of one row stand in the order of the values, in its place. A row with one value
//! or without the field stays as it is.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! user=[a,b] host=x
//! host=y
//! > mvexpand user
//! user=a host=x
//! user=b host=x
//! host=y
//! ```

use super::args::count;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Mvexpand {
    /// The field.
    pub field: String,
    /// Most values taken of a row; `None` for all.
    pub limit: Option<usize>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut limit = 0;
    let mut field = None;
    while !args.cursor.at_end() {
        if let Some((_, value)) = args.option(&["limit"])? {
            limit = count(&value)?;
        } else if field.is_none() {
            field = Some(args.expect_plain_name()?.value);
        } else {
            args.finish()?;
        }
    }
    let Some(field) = field else { return Err(args.cursor.expected("the name of a field")) };
    Ok(Box::new(Mvexpand { field, limit: Some(limit).filter(|limit| *limit > 0) }))
}

impl fmt::Display for Mvexpand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mvexpand {}", quote_name(&self.field))?;
        self.limit.map_or(Ok(()), |limit| write!(f, " limit={limit}"))
    }
}

impl Command for Mvexpand {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        // How many rows there are depends on it, whoever reads it.
        wanted.add(&self.field);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(MvexpandOperator { ctx: Arc::clone(ctx), mvexpand: self.clone() })
    }
}

struct MvexpandOperator {
    ctx: Arc<Context>,
    mvexpand: Mvexpand,
}

/// Rows passed on at once, so that a row with very many values does not hold up the commands behind.
const BATCH_ROWS: usize = 8192;

impl Operator for MvexpandOperator {
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let Mvexpand { field, limit } = &self.mvexpand;
        let cells = batch.column(field).unwrap_or_default();
        if !cells.iter().any(|cell| matches!(cell, Value::Multi(_))) {
            out(batch);
            return Ok(Flow::More);
        }
        let mut sources: Vec<u32> = Vec::with_capacity(BATCH_ROWS);
        let mut values: Vec<Value> = Vec::with_capacity(BATCH_ROWS);
        let mut send = |sources: &mut Vec<u32>, values: &mut Vec<Value>| {
            let mut expanded = batch.copy_rows(sources);
            expanded.set_column(field, std::mem::take(values));
            sources.clear();
            out(expanded);
        };
        for (row, cell) in cells.iter().enumerate() {
            let taken = match cell {
                Value::Null => std::slice::from_ref(cell),
                cell => cell.each(),
            };
            for value in &taken[..limit.unwrap_or(usize::MAX).min(taken.len())] {
                sources.push(row as u32);
                values.push(value.clone());
                if values.len() == BATCH_ROWS {
                    self.ctx.cancel.check()?;
                    send(&mut sources, &mut values);
                }
            }
        }
        send(&mut sources, &mut values);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("mvexpand x", "mvexpand x"),
            ("MVEXPAND limit=3 x", "mvexpand x limit=3"),
            ("mvexpand \"a b\" limit=0", "mvexpand \"a b\""),
            ("mvexpand a{}.b", "mvexpand a{}.b"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("mvexpand", "", "expected the name of a field, found the end");
        check_refused("mvexpand x y", "y", "expected the end of the command, found `y`");
        check_refused("mvexpand x limit=a", "a", "`a` is not a whole number");
        check_refused("mvexpand x max=1", "max", "`mvexpand` has no option `max`");
    }

    #[test]
    fn rows() {
        let input = "x=[a,b,c] y=[1,2]\nx=d\ny=3";
        check_rows(input, "mvexpand x", "x=a y=[1,2]\nx=b y=[1,2]\nx=c y=[1,2]\nx=d\ny=3");
        check_rows(input, "mvexpand x limit=2", "x=a y=[1,2]\nx=b y=[1,2]\nx=d\ny=3");
        check_rows(input, "mvexpand missing", input);
        check_rows("x=[a,b] y=[1,2]", "mvexpand x | mvexpand y", "x=a y=1\nx=a y=2\nx=b y=1\nx=b y=2");
    }

    #[test]
    fn rows_made_of_one_row_keep_their_order() {
        let input = "x=[a,b,c] k=1\nx=[d,e] k=1";
        check_rows(input, "mvexpand x | stats first(x) last(x) list(x)", "first(x)=a last(x)=e list(x)=[a,b,c,d,e]");
        check_rows(input, "mvexpand x | tail 3", "x=e k=1\nx=d k=1\nx=c k=1");
        check_rows(input, "mvexpand x | sort 4 k", "x=a k=1\nx=b k=1\nx=c k=1\nx=d k=1");
        check_rows(input, "mvexpand x | dedup k sortby x", "x=a k=1");
    }

    #[test]
    fn many_values_come_in_several_batches() {
        let values: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        check_rows(&format!("x=[{}]", values.join(",")), "mvexpand x | stats count max(x)", "count=10000 max(x)=9999");
    }

    #[test]
    fn fields_read() {
        check_fields_read("mvexpand x", &["y"], "x y");
    }
}
