//! `len(x)`: the number of characters.
//!
//! Null and several values give null.
//!
//! ```example
//! len("été") = 3
//! len("") = 0
//! len(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "len",
    aliases: &[],
    usage: "len(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("len.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::value(move |row| match &*value(row) {
        Value::Null | Value::Multi(_) => Value::Null,
        single => single.with_text(|text| Value::count(text.chars().count() as u64)),
    }))
}
