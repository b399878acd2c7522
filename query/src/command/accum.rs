//! Computes the running sum of a field.
//!
//! **Syntax**
//!
//! `accum <field> [AS name]`
//!
//! **Arguments**
//!
//! - `AS name`: where the sum goes; without it, it takes the place of the field.
//!
//! **Semantics**
//!
//! A row without a number gets no sum and changes none; what it has under another name than the field's stays.
//!
//! **Kind** ordered.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! x=up
//! x=4
//! > accum x AS total
//! x=1 total=1
//! x=2 total=3
//! x=up
//! x=4 total=7
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::stats_fn::ExactSum;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Accum {
    /// The field.
    pub field: String,
    /// Where the sum goes; `None` for the field itself.
    pub alias: Option<String>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let field = args.expect_plain_name()?.value;
    let alias = if args.keyword("AS") { Some(args.expect_plain_name()?.value) } else { None };
    args.finish()?;
    Ok(Box::new(Accum { field, alias }))
}

impl Accum {
    fn target(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.field)
    }
}

impl fmt::Display for Accum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accum {}", quote_name(&self.field))?;
        self.alias.iter().try_for_each(|alias| write!(f, " AS {}", quote_name(alias)))
    }
}

impl Command for Accum {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.add(&self.field);
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(AccumOperator { accum: self.clone(), sum: ExactSum::default() })
    }
}

struct AccumOperator {
    accum: Accum,
    sum: ExactSum,
}

impl Operator for AccumOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if let Some(column) = batch.column(&self.accum.field) {
            let target = self.accum.target();
            let before = batch.column(target);
            let cells = column.iter().enumerate().map(|(row, cell)| match cell.as_number() {
                Some(number) => {
                    self.sum.add(number);
                    Value::number(self.sum.total())
                }
                None => before.map_or(Value::Null, |before| before[row].clone()),
            });
            let cells = cells.collect();
            batch.set_column(target, cells);
        }
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("ACCUM x", "accum x"), ("accum x as y", "accum x AS y")]);
    }

    #[test]
    fn refused() {
        check_refused("accum", "", "expected the name of a field, found the end");
        check_refused("accum x y", "y", "expected the end of the command, found `y`");
    }

    #[test]
    fn rows() {
        check_rows("x=0.5\nx=2\nx=a\nx=1", "accum x", "x=0.5\nx=2.5\nx=a\nx=3.5");
        check_rows("y=1", "accum x", "y=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("accum x AS s", &["z"], "x z");
    }
}
