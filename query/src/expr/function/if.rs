//! `if(c, a, b)`: a if the condition is true, else b.
//!
//! A condition that is unknown, because a field is null, takes b. If a and b are conditions, so is the whole.
//!
//! ```example
//! if(1=1, "a", "b") = a
//! if(null()=1, "a", "b") = b
//! tostring(if(1=2, 1=1, 1=3)) = False
//! ```

use super::super::compile::{Code, Operand};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "if",
    aliases: &[],
    usage: "if(condition, then, else)",
    arity: Arity::exactly(3),
    manual: Manual::of(include_str!("if.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let condition = args.condition(0)?;
    match (args.operand(1)?, args.operand(2)?) {
        (Operand::Value(then), Operand::Value(otherwise)) => {
            Ok(Code::cell(move |row| if condition(row) == Some(true) { then(row) } else { otherwise(row) }))
        }
        (Operand::Truth(then), Operand::Truth(otherwise)) => {
            Ok(Code::truth(move |row| if condition(row) == Some(true) { then(row) } else { otherwise(row) }))
        }
        _ => Err(QueryError::rule("both results of if() must be values, or both conditions", args.span)),
    }
}
