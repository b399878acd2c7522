//! `strptime("text", "format")`: the time that the text says, in seconds since 1970.
//!
//! The variables are those of `strftime`. Null if the text does not fit; what follows the format is ignored. Parts of the date
//! that the format lacks are today's, a time of day it lacks is midnight, and without an offset the text is local time in
//! the zone of the search.
//!
//! ```example
//! strptime("2024-03-05 08:00:00", "%Y-%m-%d %H:%M:%S") = 1709625600
//! strptime("2024-03-05T08:00:00+0530", "%FT%T%z") = 1709605800
//! strptime("x", "%Y") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::time::{TimeFormat, to_value};
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "strptime",
    aliases: &[],
    usage: "strptime(text, format)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("strptime.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.compiler.varies();
    let fixed = args.literal(1).map(|literal| TimeFormat::new(&literal.value));
    let (text, format) = (args.value(0)?, args.value(1)?);
    Ok(Code::value(move |row| {
        let text = text(row);
        let time_us = text.as_text().and_then(|text| match &fixed {
            Some(format) => format.parse(&text, row.ctx().zone, row.ctx().now_us),
            None => TimeFormat::new(&format(row).as_text()?).parse(&text, row.ctx().zone, row.ctx().now_us),
        });
        time_us.map_or(Value::Null, to_value)
    }))
}
