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
use hashbrown::HashMap;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use trawl_formats::Registry;
use trawl_formats::event::Source;
use trawl_store::LiveBlock;

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

/// Blocks that are being handed out.
pub trait Reading: Send + Sync {
    /// The values of the field `source` that events can have.
    fn sources(&self) -> Vec<Source>;

    /// Hands out the blocks of the next part, until `take` has enough. `false` if there is no part left. Called by several
    /// threads.
    ///
    /// # Errors
    /// The first error of `take`. What cannot be read is told by [`outcome`](Self::outcome).
    fn read_part(&self, take: &mut dyn FnMut(LiveBlock) -> Result<Flow>) -> Result<bool>;

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
    /// What could not be read, and why.
    pub damaged: Vec<String>,
}

impl Outcome {
    /// Makes it a part of what the answer rests on.
    pub(super) fn add_to(self, coverage: &mut Coverage) {
        coverage.n_files = Some(self.n_files);
        coverage.left_out = self.left_out;
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
                if is_done.load(Ordering::Relaxed) || !fed.reading.read_part(&mut take)? {
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

/// The place of each source in the documented order of events.
fn ranks_of(mut sources: Vec<Source>) -> HashMap<Source, u32> {
    sources.sort_unstable();
    sources.dedup();
    sources.into_iter().zip(0..).collect()
}
