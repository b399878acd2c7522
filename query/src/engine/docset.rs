//! Sets of documents of one bucket.

use std::ops::Range;

/// A list is kept while it is shorter than one document in so many; longer ones become bits. A bit per document costs as
/// much as one list entry for every 32.
const DENSE_SHARE: usize = 32;

/// A set of document ids `0..n_docs`.
#[derive(Clone, Debug)]
pub struct DocSet {
    n_docs: u32,
    members: Members,
}

#[derive(Clone, Debug)]
enum Members {
    All,
    /// Ascending, without repetition.
    List(Vec<u32>),
    /// One bit per document; bits behind the last document are clear.
    Bits(Vec<u64>),
}

impl DocSet {
    /// No document.
    pub fn none(n_docs: u32) -> Self {
        Self { n_docs, members: Members::List(Vec::new()) }
    }

    /// Every document.
    pub fn all(n_docs: u32) -> Self {
        Self { n_docs, members: Members::All }
    }

    /// The documents of an ascending list without repetition.
    pub fn from_list(n_docs: u32, docs: Vec<u32>) -> Self {
        debug_assert!(docs.is_sorted_by(|a, b| a < b));
        let dense = docs.len() > n_docs as usize / DENSE_SHARE;
        let list = Self { n_docs, members: Members::List(docs) };
        if dense { Self { n_docs, members: Members::Bits(list.to_bits()) } } else { list }
    }

    /// The documents of ascending, disjoint ranges.
    pub fn from_ranges(n_docs: u32, ranges: impl IntoIterator<Item = Range<u32>>) -> Self {
        let mut bits = vec![0; words(n_docs)];
        let mut n_set = 0;
        for range in ranges {
            n_set += range.len();
            set_range(&mut bits, range);
        }
        let members = match n_set {
            0 => Members::List(Vec::new()),
            n if n == n_docs as usize => Members::All,
            _ => Members::Bits(bits),
        };
        Self { n_docs, members }
    }

    /// Documents that could be members.
    pub fn n_docs(&self) -> u32 {
        self.n_docs
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match &self.members {
            Members::All => self.n_docs as usize,
            Members::List(docs) => docs.len(),
            Members::Bits(bits) => bits.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        match &self.members {
            Members::All => self.n_docs == 0,
            Members::List(docs) => docs.is_empty(),
            Members::Bits(bits) => bits.iter().all(|&word| word == 0),
        }
    }

    /// Whether every document is a member. May answer `false` for a full set that was put together from parts.
    pub fn is_all(&self) -> bool {
        matches!(self.members, Members::All)
    }

    /// Whether `doc` is a member.
    pub fn contains(&self, doc: u32) -> bool {
        match &self.members {
            Members::All => doc < self.n_docs,
            Members::List(docs) => docs.binary_search(&doc).is_ok(),
            Members::Bits(bits) => bits[doc as usize / 64] >> (doc % 64) & 1 != 0,
        }
    }

    /// The members in `range`, ascending.
    pub fn for_each_in(&self, range: Range<u32>, mut each: impl FnMut(u32)) {
        match &self.members {
            Members::All => range.for_each(each),
            Members::List(docs) => {
                let start = docs.partition_point(|&doc| doc < range.start);
                docs[start..].iter().take_while(|&&doc| doc < range.end).for_each(|&doc| each(doc));
            }
            Members::Bits(bits) => {
                for (index, word) in words_of(bits, &range) {
                    let mut word = word & range_mask(index, &range);
                    while word != 0 {
                        each(index as u32 * 64 + word.trailing_zeros());
                        word &= word - 1;
                    }
                }
            }
        }
    }

    /// Number of members in `range`.
    pub fn count_in(&self, range: Range<u32>) -> usize {
        match &self.members {
            Members::All => range.len(),
            Members::List(docs) => {
                docs.partition_point(|&doc| doc < range.end) - docs.partition_point(|&doc| doc < range.start)
            }
            Members::Bits(bits) => {
                let inside = words_of(bits, &range).map(|(index, word)| word & range_mask(index, &range));
                inside.map(|word| word.count_ones() as usize).sum()
            }
        }
    }

    /// Members of both.
    pub fn and(self, other: Self) -> Self {
        let n_docs = self.n_docs;
        let members = match (self.members, other.members) {
            (Members::All, members) | (members, Members::All) => members,
            (Members::List(mut docs), Members::Bits(bits)) | (Members::Bits(bits), Members::List(mut docs)) => {
                docs.retain(|&doc| bits[doc as usize / 64] >> (doc % 64) & 1 != 0);
                Members::List(docs)
            }
            (Members::List(a), Members::List(b)) => {
                let (mut short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
                let mut rest = &long[..];
                short.retain(|doc| match rest.binary_search(doc) {
                    Ok(at) => {
                        rest = &rest[at + 1..];
                        true
                    }
                    Err(at) => {
                        rest = &rest[at..];
                        false
                    }
                });
                Members::List(short)
            }
            (Members::Bits(mut a), Members::Bits(b)) => {
                a.iter_mut().zip(b).for_each(|(word, other)| *word &= other);
                Members::Bits(a)
            }
        };
        Self { n_docs, members }
    }

    /// Members of either.
    pub fn or(self, other: Self) -> Self {
        let n_docs = self.n_docs;
        if self.is_all() || other.is_all() {
            return Self::all(n_docs);
        }
        if let (Members::List(a), Members::List(b)) = (&self.members, &other.members)
            && (a.is_empty() || b.is_empty())
        {
            return if a.is_empty() { other } else { self };
        }
        let mut bits = self.to_bits();
        match &other.members {
            Members::List(docs) => docs.iter().for_each(|&doc| bits[doc as usize / 64] |= 1 << (doc % 64)),
            Members::Bits(other) => bits.iter_mut().zip(other).for_each(|(word, other)| *word |= other),
            Members::All => unreachable!("answered above"),
        }
        Self { n_docs, members: Members::Bits(bits) }
    }

    /// The documents that are no members.
    pub fn not(self) -> Self {
        let n_docs = self.n_docs;
        if self.is_all() {
            return Self::none(n_docs);
        }
        if self.is_empty() {
            return Self::all(n_docs);
        }
        let mut bits = self.to_bits();
        bits.iter_mut().for_each(|word| *word = !*word);
        clear_tail(&mut bits, n_docs);
        Self { n_docs, members: Members::Bits(bits) }
    }

    fn to_bits(&self) -> Vec<u64> {
        match &self.members {
            Members::Bits(bits) => bits.clone(),
            Members::List(docs) => {
                let mut bits = vec![0; words(self.n_docs)];
                docs.iter().for_each(|&doc| bits[doc as usize / 64] |= 1 << (doc % 64));
                bits
            }
            Members::All => {
                let mut bits = vec![u64::MAX; words(self.n_docs)];
                clear_tail(&mut bits, self.n_docs);
                bits
            }
        }
    }
}

fn words(n_docs: u32) -> usize {
    (n_docs as usize).div_ceil(64)
}

fn clear_tail(bits: &mut [u64], n_docs: u32) {
    if let (Some(last), n_used @ 1..) = (bits.last_mut(), n_docs % 64) {
        *last &= (1 << n_used) - 1;
    }
}

/// The bits of word `index` that lie in `range`.
fn range_mask(index: usize, range: &Range<u32>) -> u64 {
    let base = index as u32 * 64;
    let from = range.start.saturating_sub(base).min(64);
    let to = range.end.saturating_sub(base).min(64);
    let below = |bit: u32| if bit == 64 { u64::MAX } else { (1 << bit) - 1 };
    below(to) & !below(from)
}

/// Indexes of the words that hold bits of `range`.
fn word_range(range: &Range<u32>) -> Range<usize> {
    let first = range.start as usize / 64;
    first..(range.end as usize).div_ceil(64).max(first)
}

fn words_of<'b>(bits: &'b [u64], range: &Range<u32>) -> impl Iterator<Item = (usize, u64)> + use<'b> {
    let words = word_range(range);
    words.clone().zip(bits[words].iter().copied())
}

