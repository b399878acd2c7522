//! Lists of statistical functions: how they are written, and their states over groups.

use super::args::{Args, time_span};
use super::tstats;
use crate::batch::Batch;
use crate::context::Context;
use crate::error::QueryError;
use crate::expr::Expression;
use crate::glob::Glob;
use crate::lexer::{Cursor, quote_name};
use crate::span::Span;
use crate::spill::{Damaged, Wire, encode_text};
use crate::stats_fn::{self, GroupStates, Parameters, Rows, SparklineStates, StatsFunction, Target};
use crate::time::TimeSpan;
use crate::value::Value;
use crate::wanted::Wanted;
use compact_str::CompactString;
use std::collections::BTreeMap;
use std::fmt;

/// One call of a statistical function, as in `perc95(duration) AS slow`.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// The function.
    pub function: &'static StatsFunction,
    /// The function's name as written, in lower case: part of the column's name.
    pub written: String,
    /// The number in `perc95`.
    pub percentile: f64,
    /// What it is applied to.
    pub argument: Argument,
    /// Whether it is a `sparkline` of the function rather than the function itself.
    pub sparkline: Option<Sparkline>,
    /// The column's name, if one is given.
    pub alias: Option<Glob>,
}

/// `sparkline(function, span)`: the function over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sparkline {
    /// Length of a bin; `None` if the range decides.
    pub span: Option<TimeSpan>,
}

/// What a statistical function is applied to.
#[derive(Clone, Debug)]
pub enum Argument {
    /// Rows: `count` without argument.
    Rows,
    /// A field, or all fields that match.
    Field(Glob),
    /// `eval(…)`: a value, or a condition that counts where it is true.
    Eval(Expression),
    /// The call is itself `eval(…)` over the results of other calls: `eval(sum(a)/sum(b))`.
    Results(Combination),
}

/// An expression over the results of calls, which it names as fields.
#[derive(Clone, Debug)]
pub struct Combination {
    /// The expression.
    pub expression: Expression,
    /// The calls, under the names that the expression uses.
    pub calls: Vec<Aggregation>,
}

/// As it was written: calls rather than the fields that stand for them.
impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.expression.to_string();
        for call in &self.calls {
            text = text.replace(&crate::expr::quote_field(&call.column_name("")), &call.to_string());
        }
        write!(f, "eval({text})")
    }
}

impl Combination {
    /// Reads `expression)`, in which every field must be a call.
    fn parse(args: &mut Args<'_>, start: usize) -> Result<Self, QueryError> {
        let inside = args.parenthesised_cursor()?;
        let span = args.cursor.span_from(start);
        let mut calls: Vec<Aggregation> = Vec::new();
        let text = name_calls(inside, &mut calls)?;
        // Places in the rewritten text are not places in the query.
        let at_whole = |error: QueryError| QueryError { span, ..error };
        let mut cursor = Cursor::new(&text, Span::new(0, text.len()));
        let expression = Expression::parse_value(&mut cursor).map_err(at_whole)?;
        if !cursor.at_end() {
            return Err(at_whole(Expression::unexpected_after(cursor, "an operator or `)`")));
        }
        let is_call = |field: &&str| calls.iter().any(|call| call.column_name("") == **field);
        if let Some(field) = expression.fields_read().into_iter().find(|field| !is_call(field)) {
            return Err(QueryError::rule(format!("`{field}` is not a statistical function"), span)
                .with_hint("write it as in eval(sum(a)/sum(b))"));
        }
        match calls.is_empty() {
            true => Err(QueryError::rule("there is no statistical function in it", span)),
            false => Ok(Self { expression, calls }),
        }
    }

    /// The value for each row of a table of the calls' results.
    fn values(&self, ctx: &Context, n_rows: usize, results: Vec<ResultColumn>) -> Vec<Value> {
        let table = Batch::from_columns(n_rows, results.into_iter().map(|column| (column.name, column.cells)));
        let bound = self.expression.bind(&table, ctx);
        (0..n_rows).map(|row| bound.value(row).into_owned()).collect()
    }
}

