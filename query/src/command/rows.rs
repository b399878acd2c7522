//! All rows of a stream in a wanted order: what `sort`, `tail`, `reverse` and `dedup sortby` have in common.

use super::merge::{Merge, Runs};
use super::{Flow, Operator, same_operator};
use crate::batch::{Batch, Fields, OrderKey};
use crate::context::{Context, Memory};
use crate::error::Result;
use crate::spill::{Block, Spill, encode_rows, rows_per_block};
use crate::value::{Value, parse_number};
use compact_str::CompactString;
use hashbrown::HashMap;
use std::cmp::Ordering;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A field to sort by.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// The field.
    pub field: String,
    /// Whether the largest value comes first.
    pub descending: bool,
    /// How values compare.
    pub kind: SortKind,
}

/// How values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKind {
    /// Numbers by size, then IPv4 addresses by number, then text by bytes.
    Auto,
    /// `num(x)`: numbers; what is not numeric counts as missing.
    Number,
    /// `str(x)`: text by bytes.
    Text,
    /// `ip(x)`: addresses; what is none counts as missing.
    Address,
    /// Numbers by size, then text by bytes: the order of groups. Nobody writes it.
    Mixed,
}

/// Which way rows that agree in all keys stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ties {
    /// As they came.
    InOrder,
    /// The last first.
    Reversed,
}

/// A cell as it is compared. Missing comes last in either direction.
#[derive(Clone, Debug)]
enum Cell {
    Number(f64),
    Address(u128),
    Text(CompactString),
    Mixed(Value),
    Missing,
}

