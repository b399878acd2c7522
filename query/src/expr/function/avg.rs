//! `avg(a, b, …)`: the mean of the numbers among the values.
//!
//! Several values in one argument count each. What is not numeric is skipped; null if nothing is numeric. Text in double quotes
//! must be a number.
//!
//! ```example
//! avg(1, 2, 6) = 3
//! avg(split("1 2 x", " "), null()) = 1.5
//! avg(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "avg",
    aliases: &[],
    usage: "avg(a, …)",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("avg.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let numbers = args.numeric_values()?;
    Ok(Code::number(move |row| {
        let (mut sum, mut n) = (0.0, 0_u32);
        numbers.each(row, |number| {
            sum += number;
            n += 1;
        });
        // Over nothing: 0/0, which is null.
        Some(sum / f64::from(n))
    }))
}
