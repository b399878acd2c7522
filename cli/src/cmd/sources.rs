//! `trawl sources`: the sources, how far each has been read, and what is wrong with it.

use super::{now_us, open_reader, print_rows};
use crate::args::SourcesArgs;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Format, Look};
use crate::run_state::Heard;
use crate::standing::{self, Standing, State};
use crate::terminal::Terminal;
use trawl_query::value::Value;

/// A column: its name, whether a table has it, and its cell.
type Column = (&'static str, bool, fn(&Standing, &Context<'_>) -> Value);

const COLUMNS: [Column; 20] = [
    ("index", true, |source, _| source.index.as_str().into()),
    ("source", true, |source, _| source.source.as_str().into()),
    ("sourcetype", true, |source, _| text(source.sourcetype.as_deref())),
    ("host", true, |source, _| text(source.host.as_deref())),
    ("state", true, |source, _| source.state.as_str().into()),
    ("generations", true, |source, _| Value::count(source.generations.len() as u64)),
    ("events", true, |source, _| Value::count(source.n_events)),
    ("bytes", true, |source, _| Value::count(source.total_bytes)),
    ("path", false, |source, _| source.path.display().to_string().as_str().into()),
    ("file_bytes", false, |source, _| count(source.file_bytes)),
    ("read_bytes", false, |source, _| count(source.read_bytes)),
    ("indexed_bytes", false, |source, _| Value::count(source.indexed_bytes)),
    ("lag_bytes", true, |source, _| count(source.lag_bytes)),
    ("lag_s", true, |source, ctx| ctx.age(source.behind_since_us)),
    ("last_time", true, |source, ctx| ctx.time(source.last_time_us)),
    ("nul_bytes", false, |source, _| Value::count(source.remarks.nul_bytes)),
    ("cut_events", false, |source, _| Value::count(source.remarks.n_cut)),
    ("problem", true, |source, _| text(source.trouble.as_deref())),
    ("problem_s", false, |source, ctx| ctx.age(source.trouble_since_us)),
    ("problem_since", false, |source, ctx| ctx.time(source.trouble_since_us)),
];

const GENERATION_COLUMNS: [&str; 10] = [
    "index",
    "source",
    "generation",
    "events",
    "bytes",
    "aged_out_bytes",
    "holes",
    "last_time",
    "head_bytes",
    "head_hash",
];

/// What cells are made with.
struct Context<'a> {
    cells: &'a CellPrinter,
    now_us: i64,
}

impl Context<'_> {
    fn time(&self, time_us: Option<i64>) -> Value {
        time_us.map_or(Value::Null, |time_us| self.cells.time(time_us).into())
    }

    /// Seconds since a time.
    fn age(&self, since_us: Option<i64>) -> Value {
        count(since_us.map(|since_us| self.now_us.saturating_sub(since_us).max(0) as u64 / 1_000_000))
    }
}

fn text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, Into::into)
}

fn count(value: Option<u64>) -> Value {
    value.map_or(Value::Null, Value::count)
}

/// Prints a row for each source, by index and name.
pub fn run(args: &SourcesArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let ctx = Context { cells: &cells, now_us: now_us()? };
    let reader = open_reader(config)?;
    let heard = Heard::of(&config.data.value)?;
    let mut sources = standing::sources(reader.sources()?, &reader.snapshot()?.live, heard.as_ref());
    sources.retain(|source| args.index.is_empty() || args.index.iter().any(|index| index.as_str() == source.index));
    if args.problems {
        sources.retain(has_problem);
    }
    if args.generations {
        let rows = sources.iter().flat_map(|source| generations(source, &ctx)).collect();
        return print_rows(&look, args.output, &GENERATION_COLUMNS, rows);
    }
    // A table is for people, and has a width.
    let columns = || COLUMNS.iter().filter(|(_, is_in_table, _)| *is_in_table || args.output != Format::Table);
    let names: Vec<&str> = columns().map(|(name, ..)| *name).collect();
    let row = |source: &Standing| columns().map(|(_, _, cell)| cell(source, &ctx)).collect();
    print_rows(&look, args.output, &names, sources.iter().map(row).collect())
}

fn has_problem(source: &Standing) -> bool {
    source.trouble.is_some()
        || source.lag_bytes.is_some_and(|lag_bytes| lag_bytes > 0)
        || matches!(source.state, State::Unreadable | State::Waiting)
}

fn generations(source: &Standing, ctx: &Context<'_>) -> Vec<Vec<Value>> {
    let row = |generation: &trawl_store::catalog::GenerationState| {
        vec![
            source.index.as_str().into(),
            source.source.as_str().into(),
            Value::count(generation.number.into()),
            Value::count(generation.n_events),
            Value::count(generation.committed.len()),
            Value::count(generation.aged_out.len()),
            Value::count(generation.committed.holes(generation.committed.end()).len() as u64),
            ctx.time(generation.last_time_us),
            Value::count(generation.fingerprint.head_len.into()),
            generation.fingerprint.head.to_string().as_str().into(),
        ]
    };
    source.generations.iter().map(row).collect()
}
