//! `log(x[, base])`: the logarithm, to the base 10 unless another one is given.
//!
//! Null for numbers that are not positive, and for a base that is none.
//!
//! ```example
//! log(1000) = 3
//! log(8, 2) = 3
//! log(0) = null
//! log(5, 1) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "log",
    aliases: &[],
    usage: "log(x[, base])",
    arity: Arity::between(1, 2),
    manual: Manual::of(include_str!("log.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let number = args.number(0)?;
    let base = args.optional_number(1)?;
    Ok(Code::number(move |row| {
        let number = number(row)?;
        let base = base.as_ref().map_or(Some(10.0), |base| base(row))?;
        // The special ones are exact for powers of their base.
        Some(match base {
            10.0 => number.log10(),
            2.0 => number.log2(),
            base => number.log(base),
        })
    }))
}
