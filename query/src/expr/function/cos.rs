//! `cos(x)`: the cosine of an angle in radians.
//!
//! ```example
//! cos(0) = 1
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "cos",
    aliases: &[],
    usage: "cos(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("cos.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::cos)
}
