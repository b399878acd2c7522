//! `trawl patterns`: which lines there are, without their variables.

use super::CANNOT_PRINT;
use super::ask::{self, RangeFlags};
use super::rca::scope::ScopeFlags;
use super::rca::sink::{Finding, Sink};
use super::rca::tables;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Format, Look, Marks, Theme, Trailer, human, notes, visible};
use crate::terminal::Terminal;
use crate::words;
use anyhow::Context;
use std::io::{self, BufWriter, Write};
use trawl_evidence::capture::query_run;
use trawl_query::time::{TimeFormat, from_seconds};
use trawl_query::{Batch, Engine, Flow, Search, SearchOptions, Wanted};

/// Most patterns whose first event is cited in a case.
const MAX_CITED: usize = 20;

/// Arguments of `trawl patterns`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The same as `trawl search 'QUERY | patterns'`, printed for people: each pattern with its count, how it went over time, where it comes \
from, and the words that find its events again. Patterns need nothing to be set; `trawl help patterns` says what makes one. Exit \
status: 0 if there is a pattern, 1 if no event was found, 2 for errors.

Examples:
  trawl patterns
  trawl patterns level=ERROR --earliest -1h
  trawl patterns source='*payments*' --by host -n 5
  trawl patterns 'PaymentService' --output json")]
pub struct PatternsArgs {
    /// Which events: a search, perhaps with commands [default: all]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Which time.
    #[command(flatten)]
    pub range: RangeFlags,

    /// Over what it runs.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// Field whose text is looked at
    #[arg(long, value_name = "FIELD", default_value = "_raw")]
    pub field: String,

    /// Patterns for each value of this field by itself; may be repeated
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub by: Vec<String>,

    /// Most patterns to print, for each value of --by; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,

    /// How to print them: table is text for people
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Finds the patterns and prints them, or prepares them for a case.
pub fn run(args: &PatternsArgs, config: &Config, terminal: Terminal, sink: Sink<'_>) -> anyhow::Result<ExitCode> {
    let now_us = args.scope.now_us(config)?;
    let query = query(args);
    let engine = args.scope.engine(config)?;
    let (options, interrupted) = args.scope.options(config, now_us)?;
    let options = SearchOptions { diagnose: true, ..args.range.of(options)? };
    let search = match Search::prepare(&query, &options) {
        Ok(search) => search,
        Err(error) => {
            writeln!(io::stderr(), "{}", error.render(&query, terminal.color_stderr))?;
            return Ok(ExitCode::Error);
        }
    };
    let mut rows = Batch::default();
    let summary = search.run(&engine, &mut |batch| {
        rows.append(batch);
        Ok(Flow::More)
    });
    let summary = summary.map_err(|error| ask::explained(config, error))?;
    let n_rows = rows.len() as u64;
    let look = Look { terminal, zone: config.zone.value };
    let mut out = BufWriter::new(io::stdout().lock());
    match (sink, args.output) {
        (Sink::Case(finding), _) => {
            let what = if args.query.is_empty() { "all events".to_owned() } else { events(args) };
            finding.title = format!("Patterns of {what}");
            finding.queries.push(query_run(&query, &summary, &options));
            print(args, &look, &rows, summary.n_matched, &mut finding.page).context(CANNOT_PRINT)?;
            if rows.is_empty() {
                writeln!(finding.page, "no event was found: there is no pattern")?;
            }
            tables::of_patterns(finding, &rows, &args.by, look.zone);
            cite_examples(args, &rows, &engine, &options, finding)?;
            finding.engine = Some(engine);
        }
        (Sink::Screen, Format::Table | Format::Raw) => {
            print(args, &look, &rows, summary.n_matched, &mut out).context(CANNOT_PRINT)?
        }
        (Sink::Screen, format) => {
            let mut renderer = look.renderer(format, Marks::default());
            let coverage = Some(serde_json::to_value(&summary.coverage)?);
            let trailer = Trailer { warnings: summary.warnings.clone(), coverage };
            let printed = renderer.rows(rows, &mut out).and_then(|()| renderer.finish(&trailer, &mut out));
            printed.context(CANNOT_PRINT)?;
        }
    }
    out.flush().context(CANNOT_PRINT)?;
    let (mut err, theme) = (io::stderr().lock(), Theme::new(terminal.color_stderr));
    if summary.n_matched == 0 && summary.incomplete.is_none() {
        notes::diagnosis(&mut err, &theme, &summary, config)?;
    }
    if let Some(why) = &summary.incomplete {
        notes::warning(&mut err, &theme, &format!("the answer is incomplete: {why}"))?;
    }
    Ok(ExitCode::of_answer(n_rows, summary.incomplete.is_some(), &interrupted))
}

/// Cites the first event of each pattern, up to [`MAX_CITED`].
fn cite_examples(
    args: &PatternsArgs,
    rows: &Batch,
    engine: &Engine,
    options: &SearchOptions,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    for row in 0..rows.len().min(MAX_CITED) {
        let text = |name: &str| rows.value(row, name).to_string();
        let Some(first_us) = rows.value(row, "first_seen").as_number().and_then(from_seconds) else { continue };
        let seconds = |time_us: i64| format!("{}.{:06}", time_us.div_euclid(1_000_000), time_us.rem_euclid(1_000_000));
        let options = SearchOptions {
            earliest: Some(seconds(first_us)),
            latest: Some(seconds(first_us + 1)),
            event_fields: Wanted::of(["_addr", "_raw"]),
            ..options.clone()
        };
        let mut address = None;
        Search::prepare(&events(args), &options)?.run(engine, &mut |batch| {
            let is_it = |at: &usize| batch.value(*at, "_raw").with_text(|raw| raw.starts_with(&text("example")));
            address = (0..batch.len()).find(is_it).map(|at| batch.value(at, "_addr").to_string());
            Ok(if address.is_some() { Flow::Done } else { Flow::More })
        })?;
        let why = format!("the first of {} of pattern {}", human::plural(count(rows, row), "event"), text("id"));
        address.into_iter().for_each(|address| finding.cite(&address, &why));
    }
    Ok(())
}

/// Which events are looked at.
fn events(args: &PatternsArgs) -> String {
    if args.query.is_empty() { "*".to_owned() } else { words::join(&args.query) }
}

fn count(rows: &Batch, row: usize) -> u64 {
    rows.value(row, "count").as_number().unwrap_or(0.0) as u64
}

/// The query with the command behind it.
fn query(args: &PatternsArgs) -> String {
    let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\\\""));
    let mut query = format!("{} | patterns limit={} field={}", events(args), args.limit, quoted(&args.field));
    if !args.by.is_empty() {
        query.push_str(" BY ");
        query.push_str(&args.by.iter().map(quoted).collect::<Vec<_>>().join(", "));
    }
    query
}

