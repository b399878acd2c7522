//! Rows on their way through the pipeline, by columns.

use crate::value::Value;
use compact_str::CompactString;
use std::cmp::Reverse;
use std::sync::Arc;

/// The ordered names of a batch's columns, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<CompactString>);

impl Fields {
    /// Columns of these names. A name that repeats counts where it first stands.
    pub fn new<N: Into<CompactString>>(names: impl IntoIterator<Item = N>) -> Self {
        let mut fields = Self::default();
        for name in names {
            fields.find_or_add(&name.into());
        }
        fields
    }

    /// The names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(CompactString::as_str)
    }

    /// The number of columns.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the column at `index`.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn name(&self, index: usize) -> &str {
        &self.0[index]
    }

    /// Where the column `name` stands. Linear in the number of columns: ask once for each batch, not for each row.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|field| field == name)
    }

    /// Where the column `name` stands, at the end if it is new.
    pub(crate) fn find_or_add(&mut self, name: &str) -> usize {
        self.index_of(name).unwrap_or_else(|| {
            self.0.push(name.into());
            self.0.len() - 1
        })
    }
}

/// The documented order of events as a key: ascending keys are newest first, then by source, then the later bytes of
/// a source first. It does not depend on buckets or threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// Microseconds since 1970, UTC.
    pub time_us: Reverse<i64>,
    /// The place of the event's source among all sources of the search, in order of their names.
    pub source_rank: u32,
    /// Generation of the source.
    pub generation: Reverse<u32>,
    /// Byte offset in the source.
    pub offset: Reverse<u64>,
}

impl OrderKey {
    /// The key of the `n`th row of a stream that has an order of its own, such as the output of `sort`.
    pub fn sequence(n: u64) -> Self {
        Self { time_us: Reverse(0), source_rank: 0, generation: Reverse(0), offset: Reverse(u64::MAX - n) }
    }
}

/// A run of rows. Every column has [`Batch::len`] cells.
///
/// Batches of one stream may have different columns: a field is simply missing where no row of the batch has it, and
/// nothing that a command does may depend on where the stream was cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    fields: Arc<Fields>,
    columns: Vec<Vec<Value>>,
    len: usize,
    order: Option<Vec<OrderKey>>,
}

impl Batch {
    /// `len` rows of the given columns. `order` holds the key of each row where rows are events and someone asked.
    ///
    /// # Panics
    /// If the number of columns differs from `fields`, or a column or `order` has another length than `len`.
    pub fn new(fields: Arc<Fields>, columns: Vec<Vec<Value>>, len: usize, order: Option<Vec<OrderKey>>) -> Self {
        assert_eq!(fields.len(), columns.len(), "one column for each name");
        assert!(columns.iter().all(|column| column.len() == len), "every column has `len` cells");
        assert!(order.as_ref().is_none_or(|order| order.len() == len), "one order key for each row");
        Self { fields, columns, len, order }
    }

    /// `len` rows without order keys. Of two columns of one name the later one counts.
    ///
    /// # Panics
    /// If a column has another length than `len`.
    pub fn from_columns<N: AsRef<str>>(len: usize, columns: impl IntoIterator<Item = (N, Vec<Value>)>) -> Self {
        let mut batch = Self { len, ..Self::default() };
        columns.into_iter().for_each(|(name, cells)| batch.set_column(name.as_ref(), cells));
        batch
    }

    /// The column names.
    pub fn fields(&self) -> &Arc<Fields> {
        &self.fields
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The cells of the column at `index`.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column_at(&self, index: usize) -> &[Value] {
        &self.columns[index]
    }

    /// The cells of the column `name`.
    pub fn column(&self, name: &str) -> Option<&[Value]> {
        self.fields.index_of(name).map(|index| self.column_at(index))
    }

    /// The cell of `name` in `row`; null if the batch has no such column.
    pub fn value(&self, row: usize, name: &str) -> &Value {
        self.column(name).map_or(&Value::Null, |column| &column[row])
    }

    /// The names, columns and order keys.
    pub(crate) fn into_parts(self) -> (Arc<Fields>, Vec<Vec<Value>>, Option<Vec<OrderKey>>) {
        (self.fields, self.columns, self.order)
    }

    /// The names and columns, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[Value])> {
        self.fields.iter().zip(self.columns.iter().map(Vec::as_slice))
    }

    /// The order keys, if the rows have them.
    pub fn order(&self) -> Option<&[OrderKey]> {
        self.order.as_deref()
    }

    /// Gives each row the key of its place among all rows of the stream.
    ///
    /// # Panics
    /// If there is not one key for each row.
    pub fn set_order(&mut self, order: Vec<OrderKey>) {
        assert_eq!(order.len(), self.len, "one order key for each row");
        self.order = Some(order);
    }

