//! `json_array(a, b, …)`: a JSON array of these elements; what they become is told at `json_object`.
//!
//! ```example
//! json_array(1, "2", null(), json_object("a", 1)) = [1,"2",null,{"a":1}]
//! json_array() = []
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_array",
    aliases: &[],
    usage: "json_array(value, …)",
    arity: Arity::at_least(0),
    manual: Manual::of(include_str!("json_array.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let elements: Vec<_> = (0..args.len()).map(|index| args.json(index)).collect::<Result<_, _>>()?;
    Ok(Code::value(move |row| {
        Value::from(Json::Array(elements.iter().map(|element| element(row)).collect()).to_string())
    }))
}
