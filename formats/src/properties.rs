//! Laws that hold for any input: however bytes are fed, cut and projected, the answers agree.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::token::{is_boundary, tokens, unescape};
use crate::{
    Decoding, Encoding, EventFlags, Fields, ParsedBlock, Parser, ParserOptions, Registry, Rules, Span, Step,
    TimeContext, Wanted, Wrapper, Zone, is_plain, text,
};

/// 2026-11-22T00:00:00Z.
const NOW_US: i64 = 1_795_305_600_000_000;

/// Lines and parts of lines that mean something to some sourcetype, and bytes that mean nothing to any.
const FRAGMENTS: &[&[u8]] = &[
    b"2026-11-20 14:05:00,123 ERROR [main] com.acme.Pay - job=7 msg=\"a \\\"b\\\" c\"\n",
    b"2026-11-20 14:05:01,000 INFO  [w-1] com.acme.Pay - ok\r\n",
    b"\tat com.acme.Pay.run(Pay.java:1)\n",
    b"Caused by: java.io.IOException: 2026-11-20 10:00:00 late\n",
    b"  indented\r\n",
    b"\n",
    b"\r\n",
    b"no stamp at all\n",
    b"Nov 20 14:05:00 web01 sshd[7]: Failed password for root from 10.0.0.1\n",
    b"<34>Nov 20 14:05:02 db1 su: x\n",
    b"\x1b[31m2026-11-20 14:05:03 WARN red\x1b[0m\n",
    b"\xef\xbb\xbf2026-11-20 14:05:04 INFO bom\n",
    b"{\"time\":\"2026-11-20T14:05:05Z\",\"level\":\"info\",\"a\":{\"b\":[1,{\"c\":\"x\\ny\\u00e9\"}]},\"n\":null}\n",
    b"{\n  \"level\": \"warn\"\n}\n",
    b"{\"log\":\"part \",\"stream\":\"stdout\",\"time\":\"2026-11-20T14:05:06.1Z\"}\n",
    b"{\"log\":\"end ERROR\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-20T14:05:06.2Z\"}\n",
    b"{\"log\":\"other\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-20T14:05:06.3Z\"}\n",
    b"2026-11-20T14:05:07.1Z stdout P par\n",
    b"2026-11-20T14:05:07.2Z stdout F tial\n",
    b"2026-11-20T14:05:07.3Z stderr F whole WARN\n",
    b"#Fields: date time cs-method sc-status\n",
    b"#Date: 2026-11-20 00:00:00\n",
    b"2026-11-20 14:05:08 GET 200\n",
    b"time,level,msg\n",
    b"2026-11-20 14:05:09,ERROR,\"two\nlines\"\n",
    b"2026-11-20 14:05:09,\"open\n",
    b"I1120 14:05:10.000001 1 x.go:1] y\n",
    b"1.2.3.4 - - [20/Nov/2026:14:05:11 +0000] \"GET /a?b=c HTTP/1.1\" 200 5 \"-\" \"x &amp; y\"\n",
    b"1971-01-01 00:00:00 too old\n",
    b"2031-01-01 00:00:00 too new\n",
    b"1795183500 epoch\n",
    b"<e id=\"1\"><m>caf&#233; &lt;x&gt;</m></e>\n",
    b"key=value other=\"quoted, text\" x=1;y=2&z=3 user.name=ann ",
    b"caf\xc3\xa9 gr\xfc\xdfe \xff\xfe ",
    b"averyveryverylongtokenwithoutanybreakerinsidewhichmustbecutsomewhereorother",
    b"word ",
    b", ",
    b"\"",
    b"\\",
    b"\0\0\0",
    b"\r",
    b"\x1b[",
];

const SOURCETYPES: &[&str] = &[
    "generic",
    "log4j",
    "json",
    "logfmt",
    "syslog",
    "docker_json",
    "k8s_cri",
    "csv",
    "iis_w3c",
    "access_combined",
    "java_util_logging",
    "mysql_slow",
    "klog",
    "python",
];

