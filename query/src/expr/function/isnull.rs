//! `isnull(x)`: whether the field is absent from the row.
//!
//! ```example
//! isnull(null()) = true
//! isnull("") = false
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "isnull",
    aliases: &[],
    usage: "isnull(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("isnull.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::truth(move |row| Some(value(row).is_null())))
}
