//! What a search reads: blocks of sealed buckets and live blocks, behind one face.

use super::candidates::{Candidates, Narrower};
use super::docset::DocSet;
use super::events::{BlockColumns, BlockInfo, Candidate};
use super::live::LiveNarrower;
use crate::batch::OrderKey;
use crate::search::SearchExpr;
use crate::time::TimeRange;
use crate::value::Value;
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};
use trawl_formats::event::{IndexName, Source};
use trawl_formats::parse::EventFlags;
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_store::bucket::blocks::{Block, MIXED};
use trawl_store::{BlockReader, Bucket, BucketRow, LiveBlock, Reader, Result};

/// A bucket with the events in it that can match.
pub struct Target {
    row: BucketRow,
    bucket: Arc<Bucket>,
    rules: Vec<Arc<Rules>>,
    index: Value,
    level_names: Vec<Value>,
    host_names: Vec<Value>,
    /// Events that match or can match.
    pub candidates: Candidates,
}

impl Target {
    /// Opens a bucket and narrows `expr` in it.
    ///
    /// # Errors
    /// If the bucket is gone or damaged.
    pub fn open(reader: &Reader, row: &BucketRow, registry: &Registry, query: &Condition<'_>) -> Result<Self> {
        let mut target = Self::unnarrowed(row.clone(), reader.bucket(row)?, registry);
        let narrower = Narrower::new(&target.bucket, &target.rules, row.index.as_str());
        target.candidates = narrower.narrow(query.expr, query.times, query.index_times)?;
        Ok(target)
    }

    /// A bucket all of whose events are candidates.
    pub fn unnarrowed(row: BucketRow, bucket: Arc<Bucket>, registry: &Registry) -> Self {
        let rules = rules_of(&bucket, registry);
        let directory = bucket.directory();
        let values = |items: &[Arc<str>]| items.iter().map(|item| Value::from(&**item)).collect();
        let (level_names, host_names) = (values(directory.levels.items()), values(directory.hosts.items()));
        let index = Value::from(row.index.as_str());
        let candidates = Candidates::exact(DocSet::all(bucket.n_events()));
        Self { row, level_names, host_names, rules, index, candidates, bucket }
    }

    /// The bucket as the catalog knew it.
    pub fn row(&self) -> &BucketRow {
        &self.row
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }
}

/// The rules of each source of a bucket; those of the generic sourcetype where the sourcetype is no more.
pub fn rules_of(bucket: &Bucket, registry: &Registry) -> Vec<Arc<Rules>> {
    let sources = &bucket.directory().sources;
    sources
        .iter()
        .map(|source| registry.get(source.sourcetype.as_str()).unwrap_or_else(|| registry.generic()))
        .collect()
}

/// What is searched for.
#[derive(Clone, Copy)]
pub struct Condition<'q> {
    /// The expression.
    pub expr: &'q SearchExpr,
    /// Range of event time.
    pub times: TimeRange,
    /// Range of the time of indexing.
    pub index_times: TimeRange,
}

/// A live block with the events in it that can match.
pub struct LiveTarget {
    block: LiveBlock,
    info: BlockInfo,
    max_time_us: i64,
    /// Events in the ranges of time.
    in_range: DocSet,
    narrower: Arc<LiveNarrower>,
    /// Found when somebody asks: a search that wants the newest events only does not look at all blocks.
    candidates: OnceLock<Candidates>,
}

impl LiveTarget {
    /// A live block in which something is searched for.
    pub fn new(block: LiveBlock, registry: &Registry, narrower: &Arc<LiveNarrower>) -> Self {
        let source = &block.source;
        let rules = registry.get(source.sourcetype.as_str()).unwrap_or_else(|| registry.generic());
        let (mut flags, mut max_time_us) = (EventFlags::default(), i64::MIN);
        for event in &block.parsed.events {
            flags.insert(event.flags);
            max_time_us = max_time_us.max(event.time_us);
        }
        let info = BlockInfo {
            index: Value::from(source.index.as_str()),
            source: source.source.as_str().into(),
            sourcetype: Value::from(source.sourcetype.as_str()),
            host: Value::from(source.host.as_str()),
            decoding: source.decoding,
            hint: block.parsed.hint,
            header: block.parsed.header.clone(),
            source_rank: 0,
            generation: source.generation,
            offset: block.offset,
            has_cuts: flags.contains(EventFlags::CUT),
            rules,
        };
        let in_range = narrower.in_range(&block);
        let narrower = Arc::clone(narrower);
        Self { block, info, max_time_us, in_range, narrower, candidates: OnceLock::new() }
    }

    /// The events that can match. The first call searches the block.
    pub fn candidates(&self) -> &Candidates {
        self.candidates.get_or_init(|| self.narrower.narrow(&self.block, &self.info.rules, &self.in_range))
    }

    /// Whether any event is in the ranges of time.
    pub fn is_in_range(&self) -> bool {
        !self.in_range.is_empty()
    }

