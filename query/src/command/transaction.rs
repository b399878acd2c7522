//! Puts events that belong together into one row: a session, a request, a job.
//!
//! **Syntax**
//!
//! `transaction [options] [list] [options]`
//!
//! **Arguments**
//!
//! - list: fields, at most 64. Events belong together if they agree in every listed field that they have. A field may be
//!   missing as long as another one links the event. Without a list all events are one stream that the options cut.
//! - `maxspan=5m`: longest time from the first to the last event. `maxpause=30s`: longest time between two events. -1 for no
//!   limit, which is the default.
//! - `maxevents=1000`: most events of a transaction; -1 for no limit.
//! - `startswith=`, `endswith=`: what the first and the last event are like: `"words of a search"`, `(search)` or
//!   `eval(condition)`.
//! - `keepevicted=t`: also show transactions that lack the first or last event that is asked for.
//! - `keeporphans=t`: also show events that belong to no transaction since they have none of the fields, with
//!   `_txn_orphan` = 1.
//! - `mvlist=t`, `mvlist="a,b"`: fields (all, or these) hold the values of all events in the order of time, with
//!   `nullstr=NULL` where an event has none, instead of the distinct values.
//! - `delim=", "`: joins several values of a field to one text.
//! - `connected=f`: an event may also join a transaction that has none of its fields, if nothing speaks against it.
//! - `unifyends=t`: events that match `startswith` or `endswith` must have one of the fields too. By default an event without
//!   them that matches `startswith` ends the transaction that was opened last.
//! - `maxopentxn=n`, `maxopenevents=n`: most open transactions, and events in them; beyond it those that waited longest are
//!   given up, which a warning says. No limit by default but that of memory.
//!
//! **Semantics**
//!
//! Events must come newest first, as from a search; a warning says if they do not. A transaction ends where the next older
//! event would make it too long, where it has `maxevents`, or at an event that matches `startswith`; such a one has
//! `closed_txn` = 1. Those that are open when the events end have 0 and are shown, unless they lack a first or last event.
//!
//! A row has `_time` of the first event; `_raw`, the events in the order of time, one below the other; `duration`, seconds
//! from the first to the last event; `eventcount`; `closed_txn`; `linecount`; and the values of all other fields, each once,
//! in the order of their text. Internal fields are left out. Rows come newest first by their `_time`.
//!
//! **Kind** ordered; rows come out as soon as no open transaction can come before them.
//!
//! **Memory** open transactions and those that wait for their turn. Bounded by `max_memory_bytes`.
//!
//! **Examples**
//!
//! ```example
//! _time=30 id=a step=end _raw="end a"
//! _time=20 id=b step=start _raw="start b"
//! _time=10 id=a step=start _raw="start a"
//! > transaction id | table _time id step duration eventcount
//! _time=20 id=b step=start duration=0 eventcount=1
//! _time=10 id=a step=[end,start] duration=20 eventcount=2
//! ```
//!
//! ```example
//! _time=40 step=end
//! _time=30 step=work
//! _time=25 step=start
//! _time=10 step=end
//! > transaction startswith="step=start" endswith=eval(step="end") | table _time duration eventcount
//! _time=25 duration=15 eventcount=3
//! ```
//!
//! **Differences** several values stay several values unless `delim` is given.

use super::args::{bad_value, boolean, time_span};
use super::correlation::{Correlation, Key, MAX_FIELDS};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory, Warning};
use crate::error::{QueryError, Result};
use crate::expr::{Bound, Expression};
use crate::lexer::{quote, quote_name};
use crate::search::{Filter, RowView, SearchExpr, parse_search};
use crate::span::{Span, Spanned};
use crate::time::{SECOND_US, TimeSpan};
use crate::value::Value;
use crate::wanted::Wanted;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The fields that link events.
    pub fields: Vec<String>,
    /// Longest time from the first to the last event.
    pub max_span: Option<TimeSpan>,
    /// Longest time between two events.
    pub max_pause: Option<TimeSpan>,
    /// Most events; `None` for no limit.
    pub max_events: Option<usize>,
    /// What the first event is like.
    pub starts_with: Option<EventTest>,
    /// What the last event is like.
    pub ends_with: Option<EventTest>,
    /// Whether transactions without such a first or last event are shown.
    pub keep_evicted: bool,
    /// Whether events without any of the fields are shown.
    pub keep_orphans: bool,
    /// Which fields hold the values of all events.
    pub lists: ListFields,
    /// What joins several values to one text.
    pub delimiter: Option<String>,
    /// What stands in a list where an event has no value.
    pub null: String,
    /// Whether an event needs a field in common with the transaction.
    pub connected: bool,
    /// Whether first and last events need one of the fields.
    pub unify_ends: bool,
    /// Most open transactions.
    pub max_open: Option<usize>,
    /// Most events in open transactions.
    pub max_open_events: Option<usize>,
}

/// A condition on an event.
#[derive(Clone, Debug)]
pub enum EventTest {
    /// A search expression.
    Search(SearchExpr),
    /// An expression of `eval`.
    Eval(Expression),
}

/// Which fields of a transaction hold the values of all events.
#[derive(Clone, Debug, PartialEq)]
pub enum ListFields {
    /// None.
    None,
    /// All.
    All,
    /// These.
    Named(Vec<String>),
}

