//! Statistics over groups of rows: what `stats` and `eventstats` share.

use super::aggregate::{self, Aggregates, Aggregation, ResultColumn};
use super::args::{Args, boolean};
use super::group::Groups;
use super::rows::{RowStream, SortKey, SortKind, SortedRows, Ties};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result, RunError};
use crate::lexer::{quote, quote_name};
use crate::spill::{Block, Damaged, N_PARTITIONS, Partitions, Spill, Wire, partition_of};
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

    /// Fresh states. All of them must fit in memory.
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
            finished: None,
            spill: None,
            level: 0,
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

/// The states of a [`Grouping`]. A clone has those in memory, see [`GroupedAggregates::snapshot`].
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
    /// The results of all groups, once somebody asked for them; a clone is asked anew.
    finished: Option<Vec<ResultColumn>>,
    /// Where states go that do not fit in memory, if that is possible.
    spill: Option<SpilledGroups>,
    /// How often the rows of these groups were dealt out to partitions.
    level: u32,
}

/// Partial states on disk: all those of one group are in one partition.
///
/// ```text
/// block := (key states)*          key := value for each BY field
/// ```
struct SpilledGroups {
    spill: Spill,
    partitions: Partitions,
    is_empty: bool,
}

impl SpilledGroups {
    fn new(ctx: &Arc<Context>, command: &'static str) -> Self {
        Self { spill: Spill::new(ctx, command), partitions: Partitions::default(), is_empty: true }
    }
}

impl Clone for GroupedAggregates {
    fn clone(&self) -> Self {
        Self {
            ctx: Arc::clone(&self.ctx),
            command: self.command,
            by: self.by.clone(),
            delimiter: self.delimiter.clone(),
            groups: self.groups.clone(),
            aggregates: self.aggregates.clone(),
            memory: self.memory.clone(),
            n_rows: self.n_rows,
            targets: Vec::new(),
            finished: None,
            spill: None,
            level: self.level,
        }
    }
}

/// State that a group may always have, however small the limit is.
const MIN_GROUP_BYTES: usize = 64 << 10;

impl GroupedAggregates {
    /// Takes rows in, each of which stands for `counts[row]` equal ones.
    pub fn take(&mut self, batch: &Batch, counts: Option<&[u64]>) -> Result<()> {
        self.ctx.cancel.check()?;
        let bytes = self.groups.assign(batch, &self.by, &mut self.targets);
        self.memory.grow_or_spill(bytes);
        check_groups(&self.ctx, self.command, self.groups.len())?;
        let rows = Rows::new(batch, self.n_rows, counts);
        self.n_rows += batch.len() as u64;
        let bytes = self.aggregates.update(batch, &self.ctx, &self.targets, &rows, self.groups.len());
        self.memory.grow_or_spill(bytes);
        self.make_room()
    }

