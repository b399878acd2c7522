//! `sin(x)`: the sine of an angle in radians.
//!
//! ```example
//! sin(0) = 0
//! round(sin(pi() / 2), 9) = 1
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sin",
    aliases: &[],
    usage: "sin(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("sin.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::sin)
}
