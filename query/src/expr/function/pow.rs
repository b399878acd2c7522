//! `pow(x, y)`: x to the power of y.
//!
//! ```example
//! pow(2, 10) = 1024
//! pow(-8, 0.5) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "pow",
    aliases: &[],
    usage: "pow(x, y)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("pow.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (left, right) = (args.number(0)?, args.number(1)?);
    Ok(Code::number(move |row| Some(left(row)?.powf(right(row)?))))
}
