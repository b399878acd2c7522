//! `json_object("key", value, …)`: a JSON object with these members, in this order.
//!
//! A number, or the text of a field that looks like one, becomes a number; text in double quotes and other text a string; what is
//! a JSON array or object, such as the result of another JSON function, stays one. Conditions become `true` or `false`, null becomes
//! `null`, several values an array. Null if a key is null.
//!
//! ```example
//! json_object("a", 1, "b", "x", "c", json_array(1=1, null())) = {"a":1,"b":"x","c":[true,null]}
//! n=42 => json_object("n", n, "s", "42") = {"n":42,"s":"42"}
//! json_object() = {}
//! ```

use super::super::compile::{Code, ValueFn};
use super::json_args::JsonFn;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_object",
    aliases: &[],
    usage: "json_object(key, value, …)",
    arity: Arity::at_least(0),
    manual: Manual::of(include_str!("json_object.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    if args.len() % 2 == 1 {
        return Err(QueryError::rule("json_object() needs a value for each key", args.span));
    }
    let members: Vec<_> = (0..args.len() / 2)
        .map(|member| Ok((args.value(2 * member)?, args.json(2 * member + 1)?)))
        .collect::<Result<_, QueryError>>()?;
    Ok(Code::value(move |row| {
        let member = |(key, value): &(ValueFn, JsonFn)| Some((key(row).as_text()?.into_owned(), value(row)));
        let members: Option<Vec<_>> = members.iter().map(member).collect();
        members.map_or(Value::Null, |members| Value::from(Json::Object(members).to_string()))
    }))
}
