//! `isbool(x)`: whether x is a condition, rather than a value, and is known.
//!
//! ```example
//! isbool(1=1) = true
//! isbool(null()=1) = false
//! isbool("true") = false
//! ```

use super::super::compile::{Code, Operand};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "isbool",
    aliases: &[],
    usage: "isbool(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("isbool.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    Ok(match args.operand(0)? {
        Operand::Truth(truth) => Code::truth(move |row| Some(truth(row).is_some())),
        Operand::Value(_) => Code::truth(|_| Some(false)),
    })
}
