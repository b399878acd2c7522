//! `tobool(x)`: the condition that a value stands for: `true`, `t`, `yes` or `1`, `false`, `f`, `no` or `0`, in any case; unknown for
//! anything else.
//!
//! ```example
//! if(tobool("True"), "a", "b") = a
//! tobool(0) = false
//! tobool("x") = null
//! ```

use super::super::compile::{Code, Operand};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "tobool",
    aliases: &[],
    usage: "tobool(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("tobool.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    match args.operand(0)? {
        Operand::Truth(truth) => Ok(Code::Truth(truth)),
        Operand::Value(value) => Ok(Code::truth(move |row| {
            let value = value(row);
            let text = value.as_text()?.to_ascii_lowercase();
            match text.as_str() {
                "true" | "t" | "yes" | "1" => Some(true),
                "false" | "f" | "no" | "0" => Some(false),
                _ => None,
            }
        })),
    }
}
