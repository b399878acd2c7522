//! What the analyses of an incident have in common: where they look, when now is, and how they print.

use crate::cmd::{CANNOT_PRINT, ask};
use crate::config::Config;
use crate::signals::Interrupted;
use anyhow::Context;
use clap::ValueHint;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use trawl_formats::IndexName;
use trawl_query::{Engine, SearchOptions};

/// Over what an analysis runs.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ScopeFlags {
    /// Work as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Index to search; may be repeated [default: the configuration's `default_indexes`]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub index: Vec<IndexName>,

    /// Also search the buckets in this archive folder, where they lie; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archive: Vec<PathBuf>,
}

/// How an analysis is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// Text for people
    #[default]
    Table,
    /// One JSON object with all that was found
    Json,
}

impl ScopeFlags {
    /// The present: that of the clock, unless somebody names another one.
    pub fn now_us(&self, config: &Config) -> anyhow::Result<i64> {
        ask::present_us(self.now.as_deref(), config.zone.value)
    }

    /// What searches run on.
    pub fn engine(&self, config: &Config) -> anyhow::Result<Engine> {
        Ok(Engine::of_folders(config.data.value.clone(), self.archive.clone(), config.load_registry()?))
    }

    /// The options of searches, which Ctrl-C and the deadline of the configuration stop.
    pub fn options(&self, config: &Config, now_us: i64) -> anyhow::Result<(SearchOptions, Interrupted)> {
        let options = ask::options(config, &self.index, now_us);
        let cancel = Arc::clone(&options.cancel);
        let interrupted = Interrupted::watch(move || cancel.request())?;
        Ok((options, interrupted))
    }
}

/// Prints a report as one JSON object on several lines.
pub fn print_json(report: &impl Serialize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report).map_err(io::Error::from).context(CANNOT_PRINT)?;
    writeln!(out).context(CANNOT_PRINT)
}
