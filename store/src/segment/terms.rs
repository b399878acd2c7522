//! The term table: from token occurrences to sorted terms with their postings.
//!
//! An occurrence costs one probe of an 8-byte slot and one 32-byte entry. Slots hold a 32-bit tag and the term's id;
//! entries hold the first 16 bytes of the term in place, so that only longer terms touch the arena. Tokens are gathered
//! in batches and both memory accesses are prefetched, which hides the cache misses that a table of a million terms
//! costs. Postings are not grown per term: each new (term, document) pair is appended to one log, and a counting sort
//! groups the log by term when the bucket is sealed.

use std::hash::{BuildHasher, RandomState};

/// Document id inside one bucket: the ordinal of the event in the journal.
pub type Doc = u32;

/// Longest term that is indexed, in bytes. Longer tokens are marked by [`OVERSIZED`] and verified on the text.
pub const MAX_TERM_LEN: usize = 255;

/// The term of every document that holds a token longer than [`MAX_TERM_LEN`]. NUL is no token byte, so no token equals it.
pub const OVERSIZED: &[u8] = b"\0";

const INLINE_LEN: usize = 16;
const BATCH: usize = 64;
const EMPTY: u64 = u64::MAX;
const INITIAL_SLOTS: usize = 1 << 16;

/// First 16 bytes of a term, zero padded, or a 128-bit keyed hash of a longer one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Key(u64, u64);

#[derive(Clone, Copy)]
#[repr(align(32))]
struct Entry {
    key: Key,
    last_doc: Doc,
    doc_freq: u32,
    len: u32,
    arena_offset: u32,
}

#[derive(Clone, Copy, Default)]
struct Occurrence {
    key: Key,
    hash: u64,
    doc: Doc,
    start: u32,
    len: u32,
}

/// Collects the terms of one bucket.
pub struct TermTable {
    seed: (u64, u64),
    slots: Vec<u64>,
    entries: Vec<Entry>,
    /// Terms longer than [`INLINE_LEN`], one after the other.
    arena: Vec<u8>,
    batch: [Occurrence; BATCH],
    batch_len: usize,
    /// Term ids in document order, each once per document.
    log: Vec<u32>,
    /// End of each finished document in `log`.
    doc_ends: Vec<u32>,
    n_tokens: u64,
}

impl Default for TermTable {
    fn default() -> Self {
        // Log lines are chosen by strangers: an unkeyed hash would let them make every probe collide.
        let random = RandomState::new();
        Self {
            seed: (random.hash_one(0) | 1, random.hash_one(1) | 1),
            slots: vec![EMPTY; INITIAL_SLOTS],
            entries: Vec::new(),
            arena: Vec::new(),
            batch: [Occurrence::default(); BATCH],
            batch_len: 0,
            log: Vec::new(),
            doc_ends: Vec::new(),
            n_tokens: 0,
        }
    }
}

