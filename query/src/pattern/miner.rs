//! The state that grows while lines come: their shapes, with a tally each.
//!
//! What the state is after a set of lines does not depend on their order, nor on how they were shared between several miners
//! that were merged. For that, whatever is decided to keep it small depends on sets that only grow: a position of shapes with the same
//! delimiters is variable once it has had too many different words, and both the bound on words and the one on tokens
//! depend on how many different shapes there have been, by a bitmap of their hashes. A bitmap is united where miners merge, and so are
//! the sets of words.

use super::scan::{EDGE, MASK, MAX_TOKENS, Scanner};
use hashbrown::{HashMap, HashTable};

/// What is counted for each pattern.
pub trait Tally: Default {
    /// Adds the other one's lines.
    fn merge(&mut self, other: Self);

    /// The number of lines.
    fn n_lines(&self) -> u64;
}

/// A plain number of lines.
impl Tally for u64 {
    fn merge(&mut self, other: Self) {
        *self += other;
    }

    fn n_lines(&self) -> u64 {
        *self
    }
}

/// Bits of the bitmap of shapes.
const N_BITS: usize = 1 << 16;

/// How coarsely shapes are told apart.
#[derive(Debug)]
struct Level {
    /// From how many set bits on it holds.
    n_bits: usize,
    /// Most different words of a position that does not vary.
    max_words: usize,
    /// Most tokens of a shape.
    max_tokens: usize,
}

/// The levels. Logs of programs stay on the first one: even 64 services have some thousand shapes. The last ones are for text that
/// is no log, and keep what is held under some ten megabytes.
const LEVELS: [Level; 5] = [
    Level { n_bits: 0, max_words: 512, max_tokens: MAX_TOKENS },
    Level { n_bits: 24_000, max_words: 64, max_tokens: 48 },
    Level { n_bits: 40_000, max_words: 8, max_tokens: 16 },
    Level { n_bits: 52_000, max_words: 1, max_tokens: 4 },
    Level { n_bits: 60_000, max_words: 1, max_tokens: 0 },
];

/// Shapes with the same delimiters.
#[derive(Clone, Debug, Default)]
struct Siblings {
    /// For each position the hashes of its words, ascending; `None` once it varies.
    words: Vec<Option<Vec<u64>>>,
    /// Their places in [`Miner::shapes`].
    shapes: Vec<u32>,
}

impl Siblings {
    fn has_variable(&self) -> bool {
        self.words.iter().any(Option::is_none)
    }
}

#[derive(Clone, Debug)]
struct Shape<T> {
    hash: u64,
    bytes: Box<[u8]>,
    tally: T,
}

/// Takes lines in, one after the other, and holds their shapes.
#[derive(Clone, Debug)]
pub struct Miner<T> {
    scanner: Scanner,
    level: usize,
    seen: Box<[u64]>,
    n_seen: usize,
    shapes: Vec<Shape<T>>,
    by_shape: HashTable<u32>,
    /// By their delimiters.
    siblings: HashMap<Box<[u8]>, Siblings>,
    n_bytes: usize,
}

impl<T: Tally> Default for Miner<T> {
    fn default() -> Self {
        Self {
            scanner: Scanner::default(),
            level: 0,
            seen: vec![0; N_BITS / 64].into_boxed_slice(),
            n_seen: 0,
            shapes: Vec::new(),
            by_shape: HashTable::new(),
            siblings: HashMap::new(),
            n_bytes: 0,
        }
    }
}

impl<T: Tally> Miner<T> {
    /// Takes a line in. What it returns is the tally of its shape, for the caller to count the line in.
    ///
    /// Costs about 3 ns for each byte of a line whose shape is known.
    pub fn push(&mut self, line: &str) -> &mut T {
        let shape = self.scanner.scan(line);
        let hash = super::hash(shape);
        if !see(&mut self.seen, &mut self.n_seen, hash)
            && let Some(index) = find(&self.by_shape, &self.shapes, hash, shape)
        {
            return &mut self.shapes[index].tally;
        }
        let shape = shape.to_vec();
        self.settle();
        let index = self.find_or_add(shape);
        &mut self.shapes[index].tally
    }

    /// Bytes that it holds, roughly, without what tallies hold on the heap.
    pub fn n_bytes(&self) -> usize {
        size_of_val(&*self.seen) + self.n_bytes
    }

    /// Whether there was no line.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// Takes over what another miner has seen.
    pub fn merge(&mut self, other: Self) {
        for (word, seen) in self.seen.iter_mut().zip(&other.seen) {
            *word |= seen;
        }
        self.n_seen = self.seen.iter().map(|word| word.count_ones() as usize).sum();
        // The other one's level is no higher than that of both together.
        self.settle();
        self.take_over(other.siblings, other.shapes);
    }

