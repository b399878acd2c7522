//! From the bytes of one source to events.
//!
//! [`Parser`] is fed the bytes of a source from an event start on and fills a [`ParsedBlock`] with the events that end
//! within them. It does not keep bytes: what it did not consume is handed in again, with more behind it. However the
//! bytes are cut into feeds, the events come out the same.
//!
//! ```
//! use trawl_formats::{Parser, ParserOptions, ParsedBlock, Registry, Step};
//!
//! let rules = Registry::builtin().generic();
//! let mut parser = Parser::new(ParserOptions::new(rules));
//! let mut block = ParsedBlock::default();
//! let bytes = b"2026-11-20 14:05:00 ERROR out of paper\n  in tray 2\n2026-11-20 14:05:01 INFO ok\n";
//! assert_eq!(parser.next_block(bytes, true, &mut block), Step::Block);
//! assert_eq!(block.len, bytes.len());
//! assert_eq!(block.events.len(), 2);
//! assert_eq!(block.events[0].len as usize, "2026-11-20 14:05:00 ERROR out of paper\n  in tray 2\n".len());
//! assert_eq!(&*block.symbols[usize::from(block.events[0].level) - 1], "ERROR");
//! ```

mod join;
mod lines;
mod symbols;

use std::borrow::Cow;
use std::ops::BitOr;
use std::sync::Arc;

use memchr::memchr;

use crate::framing::{Framing, InPosition, Role};
use crate::level::Scratch;
use crate::sourcetype::Rules;
use crate::text::{Decoding, Wrapper, text};
use crate::timestamp::generic;
use crate::timestamp::recognise::first_line;
use crate::timestamp::resolve::Resolver;
use crate::timestamp::{Span, StampHint, TimeContext};
use crate::wrapper::WrappedLine;

use join::Join;
use lines::{Gap, LineEnd, Lines};
use symbols::Symbols;

/// What the parser found out about one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventMeta {
    /// Bytes of the event, its line end included.
    pub len: u32,
    /// UTC microseconds since 1970.
    pub time_us: i64,
    /// Where the stamp stands in the event's text.
    pub stamp: Option<Span>,
    /// 1 + index of the level in [`ParsedBlock::symbols`]; 0 for none.
    pub level: u16,
    /// 1 + index of the host in [`ParsedBlock::symbols`]; 0 for the default host of the source.
    pub host: u16,
    /// What is special about the event.
    pub flags: EventFlags,
}

/// A set of remarks on an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct EventFlags(pub u8);

impl EventFlags {
    /// The event has no stamp; its time is that of the event before, or the modification time of the source.
    pub const NO_STAMP: Self = Self(1);
    /// The stamp means an absurd time, before 1990 or too far in the future; the time is as for [`Self::NO_STAMP`].
    pub const BAD_TIME: Self = Self(2);
    /// The event is a piece of one that was longer than allowed.
    pub const CUT: Self = Self(4);
    /// The event continues one that was closed before its end was known. Set by readers, never by the parser.
    pub const CONTINUED: Self = Self(8);
    /// The event describes the events after it: a line of column names or a `#` directive.
    pub const HEADER: Self = Self(16);

    /// Returns whether all remarks of `other` are in the set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether there is nothing to remark.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds the remarks of `other`.
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitOr for EventFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Consecutive events of one source.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct ParsedBlock {
    /// Bytes covered: the sum of the events' lengths.
    pub len: usize,
    /// The events in order.
    pub events: Vec<EventMeta>,
    /// Texts of levels and hosts, each once.
    pub symbols: Vec<Arc<str>>,
    /// The hint for finding the stamps of the block's events again.
    pub hint: StampHint,
    /// The line of column names in force for all events of the block (CSV, W3C, tables that programs print).
    pub header: Option<Arc<str>>,
    /// Every event is exactly one line that ends with a line feed: no event boundaries need to be stored.
    pub line_events: bool,
}

impl ParsedBlock {
    fn clear(&mut self) {
        self.len = 0;
        self.events.clear();
        self.symbols.clear();
        self.hint = StampHint::default();
        self.header = None;
        self.line_events = true;
    }
}

/// What a call of [`Parser::next_block`] came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The block holds at least one event; its `len` bytes are consumed.
    Block,
    /// The bytes begin with a run of NULs of this length, left by a crash or a sparse copy, which are not stored.
    Gap {
        /// Bytes to skip.
        len: usize,
    },
    /// No event ends within the bytes; hand in more, or `at_end`.
    NeedMore,
}

