//! Measures following: how soon an event is found by another process, and what rate is kept up with.
//!
//! ```text
//! cargo run --release -p trawl-benches --bin measure_tail -- fresh RATE_MB_S [PROBES]
//! cargo run --release -p trawl-benches --bin measure_tail -- rate RATE_MB_S SECONDS
//! cargo run --release -p trawl-benches --bin measure_tail -- idle N_FILES SECONDS
//! cargo run --release -p trawl-benches --bin measure_tail -- beside MEGABYTES [RATE_MB_S]
//! cargo run --release -p trawl-benches --bin measure_tail -- alerts SECONDS RATE_MB_S N_ALERTS...
//! cargo run --release -p trawl-benches --bin measure_tail -- soak SECONDS RATE_MB_S [MAX_SIZE]
//! ```
//!
//! The process that follows is a child of this one, for `alerts` and `soak` the program `trawl` beside this one (or `$TRAWL_PROGRAM`); events
//! are looked for in this one, with a search over the store as any other process would run it. Prints Markdown for
//! `benches/RECORD.md`.

mod alerts;
mod beside;
mod soak;

use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use trawl_formats::{IndexName, Registry, Zone};
use trawl_indexer::tail::{Control, Route, TailOptions, run};
use trawl_indexer::{Input, Options};
use trawl_query::{Engine, Flow, Search, SearchOptions};
use trawl_store::{Reader, Writer};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Bytes of a line of load.
const LINE_LEN: usize = 180;
const MB: f64 = 1e6;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["child", folder] => follow(Path::new(folder)),
        ["fresh", rate] => fresh(rate.parse()?, 200),
        ["fresh", rate, probes] => fresh(rate.parse()?, probes.parse()?),
        ["rate", rate, seconds] => keep_up(rate.parse()?, seconds.parse()?),
        ["idle", n_files, seconds] => idle(n_files.parse()?, seconds.parse()?),
        ["beside", megabytes] => beside::measure(megabytes.parse()?, 20.0),
        ["beside", megabytes, rate] => beside::measure(megabytes.parse()?, rate.parse()?),
        ["alerts", seconds, rate, ref numbers @ ..] if !numbers.is_empty() => {
            let numbers = numbers.iter().map(|number| number.parse()).collect::<Result<Vec<usize>, _>>()?;
            alerts::measure(seconds.parse()?, rate.parse()?, &numbers)
        }
        ["soak", seconds, rate] => soak::measure(seconds.parse()?, rate.parse()?, "3GB"),
        ["soak", seconds, rate, max_size] => soak::measure(seconds.parse()?, rate.parse()?, max_size),
        _ => Err("usage: measure_tail fresh RATE [PROBES] | rate RATE SECONDS | idle FILES SECONDS | beside MEGABYTES [RATE] | alerts SECONDS RATE N_ALERTS... | soak SECONDS RATE [MAX_SIZE]".into()),
    }
}

/// The process that follows `FOLDER/logs` into `FOLDER/data` until it is killed.
fn follow(folder: &Path) -> Result<()> {
    let writer = Writer::open(&folder.join("data"))?;
    let options = Options::new(IndexName::new("main")?, Zone::UTC, 0);
    let routes = vec![Route { inputs: vec![Input::Path(folder.join("logs"))], options, ignore_older: None }];
    run(&writer, &Registry::builtin(), routes, TailOptions::default(), &Control::default(), |_| ())?;
    Ok(())
}

/// The child, killed when dropped.
struct Follower(Child);

impl Follower {
    fn start(folder: &Path) -> Result<Self> {
        Self::of_program(&std::env::current_exe()?, &["child".as_ref(), folder.as_os_str()])
    }

    fn of_program(program: &Path, args: &[&OsStr]) -> Result<Self> {
        Ok(Self(Command::new(program).args(args).stdout(Stdio::null()).spawn()?))
    }

    /// User and system time, and resident memory in bytes.
    fn usage(&self) -> Result<(Duration, u64)> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        // Fields 14, 15 and 24 of proc(5), counted from behind the name; ticks of 10 ms, pages of 4 KiB.
        Ok((Duration::from_millis((number(11) + number(12)) * 10), number(21) * 4096))
    }

    /// Resident memory that no file stands behind, bytes.
    fn anonymous_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("the kernel does not tell RssAnon")?.parse::<u64>()? * 1024)
    }

    fn n_descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.0.id()))?.count())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes lines at `rate` MB/s until told to stop; how many bytes that was.
fn load(path: &Path, rate: f64, stop: &AtomicBool) -> Result<u64> {
    let mut file = File::options().append(true).create(true).open(path)?;
    let (begun, mut n_bytes, mut n_lines) = (Instant::now(), 0_u64, 0_u64);
    while !stop.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * rate * MB) as u64;
        let mut lines = String::new();
        while n_bytes + (lines.len() as u64) < due {
            push_line(n_lines, &mut lines);
            n_lines += 1;
        }
        file.write_all(lines.as_bytes())?;
        n_bytes += lines.len() as u64;
        thread::sleep(Duration::from_millis(10));
    }
    Ok(n_bytes)
}

