//! Which events of a live block can match a search expression: what [`candidates`](super::candidates) learns from the index
//! of a bucket, learned from the text of a block. The block is searched as a whole, several times as fast as event by event.
//!
//! As there, a node may answer "all are possible", never too few, and only what certainly matches is not verified.

use super::candidates::{Candidates, SearchFilter, is_constant, value_words};
use super::docset::DocSet;
use super::events::end_with_lines;
use super::schema::Builtin;
use super::target::Condition;
use crate::search::{Compare, CompareOp, PatternMatcher, SearchExpr, ValuePattern};
use crate::time::TimeRange;
use memchr::memmem;
use std::cell::RefCell;
use std::ops::Range;
use trawl_formats::parse::EventFlags;
use trawl_formats::sourcetype::Rules;
use trawl_formats::text;
use trawl_store::LiveBlock;

/// A search expression, ready to be narrowed in live blocks. Shared by threads.
pub struct LiveNarrower {
    node: Node,
    times: TimeRange,
    index_times: TimeRange,
}

enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Pattern(PatternMatcher),
    /// About a field that blocks or columns hold.
    Constant {
        field: String,
        filter: SearchFilter,
    },
    /// A field of the text has one of some values. The longest word of each; none if some value has no word.
    Value {
        field: String,
        words: Vec<memmem::Finder<'static>>,
    },
    Unknown,
}

impl LiveNarrower {
    /// Prepares an expression and its ranges of time.
    pub fn new(condition: &Condition<'_>) -> Self {
        let node = if let SearchExpr::All = condition.expr { Node::All } else { Node::new(condition.expr) };
        Self { node, times: condition.times, index_times: condition.index_times }
    }

    /// The events of a block that can match, under the rules of its sourcetype; `in_range` are those in the ranges of time.
    pub fn narrow(&self, block: &LiveBlock, rules: &Rules, in_range: &DocSet) -> Candidates {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.begin();
            let mut view = View { block, rules, scratch };
            Candidates::exact(in_range.clone()).and(view.narrow(&self.node))
        })
    }

    /// Events in the ranges of time. Lines of column names describe the events after them, and are none themselves.
    pub fn in_range(&self, block: &LiveBlock) -> DocSet {
        let events = &block.parsed.events;
        let n_events = events.len() as u32;
        let (mut ranges, mut begin, mut indexed) = (Vec::new(), None, true);
        let mut runs = block.indexed.iter().peekable();
        for (i, event) in (0..).zip(events) {
            if let Some((_, indexed_at_us)) = runs.next_if(|(first, _)| *first <= i) {
                indexed = self.index_times.contains(*indexed_at_us);
            }
            let is_in = indexed && !event.flags.contains(EventFlags::HEADER) && self.times.contains(event.time_us);
            match (begin, is_in) {
                (None, true) => begin = Some(i),
                (Some(from), false) => {
                    ranges.push(from..i);
                    begin = None;
                }
                _ => {}
            }
        }
        ranges.extend(begin.map(|from| from..n_events));
        DocSet::from_ranges(n_events, ranges)
    }
}

impl Node {
    fn new(expr: &SearchExpr) -> Self {
        match expr {
            SearchExpr::All => Self::All,
            SearchExpr::And(operands) => {
                let mut nodes: Vec<Self> = operands.iter().map(Self::new).collect();
                // What needs no look at the text first.
                nodes.sort_by_key(|node| !matches!(node, Self::Constant { .. }));
                Self::And(nodes)
            }
            SearchExpr::Or(operands) => Self::Or(operands.iter().map(Self::new).collect()),
            SearchExpr::Not(operand) => Self::Not(Box::new(Self::new(operand))),
            SearchExpr::Pattern(pattern) => Self::Pattern(PatternMatcher::new(pattern)),
            SearchExpr::Compare(Compare { field, .. }) if is_constant(field) => Self::constant(field, expr),
            SearchExpr::In(within) if is_constant(&within.field) => Self::constant(&within.field, expr),
            SearchExpr::Exists { field, .. } if is_constant(field) => Self::constant(field, expr),
            SearchExpr::Compare(compare) if compare.op == CompareOp::Eq => {
                Self::value(&compare.field, std::slice::from_ref(&compare.value))
            }
            SearchExpr::In(within) => Self::value(&within.field, &within.values),
            SearchExpr::Compare(_) | SearchExpr::Exists { .. } => Self::Unknown,
            SearchExpr::Subsearch(_) => unreachable!("subsearches are replaced before a search is planned"),
        }
    }

