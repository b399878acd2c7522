//! Adds running statistics to every row: of the rows so far, or of the last ones.
//!
//! **Syntax**
//!
//! `streamstats [options] <function> [AS name] … [BY fields] [options]`
//!
//! **Arguments**
//!
//! - functions: as in `stats`, but for `sparkline`.
//! - `current=f`: leave the present row out; the first row then has no result (`count` is 0).
//! - `window=n`: the last n rows, with the present one; with `current=f` the n rows before it. 0 for all rows so far. At most
//!   10,000: more is cut, which a warning says.
//! - `global=f`: with `BY`, a window holds n rows of each group. By default it holds n rows of all groups, of which those of
//!   the same group count.
//! - `time_window=1h`: rows that are less than that away in `_time`. Rows must be in the order of time, up or down.
//! - `reset_on_change=t`: begin anew when the BY fields change.
//! - `reset_before=(condition)`, `reset_after=(condition)`: begin anew before or after a row for which the condition is true;
//!   also in quotes, `reset_after="(x=1)"`. The condition of `reset_after` sees the results.
//! - `allnum=t`: as in `stats`.
//!
//! **Semantics**
//!
//! Results are computed in the order of the rows, which over events runs from new to old. A field that is called like a
//! result is overwritten. A row in which a BY field is null stays without results; a multivalue BY field counts as a whole.
//!
//! **Kind** ordered.
//!
//! **Memory** one state for each group and call, and the rows of the window. Bounded by `max_groups` and
//! `max_memory_bytes`. A window of n rows costs no more time for each row than one of 1, but for functions whose results
//! grow with it.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! x=4
//! > streamstats sum(x) AS total count window=2
//! x=1 total=1 count=1
//! x=2 total=3 count=2
//! x=4 total=6 count=2
//! ```
//!
//! ```example
//! host=a x=1
//! host=b x=5
//! host=a x=3
//! > streamstats current=f last(x) AS before BY host
//! host=a x=1
//! host=b x=5
//! host=a x=3 before=1
//! ```

use super::aggregate::{self, Aggregation, Argument};
use super::args::{boolean, count, time_span};
use super::group::Groups;
use super::grouping::{check_groups, write_by};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory, Warning};
use crate::error::{QueryError, Result};
use crate::expr::Expression;
use crate::lexer::Cursor;
use crate::span::Span;
use crate::stats_fn::{Parameters, Rows, Running};
use crate::time::{SECOND_US, TimeSpan};
use crate::value::Value;
use crate::wanted::Wanted;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Streamstats {
    /// Whether the present row counts.
    pub current: bool,
    /// Most rows that count; `None` for all.
    pub window: Option<usize>,
    /// How far away rows may be that count.
    pub time_window: Option<TimeSpan>,
    /// Whether a window holds rows of all groups.
    pub global: bool,
    /// Whether functions of numbers give null where a value is not numeric.
    pub all_numeric: bool,
    /// Whether a change of group begins anew.
    pub reset_on_change: bool,
    /// Begins anew before a row.
    pub reset_before: Option<Expression>,
    /// Begins anew after a row.
    pub reset_after: Option<Expression>,
    /// The calls, in order.
    pub aggregations: Vec<Aggregation>,
    /// The fields to group by.
    pub by: Vec<String>,
}

const OPTIONS: [&str; 8] =
    ["current", "window", "time_window", "global", "allnum", "reset_on_change", "reset_before", "reset_after"];

/// Splunk's longest window.
const MAX_WINDOW: usize = 10_000;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut stats = Streamstats {
        current: true,
        window: None,
        time_window: None,
        global: true,
        all_numeric: false,
        reset_on_change: false,
        reset_before: None,
        reset_after: None,
        aggregations: Vec::new(),
        by: Vec::new(),
    };
    stats.parse_options(&mut args)?;
    args.cursor.skip_space();
    let start = args.cursor.pos();
    stats.aggregations = aggregate::parse(&mut args, &["BY"])?;
    let written = args.cursor.trimmed_span_from(start);
    if stats.aggregations.iter().any(|call| call.sparkline.is_some()) {
        return Err(QueryError::rule("`sparkline` needs all rows at once", written).with_hint("use eventstats"));
    }
    if stats.aggregations.iter().any(|call| call.combination().is_some()) {
        return Err(
            QueryError::rule("streamstats does not compute with results", written).with_hint("write eval after it")
        );
    }
    stats.parse_options(&mut args)?;
    if args.keyword("BY") {
        stats.by = args.expect_plain_names(&[])?;
        stats.parse_options(&mut args)?;
    }
    args.finish()?;
    aggregate::check_names(&stats.aggregations, &stats.by, written)?;
    Ok(Box::new(stats))
}