    /// The shapes with their tallies, by their bytes.
    pub(super) fn into_shapes(self) -> Vec<(Vec<u8>, T)> {
        let mut shapes: Vec<(Vec<u8>, T)> =
            self.shapes.into_iter().map(|shape| (shape.bytes.into_vec(), shape.tally)).collect();
        shapes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        shapes
    }

    /// Goes to the level that the number of shapes asks for.
    fn settle(&mut self) {
        let level = LEVELS.iter().rposition(|level| self.n_seen >= level.n_bits).unwrap_or(0);
        if level > self.level {
            self.level = level;
            let siblings = std::mem::take(&mut self.siblings);
            let shapes = std::mem::take(&mut self.shapes);
            self.by_shape.clear();
            self.n_bytes = 0;
            self.take_over(siblings, shapes);
        }
    }

    /// Adds siblings and shapes that were held at this level or a finer one.
    fn take_over(&mut self, siblings: HashMap<Box<[u8]>, Siblings>, shapes: Vec<Shape<T>>) {
        let max_words = LEVELS[self.level].max_words;
        for (delimiters, siblings) in siblings {
            let delimiters = cut_delimiters(&delimiters, LEVELS[self.level].max_tokens);
            let into = self.siblings.entry(delimiters.into_boxed_slice()).or_default();
            let n_positions = siblings.words.len().min(LEVELS[self.level].max_tokens);
            if into.words.len() < n_positions {
                into.words.resize(n_positions, Some(Vec::new()));
            }
            for (words, more) in into.words.iter_mut().zip(siblings.words).take(n_positions) {
                match (&mut *words, more) {
                    (Some(known), Some(more)) => {
                        known.extend(more);
                        known.sort_unstable();
                        known.dedup();
                        if known.len() > max_words {
                            *words = None;
                        }
                    }
                    _ => *words = None,
                }
            }
        }
        // What was one shape here may be another one now that more positions vary.
        let held = std::mem::take(&mut self.shapes);
        self.by_shape.clear();
        self.n_bytes = 0;
        self.siblings.values_mut().for_each(|siblings| siblings.shapes.clear());
        for shape in held.into_iter().chain(shapes) {
            let index = self.find_or_add(shape.bytes.into_vec());
            self.shapes[index].tally.merge(shape.tally);
        }
    }

    /// The place of a shape, which is added if it is new.
    fn find_or_add(&mut self, shape: Vec<u8>) -> usize {
        let Level { max_words, max_tokens, .. } = LEVELS[self.level];
        let mut shape = cut_shape(shape, max_tokens);
        let delimiters = delimiters_of(&shape);
        let siblings = match self.siblings.get_mut(&*delimiters) {
            Some(siblings) => siblings,
            None => {
                self.n_bytes += delimiters.len() + size_of::<Siblings>();
                self.siblings.entry(delimiters.clone().into_boxed_slice()).or_default()
            }
        };
        if siblings.has_variable() {
            shape = open_positions(&shape, &siblings.words);
        }
        let hash = super::hash(&shape);
        if let Some(index) = find(&self.by_shape, &self.shapes, hash, &shape) {
            return index;
        }
        let mut must_open = false;
        // The tail of a line that was cut is no position.
        for (position, token) in tokens_of(&shape).enumerate().take(max_tokens) {
            if siblings.words.len() <= position {
                siblings.words.push(Some(Vec::new()));
            }
            let Some(words) = &mut siblings.words[position] else { continue };
            let word = super::hash(token);
            if let Err(at) = words.binary_search(&word) {
                words.insert(at, word);
                self.n_bytes += size_of::<u64>();
                if words.len() > max_words {
                    siblings.words[position] = None;
                    must_open = true;
                }
            }
        }
        if must_open {
            self.open(&delimiters);
            return self.find_or_add(shape);
        }
        let index = self.shapes.len();
        siblings.shapes.push(index as u32);
        self.n_bytes += shape.len() + size_of::<Shape<T>>() + 2 * size_of::<u32>();
        self.shapes.push(Shape { hash, bytes: shape.into_boxed_slice(), tally: T::default() });
        let shapes = &self.shapes;
        self.by_shape.insert_unique(hash, index as u32, |index| shapes[*index as usize].hash);
        index
    }

    /// Makes siblings agree with what varies among them now.
    fn open(&mut self, delimiters: &[u8]) {
        let Some(siblings) = self.siblings.get_mut(delimiters) else { return };
        let mut places = std::mem::take(&mut siblings.shapes);
        // From the last one on, so that the places of those that are still to come stay.
        places.sort_unstable_by(|a, b| b.cmp(a));
        let removed: Vec<Shape<T>> = places.into_iter().map(|place| self.remove(place)).collect();
        for shape in removed {
            let index = self.find_or_add(shape.bytes.into_vec());
            self.shapes[index].tally.merge(shape.tally);
        }
    }

