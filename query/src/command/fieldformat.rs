//! Changes how a field is printed at the end, but not its value.
//!
//! **Syntax**
//!
//! `fieldformat <field>=<expression>`
//!
//! **Arguments**
//!
//! - expression: what is printed, as in `eval`.
//!
//! **Semantics**
//!
//! The commands behind it see the old value: they sort and compute by it. The expression is computed when the result is
//! written, and sees the fields of the result. Where it gives null the old value is printed. A later `fieldformat` of the same
//! field works on what an earlier one printed. The format ends where a command makes a new table, such as `stats`, and where
//! the field is renamed.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! bytes=2048
//! bytes=10240
//! > fieldformat bytes=bytes/1024." kB" | sort -bytes
//! bytes="10 kB"
//! bytes="2 kB"
//! ```

use super::eval::{Names, is_plain, parse_name};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::expr::Expression;
use crate::lexer::quote;
use crate::value::Value;
use crate::wanted::Wanted;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Fieldformat {
    /// The field.
    pub field: String,
    /// What is printed.
    pub expression: Expression,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let field = parse_name(&mut args.cursor, Names::Written)?;
    args.cursor.expect("=")?;
    let expression = Expression::parse_value(&mut args.cursor)?;
    if !args.cursor.at_end() {
        return Err(Expression::unexpected_after(args.cursor, "an operator or the end"));
    }
    Ok(Box::new(Fieldformat { field, expression }))
}

impl fmt::Display for Fieldformat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if is_plain(&self.field) { self.field.clone() } else { quote(&self.field) };
        write!(f, "fieldformat {field}={}", self.expression)
    }
}

impl Command for Fieldformat {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        if downstream.contains(&self.field) {
            self.expression.add_fields_read(&mut wanted);
        }
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(PassOn)
    }
}

/// Rows go through as they are: formats are for the end of the pipeline.
struct PassOn;

impl Operator for PassOn {
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        out(batch);
        Ok(Flow::More)
    }
}

/// The formats in force at the end of a pipeline.
#[derive(Debug)]
pub(crate) struct FieldFormats<'c>(Vec<&'c Fieldformat>);

impl<'c> FieldFormats<'c> {
    /// The formats that the commands leave in force.
    pub fn of(commands: &'c [Box<dyn Command>]) -> Self {
        let makes_new_rows = |command: &dyn Command| command.makes_table() && command.kind() != CommandKind::Streaming;
        let begin = commands.iter().rposition(|command| makes_new_rows(&**command)).map_or(0, |at| at + 1);
        let as_format = |command: &'c dyn Any| command.downcast_ref::<Fieldformat>();
        Self(commands[begin..].iter().filter_map(|command| as_format(&**command)).collect())
    }

    /// Replaces values by what is printed for them.
    pub fn apply(&self, batch: &mut Batch, ctx: &Context) {
        for Fieldformat { field, expression } in &self.0 {
            let Some(column) = batch.column(field) else { continue };
            let bound = expression.bind(batch, ctx);
            let printed = |(row, cell): (usize, &Value)| match cell {
                Value::Null => Value::Null,
                cell => {
                    Some(bound.value(row).into_owned()).filter(|value| !value.is_null()).unwrap_or_else(|| cell.clone())
                }
            };
            let cells = column.iter().enumerate().map(printed).collect();
            batch.set_column(field, cells);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("fieldformat a=a+1", "fieldformat a=a + 1"),
            ("FIELDFORMAT \"a b\" = tostring('a b', \"commas\")", "fieldformat \"a b\"=tostring('a b', \"commas\")"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("fieldformat", "", "expected the name of a field, found the end");
        check_refused("fieldformat a", "", "expected `=`, found the end");
        check_refused("fieldformat a=b=1", "b=1", "expected a value, found a condition");
        check_refused("fieldformat a=1, b=2", ",", "expected an operator or the end, found `,`");
    }

    #[test]
    fn the_value_stays_until_the_end() {
        check_rows("x=2\nx=10", "fieldformat x=\"n \".x | where x>5 | eval y=x+1", "x=\"n 10\" y=11");
        check_rows("x=2", "fieldformat x=\"n\".x | stats max(x) BY x", "x=2 max(x)=2");
        check_rows("x=2 y=1", "fieldformat x=\"n\".x | table x", "x=n2");
        check_rows("x=2", "fieldformat x=\"n\".x | rename x AS y", "y=2");
        check_rows("x=2", "fieldformat x=x.\"a\" | fieldformat x=x.\"b\"", "x=2ab");
    }

    #[test]
    fn what_cannot_be_formatted_prints_as_it_is() {
        check_rows("x=up\ny=1", "fieldformat x=x*2", "x=up\ny=1");
        check_rows("x=1 y=2", "fieldformat x=x.y | fields x", "x=1");
        check_rows("y=2", "fieldformat x=\"new\"", "y=2");
    }

    #[test]
    fn fields_read() {
        check_fields_read("fieldformat a=a.b", &["a"], "a b");
        check_fields_read("fieldformat a=a.b", &["c"], "c");
    }
}
