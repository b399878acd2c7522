//! `sum(a, b, …)`: the sum of the numbers among the values.
//!
//! Several values in one argument count each. What is not numeric is skipped; null if nothing is numeric. Text in double quotes
//! must be a number.
//!
//! ```example
//! sum(1, 2, 3.5) = 6.5
//! sum(split("1 2 x", " "), null()) = 3
//! sum(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sum",
    aliases: &[],
    usage: "sum(a, …)",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("sum.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let numbers = args.numeric_values()?;
    Ok(Code::number(move |row| {
        let mut sum = None;
        numbers.each(row, |number| sum = Some(sum.unwrap_or(0.0) + number));
        sum
    }))
}
