//! Fields that are found in texts, row by row, and become columns.

use super::rex::write_found;
use crate::batch::Batch;
use crate::document::Take;
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::HashMap;

/// The fields found in the rows of a batch so far.
pub(super) struct FoundFields {
    n_rows: usize,
    columns: HashMap<CompactString, usize>,
    names: Vec<CompactString>,
    cells: Vec<Vec<Value>>,
    /// The values of the present row, by column.
    row: Vec<Vec<Value>>,
    /// The columns that have values in the present row.
    touched: Vec<usize>,
}

impl FoundFields {
    /// Nothing yet, for `n_rows` rows.
    pub fn new(n_rows: usize) -> Self {
        Self {
            n_rows,
            columns: HashMap::new(),
            names: Vec::new(),
            cells: Vec::new(),
            row: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// Adds a value in the present row. Unless `is_repeated`, a field that has one keeps it.
    pub fn add(&mut self, name: &str, value: &str, is_repeated: bool) {
        let column = match self.columns.get(name) {
            Some(column) => *column,
            None => {
                self.columns.insert(name.into(), self.names.len());
                self.names.push(name.into());
                self.cells.push(vec![Value::Null; self.n_rows]);
                self.row.push(Vec::new());
                self.names.len() - 1
            }
        };
        let values = &mut self.row[column];
        if values.is_empty() {
            self.touched.push(column);
        } else if !is_repeated {
            return;
        }
        values.push(Value::from(value));
    }

    /// As [`FoundFields::add`], unless that would give the present row more than `limit` fields.
    pub fn add_within(&mut self, limit: usize, name: &str, value: &str, is_repeated: bool) {
        let is_full = self.touched.len() >= limit;
        if !is_full || self.columns.get(name).is_some_and(|column| !self.row[*column].is_empty()) {
            self.add(name, value, is_repeated);
        }
    }

    /// Ends the present row, which is `row`.
    pub fn end_row(&mut self, row: usize) {
        for column in self.touched.drain(..) {
            let values = &mut self.row[column];
            self.cells[column][row] = match values.len() {
                1 => values.pop().unwrap_or_default(),
                _ => Value::multi(values.drain(..)),
            };
        }
    }

    /// Writes what was found into the batch; where nothing was found a field keeps its value.
    pub fn write(self, batch: &mut Batch) {
        for (name, cells) in self.names.iter().zip(self.cells) {
            write_found(batch, name, cells);
        }
    }
}

impl Take for FoundFields {
    fn take(&mut self, path: &str, value: &str, is_repeated: bool) {
        self.add(path, value, is_repeated);
    }
}
