//! `round(x[, digits])`: the number rounded to so many digits after the point, none by default; half away from zero.
//!
//! Negative digits round to tens, hundreds and so on. What is not numeric gives null. A number that decimal notation puts half
//! way, such as 2.675, counts as half way, although no binary number is exactly that.
//!
//! ```example
//! round(2.5) = 3
//! round(-2.5) = -3
//! round(2.675, 2) = 2.68
//! round(1234, -2) = 1200
//! round(3, 2) = 3
//! round("x") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "round",
    aliases: &[],
    usage: "round(x[, digits])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("round.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let number = args.number(0)?;
    let Some(digits) = args.optional_number(1)? else {
        return Ok(Code::number(move |row| number(row).map(f64::round)));
    };
    Ok(Code::number(move |row| Some(round(number(row)?, digits(row)?))))
}

/// The number rounded to so many digits after the point.
pub(super) fn round(number: f64, digits: f64) -> f64 {
    let scale = 10_f64.powi(digits.clamp(-300.0, 300.0) as i32);
    let scaled = number * scale;
    // Beyond 2^52 there is no fraction to round, and scaling may overflow.
    if !scaled.is_finite() || scaled.abs() >= 4_503_599_627_370_496.0 {
        return number;
    }
    // One unit in the last place outwards makes up for what scaling lost of a decimal half.
    (scaled * (1.0 + f64::EPSILON)).round() / scale
}
