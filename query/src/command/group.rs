//! Groups of rows that agree in some fields.

use crate::batch::Batch;
use crate::stats_fn::Target;
use crate::value::Value;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

/// The groups seen so far, numbered from 0 as they come.
///
/// A key is one cell for each field. Two keys are equal if their texts are, so text `5` and number 5 are one group; the
/// cells of keys lie in one vector and a group costs one entry of the hash table beside them.
#[derive(Clone)]
pub(super) struct Groups {
    width: usize,
    keys: Vec<Value>,
    hashes: Vec<u64>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Groups {
    /// No group yet; keys have `width` cells.
    pub fn new(width: usize) -> Self {
        Self {
            width,
            keys: Vec::new(),
            hashes: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// The number of groups.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The cells of a group's key.
    pub fn key(&self, group: u32) -> &[Value] {
        &self.keys[group as usize * self.width..][..self.width]
    }

    /// Bytes that the groups hold, roughly.
    pub fn bytes(&self) -> usize {
        self.len() * self.entry_bytes() + self.keys.iter().map(Value::heap_bytes).sum::<usize>()
    }

    /// Bytes of a group without what its cells hold on the heap.
    fn entry_bytes(&self) -> usize {
        size_of::<u64>() + 2 * size_of::<u32>() + self.width * size_of::<Value>()
    }

    fn hash(&self, key: &[&Value]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for cell in key {
            cell.with_text(|text| hasher.write(text.as_bytes()));
            // Keeps ("ab", "c") and ("a", "bc") apart.
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }

    fn find_hashed(&self, hash: u64, key: &[&Value]) -> Option<u32> {
        let is_same = |group: &u32| self.key(*group).iter().zip(key).all(|(known, cell)| known.same_text(cell));
        self.table.find(hash, is_same).copied()
    }

    /// The group of a key, if there is one.
    pub fn find(&self, key: &[&Value]) -> Option<u32> {
        self.find_hashed(self.hash(key), key)
    }

    /// The group of a key, new if need be. Tells by how many bytes the table grew.
    pub fn find_or_add(&mut self, key: &[&Value]) -> (u32, usize) {
        let hash = self.hash(key);
        if let Some(group) = self.find_hashed(hash, key) {
            self.prefer_text(group, key);
            return (group, 0);
        }
        let group = self.hashes.len() as u32;
        let heap: usize = key.iter().map(|cell| cell.heap_bytes()).sum();
        self.keys.extend(key.iter().map(|cell| (*cell).clone()));
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.table.insert_unique(hash, group, |group| hashes[*group as usize]);
        (group, self.entry_bytes() + heap)
    }

    /// A group that holds both a number and its text prints as text, whichever came first.
    fn prefer_text(&mut self, group: u32, key: &[&Value]) {
        let first = group as usize * self.width;
        for (known, cell) in self.keys[first..].iter_mut().zip(key) {
            if let (Value::Number(_), Value::Text(_)) = (&*known, *cell) {
                *known = (*cell).clone();
            }
        }
    }

    /// The order of two groups by their keys, each cell in mixed order.
    pub fn compare(&self, a: u32, b: u32) -> Ordering {
        let cells = self.key(a).iter().zip(self.key(b));
        cells.map(|(a, b)| a.cmp_mixed(b)).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// All groups in the order of their keys.
    pub fn sorted(&self) -> Vec<u32> {
        // The number of the first cell is read once, not at every comparison.
        let number = |group: u32| self.key(group).first().and_then(Value::as_number);
        let mut groups: Vec<(Option<f64>, u32)> = (0..self.len() as u32).map(|group| (number(group), group)).collect();
        groups.sort_unstable_by(|(a_number, a), (b_number, b)| {
            let by_number = match (a_number, b_number) {
                (Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
                _ => b_number.is_some().cmp(&a_number.is_some()),
            };
            by_number.then_with(|| self.compare(*a, *b))
        });
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Takes over the keys of `other`; entry `i` is what its group `i` is called here. Tells by how many bytes the table
    /// grew.
    pub fn merge(&mut self, other: &Groups) -> (Vec<u32>, usize) {
        let mut bytes = 0;
        let mut key = Vec::with_capacity(self.width);
        let groups = (0..other.len() as u32)
            .map(|group| {
                key.clear();
                key.extend(other.key(group));
                let (group, grown) = self.find_or_add(&key);
                bytes += grown;
                group
            })
            .collect();
        (groups, bytes)
    }

    /// Finds the groups of a batch's rows by the columns `fields`. A row where one of them is null belongs to no group; one
    /// with several values to a group for each, and for each combination. Tells by how many bytes the table grew.
    pub fn assign(&mut self, batch: &Batch, fields: &[String], targets: &mut Vec<Target>) -> usize {
        targets.clear();
        if fields.is_empty() {
            let (group, bytes) = self.find_or_add(&[]);
            targets.extend((0..batch.len() as u32).map(|row| Target { row, group }));
            return bytes;
        }
        let columns: Option<Vec<&[Value]>> = fields.iter().map(|field| batch.column(field)).collect();
        let Some(columns) = columns else { return 0 };
        let mut bytes = 0;
        let mut key: Vec<&Value> = Vec::with_capacity(columns.len());
        for row in 0..batch.len() {
            key.clear();
            key.extend(columns.iter().map(|column| &column[row]));
            if key.iter().any(|cell| cell.is_null()) {
                continue;
            }
            if key.iter().any(|cell| matches!(cell, Value::Multi(_))) {
                let cells = std::mem::take(&mut key);
                bytes += self.assign_combinations(&cells, row as u32, &mut key, targets);
                continue;
            }
            let (group, grown) = self.find_or_add(&key);
            bytes += grown;
            targets.push(Target { row: row as u32, group });
        }
        bytes
    }

    fn assign_combinations<'v>(
        &mut self,
        cells: &[&'v Value],
        row: u32,
        key: &mut Vec<&'v Value>,
        targets: &mut Vec<Target>,
    ) -> usize {
        let Some((first, rest)) = cells.split_first() else {
            let (group, grown) = self.find_or_add(key);
            // A value that repeats within a cell makes no second row.
            if !targets.iter().rev().take_while(|target| target.row == row).any(|target| target.group == group) {
                targets.push(Target { row, group });
            }
            return grown;
        };
        let mut bytes = 0;
        for value in first.each() {
            key.push(value);
            bytes += self.assign_combinations(rest, row, key, targets);
            key.pop();
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_equal_by_text() {
        let mut groups = Groups::new(1);
        let (five, _) = groups.find_or_add(&[&Value::Number(5.0)]);
        assert_eq!(groups.find_or_add(&[&Value::from("5")]).0, five);
        assert_eq!(groups.key(five), [Value::from("5")]);
        assert_ne!(groups.find_or_add(&[&Value::from("5.0")]).0, five);
    }

    #[test]
    fn keys_of_several_cells_are_kept_apart() {
        let mut groups = Groups::new(2);
        let [a, b] = [["ab", "c"], ["a", "bc"]].map(|key| {
            let key = key.map(Value::from);
            groups.find_or_add(&[&key[0], &key[1]]).0
        });
        assert_ne!(a, b);
        assert_eq!(groups.compare(a, b), Ordering::Greater);
    }
}
