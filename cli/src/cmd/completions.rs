//! `trawl completions`: a script that teaches a shell the verbs and options.

use crate::args::Args;
use crate::exit_code::ExitCode;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{self, Write};

/// Prints the script for `shell`.
pub fn run(shell: Shell) -> anyhow::Result<ExitCode> {
    // The generator panics where its output cannot be written, so it gets a buffer.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "trawl", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::Success)
}
