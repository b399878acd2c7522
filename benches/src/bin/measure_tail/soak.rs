//! `trawl run` under load for a long time: whether memory, descriptors, lag and what lies on disk stay flat.

use super::{Follower, MB, Result, print, push_line};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use trawl_formats::IndexName;
use trawl_store::{Reader, index_dir};

/// How often is looked.
const INTERVAL: Duration = Duration::from_secs(5);
/// A file is renamed when it has so many bytes, and deleted when so many younger ones are there.
const FILE_BYTES: u64 = 64 << 20;
const N_KEPT: u64 = 4;
/// Files that are written side by side.
const N_FILES: usize = 2;
/// Longest wait for the rest at the end.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is seen at one moment.
struct Sample {
    /// Since the begin.
    at: Duration,
    values: [f64; METRICS.len()],
}

/// What a sample holds, with its unit.
const METRICS: [&str; 8] = [
    "memory, MB",
    "memory without mapped files, MB",
    "descriptors",
    "lag, MB",
    "live logs, MB on disk",
    "replaced live logs, MB on disk",
    "data folder, MB on disk",
    "CPU, % of a core",
];

/// Follows rotating files, written at `rate` MB/s in all, for some seconds. `max_size` is what the index may take.
pub(crate) fn measure(seconds: u64, rate: f64, max_size: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (logs, data) = (folder.path().join("logs"), folder.path().join("data"));
    fs::create_dir(&logs)?;
    let configuration = folder.path().join("trawl.toml");
    fs::write(
        &configuration,
        format!(
            "data = {data:?}\n[[input]]\npaths = [\"{}/*.log\"]\n[index.main]\nmax_size = {max_size:?}\n",
            logs.display()
        ),
    )?;
    let follower =
        Follower::of_program(&program()?, &["--config".as_ref(), configuration.as_os_str(), "run".as_ref()])?;
    thread::sleep(Duration::from_secs(1));
    let (stop, n_written) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut samples = Vec::new();
    print(&format!("seconds,{}\n", METRICS.join(",").replace(", ", " ")))?;
    thread::scope(|scope| -> Result<()> {
        for file in 0..N_FILES {
            let (logs, stop, n_written) = (&logs, &stop, &n_written);
            scope.spawn(move || {
                // Nothing more is written; the figures show it.
                let _ = write(&logs.join(format!("app-{file}.log")), rate / N_FILES as f64, stop, n_written);
            });
        }
        let sampled = sample(&follower, &data, Duration::from_secs(seconds), &n_written, &mut samples);
        stop.store(true, Ordering::Relaxed);
        sampled
    })?;
    let n_written = n_written.load(Ordering::Relaxed);
    let ended = Instant::now();
    // The last lines may stay open.
    while n_read(&data)? < n_written && ended.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(100));
    }
    report(seconds, rate, &samples, n_written, n_read(&data)?, ended.elapsed())
}

/// The program to be watched.
pub(crate) fn program() -> Result<PathBuf> {
    let program = match std::env::var_os("TRAWL_PROGRAM") {
        Some(program) => program.into(),
        None => std::env::current_exe()?.with_file_name("trawl"),
    };
    match program.is_file() {
        true => Ok(program),
        false => Err(format!("{} is not there: build trawl-cli, or set TRAWL_PROGRAM", program.display()).into()),
    }
}

