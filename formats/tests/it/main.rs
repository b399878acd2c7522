//! Integration tests of `trawl-formats`: every built-in sourcetype against its samples, against real log files and
//! against a generated corpus whose answers are known.

mod corpora;
mod generated;
mod samples;
mod shapes;
mod stamps;
mod support;