    /// Number of events.
    pub fn n_events(&self) -> usize {
        self.block.parsed.events.len()
    }

    /// The source.
    pub fn source(&self) -> &str {
        &self.info.source
    }

    /// The index.
    pub fn index(&self) -> &IndexName {
        &self.block.source.index
    }

    fn n_candidates(&self) -> usize {
        self.candidates().possible.len()
    }

    fn load(&self, needs: Needs, columns: &mut BlockColumns) {
        let parsed = &self.block.parsed;
        columns.clear();
        if needs.text {
            columns.raw.extend_from_slice(&self.block.bytes);
            columns.ends.extend(parsed.events.iter().scan(0, |end, event| {
                *end += event.len;
                Some(*end)
            }));
        }
        if needs.times {
            columns.times_us.extend(parsed.events.iter().map(|event| event.time_us));
        }
        if needs.levels {
            columns.levels.extend(parsed.events.iter().map(|event| u32::from(event.level)));
            columns.level_names.extend(parsed.symbols.iter().map(|symbol| Value::from(&**symbol)));
        }
        if needs.hosts {
            columns.hosts.extend(parsed.events.iter().map(|event| u32::from(event.host)));
            columns.host_names.extend(parsed.symbols.iter().map(|symbol| Value::from(&**symbol)));
        }
        if needs.flags {
            let flagged = (0..).zip(&parsed.events).filter(|(_, event)| !event.flags.is_empty());
            columns.flags.extend(flagged.map(|(i, event)| (i, event.flags.0)));
        }
        if needs.indexed {
            columns.indexed.extend_from_slice(&self.block.indexed);
        }
    }
}

/// One block that holds candidates.
#[derive(Clone, Copy)]
pub enum Unit<'t> {
    /// A block of a sealed bucket.
    Sealed(&'t Target, &'t Block),
    /// A live block.
    Live(&'t LiveTarget),
}

impl<'t> Unit<'t> {
    /// All blocks that hold candidates.
    pub fn of(targets: &'t [Target], live: &'t [LiveTarget]) -> Vec<Self> {
        let sealed = targets.iter().flat_map(|target| {
            let blocks = target.bucket.blocks().iter();
            let holding = blocks.filter(|block| target.candidates.possible.count_in(block.docs()) > 0);
            holding.map(move |block| Unit::Sealed(target, block))
        });
        sealed.chain(live.iter().filter(|live| live.is_in_range()).map(Unit::Live)).collect()
    }

    /// Number of candidates, or more: what can be told without a look at the text.
    pub fn n_in_question(&self) -> usize {
        match self {
            Unit::Sealed(..) => self.n_candidates(),
            Unit::Live(live) => live.in_range.len(),
        }
    }

    /// Latest `_time` of the block's events, microseconds.
    pub fn max_time_us(&self) -> i64 {
        match self {
            Unit::Sealed(_, block) => block.max_time_us,
            Unit::Live(live) => live.max_time_us,
        }
    }

    /// Number of candidates.
    pub fn n_candidates(&self) -> usize {
        match self {
            Unit::Sealed(target, block) => target.candidates.possible.count_in(block.docs()),
            Unit::Live(live) => live.n_candidates(),
        }
    }

    /// Number of events.
    fn n_events(&self) -> usize {
        match self {
            Unit::Sealed(_, block) => block.n_events as usize,
            Unit::Live(live) => live.n_events(),
        }
    }

    /// Whether every event of the block is a candidate.
    pub fn is_full(&self) -> bool {
        self.n_candidates() == self.n_events()
    }

    /// Whether every candidate of the block is known to match.
    pub fn is_certain(&self) -> bool {
        match self {
            Unit::Sealed(target, block) => {
                let Candidates { certain, possible } = &target.candidates;
                certain.count_in(block.docs()) == possible.count_in(block.docs())
            }
            Unit::Live(live) => live.candidates().certain.len() == live.n_candidates(),
        }
    }

    /// Replaces `out` by the candidates, in the order of the block.
    pub fn candidates(&self, out: &mut Vec<Candidate>) {
        out.clear();
        match self {
            Unit::Sealed(target, block) => {
                let Candidates { certain, possible } = &target.candidates;
                possible.for_each_in(block.docs(), |doc| {
                    out.push(Candidate { event: doc - block.first_doc, certain: certain.contains(doc) });
                });
            }
            Unit::Live(live) => {
                let Candidates { certain, possible } = live.candidates();
                possible.for_each_in(0..live.n_events() as u32, |event| {
                    out.push(Candidate { event, certain: certain.contains(event) });
                });
            }
        }
    }

    /// The sources among `units`, ordered by name: the second part of the documented order of events.
    pub fn source_ranks(units: &[Self]) -> HashMap<Source, u32> {
        let mut sources: Vec<Source> = Vec::new();
        for unit in units {
            match unit {
                Unit::Sealed(target, block) => sources.push(target.bucket.source_of(block).source.clone()),
                Unit::Live(live) => sources.push(live.source().into()),
            }
        }
        sources.sort_unstable();
        sources.dedup();
        sources.into_iter().zip(0..).collect()
    }
}

