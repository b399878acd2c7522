//! `toobject(x)`: the text, if it is a JSON object; else null.
//!
//! ```example
//! toobject("{ \"a\": 1 }") = {"a":1}
//! toobject("[1]") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "toobject",
    aliases: &[],
    usage: "toobject(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("toobject.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    Ok(Code::value(move |row| match json(row) {
        Some(object @ Json::Object(_)) => object.to_value(),
        _ => Value::Null,
    }))
}
