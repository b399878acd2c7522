//! `upper(x)`: the text in upper case. Several values: each.
//!
//! ```example
//! upper("abé") = ABÉ
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "upper",
    aliases: &[],
    usage: "upper(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("upper.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::from(text.to_uppercase()))
}
