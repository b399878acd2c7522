//! `json_set_exact(json, "key", value, …)`: the JSON with these values at these keys.
//!
//! Dots and braces in a key mean nothing. What values become is
//! told at `json_object`. Null if the text is no JSON array or object.
//!
//! ```example
//! json_set_exact("{\"a\":1}", "a", 2, "b.c", "x") = {"a":2,"b.c":"x"}
//! json_set_exact("x", "a", 1) = null
//! ```

use super::super::compile::Code;
use super::json_args::Paths;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_set_exact",
    aliases: &[],
    usage: "json_set_exact(json, key, value, …)",
    arity: Arity::at_least(3),
    manual: Manual::of(include_str!("json_set_exact.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.update_json("json_set_exact", Paths::Exact, |at, value| *at = value)
}
