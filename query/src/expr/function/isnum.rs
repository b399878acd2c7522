//! `isnum(x)`: whether the value is a number: computed, or the text of a field that looks like one.
//!
//! False for text in double quotes, whatever it looks like, for several values and for null.
//!
//! ```example
//! isnum(5) = true
//! isnum("5") = false
//! n=007 => isnum(n) = true
//! n=0x1F => isnum(n) = false
//! isnum(null()) = false
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "isnum",
    aliases: &[],
    usage: "isnum(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("isnum.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let is_quoted = args.literal(0).is_some();
    let number = args.number(0)?;
    Ok(Code::truth(move |row| Some(!is_quoted && number(row).is_some())))
}
