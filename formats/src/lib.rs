//! Log formats as data: framing, timestamps, levels, fields.
//!
//! This crate turns the bytes of one log source into events and events into fields. It is pure: bytes in, values out;
//! it knows nothing of files, threads, clocks or the index.
//!
//! The types and how they meet:
//!
//! - [`Registry`] holds all sourcetypes: the built-in ones (`formats/sourcetypes/*.toml`) and the user's. It
//!   [detects](Registry::detect) which one a file has, and its encoding.
//! - [`Rules`] is one sourcetype, compiled. It knows how to frame events and find stamp, level, host and fields.
//! - [`Parser`] cuts the bytes of one source into events, block by block ([`ParsedBlock`], [`EventMeta`]).
//! - [`text()`] is the one function that turns an event's bytes into what is searched; [`token`] says how that text falls
//!   apart into indexed terms.
//! - [`Extractor`] finds the [`Fields`] of an event at search time.
//!
//! ```
//! use trawl_formats::{Fields, ParsedBlock, Parser, ParserOptions, Registry, Step, Wanted, text};
//!
//! let bytes = b"2026-11-20 14:05:00,123 ERROR [main] com.acme.Pay - job=7 failed\n\tat com.acme.Pay.run(Pay.java:1)\n";
//! let detection = Registry::builtin().detect(bytes, "pay.log");
//!
//! let mut parser = Parser::new(ParserOptions::new(detection.rules.clone()));
//! let mut block = ParsedBlock::default();
//! assert_eq!(parser.next_block(bytes, true, &mut block), Step::Block);
//!
//! let event = &block.events[0];
//! assert_eq!(event.len as usize, bytes.len());
//! assert_eq!(event.time_us, 1_795_183_500_123_000);
//! assert_eq!(&*block.symbols[usize::from(event.level) - 1], "ERROR");
//!
//! let text = text(bytes, detection.decoding);
//! let mut fields = Fields::default();
//! detection.rules.extractor(Wanted::All).extract(&text, None, &mut fields);
//! assert_eq!(fields.get("job"), Some("7"));
//! ```
//!
//! # Untrusted input
//!
//! Log text is untrusted. Nothing here panics on it, recursion is bounded, regular expressions run in linear time
//! (`regex`), and the parser looks at no more than the longest event it allows beyond what it consumes.

pub mod event;
pub mod extract;
pub mod level;
pub mod parse;
pub mod sourcetype;
pub mod text;
pub mod timestamp;
pub mod token;
pub mod visible;

mod detect;
mod escape;
mod framing;
mod keys;
mod pattern;
mod wrapper;

#[cfg(test)]
mod properties;

pub use detect::Detection;
pub use event::{Host, IndexName, InvalidIndexName, Source, Sourcetype};
pub use extract::{Extractor, Fields, Wanted};
pub use level::{Severity, severity};
pub use parse::{EventFlags, EventMeta, ParsedBlock, Parser, ParserOptions, Step};
pub use sourcetype::{FieldValues, Registry, Rules, Sample, SampleMismatch, SourcetypeError};
pub use text::{Decoding, Encoding, Wrapper, is_plain, text};
pub use timestamp::{Span, StampHint, TimeContext, UnknownZone, Zone};
