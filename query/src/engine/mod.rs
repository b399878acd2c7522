//! Running a plan on the buckets and live logs of a store.
//!
//! Buckets are chosen by index and time from the catalog; in each, [`candidates`] narrows the search expression to events
//! that match or may match; `target` reads their blocks; `events` verifies and makes rows. Behind the first commands,
//! which look at one row at a time, the plan is cut: either states are filled in parallel and merged, or rows are handed on
//! in the documented order, newest first, as far as somebody wants them.

pub mod address;
pub mod bytes;
pub mod candidates;
pub mod coverage;
mod diagnosis;
mod docset;
mod events;
pub mod neighbours;
mod scan;
mod schema;
mod target;

pub use diagnosis::TermDiagnosis;
pub(crate) use scan::Scan;