/// Everything a parser has to know about its source.
#[derive(Clone, Debug)]
pub struct ParserOptions {
    /// The sourcetype.
    pub rules: Arc<Rules>,
    /// How bytes become text.
    pub decoding: Decoding,
    /// What resolves stamps that do not say everything.
    pub time: TimeContext,
    /// A block is closed by the first event that ends at or after so many bytes. Default 128 KiB.
    pub block_bytes: usize,
    /// An event longer than this is cut. Default 1 MiB; at least 64.
    pub max_event_bytes: usize,
    /// The time of the event before the first byte, if there is one.
    pub previous_time_us: Option<i64>,
    /// The line of column names in force before the first byte, if there is one.
    pub header: Option<Arc<str>>,
}

impl ParserOptions {
    /// Returns the options for the start of a plain UTF-8 source in UTC, written and read at the end of 2099, so that any
    /// time is believed.
    pub fn new(rules: Arc<Rules>) -> Self {
        const END_OF_2099_US: i64 = 4_102_444_799_000_000;
        let decoding = Decoding { wrapper: rules.wrapper(), ..Decoding::default() };
        Self {
            rules,
            decoding,
            time: TimeContext { zone: Default::default(), mtime_us: END_OF_2099_US, now_us: END_OF_2099_US },
            block_bytes: 128 << 10,
            max_event_bytes: 1 << 20,
            previous_time_us: None,
            header: None,
        }
    }
}

/// Cuts the bytes of one source into events and finds their time, level and host. A clone goes on from the same place.
#[derive(Clone, Debug)]
pub struct Parser {
    rules: Arc<Rules>,
    decoding: Decoding,
    resolver: Resolver,
    mtime_us: i64,
    block_bytes: usize,
    max_event_bytes: usize,
    last_time_us: Option<i64>,
    header: Option<Arc<str>>,
    /// The bytes begin inside a NUL run that was reported in part.
    in_gap: bool,
    /// The next event is the rest of one that was cut.
    cut: Option<Cut>,
    symbols: Symbols,
    level_scratch: Scratch,
    host_scratch: Scratch,
}

/// What the rest of an event needs to know of its beginning.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// It began with a stamp in position, so that only another one ends it.
    stamped: bool,
}

/// How far an event reaches.
struct Extent {
    end: usize,
    /// End of the first line, its line feed included.
    first_line_end: usize,
    /// One line, and its last byte is a line feed.
    is_whole_line: bool,
    /// The event is longer than allowed and goes on.
    cut: Option<Cut>,
    /// The line behind it, if that was looked at.
    next: Option<FirstLine>,
}

/// What is already known about the first line of an event.
#[derive(Clone, Copy)]
struct FirstLine {
    end: LineEnd,
    stamp: InPosition,
}

impl Parser {
    /// Makes a parser for the bytes of one source.
    pub fn new(options: ParserOptions) -> Self {
        let ParserOptions { rules, decoding, time, block_bytes, max_event_bytes, previous_time_us, header } = options;
        Self {
            resolver: Resolver::new(&time, rules.zone()),
            rules,
            decoding,
            mtime_us: time.mtime_us,
            block_bytes,
            max_event_bytes: max_event_bytes.max(MIN_EVENT_BYTES),
            last_time_us: previous_time_us,
            header,
            in_gap: false,
            cut: None,
            symbols: Symbols::default(),
            level_scratch: Scratch::default(),
            host_scratch: Scratch::default(),
        }
    }

    /// Returns the time of the last event, which the next one inherits if it has no stamp.
    pub fn last_time_us(&self) -> Option<i64> {
        self.last_time_us
    }