/// Bytes that a failing test shows as text.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Bytes of a source.
fn source() -> impl Strategy<Value = Bytes> {
    let fragment = prop_oneof![
        20 => select(FRAGMENTS).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..40),
        1 => select(vec![100usize, 4095, 4096, 5000, 9000]).prop_map(|len| vec![0; len]),
    ];
    vec(fragment, 0..40).prop_map(|fragments| Bytes(fragments.concat()))
}

fn rules() -> impl Strategy<Value = Arc<Rules>> {
    select(SOURCETYPES).prop_map(|name| Registry::builtin().get(name).unwrap())
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![
        6 => Just(Encoding::Utf8),
        1 => Just(Encoding::Utf16Le),
        1 => Just(Encoding::Utf16Be),
        1 => Just(Encoding::Latin1),
    ]
}

/// Text in another encoding; what is no UTF-8 stays as it is, which makes it odd input of that encoding.
fn encode(Bytes(bytes): Bytes, encoding: Encoding) -> Vec<u8> {
    match (encoding, std::str::from_utf8(&bytes)) {
        (Encoding::Utf16Le, Ok(text)) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        (Encoding::Utf16Be, Ok(text)) => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => bytes,
    }
}

fn options(rules: &Arc<Rules>, encoding: Encoding) -> ParserOptions {
    ParserOptions {
        decoding: Decoding { encoding, wrapper: rules.wrapper() },
        time: TimeContext { zone: Zone::UTC, mtime_us: NOW_US, now_us: NOW_US },
        ..ParserOptions::new(Arc::clone(rules))
    }
}

/// All that is known of an event, wherever it stood in a block.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Event {
    start: usize,
    len: usize,
    time_us: i64,
    stamp: Option<Span>,
    level: Option<Arc<str>>,
    host: Option<Arc<str>>,
    header: Option<Arc<str>>,
    flags: EventFlags,
    line_events: bool,
}

