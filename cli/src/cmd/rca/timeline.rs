//! `trawl rca timeline`: alerts, changes and chosen events around an incident, in one order of time.

use super::attach::CaseArgs;
use super::changes::write_onset;
use super::incident::IncidentFlags;
use super::inquiry::{Asking, print};
use super::page::{Clock, Lines, ShortNames, cut, padded, relative, widest};
use super::scope::{ScopeFlags, print_json};
use super::sink::Sink;
use super::tables;
use crate::cmd::ask::RangeFlags;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{Highlighter, Theme, human, visible};
use crate::terminal::Terminal;
use crate::words;
use std::io::{self, Write};
use trawl_evidence::case::Case;
use trawl_evidence::report::escape_markdown;
use trawl_evidence::{Exhibit, Kind};
use trawl_formats::Zone;
use trawl_query::rca::timeline::{Entry, EntryKind, Timeline, TimelineOptions, timeline};

/// Widest line in a cell of Markdown, in columns.
const MAX_CELL: usize = 300;

/// How a timeline is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TimelineFormat {
    /// For people
    Table,
    /// One object with everything that is known
    Json,
    /// A table for a report
    Markdown,
}

/// Arguments of `trawl rca timeline`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Puts into one table: the onset and end of the failures, the likeliest changes and what changed since, the transitions of alerts \
and what people said of them (index `_audit`), the notes of the case that one stands in or `$TRAWL_CASE` names, if they say when it \
was, and the events of QUERY. Times are also given relative to the onset.

Examples:
  trawl rca timeline --incident 14:00..14:25
  trawl rca timeline --incident '2026-11-20 14:00..14:25' CircuitBreaker -o markdown

Exit status: 0 if there is a timeline, 2 error or partial answer.")]
pub struct TimelineArgs {
    /// Events to put in: a query [default: none]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Which incident.
    #[command(flatten)]
    pub incident: IncidentFlags,

    /// Most events of QUERY, the newest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200)]
    pub limit: usize,

    /// As of when, and where.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// How to print the timeline
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = TimelineFormat::Table)]
    pub output: TimelineFormat,
}

/// Makes the timeline and prints it, or prepares it for a case.
pub fn run(args: &TimelineArgs, config: &Config, terminal: Terminal, sink: Sink<'_>) -> anyhow::Result<ExitCode> {
    let options = TimelineOptions {
        query: (!args.query.is_empty()).then(|| words::join(&args.query)),
        max_events: args.limit,
        ..TimelineOptions::new(args.incident.options(&args.scope, config)?)
    };
    let asking = Asking::new(&args.scope, &RangeFlags::default(), config, terminal)?;
    let case = match &sink {
        Sink::Case(finding) => finding.case.clone(),
        Sink::Screen => CaseArgs::default().find()?,
    };
    let notes = case.as_ref().map(notes).transpose()?.unwrap_or_default();
    let timeline = timeline(&asking.inquiry, &options, notes).map_err(|error| asking.explained(error))?;
    let page = Page { theme: Theme::new(terminal.color_stdout), zone: config.zone.value, width: terminal.width };
    match (sink, args.output) {
        (Sink::Case(finding), _) => {
            finding.title = "Timeline of the incident".to_owned();
            let times = || timeline.entries.iter().map(|entry| entry.time.0);
            finding.range_us = times().min().zip(times().max()).map(|(first, last)| (first, last + 1));
            page.write(&mut finding.page, &timeline)?;
            tables::of_timeline(finding, &timeline, config.zone.value);
            for entry in &timeline.entries {
                if let Some(event) = &entry.event {
                    let is_chosen = entry.kind == EntryKind::Event;
                    finding.cite(&event.addr, if is_chosen { "chosen for the timeline" } else { "a change" });
                }
            }
            finding.engine = Some(args.scope.engine(config)?);
        }
        (Sink::Screen, TimelineFormat::Json) => print_json(&timeline)?,
        (Sink::Screen, TimelineFormat::Table) => print(|out| page.write(out, &timeline))?,
        (Sink::Screen, TimelineFormat::Markdown) => print(|out| write_markdown(out, &timeline, config.zone.value))?,
    }
    asking.finish(timeline.entries.len() as u64)
}

