//! Joins the small blocks that a tailed file comes in.

use super::{LiveBlock, LiveBytes};
use crate::source::SourceId;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::sync::Arc;
use trawl_formats::parse::ParsedBlock;

/// Blocks are joined up to about this length, that of a journal block.
const JOINED_LEN: usize = 128 << 10;
/// From this length on a block stays as it is, and where it is.
const LARGE_LEN: usize = JOINED_LEN / 2;
/// Most symbols that a block can have; ids are 16 bits wide.
const MAX_SYMBOLS: usize = u16::MAX as usize;

/// From so many bytes on, blocks are joined in parallel.
const PARALLEL_LEN: usize = 4 << 20;

/// Joins blocks that follow each other in their source; no event and no byte is changed. What remains is in no order.
///
/// Cost: copies the bytes of small blocks once.
pub fn join(blocks: impl IntoIterator<Item = LiveBlock>) -> Vec<LiveBlock> {
    let (mut joined, mut groups) = (Vec::new(), Vec::new());
    let mut growing: HashMap<(SourceId, u32), Group> = HashMap::new();
    for block in blocks {
        if block.is_open || block.bytes.len() >= LARGE_LEN {
            joined.push(block);
            continue;
        }
        let key = (block.source.id, block.source.generation);
        match growing.get_mut(&key) {
            Some(group) if group.can_take(&block) => group.take(block),
            Some(group) => groups.push(std::mem::replace(group, Group::new(block))),
            None => {
                growing.insert(key, Group::new(block));
            }
        }
    }
    groups.extend(growing.into_values());
    match groups.iter().map(|group| group.len).sum::<usize>() < PARALLEL_LEN {
        true => joined.extend(groups.into_iter().map(Group::finish)),
        false => joined.par_extend(groups.into_par_iter().map(Group::finish)),
    }
    joined
}

/// Blocks that follow each other and become one.
struct Group {
    first: LiveBlock,
    rest: Vec<LiveBlock>,
    /// Bytes of all.
    len: usize,
    /// Symbols of all, those that are the same counted more than once.
    n_symbols: usize,
}

impl Group {
    fn new(block: LiveBlock) -> Self {
        Self { len: block.parsed.len, n_symbols: block.parsed.symbols.len(), first: block, rest: Vec::new() }
    }

    fn can_take(&self, next: &LiveBlock) -> bool {
        let (parsed, more) = (&self.first.parsed, &next.parsed);
        self.len + more.len <= JOINED_LEN
            && self.first.offset + self.len as u64 == next.offset
            && (Arc::ptr_eq(&self.first.source, &next.source) || self.first.source == next.source)
            && parsed.hint == more.hint
            && parsed.header == more.header
            && self.n_symbols + more.symbols.len() <= MAX_SYMBOLS
    }

    fn take(&mut self, next: LiveBlock) {
        self.len += next.parsed.len;
        self.n_symbols += next.parsed.symbols.len();
        self.rest.push(next);
    }

    fn finish(self) -> LiveBlock {
        let Self { first: mut block, rest, len, .. } = self;
        if rest.is_empty() {
            return block;
        }
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&block.bytes);
        let n_events = rest.iter().map(|next| next.parsed.events.len()).sum();
        block.parsed.events.reserve(n_events);
        for next in rest {
            bytes.extend_from_slice(&next.bytes);
            for &(first, time_us) in &next.indexed {
                if block.indexed.last().is_none_or(|(_, before)| *before != time_us) {
                    block.indexed.push((first + block.parsed.events.len() as u32, time_us));
                }
            }
            append(&mut block.parsed, next.parsed);
        }
        LiveBlock { bytes: LiveBytes::Owned(Arc::new(bytes)), ..block }
    }
}

fn append(parsed: &mut ParsedBlock, next: ParsedBlock) {
    let renumbered: Vec<u16> = next
        .symbols
        .into_iter()
        .map(|symbol| {
            let at = parsed.symbols.iter().position(|known| *known == symbol).unwrap_or_else(|| {
                parsed.symbols.push(symbol);
                parsed.symbols.len() - 1
            });
            at as u16 + 1
        })
        .collect();
    let renumber = |id: u16| id.checked_sub(1).map_or(0, |at| renumbered[usize::from(at)]);
    parsed.events.extend(next.events.into_iter().map(|mut event| {
        event.level = renumber(event.level);
        event.host = renumber(event.host);
        event
    }));
    parsed.len += next.len;
    parsed.line_events &= next.line_events;
}
