//! Sources that are no files: what commands print and streams bring.
//!
//! Such a source is known by its name. Each process is a generation of its own, whose offsets count the bytes that it has
//! kept; so every event has an address, and none is ever taken for one of an earlier process.

use crate::error::IndexError;
use crate::format::{Format, detect_format, forced_rules};
use crate::identity::KnownSources;
use crate::job::{BLOCK_BYTES, MAX_EVENT_BYTES};
use crate::options::Options;
use crate::plan::{continues, handle_of};
use std::path::Path;
use std::sync::Arc;
use trawl_formats::event::Source;
use trawl_formats::parse::{Parser, ParserOptions};
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_formats::timestamp::{TimeContext, Zone};
use trawl_store::{Fingerprint, NewSource, SourceHandle, Writer};

/// What all feeds are entered with.
#[derive(Clone, Copy)]
pub(super) struct Desk<'w> {
    pub(super) writer: &'w Writer,
    pub(super) registry: &'w Registry,
}

/// A source that is no file.
pub(super) struct Feed {
    pub(super) handle: Arc<SourceHandle>,
    rules: Arc<Rules>,
    zone: Zone,
}

impl Feed {
    /// Enters a generation of the source `name` in the catalog. `head` is the beginning of what is in it, `file_name` a name
    /// that may tell its format. `None` if it is not text.
    ///
    /// # Errors
    /// If the catalog fails, or the sourcetype that was asked for does not exist.
    pub(super) fn enter(
        desk: Desk<'_>,
        options: &Options,
        name: &str,
        file_name: &str,
        head: &[u8],
    ) -> Result<Option<Self>, IndexError> {
        let Desk { writer, registry } = desk;
        let forced = forced_rules(registry, options)?;
        let Some(detected) = detect_format(registry, forced.as_ref(), head, Path::new(file_name)) else {
            return Ok(None);
        };
        let path = Path::new(name);
        let known = KnownSources::new(writer.sources()?, &options.index);
        // The first lines of a process may tell less than those of the one before did.
        let is_guess = forced.is_none() && detected.rules.name() == registry.generic().name();
        let before = known.at_path(path).next().filter(|source| is_guess && source.decoding == detected.decoding);
        let rules = before.and_then(|source| registry.get(source.sourcetype.as_str()));
        let Format { rules, decoding } = rules.map_or(detected.clone(), |rules| Format { rules, ..detected });
        let new = NewSource {
            index: options.index.clone(),
            path: path.to_owned(),
            source: options.source.clone().unwrap_or_else(|| Source::from(name)),
            host: options.host.clone().unwrap_or_else(crate::host::local_host),
            sourcetype: rules.name().clone(),
            rules_hash: rules.hash(),
            decoding,
            // Nothing to be known again by: it never is.
            fingerprint: Fingerprint::of(&[], 0, 0),
        };
        let catalog = writer.catalog();
        let (id, generation) = match known.at_path(path).find(|source| continues(source, &new)) {
            Some(source) => (source.id, catalog.new_generation(source.id, &new.fingerprint)?),
            None => catalog.register(&new)?,
        };
        let handle = Arc::new(handle_of(new, id, generation));
        Ok(Some(Self { handle, rules, zone: options.zone }))
    }

    /// What resolves time stamps of text that came at a moment.
    pub(super) fn time_at(&self, wall_us: i64) -> TimeContext {
        TimeContext { zone: self.zone, mtime_us: wall_us, now_us: wall_us }
    }

    /// A parser for text that came at a moment and has nothing to do with what came before.
    pub(super) fn parser(&self, wall_us: i64) -> Parser {
        Parser::new(ParserOptions {
            decoding: self.handle.decoding,
            time: self.time_at(wall_us),
            block_bytes: BLOCK_BYTES,
            max_event_bytes: MAX_EVENT_BYTES,
            ..ParserOptions::new(Arc::clone(&self.rules))
        })
    }

    /// A parser that goes on behind `last`, which has read everything before.
    pub(super) fn parser_after(&self, last: &Parser, wall_us: i64) -> Parser {
        Parser::new(ParserOptions {
            decoding: self.handle.decoding,
            time: self.time_at(wall_us),
            block_bytes: BLOCK_BYTES,
            max_event_bytes: MAX_EVENT_BYTES,
            previous_time_us: last.last_time_us(),
            header: last.header().cloned(),
            ..ParserOptions::new(Arc::clone(&self.rules))
        })
    }
}
