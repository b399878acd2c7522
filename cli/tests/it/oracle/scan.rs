//! Events as a scan of the files sees them.

use std::ops::Range;
use std::path::Path;
use trawl_formats::token::unescape;
use trawl_formats::{
    EventFlags, Fields, ParsedBlock, Parser, ParserOptions, Registry, Step, TimeContext, Wanted, Zone, text,
};

/// One event with everything a condition may ask about.
pub struct Scanned {
    pub source: String,
    pub offset: u64,
    pub time_us: i64,
    /// The text, and where the stamp stands in it.
    pub text: Vec<u8>,
    pub stamp: Option<Range<usize>>,
    /// Names and values; a name may come several times.
    pub fields: Vec<(String, String)>,
}

impl Scanned {
    pub fn address(&self) -> (String, u64) {
        (self.source.clone(), self.offset)
    }

    /// The texts in which a pattern is looked for: as it is and with escapes decoded, both with the stamp blanked if asked.
    pub fn texts(&self, without_stamp: bool) -> Vec<Vec<u8>> {
        let mut text = self.text.clone();
        if let (true, Some(stamp)) = (without_stamp, &self.stamp) {
            text[stamp.clone()].fill(b' ');
        }
        let decoded = unescape(&text);
        std::iter::once(text).chain(decoded).collect()
    }

    pub fn values<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.as_str())
    }
}

/// The events of a file, parsed in one go.
pub fn scan(path: &Path, bytes: &[u8], registry: &Registry, now_us: i64) -> Vec<Scanned> {
    let name = path.file_name().expect("a file").to_string_lossy();
    let detection = registry.detect(&bytes[..bytes.len().min(64 << 10)], &name);
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).expect("mtime");
    let mtime_us = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros() as i64;
    let mut options = ParserOptions::new(detection.rules.clone());
    options.decoding = detection.decoding;
    options.time = TimeContext { zone: Zone::UTC, mtime_us, now_us };
    options.block_bytes = usize::MAX;
    let mut parser = Parser::new(options);
    let mut extractor = detection.rules.extractor(Wanted::All);
    let source = path.to_string_lossy().into_owned();
    let (mut events, mut at) = (Vec::new(), 0);
    let mut block = ParsedBlock::default();
    while at < bytes.len() {
        match parser.next_block(&bytes[at..], true, &mut block) {
            Step::Gap { len } => {
                at += len;
                continue;
            }
            Step::NeedMore => break,
            Step::Block => {}
        }
        for event in &block.events {
            let raw = &bytes[at..at + event.len as usize];
            let text = text(raw, detection.decoding).into_owned();
            let symbol = |id: u16| usize::from(id).checked_sub(1).map(|at| block.symbols[at].to_string());
            let mut fields = Fields::default();
            extractor.extract(&text, block.header.as_deref(), &mut fields);
            let builtin = ["host", "source", "sourcetype", "index", "level"];
            let mut known: Vec<(String, String)> = fields
                .iter()
                .filter(|(name, _)| !builtin.contains(name))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            known.push(("host".to_owned(), symbol(event.host).unwrap_or_else(|| "here".to_owned())));
            known.push(("source".to_owned(), source.clone()));
            known.push(("sourcetype".to_owned(), detection.rules.name().to_string()));
            known.push(("index".to_owned(), "main".to_owned()));
            known.extend(symbol(event.level).map(|level| ("level".to_owned(), level)));
            if !event.flags.contains(EventFlags::HEADER) {
                events.push(Scanned {
                    source: source.clone(),
                    offset: at as u64,
                    time_us: event.time_us,
                    stamp: event.stamp.map(|span| span.range()),
                    fields: known,
                    text,
                });
            }
            at += event.len as usize;
        }
    }
    events
}