/// Feeds `bytes` in pieces of the given sizes, the last one repeated, and collects events and gaps (merged).
fn parse(bytes: &[u8], options: ParserOptions, feeds: &[usize]) -> (Vec<Event>, Vec<(usize, usize)>) {
    let mut parser = Parser::new(options);
    let mut block = ParsedBlock::default();
    let (mut events, mut gaps): (Vec<Event>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    let mut feeds = feeds.iter().copied();
    let (mut at, mut fed) = (0, 0);
    while at < bytes.len() {
        match parser.next_block(&bytes[at..fed], fed == bytes.len(), &mut block) {
            Step::Block => {
                assert_eq!(block.len, block.events.iter().map(|event| event.len as usize).sum::<usize>());
                let symbol =
                    |number: u16| number.checked_sub(1).map(|idx| Arc::clone(&block.symbols[usize::from(idx)]));
                for meta in &block.events {
                    assert!(meta.len > 0);
                    events.push(Event {
                        start: at,
                        len: meta.len as usize,
                        time_us: meta.time_us,
                        stamp: meta.stamp,
                        level: symbol(meta.level),
                        host: symbol(meta.host),
                        header: block.header.clone(),
                        flags: meta.flags,
                        line_events: block.line_events,
                    });
                    at += meta.len as usize;
                }
            }
            Step::Gap { len } => {
                assert!(len > 0 && bytes[at..at + len].iter().all(|b| *b == 0));
                match gaps.last_mut() {
                    Some((start, total)) if *start + *total == at => *total += len,
                    _ => gaps.push((at, len)),
                }
                at += len;
            }
            Step::NeedMore => {
                assert!(fed < bytes.len(), "more is asked for at the end");
                fed = (fed + feeds.next().unwrap_or(bytes.len()).max(1)).min(bytes.len());
            }
        }
    }
    (events, gaps)
}

/// Compares two lists of events; fails with the first difference.
fn same_events(left: Vec<Event>, right: Vec<Event>) -> Result<(), TestCaseError> {
    let (left, right) = (without_block(left), without_block(right));
    for (left, right) in left.iter().zip(&right) {
        prop_assert_eq!(left, right);
    }
    prop_assert_eq!(left.len(), right.len());
    Ok(())
}

/// What does not depend on where blocks end.
fn without_block(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().map(|event| Event { line_events: false, ..event }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    /// The events do not depend on how the bytes are fed nor on the size of blocks.
    #[test]
    fn feeds_do_not_matter(
        bytes in source(),
        rules in rules(),
        encoding in encoding(),
        feeds in vec(0usize..300, 0..200),
        block_bytes in 1usize..2000,
        max_event_bytes in prop_oneof![Just(1 << 20), 64usize..400],
    ) {
        let bytes = encode(bytes, encoding);
        let options = ParserOptions { max_event_bytes, ..options(&rules, encoding) };
        let (whole, gaps) = parse(&bytes, options.clone(), &[]);
        let (fed, fed_gaps) = parse(&bytes, ParserOptions { block_bytes, ..options }, &feeds);
        prop_assert_eq!(gaps, fed_gaps);
        same_events(whole, fed)?;
    }

    /// Every byte is in an event or a gap; what the parser recorded is what the rules find again; a stamp stands on token
    /// boundaries of the first line.
    #[test]
    fn events_cover_the_bytes_and_are_found_again(
        bytes in source(),
        rules in rules(),
        encoding in encoding(),
        max_event_bytes in prop_oneof![Just(1 << 20), 64usize..400],
    ) {
        let bytes = encode(bytes, encoding);
        let options = ParserOptions { max_event_bytes, ..options(&rules, encoding) };
        let decoding = options.decoding;
        let (events, gaps) = parse(&bytes, options, &[]);
        let n_covered = events.iter().map(|event| event.len).sum::<usize>() + gaps.iter().map(|gap| gap.1).sum::<usize>();
        prop_assert_eq!(n_covered, bytes.len());
        for event in &events {
            let raw = &bytes[event.start..event.start + event.len];
            let text = text(raw, decoding);
            prop_assert_eq!(rules.stamp_span(&text, Default::default()), event.stamp);
            let (level, host) = (rules.level(&text, event.stamp), rules.host(&text, event.stamp));
            prop_assert_eq!(level.as_deref(), event.level.as_deref());
            prop_assert_eq!(host.as_deref(), event.host.as_deref());
            if let Some(span) = event.stamp {
                prop_assert!(span.len > 0 && is_boundary(&text, span.start as usize) && is_boundary(&text, span.end()));
                prop_assert!(!text[..span.end()].contains(&b'\n'));
                let known = tokens(&text[span.range()]).all(crate::token::may_be_in_stamp);
                prop_assert!(known, "{:?}", String::from_utf8_lossy(&text[span.range()]));
            }
            if event.line_events {
                prop_assert!(raw.ends_with(b"\n") && raw[..raw.len() - 1].iter().all(|b| *b != b'\n'));
            }
            prop_assert!(event.len <= max_event_bytes.max(64));
        }
    }

    /// A parser that starts anew at an event start finds the same events from there on.
    #[test]
    fn parsing_resumes_at_any_event(Bytes(bytes) in source(), rules in rules(), at in any::<prop::sample::Index>()) {
        let (events, _) = parse(&bytes, options(&rules, Encoding::Utf8), &[]);
        if events.is_empty() {
            return Ok(());
        }
        let idx = at.index(events.len());
        let start = events[idx].start;
        let before = idx.checked_sub(1).map(|idx| &events[idx]);
        let resumed = ParserOptions {
            previous_time_us: before.map(|event| event.time_us),
            header: before.and_then(|event| event.header.clone()),
            ..options(&rules, Encoding::Utf8)
        };
        let (rest, _) = parse(&bytes[start..], resumed, &[]);
        let rest = rest.into_iter().map(|event| Event { start: event.start + start, ..event }).collect();
        same_events(rest, events[idx..].to_vec())?;
    }

    /// A piece cut at a piece start has the events that the whole has there.
    #[test]
    fn pieces_are_parts_of_the_whole(Bytes(bytes) in source(), rules in rules(), from in any::<prop::sample::Index>()) {
        if bytes.is_empty() {
            return Ok(());
        }
        let options = options(&rules, Encoding::Utf8);
        let parser = Parser::new(options.clone());
        let from = from.index(bytes.len());
        if let Some(start) = parser.find_piece_start(&bytes, from) {
            prop_assert!(start >= from && bytes[start - 1] == b'\n');
            let (whole, _) = parse(&bytes, options.clone(), &[]);
            let (piece, _) = parse(&bytes[start..], options, &[]);
            let piece = piece.into_iter().map(|event| Event { start: event.start + start, ..event }).collect();
            let expected = whole.into_iter().filter(|event| event.start >= start).collect();
            same_events(piece, expected)?;
        }
    }

    /// Text that was cleaned is clean, and a plain block needs no cleaning but at line ends.
    #[test]
    fn text_is_idempotent(Bytes(bytes) in source(), encoding in encoding()) {
        let once = text(&bytes, Decoding { encoding, wrapper: Wrapper::None }).into_owned();
        let twice = text(&once, Decoding::default()).into_owned();
        // The second pass may find another line end at the end, and a colour code or BOM made of the parts around one.
        if !once.ends_with(b"\n") && is_plain(&once, Decoding::default()) {
            prop_assert_eq!(&once, &twice);
        }
        if is_plain(&bytes, Decoding::default()) {
            for line in bytes.split_inclusive(|b| *b == b'\n') {
                let end = line.len() - line.iter().rev().take_while(|b| matches!(b, b'\n' | b'\r')).count();
                let expected = if line.ends_with(b"\n") || line.ends_with(b"\r") { &line[..end] } else { line };
                let text = text(line, Decoding::default());
                prop_assert_eq!(text.as_ref(), expected);
            }
        }
    }

    /// Tokens of bounded values are tokens of the text or of its decoded form, and fields do not depend on which ones are
    /// wanted.
    #[test]
    fn bounded_values_are_made_of_tokens(Bytes(bytes) in source(), rules in rules()) {
        let all_rules = Registry::builtin();
        let xml = xml_rules();
        for rules in [&rules, &xml, &all_rules.generic()] {
            let (events, _) = parse(&bytes, options(rules, Encoding::Utf8), &[]);
            let (mut fields, mut alone) = (Fields::default(), Fields::default());
            let mut extractor = rules.extractor(Wanted::All);
            for event in events {
                let decoding = Decoding { encoding: Encoding::Utf8, wrapper: rules.wrapper() };
                let text = text(&bytes[event.start..event.start + event.len], decoding);
                extractor.extract(&text, event.header.as_deref(), &mut fields);
                let decoded = unescape(&text).unwrap_or_default();
                let known: HashSet<&[u8]> = tokens(&text).chain(tokens(&decoded)).collect();
                for (name, value) in fields.iter().filter(|(name, _)| rules.bounded(name)) {
                    let unknown = tokens(value.as_bytes())
                        .find(|token| !known.contains(token) && !String::from_utf8_lossy(token).contains('\u{fffd}'));
                    prop_assert!(unknown.is_none(), "{name}={value:?} in {:?}", String::from_utf8_lossy(&text));
                }
                if let Some((name, _)) = fields.iter().last() {
                    rules.extractor(Wanted::Only(&["absent", name])).extract(&text, event.header.as_deref(), &mut alone);
                    prop_assert_eq!(alone.slot(1).collect::<Vec<_>>(), fields.values(name).collect::<Vec<_>>());
                    prop_assert_eq!(alone.slot(0).count(), 0);
                }
            }
        }
    }

    /// Nothing panics on arbitrary bytes, and detection always has an answer.
    #[test]
    fn any_bytes_are_taken(bytes in vec(any::<u8>(), 0..2000)) {
        let detection = Registry::builtin().detect(&bytes, "x.log");
        let options = ParserOptions { decoding: detection.decoding, ..options(&detection.rules, Encoding::Utf8) };
        parse(&bytes, options, &[7, 100]);
    }
}

fn xml_rules() -> Arc<Rules> {
    let toml = "name = \"xml\"\ndescription = \"XML\"\n[extract]\nmode = \"xml\"\n";
    Arc::new(Rules::parse("xml.toml".as_ref(), toml).unwrap())
}
