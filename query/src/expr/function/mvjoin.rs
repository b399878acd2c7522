//! `mvjoin(x, "delimiter")`: the values as one text, with the delimiter between them.
//!
//! ```example
//! mvjoin(split("a b", " "), "-") = a-b
//! mvjoin("a", "-") = a
//! mvjoin(null(), "-") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvjoin",
    aliases: &[],
    usage: "mvjoin(x, delimiter)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("mvjoin.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (value, delimiter) = (args.value(0)?, args.value(1)?);
    Ok(Code::value(move |row| {
        let (value, delimiter) = (value(row), delimiter(row));
        match delimiter.as_text() {
            Some(delimiter) if !value.is_null() => {
                let texts: Vec<String> = value.each().iter().map(Value::to_string).collect();
                Value::from(texts.join(&delimiter))
            }
            _ => Value::Null,
        }
    }))
}
