//! An analysis at work: what it asks, how its errors are printed, and what its result rests on.

use super::scope::ScopeFlags;
use crate::cmd::CANNOT_PRINT;
use crate::cmd::ask::{self, RangeFlags};
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Theme, notes};
use crate::signals::Interrupted;
use crate::terminal::Terminal;
use anyhow::Context;
use std::io::{self, Write};
use std::time::Instant;
use trawl_query::rca::{Inquiry, RcaError};

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
    /// An inquiry over a range of time.
    ///
    /// # Errors
    /// If a log format of the user or a time is not valid.
    pub fn new(scope: &ScopeFlags, range: &RangeFlags, config: &'a Config, terminal: Terminal) -> anyhow::Result<Self> {
        let started = Instant::now();
        let (options, interrupted) = scope.options(config, scope.now_us(config)?)?;
        let inquiry = Inquiry::new(&scope.engine(config)?, range.of(options)?);
        Ok(Self { inquiry, config, terminal, interrupted, started })
    }

    /// The error of an analysis as people see it.
    pub fn explained(&self, error: RcaError) -> anyhow::Error {
        match error {
            RcaError::Run(error) => ask::explained(self.config, error),
            RcaError::Query { text, error } => anyhow::anyhow!("{}", error.render(&text, false)),
            RcaError::Value { .. } => {
                let message = error.to_string();
                Advice::new(message, "name an id as it stands in the log, such as `trawl rca trace ORD-7731ZK42`")
                    .into()
            }
            error => error.into(),
        }
    }

    /// Says what the result rests on, and whether it is whole; the exit code is that of a search that found `n_found`.
    ///
    /// # Errors
    /// If the standard error cannot be written.
    pub fn finish(&self, n_found: u64) -> anyhow::Result<ExitCode> {
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
        Ok(ExitCode::of_answer(n_found, incomplete.is_some(), &self.interrupted))
    }
}

/// Writes a page to the standard output.
///
/// # Errors
/// If it cannot be written.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).context(CANNOT_PRINT)
}
