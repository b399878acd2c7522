//! What a rule says at a moment: the search is run, and its rows are judged by the conditions, group by group.

use crate::machine::Reading;
use crate::notification::{Group, Notification, SampleEvent};
use crate::rule::Rule;
use crate::severity::Severity;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trawl_query::command::CommandKind;
use trawl_query::context::Context;
use trawl_query::time::TimeRange;
use trawl_query::{Batch, Engine, Flow, QueryError, RunError, Search, SearchOptions, Value, Wanted};

/// The field with the number of events of a group.
const COUNT: &str = "count";
/// The field with the number of rows of a group.
const ROWS: &str = "rows";
/// The field with the usual number of events of a group.
const BASELINE: &str = "baseline";

/// An evaluation that could not be made. The alert stays as it is, and the next moment tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The search cannot be read.
    #[error("the search cannot be used")]
    Query(#[from] QueryError),
    /// The search failed.
    #[error("the search failed")]
    Run(#[from] RunError),
    /// The answer is not whole, and a count of it would be wrong.
    #[error("the search is incomplete: {0}")]
    Incomplete(String),
}

/// One moment of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The evaluated moment, microseconds UTC: the end of the window, and `now` of the search.
    pub tick_us: i64,
    /// Only events that were indexed before this count, microseconds UTC.
    pub seen_us: i64,
}

/// What a rule says of one group at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which group.
    pub group: Group,
    /// What its conditions say.
    pub reading: Reading,
    /// Events that matched; of a table, rows.
    pub count: u64,
    /// Rows of a table for which the condition holds, or all of them where it holds for none.
    pub rows: Vec<Vec<(String, String)>>,
}

/// Runs the searches of rules.
#[derive(Clone)]
pub struct Evaluator<'e> {
    engine: Cow<'e, Engine>,
    /// Zone, knowledge and limits of all searches.
    options: SearchOptions,
    /// Whether events count as if they had been indexed when they happened.
    is_history: bool,
}

impl<'e> Evaluator<'e> {
    /// Searches on `engine`, with the zone, the knowledge and the limits of `options`.
    pub fn new(engine: &'e Engine, options: SearchOptions) -> Self {
        Self { engine: Cow::Borrowed(engine), options, is_history: false }
    }

    /// What is searched.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What all searches have in common.
    pub(crate) fn options(&self) -> &SearchOptions {
        &self.options
    }

    /// The same over events that were loaded long after they happened: each counts as if it had been indexed at its time.
    #[must_use]
    pub fn of_loaded_events(self) -> Self {
        Self { is_history: true, ..self }
    }

    /// The same, as if the store held no events.
    #[must_use]
    pub fn of_no_events(&self) -> Self {
        Self { engine: Cow::Owned(self.engine.without_events()), ..self.clone() }
    }

    /// The search of a rule that asks for nothing but the events of its window: without those it comes to the same whatever else
    /// the store holds. `None` for any other, and for one that cannot be read.
    pub fn search_of_window(&self, rule: &Rule) -> Option<Search> {
        rule.window_us?;
        let search = Search::prepare(&rule.search, &self.options).ok()?;
        (search.plan().times.is_all() && search.reads_only_its_events()).then_some(search)
    }

    /// The times of all events that a rule's search finds, before commands that look at more than one of them, in a range of
    /// times, microseconds UTC, in order; and how many of them were indexed later than `lateness_us` after their time.
    ///
    /// # Errors
    /// As [`Evaluator::findings`].
    pub fn times(
        &self,
        rule: &Rule,
        range_us: (i64, i64),
        lateness_us: i64,
    ) -> Result<(Vec<i64>, usize), EvaluateError> {
        let whole = Rule { window_us: Some(range_us.1 - range_us.0), ..rule.clone() };
        let moment = Moment { tick_us: range_us.1, seen_us: i64::MAX };
        let is_alone = |kind| kind == CommandKind::Streaming;
        let Some(events) = events_while(&self.prepare(&rule.search, &whole, moment, range_us.1)?, is_alone) else {
            return Ok((Vec::new(), 0));
        };
        let text = format!("{events} | fields _time, _indextime");
        let rows = self.run(&self.prepare(&text, &whole, moment, range_us.1)?)?;
        let us =
            |row: usize, field: &str| rows.value(row, field).as_number().map(|seconds| (seconds * 1e6).round() as i64);
        let late = (0..rows.len()).filter(|row| {
            us(*row, "_time").zip(us(*row, "_indextime")).is_some_and(|(time, at)| at - time > lateness_us)
        });
        let n_late = late.count();
        let mut times: Vec<i64> = (0..rows.len()).filter_map(|row| us(row, "_time")).collect();
        times.sort_unstable();
        Ok((times, n_late))
    }

