//! `trawl status`: whether all is well, on one screen: is it running, is it behind, what is wrong, since when, what to do; and
//! the indexes.

use super::{CANNOT_PRINT, now_us, open_reader, print_rows};
use crate::args::StatusArgs;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Format, Look, Marks, Theme, Trailer, batch_of, human, notes, visible};
use crate::run_state::{Doing, Heard, Life};
use crate::standing::{self, Problem, Standing};
use crate::terminal::Terminal;
use anyhow::Context;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;
use trawl_formats::event::IndexName;
use trawl_query::value::Value;
use trawl_store::retention::{DiskUse, Policies};
use trawl_store::{Snapshot, SourceId, SourceState};

const COLUMNS: [&str; 11] = [
    "index",
    "events",
    "live_events",
    "sources",
    "buckets",
    "raw_bytes",
    "disk_bytes",
    "live_bytes",
    "protected",
    "earliest",
    "latest",
];

/// Figures of one index.
#[derive(Default)]
struct IndexStatus {
    n_events: u64,
    n_live_events: u64,
    sources: BTreeSet<SourceId>,
    n_buckets: u64,
    raw_bytes: u64,
    disk_bytes: u64,
    live_bytes: u64,
    is_protected: bool,
    /// Earliest and latest `_time`, microseconds.
    times: Option<(i64, i64)>,
}

/// Prints how things are, a row for each index, and what is wrong.
pub fn run(args: &StatusArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let now_us = now_us()?;
    let data = &config.data.value;
    let reader = open_reader(config)?;
    let (snapshot, sources, disk) = (reader.snapshot()?, reader.sources()?, reader.disk_use()?);
    let heard = Heard::of(data)?;
    let indexes = collect(&snapshot, &sources, &disk, &config.retention);
    let standings = standing::sources(sources, &snapshot.live, heard.as_ref());
    let mut problems = standing::of_run(heard.as_ref(), config);
    problems.extend(standing::of_sources(&standings, now_us));
    problems.extend(standing::of_disk(data, &disk));

    let rows: Vec<Vec<Value>> = indexes.iter().map(|(name, status)| status.row(name, &cells)).collect();
    let screen = Screen { config, heard: heard.as_ref(), standings: &standings, disk: &disk, now_us };
    let code = if args.output == Format::Json {
        screen.print_json(&look, rows, &problems)?
    } else {
        let theme = Theme::new(terminal.color_stderr);
        let mut err = io::stderr();
        screen.print_head(&mut err, &indexes)?;
        let code = print_rows(&look, args.output, &COLUMNS, rows)?;
        for problem in &problems {
            notes::warning(&mut err, &theme, &problem.line(now_us))?;
            notes::hint(&mut err, &theme, &visible(&problem.remedy))?;
        }
        code
    };
    Ok(if problems.is_empty() { code } else { ExitCode::Error })
}

/// What is told beside the rows.
struct Screen<'a> {
    config: &'a Config,
    heard: Option<&'a Heard>,
    standings: &'a [Standing],
    disk: &'a DiskUse,
    now_us: i64,
}

