//! `relative_time(t, "-1d@d")`: the time t moved by a time modifier, in the zone of the search.
//!
//! Null if t is not numeric.
//!
//! ```example
//! relative_time(1772725653, "-1h@h") = 1772719200
//! relative_time("x", "-1h") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::error::QueryErrorKind;
use crate::manual::Manual;
use crate::time::{TimeSpec, from_seconds, to_value};
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "relative_time",
    aliases: &[],
    usage: "relative_time(t, specifier)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("relative_time.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.compiler.varies();
    if let Some(literal) = args.literal(1)
        && relative(&literal.value).is_none()
    {
        return Err(QueryError::new(QueryErrorKind::Time(literal.value), literal.span)
            .with_hint("relative times look like -15m, -1d@d, @w1"));
    }
    let fixed = args.literal(1).and_then(|literal| relative(&literal.value));
    let (time, spec) = (args.value(0)?, args.value(1)?);
    Ok(Code::value(move |row| {
        let moved = time(row).as_number().and_then(from_seconds).and_then(|time_us| match &fixed {
            Some(spec) => spec.resolve(time_us, row.ctx().zone),
            None => relative(&spec(row).as_text()?)?.resolve(time_us, row.ctx().zone),
        });
        moved.map_or(Value::Null, to_value)
    }))
}

/// A time modifier that depends on the time it is applied to.
fn relative(text: &str) -> Option<TimeSpec> {
    TimeSpec::parse(text).filter(|spec| matches!(spec, TimeSpec::Relative(_) | TimeSpec::Now))
}
