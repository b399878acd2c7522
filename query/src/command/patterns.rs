//! Puts events together that one statement of a program printed, with its variables marked.
//!
//! **Syntax**
//!
//! `patterns [limit=0] [field=_raw] [BY <list>]`
//!
//! **Arguments**
//!
//! - `limit=`: most patterns, for each BY group; 0, the default, for all.
//! - `field=`: the field whose text is looked at, `_raw` by default. Of several lines the first one counts.
//! - `BY`: patterns for each combination of these fields by itself.
//!
//! **Semantics**
//!
//! One row for each pattern, the most frequent first, of equally frequent ones by their text:
//!
//! - the BY fields;
//! - `pattern`: what its events have in common, `<*>` for what varies;
//! - `count`, and `percent` of the rows of the BY group that have the field, with six decimals;
//! - `sparkline`: the count over time, as that of `stats`; the bins depend on the range of time;
//! - `first_seen`, `last_seen`: the smallest and largest `_time`;
//! - `id`: twelve hexadecimal digits made of the text of the pattern: the same in every search, index and version;
//! - `sources`: the sources, the first twenty by name;
//! - `search`: a search that finds the events again, by the words of the pattern; it may find others that have them, too;
//! - `example`: the first event, at most 2,000 bytes of it.
//!
//! Numbers, addresses, paths, times and identifiers vary by nature. Of other words the events decide: a word varies where many are seen in
//! its place, not where there are two; levels never do. The order of the events does not matter. Rows in which the field or a BY field is
//! null do not count.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** one entry for each shape of event, some thousand for the logs of a large system, and coarser ones where the text is no log:
//! some ten megabytes for each BY group.
//!
//! **Examples**
//!
//! ```example
//! _time=10 source=a.log _raw="worker 1 started in 15 ms"
//! _time=20 source=b.log _raw="worker 2 started in 3 ms"
//! _time=30 source=a.log _raw="worker 1 failed: timeout"
//! > patterns | fields pattern count percent first_seen last_seen sources search example
//! pattern="worker <*> started in <*>" count=2 percent=66.666667 first_seen=10 last_seen=20 sources=[a.log,b.log] search="worker "started in"" example="worker 1 started in 15 ms"
//! pattern="worker <*> failed: timeout" count=1 percent=33.333333 first_seen=30 last_seen=30 sources=a.log search="worker failed timeout" example="worker 1 failed: timeout"
//! ```
//!
//! ```example
//! _raw="disk 1 full" host=a
//! _raw="disk 2 full" host=a
//! _raw="disk 2 full" host=b
//! > patterns limit=1 BY host | fields host pattern count
//! host=a pattern="disk <*> full" count=2
//! host=b pattern="disk <*> full" count=1
//! ```
//!
//! **Differences** Splunk's `cluster` and `typelearner` compare events with a threshold; there is none here.

use super::args::count;
use super::group::Groups;
use super::grouping::{check_groups, write_by};
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::pattern::{self, Miner, Pattern, Seen, Tally, Trend};
use crate::stats_fn::{SPARKLINE_MARK, Target};
use crate::time::{from_seconds, to_value};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Patterns {
    /// Most patterns for each BY group; `None` for all.
    pub limit: Option<usize>,
    /// The field whose text is looked at.
    pub field: String,
    /// The fields to group by.
    pub by: Vec<String>,
}

const DEFAULT_FIELD: &str = "_raw";

/// The columns behind the BY fields.
const COLUMNS: [&str; 10] =
    ["pattern", "count", "percent", "sparkline", "first_seen", "last_seen", "id", "sources", "search", "example"];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut command = Patterns { limit: None, field: DEFAULT_FIELD.to_owned(), by: Vec::new() };
    parse_options(&mut args, &mut command)?;
    if args.keyword("BY") {
        args.cursor.skip_space();
        let start = args.cursor.pos();
        command.by = args.expect_plain_names(&[])?;
        let span = args.cursor.trimmed_span_from(start);
        if let Some(twice) = command.by.iter().find(|name| COLUMNS.contains(&name.as_str())) {
            return Err(QueryError::rule(format!("`patterns` makes a column `{twice}` itself"), span));
        }
        parse_options(&mut args, &mut command)?;
    }
    args.finish()?;
    Ok(Box::new(command))
}

fn parse_options(args: &mut Args<'_>, command: &mut Patterns) -> Result<(), QueryError> {
    while let Some((option, value)) = args.option(&["limit", "field"])? {
        match option {
            "limit" => command.limit = Some(count(&value)?).filter(|limit| *limit > 0),
            _ => command.field = value.value,
        }
    }
    Ok(())
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("patterns")?;
        self.limit.iter().try_for_each(|limit| write!(f, " limit={limit}"))?;
        if self.field != DEFAULT_FIELD {
            write!(f, " field={}", quote_name(&self.field))?;
        }
        write_by(f, &self.by)
    }
}

impl Command for Patterns {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: false }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::of(
            self.by.iter().map(String::as_str).chain([self.field.as_str(), "_time", "source"]).map(str::to_owned),
        )
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(PatternsOperator {
            ctx: Arc::clone(ctx),
            command: self.clone(),
            groups: Groups::new(self.by.len()),
            miners: Vec::new(),
            held: Vec::new(),
            bins: Trend::bins(ctx.range, ctx.zone),
            memory: Memory::new(ctx, "patterns"),
            targets: Vec::new(),
        })
    }
}

#[derive(Clone)]
struct PatternsOperator {
    ctx: Arc<Context>,
    command: Patterns,
    groups: Groups,
    /// One for each group.
    miners: Vec<Miner<Seen>>,
    /// Bytes that each miner was counted with.
    held: Vec<usize>,
    bins: Trend,
    memory: Memory,
    targets: Vec<Target>,
}