const OPTIONS: [&str; 14] = [
    "maxspan",
    "maxpause",
    "maxevents",
    "startswith",
    "endswith",
    "keepevicted",
    "keeporphans",
    "mvlist",
    "delim",
    "nullstr",
    "connected",
    "unifyends",
    "maxopentxn",
    "maxopenevents",
];
const DEFAULT_MAX_EVENTS: usize = 1000;
const DEFAULT_NULL: &str = "NULL";

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut transaction = Transaction {
        fields: Vec::new(),
        max_span: None,
        max_pause: None,
        max_events: Some(DEFAULT_MAX_EVENTS),
        starts_with: None,
        ends_with: None,
        keep_evicted: false,
        keep_orphans: false,
        lists: ListFields::None,
        delimiter: None,
        null: DEFAULT_NULL.to_owned(),
        connected: true,
        unify_ends: false,
        max_open: None,
        max_open_events: None,
    };
    args.cursor.skip_space();
    let start = args.cursor.pos();
    loop {
        transaction.parse_options(&mut args)?;
        if args.cursor.at_end() {
            break;
        }
        for field in args.expect_plain_names(&[])? {
            if !transaction.fields.contains(&field) {
                transaction.fields.push(field);
            }
        }
    }
    if transaction.fields.len() > MAX_FIELDS {
        return Err(QueryError::rule("at most 64 fields can be listed", args.cursor.trimmed_span_from(start)));
    }
    Ok(Box::new(transaction))
}

impl Transaction {
    fn parse_options(&mut self, args: &mut Args<'_>) -> Result<(), QueryError> {
        while let Some(option) = args.option_name(&OPTIONS)? {
            match option {
                "startswith" => self.starts_with = Some(EventTest::parse(args, option)?),
                "endswith" => self.ends_with = Some(EventTest::parse(args, option)?),
                _ => self.set(option, args.option_value(option)?)?,
            }
        }
        Ok(())
    }

    fn set(&mut self, option: &str, value: Spanned<String>) -> Result<(), QueryError> {
        let span = |value: &Spanned<String>| if value.value == "-1" { Ok(None) } else { time_span(value).map(Some) };
        let number = |value: &Spanned<String>| match value.value.parse::<u32>() {
            Ok(n) if n > 0 => Ok(Some(n as usize)),
            _ if value.value == "-1" => Ok(None),
            _ => Err(bad_value(value, "a whole number above 0, or -1")),
        };
        match option {
            "maxspan" => self.max_span = span(&value)?,
            "maxpause" => self.max_pause = span(&value)?,
            "maxevents" => self.max_events = number(&value)?,
            "keepevicted" => self.keep_evicted = boolean(&value)?,
            "keeporphans" => self.keep_orphans = boolean(&value)?,
            "mvlist" => self.lists = ListFields::parse(&value),
            "delim" => self.delimiter = Some(value.value),
            "nullstr" => self.null = value.value,
            "connected" => self.connected = boolean(&value)?,
            "unifyends" => self.unify_ends = boolean(&value)?,
            "maxopentxn" => self.max_open = number(&value)?,
            _ => self.max_open_events = number(&value)?,
        }
        Ok(())
    }
}

impl ListFields {
    fn parse(value: &Spanned<String>) -> Self {
        match boolean(value) {
            Ok(true) => ListFields::All,
            Ok(false) => ListFields::None,
            Err(_) => {
                let names = value.value.split([',', ' ']).filter(|name| !name.is_empty());
                ListFields::Named(names.map(str::to_owned).collect())
            }
        }
    }

    fn contains(&self, field: &str) -> bool {
        match self {
            ListFields::None => false,
            ListFields::All => true,
            ListFields::Named(names) => names.iter().any(|name| name == field),
        }
    }
}

impl EventTest {
    /// Reads `"search"`, `(search)`, `eval(condition)` or a word of a search.
    fn parse(args: &mut Args<'_>, option: &str) -> Result<Self, QueryError> {
        args.cursor.skip_space();
        let mut ahead = args.cursor;
        if ahead.eat_keyword("eval") && ahead.eat("(") {
            args.cursor = ahead;
            let condition = Expression::parse_condition(&mut args.cursor)?;
            args.cursor.expect(")")?;
            return Ok(EventTest::Eval(condition));
        }
        if args.cursor.peek() == Some('(') {
            let inside = args.parenthesised_cursor()?;
            return Ok(EventTest::Search(parse_search(inside)?.0));
        }
        let text = args.option_value(option)?;
        let cursor = crate::lexer::Cursor::new(&text.value, Span::new(0, text.value.len()));
        let parsed = parse_search(cursor).map_err(|error| QueryError { span: text.span, ..error })?;
        Ok(EventTest::Search(parsed.0))
    }

    fn add_fields_read(&self, wanted: &mut Wanted) {
        match self {
            // Whether events have a `_raw` is not known here; without one a word may be in any field.
            EventTest::Search(expr) if expr.reads_text() => *wanted = Wanted::All,
            EventTest::Search(expr) => expr.fields_read().into_iter().for_each(|field| wanted.add(field)),
            EventTest::Eval(expression) => expression.add_fields_read(wanted),
        }
    }
}

