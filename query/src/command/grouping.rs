//! Statistics over groups of rows: what `stats` and `eventstats` share.

use super::aggregate::{self, Aggregates, Aggregation, ResultColumn};
use super::args::{Args, boolean};
use super::group::Groups;
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result, RunError};
use crate::lexer::{quote, quote_name};
use crate::stats_fn::{Rows, Target};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Calls of statistical functions and the fields to group by, as written.
#[derive(Clone, Debug)]
pub struct Grouping {
    /// Whether functions of numbers give null where a value is not numeric.
    pub all_numeric: bool,
    /// What joins the results of `values` and `list` to one text; `None` leaves them several values.
    pub delimiter: Option<String>,
    /// The calls, in order.
    pub aggregations: Vec<Aggregation>,
    /// The fields to group by; none for one group of all rows.
    pub by: Vec<String>,
}

impl Grouping {
    /// Reads all arguments of a command.
    pub(super) fn parse(mut args: Args<'_>) -> Result<Self, QueryError> {
        let (mut all_numeric, mut delimiter) = (false, None);
        while let Some((option, value)) = args.option(&["allnum", "delim"])? {
            match option {
                "allnum" => all_numeric = boolean(&value)?,
                _ => delimiter = Some(value.value),
            }
        }
        let start = args.cursor.pos();
        let aggregations = aggregate::parse(&mut args, &["BY"])?;
        let span = args.cursor.trimmed_span_from(start);
        let by = if args.keyword("BY") { args.expect_plain_names(&[])? } else { Vec::new() };
        args.finish()?;
        aggregate::check_names(&aggregations, &by, span)?;
        Ok(Self { all_numeric, delimiter, aggregations, by })
    }

    /// The fields that calls and groups read.
    pub(super) fn add_fields_read(&self, wanted: &mut Wanted) {
        self.by.iter().for_each(|field| wanted.add(field));
        aggregate::add_fields_read(&self.aggregations, wanted);
    }

    /// Fresh states.
    pub(super) fn start(&self, ctx: &Arc<Context>, command: &'static str) -> GroupedAggregates {
        GroupedAggregates {
            ctx: Arc::clone(ctx),
            command,
            by: self.by.clone(),
            delimiter: self.delimiter.clone(),
            groups: Groups::new(self.by.len()),
            aggregates: Aggregates::new(&self.aggregations, self.all_numeric, ctx),
            memory: Memory::new(ctx, command),
            n_rows: 0,
            targets: Vec::new(),
        }
    }
}

/// The arguments, with a space before the first.
impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.all_numeric { " allnum=t" } else { "" })?;
        self.delimiter.iter().try_for_each(|delimiter| write!(f, " delim={}", quote(delimiter)))?;
        self.aggregations.iter().try_for_each(|call| write!(f, " {call}"))?;
        write_by(f, &self.by)
    }
}

/// Writes ` BY a, b`, or nothing.
pub(super) fn write_by(f: &mut fmt::Formatter<'_>, by: &[String]) -> fmt::Result {
    by.iter()
        .enumerate()
        .try_for_each(|(i, field)| write!(f, "{}{}", if i == 0 { " BY " } else { ", " }, quote_name(field)))
}

/// Refuses more groups than allowed.
pub(super) fn check_groups(ctx: &Context, command: &'static str, n_groups: usize) -> Result<()> {
    let value = ctx.limits.max_groups;
    if n_groups > value {
        return Err(RunError::Limit { command, limit: "max_groups", value: value as u64 });
    }
    Ok(())
}

/// The states of a [`Grouping`].
#[derive(Clone)]
pub(super) struct GroupedAggregates {
    ctx: Arc<Context>,
    command: &'static str,
    by: Vec<String>,
    delimiter: Option<String>,
    groups: Groups,
    aggregates: Aggregates,
    memory: Memory,
    n_rows: u64,
    targets: Vec<Target>,
}

impl GroupedAggregates {
    /// Takes rows in, each of which stands for `counts[row]` equal ones.
    pub fn take(&mut self, batch: &Batch, counts: Option<&[u64]>) -> Result<()> {
        self.ctx.cancel.check()?;
        let bytes = self.groups.assign(batch, &self.by, &mut self.targets);
        self.memory.grow(bytes)?;
        check_groups(&self.ctx, self.command, self.groups.len())?;
        let rows = Rows::new(batch, self.n_rows, counts);
        self.n_rows += batch.len() as u64;
        let bytes = self.aggregates.update(batch, &self.ctx, &self.targets, &rows, self.groups.len());
        self.memory.grow(bytes)
    }

    /// Takes over the states of another part of the rows.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.memory.absorb(other.memory);
        let (groups, bytes) = self.groups.merge(&other.groups);
        self.memory.grow(bytes)?;
        check_groups(&self.ctx, self.command, self.groups.len())?;
        self.aggregates.merge(other.aggregates, &self.ctx, &groups, self.groups.len());
        Ok(())
    }

    /// A table of one row for each group, in the order of their keys.
    pub fn finish(&mut self) -> Batch {
        if self.by.is_empty() {
            self.groups.find_or_add(&[]);
        }
        let groups = self.groups.sorted();
        let keys = self.by.iter().enumerate().map(|(index, field)| {
            let cells = groups.iter().map(|group| self.groups.key(*group)[index].clone()).collect();
            (field.clone(), cells)
        });
        let keys: Vec<(String, Vec<Value>)> = keys.collect();
        let results = self.results(&groups).into_iter().map(|column| (column.name, column.cells));
        Batch::from_columns(groups.len(), keys.into_iter().chain(results))
    }

    /// Adds to each row the results of its group. Rows that belong to none keep what they had; one that belongs to several
    /// has the results of all.
    pub fn finish_rows(&mut self, batch: &mut Batch) {
        self.groups.assign(batch, &self.by, &mut self.targets);
        let groups: Vec<u32> = (0..self.groups.len() as u32).collect();
        let targets = std::mem::take(&mut self.targets);
        for ResultColumn { name, cells: results, .. } in self.results(&groups) {
            let mut cells = batch.column(&name).map_or_else(|| vec![Value::Null; batch.len()], <[Value]>::to_vec);
            let mut last_row = None;
            for target in &targets {
                let cell = &mut cells[target.row as usize];
                let result = results[target.group as usize].clone();
                *cell = match last_row == Some(target.row) {
                    true => Value::multi([std::mem::take(cell), result]),
                    false => result,
                };
                last_row = Some(target.row);
            }
            batch.set_column(&name, cells);
        }
    }

    fn results(&mut self, groups: &[u32]) -> Vec<ResultColumn> {
        let mut columns = std::mem::take(&mut self.aggregates).finish(&self.ctx, groups);
        if let Some(delimiter) = &self.delimiter {
            for column in columns.iter_mut().filter(|column| column.function.is_several) {
                column.cells.iter_mut().for_each(|cell| join(cell, delimiter));
            }
        }
        columns
    }
}

/// Makes one text of several values.
fn join(cell: &mut Value, delimiter: &str) {
    if let Value::Multi(values) = cell {
        let texts: Vec<String> = values.iter().map(Value::to_string).collect();
        *cell = Value::from(texts.join(delimiter));
    }
}
