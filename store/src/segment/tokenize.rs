//! From the bytes of a journal block to entries of the term table.
//!
//! What is indexed for an event is defined by [`trawl_formats::token::index_terms`], one event at a time. This is its
//! twin for whole blocks: lower-case once, blank the stamps, classify 64 bytes per step. A property test says that both
//! agree.

use super::edges::{TokenMask, WINDOW};
use super::terms::{Doc, TermTable};
use memchr::memchr2_iter;
use std::ops::Range;
use trawl_formats::parse::{EventMeta, ParsedBlock};
use trawl_formats::text::{self, Decoding};
use trawl_formats::timestamp::Span;
use trawl_formats::token::{is_short_number, unescape};

/// Runs of digits in an IPv4 address, and the longest of them.
const N_OCTETS: usize = 4;
const MAX_OCTET_LEN: usize = 3;

/// Tokenizes blocks; keeps its buffers between them.
pub struct Tokenizer {
    mask: TokenMask,
    text: Lowered,
    decoded: Lowered,
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self { mask: TokenMask::detect(), text: Lowered::default(), decoded: Lowered::default() }
    }
}

/// Whether all events but the last end with a line.
fn end_with_lines(bytes: &[u8], parsed: &ParsedBlock) -> bool {
    let mut end = 0;
    let last = parsed.events.len().saturating_sub(1);
    parsed.events[..last].iter().all(|event| {
        end += event.len as usize;
        bytes[..end].last() == Some(&b'\n')
    })
}

impl Tokenizer {
    /// Enters the terms of every event of a block; the first event is document `first_doc`.
    pub fn add_block(
        &mut self,
        bytes: &[u8],
        parsed: &ParsedBlock,
        decoding: Decoding,
        first_doc: Doc,
        terms: &mut TermTable,
    ) {
        let mut events = EventCursor::new(&parsed.events, first_doc);
        // A token may run across the cut of an oversized event, and from a line that was taken for whole into what was written
        // of it later, so such a block is taken event by event.
        if end_with_lines(bytes, parsed) && text::is_plain(bytes, decoding) {
            self.add_plain(bytes, parsed, decoding, events, terms);
            return;
        }
        for event in &parsed.events {
            let text = text::text(&bytes[events.range()], decoding);
            self.add_text(&text, event.stamp, events.doc, terms);
            events.advance();
        }
    }

    /// The fast path: the text is the bytes, so the whole block is lower-cased and classified at once.
    fn add_plain(
        &mut self,
        bytes: &[u8],
        parsed: &ParsedBlock,
        decoding: Decoding,
        mut events: EventCursor<'_>,
        terms: &mut TermTable,
    ) {
        self.text.load(bytes);
        let mut start = 0;
        for event in &parsed.events {
            self.text.blank(start, event.stamp);
            start += event.len as usize;
        }

        // Documents enter the table in ascending order: when an event turns out to hold escapes, the block is indexed
        // up to its end, then the decoded form of that event.
        let mut escapes = events.clone();
        let (mut indexed, mut examined) = (0, 0);
        for at in memchr2_iter(b'\\', b'&', bytes) {
            if at < examined {
                continue;
            }
            escapes.seek(at);
            let range = escapes.range();
            examined = range.end;
            let text = text::text(&bytes[range.clone()], decoding);
            if let Some(decoded) = unescape(&blanked(&text, escapes.event().stamp)) {
                self.text.scan(self.mask, indexed..range.end, terms, |start| events.seek(start));
                indexed = range.end;
                self.add_decoded(&decoded, escapes.doc, terms);
            }
        }
        self.text.scan(self.mask, indexed..bytes.len(), terms, |start| events.seek(start));
    }

    fn add_text(&mut self, text: &[u8], stamp: Option<Span>, doc: Doc, terms: &mut TermTable) {
        self.text.load(text);
        self.text.blank(0, stamp);
        self.text.scan(self.mask, 0..text.len(), terms, |_| doc);
        if let Some(decoded) = unescape(&blanked(text, stamp)) {
            self.add_decoded(&decoded, doc, terms);
        }
    }

    fn add_decoded(&mut self, decoded: &[u8], doc: Doc, terms: &mut TermTable) {
        self.decoded.load(decoded);
        self.decoded.scan(self.mask, 0..decoded.len(), terms, |_| doc);
    }
}

