//! Measures ingest and search on a folder of logs, end to end, in processor time:
//!
//! ```text
//! cargo run --release -p trawl-benches --bin measure -- CORPUS [DATA]
//! ```
//!
//! CORPUS is a folder of plain log files, DATA where the index goes (default: a temporary folder). Prints a Markdown
//! section for `benches/RECORD.md`. With `ingest CORPUS DATA` or `query DATA QUERY [LIMIT]` it does one step, for profilers.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use trawl_benches::cases::{CASES, Case};
use trawl_benches::usage::{Who, usage};
use trawl_formats::{IndexName, Registry, Zone};
use trawl_indexer::{Input, Options, Progress};
use trawl_query::{Engine, Flow, Search, SearchOptions};
use trawl_store::{Reader, Writer};

/// Runs of each query; the median counts.
const RUNS: usize = 7;
const MB: f64 = 1e6;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["ingest", corpus, data, jobs] => ingest(Path::new(corpus), Path::new(data), jobs.parse()?),
        ["query", data, query] => print_query(Path::new(data), query, None),
        ["query", data, query, limit] => print_query(Path::new(data), query, Some(limit.parse()?)),
        [corpus] => {
            let dir = tempfile::tempdir()?;
            record(Path::new(corpus), dir.path())
        }
        [corpus, data] => record(Path::new(corpus), Path::new(data)),
        _ => Err("usage: measure CORPUS [DATA]".into()),
    }
}

/// What one run cost.
#[derive(Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
}

fn timed<T>(who: Who, work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    let (cpu, wall) = (usage(who)?.cpu, Instant::now());
    let value = work()?;
    Ok((value, Cost { wall: wall.elapsed(), cpu: usage(who)?.cpu - cpu }))
}

fn median<T: Copy>(mut items: Vec<T>, key: impl Fn(&T) -> Duration) -> T {
    items.sort_by_key(|item| key(item));
    items[items.len() / 2]
}

fn now_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_micros() as i64
}

fn ingest(corpus: &Path, data: &Path, jobs: usize) -> Result<()> {
    let writer = Writer::open(data)?;
    let mut options = Options::new(IndexName::new("main")?, Zone::UTC, now_us());
    options.jobs = NonZeroUsize::new(jobs);
    options.exclude = vec!["truth.json".to_owned()];
    let inputs = [Input::Path(corpus.to_owned())];
    let report = trawl_indexer::index(&writer, &Registry::builtin(), &inputs, &options, &Progress::default())?;
    let totals = report.totals;
    let used = usage(Who::Myself)?;
    let line = format!(
        "{} {} {} {}\n",
        totals.events + totals.provisional_events,
        totals.bytes,
        used.cpu.as_micros(),
        used.peak_bytes
    );
    std::io::stdout().write_all(line.as_bytes())?;
    Ok(())
}

/// What a child process that ingested has to say.
struct Ingested {
    events: u64,
    bytes: f64,
    cpu_s: f64,
    wall_s: f64,
    peak_bytes: f64,
}

fn ingest_in_child(corpus: &Path, data: &Path, jobs: usize) -> Result<Ingested> {
    let start = Instant::now();
    let output = Command::new(std::env::current_exe()?)
        .args([Path::new("ingest"), corpus, data, Path::new(&jobs.to_string())])
        .stderr(Stdio::inherit())
        .output()?;
    let wall_s = start.elapsed().as_secs_f64();
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    let [events, bytes, cpu_us, peak_bytes] = figures[..] else { return Err("the child process failed".into()) };
    Ok(Ingested { events: events as u64, bytes, cpu_s: cpu_us / 1e6, wall_s, peak_bytes })
}

fn run_query(engine: &Engine, query: &str, limit: Option<usize>) -> Result<(u64, String)> {
    let mut options = SearchOptions::new(now_us());
    options.limit = limit;
    let search = Search::prepare(query, &options)?;
    let (mut n_rows, mut first) = (0, String::new());
    search.run(engine, &mut |batch| {
        if n_rows == 0 {
            first = batch.iter().map(|(name, column)| format!("{name}={}", column[0])).collect::<Vec<_>>().join(" ");
        }
        n_rows += batch.len() as u64;
        Ok(Flow::More)
    })?;
    first.truncate(first.char_indices().nth(60).map_or(first.len(), |(at, _)| at));
    Ok((n_rows, first))
}

