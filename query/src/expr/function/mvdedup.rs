//! `mvdedup(x)`: the values without repetitions; of equal ones the first stays in its place.
//!
//! Values are equal if they print alike: `1` and `1.0` are two.
//!
//! ```example
//! mvjoin(mvdedup(split("b a b c a", " ")), " ") = b a c
//! mvdedup("a") = a
//! mvdedup(null()) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use hashbrown::HashSet;
use std::borrow::Cow;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvdedup",
    aliases: &[],
    usage: "mvdedup(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("mvdedup.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let value = args.value(0)?;
    Ok(Code::cell(move |row| {
        let value = value(row);
        let Value::Multi(values) = &*value else { return value };
        let mut seen = HashSet::with_capacity(values.len());
        Cow::Owned(Value::multi(values.iter().filter(|value| seen.insert(value.as_text())).cloned()))
    }))
}