/// The text at the cursor with each call in it replaced by the field that stands for it.
fn name_calls(mut cursor: Cursor<'_>, calls: &mut Vec<Aggregation>) -> Result<String, QueryError> {
    let mut text = String::new();
    while let Some(c) = cursor.peek() {
        let (start, rest) = (cursor.pos(), cursor.rest());
        if c == '"' {
            cursor.eat_quoted()?;
        } else if c == '\'' {
            cursor.advance(rest[1..].find('\'').map_or(rest.len(), |at| at + 2));
        } else if c.is_alphabetic() || c == '_' {
            let mut args = Args::new(cursor, "eval", false);
            match parse_call(&mut args) {
                // A function of `eval` may share the name of a statistical one: `max(1, 2)`.
                Ok(call) if !call.has_wildcard() && call.sparkline.is_none() => {
                    let name = call.column_name("");
                    text.push_str(&crate::expr::quote_field(&name));
                    if calls.iter().all(|known| known.column_name("") != name) {
                        calls.push(call);
                    }
                    cursor = args.cursor;
                    continue;
                }
                _ => {
                    cursor.take_while(|c| c.is_alphanumeric() || c == '_');
                }
            }
        } else {
            cursor.advance(c.len_utf8());
        }
        text.push_str(&rest[..cursor.pos() - start]);
    }
    Ok(text)
}

impl Aggregation {
    /// `sparkline` alone: how the number of rows goes, in a column of that name.
    fn plain_sparkline(count: &'static StatsFunction) -> Self {
        Self {
            function: count,
            written: count.name.to_owned(),
            percentile: 0.0,
            argument: Argument::Rows,
            sparkline: Some(Sparkline { span: None }),
            alias: Some(Glob::new("sparkline")),
        }
    }

    /// Whether it counts rows, whatever they hold.
    pub fn counts_rows(&self) -> bool {
        self.function.name == "count" && matches!(self.argument, Argument::Rows) && self.sparkline.is_none()
    }

    /// Fresh states of its function.
    fn start(&self, ctx: &Context) -> Box<dyn GroupStates> {
        let states = (self.function.start)();
        match self.sparkline {
            Some(Sparkline { span }) => Box::new(SparklineStates::new(states, span, ctx)),
            None => states,
        }
    }

    /// The result where there is no row.
    fn empty(&self) -> Value {
        let is_zero = self.function.is_zero_if_empty && self.sparkline.is_none() && self.combination().is_none();
        if is_zero { Value::Number(0.0) } else { Value::Null }
    }

    /// A column of results for the field `field`.
    fn column(&self, field: String, cells: Vec<Value>) -> ResultColumn {
        ResultColumn { name: self.column_name(&field), function: self.function, empty: self.empty(), cells }
    }

    /// The call as part of a column's name, for the field `field` where the argument has a wildcard.
    fn call_name(&self, field: &str) -> String {
        let call = match &self.argument {
            Argument::Rows if self.sparkline.is_some() => self.written.clone(),
            Argument::Rows => self.function.name.to_owned(),
            Argument::Field(glob) if glob.has_wildcard() => format!("{}({field})", self.written),
            Argument::Field(glob) => format!("{}({glob})", self.written),
            Argument::Eval(expression) => format!("{}(eval({expression}))", self.written),
            Argument::Results(combination) => combination.to_string(),
        };
        match self.sparkline {
            None => call,
            Some(Sparkline { span: None }) => format!("sparkline({call})"),
            Some(Sparkline { span: Some(span) }) => format!("sparkline({call},{span})"),
        }
    }

    /// The name of the result's column; with a wildcard in the argument, for the field `field`.
    pub(super) fn column_name(&self, field: &str) -> String {
        match (&self.alias, &self.argument) {
            (Some(alias), Argument::Field(glob)) => alias.fill(&glob.capture(field).unwrap_or_default()),
            (Some(alias), _) => alias.to_string(),
            (None, _) => self.call_name(field),
        }
    }

