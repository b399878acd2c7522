//! `mvfilter(condition)`: the values of a field for which a condition holds.
//!
//! The condition names exactly one field and is asked for each of its values in turn. Null if it holds for none.
//!
//! ```example
//! x=[1,5,9] => mvjoin(mvfilter(x>4), ",") = 5,9
//! x=[a1,b,a2] => mvcount(mvfilter(match(x, "^a"))) = 2
//! x=[1,5] => mvfilter(x>5) = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvfilter",
    aliases: &[],
    usage: "mvfilter(condition)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("mvfilter.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let field = args.only_field(0)?;
    let values = args.field(&field);
    let condition = args.with_local(&field, |args| args.condition(0))?;
    Ok(Code::value(move |row| {
        let values = values(row);
        let holds = |value: &&Value| row.with_local(value, |row| condition(row)) == Some(true);
        Value::multi(values.each().iter().filter(holds).cloned())
    }))
}
