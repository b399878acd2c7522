//! What the writer remembers of its live logs.

use super::{LiveLog, OpenLog, Record};
use crate::bucket::builder::BlockInput;
use crate::catalog::{GenerationState, SourceState};
use crate::error::Result;
use crate::gain::Gain;
use crate::source::{SourceHandle, SourceId};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use trawl_formats::event::IndexName;
use trawl_formats::parse::ParsedBlock;

type Key = (SourceId, u32);

/// All live logs that are not sealed, by id: the oldest first.
#[derive(Default)]
pub(crate) struct LiveState {
    logs: BTreeMap<String, LogState>,
}

/// One live log.
pub(crate) struct LogState {
    pub(crate) index: IndexName,
    /// Whether this process appends to it.
    pub(crate) grows: bool,
    /// Bytes of whole batches.
    pub(crate) len: u64,
    gains: HashMap<Key, Gain>,
    open: HashMap<Key, OpenEvents>,
}

/// The open events of a source.
pub(crate) struct OpenEvents {
    batch: u64,
    blocks: Vec<OpenBlock>,
}

struct OpenBlock {
    source: Arc<SourceHandle>,
    offset: u64,
    bytes: Vec<u8>,
    parsed: ParsedBlock,
}

impl OpenBlock {
    fn new(block: &BlockInput<'_>) -> Self {
        Self {
            source: Arc::clone(block.source),
            offset: block.offset,
            bytes: block.bytes[..block.parsed.len].to_vec(),
            parsed: block.parsed.clone(),
        }
    }

    fn as_record(&self) -> Record<'_> {
        Record::Open(BlockInput { source: &self.source, offset: self.offset, bytes: &self.bytes, parsed: &self.parsed })
    }
}

impl LogState {
    fn new(index: &IndexName, grows: bool) -> Self {
        Self { index: index.clone(), grows, len: 0, gains: HashMap::new(), open: HashMap::new() }
    }

    /// Whether it holds progress, so that it must be sealed.
    pub(crate) fn has_gains(&self) -> bool {
        !self.gains.is_empty()
    }

    /// Whether it holds open events that count.
    pub(crate) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    fn add(&mut self, record: &Record<'_>, batch: u64) {
        let source = record.source();
        let key = (source.id, source.generation);
        if self.open.get(&key).is_some_and(|open| open.batch != batch) {
            self.open.remove(&key);
        }
        match record {
            Record::Events(block) => self.gain(source).add_block(block),
            Record::Gap { offset, len, .. } => self.gain(source).add_gap(*offset, *len),
            Record::Open(block) => {
                let open = self.open.entry(key).or_insert_with(|| OpenEvents { batch, blocks: Vec::new() });
                open.blocks.push(OpenBlock::new(block));
            }
        }
    }

    fn gain(&mut self, source: &Arc<SourceHandle>) -> &mut Gain {
        self.gains.entry((source.id, source.generation)).or_insert_with(|| Gain::new(Arc::clone(source)))
    }
}

impl LiveState {
    /// Reads a log that an earlier process has left; they come oldest first.
    pub(crate) fn load(&mut self, OpenLog { id, mut reader, end }: OpenLog) -> Result<()> {
        let index = reader.index().clone();
        self.clear_open(&index);
        let mut log = LogState::new(&index, false);
        let records = reader.read_new(end)?;
        // Gaps count with the batch in which they stand; among blocks of the same batch their order does not matter.
        let mut gaps = records.gaps.iter().peekable();
        for block in &records.blocks {
            while let Some(gap) = gaps.next_if(|gap| gap.batch <= block.batch) {
                log.add(&Record::Gap { source: &gap.source, offset: gap.offset, len: gap.len }, gap.batch);
            }
            let input = block.as_input();
            let record = if block.is_open { Record::Open(input) } else { Record::Events(input) };
            log.add(&record, block.batch);
        }
        for gap in gaps {
            log.add(&Record::Gap { source: &gap.source, offset: gap.offset, len: gap.len }, gap.batch);
        }
        log.len = reader.file().metadata().map_or(0, |metadata| metadata.len());
        self.logs.insert(id, log);
        Ok(())
    }

    fn clear_open(&mut self, index: &IndexName) {
        self.logs.values_mut().filter(|log| log.index == *index).for_each(|log| log.open.clear());
    }

