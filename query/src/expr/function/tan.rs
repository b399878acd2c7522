//! `tan(x)`: the tangent of an angle in radians.
//!
//! ```example
//! tan(0) = 0
//! round(tan(pi() / 4), 9) = 1
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "tan",
    aliases: &[],
    usage: "tan(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("tan.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(f64::tan)
}
