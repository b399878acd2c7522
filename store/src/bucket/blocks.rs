//! The block directory: what each block of the journal holds, without opening it.
//!
//! ```text
//! blocks  := magic[8] version:u32 sources headers levels hosts n_blocks:varint block*
//! sources := n:varint (id:varint generation:varint source:str host:str sourcetype:str rules_hash:u64 decoding:u8)*
//! headers, levels, hosts := n:varint str*          dictionaries; id k is item k − 1, id 0 is none
//! block   := the fields of [`Block`] in their order, fixed width, little endian
//! ```

use super::journal::{FrameRef, MAX_RAW_LEN};
use crate::codec::{Put, Take};
use crate::error::{Result, StoreError};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use trawl_formats::event::{Host, Source, Sourcetype};
use trawl_formats::text::Decoding;
use trawl_formats::timestamp::StampHint;

/// Name of the block directory file.
pub const BLOCKS_FILE: &str = "blocks";
const MAGIC: &[u8; 8] = b"trawlblk";
const VERSION: u32 = 1;
/// Dictionary id of a column that differs between the events of a block.
pub const MIXED: u32 = u32::MAX;

/// Where the bytes of a block came from and how they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSource {
    /// Id of the source in the catalog.
    pub id: u64,
    /// Generation: counts the files that had this path one after the other.
    pub generation: u32,
    /// Value of the field `source`.
    pub source: Source,
    /// Value of the field `host`, where the event names none itself.
    pub host: Host,
    /// Value of the field `sourcetype`.
    pub sourcetype: Sourcetype,
    /// Hash of the sourcetype's rules at the time of indexing.
    pub rules_hash: u64,
    /// How bytes become text.
    pub decoding: Decoding,
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where the raw bytes lie in the journal.
    pub frame: FrameRef,
    /// Where the columns lie in the column file.
    pub columns: Range<u64>,
    /// Index into [`BlockDirectory::sources`].
    pub source: u32,
    /// Offset of the first byte in the (decompressed) source.
    pub source_offset: u64,
    /// Document id of the first event.
    pub first_doc: u32,
    /// Number of events.
    pub n_events: u32,
    /// Earliest `_time`, microseconds.
    pub min_time_us: i64,
    /// Latest `_time`, microseconds.
    pub max_time_us: i64,
    /// When the first event was indexed, microseconds; all of them, but for [`Self::INDEXED_AT_TIMES`].
    pub indexed_at_us: i64,
    /// The time stamp format in force.
    pub hint: StampHint,
    /// Header line in force (CSV, W3C), or 0.
    pub header: u32,
    /// Level of all events, or [`MIXED`].
    pub level: u32,
    /// Host of all events, or [`MIXED`].
    pub host: u32,
    /// Union of the events' flags, and [`Self::INDEXED_AT_TIMES`].
    pub flags: u32,
}

impl Block {
    /// Flag of a block whose events were not indexed all at once: a tailed file's.
    pub const INDEXED_AT_TIMES: u32 = 1 << 8;

    /// Document ids of the events.
    pub fn docs(&self) -> Range<u32> {
        self.first_doc..self.first_doc + self.n_events
    }
}

/// All blocks of a bucket in journal order, with the dictionaries they refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockDirectory {
    /// Sources, in order of first appearance.
    pub sources: Vec<BlockSource>,
    /// Header lines.
    pub headers: Dictionary,
    /// Levels as written.
    pub levels: Dictionary,
    /// Hosts named by events.
    pub hosts: Dictionary,
    /// Blocks; `first_doc` ascends.
    pub blocks: Vec<Block>,
}

/// Strings with ids from 1 on; 0 stands for no string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dictionary {
    items: Vec<Arc<str>>,
}

impl Dictionary {
    /// The id of `item`, which is added if it is new.
    pub fn id(&mut self, item: &Arc<str>) -> u32 {
        // A handful of entries in practice, and asked once per block and distinct value, not per event.
        let position = self.items.iter().position(|known| known == item).unwrap_or_else(|| {
            self.items.push(Arc::clone(item));
            self.items.len() - 1
        });
        position as u32 + 1
    }

