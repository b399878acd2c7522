//! `json_entries(json)`: the object's members as a JSON array of objects with `key` and `value`. Null if it is no object.
//!
//! ```example
//! json_entries("{\"b\":1,\"a\":\"x\"}") = [{"key":"b","value":1},{"key":"a","value":"x"}]
//! json_entries("[1]") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_entries",
    aliases: &[],
    usage: "json_entries(json)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("json_entries.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    Ok(Code::value(move |row| match json(row) {
        Some(Json::Object(members)) => {
            let entry = |(key, value)| Json::Object(vec![("key".into(), Json::Text(key)), ("value".into(), value)]);
            Json::Array(members.into_iter().map(entry).collect()).to_value()
        }
        _ => Value::Null,
    }))
}
