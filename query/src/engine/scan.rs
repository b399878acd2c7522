//! One search over one snapshot of a store.

use super::Engine;
use super::coverage::Coverage;
use super::events::{Candidate, RowMaker};
use super::feed::Fed;
use super::live::LiveNarrower;
use super::schema::{Builtin, EventSchema, Extracted};
use super::target::{BlockLoader, Condition, LiveTarget, Needs, Target, Unit, order_key};
use crate::batch::{Batch, Fields, OrderKey};
use crate::chain::Chain;
use crate::command::Flow;
use crate::context::{Context, lock};
use crate::error::{Result, RunError};
use crate::plan::{IndexSelection, Plan};
use crate::search::{Filter, SearchExpr};
use crate::wanted::Wanted;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use trawl_formats::Registry;
use trawl_formats::event::Source;
use trawl_store::{BucketRow, LiveBlock, Reader, StoreError};

/// Rows fetched at once in order: at first few, so that the newest are there soon; then more and more, so that a block is
/// seldom opened twice.
const FIRST_CHUNK: usize = 256;
const LAST_CHUNK: usize = 64 << 10;
const CHUNK_GROWTH: usize = 4;
/// Blocks that are searched at once before their events are put in order: at first few, so that the newest are there soon.
const FIRST_WAVE: usize = 8;
const LAST_WAVE: usize = 512;
/// Distinct combinations of level and host for which room is made before they are met.
const USUAL_ROWS: usize = 1024;

/// The events that a plan selects, as of one snapshot.
pub struct Scan<'p> {
    pub(super) ctx: &'p Arc<Context>,
    /// Which indexes are searched.
    pub(super) indexes: &'p IndexSelection,
    schema: EventSchema,
    filter: Filter,
    filter_fields: BTreeSet<String>,
    filter_reads_text: bool,
    targets: Vec<Target>,
    live: Vec<LiveTarget>,
    /// Buckets of the indexes that are searched, those outside of the range of time among them.
    buckets: Vec<BucketRow>,
    coverage: Mutex<Coverage>,
    n_matched: AtomicU64,
    /// The store, if the events are in one.
    reader: Option<Arc<Reader>>,
    /// Where events come from, if not from a store.
    fed: Option<Fed>,
}

/// A block's share of a chunk: the unit, and its events in the order of the block.
struct Share {
    unit: usize,
    candidates: Vec<Candidate>,
}

/// The next events in order: key, unit, event, whether it is known to match.
type Next = Reverse<(OrderKey, usize, u32, bool)>;