    /// The string of an id.
    pub fn get(&self, id: u32) -> Option<&Arc<str>> {
        self.items.get((id as usize).checked_sub(1)?)
    }

    /// Whether each of `ids` stands for a string or for none.
    pub fn holds_all(&self, ids: &[u32]) -> bool {
        ids.iter().max().is_none_or(|&id| id as usize <= self.items.len())
    }

    /// Strings in id order, beginning with id 1.
    pub fn items(&self) -> &[Arc<str>] {
        &self.items
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_varint(self.items.len() as u64);
        for item in &self.items {
            out.put_bytes(item.as_bytes());
        }
    }

    fn take(take: &mut Take<'_>) -> Option<Self> {
        let n = take.varint()?;
        let items = (0..n).map(|_| take.str().map(Arc::from)).collect::<Option<_>>()?;
        Some(Self { items })
    }
}

impl BlockDirectory {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.put_u32(VERSION);
        out.put_varint(self.sources.len() as u64);
        for source in &self.sources {
            out.put_varint(source.id);
            out.put_varint(source.generation.into());
            out.put_bytes(source.source.as_str().as_bytes());
            out.put_bytes(source.host.as_str().as_bytes());
            out.put_bytes(source.sourcetype.as_str().as_bytes());
            out.put_u64(source.rules_hash);
            out.push(source.decoding.to_u8());
        }
        self.headers.put(&mut out);
        self.levels.put(&mut out);
        self.hosts.put(&mut out);
        out.put_varint(self.blocks.len() as u64);
        for block in &self.blocks {
            out.put_u64(block.frame.offset);
            out.put_u32(block.frame.compressed_len);
            out.put_u32(block.frame.raw_len);
            out.put_u64(block.columns.start);
            out.put_u64(block.columns.end);
            out.put_u32(block.source);
            out.put_u64(block.source_offset);
            out.put_u32(block.first_doc);
            out.put_u32(block.n_events);
            out.put_u64(block.min_time_us as u64);
            out.put_u64(block.max_time_us as u64);
            out.put_u64(block.indexed_at_us as u64);
            out.put_u32(block.hint.0);
            out.put_u32(block.header);
            out.put_u32(block.level);
            out.put_u32(block.host);
            out.put_u32(block.flags);
        }
        out
    }

    /// Reads the file's bytes back.
    ///
    /// # Errors
    /// If the bytes are malformed or of a newer format; `path` is named in the error.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let mut take = Take::new(bytes);
        if take.bytes(MAGIC.len()) != Some(MAGIC) {
            return Err(StoreError::damaged(path, 0, "not a block directory"));
        }
        match take.u32() {
            Some(found) if found > VERSION => {
                Err(StoreError::NewerFormat { path: path.to_owned(), found, supported: VERSION })
            }
            _ => Self::take(&mut take).ok_or_else(|| StoreError::damaged(path, 0, "malformed block directory")),
        }
    }

    fn take(take: &mut Take<'_>) -> Option<Self> {
        let n_sources = take.varint()?;
        let sources = (0..n_sources).map(|_| take_source(take)).collect::<Option<_>>()?;
        let (headers, levels, hosts) = (Dictionary::take(take)?, Dictionary::take(take)?, Dictionary::take(take)?);
        let n_blocks = take.varint()?;
        let blocks = (0..n_blocks).map(|_| take_block(take)).collect::<Option<_>>()?;
        let directory = Self { sources, headers, levels, hosts, blocks };
        (take.is_empty() && directory.is_consistent()).then_some(directory)
    }

    /// Ids refer to what exists, documents ascend without a gap, and no block has more events than bytes.
    fn is_consistent(&self) -> bool {
        let known = |dictionary: &Dictionary, id: u32| id == 0 || id == MIXED || dictionary.get(id).is_some();
        let mut next_doc = Some(0_u32);
        self.blocks.iter().all(|block| {
            let in_order = Some(block.first_doc) == next_doc;
            next_doc = block.first_doc.checked_add(block.n_events);
            in_order
                && next_doc.is_some()
                && (1..=block.frame.raw_len).contains(&block.n_events)
                && block.frame.raw_len <= MAX_RAW_LEN
                && (block.source as usize) < self.sources.len()
                && block.columns.start <= block.columns.end
                && known(&self.headers, block.header)
                && known(&self.levels, block.level)
                && known(&self.hosts, block.host)
        })
    }

    /// Index of the block that holds `doc`.
    pub fn block_of(&self, doc: u32) -> usize {
        self.blocks.partition_point(|block| block.first_doc <= doc) - 1
    }
}

