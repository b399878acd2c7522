//! Computes how much a field differs from an earlier row.
//!
//! **Syntax**
//!
//! `delta <field> [AS name] [p=1]`
//!
//! **Arguments**
//!
//! - `AS name`: the result's name; `delta(field)` by default.
//! - `p=`: how many rows before.
//!
//! **Semantics**
//!
//! The value minus that of the row `p` rows before, whatever stands between. Null if one of the two is missing or not
//! numeric; so are the first `p` rows.
//!
//! **Kind** ordered.
//!
//! **Memory** `p` values.
//!
//! **Examples**
//!
//! ```example
//! x=10
//! x=14
//! x=11
//! > delta x AS step
//! x=10
//! x=14 step=4
//! x=11 step=-3
//! ```

use super::args::bad_value;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The field.
    pub field: String,
    /// The result's name, if one is given.
    pub alias: Option<String>,
    /// How many rows before; at least 1.
    pub distance: usize,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut delta = Delta { field: String::new(), alias: None, distance: 1 };
    parse_options(&mut args, &mut delta)?;
    delta.field = args.expect_plain_name()?.value;
    parse_options(&mut args, &mut delta)?;
    if args.keyword("AS") {
        delta.alias = Some(args.expect_plain_name()?.value);
        parse_options(&mut args, &mut delta)?;
    }
    args.finish()?;
    Ok(Box::new(delta))
}

fn parse_options(args: &mut Args<'_>, delta: &mut Delta) -> Result<(), QueryError> {
    while let Some((_, value)) = args.option(&["p"])? {
        delta.distance = match super::args::count(&value)? {
            0 => return Err(bad_value(&value, "1 or more")),
            n => n,
        };
    }
    Ok(())
}

impl Delta {
    fn name(&self) -> String {
        self.alias.clone().unwrap_or_else(|| format!("delta({})", self.field))
    }
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delta {}", quote_name(&self.field))?;
        self.alias.iter().try_for_each(|alias| write!(f, " AS {}", quote_name(alias)))?;
        if self.distance == 1 { Ok(()) } else { write!(f, " p={}", self.distance) }
    }
}

impl Command for Delta {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.remove(&self.name());
        wanted.add(&self.field);
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(DeltaOperator { delta: self.clone(), before: VecDeque::new() })
    }
}

struct DeltaOperator {
    delta: Delta,
    /// The numbers of the last rows, the oldest first.
    before: VecDeque<Option<f64>>,
}

impl Operator for DeltaOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let column = batch.column(&self.delta.field);
        let cells = (0..batch.len()).map(|row| {
            let number = column.and_then(|column| column[row].as_number());
            self.before.push_back(number);
            let before = match self.before.len() > self.delta.distance {
                true => self.before.pop_front().flatten(),
                false => None,
            };
            number.zip(before).map_or(Value::Null, |(number, before)| Value::number(number - before))
        });
        let cells = cells.collect();
        batch.set_column(&self.delta.name(), cells);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("DELTA x", "delta x"),
            ("delta p=3 x as \"a b\"", "delta x AS \"a b\" p=3"),
            ("delta x as y p=2", "delta x AS y p=2"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("delta", "", "expected the name of a field, found the end");
        check_refused("delta x p=0", "0", "`0` is not 1 or more");
        check_refused("delta x q=1", "q", "`delta` has no option `q`");
        check_refused("delta x y", "y", "expected the end of the command, found `y`");
    }

    #[test]
    fn rows() {
        check_rows("x=1\nx=4\nx=a\nx=9\nx=10", "delta x AS d", "x=1\nx=4 d=3\nx=a\nx=9\nx=10 d=1");
        check_rows("x=1\nx=4\nx=9", "delta x p=2", "x=1\nx=4\nx=9 delta(x)=8");
    }

    #[test]
    fn fields_read() {
        check_fields_read("delta x AS d", &["d", "z"], "x z");
    }
}
