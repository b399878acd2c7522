//! `bit_shift_left(x, n)`: the bits of x moved up by n places; those beyond the 53rd are lost.
//!
//! Null if one is not a whole number from 0 to 2^53 − 1.
//!
//! ```example
//! bit_shift_left(3, 4) = 48
//! bit_shift_left(1, 53) = 0
//! ```

use super::super::compile::Code;
use super::args::{ALL_BITS, to_bits};
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "bit_shift_left",
    aliases: &[],
    usage: "bit_shift_left(x, n)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("bit_shift_left.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (number, places) = (args.number(0)?, args.number(1)?);
    Ok(Code::number(move |row| {
        let (bits, n) = (to_bits(number(row)?)?, to_bits(places(row)?)?);
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        Some((bits.checked_shl(n).unwrap_or(0) & ALL_BITS) as f64)
    }))
}
