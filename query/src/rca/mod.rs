//! Root cause: what an engineer asks of the logs after "something broke at 14:05".
//!
//! Each analysis takes an [`Inquiry`] — the engine, the clock, the indexes — and returns a typed result that serialises, so
//! that it can be printed, attached to a case and read again. Nothing here prints or reads the clock.
//!
//! - [`changes`] ranks what changed before the onset of an incident.
//! - [`coverage`] tells what of a time is indexed, source by source, and what is missing.
//! - [`diff`] compares the time of an incident with a baseline: patterns of lines and values of fields.
//! - [`timeline`] merges alerts, changes, notes and chosen events into one table.
//! - [`trace`] follows an id through the sources that mention it, and the ids that stand beside it.

pub mod changes;
pub mod coverage;
pub mod diff;
pub mod event;
pub mod ids;
mod inquiry;
pub mod timeline;
pub mod trace;

pub use event::{Event, Moment};
pub use inquiry::{Inquiry, RcaError};
