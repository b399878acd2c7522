//! Compares the events of an incident with the others: which patterns are new, gone, more or less frequent, or on other hosts.
//!
//! **Syntax**
//!
//! `diffpatterns incident=A..B [baseline=C..D] [limit=0] [field=_raw]`
//!
//! **Arguments**
//!
//! - `incident=`: the range of time, half open; A and B are time modifiers such as `-1h`, `@d+14h` or `2026-11-20T14:00:00`. Without B it
//!   ends now.
//! - `baseline=`: what to compare with; everything else that the search finds by default.
//! - `limit=`: most patterns of each kind of change; 0, the default, for all.
//! - `field=`: the field whose text is looked at, `_raw` by default.
//!
//! **Semantics**
//!
//! One row for each pattern (as `patterns` finds them) that changed, kinds in this order, the largest `g` first:
//!
//! - `change`: `new` (in the incident only), `more`, `moved` (as frequent as before, but on other hosts), `less`, `vanished`;
//! - `pattern`; `count` and `baseline_count`; `rate` and `baseline_rate`, events a minute;
//! - `g`: the log-likelihood ratio of the rates (of the hosts, where it moved), divided by how much more than chance its counts scatter
//!   among stretches of the baseline as long as the incident;
//! - `q`: its p-value, adjusted for the number of tests (Benjamini and Hochberg). Rows have 0.01 or less, but for new patterns;
//! - `first_seen`, `last_seen`: of the incident, where it is in it, and of all;
//! - `hosts`: those of the incident, the most frequent first, else those of the baseline; `sources`, the first twenty by name;
//! - `id`, `search`, `example` as with `patterns`; the example is the first event of the incident.
//!
//! The searched range should cover both ranges: what was not searched looks as if it had not happened. Events without a time do not count.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** as `patterns`.
//!
//! **Examples**
//!
//! ```example
//! _time=100 _raw="login of user 1 ok" host=a
//! _time=130 _raw="login of user 2 ok" host=a
//! _time=160 _raw="login of user 3 ok" host=a
//! _time=165 _raw="pool 1 is exhausted" host=a
//! _time=170 _raw="pool 2 is exhausted" host=b
//! > diffpatterns incident=160..190 | fields change pattern count baseline_count rate hosts example
//! change=new pattern="pool <*> is exhausted" count=2 baseline_count=0 rate=4 hosts=[a,b] example="pool 1 is exhausted"
//! ```
//!
//! **Differences** Splunk has no such command.

use super::args::count;
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result, RunError};
use crate::lexer::{quote, quote_name};
use crate::rca::diff::{Change, Gathered, PatternChange, What, Windows, decide};
use crate::span::Spanned;
use crate::time::{TimeSpec, to_value};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Diffpatterns {
    /// The incident.
    pub incident: Span,
    /// What it is compared with; `None` for all else.
    pub baseline: Option<Span>,
    /// Most patterns of each kind of change; `None` for all.
    pub limit: Option<usize>,
    /// The field whose text is looked at.
    pub field: String,
}

/// A range of time as it was written, and what it means.
#[derive(Clone, Debug)]
pub struct Span {
    text: String,
    from: TimeSpec,
    to: TimeSpec,
}

const DEFAULT_FIELD: &str = "_raw";
const OPTIONS: [&str; 4] = ["incident", "baseline", "limit", "field"];
const COLUMNS: [&str; 15] = [
    "change",
    "pattern",
    "count",
    "baseline_count",
    "rate",
    "baseline_rate",
    "g",
    "q",
    "first_seen",
    "last_seen",
    "hosts",
    "sources",
    "id",
    "search",
    "example",
];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut incident, mut baseline, mut limit, mut field) = (None, None, None, DEFAULT_FIELD.to_owned());
    while let Some((option, value)) = args.option(&OPTIONS)? {
        match option {
            "incident" => incident = Some(Span::parse(value)?),
            "baseline" => baseline = Some(Span::parse(value)?),
            "limit" => limit = Some(count(&value)?).filter(|limit| *limit > 0),
            _ => field = value.value,
        }
    }
    let Some(incident) = incident else { return Err(args.cursor.expected("`incident=A..B`")) };
    args.finish()?;
    Ok(Box::new(Diffpatterns { incident, baseline, limit, field }))
}

