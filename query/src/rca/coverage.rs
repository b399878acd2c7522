//! What of a time is indexed, source by source, and what is missing: so that "no such error occurred" can be shown.
//!
//! Of each source the times of all its events are looked at, and the bytes of its files that were read. What else can be missing is
//! told by whoever looks at the files themselves ([`FileState`]).

mod pauses;
mod report;

pub use report::{ByteGap, FileState, Report, Request, Silence, SourceCoverage};

use crate::engine::Engine;
use crate::error::{QueryError, RunError};
use crate::plan::Plan;
use crate::run::{Search, SearchOptions};
use crate::search::{KnownFields, SearchExpr};
use crate::wanted::Wanted;
use crate::{Cancel, Flow};
use hashbrown::HashMap;
use pauses::Pauses;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use trawl_formats::event::IndexName;
use trawl_formats::parse::EventFlags;
use trawl_store::rotation::Family;
use trawl_store::{BlockReader, Bucket, LiveBlock, Reader, Snapshot, StoreError};

/// An event that was indexed so much later than its time is late, in microseconds.
const LATE_US: i64 = 300_000_000;
/// How much time before the range is looked at, at least, to learn how long a source usually is silent, in microseconds.
const HISTORY_US: i64 = 24 * 3_600_000_000;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoverageError {
    /// The search cannot be understood.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The store cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<StoreError> for CoverageError {
    fn from(error: StoreError) -> Self {
        Self::Run(RunError::Source(Box::new(error)))
    }
}

