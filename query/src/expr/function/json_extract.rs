//! `json_extract(json, "path", …)`: what stands at a path: a scalar as it is, an array or object as JSON.
//!
//! Paths are names with dots: `a.b`, `a.list{0}.c` with an element counted from 0, `a.list{}.c` with all elements, which gives a JSON
//! array. Several paths give a JSON array of what each of them finds. Without a path: all of it. Null if nothing is there or the
//! text is no JSON.
//!
//! ```example
//! json_extract("{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]}}", "a.b{1}.c") = 2
//! json_extract("{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]}}", "a.b{}.c") = [1,2]
//! json_extract("{\"a\":{\"b\":1.50}}", "a") = {"b":1.50}
//! json_extract("{\"a\":1,\"b\":\"x\"}", "a", "b", "c") = [1,"x",null]
//! json_extract("{\"a\":null}", "a") = null
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
    name: "json_extract",
    aliases: &[],
    usage: "json_extract(json[, path, …])",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("json_extract.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    let paths: Vec<_> = (1..args.len()).map(|index| args.path(index, Paths::Dotted)).collect::<Result<_, _>>()?;
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
