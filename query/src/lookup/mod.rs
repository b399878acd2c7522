//! Lookup tables: small tables beside the events that rows are completed from.
//!
//! A table is a CSV file, plain or compressed, in one folder. [`Lookups`] says which folder, and how tables are matched
//! where that is not by equality: it comes from the configuration. A `Table` is a file in memory, a `Matcher` finds the
//! lines of a table that belong to a row. A search reads a table once and indexes it once: `Tables` keeps both for all its
//! operators.
//!
//! `folder` is the only module of this crate that touches files outside of the store.

mod definition;
mod error;
mod folder;
mod matcher;
mod table;
mod tables;
#[cfg(test)]
mod tests;

pub use definition::{LookupDefinition, Lookups, MatchKind, TimeMatch};
pub use folder::check_name;

pub(crate) use error::LookupError;
pub(crate) use matcher::Matcher;
pub(crate) use tables::{Naming, Tables};
