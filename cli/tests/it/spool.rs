//! Work on the store while `trawl run` holds it.

use crate::support::{PAY_LOG, Run, Sandbox};
use insta::assert_snapshot;
use regex::Regex;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use trawl_store::Reader;

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

/// Kills the one who serves as soon as it `is_time`.
fn kill_when(mut serving: Serving<'_>, is_time: &dyn Fn(&Serving<'_>) -> bool) {
    wait_for("the moment", || is_time(&serving).then_some(()));
    serving.process.kill().unwrap();
    serving.process.wait().unwrap();
}

fn has_buckets(sandbox: &Sandbox) -> bool {
    let reader = Reader::open(&sandbox.path().join("data"));
    reader.and_then(|reader| reader.snapshot()).is_ok_and(|snapshot| !snapshot.buckets.is_empty())
}

#[test]
fn the_one_who_serves_is_killed() {
    let sandbox = Sandbox::new();
    let serving = Serving::new(&sandbox);
    large(&sandbox);
    let index = start(&sandbox, &["index", "large.log"]);
    kill_when(serving, &|serving| serving.has(".active").is_some());
    // It does the work itself.
    let output = index.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(files(&sandbox), ["serving"]);
    assert_eq!(count(&sandbox, "*"), 1_500_000);
    assert_eq!(sandbox.trawl(&["verify"]).code(), 0);
}

fn files(sandbox: &Sandbox) -> Vec<String> {
    let names = fs::read_dir(sandbox.path().join("data/spool")).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Hands over what comes from the standard input; the one who serves is killed `at` a moment, and another takes its place at
/// once, or nobody does.
fn hand_over_and_kill(at: &dyn Fn(&Serving<'_>) -> bool, has_successor: bool) {
    const N_LINES: usize = 60_000;
    let sandbox = Sandbox::new();
    sandbox.file("followed/app.log", lines(0, 10).as_bytes());
    let serving = Serving::new(&sandbox);
    let mut index = start(&sandbox, &["index", "--host", "node-7", "-"]);
    let mut stdin = index.stdin.take().unwrap();
    let writing = thread::spawn(move || stdin.write_all(lines(0, N_LINES).as_bytes()).unwrap());
    wait_for("the request", || (serving.has(".request").is_some() || serving.has(".active").is_some()).then_some(()));
    if has_successor {
        // So that it does not see that there was nobody.
        signal(&index, "STOP");
    }
    kill_when(serving, at);
    let successor = has_successor.then(|| Serving::new(&sandbox));
    if has_successor {
        signal(&index, "CONT");
    }
    writing.join().unwrap();
    let output = index.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("indexed 60,000 events ("), "{}", stderr(&output));
    assert_eq!(count(&sandbox, "host=node-7"), N_LINES as u64);
    assert_eq!(files(&sandbox), ["serving"]);
    if let Some(successor) = successor {
        wait_for("what is followed", || (count(&sandbox, "source=*app.log") == 10).then_some(()));
        successor.stop();
    }
    assert_eq!(count(&sandbox, "host=node-7 | stats dc(n) AS n | where n=60000"), 1);
    assert_eq!(sandbox.trawl(&["verify"]).code(), 0);
}

#[test]
fn standard_input_is_stored_once_though_the_one_who_serves_is_killed() {
    let is_begun = |serving: &Serving<'_>| serving.has(".active").is_some();
    let is_committed = |serving: &Serving<'_>| {
        let is_over = serving.has(".answer").is_some() || serving.has(".client").is_none();
        has_buckets(serving.sandbox) || is_over
    };
    for has_successor in [false, true] {
        hand_over_and_kill(&is_begun, has_successor);
        hand_over_and_kill(&is_committed, has_successor);
        for wait_ms in [20, 100, 300] {
            let begun = Instant::now();
            hand_over_and_kill(&|_| begun.elapsed() > Duration::from_millis(wait_ms), has_successor);
        }
    }
}

#[test]
fn standard_input_that_nobody_had_begun_with_is_not_lost() {
    let sandbox = Sandbox::new();
    let serving = Serving::new(&sandbox);
    serving.signal("STOP");
    let mut index = start(&sandbox, &["index", "-"]);
    index.stdin.take().unwrap().write_all(PAY_LOG).unwrap();
    wait_for("the request", || serving.has(".request"));
    kill_when(serving, &|_| true);
    let output = index.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(count(&sandbox, "source=stdin"), 5);
}

