//! `trawl jobs`: the runs of AutoSys jobs, as far as its log and `autorep` tell.

use super::{now_us, open_reader, print_rows};
use crate::args::JobsArgs;
use crate::cmd::ask::moment_us;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look, visible};
use crate::terminal::Terminal;
use std::io::{self, Write};
use std::time::Duration;
use trawl_alert::check::job::{AUTOSYS_SEARCH, DEFAULT_HISTORY_US, JobHistory, JobRun, RunState, hms, read, usual_us};
use trawl_alert::check::{Bench, Check};
use trawl_alert::evaluate::Evaluator;
use trawl_query::value::Value;
use trawl_query::{Engine, Search, SearchOptions};

/// How far back if nothing is said: a day, in microseconds.
const DEFAULT_LAST_US: i64 = 86_400_000_000;
const COLUMNS: [&str; 9] = ["job", "status", "start", "end", "runtime", "usual", "machine", "exit_code", "run"];

/// A row for each run, in the order of their starts.
pub fn run(args: &JobsArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let now_us = now_us()?;
    let until_us = match &args.latest {
        None => now_us,
        Some(text) => moment_us("--latest", text, now_us, config.zone.value)?,
    };
    let last = args.last.and_then(|last| last.0).map(|last| i64::try_from(last.as_micros())).transpose()?;
    let from_us = until_us.saturating_sub(last.unwrap_or(DEFAULT_LAST_US));
    let look = Look { terminal, zone: config.zone.value };
    let options = config.search_options();
    let autosys = args.search.clone().unwrap_or_else(|| AUTOSYS_SEARCH.to_owned());
    if let Err(error) = Search::prepare(&autosys, &options) {
        writeln!(io::stderr(), "{}", error.render(&autosys, terminal.color_stderr))?;
        return Ok(ExitCode::Error);
    }
    let engine = Engine::new(open_reader(config)?, config.load_registry()?);
    let evaluator = Evaluator::new(&engine, SearchOptions { now_us: until_us, ..options });
    let bench = Bench { evaluator: &evaluator, book: None, seen_us: None, clock: &|| Duration::ZERO };
    let check = Check {
        name: "jobs".to_owned(),
        description: None,
        owner: None,
        tags: Vec::new(),
        runbook: None,
        schedule: None,
        active: None,
        zone: config.zone.value,
        autosys,
        actions: Vec::new(),
        expectations: Vec::new(),
    };
    let name = args.name.as_deref().unwrap_or("*");
    let news = read(&check, &bench, &[name], (from_us.saturating_sub(DEFAULT_HISTORY_US), until_us))?;
    let cells = CellPrinter::new(look.zone);
    let mut rows: Vec<(i64, Vec<Value>)> = Vec::new();
    for (job, history) in &news.jobs {
        let of_time: Vec<&JobRun> = history.runs.iter().filter(|run| is_within(run, from_us, until_us)).collect();
        if of_time.is_empty() && args.all {
            rows.push((i64::MAX, idle_row(job, history, until_us)));
        }
        rows.extend(of_time.into_iter().map(|run| (run.at_us(), row(job, run, history, until_us, &cells))));
    }
    rows.sort_by_key(|(at_us, _)| *at_us);
    if news.jobs.is_empty() {
        let newest = news.newest_us.map(|us| format!("; AutoSys last said something at {}", cells.time(us)));
        writeln!(io::stderr(), "trawl: no job like {} is known{}", visible(name), newest.unwrap_or_default())?;
        writeln!(io::stderr(), "{}", news.basis.searched)?;
    }
    print_rows(&look, args.output, &COLUMNS, rows.into_iter().map(|(_, row)| row).collect())
}

/// Whether a run was going on at some time of a range.
fn is_within(run: &JobRun, from_us: i64, until_us: i64) -> bool {
    let end_us = match run.state {
        RunState::Running => i64::MAX,
        _ => run.end_us.unwrap_or(run.at_us()),
    };
    run.at_us() < until_us && end_us >= from_us
}

fn row(job: &str, run: &JobRun, history: &JobHistory, now_us: i64, cells: &CellPrinter) -> Vec<Value> {
    let time = |us: Option<i64>| us.map_or(Value::Null, |us| cells.time(us).into());
    let span = |us: Option<i64>| us.map_or(Value::Null, |us| hms(us).into());
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Into::into);
    vec![
        job.into(),
        run.state.as_str().into(),
        time(run.start_us),
        time(run.end_us),
        span(run.runtime_us(now_us)),
        span(usual_us(&history.runs, run.at_us()).map(|(us, _)| us)),
        text(&run.machine),
        run.exit_code.map_or(Value::Null, |code| Value::number(code as f64)),
        text(&run.run),
    ]
}

/// A job that did not run.
fn idle_row(job: &str, history: &JobHistory, now_us: i64) -> Vec<Value> {
    let status = history.idle.as_ref().map_or("not started".to_owned(), |(idle, _)| format!("not started ({idle})"));
    let usual = usual_us(&history.runs, now_us).map_or(Value::Null, |(us, _)| hms(us).into());
    let mut row = vec![Value::Null; COLUMNS.len()];
    (row[0], row[1], row[5]) = (job.into(), status.into(), usual);
    row
}
