//! Analysis of an incident from the events alone: typed results, for whoever prints or keeps them.
//!
//! - [`diff`] compares the time of an incident with a baseline: patterns of lines and values of fields.

pub mod diff;