    /// Notes a log that was created just now and takes the place of the others of its index for open events: `carried` are
    /// those of theirs that are in it, `new` those that are there for the first time.
    pub(crate) fn begin(
        &mut self,
        log: &LiveLog,
        carried: Vec<(Key, OpenEvents)>,
        new: &[BlockInput<'_>],
        grows: bool,
    ) {
        self.clear_open(log.index());
        let mut state = LogState::new(log.index(), grows);
        // They stand in the first batch of the new log.
        state.open.extend(carried.into_iter().map(|(key, open)| (key, OpenEvents { batch: 0, ..open })));
        for block in new {
            state.add(&Record::Open(*block), 0);
        }
        state.len = log.durable_len();
        self.logs.insert(log.id().to_owned(), state);
    }

    /// Takes out the open events of an index that are to be kept.
    pub(crate) fn take_open(&mut self, index: &IndexName, keep: impl Fn(&Key) -> bool) -> Vec<(Key, OpenEvents)> {
        let logs = self.logs.values_mut().filter(|log| log.index == *index);
        logs.flat_map(|log| log.open.drain()).filter(|(key, _)| keep(key)).collect()
    }

    /// Notes a batch that is durable.
    pub(crate) fn add_batch(&mut self, log: &LiveLog, batch: u64, records: &[Record<'_>]) {
        if let Some(state) = self.logs.get_mut(log.id()) {
            for record in records {
                state.add(record, batch);
            }
            state.len = log.durable_len();
        }
    }

    /// Whether no log of its index was begun later.
    pub(crate) fn is_newest(&self, log: &LiveLog) -> bool {
        self.logs_of(log.index()).next_back().is_none_or(|(id, _)| id == log.id())
    }

    /// No more is appended to a log.
    pub(crate) fn end(&mut self, id: &str) {
        if let Some(log) = self.logs.get_mut(id) {
            log.grows = false;
        }
    }

    /// All logs.
    pub(crate) fn all(&self) -> impl Iterator<Item = &LogState> {
        self.logs.values()
    }

    /// Logs of an index, the oldest first.
    pub(crate) fn logs_of<'s>(
        &'s self,
        index: &'s IndexName,
    ) -> impl DoubleEndedIterator<Item = (&'s String, &'s LogState)> {
        self.logs.iter().filter(move |(_, log)| log.index == *index)
    }

    /// Removes logs that are sealed or hold nothing.
    pub(crate) fn remove(&mut self, ids: &[String]) {
        self.logs.retain(|id, _| !ids.contains(id));
    }

    /// Where the open events of an index begin.
    pub(crate) fn open_offsets(&self, index: &IndexName) -> Vec<(Key, u64)> {
        let open = self.logs_of(index).flat_map(|(_, log)| &log.open);
        open.flat_map(|(key, open)| open.blocks.first().map(|block| (*key, block.offset))).collect()
    }

    /// The open events of an index that are to be kept, in the order of sources.
    pub(crate) fn open_events<'s>(&'s self, index: &'s IndexName, keep: impl Fn(&Key) -> bool) -> Vec<Record<'s>> {
        // Only the newest log has any.
        let open = self.logs_of(index).flat_map(|(_, log)| &log.open).filter(|(key, _)| keep(key));
        let sorted: BTreeMap<&Key, &OpenEvents> = open.collect();
        sorted.into_values().flat_map(|open| &open.blocks).map(OpenBlock::as_record).collect()
    }

    /// The sources that the logs name.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &SourceHandle> {
        let gained = self.logs.values().flat_map(|log| log.gains.values().map(Gain::handle));
        let open = self.logs.values().flat_map(|log| log.open.values().flat_map(|open| &open.blocks));
        gained.chain(open.map(|block| &*block.source))
    }

    /// Adds the progress of the live logs to that of the catalog.
    pub(crate) fn add_progress(&self, sources: &mut [SourceState]) {
        let by_id: HashMap<SourceId, usize> = sources.iter().zip(0..).map(|(source, at)| (source.id, at)).collect();
        for ((id, number), gain) in self.logs.values().flat_map(|log| &log.gains) {
            let Some(&at) = by_id.get(id) else { continue };
            if let Some(state) = sources[at].generations.iter_mut().find(|generation| generation.number == *number) {
                add_gain(state, gain);
            }
        }
    }
}

fn add_gain(state: &mut GenerationState, gain: &Gain) {
    let meta = gain.to_meta();
    if meta.ranges.end() >= state.committed.end() {
        state.last_time_us = Some(meta.last_time_us);
        state.header = meta.header;
    }
    meta.ranges.iter().for_each(|range| state.committed.insert(range));
    state.tails.extend(meta.tails);
    state.tails.sort_unstable_by_key(|tail| (tail.end, tail.len));
    state.n_events += meta.n_events;
}
