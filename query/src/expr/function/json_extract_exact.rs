//! `json_extract_exact(json, "key", …)`: the member of that name; dots and braces in it mean nothing.
//!
//! Otherwise as `json_extract`: a scalar as it is, an array or object as JSON, several keys as a JSON array of what they find.
//!
//! ```example
//! json_extract_exact("{\"a.b\":{\"c\":1}}", "a.b") = {"c":1}
//! json_extract_exact("{\"a\":1,\"b\":\"x\"}", "a", "b") = [1,"x"]
//! json_extract_exact("{\"a\":1}", "b") = null
//! ```

use super::super::compile::Code;
use super::json_args::{Paths, extract};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_extract_exact",
    aliases: &[],
    usage: "json_extract_exact(json, key, …)",
    arity: Arity::at_least(2),
    manual: Manual::of(include_str!("json_extract_exact.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    let paths: Vec<_> = (1..args.len()).map(|index| args.path(index, Paths::Exact)).collect::<Result<_, _>>()?;
    Ok(Code::value(move |row| {
        let Some(json) = json(row) else { return Value::Null };
        match &paths[..] {
            [] => json.to_value(),
            [path] => path.of(row).map_or(Value::Null, |path| extract(&json, &path).to_value()),
            paths => {
                let extracted = paths.iter().map(|path| path.of(row).map_or(Json::Null, |path| extract(&json, &path)));
                Json::Array(extracted.collect()).to_value()
            }
        }
    }))
}