impl<'p> Scan<'p> {
    /// Chooses and narrows the buckets of a snapshot.
    ///
    /// # Errors
    /// If the catalog fails, or the search is cancelled. A damaged bucket is no error: it is named in the coverage.
    pub fn open(
        plan: &'p Plan,
        search: &SearchExpr,
        ctx: &'p Arc<Context>,
        engine: &Engine,
        with_bytes: bool,
    ) -> Result<Self> {
        let condition = Condition { expr: search, times: plan.times, index_times: plan.index_times };
        if let Some(feed) = engine.feed() {
            let fed = Fed {
                reading: feed.open()?,
                narrower: Arc::new(LiveNarrower::new(&condition)),
                registry: Arc::clone(&engine.registry),
            };
            let mut scan = Self::empty(plan, search, ctx, with_bytes);
            scan.lock_coverage().n_sources = fed.reading.sources().len();
            scan.fed = Some(fed);
            return Ok(scan);
        }
        let (reader, registry) = (engine.reader()?, &engine.registry);
        let snapshot = Arc::unwrap_or_clone(engine.snapshot()?);
        let mut coverage = Coverage::new(plan.times);
        coverage.damaged.extend(snapshot.unreadable.iter().map(|error| with_causes(error)));

        let mut rows = snapshot.buckets;
        rows.retain(|row| plan.indexes.covers(&row.index));
        coverage.n_buckets = rows.len();
        coverage.indexes = rows.iter().map(|row| row.index.clone()).collect();
        let times = plan.times;
        let covered = rows.clone();
        rows.retain(|row| {
            times.earliest.is_none_or(|earliest| earliest <= row.max_time_us)
                && times.latest.is_none_or(|latest| row.min_time_us < latest)
        });
        coverage.n_buckets_pruned = coverage.n_buckets - rows.len();

        let opened: Vec<_> = rows
            .par_iter()
            .map(|row| {
                ctx.cancel.check()?;
                Ok::<_, RunError>((row, Target::open(reader, row, registry, &condition)))
            })
            .collect::<Result<_>>()?;
        let mut targets = Vec::new();
        let mut sources: BTreeSet<Source> = BTreeSet::new();
        for (row, target) in opened {
            match target {
                Ok(target) => {
                    coverage.n_blocks += target.bucket().blocks().len();
                    coverage.n_events += u64::from(target.bucket().n_events());
                    sources.extend(target.bucket().directory().sources.iter().map(|source| source.source.clone()));
                    targets.push(target);
                }
                Err(_) if has_aged_out(reader, row) => coverage.aged_out.push(row.id.clone()),
                Err(error) => {
                    coverage.n_buckets_failed += 1;
                    coverage.damaged.push(format!("bucket {}: {}", row.id, with_causes(&error)));
                }
            }
        }
        let blocks: Vec<LiveBlock> =
            snapshot.live.into_iter().filter(|block| plan.indexes.covers(&block.source.index)).collect();
        let live = live_targets(blocks, registry, &condition, ctx)?;
        for target in &live {
            coverage.indexes.push(target.index().clone());
            coverage.n_events_live += target.n_events() as u64;
            sources.insert(target.source().into());
        }
        coverage.n_events += coverage.n_events_live;
        coverage.n_sources = sources.len();
        coverage.indexes.sort_unstable();
        coverage.indexes.dedup();

        Ok(Self {
            targets,
            live,
            buckets: covered,
            coverage: Mutex::new(coverage),
            reader: Some(Arc::clone(reader)),
            ..Self::empty(plan, search, ctx, with_bytes)
        })
    }

    /// Over nothing.
    fn empty(plan: &'p Plan, search: &SearchExpr, ctx: &'p Arc<Context>, with_bytes: bool) -> Self {
        Self {
            ctx,
            indexes: &plan.indexes,
            schema: EventSchema::new(&plan.wanted, with_bytes),
            filter: Filter::new(search),
            filter_fields: search.fields_read().into_iter().map(str::to_owned).collect(),
            filter_reads_text: search.reads_text(),
            targets: Vec::new(),
            live: Vec::new(),
            buckets: Vec::new(),
            coverage: Mutex::new(Coverage::new(plan.times)),
            n_matched: AtomicU64::new(0),
            reader: None,
            fed: None,
        }
    }

    /// Whether the events come from somewhere else than a store: once, and in no order.
    pub fn is_fed(&self) -> bool {
        self.fed.is_some()
    }

    /// Over live blocks alone.
    ///
    /// # Errors
    /// If the search is cancelled, or the store cannot be opened.
    pub fn of_live(
        plan: &'p Plan,
        search: &SearchExpr,
        ctx: &'p Arc<Context>,
        engine: &Engine,
        blocks: Vec<LiveBlock>,
        with_bytes: bool,
    ) -> Result<Self> {
        let condition = Condition { expr: search, times: plan.times, index_times: plan.index_times };
        let (reader, registry) = (engine.reader()?, &engine.registry);
        let covered = blocks.into_iter().filter(|block| plan.indexes.covers(&block.source.index)).collect();
        Ok(Self {
            live: live_targets(covered, registry, &condition, ctx)?,
            reader: Some(Arc::clone(reader)),
            ..Self::empty(plan, search, ctx, with_bytes)
        })
    }

