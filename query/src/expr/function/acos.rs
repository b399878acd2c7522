//! `acos(x)`: the angle in radians, from 0 to π, that has this cosine.
//!
//! ```example
//! acos(1) = 0
//! acos(2) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "acos",
    aliases: &[],
    usage: "acos(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("acos.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::acos)
}
