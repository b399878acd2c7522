//! `json_has_key_exact(json, "key")`: whether the object has a member of that name; dots and braces in it mean nothing.
//!
//! Unknown if the text is no JSON array or object.
//!
//! ```example
//! json_has_key_exact("{\"a.b\":null}", "a.b") = true
//! json_has_key_exact("{\"a\":{\"b\":1}}", "a.b") = false
//! json_has_key_exact("x", "a") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "json_has_key_exact",
    aliases: &[],
    usage: "json_has_key_exact(json, key)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("json_has_key_exact.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    let key = args.value(1)?;
    Ok(Code::truth(move |row| Some(json(row)?.member(&key(row).as_text()?).is_some())))
}