    /// Returns the line of column names in force (CSV, W3C).
    pub fn header(&self) -> Option<&Arc<str>> {
        self.header.as_ref()
    }

    /// Changes what stamps are resolved by: a tailed source is written on, and its year may end.
    pub fn set_time(&mut self, time: TimeContext) {
        self.resolver = Resolver::new(&time, self.rules.zone());
        self.mtime_us = time.mtime_us;
    }

    /// Fills `block` with the events up to the first one that ends at or after the block size.
    ///
    /// `bytes` begin at an event start, or inside a NUL run. An event is whole when its line end and, where events may
    /// have several lines, the beginning of the next event are there; `at_end` says that no more bytes will come, so the
    /// last event is whole as it is. An event that changes the header begins a new block.
    ///
    /// Cost: one pass over the consumed bytes; at most `max_event_bytes` beyond them are looked at.
    pub fn next_block(&mut self, bytes: &[u8], at_end: bool, block: &mut ParsedBlock) -> Step {
        block.clear();
        self.symbols.clear();
        if bytes.is_empty() {
            return Step::NeedMore;
        }
        let lines = Lines { bytes, at_end, encoding: self.decoding.encoding, max_len: self.max_event_bytes };
        match lines.gap_at(0, self.in_gap) {
            Gap::Undecided => return Step::NeedMore,
            Gap::Run { len, open } => {
                self.in_gap = open;
                self.cut = None;
                return Step::Gap { len };
            }
            Gap::None => self.in_gap = false,
        }
        let rules = Arc::clone(&self.rules);
        let mut at = 0;
        let mut known = None;
        while at < bytes.len() && at < self.block_bytes.max(1) && !self.symbols.is_full() {
            if at > 0 && lines.gap_at(at, false) != Gap::None {
                break;
            }
            let first =
                known.take().unwrap_or_else(|| FirstLine { end: lines.end_of_line(at), stamp: InPosition::Unknown });
            let Some(extent) = self.extent(&rules, &lines, at, first) else { break };
            let event = &bytes[at..extent.end];
            let line = self.first_line(event, &extent, at);
            if let Some(header) = self.changed_header(&rules, event, &line) {
                if at > 0 {
                    break;
                }
                self.header = Some(header);
            }
            if at == 0 {
                block.header.clone_from(&self.header);
            }
            let mut meta = self.read_event(&rules, event, &line, first.stamp);
            if extent.cut.is_some() || self.cut.is_some() {
                meta.flags.insert(EventFlags::CUT);
            }
            self.cut = extent.cut;
            block.line_events &= extent.is_whole_line;
            block.events.push(meta);
            known = extent.next;
            at = extent.end;
        }
        block.len = at;
        block.line_events &= self.decoding.encoding.unit_len() == 1;
        block.symbols.extend_from_slice(self.symbols.as_slice());
        if block.events.is_empty() { Step::NeedMore } else { Step::Block }
    }

    /// Finds the end of the event that begins at `start`; `None` if that takes more bytes.
    #[inline]
    fn extent(&self, rules: &Rules, lines: &Lines<'_>, start: usize, first: FirstLine) -> Option<Extent> {
        let first_line_end = match first.end {
            LineEnd::Terminated(end) | LineEnd::Open(end) => end,
            LineEnd::TooLong => lines.cut_point(start),
            LineEnd::Unknown => return None,
        };
        let is_terminated = matches!(first.end, LineEnd::Terminated(_));
        let extent =
            Extent { end: first_line_end, first_line_end, is_whole_line: is_terminated, cut: None, next: None };
        let is_line_by_line = rules.framing.is_line_by_line() && self.decoding.wrapper == Wrapper::None;
        if is_line_by_line && first.end != LineEnd::TooLong {
            return Some(extent);
        }
        let mut join = match self.cut {
            Some(Cut { stamped }) => Join::resume(&rules.framing, self.decoding.wrapper, stamped),
            None => {
                let line = &lines.bytes[start..first_line_end];
                Join::begin(rules, self.decoding, line, first.stamp)
            }
        };
        if first.end == LineEnd::TooLong {
            return Some(Extent { cut: Some(Cut { stamped: join.is_stamped() }), ..extent });
        }
        if !is_terminated {
            return Some(extent);
        }
        self.join_lines(rules, lines, start, extent, &mut join)
    }

