//! Last events of files that may still be written to: searchable, but not yet counted as read.

use crate::stretch::next_block;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::mem;
use std::sync::Arc;
use trawl_formats::parse::{EventFlags, ParsedBlock, Parser, Step};
use trawl_store::{BlockInput, SourceHandle, SourceId};

/// The end of a source, from the beginning of its last event on.
pub(crate) struct Provisional {
    source: Arc<SourceHandle>,
    offset: u64,
    bytes: Vec<u8>,
    /// Usually one; each with its offset in `bytes`.
    blocks: Vec<(usize, ParsedBlock)>,
}

impl Provisional {
    /// Parses what remained of a source as if nothing more came. `parser` has read everything before. `None` if nothing
    /// remained.
    ///
    /// # Errors
    /// The message of a panic in the parser.
    pub(crate) fn parse(
        source: &Arc<SourceHandle>,
        offset: u64,
        bytes: &[u8],
        parser: &mut Parser,
        mut is_continued: bool,
    ) -> Result<Option<Self>, String> {
        let mut blocks = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let mut parsed = ParsedBlock::default();
            match next_block(parser, &bytes[at..], true, &mut parsed)? {
                Step::Block => {
                    if mem::take(&mut is_continued) {
                        parsed.events[0].flags.insert(EventFlags::CONTINUED);
                    }
                    let start = at;
                    at += parsed.len;
                    blocks.push((start, parsed));
                }
                Step::Gap { len } => at += len,
                Step::NeedMore => break,
            }
        }
        let is_empty = blocks.is_empty();
        Ok((!is_empty).then(|| Self { source: Arc::clone(source), offset, bytes: bytes.to_vec(), blocks }))
    }

    /// The source.
    pub(crate) fn source(&self) -> Arc<SourceHandle> {
        Arc::clone(&self.source)
    }

    /// Where in the source it begins.
    fn key(&self) -> (SourceId, u32, u64) {
        (self.source.id, self.source.generation, self.offset)
    }

    pub(crate) fn n_events(&self) -> u64 {
        self.blocks.iter().map(|(_, parsed)| parsed.events.len() as u64).sum()
    }

    /// The blocks with their offsets in the source and their bytes.
    pub(crate) fn into_blocks(self) -> impl Iterator<Item = (u64, Vec<u8>, ParsedBlock)> {
        let Self { offset, bytes, blocks, .. } = self;
        blocks
            .into_iter()
            .map(move |(start, parsed)| (offset + start as u64, bytes[start..start + parsed.len].to_vec(), parsed))
    }

    pub(crate) fn as_inputs(&self) -> impl Iterator<Item = BlockInput<'_>> {
        self.blocks.iter().map(|(start, parsed)| BlockInput {
            source: &self.source,
            offset: self.offset + *start as u64,
            bytes: &self.bytes[*start..*start + parsed.len],
            parsed,
        })
    }
}

/// The open ends of all sources that a run has met.
#[derive(Default)]
pub(crate) struct OpenEnds {
    by_start: HashMap<(SourceId, u32, u64), Provisional>,
}

impl OpenEnds {
    /// Adds an open end. Two files may hold the same one, such as a log and its copy: the longer counts.
    pub(crate) fn add(&mut self, provisional: Provisional) {
        match self.by_start.entry(provisional.key()) {
            Entry::Vacant(place) => {
                place.insert(provisional);
            }
            Entry::Occupied(mut place) => {
                if place.get().bytes.len() < provisional.bytes.len() {
                    place.insert(provisional);
                }
            }
        }
    }

    /// The open ends in the order of sources.
    pub(crate) fn sorted(&self) -> Vec<&Provisional> {
        let mut all: Vec<&Provisional> = self.by_start.values().collect();
        all.sort_unstable_by_key(|provisional| provisional.key());
        all
    }
}
