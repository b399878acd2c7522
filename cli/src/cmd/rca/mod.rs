//! `trawl rca`: from an incident to its cause, with evidence.

mod add;
mod attach;
mod bundle;
mod changes;
mod coverage;
mod diff;
mod incident;
mod inquiry;
mod new;
mod over;
mod page;
mod publish;
mod report;
pub mod scope;
pub mod sink;
pub mod tables;
mod timeline;
mod trace;
mod verify;
pub mod window;

use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use clap::Subcommand;
use sink::Sink;

/// What `trawl rca` can do.
#[derive(Debug, Subcommand)]
pub enum RcaVerb {
    /// Lay something into a case: a search or an analysis with what it found, a note, a file
    #[command(subcommand)]
    Add(add::AddVerb),
    /// Write the evidence of a case or query into one archive that others can verify
    Bundle(bundle::BundleArgs),
    /// Find what changed before an incident: a ranked list of suspects with the lines themselves
    Changes(changes::ChangesArgs),
    /// Tell what of a time is indexed, source by source, and what is missing: whether "no such error" can be said
    Coverage(coverage::CoverageArgs),
    /// Compare the events of an incident with a baseline: patterns and values that are new, gone, more or less frequent
    Diff(diff::DiffArgs),
    /// Open a case: a folder of plain files for what is found out
    New(new::NewArgs),
    /// Publish the report of a case as a page of Confluence
    Publish(publish::PublishArgs),
    /// Write the report of a case, as Markdown, HTML or in the storage format of Confluence
    Report(report::ReportArgs),
    /// Put alerts, changes and chosen events around an incident into one order of time
    Timeline(timeline::TimelineArgs),
    /// Follow an order, session or trace id through all sources, and the ids beside it
    Trace(trace::TraceArgs),
    /// Verify a bundle, alone and against the logs that its events came from
    Verify(verify::VerifyArgs),
}

/// Does what was asked.
pub fn run(
    verb: &RcaVerb,
    config: &dyn Fn() -> anyhow::Result<Config>,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    match verb {
        RcaVerb::Add(verb) => add::run(verb, &config()?, terminal),
        RcaVerb::Bundle(args) => bundle::run(args, &config()?, terminal),
        RcaVerb::Changes(args) => changes::run(args, &config()?, terminal, Sink::Screen),
        RcaVerb::Coverage(args) => coverage::run(args, &config()?, terminal, Sink::Screen),
        RcaVerb::Diff(args) => diff::run(args, &config()?, terminal, Sink::Screen),
        RcaVerb::New(args) => new::run(args, &config()?),
        RcaVerb::Publish(args) => publish::run(args),
        RcaVerb::Report(args) => report::run(args, terminal),
        RcaVerb::Timeline(args) => timeline::run(args, &config()?, terminal, Sink::Screen),
        RcaVerb::Trace(args) => trace::run(args, &config()?, terminal, Sink::Screen),
        RcaVerb::Verify(args) => verify::run(args, terminal),
    }
}
