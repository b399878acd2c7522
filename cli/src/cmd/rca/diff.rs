//! `trawl rca diff`: what is different during an incident.

use super::scope::{ReportFormat, ScopeFlags, print_json};
use super::sink::Sink;
use super::{tables, window};
use crate::cmd::{CANNOT_PRINT, ask};
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{Theme, human, notes, visible};
use crate::terminal::Terminal;
use crate::words;
use anyhow::Context;
use std::io::{self, BufWriter, Write};
use trawl_formats::Zone;
use trawl_query::rca::diff::{Change, Diff, DiffError, PatternChange, Request, Side, ValueChange, compare};
use trawl_query::time::TimeFormat;

/// Findings of each list that are printed if nothing is said.
const DEFAULT_LIMIT: usize = 10;
/// Hosts that are named with a finding.
const MAX_HOSTS: usize = 3;

/// Arguments of `trawl rca diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Lines are put together into patterns. Findings are ranked by G, the log-likelihood ratio of their rates, divided by how much the counts \
scatter in the baseline; what is listed is significant after adjusting for the number of tests (Benjamini-Hochberg, 1 % false \
ones), but for new patterns, of which rare ones are listed, too, and marked. Times are time modifiers, or HH:MM of today; \
the end may leave out the date. Exit status: 0 if something is different, 1 if nothing is, 2 for errors.

Examples:
  trawl rca diff --incident 14:00..14:25
  trawl rca diff --incident '2026-11-20 14:00..14:25' --baseline '2026-11-20 13:00..14:00' 'source=*payments*'
  trawl rca diff --incident -30m..now --output json index=main")]
pub struct DiffArgs {
    /// The incident: `A..B`
    #[arg(long, value_name = "A..B", allow_hyphen_values = true)]
    pub incident: String,

    /// What to compare it with: `C..D` [default: the hours before, and the same time of the seven days before]
    #[arg(long, value_name = "C..D", allow_hyphen_values = true)]
    pub baseline: Option<String>,

    /// Which events: a search, perhaps with commands that look at one event at a time [default: all]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Over what it runs.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// Most findings of each kind to print; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
    pub limit: usize,

    /// How to print them
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: ReportFormat,
}

/// Compares, and prints what is different or prepares it for a case.
pub fn run(args: &DiffArgs, config: &Config, terminal: Terminal, sink: Sink<'_>) -> anyhow::Result<ExitCode> {
    let zone = config.zone.value;
    let now_us = args.scope.now_us(config)?;
    let range = |option: &str, text: &str| window::parse(option, text, now_us, zone);
    let query = if args.query.is_empty() { "*".to_owned() } else { words::join(&args.query) };
    let request = Request {
        query,
        incident_us: range("--incident", &args.incident)?,
        baseline_us: args.baseline.as_deref().map(|text| range("--baseline", text)).transpose()?,
    };
    let engine = args.scope.engine(config)?;
    let (options, interrupted) = args.scope.options(config, now_us)?;
    let diff = match compare(&engine, &request, &options) {
        Ok(diff) => diff,
        Err(DiffError::Query(error)) => {
            writeln!(io::stderr(), "{}", error.render(&request.query, terminal.color_stderr))?;
            return Ok(ExitCode::Error);
        }
        Err(DiffError::Run(error)) => return Err(ask::explained(config, error)),
        Err(error @ DiffError::NoBaseline) => {
            return Err(Advice::new(error.to_string(), "for example --baseline -2d..-1d").into());
        }
        Err(error) => return Err(error.into()),
    };
    let theme = Theme::new(terminal.color_stdout);
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let width = terminal.width.filter(|_| terminal.stdout_is_terminal());
    let printer = Printer { theme, zone, limit, width };
    match (sink, args.output) {
        (Sink::Case(finding), _) => {
            finding.title = "What is different during the incident".to_owned();
            finding.range_us = Some(request.incident_us);
            printer.print(&diff, &mut finding.page)?;
            tables::of_diff(finding, &diff, limit, zone);
            for pattern in diff.patterns.iter().take(limit) {
                if let Some(address) = &pattern.line.address {
                    // What is new began with this line; of others it is any one.
                    let is_new = pattern.change == Change::New && pattern.is_significant;
                    let count = human::plural(pattern.count, "event");
                    finding.cite(address, if is_new { format!("new: the first of {count}") } else { String::new() });
                }
            }
            finding.engine = Some(args.scope.engine(config)?);
        }
        (Sink::Screen, ReportFormat::Json) => print_json(&diff)?,
        (Sink::Screen, ReportFormat::Table) => {
            let mut out = BufWriter::new(io::stdout().lock());
            printer.print(&diff, &mut out).and_then(|()| out.flush()).context(CANNOT_PRINT)?;
        }
    }
    if let Some(why) = &diff.incomplete {
        let text = format!("the answer is incomplete: {why}");
        notes::warning(&mut io::stderr(), &Theme::new(terminal.color_stderr), &text)?;
    }
    let n_found = diff.patterns.len() + diff.values.len();
    Ok(ExitCode::of_answer(n_found as u64, diff.incomplete.is_some(), &interrupted))
}

