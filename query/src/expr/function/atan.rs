//! `atan(x)`: the angle in radians, from −π/2 to π/2, that has this tangent.
//!
//! ```example
//! atan(0) = 0
//! round(4 * atan(1), 5) = 3.14159
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "atan",
    aliases: &[],
    usage: "atan(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("atan.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::atan)
}
