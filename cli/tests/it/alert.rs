//! `[[alert]]`, evaluated by `trawl run`; `trawl alert`.

use crate::support::{Running, Sandbox};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for what should happen within seconds, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &[u8] = b"\
[[input]]
paths = [\"logs/*.log\"]

[[alert]]
name = \"payment-db\"
search = 'ERROR PaymentService \"failed to connect to DB\"'
every = \"1s\"
window = \"1h\"
condition = \"count > 2\"
group_by = [\"service\"]
runbook = \"https://wiki/payment-gateway-restart\"
";

/// Appends failures of a service that happen now.
fn fail(sandbox: &Sandbox, service: &str, n: usize) {
    std::fs::create_dir_all(sandbox.path().join("logs")).unwrap();
    let mut log = File::options().append(true).create(true).open(sandbox.path().join("logs/app.log")).unwrap();
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).format("%Y-%m-%d %H:%M:%S%.3f");
    for n in 0..n {
        writeln!(log, "{now} ERROR PaymentService failed to connect to DB service={service} n={n}").unwrap();
    }
}

fn rows(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let run = sandbox.trawl(&[args, &["-o", "ndjson"]].concat());
    let lines = run.stdout().split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// Waits until a list of rows is as it is wanted.
fn when(sandbox: &Sandbox, args: &[&str], wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let rows = rows(sandbox, args);
        if wanted(&rows) {
            return rows;
        }
        assert!(begun.elapsed() < PATIENCE, "{rows:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn texts<'r>(rows: &'r [Value], field: &str) -> Vec<&'r str> {
    rows.iter().map(|row| row[field].as_str().unwrap_or_default()).collect()
}

#[test]
fn it_fires_is_acknowledged_and_survives_a_restart() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", CONFIG);
    fail(&sandbox, "none", 1);
    let list = sandbox.trawl(&["alert", "list"]);
    assert!(list.stderr().contains("no alert was evaluated yet"), "{list}");
    let running = Running::new(&sandbox, &[]);
    when(&sandbox, &["alert", "list"], |rows| rows.iter().any(|row| !row["evaluated"].is_null()));
    fail(&sandbox, "pay", 3);
    fail(&sandbox, "card", 2);
    let firing = when(&sandbox, &["alert", "list", "--firing"], |rows| !rows.is_empty());
    assert_eq!((texts(&firing, "group"), texts(&firing, "state")), (vec!["service=pay"], vec!["firing"]));
    assert_eq!(sandbox.trawl(&["alert", "list"]).code(), 1, "something fires");

    let said = sandbox.trawl(&["alert", "ack", "payment-db", "--by", "kim", "-m", "INC0042"]);
    assert_eq!((said.code(), said.stderr().trim()), (0, "payment-db service=pay: acknowledged by kim"));
    let nobody = sandbox.trawl(&["alert", "ack", "payment-db", "--group", "service=card"]);
    assert_eq!((nobody.code(), nobody.stderr().trim()), (1, "trawl: nothing of payment-db fires"));
    running.stop();

    let running = Running::new(&sandbox, &[]);
    fail(&sandbox, "card", 1);
    let firing = when(&sandbox, &["alert", "list", "--firing"], |rows| rows.len() == 2);
    assert_eq!(texts(&firing, "group"), ["service=card", "service=pay"]);
    assert_eq!(texts(&firing, "handled"), ["", "acknowledged by kim: INC0042"]);
    let history = rows(&sandbox, &["alert", "history"]);
    assert_eq!(texts(&history, "transition"), ["raised", "raised"], "each once, whatever was stopped");

    // What was done can be searched.
    let query = ["search", "index=_audit | sort _time | table what group by"];
    let audit = when(&sandbox, &query, |rows| rows.len() == 3);
    assert_eq!(texts(&audit, "what"), ["alert", "acknowledged", "alert"]);
    running.stop();

    // History says the same.
    let test = rows(&sandbox, &["alert", "test", "payment-db", "--last", "1h"]);
    assert_eq!(texts(&test, "group").len(), 2, "{test:?}");
}

#[test]
fn what_is_no_longer_declared_is_listed_and_can_be_forgotten() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", CONFIG);
    fail(&sandbox, "none", 1);
    let running = Running::new(&sandbox, &[]);
    when(&sandbox, &["alert", "list"], |rows| rows.iter().any(|row| !row["evaluated"].is_null()));
    fail(&sandbox, "pay", 3);
    when(&sandbox, &["alert", "list", "--firing"], |rows| !rows.is_empty());
    running.stop();
    let refused = sandbox.trawl(&["alert", "rm", "payment-db"]);
    assert_eq!(refused.code(), 2);
    assert!(refused.stderr().contains("`payment-db` is in the configuration"), "{refused}");

    sandbox.file("trawl.toml", b"data = \"data\"\n");
    let list = rows(&sandbox, &["alert", "list"]);
    assert_eq!((texts(&list, "state"), texts(&list, "handled")), (vec!["firing"], vec!["not in the configuration"]));
    let removed = sandbox.trawl(&["alert", "rm", "payment-db", "--by", "kim"]);
    assert_eq!((removed.code(), removed.stderr().trim()), (0, "payment-db: removed by kim"));
    assert_eq!(rows(&sandbox, &["alert", "list"]).len(), 0);
    assert_eq!(texts(&rows(&sandbox, &["alert", "history"]), "transition"), ["resolved", "raised"]);
    assert_eq!(sandbox.trawl(&["alert", "rm", "payment-db"]).code(), 1, "nothing is known of it any more");
}

/// Takes a request that brings JSON, and is content with it: its idempotency key, and the body.
pub fn receive_one(stream: TcpStream) -> io::Result<(String, Value)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let (mut key, mut len) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("idempotency-key") => key = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => len = value.parse().unwrap(),
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    let answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    // Whoever asked may be gone; it was told all the same.
    let _ = reader.get_mut().write_all(answer);
    Ok((key, serde_json::from_slice(&body)?))
}

