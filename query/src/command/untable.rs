//! Turns columns into lines: one for each cell of the table.
//!
//! **Syntax**
//!
//! `untable <x> <name> <value>`
//!
//! **Arguments**
//!
//! - x: the field that stays; it is repeated on each line.
//! - name: the new field with the names of the other columns.
//! - value: the new field with their values.
//!
//! **Semantics**
//!
//! Lines come in the order of the rows, and of the columns within a row. Null makes no line. Internal fields other than x
//! are left out.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! host=a get=1 post=2
//! host=b post=3
//! > untable host method count
//! host=a method=get count=1
//! host=a method=post count=2
//! host=b method=post count=3
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::{Batch, Fields, OrderKey};
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Untable {
    /// The field that stays.
    pub x: String,
    /// The new field with the names of columns.
    pub name: String,
    /// The new field with their values.
    pub value: String,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let [x, name, value] = super::args::three_names(&mut args)?;
    args.finish()?;
    Ok(Box::new(Untable { x, name, value }))
}

impl fmt::Display for Untable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "untable {} {} {}", quote_name(&self.x), quote_name(&self.name), quote_name(&self.value))
    }
}

impl Command for Untable {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn makes_table(&self) -> bool {
        true
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        let fields = Arc::new(Fields::new([&self.x, &self.name, &self.value].map(String::as_str)));
        Box::new(UntableOperator { x: self.x.clone(), fields })
    }
}

struct UntableOperator {
    x: String,
    fields: Arc<Fields>,
}

impl Operator for UntableOperator {
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let columns: Vec<(Value, &[Value])> = batch
            .iter()
            .filter(|(name, _)| *name != self.x && !name.starts_with('_'))
            .map(|(name, column)| (Value::from(name), column))
            .collect();
        let xs = batch.column(&self.x);
        let mut cells = [const { Vec::new() }; 3];
        let mut order: Option<Vec<OrderKey>> = batch.order().map(|_| Vec::new());
        for row in 0..batch.len() {
            for (name, column) in columns.iter().filter(|(_, column)| !column[row].is_null()) {
                cells[0].push(xs.map_or(Value::Null, |xs| xs[row].clone()));
                cells[1].push(name.clone());
                cells[2].push(column[row].clone());
                if let (Some(order), Some(keys)) = (&mut order, batch.order()) {
                    order.push(keys[row]);
                }
            }
        }
        let len = cells[1].len();
        out(Batch::new(Arc::clone(&self.fields), cells.into(), len, order));
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("UNTABLE a, b c", "untable a b c"), ("untable \"a b\" c d", "untable \"a b\" c d")]);
    }

    #[test]
    fn refused() {
        check_refused("untable a b", "", "expected the name of a field, found the end");
        check_refused("untable a b b", "b", "`b` is named twice");
        check_refused("untable a b c d", "d", "expected the end of the command, found `d`");
        check_refused("untable a b c*", "c*", "wildcards are not allowed here");
    }

    #[test]
    fn rows() {
        check_rows("x=1 b=2 a=[3,4] _c=5\nx=2\nb=7", "untable x k v", "x=1 k=b v=2\nx=1 k=a v=[3,4]\nk=b v=7");
        check_rows("_time=5 a=1\n_time=6 a=2", "untable _time k v | stats list(v)", "list(v)=[1,2]");
        check_rows("", "untable x k v", "");
    }

    #[test]
    fn fields_read() {
        check_fields_read("untable a b c", &["c"], "*");
    }
}