impl Span {
    fn parse(value: Spanned<String>) -> Result<Self, QueryError> {
        let parsed = value.value.split_once("..").and_then(|(from, to)| {
            let to = if to.is_empty() { "now" } else { to };
            Some((TimeSpec::parse(from)?, TimeSpec::parse(to)?))
        });
        let Some((from, to)) = parsed else {
            let message = format!("`{}` is not a range of time", value.value);
            return Err(QueryError::rule(message, value.span).with_hint("write for example -2h..-1h"));
        };
        Ok(Self { text: value.value, from, to })
    }

    fn resolve(&self, ctx: &Context) -> Result<(i64, i64)> {
        let range = self.from.resolve(ctx.now_us, ctx.zone).zip(self.to.resolve(ctx.now_us, ctx.zone));
        range.filter(|(from_us, to_us)| from_us < to_us).ok_or_else(|| RunError::Command {
            command: "diffpatterns",
            message: format!("the range `{}` ends before it begins", self.text),
        })
    }
}

impl fmt::Display for Diffpatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "diffpatterns incident={}", quote(&self.incident.text))?;
        self.baseline.iter().try_for_each(|baseline| write!(f, " baseline={}", quote(&baseline.text)))?;
        self.limit.iter().try_for_each(|limit| write!(f, " limit={limit}"))?;
        if self.field != DEFAULT_FIELD { write!(f, " field={}", quote_name(&self.field)) } else { Ok(()) }
    }
}

impl Command for Diffpatterns {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: false }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::of([self.field.as_str(), "_time", "host", "source", "level"].map(str::to_owned))
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let windows = self.incident.resolve(ctx).and_then(|incident| {
            let baseline = self.baseline.as_ref().map(|baseline| baseline.resolve(ctx)).transpose()?;
            Ok(Windows::new(incident, baseline))
        });
        let (windows, error) = match windows {
            Ok(windows) => (windows, None),
            Err(error) => (Windows::new((0, 1), None), Some(error)),
        };
        Box::new(DiffpatternsOperator {
            ctx: Arc::clone(ctx),
            command: self.clone(),
            windows,
            error,
            gathered: Gathered::default(),
            memory: Memory::new(ctx, "diffpatterns"),
        })
    }
}

struct DiffpatternsOperator {
    ctx: Arc<Context>,
    command: Diffpatterns,
    windows: Windows,
    /// Why the ranges make no sense, until somebody is told.
    error: Option<RunError>,
    gathered: Gathered,
    memory: Memory,
}

impl Operator for DiffpatternsOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.memory.grow(self.gathered.take(&batch, &self.windows, &self.command.field, What::Patterns))?;
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        self.memory.absorb(other.memory);
        self.gathered.merge(other.gathered);
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let gathered = std::mem::take(&mut self.gathered);
        let seen_us = gathered.seen_us.unwrap_or_default();
        let (mut changes, _) = decide(gathered.into_patterns(), &self.windows, self.ctx.range, seen_us);
        if let Some(limit) = self.command.limit {
            let mut kept: Vec<PatternChange> = Vec::new();
            for kind in Change::ALL {
                kept.extend(changes.iter().filter(|change| change.change == kind).take(limit).cloned());
            }
            changes = kept;
        }
        let mut columns: Vec<Vec<Value>> = vec![Vec::new(); COLUMNS.len()];
        for change in &changes {
            columns.iter_mut().zip(row(change)).for_each(|(column, cell)| column.push(cell));
        }
        out(Batch::from_columns(changes.len(), COLUMNS.into_iter().zip(columns)));
        Ok(())
    }
}

