//! `tomv(x)`: the elements of a JSON array as several values; anything else as it is.
//!
//! ```example
//! mvjoin(tomv("[\"a\",1]"), " ") = a 1
//! tomv("a") = a
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
    name: "tomv",
    aliases: &[],
    usage: "tomv(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("tomv.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::cell(move |row| {
        let value = value(row);
        match value.as_text().and_then(|text| Json::parse_container(&text)) {
            Some(Json::Array(elements)) => Cow::Owned(Value::multi(elements.iter().map(Json::to_value))),
            _ => value,
        }
    }))
}
