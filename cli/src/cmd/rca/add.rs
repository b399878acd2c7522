//! `trawl rca add`: lays something into a case.

use super::attach::{CaseArgs, cite, command_line, lay, now};
use super::changes::{self, ChangesArgs};
use super::coverage::{self, CoverageArgs};
use super::diff::{self, DiffArgs};
use super::over::Over;
use super::sink::{Finding, Sink};
use super::timeline::{self, TimelineArgs};
use super::trace::{self, TraceArgs};
use super::window;
use crate::cmd::ask;
use crate::cmd::patterns::{self, PatternsArgs};
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{human, visible};
use crate::terminal::Terminal;
use crate::words;
use anyhow::bail;
use clap::{Subcommand, ValueHint};
use std::io::{self, Write};
use std::path::PathBuf;
use trawl_evidence::capture::{self, CaptureError};
use trawl_evidence::case::NewFile;
use trawl_evidence::report::{code_block, escape_markdown, markdown_as_text};
use trawl_evidence::{Exhibit, Kind, Moment, Range};
use trawl_formats::visible::{clip, one_line};

/// Longest title that is made of a text, in characters.
const MAX_TITLE: usize = 80;

/// What an analysis printed, beside its exhibit.
const PRINTED_FILE: &str = "printed.txt";

/// What can be laid into a case.
#[derive(Debug, Subcommand)]
pub enum AddVerb {
    /// Run a search, and keep what it found: events with their exact bytes, or rows, and what was searched
    #[command(after_help = "\
Examples:
  trawl rca add search ERROR PaymentService --earliest -2h
  trawl rca add search 'status=5* | timechart span=1m count by host' --title 'Errors by host'
  trawl rca add search CHG0048213 --why 'the change was rolled out'

Exit status: 0 something was found, 1 nothing was found (that is kept, too), 2 an error or a partial answer.")]
    Search(AddSearchArgs),
    /// Find what changed before an incident, and keep the list with its lines
    Changes(AddAnalysis<ChangesArgs>),
    /// Keep what of a time is indexed, and what is missing
    Coverage(AddAnalysis<CoverageArgs>),
    /// Compare an incident with a baseline, and keep what is different with its examples
    Diff(AddAnalysis<DiffArgs>),
    /// Find which lines there are, without their variables, and keep the patterns with an example of each
    Patterns(AddAnalysis<PatternsArgs>),
    /// Put what happened into one order of time, and keep it
    Timeline(AddAnalysis<TimelineArgs>),
    /// Follow an id through all sources, and keep its path with all of its events
    Trace(AddAnalysis<TraceArgs>),
    /// Write something down
    #[command(after_help = "\
Examples:
  trawl rca add note 'The DBA on call saw the failover.' --at 2026-11-20T14:03:00

The text is kept as Markdown, in the file text.md of the exhibit.")]
    Note(AddNoteArgs),
    /// Copy files
    #[command(after_help = "\
Examples:
  trawl rca add file /tmp/heap.txt --title 'Heap of pay-01 at 14:10'")]
    File(AddFileArgs),
}

/// Arguments of `trawl rca add search`.
#[derive(Debug, clap::Args)]
pub struct AddSearchArgs {
    /// The query
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,

    /// What it shows [default: the query]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Why its events are cited: each of them then stands in the timeline
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,

    /// Over what.
    #[command(flatten)]
    pub over: Over,

    /// Which case.
    #[command(flatten)]
    pub case: CaseArgs,
}

/// Arguments of an analysis whose result is laid into a case.
#[derive(Debug, clap::Args)]
pub struct AddAnalysis<A: clap::Args> {
    /// What is to be found out.
    #[command(flatten)]
    pub what: A,

    /// What it shows [default: what was asked]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Which case.
    #[command(flatten)]
    pub case: CaseArgs,
}

/// Arguments of `trawl rca add note`.
#[derive(Debug, clap::Args)]
pub struct AddNoteArgs {
    /// The text
    #[arg(required = true, value_name = "TEXT")]
    pub text: Vec<String>,

    /// What it is about [default: the beginning of the text]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// When that happened which it is about: it then stands in the timeline
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,

    /// Write it as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Which case.
    #[command(flatten)]
    pub case: CaseArgs,
}

/// Arguments of `trawl rca add file`.
#[derive(Debug, clap::Args)]
pub struct AddFileArgs {
    /// The files
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub paths: Vec<PathBuf>,

    /// What they show [default: their names]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Add them as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Which case.
    #[command(flatten)]
    pub case: CaseArgs,
}

/// Does what was asked.
pub fn run(verb: &AddVerb, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        AddVerb::Changes(args) => analysis(Kind::Changes, args, config, terminal, changes::run),
        AddVerb::Coverage(args) => analysis(Kind::Coverage, args, config, terminal, coverage::run),
        AddVerb::Diff(args) => analysis(Kind::Diff, args, config, terminal, diff::run),
        AddVerb::Patterns(args) => analysis(Kind::Patterns, args, config, terminal, patterns::run),
        AddVerb::Timeline(args) => analysis(Kind::Timeline, args, config, terminal, timeline::run),
        AddVerb::Trace(args) => analysis(Kind::Trace, args, config, terminal, trace::run),
        AddVerb::Search(args) => search(args, config),
        AddVerb::Note(args) => note(args, config),
        AddVerb::File(args) => file(args, config),
    }
}

