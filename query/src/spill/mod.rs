//! State that does not fit in memory: written to disk as blocks, read back once.
//!
//! An operator that can do so gives its state away when [`Memory::is_over`](crate::context::Memory::is_over) says so: rows as
//! sorted [runs](Block), which are merged at the end, groups as their partial states, dealt out to [`Partitions`] by the hash
//! of their keys, so that all that is known of a group lies in one partition and partitions are finished one by one.
//!
//! ```text
//! file  := block*                 without a name: it goes with the process, however that ends
//! block := zstd(content)          where it lies, its length and checksum are known in memory alone
//! ```
//!
//! What stands in a block is said by its writer in terms of [`Wire`].

mod block;
mod partition;
mod rows;
mod wire;

pub(crate) use block::{Block, Spill};
pub(crate) use partition::{N_PARTITIONS, Partitions, partition_of};
pub(crate) use rows::{decode_rows, encode_rows, rows_per_block};
pub(crate) use wire::{Damaged, Wire, encode_text, wire_enum, wire_struct};

/// What a command has written to disk because it did not fit in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spilled {
    /// The command.
    pub command: &'static str,
    /// How many times it gave its state away.
    pub n_runs: u64,
    /// Bytes that it wrote.
    pub n_bytes: u64,
}