fn row(change: &PatternChange) -> [Value; 15] {
    let time = |time: Option<i64>| time.map_or(Value::Null, to_value);
    let is_there = change.count > 0;
    let hosts = change.hosts.iter().filter(|host| host.count > 0 || !is_there);
    [
        Value::from(change.change.name()),
        Value::from(change.pattern.as_str()),
        Value::count(change.count),
        Value::count(change.baseline_count),
        Value::number(change.rate),
        Value::number(change.baseline_rate),
        Value::number(change.g),
        Value::number(change.q),
        time(change.first_seen_us),
        time(change.last_seen_us),
        Value::multi(hosts.map(|host| Value::from(host.host.as_str()))),
        Value::multi(change.sources.iter().map(|source| Value::from(source.as_str()))),
        Value::from(change.id.as_str()),
        change.search.as_deref().map_or(Value::Null, Value::from),
        Value::from(change.line.text.as_str()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows, execute};
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("DIFFPATTERNS incident=-2h..-1h", "diffpatterns incident=\"-2h..-1h\""),
            (
                "diffpatterns incident=\"@d..\" baseline=-1d..@d limit=3 field=msg",
                "diffpatterns incident=\"@d..\" baseline=\"-1d..@d\" limit=3 field=msg",
            ),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("diffpatterns", "", "expected `incident=A..B`, found the end");
        check_refused("diffpatterns incident=1h", "1h", "`1h` is not a range of time");
        check_refused("diffpatterns incident=x..y", "x..y", "`x..y` is not a range of time");
        check_refused("diffpatterns incidents=1..2", "incidents", "`diffpatterns` has no option `incidents`");
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_an_error() {
        let ctx = Arc::new(crate::testing::context());
        let commands = crate::testing::commands("diffpatterns incident=9..2");
        let error = execute(&ctx, &commands, &[], 1, 1).unwrap_err();
        assert_eq!(error.to_string(), "`diffpatterns`: the range `9..2` ends before it begins");
    }

    /// Ten stretches of ten seconds before the incident, which is from 100 to 110.
    fn events() -> String {
        let mut events = String::new();
        let mut add = |time: usize, text: &str, host: &str| {
            events.push_str(&format!("_time={time} _raw=\"{text}\" host={host} source=s\n"));
        };
        for time in 0..110 {
            add(time, &format!("tick {time}"), "a");
            add(time, "balanced", if time < 100 { "a" } else { "b" });
            add(time, "balanced", if time < 100 { "a" } else { "b" });
            if time < 100 {
                add(time, &format!("served request {time}"), "a");
            } else {
                add(time, &format!("pool {time} is exhausted"), "b");
                (0..9).for_each(|n| add(time, &format!("retry {n} of it"), "a"));
            }
            if time % 10 == 0 {
                add(time, "retry 0 of it", "a");
            }
        }
        events
    }

    #[test]
    fn rows() {
        check_rows(
            &events(),
            "diffpatterns incident=100..110 | fields change pattern count baseline_count rate baseline_rate hosts first_seen",
            "change=new pattern=\"pool <*> is exhausted\" count=10 baseline_count=0 rate=60 baseline_rate=0 hosts=b first_seen=100\n\
             change=more pattern=\"retry <*> of it\" count=91 baseline_count=10 rate=546 baseline_rate=6 hosts=a first_seen=100\n\
             change=moved pattern=balanced count=20 baseline_count=200 rate=120 baseline_rate=120 hosts=b first_seen=100\n\
             change=vanished pattern=\"served request <*>\" count=0 baseline_count=100 rate=0 baseline_rate=60 hosts=a first_seen=0",
        );
        check_columns(
            "",
            "diffpatterns incident=1..2",
            "change pattern count baseline_count rate baseline_rate g q first_seen last_seen hosts sources id search example",
        );
    }

    #[test]
    fn fields_read() {
        check_fields_read("diffpatterns incident=1..2", &["g"], "_raw _time host level source");
    }
}
