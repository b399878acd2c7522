//! `null()`: no value. Assigned to a field it removes the field from the row.
//!
//! ```example
//! null() = null
//! isnull(null()) = true
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "null",
    aliases: &[],
    usage: "null()",
    arity: Arity::exactly(0),
    manual: Manual::of(include_str!("null.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let _ = args;
    Ok(Code::value(|_| Value::Null))
}
