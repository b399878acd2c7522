//! `pi()`: the ratio of a circle's circumference to its diameter.
//!
//! ```example
//! pi() = 3.141592653589793
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "pi",
    aliases: &[],
    usage: "pi()",
    arity: Arity::exactly(0),
    manual: Manual::of(include_str!("pi.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let _ = args;
    Ok(Code::constant(Value::Number(std::f64::consts::PI)))
}
