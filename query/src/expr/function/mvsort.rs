//! `mvsort(x)`: the values in the order of their text: 1, 10, 2; capitals before small letters.
//!
//! ```example
//! mvjoin(mvsort(split("10 2 b 1 B", " ")), " ") = 1 10 2 B b
//! mvsort("a") = a
//! mvsort(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvsort",
    aliases: &[],
    usage: "mvsort(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("mvsort.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::cell(move |row| {
        let value = value(row);
        let Value::Multi(values) = &*value else { return value };
        let mut sorted: Vec<&Value> = values.iter().collect();
        sorted.sort_by_cached_key(|value| value.as_text());
        Cow::Owned(Value::multi(sorted.into_iter().cloned()))
    }))
}
