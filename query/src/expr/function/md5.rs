//! `md5(x)`: the MD5 sum of the text, in lower-case hexadecimal. Several values: each.
//!
//! ```example
//! md5("trawl") = edc2516739bb298cc1942fdddeddd3d9
//! md5(null()) = null
//! ```

use super::super::compile::Code;
use super::args::to_hex;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use md5::{Digest, Md5};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "md5",
    aliases: &[],
    usage: "md5(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("md5.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::Text(to_hex(&Md5::digest(text))))
}
