//! `trawl index` while `trawl run` holds the store.

use crate::support::{PAY_LOG, Sandbox};
use insta::assert_snapshot;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for what should happen at once, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// `trawl run` at work; killed when dropped.
struct Serving<'s> {
    sandbox: &'s Sandbox,
    process: Child,
}

impl<'s> Serving<'s> {
    fn new(sandbox: &'s Sandbox) -> Self {
        fs::create_dir_all(sandbox.path().join("followed")).unwrap();
        let process = sandbox.command(&["run", "followed"]).stderr(Stdio::null()).spawn().unwrap();
        let serving = Self { sandbox, process };
        wait_for("somebody to serve", || {
            let file = File::open(serving.spool().join("serving")).ok()?;
            matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)).then_some(())
        });
        serving
    }

    fn spool(&self) -> PathBuf {
        self.sandbox.path().join("data/spool")
    }

    fn signal(&self, name: &str) {
        signal(&self.process, name);
    }

    /// Whether a file of a kind is in the folder.
    fn has(&self, kind: &str) -> Option<()> {
        self.files().iter().any(|name| name.ends_with(kind)).then_some(())
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.spool()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "serving").collect()
    }

    /// Ends it as a person would.
    fn stop(mut self) {
        self.signal("TERM");
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // It has ended, or it ends now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn signal(process: &Child, name: &str) {
    let killed = Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn count(sandbox: &Sandbox, search: &str) -> u64 {
    let run = sandbox.search(&[&format!("{search} | stats count"), "--output", "csv"]);
    let text = String::from_utf8(run.stdout().to_vec()).unwrap();
    text.lines().nth(1).unwrap_or_else(|| panic!("{run}")).parse().unwrap()
}

/// Lines `from..to` of a log.
fn lines(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("2026-11-20 14:{:02}:{:02} INFO line n={n}\n", n / 60 % 60, n % 60)).collect()
}

fn start(sandbox: &Sandbox, args: &[&str]) -> Child {
    sandbox.command(args).stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_report_is_that_of_a_run_of_its_own() {
    let sandbox = Sandbox::new();
    let alone = Sandbox::new();
    let serving = Serving::new(&sandbox);
    fs::create_dir(alone.path().join("followed")).unwrap();
    for sandbox in [&sandbox, &alone] {
        sandbox.file("logs/pay.log", PAY_LOG);
        sandbox.file("logs/picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01");
        sandbox.file("other/app.log", PAY_LOG);
    }
    for (args, code) in [
        (&["-v", "--host", "pay-01", "--exclude", "other/*", "logs", "other", "missing.log", "logs/*.txt"][..], 2),
        (&["logs/pay.log"], 0),
        (&["--exclude", "a.log", "."], 0),
        (&["--sourcetype", "log5j", "logs/pay.log"], 2),
        (&["--exclude", "[", "logs"], 2),
    ] {
        let args = [&["index"], args].concat();
        let (served, expected) = (sandbox.trawl(&args), alone.trawl(&args));
        assert_eq!((served.code(), served.to_string()), (code, expected.to_string()), "{args:?}");
    }
    assert_eq!(count(&sandbox, "host=pay-01"), 5);
    assert!(serving.files().is_empty(), "{:?}", serving.files());
    serving.stop();
    assert_eq!(sandbox.trawl(&["verify"]).code(), 0);
}

#[test]
fn what_is_followed_is_left_to_the_one_who_follows() {
    let sandbox = Sandbox::new();
    let serving = Serving::new(&sandbox);
    let path = sandbox.file("followed/app.log", lines(0, 50).as_bytes());
    wait_for("the events", || (count(&sandbox, "*") == 50).then_some(()));
    for n in 50..60 {
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(lines(n, n + 1).as_bytes()).unwrap();
        let run = sandbox.trawl(&["index", "followed"]);
        assert_eq!(run.code(), 0, "{run}");
        assert!(run.stderr().contains("1 followed by `trawl run`, which reads on"), "{run}");
    }
    wait_for("the events", || (count(&sandbox, "*") == 60).then_some(()));
    serving.stop();
    assert_eq!(count(&sandbox, "*"), 60);
    assert_eq!(sandbox.trawl(&["index", "followed"]).code(), 0);
    assert_eq!(count(&sandbox, "*"), 60);
}

#[test]
fn standard_input_is_handed_over() {
    let sandbox = Sandbox::new();
    let serving = Serving::new(&sandbox);
    let mut index = start(&sandbox, &["index", "--host", "node-7", "-"]);
    index.stdin.take().unwrap().write_all(PAY_LOG).unwrap();
    let output = index.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("indexed 5 events (477 B) from 1 file in "), "{}", stderr(&output));
    assert_eq!(count(&sandbox, "source=stdin host=node-7"), 5);
    assert!(serving.files().is_empty(), "{:?}", serving.files());
}

