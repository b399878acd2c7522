//! `spath(x, "path")`: what stands at a path of JSON text, as with the command of that name.
//!
//! Paths are names with dots: `a.b`, `a.list{0}.c` with an element counted from 0, `a.list{}.c` with all elements, which gives several
//! values. An array or object gives its JSON. Null if nothing is there.
//!
//! ```example
//! spath("{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]}}", "a.b{1}.c") = 2
//! mvjoin(spath("{\"a\":[{\"c\":1},{\"c\":2}]}", "a{}.c"), ",") = 1,2
//! spath("{\"a\":{\"b\":1}}", "a") = {"b":1}
//! spath("x", "a") = null
//! ```

use super::super::compile::Code;
use super::json_args::Paths;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "spath",
    aliases: &[],
    usage: "spath(x, path)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("spath.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let json = args.container(0)?;
    let path = args.path(1, Paths::Dotted)?;
    Ok(Code::value(move |row| {
        let (Some(json), Some(path)) = (json(row), path.of(row)) else { return Value::Null };
        let mut found = Vec::new();
        json.find(&path, &mut |json| found.push(json.to_value()));
        Value::multi(found)
    }))
}