impl Cell {
    fn new(value: &Value, kind: SortKind) -> Self {
        if value.is_null() {
            return Cell::Missing;
        }
        let number = || value.with_text(parse_number).map(Cell::Number);
        let address =
            || value.with_text(|text| text.parse::<Ipv4Addr>().ok()).map(|ip| Cell::Address(ip.to_bits().into()));
        let address6 =
            || value.with_text(|text| text.parse().ok()).map(|ip: std::net::Ipv6Addr| Cell::Address(ip.to_bits()));
        let text = || value.with_text(|text| Cell::Text(text.into()));
        match kind {
            SortKind::Auto => number().or_else(address).unwrap_or_else(text),
            SortKind::Number => number().unwrap_or(Cell::Missing),
            SortKind::Text => text(),
            SortKind::Address => address().or_else(address6).unwrap_or(Cell::Missing),
            SortKind::Mixed => Cell::Mixed(value.clone()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Cell::Number(_) => 0,
            Cell::Address(_) => 1,
            Cell::Text(_) | Cell::Mixed(_) => 2,
            Cell::Missing => 3,
        }
    }

    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        if let (Cell::Missing, _) | (_, Cell::Missing) = (self, other) {
            return self.rank().cmp(&other.rank());
        }
        let ascending = match (self, other) {
            (Cell::Number(a), Cell::Number(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
            (Cell::Address(a), Cell::Address(b)) => a.cmp(b),
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            (Cell::Mixed(a), Cell::Mixed(b)) => a.cmp_mixed(b),
            _ => self.rank().cmp(&other.rank()),
        };
        if descending { ascending.reverse() } else { ascending }
    }
}

/// What a row is ordered by.
pub(super) struct Entry {
    cells: Box<[Cell]>,
    pub place: OrderKey,
}

/// The order of rows: by keys, then by their places in the stream.
#[derive(Clone)]
pub(super) struct RowOrder {
    pub keys: Arc<[SortKey]>,
    pub ties: Ties,
}

impl RowOrder {
    /// What the rows of a batch are ordered by.
    pub fn entries(&self, batch: &Batch, place: impl Fn(usize) -> OrderKey) -> impl Iterator<Item = Entry> {
        let columns: Vec<Option<&[Value]>> = self.keys.iter().map(|key| batch.column(&key.field)).collect();
        (0..batch.len()).map(move |row| {
            let cell = |(key, column): (&SortKey, &Option<&[Value]>)| {
                Cell::new(column.map_or(&Value::Null, |column| &column[row]), key.kind)
            };
            Entry { cells: self.keys.iter().zip(&columns).map(cell).collect(), place: place(row) }
        })
    }

    /// The order of two rows, each with a number that grows in the order in which they came. Rows made of one event have its
    /// place in common; they came one behind the other.
    pub fn compare(&self, (a, a_number): (&Entry, u32), (b, b_number): (&Entry, u32)) -> Ordering {
        let mut keys = self.keys.iter().zip(a.cells.iter().zip(&b.cells));
        let by_keys = keys.find_map(|(key, (a, b))| Some(a.compare(b, key.descending)).filter(|order| order.is_ne()));
        by_keys.unwrap_or_else(|| {
            let as_they_came = a.place.cmp(&b.place).then(a_number.cmp(&b_number));
            if self.ties == Ties::InOrder { as_they_came } else { as_they_came.reverse() }
        })
    }

    /// Bytes that the entries of so many rows hold, roughly.
    fn entry_bytes(&self, n_rows: usize) -> usize {
        n_rows * (size_of::<Entry>() + self.keys.len() * size_of::<Cell>())
    }
}

/// Rows that are collected and come out in order, at most the first `limit` of them.
///
/// The result does not depend on the order in which rows come in if they carry order keys; other rows count as they
/// come. With a limit, twice as many rows are held at most.
pub(super) struct SortedRows {
    order: RowOrder,
    limit: Option<usize>,
    rows: Batch,
    entries: Vec<Entry>,
    /// For each column the first row of the first batch that has it, and its place there: the order of columns in the
    /// result, whoever merges with whom.
    columns: HashMap<CompactString, (OrderKey, usize)>,
    n_rows: u64,
    ctx: Arc<Context>,
    command: &'static str,
    memory: Memory,
    /// What did not fit in memory; `None` if all rows are wanted at once, so that they must.
    runs: Option<Runs>,
}

impl SortedRows {
    /// No row yet. All of them must fit in memory.
    pub fn new(
        ctx: &Arc<Context>,
        command: &'static str,
        keys: Arc<[SortKey]>,
        ties: Ties,
        limit: Option<usize>,
    ) -> Self {
        Self {
            order: RowOrder { keys, ties },
            limit,
            rows: Batch::default(),
            entries: Vec::new(),
            columns: HashMap::new(),
            n_rows: 0,
            ctx: Arc::clone(ctx),
            command,
            memory: Memory::new(ctx, command),
            runs: None,
        }
    }

    /// The same, whose rows go to disk as sorted runs where they do not fit in memory: an external merge sort.
    pub fn spilling(mut self) -> Self {
        self.runs = Some(Runs::new(Spill::new(&self.ctx, self.command), self.order.clone(), self.limit));
        self
    }

    /// The number of rows that came in.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Takes rows in.
    pub fn push(&mut self, batch: Batch) -> Result<()> {
        let first = batch.order().and_then(|order| order.first().copied());
        self.add_columns(batch.fields(), first.unwrap_or(OrderKey::sequence(self.n_rows)));
        self.push_rows(batch)
    }

    /// Takes the columns of a batch in, whose first row stands at `first`.
    pub fn add_columns(&mut self, fields: &Fields, first: OrderKey) {
        for (index, name) in fields.iter().enumerate() {
            match self.columns.get_mut(name) {
                Some(known) => *known = (*known).min((first, index)),
                None => {
                    self.columns.insert(name.into(), (first, index));
                }
            }
        }
    }

    /// Takes rows in whose columns are known.
    pub fn push_rows(&mut self, batch: Batch) -> Result<()> {
        self.ctx.cancel.check()?;
        let first_row = self.n_rows;
        let place = |row: usize| match batch.order() {
            Some(order) => order[row],
            None => OrderKey::sequence(first_row + row as u64),
        };
        self.entries.extend(self.order.entries(&batch, place));
        self.n_rows += batch.len() as u64;
        self.memory.grow_or_spill(batch.bytes() + self.order.entry_bytes(batch.len()));
        self.rows.append(batch);
        self.cut_if_large();
        self.make_room()
    }

    /// Takes over the rows of another part of the stream.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.memory.absorb(other.memory);
        for (name, place) in other.columns {
            let known = self.columns.entry(name).or_insert(place);
            *known = (*known).min(place);
        }
        self.n_rows += other.n_rows;
        self.entries.extend(other.entries);
        self.rows.append(other.rows);
        if let (Some(runs), Some(other)) = (&mut self.runs, other.runs) {
            runs.append(other)?;
        }
        self.cut_if_large();
        self.make_room()
    }

    /// The rows in order; they no longer carry order keys, for they are in an order of their own.
    ///
    /// # Panics
    /// If rows went to disk: that is a bug of the command, which wants them at once.
    pub fn finish(self) -> Batch {
        assert!(self.runs.as_ref().is_none_or(Runs::is_empty), "rows that are wanted at once stay in memory");
        let order = self.order();
        let mut rows = self.rows.take_rows(&order);
        rows.clear_order();
        rows.select_columns(&Arc::new(in_order(self.columns)));
        rows
    }

    /// The rows in order, as [`finish`](Self::finish), but batch by batch where they did not fit in memory.
    pub fn into_stream(mut self) -> Result<RowStream> {
        if self.runs.as_ref().is_none_or(Runs::is_empty) {
            return Ok(RowStream::Batch(self.finish()));
        }
        self.spill()?;
        let Some(runs) = self.runs else { return Ok(RowStream::End) };
        Ok(RowStream::Merge(Box::new(runs.into_merge(in_order(self.columns), self.memory)?)))
    }

    /// The indexes of the wanted rows, in order.
    fn order(&self) -> Vec<u32> {
        let entry = |row: u32| (&self.entries[row as usize], row);
        let compare = |a: &u32, b: &u32| self.order.compare(entry(*a), entry(*b));
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        match self.limit {
            Some(0) => order.clear(),
            Some(limit) if limit < order.len() => {
                order.select_nth_unstable_by(limit, compare);
                order.truncate(limit);
            }
            _ => {}
        }
        order.sort_unstable_by(compare);
        order
    }

    /// Drops what cannot be among the first rows any more.
    fn cut_if_large(&mut self) {
        const SLACK: usize = 1024;
        let Some(limit) = self.limit else { return };
        if self.entries.len() <= 2 * limit + SLACK {
            return;
        }
        // Those that stay do so as they came, or rows of one event would change places.
        let mut order = self.order();
        order.sort_unstable();
        self.rows = std::mem::take(&mut self.rows).take_rows(&order);
        let mut entries: Vec<Option<Entry>> = std::mem::take(&mut self.entries).into_iter().map(Some).collect();
        self.entries = order.iter().filter_map(|row| entries[*row as usize].take()).collect();
        self.memory.clear();
        self.memory.grow_or_spill(self.rows.bytes() + self.order.entry_bytes(self.entries.len()));
    }

    /// Gives the rows away if they do not fit in memory.
    fn make_room(&mut self) -> Result<()> {
        if self.runs.is_some() {
            return if self.memory.is_over() { self.spill() } else { Ok(()) };
        }
        self.memory.check()
    }

    /// Gives the rows away if they take more than half of what all may take, to somebody who still needs the other half.
    pub fn leave_room(&mut self) -> Result<()> {
        if self.memory.bytes() > self.ctx.limits.max_memory_bytes / 2 { self.spill() } else { Ok(()) }
    }

    /// Writes the rows in memory as a run.
    fn spill(&mut self) -> Result<()> {
        let order = self.order();
        let Some(runs) = &mut self.runs else { return Ok(()) };
        let mut run: Vec<Block> = Vec::new();
        let mut content = Vec::new();
        let n_rows = rows_per_block(runs.spill.block_bytes(), self.rows.len(), self.rows.bytes());
        for rows in order.chunks(n_rows) {
            content.clear();
            encode_rows(&self.rows, rows, |row| self.entries[row as usize].place, &mut content);
            run.push(runs.spill.write(&content)?);
        }
        (self.rows, self.entries) = (Batch::default(), Vec::new());
        self.memory.clear();
        runs.push(run)
    }
}

/// Names by the places where they first stood.
fn in_order(columns: HashMap<CompactString, (OrderKey, usize)>) -> Fields {
    let mut names: Vec<(CompactString, (OrderKey, usize))> = columns.into_iter().collect();
    names.sort_unstable_by(|(a_name, a), (b_name, b)| (a, a_name).cmp(&(b, b_name)));
    Fields::new(names.into_iter().map(|(name, _)| name))
}

/// Rows that come out batch by batch.
pub(super) enum RowStream {
    /// All of them.
    Batch(Batch),
    /// Runs on disk.
    Merge(Box<Merge>),
    /// No more.
    End,
}

impl RowStream {
    /// Passes on the next batch; [`Flow::Done`] after the last, as [`Operator::drain`] says it.
    pub fn pass_on(&mut self, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if let Some(batch) = self.next()? {
            out(batch);
        }
        Ok(if matches!(self, RowStream::End) { Flow::Done } else { Flow::More })
    }