    /// Extends an event by the lines that continue it.
    fn join_lines<'b>(
        &self,
        rules: &Rules,
        lines: &Lines<'b>,
        start: usize,
        mut extent: Extent,
        join: &mut Join<'b>,
    ) -> Option<Extent> {
        while !join.is_complete() {
            let at = extent.end;
            if at == lines.bytes.len() {
                return lines.at_end.then_some(extent);
            }
            match lines.gap_at(at, false) {
                Gap::Undecided => return None,
                Gap::Run { .. } => return Some(extent),
                Gap::None => {}
            }
            let line_end = lines.end_of_line(at);
            let end = match line_end {
                LineEnd::Terminated(end) | LineEnd::Open(end) => end,
                LineEnd::TooLong => lines.cut_point(at),
                LineEnd::Unknown => return None,
            };
            match join.add(rules, self.decoding, &lines.bytes[at..end]) {
                Role::Begins(stamp) => {
                    extent.next = Some(FirstLine { end: line_end, stamp });
                    return Some(extent);
                }
                Role::Continues if line_end == LineEnd::TooLong || end - start > self.max_event_bytes => {
                    extent.cut = Some(Cut { stamped: join.is_stamped() });
                    return Some(extent);
                }
                Role::Continues => {
                    extent.end = end;
                    extent.is_whole_line = false;
                    if line_end == LineEnd::Open(end) {
                        return Some(extent);
                    }
                }
            }
        }
        Some(extent)
    }

    /// Returns the first line of the event's text.
    #[inline]
    fn first_line<'e>(&self, event: &'e [u8], extent: &Extent, start: usize) -> Cow<'e, [u8]> {
        if self.decoding.wrapper == Wrapper::None {
            return text(&event[..extent.first_line_end - start], self.decoding);
        }
        let mut text = text(event, self.decoding).into_owned();
        text.truncate(first_line(&text).len());
        Cow::Owned(text)
    }

    /// Returns the header that an event puts into force, if it is another one.
    #[inline]
    fn changed_header(&self, rules: &Rules, event: &[u8], line: &[u8]) -> Option<Arc<str>> {
        let header = match &rules.framing {
            Framing::Csv if self.header.is_none() => text(event, self.decoding),
            framing if framing.names_columns(line) => Cow::Borrowed(line),
            _ => return None,
        };
        let header = String::from_utf8_lossy(&header);
        (self.header.as_deref() != Some(&*header)).then(|| header.as_ref().into())
    }

    /// Finds time, level and host of an event.
    #[inline]
    fn read_event(&mut self, rules: &Rules, event: &[u8], line: &[u8], in_position: InPosition) -> EventMeta {
        let stamp = rules.stamp(line, in_position);
        let span = stamp.map(|stamp| stamp.span);
        let moment = match self.decoding.wrapper {
            Wrapper::None => stamp.map(|stamp| stamp.moment),
            wrapper => {
                let first = &event[..memchr(b'\n', event).unwrap_or(event.len())];
                generic::whole(WrappedLine::parse(first, wrapper).time)
            }
        };
        let time_us = moment.and_then(|moment| self.resolver.resolve(moment));
        let mut flags = match (moment, time_us) {
            (_, Some(_)) => EventFlags::default(),
            (Some(_), None) => EventFlags::BAD_TIME,
            (None, None) => EventFlags::NO_STAMP,
        };
        let time_us = time_us.or(self.last_time_us).unwrap_or(self.mtime_us);
        self.last_time_us = Some(time_us);
        let is_table_header =
            matches!(rules.framing, Framing::Csv) && self.header.as_deref().map(str::as_bytes) == Some(line);
        if rules.framing.is_header(line) || is_table_header {
            flags.insert(EventFlags::HEADER);
        }
        let whole = rules.level.spans_lines().then(|| text(event, self.decoding));
        let level = rules.level_in(whole.as_deref().unwrap_or(line), span, &mut self.level_scratch);
        let host = rules.host.as_ref().and_then(|host| host.find(line, span, &mut self.host_scratch));
        EventMeta {
            // An event has at most `max_event_bytes` and its line end, far below 4 GiB.
            len: event.len() as u32,
            time_us,
            stamp: span,
            level: level.map_or(0, |level| self.symbols.intern(level)),
            host: host.map_or(0, |host| self.symbols.intern(host)),
            flags,
        }
    }

    /// Returns the offset of the first event at or after `from` that begins with a stamp and stands at the beginning of a
    /// line: where a large file can be cut into pieces that are parsed on their own.
    ///
    /// `None` if there is none within `bytes`, or if events of this sourcetype depend on what stands before them
    /// (tables, container lines, UTF-16). `bytes` may begin anywhere in the source.
    pub fn find_piece_start(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let is_independent = self.decoding.wrapper == Wrapper::None
            && self.decoding.encoding.unit_len() == 1
            && self.rules.framing.is_context_free();
        if !is_independent {
            return None;
        }
        let mut start = from.max(1);
        start += memchr(b'\n', bytes.get(start - 1..)?)?;
        loop {
            let end = start + memchr(b'\n', bytes.get(start..)?)? + 1;
            if self.begins_stamped(&text(&bytes[start..end], self.decoding)) {
                return Some(start);
            }
            start = end;
        }
    }

    /// Returns whether a line begins an event wherever it stands, and has a time of its own.
    fn begins_stamped(&self, line: &[u8]) -> bool {
        let rules = &self.rules;
        let begins = matches!(rules.framing.role(line, &rules.recogniser, true), Role::Begins(_));
        let moment = rules.stamp(line, InPosition::Unknown).filter(|_| begins).map(|stamp| stamp.moment);
        moment.is_some_and(|moment| self.resolver.clone().resolve(moment).is_some())
    }
}