impl TermTable {
    /// Forgets everything but keeps the buffers for the next bucket.
    pub fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.entries.clear();
        self.arena.clear();
        self.log.clear();
        self.doc_ends.clear();
        self.batch_len = 0;
        self.n_tokens = 0;
    }

    /// Number of token occurrences added so far.
    pub fn n_tokens(&self) -> u64 {
        self.n_tokens
    }

    /// Adds the token `buffer[start..end]` of document `doc`.
    ///
    /// Documents come in ascending order. The token is not looked at before [`flush`](Self::flush) or until a batch is
    /// full, so every call up to then passes the same buffer.
    #[inline(always)]
    pub fn add(&mut self, buffer: &[u8], start: usize, end: usize, doc: Doc) {
        let len = end - start;
        if len > MAX_TERM_LEN {
            self.add_oversized(buffer, doc);
            return;
        }
        let key = self.key_of(&buffer[start..end], buffer, start);
        let hash = self.mix(key);
        prefetch(&self.slots, slot_of(hash, self.slots.len()));
        self.batch[self.batch_len] = Occurrence { key, hash, doc, start: start as u32, len: len as u32 };
        self.batch_len += 1;
        if self.batch_len == BATCH {
            self.flush(buffer);
        }
    }

    #[cold]
    fn add_oversized(&mut self, buffer: &[u8], doc: Doc) {
        self.flush(buffer);
        self.add(OVERSIZED, 0, OVERSIZED.len(), doc);
        self.flush(OVERSIZED);
    }

    /// Enters the gathered occurrences; call it before `buffer` changes.
    pub fn flush(&mut self, buffer: &[u8]) {
        let batch = self.batch;
        let batch = &batch[..self.batch_len];
        self.batch_len = 0;
        self.n_tokens += batch.len() as u64;
        for occurrence in batch {
            let slot = self.slots[slot_of(occurrence.hash, self.slots.len())];
            if slot != EMPTY {
                prefetch(&self.entries, slot as u32 as usize);
            }
        }
        for occurrence in batch {
            self.enter(occurrence, buffer);
        }
    }

    #[inline(always)]
    fn enter(&mut self, occurrence: &Occurrence, buffer: &[u8]) {
        while self.doc_ends.len() < occurrence.doc as usize {
            self.doc_ends.push(self.log.len() as u32);
        }
        let tag = occurrence.hash as u32;
        let mut position = slot_of(occurrence.hash, self.slots.len());
        loop {
            let slot = self.slots[position];
            if slot == EMPTY {
                self.insert(occurrence, position, buffer);
                return;
            }
            if (slot >> 32) as u32 == tag {
                let id = slot as u32;
                let entry = &mut self.entries[id as usize];
                // Two longer terms are taken as equal by their keyed 128-bit hash and length: a chance collision is
                // less likely than a hardware error, and an intended one needs the secret seed.
                if entry.key == occurrence.key && entry.len == occurrence.len {
                    if entry.last_doc != occurrence.doc {
                        entry.last_doc = occurrence.doc;
                        entry.doc_freq += 1;
                        self.log.push(id);
                    }
                    return;
                }
            }
            position = (position + 1) & (self.slots.len() - 1);
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, occurrence: &Occurrence, position: usize, buffer: &[u8]) {
        let id = self.entries.len() as u32;
        self.slots[position] = (u64::from(occurrence.hash as u32) << 32) | u64::from(id);
        let arena_offset = self.arena.len() as u32;
        if occurrence.len as usize > INLINE_LEN {
            let start = occurrence.start as usize;
            self.arena.extend_from_slice(&buffer[start..start + occurrence.len as usize]);
        }
        self.entries.push(Entry {
            key: occurrence.key,
            last_doc: occurrence.doc,
            doc_freq: 1,
            len: occurrence.len,
            arena_offset,
        });
        self.log.push(id);
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let n_slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(n_slots, EMPTY);
        for (id, entry) in self.entries.iter().enumerate() {
            let hash = self.mix(entry.key);
            let mut position = slot_of(hash, n_slots);
            while self.slots[position] != EMPTY {
                position = (position + 1) & (n_slots - 1);
            }
            self.slots[position] = (u64::from(hash as u32) << 32) | id as u64;
        }
    }

    #[inline(always)]
    fn key_of(&self, token: &[u8], buffer: &[u8], start: usize) -> Key {
        if token.len() > INLINE_LEN {
            return self.hash_long(token);
        }
        // Read 16 bytes whatever the token's length, then clear what lies behind it: no branch on the length.
        if let Some(window) = buffer.get(start..start + INLINE_LEN) {
            let wide = u128::from_le_bytes(window.try_into().expect("the window has 16 bytes"));
            let wide = wide & (u128::MAX >> (8 * (INLINE_LEN - token.len())));
            return Key(wide as u64, (wide >> 64) as u64);
        }
        let mut padded = [0; INLINE_LEN];
        padded[..token.len()].copy_from_slice(token);
        let wide = u128::from_le_bytes(padded);
        Key(wide as u64, (wide >> 64) as u64)
    }

    /// Folded multiplication of both halves with the secret seed, after wyhash (Wang Yi).
    #[inline(always)]
    fn mix(&self, key: Key) -> u64 {
        fold(key.0 ^ self.seed.0, key.1 ^ self.seed.1)
    }

    fn hash_long(&self, token: &[u8]) -> Key {
        let word = |at: usize| u64::from_le_bytes(token[at..at + 8].try_into().expect("eight bytes"));
        let (mut a, mut b) = (self.seed.0 ^ token.len() as u64, self.seed.1);
        let last = token.len() - INLINE_LEN;
        let mut at = 0;
        while at < last {
            a = fold(a ^ word(at), self.seed.1 ^ word(at + 8));
            b = fold(b.rotate_left(23) ^ word(at + 8), self.seed.0 ^ word(at)).wrapping_add(a);
            at += INLINE_LEN;
        }
        // The last 16 bytes may overlap the loop's: every byte takes part.
        a = fold(a ^ word(last), self.seed.1 ^ word(last + 8));
        b = fold(b.rotate_left(23) ^ word(last + 8), self.seed.0 ^ word(last));
        Key(a, b)
    }

    fn term<'a>(&'a self, id: u32, inline: &'a mut [u8; INLINE_LEN]) -> &'a [u8] {
        let entry = &self.entries[id as usize];
        let len = entry.len as usize;
        if len > INLINE_LEN {
            let start = entry.arena_offset as usize;
            return &self.arena[start..start + len];
        }
        inline[..8].copy_from_slice(&entry.key.0.to_le_bytes());
        inline[8..].copy_from_slice(&entry.key.1.to_le_bytes());
        &inline[..len]
    }

    /// Closes the table over `n_docs` documents and hands out each term with its documents, terms in byte order,
    /// documents ascending.
    ///
    /// # Errors
    /// The first error of `each` ends the walk.
    pub fn for_each_term<E>(
        &mut self,
        n_docs: u32,
        mut each: impl FnMut(&[u8], &[Doc]) -> Result<(), E>,
    ) -> Result<(), E> {
        assert_eq!(self.batch_len, 0, "flush comes before the table is closed");
        self.doc_ends.resize(n_docs as usize, self.log.len() as u32);
        let (ends, postings) = self.group_by_term();
        let mut inline = [0; INLINE_LEN];
        for id in self.ids_in_term_order() {
            let end = ends[id as usize] as usize;
            let start = end - self.entries[id as usize].doc_freq as usize;
            each(self.term(id, &mut inline), &postings[start..end])?;
        }
        Ok(())
    }

    /// Counting sort of the log: (end of each term's run, documents grouped by term id).
    fn group_by_term(&self) -> (Vec<u32>, Vec<Doc>) {
        let mut next = Vec::with_capacity(self.entries.len());
        let mut total = 0;
        for entry in &self.entries {
            next.push(total);
            total += entry.doc_freq;
        }
        let mut postings = vec![0; self.log.len()];
        let mut start = 0;
        for (doc, &end) in self.doc_ends.iter().enumerate() {
            for &id in &self.log[start..end as usize] {
                let cursor = &mut next[id as usize];
                postings[*cursor as usize] = doc as Doc;
                *cursor += 1;
            }
            start = end as usize;
        }
        (next, postings)
    }

    /// Ids sorted by term: by the first 16 bytes as one big-endian number, ties by the whole term.
    fn ids_in_term_order(&self) -> Vec<u32> {
        let mut order: Vec<(u128, u32)> = (0..self.entries.len() as u32)
            .map(|id| {
                let entry = &self.entries[id as usize];
                let prefix = if entry.len as usize > INLINE_LEN {
                    let start = entry.arena_offset as usize;
                    let prefix = &self.arena[start..start + INLINE_LEN];
                    u128::from_be_bytes(prefix.try_into().expect("16 bytes"))
                } else {
                    (u128::from(entry.key.0.swap_bytes()) << 64) | u128::from(entry.key.1.swap_bytes())
                };
                (prefix, id)
            })
            .collect();
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| {
                let (mut left, mut right) = ([0; INLINE_LEN], [0; INLINE_LEN]);
                self.term(a.1, &mut left).cmp(self.term(b.1, &mut right))
            })
        });
        order.into_iter().map(|(_, id)| id).collect()
    }
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
fn slot_of(hash: u64, n_slots: usize) -> usize {
    (hash >> 32) as usize & (n_slots - 1)
}

