//! `ceil(x)`: the number rounded up to a whole one. Also `ceiling(x)`.
//!
//! What is not numeric gives null.
//!
//! ```example
//! ceil(1.2) = 2
//! ceiling(-1.2) = -1
//! ceil("x") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "ceil",
    aliases: &["ceiling"],
    usage: "ceil(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("ceil.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::ceil)
}
