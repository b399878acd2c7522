//! `todouble(x)`: the number; null if it is none.
//!
//! ```example
//! todouble("2.50") = 2.5
//! todouble("x") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "todouble",
    aliases: &[],
    usage: "todouble(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("todouble.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_number(|number| number)
}
