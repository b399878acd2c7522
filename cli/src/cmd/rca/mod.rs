//! `trawl rca`: what the logs know about the cause of an incident.

mod changes;
mod incident;
mod inquiry;
mod page;
pub mod scope;
mod timeline;
mod trace;
pub mod window;

use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use clap::Subcommand;

/// What can be asked about an incident.
#[derive(Debug, Subcommand)]
pub enum RcaVerb {
    /// Find what changed before an incident: a ranked list of suspects with the lines themselves
    Changes(changes::ChangesArgs),
    /// Put alerts, changes and chosen events around an incident into one order of time
    Timeline(timeline::TimelineArgs),
    /// Follow an order, session or trace id through all sources, and the ids beside it
    Trace(trace::TraceArgs),
}

/// Answers the question.
pub fn run(verb: &RcaVerb, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        RcaVerb::Changes(args) => changes::run(args, config, terminal),
        RcaVerb::Timeline(args) => timeline::run(args, config, terminal),
        RcaVerb::Trace(args) => trace::run(args, config, terminal),
    }
}
