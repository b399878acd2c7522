//! `ismv(x)`: whether the field has several values.
//!
//! ```example
//! ismv(split("a b", " ")) = true
//! ismv("a") = false
//! ismv(null()) = false
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "ismv",
    aliases: &[],
    usage: "ismv(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("ismv.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::truth(move |row| Some(matches!(*value(row), Value::Multi(_)))))
}
