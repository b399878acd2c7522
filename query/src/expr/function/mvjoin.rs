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
use compact_str::CompactString;

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
                let mut joined = CompactString::default();
                for (i, value) in value.each().iter().enumerate() {
                    joined.push_str(if i > 0 { &delimiter } else { "" });
                    value.with_text(|text| joined.push_str(text));
                }
                Value::Text(joined)
            }
            _ => Value::Null,
        }
    }))
}
