//! `strftime(t, "format")`: the time t as text, in the zone of the search.
//!
//! Variables: `%Y %y %m %d %e %j %H %k %I %l %M %S %p %a %A %b %B %w %V %U %F %T %R %D %s %z %:z %Z %c %x %X %%`, and for
//! fractions of a second `%N` (nanoseconds), `%Q` (milliseconds), with a width `%3N %6N %9N`. Null if t is not numeric.
//!
//! ```example
//! strftime(1772725653.5, "%Y-%m-%d %H:%M:%S.%3N") = 2026-03-05 15:47:33.500
//! strftime("x", "%Y") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::time::{TimeFormat, from_seconds};
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "strftime",
    aliases: &[],
    usage: "strftime(t, format)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("strftime.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.compiler.varies();
    let fixed = args.literal(1).map(|literal| TimeFormat::new(&literal.value));
    let (time, format) = (args.value(0)?, args.value(1)?);
    Ok(Code::value(move |row| {
        let text = time(row).as_number().and_then(from_seconds).and_then(|time_us| match &fixed {
            Some(format) => format.format(time_us, row.ctx().zone),
            None => TimeFormat::new(&format(row).as_text()?).format(time_us, row.ctx().zone),
        });
        text.map_or(Value::Null, Value::from)
    }))
}
