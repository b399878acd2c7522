//! `json_append(json, "path", value, …)`: the JSON with a value added as the last element of the array at the path.
//!
//! A path that leads to nothing gets a new array; one that leads to something else changes nothing. Paths are told at `json_extract`,
//! what values become at `json_object`. Null if the text is no JSON array or object.
//!
//! ```example
//! json_append("{\"l\":[1]}", "l", 2, "l", json_array(3)) = {"l":[1,2,[3]]}
//! json_append("{\"l\":1}", "l", 2, "m", 3) = {"l":1,"m":[3]}
//! ```

use super::super::compile::Code;
use super::json_args::Paths;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_append",
    aliases: &[],
    usage: "json_append(json, path, value, …)",
    arity: Arity::at_least(3),
    manual: Manual::of(include_str!("json_append.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.update_json("json_append", Paths::Dotted, |at, value| match at {
        Json::Array(elements) => elements.push(value),
        Json::Null => *at = Json::Array(vec![value]),
        _ => {}
    })
}
