//! `toint(x[, base])`: the whole part of a number, or of text in that base, 10 unless given. Null if it is none.
//!
//! ```example
//! toint("3.9") = 3
//! toint(-3.9) = -3
//! toint("ff", 16) = 255
//! toint("x") = null
//! ```

use super::super::compile::Code;
use super::tonumber::{base_of, parse};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "toint",
    aliases: &[],
    usage: "toint(x[, base])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("toint.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let base = args.optional_number(1)?;
    let value = args.value(0)?;
    Ok(Code::number(move |row| {
        let base = base.as_ref().map_or(Some(10.0), |base| base(row))?;
        Some(parse(&value(row).as_text()?, base_of(base)?)?.trunc())
    }))
}
