//! The live log: events that are searchable before they lie in a sealed bucket.
//!
//! ```text
//! log     := magic[8] version:u32 batch*
//! batch   := magic:u32 payload_len:u32 crc:u32 payload           crc = CRC-32C of the payload
//! payload := n_blocks:varint block*
//! block   := source offset:varint hint:u32 header:str symbols line_events:u8 n_events:varint event* bytes
//! event   := len:varint time_us:zigzag level:varint host:varint flags:u8 stamp_start:varint stamp_len:varint   stamp_len 0 = none
//! ```
//!
//! A batch is whole or it is not there: a reader stops at the first batch that is cut or does not match its checksum,
//! which is what a crash in mid-write leaves. `trawl index` writes the provisional last events of its files here.

use crate::codec::{Put, Take, unzigzag, zigzag};
use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use crate::source::{Fingerprint, Hash16, SourceHandle, SourceId, path_text};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::event::IndexName;
use trawl_formats::parse::{EventFlags, EventMeta, ParsedBlock};
use trawl_formats::text::{Decoding, text};
use trawl_formats::timestamp::{Span, StampHint};

use crate::bucket::builder::BlockInput;

const MAGIC: &[u8; 8] = b"trawlliv";
const VERSION: u32 = 1;
const BATCH_MAGIC: u32 = u32::from_le_bytes(*b"TRWL");

/// A block of events in a live log.
#[derive(Clone, Debug)]
pub struct LiveBlock {
    /// Where the bytes came from.
    pub source: Arc<SourceHandle>,
    /// Offset of the first byte in the (decompressed) source.
    pub offset: u64,
    /// The raw bytes.
    pub bytes: Vec<u8>,
    /// The events in them.
    pub parsed: ParsedBlock,
}

impl LiveBlock {
    /// The block as input of a builder.
    pub fn as_input(&self) -> BlockInput<'_> {
        BlockInput { source: &self.source, offset: self.offset, bytes: &self.bytes, parsed: &self.parsed }
    }
}

/// Path of a live log in the directory of its index.
pub fn log_path(index_dir: &Path, id: &str) -> PathBuf {
    index_dir.join("live").join(format!("{id}.log"))
}

/// Appends batches to one live log.
pub struct LiveLogWriter {
    path: PathBuf,
    file: File,
}

impl LiveLogWriter {
    /// Creates a live log.
    ///
    /// # Errors
    /// If the file exists or cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        if let Some(dir) = path.parent() {
            disk::create_dir_all(dir)?;
        }
        let mut file = disk::create_file(path)?;
        let mut header = MAGIC.to_vec();
        header.put_u32(VERSION);
        file.write_all(&header).at("write", path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends one batch and makes it durable.
    ///
    /// # Errors
    /// If the disk refuses it. The log is then to be abandoned: a failed sync is never tried again on the same file.
    pub fn append(&mut self, blocks: &[BlockInput<'_>]) -> Result<()> {
        let mut payload = Vec::new();
        payload.put_varint(blocks.len() as u64);
        for block in blocks {
            put_block(block, &mut payload);
        }
        let mut batch = Vec::with_capacity(payload.len() + 12);
        batch.put_u32(BATCH_MAGIC);
        batch.put_u32(payload.len() as u32);
        batch.put_u32(crc32c::crc32c(&payload));
        batch.extend(payload);
        self.file.write_all(&batch).at("write", &self.path)?;
        self.file.sync_data().at("sync", &self.path)
    }
}

/// Reads the whole batches of a live log, oldest block first.
///
/// # Errors
/// If the file cannot be read, is no live log, or is of a newer format. A torn end is no error.
pub fn read(path: &Path, index: &IndexName) -> Result<Vec<LiveBlock>> {
    let bytes = std::fs::read(path).at("read", path)?;
    let mut take = Take::new(&bytes);
    if take.bytes(MAGIC.len()) != Some(MAGIC) {
        return Err(StoreError::damaged(path, 0, "not a live log"));
    }
    match take.u32() {
        Some(VERSION) => {}
        Some(found) if found > VERSION => {
            return Err(StoreError::NewerFormat { path: path.to_owned(), found, supported: VERSION });
        }
        _ => return Err(StoreError::damaged(path, 0, "unknown version")),
    }
    let mut blocks = Vec::new();
    while let Some(payload) = next_batch(&mut take) {
        let mut take = Take::new(payload);
        take_payload(&mut take, index, &mut blocks)
            .ok_or_else(|| StoreError::damaged(path, 0, "a batch with a right checksum is malformed"))?;
    }
    Ok(blocks)
}

fn next_batch<'a>(take: &mut Take<'a>) -> Option<&'a [u8]> {
    let (magic, len, crc) = (take.u32()?, take.u32()?, take.u32()?);
    let payload = take.bytes(len as usize)?;
    (magic == BATCH_MAGIC && crc32c::crc32c(payload) == crc).then_some(payload)
}

fn take_payload(take: &mut Take<'_>, index: &IndexName, blocks: &mut Vec<LiveBlock>) -> Option<()> {
    let n_blocks = take.varint()?;
    for _ in 0..n_blocks {
        blocks.push(take_block(take, index)?);
    }
    take.is_empty().then_some(())
}

