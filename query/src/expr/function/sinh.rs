//! `sinh(x)`: the hyperbolic sine.
//!
//! ```example
//! sinh(0) = 0
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sinh",
    aliases: &[],
    usage: "sinh(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("sinh.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::sinh)
}