    /// Forgets the order keys: from now on the rows are in the order in which they stand.
    pub fn clear_order(&mut self) {
        self.order = None;
    }

    /// Replaces the column `name` in its place, or adds it after the others.
    ///
    /// # Panics
    /// If `cells` has another length than the batch.
    pub fn set_column(&mut self, name: &str, cells: Vec<Value>) {
        assert_eq!(cells.len(), self.len, "one cell for each row");
        let index = Arc::make_mut(&mut self.fields).find_or_add(name);
        if index < self.columns.len() {
            self.columns[index] = cells;
        } else {
            self.columns.push(cells);
        }
    }

    /// The cells of the column `name`, to be changed in place.
    pub fn column_mut(&mut self, name: &str) -> Option<&mut [Value]> {
        self.fields.index_of(name).map(|index| self.columns[index].as_mut_slice())
    }

    /// The cells of the column `name`, which is added with nothing in it if there is none.
    pub fn column_or_new(&mut self, name: &str) -> &mut [Value] {
        let index = Arc::make_mut(&mut self.fields).find_or_add(name);
        if index == self.columns.len() {
            self.columns.push(vec![Value::Null; self.len]);
        }
        &mut self.columns[index]
    }

    /// The names and columns, in order, cells to be changed in place.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut [Value])> {
        self.fields.iter().zip(self.columns.iter_mut().map(Vec::as_mut_slice))
    }

    /// Removes the column `name` and returns its cells.
    pub fn remove_column(&mut self, name: &str) -> Option<Vec<Value>> {
        let index = self.fields.index_of(name)?;
        Arc::make_mut(&mut self.fields).0.remove(index);
        Some(self.columns.remove(index))
    }

    /// Gives the column `from` the name `to`, in its place. A column that was called `to` goes away, also when there
    /// is no column `from`.
    pub fn rename_column(&mut self, from: &str, to: &str) {
        if from == to {
            return;
        }
        self.remove_column(to);
        if let Some(index) = self.fields.index_of(from) {
            Arc::make_mut(&mut self.fields).0[index] = to.into();
        }
    }

    /// Keeps the columns whose names satisfy `keep`.
    pub fn retain_columns(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let kept: Vec<bool> = self.fields.iter().map(&mut keep).collect();
        if kept.iter().all(|keep| *keep) {
            return;
        }
        let mut flags = kept.iter();
        Arc::make_mut(&mut self.fields).0.retain(|_| flags.next() == Some(&true));
        let mut flags = kept.iter();
        self.columns.retain(|_| flags.next() == Some(&true));
    }

    /// Puts the named columns in this order; names the batch does not have become empty columns, columns that are not
    /// named go away.
    pub fn select_columns(&mut self, names: &Arc<Fields>) {
        let columns = names
            .iter()
            .map(|name| match self.fields.index_of(name) {
                Some(index) => std::mem::take(&mut self.columns[index]),
                None => vec![Value::Null; self.len],
            })
            .collect();
        self.columns = columns;
        self.fields = Arc::clone(names);
    }

    /// Keeps the rows whose index satisfies `keep`, in order.
    pub fn retain_rows(&mut self, keep: impl FnMut(usize) -> bool) {
        let kept: Vec<bool> = (0..self.len).map(keep).collect();
        let n_kept = kept.iter().filter(|keep| **keep).count();
        if n_kept == self.len {
            return;
        }
        for column in &mut self.columns {
            retain_flagged(column, &kept);
        }
        if let Some(order) = &mut self.order {
            retain_flagged(order, &kept);
        }
        self.len = n_kept;
    }

    /// Keeps the first `len` rows.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.columns.iter_mut().for_each(|column| column.truncate(len));
            if let Some(order) = &mut self.order {
                order.truncate(len);
            }
            self.len = len;
        }
    }

    /// The given rows in the given order, moved out; each row may be named once, the others are dropped.
    pub fn take_rows(mut self, rows: &[u32]) -> Self {
        let columns = self
            .columns
            .iter_mut()
            .map(|column| rows.iter().map(|row| std::mem::take(&mut column[*row as usize])).collect())
            .collect();
        let order = self.order.map(|order| rows.iter().map(|row| order[*row as usize]).collect());
        Self { fields: self.fields, columns, len: rows.len(), order }
    }

    /// The given rows in the given order, copied; a row may be named several times. Order keys are copied too, so that rows
    /// made of one event share its key.
    pub fn copy_rows(&self, rows: &[u32]) -> Self {
        let columns =
            self.columns.iter().map(|column| rows.iter().map(|row| column[*row as usize].clone()).collect()).collect();
        let order = self.order.as_ref().map(|order| rows.iter().map(|row| order[*row as usize]).collect());
        Self { fields: Arc::clone(&self.fields), columns, len: rows.len(), order }
    }

    /// Adds the rows of `other` after these. Columns that only one side has are empty on the other. Order keys stay
    /// only if both have them (or one side is empty).
    pub fn append(&mut self, mut other: Batch) {
        if self.len == 0 && self.columns.is_empty() {
            *self = other;
            return;
        }
        self.order = match (self.order.take(), other.order.take()) {
            (Some(mut order), Some(more)) => {
                order.extend(more);
                Some(order)
            }
            (order, None) if other.len == 0 => order,
            (None, more) if self.len == 0 => more,
            _ => None,
        };
        let len = self.len + other.len;
        for (index, mut cells) in other.columns.into_iter().enumerate() {
            let name = other.fields.name(index);
            let index = match self.fields.index_of(name) {
                Some(index) => index,
                None => {
                    Arc::make_mut(&mut self.fields).0.push(name.into());
                    self.columns.push(vec![Value::Null; self.len]);
                    self.columns.len() - 1
                }
            };
            self.columns[index].append(&mut cells);
        }
        self.columns.iter_mut().for_each(|column| column.resize(len, Value::Null));
        self.len = len;
    }

    /// Bytes of memory that the cells hold, for the memory limit.
    pub fn bytes(&self) -> usize {
        let cells = self.columns.iter().flatten();
        cells.map(|cell| size_of::<Value>() + cell.heap_bytes()).sum::<usize>()
            + self.order.as_ref().map_or(0, |order| size_of_val(order.as_slice()))
    }
}