    /// The expression over other calls, if it is one.
    pub(super) fn combination(&self) -> Option<&Combination> {
        match &self.argument {
            Argument::Results(combination) => Some(combination),
            _ => None,
        }
    }

    fn has_wildcard(&self) -> bool {
        matches!(&self.argument, Argument::Field(glob) if glob.has_wildcard())
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.sparkline.is_some() { "sparkline(" } else { "" })?;
        match &self.argument {
            Argument::Rows => f.write_str(&self.written)?,
            Argument::Field(glob) => write!(f, "{}({})", self.written, quote_name(&glob.to_string()))?,
            Argument::Eval(expression) => write!(f, "{}(eval({expression}))", self.written)?,
            Argument::Results(combination) => combination.fmt(f)?,
        }
        match self.sparkline {
            None => {}
            Some(Sparkline { span: None }) => f.write_str(")")?,
            Some(Sparkline { span: Some(span) }) => write!(f, ", {span})")?,
        }
        match &self.alias {
            Some(alias) => write!(f, " AS {}", quote_name(&alias.to_string())),
            None => Ok(()),
        }
    }
}

/// Adds to `wanted` what the calls read.
pub(super) fn add_fields_read(aggregations: &[Aggregation], wanted: &mut Wanted) {
    for aggregation in aggregations {
        match &aggregation.argument {
            Argument::Rows => {}
            Argument::Field(glob) => wanted.add_glob(glob),
            Argument::Eval(expression) => expression.add_fields_read(wanted),
            Argument::Results(combination) => add_fields_read(&combination.calls, wanted),
        }
        if aggregation.function.reads_time || aggregation.sparkline.is_some() {
            wanted.add("_time");
        }
    }
}

/// Whether the result of one of the calls depends on the order of rows.
pub(super) fn order_matters(aggregations: &[Aggregation]) -> bool {
    aggregations.iter().any(|aggregation| match &aggregation.argument {
        Argument::Results(combination) => order_matters(&combination.calls),
        _ => aggregation.function.order_matters,
    })
}

/// Reads calls until something else comes: the end, `BY`, an option; at least one.
pub(super) fn parse(args: &mut Args<'_>, until: &[&str]) -> Result<Vec<Aggregation>, QueryError> {
    let mut aggregations: Vec<Aggregation> = Vec::new();
    loop {
        args.cursor.skip_separators();
        let done = args.cursor.peek().is_none() || args.at_keyword(until) || args.at_option();
        if done && !aggregations.is_empty() {
            return Ok(aggregations);
        }
        let start = args.cursor.pos();
        let aggregation = parse_one(args)?;
        let has_same_name = |other: &Aggregation| {
            !other.has_wildcard() && !aggregation.has_wildcard() && other.column_name("") == aggregation.column_name("")
        };
        if aggregations.iter().any(has_same_name) {
            let text = format!("two results are called `{}`", aggregation.column_name(""));
            return Err(QueryError::rule(text, args.cursor.trimmed_span_from(start)).with_hint("name them with AS"));
        }
        aggregations.push(aggregation);
    }
}

/// Refuses a result that is called like a field to group by.
pub(super) fn check_names(aggregations: &[Aggregation], by: &[String], span: Span) -> Result<(), QueryError> {
    match aggregations.iter().map(|call| call.column_name("")).find(|name| by.contains(name)) {
        Some(taken) => {
            Err(QueryError::rule(format!("two columns are called `{taken}`"), span).with_hint("name one with AS"))
        }
        None => Ok(()),
    }
}

fn parse_one(args: &mut Args<'_>) -> Result<Aggregation, QueryError> {
    let mut aggregation = parse_call(args)?;
    if args.keyword("AS") {
        let alias = args.expect_name()?;
        let glob = Glob::new(&alias.value);
        let n_wildcards = match &aggregation.argument {
            Argument::Field(field) => field.n_wildcards(),
            _ => 0,
        };
        if glob.n_wildcards() != n_wildcards {
            return Err(QueryError::rule("the new name needs as many wildcards as the old", alias.span));
        }
        aggregation.alias = Some(glob);
    }
    Ok(aggregation)
}

