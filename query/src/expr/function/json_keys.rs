//! `json_keys(json)`: the names of the object's members, as a JSON array. Null if it is no object.
//!
//! ```example
//! json_keys("{\"b\":1,\"a\":{\"c\":2}}") = ["b","a"]
//! json_keys("[1]") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_keys",
    aliases: &[],
    usage: "json_keys(json)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("json_keys.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    Ok(Code::value(move |row| match json(row) {
        Some(Json::Object(members)) => {
            Json::Array(members.into_iter().map(|(key, _)| Json::Text(key)).collect()).to_value()
        }
        _ => Value::Null,
    }))
}
