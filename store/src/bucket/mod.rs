//! A bucket: the unit on disk, one directory, immutable once sealed.

pub mod blocks;
pub mod builder;
pub mod columns;
pub mod journal;
pub mod meta;
pub mod reader;
