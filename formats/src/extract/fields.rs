//! Where extracted fields are collected.

use std::sync::Arc;

use super::Wanted;

/// The fields of one event: names with one or several values, in the order of extraction.
///
/// Owns its text, so that one `Fields` serves event after event without allocating.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// Names and values one after the other.
    arena: String,
    entries: Vec<Entry>,
    names: Option<Arc<Names>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    value: Piece,
}

#[derive(Clone, Copy, Debug)]
enum Name {
    /// One of the wanted names.
    Slot(u16),
    /// Written into the arena; the hash makes most comparisons with other names unnecessary.
    Written { piece: Piece, hash: u32 },
}

/// A stretch of the arena.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u32,
    end: u32,
}

impl Fields {
    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether no field was found.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns names and values in the order of extraction; a name with several values comes several times.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (self.name(entry), self.piece(entry.value)))
    }

    /// Returns the values of `name`.
    pub fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Returns the first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Returns the values of the field that stood at `idx` of [`Wanted::Only`]; nothing with [`Wanted::All`].
    pub fn slot(&self, idx: usize) -> impl Iterator<Item = &str> {
        let wanted = move |entry: &&Entry| matches!(entry.name, Name::Slot(slot) if usize::from(slot) == idx);
        self.entries.iter().filter(wanted).map(|entry| self.piece(entry.value))
    }

    fn name<'f>(&'f self, entry: &Entry) -> &'f str {
        match entry.name {
            Name::Slot(slot) => self.names.as_ref().map_or("", |names| &names.wanted[usize::from(slot)]),
            Name::Written { piece, .. } => self.piece(piece),
        }
    }

    fn piece(&self, piece: Piece) -> &str {
        &self.arena[piece.start as usize..piece.end as usize]
    }

    /// Appends a text to the arena. Events are far smaller than 4 GiB.
    fn write(&mut self, text: &str) -> Piece {
        let start = self.arena.len() as u32;
        self.arena.push_str(text);
        Piece { start, end: self.arena.len() as u32 }
    }
}

/// The wanted names, ready for look-up.
#[derive(Debug)]
pub(super) struct Names {
    is_all: bool,
    wanted: Vec<Box<str>>,
    /// Bit n: some wanted name is n bytes long.
    lengths: u64,
    /// Some wanted name can have several values.
    has_arrays: bool,
}

impl Names {
    pub(super) fn new(wanted: Wanted<'_>) -> Self {
        let (is_all, names) = match wanted {
            Wanted::All => (true, &[][..]),
            Wanted::Only(names) => (false, names),
        };
        assert!(names.len() <= usize::from(u16::MAX), "a query names far fewer fields than 65535");
        Self {
            is_all,
            wanted: names.iter().map(|name| Box::from(*name)).collect(),
            lengths: names.iter().fold(0, |lengths, name| lengths | length_bit(name)),
            has_arrays: names.iter().any(|name| name.contains("{}")),
        }
    }

    /// Returns whether `name` is wanted.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.is_all || self.slot(name).is_some()
    }

    /// Returns whether `path` is wanted or something below it: `path.x`, `path{}`, `path{@x}`.
    pub(super) fn reaches(&self, path: &str) -> bool {
        let below =
            |name: &str| name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '{']));
        self.is_all || self.wanted.iter().any(|name| below(name))
    }

    #[inline]
    fn slot(&self, name: &str) -> Option<u16> {
        if self.lengths & length_bit(name) == 0 {
            return None;
        }
        self.wanted.iter().position(|wanted| **wanted == *name).map(|idx| idx as u16)
    }
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

/// Writes fields into a [`Fields`], wanted ones only, first value first.
pub(super) struct Sink<'e> {
    names: &'e Names,
    out: &'e mut Fields,
    /// How many wanted fields have no value yet.
    n_missing: usize,
    /// Entries of earlier stages, whose names later stages cannot add to.
    n_settled: usize,
}

impl<'e> Sink<'e> {
    pub(super) fn new(names: &'e Arc<Names>, out: &'e mut Fields) -> Self {
        out.arena.clear();
        out.entries.clear();
        if !out.names.as_ref().is_some_and(|known| Arc::ptr_eq(known, names)) {
            out.names = Some(Arc::clone(names));
        }
        Self { names, out, n_missing: names.wanted.len(), n_settled: 0 }
    }

    /// Ends a stage of extraction: the names found so far are settled.
    pub(super) fn end_stage(&mut self) {
        self.n_settled = self.out.entries.len();
    }

    pub(super) fn names(&self) -> &'e Names {
        self.names
    }

    /// Returns whether nothing that could follow is wanted.
    #[inline]
    pub(super) fn is_satisfied(&self) -> bool {
        !self.names.is_all && self.n_missing == 0 && !self.names.has_arrays
    }

    /// Adds a field if it is wanted and has no value yet.
    #[inline]
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.add_after(0, name, value);
    }

    /// Adds one of several values of a field, unless an earlier stage found the field.
    pub(super) fn add_repeated(&mut self, name: &str, value: &str) {
        self.add_after(self.out.entries.len(), name, value);
    }

    /// Adds a value unless an entry of an earlier stage, or one from `n_free` back, has the name.
    #[inline]
    fn add_after(&mut self, n_free: usize, name: &str, value: &str) {
        let is_repeated = n_free > 0;
        let name = if self.names.is_all {
            let hash = hash(name);
            let rivals = if is_repeated { self.n_settled } else { self.out.entries.len() };
            if self.is_written(&self.out.entries[..rivals], name, hash) {
                return;
            }
            Name::Written { piece: self.out.write(name), hash }
        } else {
            let Some(slot) = self.names.slot(name) else { return };
            let has_slot = |entry: &Entry| matches!(entry.name, Name::Slot(known) if known == slot);
            let is_new = !self.out.entries.iter().any(has_slot);
            if !is_new && (!is_repeated || self.out.entries[..self.n_settled].iter().any(has_slot)) {
                return;
            }
            self.n_missing -= usize::from(is_new);
            Name::Slot(slot)
        };
        let value = self.out.write(value);
        self.out.entries.push(Entry { name, value });
    }

    fn is_written(&self, entries: &[Entry], name: &str, hash: u32) -> bool {
        entries.iter().any(|entry| match entry.name {
            Name::Written { piece, hash: known } => known == hash && self.out.piece(piece) == name,
            Name::Slot(_) => false,
        })
    }
}

/// Hashes the length and both ends of a name: enough to tell most names of an event apart.
#[inline]
fn hash(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let (head, tail) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (bytes.iter().fold(0, |head, b| head << 8 | u64::from(*b)), 0),
    };
    let mixed = (head ^ tail.rotate_left(29) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}
