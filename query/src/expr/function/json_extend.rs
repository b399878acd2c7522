//! `json_extend(json, "path", value, …)`: as `json_append`, but of an array each element is added for itself.
//!
//! ```example
//! json_extend("{\"l\":[1]}", "l", 2, "l", json_array(3, 4)) = {"l":[1,2,3,4]}
//! json_extend("{}", "l", json_array(3, 4)) = {"l":[3,4]}
//! ```

use super::super::compile::Code;
use super::json_args::Paths;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_extend",
    aliases: &[],
    usage: "json_extend(json, path, value, …)",
    arity: Arity::at_least(3),
    manual: Manual::of(include_str!("json_extend.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.update_json("json_extend", Paths::Dotted, |at, value| {
        let added = match value {
            Json::Array(elements) => elements,
            single => vec![single],
        };
        match at {
            Json::Array(elements) => elements.extend(added),
            Json::Null => *at = Json::Array(added),
            _ => {}
        }
    })
}
