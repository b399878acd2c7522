//! `trawl rca coverage`: what of a time is indexed, and what is missing.

use super::scope::{ReportFormat, ScopeFlags, print_json};
use super::sink::Sink;
use super::{tables, window};
use crate::cmd::{CANNOT_PRINT, ask};
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{Theme, human, notes, visible};
use crate::run_state::Heard;
use crate::standing::{self, Standing};
use crate::terminal::Terminal;
use crate::words;
use anyhow::Context;
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::time::Duration;
use trawl_formats::Zone;
use trawl_query::rca::coverage::{CoverageError, FileState, Report, Request, SourceCoverage, cover};
use trawl_query::time::TimeFormat;
use trawl_query::{Engine, RunError};

/// Sources without a remark that are listed if nothing is said.
const DEFAULT_LIMIT: usize = 20;
/// Silences of a source that are named.
const MAX_SILENCES: usize = 3;

/// Arguments of `trawl rca coverage`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Of each source: how many events there are in the range, silences that are longer than usual (five times what 99 of 100 of its pauses \
last, and a minute at least), bytes that were not read or not indexed, what has aged out, events that came late or have no time \
of their own. It ends with a sentence that says whether something can be missing. With a query, only the sources count in which it \
can find something, and it is said how much it finds.

Examples:
  trawl rca coverage --from 14:00 --to 14:25
  trawl rca coverage --from -2h ERROR PaymentService
  trawl rca coverage --from '2026-11-20 14:00' --to 15:00 --verify 'source=*pay*'

Exit status: 0 nothing is missing, 1 there are no events in the range, 2 something is or may be missing, or an error.")]
pub struct CoverageArgs {
    /// Beginning of the range: a time modifier, or HH:MM of today [default: the first event]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,

    /// End of the range; it may leave out the date that the beginning names [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,

    /// Which events: a search, such as `source=*pay*`, or what is said not to have happened [default: all]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Over what it runs.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// Read every byte of the range, and compare it with its checksum
    #[arg(long)]
    pub verify: bool,

    /// Most sources to list that need no remark; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
    pub limit: usize,

    /// How to print them
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: ReportFormat,
}

/// Looks, and prints what there is or prepares it for a case.
pub fn run(args: &CoverageArgs, config: &Config, terminal: Terminal, sink: Sink<'_>) -> anyhow::Result<ExitCode> {
    let zone = config.zone.value;
    let now_us = args.scope.now_us(config)?;
    let (from, to) = (args.from.as_deref(), args.to.as_deref().unwrap_or("now"));
    let (from_us, to_us) = window::parse("--from, --to", &format!("{}..{to}", from.unwrap_or("0")), now_us, zone)?;
    let engine = args.scope.engine(config)?.at_one_moment();
    let query = (!args.query.is_empty()).then(|| words::join(&args.query));
    let request = Request {
        from_us: from.map(|_| from_us),
        to_us,
        query: query.clone(),
        reads_all: args.verify,
        files: files(&engine, config).map_err(|error| match error.downcast::<RunError>() {
            Ok(error) => ask::explained(config, error),
            Err(error) => error,
        })?,
    };
    let (options, interrupted) = args.scope.options(config, now_us)?;
    let report = match cover(&engine, &request, &options) {
        Ok(report) => report,
        Err(CoverageError::Query(error)) => {
            writeln!(io::stderr(), "{}", error.render(&query.unwrap_or_default(), terminal.color_stderr))?;
            return Ok(ExitCode::Error);
        }
        Err(CoverageError::Run(RunError::Cancelled)) if interrupted.happened() => return Ok(ExitCode::Interrupted),
        Err(CoverageError::Run(error)) => return Err(ask::explained(config, error)),
        Err(error) => return Err(error.into()),
    };
    let page = Page { report: &report, limit: args.limit, now_us, zone, theme: Theme::new(terminal.color_stdout) };
    match (sink, args.output) {
        (Sink::Case(finding), _) => {
            finding.title = "What of the time is indexed".to_owned();
            finding.range_us = from.map(|_| (from_us, to_us));
            page.write(&mut finding.page)?;
            tables::of_coverage(finding, &report, page.verdict(), &page.sources(), zone);
        }
        (Sink::Screen, ReportFormat::Json) => print_json(&report)?,
        (Sink::Screen, ReportFormat::Table) => {
            let mut out = BufWriter::new(io::stdout().lock());
            page.write(&mut out).and_then(|()| out.flush()).context(CANNOT_PRINT)?;
            if !report.is_whole() {
                let hint = "`trawl sources --problems` and `trawl verify` tell more";
                notes::hint(&mut io::stderr(), &Theme::new(terminal.color_stderr), hint)?;
            }
        }
    }
    Ok(match report.is_whole() {
        false => ExitCode::Error,
        true => ExitCode::of_rows(report.n_events),
    })
}

