//! Patterns of log lines: lines that one statement of a program printed, put together, with its variables marked.
//!
//! - [`Miner`] takes lines in. A hand-written scanner masks what is variable by its nature (`scan`), and equal results are counted together;
//!   the state is small, and miners merge: the result depends on the lines alone, not on their order nor on who saw which.
//! - [`Miner::into_patterns`] decides by evidence which of the remaining words vary (`cluster`), and gives rare patterns to the frequent
//!   ones that cover them (`absorb`). There are few shapes, so that this may be thorough.
//! - A [`Pattern`] is its text, with [`VARIABLE`] for what varies; [`id`] is made of it, [`matches()`] tells whether a line can be
//!   of it, [`search_for`] writes a search that finds its events.
//!
//! There is nothing to be set, and nothing is learned beforehand.
//!
//! ```
//! use trawl_query::pattern::Miner;
//!
//! let mut miner: Miner<u64> = Miner::default();
//! for line in ["worker 1 started in 15 ms", "worker 2 started in 3 ms", "worker 1 failed: timeout"] {
//!     *miner.push(line) += 1;
//! }
//! let patterns = miner.into_patterns();
//! let found: Vec<(&str, u64)> = patterns.iter().map(|pattern| (pattern.text.as_str(), pattern.tally)).collect();
//! assert_eq!(found, [("worker <*> started in <*>", 2), ("worker <*> failed: timeout", 1)]);
//! ```
//!
//! # Sources
//!
//! The task and its measure, grouping accuracy, are those of Zhu et al., *Tools and Benchmarks for Automated Log Parsing* (2019).
//! That lines are first told apart by what is no variable is from Drain (He et al., 2017); that positions are judged by how many
//! words they have is from IPLoM (Makanju et al., 2009). Neither has thresholds here that depend on the log.

mod absorb;
mod cluster;
mod miner;
mod scan;
mod seen;
mod template;
mod token;

pub use miner::{Miner, Tally};
pub use seen::{Seen, Trend};
pub use template::{VARIABLE, id, matches, search_for};

use cluster::Group;
use scan::EDGE;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Lines that go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern<T> {
    /// What the lines have in common, with [`VARIABLE`] for the rest.
    pub text: String,
    /// What was counted for them.
    pub tally: T,
}

impl<T: Tally> Miner<T> {
    /// The patterns of all lines, the most frequent ones first, of equally frequent ones by their text.
    pub fn into_patterns(self) -> Vec<Pattern<T>> {
        let shapes = self.into_shapes();
        let texts =
            assign(&shapes.iter().map(|(shape, tally)| (shape.as_slice(), tally.n_lines())).collect::<Vec<_>>());
        let mut by_text: BTreeMap<String, T> = BTreeMap::new();
        for ((_, tally), text) in shapes.into_iter().zip(texts) {
            by_text.entry(text).or_default().merge(tally);
        }
        let mut patterns: Vec<Pattern<T>> = by_text.into_iter().map(|(text, tally)| Pattern { text, tally }).collect();
        patterns.sort_by_key(|pattern| Reverse(pattern.tally.n_lines()));
        patterns
    }
}

/// For each shape, which come with their lines and in order, the text of its pattern.
fn assign(shapes: &[(&[u8], u64)]) -> Vec<String> {
    let mut groups: BTreeMap<Vec<&[u8]>, Vec<usize>> = BTreeMap::new();
    for (index, (shape, _)) in shapes.iter().enumerate() {
        groups.entry(shape.split(|byte| *byte == EDGE).step_by(2).collect()).or_default().push(index);
    }
    let mut pattern_of = vec![0; shapes.len()];
    let mut candidates: Vec<absorb::Candidate> = Vec::new();
    for (delimiters, members) in groups {
        let tokens: Vec<Vec<&[u8]>> =
            members.iter().map(|shape| miner::tokens_of(shapes[*shape].0).collect()).collect();
        for (template, indexes) in Group::patterns(delimiters.clone(), &tokens) {
            let mut shape: Vec<u8> = Vec::new();
            for (index, delimiter) in delimiters.iter().enumerate() {
                shape.extend_from_slice(delimiter);
                if let Some(token) = template.get(index) {
                    shape.push(EDGE);
                    shape.extend_from_slice(token);
                    shape.push(EDGE);
                }
            }
            let shapes_of = indexes.iter().map(|index| members[*index]);
            let n_lines = shapes_of.clone().map(|shape| shapes[shape].1).sum();
            shapes_of.for_each(|shape| pattern_of[shape] = candidates.len());
            candidates.push(absorb::Candidate { shape, n_lines });
        }
    }
    let into = absorb::absorb(&candidates);
    let texts: Vec<String> = candidates.iter().map(|candidate| template::text(&candidate.shape)).collect();
    pattern_of.into_iter().map(|pattern| texts[into[pattern]].clone()).collect()
}

/// A hash that is the same in every run: it decides what is held.
fn hash(bytes: &[u8]) -> u64 {
    const SEEDS: [u64; 3] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product >> 64) as u64 ^ product as u64
    };
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let (chunks, rest) = bytes.as_chunks::<16>();
    let mut state = SEEDS[0] ^ bytes.len() as u64;
    for chunk in chunks {
        state = fold(word(&chunk[..8]) ^ SEEDS[1], word(&chunk[8..]) ^ state);
    }
    let (low, high) = rest.split_at(rest.len().min(8));
    fold(fold(word(low) ^ SEEDS[1], word(high) ^ state) ^ SEEDS[2], SEEDS[0])
}

#[cfg(test)]
mod tests;
