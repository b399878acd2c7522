//! `abs(x)`: the number without its sign.
//!
//! What is not numeric gives null.
//!
//! ```example
//! abs(-3) = 3
//! abs("x") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "abs",
    aliases: &[],
    usage: "abs(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("abs.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::abs)
}