/// Finds out what of a range of time is indexed. Looks at the times of all events in the range and as long before it; the text of
/// events is not read, unless that is asked for.
///
/// # Errors
/// If the search makes no sense, the store cannot be opened, or it is cancelled. Damage is part of the report.
pub fn cover(engine: &Engine, request: &Request, options: &SearchOptions) -> Result<Report, CoverageError> {
    let engine = engine.at_one_moment();
    let (reader, snapshot) = (Arc::clone(engine.reader()?), engine.snapshot()?);
    let query = request.query.as_deref().unwrap_or("*");
    let mut search_options = SearchOptions { event_fields: Wanted::none(), ..options.clone() };
    let narrowed = Search::prepare(query, &search_options)?;
    let sources = gather(&reader, &snapshot, narrowed.plan(), request)?;
    let first_us = sources.held.values().filter_map(|held| held.from_us).min();
    let from_us = request.from_us.or(first_us).unwrap_or(request.to_us).min(request.to_us);

    let range = from_us..request.to_us;
    let cancel = &options.cancel;
    let mut families: BTreeMap<(String, Family), Vec<(Key, Held)>> = BTreeMap::new();
    for (key, held) in sources.held {
        families.entry((key.0.clone(), Family::of(Path::new(&key.1)))).or_default().push((key, held));
    }
    let looked: Vec<Vec<Looked>> = families
        .into_par_iter()
        .map(|(_, members)| look_at_family(members, &range, request, cancel))
        .collect::<Result<_, RunError>>()?;
    let mut looked: Vec<Looked> = looked.into_iter().flatten().collect();
    looked.sort_by(|a, b| (&a.source.index, &a.source.source).cmp(&(&b.source.index, &b.source.source)));

    let mut report = Report {
        from_us,
        to_us: request.to_us,
        query: request.query.is_some().then(|| narrowed.canonical().to_owned()),
        n_found: None,
        n_events: 0,
        n_live: 0,
        sources: Vec::new(),
        damaged: sources.damaged,
        n_checked_bytes: 0,
    };
    for looked in looked {
        report.n_events += looked.source.n_events;
        report.n_live += looked.n_live;
        report.n_checked_bytes += looked.n_checked_bytes;
        report.damaged.extend(looked.damaged);
        report.sources.push(looked.source);
    }
    if request.query.is_some() {
        let epoch = |us: i64| format!("{}.{:06}", us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
        (search_options.earliest, search_options.latest) = (Some(epoch(from_us)), Some(epoch(request.to_us)));
        let summary = Search::prepare(query, &search_options)?.run(&engine, &mut |_| Ok(Flow::More))?;
        report.n_found = Some(summary.n_rows);
        report.damaged.extend(summary.coverage.damaged);
        report.damaged.extend(summary.incomplete.filter(|_| summary.coverage.n_buckets_failed == 0));
    }
    report.damaged.sort_unstable();
    report.damaged.dedup();
    Ok(report)
}

/// Index and source.
type Key = (String, String);

/// What the store holds of a source.
#[derive(Default)]
struct Held {
    coverage: SourceCoverage,
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// Buckets, and the positions of its blocks in them.
    sealed: Vec<(Arc<Bucket>, Vec<usize>)>,
    live: Vec<LiveBlock>,
}

impl Held {
    fn extend(&mut self, from_us: i64, to_us: i64) {
        self.from_us = Some(self.from_us.map_or(from_us, |known| known.min(from_us)));
        self.to_us = Some(self.to_us.map_or(to_us, |known| known.max(to_us)));
    }
}

#[derive(Default)]
struct Gathered {
    held: BTreeMap<Key, Held>,
    damaged: Vec<String>,
}

/// All sources in which a search can find something, with their blocks.
fn gather(reader: &Reader, snapshot: &Snapshot, plan: &Plan, request: &Request) -> Result<Gathered, CoverageError> {
    let everything = SearchExpr::All;
    let known = KnownFields::new(plan.search.as_ref().unwrap_or(&everything), &["index", "source", "sourcetype"]);
    let is_asked_for = |index: &IndexName, source: &str, sourcetype: &str| {
        let fields = [("index", Some(index.as_str())), ("source", Some(source)), ("sourcetype", Some(sourcetype))];
        plan.indexes.covers(index) && known.can_be_true(&fields)
    };
    let mut gathered = Gathered::default();
    gathered.damaged.extend(snapshot.unreadable.iter().map(ToString::to_string));
    for source in reader.sources()? {
        if !is_asked_for(&source.index, source.source.as_str(), source.sourcetype.as_str()) {
            continue;
        }
        let key = (source.index.as_str().to_owned(), source.source.as_str().to_owned());
        let coverage = &mut gathered.held.entry(key).or_default().coverage;
        coverage.index = source.index.as_str().to_owned();
        coverage.source = source.source.as_str().to_owned();
        coverage.host = source.host.as_str().to_owned();
        coverage.sourcetype = source.sourcetype.as_str().to_owned();
        for generation in &source.generations {
            coverage.indexed_bytes += generation.committed.len();
            coverage.aged_out_bytes += generation.aged_out.len();
            let holes = generation.committed.holes(generation.committed.end());
            coverage.byte_gaps.extend(holes.into_iter().map(|hole| ByteGap {
                generation: generation.number,
                start: hole.start,
                end: hole.end,
            }));
        }
    }
    // Files of which nothing was read yet.
    for ((index, source), file) in &request.files {
        let is_missing = file.unread_bytes > 0 || file.trouble.is_some();
        let is_asked_for = || IndexName::new(index).is_ok_and(|index| is_asked_for(&index, source, ""));
        if is_missing && is_asked_for() {
            let held = gathered.held.entry((index.clone(), source.clone())).or_default();
            (held.coverage.index, held.coverage.source) = (index.clone(), source.clone());
        }
    }
    let opened: Vec<_> = snapshot
        .buckets
        .par_iter()
        .filter(|row| plan.indexes.covers(&row.index))
        .map(|row| (row, reader.bucket(row)))
        .collect();
    for (row, bucket) in opened {
        let bucket = match bucket {
            Ok(bucket) => bucket,
            Err(error) => {
                gathered.damaged.push(format!("bucket {}: {error}", row.id));
                continue;
            }
        };
        let mut blocks: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, block) in bucket.blocks().iter().enumerate() {
            blocks.entry(block.source).or_default().push(at);
        }
        for (source, blocks) in blocks {
            let of = bucket.source_of(&bucket.blocks()[blocks[0]]);
            debug_assert_eq!(bucket.blocks()[blocks[0]].source, source);
            if !is_asked_for(&row.index, of.source.as_str(), of.sourcetype.as_str()) {
                continue;
            }
            let key = (row.index.as_str().to_owned(), of.source.as_str().to_owned());
            let held = gathered.held.entry(key).or_default();
            if held.coverage.source.is_empty() {
                // Of an archived bucket whose source the catalog does not know.
                held.coverage.index = row.index.as_str().to_owned();
                held.coverage.source = of.source.as_str().to_owned();
                held.coverage.host = of.host.as_str().to_owned();
                held.coverage.sourcetype = of.sourcetype.as_str().to_owned();
            }
            for at in &blocks {
                let block = &bucket.blocks()[*at];
                held.extend(block.min_time_us, block.max_time_us);
            }
            held.sealed.push((Arc::clone(&bucket), blocks));
        }
    }
    for block in &snapshot.live {
        let source = &block.source;
        let key = (source.index.as_str().to_owned(), source.source.as_str().to_owned());
        let Some(held) = gathered.held.get_mut(&key) else { continue };
        let times = || block.parsed.events.iter().map(|event| event.time_us);
        if let (Some(first), Some(last)) = (times().min(), times().max()) {
            held.extend(first, last);
        }
        held.live.push(block.clone());
    }
    Ok(gathered)
}

/// What was found out about a source.
struct Looked {
    source: SourceCoverage,
    n_live: u64,
    damaged: Vec<String>,
    n_checked_bytes: u64,
}

