//! `trawl sources`: the indexed sources and how far each has been read.

use super::{open_reader, print_rows};
use crate::args::SourcesArgs;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look};
use crate::terminal::Terminal;
use trawl_query::value::Value;
use trawl_store::SourceState;

const COLUMNS: [&str; 8] = ["index", "source", "sourcetype", "host", "generations", "events", "bytes", "last_time"];

/// Prints a row for each source, by index and name.
pub fn run(args: &SourcesArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let mut sources = open_reader(config)?.sources()?;
    sources.retain(|source| args.index.is_empty() || args.index.contains(&source.index));
    sources.sort_by(|a, b| (&a.index, &a.source).cmp(&(&b.index, &b.source)));
    let rows = sources.iter().map(|source| row(source, &cells)).collect();
    print_rows(&look, args.output, &COLUMNS, rows)
}

fn row(source: &SourceState, cells: &CellPrinter) -> Vec<Value> {
    let generations = &source.generations;
    let last_time = generations.iter().filter_map(|generation| generation.last_time_us).max();
    vec![
        source.index.as_str().into(),
        source.source.as_str().into(),
        source.sourcetype.as_str().into(),
        source.host.as_str().into(),
        Value::count(generations.len() as u64),
        Value::count(generations.iter().map(|generation| generation.n_events).sum()),
        Value::count(generations.iter().map(|generation| generation.committed.len()).sum()),
        last_time.map_or(Value::Null, |time_us| cells.time(time_us).into()),
    ]
}