impl fmt::Display for EventTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventTest::Search(expr) => write!(f, "({expr})"),
            EventTest::Eval(expression) => write!(f, "eval({expression})"),
        }
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transaction")?;
        self.fields
            .iter()
            .enumerate()
            .try_for_each(|(i, field)| write!(f, "{}{}", if i == 0 { " " } else { ", " }, quote_name(field)))?;
        self.max_span.iter().try_for_each(|span| write!(f, " maxspan={span}"))?;
        self.max_pause.iter().try_for_each(|span| write!(f, " maxpause={span}"))?;
        match self.max_events {
            Some(DEFAULT_MAX_EVENTS) => {}
            Some(n) => write!(f, " maxevents={n}")?,
            None => f.write_str(" maxevents=-1")?,
        }
        self.starts_with.iter().try_for_each(|test| write!(f, " startswith={test}"))?;
        self.ends_with.iter().try_for_each(|test| write!(f, " endswith={test}"))?;
        f.write_str(if self.keep_evicted { " keepevicted=t" } else { "" })?;
        f.write_str(if self.keep_orphans { " keeporphans=t" } else { "" })?;
        match &self.lists {
            ListFields::None => {}
            ListFields::All => f.write_str(" mvlist=t")?,
            ListFields::Named(names) => write!(f, " mvlist={}", quote(&names.join(",")))?,
        }
        self.delimiter.iter().try_for_each(|delimiter| write!(f, " delim={}", quote(delimiter)))?;
        if self.null != DEFAULT_NULL {
            write!(f, " nullstr={}", quote(&self.null))?;
        }
        f.write_str(if self.connected { "" } else { " connected=f" })?;
        f.write_str(if self.unify_ends { " unifyends=t" } else { "" })?;
        self.max_open.iter().try_for_each(|n| write!(f, " maxopentxn={n}"))?;
        self.max_open_events.iter().try_for_each(|n| write!(f, " maxopenevents={n}"))
    }
}

/// Fields that a transaction has of its own.
const OWN_FIELDS: [&str; 4] = ["duration", "eventcount", "closed_txn", "linecount"];

impl Command for Transaction {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        if wanted.contains("linecount") {
            wanted.add("_raw");
        }
        OWN_FIELDS.iter().for_each(|field| wanted.remove(field));
        wanted.add("_time");
        self.fields.iter().for_each(|field| wanted.add(field));
        self.starts_with.iter().chain(&self.ends_with).for_each(|test| test.add_fields_read(&mut wanted));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let seconds = |span: Option<TimeSpan>| span.map(|span| span.nominal_us() as f64 / SECOND_US as f64);
        let filter = |test: &Option<EventTest>| match test {
            Some(EventTest::Search(expr)) => Some(Filter::new(expr)),
            _ => None,
        };
        Box::new(TransactionOperator {
            ctx: Arc::clone(ctx),
            max_span_s: seconds(self.max_span),
            max_pause_s: seconds(self.max_pause),
            start_filter: filter(&self.starts_with),
            end_filter: filter(&self.ends_with),
            correlation: Correlation::new(!self.connected),
            names: Names::default(),
            slots: Vec::new(),
            free: Vec::new(),
            n_open: 0,
            n_open_events: 0,
            by_opening: VecDeque::new(),
            by_use: VecDeque::new(),
            clock: 0,
            last_time: f64::INFINITY,
            finished: BinaryHeap::new(),
            n_given_up: 0,
            held_bytes: 0,
            memory: Memory::new(ctx, "transaction"),
            command: self.clone(),
        })
    }
}

/// The fields of transactions, in the order in which events brought them.
#[derive(Default)]
struct Names {
    fields: Vec<(CompactString, bool)>,
    index: HashMap<CompactString, u32>,
}

impl Names {
    fn find_or_add(&mut self, name: &str, lists: &ListFields) -> u32 {
        if let Some(index) = self.index.get(name) {
            return *index;
        }
        let index = self.fields.len() as u32;
        self.fields.push((name.into(), lists.contains(name)));
        self.index.insert(name.into(), index);
        index
    }
}

/// A transaction that may get more events.
struct Open {
    key: Key,
    /// Time of the last event, which came first.
    end: f64,
    /// Time of the first event so far.
    start: f64,
    n_events: usize,
    /// Texts of events, the newest first.
    raws: Vec<CompactString>,
    /// Values by field, each with the number of the event that has it, newest first.
    values: Vec<(u32, Vec<(u32, Value)>)>,
    has_start: bool,
    has_end: bool,
    /// When it was opened and last added to: counts of the operator.
    opened_at: u64,
    used_at: u64,
    bytes: usize,
}

/// A row that waits for its turn.
struct Finished {
    open: Open,
    kind: FinishedKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FinishedKind {
    Closed,
    LeftOpen,
    Orphan,
}

/// The greatest comes out first: the newest, of the same time the one that was opened first.
impl Ord for Finished {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = self.open.start.total_cmp(&other.open.start);
        by_time.then(other.open.opened_at.cmp(&self.open.opened_at))
    }
}

