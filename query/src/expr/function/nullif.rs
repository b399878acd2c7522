//! `nullif(a, b)`: null if both are equal, else a.
//!
//! Equal as with `=`: numbers by size, text with case.
//!
//! ```example
//! nullif("a", "a") = null
//! nullif("a", "b") = a
//! nullif("1.0", 1) = null
//! nullif(5, null()) = 5
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::expr::values_equal;
use crate::manual::Manual;
use crate::value::Value;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "nullif",
    aliases: &[],
    usage: "nullif(a, b)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("nullif.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (a, b) = (args.value(0)?, args.value(1)?);
    Ok(Code::cell(move |row| {
        let value = a(row);
        if values_equal(&value, &b(row)) { Cow::Owned(Value::Null) } else { value }
    }))
}
