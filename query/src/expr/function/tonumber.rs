//! `tonumber(x[, base])`: the text as a number, in base 2 to 36, 10 by default.
//!
//! In base 16 a prefix `0x` is allowed. A value that is no such number gives null; a literal that is none is an error.
//!
//! ```example
//! tonumber("42") = 42
//! tonumber("0xff", 16) = 255
//! tonumber("-101", 2) = -5
//! tonumber(" 7 ") = 7
//! tonumber(null()) = null
//! ```

use super::super::compile::Code;
use super::args::bad_literal;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::{Value, parse_number};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "tonumber",
    aliases: &[],
    usage: "tonumber(x[, base])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("tonumber.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let base = match (args.literal_number(1), args.len()) {
        (Some(base), _) if base.value.fract() == 0.0 && (2.0..=36.0).contains(&base.value) => Some(base.value as u32),
        (Some(base), _) => return Err(QueryError::rule("the base must be a whole number from 2 to 36", base.span)),
        (None, 1) => Some(10),
        (None, _) => None,
    };
    if let (Some(literal), Some(base)) = (args.literal(0), base)
        && parse(&literal.value, base).is_none()
    {
        return Err(bad_literal(&literal, "a number in that base"));
    }
    let value = args.value(0)?;
    let base_of_row = args.optional_number(1)?;
    Ok(Code::value(move |row| {
        let value = value(row);
        let base = base.or_else(|| base_of(base_of_row.as_ref()?(row)?));
        match (value.as_text(), base) {
            (Some(text), Some(base)) => parse(&text, base).map_or(Value::Null, Value::number),
            _ => Value::Null,
        }
    }))
}

/// A number as a base.
pub(super) fn base_of(number: f64) -> Option<u32> {
    (number.fract() == 0.0 && (2.0..=36.0).contains(&number)).then_some(number as u32)
}

/// Reads a number in a base.
pub(super) fn parse(text: &str, base: u32) -> Option<f64> {
    let text = text.trim();
    if base == 10 {
        return parse_number(text);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1.0, text), |digits| (-1.0, digits));
    let digits = match base {
        16 => digits.strip_prefix("0x").or(digits.strip_prefix("0X")).unwrap_or(digits),
        _ => digits,
    };
    let mut number = 0.0;
    for c in digits.chars() {
        number = number * f64::from(base) + f64::from(c.to_digit(base)?);
    }
    (!digits.is_empty()).then_some(sign * number)
}
