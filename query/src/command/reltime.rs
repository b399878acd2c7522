//! Says in words how long ago a time is: `5 minutes ago`.
//!
//! **Syntax**
//!
//! `reltime [timefield=<list>] [prefix=<text>]`
//!
//! **Arguments**
//!
//! - `timefield`: the fields that hold times in seconds, divided by commas, in quotes if there are several; `_time` by
//!   default.
//! - `prefix`: what stands before the names of the new fields; `reltime_` by default if `timefield` is given.
//!
//! **Semantics**
//!
//! Without `timefield` the new field is `reltime`, else each is the prefix and the name of its field. The difference to the
//! start of the search is given in whole units of the largest kind that fits: seconds, minutes, hours, days, months of 30
//! days, years of 365 days. A time to come is `in 5 minutes`. A field that holds no time gives none.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! n=90
//! > eval _time=now()-n | reltime | fields reltime | fields - _time
//! reltime="1 minute ago"
//! ```

use super::args::write_option;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::time::{SECOND_US, from_seconds};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Reltime {
    /// The fields that hold times; none for `_time`.
    pub fields: Vec<String>,
    /// What stands before the names of the new fields.
    pub prefix: String,
}

const DEFAULT_PREFIX: &str = "reltime_";

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut reltime = Reltime { fields: Vec::new(), prefix: DEFAULT_PREFIX.to_owned() };
    while let Some((option, value)) = args.option(&["timefield", "prefix"])? {
        match option {
            "timefield" => {
                let names = value.value.split([',', ' ']).filter(|name| !name.is_empty());
                reltime.fields = names.map(str::to_owned).collect();
                if reltime.fields.is_empty() {
                    return Err(QueryError::rule("the name of a field cannot be empty", value.span));
                }
            }
            _ => reltime.prefix = value.value,
        }
    }
    args.finish()?;
    Ok(Box::new(reltime))
}

impl fmt::Display for Reltime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reltime")?;
        if !self.fields.is_empty() {
            write_option(f, "timefield", &self.fields.join(","))?;
        }
        if self.prefix != DEFAULT_PREFIX { write_option(f, "prefix", &self.prefix) } else { Ok(()) }
    }
}

impl Reltime {
    /// The fields that hold times, with the names of the new ones.
    fn names(&self) -> Vec<(String, String)> {
        match self.fields.is_empty() {
            true => vec![("_time".to_owned(), "reltime".to_owned())],
            false => self.fields.iter().map(|field| (field.clone(), format!("{}{field}", self.prefix))).collect(),
        }
    }
}

impl Command for Reltime {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        for (field, name) in self.names() {
            if wanted.contains(&name) {
                wanted.remove(&name);
                wanted.add(&field);
            }
        }
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(ReltimeOperator { now_us: ctx.now_us, names: self.names() })
    }
}

struct ReltimeOperator {
    now_us: i64,
    names: Vec<(String, String)>,
}

impl Operator for ReltimeOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        for (field, name) in &self.names {
            let in_words = |cell: &Value| {
                let time_us = cell.as_number().and_then(from_seconds);
                time_us.map_or(Value::Null, |time_us| Value::from(in_words(self.now_us.saturating_sub(time_us))))
            };
            let cells = match batch.column(field) {
                Some(column) => column.iter().map(in_words).collect(),
                None => vec![Value::Null; batch.len()],
            };
            batch.set_column(name, cells);
        }
        out(batch);
        Ok(Flow::More)
    }
}

/// `5 minutes ago`, for a time that lies so many microseconds back.
fn in_words(ago_us: i64) -> String {
    const UNITS: [(u64, &str); 6] =
        [(31_536_000, "year"), (2_592_000, "month"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let seconds = ago_us.unsigned_abs() / SECOND_US.unsigned_abs();
    let Some((length, unit)) = UNITS.iter().find(|(length, _)| seconds >= *length) else { return "now".to_owned() };
    let n = seconds / length;
    let plural = if n == 1 { "" } else { "s" };
    if ago_us > 0 { format!("{n} {unit}{plural} ago") } else { format!("in {n} {unit}{plural}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("reltime", "reltime"),
            ("RELTIME timefield=\"a, b\" prefix=r_", "reltime timefield=\"a,b\" prefix=r_"),
            ("reltime timefield=seen", "reltime timefield=seen"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("reltime x", "x", "expected the end of the command, found `x`");
        check_refused("reltime timefield=\"\"", "\"\"", "the name of a field cannot be empty");
        check_refused("reltime field=x", "field", "`reltime` has no option `field`");
    }

    #[test]
    fn words() {
        for (seconds, expected) in [
            (0, "now"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (7300, "2 hours ago"),
            (86_400, "1 day ago"),
            (86_400 * 65, "2 months ago"),
            (86_400 * 800, "2 years ago"),
            (-120, "in 2 minutes"),
        ] {
            assert_eq!(in_words(seconds * SECOND_US), expected);
        }
    }

    #[test]
    fn rows() {
        check_rows(
            "a=1\na=x",
            "eval a=if(a=1, now()-5, a) | reltime timefield=a | fields reltime_a",
            "reltime_a=\"5 seconds ago\"\n-",
        );
        check_rows("x=1 reltime=old", "reltime", "x=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("reltime", &["reltime", "a"], "_time a");
        check_fields_read("reltime timefield=t prefix=r_", &["r_t"], "t");
        check_fields_read("reltime", &["a"], "a");
    }
}
