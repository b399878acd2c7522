//! A look at what a run would do with each file, without a store.

use crate::compression::Compression;
use crate::content::{detect_compression, open, read_head};
use crate::discovery::{Discovery, Found, Input, discover};
use crate::error::{FileError, IndexError};
use crate::format::{DETECT_LEN, Format, detect_format, forced_rules};
use crate::options::Options;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use trawl_formats::event::Sourcetype;
use trawl_formats::parse::{EventFlags, ParsedBlock, Parser, ParserOptions, Step};
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_formats::text::{Decoding, text};
use trawl_formats::timestamp::TimeContext;

/// What a run would make of a file.
#[derive(Debug)]
pub struct Preview {
    /// Path by which the file was reached.
    pub path: PathBuf,
    /// How it is compressed.
    pub compression: Option<Compression>,
    /// What was found out, or why nothing was.
    pub format: Result<PreviewFormat, PreviewError>,
}

/// The format of a file with examples.
#[derive(Debug)]
pub struct PreviewFormat {
    /// The sourcetype, detected or asked for.
    pub sourcetype: Sourcetype,
    /// How bytes become text.
    pub decoding: Decoding,
    /// The first events.
    pub events: Vec<PreviewEvent>,
}

/// One of the first events of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewEvent {
    /// `_time`, microseconds since the epoch.
    pub time_us: i64,
    /// The level as written.
    pub level: Option<Arc<str>>,
    /// The host that the event names.
    pub host: Option<Arc<str>>,
    /// Remarks, such as that no time stamp was found.
    pub flags: EventFlags,
    /// The text, invalid bytes replaced.
    pub text: String,
}

/// Why there is no preview of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// The file is empty.
    #[error("is empty")]
    Empty,
    /// Its content is not text.
    #[error("is not text")]
    Binary,
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Looks at the beginning of each file that `inputs` stand for; shows at most `n_events` of each. Standard input is left
/// alone: what is read of it would be lost for the run.
///
/// # Errors
/// If the options or inputs make no sense.
pub fn dry_run(
    registry: &Registry,
    inputs: &[Input],
    options: &Options,
    n_events: usize,
) -> Result<Vec<Preview>, IndexError> {
    let forced = forced_rules(registry, options)?;
    let Discovery { files, errors, .. } = discover(inputs, &options.exclude, None)?;
    let previews = files.into_iter().map(|found| match packed_head(&found) {
        Ok((compression, head)) => {
            let format = preview(registry, forced.as_ref(), options, &found, &head, n_events);
            Preview { path: found.path, compression, format }
        }
        Err(error) => failed(found.path, FileError::Unreadable(error)),
    });
    Ok(previews.chain(errors.into_iter().map(|(path, error)| failed(path, error))).collect())
}

fn failed(path: PathBuf, error: FileError) -> Preview {
    Preview { path, compression: None, format: Err(error.into()) }
}

fn packed_head(found: &Found) -> io::Result<(Option<Compression>, Vec<u8>)> {
    let (file, _) = open(&found.real_path)?;
    let compression = detect_compression(&file)?;
    Ok((compression, read_head(&found.real_path, compression, DETECT_LEN)?))
}

fn preview(
    registry: &Registry,
    forced: Option<&Arc<Rules>>,
    options: &Options,
    found: &Found,
    head: &[u8],
    n_events: usize,
) -> Result<PreviewFormat, PreviewError> {
    if head.is_empty() {
        return Err(PreviewError::Empty);
    }
    let Format { rules, decoding } = detect_format(registry, forced, head, &found.path).ok_or(PreviewError::Binary)?;
    let sourcetype = rules.name().clone();
    let time = TimeContext { zone: options.zone, mtime_us: found.meta.mtime_us, now_us: options.now_us };
    let mut parser = Parser::new(ParserOptions { decoding, time, ..ParserOptions::new(rules) });
    let mut events = Vec::new();
    let mut block = ParsedBlock::default();
    let mut rest = head;
    while !rest.is_empty() && events.len() < n_events {
        // A head that is cut in mid-event shows that event cut.
        let len = match parser.next_block(rest, true, &mut block) {
            Step::Block => block.len,
            Step::Gap { len } => len,
            Step::NeedMore => break,
        };
        let mut bytes = rest;
        for event in &block.events {
            let (event_bytes, behind) = bytes.split_at(event.len as usize);
            bytes = behind;
            let symbol = |id: u16| usize::from(id).checked_sub(1).map(|idx| Arc::clone(&block.symbols[idx]));
            events.push(PreviewEvent {
                time_us: event.time_us,
                level: symbol(event.level),
                host: symbol(event.host),
                flags: event.flags,
                text: String::from_utf8_lossy(&text(event_bytes, decoding)).into_owned(),
            });
        }
        rest = &rest[len..];
    }
    events.truncate(n_events);
    Ok(PreviewFormat { sourcetype, decoding, events })
}
