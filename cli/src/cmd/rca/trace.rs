//! `trawl rca trace`: one request's path across the sources.

use super::inquiry::{Asking, print};
use super::page::{Clock, Lines, ShortNames, padded, relative, span, widest};
use super::scope::{ReportFormat, ScopeFlags, print_json};
use super::sink::Sink;
use super::tables;
use crate::cmd::ask::RangeFlags;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{Highlighter, Theme, human, visible};
use crate::terminal::Terminal;
use std::io::{self, Write};
use trawl_formats::Zone;
use trawl_query::Highlight;
use trawl_query::rca::trace::{FollowedId, Trace, TraceOptions, trace};

/// Most values that are named as not followed; JSON has all.
const MAX_LEFT_OUT: usize = 8;

/// Arguments of `trawl rca trace`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Finds all events with the value, then those with the ids that stand beside it, as often as --hops says, and puts them in one \
order of time. An id is followed if it is rare and its other events do not name another order; what was followed and what was \
not is said below the table.

Examples:
  trawl rca trace ORD-7731ZK42
  trawl rca trace 4bf92f3577b34da6a3ce929d0e0e4736 --earliest -2h --hops 1
  trawl rca trace ORD-7731ZK42 -o json | jq '.legs'

Exit status: 0 at least one event, 1 none, 2 error or partial answer.")]
pub struct TraceArgs {
    /// The id as it stands in the log
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: String,

    /// Which time.
    #[command(flatten)]
    pub range: RangeFlags,

    /// How often the ids that stand beside an id are followed; 0 finds the value alone
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub hops: u32,

    /// An id in more events than this is too common to be followed [default: one in 200 events, between 20 and 500]
    #[arg(long, value_name = "N")]
    pub most: Option<u64>,

    /// As of when, and where.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// How to print the trace
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = ReportFormat::Table)]
    pub output: ReportFormat,
}

/// Follows the value and prints its path, or prepares it for a case.
pub fn run(args: &TraceArgs, config: &Config, terminal: Terminal, sink: Sink<'_>) -> anyhow::Result<ExitCode> {
    let asking = Asking::new(&args.scope, &args.range, config, terminal)?;
    let options = TraceOptions { hops: args.hops, most_events_of_id: args.most, ..TraceOptions::default() };
    let trace = trace(&asking.inquiry, &args.value, &options).map_err(|error| asking.explained(error))?;
    let page = Page { theme: Theme::new(terminal.color_stdout), zone: config.zone.value, width: terminal.width };
    match (sink, args.output) {
        (Sink::Case(finding), _) => {
            finding.title = format!("The path of {}", args.value);
            let times = || trace.events.iter().map(|step| step.event.time.0);
            finding.range_us = times().min().zip(times().max()).map(|(first, last)| (first, last + 1));
            page.write(&mut finding.page, &trace)?;
            tables::of_trace(finding, &trace, config.zone.value);
            for step in &trace.events {
                finding.cite(&step.event.addr, format!("on the path of {}", args.value));
            }
            finding.engine = Some(args.scope.engine(config)?);
        }
        (Sink::Screen, ReportFormat::Json) => print_json(&trace)?,
        (Sink::Screen, ReportFormat::Table) => print(|out| page.write(out, &trace))?,
    }
    asking.finish(trace.events.len() as u64)
}

/// How a trace is printed for people.
struct Page {
    theme: Theme,
    zone: Zone,
    width: Option<usize>,
}