/// Prints the patterns for people: two lines each.
fn print(args: &PatternsArgs, look: &Look, rows: &Batch, n_events: u64, out: &mut dyn Write) -> io::Result<()> {
    let theme = look.theme();
    let (title, faint, hint) = (theme.title, theme.faint, theme.hint);
    let cells = CellPrinter::new(look.zone);
    let width = look.terminal.width.filter(|_| look.terminal.stdout_is_terminal());
    let mut group = None;
    for row in 0..rows.len() {
        let text = |name: &str| rows.value(row, name).to_string();
        let key: Vec<String> = args.by.iter().map(|name| format!("{name}={}", text(name))).collect();
        if !key.is_empty() && group.as_ref() != Some(&key) {
            writeln!(out, "{}{title}{}{title:#}", if row > 0 { "\n" } else { "" }, visible(&key.join(" ")))?;
            group = Some(key);
        }
        let percent: f64 = text("percent").parse().unwrap_or(0.0);
        let prefix = format!("{:>11} {percent:>5.1} %  ", human::count(count(rows, row)));
        writeln!(out, "{prefix}{}", cut(&text("pattern"), width, prefix.len()))?;
        let time = |name: &str| {
            let time_us = rows.value(row, name).as_number().and_then(from_seconds);
            time_us.and_then(|time_us| TimeFormat::new("%m-%d %H:%M:%S").format(time_us, look.zone))
        };
        let times = time("first_seen")
            .zip(time("last_seen"))
            .map_or(String::new(), |(first, last)| format!("  {first} … {last}"));
        let trend = cells.shown("sparkline", rows.value(row, "sparkline"));
        let sources = rows.value(row, "sources").each();
        let source = match sources {
            [] => String::new(),
            [source] => format!("  {source}"),
            [source, more @ ..] => format!("  {source} +{}", more.len()),
        };
        let indent = " ".repeat(prefix.len());
        let about = format!("{trend}{times}  {}{source}", text("id"));
        writeln!(out, "{indent}{faint}{}{faint:#}", cut(&about, width, prefix.len()))?;
    }
    if rows.is_empty() {
        return Ok(());
    }
    let shown = human::plural(rows.len() as u64, "pattern");
    let is_cut = args.by.is_empty() && rows.len() == args.limit;
    let what = if is_cut { format!("the first {shown}, -n 0 prints all; from") } else { format!("{shown} of") };
    writeln!(out, "\n{what} {}", human::plural(n_events, "event"))?;
    if let Some(search) = rows.value(0, "search").as_text() {
        writeln!(out, "{hint}next: trawl search '{}'{hint:#}", visible(&search).replace('\'', r"'\''"))?;
    }
    Ok(())
}

/// A text made safe, and cut where the terminal ends.
fn cut(text: &str, width: Option<usize>, n_before: usize) -> String {
    let text = visible(text).into_owned();
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(n_before).max(20));
    if text.chars().count() <= room {
        return text;
    }
    text.chars().take(room - 1).chain(['…']).collect()
}