fn set_range(bits: &mut [u64], range: Range<u32>) {
    let words = word_range(&range);
    for (index, word) in words.clone().zip(&mut bits[words]) {
        *word |= range_mask(index, &range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const N_DOCS: u32 = 200;

    fn members(set: &DocSet) -> BTreeSet<u32> {
        let mut docs = Vec::new();
        set.for_each_in(0..N_DOCS, |doc| docs.push(doc));
        assert!(docs.is_sorted_by(|a, b| a < b));
        docs.into_iter().collect()
    }

    /// Sets in every representation.
    fn docset() -> impl Strategy<Value = DocSet> {
        prop_oneof![
            Just(DocSet::none(N_DOCS)),
            Just(DocSet::all(N_DOCS)),
            proptest::collection::btree_set(0..N_DOCS, 0..6)
                .prop_map(|docs| DocSet::from_list(N_DOCS, docs.into_iter().collect())),
            proptest::collection::btree_set(0..N_DOCS, 0..200)
                .prop_map(|docs| DocSet::from_list(N_DOCS, docs.into_iter().collect())),
            (0..N_DOCS, 0..N_DOCS).prop_map(|(a, b)| DocSet::from_ranges(N_DOCS, [0..a.min(b), a.max(b)..N_DOCS])),
        ]
    }

    proptest! {
        #[test]
        fn equals_a_set(a in docset(), b in docset(), from in 0..=N_DOCS, len in 0..=N_DOCS) {
            let (set_a, set_b) = (members(&a), members(&b));
            prop_assert_eq!(a.len(), set_a.len());
            prop_assert_eq!(a.is_empty(), set_a.is_empty());
            prop_assert_eq!((0..N_DOCS).filter(|&doc| a.contains(doc)).collect::<BTreeSet<_>>(), set_a.clone());
            let range = from..(from + len).min(N_DOCS);
            prop_assert_eq!(a.count_in(range.clone()), set_a.range(range).count());
            prop_assert_eq!(members(&a.clone().and(b.clone())), &set_a & &set_b);
            prop_assert_eq!(members(&a.clone().or(b)), &set_a | &set_b);
            prop_assert_eq!(members(&a.not()), &(0..N_DOCS).collect::<BTreeSet<_>>() - &set_a);
        }
    }
}
