//! `atanh(x)`: the inverse of the hyperbolic tangent; null beyond −1 and 1.
//!
//! ```example
//! atanh(0) = 0
//! atanh(1) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "atanh",
    aliases: &[],
    usage: "atanh(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("atanh.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::atanh)
}
