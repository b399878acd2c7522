//! `sha1(x)`: the SHA-1 sum of the text, in lower-case hexadecimal. Several values: each.
//!
//! ```example
//! sha1("trawl") = b780eb519449edd1e78d708993611f9173bb858e
//! sha1(null()) = null
//! ```

use super::super::compile::Code;
use super::args::to_hex;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use sha1::{Digest, Sha1};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sha1",
    aliases: &[],
    usage: "sha1(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("sha1.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::Text(to_hex(&Sha1::digest(text))))
}
