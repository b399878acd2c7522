//! `trawl rca report`: a case as a document.

use super::attach::{CaseArgs, now, shown};
use crate::exit_code::ExitCode;
use crate::output::{Theme, notes};
use crate::terminal::Terminal;
use anyhow::Context;
use clap::{ValueEnum, ValueHint};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use trawl_evidence::report::{Report, ReportFormat};

/// Arguments of `trawl rca report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Summary, impact, cause and actions stand in the files of that name in the folder of the case; the rest is made of its exhibits. \
What nobody has written yet is named.

Examples:
  trawl rca report > report.md
  trawl rca report --format html -o report.html

Exit status: 0 it is written, 2 an error.")]
pub struct ReportArgs {
    /// What to write it in
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Markdown)]
    pub format: Format,

    /// File to write [default: the standard output]
    #[arg(short = 'o', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,

    /// Write it as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Which case.
    #[command(flatten)]
    pub case: CaseArgs,
}

/// What a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown
    Markdown,
    /// One page that needs nothing else
    Html,
    /// The storage format of Confluence
    Confluence,
}

impl From<Format> for ReportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Markdown => Self::Markdown,
            Format::Html => Self::Html,
            Format::Confluence => Self::Confluence,
        }
    }
}

/// Writes the report.
pub fn run(args: &ReportArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let case = args.case.open()?;
    let report = Report::of(&case, now(args.now.as_deref(), case.zone())?)?;
    let text = report.render(args.format.into());
    match &args.out {
        Some(path) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        None => io::stdout().write_all(text.as_bytes())?,
    }
    let missing = report.missing().join(", ").to_lowercase();
    if !missing.is_empty() {
        let theme = Theme::new(terminal.color_stderr);
        notes::warning(&mut io::stderr(), &theme, &format!("nobody has written this yet: {missing}"))?;
        notes::hint(&mut io::stderr(), &theme, &format!("edit the files of these names in {}", shown(&case.dir)))?;
    }
    Ok(ExitCode::Success)
}