/// The text with its recognised stamp replaced by spaces, in its own case.
fn blanked(text: &[u8], stamp: Option<Span>) -> std::borrow::Cow<'_, [u8]> {
    match stamp {
        None => text.into(),
        Some(span) => {
            let mut text = text.to_vec();
            text[span.range()].fill(b' ');
            text.into()
        }
    }
}

/// A lower-cased copy of some text, padded so that every window of it can be read whole.
#[derive(Default)]
struct Lowered {
    bytes: Vec<u8>,
}

impl Lowered {
    fn load(&mut self, text: &[u8]) {
        self.bytes.clear();
        self.bytes.extend(text.iter().map(u8::to_ascii_lowercase));
        self.bytes.resize(text.len() + WINDOW, b' ');
    }

    fn blank(&mut self, event_start: usize, stamp: Option<Span>) {
        if let Some(span) = stamp {
            self.bytes[event_start..][span.range()].fill(b' ');
        }
    }

    /// Enters the terms of `range`; `doc_at` names the document of a token's first byte and is asked in ascending order.
    fn scan(&self, mask: TokenMask, range: Range<usize>, terms: &mut TermTable, mut doc_at: impl FnMut(usize) -> Doc) {
        let bytes = &self.bytes[..];
        let mut octets = Octets::default();
        let mut add = |start: usize, end: usize| {
            let doc = doc_at(start);
            if bytes[start].is_ascii_digit() {
                let token = &bytes[start..end];
                if let Some(address_start) = octets.push(bytes, start, end, token) {
                    terms.add(bytes, address_start, end, doc);
                }
                if is_short_number(token) {
                    return;
                }
            }
            terms.add(bytes, start, end, doc);
        };

        // Bytes behind the range may be tokens of the next event; the mask of the last window drops them.
        let mut open: Option<usize> = None;
        let mut base = range.start;
        while base < range.end {
            let window = bytes[base..base + WINDOW].try_into().expect("the buffer is padded by a window");
            let mut tokens = mask.of(window);
            let left = range.end - base;
            if left < WINDOW {
                tokens &= (1 << left) - 1;
            }
            let before = (tokens << 1) | u64::from(open.is_some());
            let (mut starts, mut ends) = (tokens & !before, before & !tokens);
            let mut next_start = || {
                let start = (starts != 0).then(|| base + starts.trailing_zeros() as usize);
                starts &= starts.wrapping_sub(1);
                start
            };
            let mut start = open.or_else(&mut next_start);
            while ends != 0 {
                let end = base + ends.trailing_zeros() as usize;
                ends &= ends - 1;
                add(start.expect("each end of a token follows its start"), end);
                start = next_start();
            }
            open = start;
            base += WINDOW;
        }
        if let Some(start) = open {
            add(start, range.end);
        }
        terms.flush(bytes);
    }
}

/// Finds windows of four dot-joined runs of one to three digits in a stream of tokens.
#[derive(Default)]
struct Octets {
    /// Starts of the last runs, oldest first; `n_joined` of them are joined.
    starts: [usize; N_OCTETS],
    n_joined: usize,
    last_end: usize,
}

impl Octets {
    /// Takes the next token that begins with a digit; answers the start of the address that it completes.
    #[inline(always)]
    fn push(&mut self, bytes: &[u8], start: usize, end: usize, token: &[u8]) -> Option<usize> {
        if token.len() > MAX_OCTET_LEN || !token.iter().all(u8::is_ascii_digit) {
            self.n_joined = 0;
            return None;
        }
        let joined = self.n_joined > 0 && self.last_end + 1 == start && bytes[self.last_end] == b'.';
        self.n_joined = if joined { self.n_joined + 1 } else { 1 };
        self.last_end = end;
        self.starts.rotate_left(1);
        self.starts[N_OCTETS - 1] = start;
        (self.n_joined >= N_OCTETS).then_some(self.starts[0])
    }
}

/// Walks the events of a block and knows which document a byte belongs to.
#[derive(Clone)]
struct EventCursor<'a> {
    events: &'a [EventMeta],
    index: usize,
    start: usize,
    end: usize,
    doc: Doc,
}

impl<'a> EventCursor<'a> {
    fn new(events: &'a [EventMeta], doc: Doc) -> Self {
        Self { events, index: 0, start: 0, end: events.first().map_or(0, |event| event.len as usize), doc }
    }

