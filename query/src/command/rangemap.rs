//! Names the range that a number lies in.
//!
//! **Syntax**
//!
//! `rangemap field=<field> <name>=<from>-<to> … [default=<name>]`
//!
//! **Arguments**
//!
//! - name, from, to: a range with both ends included. Numbers may be negative and have fractions: `cold=-20--0.5`.
//! - `default`: the name where no range matches, `None` if not given.
//!
//! **Semantics**
//!
//! Writes the field `range`. Several ranges that match give several values, in the order in which they are written. A value
//! that is missing or not numeric lies in no range. Of several values each is looked at.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! load=5
//! load=80
//! load=500
//! > rangemap field=load low=0-30 high=31-100 default=absurd
//! load=5 range=low
//! load=80 range=high
//! load=500 range=absurd
//! ```

use super::args::{bad_value, write_option};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{is_name_char, quote};
use crate::span::Spanned;
use crate::value::{Value, format_number, parse_number};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Rangemap {
    /// The field that is read.
    pub field: String,
    /// The ranges with their names.
    pub ranges: Vec<NamedRange>,
    /// The name where no range matches.
    pub default: String,
}

/// Numbers between two others, both included.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedRange {
    /// Its name.
    pub name: String,
    /// The smallest number.
    pub from: f64,
    /// The largest number.
    pub to: f64,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut field = None;
    let mut default = "None".to_owned();
    let mut ranges = Vec::new();
    loop {
        args.cursor.skip_separators();
        if args.cursor.at_end() {
            break;
        }
        let name = args.expect_name()?;
        args.cursor.expect("=")?;
        let value = parse_value(&mut args)?;
        match name.value.as_str() {
            "field" => field = Some(value.value),
            "default" => default = value.value,
            _ => {
                let (from, to) = parse_range(&value)?;
                ranges.push(NamedRange { name: name.value, from, to });
            }
        }
    }
    let Some(field) = field else { return Err(args.cursor.expected("`field=`")) };
    if ranges.is_empty() {
        return Err(args.cursor.expected("a range, as in low=0-30"));
    }
    Ok(Box::new(Rangemap { field, ranges, default }))
}

fn parse_value(args: &mut Args<'_>) -> Result<Spanned<String>, QueryError> {
    args.cursor.skip_space();
    if let Some(quoted) = args.cursor.eat_quoted()? {
        return Ok(quoted);
    }
    let start = args.cursor.pos();
    let run = args.cursor.take_while(is_name_char);
    match run.is_empty() {
        true => Err(args.cursor.expected("a value")),
        false => Ok(Spanned::new(run.to_owned(), args.cursor.span_from(start))),
    }
}

/// Reads `from-to`; the hyphen in the middle is one that both sides of are numbers.
fn parse_range(text: &Spanned<String>) -> Result<(f64, f64), QueryError> {
    let ends = text
        .value
        .match_indices('-')
        .find_map(|(at, _)| Some((parse_number(&text.value[..at])?, parse_number(&text.value[at + 1..])?)));
    match ends {
        Some((from, to)) if from <= to => Ok((from, to)),
        Some(_) => Err(QueryError::rule("the range ends before it begins", text.span)),
        None => Err(bad_value(text, "a range of numbers, as in 0-30")),
    }
}

impl fmt::Display for Rangemap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rangemap")?;
        write_option(f, "field", &self.field)?;
        for NamedRange { name, from, to } in &self.ranges {
            // `field` and `default` would be read as what they are called.
            let is_plain = name.chars().all(is_name_char);
            let name = if is_plain { name.clone() } else { quote(name) };
            write!(f, " {name}={}-{}", format_number(*from), format_number(*to))?;
        }
        if self.default != "None" {
            write_option(f, "default", &self.default)?;
        }
        Ok(())
    }
}

impl Command for Rangemap {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        if wanted.contains("range") {
            wanted.remove("range");
            wanted.add(&self.field);
        }
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        let names = self.ranges.iter().map(|range| Value::from(range.name.as_str())).collect();
        let default = Value::from(self.default.as_str());
        Box::new(RangemapOperator { rangemap: self.clone(), names, default })
    }
}

struct RangemapOperator {
    rangemap: Rangemap,
    names: Vec<Value>,
    default: Value,
}

impl RangemapOperator {
    fn name(&self, cell: &Value) -> Value {
        let lies_in = |range: &NamedRange| {
            let within = |number: f64| (range.from..=range.to).contains(&number);
            cell.each().iter().filter_map(Value::as_number).any(within)
        };
        let matching = self.rangemap.ranges.iter().zip(&self.names).filter(|(range, _)| lies_in(range));
        match Value::multi(matching.map(|(_, name)| name.clone())) {
            Value::Null => self.default.clone(),
            names => names,
        }
    }
}

impl Operator for RangemapOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let cells = match batch.column(&self.rangemap.field) {
            Some(column) => column.iter().map(|cell| self.name(cell)).collect(),
            None => vec![self.default.clone(); batch.len()],
        };
        batch.set_column("range", cells);
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
            ("rangemap field=x low=0-30 high=31-100", "rangemap field=x low=0-30 high=31-100"),
            ("RANGEMAP low=1.5-2 default=no field=\"a b\"", "rangemap field=\"a b\" low=1.5-2 default=no"),
            ("rangemap field=x \"very low\"=-20--5", "rangemap field=x \"very low\"=-20--5"),
            ("rangemap field=x, a=1-2, default=None", "rangemap field=x a=1-2"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("rangemap a=1-2", "", "expected `field=`, found the end");
        check_refused("rangemap field=x", "", "expected a range, as in low=0-30, found the end");
        check_refused("rangemap field=x a=1", "1", "`1` is not a range of numbers, as in 0-30");
        check_refused("rangemap field=x a=5-1", "5-1", "the range ends before it begins");
        check_refused("rangemap field=x a", "", "expected `=`, found the end");
    }

    #[test]
    fn rows() {
        check_rows(
            "x=5\nx=-3\nx=up\n-",
            "rangemap field=x a=0-9 b=-5--1",
            "x=5 range=a\nx=-3 range=b\nx=up range=None\nrange=None",
        );
        check_rows("x=5", "rangemap field=x a=5-9 b=0-5", "x=5 range=[a,b]");
        check_rows("x=[1,50] range=old", "rangemap field=x b=50-60 a=0-9", "x=[1,50] range=[b,a]");
        check_rows("x=0.5", "rangemap field=x a=0.1-0.6", "x=0.5 range=a");
    }

    #[test]
    fn fields_read() {
        check_fields_read("rangemap field=x a=1-2", &["range", "y"], "x y");
        check_fields_read("rangemap field=x a=1-2", &["y"], "y");
    }
}
