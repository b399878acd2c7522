//! `cosh(x)`: the hyperbolic cosine.
//!
//! ```example
//! cosh(0) = 1
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "cosh",
    aliases: &[],
    usage: "cosh(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("cosh.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::cosh)
}