/// The notes of a case that say when that happened which they are about.
fn notes(case: &Case) -> anyhow::Result<Vec<Entry>> {
    let of_note = |exhibit: Exhibit| {
        let time = exhibit.at.filter(|_| exhibit.kind == Kind::Note)?;
        Some(Entry { time, relative_us: 0, kind: EntryKind::Note, what: exhibit.title, source: None, event: None })
    };
    Ok(case.exhibits()?.into_iter().filter_map(|laid| of_note(laid.exhibit)).collect())
}

/// How a timeline is printed for people.
struct Page {
    theme: Theme,
    zone: Zone,
    width: Option<usize>,
}

impl Page {
    fn write(&self, out: &mut dyn Write, timeline: &Timeline) -> io::Result<()> {
        let Theme { title, warning, .. } = self.theme;
        let clock = Clock::new(self.zone, timeline.entries.iter().map(|entry| entry.time));
        let names = ShortNames::new(timeline.entries.iter().filter_map(|entry| entry.source.as_deref()));
        write_onset(out, &timeline.onset, &clock, &self.theme)?;
        writeln!(out)?;
        let highlighter = Highlighter::default();
        let lines = Lines { theme: &self.theme, highlighter: &highlighter, terminal_width: self.width };
        let cells = |entry: &Entry| {
            let source = entry.source.as_deref().map_or("", |source| names.of(source));
            [clock.short(entry.time), relative(entry.relative_us), entry.kind.as_str().to_owned(), source.to_owned()]
        };
        let rows: Vec<[String; 4]> = timeline.entries.iter().map(cells).collect();
        let titles = ["time", "onset", "what", "source"];
        let widths: Vec<usize> = titles
            .iter()
            .enumerate()
            .map(|(column, title)| widest(rows.iter().map(|row| row[column].as_str()).chain([*title])))
            .collect();
        let line = |cells: &[&str]| -> String {
            cells.iter().zip(&widths).map(|(cell, width)| padded(cell, *width) + "  ").collect()
        };
        writeln!(out, "{title}{}line{title:#}", line(&titles))?;
        let n_before = widths.iter().map(|width| width + 2).sum();
        for (row, entry) in rows.iter().zip(&timeline.entries) {
            write!(out, "{}", line(&row.each_ref().map(String::as_str)))?;
            match &entry.event {
                Some(event) => lines.write(out, event, n_before)?,
                None => writeln!(out, "{title}{}{title:#}", visible(&entry.what))?,
            }
        }
        if timeline.n_events_left_out > 0 {
            writeln!(
                out,
                "{warning}{} older events of the query are left out{warning:#}",
                human::count(timeline.n_events_left_out)
            )?;
        }
        Ok(())
    }
}

/// A table of GitHub's Markdown. Text of logs is escaped: nothing in it makes markup or HTML.
fn write_markdown(out: &mut dyn Write, timeline: &Timeline, zone: Zone) -> io::Result<()> {
    let clock = Clock::new(zone, timeline.entries.iter().map(|entry| entry.time));
    let names = ShortNames::new(timeline.entries.iter().filter_map(|entry| entry.source.as_deref()));
    writeln!(out, "Onset: {}\n", clock.long(timeline.onset.time))?;
    writeln!(out, "| Time | Onset | What | Source | Line |\n| --- | --- | --- | --- | --- |")?;
    for entry in &timeline.entries {
        let source = entry.source.as_deref().map_or(String::new(), |source| escape_markdown(names.of(source)));
        writeln!(
            out,
            "| {} | {} | {} | {source} | {} |",
            clock.short(entry.time),
            relative(entry.relative_us),
            entry.kind.as_str(),
            escape_markdown(&cut(&entry.what, MAX_CELL)),
        )?;
    }
    Ok(())
}
