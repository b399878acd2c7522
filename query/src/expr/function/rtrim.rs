//! `rtrim(x[, "characters"])`: as `trim`, at the end only.
//!
//! ```example
//! rtrim("xaxx", "x") = xa
//! ```

use super::super::compile::Code;
use super::trim::compile_trim;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "rtrim",
    aliases: &[],
    usage: "rtrim(x[, characters])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("rtrim.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    compile_trim(args, |text, is_cut| text.trim_end_matches(is_cut))
}
