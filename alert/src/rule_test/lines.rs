//! The log of a test: its lines as events, each with the moment at which it arrives.

use super::RuleTestError;
use super::moment::{Day, Written};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::{
    Decoding, EventFlags, Host, IndexName, ParsedBlock, Parser, ParserOptions, Registry, Rules, Source, Step,
    TimeContext, Zone,
};
use trawl_query::error::nearest;
use trawl_store::{BlockInput, Fingerprint, LiveLog, NewSource, Record, SourceHandle, StoreError, Writer};

/// How long after the start a log may go on whose stamps have no year: half of one, in microseconds.
const HALF_A_YEAR_US: i64 = 180 * 86_400_000_000;

/// A line of a log; with what belongs to it, it may be several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLine {
    /// Its text, without the line end.
    pub text: String,
    /// When it is written, where that is not its stamp. A line without a stamp has this time, too.
    pub at: Option<String>,
    /// The log format. Default: detected.
    pub sourcetype: Option<String>,
    /// The machine.
    pub host: Host,
    /// The file. Each has a log of its own.
    pub source: Source,
    /// The index.
    pub index: IndexName,
}

/// An event, and when it arrives.
struct Arrival {
    at_us: i64,
    /// Which of the logs.
    log: usize,
    offset: u64,
    bytes: Vec<u8>,
    parsed: ParsedBlock,
}

/// One log.
struct Log {
    host: Host,
    source: Source,
    index: IndexName,
    rules: Arc<Rules>,
}

/// The events of a test on their way into its store.
pub(super) struct Shelf {
    logs: Vec<Log>,
    /// In order of arrival.
    arrivals: Vec<Arrival>,
    n_stored: usize,
    store: Option<Store>,
}

struct Store {
    writer: Writer,
    live: BTreeMap<IndexName, LiveLog>,
    sources: Vec<Arc<SourceHandle>>,
}

impl Shelf {
    /// Parses the lines. `started_us` is when the test begins, if that is written.
    pub(super) fn read(
        lines: &[TestLine],
        started_us: Option<i64>,
        zone: Zone,
        registry: &Registry,
    ) -> Result<Self, RuleTestError> {
        let mut by_log: Vec<Vec<(usize, &TestLine)>> = Vec::new();
        for numbered in lines.iter().enumerate() {
            let line = numbered.1;
            let is_same = |other: &TestLine| {
                (&other.host, &other.source, &other.index, &other.sourcetype)
                    == (&line.host, &line.source, &line.index, &line.sourcetype)
            };
            match by_log.iter_mut().find(|log| is_same(log[0].1)) {
                Some(log) => log.push(numbered),
                None => by_log.push(vec![numbered]),
            }
        }
        let mut shelf = Self { logs: Vec::new(), arrivals: Vec::new(), n_stored: 0, store: None };
        // Times of day need a day: the start's, or that of the first stamp there is.
        let mut parsed = Vec::new();
        for lines in &by_log {
            parsed.push(Parsed::of(lines, started_us, zone, registry)?);
        }
        let first_stamp_us = parsed.iter().flat_map(|parsed| &parsed.events).find_map(|event| event.stamp_us);
        let day = started_us.or(first_stamp_us).map(|time_us| Day::of(time_us, zone));
        for (log, (lines, parsed)) in by_log.iter().zip(parsed).enumerate() {
            let line = lines[0].1;
            shelf.logs.push(Log {
                host: line.host.clone(),
                source: line.source.clone(),
                index: line.index.clone(),
                rules: parsed.rules,
            });
            let mut last_us = None;
            let first_us = parsed.events.iter().find_map(|event| event.stamp_us);
            for event in parsed.events {
                let (number, line) = lines[event.line];
                let at_us = line.at.as_deref().map(|at| Written::read(at)?.resolve(day.as_ref(), zone)).transpose()?;
                // What was written after something else has not arrived before it.
                let of_header = first_us.filter(|_| event.is_header);
                let arrives_us = at_us.or(event.stamp_us).max(last_us).or(of_header);
                let arrives_us = arrives_us.ok_or(RuleTestError::NoTime { line_number: number + 1 })?;
                last_us = Some(arrives_us);
                let mut block = event.block;
                if event.stamp_us.is_none() {
                    block.events.iter_mut().for_each(|event| event.time_us = arrives_us);
                }
                shelf.arrivals.push(Arrival {
                    at_us: arrives_us,
                    log,
                    offset: event.offset,
                    bytes: event.bytes,
                    parsed: block,
                });
            }
        }
        shelf.arrivals.sort_by_key(|arrival| arrival.at_us);
        Ok(shelf)
    }

    /// When the first event arrives.
    pub(super) fn first_us(&self) -> Option<i64> {
        self.arrivals.first().map(|arrival| arrival.at_us)
    }

    /// When the last event arrives.
    pub(super) fn last_us(&self) -> Option<i64> {
        self.arrivals.last().map(|arrival| arrival.at_us)
    }

    /// The times of all events, in order.
    pub(super) fn times(&self) -> Vec<i64> {
        let events = self.arrivals.iter().flat_map(|arrival| &arrival.parsed.events);
        let mut times: Vec<i64> = events.map(|event| event.time_us).collect();
        times.sort_unstable();
        times
    }