#[test]
fn what_is_collected_is_stored_once_though_the_one_who_serves_is_killed() {
    for wait_ms in [0, 50, 200] {
        let sandbox = Sandbox::new();
        let serving = Serving::new(&sandbox);
        let query = "| makeresults count=20000 | streamstats count AS n | collect index=summary | stats count";
        let search = start(&sandbox, &["search", query, "-o", "csv"]);
        wait_for("the work", || serving.has(".active"));
        thread::sleep(Duration::from_millis(wait_ms));
        kill_when(serving, &|_| true);
        let output = search.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains("collect wrote 20000 events"), "{}", stderr(&output));
        assert_eq!(count(&sandbox, "index=summary"), 20_000);
        assert_eq!(count(&sandbox, "index=summary | stats dc(n) AS n | where n=20000"), 1);
    }
}

#[test]
fn work_that_ends_two_servers_is_not_begun_again() {
    let sandbox = Sandbox::new();
    let spool = sandbox.path().join("data/spool");
    fs::create_dir_all(&spool).unwrap();
    let client = File::create(spool.join("1.client")).unwrap();
    client.lock().unwrap();
    fs::write(spool.join("1.active"), "{}").unwrap();
    fs::write(spool.join("1.again"), "").unwrap();
    let _serving = Serving::new(&sandbox);
    let answer = wait_for("the answer", || fs::read_to_string(spool.join("1.answer")).ok());
    assert!(answer.contains("has ended twice at this work") && answer.contains("\"code\":2"), "{answer}");
    wait_for("its end", || (!spool.join("1.active").exists()).then_some(()));
}

#[test]
fn buckets_come_back_and_go_as_they_do_without_it() {
    const ARCHIVED: &[u8] = b"[index.main]\nmax_age = \"1d\"\narchive = \"archive\"\n";
    let (sandbox, alone) = (Sandbox::new(), Sandbox::new());
    for sandbox in [&sandbox, &alone] {
        sandbox.file("trawl.toml", ARCHIVED);
        fs::create_dir(sandbox.path().join("archive")).unwrap();
        for n in 0..3 {
            sandbox.file(&format!("logs/{n}.log"), format!("2001-02-0{} 10:00:00 INFO n={n}\n", n + 1).as_bytes());
        }
    }
    let serving = Serving::new(&sandbox);
    // What has to go goes once a minute: it has been there just now.
    wait_for("retention", || sandbox.path().join("data/status.json").exists().then_some(()));
    thread::sleep(Duration::from_millis(500));
    for n in 0..3 {
        for sandbox in [&sandbox, &alone] {
            let run = sandbox.trawl(&["index", "--host", "web", &format!("logs/{n}.log")]);
            assert_eq!(run.code(), 0, "{run}");
        }
    }
    let ids = Regex::new("[0-9a-f]{25,32}|[0-9.]+ kB|,[0-9]{4,5},").unwrap();
    let check = |args: &[&str], code: i32| {
        let (served, expected) = (sandbox.trawl(args), alone.trawl(args));
        let text = |run: &Run| ids.replace_all(&run.to_string(), "-").into_owned();
        assert_eq!((served.code(), text(&served)), (code, text(&expected)), "{args:?}");
    };
    check(&["retention", "--apply", "-o", "csv"], 0);
    assert_eq!(count(&sandbox, "*"), 0);
    check(&["retention", "--apply", "-o", "csv"], 0);
    check(&["restore", "--earliest", "2001-02-02", "-o", "csv"], 0);
    check(&["restore", "--earliest", "2001-02-02", "-o", "csv"], 0);
    check(&["restore", "--archive", "archive", "0123"], 1);
    assert_eq!(count(&sandbox, "*"), 2);
    check(&["restore", "--release", "--latest", "2001-02-03"], 0);
    check(&["restore", "--release"], 0);
    check(&["restore", "--release"], 1);
    check(&["retention", "--apply", "-o", "ndjson"], 0);
    assert!(serving.files().is_empty(), "{:?}", serving.files());
    // By another configuration, other buckets would go than those that were shown.
    sandbox.file("trawl.toml", b"[index.main]\nmax_age = \"2d\"\n");
    assert_snapshot!(sandbox.trawl(&["retention", "--apply"]), @r"
    exit: 2
    --- stderr ---
    error: `trawl run` keeps data by another configuration than this one
    hint: name the same with --config, or make it read the file again: `systemctl reload trawl`
    ");
    serving.stop();
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