    /// What the rule says at a moment: of each group that the search found. A rule without groups has one finding always.
    ///
    /// # Errors
    /// If the search cannot be run, or its answer is not whole.
    pub fn findings(&self, rule: &Rule, moment: Moment) -> Result<Vec<Finding>, EvaluateError> {
        let search = self.prepare(&rule.search, rule, moment, moment.tick_us)?;
        let is_table = search.is_transforming() || search.plan().search.is_none();
        let mut rows = if is_table {
            self.run(&search)?
        } else {
            self.run(&self.prepare(&counting(rule), rule, moment, moment.tick_us)?)?
        };
        if let (Some(baseline_us), Some(window_us)) = (rule.baseline_us, rule.window_us) {
            let before = Moment { tick_us: moment.tick_us - window_us, ..moment };
            let longer = Rule { window_us: Some(baseline_us), ..rule.clone() };
            let past = self.run(&self.prepare(&counting(rule), &longer, before, before.tick_us)?)?;
            add_baseline(&mut rows, &past, &rule.group_by, window_us as f64 / baseline_us as f64);
        }
        let ctx = Arc::new(Context::new(moment.tick_us, self.options.zone, TimeRange::ALL));
        Ok(judge(rule, rows, is_table, moment.tick_us, &ctx)?)
    }

    /// The newest events of a group in the window, and events per bin of it.
    ///
    /// # Errors
    /// As [`Evaluator::findings`].
    pub fn evidence(&self, rule: &Rule, group: &Group, moment: Moment) -> Result<Evidence, EvaluateError> {
        let whole = self.prepare(&rule.search, rule, moment, moment.tick_us)?;
        let Some(events) = events_of(&whole) else { return Ok(Evidence::default()) };
        let restricted = format!("{events}{}", restriction(group));
        let newest = format!("{restricted} | head {}", Notification::MAX_EVENTS);
        let batch = self.run(&self.prepare(&newest, rule, moment, moment.tick_us)?)?;
        let events = sample_events(&batch);
        let chart = self.run(&self.prepare(
            &format!("{restricted} | timechart bins=24 count AS n"),
            rule,
            moment,
            moment.tick_us,
        )?)?;
        let bin = |row: usize| {
            let start = chart.value(row, "_time").as_number()?;
            Some(((start * 1e6).round() as i64, chart.value(row, "n").as_number()? as u64))
        };
        Ok(Evidence { events, series: (0..chart.len()).filter_map(bin).collect() })
    }

    /// The times, microseconds UTC, of the oldest and the newest event that matches in a range of times and was indexed in
    /// another; both ends excluded.
    ///
    /// # Errors
    /// As [`Evaluator::findings`].
    pub fn late(
        &self,
        rule: &Rule,
        times: (i64, i64),
        indexed: (i64, i64),
    ) -> Result<Option<(i64, i64)>, EvaluateError> {
        if self.is_history {
            return Ok(None);
        }
        let moment = Moment { tick_us: times.1, seen_us: indexed.1 };
        let window = Rule { window_us: Some(times.1 - times.0), ..rule.clone() };
        let whole = self.prepare(&rule.search, &window, moment, times.1)?;
        let Some(events) = events_of(&whole) else { return Ok(None) };
        let text = format!(
            "{events} | where _indextime>={} | stats min(_time) AS first, max(_time) AS last",
            seconds(indexed.0)
        );
        let rows = self.run(&self.prepare(&text, &window, moment, times.1)?)?;
        let time = |field: &str| {
            let seconds = if rows.is_empty() { None } else { rows.value(0, field).as_number() };
            seconds.map(|seconds| (seconds * 1e6).round() as i64)
        };
        Ok(time("first").zip(time("last")))
    }

