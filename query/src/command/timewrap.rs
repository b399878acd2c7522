//! Lays periods of a chart over each other: today beside yesterday.
//!
//! **Syntax**
//!
//! `timewrap [options] <span> [options]`, after `timechart`
//!
//! **Arguments**
//!
//! - span: the length of a period, such as `1d`, `1w`, `2mon`.
//! - `align=end`: periods end where the searched range ends (or the last row); `align=now`: where the search began.
//! - `series=relative`: columns are called `latest_day`, `1day_before`, `2days_before`; `series=short`: `s0`, `s1`;
//!   `series=exact`: by the time at which the period begins, in `time_format=%Y-%m-%d %H:%M:%S`.
//!
//! **Semantics**
//!
//! Each row moves forward by whole periods into the latest one, and each column becomes one for each period, the oldest
//! first: `count` becomes `count_1day_before`, `count_latest_day`. Days and longer periods follow the local clock. Rows
//! without `_time`, or after the end, are left out.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! _time=0 count=1
//! _time=43200 count=2
//! _time=86400 count=3
//! _time=129600 count=4
//! > timewrap 1d
//! _time=86400 count_1day_before=1 count_latest_day=3
//! _time=129600 count_1day_before=2 count_latest_day=4
//! ```
//!
//! **Differences** where the searched range is open, the end is that of the last row's bin.

use super::args::bad_value;
use super::grouping::check_groups;
use super::rows::change_all_rows;
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::lexer::quote;
use crate::time::{SpanUnit, TimeFormat, TimeSpan, TimeSpec, TimeStep, Unit, from_seconds, to_value};
use crate::value::Value;
use crate::wanted::Wanted;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Timewrap {
    /// Number of units of a period.
    pub n: u32,
    /// The unit.
    pub unit: Unit,
    /// Whether periods end at the start of the search rather than at the end of its range.
    pub align_now: bool,
    /// What columns are called.
    pub series: WrapSeries,
}

/// What the columns of a period are called.
#[derive(Clone, Debug, PartialEq)]
pub enum WrapSeries {
    /// `latest_day`, `1day_before`.
    Relative,
    /// `s0`, `s1`.
    Short,
    /// The start of the period in this format.
    Exact(String),
}

const OPTIONS: [&str; 3] = ["align", "series", "time_format"];
const DEFAULT_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut command = Timewrap { n: 1, unit: Unit::Day, align_now: false, series: WrapSeries::Relative };
    let mut format = DEFAULT_FORMAT.to_owned();
    parse_options(&mut args, &mut command, &mut format)?;
    let span = args.option_value("a span of time")?;
    let Some((n, SpanUnit::Unit(unit))) = TimeSpan::parse(&span.value).map(TimeSpan::parts) else {
        return Err(QueryError::new(QueryErrorKind::TimeSpan(span.value), span.span)
            .with_hint("write a period such as 1d, 1w or 1mon"));
    };
    (command.n, command.unit) = (n, unit);
    parse_options(&mut args, &mut command, &mut format)?;
    args.finish()?;
    if let WrapSeries::Exact(written) = &mut command.series {
        *written = format;
    }
    Ok(Box::new(command))
}

fn parse_options(args: &mut Args<'_>, command: &mut Timewrap, format: &mut String) -> Result<(), QueryError> {
    while let Some((option, value)) = args.option(&OPTIONS)? {
        let word = value.value.to_ascii_lowercase();
        match (option, word.as_str()) {
            ("align", "now") => command.align_now = true,
            ("align", "end") => command.align_now = false,
            ("align", _) => return Err(bad_value(&value, "end or now")),
            ("series", "relative" | "r") => command.series = WrapSeries::Relative,
            ("series", "short" | "s") => command.series = WrapSeries::Short,
            ("series", "exact" | "e") => command.series = WrapSeries::Exact(String::new()),
            ("series", _) => return Err(bad_value(&value, "relative, short or exact")),
            _ => *format = value.value,
        }
    }
    Ok(())
}

impl fmt::Display for Timewrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timewrap {}{}", self.n, self.unit.name())?;
        f.write_str(if self.align_now { " align=now" } else { "" })?;
        match &self.series {
            WrapSeries::Relative => Ok(()),
            WrapSeries::Short => f.write_str(" series=short"),
            WrapSeries::Exact(format) if format == DEFAULT_FORMAT => f.write_str(" series=exact"),
            WrapSeries::Exact(format) => write!(f, " series=exact time_format={}", quote(format)),
        }
    }
}

/// The unit in full, as in `latest_day`.
fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Second => "second",
        Unit::Minute => "minute",
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Quarter => "quarter",
        Unit::Year => "year",
    }
}

impl Timewrap {
    /// The instant `n_periods` later, or earlier, on the local clock.
    fn shift(&self, time_us: i64, n_periods: i64, ctx: &Context) -> Option<i64> {
        let step = TimeStep::Shift { n: n_periods.checked_mul(i64::from(self.n))?, unit: self.unit };
        TimeSpec::Relative(vec![step]).resolve(time_us, ctx.zone)
    }

    fn column_name(&self, field: &str, periods_before: i64, end_us: i64, ctx: &Context) -> String {
        let unit = unit_name(self.unit);
        match &self.series {
            WrapSeries::Short => format!("{field}_s{periods_before}"),
            WrapSeries::Exact(format) => {
                let start_us = self.shift(end_us, -periods_before - 1, ctx).unwrap_or(end_us);
                format!("{field}_{}", TimeFormat::new(format).format(start_us, ctx.zone).unwrap_or_default())
            }
            WrapSeries::Relative => {
                let n = periods_before * i64::from(self.n);
                match (periods_before, n, self.n) {
                    (0, _, 1) => format!("{field}_latest_{unit}"),
                    (0, _, n) => format!("{field}_latest_{n}{unit}s"),
                    (_, 1, _) => format!("{field}_1{unit}_before"),
                    _ => format!("{field}_{n}{unit}s_before"),
                }
            }
        }
    }
}

