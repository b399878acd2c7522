//! The verbs, one file each. A verb takes its arguments and the resolved configuration, and returns how it ended.

pub mod alert;
pub mod archive;
pub mod ask;
pub mod check;
pub mod completions;
pub mod config;
pub mod context;
pub mod doctor;
pub mod help;
pub mod index;
pub mod jobs;
pub mod man;
pub mod patterns;
pub mod quickstart;
pub mod rca;
pub mod restore;
pub mod retention;
pub mod run;
pub mod saved;
pub mod scan;
pub mod search;
pub mod sources;
pub mod status;
pub mod tail;
pub mod verify;

use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{Format, Look, Marks, Trailer, batch_of};
use anyhow::Context;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use trawl_query::value::Value;
use trawl_store::{Reader, StoreError};

/// What went wrong where rows do not reach the standard output.
const CANNOT_PRINT: &str = "cannot write to the standard output";

/// Opens the data folder for reading; if there is none, the error says which folder was meant and why.
fn open_reader(config: &Config) -> anyhow::Result<Reader> {
    Reader::open(&config.data.value).map_err(|error| cannot_open(config, error))
}

/// What opening the data folder said, and what to do.
fn cannot_open(config: &Config, error: StoreError) -> anyhow::Error {
    match error {
        error if has_lost_catalog(&config.data.value, &error) => lost_catalog(&config.data.value, error),
        StoreError::NoStore { path } => Advice::new(
            format!("there is no trawl data in {} ({})", path.display(), config.data.origin),
            "index something first, for example `trawl index /var/log`, or name another folder with --data",
        )
        .into(),
        error => error.into(),
    }
}

/// Whether buckets are there but the catalog that names them is missing or cannot be used; `error` is what opening the
/// store said.
fn has_lost_catalog(data: &Path, error: &StoreError) -> bool {
    match error {
        StoreError::NoStore { .. } => has_buckets(data),
        StoreError::Catalog { .. } | StoreError::Damaged { .. } => true,
        _ => false,
    }
}

/// Whether any index of the data folder has a bucket on disk.
fn has_buckets(data: &Path) -> bool {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    entries(&data.join("index")).any(|index| entries(&index.join("buckets")).next().is_some())
}

/// The error about a catalog that cannot be used, with what to do.
fn lost_catalog(data: &Path, error: StoreError) -> anyhow::Error {
    let hint = "if it is lost or damaged, `trawl verify --repair` makes it anew from the buckets";
    let message = format!("{} holds buckets, but their catalog cannot be used", data.display());
    match error {
        StoreError::NoStore { .. } => Advice::new(message, hint).into(),
        error => anyhow::Error::from(error).context(Advice::new(message, hint)),
    }
}

/// Prints rows that a verb has made itself.
fn print_rows(look: &Look, format: Format, columns: &[&str], rows: Vec<Vec<Value>>) -> anyhow::Result<ExitCode> {
    let code = ExitCode::of_rows(rows.len() as u64);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut renderer = look.renderer(format, Marks::default());
    let printed = renderer
        .rows(batch_of(columns, rows), &mut out)
        .and_then(|()| renderer.finish(&Trailer::default(), &mut out))
        .and_then(|()| out.flush());
    printed.context(CANNOT_PRINT)?;
    Ok(code)
}

/// The wall clock, microseconds since 1970.
pub fn now_us() -> anyhow::Result<i64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    i64::try_from(since_1970.as_micros()).context("the clock is beyond what a time can be")
}
