//! Joins the small blocks that a tailed file comes in.

use super::{LiveBlock, LiveBytes};
use crate::source::SourceId;
use hashbrown::HashMap;
use std::sync::Arc;
use trawl_formats::parse::ParsedBlock;

/// Blocks are joined up to about this length, that of a journal block.
const JOINED_LEN: usize = 128 << 10;
/// From this length on a block stays as it is, and where it is.
const LARGE_LEN: usize = JOINED_LEN / 2;
/// Most symbols that a block can have; ids are 16 bits wide.
const MAX_SYMBOLS: usize = u16::MAX as usize;

/// Joins blocks that follow each other in their source; no event and no byte is changed. What remains is in no order.
///
/// Cost: copies the bytes of small blocks once.
pub fn join(blocks: impl IntoIterator<Item = LiveBlock>) -> Vec<LiveBlock> {
    let mut joined = Vec::new();
    let mut growing: HashMap<(SourceId, u32), Growing> = HashMap::new();
    for block in blocks {
        if block.is_open || block.bytes.len() >= LARGE_LEN {
            joined.push(block);
            continue;
        }
        let key = (block.source.id, block.source.generation);
        match growing.get_mut(&key) {
            Some(last) if last.can_take(&block) => last.take(block),
            Some(last) => joined.push(std::mem::replace(last, Growing::new(block)).finish()),
            None => {
                growing.insert(key, Growing::new(block));
            }
        }
    }
    joined.extend(growing.into_values().map(Growing::finish));
    joined
}

/// A block to which others are added.
struct Growing {
    block: LiveBlock,
    /// Its bytes, once they are of more than one block.
    bytes: Vec<u8>,
}

impl Growing {
    fn new(block: LiveBlock) -> Self {
        Self { block, bytes: Vec::new() }
    }

    fn len(&self) -> usize {
        self.block.parsed.len
    }

    fn can_take(&self, next: &LiveBlock) -> bool {
        let (parsed, more) = (&self.block.parsed, &next.parsed);
        self.len() + more.len <= JOINED_LEN
            && self.block.offset + self.len() as u64 == next.offset
            && (Arc::ptr_eq(&self.block.source, &next.source) || self.block.source == next.source)
            && parsed.hint == more.hint
            && parsed.header == more.header
            && parsed.symbols.len() + more.symbols.len() <= MAX_SYMBOLS
    }

    fn take(&mut self, next: LiveBlock) {
        if self.bytes.is_empty() {
            self.bytes.reserve(JOINED_LEN);
            self.bytes.extend_from_slice(&self.block.bytes);
        }
        self.bytes.extend_from_slice(&next.bytes);
        let parsed = &mut self.block.parsed;
        for &(first, time_us) in &next.indexed {
            if self.block.indexed.last().is_none_or(|(_, before)| *before != time_us) {
                self.block.indexed.push((first + parsed.events.len() as u32, time_us));
            }
        }
        append(parsed, next.parsed);
    }

    fn finish(self) -> LiveBlock {
        let bytes = if self.bytes.is_empty() { self.block.bytes } else { LiveBytes::Owned(Arc::new(self.bytes)) };
        LiveBlock { bytes, ..self.block }
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