/// What the files themselves tell.
fn files(engine: &Engine, config: &Config) -> anyhow::Result<HashMap<(String, String), FileState>> {
    let heard = Heard::of(&config.data.value)?;
    let sources = engine.reader()?.sources()?;
    let state = |standing: Standing| {
        let file = FileState {
            unread_bytes: standing.lag_bytes.unwrap_or(0),
            unread_since_us: standing.behind_since_us,
            trouble: standing.trouble,
        };
        ((standing.index, standing.source), file)
    };
    Ok(standing::sources(sources, &engine.snapshot()?.live, heard.as_ref()).into_iter().map(state).collect())
}

/// A report on its way to people.
struct Page<'r> {
    report: &'r Report,
    limit: usize,
    now_us: i64,
    zone: Zone,
    theme: Theme,
}

impl Page<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        let title = self.theme.title;
        writeln!(out, "{title}{}{title:#}", self.range())?;
        let mut facts =
            vec![human::plural(report.sources.len() as u64, "source"), human::plural(report.n_events, "event")];
        if report.n_live > 0 {
            facts.push(format!("{} not sealed yet", human::count(report.n_live)));
        }
        if report.n_checked_bytes > 0 {
            facts.push(format!("{} read and checked", human::bytes(report.n_checked_bytes)));
        }
        writeln!(out, "{}", facts.join(", "))?;
        self.write_sources(out)?;
        let Theme { error, .. } = self.theme;
        for damage in &report.damaged {
            writeln!(out, "{error}damaged:{error:#} {}", visible(damage))?;
        }
        writeln!(out, "\n{}", self.verdict())
    }

    fn write_sources(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.sources();
        let n_elsewhere = self.report.sources.len() - rows.len();
        let n_remarked = rows.iter().filter(|(_, remarks)| !remarks.is_empty()).count();
        let n_shown = if self.limit == 0 { rows.len() } else { rows.len().min(n_remarked + self.limit) };
        if n_shown > 0 {
            let title = self.theme.title;
            writeln!(out, "\n{title}{:>12}  {:<19}  {:<19}  source{title:#}", "events", "first", "last")?;
        }
        for (source, remarks) in &rows[..n_shown] {
            let time = |time_us: Option<i64>| time_us.map_or("-".to_owned(), |time_us| self.time(time_us));
            let (first, last) = (time(source.first_us), time(source.last_us));
            let (n_events, name) = (human::count(source.n_events), visible(&source.source));
            writeln!(out, "{n_events:>12}  {first:<19}  {last:<19}  {name}")?;
            let style = if self.is_missing(source) { self.theme.warning } else { self.theme.faint };
            remarks.iter().try_for_each(|remark| writeln!(out, "              {style}{remark}{style:#}"))?;
        }
        if rows.len() > n_shown {
            writeln!(out, "and {} more without anything to remark; -n 0 lists them", rows.len() - n_shown)?;
        }
        if n_elsewhere > 0 {
            writeln!(out, "{} without events in the range", human::plural(n_elsewhere as u64, "other source"))?;
        }
        Ok(())
    }

    /// The sources with what is to be said about them: what is missing first, then what is remarkable. Those that have nothing
    /// to do with the range are left out.
    fn sources(&self) -> Vec<(&SourceCoverage, Vec<String>)> {
        let mut rows: Vec<(&SourceCoverage, Vec<String>)> =
            self.report.sources.iter().map(|source| (source, self.remarks(source))).collect();
        rows.retain(|(source, remarks)| source.n_events > 0 || !remarks.is_empty());
        rows.sort_by_key(|(source, remarks)| (!self.is_missing(source), remarks.is_empty()));
        rows
    }

    fn is_missing(&self, source: &SourceCoverage) -> bool {
        source.is_missing_something(self.report.from_us, self.report.to_us)
    }

    /// What is to be said about a source, the worst first.
    fn remarks(&self, source: &SourceCoverage) -> Vec<String> {
        let (from_us, to_us) = (self.report.from_us, self.report.to_us);
        let mut remarks = Vec::new();
        remarks.extend(source.trouble.as_deref().map(|trouble| format!("cannot be read: {}", visible(trouble))));
        if source.is_unread(to_us) {
            let since = source.unread_since_us.map(|since_us| format!(", since {}", self.time(since_us)));
            remarks.push(format!("{} not read yet{}", human::bytes(source.unread_bytes), since.unwrap_or_default()));
        }
        for gap in source.byte_gaps.iter().take(MAX_SILENCES) {
            remarks.push(format!(
                "{} not indexed: bytes {} to {} of generation {}",
                human::bytes(gap.end - gap.start),
                gap.start,
                gap.end,
                gap.generation
            ));
        }
        if source.is_aged_out(from_us) {
            let until = source.held_from_us.map(|held_us| format!(" before {}", self.time(held_us)));
            let bytes = human::bytes(source.aged_out_bytes);
            remarks.push(format!("aged out: {bytes}{}", until.unwrap_or_default()));
        }
        for silence in source.silences.iter().take(MAX_SILENCES) {
            let end = if silence.is_open { "the end".to_owned() } else { self.time(silence.to_us) };
            remarks.push(format!(
                "silent for {}, from {} to {end}; its pauses are usually no longer than {}",
                age(silence.to_us - silence.from_us),
                self.time(silence.from_us),
                age(silence.usual_us)
            ));
        }
        let n_more =
            source.silences.len().saturating_sub(MAX_SILENCES) + source.byte_gaps.len().saturating_sub(MAX_SILENCES);
        if n_more > 0 {
            remarks.push(format!("and {n_more} more of these"));
        }
        // Where all are late, they were loaded afterwards.
        if source.n_late > 0 && source.n_late < source.n_events {
            let n_late = human::plural(source.n_late, "event");
            remarks.push(format!("{n_late} came late, up to {}", age(source.latest_us)));
        }
        if source.n_bad_times > 0 {
            remarks.push(format!("{} with a time that makes no sense", human::plural(source.n_bad_times, "event")));
        }
        if source.n_unstamped > 0 {
            let n_unstamped = human::plural(source.n_unstamped, "event");
            remarks.push(format!("{n_unstamped} without a time stamp: the time of the one before counts"));
        }
        remarks
    }

    /// One sentence: what can be said, and what not.
    fn verdict(&self) -> String {
        let report = self.report;
        let (from_us, to_us) = (report.from_us, report.to_us);
        let sources = |is_so: &dyn Fn(&SourceCoverage) -> bool| {
            let n = report.sources.iter().filter(|source| is_so(source)).count() as u64;
            (n > 0).then(|| human::plural(n, "source"))
        };
        let mut missing: Vec<String> = Vec::new();
        let mut add = |sources: Option<String>, what: &str| missing.extend(sources.map(|n| format!("{n} {what}")));
        add(sources(&|source| source.trouble.is_some()), "cannot be read");
        add(sources(&|source| source.is_unread(to_us)), "not read to the end");
        add(sources(&|source| !source.byte_gaps.is_empty()), "with bytes that were not indexed");
        add(sources(&|source| source.is_aged_out(from_us)), "of which a part has aged out");
        if !report.damaged.is_empty() {
            missing.push(format!("{} of the store damaged", human::plural(report.damaged.len() as u64, "part")));
        }
        let found = match (&report.query, report.n_found) {
            (Some(query), Some(0)) => Some(format!("nothing matches `{}`", visible(query))),
            (Some(query), Some(n)) => Some(format!("{} for `{}`", human::plural(n, "row"), visible(query))),
            _ => None,
        };
        let of = format!(
            "{} of {}",
            human::plural(report.n_events, "event"),
            human::plural(report.sources.len() as u64, "source")
        );
        let mut text = match (missing.is_empty(), found) {
            (true, _) if report.n_events == 0 => {
                "There are no events in this time, and nothing that was read of it is missing".to_owned()
            }
            (true, Some(found)) => format!("Shown: {found} in {of}, of which nothing is missing"),
            (true, None) => format!("Nothing is missing: {of} are indexed"),
            (false, Some(found)) => {
                format!("Not shown: {found} in {of}, but something may be missing: {}", missing.join(", "))
            }
            (false, None) => format!("Something may be missing beside {of}: {}", missing.join(", ")),
        };
        if let Some(n_silent) = sources(&|source| !source.silences.is_empty()) {
            text.push_str(&format!(
                "; {n_silent} fell silent for longer than usual, which only the program can explain"
            ));
        }
        if to_us > self.now_us {
            text.push_str("; the range has not ended yet");
        }
        text.push('.');
        text
    }

    fn range(&self) -> String {
        format!("{} to {}", self.time(self.report.from_us), self.time(self.report.to_us))
    }

    fn time(&self, time_us: i64) -> String {
        TimeFormat::new("%Y-%m-%d %H:%M:%S").format(time_us, self.zone).unwrap_or_else(|| time_us.to_string())
    }
}

fn age(us: i64) -> String {
    human::age(Duration::from_micros(us.max(0) as u64))
}