    /// Hands out the events in the order of the blocks.
    ///
    /// # Errors
    /// The first error of `sink`, or the search is cancelled.
    pub fn run_arrived(&self, sink: &mut dyn FnMut(Batch) -> Result<Flow>) -> Result<Flow> {
        let units = self.units();
        let ranks = Unit::source_ranks(&units);
        let mut loader = BlockLoader::new().map_err(source_error)?;
        let mut maker = self.row_maker(&self.schema, true);
        let mut candidates = Vec::new();
        for unit in &units {
            self.ctx.cancel.check()?;
            unit.candidates(&mut candidates);
            if !candidates.is_empty()
                && let Some(batch) = self.fetch(unit, &candidates, &mut loader, &mut maker, &ranks, true)?
                && sink(sort_extracted(batch, &self.schema))? == Flow::Done
            {
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::More)
    }

    /// Sends every event through one of `chains`, a thread for each, in any order: what their last operators hold is to be
    /// merged. With `only_counts`, the only operator takes each distinct row with its number of events.
    ///
    /// A chain is locked for a block of events at a time.
    ///
    /// # Errors
    /// If an operator fails, or the search is cancelled.
    pub fn run_merged(&self, with_order: bool, only_counts: bool, chains: &[Mutex<Chain>]) -> Result<()> {
        if let Some(fed) = &self.fed {
            return self.run_fed(fed, with_order, only_counts, chains);
        }
        let units = self.units();
        let ranks = if with_order { Unit::source_ranks(&units) } else { HashMap::new() };
        let next = AtomicUsize::new(0);
        let work = |chain: &Mutex<Chain>| -> Result<()> {
            let mut work = PushWork::new(self, &ranks, with_order, only_counts)?;
            while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.ctx.cancel.check()?;
                self.ctx.progress().add_events(unit.n_in_question());
                if work.push(unit, chain)? == Flow::Done {
                    break;
                }
            }
            Ok(())
        };
        chains.par_iter().try_for_each(work)
    }

    /// Hands out the events newest first, until `sink` has enough. `first_chunk` is how many are wanted at least.
    ///
    /// # Errors
    /// The first error of `sink`, or the search is cancelled.
    pub fn run_ordered(&self, first_chunk: Option<usize>, sink: &mut dyn FnMut(Batch) -> Result<Flow>) -> Result<()> {
        let mut units = self.units();
        units.sort_by_key(|unit| Reverse(unit.max_time_us()));
        let ranks = Unit::source_ranks(&units);
        let mut loader = BlockLoader::new().map_err(source_error)?;
        let mut heap: BinaryHeap<Next> = BinaryHeap::new();
        let (mut n_opened, mut n_narrowed, mut wave) = (0, 0, FIRST_WAVE);
        let mut chunk_len = first_chunk.unwrap_or(FIRST_CHUNK).clamp(1, LAST_CHUNK);
        let mut chunk = Vec::new();
        loop {
            chunk.clear();
            while chunk.len() < chunk_len {
                // A unit that is not open yet may hold an event as new as the newest known.
                while n_opened < units.len()
                    && heap.peek().is_none_or(|Reverse((key, ..))| key.time_us.0 <= units[n_opened].max_time_us())
                {
                    self.ctx.cancel.check()?;
                    if n_opened == n_narrowed {
                        n_narrowed = (n_opened + wave).min(units.len());
                        self.narrow_ahead(&units[n_opened..n_narrowed])?;
                        wave = (wave * 2).min(LAST_WAVE);
                    }
                    let unit = &units[n_opened];
                    self.ctx.progress().add_events(unit.n_in_question() - unit.n_candidates());
                    self.open_unit(unit, n_opened, &mut loader, &ranks, &mut heap);
                    n_opened += 1;
                }
                let Some(Reverse(next)) = heap.pop() else { break };
                chunk.push(next);
            }
            if chunk.is_empty() {
                break;
            }
            self.ctx.progress().add_events(chunk.len());
            if let Some(batch) = self.fetch_in_order(&units, &ranks, &chunk)?
                && sink(batch)? == Flow::Done
            {
                break;
            }
            chunk_len = (chunk_len * CHUNK_GROWTH).min(LAST_CHUNK);
        }
        self.count_reads(&loader);
        Ok(())
    }

