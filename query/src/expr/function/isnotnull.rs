//! `isnotnull(x)`: whether the row has the field.
//!
//! ```example
//! isnotnull(null()) = false
//! isnotnull("") = true
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "isnotnull",
    aliases: &[],
    usage: "isnotnull(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("isnotnull.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::truth(move |row| Some(!value(row).is_null())))
}
