//! Adds to each row what is known about the search itself.
//!
//! **Syntax**
//!
//! `addinfo`
//!
//! **Semantics**
//!
//! `info_min_time` and `info_max_time` are the searched range in epoch seconds: 0.000 where it is open at the start,
//! `+Infinity` where it is open at the end. `info_search_time` is the start of the search, `info_sid` a name for it.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! > addinfo | table x info_min_time info_max_time info_search_time
//! x=1 info_min_time=0.000 info_max_time=+Infinity info_search_time=1772725653.000
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Addinfo;

const FIELDS: [&str; 4] = ["info_min_time", "info_max_time", "info_sid", "info_search_time"];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    args.finish()?;
    Ok(Box::new(Addinfo))
}

impl fmt::Display for Addinfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("addinfo")
    }
}

impl Command for Addinfo {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        FIELDS.iter().for_each(|field| wanted.remove(field));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let seconds =
            |time_us: i64| format!("{}.{:03}", time_us.div_euclid(1_000_000), time_us.rem_euclid(1_000_000) / 1000);
        let values = [
            seconds(ctx.range.earliest.unwrap_or(0)),
            ctx.range.latest.map_or_else(|| "+Infinity".to_owned(), seconds),
            seconds(ctx.now_us),
            seconds(ctx.now_us),
        ];
        Box::new(AddinfoOperator { values: values.map(Value::from) })
    }
}

struct AddinfoOperator {
    values: [Value; 4],
}

impl Operator for AddinfoOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        for (field, value) in FIELDS.iter().zip(&self.values) {
            batch.set_column(field, vec![value.clone(); batch.len()]);
        }
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::context::Context;
    use crate::testing::{NOW_US, check_fields_read, check_prints, check_refused, check_rows_in};
    use crate::time::TimeRange;
    use trawl_formats::Zone;

    #[test]
    fn parses_and_prints() {
        check_prints(&[("ADDINFO", "addinfo")]);
        check_refused("addinfo x", "x", "expected the end of the command, found `x`");
    }

    #[test]
    fn the_range_of_the_search() {
        let range = TimeRange { earliest: Some(1_500_000), latest: Some(9_000_000) };
        check_rows_in(
            || Context::new(NOW_US, Zone::UTC, range),
            "x=1",
            "addinfo | fields info_m*",
            "info_min_time=1.500 info_max_time=9.000",
        );
    }

    #[test]
    fn fields_read() {
        check_fields_read("addinfo", &["a", "info_sid"], "a");
    }
}