/// Prints a report for people.
struct Printer {
    theme: Theme,
    zone: Zone,
    limit: usize,
    /// Columns of the terminal, if it is one.
    width: Option<usize>,
}

impl Printer {
    fn print(&self, diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
        self.print_side(out, "incident", &diff.incident)?;
        self.print_side(out, "baseline", &diff.baseline)?;
        let how = if diff.baseline_is_chosen { "chosen: " } else { "" };
        writeln!(out, "          {how}{}", diff.baseline_text)?;
        for change in Change::ALL {
            let found: Vec<&PatternChange> = diff.patterns.iter().filter(|found| found.change == change).collect();
            if found.is_empty() {
                continue;
            }
            self.print_title(out, heading(change), found.len())?;
            for found in found.into_iter().take(self.limit) {
                self.print_pattern(out, found)?;
            }
        }
        if !diff.values.is_empty() {
            self.print_title(out, "VALUES over-represented", diff.values.len())?;
            for value in diff.values.iter().take(self.limit) {
                self.print_value(out, value)?;
            }
        }
        if diff.patterns.is_empty() && diff.values.is_empty() {
            writeln!(out, "\nnothing is significantly different ({})", tests(diff))?;
            return Ok(());
        }
        let is_cut = |n: usize| n > self.limit;
        let n_of = |change: Change| diff.patterns.iter().filter(|found| found.change == change).count();
        let more = if is_cut(diff.values.len()) || Change::ALL.into_iter().any(|change| is_cut(n_of(change))) {
            "; -n 0 prints all"
        } else {
            ""
        };
        writeln!(out, "\n{}{more}", tests(diff))?;
        let (hint, Some(first)) = (self.theme.hint, diff.patterns.first()) else { return Ok(()) };
        if let Some(address) = &first.line.address {
            writeln!(out, "{hint}next: trawl context '{}'{hint:#}", visible(address))?;
        }
        if let Some(search) = &first.search {
            writeln!(out, "{hint}      trawl search '{}'{hint:#}", visible(search).replace('\'', r"'\''"))?;
        }
        Ok(())
    }

    fn print_side(&self, out: &mut dyn Write, name: &str, side: &Side) -> io::Result<()> {
        let (title, faint) = (self.theme.title, self.theme.faint);
        let Some(first) = side.stretches.first() else { return Ok(()) };
        let more = match side.stretches.len() {
            1 => String::new(),
            n => format!(" and {}", human::plural(n as u64 - 1, "earlier range")),
        };
        let n_events = human::plural(side.n_events, "event");
        let rate = side.n_events as f64 * 60.0 / side.seconds.max(1e-6);
        writeln!(
            out,
            "{title}{name}{title:#}  {} … {}{more}  {faint}{n_events}, {} a minute{faint:#}",
            self.time("%Y-%m-%d %H:%M:%S", first.from_us),
            self.time("%Y-%m-%d %H:%M:%S %Z", first.to_us),
            number(rate),
        )
    }

    fn print_title(&self, out: &mut dyn Write, name: &str, n: usize) -> io::Result<()> {
        let title = self.theme.title;
        let of = if n > self.limit { format!("{} of {n}", self.limit) } else { n.to_string() };
        writeln!(out, "\n{title}{name}{title:#} ({of})")
    }