impl PartialOrd for Finished {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Finished {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Finished {}

/// How an open transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// By an option.
    Closed,
    /// By the end of events.
    LeftOpen,
    /// To make room.
    GivenUp,
}

struct TransactionOperator {
    ctx: Arc<Context>,
    command: Transaction,
    max_span_s: Option<f64>,
    max_pause_s: Option<f64>,
    start_filter: Option<Filter>,
    end_filter: Option<Filter>,
    correlation: Correlation,
    names: Names,
    slots: Vec<Option<Open>>,
    free: Vec<u32>,
    n_open: usize,
    n_open_events: usize,
    /// Open transactions, the one that was opened first at the front; some entries are out of date.
    by_opening: VecDeque<(u32, u64)>,
    /// Open transactions, the one that waited longest at the front; some entries are out of date.
    by_use: VecDeque<(u32, u64)>,
    /// Number of events so far.
    clock: u64,
    last_time: f64,
    finished: BinaryHeap<Finished>,
    n_given_up: u64,
    held_bytes: usize,
    memory: Memory,
}

/// The columns of a batch as transactions take them.
struct Columns<'b> {
    times: &'b [Value],
    raws: Option<&'b [Value]>,
    key: Vec<Option<&'b [Value]>>,
    values: Vec<(u32, &'b [Value])>,
}

/// Decides about the rows of a batch.
enum RowTest<'b> {
    Search(&'b Filter, &'b Batch),
    Eval(Bound<'b>),
}

impl<'b> RowTest<'b> {
    fn new(
        test: &'b Option<EventTest>,
        filter: &'b Option<Filter>,
        batch: &'b Batch,
        ctx: &'b Context,
    ) -> Option<Self> {
        match (test, filter) {
            (_, Some(filter)) => Some(RowTest::Search(filter, batch)),
            (Some(EventTest::Eval(expression)), _) => Some(RowTest::Eval(expression.bind(batch, ctx))),
            _ => None,
        }
    }

    fn matches(&self, row: usize) -> bool {
        match self {
            RowTest::Search(filter, batch) => filter.matches(&RowView::new(batch, row)),
            RowTest::Eval(bound) => bound.is_true(row),
        }
    }
}

/// An event with what decides where it belongs.
struct Event {
    row: usize,
    time: f64,
    key: Key,
    is_start: bool,
    is_end: bool,
}

impl Open {
    fn new(event: &Event, clock: u64) -> Self {
        Self {
            key: event.key.clone(),
            end: event.time,
            start: event.time,
            n_events: 0,
            raws: Vec::new(),
            values: Vec::new(),
            has_start: false,
            has_end: false,
            opened_at: clock,
            used_at: clock,
            bytes: size_of::<Self>() + event.key.len() * size_of::<Value>(),
        }
    }

    fn add(&mut self, event: &Event, columns: &Columns<'_>, names: &Names) {
        let before = self.bytes;
        // Rows that do not run backwards in time are no reason to lose track of the ends.
        self.start = self.start.min(event.time);
        self.end = self.end.max(event.time);
        self.has_start |= event.is_start;
        self.has_end |= event.is_end;
        let n = self.n_events as u32;
        self.n_events += 1;
        if let Some(Value::Text(raw)) = columns.raws.map(|raws| &raws[event.row]) {
            self.bytes += size_of::<CompactString>() + raw.len();
            self.raws.push(raw.clone());
        }
        for (field, column) in &columns.values {
            let cell = &column[event.row];
            if cell.is_null() {
                continue;
            }
            let index = match self.values.binary_search_by_key(field, |(known, _)| *known) {
                Ok(index) => index,
                Err(index) => {
                    self.values.insert(index, (*field, Vec::new()));
                    index
                }
            };
            let values = &mut self.values[index].1;
            // Most fields of a transaction have one value: the same as last time.
            let is_list = names.fields[*field as usize].1;
            if !is_list && values.last().is_some_and(|(_, last)| last.same_text(cell)) {
                continue;
            }
            self.bytes += size_of::<(u32, Value)>() + cell.heap_bytes();
            values.push((n, cell.clone()));
        }
        debug_assert!(self.bytes >= before);
    }
}

impl TransactionOperator {
    fn open(&self, slot: u32) -> Option<&Open> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The transaction at the front of a queue, after those entries that are out of date.
    fn front(queue: &mut VecDeque<(u32, u64)>, slots: &[Option<Open>], stamp: fn(&Open) -> u64) -> Option<u32> {
        while let Some((slot, at)) = queue.front() {
            match &slots[*slot as usize] {
                Some(open) if stamp(open) == *at => return Some(*slot),
                _ => queue.pop_front(),
            };
        }
        None
    }

    fn longest_waiting(&mut self) -> Option<u32> {
        Self::front(&mut self.by_use, &self.slots, |open| open.used_at)
    }

    /// Ends transactions that no event at `time` or before it can join.
    fn close_old(&mut self, time: f64) {
        if let Some(max_pause_s) = self.max_pause_s {
            while let Some(slot) = self.longest_waiting()
                && self.open(slot).is_some_and(|open| open.start - time > max_pause_s)
            {
                self.end(slot, Ending::Closed);
            }
        }
        if let Some(max_span_s) = self.max_span_s {
            while let Some(slot) = Self::front(&mut self.by_opening, &self.slots, |open| open.opened_at)
                && self.open(slot).is_some_and(|open| open.end - time > max_span_s)
            {
                self.end(slot, Ending::Closed);
            }
        }
    }