    /// The next batch; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Batch>> {
        match std::mem::replace(self, RowStream::End) {
            RowStream::End => Ok(None),
            RowStream::Batch(batch) => Ok(Some(batch)),
            RowStream::Merge(mut merge) => {
                let Some(mut batch) = merge.next()? else { return Ok(None) };
                batch.clear_order();
                *self = RowStream::Merge(merge);
                Ok(Some(batch))
            }
        }
    }
}

/// Collects all rows and passes on what a function makes of them.
///
/// The rows come to it in their order, whoever collected which.
pub(super) struct CollectOperator<F> {
    /// Taken when the rest is asked for.
    rows: Option<SortedRows>,
    make: F,
    rest: RowStream,
}

impl<F> CollectOperator<F>
where
    F: FnMut(SortedRows) -> Result<RowStream> + Send + 'static,
{
    /// Passes on what `make` makes of `rows` and those that come.
    pub fn new(rows: SortedRows, make: F) -> Self {
        Self { rows: Some(rows), make, rest: RowStream::End }
    }
}

impl<F> Operator for CollectOperator<F>
where
    F: FnMut(SortedRows) -> Result<RowStream> + Send + 'static,
{
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if let Some(rows) = &mut self.rows {
            rows.push(batch)?;
        }
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        match (&mut self.rows, other.rows) {
            (Some(rows), Some(other)) => rows.merge(other),
            _ => Ok(()),
        }
    }

    fn drain(&mut self, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if let Some(rows) = self.rows.take() {
            self.rest = (self.make)(rows)?;
        }
        self.rest.pass_on(out)
    }
}

/// Passes on events in their order, newest first, however they come in; at most the first `limit`.
pub(crate) fn events_in_order(ctx: &Arc<Context>, limit: Option<usize>) -> Box<dyn Operator> {
    let rows = SortedRows::new(ctx, "search", Arc::default(), Ties::InOrder, limit).spilling();
    Box::new(CollectOperator::new(rows, SortedRows::into_stream))
}

/// Passes on all rows as `make` changes them, for commands whose result for one row depends on what other rows there are.
pub(super) fn change_all_rows(
    ctx: &Arc<Context>,
    command: &'static str,
    mut make: impl FnMut(&mut Batch) -> Result<()> + Send + 'static,
) -> Box<dyn Operator> {
    let rows = SortedRows::new(ctx, command, Arc::default(), Ties::InOrder, None);
    Box::new(CollectOperator::new(rows, move |rows| {
        let mut batch = rows.finish();
        make(&mut batch)?;
        Ok(RowStream::Batch(batch))
    }))
}