fn print_query(data: &Path, query: &str, limit: Option<usize>) -> Result<()> {
    let engine = Engine::new(Reader::open(data)?, Registry::builtin());
    let mut out = std::io::stdout();
    for _ in 0..RUNS {
        let ((n_rows, first), cost) = timed(Who::Myself, || run_query(&engine, query, limit))?;
        writeln!(out, "{:9.3} ms cpu {:9.3} ms wall  {n_rows} rows  {first}", ms(cost.cpu), ms(cost.wall))?;
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn record(corpus: &Path, data: &Path) -> Result<()> {
    let mut text = String::new();
    let n_cores = std::thread::available_parallelism()?.get();
    let files = fs::read_dir(corpus)?.count();
    writeln!(
        text,
        "Corpus: {files} entries in the folder, {n_cores} cores, {}.\n",
        concat!("trawl ", env!("CARGO_PKG_VERSION"))
    )?;

    writeln!(text, "| ingest | events | raw MB | CPU-s | MB per CPU-s | wall s | MB/s | peak MB |")?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for jobs in [1, 2] {
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        let run = ingest_in_child(corpus, data, jobs)?;
        writeln!(
            text,
            "| {jobs} builder(s) | {} | {:.1} | {:.2} | {:.0} | {:.2} | {:.0} | {:.0} |",
            run.events,
            run.bytes / MB,
            run.cpu_s,
            run.bytes / MB / run.cpu_s,
            run.wall_s,
            run.bytes / MB / run.wall_s,
            run.peak_bytes / MB
        )?;
        if jobs == 2 {
            writeln!(text, "\n{}", disk_table(data, run.bytes)?)?;
        }
    }

    let engine = Engine::new(Reader::open(data)?, Registry::builtin());
    writeln!(text, "| query class | query | rows | CPU ms | wall ms | goal CPU ms | rg CPU ms |")?;
    writeln!(text, "| --- | --- | ---: | ---: | ---: | ---: | ---: |")?;
    for case in CASES {
        let mut costs = Vec::new();
        let mut n_rows = 0;
        for _ in 0..RUNS {
            let ((rows, _), cost) = timed(Who::Myself, || run_query(&engine, case.query, case.limit))?;
            n_rows = rows;
            costs.push(cost);
        }
        let cost = median(costs, |cost| cost.cpu);
        let rg = ripgrep(case, corpus)?.map_or_else(|| "—".to_owned(), |cpu| format!("{:.0}", ms(cpu)));
        let goal = case.goal_ms.map_or_else(|| "—".to_owned(), |goal| goal.to_string());
        writeln!(
            text,
            "| {} | `{}` | {n_rows} | {:.2} | {:.2} | {goal} | {rg} |",
            case.class,
            case.query.replace('|', "\\|"),
            ms(cost.cpu),
            ms(cost.wall),
        )?;
    }
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// Bytes on disk by part.
fn disk_table(data: &Path, raw_bytes: f64) -> Result<String> {
    let mut parts: Vec<(&str, u64)> = Vec::new();
    for file in files_below(data)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = match name.rsplit_once('.').map_or(name.as_str(), |(_, extension)| extension) {
            "journal" => "journal",
            "columns" => "columns",
            "idx" => "postings",
            "term" => "terms",
            "blocks" => "block directory",
            "sums" => "checksums",
            _ => "other",
        };
        let len = file.metadata()?.len();
        match parts.iter_mut().find(|(known, _)| *known == part) {
            Some((_, bytes)) => *bytes += len,
            None => parts.push((part, len)),
        }
    }
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let total: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    let mut text = "| on disk | MB | % of raw |\n| --- | ---: | ---: |\n".to_owned();
    for (part, bytes) in parts.into_iter().chain([("all", total)]) {
        writeln!(text, "| {part} | {:.1} | {:.2} |", bytes as f64 / MB, bytes as f64 / raw_bytes * 100.0)?;
    }
    Ok(text)
}

fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

/// Processor time of ripgrep for the same question on the raw files; `None` if it is not installed or cannot answer.
fn ripgrep(case: &Case, corpus: &Path) -> Result<Option<Duration>> {
    let Some(args) = case.rg else { return Ok(None) };
    let mut costs = Vec::new();
    for _ in 0..3 {
        let run = || match Command::new("rg").args(args).arg("-a").arg(corpus).stdout(Stdio::null()).status() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        };
        let (installed, cost) = timed(Who::Children, run)?;
        if !installed {
            return Ok(None);
        }
        costs.push(cost.cpu);
    }
    Ok(Some(median(costs, |cost| *cost)))
}
