//! `trawl rca changes`: what changed before an incident, the likeliest cause first.

use super::incident::IncidentFlags;
use super::inquiry::{Asking, print};
use super::page::{Clock, Lines, ShortNames, padded, relative, widest};
use super::scope::{ReportFormat, ScopeFlags, print_json};
use super::sink::Sink;
use super::tables;
use crate::cmd::ask::RangeFlags;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{Highlighter, Theme, human, visible};
use crate::terminal::Terminal;
use crate::words;
use std::io::{self, Write};
use trawl_formats::Zone;
use trawl_query::Highlight;
use trawl_query::rca::changes::{Change, Changes, Onset, OnsetFrom, Regime, changes};

/// Changes before and after the onset that are shown; JSON has all.
const DEFAULT_SHOWN: usize = 10;
/// Pieces of queries that are named as too common.
const MAX_TOO_COMMON: usize = 6;
/// Sources that are named as failing.
const MAX_FAILING: usize = 4;

/// Least score of what changed after the onset, as a share of that of the best.
const MIN_SHARE_AFTER: f64 = 0.2;

/// Arguments of `trawl rca changes`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Looks for deployments, change tickets, configuration, restarts, packages, certificates, log levels, failovers and the like, and \
for what no line tells of: sources that fall silent, change their rate, are new, write their lines in another format or at another \
log level. The score is kind × closeness to the onset × rarity of the line × what it has to do with the errors (shared names). What \
came after the onset is listed apart.

Examples:
  trawl rca changes --incident 14:00..14:25
  trawl rca changes --incident '2026-11-20 14:00..14:25' ERROR PaymentService
  trawl rca changes --incident -1h.. --onset 14:04:30 --before 1d -o json

Exit status: 0 at least one suspect, 1 none, 2 error or partial answer.")]
pub struct ChangesArgs {
    /// What fails: a query of events [default: events of a level that is an error]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Which incident.
    #[command(flatten)]
    pub incident: IncidentFlags,

    /// Most changes to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = DEFAULT_SHOWN)]
    pub limit: usize,

    /// As of when, and where.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// How to print the changes
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = ReportFormat::Table)]
    pub output: ReportFormat,
}

/// Finds the changes and prints them, or prepares them for a case.
pub fn run(args: &ChangesArgs, config: &Config, terminal: Terminal, sink: Sink<'_>) -> anyhow::Result<ExitCode> {
    let mut options = args.incident.options(&args.scope, config)?;
    options.query = (!args.query.is_empty()).then(|| words::join(&args.query));
    let asking = Asking::new(&args.scope, &RangeFlags::default(), config, terminal)?;
    let changes = changes(&asking.inquiry, &options).map_err(|error| asking.explained(error))?;
    let page = Page {
        theme: Theme::new(terminal.color_stdout),
        zone: config.zone.value,
        width: terminal.width,
        limit: args.limit,
    };
    match (sink, args.output) {
        (Sink::Case(finding), _) => {
            finding.title = "What changed before the incident".to_owned();
            finding.range_us = Some((changes.from.0, changes.until.0));
            page.write(&mut finding.page, &changes)?;
            let after = changes.likeliest_after(args.limit, MIN_SHARE_AFTER);
            tables::of_changes(finding, &changes, &after, args.limit, config.zone.value);
            for change in changes.suspects.iter().take(args.limit) {
                if let Some(event) = change.example() {
                    finding.cite(&event.addr, format!("a suspect, {}", change.kind));
                }
            }
            finding.engine = Some(args.scope.engine(config)?);
        }
        (Sink::Screen, ReportFormat::Json) => print_json(&changes)?,
        (Sink::Screen, ReportFormat::Table) => print(|out| page.write(out, &changes))?,
    }
    asking.finish(changes.suspects.len() as u64)
}

/// Writes when an incident began and what fails.
pub(super) fn write_onset(out: &mut dyn Write, onset: &Onset, clock: &Clock, theme: &Theme) -> io::Result<()> {
    let Theme { title, error, .. } = *theme;
    let how = match onset.how {
        OnsetFrom::Given => "given",
        OnsetFrom::Detected => "detected",
        OnsetFrom::Window => "the window's beginning: no failures rise",
    };
    write!(out, "{title}onset{title:#}  {} ({how})", clock.long(onset.time))?;
    match onset.end {
        Some(end) => writeln!(out, ", over at {} ({})", clock.short(end), relative(end.since(onset.time)))?,
        None => writeln!(out)?,
    }
    let names = ShortNames::new(onset.failing.iter().map(|failing| failing.source.as_str()));
    for failing in onset.failing.iter().take(MAX_FAILING) {
        writeln!(
            out,
            "  {error}fails{error:#} {}: from {} to {} failures a minute, {} to {} (log-likelihood ratio {:.0})",
            names.of(&failing.source),
            failing.before_per_min,
            failing.inside_per_min,
            clock.short(failing.begin),
            clock.short(failing.end),
            failing.llr,
        )?;
    }
    Ok(())
}

/// How changes are printed for people.
struct Page {
    theme: Theme,
    zone: Zone,
    width: Option<usize>,
    limit: usize,
}

