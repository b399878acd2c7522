//! `sha512(x)`: the SHA-512 sum of the text, in lower-case hexadecimal. Several values: each.
//!
//! ```example
//! sha512("trawl") = 8c17cd314ca096ab5f2550fc17ea692b7da959f3b0b92ccd374619d9a8c711b82546cf7d74988283673dd6ab1ddba807bdb945b0634d209d932de8b2f65bd345
//! sha512(null()) = null
//! ```

use super::super::compile::Code;
use super::args::to_hex;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use sha2::{Digest, Sha512};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sha512",
    aliases: &[],
    usage: "sha512(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("sha512.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::Text(to_hex(&Sha512::digest(text))))
}
