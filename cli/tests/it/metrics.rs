//! `trawl run --metrics-listen`

use crate::support::{PAY_LOG, Sandbox};
use prometheus_parse::{Scrape, Value};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for what should happen at once, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// `trawl run` with its figures at an address; killed when dropped.
struct Measured {
    process: Child,
    address: String,
}

impl Measured {
    fn new(sandbox: &Sandbox) -> Self {
        let mut command = sandbox.command(&["run", "logs", "--metrics-listen", "0"]);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut err = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(err.read_line(&mut line).unwrap(), 0, "it ended");
            if let Some(rest) = line.trim().strip_prefix("trawl: figures are at http://") {
                break rest.strip_suffix("/metrics").unwrap().to_owned();
            }
        };
        // Nobody else reads what it says.
        thread::spawn(move || std::io::copy(&mut err, &mut std::io::sink()));
        Self { process, address }
    }

    /// Status line and body.
    fn get(&self, path: &str) -> (String, String) {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    fn scrape(&self) -> Scrape {
        let (status, body) = self.get("/metrics");
        assert_eq!(status, "HTTP/1.1 200 OK");
        Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The value of a sample, if there is one with such labels.
fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let sample = scrape.samples.iter().find(|sample| {
        sample.metric == name && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(value))
    })?;
    match sample.value {
        Value::Counter(value) | Value::Gauge(value) => Some(value),
        ref other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn figures_are_those_of_the_store() {
    let sandbox = Sandbox::new();
    let path = sandbox.file("logs/pay.log", PAY_LOG);
    sandbox.file("logs/empty.log", b"");
    let run = Measured::new(&sandbox);
    let wait_for = |wanted: &dyn Fn(&Scrape) -> bool| {
        let begun = Instant::now();
        loop {
            let scrape = run.scrape();
            if wanted(&scrape) {
                return scrape;
            }
            assert!(begun.elapsed() < PATIENCE, "{:#?}", scrape.samples);
            thread::sleep(Duration::from_millis(20));
        }
    };
    let main = [("index", "main")];
    // The last event is whole five seconds after nothing was added.
    let scrape = wait_for(&|scrape| value(scrape, "trawl_indexed_events_total", &main) == Some(5.0));
    assert_eq!(value(&scrape, "trawl_indexed_bytes_total", &main), Some(PAY_LOG.len() as f64));
    let of_state = |scrape: &Scrape, state| value(scrape, "trawl_files", &[("state", state)]);
    let scrape = wait_for(&|scrape| of_state(scrape, "following") == Some(1.0));
    assert_eq!((of_state(&scrape, "empty"), of_state(&scrape, "unreadable")), (Some(1.0), Some(0.0)));
    assert_eq!(value(&scrape, "trawl_errors", &[("kind", "file")]), Some(0.0));
    assert_eq!(value(&scrape, "trawl_lag_bytes", &main), Some(0.0));
    for name in ["trawl_batches_total", "trawl_sync_seconds_total", "trawl_live_log_bytes"] {
        assert!(value(&scrape, name, &main).unwrap() > 0.0, "{name}");
    }
    for name in ["trawl_disk_free_bytes", "process_open_fds", "process_start_time_seconds", "trawl_build_info"] {
        assert!(value(&scrape, name, &[]).unwrap() > 0.0, "{name}");
    }
    for sample in &scrape.samples {
        let name = &*sample.metric;
        assert!(name.starts_with("trawl_") || name.starts_with("process_"), "{name}");
        assert_eq!(matches!(sample.value, Value::Counter(_)), name.ends_with("_total"), "{name}");
        assert!(scrape.docs.contains_key(name), "{name} has no HELP");
        assert!(sample.labels.len() <= 2 && sample.labels.get("path").is_none(), "{name}");
    }
    File::options().append(true).open(&path).unwrap().write_all(&PAY_LOG.repeat(3)).unwrap();
    wait_for(&|scrape| value(scrape, "trawl_indexed_events_total", &main) == Some(20.0));
    assert_eq!(run.get("/healthz"), ("HTTP/1.1 200 OK".to_owned(), "ok\n".to_owned()));
    assert_eq!(run.get("/").0, "HTTP/1.1 404 Not Found");
    let other = Sandbox::new();
    let refused = other.trawl(&["run", "logs", "--metrics-listen", &run.address]);
    assert!(refused.code() == 2 && refused.stderr().contains("cannot listen on 127.0.0.1:"), "{refused}");
    // It ends although somebody keeps a connection.
    let _idle = TcpStream::connect(&run.address).unwrap();
    assert!(Command::new("kill").args(["-TERM", &run.process.id().to_string()]).status().unwrap().success());
    let mut run = run;
    assert!(run.process.wait().unwrap().success());
}

#[test]
fn an_address_is_checked() {
    let sandbox = Sandbox::new();
    let refused = sandbox.trawl(&["run", "--metrics-listen", "everywhere"]);
    assert!(refused.code() == 2 && refused.stderr().contains("such as 127.0.0.1:9187"), "{refused}");
}