/// Takes requests until one has come for each of so many keys; the bodies, by key.
fn receive(listener: &TcpListener, n_keys: usize) -> BTreeMap<String, Value> {
    let mut bodies = BTreeMap::new();
    while bodies.len() < n_keys {
        let (stream, _) = listener.accept().unwrap();
        let (key, body) = receive_one(stream).unwrap();
        bodies.insert(key, body);
    }
    bodies
}

#[test]
fn what_fires_is_brought_to_its_actions() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let sandbox = Sandbox::new();
    let action = format!("actions = [\"ops-hook\"]\n\n[action.ops-hook]\ntype = \"webhook\"\nurl = \"{url}\"\n");
    sandbox.file("trawl.toml", &[CONFIG, action.as_bytes()].concat());
    fail(&sandbox, "none", 1);
    let running = Running::new(&sandbox, &[]);
    when(&sandbox, &["alert", "list"], |rows| rows.iter().any(|row| !row["evaluated"].is_null()));
    fail(&sandbox, "pay", 3);
    fail(&sandbox, "card", 4);
    let bodies = receive(&listener, 2);
    let mut told: Vec<_> =
        bodies.values().map(|body| (body["group"]["service"].as_str(), body["count"].as_u64())).collect();
    told.sort_unstable();
    assert_eq!(told, [(Some("card"), Some(4)), (Some("pay"), Some(3))]);
    for body in bodies.values() {
        assert_eq!((body["alert"].as_str(), body["severity"].as_str()), (Some("payment-db"), Some("critical")));
        assert_eq!(body["runbook"], "https://wiki/payment-gateway-restart");
        let event = body["events"][0]["raw"].as_str().unwrap_or_default();
        assert!(event.contains("failed to connect to DB"), "{body}");
    }
    // What was brought is on record.
    let query = ["search", "index=_audit what=delivery* | table what alert"];
    when(&sandbox, &query, |rows| rows.len() == 2);
    running.stop();
}

#[test]
fn what_makes_no_sense_is_said_where_it_stands() {
    for (written, expected) in [
        ("condition = \"count >\"", "is no condition"),
        ("condition = \"count > 2\"\nactive = \"busness\"\n[calendar.business]", "did you mean `business`?"),
        ("condition = \"count > 2\"\nseverity = \"bad\"", "write `warning` or `critical`"),
        ("condition = \"count > 2\"\ncontinuous = true", "leave out all but one"),
        ("condition = \"absent\"\ngroup_by = [\"host\"]", "nothing says which groups there should be"),
        ("", "there is no condition"),
        ("condition = \"count > 2\"\nactions = [\"pager\"]", "write a section [action.pager]"),
    ] {
        let sandbox = Sandbox::new();
        let text =
            format!("[[alert]]\nname = \"a\"\nsearch = \"error\"\nevery = \"10s\"\nwindow = \"1m\"\n{written}\n");
        sandbox.file("trawl.toml", text.as_bytes());
        let run = sandbox.trawl(&["alert", "show", "a"]);
        assert!(run.code() == 2 && run.stderr().contains(expected), "{written}: {run}");
        assert!(run.stderr().contains("trawl.toml:1"), "{run}");
    }
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", CONFIG);
    let run = sandbox.trawl(&["alert", "show", "payment-dv"]);
    assert!(run.code() == 2 && run.stderr().contains("did you mean `payment-db`?"), "{run}");
}
