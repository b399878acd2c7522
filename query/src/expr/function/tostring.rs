//! `tostring(x[, "format"])`: the value as text; of a condition `True` or `False`.
//!
//! Formats of numbers: `"commas"` with thousands separators and, if there is a fraction, two digits of it; `"duration"` seconds
//! as `HH:MM:SS`, with `D+` in front from one day on; `"hex"` as `0xF`; `"binary"`. Text that is not numeric stays as it is.
//!
//! ```example
//! tostring(15) = 15
//! tostring(1=1) = True
//! tostring(1234567.891, "commas") = 1,234,567.89
//! tostring(1234567, "commas") = 1,234,567
//! tostring(3661, "duration") = 01:01:01
//! tostring(90061, "duration") = 1+01:01:01
//! tostring(15, "hex") = 0xF
//! tostring(5, "binary") = 101
//! tostring("x", "commas") = x
//! tostring(null()) = null
//! ```

use super::super::compile::{Code, Operand};
use super::args::bad_literal;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::{Value, format_number};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "tostring",
    aliases: &[],
    usage: "tostring(x[, format])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("tostring.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = match args.operand(0)? {
        Operand::Value(value) => value,
        Operand::Truth(truth) => {
            return Ok(Code::value(move |row| match truth(row) {
                Some(true) => Value::from("True"),
                Some(false) => Value::from("False"),
                None => Value::Null,
            }));
        }
    };
    if let Some(literal) = args.literal(1)
        && !FORMATS.contains(&literal.value.as_str())
    {
        return Err(bad_literal(&literal, "a format").with_hint(format!("the formats are {}", FORMATS.join(", "))));
    }
    let format = args.optional_value(1)?;
    Ok(Code::value(move |row| {
        let value = value(row);
        let Some(text) = value.as_text() else { return (*value).clone() };
        let format = format.as_ref().map(|format| format(row));
        let formatted = match (value.as_number(), &format) {
            (Some(number), Some(name)) => name.as_text().and_then(|name| print_as(number, &name)),
            _ => None,
        };
        formatted.map_or_else(|| Value::from(text), Value::from)
    }))
}

const FORMATS: [&str; 4] = ["commas", "duration", "hex", "binary"];

fn print_as(number: f64, format: &str) -> Option<String> {
    let sign = if number < 0.0 { "-" } else { "" };
    let whole = number.abs().trunc();
    match format {
        "commas" if number.fract() == 0.0 => Some(format!("{sign}{}", with_commas(&format!("{whole:.0}")))),
        "commas" => {
            let rounded = format!("{:.2}", number.abs());
            let (whole, fraction) = rounded.split_once('.')?;
            Some(format!("{sign}{}.{fraction}", with_commas(whole)))
        }
        "duration" => {
            let seconds = whole as u64;
            let fraction = format_number(number.abs() - whole);
            let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
            let days = if days > 0 { format!("{days}+") } else { String::new() };
            let fraction = fraction.strip_prefix("0.").map_or(String::new(), |digits| format!(".{digits:.6}"));
            Some(format!("{sign}{days}{hours:02}:{minutes:02}:{:02}{fraction}", seconds % 60))
        }
        "hex" => Some(format!("{sign}0x{:X}", whole as u64)),
        "binary" => Some(format!("{sign}{:b}", whole as u64)),
        _ => None,
    }
}

/// Digits in groups of three.
pub(super) fn with_commas(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
