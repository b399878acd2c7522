//! `replace(x, "regex", "with")`: the text with every match of the regular expression replaced.
//!
//! `\1` … `\9` in the third argument stand for the groups of the match, `\0` for all of it. The second argument is a regular
//! expression, not plain text. Several values: each.
//!
//! ```example
//! replace("2024-03-05", "(\\d+)-(\\d+)-(\\d+)", "\\3.\\2.\\1") = 05.03.2024
//! replace("aaa", "a", "$0") = $0$0$0
//! replace(null(), "a", "b") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::regex_dialect::Replacement;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "replace",
    aliases: &[],
    usage: "replace(x, regex, with)",
    arity: Arity::exactly(3),
    manual: Manual::of(include_str!("replace.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    let regex = args.regex(1)?;
    let constant = args.literal(2).map(|with| Replacement::new(&with.value));
    let with = args.value(2)?;
    Ok(Code::value(move |row| {
        let value = value(row);
        let written;
        let with = match &constant {
            Some(with) => with,
            None => match with(row).as_text() {
                Some(with) => {
                    written = Replacement::new(&with);
                    &written
                }
                None => return Value::Null,
            },
        };
        let replaced = regex.with(row, |regex| {
            let replace = |text: &str| Value::from(regex.replace_all(text, with, row.ctx()));
            Value::multi(value.each().iter().map(|value| value.with_text(replace)))
        });
        replaced.unwrap_or_default()
    }))
}
