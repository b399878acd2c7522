//! `case(c1, v1, c2, v2, …)`: the value that belongs to the first condition that is true; null if none is.
//!
//! A condition that is unknown, because a field is null, counts as not true. `true(), v` at the end is a default.
//!
//! ```example
//! case(1=2, "a", 2=2, "b", true(), "c") = b
//! case(1=2, "a") = null
//! case(null()=1, "a", true(), "d") = d
//! ```

use super::super::compile::Code;
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
    if args.len() % 2 == 1 {
        return Err(QueryError::rule("case() needs a value for each condition", args.span)
            .with_hint("for a default write true() before the last value"));
    }
    let cases: Vec<_> = (0..args.len() / 2)
        .map(|case| Ok((args.condition(2 * case)?, args.value(2 * case + 1)?)))
        .collect::<Result<_, QueryError>>()?;
    Ok(Code::Value(Box::new(move |row| {
        let case = cases.iter().find(|(condition, _)| condition(row) == Some(true));
        case.map_or(Cow::Owned(Value::Null), |(_, value)| value(row))
    })))
}
