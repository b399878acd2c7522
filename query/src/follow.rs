//! A search that goes on: each event goes through the pipeline when it arrives.

use crate::batch::Batch;
use crate::chain::Chain;
use crate::command::{CommandKind, FieldFormats, Flow};
use crate::context::Context;
use crate::engine::{Engine, Scan};
use crate::error::Result;
use crate::run::Search;
use crate::subsearch::run_arguments;
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::Duration;
use trawl_store::{LiveBlock, Snapshot, SourceId};

/// How long an event that may still grow is waited for.
const OPEN_TIMEOUT: Duration = Duration::from_millis(200);

impl Search {
    /// The command that keeps the search from being followed: it has nothing to say before it has seen all events.
    pub fn unfollowable(&self) -> Option<String> {
        let commands = &self.plan().commands;
        let needs_all = |kind| matches!(kind, CommandKind::Generating | CommandKind::Transforming { .. });
        let blocking = commands.iter().find(|command| needs_all(command.kind()));
        blocking.map(|command| command.to_string().split_whitespace().next().unwrap_or_default().to_owned())
    }

    /// The search with its subsearches run: what they find counts for as long as it is followed.
    ///
    /// # Errors
    /// If a subsearch fails.
    pub fn settled(self, engine: &Engine) -> Result<Self> {
        let ctx = Arc::new(Context::of_search(self.options(), self.plan().times, Some(engine)));
        Ok(self.resolved(&ctx)?.unwrap_or(self))
    }

    /// Begins to follow what comes behind the snapshot `before`. The commands keep their state from event to event: `dedup` shows each value once, `head` ends.
    ///
    /// # Errors
    /// If what a command works with cannot be fetched.
    ///
    /// # Panics
    /// If a condition holds a subsearch: the search is not [`settled`](Self::settled).
    pub fn follow<'s>(&'s self, engine: &'s Engine, before: &Snapshot) -> Result<Follow<'s>> {
        let ctx = Arc::new(Context::of_search(self.options(), self.plan().times, Some(engine)));
        run_arguments(&self.plan().commands, &ctx)?;
        let chain = Chain::start(&self.plan().commands, &ctx);
        let mut follow = Follow { search: self, engine, ctx, chain, open: HashMap::new(), is_done: false };
        for block in before.live.iter().filter(|block| block.is_open) {
            let key = (block.source.id, block.source.generation);
            follow.note_open(key, block.clone(), Duration::ZERO);
        }
        follow.open.values_mut().for_each(|open| open.n_shown = open.n_bytes());
        Ok(follow)
    }
}

/// A search that is followed.
pub struct Follow<'s> {
    search: &'s Search,
    engine: &'s Engine,
    ctx: Arc<Context>,
    chain: Chain,
    open: HashMap<(SourceId, u32), OpenEvents>,
    is_done: bool,
}

/// The last events of a source, to which more may be written.
struct OpenEvents {
    blocks: Vec<LiveBlock>,
    /// When they grew.
    grown_at: Duration,
    /// Bytes that were handed out.
    n_shown: usize,
}

impl OpenEvents {
    fn n_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes.len()).sum()
    }
}

impl Follow<'_> {
    /// Takes what has arrived; rows of events that match go to `sink`, in the order of arrival. `at` is the present on a
    /// clock that never jumps. An event to which more may be written is waited for a moment; if it goes on after it was
    /// shown, it is shown again, whole, under the same address.
    ///
    /// # Errors
    /// If a command reaches a limit, or `sink` fails.
    pub fn take(
        &mut self,
        blocks: Vec<LiveBlock>,
        at: Duration,
        sink: &mut dyn FnMut(Batch) -> Result<Flow>,
    ) -> Result<Flow> {
        let mut ready = Vec::new();
        for block in blocks {
            let key = (block.source.id, block.source.generation);
            if block.is_open {
                self.note_open(key, block, at);
            } else {
                ready.extend(self.close(key, block));
            }
        }
        for open in self.open.values_mut() {
            if open.n_shown < open.n_bytes() && at.saturating_sub(open.grown_at) >= OPEN_TIMEOUT {
                open.n_shown = open.n_bytes();
                ready.extend(open.blocks.iter().cloned());
            }
        }
        if ready.is_empty() || self.is_done {
            return Ok(if self.is_done { Flow::Done } else { Flow::More });
        }
        let plan = self.search.plan();
        let Some(expr) = &plan.search else { return Ok(Flow::Done) };
        let with_bytes = self.search.options().with_bytes;
        let scan = Scan::of_live(plan, expr, &self.ctx, self.engine, ready, with_bytes)?;
        let formats = FieldFormats::of(&plan.commands);
        let (chain, ctx) = (&mut self.chain, &self.ctx);
        let mut take = |batch: Batch| {
            chain.push(batch, &mut |mut batch| {
                formats.apply(&mut batch, ctx);
                sink(batch)
            })
        };
        let flow = scan.run_arrived(&mut take)?;
        self.is_done |= flow == Flow::Done;
        Ok(flow)
    }

    /// When an event that is waited for will be shown, if there is one.
    pub fn wake_at(&self) -> Option<Duration> {
        let waiting = self.open.values().filter(|open| open.n_shown < open.n_bytes());
        waiting.map(|open| open.grown_at + OPEN_TIMEOUT).min()
    }

    fn note_open(&mut self, key: (SourceId, u32), block: LiveBlock, at: Duration) {
        match self.open.get_mut(&key) {
            // A log begins with what its predecessor left; a batch may hold the event in several blocks.
            Some(open)
                if open.blocks.iter().any(|known| known.offset == block.offset && *known.bytes == *block.bytes) => {}
            Some(open) if open.blocks.last().is_some_and(|last| last.end() == block.offset) => {
                open.blocks.push(block);
                open.grown_at = at;
            }
            Some(open) => {
                let is_same = open.blocks.first().is_some_and(|first| first.offset == block.offset);
                let n_shown = if is_same { open.n_shown } else { 0 };
                *open = OpenEvents { blocks: vec![block], grown_at: at, n_shown };
            }
            None => {
                self.open.insert(key, OpenEvents { blocks: vec![block], grown_at: at, n_shown: 0 });
            }
        }
    }

    /// The part of a block of whole events that was not shown while it was open.
    fn close(&mut self, key: (SourceId, u32), mut block: LiveBlock) -> Option<LiveBlock> {
        let shown = self
            .open
            .remove(&key)
            .filter(|open| open.n_shown > 0 && open.blocks.first().is_some_and(|first| first.offset == block.offset));
        if let Some(open) = shown {
            let n_whole = block.parsed.events.iter().scan(0, |end, event| {
                *end += event.len as usize;
                Some(*end)
            });
            let n_known = n_whole.take_while(|end| *end <= open.n_shown).count();
            block = block.skip_events(n_known)?;
        }
        Some(block)
    }

    /// What to say about an answer that is otherwise right.
    pub fn warnings(&self) -> Vec<String> {
        self.ctx.warnings().iter().map(ToString::to_string).collect()
    }
}
