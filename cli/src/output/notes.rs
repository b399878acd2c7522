//! What is said on the standard error beside the rows: what was searched, warnings, and why nothing was found.

use super::cell::CellPrinter;
use super::human;
use super::sanitize::visible;
use super::theme::Theme;
use crate::config::Config;
use crate::words;
use std::io::{self, Write};
use std::time::Duration;
use trawl_query::engine::TermDiagnosis;
use trawl_query::engine::coverage::Coverage;
use trawl_query::{Spilled, Summary};

/// Most files that were left out that are named.
const MAX_LEFT_OUT: usize = 5;

/// A warning on a line of its own.
pub fn warning(out: &mut dyn Write, theme: &Theme, text: &str) -> io::Result<()> {
    let style = theme.warning;
    writeln!(out, "{style}warning:{style:#} {}", visible(text))
}

/// A hint on a line of its own.
pub fn hint(out: &mut dyn Write, theme: &Theme, text: &str) -> io::Result<()> {
    let style = theme.hint;
    writeln!(out, "{style}hint:{style:#} {text}")
}

/// One line that says what an answer rests on, and one for each part that could not be read.
pub fn coverage(
    out: &mut dyn Write,
    theme: &Theme,
    coverage: &Coverage,
    cells: &CellPrinter,
    took: Duration,
) -> io::Result<()> {
    writeln!(out, "{coverage}; {}; {}", time_range(coverage, cells), human::duration(took))?;
    coverage.damaged.iter().try_for_each(|damage| warning(out, theme, damage))?;
    coverage.left_out.iter().take(MAX_LEFT_OUT).try_for_each(|left_out| writeln!(out, "  {}", visible(left_out)))
}

fn time_range(coverage: &Coverage, cells: &CellPrinter) -> String {
    match (coverage.earliest_us, coverage.latest_us) {
        (None, None) => "all time".to_owned(),
        (Some(earliest), None) => format!("from {}", cells.time(earliest)),
        (None, Some(latest)) => format!("before {}", cells.time(latest)),
        (Some(earliest), Some(latest)) => format!("{} to {}", cells.time(earliest), cells.time(latest)),
    }
}

/// What the search cost, one figure on a line.
pub fn cost(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let Summary { coverage, n_matched, spilled, .. } = summary;
    let of_store = [
        (
            "buckets",
            format!(
                "{} of {} read, {} outside the time range",
                coverage.n_buckets_searched(),
                coverage.n_buckets,
                coverage.n_buckets_pruned
            ),
        ),
        (
            "blocks",
            format!(
                "{} of {} read",
                human::count(coverage.n_blocks_read as u64),
                human::count(coverage.n_blocks as u64)
            ),
        ),
    ];
    let of_files = [("files", human::count(coverage.n_files.unwrap_or(0) as u64))];
    let of_either = [
        (
            "events",
            format!(
                "{} matched, {} of {} read",
                human::count(*n_matched),
                human::count(coverage.n_events_read),
                human::count(coverage.n_events)
            ),
        ),
        ("raw text", human::bytes(coverage.n_bytes_read)),
    ];
    let first = if coverage.n_files.is_some() { &of_files[..] } else { &of_store[..] };
    first.iter().chain(&of_either).try_for_each(|(name, figure)| writeln!(out, "  {name:<9} {figure}"))?;
    spilled.iter().try_for_each(|Spilled { command, n_runs, n_bytes }| {
        writeln!(out, "  {command:<9} {}, {} on disk", human::plural(*n_runs, "run"), human::bytes(*n_bytes))
    })
}

/// Why nothing was found: each term's own count, and what the index holds that looks like it.
pub fn diagnosis(out: &mut dyn Write, theme: &Theme, summary: &Summary, config: &Config) -> io::Result<()> {
    let Summary { diagnosis: terms, coverage, .. } = summary;
    writeln!(out, "no event matched")?;
    let width = terms.iter().map(|term| visible(&term.term).chars().count()).max().unwrap_or(0);
    for TermDiagnosis { term, n_in_range, n_total, nearest } in terms {
        let term = visible(term);
        write!(out, "  {term:<width$}  {}", human::plural(*n_in_range, "event"))?;
        if n_total > n_in_range {
            write!(out, " in the time range, {} in all", human::count(*n_total))?;
        }
        if !nearest.is_empty() {
            let nearest: Vec<String> = nearest.iter().map(|term| visible(term).into_owned()).collect();
            write!(out, "; nearest: {}", nearest.join(", "))?;
        }
        writeln!(out)?;
    }
    if coverage.n_files.is_none() {
        writeln!(out, "data folder: {} ({})", config.data.value.display(), config.data.origin)?;
    }
    if let Some(term) = terms.iter().find(|term| words::is_time(&term.term)) {
        hint(
            out,
            theme,
            &format!("`{0}` is searched for as a word; if it is a time, write --earliest {0}", term.term),
        )?;
    }
    if coverage.earliest_us.zip(coverage.latest_us).is_some_and(|(earliest, latest)| earliest >= latest) {
        hint(out, theme, "the time range is empty: --latest is not after --earliest")?;
    } else if terms.iter().any(|term| term.n_in_range == 0 && term.n_total > 0) {
        hint(out, theme, "there are events outside the time range; see --earliest and --latest")?;
    }
    Ok(())
}
