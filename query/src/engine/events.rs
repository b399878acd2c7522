//! From blocks of bytes to rows of events.

use super::address::Address;
use super::bytes;
use super::schema::{Builtin, EventSchema, Extracted};
use super::target::order_key;
use crate::batch::{Batch, Fields, OrderKey};
use crate::search::{EventText, EventView, Filter, PatternMatcher};
use crate::time;
use crate::value::Value;
use chrono::{DateTime, Datelike, Timelike};
use compact_str::CompactString;
use hashbrown::HashMap;
use std::cell::{OnceCell, Ref, RefCell};
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_formats::extract::{Extractor, Fields as ExtractedFields, Wanted as ExtractWanted};
use trawl_formats::parse::EventFlags;
use trawl_formats::sourcetype::Rules;
use trawl_formats::text::{self, Decoding};
use trawl_formats::timestamp::{Span, StampHint};

/// Everything that the events of one block have in common.
#[derive(Clone, Debug)]
pub struct BlockInfo {
    /// Index.
    pub index: Value,
    /// Source.
    pub source: CompactString,
    /// Sourcetype.
    pub sourcetype: Value,
    /// Host of events that name none.
    pub host: Value,
    /// How bytes become text.
    pub decoding: Decoding,
    /// Rules of the sourcetype.
    pub rules: Arc<Rules>,
    /// Time stamp format in force.
    pub hint: StampHint,
    /// Header line in force.
    pub header: Option<Arc<str>>,
    /// Place of the source in the documented order of events.
    pub source_rank: u32,
    /// Generation of the source.
    pub generation: u32,
    /// Offset of the block in the source.
    pub offset: u64,
    /// Whether some event is a piece of a longer one, so that a token may run on in the next event.
    pub has_cuts: bool,
}

impl BlockInfo {
    /// Where the bytes of an event lie. The text of the block must have been read.
    pub(super) fn address(&self, columns: &BlockColumns, event: usize) -> Address {
        Address {
            source: self.source.to_string(),
            generation: self.generation,
            offset: self.offset + u64::from(columns.start_of(event)),
            len: columns.bytes_of(event).len() as u32,
        }
    }
}

/// The columns of one block. Those that are not needed stay empty.
#[derive(Debug, Default)]
pub struct BlockColumns {
    /// The bytes.
    pub raw: Vec<u8>,
    /// End of each event in `raw`.
    pub ends: Vec<u32>,
    /// Times, microseconds.
    pub times_us: Vec<i64>,
    /// Levels as ids into `level_names`, 0 = none.
    pub levels: Vec<u32>,
    /// Hosts as ids into `host_names`, 0 = the source's.
    pub hosts: Vec<u32>,
    /// (event, flags) of events that have flags.
    pub flags: Vec<(u32, u8)>,
    /// Runs of (first event, time of indexing in microseconds).
    pub indexed: Vec<(u32, i64)>,
    /// Levels of ids 1, 2, ….
    pub level_names: Vec<Value>,
    /// Hosts of ids 1, 2, ….
    pub host_names: Vec<Value>,
}

/// An event of a block that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Ordinal in the block.
    pub event: u32,
    /// Whether it is known to match, so that it need not be verified.
    pub certain: bool,
}

/// Makes rows from blocks; one per thread.
pub struct RowMaker<'p> {
    schema: &'p EventSchema,
    filter: &'p Filter,
    zone: Zone,
    with_order: bool,
    /// Extracted fields that filter or pipeline read; `None` if every field is wanted.
    names: Option<Vec<String>>,
    /// One per sourcetype that was met.
    extractors: Vec<(Arc<Rules>, Extractor)>,
    fields: ExtractedFields,
    /// A block's text in lower case.
    lowered: Vec<u8>,
}