impl Command for Timewrap {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let wrapper = Wrapper { ctx: Arc::clone(ctx), command: self.clone() };
        change_all_rows(ctx, "timewrap", move |rows| {
            *rows = wrapper.wrap(rows)?;
            Ok(())
        })
    }
}

struct Wrapper {
    ctx: Arc<Context>,
    command: Timewrap,
}

impl Wrapper {
    /// Where the latest period ends.
    fn end_us(&self, times: &BTreeSet<i64>) -> Option<i64> {
        if self.command.align_now {
            return Some(self.ctx.now_us);
        }
        if let Some(latest) = self.ctx.range.latest {
            return Some(latest);
        }
        // The last bin is as long as the one before it.
        let mut newest = times.iter().rev();
        let last = *newest.next()?;
        Some(last.saturating_add(newest.next().map_or(1, |before| last - before)))
    }

    /// For each instant how many periods before the latest one it lies, and what it is called there.
    fn places(&self, times: &BTreeSet<i64>, end_us: i64) -> Result<HashMap<i64, (usize, i64)>> {
        let mut places = HashMap::new();
        let mut n_before = 0;
        // From the latest instant backwards, so that periods are walked through once.
        for time_us in times.iter().rev().filter(|time_us| **time_us < end_us) {
            while let Some(start_us) = self.command.shift(end_us, -n_before - 1, &self.ctx)
                && *time_us < start_us
            {
                n_before += 1;
                check_groups(&self.ctx, "timewrap", n_before as usize)?;
            }
            if let Some(wrapped_us) = self.command.shift(*time_us, n_before, &self.ctx) {
                places.insert(*time_us, (n_before as usize, wrapped_us));
            }
        }
        Ok(places)
    }

    /// The table of one line for each instant of a period.
    fn wrap(&self, batch: &Batch) -> Result<Batch> {
        let time_us = |row: usize| batch.value(row, "_time").as_number().and_then(from_seconds);
        let times: BTreeSet<i64> = (0..batch.len()).filter_map(time_us).collect();
        let Some(end_us) = self.end_us(&times) else { return Ok(Batch::default()) };
        let places = self.places(&times, end_us)?;
        let mut lines: BTreeMap<i64, usize> = places.values().map(|(_, wrapped_us)| (*wrapped_us, 0)).collect();
        lines.values_mut().enumerate().for_each(|(index, line)| *line = index);
        let periods: BTreeSet<usize> = places.values().map(|(n_before, _)| *n_before).collect();
        let columns: HashMap<usize, usize> =
            periods.iter().rev().enumerate().map(|(column, n_before)| (*n_before, column)).collect();
        let fields: Vec<(&str, &[Value])> = batch.iter().filter(|(name, _)| !name.starts_with('_')).collect();
        check_groups(&self.ctx, "timewrap", lines.len().saturating_mul(periods.len() * fields.len()))?;
        let cells: Vec<Option<(usize, usize)>> = (0..batch.len())
            .map(|row| {
                let (n_before, wrapped_us) = places.get(&time_us(row)?)?;
                Some((columns[n_before], lines[wrapped_us]))
            })
            .collect();
        let mut table = vec![("_time".to_owned(), lines.keys().map(|time| to_value(*time)).collect())];
        for (field, column) in fields {
            let mut wrapped = vec![vec![Value::Null; lines.len()]; periods.len()];
            for (cell, value) in cells.iter().zip(column) {
                if let Some((period, line)) = cell {
                    wrapped[*period][*line] = value.clone();
                }
            }
            for (n_before, cells) in periods.iter().rev().zip(wrapped) {
                table.push((self.command.column_name(field, *n_before as i64, end_us, &self.ctx), cells));
            }
        }
        Ok(Batch::from_columns(lines.len(), table))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("TIMEWRAP 1day", "timewrap 1d"),
            ("timewrap w series=short align=now", "timewrap 1w align=now series=short"),
            ("timewrap time_format=%F 1mon series=exact", "timewrap 1mon series=exact time_format=\"%F\""),
            ("timewrap 1d series=exact", "timewrap 1d series=exact"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("timewrap", "", "expected a value for `a span of time`, found the end");
        check_refused("timewrap 5x", "5x", "`5x` is not a span of time");
        check_refused("timewrap 1d align=start", "start", "`start` is not end or now");
        check_refused("timewrap 1d serie=short", "serie", "`timewrap` has no option `serie`");
    }

    #[test]
    fn names() {
        let input = "_time=0 n=1\n_time=86400 n=2\n_time=172800 n=3";
        check_columns(input, "timewrap 1d", "_time n_2days_before n_1day_before n_latest_day");
        check_columns(input, "timewrap 1d series=short", "_time n_s2 n_s1 n_s0");
        check_columns(input, "timewrap 1d series=exact time_format=%m%d", "_time n_0101 n_0102 n_0103");
        check_rows(input, "timewrap 1d series=s", "_time=172800 n_s2=1 n_s1=2 n_s0=3");
        check_rows("", "timewrap 1d", "");
    }

    #[test]
    fn fields_read() {
        check_fields_read("timewrap 1d", &["a"], "*");
    }
}
