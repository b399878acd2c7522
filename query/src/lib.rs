//! The search language: parser, plan, execution.
//!
//! A query is a pipeline: a search expression selects events, commands work on what it found.
//!
//! - [`parse`] turns text into a [`Pipeline`], or into a [`QueryError`] that points at what is wrong. Printing a pipeline
//!   gives its canonical text, and reading that gives the same pipeline.
//! - [`search`] is the language of the first stage: words, phrases, `field=value`. Its syntax tree compiles to a
//!   [`search::Filter`], the definition of what matches; an index only finds candidates faster.
//! - [`command`] has one file for each command, [`expr`] the expressions of `eval` and `where`, [`stats_fn`] the functions
//!   of `stats`. Each comes with its manual page and the examples in it run as tests.
//! - Rows travel in [`Batch`]es of columns. An operator takes batches in and passes batches on; what it keeps is bounded by
//!   [`Limits`], and it stops when its [`Cancel`] says so.
//! - [`pattern`] puts log lines together that one statement printed.
//! - [`plan`] and [`engine`] decide what to read and read it; [`Search`] is the front door to all of this.
//! - [`rca`] asks many searches for one answer: what changed, where a request went.
//!
//! The language part is pure: the clock, the zone and the searched range come in through a
//! [`Context`](context::Context), and nothing in it reads files but [`lookup`], whose tables are files.
//!
//! ```
//! let query = "status=404 OR status=500 | stast count by host";
//! let error = trawl_query::parse(query).unwrap_err();
//! assert_eq!(error.to_string(), "unknown command `stast`");
//! assert_eq!(error.hint.as_deref(), Some("did you mean `stats`?"));
//! ```
//!
//! # Untrusted input
//!
//! Queries and log text may be hostile. Parsing is linear but for the nesting of parentheses, which is bounded; regular
//! expressions run in linear time and have a size limit; state has limits with errors that name them.

pub mod ast;
pub mod batch;
mod chain;
mod collector;
pub mod command;
pub mod context;
mod document;
pub mod engine;
pub mod error;
mod expand;
pub mod expr;
mod follow;
pub mod glob;
mod json;
pub mod knowledge;
mod lexer;
pub mod lookup;
pub mod manual;
mod moment;
mod net;
mod parser;
pub mod pattern;
pub mod plan;
mod preview;
pub mod rca;
mod regex_dialect;
mod run;
mod run_over;
mod saved;
pub mod search;
pub mod span;
mod spill;
pub mod stats_fn;
pub mod subsearch;
#[cfg(test)]
mod testing;
pub mod time;
pub mod tokens;
#[cfg(test)]
mod traps;
pub mod value;
pub mod wanted;

pub use ast::Pipeline;
pub use batch::Batch;
pub use collector::{CollectedEvents, Collector};
pub use command::Flow;
pub use context::{Cancel, Limits, Progress};
pub use engine::{Arrivals, Engine, Sighting};
pub use error::{QueryError, RunError};
pub use follow::Follow;
pub use knowledge::Knowledge;
pub use moment::Moment;
pub use parser::{parse, parse_with};
pub use preview::Previewer;
pub use run::{Highlight, Search, SearchOptions, Summary};
pub use saved::SavedSearch;
pub use spill::Spilled;
pub use value::Value;
pub use wanted::Wanted;