    /// Takes a shape out, which its siblings do not name any more.
    fn remove(&mut self, place: u32) -> Shape<T> {
        let last = self.shapes.len() as u32 - 1;
        let (hash, last_hash) = (self.shapes[place as usize].hash, self.shapes[last as usize].hash);
        if let Ok(entry) = self.by_shape.find_entry(hash, |index| *index == place) {
            entry.remove();
        }
        if place != last {
            if let Some(index) = self.by_shape.find_mut(last_hash, |index| *index == last) {
                *index = place;
            }
            let delimiters = delimiters_of(&self.shapes[last as usize].bytes);
            if let Some(siblings) = self.siblings.get_mut(&*delimiters)
                && let Some(index) = siblings.shapes.iter_mut().find(|index| **index == last)
            {
                *index = place;
            }
        }
        let shape = self.shapes.swap_remove(place as usize);
        self.n_bytes = self.n_bytes.saturating_sub(shape.bytes.len() + size_of::<Shape<T>>() + 2 * size_of::<u32>());
        shape
    }
}

/// Sets the bit of a hash; whether it is new.
fn see(seen: &mut [u64], n_seen: &mut usize, hash: u64) -> bool {
    let bit = (hash >> 48) as usize % N_BITS;
    let mask = 1 << (bit % 64);
    let is_new = seen[bit / 64] & mask == 0;
    seen[bit / 64] |= mask;
    *n_seen += usize::from(is_new);
    is_new
}

fn find<T>(table: &HashTable<u32>, shapes: &[Shape<T>], hash: u64, shape: &[u8]) -> Option<usize> {
    let found = table.find(hash, |index| {
        let known = &shapes[*index as usize];
        known.hash == hash && *known.bytes == *shape
    });
    found.map(|index| *index as usize)
}

/// The tokens of a shape.
pub(super) fn tokens_of(shape: &[u8]) -> impl Iterator<Item = &[u8]> {
    shape.split(|byte| *byte == EDGE).skip(1).step_by(2)
}

/// The delimiters of a shape, with an edge for each token.
pub(super) fn delimiters_of(shape: &[u8]) -> Vec<u8> {
    let mut delimiters = Vec::with_capacity(shape.len() / 2);
    for (index, delimiter) in shape.split(|byte| *byte == EDGE).step_by(2).enumerate() {
        if index > 0 {
            delimiters.push(EDGE);
        }
        delimiters.extend_from_slice(delimiter);
    }
    delimiters
}

/// The shape with a mask for each token that varies.
fn open_positions(shape: &[u8], words: &[Option<Vec<u64>>]) -> Vec<u8> {
    let mut opened = Vec::with_capacity(shape.len());
    for (index, part) in shape.split(|byte| *byte == EDGE).enumerate() {
        if index > 0 {
            opened.push(EDGE);
        }
        let is_open = index % 2 == 1 && words.get(index / 2).is_some_and(Option::is_none);
        opened.extend_from_slice(if is_open { &[MASK] } else { part });
    }
    opened
}

/// The shape with at most `max_tokens` tokens, and a mask for the others.
fn cut_shape(mut shape: Vec<u8>, max_tokens: usize) -> Vec<u8> {
    // Each token has two edges; one more token is the mask of the tail.
    let edges = memchr::memchr_iter(EDGE, &shape);
    let end = if max_tokens == 0 { 0 } else { edges.clone().nth(2 * max_tokens - 1).map_or(shape.len(), |at| at + 1) };
    let n_edges = edges.count();
    if n_edges > 2 * max_tokens && !is_tail(&shape[end..]) {
        shape.truncate(end);
        shape.extend_from_slice(&[b' ', EDGE, MASK, EDGE]);
    }
    shape
}

/// Whether a mask for the tail is all that there is.
fn is_tail(rest: &[u8]) -> bool {
    rest == [b' ', EDGE, MASK, EDGE]
}

/// The delimiters of shapes that are cut so.
fn cut_delimiters(delimiters: &[u8], max_tokens: usize) -> Vec<u8> {
    let n_tokens = memchr::memchr_iter(EDGE, delimiters).count();
    if n_tokens <= max_tokens {
        return delimiters.to_vec();
    }
    let end = if max_tokens == 0 {
        0
    } else {
        memchr::memchr_iter(EDGE, delimiters).nth(max_tokens - 1).map_or(delimiters.len(), |at| at + 1)
    };
    let mut cut = delimiters[..end].to_vec();
    cut.extend_from_slice(&[b' ', EDGE]);
    cut
}
