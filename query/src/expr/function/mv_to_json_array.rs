//! `mv_to_json_array(x[, infer_types])`: the values as a JSON array.
//!
//! They become strings, unless the second argument is `true()`: then those that are JSON stay as they are.
//!
//! ```example
//! mv_to_json_array(split("a 1", " ")) = ["a","1"]
//! mv_to_json_array(split("a 1 true [2]", " "), true()) = ["a",1,true,[2]]
//! mv_to_json_array(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mv_to_json_array",
    aliases: &[],
    usage: "mv_to_json_array(x[, infer_types])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("mv_to_json_array.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    let infer = args.optional_condition(1)?;
    Ok(Code::value(move |row| {
        let value = value(row);
        if value.is_null() {
            return Value::Null;
        }
        let infers = infer.as_ref().is_some_and(|infer| infer(row) == Some(true));
        let element = |value: &Value| {
            let text = value.to_string();
            let inferred = if infers { Json::parse(&text) } else { None };
            inferred.unwrap_or(Json::Text(text))
        };
        Value::from(Json::Array(value.each().iter().map(element).collect()).to_string())
    }))
}
