//! `spath(x, "path")`: what stands at a path of JSON or XML text, as with the command of that name.
//!
//! Paths into JSON are names with dots: `a.b`, `a.list{0}.c` with an element counted from 0, `a.list{}.c` with all elements, which
//! gives several values. Those into XML are tags: `root.a`, `root.a{2}` the second one, `root.a{@id}` an attribute. What has parts
//! gives its JSON or XML. Null if nothing is there.
//!
//! ```example
//! spath("{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]}}", "a.b{1}.c") = 2
//! mvjoin(spath("{\"a\":[{\"c\":1},{\"c\":2}]}", "a{}.c"), ",") = 1,2
//! spath("{\"a\":{\"b\":1}}", "a") = {"b":1}
//! spath("<r><a>1</a><a>2</a></r>", "r.a{2}") = 2
//! spath("x", "a") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::document::Path;
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
    let document = args.value(0)?;
    let select = |document: &Value, path: &Path| {
        let mut found = Vec::new();
        for text in document.each() {
            text.with_text(|text| path.select(text, &mut |value| found.push(Value::from(value))));
        }
        Value::multi(found)
    };
    Ok(match args.literal(1) {
        Some(literal) => {
            let path = Path::parse(&literal.value);
            Code::value(move |row| select(&document(row), &path))
        }
        None => {
            let path = args.value(1)?;
            Code::value(move |row| match path(row).as_text() {
                Some(path) => select(&document(row), &Path::parse(&path)),
                None => Value::Null,
            })
        }
    })
}