    /// The events that match in the window of a moment, and up to `lateness_us` before it; the oldest first.
    ///
    /// # Errors
    /// As [`Evaluator::findings`].
    pub fn events(&self, rule: &Rule, moment: Moment, lateness_us: i64) -> Result<Vec<SampleEvent>, EvaluateError> {
        let longer = Rule { window_us: rule.window_us.map(|window_us| window_us + lateness_us), ..rule.clone() };
        let batch = self.run(&self.prepare(&rule.search, &longer, moment, moment.tick_us)?)?;
        let mut events = sample_events(&batch);
        events.reverse();
        Ok(events)
    }

    /// A search over the window of the rule that ends at `end_us`.
    fn prepare(&self, text: &str, rule: &Rule, moment: Moment, end_us: i64) -> Result<Search, EvaluateError> {
        let mut options = SearchOptions {
            now_us: moment.tick_us,
            indexed_before_us: (!self.is_history).then_some(moment.seen_us),
            search_name: Some(rule.name.clone()),
            event_fields: Wanted::of(["_time", "_indextime", "host", "source", "_addr", "_raw"]),
            ..self.options.clone()
        };
        if let Some(window_us) = rule.window_us {
            options.earliest = Some(seconds(end_us - window_us));
            options.latest = Some(seconds(end_us));
        }
        Ok(Search::prepare(text, &options)?)
    }

    fn run(&self, search: &Search) -> Result<Batch, EvaluateError> {
        let mut rows = Batch::default();
        let summary = search.run(&self.engine, &mut |batch| {
            rows.append(batch);
            Ok(Flow::More)
        })?;
        match summary.incomplete {
            Some(why) => Err(EvaluateError::Incomplete(why)),
            None => Ok(rows),
        }
    }
}

/// What is shown of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The newest events.
    pub events: Vec<SampleEvent>,
    /// The start of each bin, microseconds UTC, and the events in it.
    pub series: Vec<(i64, u64)>,
}

/// The search of a rule that finds events, as the table of their numbers.
fn counting(rule: &Rule) -> String {
    let fields: Vec<String> = rule.group_by.iter().map(|field| quoted(field)).collect();
    let by = if fields.is_empty() { String::new() } else { format!(" BY {}", fields.join(", ")) };
    format!("{} | stats count AS {COUNT}{by}", rule.search)
}

/// The part of a search that finds events, as text: up to the first command that makes a table of them.
fn events_of(search: &Search) -> Option<String> {
    events_while(search, |kind| !matches!(kind, CommandKind::Transforming { .. }))
}

/// A search up to the first command that is of another kind, as text.
fn events_while(search: &Search, goes_on: impl Fn(CommandKind) -> bool) -> Option<String> {
    let mut pipeline = trawl_query::parse(search.canonical()).ok()?;
    pipeline.search.as_ref()?;
    if let Some(at) = pipeline.commands.iter().position(|command| !goes_on(command.kind())) {
        pipeline.commands.truncate(at);
    }
    Some(pipeline.to_string())
}

/// Commands that keep the events of a group.
fn restriction(group: &Group) -> String {
    let is = |(field, value): &(String, String)| match value.as_str() {
        "" => format!(" | where isnull('{}')", field.replace('\'', "")),
        value => format!(" | where '{}'={}", field.replace('\'', ""), quoted(value)),
    };
    group.0.iter().map(is).collect()
}

/// Rows that are events.
pub(crate) fn sample_events(batch: &Batch) -> Vec<SampleEvent> {
    let text = |row: usize, field: &str| batch.value(row, field).to_string();
    let event = |row: usize| SampleEvent {
        time_us: batch.value(row, "_time").as_number().map_or(0, |seconds| (seconds * 1e6).round() as i64),
        host: text(row, "host"),
        source: text(row, "source"),
        address: text(row, "_addr"),
        raw: cut(text(row, "_raw"), SampleEvent::MAX_BYTES),
    };
    (0..batch.len()).map(event).collect()
}

/// A text as a string of the language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Microseconds as a time modifier: seconds since 1970.
pub(crate) fn seconds(us: i64) -> String {
    format!("{}.{:06}", us.div_euclid(1_000_000), us.rem_euclid(1_000_000))
}