    fn constant(field: &str, expr: &SearchExpr) -> Self {
        Self::Constant { field: field.to_owned(), filter: SearchFilter::of(expr) }
    }

    fn value(field: &str, values: &[ValuePattern]) -> Self {
        let longest = |value: &ValuePattern| value_words(&value.glob).into_iter().max_by_key(Vec::len);
        let words: Option<Vec<Vec<u8>>> = values.iter().map(longest).collect();
        match words {
            Some(words) if Builtin::of(field).is_none() => {
                let words = words.iter().map(|word| memmem::Finder::new(word).into_owned()).collect();
                Self::Value { field: field.to_owned(), words }
            }
            _ => Self::Unknown,
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What is worked out about a block when it is first asked for.
#[derive(Default)]
struct Scratch {
    /// The text in lower case.
    lowered: Vec<u8>,
    /// End of each event.
    ends: Vec<u32>,
    /// Events that hold something that decodes to other text.
    escaped: Vec<u32>,
    is_searchable: Option<bool>,
}

impl Scratch {
    fn begin(&mut self) {
        self.is_searchable = None;
    }
}

/// A block that is looked at.
struct View<'b> {
    block: &'b LiveBlock,
    rules: &'b Rules,
    scratch: &'b mut Scratch,
}

impl View<'_> {
    fn n_events(&self) -> u32 {
        self.block.parsed.events.len() as u32
    }

    fn narrow(&mut self, node: &Node) -> Candidates {
        let n_events = self.n_events();
        match node {
            Node::All => Candidates::exact(DocSet::all(n_events)),
            Node::And(nodes) => {
                let mut all = Candidates::exact(DocSet::all(n_events));
                for node in nodes {
                    all = all.and(self.narrow(node));
                    if all.possible.is_empty() {
                        break;
                    }
                }
                all
            }
            Node::Or(nodes) => {
                nodes.iter().fold(Candidates::exact(DocSet::none(n_events)), |any, node| any.or(self.narrow(node)))
            }
            Node::Not(node) => self.narrow(node).not(),
            Node::Pattern(pattern) if !pattern.spans_lines() && self.is_searchable() => self.holding(pattern),
            Node::Constant { field, filter } => Candidates::exact(self.constant(field, filter)),
            Node::Value { field, words } if self.rules.bounded(field) && self.is_searchable() => {
                let with_words = words.iter().map(|word| self.holding_word(word));
                let any = with_words.reduce(DocSet::or).unwrap_or_else(|| DocSet::none(n_events));
                Candidates::possible(any.or(self.escaped()))
            }
            Node::Pattern(_) | Node::Value { .. } | Node::Unknown => Candidates::unknown(n_events),
        }
    }

    /// Whether the block can be searched as a whole: the text of its events is its bytes, and each event ends with a line.
    fn is_searchable(&mut self) -> bool {
        let (block, Scratch { lowered, ends, escaped, is_searchable }) = (self.block, &mut *self.scratch);
        *is_searchable.get_or_insert_with(|| {
            let bytes = &*block.bytes;
            if !text::is_plain(bytes, block.source.decoding) {
                return false;
            }
            ends.clear();
            ends.extend(block.parsed.events.iter().scan(0, |end, event| {
                *end += event.len;
                Some(*end)
            }));
            if !end_with_lines(ends, bytes) {
                return false;
            }
            lowered.clear();
            lowered.extend(bytes.iter().map(u8::to_ascii_lowercase));
            escaped.clear();
            let (mut at, mut event) = (0, 0);
            while let Some(found) = memchr::memchr2(b'\\', b'&', &bytes[at..]) {
                event = event_at(ends, at + found, event);
                escaped.push(event as u32);
                at = ends[event] as usize;
            }
            true
        })
    }

    fn escaped(&self) -> DocSet {
        DocSet::from_list(self.n_events(), self.scratch.escaped.clone())
    }

    fn holding(&self, pattern: &PatternMatcher) -> Candidates {
        let Scratch { lowered, ends, .. } = &*self.scratch;
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        let (mut at, mut event) = (0, 0);
        while let Some(start) = pattern.find_lowered(lowered, at) {
            event = event_at(ends, start, event);
            if possible.last() != Some(&(event as u32)) {
                possible.push(event as u32);
            }
            let event_range = event.checked_sub(1).map_or(0, |before| ends[before] as usize)..ends[event] as usize;
            match pattern.literal_len() {
                Some(len) if self.is_match(pattern, event, &event_range, start..start + len) => {
                    certain.push(event as u32);
                    at = event_range.end;
                }
                // It may stand in the stamp, and behind it once more.
                Some(_) => at = start + 1,
                None => at = event_range.end,
            }
        }
        let n_events = self.n_events();
        let mut possible = DocSet::from_list(n_events, possible);
        if pattern.sees_escapes() {
            possible = possible.or(self.escaped());
        }
        Candidates { certain: DocSet::from_list(n_events, certain), possible }
    }

    /// Whether a stretch of the block is a match of the pattern that it was found for.
    fn is_match(
        &self,
        pattern: &PatternMatcher,
        event: usize,
        event_range: &Range<usize>,
        found: Range<usize>,
    ) -> bool {
        let bytes = &*self.block.bytes;
        if !pattern.is_literal(&bytes[found.clone()]) {
            return false;
        }
        if !pattern.skips_stamp() {
            return true;
        }
        // The stamp is where the rules say that it is, and those may have changed since.
        if self.block.source.rules_hash != self.rules.hash() {
            return false;
        }
        let Some(stamp) = self.block.parsed.events[event].stamp else { return true };
        let stamp = event_range.start + stamp.start as usize..event_range.start + stamp.end();
        // It is counted in the text, which lacks carriage returns.
        let is_in_place =
            bytes.get(event_range.start..stamp.end).is_some_and(|head| memchr::memchr(b'\r', head).is_none());
        is_in_place && (found.end <= stamp.start || stamp.end <= found.start)
    }

    fn holding_word(&self, word: &memmem::Finder<'_>) -> DocSet {
        let Scratch { lowered, ends, .. } = &*self.scratch;
        let (mut events, mut at, mut event) = (Vec::new(), 0, 0);
        while let Some(found) = word.find(&lowered[at..]) {
            event = event_at(ends, at + found, event);
            events.push(event as u32);
            at = ends[event] as usize;
        }
        DocSet::from_list(self.n_events(), events)
    }

    /// The exact answer of a condition on a field that the block or its columns hold.
    fn constant(&self, field: &str, filter: &SearchFilter) -> DocSet {
        let (source, parsed) = (&self.block.source, &self.block.parsed);
        let n_events = self.n_events();
        let whole = |value: &str| match filter.matches(field, Some(value)) {
            true => DocSet::all(n_events),
            false => DocSet::none(n_events),
        };
        let by_id = |none: Option<&str>, id_of: &dyn Fn(usize) -> u16| {
            // Symbols are few: each is compared once.
            let mut known = vec![filter.matches(field, none)];
            known.extend(parsed.symbols.iter().map(|symbol| filter.matches(field, Some(symbol))));
            let events = (0..n_events).filter(|event| known[usize::from(id_of(*event as usize))]);
            DocSet::from_list(n_events, events.collect())
        };
        match field {
            "index" => whole(source.index.as_str()),
            "source" => whole(source.source.as_str()),
            "sourcetype" => whole(source.sourcetype.as_str()),
            "level" => by_id(None, &|event| parsed.events[event].level),
            _ => by_id(Some(source.host.as_str()), &|event| parsed.events[event].host),
        }
    }
}

/// The event in which byte `at` lies, which is `from` or a later one.
fn event_at(ends: &[u32], at: usize, from: usize) -> usize {
    from + ends[from..].iter().take_while(|&&end| end as usize <= at).count()
}