    /// The blocks to look at.
    fn units(&self) -> Vec<Unit<'_>> {
        let units = Unit::of(&self.targets, &self.live);
        self.ctx.progress().add_candidates(units.iter().map(Unit::n_in_question).sum());
        units
    }

    /// Searches live blocks, in parallel, before they are opened one by one.
    fn narrow_ahead(&self, units: &[Unit<'_>]) -> Result<()> {
        units.par_iter().try_for_each(|unit| {
            self.ctx.cancel.check()?;
            if let Unit::Live(live) = unit {
                live.candidates();
            }
            Ok(())
        })
    }

    /// Enters the keys of a unit's candidates.
    fn open_unit(
        &self,
        unit: &Unit<'_>,
        unit_idx: usize,
        loader: &mut BlockLoader,
        ranks: &HashMap<Source, u32>,
        heap: &mut BinaryHeap<Next>,
    ) {
        let mut candidates = Vec::new();
        unit.candidates(&mut candidates);
        if candidates.is_empty() {
            return;
        }
        let needs = Needs { times: true, ..Needs::default() };
        let loaded = loader.load(unit, needs, ranks, |info, columns| {
            heap.extend(candidates.iter().map(|candidate| {
                let key = order_key(info, columns.times_us[candidate.event as usize], candidate.event);
                Reverse((key, unit_idx, candidate.event, candidate.certain))
            }));
        });
        if let Err(error) = loaded {
            self.note_damage(unit, &error);
        }
    }

    /// Fetches a chunk of events block by block, in parallel, and puts the rows that match back in order.
    fn fetch_in_order(
        &self,
        units: &[Unit<'_>],
        ranks: &HashMap<Source, u32>,
        chunk: &[(OrderKey, usize, u32, bool)],
    ) -> Result<Option<Batch>> {
        let mut by_unit: HashMap<usize, Vec<Candidate>> = HashMap::new();
        for &(_, unit, event, certain) in chunk {
            by_unit.entry(unit).or_default().push(Candidate { event, certain });
        }
        let mut shares: Vec<Share> = by_unit.into_iter().map(|(unit, candidates)| Share { unit, candidates }).collect();
        shares.sort_unstable_by_key(|share| share.unit);
        let batches: Vec<Option<Batch>> = shares
            .par_iter_mut()
            .map_init(
                || (BlockLoader::new(), self.row_maker(&self.schema, true)),
                |(loader, maker), share| {
                    self.ctx.cancel.check()?;
                    let loader = loader.as_mut().map_err(|error| RunError::Source(error.to_string().into()))?;
                    share.candidates.sort_unstable_by_key(|candidate| candidate.event);
                    let batch = self.fetch(&units[share.unit], &share.candidates, loader, maker, ranks, true);
                    self.count_reads(loader);
                    (loader.n_blocks_read, loader.n_bytes_read) = (0, 0);
                    batch
                },
            )
            .collect::<Result<_>>()?;
        let mut all = Batch::default();
        for batch in batches.into_iter().flatten() {
            all.append(batch);
        }
        let Some(order) = all.order().filter(|order| !order.is_empty()) else { return Ok(None) };
        let mut rows: Vec<u32> = (0..order.len() as u32).collect();
        rows.sort_unstable_by_key(|&row| order[row as usize]);
        Ok(Some(sort_extracted(all.take_rows(&rows), &self.schema)))
    }

    /// The rows of those candidates of a unit that match; `None` if there are none, or the block is damaged.
    fn fetch(
        &self,
        unit: &Unit<'_>,
        candidates: &[Candidate],
        loader: &mut BlockLoader,
        maker: &mut RowMaker<'_>,
        ranks: &HashMap<Source, u32>,
        with_order: bool,
    ) -> Result<Option<Batch>> {
        let verify = candidates.iter().any(|candidate| !candidate.certain);
        if !verify
            && self.schema.builtins.is_empty()
            && self.schema.extracted == Extracted::Named(Vec::new())
            && !with_order
        {
            // Events are only counted.
            self.n_matched.fetch_add(candidates.len() as u64, Ordering::Relaxed);
            return Ok(Some(Batch::new(Arc::new(Fields::default()), Vec::new(), candidates.len(), None)));
        }
        let needs = self.needs(verify, with_order);
        let made = loader.load(unit, needs, ranks, |info, columns| maker.rows(info, columns, candidates));
        match made {
            Ok(batch) => {
                if needs.text {
                    self.lock_coverage().n_events_read += candidates.len() as u64;
                }
                self.n_matched.fetch_add(batch.len() as u64, Ordering::Relaxed);
                Ok((!batch.is_empty()).then_some(batch))
            }
            Err(error) => {
                self.note_damage(unit, &error);
                Ok(None)
            }
        }
    }

    /// The distinct rows of a unit whose candidates all match, each with its number of events; `None` if the block is
    /// damaged.
    fn count_rows(
        &self,
        unit: &Unit<'_>,
        loader: &mut BlockLoader,
        maker: &mut RowMaker<'_>,
    ) -> Option<(Batch, Vec<u64>)> {
        let needs = self.needs(false, false);
        let counted = loader.load(unit, needs, &HashMap::new(), |info, columns| {
            // Level and host of an event as one number: a block has a handful of each.
            let n_hosts = columns.host_names.len() + 1;
            let id = |ids: &[u32], event: usize, needed: bool| if needed { ids[event] as usize } else { 0 };
            let row_of = |event: usize| {
                id(&columns.levels, event, needs.levels) * n_hosts + id(&columns.hosts, event, needs.hosts)
            };
            let n_levels = columns.level_names.len() + 1;
            let mut counts: Vec<(u64, u32)> = vec![(0, 0); (n_levels * n_hosts).min(USUAL_ROWS)];
            let mut count = |event: u32, n: u64| {
                let row = row_of(event as usize);
                if row >= counts.len() {
                    counts.resize(row + 1, (0, 0));
                }
                counts[row].0 += n;
                counts[row].1 = event;
            };
            let mut candidates = Vec::new();
            match (needs.levels || needs.hosts, unit.is_full()) {
                (false, true) => count(0, unit.n_candidates() as u64),
                (true, true) => (0..unit.n_candidates() as u32).for_each(|event| count(event, 1)),
                (each_apart, false) => {
                    unit.candidates(&mut candidates);
                    match candidates.first() {
                        Some(first) if !each_apart => count(first.event, candidates.len() as u64),
                        _ => candidates.iter().for_each(|candidate| count(candidate.event, 1)),
                    }
                }
            }
            counts.retain(|(n, _)| *n > 0);
            let distinct: Vec<Candidate> =
                counts.iter().map(|&(_, event)| Candidate { event, certain: true }).collect();
            let batch = maker.rows(info, columns, &distinct);
            (batch, counts.into_iter().map(|(n, _)| n).collect::<Vec<u64>>())
        });
        match counted {
            Ok((batch, counts)) => {
                self.n_matched.fetch_add(counts.iter().sum(), Ordering::Relaxed);
                Some((batch, counts))
            }
            Err(error) => {
                self.note_damage(unit, &error);
                None
            }
        }
    }

    /// Columns that must be read of a block.
    fn needs(&self, verify: bool, with_order: bool) -> Needs {
        let wants = |builtin: Builtin| self.schema.builtins.iter().any(|(_, wanted)| *wanted == builtin);
        let compares = |field: &str| verify && self.filter_fields.contains(field);
        let compares_extracted =
            verify && self.filter_fields.iter().any(|field| Builtin::of(field).is_none_or(Builtin::reads_text));
        let dates = self.schema.builtins.iter().any(|(_, wanted)| matches!(wanted, Builtin::Date(_)))
            || (verify && self.filter_fields.iter().any(|field| field.starts_with("date_")));
        Needs {
            text: self.schema.reads_text() || (verify && self.filter_reads_text) || compares_extracted,
            times: with_order || wants(Builtin::Time) || compares("_time") || dates,
            levels: wants(Builtin::Level) || compares("level"),
            hosts: wants(Builtin::Host) || compares("host"),
            flags: wants(Builtin::Flags) || compares("_flags"),
            indexed: wants(Builtin::IndexTime) || compares("_indextime"),
        }
    }

    fn row_maker<'s>(&'s self, schema: &'s EventSchema, with_order: bool) -> RowMaker<'s> {
        let fields = self.filter_fields.iter().map(String::as_str);
        RowMaker::new(schema, &self.filter, fields, self.ctx.zone, with_order)
    }

    /// Number of events that match beyond those that were handed out: of `n_seen` candidates at most.
    ///
    /// # Errors
    /// If the search is cancelled.
    pub fn count_all(&self) -> Result<u64> {
        if self.is_fed() {
            // All of them were looked at.
            return Ok(self.n_matched());
        }
        let units = Unit::of(&self.targets, &self.live);
        let counting = EventSchema::new(&Wanted::none(), false);
        units
            .par_iter()
            .map_init(
                || (BlockLoader::new(), self.row_maker(&counting, false), Vec::new()),
                |(loader, maker, candidates), unit| {
                    self.ctx.cancel.check()?;
                    if unit.is_certain() {
                        return Ok(unit.n_candidates() as u64);
                    }
                    let loader = loader.as_mut().map_err(|error| RunError::Source(error.to_string().into()))?;
                    unit.candidates(candidates);
                    let made = loader.load(unit, Needs::all(), &HashMap::new(), |info, columns| {
                        maker.rows(info, columns, candidates).len() as u64
                    });
                    Ok(made.unwrap_or_else(|error| {
                        self.note_damage(unit, &error);
                        0
                    }))
                },
            )
            .sum()
    }

    /// Events that matched and were handed out.
    pub fn n_matched(&self) -> u64 {
        self.n_matched.load(Ordering::Relaxed)
    }

    /// Certain and possible matches in all buckets, for `--explain`.
    pub fn n_candidates(&self) -> (usize, usize) {
        self.targets.iter().fold((0, 0), |(certain, possible), target| {
            (certain + target.candidates.certain.len(), possible + target.candidates.possible.len())
        })
    }

    /// What is opened beyond the index, for `--explain`. `with_order` and `only_counts` are those of
    /// [`run_merged`](Self::run_merged).
    pub fn access(&self, with_order: bool, only_counts: bool) -> String {
        let (certain, possible) = self.n_candidates();
        let needs = self.needs(false, with_order);
        let opened = if needs.text {
            format!("text (events: {possible})")
        } else if certain < possible {
            format!("text (events to be verified: {})", possible - certain)
        } else if needs == Needs::default() {
            "nothing but the index".to_owned()
        } else {
            "columns".to_owned()
        };
        let counted = only_counts && self.schema.is_countable() && certain > 0;
        format!("{opened}{}", if counted { "; equal events of a block are counted at once" } else { "" })
    }

    /// The buckets of the indexes that are searched, as of the snapshot, whatever their range of time.
    pub fn buckets(&self) -> &[BucketRow] {
        &self.buckets
    }

    /// What the answer rests on, so far.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = self.lock_coverage().clone();
        if let Some(fed) = &self.fed {
            fed.reading.outcome().add_to(&mut coverage);
        }
        coverage
    }

    pub(super) fn lock_coverage(&self) -> std::sync::MutexGuard<'_, Coverage> {
        lock(&self.coverage)
    }

    fn count_reads(&self, loader: &BlockLoader) {
        let mut coverage = self.lock_coverage();
        coverage.n_blocks_read += loader.n_blocks_read;
        coverage.n_bytes_read += loader.n_bytes_read;
    }

    /// Notes that a unit could not be read, and why.
    fn note_damage(&self, unit: &Unit<'_>, error: &StoreError) {
        let gone = match unit {
            Unit::Sealed(target, _) => {
                let reader = self.reader.as_ref();
                Some(target.row()).filter(|row| reader.is_some_and(|reader| has_aged_out(reader, row)))
            }
            Unit::Live(_) => None,
        };
        let mut coverage = self.lock_coverage();
        match gone {
            Some(row) if coverage.aged_out.contains(&row.id) => {}
            Some(row) => coverage.aged_out.push(row.id.clone()),
            None => coverage.damaged.push(with_causes(error)),
        }
    }
}

