//! `bit_and(a, b, …)`: the bits that all numbers have.
//!
//! Null if one is not a whole number from 0 to 2^53 − 1.
//!
//! ```example
//! bit_and(12, 10) = 8
//! bit_and(-1, 1) = null
//! ```

use super::super::compile::Code;
use super::args::to_bits;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "bit_and",
    aliases: &[],
    usage: "bit_and(a, b, …)",
    arity: Arity::at_least(2),
    manual: Manual::of(include_str!("bit_and.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let numbers = args.numbers()?;
    Ok(Code::number(move |row| {
        let mut all = numbers.iter().map(|number| to_bits(number(row)?));
        let first = all.next()??;
        all.try_fold(first, |joined, bits| Some(joined & bits?)).map(|bits| bits as f64)
    }))
}
