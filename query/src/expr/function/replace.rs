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
use crate::value::Value;
use regex::Captures;

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
    let with = args.value(2)?;
    Ok(Code::value(move |row| {
        let (value, with) = (value(row), with(row));
        let Some(with) = with.as_text() else { return Value::Null };
        let replaced = regex.with(row, |regex| {
            let replace =
                |text: &str| Value::from(regex.replace_all(text, |groups: &Captures<'_>| expand(&with, groups)));
            Value::multi(value.each().iter().map(|value| value.with_text(replace)))
        });
        replaced.unwrap_or_default()
    }))
}

/// Puts the groups of a match in the place of `\0` … `\9`.
fn expand(with: &str, groups: &Captures<'_>) -> String {
    let mut expanded = String::with_capacity(with.len());
    let mut chars = with.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().and_then(|next| next.to_digit(10))) {
            ('\\', Some(group)) => {
                chars.next();
                expanded.push_str(groups.get(group as usize).map_or("", |group| group.as_str()));
            }
            _ => expanded.push(c),
        }
    }
    expanded
}
