//! Retention: which buckets go, when, and what is remembered of them.
//!
//! [`plan`] decides, by age, by size and by the space that is to be kept free. `enforce` lets them go:
//!
//! 1. With an archive, the bucket becomes a file there, verified ([`crate::archive`]).
//! 2. `sources.json` ([`aged_out`]) gets the byte ranges that it held: whatever happens next, nothing is read twice.
//! 3. One catalog transaction removes it, and keeps the ranges. From here on no search finds it.
//! 4. Its directory is moved aside (`aside`), where a search that began before still finds it, and deleted an hour later,
//!    or when the file system has no room.
//!
//! A crash between any two steps leaves a bucket that is there as before, or one that is gone and whose directory the next
//! start moves aside.

pub mod aged_out;
pub(crate) mod aside;
mod enforce;
mod plan;

pub(crate) use enforce::Retention;
pub use enforce::{Gone, Planned, Removed, RetentionReport};
pub use plan::{BucketUse, DiskUse, MinFree, Policies, Policy, Reason, Removal, plan};
