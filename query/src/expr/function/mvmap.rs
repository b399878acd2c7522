//! `mvmap(x, expression)`: the expression for each value of x, in which the field's name stands for that one value.
//!
//! x is a field, or an expression that reads exactly one. Nulls are left out of the result.
//!
//! ```example
//! x=[1,2,3] => mvjoin(mvmap(x, x*10), ",") = 10,20,30
//! x=[a,b] n=2 => mvjoin(mvmap(x, x.n), ",") = a2,b2
//! x=[a,b,c] => mvjoin(mvmap(mvindex(x, 0, 1), upper(x)), ",") = A,B
//! x=[1,2,3] => mvjoin(mvmap(x, if(x>1, x, null())), ",") = 2,3
//! x=5 => mvmap(x, x+1) = 6
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvmap",
    aliases: &[],
    usage: "mvmap(x, expression)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("mvmap.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let field = args.only_field(0)?;
    let values = args.value(0)?;
    let map = args.with_local(&field, |args| args.value(1))?;
    Ok(Code::value(move |row| {
        let values = values(row);
        Value::multi(values.each().iter().map(|value| row.with_local(value, |row| map(row).into_owned())))
    }))
}
