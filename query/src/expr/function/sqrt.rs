//! `sqrt(x)`: the square root; null for negative numbers.
//!
//! ```example
//! sqrt(9) = 3
//! sqrt(-1) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sqrt",
    aliases: &[],
    usage: "sqrt(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("sqrt.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::sqrt)
}
