//! `trawl restore`: buckets come back from an archive, and are given back to retention.

use super::archive::{find, warn};
use super::index::open_writer;
use super::search::parse_time;
use super::{now_us, open_reader, print_rows};
use crate::args::RestoreArgs;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look, human};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use std::io::{self, Write};
use trawl_formats::IndexName;
use trawl_query::value::Value;
use trawl_store::archive::NotRestored;

const COLUMNS: [&str; 6] = ["index", "id", "earliest", "latest", "events", "outcome"];

/// Restores the chosen buckets, or releases them, and prints a row for each.
pub fn run(args: &RestoreArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let chosen = Chosen::new(args, config)?;
    if args.release {
        return release(args, &chosen, config, &look);
    }
    if args.ids.is_empty() && args.index.is_empty() && args.earliest.is_none() && args.latest.is_none() {
        let hint = "name buckets by id (see `trawl archive list`), or choose with --index, --earliest and --latest";
        bail!(Advice::new("what is to be restored?", hint));
    }
    let (mut found, mut problems) = find(&args.folders, config)?;
    found.retain(|bucket| {
        let meta = &bucket.meta;
        chosen.holds(&meta.id, &meta.index, meta.min_time_us, meta.max_time_us)
    });
    found.dedup_by(|a, b| a.meta.id == b.meta.id);
    // A file that cannot be read need not be one that was asked for, unless something is missing.
    let is_missing = found.is_empty() || found.len() < args.ids.len();
    if !is_missing {
        problems.clear();
    }
    let mut rows = Vec::new();
    let cells = CellPrinter::new(look.zone);
    if !found.is_empty() {
        let writer = open_writer(config)?;
        for bucket in &found {
            let outcome = match writer.restore(bucket) {
                Ok(Ok(_)) => "restored",
                Ok(Err(NotRestored::InStore)) => "already there",
                Ok(Err(NotRestored::SameBytes)) => "already there, under another id",
                Err(error) => {
                    problems.push(error);
                    "failed"
                }
            };
            let meta = &bucket.meta;
            let times = (meta.min_time_us, meta.max_time_us);
            rows.push(row(&meta.index, &meta.id, times, meta.n_events.into(), outcome, &cells));
        }
    }
    let code = print_rows(&look, args.output, &COLUMNS, rows)?;
    if code == ExitCode::NothingFound {
        writeln!(io::stderr(), "there is no such bucket in the archive")?;
    }
    Ok(if warn(&problems, terminal)? { ExitCode::Error } else { code })
}

fn release(args: &RestoreArgs, chosen: &Chosen<'_>, config: &Config, look: &Look) -> anyhow::Result<ExitCode> {
    let cells = CellPrinter::new(look.zone);
    let mut restored = open_reader(config)?.snapshot()?.buckets;
    restored.retain(|row| row.is_restored && chosen.holds(&row.id, &row.index, row.min_time_us, row.max_time_us));
    let ids: Vec<&str> = restored.iter().map(|row| row.id.as_str()).collect();
    let n_released = if ids.is_empty() { 0 } else { open_writer(config)?.release(&ids)? };
    let rows = restored
        .iter()
        .map(|bucket| {
            let times = (bucket.min_time_us, bucket.max_time_us);
            row(&bucket.index, &bucket.id, times, bucket.n_events, "released", &cells)
        })
        .collect();
    let code = print_rows(look, args.output, &COLUMNS, rows)?;
    writeln!(io::stderr(), "{} given back to retention", human::plural(n_released as u64, "restored bucket"))?;
    Ok(code)
}

fn row(
    index: &IndexName,
    id: &str,
    (earliest_us, latest_us): (i64, i64),
    n_events: u64,
    outcome: &str,
    cells: &CellPrinter,
) -> Vec<Value> {
    vec![
        index.as_str().into(),
        id.into(),
        cells.time(earliest_us).into(),
        cells.time(latest_us).into(),
        Value::count(n_events),
        outcome.into(),
    ]
}

/// Which buckets are meant.
struct Chosen<'a> {
    args: &'a RestoreArgs,
    earliest_us: Option<i64>,
    latest_us: Option<i64>,
}

impl<'a> Chosen<'a> {
    fn new(args: &'a RestoreArgs, config: &Config) -> anyhow::Result<Self> {
        let now_us = now_us()?;
        let resolve = |option: &str, text: &Option<String>| -> anyhow::Result<Option<i64>> {
            let Some(text) = text else { return Ok(None) };
            let time = parse_time(option, text)?.resolve(now_us, config.zone.value);
            Ok(Some(time.with_context(|| format!("`{text}` is beyond what a time can be"))?))
        };
        let earliest_us = resolve("--earliest", &args.earliest)?;
        let latest_us = resolve("--latest", &args.latest)?;
        Ok(Self { args, earliest_us, latest_us })
    }

    fn holds(&self, id: &str, index: &IndexName, min_time_us: i64, max_time_us: i64) -> bool {
        (self.args.ids.is_empty() || self.args.ids.iter().any(|wanted| wanted == id))
            && (self.args.index.is_empty() || self.args.index.contains(index))
            && self.earliest_us.is_none_or(|earliest| earliest <= max_time_us)
            && self.latest_us.is_none_or(|latest| min_time_us < latest)
    }
}
