//! `match(x, "regex")`: whether the regular expression occurs in the value. It is not anchored; case matters.
//!
//! Of several values one in which it occurs is enough. Unknown if x is null.
//!
//! ```example
//! match("error 404", "\\d+") = true
//! match("abc", "^b") = false
//! match("ABC", "(?i)abc") = true
//! match(null(), "a") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "match",
    aliases: &[],
    usage: "match(x, regex)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("match.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    let regex = args.regex(1)?;
    Ok(Code::truth(move |row| {
        let value = value(row);
        if value.is_null() {
            return None;
        }
        regex
            .with(row, |regex| value.each().iter().any(|value| value.with_text(|text| regex.is_match(text, row.ctx()))))
    }))
}