    /// Begins a store.
    pub(super) fn open(&mut self, folder: &Path) -> Result<(), StoreError> {
        let writer = Writer::open(folder)?;
        let mut live = BTreeMap::new();
        let mut sources = Vec::new();
        for (number, log) in self.logs.iter().enumerate() {
            if !live.contains_key(&log.index) {
                live.insert(log.index.clone(), writer.begin_live_log(&log.index)?);
            }
            let (id, _) = writer.catalog().register(&NewSource {
                index: log.index.clone(),
                path: PathBuf::from(log.source.as_str()),
                source: log.source.clone(),
                host: log.host.clone(),
                sourcetype: log.rules.name().clone(),
                rules_hash: log.rules.hash(),
                decoding: decoding(&log.rules),
                fingerprint: Fingerprint::of(b"", 1, number as u64 + 1),
            })?;
            let registered = writer.catalog().sources()?.into_iter().find(|source| source.id == id);
            let registered = registered.expect("the catalog has what was registered a moment ago");
            sources.push(Arc::new(registered.handle(&registered.generations[0])));
        }
        self.store = Some(Store { writer, live, sources });
        Ok(())
    }

    /// Stores what arrives until a moment, microseconds UTC. Returns whether anything did.
    pub(super) fn store_until(&mut self, until_us: i64) -> Result<bool, StoreError> {
        let Some(store) = &mut self.store else { return Ok(false) };
        let n_due = self.arrivals[self.n_stored..].iter().take_while(|arrival| arrival.at_us <= until_us).count();
        for arrival in &self.arrivals[self.n_stored..self.n_stored + n_due] {
            let input = BlockInput {
                source: &store.sources[arrival.log],
                offset: arrival.offset,
                bytes: &arrival.bytes,
                parsed: &arrival.parsed,
            };
            let live = store.live.get_mut(&self.logs[arrival.log].index).expect("each index has a live log");
            store.writer.append_at(live, &[Record::Events(input)], arrival.at_us)?;
        }
        self.n_stored += n_due;
        Ok(n_due > 0)
    }
}

fn unknown_sourcetype(name: &str, registry: &Registry) -> RuleTestError {
    let nearest = nearest(name, registry.all().map(|rules| rules.name().as_str())).map(str::to_owned);
    RuleTestError::Sourcetype { name: name.to_owned(), nearest }
}

fn decoding(rules: &Rules) -> Decoding {
    Decoding { wrapper: rules.wrapper(), ..Decoding::default() }
}

/// A log, cut into events.
struct Parsed {
    rules: Arc<Rules>,
    events: Vec<ParsedEvent>,
}

struct ParsedEvent {
    /// Which of the lines it begins in.
    line: usize,
    /// Whether it names the columns of what follows.
    is_header: bool,
    /// Its time, if it says so itself.
    stamp_us: Option<i64>,
    offset: u64,
    bytes: Vec<u8>,
    block: ParsedBlock,
}

impl Parsed {
    fn of(
        lines: &[(usize, &TestLine)],
        started_us: Option<i64>,
        zone: Zone,
        registry: &Registry,
    ) -> Result<Self, RuleTestError> {
        // Nothing goes on in a line that has a time of its own: it was written later.
        let (mut text, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (_, line) in lines {
            if line.at.is_some() {
                ends.push(text.len());
            }
            starts.push(text.len());
            text.extend_from_slice(line.text.trim_end_matches('\n').as_bytes());
            text.push(b'\n');
        }
        let first = lines[0].1;
        let rules = match &first.sourcetype {
            Some(name) => registry.get(name).ok_or_else(|| unknown_sourcetype(name, registry))?,
            None => registry.detect(&text, first.source.as_str()).rules,
        };
        let options = ParserOptions::new(Arc::clone(&rules));
        let believed_us = started_us.map_or(options.time.now_us, |started_us| started_us + HALF_A_YEAR_US);
        let time = TimeContext { zone: rules.zone().unwrap_or(zone), mtime_us: believed_us, now_us: believed_us };
        let mut parser = Parser::new(ParserOptions { time, decoding: decoding(&rules), ..options });
        ends.push(text.len());
        let (mut events, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let mut block = ParsedBlock::default();
            let end = ends.iter().copied().find(|end| *end > at).unwrap_or(text.len());
            match parser.next_block(&text[at..end], true, &mut block) {
                Step::Block => {}
                Step::Gap { len } => {
                    at += len;
                    continue;
                }
                Step::NeedMore => break,
            }
            for event in &block.events {
                let end = at + event.len as usize;
                let line = starts.partition_point(|start| *start <= at).saturating_sub(1);
                let has_stamp =
                    !event.flags.contains(EventFlags::NO_STAMP) && !event.flags.contains(EventFlags::BAD_TIME);
                events.push(ParsedEvent {
                    line,
                    is_header: event.flags.contains(EventFlags::HEADER),
                    stamp_us: has_stamp.then_some(event.time_us),
                    offset: at as u64,
                    bytes: text[at..end].to_vec(),
                    block: ParsedBlock { len: event.len as usize, events: vec![*event], ..block.clone() },
                });
                at = end;
            }
        }
        Ok(Self { rules, events })
    }
}