impl<'p> RowMaker<'p> {
    /// Rows with the columns of `schema` for events that satisfy `filter`, which reads `filter_fields`.
    pub fn new<'f>(
        schema: &'p EventSchema,
        filter: &'p Filter,
        filter_fields: impl IntoIterator<Item = &'f str>,
        zone: Zone,
        with_order: bool,
    ) -> Self {
        let names = match &schema.extracted {
            Extracted::Matching(_) => None,
            Extracted::Named(named) => {
                let mut names = named.clone();
                for field in filter_fields {
                    if Builtin::of(field).is_none() && !names.iter().any(|name| name == field) {
                        names.push(field.to_owned());
                    }
                }
                Some(names)
            }
        };
        Self {
            schema,
            filter,
            zone,
            with_order,
            names,
            extractors: Vec::new(),
            fields: ExtractedFields::default(),
            lowered: Vec::new(),
        }
    }

    fn extractor(&mut self, rules: &Arc<Rules>) -> usize {
        if let Some(at) = self.extractors.iter().position(|(known, _)| Arc::ptr_eq(known, rules)) {
            return at;
        }
        let extractor = match &self.names {
            None => rules.extractor(ExtractWanted::All),
            Some(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                rules.extractor(ExtractWanted::Only(&names))
            }
        };
        self.extractors.push((Arc::clone(rules), extractor));
        self.extractors.len() - 1
    }

    /// The rows of those candidates that match, in the order given.
    pub fn rows(&mut self, info: &BlockInfo, columns: &BlockColumns, candidates: &[Candidate]) -> Batch {
        let at = self.extractor(&info.rules);
        let extractor = &mut self.extractors[at].1;
        let extraction = RefCell::new(Extraction { extractor, fields: &mut self.fields, is_done: false });
        let mut rows = RowBuffer::new(self.schema, candidates.len());
        let mut order = Vec::new();
        let required = self.filter.required_pattern();
        let holding = required.and_then(|pattern| holding(pattern, info, columns, candidates, &mut self.lowered));
        for candidate in candidates {
            if holding.as_ref().is_some_and(|holding| !candidate.certain && !holding[candidate.event as usize]) {
                continue;
            }
            extraction.borrow_mut().is_done = false;
            let bytes = columns.bytes_of(candidate.event as usize);
            let text = text::text(bytes, info.decoding);
            let event = Event {
                info,
                columns,
                event: candidate.event as usize,
                bytes,
                text: &text,
                names: self.names.as_deref(),
                extraction: &extraction,
                stamp: OnceCell::new(),
            };
            if !candidate.certain && !self.filter.matches(&event) {
                continue;
            }
            rows.push(&event, self.zone);
            if self.with_order {
                order.push(order_key(info, columns.times_us[event.event], candidate.event));
            }
        }
        rows.into_batch(self.with_order.then_some(order))
    }
}

/// The share of a block's events that must be candidates for the whole block to be searched at once.
const DENSE_SHARE: usize = 4;

/// Which events of a block can hold a pattern, by one search over the whole block: several times faster than event by
/// event where the index could not narrow. `None` where that says nothing or costs more.
fn holding(
    pattern: &PatternMatcher,
    info: &BlockInfo,
    columns: &BlockColumns,
    candidates: &[Candidate],
    lowered: &mut Vec<u8>,
) -> Option<Vec<bool>> {
    let n_events = columns.ends.len();
    let n_uncertain = candidates.iter().filter(|candidate| !candidate.certain).count();
    if n_uncertain == 0
        || n_uncertain * DENSE_SHARE < n_events
        || info.has_cuts
        || pattern.spans_lines()
        || !text::is_plain(&columns.raw, info.decoding)
        || !end_with_lines(&columns.ends, &columns.raw)
    {
        return None;
    }
    let mut holding = vec![false; n_events];
    let mut mark = |event: usize| {
        holding[event] = true;
        columns.ends[event] as usize
    };
    let event_at = |at: usize, from: usize| from + columns.ends[from..].partition_point(|&end| end as usize <= at);
    let (mut at, mut event) = (0, 0);
    lowered.clear();
    lowered.extend(columns.raw.iter().map(u8::to_ascii_lowercase));
    // Both ends of a stamp are token boundaries, so what matches beside it also matches in the whole text.
    while let Some(start) = pattern.find_lowered(lowered, at) {
        event = event_at(start, event);
        at = mark(event);
    }
    // An event with escapes may hold the pattern in decoded form.
    let mut event = 0;
    for at in memchr::memchr2_iter(b'\\', b'&', &columns.raw) {
        event = event_at(at, event);
        mark(event);
    }
    Some(holding)
}

/// Whether all events but the last end with a line. A line that was finished late is two events, and no boundary lies
/// between their bytes.
pub(super) fn end_with_lines(ends: &[u32], bytes: &[u8]) -> bool {
    let before_last = &ends[..ends.len().saturating_sub(1)];
    before_last.iter().all(|&end| bytes[..end as usize].last() == Some(&b'\n'))
}

impl BlockColumns {
    /// Empties all columns, keeping their memory.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.ends.clear();
        self.times_us.clear();
        self.levels.clear();
        self.hosts.clear();
        self.flags.clear();
        self.indexed.clear();
        self.level_names.clear();
        self.host_names.clear();
    }

    /// When an event was indexed, microseconds.
    pub(super) fn indexed_at_us(&self, event: usize) -> i64 {
        let behind = self.indexed.partition_point(|(first, _)| *first as usize <= event);
        behind.checked_sub(1).map_or(0, |run| self.indexed[run].1)
    }

    /// Where an event begins in the block.
    fn start_of(&self, event: usize) -> u32 {
        event.checked_sub(1).map_or(0, |previous| self.ends[previous])
    }

    /// The bytes of an event; none if the block was not read.
    pub(super) fn bytes_of(&self, event: usize) -> &[u8] {
        if self.ends.is_empty() { &[] } else { &self.raw[self.start_of(event) as usize..self.ends[event] as usize] }
    }
}