fn search(args: &AddSearchArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let case = args.case.open()?;
    let (exhibit, code) = captured(&words::join(&args.query), &args.over, config)?;
    let mut exhibit = Exhibit { title: args.title.clone().unwrap_or(exhibit.title), ..exhibit };
    for event in &mut exhibit.events {
        event.why = args.why.clone().unwrap_or_default();
    }
    lay(&case, &exhibit.of_command(command_line()), &[])?;
    Ok(code)
}

/// Runs a search, and says what was kept of it.
pub fn captured(query: &str, over: &Over, config: &Config) -> anyhow::Result<(Exhibit, ExitCode)> {
    let engine = over.scope.engine(config)?;
    let (options, interrupted) = over.options(config)?;
    // Whatever the time is that is searched: this is when it was done.
    let added = now(None, config.zone.value)?;
    let exhibit = match capture::search(&engine, query, &options, over.limit as usize, added) {
        Ok(exhibit) => exhibit,
        Err(CaptureError::Query(error)) => bail!("{}", error.render(query, false)),
        Err(CaptureError::Run(error)) => return Err(ask::explained(config, error)),
        Err(error) => return Err(error.into()),
    };
    let mut err = io::stderr().lock();
    let run = exhibit.queries.first();
    let (n_rows, n_matched) = run.map_or((0, 0), |run| (run.n_rows, run.n_matched));
    let n_kept =
        exhibit.events.len().max(exhibit.tables.iter().map(|table| table.rows.len()).max().unwrap_or(0)) as u64;
    let n_found = if exhibit.events.is_empty() { n_rows } else { n_matched };
    let (what, which) = if exhibit.tables.is_empty() { ("event", "newest") } else { ("row", "first") };
    match n_found > n_kept {
        true => writeln!(
            err,
            "kept the {which} {} of {}; -n keeps more",
            human::count(n_kept),
            human::plural(n_found, what)
        )?,
        false => writeln!(err, "kept {}", human::plural(n_kept, what))?,
    }
    let incomplete = run.and_then(|run| run.incomplete.as_deref());
    if let Some(why) = incomplete {
        writeln!(err, "warning: the answer is incomplete: {}", visible(why))?;
    }
    let code = ExitCode::of_answer(n_kept, incomplete.is_some(), &interrupted);
    Ok((exhibit, code))
}

/// Runs an analysis, and keeps what people would see of it and the events that it names.
fn analysis<A: clap::Args>(
    kind: Kind,
    args: &AddAnalysis<A>,
    config: &Config,
    terminal: Terminal,
    run: impl FnOnce(&A, &Config, Terminal, Sink<'_>) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let case = args.case.open()?;
    let plain = Terminal { color_stdout: false, width: None, ..terminal };
    let mut finding = Finding { case: Some(case.clone()), ..Finding::default() };
    let code = run(&args.what, config, plain, Sink::Case(&mut finding))?;
    // What went wrong has been said.
    if finding.page.is_empty() {
        return Ok(code);
    }
    let added = now(None, config.zone.value)?;
    let title = args.title.clone().unwrap_or(finding.title);
    let mut exhibit = Exhibit::new(kind, one_line(&clip(&title, MAX_TITLE)), added);
    exhibit = exhibit.of_command(command_line());
    // Where there is nothing for a table, the page says why.
    exhibit.text = match finding.tables.is_empty() {
        true => code_block(&String::from_utf8_lossy(&finding.page)),
        false => match &finding.summary[..] {
            [one] => escape_markdown(one),
            lines => lines.iter().map(|line| format!("- {}\n", escape_markdown(line))).collect(),
        },
    };
    (exhibit.queries, exhibit.tables, exhibit.moments) = (finding.queries, finding.tables, finding.moments);
    exhibit.range = finding
        .range_us
        .map(|(from_us, until_us)| Range { earliest: Some(Moment(from_us)), latest: Some(Moment(until_us)) });
    if let Some(engine) = &finding.engine {
        cite(&mut exhibit, engine, config, finding.cited)?;
    }
    lay(&case, &exhibit, &[NewFile::Made(PRINTED_FILE.to_owned(), finding.page)])?;
    Ok(code)
}

fn note(args: &AddNoteArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let case = args.case.open()?;
    let zone = config.zone.value;
    let now = now(args.now.as_deref(), zone)?;
    let text = args.text.join(" ");
    let first_line = text.lines().next().unwrap_or_default();
    let title = args.title.clone().unwrap_or_else(|| one_line(&clip(&markdown_as_text(first_line), MAX_TITLE)));
    let at = args.at.as_deref().map(|at| window::parse("--at", &format!("{at}.."), now.0, zone)).transpose()?;
    let at = at.map(|(at_us, _)| Moment(at_us));
    let exhibit = Exhibit { at, ..Exhibit::new(Kind::Note, title, now).with_text(&text) };
    lay(&case, &exhibit, &[])?;
    Ok(ExitCode::Success)
}

fn file(args: &AddFileArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let case = args.case.open()?;
    let names = args.paths.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
    let names = one_line(&clip(&names.collect::<Vec<_>>().join(", "), MAX_TITLE));
    let title = args.title.clone().unwrap_or(names);
    let exhibit = Exhibit::new(Kind::File, title, now(args.now.as_deref(), config.zone.value)?);
    let files: Vec<NewFile> = args.paths.iter().cloned().map(NewFile::CopyOf).collect();
    lay(&case, &exhibit.of_command(command_line()), &files)?;
    Ok(ExitCode::Success)
}
