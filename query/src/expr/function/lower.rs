//! `lower(x)`: the text in lower case. Several values: each.
//!
//! ```example
//! lower("AbÉ") = abé
//! lower(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "lower",
    aliases: &[],
    usage: "lower(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("lower.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::from(text.to_lowercase()))
}
