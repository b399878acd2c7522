//! `urldecode(x)`: the text with each `%41` replaced by the character it stands for. Several values: each.
//!
//! A `+` stays. Bytes that are not UTF-8 become the replacement character.
//!
//! ```example
//! urldecode("a%20b%3D%C3%A9") = a b=é
//! urldecode("100%") = 100%
//! urldecode(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use percent_encoding::percent_decode_str;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "urldecode",
    aliases: &[],
    usage: "urldecode(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("urldecode.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::from(percent_decode_str(text).decode_utf8_lossy()))
}
