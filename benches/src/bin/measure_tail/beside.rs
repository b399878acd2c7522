//! Searches where everything lies in a live log.

use super::{Follower, MB, Result, load, n_found, print};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use trawl_benches::usage::{Who, usage};
use trawl_store::Reader;

/// What searches take when all that there is lies in a live log: the cost of one beside whatever else is searched.
pub(crate) fn measure(megabytes: f64, rate: f64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    fs::create_dir(folder.path().join("logs"))?;
    let follower = Follower::start(folder.path())?;
    thread::sleep(Duration::from_secs(1));
    let stop = AtomicBool::new(false);
    let path = folder.path().join("logs/load.log");
    let n_bytes = thread::scope(|scope| {
        let loading = scope.spawn(|| load(&path, rate, &stop).unwrap_or(0));
        thread::sleep(Duration::from_secs_f64(megabytes / rate));
        stop.store(true, Ordering::Relaxed);
        loading.join().unwrap_or(0)
    });
    let begun = Instant::now();
    let live_bytes = || -> Result<u64> {
        Ok(Reader::open(&data)?.snapshot()?.live.iter().map(|block| block.bytes.len() as u64).sum())
    };
    while live_bytes()? < n_bytes && begun.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(500));
    }
    drop(follower);
    let snapshot = Reader::open(&data)?.snapshot()?;
    print(&format!(
        "{:.0} MB of raw log in {} live log(s), {:.0} MB on disk, {} blocks, {} buckets\n\n| query | rows | CPU ms | wall ms |\n| --- | ---: | ---: | ---: |\n",
        live_bytes()? as f64 / MB,
        snapshot.logs.len(),
        snapshot.logs.iter().map(|log| log.end).sum::<u64>() as f64 / MB,
        snapshot.live.len(),
        snapshot.buckets.len(),
    ))?;
    drop(snapshot);
    for query in BESIDE {
        let (mut best, mut n_rows) = (None, 0);
        for _ in 0..7 {
            let (begun, cpu) = (Instant::now(), usage(Who::Myself)?.cpu);
            n_rows = n_found(&data, query)?;
            let taken = (begun.elapsed(), usage(Who::Myself)?.cpu - cpu);
            best = Some(best.map_or(taken, |best: (Duration, Duration)| (best.0.min(taken.0), best.1.min(taken.1))));
        }
        let (wall, cpu) = best.unwrap_or_default();
        print(&format!(
            "| `{}` | {n_rows} | {:.1} | {:.1} |\n",
            query.replace('|', "\\|"),
            cpu.as_secs_f64() * 1e3,
            wall.as_secs_f64() * 1e3
        ))?;
    }
    Ok(())
}

/// What is asked beside a full live log.
const BESIDE: [&str; 9] = [
    "qwertzuiopas",
    "order=77777",
    "user=u77 took=1ms",
    "\"worker-3\" INFO qwertzuiopas",
    "INFO | stats count",
    "u77 | stats count by level",
    "* | stats count by source",
    "INFO | head 100",
    "INFO latest=2026-11-20T00:00:30",
];
