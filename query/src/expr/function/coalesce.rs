//! `coalesce(a, b, …)`: the first that is not null. Empty text counts as a value.
//!
//! ```example
//! coalesce(null(), "", "b") = ""
//! coalesce(null(), 2) = 2
//! coalesce(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "coalesce",
    aliases: &[],
    usage: "coalesce(a, …)",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("coalesce.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let values = args.values()?;
    Ok(Code::cell(move |row| {
        let mut present = values.iter().map(|value| value(row)).filter(|value| !value.is_null());
        present.next().unwrap_or(Cow::Owned(Value::Null))
    }))
}
