//! `sha256(x)`: the SHA-256 sum of the text, in lower-case hexadecimal. Several values: each.
//!
//! ```example
//! sha256("trawl") = 51bc9413edd625fca0fa47353cbcf3d219b8e209cf6fb6061385aeac85194787
//! sha256(null()) = null
//! ```

use super::super::compile::Code;
use super::args::to_hex;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use sha2::{Digest, Sha256};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sha256",
    aliases: &[],
    usage: "sha256(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("sha256.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::Text(to_hex(&Sha256::digest(text))))
}