/// What a thread has at hand that sends events through a chain.
pub(super) struct PushWork<'s, 'p> {
    scan: &'s Scan<'p>,
    ranks: &'s HashMap<Source, u32>,
    with_order: bool,
    only_counts: bool,
    loader: BlockLoader,
    maker: RowMaker<'s>,
    candidates: Vec<Candidate>,
}

impl<'s, 'p> PushWork<'s, 'p> {
    /// Arguments as those of [`Scan::run_merged`].
    pub fn new(
        scan: &'s Scan<'p>,
        ranks: &'s HashMap<Source, u32>,
        with_order: bool,
        only_counts: bool,
    ) -> Result<Self> {
        Ok(Self {
            scan,
            ranks,
            with_order,
            only_counts: only_counts && scan.schema.is_countable(),
            loader: BlockLoader::new().map_err(source_error)?,
            maker: scan.row_maker(&scan.schema, with_order),
            candidates: Vec::new(),
        })
    }

    /// Sends the events of a block that match.
    pub fn push(&mut self, unit: &Unit<'_>, chain: &Mutex<Chain>) -> Result<Flow> {
        let Self { scan, loader, maker, candidates, .. } = self;
        if unit.n_candidates() == 0 {
            return Ok(Flow::More);
        }
        if self.only_counts && unit.is_certain() {
            if let Some((batch, counts)) = scan.count_rows(unit, loader, maker) {
                lock(chain).push_counted(batch, &counts)?;
            }
            return Ok(Flow::More);
        }
        unit.candidates(candidates);
        match scan.fetch(unit, candidates, loader, maker, self.ranks, self.with_order)? {
            Some(batch) => lock(chain).push(batch, &mut |_| Ok(Flow::More)),
            None => Ok(Flow::More),
        }
    }
}