    fn take(&mut self, event: Event, columns: &Columns<'_>) {
        self.clock += 1;
        if event.time > self.last_time {
            self.ctx.warn(Warning::TransactionOutOfOrder);
        }
        self.last_time = event.time;
        self.close_old(event.time);
        let has_key = event.key.is_empty() || event.key.iter().any(|cell| !cell.is_null());
        let slot = if has_key {
            let slots = &self.slots;
            let known = |slot: u32| slots[slot as usize].as_ref();
            self.correlation.find(
                &event.key,
                |slot| known(slot).map_or(&[], |open| &open.key[..]),
                || Box::new((0..slots.len() as u32).filter_map(move |slot| Some((known(slot)?.opened_at, slot)))),
            )
        } else if event.is_start && !self.command.unify_ends {
            self.last_opened()
        } else {
            None
        };
        if !has_key && slot.is_none() {
            self.keep_orphan(&event, columns);
            return;
        }
        // Backwards in time the end of a transaction comes first: the one that is open began after it.
        let slot = match slot {
            Some(slot) if event.is_end => {
                self.end(slot, Ending::Closed);
                None
            }
            slot => slot,
        };
        let slot = match slot {
            Some(slot) => slot,
            None => self.begin(&event),
        };
        self.add(slot, &event, columns);
    }

    fn last_opened(&self) -> Option<u32> {
        self.by_opening
            .iter()
            .rev()
            .find(|(slot, at)| self.open(*slot).is_some_and(|open| open.opened_at == *at))
            .map(|(slot, _)| *slot)
    }

    fn begin(&mut self, event: &Event) -> u32 {
        let open = Open::new(event, self.clock);
        self.held_bytes += open.bytes;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        self.correlation.insert(slot, open.opened_at, &open.key);
        self.slots[slot as usize] = Some(open);
        self.by_opening.push_back((slot, self.clock));
        self.n_open += 1;
        slot
    }

    fn add(&mut self, slot: u32, event: &Event, columns: &Columns<'_>) {
        let Some(open) = &mut self.slots[slot as usize] else { return };
        // The event may bring fields that the transaction lacked.
        if event.key.iter().zip(&open.key).any(|(cell, known)| known.is_null() && !cell.is_null()) {
            self.correlation.remove(slot, open.opened_at, &open.key);
            for (known, cell) in open.key.iter_mut().zip(&event.key) {
                if known.is_null() {
                    *known = cell.clone();
                }
            }
            self.correlation.insert(slot, open.opened_at, &open.key);
        }
        let before = open.bytes;
        open.add(event, columns, &self.names);
        open.used_at = self.clock;
        self.held_bytes += open.bytes - before;
        self.n_open_events += 1;
        self.by_use.push_back((slot, self.clock));
        let is_full = self.command.max_events.is_some_and(|max_events| open.n_events >= max_events);
        if event.is_start || is_full {
            self.end(slot, Ending::Closed);
        }
        self.forget_stale_entries();
        let is_over = |limit: Option<usize>, n: usize| limit.is_some_and(|limit| n > limit);
        while is_over(self.command.max_open, self.n_open) || is_over(self.command.max_open_events, self.n_open_events) {
            let Some(slot) = self.longest_waiting() else { break };
            self.n_given_up += 1;
            self.end(slot, Ending::GivenUp);
        }
    }

    /// Keeps the queues from growing with events rather than with open transactions.
    fn forget_stale_entries(&mut self) {
        let max_entries = 2 * self.n_open + 1024;
        let slots = &self.slots;
        let is_current = |slot: u32, at: u64, stamp: fn(&Open) -> u64| {
            slots[slot as usize].as_ref().is_some_and(|open| stamp(open) == at)
        };
        if self.by_use.len() > max_entries {
            self.by_use.retain(|(slot, at)| is_current(*slot, *at, |open| open.used_at));
        }
        if self.by_opening.len() > max_entries {
            self.by_opening.retain(|(slot, at)| is_current(*slot, *at, |open| open.opened_at));
        }
    }

    fn end(&mut self, slot: u32, ending: Ending) {
        let Some(open) = self.slots[slot as usize].take() else { return };
        self.correlation.remove(slot, open.opened_at, &open.key);
        self.free.push(slot);
        self.n_open -= 1;
        self.n_open_events -= open.n_events;
        let lacks_start = self.command.starts_with.is_some() && !open.has_start;
        let lacks_end = self.command.ends_with.is_some() && !open.has_end;
        let is_evicted = lacks_start || lacks_end || ending == Ending::GivenUp;
        if is_evicted && !self.command.keep_evicted {
            self.held_bytes -= open.bytes;
            return;
        }
        let kind = if is_evicted || ending != Ending::Closed { FinishedKind::LeftOpen } else { FinishedKind::Closed };
        self.finished.push(Finished { open, kind });
    }

    fn keep_orphan(&mut self, event: &Event, columns: &Columns<'_>) {
        if self.command.keep_orphans {
            let mut open = Open::new(event, self.clock);
            open.add(event, columns, &self.names);
            self.held_bytes += open.bytes;
            self.finished.push(Finished { open, kind: FinishedKind::Orphan });
        }
    }