/// Writes lines at `rate` MB/s until told to stop, and rotates.
fn write(path: &Path, rate: f64, stop: &AtomicBool, n_written: &AtomicU64) -> Result<()> {
    let open = || File::options().append(true).create(true).open(path);
    let rotated = |number: u64| PathBuf::from(format!("{}.{number}", path.display()));
    let mut file = open()?;
    let (begun, mut n_bytes, mut n_lines, mut len, mut n_files) = (Instant::now(), 0, 0, 0, 0);
    while !stop.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * rate * MB) as u64;
        let mut lines = String::new();
        while n_bytes + (lines.len() as u64) < due {
            push_line(n_lines, &mut lines);
            n_lines += 1;
        }
        file.write_all(lines.as_bytes())?;
        n_bytes += lines.len() as u64;
        len += lines.len() as u64;
        n_written.fetch_add(lines.len() as u64, Ordering::Relaxed);
        if len >= FILE_BYTES {
            n_files += 1;
            fs::rename(path, rotated(n_files))?;
            if n_files > N_KEPT {
                fs::remove_file(rotated(n_files - N_KEPT))?;
            }
            (file, len) = (open()?, 0);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn sample(
    follower: &Follower,
    data: &Path,
    duration: Duration,
    n_written: &AtomicU64,
    samples: &mut Vec<Sample>,
) -> Result<()> {
    let begun = Instant::now();
    let (mut cpu_before, _) = follower.usage()?;
    let mut looked_at = Instant::now();
    while begun.elapsed() < duration {
        thread::sleep(INTERVAL);
        let (cpu, memory) = follower.usage()?;
        let share = (cpu - cpu_before).as_secs_f64() / looked_at.elapsed().as_secs_f64();
        (cpu_before, looked_at) = (cpu, Instant::now());
        let written = n_written.load(Ordering::Relaxed);
        let lag = written.saturating_sub(n_read(data)?);
        let (live, replaced) = live_logs(data)?;
        let values = [
            memory as f64 / MB,
            follower.anonymous_memory()? as f64 / MB,
            follower.n_descriptors()? as f64,
            lag as f64 / MB,
            live as f64 / MB,
            replaced as f64 / MB,
            disk_usage(data) as f64 / MB,
            share * 100.0,
        ];
        let sample = Sample { at: begun.elapsed(), values };
        let cells: Vec<String> = sample.values.iter().map(|value| format!("{value:.1}")).collect();
        print(&format!("{:.0},{}\n", sample.at.as_secs_f64(), cells.join(",")))?;
        samples.push(sample);
    }
    Ok(())
}

/// Bytes whose events are durable.
fn n_read(data: &Path) -> Result<u64> {
    let sources = Reader::open(data)?.sources()?;
    Ok(sources.iter().flat_map(|source| &source.generations).map(|generation| generation.committed.len()).sum())
}

/// Bytes on disk of live logs in force, and of those that were replaced.
fn live_logs(data: &Path) -> Result<(u64, u64)> {
    let dir = index_dir(data, &IndexName::new("main")?).join("live");
    let named: BTreeSet<String> =
        Reader::open(data)?.live_logs()?.into_iter().map(|row| format!("{}.log", row.id)).collect();
    let (mut live, mut replaced) = (0, 0);
    for entry in fs::read_dir(dir)?.flatten() {
        // One that is gone meanwhile takes nothing.
        let bytes = entry.metadata().map_or(0, |metadata| metadata.blocks() * 512);
        let is_named = entry.file_name().to_str().is_some_and(|name| named.contains(name));
        *(if is_named { &mut live } else { &mut replaced }) += bytes;
    }
    Ok((live, replaced))
}

/// Bytes on disk under a folder; what goes meanwhile counts nothing.
fn disk_usage(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, metadata)| if metadata.is_dir() { disk_usage(&path) } else { metadata.blocks() * 512 })
        .sum()
}

fn report(seconds: u64, rate: f64, samples: &[Sample], n_written: u64, n_read: u64, waited: Duration) -> Result<()> {
    print(&format!(
        "\n{rate} MB/s into {N_FILES} rotating files for {seconds} s: {:.0} MB written; {:.1} s after the end {} bytes were not durable.\n\n\
         | | first quarter | last quarter | most | slope |\n| --- | ---: | ---: | ---: | ---: |\n",
        n_written as f64 / MB,
        waited.as_secs_f64(),
        n_written.saturating_sub(n_read),
    ))?;
    let quarter = samples.len().div_ceil(4);
    for (at, name) in METRICS.iter().enumerate() {
        let values: Vec<f64> = samples.iter().map(|sample| sample.values[at]).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let most = values.iter().copied().fold(0.0, f64::max);
        print(&format!(
            "| {name} | {:.1} | {:.1} | {most:.1} | {:+.1} per hour |\n",
            mean(&values[..quarter]),
            mean(&values[values.len() - quarter..]),
            slope(samples, at) * 3600.0,
        ))?;
    }
    Ok(())
}

/// Change of a value per second, by least squares.
fn slope(samples: &[Sample], value: usize) -> f64 {
    let n = samples.len().max(1) as f64;
    let point = |sample: &Sample| (sample.at.as_secs_f64(), sample.values[value]);
    let (mean_x, mean_y) = samples.iter().map(point).fold((0.0, 0.0), |sum, at| (sum.0 + at.0 / n, sum.1 + at.1 / n));
    let (covariance, variance) = samples.iter().map(point).fold((0.0, 0.0), |(covariance, variance), (x, y)| {
        (covariance + (x - mean_x) * (y - mean_y), variance + (x - mean_x) * (x - mean_x))
    });
    if variance == 0.0 { 0.0 } else { covariance / variance }
}