fn retain_flagged<T>(items: &mut Vec<T>, kept: &[bool]) {
    let mut flags = kept.iter();
    items.retain(|_| flags.next() == Some(&true));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(columns: &[(&str, &[&str])]) -> Batch {
        let len = columns.first().map_or(0, |(_, cells)| cells.len());
        let fields = Arc::new(Fields::new(columns.iter().map(|(name, _)| *name)));
        let columns = columns.iter().map(|(_, cells)| cells.iter().map(|cell| Value::from(*cell)).collect());
        Batch::new(fields, columns.collect(), len, None)
    }

    #[test]
    fn ascending_order_keys_are_newest_first_then_source_then_latest_bytes() {
        let key = |time, source_rank, generation, offset| OrderKey {
            time_us: Reverse(time),
            source_rank,
            generation: Reverse(generation),
            offset: Reverse(offset),
        };
        let expected = [key(9, 1, 0, 0), key(5, 0, 1, 3), key(5, 0, 0, 9), key(5, 0, 0, 4), key(5, 1, 9, 9)];
        let mut keys = expected;
        keys.reverse();
        keys.sort();
        assert_eq!(keys, expected);
        assert!(OrderKey::sequence(0) < OrderKey::sequence(1));
    }

    #[test]
    fn append_unites_columns() {
        let mut rows = batch(&[("a", &["1"]), ("b", &["2"])]);
        rows.append(batch(&[("c", &["3"]), ("a", &["4"])]));
        let names: Vec<&str> = rows.fields().iter().collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(rows.column("a"), Some(&["1".into(), "4".into()][..]));
        assert_eq!(rows.column("b"), Some(&["2".into(), Value::Null][..]));
        assert_eq!(rows.column("c"), Some(&[Value::Null, "3".into()][..]));
    }

    #[test]
    fn rename_keeps_the_place_and_replaces() {
        let mut rows = batch(&[("b", &["0"]), ("a", &["1"]), ("c", &["2"])]);
        rows.rename_column("a", "b");
        assert_eq!(rows, batch(&[("b", &["1"]), ("c", &["2"])]));
        rows.rename_column("missing", "c");
        assert_eq!(rows, batch(&[("b", &["1"])]));
    }

    #[test]
    fn columns_are_changed_in_place_and_rows_copied() {
        let mut rows = batch(&[("a", &["0", "1"])]);
        rows.column_or_new("b")[1] = "x".into();
        rows.column_or_new("a")[0] = "2".into();
        assert_eq!(rows.column_mut("c"), None);
        assert_eq!(rows.column("b"), Some(&[Value::Null, "x".into()][..]));
        assert_eq!(rows.copy_rows(&[1, 1, 0]).column("a"), Some(&["1".into(), "1".into(), "2".into()][..]));
        rows.iter_mut().for_each(|(_, cells)| cells[0] = "y".into());
        assert_eq!(rows, batch(&[("a", &["y", "1"]), ("b", &["y", "x"])]));
    }

    #[test]
    fn rows_are_kept_and_taken() {
        let mut rows = batch(&[("a", &["0", "1", "2", "3"])]);
        rows.retain_rows(|row| row != 1);
        assert_eq!(rows, batch(&[("a", &["0", "2", "3"])]));
        assert_eq!(rows.take_rows(&[2, 0]), batch(&[("a", &["3", "0"])]));
    }
}
