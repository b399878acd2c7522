//! `json_valid(x)`: whether the text is JSON. Unknown if x is null.
//!
//! ```example
//! json_valid("{\"a\":[1]}") = true
//! json_valid("{a}") = false
//! json_valid(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_valid",
    aliases: &[],
    usage: "json_valid(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("json_valid.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::truth(move |row| {
        let value = value(row);
        (!value.is_null()).then(|| value.as_text().is_some_and(|text| Json::parse(&text).is_some()))
    }))
}
