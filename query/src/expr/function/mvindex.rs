//! `mvindex(x, first[, last])`: the values at these places, counted from 0, both included; negative ones count from the end.
//!
//! Out of range gives null.
//!
//! ```example
//! mvindex(split("a b c", " "), 1) = b
//! mvindex(split("a b c", " "), -1) = c
//! mvjoin(mvindex(split("a b c", " "), 0, 1), ",") = a,b
//! mvindex("a", 5) = null
//! mvindex("a", 1, 0) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvindex",
    aliases: &[],
    usage: "mvindex(x, first[, last])",
    arity: Arity::between(2, 3),
    manual: Manual::of(include_str!("mvindex.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (value, first) = (args.value(0)?, args.value(1)?);
    let last = args.optional_value(2)?;
    Ok(Code::value(move |row| {
        let value = value(row);
        let values = value.each();
        let place = |index: &Value| {
            let index = index.as_number()?;
            let index = if index < 0.0 { index + values.len() as f64 } else { index };
            (index >= 0.0).then_some(index as usize)
        };
        let first = place(&first(row));
        let last = last.as_ref().map_or(first, |last| place(&last(row)));
        let chosen = first
            .zip(last)
            .and_then(|(first, last)| values.get(first..last.min(values.len().saturating_sub(1)).checked_add(1)?));
        Value::multi(chosen.unwrap_or_default().iter().cloned())
    }))
}
