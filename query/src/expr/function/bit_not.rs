//! `bit_not(x[, mask])`: the bits of the mask that x does not have; of 53 bits unless a mask is given.
//!
//! Null if one is not a whole number from 0 to 2^53 − 1.
//!
//! ```example
//! bit_not(5, 15) = 10
//! bit_not(0) = 9007199254740991
//! bit_not(-1) = null
//! ```

use super::super::compile::Code;
use super::args::{ALL_BITS, to_bits};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "bit_not",
    aliases: &[],
    usage: "bit_not(x[, mask])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("bit_not.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let number = args.number(0)?;
    let mask = args.optional_number(1)?;
    Ok(Code::number(move |row| {
        let mask = mask.as_ref().map_or(Some(ALL_BITS), |mask| to_bits(mask(row)?))?;
        Some((!to_bits(number(row)?)? & mask) as f64)
    }))
}
