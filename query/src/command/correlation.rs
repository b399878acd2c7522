//! Which of many open groups of events the next event belongs to: the core of `transaction`.
//!
//! A group is known by its values in the listed fields, of which it may lack some. An event belongs to a group if the two
//! agree in every field that both have. Groups are found by hashing: all groups that have the same fields (their mask) are
//! indexed by their values in those fields that events of a given mask share with them. There are few masks, so an event
//! costs a few lookups, however many groups are open.

use crate::value::Value;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

/// A set of listed fields, by their places in the list.
type Mask = u64;

/// The most fields that can be listed: bits of a [`Mask`].
pub(super) const MAX_FIELDS: usize = 64;

/// The values of an event or a group in the listed fields; null where it lacks one.
pub(super) type Key = Box<[Value]>;

fn mask_of(key: &[Value]) -> Mask {
    key.iter().enumerate().filter(|(_, cell)| !cell.is_null()).fold(0, |mask, (index, _)| mask | 1 << index)
}

/// Groups of one mask by their values in some of its fields.
struct Index {
    mask: Mask,
    shared: Mask,
    /// The groups with that hash of their values.
    groups: HashMap<u64, VecDeque<OpenGroup>>,
}

/// A group, and when it was opened: groups are kept in that order.
type OpenGroup = (u64, u32);

/// Finds open groups by their keys. Groups are numbers that the caller gives out.
pub(super) struct Correlation {
    /// Whether a group and an event without a common field can belong together.
    joins_unconnected: bool,
    /// Number of open groups by mask.
    masks: HashMap<Mask, usize>,
    indexes: Vec<Index>,
    hasher: DefaultHashBuilder,
}

impl Correlation {
    pub fn new(joins_unconnected: bool) -> Self {
        Self { joins_unconnected, masks: HashMap::new(), indexes: Vec::new(), hasher: DefaultHashBuilder::default() }
    }

    fn hash(&self, key: &[Value], fields: Mask) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for (index, cell) in key.iter().enumerate() {
            if fields & 1 << index != 0 {
                cell.with_text(|text| hasher.write(text.as_bytes()));
                hasher.write_u8(0xff);
            }
        }
        hasher.finish()
    }

    /// Adds an open group.
    pub fn insert(&mut self, group: u32, opened_at: u64, key: &[Value]) {
        let mask = mask_of(key);
        *self.masks.entry(mask).or_default() += 1;
        for index in 0..self.indexes.len() {
            if self.indexes[index].mask == mask {
                let hash = self.hash(key, self.indexes[index].shared);
                let groups = self.indexes[index].groups.entry(hash).or_default();
                // At the end, but for a group whose key has changed.
                let at = groups.partition_point(|(other, _)| *other < opened_at);
                groups.insert(at, (opened_at, group));
            }
        }
    }

    /// Removes a group that is no longer open, or whose key changes.
    pub fn remove(&mut self, group: u32, opened_at: u64, key: &[Value]) {
        let mask = mask_of(key);
        if let Some(n) = self.masks.get_mut(&mask) {
            *n -= 1;
        }
        for index in 0..self.indexes.len() {
            if self.indexes[index].mask != mask {
                continue;
            }
            let hash = self.hash(key, self.indexes[index].shared);
            if let Some(groups) = self.indexes[index].groups.get_mut(&hash) {
                if let Ok(at) = groups.binary_search(&(opened_at, group)) {
                    groups.remove(at);
                }
                if groups.is_empty() {
                    self.indexes[index].groups.remove(&hash);
                }
            }
        }
    }

    /// The open group to which an event with this key belongs; of several the one with the most fields in common, then the
    /// one that was opened last. `key_of` tells the keys of open groups, `open` which there are.
    pub fn find<'g>(
        &mut self,
        key: &[Value],
        key_of: impl Fn(u32) -> &'g [Value],
        open: impl Fn() -> Box<dyn Iterator<Item = OpenGroup> + 'g>,
    ) -> Option<u32> {
        let mask = mask_of(key);
        let masks: Vec<Mask> = self.masks.iter().filter(|(_, n)| **n > 0).map(|(mask, _)| *mask).collect();
        let mut best: Option<(u32, u64, u32)> = None;
        for group_mask in masks {
            let shared = mask & group_mask;
            // Events and groups without any field are one stream if no field is listed.
            if shared == 0 && !(self.joins_unconnected || key.is_empty()) {
                continue;
            }
            let index = self.index(group_mask, shared, &key_of, &open);
            let hash = self.hash(key, shared);
            let agrees = |(_, group): &&OpenGroup| {
                let cells = key_of(*group).iter().zip(key).enumerate();
                cells.filter(|(field, _)| shared & 1 << field != 0).all(|(_, (known, cell))| known.same_text(cell))
            };
            let found = self.indexes[index].groups.get(&hash).and_then(|groups| groups.iter().rev().find(agrees));
            if let Some((opened_at, group)) = found {
                let candidate = (shared.count_ones(), *opened_at, *group);
                best = best.max(Some(candidate));
            }
        }
        best.map(|(_, _, group)| group)
    }

    /// The index of groups with `mask` by their values in `shared`, made when it is first needed.
    fn index<'g>(
        &mut self,
        mask: Mask,
        shared: Mask,
        key_of: &impl Fn(u32) -> &'g [Value],
        open: &impl Fn() -> Box<dyn Iterator<Item = OpenGroup> + 'g>,
    ) -> usize {
        let known = self.indexes.iter().position(|index| index.mask == mask && index.shared == shared);
        known.unwrap_or_else(|| {
            let mut groups: HashMap<u64, VecDeque<OpenGroup>> = HashMap::new();
            let mut with_mask: Vec<OpenGroup> = open().filter(|(_, group)| mask_of(key_of(*group)) == mask).collect();
            with_mask.sort_unstable();
            for group in with_mask {
                groups.entry(self.hash(key_of(group.1), shared)).or_default().push_back(group);
            }
            self.indexes.push(Index { mask, shared, groups });
            self.indexes.len() - 1
        })
    }
}
