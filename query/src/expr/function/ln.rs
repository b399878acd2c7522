//! `ln(x)`: the natural logarithm; null for numbers that are not positive.
//!
//! ```example
//! ln(1) = 0
//! ln(0) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "ln",
    aliases: &[],
    usage: "ln(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("ln.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::ln)
}
