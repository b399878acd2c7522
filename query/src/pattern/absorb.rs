//! Rare patterns that a frequent one already covers.
//!
//! `synchronized to LOCAL(0), stratum 10` has other delimiters than `synchronized to 10.0.0.1, stratum 3`, but is what
//! `synchronized to <*>, stratum <*>` says, if a variable stands for any run without white space. Such a pattern is taken in by
//! the one that covers it, provided that this has at least two words and as many lines.

use super::scan::{EDGE, MASK};
use hashbrown::HashMap;
use std::cmp::Reverse;

/// A pattern as a shape, and its number of lines.
pub(super) struct Candidate {
    /// As [`super::scan::Scanner::scan`] makes it.
    pub shape: Vec<u8>,
    pub n_lines: u64,
}

/// What a pattern is compared by.
struct Outline {
    /// The shape without edges.
    text: Vec<u8>,
    /// Where its parts between spaces lie.
    fields: Vec<(usize, usize)>,
    n_tokens: usize,
    /// Whether it may take in others.
    is_general: bool,
}

impl Outline {
    fn of(shape: &[u8]) -> Self {
        let text: Vec<u8> = shape.iter().copied().filter(|byte| *byte != EDGE).collect();
        let tokens: Vec<&[u8]> = shape.split(|byte| *byte == EDGE).skip(1).step_by(2).collect();
        let has_letter =
            |token: &[u8]| token.iter().any(|byte| byte.is_ascii_alphabetic() || (0x80..MASK).contains(byte));
        let n_words = tokens.iter().filter(|token| has_letter(token)).count();
        let has_mask = tokens.iter().any(|token| *token == [MASK]);
        let mut fields = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b' ', &text).chain([text.len()]) {
            fields.push((start, end));
            start = end + 1;
        }
        Self { fields, n_tokens: tokens.len(), is_general: has_mask && n_words >= 2, text }
    }

    fn field(&self, index: usize) -> &[u8] {
        let (start, end) = self.fields[index];
        &self.text[start..end]
    }

    /// The longest field without a variable.
    fn anchor(&self) -> Option<usize> {
        let literal = (0..self.fields.len()).filter(|index| !self.field(*index).contains(&MASK));
        literal.max_by_key(|index| (self.field(*index).len(), Reverse(*index)))
    }

    fn covers(&self, other: &Outline) -> bool {
        self.fields.len() == other.fields.len()
            && self.n_tokens <= other.n_tokens
            && (0..self.fields.len()).all(|index| covers(self.field(index), other.field(index)))
    }
}

/// Whether `text` is `pattern` with something for each of its variables.
fn covers(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last variable stands, and how far the text goes that it covers.
    let mut retry: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(&MASK) => {
                // It stands for one byte at least.
                (at, from) = (at + 1, from + 1);
                retry = Some((at, from));
            }
            Some(byte) if *byte == text[from] => (at, from) = (at + 1, from + 1),
            _ => {
                let Some((after, until)) = retry else { return false };
                (at, from) = (after, until + 1);
                retry = Some((after, until + 1));
            }
        }
    }
    at == pattern.len()
}

/// For each pattern the one that takes it in, itself if none does.
pub(super) fn absorb(candidates: &[Candidate]) -> Vec<usize> {
    let outlines: Vec<Outline> = candidates.iter().map(|candidate| Outline::of(&candidate.shape)).collect();
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_unstable_by_key(|index| (Reverse(candidates[*index].n_lines), &candidates[*index].shape));
    let mut by_anchor: HashMap<(usize, usize, &[u8]), Vec<usize>> = HashMap::new();
    let mut into: Vec<usize> = (0..candidates.len()).collect();
    for index in order {
        let outline = &outlines[index];
        let n_fields = outline.fields.len();
        let covering = (0..n_fields)
            .filter_map(|field| by_anchor.get(&(n_fields, field, outline.field(field))))
            .flatten()
            .filter(|general| outlines[**general].covers(outline))
            .min_by_key(|general| (Reverse(candidates[**general].n_lines), &candidates[**general].shape));
        match covering {
            Some(general) => into[index] = into[*general],
            None => {
                if let Some(anchor) = outline.anchor().filter(|_| outline.is_general) {
                    by_anchor.entry((n_fields, anchor, outline.field(anchor))).or_default().push(index);
                }
            }
        }
    }
    into
}