#[inline(always)]
fn prefetch<T>(table: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = table.get(index) {
        // SAFETY: a prefetch reads nothing and never faults; the address is that of a live element.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch(std::ptr::from_ref(item).cast::<i8>(), _MM_HINT_T0);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, index);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn collect(table: &mut TermTable, n_docs: u32) -> BTreeMap<Vec<u8>, Vec<Doc>> {
        let mut terms = BTreeMap::new();
        let mut previous: Option<Vec<u8>> = None;
        table
            .for_each_term(n_docs, |term, docs| {
                assert!(previous.as_deref() < Some(term), "terms ascend");
                previous = Some(term.to_vec());
                terms.insert(term.to_vec(), docs.to_vec());
                Ok::<_, std::convert::Infallible>(())
            })
            .expect("the closure never fails");
        terms
    }

    fn reference(docs: &[Vec<Vec<u8>>]) -> BTreeMap<Vec<u8>, Vec<Doc>> {
        let mut terms: BTreeMap<Vec<u8>, BTreeSet<Doc>> = BTreeMap::new();
        for (doc, tokens) in docs.iter().enumerate() {
            for token in tokens {
                let term = if token.len() > MAX_TERM_LEN { OVERSIZED.to_vec() } else { token.clone() };
                terms.entry(term).or_default().insert(doc as Doc);
            }
        }
        terms.into_iter().map(|(term, docs)| (term, docs.into_iter().collect())).collect()
    }

    proptest! {
        #[test]
        fn equals_a_map_of_sets(
            docs in proptest::collection::vec(
                proptest::collection::vec(
                    prop_oneof![
                        4 => proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(0xff)], 1..40),
                        1 => proptest::collection::vec(Just(b'x'), 250..260),
                    ],
                    0..12,
                ),
                0..60,
            ),
        ) {
            let mut table = TermTable::default();
            for _round in 0..2 {
                for (doc, tokens) in docs.iter().enumerate() {
                    let mut buffer = tokens.join(&b' ');
                    buffer.extend([b' '; 3]);
                    let mut start = 0;
                    for token in tokens {
                        table.add(&buffer, start, start + token.len(), doc as Doc);
                        start += token.len() + 1;
                    }
                    table.flush(&buffer);
                }
                prop_assert_eq!(collect(&mut table, docs.len() as u32), reference(&docs));
                table.clear();
            }
        }
    }

    #[test]
    fn grows_past_its_first_slots() {
        let mut table = TermTable::default();
        let n = INITIAL_SLOTS as u32;
        for doc in 0..n {
            let token = format!("t{doc}");
            table.add(token.as_bytes(), 0, token.len(), doc);
            table.flush(token.as_bytes());
        }
        let terms = collect(&mut table, n);
        assert_eq!(terms.len(), n as usize);
        assert_eq!(terms[b"t65535".as_slice()], [65_535]);
    }
}
