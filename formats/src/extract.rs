//! Field extraction: the fields of an event, found at search time in its text.
//!
//! First the explicit patterns of the sourcetype, then the automatic part: JSON if the event is an object, else
//! `key=value` pairs; tables and XML where the sourcetype says so. The first value of a name wins, but array elements
//! and repeated XML elements give several.
//!
//! An [`Extractor`] is made for the fields that are read ([`Wanted`]) and fills the same [`Fields`] for event after
//! event without allocating.
//!
//! ```
//! use trawl_formats::{Fields, Registry, Wanted};
//!
//! let mut extractor = Registry::builtin().generic().extractor(Wanted::Only(&["status", "user"]));
//! let mut fields = Fields::default();
//! extractor.extract(b"2026-11-20 14:05:00 login user=\"Ann Lee\" took=12ms", None, &mut fields);
//! assert_eq!(fields.slot(1).collect::<Vec<_>>(), ["Ann Lee"]);
//! assert_eq!(fields.slot(0).count(), 0);
//! ```

mod fields;
pub mod json;
mod pairs;
mod patterns;
mod table;
mod xml;

use std::borrow::Cow;
use std::sync::Arc;

pub use fields::Fields;
use fields::{Names, Sink};
use patterns::PatternScratch;
pub(crate) use patterns::Patterns;
use table::Header;
pub(crate) use table::{columns, find_delimiter, leaves_quote_open, n_columns};

use crate::keys;

/// The fields that somebody will read.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// All there are.
    All,
    /// These alone. Everything else costs little more than skipping over it.
    Only(&'a [&'a str]),
}

/// The automatic part of extraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// JSON if the event is an object, else `key=value` pairs.
    Auto,
    /// `key=value` pairs.
    Pairs,
    /// A JSON object.
    Json,
    /// A table row; the separator is found in the header if not given.
    Csv {
        /// The column separator.
        delimiter: Option<u8>,
    },
    /// A row of the W3C extended log format.
    W3c,
    /// A row of a table as programs print it.
    Columns,
    /// XML elements and attributes.
    Xml,
    /// None.
    None,
}

/// Extracts the wanted fields of events of one sourcetype.
#[derive(Debug)]
pub struct Extractor {
    kind: Kind,
    patterns: Arc<Patterns>,
    pattern_scratch: PatternScratch,
    names: Arc<Names>,
    header: Header,
    json: json::Buffers,
}

impl Extractor {
    /// Extracts as for a text of which nothing is known: JSON if it is an object, else `key=value` pairs.
    pub fn automatic(wanted: Wanted<'_>) -> Self {
        Self::new(Kind::Auto, Arc::default(), wanted)
    }

    /// Extracts XML elements and attributes.
    pub fn xml(wanted: Wanted<'_>) -> Self {
        Self::new(Kind::Xml, Arc::default(), wanted)
    }

    pub(crate) fn new(kind: Kind, patterns: Arc<Patterns>, wanted: Wanted<'_>) -> Self {
        let names = Names::new(wanted);
        Self {
            kind,
            pattern_scratch: PatternScratch::new(&patterns, &names),
            patterns,
            names: Arc::new(names),
            header: Header::default(),
            json: json::Buffers::default(),
        }
    }

    /// Replaces what `out` holds by the fields of one event.
    ///
    /// `text` is the event's [text](crate::text()), invalid UTF-8 is read as U+FFFD. `header` is the line of column names
    /// in force, for tables.
    pub fn extract(&mut self, text: &[u8], header: Option<&str>, out: &mut Fields) {
        // Checking first is several times faster than `from_utf8_lossy` alone, which goes byte by byte.
        let text = std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed);
        let mut sink = Sink::new(&self.names, out);
        self.patterns.extract(&text, &mut self.pattern_scratch, &mut sink);
        sink.end_stage();
        if sink.is_satisfied() {
            return;
        }
        match self.kind {
            Kind::None => {}
            Kind::Pairs => pairs::extract(&text, &mut sink),
            Kind::Xml => xml::extract(&text, &mut sink),
            Kind::Csv { .. } | Kind::W3c | Kind::Columns => {
                if let Some(header) = header.filter(|header| **header != *text) {
                    self.header.set(header, self.kind, &self.names);
                    self.header.extract(&text, &mut sink);
                }
            }
            Kind::Json | Kind::Auto => match keys::object_start(text.as_bytes()) {
                Some(start) => json::walk(&text, start, &mut self.json, &mut sink),
                None if self.kind == Kind::Auto => pairs::extract(&text, &mut sink),
                None => {}
            },
        }
    }
}
