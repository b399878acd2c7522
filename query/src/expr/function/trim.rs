//! `trim(x[, "characters"])`: the text without these characters at both ends; by default without spaces and tabs.
//!
//! The second argument is a set of characters. Several values: each.
//!
//! ```example
//! trim("  a b ") = a b
//! trim("xxayx", "xy") = a
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "trim",
    aliases: &[],
    usage: "trim(x[, characters])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("trim.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    compile_trim(args, |text, is_cut| text.trim_matches(is_cut))
}

/// Compiles a call that cuts characters off with `trim`.
pub(super) fn compile_trim(
    args: &mut CallArgs<'_, '_>,
    trim: for<'t> fn(&'t str, &dyn Fn(char) -> bool) -> &'t str,
) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    let characters = args.optional_value(1)?;
    Ok(Code::value(move |row| {
        let characters = characters.as_ref().map(|characters| characters(row));
        let cut = match &characters {
            None => " \t".into(),
            Some(characters) => match characters.as_text() {
                Some(characters) => characters,
                None => return Value::Null,
            },
        };
        let trimmed = |value: &Value| value.with_text(|text| Value::from(trim(text, &|c| cut.contains(c))));
        Value::multi(value(row).each().iter().map(trimmed))
    }))
}
