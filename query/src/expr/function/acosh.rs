//! `acosh(x)`: the inverse of the hyperbolic cosine; null below 1.
//!
//! ```example
//! acosh(1) = 0
//! acosh(0) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "acosh",
    aliases: &[],
    usage: "acosh(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("acosh.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::acosh)
}
