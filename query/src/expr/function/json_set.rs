//! `json_set(json, "path", value, …)`: the JSON with these values at these paths.
//!
//! Paths are told at `json_extract`; members that lack on the way are made, elements of arrays are not. What values become is
//! told at `json_object`. Null if the text is no JSON array or object.
//!
//! ```example
//! json_set("{\"a\":1}", "a", 2, "b.c", "x") = {"a":2,"b":{"c":"x"}}
//! json_set("{\"l\":[{\"a\":1},{}]}", "l{}.a", 5) = {"l":[{"a":5},{"a":5}]}
//! json_set("x", "a", 1) = null
//! ```

use super::super::compile::Code;
use super::json_args::Paths;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_set",
    aliases: &[],
    usage: "json_set(json, path, value, …)",
    arity: Arity::at_least(3),
    manual: Manual::of(include_str!("json_set.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.update_json("json_set", Paths::Dotted, |at, value| *at = value)
}
