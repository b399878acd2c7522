//! `in(x, a, b, …)`, also `x IN (a, b, …)`: whether x equals one of the others.
//!
//! Equal as with `=`: numbers by size, text with case, no wildcards. Unknown if x is null.
//!
//! ```example
//! in("a", "b", "a") = true
//! if(5 IN (1, 5.0), "y", "n") = y
//! in("A", "a") = false
//! in(null(), "a") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::expr::values_equal;
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
    let others: Vec<_> = (1..args.len()).map(|index| args.value(index)).collect::<Result<_, _>>()?;
    Ok(Code::truth(move |row| {
        let value = value(row);
        (!value.is_null()).then(|| others.iter().any(|other| values_equal(&value, &other(row))))
    }))
}
