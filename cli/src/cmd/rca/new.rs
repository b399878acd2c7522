//! `trawl rca new`: opens a case.

use super::attach::{now, shown};
use crate::config::Config;
use crate::exit_code::ExitCode;
use clap::ValueHint;
use std::io::{self, Write};
use std::path::PathBuf;
use trawl_evidence::case::Case;

/// Arguments of `trawl rca new`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The folder is named by the day and the title. It holds plain files, to be edited and kept in git: summary, impact, cause and \
actions are Markdown that you write; `trawl rca add` lays exhibits beside them, `trawl rca report` makes a report of it all, \
`trawl rca bundle` an archive that others can verify.

Examples:
  trawl rca new \"PaymentService outage\"
  cd 2026-11-20-paymentservice-outage && trawl rca add search ERROR PaymentService --earliest -2h

Exit status: 0 it is there, 2 an error.")]
pub struct NewArgs {
    /// What it is about
    #[arg(required = true, value_name = "TITLE")]
    pub title: Vec<String>,

    /// Folder in which the case gets its own
    #[arg(long = "in", value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub parent: PathBuf,

    /// Open it as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,
}

/// Opens the case.
pub fn run(args: &NewArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let zone = config.zone.value;
    let case = Case::create(&args.parent, &args.title.join(" "), now(args.now.as_deref(), zone)?, zone)?;
    writeln!(io::stdout(), "{}", shown(&case.dir))?;
    writeln!(io::stderr(), "next: cd {} && trawl rca add search QUERY", shown(&case.dir))?;
    Ok(ExitCode::Success)
}