impl PatternsOperator {
    fn make_room(&mut self) -> Result<()> {
        self.miners.resize_with(self.groups.len(), Miner::default);
        self.held.resize(self.groups.len(), 0);
        check_groups(&self.ctx, "patterns", self.groups.len())
    }

    /// Counts what miners hold now beyond what they held before.
    fn count_memory(&mut self, n_bytes: usize) -> Result<()> {
        let mut grown = n_bytes;
        for (miner, held) in self.miners.iter().zip(&mut self.held) {
            grown += miner.n_bytes().saturating_sub(*held);
            *held = miner.n_bytes().max(*held);
        }
        self.memory.grow(grown)
    }

    /// The rows of a group.
    fn rows(&self, key: &[Value], patterns: &[Pattern<Seen>], columns: &mut [Vec<Value>]) {
        let n_rows: u64 = patterns.iter().map(|pattern| pattern.tally.n_lines()).sum();
        let times = patterns.iter().filter_map(|pattern| pattern.tally.times_us());
        let times = times.reduce(|(first, last), (earlier, later)| (first.min(earlier), last.max(later)));
        for Pattern { text, tally } in patterns.iter().take(self.command.limit.unwrap_or(usize::MAX)) {
            let percent = Value::from(format!("{:.6}", 100.0 * tally.n_lines() as f64 / n_rows as f64));
            let trend = times.map(|times| tally.trend(times)).filter(|trend| !trend.is_empty());
            let trend = trend.map_or(Value::Null, |trend| {
                Value::multi(std::iter::once(Value::from(SPARKLINE_MARK)).chain(trend.into_iter().map(Value::count)))
            });
            let time = |time: Option<i64>| time.map_or(Value::Null, to_value);
            let cells = [
                Value::from(text.as_str()),
                Value::count(tally.n_lines()),
                percent,
                trend,
                time(tally.times_us().map(|times| times.0)),
                time(tally.times_us().map(|times| times.1)),
                Value::from(pattern::id(text)),
                Value::multi(tally.sources().map(Value::from)),
                pattern::search_for(text).map_or(Value::Null, Value::from),
                Value::from(tally.example()),
            ];
            columns.iter_mut().zip(key.iter().cloned().chain(cells)).for_each(|(column, cell)| column.push(cell));
        }
    }
}

impl Operator for PatternsOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let mut n_bytes = self.groups.assign(&batch, &self.command.by, &mut self.targets);
        self.make_room()?;
        let Some(texts) = batch.column(&self.command.field) else { return Ok(Flow::More) };
        let (times, sources) = (batch.column("_time"), batch.column("source"));
        for target in &self.targets {
            let row = target.row as usize;
            let time_us = times.and_then(|times| times[row].as_number()).and_then(from_seconds);
            let source = sources.and_then(|sources| sources[row].as_text());
            for text in texts[row].each() {
                let miner = &mut self.miners[target.group as usize];
                n_bytes += text.with_text(|line| miner.push(line).add(line, time_us, source.as_deref(), &self.bins));
            }
        }
        self.count_memory(n_bytes)?;
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        self.memory.absorb(other.memory);
        let (groups, bytes) = self.groups.merge(&other.groups);
        self.make_room()?;
        for (group, miner) in groups.into_iter().zip(other.miners) {
            self.miners[group as usize].merge(miner);
        }
        self.count_memory(bytes)
    }

    fn snapshot(&self) -> Option<Box<dyn Operator>> {
        Some(Box::new(self.clone()))
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let mut miners: Vec<Miner<Seen>> = std::mem::take(&mut self.miners);
        let mut columns: Vec<Vec<Value>> = vec![Vec::new(); self.command.by.len() + COLUMNS.len()];
        for group in self.groups.sorted() {
            self.ctx.cancel.check()?;
            let patterns = std::mem::take(&mut miners[group as usize]).into_patterns();
            self.rows(self.groups.key(group), &patterns, &mut columns);
        }
        let names = self.command.by.iter().map(String::as_str).chain(COLUMNS);
        out(Batch::from_columns(columns[0].len(), names.zip(columns)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("PATTERNS", "patterns"),
            ("patterns by host, source limit=5", "patterns limit=5 BY host, source"),
            ("patterns limit=0 field=message", "patterns field=message"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("patterns lim=5", "lim", "`patterns` has no option `lim`");
        check_refused("patterns host", "host", "expected the end of the command, found `host`");
        check_refused("patterns BY count", "count", "`patterns` makes a column `count` itself");
    }

    #[test]
    fn rows() {
        check_columns(
            "",
            "patterns BY host",
            "host pattern count percent sparkline first_seen last_seen id sources search example",
        );
        check_rows(
            "_raw=\"b 2\" _time=60\n_raw=\"b 1\" _time=60\n_raw=a _time=1\nx=1 _time=2",
            "patterns | fields pattern count sparkline first_seen example",
            "pattern=\"b <*>\" count=2 sparkline=[##__SPARKLINE__##,0,0,0,0,0,0,0,0,0,0,0,0,2] first_seen=60 example=\"b 1\"\n\
             pattern=a count=1 sparkline=[##__SPARKLINE__##,1,0,0,0,0,0,0,0,0,0,0,0,0] first_seen=1 example=a",
        );
        check_rows(
            "message=\"up 1\"\nmessage=[up 2,down]",
            "patterns field=message | fields pattern count",
            "pattern=\"up <*>\" count=2\npattern=down count=1",
        );
    }

    #[test]
    fn fields_read() {
        check_fields_read("patterns BY host", &["pattern"], "_raw _time host source");
        check_fields_read("patterns field=message", &["*"], "_time message source");
    }
}