impl Streamstats {
    fn parse_options(&mut self, args: &mut Args<'_>) -> Result<(), QueryError> {
        while let Some(option) = args.option_name(&OPTIONS)? {
            match option {
                "reset_before" => self.reset_before = Some(parse_reset(args)?),
                "reset_after" => self.reset_after = Some(parse_reset(args)?),
                _ => {
                    let value = args.option_value(option)?;
                    match option {
                        "current" => self.current = boolean(&value)?,
                        "window" => self.window = Some(count(&value)?).filter(|window| *window > 0),
                        "time_window" => self.time_window = Some(time_span(&value)?),
                        "global" => self.global = boolean(&value)?,
                        "allnum" => self.all_numeric = boolean(&value)?,
                        _ => self.reset_on_change = boolean(&value)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn is_windowed(&self) -> bool {
        self.window.is_some() || self.time_window.is_some()
    }
}

/// Reads a condition in parentheses, in quotes, or both.
fn parse_reset(args: &mut Args<'_>) -> Result<Expression, QueryError> {
    args.cursor.skip_space();
    let Some(quoted) = args.cursor.eat_quoted()? else {
        if args.cursor.peek() != Some('(') {
            return Err(args.cursor.expected("a condition in parentheses"));
        }
        args.cursor.advance(1);
        let condition = Expression::parse_condition(&mut args.cursor)?;
        args.cursor.expect(")")?;
        return Ok(condition);
    };
    let mut inner = Cursor::new(&quoted.value, Span::new(0, quoted.value.len()));
    let condition = Expression::parse_condition(&mut inner);
    let condition = condition.and_then(|condition| match inner.at_end() {
        true => Ok(condition),
        false => Err(Expression::unexpected_after(inner, "an operator or the end")),
    });
    // Places in the text between the quotes are not places in the query, for it may hold escapes.
    condition.map_err(|error| QueryError { span: quoted.span, ..error })
}

impl fmt::Display for Streamstats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("streamstats")?;
        f.write_str(if self.current { "" } else { " current=f" })?;
        self.window.iter().try_for_each(|window| write!(f, " window={window}"))?;
        self.time_window.iter().try_for_each(|span| write!(f, " time_window={span}"))?;
        f.write_str(if self.global { "" } else { " global=f" })?;
        f.write_str(if self.all_numeric { " allnum=t" } else { "" })?;
        f.write_str(if self.reset_on_change { " reset_on_change=t" } else { "" })?;
        self.reset_before.iter().try_for_each(|condition| write!(f, " reset_before=({condition})"))?;
        self.reset_after.iter().try_for_each(|condition| write!(f, " reset_after=({condition})"))?;
        self.aggregations.iter().try_for_each(|call| write!(f, " {call}"))?;
        write_by(f, &self.by)
    }
}

impl Command for Streamstats {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        self.by.iter().for_each(|field| wanted.add(field));
        aggregate::add_fields_read(&self.aggregations, &mut wanted);
        if self.time_window.is_some() {
            wanted.add("_time");
        }
        let resets = self.reset_before.iter().chain(&self.reset_after);
        resets.for_each(|condition| condition.add_fields_read(&mut wanted));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let mut stats = self.clone();
        if stats.window.is_some_and(|window| window > MAX_WINDOW) {
            ctx.warn(Warning::WindowCut { kept: MAX_WINDOW });
            stats.window = Some(MAX_WINDOW);
        }
        let calls = stats.aggregations.iter().cloned().map(RunningCall::new).collect();
        Box::new(StreamstatsOperator {
            ctx: Arc::clone(ctx),
            groups: Groups::new(stats.by.len()),
            groups_bytes: 0,
            last_group: None,
            window: Window::new(&stats),
            calls,
            n_rows: 0,
            n_pushed: 0,
            memory: Memory::new(ctx, "streamstats"),
            stats,
        })
    }
}

/// Which rows count at present.
struct Window {
    max_rows: Option<usize>,
    max_distance_s: Option<f64>,
    is_global: bool,
    /// Rows that count, the oldest first, with their groups and times: one queue for all groups, or one for each.
    queues: Vec<VecDeque<(Option<u32>, f64)>>,
    /// For each group how many rows of it are in the queues.
    n_rows: Vec<usize>,
    last_time: f64,
    direction: Option<Ordering>,
}

impl Window {
    fn new(stats: &Streamstats) -> Self {
        Self {
            max_rows: stats.window,
            max_distance_s: stats.time_window.map(|span| span.nominal_us() as f64 / SECOND_US as f64),
            is_global: stats.global || stats.by.is_empty(),
            queues: Vec::new(),
            n_rows: Vec::new(),
            last_time: f64::NAN,
            direction: None,
        }
    }

    fn clear(&mut self) {
        self.queues.clear();
        self.n_rows.clear();
    }

    /// The queue of a group; `None` if its rows do not count in any.
    fn queue_of(&mut self, group: Option<u32>) -> Option<&mut VecDeque<(Option<u32>, f64)>> {
        let queue = if self.is_global { 0 } else { group? as usize };
        if queue >= self.queues.len() {
            self.queues.resize_with(queue + 1, VecDeque::new);
        }
        self.queues.get_mut(queue)
    }

    fn n_rows_of(&self, group: u32) -> usize {
        self.n_rows.get(group as usize).copied().unwrap_or(0)
    }

    fn push(&mut self, group: Option<u32>, time: f64) {
        if let Some(queue) = self.queue_of(group) {
            queue.push_back((group, time));
        }
        if let Some(group) = group {
            let group = group as usize;
            if group >= self.n_rows.len() {
                self.n_rows.resize(group + 1, 0);
            }
            self.n_rows[group] += 1;
        }
    }

    /// Lets go of the oldest row of the queue of `group` if it counts no more at `time`; tells the row's group.
    fn pop(&mut self, group: Option<u32>, time: f64) -> Option<Option<u32>> {
        let (max_rows, max_distance_s) = (self.max_rows, self.max_distance_s);
        let queue = self.queue_of(group)?;
        let (_, oldest) = queue.front()?;
        let is_far = max_distance_s.is_some_and(|distance| (time - oldest).abs() >= distance);
        if !is_far && max_rows.is_none_or(|max_rows| queue.len() <= max_rows) {
            return None;
        }
        let (popped, _) = queue.pop_front()?;
        if let Some(n_rows) = popped.and_then(|group| self.n_rows.get_mut(group as usize)) {
            *n_rows -= 1;
        }
        Some(popped)
    }

    /// Whether the rows so far run in one direction of time.
    fn is_in_order(&mut self, time: f64) -> bool {
        let step = time.partial_cmp(&self.last_time).filter(|step| step.is_ne());
        self.last_time = time;
        match (step, self.direction) {
            (Some(step), Some(direction)) => step == direction,
            (step, direction) => {
                self.direction = direction.or(step);
                true
            }
        }
    }
}

/// One call with its states.
struct RunningCall {
    aggregation: Aggregation,
    /// One for each field; calls without wildcard have one under the empty name.
    fields: BTreeMap<String, RunningField>,
}

/// The states of one call for one field.
#[derive(Default)]
struct RunningField {
    /// By group.
    states: Vec<Option<Box<dyn Running>>>,
    /// Whether the field had a value yet. A field that a wildcard matches has no results before that, wherever the stream
    /// is cut.
    is_seen: bool,
}

impl RunningCall {
    fn new(aggregation: Aggregation) -> Self {
        let mut fields = BTreeMap::new();
        if !matches!(&aggregation.argument, Argument::Field(glob) if glob.has_wildcard()) {
            fields.insert(String::new(), RunningField { is_seen: true, ..RunningField::default() });
        }
        Self { aggregation, fields }
    }
}

/// Where the values of a call for one field come from in a batch.
enum Input<'b> {
    Rows,
    Absent,
    Cells(Cow<'b, [Value]>),
}

impl Input<'_> {
    fn cell(&self, row: usize) -> Option<&Value> {
        match self {
            Input::Rows => None,
            Input::Absent => Some(&Value::Null),
            Input::Cells(cells) => Some(&cells[row]),
        }
    }
}

/// The results of one call for one field in a batch.
struct Output {
    call: usize,
    field: String,
    name: String,
    cells: Vec<Value>,
}

struct StreamstatsOperator {
    ctx: Arc<Context>,
    stats: Streamstats,
    groups: Groups,
    groups_bytes: usize,
    last_group: Option<u32>,
    window: Window,
    calls: Vec<RunningCall>,
    n_rows: u64,
    /// Rows since memory was last counted.
    n_pushed: usize,
    memory: Memory,
}

impl StreamstatsOperator {
    /// What each call reads and where its results go.
    fn bind<'b>(&mut self, batch: &'b Batch) -> (Vec<Input<'b>>, Vec<Output>) {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (call, RunningCall { aggregation, fields }) in self.calls.iter_mut().enumerate() {
            if let Argument::Field(glob) = &aggregation.argument
                && glob.has_wildcard()
            {
                for name in batch.fields().iter().filter(|name| glob.matches_field(name)) {
                    fields.entry(name.to_owned()).or_default();
                }
            }
            for field in fields.keys() {
                inputs.push(match &aggregation.argument {
                    Argument::Rows | Argument::Results(_) => Input::Rows,
                    Argument::Field(glob) => {
                        let name = if field.is_empty() { glob.to_string() } else { field.clone() };
                        batch.column(&name).map_or(Input::Absent, |cells| Input::Cells(Cow::Borrowed(cells)))
                    }
                    Argument::Eval(expression) => {
                        let bound = expression.bind(batch, &self.ctx);
                        Input::Cells((0..batch.len()).map(|row| bound.value(row).into_owned()).collect())
                    }
                });
                let name = aggregation.column_name(field);
                // A row without results keeps what it had.
                let cells = batch.column(&name).map_or_else(|| vec![Value::Null; batch.len()], <[Value]>::to_vec);
                outputs.push(Output { call, field: field.clone(), name, cells });
            }
        }
        (inputs, outputs)
    }

    fn group_of(&mut self, key: &[&Value]) -> Result<Option<u32>> {
        if key.iter().any(|cell| cell.is_null()) {
            return Ok(None);
        }
        let (group, grown) = self.groups.find_or_add(key);
        self.groups_bytes += grown;
        check_groups(&self.ctx, "streamstats", self.groups.len())?;
        Ok(Some(group))
    }

    fn reset(&mut self) {
        self.groups = Groups::new(self.stats.by.len());
        self.groups_bytes = 0;
        self.last_group = None;
        self.window.clear();
        self.calls.iter_mut().flat_map(|call| call.fields.values_mut()).for_each(|field| field.states.clear());
    }

    /// The states of a call for a group, which know of its rows in the window, if only that they had no value.
    fn state(&mut self, output: &Output, group: u32, rows: &Rows<'_>) -> Option<(&mut Box<dyn Running>, &mut bool)> {
        let n_before = self.window.n_rows_of(group);
        let is_windowed = self.stats.is_windowed();
        let RunningCall { aggregation, fields } = self.calls.get_mut(output.call)?;
        let RunningField { states, is_seen } = fields.get_mut(&output.field)?;
        let group = group as usize;
        if group >= states.len() {
            states.resize_with(group + 1, || None);
        }
        let state = states[group].get_or_insert_with(|| {
            let mut state = aggregation.function.start_running(is_windowed);
            (0..n_before).for_each(|_| state.push(Some(&Value::Null), rows, 0));
            state
        });
        Some((state, is_seen))
    }

    fn push_row(
        &mut self,
        group: Option<u32>,
        time: f64,
        row: usize,
        rows: &Rows<'_>,
        inputs: &[Input<'_>],
        outputs: &[Output],
    ) {
        if let Some(group) = group {
            for (input, output) in inputs.iter().zip(outputs) {
                let cell = input.cell(row);
                if let Some((state, is_seen)) = self.state(output, group, rows) {
                    *is_seen |= cell.is_some_and(|cell| !cell.is_null());
                    state.push(cell, rows, row);
                }
            }
            self.n_pushed += 1;
        }
        if self.stats.is_windowed() {
            self.window.push(group, time);
        }
    }

    fn pop_rows(&mut self, group: Option<u32>, time: f64) {
        while let Some(popped) = self.window.pop(group, time) {
            let Some(popped) = popped else { continue };
            let fields = self.calls.iter_mut().flat_map(|call| call.fields.values_mut());
            for state in fields.filter_map(|field| field.states.get_mut(popped as usize)?.as_mut()) {
                state.pop();
            }
        }
    }

    fn write_results(&mut self, group: u32, row: usize, rows: &Rows<'_>, outputs: &mut [Output]) {
        let ctx = Arc::clone(&self.ctx);
        for output in outputs {
            let percentile = self.calls[output.call].aggregation.percentile;
            let parameters = Parameters { percentile, all_numeric: self.stats.all_numeric, ctx: &ctx };
            if let Some((state, is_seen)) = self.state(output, group, rows)
                && *is_seen
            {
                output.cells[row] = state.result(&parameters);
            }
        }
    }

    /// Whether to begin anew after the row. The condition may read results, which no batch has yet.
    fn is_reset_after(&self, batch: &Batch, row: usize, outputs: &[Output]) -> bool {
        let Some(condition) = &self.stats.reset_after else { return false };
        let mut wanted = Wanted::none();
        condition.add_fields_read(&mut wanted);
        let is_wanted = |name: &str| wanted.contains(name);
        let old =
            batch.iter().filter(|(name, _)| is_wanted(name)).map(|(name, cells)| (name, vec![cells[row].clone()]));
        let results = outputs.iter().map(|output| (output.name.as_str(), &output.cells[row]));
        let new = results.filter(|(name, _)| is_wanted(name)).map(|(name, cell)| (name, vec![cell.clone()]));
        condition.bind(&Batch::from_columns(1, old.chain(new)), &self.ctx).is_true(0)
    }

    /// Counts memory, seldom enough that looking at all states does not matter.
    fn count_memory(&mut self) -> Result<()> {
        let states = || self.calls.iter().flat_map(|call| call.fields.values()).flat_map(|field| &field.states);
        if self.n_pushed < states().count().max(1024) {
            return Ok(());
        }
        self.n_pushed = 0;
        let queued: usize = self.window.queues.iter().map(VecDeque::len).sum();
        let bytes: usize = states().flatten().map(|state| state.bytes()).sum();
        self.memory.set(self.groups_bytes + bytes + queued * size_of::<(Option<u32>, f64)>())
    }
}

