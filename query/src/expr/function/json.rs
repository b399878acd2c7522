//! `json(x)`: the text, if it is JSON; else null.
//!
//! ```example
//! json("[1, 2]") = [1, 2]
//! json("{a}") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json",
    aliases: &[],
    usage: "json(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("json.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::cell(move |row| {
        let value = value(row);
        if value.as_text().is_some_and(|text| Json::parse(&text).is_some()) { value } else { Cow::Owned(Value::Null) }
    }))
}