    fn print_pattern(&self, out: &mut dyn Write, found: &PatternChange) -> io::Result<()> {
        let faint = self.theme.faint;
        let counts = match found.change {
            Change::New => format!("{}×", human::count(found.count)),
            Change::Vanished => format!("0, was {} a minute", number(found.baseline_rate)),
            _ => format!(
                "{}× {} a minute, was {}",
                human::count(found.count),
                number(found.rate),
                number(found.baseline_rate)
            ),
        };
        let weak = if found.is_significant { "" } else { "  (too rare to tell)" };
        let first = found.first_seen_us.map_or(String::new(), |first_us| {
            let what = if found.change == Change::Vanished { "was first" } else { "first" };
            format!("  {what} {}", self.time("%H:%M:%S", first_us))
        });
        let earlier = found.seen_earlier_us.map_or(String::new(), |seen_us| {
            format!("  not in the baseline, but last seen {}", self.time("%Y-%m-%d %H:%M:%S", seen_us))
        });
        let prefix = format!("{:>9}  ", number(found.g));
        writeln!(out, "{prefix}{}", self.cut(&found.pattern, prefix.len()))?;
        let indent = " ".repeat(11);
        writeln!(out, "{indent}{faint}{counts}{first}{}  {}{weak}{earlier}{faint:#}", self.hosts(found), found.id)?;
        let line = found.line.text.lines().next().unwrap_or_default();
        writeln!(out, "{indent}{}", self.cut(line, indent.len()))?;
        match (&found.line.address, &found.line.source) {
            (Some(place), _) | (None, Some(place)) => writeln!(out, "{indent}{faint}{}{faint:#}", visible(place)),
            (None, None) => Ok(()),
        }
    }

    fn hosts(&self, found: &PatternChange) -> String {
        if found.hosts.is_empty() {
            return String::new();
        }
        let named: Vec<String> = found
            .hosts
            .iter()
            .take(MAX_HOSTS)
            .map(|host| match found.change {
                Change::Moved => format!("{} {}× (was {}×)", visible(&host.host), host.count, host.baseline_count),
                _ => visible(&host.host).into_owned(),
            })
            .collect();
        let more = found.hosts.len().saturating_sub(MAX_HOSTS);
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        format!("  on {}{more}", named.join(", "))
    }

    fn print_value(&self, out: &mut dyn Write, value: &ValueChange) -> io::Result<()> {
        let faint = self.theme.faint;
        let prefix = format!("{:>9}  ", number(value.g));
        let text = format!("{}={}", value.field, value.value);
        let shares = format!(
            "{}×, {} % of the events, was {} %",
            human::count(value.count),
            number(100.0 * value.share),
            number(100.0 * value.baseline_share)
        );
        writeln!(out, "{prefix}{}  {faint}{shares}{faint:#}", self.cut(&text, prefix.len() + shares.len() + 2))
    }

    /// A text made safe, and cut where the terminal ends.
    fn cut(&self, text: &str, n_before: usize) -> String {
        let text = visible(text).into_owned();
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(n_before).max(20));
        if text.chars().count() <= room {
            return text;
        }
        text.chars().take(room - 1).chain(['…']).collect()
    }

    fn time(&self, format: &str, time_us: i64) -> String {
        TimeFormat::new(format).format(time_us, self.zone).unwrap_or_else(|| time_us.to_string())
    }
}

fn heading(change: Change) -> &'static str {
    match change {
        Change::New => "NEW patterns",
        Change::More => "MORE of",
        Change::Moved => "MOVED to other hosts",
        Change::Less => "LESS of",
        Change::Vanished => "VANISHED",
    }
}

pub(super) fn tests(diff: &Diff) -> String {
    format!(
        "ranked by G; {} and {} tested, adjusted so that 1 % of the findings may be false",
        human::plural(diff.n_tests as u64, "pattern"),
        human::plural(diff.n_value_tests as u64, "value")
    )
}

/// A number with three digits or so.
pub(super) fn number(number: f64) -> String {
    match number.abs() {
        n if n >= 100.0 => human::count(number.round() as u64),
        n if n >= 10.0 => format!("{number:.1}"),
        0.0 => "0".to_owned(),
        n if n >= 0.01 => format!("{number:.2}"),
        n if n >= 0.000_1 => format!("{number:.4}"),
        _ => "<0.0001".to_owned(),
    }
}
