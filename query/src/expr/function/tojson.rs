//! `tojson(x)`: the value as JSON; what it becomes is told at `json_object`.
//!
//! ```example
//! tojson("a") = "a"
//! tojson(5) = 5
//! tojson(1=1) = true
//! tojson(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "tojson",
    aliases: &[],
    usage: "tojson(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("tojson.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.json(0)?;
    Ok(Code::value(move |row| match json(row) {
        Json::Null => Value::Null,
        json => Value::from(json.to_string()),
    }))
}
