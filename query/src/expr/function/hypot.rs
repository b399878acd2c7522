//! `hypot(x, y)`: the length of the diagonal of a rectangle with the sides x and y.
//!
//! ```example
//! hypot(3, 4) = 5
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "hypot",
    aliases: &[],
    usage: "hypot(x, y)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("hypot.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (left, right) = (args.number(0)?, args.number(1)?);
    Ok(Code::number(move |row| Some(left(row)?.hypot(right(row)?))))
}
