//! `json_delete(json, "path", …)`: the JSON without what stands at these paths, which are told at `json_extract`.
//!
//! Null if the text is no JSON array or object.
//!
//! ```example
//! json_delete("{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", "a", "b.c") = {"b":{"d":3}}
//! json_delete("[1,2]", "{0}") = [2]
//! json_delete("{\"a\":1}", "b") = {"a":1}
//! ```

use super::super::compile::Code;
use super::json_args::Paths;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_delete",
    aliases: &[],
    usage: "json_delete(json, path, …)",
    arity: Arity::at_least(2),
    manual: Manual::of(include_str!("json_delete.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    let paths: Vec<_> = (1..args.len()).map(|index| args.path(index, Paths::Dotted)).collect::<Result<_, _>>()?;
    Ok(Code::value(move |row| {
        let Some(mut json) = json(row) else { return Value::Null };
        paths.iter().filter_map(|path| path.of(row)).for_each(|path| json.remove(&path));
        json.to_value()
    }))
}
