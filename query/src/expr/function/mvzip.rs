//! `mvzip(a, b[, "delimiter"])`: the first value of a joined with the first of b, then the second ones, up to the shorter of both.
//!
//! The delimiter is a comma unless given.
//!
//! ```example
//! mvjoin(mvzip(split("a b c", " "), split("1 2", " ")), " ") = a,1 b,2
//! mvzip("a", "b", "-") = a-b
//! mvzip("a", null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use compact_str::format_compact;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvzip",
    aliases: &[],
    usage: "mvzip(a, b[, delimiter])",
    arity: Arity::between(2, 3),
    manual: Manual::of(include_str!("mvzip.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (left, right) = (args.value(0)?, args.value(1)?);
    let delimiter = args.optional_value(2)?;
    Ok(Code::value(move |row| {
        let (left, right) = (left(row), right(row));
        let delimiter = delimiter.as_ref().map(|delimiter| delimiter(row));
        let Some(delimiter) = delimiter.as_ref().map_or(Some(Cow::Borrowed(",")), |delimiter| delimiter.as_text())
        else {
            return Value::Null;
        };
        let pairs = left.each().iter().zip(right.each());
        Value::multi(pairs.map(|(left, right)| Value::Text(format_compact!("{left}{delimiter}{right}"))))
    }))
}