    /// Passes on what no transaction that is open or still to come can precede.
    fn emit(&mut self, is_end: bool, out: &mut dyn FnMut(Batch)) {
        let bound = match self.longest_waiting() {
            _ if is_end => f64::NEG_INFINITY,
            Some(slot) => self.open(slot).map_or(self.last_time, |open| open.start),
            None => self.last_time,
        };
        let mut rows = Vec::new();
        while self.finished.peek().is_some_and(|finished| is_end || finished.open.start > bound) {
            if let Some(finished) = self.finished.pop() {
                self.held_bytes -= finished.open.bytes;
                rows.push(finished);
            }
        }
        if !rows.is_empty() {
            out(self.table(rows));
        }
    }

    fn table(&self, rows: Vec<Finished>) -> Batch {
        let len = rows.len();
        let mut values = vec![vec![Value::Null; len]; self.names.fields.len()];
        let [mut times, mut raws, mut durations, mut counts, mut closed, mut lines, mut orphans] =
            [const { Vec::new() }; 7];
        for (row, Finished { open, kind }) in rows.into_iter().enumerate() {
            let own = |value: Value| if kind == FinishedKind::Orphan { Value::Null } else { value };
            times.push(Value::number(open.start));
            let duration = ((open.end - open.start) * SECOND_US as f64).round() / SECOND_US as f64;
            durations.push(own(Value::number(duration)));
            counts.push(own(Value::count(open.n_events as u64)));
            closed.push(own(Value::Number(if kind == FinishedKind::Closed { 1.0 } else { 0.0 })));
            orphans.push(if kind == FinishedKind::Orphan { Value::Number(1.0) } else { Value::Null });
            let n_lines: usize = open.raws.iter().map(|raw| raw.lines().count().max(1)).sum();
            lines.push(if open.raws.is_empty() { Value::Null } else { Value::count(n_lines as u64) });
            raws.push(match open.raws.len() {
                0 => Value::Null,
                _ => {
                    let texts: Vec<&str> = open.raws.iter().rev().map(CompactString::as_str).collect();
                    Value::from(texts.join("\n"))
                }
            });
            for (field, found) in open.values {
                let is_list = self.names.fields[field as usize].1;
                let cell = if is_list { self.list(found, open.n_events) } else { distinct(found) };
                values[field as usize][row] = self.join(cell);
            }
        }
        let own = [
            ("_time", times),
            ("_raw", raws),
            ("duration", durations),
            ("eventcount", counts),
            ("closed_txn", closed),
            ("linecount", lines),
        ];
        let names = self.names.fields.iter().map(|(name, _)| name.as_str());
        let orphans = self.command.keep_orphans.then_some(("_txn_orphan", orphans));
        Batch::from_columns(len, own.into_iter().chain(orphans).chain(names.zip(values)))
    }

    /// The values of all events in the order of time.
    fn list(&self, found: Vec<(u32, Value)>, n_events: usize) -> Value {
        let null = Value::from(self.command.null.as_str());
        let mut cells = vec![null; n_events];
        for (event, value) in found {
            cells[n_events - 1 - event as usize] = value;
        }
        Value::multi(cells)
    }