/// Looks at the times of the events of files that rotation has made of one. Where one of them ends, another one goes on: silent is
/// what is silent in all of them, and then it is the one that spoke last.
fn look_at_family(
    members: Vec<(Key, Held)>,
    range: &Range<i64>,
    request: &Request,
    cancel: &Cancel,
) -> Result<Vec<Looked>, RunError> {
    let history_us = (range.end - range.start).max(HISTORY_US);
    let from_us = members.iter().filter_map(|(_, held)| held.from_us).min();
    let seen_from = range.start.saturating_sub(history_us).max(from_us.unwrap_or(range.start)).min(range.end);
    let look = |(key, held)| look(key, held, seen_from, range, request, cancel);
    let mut looked: Vec<(Looked, Pauses)> = members.into_par_iter().map(look).collect::<Result<_, RunError>>()?;
    let mut all = Pauses::new(seen_from..range.end);
    looked.iter().for_each(|(_, pauses)| all.merge(pauses));
    for silence in all.silences(range) {
        let last = looked.iter_mut().max_by_key(|(_, pauses)| pauses.last_before(silence.from_us));
        last.into_iter().for_each(|(looked, _)| looked.source.silences.push(silence));
    }
    Ok(looked.into_iter().map(|(looked, _)| looked).collect())
}

/// Looks at the times of a source's events, and at its pauses from `seen_from` on.
fn look(
    (index, source): Key,
    held: Held,
    seen_from: i64,
    range: &Range<i64>,
    request: &Request,
    cancel: &Cancel,
) -> Result<(Looked, Pauses), RunError> {
    let Held { mut coverage, from_us, to_us, sealed, live } = held;
    (coverage.held_from_us, coverage.held_to_us) = (from_us, to_us);
    if let Some(file) = request.files.get(&(index, source)) {
        coverage.unread_bytes = file.unread_bytes;
        coverage.unread_since_us = file.unread_since_us;
        coverage.trouble.clone_from(&file.trouble);
    }
    let mut eye = Eye { coverage, range, pauses: Pauses::new(seen_from..range.end) };
    let mut damaged = Vec::new();
    let mut checked = 0;
    let mut blocks = BlockReader::new().map_err(|error| RunError::Source(Box::new(error)))?;
    for (bucket, of_source) in &sealed {
        cancel.check()?;
        let mut read = |at: &usize| -> Result<(), StoreError> {
            let block = &bucket.blocks()[*at];
            if block.max_time_us < seen_from || block.min_time_us >= range.end {
                return Ok(());
            }
            let (mut times, mut indexed, mut flags) = (Vec::new(), Vec::new(), Vec::new());
            bucket.times_us(block, &mut times)?;
            bucket.indexed(block, &mut indexed)?;
            if block.flags != 0 {
                bucket.flags(block, |event, flag| flags.push((event, EventFlags(flag))))?;
            }
            if request.reads_all && block.max_time_us >= range.start {
                let mut raw = Vec::new();
                bucket.read_block(&mut blocks, block, &mut raw)?;
                checked += raw.len() as u64;
            }
            eye.see(&times, &indexed, &flags);
            Ok(())
        };
        damaged.extend(of_source.iter().filter_map(|at| read(at).err()).map(|error| error.to_string()));
    }
    let n_sealed = eye.coverage.n_events;
    for block in &live {
        let events = &block.parsed.events;
        let times: Vec<i64> = events.iter().map(|event| event.time_us).collect();
        let flags: Vec<(u32, EventFlags)> = (0..)
            .zip(events)
            .filter(|(_, event)| !event.flags.is_empty())
            .map(|(at, event)| (at, event.flags))
            .collect();
        eye.see(&times, &block.indexed, &flags);
    }
    let Eye { coverage, pauses, .. } = eye;
    let n_live = coverage.n_events - n_sealed;
    Ok((Looked { source: coverage, n_live, damaged, n_checked_bytes: checked }, pauses))
}

/// Takes the events of a source in.
struct Eye<'r> {
    coverage: SourceCoverage,
    range: &'r Range<i64>,
    pauses: Pauses,
}

impl Eye<'_> {
    /// Takes the events of a block: times, runs of (first event, time of indexing), and flags of those that have some.
    fn see(&mut self, times: &[i64], indexed: &[(u32, i64)], flags: &[(u32, EventFlags)]) {
        let Self { coverage, range, pauses } = self;
        let (mut runs, mut indexed_us) = (indexed.iter().peekable(), 0);
        for (event, &time_us) in (0_u32..).zip(times) {
            while let Some((_, at_us)) = runs.next_if(|(first, _)| *first <= event) {
                indexed_us = *at_us;
            }
            pauses.add(time_us);
            if !range.contains(&time_us) {
                continue;
            }
            coverage.n_events += 1;
            coverage.first_us = Some(coverage.first_us.map_or(time_us, |first| first.min(time_us)));
            coverage.last_us = Some(coverage.last_us.map_or(time_us, |last| last.max(time_us)));
            let late_us = indexed_us.saturating_sub(time_us);
            coverage.latest_us = coverage.latest_us.max(late_us);
            coverage.n_late += u64::from(late_us > LATE_US);
        }
        for (event, flags) in flags {
            if times.get(*event as usize).is_some_and(|time_us| range.contains(time_us)) {
                coverage.n_unstamped += u64::from(flags.contains(EventFlags::NO_STAMP));
                coverage.n_bad_times += u64::from(flags.contains(EventFlags::BAD_TIME));
            }
        }
    }
}
