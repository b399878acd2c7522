//! `now()`: the start of the search in whole seconds since 1970, the same for all rows.
//!
//! ```example
//! now() = 1772725653
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::time::SECOND_US;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "now",
    aliases: &[],
    usage: "now()",
    arity: Arity::exactly(0),
    manual: Manual::of(include_str!("now.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.compiler.varies();
    Ok(Code::value(|row| Value::Number(row.ctx().now_us.div_euclid(SECOND_US) as f64)))
}