/// The beginning of a text, at most so many bytes.
fn cut(mut text: String, max_bytes: usize) -> String {
    let end = (0..=max_bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}

fn group_of(rows: &Batch, row: usize, group_by: &[String]) -> Group {
    Group(group_by.iter().map(|field| (field.clone(), rows.value(row, field).to_string())).collect())
}

/// Adds the mean number of events that a window of the past had.
fn add_baseline(rows: &mut Batch, past: &Batch, group_by: &[String], share: f64) {
    let counts: BTreeMap<Group, f64> = (0..past.len())
        .map(|row| (group_of(past, row, group_by), past.value(row, COUNT).as_number().unwrap_or(0.0)))
        .collect();
    let mean = |row| Value::number(counts.get(&group_of(rows, row, group_by)).copied().unwrap_or(0.0) * share);
    let baseline = (0..rows.len()).map(mean).collect();
    rows.set_column(BASELINE, baseline);
}

/// Judges the rows of a search by the conditions of a rule. Groups come in order.
///
/// # Errors
/// If a condition reaches a limit of the context.
pub fn judge(
    rule: &Rule,
    mut rows: Batch,
    is_table: bool,
    tick_us: i64,
    ctx: &Arc<Context>,
) -> Result<Vec<Finding>, RunError> {
    let n_found = if is_table { rows.len() as u64 } else { total(&rows, 0..rows.len()) };
    let mut groups: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
    for row in 0..rows.len() {
        groups.entry(group_of(&rows, row, &rule.group_by)).or_default().push(row);
    }
    if rule.group_by.is_empty() && rows.is_empty() {
        // Nothing was found, and conditions may be about that.
        rows = Batch::from_columns(1, [(COUNT, vec![Value::count(0)])]);
        groups.insert(Group::default(), vec![0]);
    }
    let shown = rows.clone();
    let n_rows_of = |members: &[usize]| {
        let n_rows = members.len() as u64;
        if n_found == 0 {
            0
        } else if is_table {
            n_rows
        } else {
            total(&rows, members.iter().copied())
        }
    };
    let mut n_rows = vec![Value::Null; rows.len()];
    for members in groups.values() {
        members.iter().for_each(|&row| n_rows[row] = Value::count(n_rows_of(members)));
    }
    if rows.column(COUNT).is_none() {
        rows.set_column(COUNT, n_rows.clone());
    }
    if rows.column(ROWS).is_none() {
        rows.set_column(ROWS, n_rows);
    }
    let holding = |condition: &crate::condition::Condition| -> Result<BTreeSet<usize>, RunError> {
        if condition.is_absent() {
            return Ok(if n_found == 0 { (0..rows.len()).collect() } else { BTreeSet::new() });
        }
        Ok(condition.rows_that_hold(&rows, ctx)?.into_iter().collect())
    };
    let levels: Vec<(Severity, BTreeSet<usize>)> = rule
        .levels
        .iter()
        .map(|(severity, condition)| Ok((*severity, holding(condition)?)))
        .collect::<Result<_, RunError>>()?;
    let clear = rule.clear.as_ref().map(holding).transpose()?;
    let findings = groups.into_iter().map(|(group, members)| {
        let holds = |at: &BTreeSet<usize>| members.iter().any(|row| at.contains(row));
        let severity =
            levels.iter().filter(|(_, at)| holds(at)).map(|(severity, _)| *severity).max().unwrap_or(Severity::Ok);
        let is_clear = match &clear {
            Some(clear) => members.iter().all(|row| clear.contains(row)),
            None => severity == Severity::Ok,
        };
        let telling: Vec<usize> =
            members.iter().copied().filter(|row| levels.iter().any(|(_, at)| at.contains(row))).collect();
        let telling = if telling.is_empty() { members.clone() } else { telling };
        let count = match (n_found, is_table) {
            (0, _) => 0,
            (_, true) => telling.len() as u64,
            (_, false) => total(&rows, members.iter().copied()),
        };
        let shown_rows = telling.iter().take(Notification::MAX_ROWS).filter(|_| is_table && n_found > 0);
        let rows = shown_rows.map(|&row| {
            let cells = shown.iter().map(|(field, cells)| (field, &cells[row])).filter(|(_, cell)| !cell.is_null());
            cells.map(|(field, cell)| (field.to_owned(), cell.to_string())).collect()
        });
        Finding { group, reading: Reading { tick_us, severity, is_clear }, count, rows: rows.collect() }
    });
    Ok(findings.collect())
}

/// The events that rows of numbers stand for.
fn total(rows: &Batch, of: impl IntoIterator<Item = usize>) -> u64 {
    of.into_iter().filter_map(|row| rows.value(row, COUNT).as_number()).sum::<f64>() as u64
}