    fn join(&self, cell: Value) -> Value {
        match (&cell, &self.command.delimiter) {
            (Value::Multi(values), Some(delimiter)) => {
                let texts: Vec<String> = values.iter().map(Value::to_string).collect();
                Value::from(texts.join(delimiter))
            }
            _ => cell,
        }
    }
}

/// Each value once, in the order of their text.
fn distinct(found: Vec<(u32, Value)>) -> Value {
    let flat = found.iter().flat_map(|(_, value)| value.each());
    let mut values: Vec<&Value> = flat.collect();
    if values.len() > 1 {
        values.sort_by(|a, b| a.with_text(|a| b.with_text(|b| a.as_bytes().cmp(b.as_bytes()))));
        values.dedup_by(|a, b| a.same_text(b));
    }
    Value::multi(values.into_iter().cloned())
}

impl Operator for TransactionOperator {
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        // Rows without a time have no place in a transaction.
        let Some(times) = batch.column("_time") else { return Ok(Flow::More) };
        let is_value = |name: &str| !name.starts_with('_') && !OWN_FIELDS.contains(&name);
        let values = batch.iter().filter(|(name, _)| is_value(name));
        let values = values.map(|(name, column)| (self.names.find_or_add(name, &self.command.lists), column)).collect();
        let key = self.command.fields.iter().map(|field| batch.column(field)).collect();
        let columns = Columns { times, raws: batch.column("_raw"), key, values };
        let ctx = Arc::clone(&self.ctx);
        let tests = (self.command.starts_with.clone(), self.command.ends_with.clone());
        let filters = (self.start_filter.clone(), self.end_filter.clone());
        let is_start = RowTest::new(&tests.0, &filters.0, &batch, &ctx);
        let is_end = RowTest::new(&tests.1, &filters.1, &batch, &ctx);
        for row in 0..batch.len() {
            let Some(time) = columns.times[row].as_number() else { continue };
            let key =
                columns.key.iter().map(|column| column.map_or(Value::Null, |column| column[row].clone())).collect();
            let event = Event {
                row,
                time,
                key,
                is_start: is_start.as_ref().is_some_and(|test| test.matches(row)),
                is_end: is_end.as_ref().is_some_and(|test| test.matches(row)),
            };
            self.take(event, &columns);
        }
        let queued = self.by_use.len() + self.by_opening.len();
        self.memory.set(self.held_bytes + queued * size_of::<(u32, u64)>())?;
        self.emit(false, out);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        for slot in 0..self.slots.len() as u32 {
            self.end(slot, Ending::LeftOpen);
        }
        if self.n_given_up > 0 {
            self.ctx.warn(Warning::TransactionsGivenUp { n: self.n_given_up });
        }
        self.emit(true, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::context::Warning;
    use crate::testing::{
        check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, print, rows,
    };
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("transaction", "transaction"),
            ("TRANSACTION id, host", "transaction id, host"),
            (
                "transaction id maxspan=5min maxpause=30s maxevents=20",
                "transaction id maxspan=5m maxpause=30s maxevents=20",
            ),
            ("transaction maxspan=-1 maxevents=-1 id", "transaction id maxevents=-1"),
            (
                "transaction startswith=\"two words\" endswith=logout id",
                "transaction id startswith=(two words) endswith=(logout)",
            ),
            (
                "transaction id startswith=(a OR \"b)\") endswith=eval(x>1 AND y=\"(\")",
                "transaction id startswith=(a OR \"b)\") endswith=eval(x>1 AND y=\"(\")",
            ),
            (
                "transaction id keepevicted=t keeporphans=t mvlist=t delim=\",\" nullstr=- connected=f unifyends=t maxopentxn=5 maxopenevents=9",
                "transaction id keepevicted=t keeporphans=t mvlist=t delim=\",\" nullstr=\"-\" connected=f unifyends=t maxopentxn=5 maxopenevents=9",
            ),
            ("transaction a mvlist=\"b, c\"", "transaction a mvlist=\"b,c\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("transaction id maxspam=5m", "maxspam", "`transaction` has no option `maxspam`");
        check_refused("transaction id maxspan=5x", "5x", "`5x` is not a span of time");
        check_refused("transaction id maxevents=0", "0", "`0` is not a whole number above 0, or -1");
        check_refused("transaction i*", "i*", "wildcards are not allowed here");
        check_refused("transaction id startswith=(a", "(", "unbalanced `(`");
        check_refused("transaction id startswith=eval(x)", "x", "expected a condition, found a value");
        check_refused("transaction id startswith=\"a AND\"", "\"a AND\"", "expected a search term, found the end");
    }

    #[track_caller]
    fn check(input: &str, options: &str, expected: &str) {
        check_rows(input, &format!("transaction {options} | table _time n duration eventcount closed_txn"), expected);
    }

    #[test]
    fn events_that_agree_belong_together() {
        let input = "_time=9 id=a n=1\n_time=8 id=b n=2\n_time=7 n=3\n_time=5.5 id=a n=4\n_time=4 id=b n=5";
        check(
            input,
            "id",
            "_time=5.5 n=[1,4] duration=3.5 eventcount=2 closed_txn=0\n_time=4 n=[2,5] duration=4 eventcount=2 closed_txn=0",
        );
        check(input, "", "_time=4 n=[1,2,3,4,5] duration=5 eventcount=5 closed_txn=0");
        check_rows(
            "_time=9 id=a _raw=\"x\" h=1 h2=b\n_time=8 id=a _raw=\"y\" h=1 h2=a",
            "transaction id",
            "_time=8 _raw=\"y\nx\" duration=1 eventcount=2 closed_txn=0 linecount=2 id=a h=1 h2=[a,b]"
                .replace("_raw=\"y\nx\"", "_raw=y\nx")
                .as_str(),
        );
    }

    #[test]
    fn fields_link_transitively() {
        check(
            "_time=9 a=1 n=1\n_time=8 a=1 b=2 n=2\n_time=7 b=2 n=3\n_time=6 a=9 b=2 n=4\n_time=5 c=1 n=5",
            "a b",
            "_time=7 n=[1,2,3] duration=2 eventcount=3 closed_txn=0\n_time=6 n=4 duration=0 eventcount=1 closed_txn=0",
        );
        let unconnected = "_time=9 a=1 n=1\n_time=8 b=2 n=2";
        check(
            unconnected,
            "a b",
            "_time=9 n=1 duration=0 eventcount=1 closed_txn=0\n_time=8 n=2 duration=0 eventcount=1 closed_txn=0",
        );
        check(unconnected, "a b connected=f", "_time=8 n=[1,2] duration=1 eventcount=2 closed_txn=0");
    }

    #[test]
    fn of_several_transactions_the_one_opened_last_gets_the_event() {
        // The places of those that were closed are used again.
        let events = "_time=109 a=x g=b\n_time=107 a=y g=a\n_time=105 a=2 g=10\n_time=104 a=10\n_time=102 a=9 g=10\n_time=101 g=10";
        check_rows(
            events,
            "transaction a g maxspan=4s | where eventcount>1 | table _time a eventcount",
            "_time=101 a=9 eventcount=2",
        );
        // A transaction is as old as its last event, also when it gets another field later.
        let events = "_time=9 a=1\n_time=8 a=2 g=z\n_time=7 a=1 g=z\n_time=6 g=z";
        check_rows(
            events,
            "transaction a g | table _time a eventcount",
            "_time=7 a=1 eventcount=2\n_time=6 a=2 eventcount=2",
        );
    }

    #[test]
    fn spans_pauses_and_counts_close() {
        let input = "_time=100 n=1\n_time=95 n=2\n_time=80 n=3\n_time=79 n=4\n_time=78 n=5";
        check(
            input,
            "maxspan=10s",
            "_time=95 n=[1,2] duration=5 eventcount=2 closed_txn=1\n_time=78 n=[3,4,5] duration=2 eventcount=3 closed_txn=0",
        );
        check(input, "maxpause=15s", "_time=78 n=[1,2,3,4,5] duration=22 eventcount=5 closed_txn=0");
        check(
            input,
            "maxpause=14s maxevents=2",
            "_time=95 n=[1,2] duration=5 eventcount=2 closed_txn=1\n_time=79 n=[3,4] duration=1 eventcount=2 closed_txn=1\n_time=78 n=5 duration=0 eventcount=1 closed_txn=0",
        );
    }

    #[test]
    fn starts_and_ends() {
        let input = "_time=9 s=x n=1\n_time=8 s=end n=2\n_time=7 s=x n=3\n_time=6 s=start n=4\n_time=5 s=x n=5\n_time=4 s=end n=6\n_time=3 s=end n=7\n_time=2 s=start n=8\n_time=1 s=x n=9";
        check(
            input,
            "startswith=\"s=start\" endswith=(s=end)",
            "_time=6 n=[2,3,4] duration=2 eventcount=3 closed_txn=1\n_time=2 n=[7,8] duration=1 eventcount=2 closed_txn=1",
        );
        check(
            input,
            "startswith=eval(s=\"start\")",
            "_time=6 n=[1,2,3,4] duration=3 eventcount=4 closed_txn=1\n_time=2 n=[5,6,7,8] duration=3 eventcount=4 closed_txn=1",
        );
        check(
            input,
            "endswith=(s=end)",
            "_time=5 n=[2,3,4,5] duration=3 eventcount=4 closed_txn=1\n_time=4 n=6 duration=0 eventcount=1 closed_txn=1\n_time=1 n=[7,8,9] duration=2 eventcount=3 closed_txn=0",
        );
        check(
            input,
            "startswith=(s=start) endswith=(s=end) keepevicted=t",
            "_time=9 n=1 duration=0 eventcount=1 closed_txn=0\n_time=6 n=[2,3,4] duration=2 eventcount=3 closed_txn=1\n_time=5 n=5 duration=0 eventcount=1 closed_txn=0\n_time=4 n=6 duration=0 eventcount=1 closed_txn=0\n_time=2 n=[7,8] duration=1 eventcount=2 closed_txn=1\n_time=1 n=9 duration=0 eventcount=1 closed_txn=0",
        );
        check(
            "_time=2 id=a n=1\n_time=1 s=start n=2",
            "id startswith=(s=start)",
            "_time=1 n=[1,2] duration=1 eventcount=2 closed_txn=1",
        );
        check("_time=2 id=a n=1\n_time=1 s=start n=2", "id startswith=(s=start) unifyends=t", "");
    }

    #[test]
    fn orphans() {
        check_rows(
            "_time=2 id=a\n_time=1 n=2",
            "transaction id keeporphans=t | table _time id n eventcount _txn_orphan",
            "_time=2 id=a eventcount=1\n_time=1 n=2 _txn_orphan=1",
        );
    }

    #[test]
    fn lists_of_values() {
        let input = "_time=3 a=x b=1\n_time=2 b=2\n_time=1 a=x b=2";
        check_rows(input, "transaction | table a b", "a=x b=[1,2]");
        check_rows(input, "transaction mvlist=t | table a b", "a=[x,NULL,x] b=[2,2,1]");
        check_rows(input, "transaction mvlist=\"a\" nullstr=- delim=\";\" | table a b", "a=x;-;x b=1;2");
    }

    #[test]
    fn open_transactions_are_bounded() {
        let ctx = Arc::new(context());
        let input = rows("_time=3 id=a\n_time=2 id=b\n_time=1 id=a");
        let result = execute(&ctx, &commands("transaction id maxopentxn=1 | table _time id"), &input, 2, 1).unwrap();
        assert_eq!(print(&result), "_time=1 id=a");
        assert_eq!(ctx.warnings(), [Warning::TransactionsGivenUp { n: 2 }]);
    }

    #[test]
    fn rows_come_out_early_and_in_order() {
        let ctx = Arc::new(context());
        let command = &commands("transaction id maxpause=5s")[0];
        let mut operator = command.start(&ctx);
        let mut times = Vec::new();
        for row in rows("_time=100 id=a\n_time=99 id=b\n_time=97 id=b\n_time=80 id=c\n_time=60 id=c") {
            operator.push(row, &mut |batch| times.push(batch.value(0, "_time").to_string())).unwrap();
        }
        assert_eq!(times, ["100", "80"]);
        let ascending = rows("_time=1 id=a\n_time=2 id=a");
        execute(&ctx, &commands("transaction id"), &ascending, 1, 1).unwrap();
        assert_eq!(ctx.warnings(), [Warning::TransactionOutOfOrder]);
    }

    #[test]
    fn fields_read() {
        check_fields_read("transaction id | table duration x", &["*"], "_time id x");
        check_fields_read(
            "transaction id startswith=(s=1) endswith=eval(t=1) | table linecount",
            &["*"],
            "_raw _time id s t",
        );
        check_fields_read("transaction id startswith=word | table x", &["*"], "*");
    }
}
