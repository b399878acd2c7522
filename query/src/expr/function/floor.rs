//! `floor(x)`: the number rounded down to a whole one.
//!
//! What is not numeric gives null.
//!
//! ```example
//! floor(1.8) = 1
//! floor(-1.2) = -2
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "floor",
    aliases: &[],
    usage: "floor(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("floor.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::floor)
}
