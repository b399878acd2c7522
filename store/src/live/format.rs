//! Records of a live log, written and read.

use super::{Gap, LiveBlock, LiveBytes, Records};
use crate::bucket::builder::BlockInput;
use crate::codec::{Put, Take, unzigzag, zigzag};
use crate::source::{Fingerprint, Hash16, SourceHandle, SourceId, path_text};
use memmap2::Mmap;
use std::sync::Arc;
use trawl_formats::event::IndexName;
use trawl_formats::parse::{EventFlags, EventMeta, ParsedBlock};
use trawl_formats::text::Decoding;
use trawl_formats::timestamp::{Span, StampHint};

pub(super) const MAGIC: &[u8; 8] = b"trawlliv";
pub(super) const VERSION: u32 = 2;
pub(super) const BATCH_MAGIC: u32 = u32::from_le_bytes(*b"TRWL");
/// Magic, length and checksum in front of a payload.
pub(super) const BATCH_HEADER_LEN: usize = 12;

/// An event takes at least so many bytes in front of its text, and one of text.
const LEAST_EVENT_LEN: u64 = 8;

const SOURCE: u8 = 0;
const EVENTS: u8 = 1;
const OPEN: u8 = 2;
const GAP: u8 = 3;

/// What a record says. Sources are numbers in the order in which the log names them.
#[derive(Debug)]
pub(super) enum Decoded {
    Source(SourceHandle),
    Block { source_no: u64, offset: u64, bytes: LiveBytes, parsed: ParsedBlock, indexed_at_us: i64, is_open: bool },
    Gap { source_no: u64, offset: u64, len: u64 },
}

impl Decoded {
    /// Adds what the record of batch `batch` says to `records`. `sources` are those that the log has named so far. `None`
    /// if it names one that is not among them.
    pub(super) fn resolve(self, batch: u64, sources: &mut Vec<Arc<SourceHandle>>, records: &mut Records) -> Option<()> {
        let source_at = |number: u64| sources.get(usize::try_from(number).ok()?).cloned();
        match self {
            Self::Source(source) => sources.push(Arc::new(source)),
            Self::Block { source_no, offset, bytes, parsed, indexed_at_us, is_open } => {
                let (source, indexed) = (source_at(source_no)?, vec![(0, indexed_at_us)]);
                records.blocks.push(LiveBlock { source, offset, bytes, parsed, indexed, is_open, batch });
            }
            Self::Gap { source_no, offset, len } => {
                records.gaps.push(Gap { source: source_at(source_no)?, offset, len, batch });
            }
        }
        Some(())
    }
}

/// A payload with its place in the log that is mapped.
pub(super) struct Payload<'m> {
    pub(super) map: &'m Arc<Mmap>,
    pub(super) bytes: &'m [u8],
}

pub(super) fn put_source(source: &SourceHandle, out: &mut Vec<u8>) {
    out.push(SOURCE);
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
}

fn take_source(take: &mut Take<'_>, index: &IndexName) -> Option<SourceHandle> {
    Some(SourceHandle {
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
    })
}

pub(super) fn put_gap(source_no: u64, offset: u64, len: u64, out: &mut Vec<u8>) {
    out.push(GAP);
    out.put_varint(source_no);
    out.put_varint(offset);
    out.put_varint(len);
}

pub(super) fn put_block(source_no: u64, block: &BlockInput<'_>, is_open: bool, out: &mut Vec<u8>) {
    let parsed = block.parsed;
    out.push(if is_open { OPEN } else { EVENTS });
    out.put_varint(source_no);
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

/// Reads the records of a payload. `None` if it is malformed.
pub(super) fn take_payload(payload: &Payload<'_>, index: &IndexName) -> Option<Vec<Decoded>> {
    let mut take = Take::new(payload.bytes);
    let indexed_at_us = unzigzag(take.varint()?);
    let mut records = Vec::new();
    while !take.is_empty() {
        records.push(match take.u8()? {
            SOURCE => Decoded::Source(take_source(&mut take, index)?),
            kind @ (EVENTS | OPEN) => take_block(&mut take, payload.map, indexed_at_us, kind == OPEN)?,
            GAP => {
                let (source_no, offset, len) = (take.varint()?, take.varint()?, take.varint()?);
                offset.checked_add(len)?;
                Decoded::Gap { source_no, offset, len }
            }
            _ => return None,
        });
    }
    Some(records)
}

fn take_block(take: &mut Take<'_>, map: &Arc<Mmap>, indexed_at_us: i64, is_open: bool) -> Option<Decoded> {
    let source_no = take.varint()?;
    let offset = take.varint()?;
    let hint = StampHint(take.u32()?);
    let header = Some(take.str()?).filter(|header| !header.is_empty()).map(Arc::from);
    let n_symbols = take.varint()?;
    let symbols = (0..n_symbols).map(|_| take.str().map(Arc::from)).collect::<Option<Vec<Arc<str>>>>()?;
    let line_events = take.u8()? != 0;
    let n_events = take.varint()?;
    let mut events = Vec::with_capacity(n_events.min(take.rest().len() as u64 / LEAST_EVENT_LEN) as usize);
    let mut len = 0_u64;
    for _ in 0..n_events {
        let event = take_event(take)?;
        let symbols_exist = usize::from(event.level.max(event.host)) <= symbols.len();
        len += u64::from(event.len);
        symbols_exist.then(|| events.push(event))?;
    }
    let bytes = take.prefixed()?;
    let is_whole = len == bytes.len() as u64 && !events.is_empty() && offset.checked_add(len).is_some();
    let start = bytes.as_ptr() as usize - map.as_ptr() as usize;
    let parsed = ParsedBlock { len: bytes.len(), events, symbols, hint, header, line_events };
    let bytes = LiveBytes::Mapped(Arc::clone(map), start..start + bytes.len());
    is_whole.then_some(Decoded::Block { source_no, offset, bytes, parsed, indexed_at_us, is_open })
}

fn take_event(take: &mut Take<'_>) -> Option<EventMeta> {
    let len = u32::try_from(take.varint()?).ok()?;
    let time_us = unzigzag(take.varint()?);
    let level = u16::try_from(take.varint()?).ok()?;
    let host = u16::try_from(take.varint()?).ok()?;
    let flags = EventFlags(take.u8()?);
    let start = u32::try_from(take.varint()?).ok()?;
    let stamp_len = u32::try_from(take.varint()?).ok()?;
    start.checked_add(stamp_len)?;
    let stamp = (stamp_len > 0).then_some(Span { start, len: stamp_len });
    Some(EventMeta { len, time_us, stamp, level, host, flags })
}
