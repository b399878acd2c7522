//! `trawl run` with many alerts over a stream: what they cost, and how soon after its moment an alert is told.

use super::soak::program;
use super::{Follower, MB, Result, print};
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Of how many alerts something happens, and how often one of them gets an event.
const N_TOLD: usize = 5;
const EVENT_INTERVAL: Duration = Duration::from_millis(3700);
/// Bytes of a line.
const LINE_LEN: usize = 180;
/// Reading begins, and every alert is evaluated once, before anything is measured.
const WARM_UP: Duration = Duration::from_secs(15);

/// Follows a stream of `rate` MB/s for some seconds, with each of these numbers of alerts. Each is evaluated every ten seconds over
/// the last minute, and looks for a word of its own.
pub(crate) fn measure(seconds: u64, rate: f64, numbers: &[usize]) -> Result<()> {
    for &n_alerts in numbers {
        let folder = tempfile::tempdir()?;
        let (cpu, waits) = run(folder.path(), n_alerts, seconds, rate)?;
        let told = match waits.as_slice() {
            [] => "nothing was told".to_owned(),
            waits => format!(
                "told {:.1} s after the moment, at most {:.1} s, {} times",
                waits[waits.len() / 2].as_secs_f64(),
                waits[waits.len() - 1].as_secs_f64(),
                waits.len()
            ),
        };
        print(&format!(
            "| {n_alerts} alerts, {rate} MB/s for {seconds} s | {:.1} CPU-s, {:.1} % of a core | {told} |\n",
            cpu.as_secs_f64(),
            cpu.as_secs_f64() / seconds as f64 * 100.0,
        ))?;
    }
    Ok(())
}

fn run(folder: &Path, n_alerts: usize, seconds: u64, rate: f64) -> Result<(Duration, Vec<Duration>)> {
    let logs = folder.join("logs");
    fs::create_dir(&logs)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let configuration = folder.join("trawl.toml");
    fs::write(&configuration, configured(folder, n_alerts, &listener)?)?;
    let follower =
        Follower::of_program(&program()?, &["--config".as_ref(), configuration.as_os_str(), "run".as_ref()])?;
    let (told, waits) = mpsc::channel();
    // It ends with the process.
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(answer(stream, &told))));
    let stop = AtomicBool::new(false);
    let cpu = thread::scope(|scope| -> Result<Duration> {
        let writer = scope.spawn(|| write(&logs.join("app.log"), rate, &stop).is_ok());
        let measured = (|| -> Result<Duration> {
            thread::sleep(WARM_UP);
            let (before, _) = follower.usage()?;
            thread::sleep(Duration::from_secs(seconds));
            Ok(follower.usage()?.0 - before)
        })();
        stop.store(true, Ordering::Relaxed);
        match writer.join() {
            Ok(true) => measured,
            _ => Err("the log cannot be written".into()),
        }
    })?;
    drop(follower);
    let mut waits: Vec<Duration> = waits.try_iter().collect();
    waits.sort_unstable();
    Ok((cpu, waits))
}

/// The configuration with so many alerts that tell `listener`.
fn configured(folder: &Path, n_alerts: usize, listener: &TcpListener) -> Result<String> {
    let mut text = format!(
        "data = {:?}\n[[input]]\npaths = [\"{}/*.log\"]\n[index.main]\nmax_size = \"3GB\"\n",
        folder.join("data"),
        folder.join("logs").display(),
    );
    for n in 0..n_alerts {
        write!(
            text,
            "[[alert]]\nname = \"alert-{n}\"\nsearch = \"needle{n}x failed\"\nevery = \"10s\"\nwindow = \"1m\"\n\
             condition = \"count > 0\"\nactions = [\"hook\"]\n"
        )?;
    }
    write!(text, "[action.hook]\ntype = \"webhook\"\nurl = \"http://{}/\"\n", listener.local_addr()?)?;
    Ok(text)
}

/// Takes a notification, and how long after its moment it came.
fn answer(stream: impl Read + std::io::Write, told: &Sender<Duration>) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut len) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            len = value.trim().parse()?;
        }
        line.clear();
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    let answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.get_mut().write_all(answer)?;
    let body: serde_json::Value = serde_json::from_slice(&body)?;
    let moment = DateTime::parse_from_rfc3339(body["time"].as_str().unwrap_or_default())?;
    told.send((Utc::now() - moment.to_utc()).to_std()?)?;
    Ok(())
}

/// Writes lines of the present at `rate` MB/s until told to stop, now and then one that an alert looks for.
fn write(path: &Path, rate: f64, stop: &AtomicBool) -> Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    let (begun, mut n_bytes, mut n_lines, mut n_events) = (Instant::now(), 0_u64, 0_u64, 0);
    while !stop.load(Ordering::Relaxed) {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let due = (begun.elapsed().as_secs_f64() * rate * MB) as u64;
        let mut lines = String::new();
        if begun.elapsed() >= EVENT_INTERVAL * n_events {
            writeln!(lines, "{now} ERROR needle{}x failed", n_events as usize % N_TOLD)?;
            n_events += 1;
        }
        while n_bytes + (lines.len() as u64) < due {
            let begin = lines.len();
            let (user, took) = (n_lines * 7919 % 5003, n_lines % 977);
            write!(
                lines,
                "{now} INFO [worker-{}] c.e.Orders: order={n_lines} user=u{user} took={took}ms ",
                n_lines % 17
            )?;
            while lines.len() - begin < LINE_LEN - 1 {
                lines.push('x');
            }
            lines.push('\n');
            n_lines += 1;
        }
        file.write_all(lines.as_bytes())?;
        n_bytes += lines.len() as u64;
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
