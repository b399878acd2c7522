//! Copies values of a field from earlier rows.
//!
//! **Syntax**
//!
//! `autoregress <field> [AS name] [p=1 | p=<first>-<last>]`
//!
//! **Arguments**
//!
//! - `p=`: how many rows before; a range makes a field for each distance.
//! - `AS name`: the new field, for a single distance; `<field>_p<n>` by default.
//!
//! **Kind** ordered.
//!
//! **Memory** as many values as the longest distance.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! x=3
//! > autoregress x p=1-2
//! x=1
//! x=2 x_p1=1
//! x=3 x_p1=2 x_p2=1
//! ```

use super::args::bad_value;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::span::Spanned;
use crate::value::Value;
use crate::wanted::Wanted;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Autoregress {
    /// The field.
    pub field: String,
    /// The new field, if one is given and there is only one.
    pub alias: Option<String>,
    /// The shortest distance in rows; at least 1.
    pub first: usize,
    /// The longest one.
    pub last: usize,
}

/// The longest distance: a field for each is more than anybody reads.
const MAX_DISTANCE: usize = 1000;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut command = Autoregress { field: String::new(), alias: None, first: 1, last: 1 };
    parse_options(&mut args, &mut command)?;
    command.field = args.expect_plain_name()?.value;
    parse_options(&mut args, &mut command)?;
    let mut alias_span = None;
    if args.keyword("AS") {
        let alias = args.expect_plain_name()?;
        alias_span = Some(alias.span);
        command.alias = Some(alias.value);
        parse_options(&mut args, &mut command)?;
    }
    args.finish()?;
    match alias_span {
        Some(span) if command.first != command.last => {
            Err(QueryError::rule("several distances cannot share a name", span).with_hint("leave AS out"))
        }
        _ => Ok(Box::new(command)),
    }
}

fn parse_options(args: &mut Args<'_>, command: &mut Autoregress) -> Result<(), QueryError> {
    while let Some((_, value)) = args.option(&["p"])? {
        (command.first, command.last) = distances(&value)?;
    }
    Ok(())
}

fn distances(value: &Spanned<String>) -> Result<(usize, usize), QueryError> {
    let (first, last) = value.value.split_once('-').unwrap_or((&value.value, &value.value));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if 1 <= first && first <= last && last <= MAX_DISTANCE => Ok((first, last)),
        _ => Err(bad_value(value, "a number of rows from 1 to 1000, or a range such as 1-5")),
    }
}

impl Autoregress {
    fn name(&self, distance: usize) -> String {
        self.alias.clone().unwrap_or_else(|| format!("{}_p{distance}", self.field))
    }
}

impl fmt::Display for Autoregress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "autoregress {}", quote_name(&self.field))?;
        self.alias.iter().try_for_each(|alias| write!(f, " AS {}", quote_name(alias)))?;
        match (self.first, self.last) {
            (1, 1) => Ok(()),
            (first, last) if first == last => write!(f, " p={first}"),
            (first, last) => write!(f, " p={first}-{last}"),
        }
    }
}

impl Command for Autoregress {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        (self.first..=self.last).for_each(|distance| wanted.remove(&self.name(distance)));
        wanted.add(&self.field);
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(AutoregressOperator { command: self.clone(), before: VecDeque::new() })
    }
}

struct AutoregressOperator {
    command: Autoregress,
    /// The values of the last rows, the newest first.
    before: VecDeque<Value>,
}

impl Operator for AutoregressOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let cells: Vec<Value> = (0..batch.len()).map(|row| batch.value(row, &self.command.field).clone()).collect();
        for distance in self.command.first..=self.command.last {
            let earlier = |row: usize| match row.checked_sub(distance) {
                Some(row) => cells[row].clone(),
                None => self.before.get(distance - row - 1).cloned().unwrap_or_default(),
            };
            batch.set_column(&self.command.name(distance), (0..cells.len()).map(earlier).collect());
        }
        for cell in cells {
            self.before.push_front(cell);
            self.before.truncate(self.command.last);
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
        check_prints(&[
            ("AUTOREGRESS x", "autoregress x"),
            ("autoregress x as y p=3", "autoregress x AS y p=3"),
            ("autoregress p=2-4 x", "autoregress x p=2-4"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("autoregress", "", "expected the name of a field, found the end");
        check_refused("autoregress x as y p=1-2", "y", "several distances cannot share a name");
        check_refused("autoregress x p=0", "0", "`0` is not a number of rows from 1 to 1000, or a range such as 1-5");
        check_refused(
            "autoregress x p=3-2",
            "3-2",
            "`3-2` is not a number of rows from 1 to 1000, or a range such as 1-5",
        );
    }

    #[test]
    fn rows() {
        check_rows("x=1\nx=2\ny=5\nx=4", "autoregress x AS b | table x b", "x=1\nx=2 b=1\nb=2\nx=4");
        check_rows("x=1\nx=2\nx=3\nx=4", "autoregress x p=2-3 | fields - x", "-\n-\nx_p2=1\nx_p2=2 x_p3=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("autoregress x p=1-2", &["x_p1", "x_p2", "z"], "x z");
    }
}
