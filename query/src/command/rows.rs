//! All rows of a stream in a wanted order: what `sort`, `tail`, `reverse` and `dedup sortby` have in common.

use super::{Flow, Operator, same_operator};
use crate::batch::{Batch, Fields, OrderKey};
use crate::context::{Context, Memory};
use crate::error::Result;
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
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Cell::Number(_) => 0,
            Cell::Address(_) => 1,
            Cell::Text(_) => 2,
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
            _ => self.rank().cmp(&other.rank()),
        };
        if descending { ascending.reverse() } else { ascending }
    }
}

struct Entry {
    cells: Box<[Cell]>,
    place: OrderKey,
}

/// Rows that are collected and come out in order, at most the first `limit` of them.
///
/// The result does not depend on the order in which rows come in if they carry order keys; other rows count as they
/// come. With a limit, twice as many rows are held at most.
pub(super) struct SortedRows {
    keys: Arc<[SortKey]>,
    ties: Ties,
    limit: Option<usize>,
    rows: Batch,
    entries: Vec<Entry>,
    /// For each column the first row of the first batch that has it, and its place there: the order of columns in the
    /// result, whoever merges with whom.
    columns: HashMap<CompactString, (OrderKey, usize)>,
    n_rows: u64,
    ctx: Arc<Context>,
    memory: Memory,
}

impl SortedRows {
    pub fn new(
        ctx: &Arc<Context>,
        command: &'static str,
        keys: Arc<[SortKey]>,
        ties: Ties,
        limit: Option<usize>,
    ) -> Self {
        Self {
            keys,
            ties,
            limit,
            rows: Batch::default(),
            entries: Vec::new(),
            columns: HashMap::new(),
            n_rows: 0,
            ctx: Arc::clone(ctx),
            memory: Memory::new(ctx, command),
        }
    }

    /// The number of rows that came in.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Takes rows in.
    pub fn push(&mut self, batch: Batch) -> Result<()> {
        self.ctx.cancel.check()?;
        let columns: Vec<Option<&[Value]>> = self.keys.iter().map(|key| batch.column(&key.field)).collect();
        let place = |row: usize| match batch.order() {
            Some(order) => order[row],
            None => OrderKey::sequence(self.n_rows + row as u64),
        };
        let first = if batch.is_empty() { OrderKey::sequence(self.n_rows) } else { place(0) };
        for (index, name) in batch.fields().iter().enumerate() {
            match self.columns.get_mut(name) {
                Some(known) => *known = (*known).min((first, index)),
                None => {
                    self.columns.insert(name.into(), (first, index));
                }
            }
        }
        for row in 0..batch.len() {
            let cell = |(key, column): (&SortKey, &Option<&[Value]>)| {
                Cell::new(column.map_or(&Value::Null, |column| &column[row]), key.kind)
            };
            let cells = self.keys.iter().zip(&columns).map(cell).collect();
            self.entries.push(Entry { cells, place: place(row) });
        }
        self.n_rows += batch.len() as u64;
        self.memory.grow(batch.bytes() + batch.len() * (size_of::<Entry>() + self.keys.len() * size_of::<Cell>()))?;
        self.rows.append(batch);
        self.cut_if_large()
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
        self.cut_if_large()
    }

    /// The rows in order; they no longer carry order keys, for they are in an order of their own.
    pub fn finish(self) -> Batch {
        let order = self.order();
        let mut rows = self.rows.take_rows(&order);
        rows.clear_order();
        let mut names: Vec<(CompactString, (OrderKey, usize))> = self.columns.into_iter().collect();
        names.sort_unstable_by(|(a_name, a), (b_name, b)| (a, a_name).cmp(&(b, b_name)));
        rows.select_columns(&Arc::new(Fields::new(names.into_iter().map(|(name, _)| name))));
        rows
    }

    /// The indexes of the wanted rows, in order.
    fn order(&self) -> Vec<u32> {
        let compare = |a_row: &u32, b_row: &u32| {
            let (a, b) = (&self.entries[*a_row as usize], &self.entries[*b_row as usize]);
            let mut keys = self.keys.iter().zip(a.cells.iter().zip(&b.cells));
            let by_keys =
                keys.find_map(|(key, (a, b))| Some(a.compare(b, key.descending)).filter(|order| order.is_ne()));
            by_keys.unwrap_or_else(|| match self.ties {
                // Rows made of one event have its place in common; they came one behind the other.
                Ties::InOrder => a.place.cmp(&b.place).then(a_row.cmp(b_row)),
                Ties::Reversed => b.place.cmp(&a.place).then(b_row.cmp(a_row)),
            })
        };
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
    fn cut_if_large(&mut self) -> Result<()> {
        const SLACK: usize = 1024;
        let Some(limit) = self.limit else { return Ok(()) };
        if self.entries.len() <= 2 * limit + SLACK {
            return Ok(());
        }
        // Those that stay do so as they came, or rows of one event would change places.
        let mut order = self.order();
        order.sort_unstable();
        self.rows = std::mem::take(&mut self.rows).take_rows(&order);
        let mut entries: Vec<Option<Entry>> = std::mem::take(&mut self.entries).into_iter().map(Some).collect();
        self.entries = order.iter().filter_map(|row| entries[*row as usize].take()).collect();
        self.memory.set(self.rows.bytes() + self.entries.len() * size_of::<Entry>())
    }
}

/// Collects all rows and passes on what a function makes of them.
///
/// For commands whose result for one row depends on what other rows there are. The rows come in their order, whoever
/// collected which.
pub(super) struct AllRowsOperator<F> {
    /// Taken by `finish`.
    rows: Option<SortedRows>,
    make: F,
}

impl<F> AllRowsOperator<F>
where
    F: FnMut(&mut Batch) -> Result<()> + Send + 'static,
{
    /// No rows yet; `make` changes all of them at the end.
    pub fn new(ctx: &Arc<Context>, command: &'static str, make: F) -> Self {
        Self::sorted(ctx, command, Arc::default(), make)
    }

    /// As [`new`](Self::new), with the rows in the order of `keys`.
    pub fn sorted(ctx: &Arc<Context>, command: &'static str, keys: Arc<[SortKey]>, make: F) -> Self {
        Self { rows: Some(SortedRows::new(ctx, command, keys, Ties::InOrder, None)), make }
    }
}

impl<F> Operator for AllRowsOperator<F>
where
    F: FnMut(&mut Batch) -> Result<()> + Send + 'static,
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

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        if let Some(rows) = self.rows.take() {
            let mut batch = rows.finish();
            (self.make)(&mut batch)?;
            out(batch);
        }
        Ok(())
    }
}