/// One event, read as far as somebody asks.
struct Event<'b, 'x> {
    info: &'b BlockInfo,
    columns: &'b BlockColumns,
    event: usize,
    bytes: &'b [u8],
    text: &'b [u8],
    names: Option<&'b [String]>,
    extraction: &'b RefCell<Extraction<'x>>,
    stamp: OnceCell<Option<Span>>,
}

/// The extractor of a sourcetype with the fields of the present event.
struct Extraction<'x> {
    extractor: &'x mut Extractor,
    fields: &'x mut ExtractedFields,
    /// Whether `fields` are those of the present event.
    is_done: bool,
}

impl Event<'_, '_> {
    fn stamp(&self) -> Option<Span> {
        *self.stamp.get_or_init(|| self.info.rules.stamp_span(self.text, self.info.hint))
    }

    /// The extracted fields; the text is read once.
    fn fields(&self) -> Ref<'_, ExtractedFields> {
        let mut extraction = self.extraction.borrow_mut();
        if !extraction.is_done {
            let Extraction { extractor, fields, is_done } = &mut *extraction;
            extractor.extract(self.text, self.info.header.as_deref(), fields);
            *is_done = true;
        }
        drop(extraction);
        Ref::map(self.extraction.borrow(), |extraction| &*extraction.fields)
    }

    fn level(&self) -> Value {
        named(&self.columns.level_names, self.columns.levels[self.event]).cloned().unwrap_or_default()
    }

    fn host(&self) -> Value {
        named(&self.columns.host_names, self.columns.hosts[self.event]).unwrap_or(&self.info.host).clone()
    }

    fn flags(&self) -> Value {
        let flags = self.columns.flags.binary_search_by_key(&(self.event as u32), |(event, _)| *event);
        let flags = flags.map_or(EventFlags::default(), |at| EventFlags(self.columns.flags[at].1));
        let names = FLAG_NAMES.iter().filter(|(flag, _)| flags.contains(*flag));
        Value::multi(names.map(|(_, name)| Value::from(*name)))
    }

    fn builtin(&self, builtin: Builtin, zone: Zone) -> Value {
        match builtin {
            Builtin::Time => time::to_value(self.columns.times_us[self.event]),
            Builtin::Raw => Value::from(String::from_utf8_lossy(self.text)),
            Builtin::Host => self.host(),
            Builtin::Source => Value::Text(self.info.source.clone()),
            Builtin::Sourcetype => self.info.sourcetype.clone(),
            Builtin::Index => self.info.index.clone(),
            Builtin::Level => self.level(),
            Builtin::Addr => Value::from(self.info.address(self.columns, self.event).to_string()),
            Builtin::Bytes => bytes::to_value(self.bytes),
            Builtin::IndexTime => time::to_value(self.columns.indexed_at_us(self.event)),
            Builtin::Flags => self.flags(),
            Builtin::LineCount => Value::count(memchr::memchr_iter(b'\n', self.text).count() as u64 + 1),
            Builtin::TimeStartPos => self.stamp().map_or(Value::Null, |span| Value::count(span.start.into())),
            Builtin::TimeEndPos => self.stamp().map_or(Value::Null, |span| Value::count(span.end() as u64)),
            Builtin::Date(part) => date_part(self.columns.times_us[self.event], zone, part),
            Builtin::SplunkServer => Value::from("localhost"),
        }
    }
}

const FLAG_NAMES: [(EventFlags, &str); 5] = [
    (EventFlags::NO_STAMP, "no_stamp"),
    (EventFlags::BAD_TIME, "bad_time"),
    (EventFlags::CUT, "cut"),
    (EventFlags::CONTINUED, "continued"),
    (EventFlags::HEADER, "header"),
];

fn named(names: &[Value], id: u32) -> Option<&Value> {
    names.get((id as usize).checked_sub(1)?)
}

fn date_part(time_us: i64, zone: Zone, part: u8) -> Value {
    let Some(local) = DateTime::from_timestamp_micros(zone.to_local_us(time_us)) else { return Value::Null };
    let lower = |format: &str| Value::from(local.format(format).to_string().to_ascii_lowercase());
    match part {
        0 => Value::count(local.hour().into()),
        1 => Value::count(local.day().into()),
        2 => Value::count(local.minute().into()),
        3 => lower("%B"),
        4 => Value::count(local.second().into()),
        5 => lower("%A"),
        _ => Value::Number(f64::from(local.year())),
    }
}

