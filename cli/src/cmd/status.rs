//! `trawl status`: what the data folder holds, index by index.

use super::{open_reader, print_rows};
use crate::args::StatusArgs;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look, human};
use crate::terminal::Terminal;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use trawl_formats::event::IndexName;
use trawl_query::value::Value;
use trawl_store::{Reader, SourceId};

const COLUMNS: [&str; 9] =
    ["index", "events", "live_events", "sources", "buckets", "raw_bytes", "disk_bytes", "earliest", "latest"];

/// Figures of one index.
#[derive(Default)]
struct IndexStatus {
    n_events: u64,
    n_live_events: u64,
    sources: BTreeSet<SourceId>,
    n_buckets: u64,
    raw_bytes: u64,
    disk_bytes: u64,
    /// Earliest and latest `_time`, microseconds.
    times: Option<(i64, i64)>,
}

/// Prints a row for each index, and a summary on the standard error.
pub fn run(args: &StatusArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let indexes = collect(&open_reader(config)?)?;
    let sum = |figure: fn(&IndexStatus) -> u64| indexes.values().map(figure).sum::<u64>();
    let (raw_bytes, disk_bytes) = (sum(|index| index.raw_bytes), sum(|index| index.disk_bytes));
    writeln!(
        io::stderr(),
        "{} ({}): {}, {} of log on {} of disk",
        config.data.value.display(),
        config.data.origin,
        human::plural(sum(|index| index.n_events + index.n_live_events), "event"),
        human::bytes(raw_bytes),
        human::bytes(disk_bytes),
    )?;
    let rows = indexes.iter().map(|(name, status)| status.row(name, &cells)).collect();
    print_rows(&look, args.output, &COLUMNS, rows)
}

fn collect(reader: &Reader) -> anyhow::Result<BTreeMap<IndexName, IndexStatus>> {
    let snapshot = reader.snapshot()?;
    let mut indexes: BTreeMap<IndexName, IndexStatus> = BTreeMap::new();
    for bucket in snapshot.buckets {
        let index = indexes.entry(bucket.index).or_default();
        index.n_events += bucket.n_events;
        index.n_buckets += 1;
        index.raw_bytes += bucket.raw_bytes;
        index.disk_bytes += bucket.disk_bytes;
        index.add_times(bucket.min_time_us, bucket.max_time_us);
    }
    for block in snapshot.live {
        let index = indexes.entry(block.source.index.clone()).or_default();
        index.n_live_events += block.parsed.events.len() as u64;
        index.raw_bytes += block.bytes.len() as u64;
        block.parsed.events.iter().for_each(|event| index.add_times(event.time_us, event.time_us));
    }
    for source in reader.sources()? {
        indexes.entry(source.index).or_default().sources.insert(source.id);
    }
    Ok(indexes)
}

impl IndexStatus {
    fn add_times(&mut self, min_us: i64, max_us: i64) {
        let (earliest, latest) = self.times.unwrap_or((min_us, max_us));
        self.times = Some((earliest.min(min_us), latest.max(max_us)));
    }

    fn row(&self, name: &IndexName, cells: &CellPrinter) -> Vec<Value> {
        let time = |time_us: Option<i64>| time_us.map_or(Value::Null, |time_us| cells.time(time_us).into());
        vec![
            name.as_str().into(),
            Value::count(self.n_events),
            Value::count(self.n_live_events),
            Value::count(self.sources.len() as u64),
            Value::count(self.n_buckets),
            Value::count(self.raw_bytes),
            Value::count(self.disk_bytes),
            time(self.times.map(|(earliest, _)| earliest)),
            time(self.times.map(|(_, latest)| latest)),
        ]
    }
}
