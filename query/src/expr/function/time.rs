//! `time()`: the wall clock when the row is computed, in seconds since 1970 with their fraction.
//!
//! In the examples of this manual the clock stands still.
//!
//! ```example
//! time() = 1772725653.25
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::time::to_value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "time",
    aliases: &[],
    usage: "time()",
    arity: Arity::exactly(0),
    manual: Manual::of(include_str!("time.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.compiler.varies();
    Ok(Code::value(|row| to_value(row.ctx().wall_clock_us())))
}
