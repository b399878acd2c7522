//! Searching events that lie in no store: blocks that come from somewhere else, once each, and are not kept.
//!
//! Where they come from is not known here. A block is searched as a live one: as a whole, by its text. States that can be merged
//! are filled by as many threads as there are; events that are wanted in order are sorted behind the commands that look at one
//! row at a time, as `sort` does it: on disk where they do not fit in memory, and no more of them than are taken.

use super::coverage::Coverage;
use super::live::LiveNarrower;
use super::scan::{PushWork, Scan};
use super::target::{LiveTarget, Unit};
use crate::chain::Chain;
use crate::command::Flow;
use crate::error::Result;
use crate::search::PatternMatcher;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use trawl_formats::Registry;
use trawl_formats::event::Source;
use trawl_formats::text::{self, Decoding};
use trawl_store::LiveBlock;

/// Bytes that are searched at once for what is wanted: they stay in the cache.
const SKIM_LEN: usize = 64 << 10;

/// Where blocks of events come from.
pub trait Feed: Send + Sync {
    /// Begins to hand out all blocks. A search does so once, and each of its subsearches once more.
    ///
    /// # Errors
    /// If that is not possible, or not again: a pipe can be read once.
    fn open(&self) -> Result<Box<dyn Reading>>;

    /// What there is to read, in a few words: `3 files, 1.2 GB`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn describe(&self) -> Result<String>;
}

/// Finds the first place in whole lines, or a line that goes on, where something may be that is wanted. Bytes become text as the
/// decoding says.
pub type FirstWanted<'w> = dyn Fn(&[u8], Decoding) -> Option<usize> + Sync + 'w;
/// What is wanted; `None` if everything is.
pub type Wanted<'w> = Option<&'w FirstWanted<'w>>;

/// Blocks that are being handed out.
pub trait Reading: Send + Sync {
    /// The values of the field `source` that events can have.
    fn sources(&self) -> Vec<Source>;

    /// Leaves out the parts of other sources than those to be kept. Called before a part is read.
    fn keep_sources(&mut self, keeps: &dyn Fn(&Source) -> bool);

    /// Hands out the blocks of the next part, until `take` has enough. `false` if there is no part left. Called by several
    /// threads. Events may be left out of lines in which nothing is `wanted`.
    ///
    /// # Errors
    /// The first error of `take`. What cannot be read is told by [`outcome`](Self::outcome).
    fn read_part(&self, wanted: Wanted<'_>, take: &mut dyn FnMut(LiveBlock) -> Result<Flow>) -> Result<bool>;

    /// What was read, asked for when no part is left.
    fn outcome(&self) -> Outcome;
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files that were read.
    pub n_files: usize,
    /// What was left out on purpose, and why.
    pub left_out: Vec<String>,
    /// Bytes in which nothing was wanted: their events were not handed out.
    pub n_skipped_bytes: u64,
    /// What could not be read, and why.
    pub damaged: Vec<String>,
}

impl Outcome {
    /// Makes it a part of what the answer rests on.
    pub(super) fn add_to(self, coverage: &mut Coverage) {
        coverage.n_files = Some(self.n_files);
        coverage.left_out = self.left_out;
        coverage.n_bytes_read += self.n_skipped_bytes;
        coverage.n_bytes_skimmed = self.n_skipped_bytes;
        coverage.damaged.extend(self.damaged);
    }
}

/// Blocks on their way into a search.
pub(super) struct Fed {
    pub reading: Box<dyn Reading>,
    pub narrower: Arc<LiveNarrower>,
    pub registry: Arc<Registry>,
}

impl Scan<'_> {
    /// As [`run_merged`](Self::run_merged), over blocks as they come.
    pub(super) fn run_fed(
        &self,
        fed: &Fed,
        with_order: bool,
        only_counts: bool,
        chains: &[Mutex<Chain>],
    ) -> Result<()> {
        let ranks = ranks_of(fed.reading.sources());
        let is_done = AtomicBool::new(false);
        // An event in which a required pattern cannot be need not even be parsed.
        let required = self.filter.required_pattern().filter(|pattern| !pattern.spans_lines());
        let first = |pattern: &PatternMatcher, bytes: &[u8], decoding| first_possible(pattern, bytes, decoding);
        let first = required.map(|pattern| move |bytes: &[u8], decoding: Decoding| first(pattern, bytes, decoding));
        let wanted = first.as_ref().map(|first| first as &FirstWanted<'_>);
        let work = |chain: &Mutex<Chain>| -> Result<()> {
            let mut work = PushWork::new(self, &ranks, with_order, only_counts)?;
            let mut take = |block: LiveBlock| {
                self.ctx.cancel.check()?;
                let flow = match self.target_of(block, fed) {
                    Some(target) => work.push(&Unit::Live(&target), chain)?,
                    None => Flow::More,
                };
                if flow == Flow::Done {
                    is_done.store(true, Ordering::Relaxed);
                }
                // Nothing else is communicated by the flag.
                Ok(if is_done.load(Ordering::Relaxed) { Flow::Done } else { Flow::More })
            };
            loop {
                if is_done.load(Ordering::Relaxed) || !fed.reading.read_part(wanted, &mut take)? {
                    return Ok(());
                }
            }
        };
        chains.par_iter().try_for_each(work)
    }

    /// A block that is to be searched; `None` if its index is not, or none of its events is in the range of time.
    fn target_of(&self, block: LiveBlock, fed: &Fed) -> Option<LiveTarget> {
        if !self.indexes.covers(&block.source.index) {
            return None;
        }
        {
            let mut coverage = self.lock_coverage();
            coverage.n_events += block.parsed.events.len() as u64;
            coverage.n_bytes_read += block.bytes.len() as u64;
            if !coverage.indexes.contains(&block.source.index) {
                coverage.indexes.push(block.source.index.clone());
            }
        }
        Some(LiveTarget::new(block, &fed.registry, &fed.narrower)).filter(LiveTarget::is_in_range)
    }
}

/// The first place in `bytes` where there can be a match of a pattern that does not run over lines.
fn first_possible(pattern: &PatternMatcher, bytes: &[u8], decoding: Decoding) -> Option<usize> {
    let (mut at, mut lowered) = (0, Vec::with_capacity(SKIM_LEN));
    while at < bytes.len() {
        let end = (at + SKIM_LEN).min(bytes.len());
        let line_end = memchr::memrchr(b'\n', &bytes[at..end]).map(|last| at + last + 1);
        let chunk = &bytes[at..if end == bytes.len() { end } else { line_end.unwrap_or(bytes.len()) }];
        if !text::is_plain(chunk, decoding) {
            return Some(at);
        }
        // An event with escapes may hold the pattern in decoded form.
        let escape = if pattern.sees_escapes() { memchr::memchr2(b'\\', b'&', chunk) } else { None };
        lowered.clear();
        lowered.extend(chunk.iter().map(u8::to_ascii_lowercase));
        if let Some(first) = pattern.find_lowered(&lowered, 0).into_iter().chain(escape).min() {
            return Some(at + first);
        }
        at += chunk.len();
    }
    None
}

/// The place of each source in the documented order of events.
fn ranks_of(mut sources: Vec<Source>) -> HashMap<Source, u32> {
    sources.sort_unstable();
    sources.dedup();
    sources.into_iter().zip(0..).collect()
}