/// Reads a call without `AS`.
pub(super) fn parse_call(args: &mut Args<'_>) -> Result<Aggregation, QueryError> {
    args.cursor.skip_space();
    let start = args.cursor.pos();
    let written = args.cursor.take_while(|c| c.is_alphanumeric() || "_.".contains(c)).to_ascii_lowercase();
    if written.is_empty() {
        return Err(args.cursor.expected("a statistical function"));
    }
    let span = args.cursor.span_from(start);
    if written == "eval" && args.cursor.peek() == Some('(') {
        let argument = Argument::Results(Combination::parse(args, start)?);
        let (function, percentile) = stats_fn::find("count", span)?;
        return Ok(Aggregation { function, written, percentile, argument, sparkline: None, alias: None });
    }
    let (function, percentile) = stats_fn::find(&written, span)?;
    if function.rate_unit_s.is_some() && args.command() != "timechart" {
        return Err(QueryError::rule(format!("`{written}` is for timechart alone"), span)
            .with_hint("elsewhere divide sum by the length of time"));
    }
    let mut ahead = args.cursor;
    ahead.skip_space();
    if function.name == "sparkline" {
        if !ahead.eat("(") {
            return Ok(Aggregation::plain_sparkline(stats_fn::find("count", span)?.0));
        }
        args.cursor = ahead;
        return parse_sparkline(args);
    }
    let argument = if ahead.eat("(") {
        args.cursor = ahead;
        let argument = match args.command() {
            "tstats" => tstats::eat_prefix(&mut args.cursor)?.map(|name| Argument::Field(Glob::new(&name))),
            _ => None,
        };
        let argument = argument.map_or_else(|| parse_argument(&mut args.cursor), Ok)?;
        args.cursor.expect(")")?;
        argument
    } else {
        Argument::Rows
    };
    if matches!(argument, Argument::Rows) && function.name != "count" {
        return Err(
            QueryError::rule(format!("`{written}` needs a field"), span).with_hint(format!("write {written}(field)"))
        );
    }
    Ok(Aggregation { function, written, percentile, argument, sparkline: None, alias: None })
}

/// Reads `function[, span])`.
fn parse_sparkline(args: &mut Args<'_>) -> Result<Aggregation, QueryError> {
    args.cursor.skip_space();
    let start = args.cursor.pos();
    let mut aggregation = parse_call(args)?;
    let is_plain = aggregation.sparkline.is_none() && aggregation.combination().is_none();
    if !is_plain || aggregation.function.rate_unit_s.is_some() {
        return Err(QueryError::rule(
            "a sparkline shows a function such as count or avg(x)",
            args.cursor.span_from(start),
        ));
    }
    args.cursor.skip_space();
    let span = if args.cursor.eat(",") { Some(time_span(&args.option_value("span")?)?) } else { None };
    args.cursor.expect(")")?;
    aggregation.sparkline = Some(Sparkline { span });
    Ok(aggregation)
}

/// What stands in the parentheses of a call; the opening one is read.
fn parse_argument(cursor: &mut Cursor<'_>) -> Result<Argument, QueryError> {
    cursor.skip_space();
    let mut ahead = *cursor;
    if ahead.eat_keyword("eval") {
        ahead.skip_space();
        if ahead.eat("(") {
            *cursor = ahead;
            let expression = Expression::parse(cursor)?;
            cursor.skip_space();
            if cursor.eat(")") {
                return Ok(Argument::Eval(expression));
            }
            return Err(Expression::unexpected_after(*cursor, "`)`"));
        }
    }
    if cursor.peek() == Some(')') {
        return Ok(Argument::Rows);
    }
    if let Some(quoted) = cursor.eat_quoted()? {
        return Ok(Argument::Field(Glob::new(&quoted.value)));
    }
    if cursor.eat("'") {
        let name = cursor.take_while(|c| c != '\'');
        cursor.expect("'")?;
        return Ok(Argument::Field(Glob::new(name)));
    }
    let name = cursor.take_while(crate::lexer::is_name_char);
    if name.is_empty() { Err(cursor.expected("a field")) } else { Ok(Argument::Field(Glob::new(name))) }
}