impl Screen<'_> {
    fn print_head(&self, err: &mut dyn Write, indexes: &BTreeMap<IndexName, IndexStatus>) -> io::Result<()> {
        let sum = |figure: fn(&IndexStatus) -> u64| indexes.values().map(figure).sum::<u64>();
        writeln!(
            err,
            "{} ({}): {}, {} of log on {} of disk; {} of {} are free",
            self.config.data.value.display(),
            self.config.data.origin,
            human::plural(sum(|index| index.n_events + index.n_live_events), "event"),
            human::bytes(sum(|index| index.raw_bytes)),
            human::bytes(sum(|index| index.disk_bytes + index.live_bytes)),
            human::bytes(self.disk.free),
            human::bytes(self.disk.total),
        )?;
        writeln!(err, "{}", self.run_line())?;
        match self.lag_line() {
            Some(line) => writeln!(err, "{line}"),
            None => Ok(()),
        }
    }

    fn age(&self, since_us: i64) -> String {
        human::age(Duration::from_micros(self.now_us.saturating_sub(since_us).max(0) as u64))
    }

    /// Whether somebody follows.
    fn run_line(&self) -> String {
        let Some(heard) = self.heard else { return "trawl run: never ran here".to_owned() };
        let state = &heard.state;
        match heard.life {
            Life::Running | Life::Silent => {
                let followed = |doing| state.files.iter().filter(|file| file.state == doing).count() as u64;
                let n_other = state.feeds.len() as u64;
                let feeds = if n_other > 0 {
                    format!(", {} read", human::plural(n_other, "pipe or command"))
                } else {
                    String::new()
                };
                let too_old = match state.n_too_old {
                    0 => String::new(),
                    n => format!(", {} too old", human::count(n)),
                };
                let polled = match state.n_unwatched {
                    0 => String::new(),
                    n => format!("; {} looked at in intervals only, see `trawl doctor`", human::plural(n, "folder")),
                };
                format!(
                    "trawl run: process {}, for {}: {} followed{feeds}{too_old}; heard of {} ago{polled}",
                    state.pid,
                    self.age(state.started_at_us),
                    human::plural(
                        followed(Doing::Following) + followed(Doing::Draining) + followed(Doing::Loading),
                        "file"
                    ),
                    human::age(heard.ago),
                )
            }
            Life::Stopped => {
                let ago = state.stopped_at_us.map_or_else(String::new, |at_us| format!(" {} ago", self.age(at_us)));
                format!("trawl run: stopped{ago}")
            }
            Life::Gone => format!("trawl run: gone without a word; heard of {} ago", human::age(heard.ago)),
        }
    }

    /// How far behind it is.
    fn lag_line(&self) -> Option<String> {
        let behind: Vec<&Standing> =
            self.standings.iter().filter(|standing| standing.lag_bytes.is_some_and(|bytes| bytes > 0)).collect();
        if behind.is_empty() {
            let is_alive = self.heard.is_some_and(Heard::is_alive);
            return is_alive.then(|| "behind: nothing, everything that was written can be found".to_owned());
        }
        let oldest = behind.iter().filter_map(|standing| standing.behind_since_us).min();
        let oldest = oldest.map_or_else(String::new, |since_us| format!(", the oldest for {}", self.age(since_us)));
        Some(format!(
            "behind: {} not read in {}{oldest}",
            human::bytes(behind.iter().filter_map(|standing| standing.lag_bytes).sum()),
            human::plural(behind.len() as u64, "source"),
        ))
    }

    /// One object: that of all verbs that print rows, with `run`, `lag`, `disk` and `problems` beside.
    fn print_json(&self, look: &Look, rows: Vec<Vec<Value>>, problems: &[Problem]) -> anyhow::Result<ExitCode> {
        let code = ExitCode::of_rows(rows.len() as u64);
        let mut text = Vec::new();
        let mut renderer = look.renderer(Format::Json, Marks::default());
        let warnings = problems.iter().map(|problem| problem.line(self.now_us)).collect();
        renderer.rows(batch_of(&COLUMNS, rows), &mut text)?;
        renderer.finish(&Trailer { warnings, coverage: None }, &mut text)?;
        let mut object: serde_json::Value = serde_json::from_slice(&text)?;
        object["run"] = self.run_json();
        object["lag"] = self.lag_json();
        object["disk"] = json!({ "free_bytes": self.disk.free, "total_bytes": self.disk.total });
        object["problems"] = json!(problems);
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &object).map_err(io::Error::from).context(CANNOT_PRINT)?;
        writeln!(out).context(CANNOT_PRINT)?;
        Ok(code)
    }

    fn run_json(&self) -> serde_json::Value {
        let Some(heard) = self.heard else { return serde_json::Value::Null };
        let state = &heard.state;
        let mut files: BTreeMap<&'static str, u64> = BTreeMap::new();
        if heard.is_alive() {
            self.standings.iter().for_each(|standing| *files.entry(standing.state.as_str()).or_default() += 1);
        }
        json!({
            "state": match heard.life {
                Life::Running => "running",
                Life::Silent => "silent",
                Life::Stopped => "stopped",
                Life::Gone => "gone",
            },
            "pid": state.pid,
            "version": state.version,
            "started_at_us": state.started_at_us,
            "stopped_at_us": state.stopped_at_us,
            "heard_s": heard.ago.as_secs_f64(),
            "sources_by_state": files,
            "unwatched_folders": state.n_unwatched,
            "too_old_files": state.n_too_old,
        })
    }

    fn lag_json(&self) -> serde_json::Value {
        let is_behind = |standing: &&Standing| standing.lag_bytes.is_some_and(|bytes| bytes > 0);
        let oldest_us = self.standings.iter().filter_map(|standing| standing.behind_since_us).min();
        json!({
            "sources": self.standings.iter().filter(is_behind).count(),
            "bytes": self.standings.iter().filter_map(|standing| standing.lag_bytes).sum::<u64>(),
            "oldest_s": oldest_us.map(|since_us| self.now_us.saturating_sub(since_us).max(0) / 1_000_000),
        })
    }
}

fn collect(
    snapshot: &Snapshot,
    sources: &[SourceState],
    disk: &DiskUse,
    policies: &Policies,
) -> BTreeMap<IndexName, IndexStatus> {
    let mut indexes: BTreeMap<IndexName, IndexStatus> = BTreeMap::new();
    for bucket in &snapshot.buckets {
        let index = indexes.entry(bucket.index.clone()).or_default();
        index.n_events += bucket.n_events;
        index.n_buckets += 1;
        index.raw_bytes += bucket.raw_bytes;
        index.disk_bytes += bucket.disk_bytes;
        index.add_times(bucket.min_time_us, bucket.max_time_us);
    }
    for block in &snapshot.live {
        let index = indexes.entry(block.source.index.clone()).or_default();
        index.n_live_events += block.parsed.events.len() as u64;
        index.raw_bytes += block.bytes.len() as u64;
        block.parsed.events.iter().for_each(|event| index.add_times(event.time_us, event.time_us));
    }
    for source in sources {
        indexes.entry(source.index.clone()).or_default().sources.insert(source.id);
    }
    for (name, bytes) in &disk.live {
        indexes.entry(name.clone()).or_default().live_bytes = *bytes;
    }
    for (name, index) in &mut indexes {
        index.is_protected = policies.get(name).is_some_and(|policy| policy.protected);
    }
    indexes
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
            Value::count(self.live_bytes),
            if self.is_protected { "yes" } else { "no" }.into(),
            time(self.times.map(|(earliest, _)| earliest)),
            time(self.times.map(|(_, latest)| latest)),
        ]
    }
}
