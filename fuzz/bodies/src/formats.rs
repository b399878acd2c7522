//! From bytes to events, times and fields.

use crate::NOW_US;
use crate::input::Input;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use trawl_formats::token::{index_terms, is_boundary, may_be_in_stamp, tokens, unescape};
use trawl_formats::{
    Decoding, EventFlags, EventMeta, Fields, ParsedBlock, Parser, ParserOptions, Rules, Span, Step, TimeContext,
    Wanted, Wrapper, Zone, is_plain, text as text_of,
};
use trawl_store::segment::Tokenizer;
use trawl_store::segment::terms::{MAX_TERM_LEN, OVERSIZED, TermTable};

fn options(rules: &Arc<Rules>, decoding: Decoding, zone: Zone) -> ParserOptions {
    let time = TimeContext { zone, mtime_us: NOW_US, now_us: NOW_US };
    ParserOptions { decoding, time, ..ParserOptions::new(Arc::clone(rules)) }
}

/// The first line is a time format, the rest is text: the stamp found in it, by that format or by those of a sourcetype,
/// stands on token boundaries of the first line.
pub fn timestamp(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (zone, builtin) = (input.zone(), input.rules());
    let format = input.text_line();
    let text = text_of(input.rest(), Decoding::default());
    // A Rust string escapes as TOML does, but for `\u{…}` and `\'`.
    let quoted = format!("{:?}", format.replace(|c: char| c.is_control() || c == '\'' || !c.is_ascii(), "?"));
    for time in [format!("formats = [{quoted}]"), format!("formats = [{quoted}, \"generic\"]\nprefix = '^'")] {
        let toml = format!("name = \"fuzzed\"\ndescription = \"x\"\n[time]\n{time}\n");
        if let Ok(rules) = Rules::parse(Path::new("fuzzed.toml"), &toml) {
            check_stamp(&Arc::new(rules), zone, &text);
        }
    }
    check_stamp(&builtin, zone, &text);
}

fn check_stamp(rules: &Arc<Rules>, zone: Zone, text: &[u8]) {
    let stamp = rules.stamp_span(text, Default::default());
    if let Some(span) = stamp {
        check_span(text, span);
    }
    // As a file of one event, where no line end changes what the event is.
    if text.is_empty() || text.contains(&b'\n') || text.contains(&0) || !is_plain(text, Decoding::default()) {
        return;
    }
    let mut parser = Parser::new(options(rules, Decoding { wrapper: rules.wrapper(), ..Decoding::default() }, zone));
    let mut block = ParsedBlock::default();
    if parser.next_block(text, true, &mut block) == Step::Block && block.len == text.len() && block.events.len() == 1 {
        assert_eq!(block.events[0].stamp, stamp, "{} in {}", rules.name(), text.escape_ascii());
    }
}

fn check_span(text: &[u8], span: Span) {
    let stamp = &text[span.range()];
    assert!(span.len > 0 && !text[..span.end()].contains(&b'\n'), "{}", text.escape_ascii());
    assert!(
        is_boundary(text, span.start as usize) && is_boundary(text, span.end()),
        "`{}` in {}",
        stamp.escape_ascii(),
        text.escape_ascii()
    );
    assert!(tokens(stamp).all(may_be_in_stamp), "{}", stamp.escape_ascii());
}

/// All that is known of an event, wherever it stood in a block.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Event {
    start: usize,
    meta: EventMeta,
    level: Option<Arc<str>>,
    host: Option<Arc<str>>,
    header: Option<Arc<str>>,
}

/// Events, and runs of NULs as start and length.
#[derive(PartialEq, Eq, Debug, Default)]
struct Parsed {
    events: Vec<Event>,
    gaps: Vec<(usize, usize)>,
}

