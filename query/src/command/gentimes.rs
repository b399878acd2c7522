//! Makes a row for each interval of a range of time.
//!
//! **Syntax**
//!
//! `| gentimes start=<date|-days> [end=<date|-days>] [increment=1d]`
//!
//! **Arguments**
//!
//! - `start`, `end`: `MM/DD/YYYY` with `:HH:MM:SS` behind it or not, or a number of days before or after today's
//!   midnight: `-7`. The end is excluded; by default it is today's midnight.
//! - `increment`: the length of an interval: `1d`, `2h`, `15m`, `30s`.
//!
//! **Semantics**
//!
//! `starttime` and `endtime` are epoch seconds, the end being the last second of the interval; `starthuman` and
//! `endhuman` the same as text. Days begin at midnight of the search's zone.
//!
//! **Kind** generating; stands first.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! > | gentimes start=-2 | table starthuman endhuman
//! starthuman="Tue Mar 03 00:00:00 2026" endhuman="Tue Mar 03 23:59:59 2026"
//! starthuman="Wed Mar 04 00:00:00 2026" endhuman="Wed Mar 04 23:59:59 2026"
//! ```

use super::args::bad_value;
use super::generate::{Generate, GenerateOperator};
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result, RunError};
use crate::lexer::quote;
use crate::span::Spanned;
use crate::time::TimeFormat;
use crate::time::{TimeSpec, to_value};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Rows of one batch.
const BATCH_ROWS: usize = 4096;

/// The parsed command.
#[derive(Clone, Debug, PartialEq)]
pub struct Gentimes {
    /// Where the first interval starts, as written.
    pub start: String,
    /// Where the last one ends; today's midnight if not given.
    pub end: Option<String>,
    /// The length of an interval, as written.
    pub increment: String,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut start, mut end, mut increment) = (None, None, "1d".to_owned());
    let checked = |value: Spanned<String>| match time(&value.value) {
        Some(_) => Ok(value.value),
        None => Err(bad_value(&value, "a date such as 10/31/2026 or a number of days such as -7")),
    };
    while let Some((name, value)) = args.option(&["start", "end", "increment"])? {
        match name {
            "start" => start = Some(checked(value)?),
            "end" => end = Some(checked(value)?),
            _ => {
                let is_plain = value.value.starts_with(|c: char| c.is_ascii_digit()) && !value.value.contains('@');
                if !is_plain || TimeSpec::parse(&format!("+{}", value.value)).is_none() || value.value.starts_with('0')
                {
                    return Err(bad_value(&value, "a span of time such as 1d or 15m"));
                }
                increment = value.value;
            }
        }
    }
    let start = start.ok_or_else(|| args.cursor.expected("start="))?;
    args.finish()?;
    Ok(Box::new(Gentimes { start, end, increment }))
}

/// A time as `gentimes` writes it, as a time modifier.
fn time(text: &str) -> Option<TimeSpec> {
    if text.parse::<i32>().is_ok() {
        let sign = if text.starts_with(['-', '+']) { "" } else { "+" };
        return TimeSpec::parse(&format!("@d{sign}{text}d"));
    }
    let has_time = text.contains(':');
    let whole = if has_time { text.to_owned() } else { format!("{text}:00:00:00") };
    text.contains('/').then(|| TimeSpec::parse(&whole))?
}

impl fmt::Display for Gentimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gentimes start={}", quote(&self.start))?;
        if let Some(end) = &self.end {
            write!(f, " end={}", quote(end))?;
        }
        write!(f, " increment={}", self.increment)
    }
}

impl Command for Gentimes {
    fn kind(&self) -> CommandKind {
        CommandKind::Generating
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::none()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(GenerateOperator(Generator { command: self.clone(), ctx: Arc::clone(ctx) }))
    }
}

struct Generator {
    command: Gentimes,
    ctx: Arc<Context>,
}

impl Generator {
    fn resolve(&self, spec: Option<TimeSpec>, from_us: i64) -> Result<i64> {
        let resolved = spec.and_then(|spec| spec.resolve(from_us, self.ctx.zone));
        resolved.ok_or_else(|| RunError::Command {
            command: "gentimes",
            message: "a time is beyond what a time can be".to_owned(),
        })
    }
}

impl Generate for Generator {
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let (now_us, zone) = (self.ctx.now_us, self.ctx.zone);
        let mut at = self.resolve(time(&self.command.start), now_us)?;
        let end = self.resolve(time(self.command.end.as_deref().unwrap_or("0")), now_us)?;
        let step = TimeSpec::parse(&format!("+{}", self.command.increment));
        let human = TimeFormat::new("%a %b %d %H:%M:%S %Y");
        let text = |time_us: i64| human.format(time_us, zone).map_or(Value::Null, Value::from);
        while at < end {
            self.ctx.cancel.check()?;
            let mut columns: [Vec<Value>; 4] = Default::default();
            while at < end && columns[0].len() < BATCH_ROWS {
                let next = self.resolve(step.clone(), at)?.max(at + 1_000_000);
                let last = next.min(end) - 1_000_000;
                let cells = [to_value(at), to_value(last), text(at), text(last)];
                columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
                at = next;
            }
            let n_rows = columns[0].len();
            out(Batch::from_columns(
                n_rows,
                ["starttime", "endtime", "starthuman", "endhuman"].into_iter().zip(columns),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_generated, check_generates_prints};

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[
            ("gentimes start=-3", "gentimes start=\"-3\" increment=1d"),
            (
                "gentimes start=10/1/2026 end=10/02/2026:12:00:00 increment=6h",
                "gentimes start=\"10/1/2026\" end=\"10/02/2026:12:00:00\" increment=6h",
            ),
        ]);
    }

    #[test]
    fn refused() {
        for (query, marked, message) in [
            ("| gentimes", "", "expected start=, found the end"),
            ("| gentimes start=x", "x", "`x` is not a date such as 10/31/2026 or a number of days such as -7"),
            ("| gentimes start=-1 increment=0d", "0d", "`0d` is not a span of time such as 1d or 15m"),
            ("| gentimes start=-1 step=1", "step", "`gentimes` has no option `step`"),
        ] {
            let error = crate::parse(query).expect_err(query);
            assert_eq!((&query[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
        }
    }

    #[test]
    fn intervals_follow_each_other() {
        check_generated(
            "| gentimes start=10/1/2026 end=10/02/2026:12:00:00 increment=1d | table starttime endtime",
            "starttime=1790812800 endtime=1790899199\nstarttime=1790899200 endtime=1790942399",
        );
        check_generated("| gentimes start=1 end=0", "");
        check_generated("| gentimes start=-1 increment=1m | stats count", "count=1440");
    }
}
