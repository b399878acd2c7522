//! `validate(c1, v1, c2, v2, …)`: the value that belongs to the first condition that is false; null if none is.
//!
//! A condition that is unknown, because a field is null, is not false.
//!
//! ```example
//! port=99999 => validate(isint(port), "not a number", port<65536, "too large") = too large
//! port=80 => validate(isint(port), "not a number", port<65536, "too large") = null
//! validate(null()=1, "a") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "validate",
    aliases: &[],
    usage: "validate(condition, value, …)",
    arity: Arity::at_least(2),
    manual: Manual::of(include_str!("validate.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    if args.len() % 2 == 1 {
        return Err(QueryError::rule("validate() needs a value for each condition", args.span));
    }
    let cases: Vec<_> = (0..args.len() / 2)
        .map(|case| Ok((args.condition(2 * case)?, args.value(2 * case + 1)?)))
        .collect::<Result<_, QueryError>>()?;
    Ok(Code::cell(move |row| {
        let case = cases.iter().find(|(condition, _)| condition(row) == Some(false));
        case.map_or(Cow::Owned(Value::Null), |(_, value)| value(row))
    }))
}