/// Feeds `bytes` in pieces of the given sizes, then the rest at once.
fn parse(bytes: &[u8], options: ParserOptions, feeds: &[u8]) -> Parsed {
    let max_event_bytes = options.max_event_bytes;
    let mut parser = Parser::new(options);
    let mut block = ParsedBlock::default();
    let mut parsed = Parsed::default();
    let mut feeds = feeds.iter();
    let (mut at, mut fed) = (0, 0);
    while at < bytes.len() {
        match parser.next_block(&bytes[at..fed], fed == bytes.len(), &mut block) {
            Step::Block => {
                assert_eq!(block.len, block.events.iter().map(|event| event.len as usize).sum::<usize>());
                let symbol = |id: u16| id.checked_sub(1).map(|idx| Arc::clone(&block.symbols[usize::from(idx)]));
                for meta in &block.events {
                    let end = at + meta.len as usize;
                    assert!(at < end && end <= fed && meta.len as usize <= max_event_bytes.max(64));
                    if block.line_events {
                        assert_eq!(bytes[at..end].iter().position(|&byte| byte == b'\n'), Some(end - at - 1));
                    }
                    let (level, host) = (symbol(meta.level), symbol(meta.host));
                    // Ids are those of the block.
                    let meta = EventMeta { level: 0, host: 0, ..*meta };
                    parsed.events.push(Event { start: at, meta, level, host, header: block.header.clone() });
                    at = end;
                }
            }
            Step::Gap { len } => {
                assert!(len > 0 && bytes[at..at + len].iter().all(|&byte| byte == 0));
                match parsed.gaps.last_mut() {
                    Some((start, total)) if *start + *total == at => *total += len,
                    _ => parsed.gaps.push((at, len)),
                }
                at += len;
            }
            Step::NeedMore => {
                assert!(fed < bytes.len(), "more is asked for at the end");
                let step = feeds.next().map_or(bytes.len(), |&step| usize::from(step).max(1));
                fed = (fed + step).min(bytes.len());
            }
        }
    }
    assert_eq!(at, bytes.len());
    parsed
}

/// Whatever the bytes and however they are fed, every one is in an event or a gap, the events are the same, and what was
/// recorded of an event is found again in its text.
pub fn parser(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (rules, encoding, zone) = (input.rules(), input.encoding(), input.zone());
    let block_bytes = usize::from(input.u16());
    let max_event_bytes = match input.u8() {
        0 => 1 << 20,
        n => 64 + usize::from(n),
    };
    let n_feeds = usize::from(input.u8());
    let feeds = input.take(n_feeds);
    let bytes = input.rest();

    let decoding = Decoding { encoding, wrapper: rules.wrapper() };
    let options = ParserOptions { max_event_bytes, ..options(&rules, decoding, zone) };
    let whole = parse(bytes, options.clone(), &[]);
    let pieces = parse(bytes, ParserOptions { block_bytes, ..options }, feeds);
    assert_eq!(whole, pieces, "{}", rules.name());
    for event in &whole.events {
        let text = text_of(&bytes[event.start..event.start + event.meta.len as usize], decoding);
        let stamp = event.meta.stamp;
        assert_eq!(rules.stamp_span(&text, Default::default()), stamp, "{}", text.escape_ascii());
        assert_eq!(rules.level(&text, stamp).as_deref(), event.level.as_deref(), "{}", text.escape_ascii());
        assert_eq!(rules.host(&text, stamp).as_deref(), event.host.as_deref(), "{}", text.escape_ascii());
        if let Some(span) = stamp {
            check_span(&text, span);
        }
    }
}