fn take_source(take: &mut Take<'_>) -> Option<BlockSource> {
    Some(BlockSource {
        id: take.varint()?,
        generation: u32::try_from(take.varint()?).ok()?,
        source: take.str()?.into(),
        host: take.str()?.into(),
        sourcetype: take.str()?.into(),
        rules_hash: take.u64()?,
        decoding: Decoding::from_u8(take.u8()?)?,
    })
}

fn take_block(take: &mut Take<'_>) -> Option<Block> {
    Some(Block {
        frame: FrameRef { offset: take.u64()?, compressed_len: take.u32()?, raw_len: take.u32()? },
        columns: take.u64()?..take.u64()?,
        source: take.u32()?,
        source_offset: take.u64()?,
        first_doc: take.u32()?,
        n_events: take.u32()?,
        min_time_us: take.u64()? as i64,
        max_time_us: take.u64()? as i64,
        indexed_at_us: take.u64()? as i64,
        hint: StampHint(take.u32()?),
        header: take.u32()?,
        level: take.u32()?,
        host: take.u32()?,
        flags: take.u32()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn directory(n_blocks: u32) -> BlockDirectory {
        let mut directory = BlockDirectory::default();
        directory.sources.push(BlockSource {
            id: 7,
            generation: 2,
            source: "/var/log/app.log".into(),
            host: "web01".into(),
            sourcetype: "log4j".into(),
            rules_hash: 0x1234,
            decoding: Decoding::default(),
        });
        let level = directory.levels.id(&"ERROR".into());
        for i in 0..n_blocks {
            directory.blocks.push(Block {
                frame: FrameRef { offset: u64::from(i) * 100, compressed_len: 84, raw_len: 1000 },
                columns: u64::from(i) * 10..u64::from(i) * 10 + 10,
                source: 0,
                source_offset: u64::from(i) * 1000,
                first_doc: i * 5,
                n_events: 5,
                min_time_us: -1,
                max_time_us: i64::from(i),
                indexed_at_us: 99,
                hint: StampHint(3),
                header: 0,
                level: if i % 2 == 0 { level } else { MIXED },
                host: 0,
                flags: 0,
            });
        }
        directory
    }

    #[test]
    fn round_trips_and_finds_blocks() {
        let directory = directory(4);
        let back = BlockDirectory::decode(&directory.encode(), Path::new("blocks")).expect("decode");
        assert_eq!(back, directory);
        assert_eq!([0, 4, 5, 19].map(|doc| back.block_of(doc)), [0, 0, 1, 3]);
    }

    #[test]
    fn a_newer_version_is_refused() {
        let mut bytes = directory(1).encode();
        bytes[8] = 9;
        let error = BlockDirectory::decode(&bytes, Path::new("blocks")).expect_err("newer");
        assert!(matches!(error, StoreError::NewerFormat { found: 9, supported: 1, .. }));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |change: fn(&mut Block)| {
            let mut directory = directory(1);
            change(&mut directory.blocks[0]);
            let error = BlockDirectory::decode(&directory.encode(), Path::new("blocks")).expect_err("no such block");
            assert_eq!(error.to_string(), "blocks is damaged at byte 0: malformed block directory");
        };
        check(|block| block.n_events = 0);
        check(|block| block.n_events = 1001);
        check(|block| block.frame.raw_len = u32::MAX);
        check(|block| block.first_doc = u32::MAX);
        check(|block| block.source = 1);
        check(|block| block.level = 2);
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_panic(at: proptest::sample::Index, value: u8, cut: proptest::sample::Index) {
            let mut bytes = directory(3).encode();
            let at = at.index(bytes.len());
            bytes[at] = value;
            bytes.truncate(cut.index(bytes.len() + 1));
            let _ = BlockDirectory::decode(&bytes, Path::new("blocks"));
        }
    }
}
