//! Live logs as they grow, for whoever wants to see events when they arrive.

use super::{LiveBlock, LiveReader, log_path};
use crate::catalog::LiveLogRow;
use crate::error::{Result, StoreError};
use crate::store::{LogEnd, Reader, Snapshot, index_dir};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use trawl_formats::event::IndexName;

/// Follows the live logs of a store. Order is that of arrival.
pub struct LiveTail {
    /// Those that are read, by id: the oldest first.
    logs: BTreeMap<String, LiveReader>,
}

impl LiveTail {
    /// Begins where a snapshot ends: what is in it is not told again.
    ///
    /// # Errors
    /// If a log cannot be read.
    pub fn after(reader: &Reader, snapshot: &Snapshot) -> Result<Self> {
        let mut tail = Self { logs: BTreeMap::new() };
        for LogEnd { id, index, end, file } in &snapshot.logs {
            let path = log_path(&index_dir(reader.data(), index), id);
            let mut log = LiveReader::of_file(Arc::clone(file), &path, index)?;
            log.read_new(Some(*end))?;
            tail.logs.insert(id.clone(), log);
        }
        Ok(tail)
    }

    /// What has arrived since the last call.
    ///
    /// # Errors
    /// If the catalog or a log cannot be read.
    pub fn poll(&mut self, reader: &Reader) -> Result<Vec<LiveBlock>> {
        let mut blocks = Vec::new();
        // Listed before any is read: what is not named any more has all that it will ever have.
        let present = reader.live_logs()?;
        for log in self.logs.values_mut() {
            if log.has_grown()? {
                blocks.extend(log.read_new(None)?.blocks);
            }
        }
        self.logs.retain(|id, _| present.iter().any(|row| row.id == *id));
        for LiveLogRow { id, index, end } in present {
            if !self.logs.contains_key(&id)
                && let Some(mut log) = open(reader, &id, &index)?
            {
                blocks.extend(log.read_new(end)?.blocks);
                self.logs.insert(id, log);
            }
        }
        Ok(blocks)
    }
}

/// Opens a log; `None` if it was sealed and removed since it was listed.
fn open(reader: &Reader, id: &str, index: &IndexName) -> Result<Option<LiveReader>> {
    match LiveReader::open(&log_path(&index_dir(reader.data(), index), id), index) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}
