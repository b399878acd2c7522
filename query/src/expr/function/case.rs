//! `case(c1, v1, c2, v2, …)`: the value that belongs to the first condition that is true; null if none is.
//!
//! A condition that is unknown, because a field is null, counts as not true. `true(), v` at the end is a default.
//! If all values are conditions, so is the whole.
//!
//! ```example
//! case(1=2, "a", 2=2, "b", true(), "c") = b
//! case(1=2, "a") = null
//! case(null()=1, "a", true(), "d") = d
//! case(1=2, 1=1, 1=1, 2=3) = false
//! ```

use super::super::compile::{Code, Operand};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "case",
    aliases: &[],
    usage: "case(condition, value, …)",
    arity: Arity::at_least(2),
    manual: Manual::of(include_str!("case.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let cases = args.cases("case")?;
    let mut values = Vec::new();
    let mut truths = Vec::new();
    for (condition, result) in cases {
        match result {
            Operand::Value(value) => values.push((condition, value)),
            Operand::Truth(truth) => truths.push((condition, truth)),
        }
    }
    match (values.is_empty(), truths.is_empty()) {
        (false, true) => Ok(Code::cell(move |row| {
            let case = values.iter().find(|(condition, _)| condition(row) == Some(true));
            case.map_or(Cow::Owned(Value::Null), |(_, value)| value(row))
        })),
        (true, false) => Ok(Code::truth(move |row| {
            let (_, truth) = truths.iter().find(|(condition, _)| condition(row) == Some(true))?;
            truth(row)
        })),
        _ => Err(QueryError::rule("the results of case() must all be values, or all conditions", args.span)),
    }
}