    fn advance(&mut self) {
        self.index += 1;
        self.doc += 1;
        self.start = self.end;
        self.end += self.events.get(self.index).map_or(0, |event| event.len as usize);
    }

    /// Moves forward to the event that holds byte `at` of the block; its document.
    #[inline(always)]
    fn seek(&mut self, at: usize) -> Doc {
        while at >= self.end {
            self.advance();
        }
        self.doc
    }

    fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    fn event(&self) -> &'a EventMeta {
        &self.events[self.index]
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::{MAX_TERM_LEN, OVERSIZED};
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use trawl_formats::token::index_terms;
    use trawl_formats::{Parser, ParserOptions, Registry, Step};

    type Terms = BTreeMap<Vec<u8>, BTreeSet<Doc>>;

    fn blocks(bytes: &[u8], block_bytes: usize) -> Vec<ParsedBlock> {
        let mut options = ParserOptions::new(Registry::builtin().generic());
        options.block_bytes = block_bytes;
        let mut parser = Parser::new(options);
        let (mut blocks, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let mut block = ParsedBlock::default();
            match parser.next_block(&bytes[at..], true, &mut block) {
                Step::Block => {
                    at += block.len;
                    blocks.push(block);
                }
                step => panic!("{step:?} at {at}"),
            }
        }
        blocks
    }

    /// (by the definition, by the tokenizer)
    fn both(bytes: &[u8], block_bytes: usize) -> (Terms, Terms) {
        let (mut defined, mut tokenizer, mut table) = (Terms::new(), Tokenizer::default(), TermTable::default());
        let (mut doc, mut at) = (0, 0);
        for parsed in blocks(bytes, block_bytes) {
            let block = &bytes[at..at + parsed.len];
            tokenizer.add_block(block, &parsed, Decoding::default(), doc, &mut table);
            let mut start = 0;
            for event in &parsed.events {
                let end = start + event.len as usize;
                let text = text::text(&block[start..end], Decoding::default());
                index_terms(&text, event.stamp, |term| {
                    let term = if term.len() > MAX_TERM_LEN { OVERSIZED } else { term };
                    defined.entry(term.to_vec()).or_default().insert(doc);
                });
                doc += 1;
                start = end;
            }
            at += parsed.len;
        }
        let mut indexed = Terms::new();
        table
            .for_each_term(doc, |term, docs| {
                indexed.insert(term.to_vec(), docs.iter().copied().collect());
                Ok::<_, std::convert::Infallible>(())
            })
            .expect("the closure never fails");
        (defined, indexed)
    }

    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        let fixed = |text: &'static str| Just(text.as_bytes().to_vec());
        prop_oneof![
            fixed("2026-11-20 14:05:33,404 ERROR "),
            fixed("Nov 20 14:05:33 web01 sshd[42]: "),
            fixed("10.0.0.1"),
            fixed("1.2.3.4.5"),
            fixed(r#"{"msg":"a\nb \u00e9 \"q\" \\x"}"#),
            fixed(r#""C:\new\table""#),
            fixed("a&amp;b &#65; &x; ?a=1&b=2"),
            fixed("\x1b[31mred\x1b[0m"),
            fixed("\r\n"),
            fixed("\n"),
            fixed("\n\tat com.x.Y(Z.java:7)\n"),
            fixed("payment_service 42 7 404"),
            fixed("caf\u{e9} \u{fc}ber"),
            Just(b"\xff\xfe bad".to_vec()),
            Just(vec![b'z'; 300]),
            "[ -~]{0,40}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn the_block_tokenizer_is_the_definition(
            fragments in proptest::collection::vec(fragment(), 1..60),
            block_bytes in 1_usize..2000,
        ) {
            let (defined, indexed) = both(&fragments.concat(), block_bytes);
            prop_assert_eq!(indexed, defined);
        }
    }

    #[test]
    fn stamps_and_short_numbers_are_left_out_and_addresses_whole() {
        let (_, indexed) = both(b"2026-11-20 14:05:33,404 ERROR host 10.0.0.1 took 42 of 404 ms\n", 1000);
        let terms: Vec<String> = indexed.keys().map(|term| String::from_utf8_lossy(term).into_owned()).collect();
        assert_eq!(terms, ["10.0.0.1", "404", "error", "host", "ms", "of", "took"]);
    }
}
