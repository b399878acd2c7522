//! `mvreverse(x)`: the values, the last one first.
//!
//! ```example
//! mvjoin(mvreverse(split("a b c", " ")), " ") = c b a
//! mvreverse(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvreverse",
    aliases: &[],
    usage: "mvreverse(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("mvreverse.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::value(move |row| Value::multi(value(row).each().iter().rev().cloned())))
}