    /// Takes over the states of another part of the rows.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.memory.absorb(other.memory);
        let (groups, bytes) = self.groups.merge(&other.groups);
        self.memory.grow_or_spill(bytes);
        check_groups(&self.ctx, self.command, self.groups.len())?;
        self.aggregates.merge(other.aggregates, &self.ctx, &groups, self.groups.len());
        if let (Some(spill), Some(other)) = (&mut self.spill, other.spill) {
            spill.partitions.merge(other.partitions);
            spill.is_empty &= other.is_empty;
        }
        self.make_room()
    }

    /// A copy, if all states are in memory.
    pub fn snapshot(&self) -> Option<Self> {
        let has_spilled = self.spill.as_ref().is_some_and(|spill| !spill.is_empty);
        (!has_spilled).then(|| self.clone())
    }

    /// The same, whose states go to disk where they do not fit in memory: all but those of a group that does not fit alone.
    pub fn spilling(mut self) -> Self {
        self.spill = Some(SpilledGroups::new(&self.ctx, self.command));
        self
    }

    /// Gives the states away if they do not fit in memory.
    fn make_room(&mut self) -> Result<()> {
        if !self.memory.is_over() {
            return Ok(());
        }
        if self.spill.is_none() {
            // It may be that others hold too much and are about to give it away.
            return match self.memory.bytes() > self.ctx.limits.max_memory_bytes / 4 {
                true => Err(self.ctx.out_of_memory(self.command)),
                false => Ok(()),
            };
        }
        // What merging saved is not known otherwise.
        self.memory.clear();
        self.memory.grow_or_spill(self.groups.bytes() + self.aggregates.bytes());
        match self.groups.len() {
            _ if !self.memory.is_over() => Ok(()),
            0 | 1 if self.memory.bytes() <= self.ctx.limits.max_memory_bytes.max(MIN_GROUP_BYTES) => Ok(()),
            0 | 1 => Err(self.ctx.out_of_memory(self.command)),
            _ => self.spill(),
        }
    }

    /// Writes all states to their partitions.
    fn spill(&mut self) -> Result<()> {
        let Some(SpilledGroups { spill, partitions, is_empty }) = &mut self.spill else { return Ok(()) };
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); N_PARTITIONS];
        for group in 0..self.groups.len() as u32 {
            groups[partition_of(self.groups.key(group), self.level)].push(group);
        }
        let mut content = Vec::new();
        for (partition, groups) in groups.iter().enumerate() {
            content.clear();
            for (index, group) in groups.iter().enumerate() {
                self.groups.key(*group).iter().for_each(|cell| cell.encode(&mut content));
                self.aggregates.encode(*group, &mut content);
                if content.len() >= spill.block_bytes() || index + 1 == groups.len() {
                    partitions.write(partition, &content, spill)?;
                    content.clear();
                }
            }
        }
        spill.count_run();
        *is_empty = false;
        self.groups = Groups::new(self.by.len());
        self.aggregates = self.aggregates.emptied();
        self.memory.clear();
        Ok(())
    }

    /// The states of one partition.
    fn of_partition(&self, blocks: Vec<Block>) -> Result<Self> {
        let mut part = Self {
            ctx: Arc::clone(&self.ctx),
            command: self.command,
            by: self.by.clone(),
            delimiter: self.delimiter.clone(),
            groups: Groups::new(self.by.len()),
            aggregates: self.aggregates.emptied(),
            memory: Memory::new(&self.ctx, self.command),
            n_rows: 0,
            targets: Vec::new(),
            finished: None,
            spill: Some(SpilledGroups::new(&self.ctx, self.command)),
            level: self.level + 1,
        };
        for block in blocks {
            let content = block.read()?;
            part.merge_encoded(&content).map_err(|_| block.damaged())?;
            part.make_room()?;
        }
        Ok(part)
    }

    fn merge_encoded(&mut self, mut input: &[u8]) -> Result<(), Damaged> {
        let input = &mut input;
        while !input.is_empty() {
            let key: Vec<Value> = self.by.iter().map(|_| Value::decode(input)).collect::<Result<_, Damaged>>()?;
            let (group, bytes) = self.groups.find_or_add(&key.iter().collect::<Vec<&Value>>());
            let grown = self.aggregates.merge_encoded(input, &self.ctx, group, self.groups.len())?;
            self.memory.grow_or_spill(bytes + grown);
        }
        Ok(())
    }

    /// As [`finish`](Self::finish), but batch by batch where the states did not fit in memory.
    pub fn into_stream(mut self) -> Result<RowStream> {
        if self.spill.as_ref().is_none_or(|spill| spill.is_empty) {
            return Ok(RowStream::Batch(self.finish()));
        }
        let key = |field: &String| SortKey { field: field.clone(), descending: false, kind: SortKind::Mixed };
        let keys = self.by.iter().map(key).collect();
        let mut rows = SortedRows::new(&self.ctx, self.command, keys, Ties::InOrder, None).spilling();
        self.finish_partitions(&mut rows)?;
        rows.into_stream()
    }

    /// Adds a row for each group, one partition after the other.
    fn finish_partitions(mut self, rows: &mut SortedRows) -> Result<()> {
        if self.spill.as_ref().is_none_or(|spill| spill.is_empty) {
            let table = self.finish();
            // The table has taken the place of the states.
            drop(self.memory);
            rows.push(table)?;
            rows.leave_room()?;
            let n_rows = usize::try_from(rows.n_rows()).unwrap_or(usize::MAX);
            return check_groups(&self.ctx, self.command, n_rows);
        }
        self.spill()?;
        let partitions = self.spill.take().map(|spill| spill.partitions).unwrap_or_default();
        partitions.into_iter().try_for_each(|blocks| self.of_partition(blocks)?.finish_partitions(rows))
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
    /// has the results of all. For rows that were taken in, after the last of them.
    pub fn add_results(&mut self, batch: &mut Batch) {
        self.groups.assign(batch, &self.by, &mut self.targets);
        let results = match self.finished.take() {
            Some(results) => results,
            None => self.results(&(0..self.groups.len() as u32).collect::<Vec<u32>>()),
        };
        let targets = &self.targets;
        for ResultColumn { name, cells: results, .. } in &results {
            let mut cells = batch.column(name).map_or_else(|| vec![Value::Null; batch.len()], <[Value]>::to_vec);
            let mut last_row = None;
            for target in targets {
                let cell = &mut cells[target.row as usize];
                let result = results[target.group as usize].clone();
                *cell = match last_row == Some(target.row) {
                    true => Value::multi([std::mem::take(cell), result]),
                    false => result,
                };
                last_row = Some(target.row);
            }
            batch.set_column(name, cells);
        }
        self.finished = Some(results);
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
