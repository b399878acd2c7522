//! `substr(x, start[, length])`: a part of the text, from the character `start` on, counted from 1.
//!
//! A negative start counts from the end. Without length it reaches to the end. Null and several values give null.
//!
//! ```example
//! substr("splunk", 1, 3) = spl
//! substr("splunk", -3) = unk
//! substr("splunk", 4) = unk
//! substr("abc", 0, 2) = ab
//! substr("abc", 9) = ""
//! substr("abc", 1, -1) = ""
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "substr",
    aliases: &[],
    usage: "substr(x, start[, length])",
    arity: Arity::between(2, 3),
    manual: Manual::of(include_str!("substr.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (value, start) = (args.value(0)?, args.value(1)?);
    let length = args.optional_value(2)?;
    Ok(Code::value(move |row| {
        let value = value(row);
        let length = match &length {
            None => Some(f64::INFINITY),
            Some(length) => length(row).as_number(),
        };
        match (value.as_text(), start(row).as_number(), length) {
            (Some(text), Some(start), Some(length)) => Value::from(substr(&text, start, length)),
            _ => Value::Null,
        }
    }))
}

fn substr(text: &str, start: f64, length: f64) -> &str {
    let n_chars = text.chars().count();
    // Casts saturate, which is what far positions mean.
    let skipped =
        if start < 0.0 { n_chars.saturating_sub(-start as usize) } else { (start as usize).saturating_sub(1) };
    let at = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    &text[at(skipped)..at(skipped.saturating_add(length as usize))]
}
