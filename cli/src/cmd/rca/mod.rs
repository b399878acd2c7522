//! `trawl rca`: the verbs that get to the root of an incident.

pub mod coverage;
pub mod scope;
pub mod window;

use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;

/// What `trawl rca` does.
#[derive(Debug, clap::Subcommand)]
pub enum RcaVerb {
    /// Tell what of a time is indexed, source by source, and what is missing: whether "no such error" can be said
    Coverage(coverage::CoverageArgs),
}

/// Runs the verb.
pub fn run(verb: &RcaVerb, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        RcaVerb::Coverage(args) => coverage::run(args, config, terminal),
    }
}
