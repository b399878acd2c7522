//! `atan2(y, x)`: the angle in radians, from −π to π, at which the point (x, y) is seen from the origin.
//!
//! ```example
//! atan2(0, 1) = 0
//! round(atan2(1, 0) * 2, 5) = 3.14159
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "atan2",
    aliases: &[],
    usage: "atan2(y, x)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("atan2.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (left, right) = (args.number(0)?, args.number(1)?);
    Ok(Code::number(move |row| Some(left(row)?.atan2(right(row)?))))
}