impl Operator for StreamstatsOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let ctx = Arc::clone(&self.ctx);
        let (inputs, mut outputs) = self.bind(&batch);
        let by: Vec<Option<&[Value]>> = self.stats.by.iter().map(|field| batch.column(field)).collect();
        let times = batch.column("_time");
        let rows = Rows::in_order(&batch, self.n_rows);
        let reset_before = self.stats.reset_before.clone();
        let reset_before = reset_before.as_ref().map(|condition| condition.bind(&batch, &ctx));
        let mut key = Vec::with_capacity(by.len());
        for row in 0..batch.len() {
            key.clear();
            key.extend(by.iter().map(|column| column.map_or(&Value::Null, |column| &column[row])));
            let mut group = self.group_of(&key)?;
            let has_changed = group.is_some() && self.last_group.is_some() && group != self.last_group;
            if (self.stats.reset_on_change && has_changed)
                || reset_before.as_ref().is_some_and(|condition| condition.is_true(row))
            {
                self.reset();
                group = self.group_of(&key)?;
            }
            self.last_group = group.or(self.last_group);
            let time = times.and_then(|times| times[row].as_number());
            if self.stats.time_window.is_some() && time.is_none() {
                continue;
            }
            let time = time.unwrap_or_default();
            if self.stats.time_window.is_some() && !self.window.is_in_order(time) {
                ctx.warn(Warning::WindowOutOfOrder);
            }
            if self.stats.current {
                self.push_row(group, time, row, &rows, &inputs, &outputs);
            }
            self.pop_rows(group, time);
            if let Some(group) = group {
                self.write_results(group, row, &rows, &mut outputs);
            }
            if !self.stats.current {
                self.push_row(group, time, row, &rows, &inputs, &outputs);
            }
            if self.is_reset_after(&batch, row, &outputs) {
                self.reset();
            }
        }
        drop((inputs, by, key, reset_before));
        self.n_rows += batch.len() as u64;
        for Output { call, field, name, cells } in outputs {
            if self.calls[call].fields.get(&field).is_some_and(|field| field.is_seen) {
                batch.set_column(&name, cells);
            }
        }
        self.count_memory()?;
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::context::Warning;
    use crate::testing::{
        check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, rows,
    };
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("streamstats count", "streamstats count"),
            ("STREAMSTATS window=5 current=f avg(x) AS a by h", "streamstats current=f window=5 avg(x) AS a BY h"),
            ("streamstats avg(x) window=5", "streamstats window=5 avg(x)"),
            ("streamstats sum(x) by h global=f window=3", "streamstats window=3 global=f sum(x) BY h"),
            ("streamstats time_window=1h dc(user) allnum=t", "streamstats time_window=1h allnum=t dc(user)"),
            ("streamstats reset_on_change=t count by a b", "streamstats reset_on_change=t count BY a, b"),
            (
                "streamstats reset_before=(a=1 OR b=2) reset_after=\"(c==\\\"x\\\")\" count",
                "streamstats reset_before=(a=1 OR b=2) reset_after=(c=\"x\") count",
            ),
            ("streamstats window=0 count", "streamstats count"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("streamstats", "", "expected a statistical function, found the end");
        check_refused("streamstats windw=5 count", "windw", "`streamstats` has no option `windw`");
        check_refused("streamstats count BY a wndow=5", "wndow", "`streamstats` has no option `wndow`");
        check_refused("streamstats reset_before=x count", "x", "expected a condition in parentheses, found `x`");
        check_refused("streamstats reset_before=(x) count", "x", "expected a condition, found a value");
        check_refused("streamstats reset_after=\"(x=)\" count", "\"(x=)\"", "expected an expression, found `)`");
        check_refused("streamstats count AS h BY h", "count AS h", "two columns are called `h`");
        check_refused("streamstats eval(sum(x)/2)", "eval(sum(x)/2)", "streamstats does not compute with results");
        check_refused("streamstats sparkline(count)", "sparkline(count)", "`sparkline` needs all rows at once");
    }

    #[test]
    fn all_rows_so_far() {
        check_rows(
            "x=1\nx=2\ny=1\nx=a",
            "table x y | streamstats count sum(x) AS s values(x) AS v",
            "x=1 count=1 s=1 v=1\nx=2 count=2 s=3 v=[1,2]\ny=1 count=3 s=3 v=[1,2]\nx=a count=4 s=3 v=[1,2,a]",
        );
        check_rows("x=1\nx=2", "streamstats current=f count sum(x) AS s", "x=1 count=0\nx=2 count=1 s=1");
        check_rows("g=a\ng=b\nx=1\ng=a", "streamstats count BY g", "g=a count=1\ng=b count=1\nx=1\ng=a count=2");
        check_rows("x=1\nx=5", "streamstats max(x) AS x", "x=1\nx=5");
    }

    #[test]
    fn windows() {
        check_rows("x=1\nx=2\nx=4\nx=8", "streamstats sum(x) AS s window=2", "x=1 s=1\nx=2 s=3\nx=4 s=6\nx=8 s=12");
        check_rows(
            "x=1\nx=2\nx=4\nx=8",
            "streamstats current=f window=2 sum(x) AS s",
            "x=1\nx=2 s=1\nx=4 s=3\nx=8 s=6",
        );
        let input = "g=a x=1\ng=b x=2\ng=a x=4\ng=a x=8\ng=b x=16";
        check_rows(
            input,
            "streamstats window=2 sum(x) AS s BY g",
            "g=a x=1 s=1\ng=b x=2 s=2\ng=a x=4 s=4\ng=a x=8 s=12\ng=b x=16 s=16",
        );
        check_rows(
            input,
            "streamstats window=2 global=f sum(x) AS s BY g",
            "g=a x=1 s=1\ng=b x=2 s=2\ng=a x=4 s=5\ng=a x=8 s=12\ng=b x=16 s=18",
        );
        check_rows(
            "x=3\ny=1\nx=1\nx=2",
            "table x y | streamstats window=2 min(x) AS m dc(x) AS d list(x) AS l",
            "x=3 m=3 d=1 l=3\ny=1 m=3 d=1 l=3\nx=1 m=1 d=1 l=1\nx=2 m=1 d=2 l=[1,2]",
        );
    }

    #[test]
    fn windows_of_time() {
        check_rows(
            "_time=100\n_time=95\n_time=90\n_time=80",
            "streamstats time_window=10s count",
            "_time=100 count=1\n_time=95 count=2\n_time=90 count=2\n_time=80 count=1",
        );
        check_rows(
            "_time=1 g=a\n_time=2 g=b\n_time=3 g=a\n_time=13 g=b\ng=a",
            "streamstats time_window=10s current=f count BY g",
            "_time=1 g=a count=0\n_time=2 g=b count=0\n_time=3 g=a count=1\n_time=13 g=b count=0\ng=a",
        );
        let ctx = Arc::new(context());
        let input = rows("_time=1\n_time=5\n_time=2");
        execute(&ctx, &commands("streamstats time_window=1m count"), &input, 2, 1).unwrap();
        assert_eq!(ctx.warnings(), [Warning::WindowOutOfOrder]);
    }

    #[test]
    fn resets() {
        let input = "s=up n=1\ns=up n=2\ns=down n=3\ns=up n=4";
        check_rows(
            input,
            "streamstats reset_on_change=t count BY s | table s count",
            "s=up count=1\ns=up count=2\ns=down count=1\ns=up count=1",
        );
        check_rows(
            input,
            "streamstats reset_before=(s=\"down\") count | table s count",
            "s=up count=1\ns=up count=2\ns=down count=1\ns=up count=2",
        );
        check_rows(
            input,
            "streamstats reset_after=\"(count=2)\" window=5 count | table s count",
            "s=up count=1\ns=up count=2\ns=down count=1\ns=up count=2",
        );
        check_rows(input, "streamstats reset_after=(s=\"down\") sum(n) AS t | table t", "t=1\nt=3\nt=6\nt=4");
    }

    #[test]
    fn wildcards_have_results_from_their_first_value_on() {
        check_rows(
            "a_ms=1\nx=1\nb_ms=5 a_ms=2",
            "table a_ms b_ms x | streamstats window=2 sum(*_ms) AS s_*",
            "a_ms=1 s_a=1\nx=1 s_a=1\na_ms=2 b_ms=5 s_a=2 s_b=5",
        );
    }

    #[test]
    fn long_windows_are_cut() {
        let ctx = Arc::new(context());
        execute(&ctx, &commands("streamstats window=20000 count"), &rows("x=1"), 1, 1).unwrap();
        assert_eq!(ctx.warnings(), [Warning::WindowCut { kept: 10_000 }]);
    }

    /// spl.md §13.7 and §13.21.
    #[test]
    fn traps_7_and_21_rows_stay_and_options_come_last() {
        check_rows("h=a\nx=1\nh=a", "streamstats count by h window=1", "h=a count=1\nx=1\nh=a count=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("streamstats time_window=1m reset_after=(z=1) avg(x) BY h", &["a"], "_time a h x z");
        check_fields_read("streamstats count", &["count"], "count");
    }
}
