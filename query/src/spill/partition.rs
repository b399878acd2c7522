//! Content that is dealt out by the hash of a key.

use super::{Block, Spill};
use crate::error::Result;
use crate::value::Value;
use std::hash::{DefaultHasher, Hasher};

/// Number of partitions. More of them make each smaller, and more and smaller blocks.
pub(crate) const N_PARTITIONS: usize = 64;

/// The partition of a key. It depends on the texts of the cells alone, so that workers agree about it; `level` tells
/// partitions apart that are made of one partition.
pub(crate) fn partition_of<'v>(key: impl IntoIterator<Item = &'v Value>, level: u32) -> usize {
    // SipHash with fixed keys.
    let mut hasher = DefaultHasher::new();
    hasher.write_u32(level);
    for cell in key {
        cell.with_text(|text| hasher.write(text.as_bytes()));
        hasher.write_u8(0xff);
    }
    hasher.finish() as usize % N_PARTITIONS
}

/// The blocks of each partition, in the order in which they were written.
pub(crate) struct Partitions {
    blocks: Vec<Vec<Block>>,
}

impl Default for Partitions {
    fn default() -> Self {
        Self { blocks: vec![Vec::new(); N_PARTITIONS] }
    }
}

impl Partitions {
    /// Writes a block to a partition.
    ///
    /// # Errors
    /// As [`Spill::write`].
    pub fn write(&mut self, partition: usize, content: &[u8], spill: &mut Spill) -> Result<()> {
        self.blocks[partition].push(spill.write(content)?);
        Ok(())
    }

    /// Takes over the blocks of another part of the rows.
    pub fn merge(&mut self, other: Self) {
        self.blocks.iter_mut().zip(other.blocks).for_each(|(blocks, more)| blocks.extend(more));
    }

    /// The blocks of the partitions that have any, one partition after the other.
    pub fn into_iter(self) -> impl Iterator<Item = Vec<Block>> {
        self.blocks.into_iter().filter(|blocks| !blocks.is_empty())
    }
}
