//! `urlencode(x)`: the text with every byte but letters, digits and `- _ . ~` written as `%41`. Several values: each.
//!
//! ```example
//! urlencode("a b/é~") = a%20b%2F%C3%A9~
//! urlencode(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "urlencode",
    aliases: &[],
    usage: "urlencode(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("urlencode.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.map_text(|text| Value::from(utf8_percent_encode(text, RESERVED).to_string()))
}

/// All but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
