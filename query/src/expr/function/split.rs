//! `split(x, "delimiter")`: the pieces of the text as several values.
//!
//! The delimiter is plain text; an empty one splits into characters.
//!
//! ```example
//! mvjoin(split("a,b,,c", ","), "|") = a|b||c
//! mvcount(split("abc", "")) = 3
//! split("a", ",") = a
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "split",
    aliases: &[],
    usage: "split(x, delimiter)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("split.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (value, delimiter) = (args.value(0)?, args.value(1)?);
    Ok(Code::value(move |row| {
        let (value, delimiter) = (value(row), delimiter(row));
        match (value.as_text(), delimiter.as_text()) {
            (Some(text), Some(delimiter)) if delimiter.is_empty() => {
                let mut utf8 = [0; 4];
                Value::multi(text.chars().map(|c| Value::from(&*c.encode_utf8(&mut utf8))))
            }
            (Some(text), Some(delimiter)) => Value::multi(text.split(&*delimiter).map(Value::from)),
            _ => Value::Null,
        }
    }))
}