#[test]
fn several_at_once_are_served_in_turn() {
    let sandbox = Sandbox::new();
    let _serving = Serving::new(&sandbox);
    let names: Vec<String> = (0..6).map(|n| format!("{n}.log")).collect();
    for (n, name) in names.iter().enumerate() {
        sandbox.file(name, lines(n * 100, n * 100 + 100).as_bytes());
    }
    // Each reads two of them, so that each is read by two.
    let indexes: Vec<Child> = (0..6).map(|n| start(&sandbox, &["index", &names[n], &names[(n + 1) % 6]])).collect();
    for index in indexes {
        let output = index.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(count(&sandbox, "*"), 600);
}

#[test]
fn what_nobody_has_begun_with_is_taken_back() {
    let sandbox = Sandbox::new();
    let serving = Serving::new(&sandbox);
    sandbox.file("pay.log", PAY_LOG);
    serving.signal("STOP");
    let index = start(&sandbox, &["index", "pay.log"]);
    wait_for("the request", || serving.has(".request"));
    signal(&index, "INT");
    let output = index.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(stderr(&output), "nothing was indexed: stopped before `trawl run` had begun\n");
    assert!(serving.files().is_empty(), "{:?}", serving.files());
    serving.signal("CONT");
    assert_eq!(sandbox.trawl(&["index", "pay.log"]).code(), 0);
    assert_eq!(count(&sandbox, "*"), 5);
}

/// Enough to be at work with for a while.
fn large(sandbox: &Sandbox) {
    sandbox.file("large.log", lines(0, 1_500_000).as_bytes());
}

#[test]
fn work_that_has_begun_is_ended_early() {
    let sandbox = Sandbox::new();
    let serving = Serving::new(&sandbox);
    large(&sandbox);
    let index = start(&sandbox, &["index", "large.log"]);
    wait_for("the work", || serving.has(".active"));
    signal(&index, "INT");
    let output = index.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("stopped early, run again to go on"), "{}", stderr(&output));
    assert!(serving.files().is_empty(), "{:?}", serving.files());
    assert_eq!(sandbox.trawl(&["index", "large.log"]).code(), 0);
    assert_eq!(count(&sandbox, "*"), 1_500_000);
}

#[test]
fn the_one_who_serves_is_killed() {
    let sandbox = Sandbox::new();
    let mut serving = Serving::new(&sandbox);
    large(&sandbox);
    let index = start(&sandbox, &["index", "large.log"]);
    wait_for("the work", || serving.has(".active"));
    serving.process.kill().unwrap();
    serving.process.wait().unwrap();
    let output = index.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_snapshot!(stderr(&output), @r"
    error: `trawl run` ended before it had answered; what it had committed is kept
    hint: run the command again: what is stored already is not stored twice, but for standard input
    ");
    assert!(serving.files().is_empty(), "{:?}", serving.files());
    let run = sandbox.trawl(&["index", "large.log"]);
    assert_eq!(run.code(), 0, "{run}");
    assert_eq!(count(&sandbox, "*"), 1_500_000);
    assert_eq!(sandbox.trawl(&["verify"]).code(), 0);
}

#[test]
fn the_one_who_serves_ends_before_it_begins() {
    let sandbox = Sandbox::new();
    let mut serving = Serving::new(&sandbox);
    sandbox.file("pay.log", PAY_LOG);
    serving.signal("STOP");
    let index = start(&sandbox, &["index", "pay.log"]);
    wait_for("the request", || serving.has(".request"));
    serving.process.kill().unwrap();
    serving.process.wait().unwrap();
    // Nobody had begun: it does the work itself.
    let output = index.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(count(&sandbox, "*"), 5);
}

#[test]
fn what_makes_no_sense_is_answered_and_what_the_dead_left_is_removed() {
    let sandbox = Sandbox::new();
    let spool = sandbox.path().join("data/spool");
    for name in ["1.client", "1.request", "1.stdin", "2.active", "3.answer", "4.request"] {
        sandbox.file(&format!("data/spool/{name}"), b"{}");
    }
    let serving = Serving::new(&sandbox);
    assert!(serving.files().is_empty(), "{:?}", serving.files());
    let client = File::create(spool.join("5.client")).unwrap();
    client.lock().unwrap();
    for (request, expected) in [
        ("no json", "`trawl run` does not understand the request: expected ident at line 1"),
        ("{\"work\":{\"dance\":{}},\"has_color\":false}", "does not understand the request: unknown variant `dance`"),
    ] {
        fs::write(spool.join("5.new"), request).unwrap();
        fs::rename(spool.join("5.new"), spool.join("5.request")).unwrap();
        let answer = wait_for("the answer", || fs::read_to_string(spool.join("5.answer")).ok());
        assert!(answer.contains(expected) && answer.contains("\"code\":2"), "{answer}");
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(spool.join("5.answer")), mode(spool.join("serving"))), (0o640, 0o640));
        fs::remove_file(spool.join("5.answer")).unwrap();
    }
}
