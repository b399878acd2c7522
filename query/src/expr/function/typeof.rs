//! `typeof(x)`: `Number`, `String`, `Boolean` for a condition, `Multivalue` for several values, `Invalid` for null.
//!
//! The text of a field that looks like a number is a number; text in double quotes is not.
//!
//! ```example
//! typeof(12) = Number
//! typeof("12") = String
//! typeof(1=1) = Boolean
//! n=12 => typeof(n) = Number
//! typeof(split("a b", " ")) = Multivalue
//! typeof(null()) = Invalid
//! ```

use super::super::compile::{Code, Operand};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "typeof",
    aliases: &[],
    usage: "typeof(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("typeof.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let is_quoted = args.literal(0).is_some();
    Ok(match args.operand(0)? {
        Operand::Truth(truth) => {
            Code::value(move |row| Value::from(if truth(row).is_some() { "Boolean" } else { "Invalid" }))
        }
        Operand::Value(value) => Code::value(move |row| {
            let value = value(row);
            Value::from(match &*value {
                Value::Null => "Invalid",
                Value::Multi(_) => "Multivalue",
                single if !is_quoted && single.as_number().is_some() => "Number",
                _ => "String",
            })
        }),
    })
}
