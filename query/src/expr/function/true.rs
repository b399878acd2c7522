//! `true()`: a condition that holds. Used as the last condition of `case()`.
//!
//! ```example
//! true() = true
//! case(true(), 5) = 5
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "true",
    aliases: &[],
    usage: "true()",
    arity: Arity::exactly(0),
    manual: Manual::of(include_str!("true.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let _ = args;
    Ok(Code::truth(|_| Some(true)))
}
