//! Analysis of an incident from the events alone: typed results, for whoever prints or keeps them.
//!
//! - [`coverage`] tells what of a time is indexed, source by source, and what is missing.

pub mod coverage;
