//! `mvcount(x)`: the number of values; 1 for a single one, null for null.
//!
//! ```example
//! mvcount(split("a b", " ")) = 2
//! mvcount("a") = 1
//! mvcount(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvcount",
    aliases: &[],
    usage: "mvcount(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("mvcount.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::value(move |row| match value(row).each().len() {
        0 => Value::Null,
        n => Value::count(n as u64),
    }))
}