/// The states of a list of calls over numbered groups.
#[derive(Clone, Default)]
pub(super) struct Aggregates {
    calls: Vec<Call>,
    all_numeric: bool,
}

#[derive(Clone)]
struct Call {
    aggregation: Aggregation,
    /// One for each field; calls without wildcard have one under the name they were written with.
    states: BTreeMap<String, Box<dyn GroupStates>>,
    /// The states of the calls that it combines.
    combined: Option<Aggregates>,
}

impl Aggregates {
    pub fn new(aggregations: &[Aggregation], all_numeric: bool, ctx: &Context) -> Self {
        let call = |aggregation: &Aggregation| {
            let mut states = BTreeMap::new();
            let combination = aggregation.combination();
            if !aggregation.has_wildcard() && combination.is_none() {
                states.insert(String::new(), aggregation.start(ctx));
            }
            let combined = combination.map(|combination| Self::new(&combination.calls, all_numeric, ctx));
            Call { aggregation: aggregation.clone(), states, combined }
        };
        Self { calls: aggregations.iter().map(call).collect(), all_numeric }
    }

    /// Takes in the rows that `targets` assigns to groups. Tells how many bytes the states hold more than before.
    pub fn update(
        &mut self,
        batch: &Batch,
        ctx: &Context,
        targets: &[Target],
        rows: &Rows<'_>,
        n_groups: usize,
    ) -> usize {
        let mut bytes = 0;
        for Call { aggregation, states, combined } in &mut self.calls {
            if let Some(combined) = combined {
                bytes += combined.update(batch, ctx, targets, rows, n_groups);
                continue;
            }
            match &aggregation.argument {
                Argument::Field(glob) if glob.has_wildcard() => {
                    for (name, column) in batch.iter().filter(|(name, _)| glob.matches_field(name)) {
                        let states = states.entry(name.to_owned()).or_insert_with(|| aggregation.start(ctx));
                        bytes += states.update(Some(column), targets, rows, n_groups);
                    }
                    continue;
                }
                _ => {}
            }
            let Some(states) = states.get_mut("") else { continue };
            bytes += match &aggregation.argument {
                Argument::Rows | Argument::Results(_) => states.update(None, targets, rows, n_groups),
                Argument::Field(glob) => match batch.column(&glob.to_string()) {
                    Some(column) => states.update(Some(column), targets, rows, n_groups),
                    None => 0,
                },
                Argument::Eval(expression) => {
                    let bound = expression.bind(batch, ctx);
                    let cells: Vec<Value> = (0..batch.len()).map(|row| bound.value(row).into_owned()).collect();
                    states.update(Some(&cells), targets, rows, n_groups)
                }
            };
        }
        bytes
    }

    /// Takes over the states of another part of the rows, whose group `i` is called `groups[i]` here.
    pub fn merge(&mut self, other: Self, ctx: &Context, groups: &[u32], n_groups: usize) {
        for (call, other) in self.calls.iter_mut().zip(other.calls) {
            if let (Some(combined), Some(other)) = (&mut call.combined, other.combined) {
                combined.merge(other, ctx, groups, n_groups);
            }
            for (name, states) in other.states {
                let aggregation = &call.aggregation;
                call.states.entry(name).or_insert_with(|| aggregation.start(ctx)).merge(states, groups, n_groups);
            }
        }
    }

    /// Writes the states of a group.
    pub fn encode(&self, group: u32, out: &mut Vec<u8>) {
        for call in &self.calls {
            call.states.len().encode(out);
            for (name, states) in &call.states {
                encode_text(name, out);
                states.encode(group, out);
            }
            if let Some(combined) = &call.combined {
                combined.encode(group, out);
            }
        }
    }