fn put_block(block: &BlockInput<'_>, out: &mut Vec<u8>) {
    let source = block.source;
    out.put_varint(source.id.0);
    out.put_varint(source.generation.into());
    out.put_bytes(path_text::to_text(&source.path).as_bytes());
    out.put_bytes(source.source.as_str().as_bytes());
    out.put_bytes(source.host.as_str().as_bytes());
    out.put_bytes(source.sourcetype.as_str().as_bytes());
    out.put_u64(source.rules_hash);
    out.push(source.decoding.to_u8());
    out.put_u32(source.fingerprint.head_len);
    out.extend(source.fingerprint.head.0);
    out.put_u64(source.fingerprint.dev);
    out.put_u64(source.fingerprint.ino);

    let parsed = block.parsed;
    out.put_varint(block.offset);
    out.put_u32(parsed.hint.0);
    out.put_bytes(parsed.header.as_deref().unwrap_or_default().as_bytes());
    out.put_varint(parsed.symbols.len() as u64);
    for symbol in &parsed.symbols {
        out.put_bytes(symbol.as_bytes());
    }
    out.push(parsed.line_events.into());
    out.put_varint(parsed.events.len() as u64);
    for event in &parsed.events {
        out.put_varint(event.len.into());
        out.put_varint(zigzag(event.time_us));
        out.put_varint(event.level.into());
        out.put_varint(event.host.into());
        out.push(event.flags.0);
        let stamp = event.stamp.unwrap_or(Span { start: 0, len: 0 });
        out.put_varint(stamp.start.into());
        out.put_varint(stamp.len.into());
    }
    out.put_bytes(&block.bytes[..parsed.len]);
}

fn take_block(take: &mut Take<'_>, index: &IndexName) -> Option<LiveBlock> {
    let source = SourceHandle {
        id: SourceId(take.varint()?),
        generation: u32::try_from(take.varint()?).ok()?,
        index: index.clone(),
        path: path_text::from_text(take.str()?),
        source: take.str()?.into(),
        host: take.str()?.into(),
        sourcetype: take.str()?.into(),
        rules_hash: take.u64()?,
        decoding: Decoding::from_u8(take.u8()?)?,
        fingerprint: Fingerprint {
            head_len: take.u32()?,
            head: Hash16(take.bytes(16)?.try_into().ok()?),
            dev: take.u64()?,
            ino: take.u64()?,
        },
    };
    let offset = take.varint()?;
    let hint = StampHint(take.u32()?);
    let header = Some(take.str()?).filter(|header| !header.is_empty()).map(Arc::from);
    let n_symbols = take.varint()?;
    let symbols = (0..n_symbols).map(|_| take.str().map(Arc::from)).collect::<Option<Vec<Arc<str>>>>()?;
    let line_events = take.u8()? != 0;
    let n_events = take.varint()?;
    let mut events = Vec::new();
    for _ in 0..n_events {
        let event = take_event(take)?;
        let symbols_exist = usize::from(event.level.max(event.host)) <= symbols.len();
        symbols_exist.then(|| events.push(event))?;
    }
    let bytes = take.prefixed()?.to_vec();
    let whole = events_fit(&events, &bytes, source.decoding);
    let parsed = ParsedBlock { len: bytes.len(), events, symbols, hint, header, line_events };
    whole.then(|| LiveBlock { source: Arc::new(source), offset, bytes, parsed })
}

/// Whether the events cover the bytes, and each stamp lies in the text of its event.
fn events_fit(events: &[EventMeta], bytes: &[u8], decoding: Decoding) -> bool {
    let mut rest = bytes;
    let fits = |event: &EventMeta| {
        let (raw, behind) = rest.split_at_checked(event.len as usize)?;
        rest = behind;
        event.stamp.is_none_or(|stamp| stamp.end() <= text(raw, decoding).len()).then_some(())
    };
    events.iter().map(fits).all(|fits| fits.is_some()) && rest.is_empty()
}

fn take_event(take: &mut Take<'_>) -> Option<EventMeta> {
    let len = u32::try_from(take.varint()?).ok()?;
    let time_us = unzigzag(take.varint()?);
    let level = u16::try_from(take.varint()?).ok()?;
    let host = u16::try_from(take.varint()?).ok()?;
    let flags = EventFlags(take.u8()?);
    let start = u32::try_from(take.varint()?).ok()?;
    let stamp_len = u32::try_from(take.varint()?).ok()?;
    let stamp = (stamp_len > 0).then_some(Span { start, len: stamp_len });
    Some(EventMeta { len, time_us, stamp, level, host, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_cover_the_bytes_and_hold_their_stamps() {
        let event = |len, stamp: Option<(u32, u32)>| EventMeta {
            len,
            time_us: 0,
            stamp: stamp.map(|(start, len)| Span { start, len }),
            level: 0,
            host: 0,
            flags: EventFlags::default(),
        };
        let fit = |events: &[EventMeta]| events_fit(events, b"abc\nde\n", Decoding::default());
        assert!(fit(&[event(4, Some((0, 3))), event(3, None)]));
        assert!(!fit(&[event(4, None)]));
        assert!(!fit(&[event(4, None), event(4, None)]));
        // The line end is no part of the text.
        assert!(!fit(&[event(4, Some((0, 4))), event(3, None)]));
        assert!(!fit(&[event(4, Some((u32::MAX, 1))), event(3, None)]));
    }
}