/// The least length at which events are cut: a stamp must fit.
const MIN_EVENT_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoding, Registry, Zone};

    /// 2026-11-22T00:00:00Z.
    const NOW_US: i64 = 1_795_305_600_000_000;

    fn options(sourcetype: &str) -> ParserOptions {
        let rules = Registry::builtin().get(sourcetype).unwrap();
        let time = TimeContext { zone: Zone::UTC, mtime_us: NOW_US, now_us: NOW_US };
        ParserOptions { time, ..ParserOptions::new(rules) }
    }

    /// Parses all of `bytes`; returns the raw events and what is known of them. Every byte must be in an event or a gap.
    fn parse(bytes: &[u8], options: ParserOptions) -> Vec<(&[u8], EventMeta)> {
        let mut parser = Parser::new(options);
        let mut block = ParsedBlock::default();
        let mut events = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            match parser.next_block(&bytes[at..], true, &mut block) {
                Step::Block => {
                    for meta in &block.events {
                        let end = at + meta.len as usize;
                        events.push((&bytes[at..end], *meta));
                        at = end;
                    }
                }
                Step::Gap { len } => at += len,
                Step::NeedMore => panic!("the end is known"),
            }
        }
        assert_eq!(at, bytes.len());
        events
    }

    /// Shows the events' text and what is special about them, one per row.
    fn show(bytes: &[u8], options: ParserOptions) -> Vec<String> {
        let decoding = options.decoding;
        let row = |(raw, meta): (&[u8], EventMeta)| {
            let flags = [
                (EventFlags::NO_STAMP, "no stamp "),
                (EventFlags::BAD_TIME, "bad time "),
                (EventFlags::CUT, "cut "),
                (EventFlags::HEADER, "header "),
            ];
            let flags: String =
                flags.iter().filter(|(flag, _)| meta.flags.contains(*flag)).map(|(_, name)| *name).collect();
            let time = chrono::DateTime::from_timestamp_micros(meta.time_us).unwrap().format("%dT%T");
            let text = text(raw, decoding);
            format!("{time} {flags}| {}", String::from_utf8_lossy(&text).replace('\n', "\\n").replace('\0', "\\0"))
        };
        parse(bytes, options).into_iter().map(row).collect()
    }

    #[test]
    fn headers_hold_for_the_lines_below_them() {
        let text = b"procs ---memory---\n r  b   swpd   free\n 3  0 0 1\n\n r  b   swpd   free   buff\n 4  0 0 1 2\n";
        let expected = [
            "22T00:00:00 no stamp header | procs ---memory---",
            "22T00:00:00 no stamp header |  r  b   swpd   free",
            "22T00:00:00 no stamp |  3  0 0 1",
            "22T00:00:00 no stamp header | ",
            "22T00:00:00 no stamp header |  r  b   swpd   free   buff",
            "22T00:00:00 no stamp |  4  0 0 1 2",
        ];
        assert_eq!(show(text, options("vmstat")), expected);
        let mut parser = Parser::new(options("vmstat"));
        let (mut block, mut at, mut headers) = (ParsedBlock::default(), 0, Vec::new());
        while at < text.len() {
            assert_eq!(parser.next_block(&text[at..], true, &mut block), Step::Block);
            at += block.len;
            headers.push(block.header.as_deref().map(|header| header.split_whitespace().count()));
        }
        assert_eq!(headers, [None, Some(4), Some(5)]);
    }

    #[test]
    fn a_table_inside_a_log_is_part_of_it() {
        let table = "USER       PID %CPU %MEM COMMAND\napp 812 12.5 3.1 java\n";
        assert_eq!(Registry::builtin().detect(table.as_bytes(), "").rules.name().as_str(), "ps");
        let log = format!("2026-11-20 14:05:00 INFO processes:\n{table}");
        assert_eq!(Registry::builtin().detect(log.as_bytes(), "").rules.name().as_str(), "generic");
    }

    #[test]
    fn lines_join_by_the_rule_of_the_sourcetype() {
        for (sourcetype, text, expected) in [
            (
                "generic",
                "banner\nmore banner\n2026-11-20 14:05:00 ERROR a\n  b\nno stamp\n\n2026-11-20 14:05:01 c\n",
                &[
                    "22T00:00:00 no stamp | banner",
                    "22T00:00:00 no stamp | more banner",
                    "20T14:05:00 | 2026-11-20 14:05:00 ERROR a\\n  b\\nno stamp\\n",
                    "20T14:05:01 | 2026-11-20 14:05:01 c",
                ][..],
            ),
            (
                "json",
                "{\"time\":\"2026-11-20T14:05:00Z\",\n \"a\":1\n}\n{\"time\":1795183501}\n",
                &[
                    "20T14:05:00 | {\"time\":\"2026-11-20T14:05:00Z\",\\n \"a\":1\\n}",
                    "20T14:05:01 | {\"time\":1795183501}",
                ],
            ),
            (
                "iis_w3c",
                "#Fields: date time x\n2026-11-20 14:05:00 1\n",
                &["22T00:00:00 no stamp header | #Fields: date time x", "20T14:05:00 | 2026-11-20 14:05:00 1"],
            ),
            (
                "csv",
                "time,msg\n2026-11-20 14:05:00,\"a\nb\"\n",
                &["22T00:00:00 no stamp header | time,msg", "20T14:05:00 | 2026-11-20 14:05:00,\"a\\nb\""],
            ),
            (
                "docker_json",
                concat!(
                    "{\"log\":\"a \",\"stream\":\"stdout\",\"time\":\"2026-11-20T14:05:00Z\"}\n",
                    "{\"log\":\"e\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-20T14:05:01Z\"}\n",
                    "{\"log\":\"b\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-20T14:05:02Z\"}\n",
                    "{\"log\":\"c\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-20T14:05:03Z\"}\n"
                ),
                &["20T14:05:00 | a b\\ne", "20T14:05:03 | c"],
            ),
            (
                "k8s_cri",
                "2026-11-20T14:05:00.1Z stdout P a \n2026-11-20T14:05:01Z stdout F b\n",
                &["20T14:05:00 | a b"],
            ),
        ] {
            assert_eq!(show(text.as_bytes(), options(sourcetype)), expected, "{sourcetype}");
        }
    }

    #[test]
    fn odd_bytes_are_covered() {
        let generic = |encoding| {
            let options = options("generic");
            ParserOptions { decoding: Decoding { encoding, ..options.decoding }, ..options }
        };
        let utf8 = |bytes: &[u8]| show(bytes, generic(Encoding::Utf8));
        assert_eq!(utf8(b"2026-11-20 14:05:00 a\r\n  b\r\n"), ["20T14:05:00 | 2026-11-20 14:05:00 a\\n  b"]);
        assert_eq!(utf8(b"\xef\xbb\xbf2026-11-20 14:05:00 a\n"), ["20T14:05:00 | 2026-11-20 14:05:00 a"]);
        assert_eq!(utf8(b"2026-11-20 14:05:00 \xff\xfe\n"), ["20T14:05:00 | 2026-11-20 14:05:00 \u{fffd}\u{fffd}"]);
        assert_eq!(utf8(b"2026-11-20 14:05:00 a\0b"), ["20T14:05:00 | 2026-11-20 14:05:00 a\\0b"]);
        assert_eq!(utf8(b"\x1b[1m2026-11-20 14:05:00\x1b[0m a"), ["20T14:05:00 | 2026-11-20 14:05:00 a"]);
        let wide = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}2026-11-20 14:05:00 ERROR ä\r\n ਊ\n".encode_utf16().flat_map(unit).collect()
        };
        let expected = ["20T14:05:00 | 2026-11-20 14:05:00 ERROR ä\\n ਊ"];
        assert_eq!(show(&wide(u16::to_le_bytes), generic(Encoding::Utf16Le)), expected);
        assert_eq!(show(&wide(u16::to_be_bytes), generic(Encoding::Utf16Be)), expected);
        assert_eq!(
            show(b"2026-11-20 14:05:00 \xe4\n", generic(Encoding::Latin1)),
            ["20T14:05:00 | 2026-11-20 14:05:00 ä"]
        );
    }

    #[test]
    fn long_lines_stay_whole_up_to_the_limit() {
        let line = |len: usize| {
            let mut line = b"2026-11-20 14:05:00 ".to_vec();
            line.extend(b"word ".iter().cycle().take(len));
            line.push(b'\n');
            line
        };
        for sourcetype in ["generic", "log4j", "json"] {
            let eighty_k = line(80_000);
            assert_eq!(parse(&eighty_k, options(sourcetype)).len(), 1, "{sourcetype}");
            let five_m = line(5_000_000);
            let pieces = parse(&five_m, options(sourcetype));
            assert_eq!(pieces.len(), 5);
            for (raw, meta) in &pieces {
                assert!(raw.len() <= 1 << 20 && meta.flags.contains(EventFlags::CUT));
                assert!(raw.starts_with(b"word ") || raw.starts_with(b"2026"));
                assert_eq!(meta.time_us, pieces[0].1.time_us);
            }
        }
        // A text of many lines is cut between lines.
        let mut many = line(10);
        many.extend(b"  continued\n".iter().cycle().take(3_000_000));
        let pieces = parse(&many, options("generic"));
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|(raw, meta)| raw.ends_with(b"\n") && meta.flags.contains(EventFlags::CUT)));
    }

    #[test]
    fn holes_are_skipped() {
        let mut bytes = b"2026-11-20 14:05:00 a\nhalf".to_vec();
        bytes.resize(bytes.len() + 10_000, 0);
        bytes.extend_from_slice(b"2026-11-20 14:05:01 b\n");
        let expected = ["20T14:05:00 | 2026-11-20 14:05:00 a\\nhalf", "20T14:05:01 | 2026-11-20 14:05:01 b"];
        assert_eq!(show(&bytes, options("generic")), expected);
        // A hole that is reported in part goes on in the next bytes, however few they are.
        let mut parser = Parser::new(options("generic"));
        let mut block = ParsedBlock::default();
        assert_eq!(parser.next_block(&[0; 4095], false, &mut block), Step::NeedMore);
        assert_eq!(parser.next_block(&[0; 5000], false, &mut block), Step::Gap { len: 5000 });
        assert_eq!(parser.next_block(&[], false, &mut block), Step::NeedMore);
        assert_eq!(parser.next_block(b"\0\0\0x\n", false, &mut block), Step::Gap { len: 3 });
        assert_eq!(parser.next_block(b"\0x\n", true, &mut block), Step::Block);
    }

    #[test]
    fn times_that_are_absent_or_absurd_are_inherited() {
        let text = b"2026-11-20 14:05:00 a\n1970-01-01 00:00:00 b\n2031-01-01 00:00:00 c\n2026-11-20 14:05:01 d\n";
        assert_eq!(
            show(text, options("generic")),
            [
                "20T14:05:00 | 2026-11-20 14:05:00 a",
                "20T14:05:00 bad time | 1970-01-01 00:00:00 b",
                "20T14:05:00 bad time | 2031-01-01 00:00:00 c",
                "20T14:05:01 | 2026-11-20 14:05:01 d",
            ]
        );
        let options = ParserOptions { previous_time_us: Some(NOW_US - 3_600_000_000), ..options("generic") };
        assert_eq!(show(b"no stamp", options), ["21T23:00:00 no stamp | no stamp"]);
    }

    #[test]
    fn the_last_event_stays_open() {
        let mut parser = Parser::new(options("generic"));
        let mut block = ParsedBlock::default();
        let bytes = b"2026-11-20 14:05:00 a\n b\n2026-11-20 14:05:01 c\n";
        assert_eq!(parser.next_block(&bytes[..25], false, &mut block), Step::NeedMore);
        assert_eq!(parser.next_block(bytes, false, &mut block), Step::Block);
        assert_eq!((block.len, block.events.len()), (25, 1));
        assert_eq!(parser.next_block(&bytes[25..], false, &mut block), Step::NeedMore);
        assert_eq!(parser.next_block(&bytes[25..], true, &mut block), Step::Block);
        // Where every line is an event, its line end is enough.
        let mut parser = Parser::new(options("access_combined"));
        assert_eq!(parser.next_block(b"a line\nhalf a l", false, &mut block), Step::Block);
        assert_eq!((block.len, block.line_events), (7, true));
        assert_eq!(parser.last_time_us(), Some(NOW_US));
    }

    #[test]
    fn blocks_end_at_their_size_and_before_a_new_header() {
        let mut parser = Parser::new(ParserOptions { block_bytes: 30, ..options("iis_w3c") });
        let mut block = ParsedBlock::default();
        let bytes = b"#Fields: date time x\n2026-11-20 14:05:00 1\n#Fields: date time y\n2026-11-20 14:05:01 2\n";
        let mut blocks = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            assert_eq!(parser.next_block(&bytes[at..], true, &mut block), Step::Block);
            blocks.push((block.len, block.events.len(), block.header.as_deref().map(str::to_owned)));
            at += block.len;
        }
        let header = |name: &str| Some(format!("#Fields: date time {name}"));
        assert_eq!(blocks, [(43, 2, header("x")), (43, 2, header("y"))]);
    }

    #[test]
    fn pieces_begin_with_a_stamp() {
        let bytes = b"2026-11-20 14:05:00 a\n at x\n2026-11-20 14:05:01 b\n1970-01-01 00:00:00 c\n";
        let check = |sourcetype: &str, from: usize, expected: Option<usize>| {
            assert_eq!(
                Parser::new(options(sourcetype)).find_piece_start(bytes, from),
                expected,
                "{sourcetype} from {from}"
            );
        };
        check("generic", 0, Some(28));
        check("generic", 28, Some(28));
        check("generic", 29, None);
        check("generic", 1000, None);
        check("csv", 0, None);
        check("docker_json", 0, None);
        check("iis_w3c", 0, None);
    }
}