    /// Adds states that were written to those of `group`. Tells how many bytes more are held at most.
    ///
    /// # Errors
    /// If the bytes were not written by [`encode`](Self::encode) of the same calls.
    pub fn merge_encoded(
        &mut self,
        input: &mut &[u8],
        ctx: &Context,
        group: u32,
        n_groups: usize,
    ) -> Result<usize, Damaged> {
        let mut bytes = 0;
        for call in &mut self.calls {
            for _ in 0..usize::decode(input)? {
                let name = CompactString::decode(input)?;
                let states = match call.states.get_mut(name.as_str()) {
                    Some(states) => states,
                    None => call.states.entry(name.into()).or_insert_with(|| call.aggregation.start(ctx)),
                };
                bytes += states.merge_encoded(input, group, n_groups)?;
            }
            if let Some(combined) = &mut call.combined {
                bytes += combined.merge_encoded(input, ctx, group, n_groups)?;
            }
        }
        Ok(bytes)
    }

    /// The same calls without any group: fields that were met stay, for each has a column.
    pub fn emptied(&self) -> Self {
        let call = |call: &Call| Call {
            aggregation: call.aggregation.clone(),
            states: call.states.iter().map(|(name, states)| (name.clone(), states.emptied())).collect(),
            combined: call.combined.as_ref().map(Self::emptied),
        };
        Self { calls: self.calls.iter().map(call).collect(), all_numeric: self.all_numeric }
    }

    /// Bytes that all states hold, roughly.
    pub fn bytes(&self) -> usize {
        let call = |call: &Call| {
            let states = call.states.values().map(|states| states.bytes());
            states.sum::<usize>() + call.combined.as_ref().map_or(0, Self::bytes)
        };
        self.calls.iter().map(call).sum()
    }

    /// Adds the states of group `from` to those of group `into`.
    pub fn merge_group(&mut self, from: u32, into: u32, n_groups: usize) {
        for call in &mut self.calls {
            call.states.values_mut().for_each(|states| states.merge_group(from, into, n_groups));
            if let Some(combined) = &mut call.combined {
                combined.merge_group(from, into, n_groups);
            }
        }
    }

    /// The first call's result for a group, as a number; with a wildcard the sum of its results.
    pub fn first_number(&self, ctx: &Context, group: u32) -> Option<f64> {
        let Call { aggregation, states, combined } = self.calls.first()?;
        if let (Some(combined), Some(combination)) = (combined, aggregation.combination()) {
            let results = combined.calls.iter().flat_map(|call| {
                let parameters = self.parameters(&call.aggregation, ctx);
                let states = call.states.values();
                states.map(move |states| call.aggregation.column(String::new(), vec![states.peek(group, &parameters)]))
            });
            return combination.values(ctx, 1, results.collect()).first()?.as_number();
        }
        let parameters = self.parameters(aggregation, ctx);
        states.values().filter_map(|states| states.peek(group, &parameters).as_number()).reduce(|a, b| a + b)
    }

    fn parameters<'c>(&self, aggregation: &Aggregation, ctx: &'c Context) -> Parameters<'c> {
        Parameters { percentile: aggregation.percentile, all_numeric: self.all_numeric, ctx }
    }

    /// The results of the given groups, by columns: names, what an empty cell holds, cells.
    pub fn finish(mut self, ctx: &Context, groups: &[u32]) -> Vec<ResultColumn> {
        let mut columns = Vec::new();
        let all_numeric = self.all_numeric;
        for Call { aggregation, states, combined } in &mut self.calls {
            let parameters = Parameters { percentile: aggregation.percentile, all_numeric, ctx };
            for (field, states) in states {
                let cells = groups.iter().map(|group| states.finish(*group, &parameters)).collect();
                columns.push(aggregation.column(field.clone(), cells));
            }
            if let (Some(combined), Some(combination)) = (combined.take(), aggregation.combination()) {
                let cells = combination.values(ctx, groups.len(), combined.finish(ctx, groups));
                columns.push(aggregation.column(String::new(), cells));
            }
        }
        columns
    }
}

/// The results of one call over some groups.
pub(super) struct ResultColumn {
    pub name: String,
    pub function: &'static StatsFunction,
    /// What a group without rows has.
    pub empty: Value,
    pub cells: Vec<Value>,
}
