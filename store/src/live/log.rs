//! Appending to a live log.

use super::format::{BATCH_HEADER_LEN, BATCH_MAGIC, MAGIC, VERSION, put_block, put_gap, put_source};
use super::log_path;
use crate::bucket::builder::BlockInput;
use crate::clock;
use crate::codec::{Put, zigzag};
use crate::disk;
use crate::error::{IoContext, Result};
use crate::source::{SourceHandle, SourceId};
use hashbrown::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::event::IndexName;

/// What can be appended.
pub enum Record<'a> {
    /// Whole events: progress.
    Events(BlockInput<'a>),
    /// The last event of a source, as far as it was written.
    Open(BlockInput<'a>),
    /// NULs that are not stored: progress, too.
    Gap {
        /// The source.
        source: &'a Arc<SourceHandle>,
        /// Offset of the first.
        offset: u64,
        /// How many.
        len: u64,
    },
}

impl<'a> Record<'a> {
    /// The source that it is about.
    pub fn source(&self) -> &'a Arc<SourceHandle> {
        match self {
            Self::Events(block) | Self::Open(block) => block.source,
            Self::Gap { source, .. } => source,
        }
    }
}

/// A live log that grows.
pub struct LiveLog {
    id: String,
    index: IndexName,
    path: PathBuf,
    file: File,
    /// Bytes that are durable: whole batches.
    len: u64,
    begun_at_us: i64,
    /// Numbers of the sources named so far.
    sources: HashMap<(SourceId, u32), (u64, Arc<SourceHandle>)>,
    n_sources: u64,
    batch: Vec<u8>,
}

impl LiveLog {
    /// Creates a log in the directory of its index. It is durable when this returns, but nobody knows it yet.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn create(index_dir: &Path, index: &IndexName) -> Result<Self> {
        let id = clock::unique_id();
        let path = log_path(index_dir, &id);
        if let Some(dir) = path.parent() {
            disk::create_dir_all(dir)?;
        }
        let mut file = disk::create_file(&path)?;
        let mut header = MAGIC.to_vec();
        header.put_u32(VERSION);
        file.write_all(&header).at("write", &path)?;
        file.sync_all().at("sync", &path)?;
        Ok(Self {
            id,
            index: index.clone(),
            path,
            file,
            len: header.len() as u64,
            begun_at_us: clock::now_us(),
            sources: HashMap::new(),
            n_sources: 0,
            batch: Vec::new(),
        })
    }

    /// Its unique name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its index.
    pub fn index(&self) -> &IndexName {
        &self.index
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are durable.
    pub fn durable_len(&self) -> u64 {
        self.len
    }

    /// When it was created, microseconds since the epoch.
    pub fn begun_at_us(&self) -> i64 {
        self.begun_at_us
    }

    /// Appends one batch, indexed at a moment in microseconds UTC, and makes it durable.
    ///
    /// # Errors
    /// If the disk refuses it. Whether the batch will be there after a power cut is then unknown: the log is to be
    /// [given up](crate::Writer::abandon_live_log), and a failed sync never tried again.
    pub(crate) fn append(&mut self, records: &[Record<'_>], indexed_at_us: i64) -> Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        batch.resize(BATCH_HEADER_LEN, 0);
        batch.put_varint(zigzag(indexed_at_us));
        for record in records {
            let source_no = self.source_no(record.source(), &mut batch);
            match record {
                Record::Events(block) => put_block(source_no, block, false, &mut batch),
                Record::Open(block) => put_block(source_no, block, true, &mut batch),
                Record::Gap { offset, len, .. } => put_gap(source_no, *offset, *len, &mut batch),
            }
        }
        let payload = &batch[BATCH_HEADER_LEN..];
        let mut header = Vec::with_capacity(BATCH_HEADER_LEN);
        header.put_u32(BATCH_MAGIC);
        header.put_u32(u32::try_from(payload.len()).expect("a batch is far smaller than 4 GiB"));
        header.put_u32(crc32c::crc32c(payload));
        batch[..BATCH_HEADER_LEN].copy_from_slice(&header);
        let written = self.file.write_all(&batch).at("write", &self.path);
        written.and_then(|()| self.file.sync_data().at("sync", &self.path))?;
        self.len += batch.len() as u64;
        self.batch = batch;
        Ok(())
    }

    /// Takes back what lies behind the durable batches, so that readers stop there. Another process may have it mapped:
    /// it is not cut off, but made unreadable.
    ///
    /// # Errors
    /// If the disk refuses that, too.
    pub(crate) fn void_rest(&self) -> Result<()> {
        let end = self.file.metadata().at("read", &self.path)?.len();
        if end > self.len {
            let n_zeros = (end - self.len).min(BATCH_HEADER_LEN as u64) as usize;
            self.file.write_all_at(&[0; BATCH_HEADER_LEN][..n_zeros], self.len).at("write", &self.path)?;
        }
        Ok(())
    }

    /// The number of a source, which is named in the batch if it is new or has changed.
    fn source_no(&mut self, source: &Arc<SourceHandle>, batch: &mut Vec<u8>) -> u64 {
        let key = (source.id, source.generation);
        if let Some((number, known)) = self.sources.get(&key)
            && (Arc::ptr_eq(known, source) || known == source)
        {
            return *number;
        }
        put_source(source, batch);
        let number = self.n_sources;
        self.n_sources += 1;
        self.sources.insert(key, (number, Arc::clone(source)));
        number
    }
}
