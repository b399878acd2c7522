//! `mvfind(x, "regex")`: the place, counted from 0, of the first value in which the regular expression occurs; null if it occurs
//! in none.
//!
//! ```example
//! mvfind(split("ab cd ef", " "), "^c") = 1
//! mvfind("abc", "b") = 0
//! mvfind("abc", "x") = null
//! mvfind(null(), "x") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvfind",
    aliases: &[],
    usage: "mvfind(x, regex)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("mvfind.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    let regex = args.regex(1)?;
    Ok(Code::number(move |row| {
        let value = value(row);
        regex.with(row, |regex| {
            let place =
                value.each().iter().position(|value| value.with_text(|text| regex.is_match(text, row.ctx())))?;
            Some(place as f64)
        })?
    }))
}
