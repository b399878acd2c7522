//! `isint(x)`: whether the value is a whole number: computed, or the text of a field that looks like one.
//!
//! False for text in double quotes, for several values and for null.
//!
//! ```example
//! isint(5) = true
//! isint(5.5) = false
//! n=12 => isint(n) = true
//! n=12.0 => isint(n) = true
//! isint("5") = false
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "isint",
    aliases: &[],
    usage: "isint(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("isint.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let is_quoted = args.literal(0).is_some();
    let number = args.number(0)?;
    Ok(Code::truth(move |row| Some(!is_quoted && number(row).is_some_and(|number| number.fract() == 0.0))))
}
