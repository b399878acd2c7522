//! `in(x, a, b, …)`, also `x IN (a, b, …)`: whether x equals one of the others.
//!
//! Equal as with `=`: numbers by size, text with case, no wildcards. Unknown if x is null, or if it equals none of the others and
//! one of them is null: as `x=a OR x=b`.
//!
//! ```example
//! in("a", "b", "a") = true
//! if(5 IN (1, 5.0), "y", "n") = y
//! in("A", "a") = false
//! in(null(), "a") = null
//! in("a", "b", null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "in",
    aliases: &[],
    usage: "in(x, a, …)",
    arity: Arity::at_least(2),
    manual: Manual::of(include_str!("in.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    let tests: Vec<_> = (1..args.len()).map(|index| args.equality(index)).collect::<Result<_, _>>()?;
    Ok(Code::truth(move |row| {
        let value = value(row);
        let mut known = true;
        for test in &tests {
            match test.of(&value, row) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => known = false,
            }
        }
        known.then_some(false)
    }))
}
