//! `toarray(x)`: the value as a JSON array: an array as it is, several values as its elements, anything else as the only one.
//!
//! ```example
//! toarray("[1, 2]") = [1,2]
//! toarray(split("a 1", " ")) = ["a",1]
//! toarray("a") = ["a"]
//! toarray(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::json::Json;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "toarray",
    aliases: &[],
    usage: "toarray(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("toarray.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::value(move |row| match Json::of(&value(row)) {
        Json::Null => Value::Null,
        array @ Json::Array(_) => array.to_value(),
        single => Json::Array(vec![single]).to_value(),
    }))
}
