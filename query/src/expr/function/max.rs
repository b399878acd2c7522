//! `max(a, b, …)`: the largest of the values. Text ranks above any number.
//!
//! Several values in one argument count each. Null if one argument is null.
//!
//! ```example
//! max(1, 10, 9) = 10
//! max(1, "a") = a
//! max("b", "B") = b
//! max(1, null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "max",
    aliases: &[],
    usage: "max(a, …)",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("max.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.choose(|candidate, best| candidate.cmp_mixed(best).is_ge())
}