/// The first line is a line of column names, the rest is the text of an event: fields do not depend on which ones are
/// wanted, and those said to be bounded are made of tokens of the text.
pub fn extract(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.u8();
    let rules = match choice {
        255 => xml_rules(),
        choice => Input::new(&[choice]).rules(),
    };
    let header = input.text_line();
    let header = Some(&*header).filter(|header| !header.is_empty());
    let text = input.rest();
    let mut fields = Fields::default();
    rules.extractor(Wanted::All).extract(text, header, &mut fields);

    let decoded = unescape(text).unwrap_or_default();
    let known: HashSet<&[u8]> = tokens(text).chain(tokens(&decoded)).collect();
    for (name, value) in fields.iter().filter(|(name, _)| rules.bounded(name)) {
        // Bytes that are no UTF-8 are read as U+FFFD.
        let unknown = tokens(value.as_bytes())
            .find(|token| !known.contains(token) && !String::from_utf8_lossy(token).contains('\u{fffd}'));
        assert!(unknown.is_none(), "{name}={value:?} of {} in {}", rules.name(), text.escape_ascii());
    }
    let names: HashSet<&str> = fields.iter().map(|(name, _)| name).collect();
    let mut alone = Fields::default();
    for name in names {
        rules.extractor(Wanted::Only(&["absent\n", name])).extract(text, header, &mut alone);
        let (wanted, all): (Vec<&str>, Vec<&str>) = (alone.slot(1).collect(), fields.values(name).collect());
        assert_eq!(wanted, all, "{name:?} of {} in {}", rules.name(), text.escape_ascii());
        assert_eq!(alone.slot(0).count(), 0);
    }
}

fn xml_rules() -> Arc<Rules> {
    let toml = "name = \"xml\"\ndescription = \"XML\"\n[extract]\nmode = \"xml\"\n";
    Arc::new(Rules::parse(Path::new("xml.toml"), toml).expect("right rules"))
}

/// Text of any encoding and wrapper: a plain block loses line ends only, and the terms that the store enters are those
/// that the definition of the index gives.
pub fn text(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let encoding = input.encoding();
    let wrapper = match input.u8() % 3 {
        0 => Wrapper::None,
        1 => Wrapper::DockerJson,
        _ => Wrapper::Cri,
    };
    let stamp = Span { start: input.u8().into(), len: input.u8().into() };
    let bytes = input.rest();
    let decoding = Decoding { encoding, wrapper };
    let text = text_of(bytes, decoding);
    assert!(!text.ends_with(b"\r"));
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    if is_plain(bytes, decoding) {
        for line in lines.clone() {
            let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
            assert_eq!(text_of(line, decoding).as_ref(), &line[..end]);
        }
    }

    // A block of lines, the first with a stamp anywhere in its text.
    let events: Vec<EventMeta> = lines
        .clone()
        .enumerate()
        .map(|(event_idx, line)| {
            let fits = event_idx == 0 && stamp.len > 0 && stamp.end() <= text_of(line, decoding).len();
            let stamp = fits.then_some(stamp);
            EventMeta { len: line.len() as u32, time_us: 0, stamp, level: 0, host: 0, flags: EventFlags::default() }
        })
        .collect();
    let mut defined: Vec<(Vec<u8>, u32)> = Vec::new();
    for ((line, event), doc) in lines.zip(&events).zip(0..) {
        index_terms(&text_of(line, decoding), event.stamp, |term| {
            let term = if term.len() > MAX_TERM_LEN { OVERSIZED } else { term };
            defined.push((term.to_vec(), doc));
        });
    }
    defined.sort_unstable();
    defined.dedup();
    let n_docs = events.len() as u32;
    let parsed = ParsedBlock { len: bytes.len(), events, line_events: true, ..ParsedBlock::default() };
    let mut terms = TermTable::default();
    Tokenizer::default().add_block(bytes, &parsed, decoding, 0, &mut terms);
    let mut entered: Vec<(Vec<u8>, u32)> = Vec::new();
    let walk: Result<(), std::convert::Infallible> = terms.for_each_term(n_docs, |term, docs| {
        entered.extend(docs.iter().map(|&doc| (term.to_vec(), doc)));
        Ok(())
    });
    let Ok(()) = walk;
    entered.sort_unstable();
    assert_eq!(entered, defined, "{}", bytes.escape_ascii());
}
