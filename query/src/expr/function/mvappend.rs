//! `mvappend(a, b, …)`: all values of all arguments, in order.
//!
//! Nulls are skipped; null if nothing is left.
//!
//! ```example
//! mvjoin(mvappend("a", null(), split("b c", " ")), ",") = a,b,c
//! mvappend("a") = a
//! mvappend(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvappend",
    aliases: &[],
    usage: "mvappend(a, …)",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("mvappend.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let values = args.values()?;
    Ok(Code::value(move |row| Value::multi(values.iter().map(|value| value(row).into_owned()))))
}