impl EventView for Event<'_, '_> {
    fn holds(&self, pattern: &PatternMatcher) -> bool {
        pattern.matches(&EventText::new(self.text, self.stamp()))
    }

    fn any_value(&self, field: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        if let Some(builtin) = Builtin::of(field) {
            return self.builtin(builtin, Zone::UTC).each().iter().any(|value| value.with_text(&mut *test));
        }
        match self.names.and_then(|names| names.iter().position(|name| name == field)) {
            Some(slot) => self.fields().slot(slot).any(test),
            None => self.fields().iter().any(|(name, value)| name == field && test(value)),
        }
    }
}

/// Rows on their way into a batch.
struct RowBuffer<'p> {
    schema: &'p EventSchema,
    builtins: Vec<Vec<Value>>,
    extracted: ExtractedColumns,
    n_rows: usize,
}

enum ExtractedColumns {
    /// One per name of the schema.
    Named(Vec<Vec<Value>>),
    /// As they appear, with their places by name.
    Found { columns: Vec<FoundColumn>, places: HashMap<CompactString, usize> },
}

/// A column that was not known before an event had it.
struct FoundColumn {
    name: CompactString,
    /// Cells of the rows so far; shorter than the batch while the last rows have no such field.
    cells: Vec<Value>,
    /// Values of the present row.
    pending: Vec<Value>,
}

impl<'p> RowBuffer<'p> {
    fn new(schema: &'p EventSchema, capacity: usize) -> Self {
        let extracted = match &schema.extracted {
            Extracted::Named(names) => {
                ExtractedColumns::Named(names.iter().map(|_| Vec::with_capacity(capacity)).collect())
            }
            Extracted::Matching(_) => ExtractedColumns::Found { columns: Vec::new(), places: HashMap::new() },
        };
        let builtins = schema.builtins.iter().map(|_| Vec::with_capacity(capacity)).collect();
        Self { schema, builtins, extracted, n_rows: 0 }
    }

    fn push(&mut self, event: &Event<'_, '_>, zone: Zone) {
        for (column, (_, builtin)) in self.builtins.iter_mut().zip(&self.schema.builtins) {
            column.push(event.builtin(*builtin, zone));
        }
        match &mut self.extracted {
            ExtractedColumns::Named(columns) if columns.is_empty() => {}
            ExtractedColumns::Named(columns) => {
                for (slot, column) in columns.iter_mut().enumerate() {
                    column.push(Value::multi(event.fields().slot(slot).map(Value::from)));
                }
            }
            ExtractedColumns::Found { columns, places } => {
                let Extracted::Matching(wanted) = &self.schema.extracted else { return };
                for (name, value) in event.fields().iter() {
                    if Builtin::of(name).is_some() || !wanted.contains(name) {
                        continue;
                    }
                    let place = places.get(name).copied().unwrap_or_else(|| {
                        columns.push(FoundColumn { name: name.into(), cells: Vec::new(), pending: Vec::new() });
                        places.insert(name.into(), columns.len() - 1);
                        columns.len() - 1
                    });
                    columns[place].pending.push(Value::from(value));
                }
                for column in columns.iter_mut().filter(|column| !column.pending.is_empty()) {
                    column.cells.resize(self.n_rows, Value::Null);
                    column.cells.push(Value::multi(column.pending.drain(..)));
                }
            }
        }
        self.n_rows += 1;
    }

    fn into_batch(self, order: Option<Vec<OrderKey>>) -> Batch {
        let mut names: Vec<CompactString> = self.schema.builtins.iter().map(|(name, _)| (*name).into()).collect();
        let mut columns = self.builtins;
        match (self.extracted, &self.schema.extracted) {
            (ExtractedColumns::Named(extracted), Extracted::Named(extracted_names)) => {
                names.extend(extracted_names.iter().map(CompactString::from));
                columns.extend(extracted);
            }
            (ExtractedColumns::Found { columns: mut found, .. }, _) => {
                // By name, so that the order of columns does not depend on which event came first.
                found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                for mut column in found {
                    column.cells.resize(self.n_rows, Value::Null);
                    names.push(column.name);
                    columns.push(column.cells);
                }
            }
            (ExtractedColumns::Named(_), Extracted::Matching(_)) => unreachable!("both come from one schema"),
        }
        Batch::new(Arc::new(Fields::new(names)), columns, self.n_rows, order)
    }
}
