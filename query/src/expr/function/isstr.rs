//! `isstr(x)`: whether the value is text that is not a number.
//!
//! Text in double quotes is text, whatever it looks like. False for several values and for null.
//!
//! ```example
//! isstr("5") = true
//! isstr(5) = false
//! n=5 => isstr(n) = false
//! n=5a => isstr(n) = true
//! isstr(null()) = false
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::{Value, parse_number};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "isstr",
    aliases: &[],
    usage: "isstr(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("isstr.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let is_quoted = args.literal(0).is_some();
    let value = args.value(0)?;
    Ok(Code::truth(move |row| {
        Some(is_quoted || matches!(&*value(row), Value::Text(text) if parse_number(text).is_none()))
    }))
}