impl Page {
    fn write(&self, out: &mut dyn Write, changes: &Changes) -> io::Result<()> {
        let Theme { title, faint, hint, .. } = self.theme;
        let Changes { onset, suspects, .. } = changes;
        let after = changes.likeliest_after(self.limit, MIN_SHARE_AFTER);
        let shown = || suspects.iter().take(self.limit).chain(after.iter().copied());
        let times = shown().map(|change| change.time).chain([onset.time]);
        let clock = Clock::new(self.zone, times);
        let names = ShortNames::new(shown().map(|change| change.source.as_str()));
        if suspects.is_empty() {
            writeln!(out, "{title}nothing known to be a change{title:#} in {}", span_of(changes, &clock))?;
        }
        for (at, change) in suspects.iter().take(self.limit).enumerate() {
            self.write_change(out, &(at + 1).to_string(), change, &clock, &names)?;
        }
        if suspects.len() > self.limit {
            let n_more = suspects.len() - self.limit;
            writeln!(out, "{faint}and {n_more} less likely: -n {} shows all{faint:#}", suspects.len())?;
        }
        writeln!(out)?;
        write_onset(out, onset, &clock, &self.theme)?;
        if !after.is_empty() {
            writeln!(out, "\n{title}since the onset{title:#}")?;
            for change in &after {
                self.write_change(out, "-", change, &clock, &names)?;
            }
            match changes.after.len() - after.len() {
                0 => {}
                n => writeln!(out, "{faint}and {n} of less weight: -o json has all{faint:#}")?,
            }
        }
        if !changes.too_common.is_empty() {
            let named = changes.too_common.iter().take(MAX_TOO_COMMON);
            let named: Vec<String> =
                named.map(|piece| format!("{} ({})", piece.query, human::count(piece.n_events))).collect();
            writeln!(
                out,
                "\n{faint}too common to be news, and looked for shortly before the onset at most: {}{}{faint:#}",
                named.join(", "),
                if changes.too_common.len() > MAX_TOO_COMMON { " …" } else { "" },
            )?;
        }
        let Some(event) = suspects.first().and_then(Change::example) else { return Ok(()) };
        writeln!(out, "\n{hint}next:{hint:#} trawl context '{}'", visible(&event.addr).replace('\'', r"'\''"))
    }

    /// A change: why it stands here, then its line, then who else saw it.
    fn write_change(
        &self,
        out: &mut dyn Write,
        rank: &str,
        change: &Change,
        clock: &Clock,
        names: &ShortNames,
    ) -> io::Result<()> {
        let Theme { title, faint, .. } = self.theme;
        let highlighter = Highlighter::new(change.tickets.iter().map(|ticket| whole_word(ticket)).collect());
        let lines = Lines { theme: &self.theme, highlighter: &highlighter, terminal_width: self.width };
        let head = format!(
            "{rank:>2}  {}  {:>12}  {}  ",
            clock.short(change.time),
            relative(change.relative_us),
            names.of(&change.source)
        );
        write!(out, "{title}{head}{title:#}")?;
        match &change.event {
            Some(event) => lines.write(out, event, widest([head.as_str()].into_iter()))?,
            None => {
                // The name of the source stands there already.
                let (summary, file) = (change.summary(), file_name(&change.source));
                let said = summary.strip_prefix(file).filter(|rest| rest.starts_with(' ')).unwrap_or(&summary);
                writeln!(out, "{}", visible(said.trim_start()))?;
            }
        }
        let parts = &change.parts;
        write!(
            out,
            "    {faint}{}; score {:.2} = kind {:.2} × closeness {:.2} × rarity {:.2} × relation {:.2}",
            change.title, change.score, parts.kind, parts.closeness, parts.rarity, parts.relation
        )?;
        if !change.shared.is_empty() {
            write!(out, "; shares {}", visible(&change.shared.join(", ")))?;
        }
        match (change.n_background, &change.regime) {
            (0, _) => {}
            (n, Some(_)) => write!(out, "; so already at {n} of 8 places of the week before")?,
            (n, None) => write!(out, "; said {} otherwise", human::plural(n as u64, "time"))?,
        }
        writeln!(out, "{faint:#}")?;
        for (what, event) in change.regime.iter().flat_map(Regime::lines) {
            let head = format!("    {what:>12}  {}  ", clock.short(event.time));
            write!(out, "{faint}{head}{faint:#}")?;
            lines.write(out, event, widest([head.as_str()].into_iter()))?;
        }
        for echo in change.also.iter().take(3) {
            let head = format!(
                "    {:>10}  {:>12}  {}  ",
                "also",
                relative(echo.relative_us),
                padded(file_of(&echo.event.source), 0)
            );
            write!(out, "{faint}{head}{faint:#}")?;
            lines.write(out, &echo.event, widest([head.as_str()].into_iter()))?;
        }
        match change.n_alike.saturating_sub(1 + change.also.len().min(3)) {
            0 => Ok(()),
            n => writeln!(out, "    {faint}{:>10}  {}{faint:#}", "also", human::plural(n as u64, "more line")),
        }
    }
}

fn span_of(changes: &Changes, clock: &Clock) -> String {
    format!("{} to {}", clock.long(changes.from), clock.long(changes.until))
}

fn file_name(source: &str) -> &str {
    source.rsplit('/').next().unwrap_or(source)
}

/// The file name of a source, safe to print.
fn file_of(source: &str) -> &str {
    let file = file_name(source);
    if visible(file) == file { file } else { "another source" }
}

/// A value to be coloured wherever it stands as a word.
fn whole_word(value: &str) -> Highlight {
    Highlight { literal: value.to_owned(), case_sensitive: false, begins_word: true, ends_word: true }
}
