//! `false()`: a condition that does not hold.
//!
//! ```example
//! false() = false
//! if(false(), 1, 2) = 2
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "false",
    aliases: &[],
    usage: "false()",
    arity: Arity::exactly(0),
    manual: Manual::of(include_str!("false.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let _ = args;
    Ok(Code::truth(|_| Some(false)))
}
