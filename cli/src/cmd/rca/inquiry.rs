//! What the verbs of `trawl rca` have in common: their flags, and the inquiry that these make.

use crate::cmd::{CANNOT_PRINT, cannot_open, now_us, search::parse_time};
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Theme, notes};
use crate::signals::Interrupted;
use crate::terminal::Terminal;
use anyhow::Context;
use clap::ValueHint;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use trawl_formats::event::IndexName;
use trawl_query::context::Cancel;
use trawl_query::rca::{Inquiry, RcaError};
use trawl_query::{Engine, RunError, SearchOptions};

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RcaFormat {
    /// For people
    Table,
    /// One object with everything that is known
    Json,
}

/// Over what, as of when, and how the result is printed.
#[derive(Debug, clap::Args)]
pub struct RcaFlags {
    /// Answer as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Index to look in; may be repeated [default: the configuration's `default_indexes`]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub index: Vec<IndexName>,

    /// Also look in the buckets of this archive folder; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archive: Vec<PathBuf>,
}

impl RcaFlags {
    /// The time that counts as now, microseconds UTC.
    ///
    /// # Errors
    /// If `--now` is not a time.
    pub fn now_us(&self, config: &Config) -> anyhow::Result<i64> {
        let clock_us = now_us()?;
        let Some(now) = &self.now else { return Ok(clock_us) };
        let time = parse_time("--now", now)?.resolve(clock_us, config.zone.value);
        time.with_context(|| format!("`{now}` is beyond what a time can be"))
    }
}

/// An inquiry at work: Ctrl-C and the deadline of the configuration end it.
pub struct Asking<'a> {
    /// What is asked.
    pub inquiry: Inquiry,
    config: &'a Config,
    terminal: Terminal,
    interrupted: Interrupted,
    started: Instant,
}

impl<'a> Asking<'a> {
    /// An inquiry over the range of time that `earliest` and `latest` name, if they do.
    ///
    /// # Errors
    /// If a log format of the user or a time is not valid.
    pub fn new(
        flags: &RcaFlags,
        (earliest, latest): (Option<&str>, Option<&str>),
        config: &'a Config,
        terminal: Terminal,
    ) -> anyhow::Result<Self> {
        let started = Instant::now();
        let cancel = Arc::new(match config.deadline.value.0 {
            Some(deadline) => Cancel::with_deadline(started + deadline),
            None => Cancel::default(),
        });
        for (option, value) in [("--earliest", earliest), ("--latest", latest)] {
            value.map(|value| parse_time(option, value)).transpose()?;
        }
        let options = config.search_options();
        let indexes = if flags.index.is_empty() { options.indexes } else { flags.index.clone() };
        let options = SearchOptions {
            earliest: earliest.map(str::to_owned),
            latest: latest.map(str::to_owned),
            indexes,
            now_us: flags.now_us(config)?,
            spill_folder: Some(config.spill_folder.value.clone()),
            cancel: Arc::clone(&cancel),
            ..options
        };
        let engine = Engine::of_folders(config.data.value.clone(), flags.archive.clone(), config.load_registry()?);
        let interrupted = Interrupted::watch(move || cancel.request())?;
        Ok(Self { inquiry: Inquiry::new(&engine, options), config, terminal, interrupted, started })
    }

    /// The error of an analysis as people see it.
    pub fn explained(&self, error: RcaError) -> anyhow::Error {
        match error {
            RcaError::Run(RunError::Open(error)) => cannot_open(self.config, *error),
            RcaError::Query { text, error } => anyhow::anyhow!("{}", error.render(&text, false)),
            RcaError::Value { .. } => {
                let message = error.to_string();
                Advice::new(message, "name an id as it stands in the log, such as `trawl rca trace ORD-7731ZK42`")
                    .into()
            }
            error => error.into(),
        }
    }

    /// Prints a result, and what it rests on; the exit code is that of a search that found `n_found`.
    ///
    /// # Errors
    /// If it cannot be printed.
    pub fn print(
        &self,
        n_found: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        write(&mut out).and_then(|()| out.flush()).context(CANNOT_PRINT)?;
        let incomplete = self.inquiry.incomplete();
        let coverage = self.inquiry.coverage();
        let mut err = io::stderr().lock();
        let theme = Theme::new(self.terminal.color_stderr);
        if let Some(why) = &incomplete {
            notes::warning(&mut err, &theme, &format!("the answer is incomplete: {why}"))?;
        }
        if self.terminal.stderr_is_terminal || incomplete.is_some() || n_found == 0 {
            let cells = CellPrinter::new(self.config.zone.value);
            notes::coverage(&mut err, &theme, &coverage, &cells, self.started.elapsed())?;
        }
        Ok(match incomplete {
            _ if self.interrupted.happened() => ExitCode::Interrupted,
            Some(_) => ExitCode::Error,
            None => ExitCode::of_rows(n_found),
        })
    }
}

/// Writes a result as JSON, indented, with a line feed.
pub fn write_json(out: &mut dyn Write, result: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, result)?;
    writeln!(out)
}