impl Drop for PushWork<'_, '_> {
    fn drop(&mut self) {
        self.scan.count_reads(&self.loader);
    }
}

/// Prepares the search of live blocks, in parallel.
fn live_targets(
    blocks: Vec<LiveBlock>,
    registry: &Registry,
    condition: &Condition<'_>,
    ctx: &Context,
) -> Result<Vec<LiveTarget>> {
    let narrower = Arc::new(LiveNarrower::new(condition));
    blocks
        .into_par_iter()
        .map(|block| {
            ctx.cancel.check()?;
            Ok(LiveTarget::new(block, registry, &narrower))
        })
        .collect()
}

/// Puts the columns found in the text in order of their names, behind the builtin ones.
fn sort_extracted(mut batch: Batch, schema: &EventSchema) -> Batch {
    if let Extracted::Matching(_) = schema.extracted {
        let n_builtins = schema.builtins.len();
        let mut names: Vec<String> = batch.fields().iter().map(str::to_owned).collect();
        names[n_builtins..].sort_unstable();
        batch.select_columns(&Arc::new(Fields::new(names)));
    }
    batch
}

pub(crate) fn source_error(error: StoreError) -> RunError {
    RunError::Source(Box::new(error))
}

/// Whether retention has removed a bucket since the snapshot was taken. Where that cannot be found out, it has not.
fn has_aged_out(reader: &Reader, row: &BucketRow) -> bool {
    reader.has_aged_out(row).unwrap_or(false)
}

/// An error and its causes in one line.
fn with_causes(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
