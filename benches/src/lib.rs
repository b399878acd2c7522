//! Corpora and measuring helpers for the benches.
//!
//! The criterion benches (`benches/*.rs`) run on the small logs of `testdata`, repeated to a size at which caches no longer
//! help. The program `measure` does the same for a whole corpus folder and writes the table of `benches/RECORD.md`.

pub mod cases;
pub mod corpus;
pub mod usage;
