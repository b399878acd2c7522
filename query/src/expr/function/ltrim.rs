//! `ltrim(x[, "characters"])`: as `trim`, at the start only.
//!
//! ```example
//! ltrim("xxax", "x") = ax
//! ```

use super::super::compile::Code;
use super::trim::compile_trim;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "ltrim",
    aliases: &[],
    usage: "ltrim(x[, characters])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("ltrim.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    compile_trim(args, |text, is_cut| text.trim_start_matches(is_cut))
}
