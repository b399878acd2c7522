//! Live logs as they grow, for whoever wants to see events when they arrive.

use super::{LiveBlock, LiveReader, Records, log_path};
use crate::catalog::LiveLogRow;
use crate::error::{Result, StoreError};
use crate::store::{Reader, index_dir};
use std::collections::BTreeMap;
use std::io;
use trawl_formats::event::IndexName;

/// Follows the live logs of a store. Order is that of arrival.
pub struct LiveTail {
    /// Those that are read, by id: the oldest first.
    logs: BTreeMap<String, LiveReader>,
}

impl LiveTail {
    /// Begins at the present end of the logs. Returns the open events, which may still grow, beside it.
    ///
    /// # Errors
    /// If the catalog or a log cannot be read.
    pub fn begin(reader: &Reader) -> Result<(Self, Vec<LiveBlock>)> {
        let mut tail = Self { logs: BTreeMap::new() };
        // Only the newest log of an index has open events; a later one takes the place of an earlier one here.
        let mut open: BTreeMap<IndexName, Vec<LiveBlock>> = BTreeMap::new();
        for (index, mut records) in tail.read(reader)? {
            records.drop_superseded();
            records.blocks.retain(|block| block.is_open);
            open.insert(index, records.blocks);
        }
        Ok((tail, open.into_values().flatten().collect()))
    }

    /// What has arrived since the last call.
    ///
    /// # Errors
    /// If the catalog or a log cannot be read.
    pub fn poll(&mut self, reader: &Reader) -> Result<Vec<LiveBlock>> {
        Ok(self.read(reader)?.into_iter().flat_map(|(_, records)| records.blocks).collect())
    }

    fn read(&mut self, reader: &Reader) -> Result<Vec<(IndexName, Records)>> {
        let mut all = Vec::new();
        // Those that are known first: one that is sealed meanwhile is read to its end before it is let go.
        for log in self.logs.values_mut() {
            if log.has_grown()? {
                all.push((log.index().clone(), log.read_new(None)?));
            }
        }
        let present = reader.live_logs()?;
        self.logs.retain(|id, _| present.iter().any(|row| row.id == *id));
        for LiveLogRow { id, index, end } in present {
            if self.logs.contains_key(&id) {
                continue;
            }
            let mut log = match LiveReader::open(&log_path(&index_dir(reader.data(), &index), &id), &index) {
                // Sealed and removed between the two looks.
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            all.push((index, log.read_new(end)?));
            self.logs.insert(id, log);
        }
        Ok(all)
    }
}
