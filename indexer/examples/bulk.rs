//! Measures the bulk path: `bulk DATA JOBS PATH...` indexes into an empty data folder and prints rate, processor time and
//! peak memory.

#![expect(clippy::print_stdout, reason = "a tool for people at a terminal")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_formats::timestamp::Zone;
use trawl_indexer::{Input, Options, Progress, index};
use trawl_store::{Reader, Writer};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [data, jobs, paths @ ..] = &words[..] else { return Err("usage: bulk DATA JOBS PATH...".into()) };
    let inputs: Vec<Input> = paths.iter().map(|path| Input::Path(PathBuf::from(path))).collect();
    let now_us = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    let mut options = Options::new(IndexName::new("main")?, Zone::UTC, now_us);
    options.jobs = Some(jobs.parse::<NonZeroUsize>()?);

    let writer = Writer::open(Path::new(data))?;
    let registry = Registry::builtin();
    let started = Instant::now();
    let report = index(&writer, &registry, &inputs, &options, &Progress::default())?;
    let wall = started.elapsed().as_secs_f64();
    let (processor, peak_mib) = usage();

    let mb = report.totals.bytes as f64 / 1e6;
    let disk_mb: f64 =
        Reader::open(Path::new(data))?.snapshot()?.buckets.iter().map(|row| row.disk_bytes as f64 / 1e6).sum();
    for file in report.files.iter().filter(|file| !file.errors.is_empty()) {
        println!("{}: {:?}", file.path.display(), file.errors);
    }
    println!(
        "{} files, {} events (+ {} provisional), {mb:.1} MB, {} buckets, {disk_mb:.1} MB on disk = {:.1} %",
        report.files.len(),
        report.totals.events,
        report.totals.provisional_events,
        report.totals.buckets,
        100.0 * disk_mb / mb,
    );
    println!(
        "{wall:.2} s wall = {:.1} MB/s; {processor:.2} s processor = {:.1} MB/s; peak {peak_mib} MiB",
        mb / wall,
        mb / processor,
    );
    Ok(())
}

/// Processor seconds and peak resident MiB of this process.
fn usage() -> (f64, i64) {
    // SAFETY: `rusage` is plain numbers, for which zero is a value, and the call only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss / 1024)
}
