//! `json_array_to_mv(json[, keep_quotes])`: the elements of a JSON array as several values.
//!
//! Strings lose their quotes unless the second argument is `true()`. JSON nulls are left out. Null if it is no array.
//!
//! ```example
//! mvjoin(json_array_to_mv("[\"a\",1.0,[2],null]"), " ") = a 1.0 [2]
//! mvjoin(json_array_to_mv("[\"a\",1]", true()), " ") = "a" 1
//! json_array_to_mv("{}") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_array_to_mv",
    aliases: &[],
    usage: "json_array_to_mv(json[, keep_quotes])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("json_array_to_mv.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    let keep_quotes = args.optional_condition(1)?;
    Ok(Code::value(move |row| {
        let Some(Json::Array(elements)) = json(row) else { return Value::Null };
        let keeps_quotes = keep_quotes.as_ref().is_some_and(|keep_quotes| keep_quotes(row) == Some(true));
        Value::multi(elements.iter().map(|element| match element {
            Json::Text(_) if keeps_quotes => Value::from(element.to_string()),
            element => element.to_value(),
        }))
    }))
}
