//! `min(a, b, …)`: the smallest of the values. Text ranks above any number.
//!
//! Several values in one argument count each. Null if one argument is null.
//!
//! ```example
//! min(3, 10, 9) = 3
//! min(1, "a") = 1
//! min(1, null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "min",
    aliases: &[],
    usage: "min(a, …)",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("min.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.choose(|candidate, best| candidate.cmp_mixed(best).is_lt())
}