impl Page {
    fn write(&self, out: &mut dyn Write, trace: &Trace) -> io::Result<()> {
        let Theme { title, hint, warning, .. } = self.theme;
        let (Some(first), Some(last)) = (trace.events.first(), trace.events.last()) else {
            return writeln!(out, "no event holds {}", visible(&trace.value));
        };
        let clock = Clock::new(self.zone, [first.event.time, last.event.time].into_iter());
        let names = ShortNames::new(trace.events.iter().map(|event| event.event.source.as_str()));
        let mut sources: Vec<&str> = trace.events.iter().map(|event| event.event.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        writeln!(
            out,
            "{title}{}{title:#}: {} of {} in {}, {}; from {}",
            visible(&trace.value),
            human::plural(trace.events.len() as u64, "event"),
            human::plural(sources.len() as u64, "source"),
            span(last.event.time.since(first.event.time)),
            human::plural(trace.n_errors as u64, "error"),
            clock.long(first.event.time),
        )?;
        if trace.n_not_read > 0 {
            writeln!(out, "{warning}{} older events hold it, too{warning:#}", human::count(trace.n_not_read))?;
        }
        writeln!(out)?;
        self.write_events(out, trace, &clock, &names)?;
        self.write_path(out, trace, &clock, &names)?;
        self.write_ids(out, trace)?;
        for skew in &trace.skew {
            writeln!(
                out,
                "{warning}clocks{warning:#}       {} answers {} before {} asks, in {} of {} traces: one of their clocks{} is off, \
                 unless it runs first",
                names.of(&skew.answers),
                span(skew.by_us),
                names.of(&skew.asks),
                skew.n_reversed,
                skew.n_traces,
                if skew.is_zone { " (or its time zone)" } else { "" },
            )?;
        }
        let at = trace.events.iter().find(|event| event.event.is_error).unwrap_or(last);
        writeln!(out, "\n{hint}next:{hint:#} trawl context '{}'", visible(&at.event.addr).replace('\'', r"'\''"))
    }

    fn write_events(&self, out: &mut dyn Write, trace: &Trace, clock: &Clock, names: &ShortNames) -> io::Result<()> {
        let Theme { title, faint, error, .. } = self.theme;
        let highlighter = Highlighter::new(trace.followed.iter().map(|id| whole_word(&id.value)).collect());
        let lines = Lines { theme: &self.theme, highlighter: &highlighter, terminal_width: self.width };
        let rows: Vec<[String; 4]> = trace
            .events
            .iter()
            .enumerate()
            .map(|(at, event)| {
                [
                    clock.short(event.event.time),
                    if at == 0 { String::new() } else { relative(event.delta_us) },
                    names.of(&event.event.source).to_owned(),
                    visible(event.event.level.as_deref().unwrap_or_default()).into_owned(),
                ]
            })
            .collect();
        let titles = ["time", "delta", "source", "level"];
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].as_str());
            widest(cells.chain([titles[column]]))
        };
        let widths = [width(0), width(1), width(2), width(3)];
        let line = |cells: [&str; 4]| -> String {
            cells.iter().zip(widths).map(|(cell, width)| padded(cell, width) + "  ").collect()
        };
        writeln!(out, "  {title}{}line{title:#}", line(titles))?;
        let n_before = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
        for (row, event) in rows.iter().zip(&trace.events) {
            let mark = if event.event.is_error { "! " } else { "  " };
            write!(out, "{error}{mark}{error:#}{}", line([&row[0], &row[1], &row[2], &row[3]]))?;
            lines.write(out, &event.event, n_before)?;
        }
        writeln!(out, "{faint}{faint:#}")
    }

    fn write_path(&self, out: &mut dyn Write, trace: &Trace, clock: &Clock, names: &ShortNames) -> io::Result<()> {
        let Theme { title, error, .. } = self.theme;
        let width = widest(trace.legs.iter().map(|leg| names.of(&leg.source)));
        for (at, leg) in trace.legs.iter().enumerate() {
            let head = if at == 0 { "path" } else { "" };
            let wait = leg.wait_us.map_or(String::new(), relative);
            let n_events = human::plural(leg.n_events as u64, "event");
            write!(out, "{title}{head:<13}{title:#}{wait:>12}  {}  {n_events}", padded(names.of(&leg.source), width))?;
            if leg.n_events > 1 {
                write!(out, " in {}", span(leg.lasted_us))?;
            }
            if leg.n_errors > 0 {
                write!(out, ", {error}{}{error:#}", human::plural(leg.n_errors as u64, "error"))?;
            }
            writeln!(out)?;
        }
        let Some(gap) = trace.largest_gap.as_ref().filter(|gap| gap.us > 0) else { return Ok(()) };
        writeln!(
            out,
            "{title}largest gap{title:#}  {}: {} ({}) → {} ({})",
            span(gap.us),
            names.of(&gap.from_source),
            clock.short(gap.from),
            names.of(&gap.to_source),
            clock.short(gap.to),
        )
    }

    fn write_ids(&self, out: &mut dyn Write, trace: &Trace) -> io::Result<()> {
        let Theme { title, faint, .. } = self.theme;
        let named = |key: &Option<String>, value: &str| match key {
            Some(key) => format!("{}={}", visible(key), visible(value)),
            None => visible(value).into_owned(),
        };
        for (at, id) in trace.followed.iter().enumerate() {
            let head = if at == 0 { "followed" } else { "" };
            let FollowedId { value, key, hop, n_events, .. } = id;
            let hop = if *hop == 0 { String::new() } else { format!(", hop {hop}") };
            let n_events = human::plural(*n_events as u64, "event");
            writeln!(out, "{title}{head:<13}{title:#}{} ({n_events}{hop})", named(key, value))?;
        }
        for (at, id) in trace.left_out.iter().take(MAX_LEFT_OUT).enumerate() {
            let head = if at == 0 { "not followed" } else { "" };
            writeln!(out, "{title}{head:<13}{title:#}{} {faint}{}{faint:#}", named(&id.key, &id.value), id.why)?;
        }
        match trace.left_out.len().saturating_sub(MAX_LEFT_OUT) {
            0 => Ok(()),
            n => writeln!(out, "{:<13}{faint}and {n} more: -o json names them{faint:#}", ""),
        }
    }
}

/// A value to be coloured wherever it stands as a word.
fn whole_word(value: &str) -> Highlight {
    Highlight { literal: value.to_owned(), case_sensitive: false, begins_word: true, ends_word: true }
}
