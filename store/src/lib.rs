//! Everything that trawl keeps on disk.
//!
//! - A [`bucket`] is the unit: about 128 MiB of raw log as compressed, verbatim [`bucket::journal`] blocks, a
//!   [`segment`] (terms → events), [`bucket::columns`] (time, level, host of each event), checksums ([`sums`]), and
//!   `bucket.json` ([`bucket::meta`]). It is built by a [`BucketBuilder`], and never changes after it is sealed.
//! - The [`catalog`] knows which buckets there are and which byte ranges of which source they hold. Data and progress
//!   become durable in one transaction: nothing is lost, nothing is indexed twice.
//! - The [`live`] log holds events that are searchable before they lie in a bucket.
//!
//! [`Writer`] is the one process that adds events; [`Reader`]s, any number of them, take [`Snapshot`]s without a daemon and
//! without write permission.

pub mod archive;
pub mod bucket;
pub mod catalog;
mod clock;
mod codec;
mod disk;
mod error;
mod gain;
pub mod live;
mod lock;
mod ranges;
mod rebuild;
pub mod retention;
pub mod rotation;
pub mod segment;
pub mod source;
mod store;
pub mod sums;
pub mod verify;

pub use bucket::builder::{BlockInput, BucketBuilder, SealedBucket};
pub use bucket::journal::BlockReader;
pub use bucket::reader::Bucket;
pub use catalog::finished::{FileStamp, FinishedFile};
pub use catalog::{BucketRow, Catalog, NewSource, SourceState};
pub use error::{Result, StoreError};
pub use live::{LiveBlock, LiveLog, LiveTail, Record};
pub use ranges::RangeSet;
pub use rebuild::rebuild_catalog;
pub use source::{Fingerprint, SourceHandle, SourceId, Tail};
pub use store::{LogEnd, Reader, Snapshot, Writer, index_dir};
