//! `exact(x)`: the number as it is. Numbers are always computed and printed with all their digits here.
//!
//! ```example
//! exact(3.14 * 2) = 6.28
//! exact("x") = null
//! ```
//!
//! **Differences** Splunk rounds what it prints unless `exact` is written.

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "exact",
    aliases: &[],
    usage: "exact(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("exact.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(|number| number)
}
