//! The live log: events that are searchable before they lie in a sealed bucket.
//!
//! ```text
//! log     := magic[8] version:u32 batch*
//! batch   := magic:u32 payload_len:u32 crc:u32 payload                crc = CRC-32C of the payload
//! payload := indexed_at_us:zigzag record*
//! record  := 0 source | 1 block | 2 block | 3 gap                     1: whole events, 2: an open one, see below
//! source  := id generation path source host sourcetype …              numbered from 0 in each log
//! block   := source_no:varint offset:varint hint:u32 header:str symbols line_events:u8 n_events:varint event* bytes
//! event   := len:varint time_us:zigzag level:varint host:varint flags:u8 stamp_start:varint stamp_len:varint   0 = none
//! gap     := source_no:varint offset:varint len:varint                NULs that are not stored
//! ```
//!
//! **Data and progress are one.** Whole events are progress: once their batch is durable, their bytes are never read again.
//! A batch is whole or it is not there: a reader stops at the first one that is cut or does not match its checksum, which
//! is what a crash in mid-write leaves.
//!
//! **An open event** is the last one of a source, to which more lines may be written. It is searchable, but no progress: any
//! later record of the same source and generation takes its place. Open events count in the newest log of an index only;
//! a log begins with those that its predecessor left.
//!
//! A log is appended to by the process that created it, and by none after it. What it holds is then sealed into a bucket.

mod format;
mod join;
mod log;
mod read;
mod state;
mod tail;

pub use join::join;
pub use log::{LiveLog, Record};
pub(crate) use read::OpenLog;
pub use read::{Gap, LiveReader, Records, read};
pub(crate) use state::LiveState;
pub use tail::LiveTail;

use crate::bucket::builder::BlockInput;
use crate::source::SourceHandle;
use memmap2::Mmap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::parse::ParsedBlock;
use trawl_formats::text::text;

/// A block of events in a live log.
#[derive(Clone, Debug)]
pub struct LiveBlock {
    /// Where the bytes came from.
    pub source: Arc<SourceHandle>,
    /// Offset of the first byte in the (decompressed) source.
    pub offset: u64,
    /// The raw bytes.
    pub bytes: LiveBytes,
    /// The events in them.
    pub parsed: ParsedBlock,
    /// Runs of (first event, time of indexing in microseconds); the first begins with event 0.
    pub indexed: Vec<(u32, i64)>,
    /// Its event may still grow.
    pub is_open: bool,
    /// Place of its batch in the log: later batches have higher ones.
    pub batch: u64,
}

impl LiveBlock {
    /// The block as input of a builder.
    pub fn as_input(&self) -> BlockInput<'_> {
        BlockInput { source: &self.source, offset: self.offset, bytes: &self.bytes, parsed: &self.parsed }
    }

    /// Whether each stamp lies in the text of its event, which takes a look at all of it: asked before a block is indexed.
    pub fn is_sound(&self) -> bool {
        let mut rest = &*self.bytes;
        self.parsed.events.iter().all(|event| {
            let Some((raw, behind)) = rest.split_at_checked(event.len as usize) else { return false };
            rest = behind;
            event.stamp.is_none_or(|stamp| stamp.end() <= text(raw, self.source.decoding).len())
        })
    }

    /// The block without its first `n` events; `None` if no event is left.
    pub fn skip_events(&self, n: usize) -> Option<Self> {
        let (skipped, events) = self.parsed.events.split_at_checked(n).filter(|(_, rest)| !rest.is_empty())?;
        let len = skipped.iter().map(|event| event.len as usize).sum();
        let bytes = match &self.bytes {
            LiveBytes::Mapped(map, range) => LiveBytes::Mapped(Arc::clone(map), range.start + len..range.end),
            LiveBytes::Owned(bytes) => LiveBytes::Owned(Arc::new(bytes[len..].to_vec())),
        };
        let run = self.indexed.partition_point(|(first, _)| *first as usize <= n).saturating_sub(1);
        let indexed = self.indexed[run..].iter().map(|(first, at)| (first.saturating_sub(n as u32), *at)).collect();
        let parsed = ParsedBlock { len: bytes.len(), events: events.to_vec(), ..self.parsed.clone() };
        Some(Self { offset: self.offset + len as u64, bytes, parsed, indexed, ..self.clone() })
    }

    /// Offset behind the last byte.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// Bytes of a live log, in place or copied.
#[derive(Clone)]
pub enum LiveBytes {
    /// A part of a log. Nobody changes or shortens it.
    Mapped(Arc<Mmap>, Range<usize>),
    /// Copied together from several places.
    Owned(Arc<Vec<u8>>),
}

impl std::ops::Deref for LiveBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map, range) => &map[range.clone()],
            Self::Owned(bytes) => bytes,
        }
    }
}

impl fmt::Debug for LiveBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// Path of a live log in the directory of its index.
pub fn log_path(index_dir: &Path, id: &str) -> PathBuf {
    index_dir.join("live").join(format!("{id}.log"))
}