/// Line `n` of the load, [`LINE_LEN`] bytes.
fn push_line(n: u64, lines: &mut String) {
    let begin = lines.len();
    let second = n / 1000;
    let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
    // Writing to a string cannot fail.
    let _ = write!(
        lines,
        "2026-11-20 {hour:02}:{minute:02}:{second:02},{:03} INFO [worker-{}] c.e.Orders: order={n} user=u{} took={}ms ",
        n % 1000,
        n % 17,
        n * 7919 % 5003,
        n % 977,
    );
    while lines.len() - begin < LINE_LEN - 1 {
        lines.push('x');
    }
    lines.push('\n');
}

fn fresh(rate: f64, n_probes: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("logs"))?;
    let follower = Follower::start(folder.path())?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        let loading =
            (rate > 0.0).then(|| scope.spawn(|| load(&folder.path().join("logs/load.log"), rate, &stop).is_ok()));
        let probed = probe(folder.path(), n_probes);
        stop.store(true, Ordering::Relaxed);
        loading.map(thread::ScopedJoinHandle::join);
        let mut waits = probed?;
        waits.sort_unstable();
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_millis();
        let (_, rss) = follower.usage()?;
        print(&format!(
            "| found by another process, {rate} MB/s beside it | p50 {} ms | p99 {} ms | most {} ms | {} probes, {:.0} MB |\n",
            at(0.5),
            at(0.99),
            at(1.0),
            waits.len(),
            rss as f64 / MB
        ))
    })
}

/// Writes lines now and then, and how long it takes until a search finds each.
fn probe(folder: &Path, n_probes: u32) -> Result<Vec<Duration>> {
    let mut file = File::options().append(true).create(true).open(folder.join("logs/probe.log"))?;
    thread::sleep(Duration::from_secs(1));
    let mut waits = Vec::new();
    for n in 0..n_probes {
        thread::sleep(Duration::from_millis(37 + u64::from(n * 7919 % 400)));
        writeln!(file, "2026-11-20 10:00:00 INFO probe needle{n}x")?;
        let begun = Instant::now();
        while n_found(&folder.join("data"), &format!("source=*probe.log needle{n}x"))? == 0 {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(format!("probe {n} was not found").into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        waits.push(begun.elapsed());
    }
    Ok(waits)
}

/// Rows that a search finds, as a new process asks it.
fn n_found(data: &Path, query: &str) -> Result<usize> {
    let Ok(reader) = Reader::open(data) else { return Ok(0) };
    let engine = Engine::new(reader, Registry::builtin());
    let mut n_rows = 0;
    let options = SearchOptions { diagnose: true, ..SearchOptions::new(0) };
    Search::prepare(query, &options)?.run(&engine, &mut |batch| {
        n_rows += batch.len();
        Ok(Flow::More)
    })?;
    Ok(n_rows)
}

/// Writes at a rate; what is not durable at the end, and what it took.
fn keep_up(rate: f64, seconds: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("logs"))?;
    let follower = Follower::start(folder.path())?;
    thread::sleep(Duration::from_secs(1));
    let stop = AtomicBool::new(false);
    let path = folder.path().join("logs/load.log");
    let n_bytes = thread::scope(|scope| {
        let loading = scope.spawn(|| load(&path, rate, &stop).unwrap_or(0));
        thread::sleep(Duration::from_secs(seconds));
        stop.store(true, Ordering::Relaxed);
        loading.join().unwrap_or(0)
    });
    let begun = Instant::now();
    let durable = || -> Result<u64> {
        let sources = Reader::open(&folder.path().join("data"))?.sources()?;
        Ok(sources.iter().flat_map(|source| &source.generations).map(|generation| generation.committed.len()).sum())
    };
    let at_end = durable()?;
    // The last line stays open for a while.
    while durable()? + 2 * (LINE_LEN as u64) < n_bytes && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(20));
    }
    let caught_up = begun.elapsed();
    let (cpu, rss) = follower.usage()?;
    print(&format!(
        "| {rate} MB/s for {seconds} s | {:.0} MB written | {:.1} MB not durable at the end, {:.1} s later all | {:.1} CPU-s, {:.0} MB per CPU-s, {:.0} MB of memory |\n",
        n_bytes as f64 / MB,
        n_bytes.saturating_sub(at_end) as f64 / MB,
        caught_up.as_secs_f64(),
        cpu.as_secs_f64(),
        n_bytes as f64 / MB / cpu.as_secs_f64(),
        rss as f64 / MB
    ))
}

/// Follows many files that nobody writes.
fn idle(n_files: u32, seconds: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for n in 0..n_files {
        let dir = folder.path().join(format!("logs/{}", n % 20));
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(format!("app-{n}.log")), format!("2026-11-20 10:00:00 INFO file {n} begins\n"))?;
    }
    let follower = Follower::start(folder.path())?;
    // Long enough for the tailer to take them for quiet.
    thread::sleep(Duration::from_secs(75));
    let (before, _) = follower.usage()?;
    thread::sleep(Duration::from_secs(seconds));
    let (after, rss) = follower.usage()?;
    let share = (after - before).as_secs_f64() / seconds as f64;
    print(&format!(
        "| {n_files} idle files for {seconds} s | {:.2} % of a core | {:.0} MB of memory | {} descriptors |\n",
        share * 100.0,
        rss as f64 / MB,
        follower.n_descriptors()?
    ))
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
