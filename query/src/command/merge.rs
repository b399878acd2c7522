//! Sorted runs of rows on disk, and how they become one.

use super::rows::{Entry, RowOrder};
use crate::batch::{Batch, Fields, OrderKey};
use crate::context::Memory;
use crate::error::Result;
use crate::spill::{Block, Spill, decode_rows, encode_rows};
use crate::value::Value;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Runs that are merged at once. So many of one level become one of the next, so a row is written again once for each 64-fold
/// of the memory limit.
const FAN_IN: usize = 64;

/// Most rows of a batch that a merge yields.
const BATCH_ROWS: usize = 8192;

/// What a collector of rows has written, in the order in which it did.
pub(super) struct Runs {
    pub spill: Spill,
    order: RowOrder,
    limit: Option<usize>,
    /// The blocks of each run, and how often its rows were merged.
    runs: Vec<(u32, Vec<Block>)>,
}

impl Runs {
    /// No run yet; at most the first `limit` rows of all are wanted.
    pub fn new(spill: Spill, order: RowOrder, limit: Option<usize>) -> Self {
        Self { spill, order, limit, runs: Vec::new() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds a run.
    pub fn push(&mut self, run: Vec<Block>) -> Result<()> {
        self.spill.count_run();
        self.runs.push((0, run));
        self.merge_levels()
    }

    /// Adds the runs of another part of the stream.
    pub fn append(&mut self, other: Self) -> Result<()> {
        self.runs.extend(other.runs);
        self.merge_levels()
    }

    /// Merges the last runs while there are too many of their level. Those that came first stay first.
    fn merge_levels(&mut self) -> Result<()> {
        while let Some((level, _)) = self.runs.last() {
            let level = *level;
            let first = self.runs.iter().rposition(|(other, _)| *other != level).map_or(0, |before| before + 1);
            if self.runs.len() - first < FAN_IN {
                break;
            }
            let merged = self.runs.split_off(first).into_iter().map(|(_, run)| run);
            let mut merge = Merge::new(merged, self.order.clone(), self.limit, self.spill.block_bytes())?;
            self.spill.begin_file();
            let (mut run, mut content) = (Vec::new(), Vec::new());
            while let Some(batch) = merge.next()? {
                let rows: Vec<u32> = (0..batch.len() as u32).collect();
                let places = batch.order().unwrap_or_default();
                content.clear();
                encode_rows(&batch, &rows, |row| places[row as usize], &mut content);
                run.push(self.spill.write(&content)?);
            }
            self.spill.begin_file();
            self.runs.push((level + 1, run));
        }
        Ok(())
    }

    /// The rows of all runs in order, as columns `fields`. `memory` counts what the merge holds.
    pub fn into_merge(self, fields: Fields, mut memory: Memory) -> Result<Merge> {
        let block_bytes = self.spill.block_bytes();
        memory.clear();
        memory.grow_or_spill(self.runs.len() * block_bytes);
        let runs = self.runs.into_iter().map(|(_, run)| run);
        let merge = Merge::new(runs, self.order, self.limit, block_bytes)?;
        Ok(Merge { fields: Some(Arc::new(fields)), _memory: Some(memory), ..merge })
    }
}

/// Merges sorted runs.
pub(super) struct Merge {
    order: RowOrder,
    /// The columns of the result; those of the rows if they do not matter.
    fields: Option<Arc<Fields>>,
    cursors: Vec<Cursor>,
    /// The next row of each run, the first in order on top.
    heads: BinaryHeap<Head>,
    n_wanted: usize,
    batch_bytes: usize,
    /// What the blocks in memory take is counted as long as the merge lasts.
    _memory: Option<Memory>,
}

/// A place in a run.
struct Cursor {
    blocks: std::vec::IntoIter<Block>,
    fields: Arc<Fields>,
    columns: Vec<Vec<Value>>,
    entries: std::vec::IntoIter<Entry>,
    /// The row after the one that is among the heads.
    next_row: usize,
}

struct Head {
    entry: Entry,
    /// The run's number: runs that came first have the smaller one.
    run: u32,
    order: RowOrder,
}

impl Ord for Head {
    /// The largest is on top of the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        self.order.compare((&other.entry, other.run), (&self.entry, self.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl Cursor {
    /// The next row, read from disk if need be.
    fn advance(&mut self, order: &RowOrder) -> Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.entries.next() {
                self.next_row += 1;
                return Ok(Some(entry));
            }
            let Some(block) = self.blocks.next() else { return Ok(None) };
            let batch = decode_rows(&block.read()?).map_err(|_| block.damaged())?;
            let entries: Vec<Entry> = {
                let places = batch.order().unwrap_or_default();
                order.entries(&batch, |row| places[row]).collect()
            };
            (self.fields, self.columns, _) = batch.into_parts();
            self.entries = entries.into_iter();
            self.next_row = 0;
        }
    }
}