/// Which columns of a block somebody reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The text.
    pub text: bool,
    /// Times.
    pub times: bool,
    /// Levels.
    pub levels: bool,
    /// Hosts.
    pub hosts: bool,
    /// Flags.
    pub flags: bool,
    /// Times of indexing.
    pub indexed: bool,
}

impl Needs {
    /// Everything.
    pub fn all() -> Self {
        Self { text: true, times: true, levels: true, hosts: true, flags: true, indexed: true }
    }
}

/// Reads blocks; one per thread.
pub struct BlockLoader {
    reader: BlockReader,
    columns: BlockColumns,
    /// Blocks whose text was read, and their raw bytes.
    pub n_blocks_read: usize,
    /// Raw bytes that were decompressed.
    pub n_bytes_read: u64,
}

impl BlockLoader {
    /// A loader with empty buffers.
    ///
    /// # Errors
    /// If zstd cannot get memory.
    pub fn new() -> Result<Self> {
        Ok(Self { reader: BlockReader::new()?, columns: BlockColumns::default(), n_blocks_read: 0, n_bytes_read: 0 })
    }

    /// Reads what is needed of a block and hands it out.
    ///
    /// # Errors
    /// If the block is damaged.
    pub fn load<R>(
        &mut self,
        unit: &Unit<'_>,
        needs: Needs,
        source_ranks: &HashMap<Source, u32>,
        use_block: impl FnOnce(&BlockInfo, &BlockColumns) -> R,
    ) -> Result<R> {
        match unit {
            Unit::Live(live) => {
                let source_rank = source_ranks.get(&Source::from(live.source())).copied().unwrap_or_default();
                live.load(needs, &mut self.columns);
                Ok(use_block(&BlockInfo { source_rank, ..live.info.clone() }, &self.columns))
            }
            Unit::Sealed(target, block) => {
                self.load_sealed(target, block, needs)?;
                let source = target.bucket.source_of(block);
                let info = BlockInfo {
                    index: target.index.clone(),
                    source: source.source.as_str().into(),
                    sourcetype: Value::from(source.sourcetype.as_str()),
                    host: Value::from(source.host.as_str()),
                    decoding: source.decoding,
                    rules: Arc::clone(&target.rules[block.source as usize]),
                    hint: block.hint,
                    header: target.bucket.directory().headers.get(block.header).cloned(),
                    source_rank: source_ranks.get(&source.source).copied().unwrap_or_default(),
                    generation: source.generation,
                    offset: block.source_offset,
                    has_cuts: block.flags & u32::from(EventFlags::CUT.0) != 0,
                };
                Ok(use_block(&info, &self.columns))
            }
        }
    }

    fn load_sealed(&mut self, target: &Target, block: &Block, needs: Needs) -> Result<()> {
        let bucket = target.bucket();
        let columns = &mut self.columns;
        columns.ends.clear();
        if needs.text {
            bucket.read_block(&mut self.reader, block, &mut columns.raw)?;
            bucket.event_ends(block, &columns.raw, &mut columns.ends)?;
            self.n_blocks_read += 1;
            self.n_bytes_read += columns.raw.len() as u64;
        }
        if needs.times {
            bucket.times_us(block, &mut columns.times_us)?;
        }
        if needs.levels {
            fill(&mut columns.levels, block, block.level, |ids| bucket.levels(block, ids))?;
            columns.level_names.clone_from(&target.level_names);
        }
        if needs.hosts {
            fill(&mut columns.hosts, block, block.host, |ids| bucket.hosts(block, ids))?;
            columns.host_names.clone_from(&target.host_names);
        }
        columns.flags.clear();
        if needs.flags {
            bucket.flags(block, |event, flags| columns.flags.push((event, flags)))?;
        }
        if needs.indexed {
            bucket.indexed(block, &mut columns.indexed)?;
        }
        Ok(())
    }
}

/// Ids of a block's events: from the directory where all have the same, else from the column.
fn fill(
    ids: &mut Vec<u32>,
    block: &Block,
    constant: u32,
    read: impl FnOnce(&mut Vec<u32>) -> Result<()>,
) -> Result<()> {
    if constant == MIXED {
        return read(ids);
    }
    ids.clear();
    ids.resize(block.n_events as usize, constant);
    Ok(())
}

/// The order key of an event. Its place in the block stands for its offset: both ascend together, also from block to
/// block, since no event is shorter than one byte.
pub fn order_key(info: &BlockInfo, time_us: i64, event: u32) -> OrderKey {
    OrderKey {
        time_us: Reverse(time_us),
        source_rank: info.source_rank,
        generation: Reverse(info.generation),
        offset: Reverse(info.offset + u64::from(event)),
    }
}
