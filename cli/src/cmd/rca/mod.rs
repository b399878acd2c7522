//! `trawl rca`: the verbs that get to the root of an incident.

pub mod diff;
pub mod scope;
pub mod window;

use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;

/// What `trawl rca` does.
#[derive(Debug, clap::Subcommand)]
pub enum RcaVerb {
    /// Compare the events of an incident with a baseline: patterns and values that are new, gone, more or less frequent
    Diff(diff::DiffArgs),
}

/// Runs the verb.
pub fn run(verb: &RcaVerb, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        RcaVerb::Diff(args) => diff::run(args, config, terminal),
    }
}
