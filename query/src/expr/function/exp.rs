//! `exp(x)`: e to the power of x.
//!
//! ```example
//! exp(0) = 1
//! round(exp(1), 5) = 2.71828
//! exp(1000) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "exp",
    aliases: &[],
    usage: "exp(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("exp.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::exp)
}
