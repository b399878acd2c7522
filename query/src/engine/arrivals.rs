//! What comes into a store, shown to many searches at once, each event once.
//!
//! Live logs are followed as they grow. What comes in another way — loaded in bulk, restored, collected, or written while
//! nobody looked — lies in buckets, and is found by what it is: a block of a bucket whose bytes were not seen in a live log is
//! read. Bytes of a source's generation are never read twice with another meaning, so the ranges of bytes that were seen say
//! exactly what is still to be looked at.

use super::Engine;
use super::events::Candidate;
use super::live::LiveNarrower;
use super::sieve::{Sieve, Sighting};
use super::target::{BlockLoader, Condition, LiveTarget, Needs, Target, Unit};
use crate::error::{Result, RunError};
use crate::run::Search;
use crate::search::SearchExpr;
use crate::time::TimeRange;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;
use trawl_store::{BucketRow, LiveBlock, LiveTail, RangeSet, SourceId, StoreError};

/// Most bytes of buckets that are looked at in one go.
const SEALED_BYTES: u64 = 64 << 20;

/// Follows what comes into a store.
pub struct Arrivals {
    engine: Engine,
    sieve: Sieve,
    tail: LiveTail,
    /// Bytes that were shown to the searches, or are older than anybody asks for.
    seen: HashMap<(SourceId, u32), RangeSet>,
    buckets: HashSet<String>,
}

/// What a look came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// Ranges of event time, microseconds UTC, the end excluded, in which there may be events that were not looked at.
    pub unknown: Vec<(i64, i64)>,
}

impl Arrivals {
    /// Begins with what is in the store: its events from `from_us` on, microseconds UTC, are shown to the searches. `None`: the
    /// engine also searches archives, which are not followed.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn begin(
        engine: &Engine,
        searches: &[Option<Search>],
        from_us: i64,
        tell: &mut dyn FnMut(Sighting),
    ) -> Result<Option<(Self, Polled)>> {
        if engine.has_archives() {
            return Ok(None);
        }
        let snapshot = engine.snapshot()?;
        let tail = LiveTail::after(engine.reader()?, &snapshot).map_err(source_error)?;
        let mut arrivals = Self {
            engine: engine.clone(),
            sieve: Sieve::new(searches),
            tail,
            seen: HashMap::new(),
            buckets: HashSet::new(),
        };
        arrivals.take_live(&snapshot.live, from_us, tell)?;
        let polled = arrivals.poll(from_us, tell)?;
        Ok(Some((arrivals, polled)))
    }

    /// Shows to the searches what has come in since the last call: everything that could be searched when this was called, with a
    /// time from `from_us` on, microseconds UTC.
    ///
    /// # Errors
    /// If the store cannot be read; then begin anew.
    pub fn poll(&mut self, from_us: i64, tell: &mut dyn FnMut(Sighting)) -> Result<Polled> {
        self.sieve.refresh();
        let engine = self.engine.clone();
        let reader = engine.reader()?;
        let blocks = self.tail.poll(reader).map_err(source_error)?;
        self.take_live(&blocks, from_us, tell)?;
        // Listed behind the logs: what was a log that nobody has read is a bucket by now.
        let rows = reader.buckets().map_err(source_error)?;
        let new: Vec<&BucketRow> = rows.iter().filter(|row| !self.buckets.contains(&row.id)).collect();
        let polled = self.take_buckets(&new, from_us, tell)?;
        self.buckets = rows.into_iter().map(|row| row.id).collect();
        Ok(polled)
    }

    fn take_live(&mut self, blocks: &[LiveBlock], from_us: i64, tell: &mut dyn FnMut(Sighting)) -> Result<()> {
        let everything = Condition { expr: &SearchExpr::All, times: since(from_us), index_times: TimeRange::ALL };
        let narrower = Arc::new(LiveNarrower::new(&everything));
        let targets: Vec<LiveTarget> =
            blocks.iter().map(|block| LiveTarget::new(block.clone(), &self.engine.registry, &narrower)).collect();
        let mut loader = BlockLoader::new().map_err(source_error)?;
        for unit in &Unit::of(&[], &targets) {
            self.take_unit(unit, &mut loader, tell).map_err(source_error)?;
        }
        for block in blocks.iter().filter(|block| !block.is_open) {
            let seen = self.seen.entry((block.source.id, block.source.generation)).or_default();
            seen.insert(block.offset..block.end());
        }
        Ok(())
    }

    fn take_buckets(&mut self, rows: &[&BucketRow], from_us: i64, tell: &mut dyn FnMut(Sighting)) -> Result<Polled> {
        let (reader, registry) = (Arc::clone(self.engine.reader()?), Arc::clone(&self.engine.registry));
        let everything = Condition { expr: &SearchExpr::All, times: since(from_us), index_times: TimeRange::ALL };
        let mut polled = Polled::default();
        let mut targets = Vec::new();
        for row in rows.iter().filter(|row| row.max_time_us >= from_us) {
            match Target::open(&reader, row, &registry, &everything) {
                Ok(target) => targets.push(target),
                // Gone or damaged: a search will say so.
                Err(_) => polled.add_unknown(row.min_time_us.max(from_us), row.max_time_us),
            }
        }
        let mut units = Unit::of(&targets, &[]);
        units.retain(|unit| !self.is_seen(unit));
        units.sort_by_key(|unit| std::cmp::Reverse(unit.max_time_us()));
        let mut loader = BlockLoader::new().map_err(source_error)?;
        let mut credit = SEALED_BYTES;
        for unit in &units {
            let Unit::Sealed(target, block) = unit else { continue };
            let len = u64::from(block.frame.raw_len);
            if credit < len || self.take_unit(unit, &mut loader, tell).is_err() {
                credit = credit.min(len.saturating_sub(1));
                polled.add_unknown(block.min_time_us.max(from_us), block.max_time_us);
                continue;
            }
            credit -= len;
            let source = target.bucket().source_of(block);
            let seen = self.seen.entry((SourceId(source.id), source.generation)).or_default();
            seen.insert(block.source_offset..block.source_offset + len);
        }
        Ok(polled)
    }

    /// Whether all bytes of a block were seen.
    fn is_seen(&self, unit: &Unit<'_>) -> bool {
        let Unit::Sealed(target, block) = unit else { return false };
        let source = target.bucket().source_of(block);
        let seen = self.seen.get(&(SourceId(source.id), source.generation));
        let end = block.source_offset + u64::from(block.frame.raw_len);
        seen.is_some_and(|seen| seen.first_gap(block.source_offset) >= end)
    }

    fn take_unit(
        &mut self,
        unit: &Unit<'_>,
        loader: &mut BlockLoader,
        tell: &mut dyn FnMut(Sighting),
    ) -> Result<(), StoreError> {
        let mut events: Vec<Candidate> = Vec::new();
        unit.candidates(&mut events);
        if events.is_empty() {
            return Ok(());
        }
        let needs = Needs { text: true, times: true, levels: true, hosts: true, flags: true, indexed: true };
        loader.load(unit, needs, &HashMap::new(), |info, columns| self.sieve.sift(info, columns, &events, tell))
    }
}

impl Polled {
    fn add_unknown(&mut self, first_us: i64, last_us: i64) {
        self.unknown.push((first_us, last_us.saturating_add(1)));
    }
}

fn since(from_us: i64) -> TimeRange {
    TimeRange { earliest: Some(from_us), latest: None }
}

fn source_error(error: StoreError) -> RunError {
    RunError::Source(Box::new(error))
}
