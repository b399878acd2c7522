//! `asin(x)`: the angle in radians, from −π/2 to π/2, that has this sine.
//!
//! ```example
//! asin(0) = 0
//! asin(2) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "asin",
    aliases: &[],
    usage: "asin(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("asin.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::asin)
}