impl Merge {
    fn new(
        runs: impl Iterator<Item = Vec<Block>>,
        order: RowOrder,
        limit: Option<usize>,
        batch_bytes: usize,
    ) -> Result<Self> {
        let mut cursors = Vec::new();
        let mut heads = BinaryHeap::new();
        for (run, blocks) in (0..).zip(runs) {
            let mut cursor = Cursor {
                blocks: blocks.into_iter(),
                fields: Arc::default(),
                columns: Vec::new(),
                entries: Vec::new().into_iter(),
                next_row: 0,
            };
            if let Some(entry) = cursor.advance(&order)? {
                heads.push(Head { entry, run, order: order.clone() });
            }
            cursors.push(cursor);
        }
        let n_wanted = limit.unwrap_or(usize::MAX);
        Ok(Self { order, fields: None, cursors, heads, n_wanted, batch_bytes, _memory: None })
    }

    /// The next rows, in order; their places are their order keys. `None` at the end.
    pub fn next(&mut self) -> Result<Option<Batch>> {
        let mut fields = self.fields.as_ref().map_or_else(Fields::default, |fields| (**fields).clone());
        let mut columns: Vec<Vec<Value>> = vec![Vec::new(); fields.len()];
        let mut places: Vec<OrderKey> = Vec::new();
        // Where the columns of a run's present block go. Blocks of one run may differ: a merged run has those of many.
        let mut targets: Vec<(Arc<Fields>, Vec<usize>)> = vec![Default::default(); self.cursors.len()];
        let mut n_bytes = 0;
        while places.len() < BATCH_ROWS.min(self.n_wanted) && n_bytes < self.batch_bytes {
            let Some(mut head) = self.heads.peek_mut() else { break };
            let run = head.run as usize;
            let cursor = &mut self.cursors[run];
            let (known, indexes) = &mut targets[run];
            if !Arc::ptr_eq(known, &cursor.fields) {
                *indexes = cursor.fields.iter().map(|name| fields.find_or_add(name)).collect();
                *known = Arc::clone(&cursor.fields);
                columns.resize_with(fields.len(), || vec![Value::Null; places.len()]);
            }
            for (index, column) in indexes.iter().zip(&mut cursor.columns) {
                let cell = std::mem::take(&mut column[cursor.next_row - 1]);
                n_bytes += size_of::<Value>() + cell.heap_bytes();
                columns[*index].push(cell);
            }
            places.push(head.entry.place);
            columns.iter_mut().for_each(|column| column.resize(places.len(), Value::Null));
            match cursor.advance(&self.order)? {
                Some(entry) => head.entry = entry,
                None => {
                    std::collections::binary_heap::PeekMut::pop(head);
                }
            }
        }
        self.n_wanted -= places.len();
        if places.is_empty() {
            return Ok(None);
        }
        let len = places.len();
        Ok(Some(Batch::new(Arc::new(fields), columns, len, Some(places))))
    }
}
