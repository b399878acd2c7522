//! `trawl config`: `show` prints each setting, its value and where the value comes from.

pub mod check;

use crate::config::Config;
use crate::exit_code::ExitCode;
use std::io::{self, Write};

/// Prints the settings in force.
pub fn show(config: &Config) -> anyhow::Result<ExitCode> {
    write!(io::stdout(), "{config}")?;
    Ok(ExitCode::Success)
}
