//! `contrib/examples/trawl.toml`: it is valid, passes its own tests, and does what it says, with logs made here, and with receivers on
//! this machine.

use crate::support::{Running, Sandbox};
use crate::tidy::root;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for what should happen within seconds, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

fn example() -> String {
    fs::read_to_string(root().join("contrib/examples/trawl.toml")).unwrap()
}

/// The text with something else in place of `from`, which must be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn it_is_valid_and_passes_its_own_tests() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", example().as_bytes());
    let run = sandbox.trawl(&["config", "check"]);
    assert_eq!(run.code(), 0, "{run}");
    let alerts = example().matches("[[alert]]").count();
    let tests = example().matches("[[alert.test]]").count();
    let summary = format!("{alerts} alerts, {tests} tests, 3 saved searches, 1 check: all is well");
    assert!(String::from_utf8_lossy(run.stdout()).contains(&summary), "{run}");
    assert!(tests >= alerts, "each alert has a test");
    // No secret stands in it.
    for key in ["password", "hmac_key", "token", "routing_key"] {
        for line in example().lines().filter(|line| line.starts_with(key)) {
            assert!(line.contains("= { env = ") || line.contains("= { file = "), "{line}");
        }
    }
}

/// What a receiver got: requests, or mails.
type Received = Arc<Mutex<Vec<String>>>;

/// Takes connections for as long as the test runs.
fn serve(handle: fn(TcpStream, &Received) -> std::io::Result<()>) -> (u16, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = Received::default();
    let log = Arc::clone(&received);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                stream.set_read_timeout(Some(PATIENCE)).and_then(|()| handle(stream, &log)).ok();
            });
        }
    });
    (port, received)
}

/// A request, its method and path before its headers and body. ServiceNow knows no incident, and makes every one.
fn http(stream: TcpStream, log: &Received) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut len) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            len = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    let (status, answer) = match head.split(' ').next() {
        Some("GET") => ("200 OK", r#"{"result":[]}"#),
        Some("POST") if head.contains(" /api/") => {
            ("201 Created", r#"{"result":{"sys_id":"1","number":"INC0001","state":"1"}}"#)
        }
        _ => ("200 OK", "{}"),
    };
    log.lock().unwrap().push(format!("{head}\n{}", String::from_utf8_lossy(&body)));
    let len = answer.len();
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{answer}"
    )
}

/// A conversation with a mail server that takes everything.
fn smtp(mut stream: TcpStream, log: &Received) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 here\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => b"250-here\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => b"235 welcome\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if reader.read_line(&mut mail)? == 0 {
                        return Ok(());
                    }
                }
                log.lock().unwrap().push(mail);
                b"250 taken\r\n"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer)?;
    }
}

/// Waits until something was received that holds all of some texts.
fn wait_for(what: &str, received: &Received, texts: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let found = received.lock().unwrap().iter().find(|one| texts.iter().all(|text| one.contains(text))).cloned();
        if let Some(found) = found {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {:#?}", received.lock().unwrap());
        thread::sleep(Duration::from_millis(100));
    }
}

/// A program of the test in the place of one of the machine.
fn program(sandbox: &Sandbox, name: &str, text: &str) -> String {
    let path = sandbox.file(name, format!("#!/bin/sh\n{text}\n").as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn append(sandbox: &Sandbox, name: &str, lines: &[String]) {
    let path = sandbox.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes()).unwrap();
}

fn now(format: &str) -> String {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).format(format).to_string()
}

/// The example, in which what belongs to a machine is that of the test, and what takes minutes takes seconds.
fn configured(sandbox: &Sandbox, http: u16, smtp: u16) -> String {
    let dir = sandbox.path().display().to_string();
    // The service comes up where a file says so.
    let restart = program(
        sandbox,
        "bin/systemctl",
        &format!("echo \"$@\" >> {dir}/restarts\n[ -e {dir}/broken ] || cat {dir}/started >> {dir}/payment/app.log"),
    );
    let df = program(
        sandbox,
        "bin/df",
        "echo 'Filesystem     1024-blocks     Used Available Capacity Mounted on'\n\
         echo '/dev/sda1         41152736 36214408   2885026      88% /'",
    );
    sandbox.file("secrets/key", b"a secret");
    fs::set_permissions(sandbox.path().join("secrets/key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir_all(sandbox.path().join("archive")).unwrap();
    let key = format!("{dir}/secrets/key");
    [
        ("\"Europe/London\"", "\"UTC\""),
        ("/var/log/payment/*.log", &format!("{dir}/payment/*.log")),
        ("\"/var/log/syslog\", \"/var/log/messages\"", &format!("\"{dir}/syslog\"")),
        ("/opt/autosys/out/event_demon.*", &format!("{dir}/autosys/event_demon.*")),
        ("[\"df\", \"-P\"]", &format!("[\"{df}\", \"-P\"]")),
        ("interval = \"60s\"", "interval = \"1s\""),
        ("every = \"1m\"", "every = \"1s\""),
        ("every = \"10s\"", "every = \"1s\""),
        ("verify_after = \"60s\"", "verify_after = \"3s\""),
        // Whoever tests may have a full disk.
        ("min_free = \"10%\"", "min_free = \"1MB\""),
        ("\"/srv/archive\"", &format!("\"{dir}/archive\"")),
        ("https://example.service-now.com", &format!("http://127.0.0.1:{http}")),
        ("https://ops.example.com/hook", &format!("http://127.0.0.1:{http}/hook")),
        (
            "host = \"mail.example.com\"\ntls = \"starttls\"",
            &format!("host = \"127.0.0.1\"\nport = {smtp}\ntls = \"none\""),
        ),
        ("/etc/trawl/hook-key", &key),
        ("/etc/trawl/smtp-password", &key),
        ("\"/usr/bin/systemctl\"", &format!("\"{restart}\"")),
    ]
    .into_iter()
    .fold(example(), |text, (from, to)| replaced(&text, from, to))
}

#[test]
fn what_it_watches_is_told_and_done() {
    let ((http_port, requests), (smtp_port, mails)) = (serve(http), serve(smtp));
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", configured(&sandbox, http_port, smtp_port).as_bytes());
    let service = |text: &str| format!("{} [pay-1] {text}", now("%Y-%m-%d %H:%M:%S,%3f"));
    let systemd = |text: &str| format!("{} pay-01 systemd[1]: {text}", now("%b %e %H:%M:%S"));
    append(&sandbox, "payment/app.log", &[service("INFO: PaymentService at work")]);
    append(&sandbox, "syslog", &[systemd("payment.service: Started")]);
    let mut command = sandbox.command(&["run"]);
    command.env("SERVICENOW_PASSWORD", "a secret").stdout(Stdio::null());
    let _running = Running(command.stderr(Stdio::null()).spawn().unwrap());

    // A disk above 80 %: mail, with what was found.
    let mail = wait_for("the mail", &mails, &["disk", "mount"]);
    assert!(mail.contains("payments-support@example.com"), "{mail}");

    // Six failures within a minute: a ticket and the hook, which is signed.
    let failures: Vec<String> =
        (0..6).map(|n| service(&format!("ERROR: PaymentService failed to connect to DB attempt={n}"))).collect();
    append(&sandbox, "payment/app.log", &failures);
    let ticket = wait_for("the ticket", &requests, &["POST /api/now/table/incident", "payment-db"]);
    assert!(ticket.contains("assignment_group") && ticket.to_lowercase().contains("authorization: basic"), "{ticket}");
    let hook = wait_for("the hook", &requests, &["POST /hook", "\"payment-db\""]);
    assert!(hook.to_lowercase().contains("x-trawl-signature: sha256="), "{hook}");
    let body: Value = serde_json::from_str(hook.split_once("\n\n").or(hook.split_once("\r\n\n")).unwrap().1).unwrap();
    assert_eq!((body["count"].as_u64(), &body["runbook"]), (Some(6), &"https://wiki.example.com/payment-db".into()));

    // The service dies: it is restarted, and says that it is up.
    sandbox.file("started", format!("{}\n", service("INFO: PaymentService started on port 8080")).as_bytes());
    append(&sandbox, "syslog", &[systemd("payment.service: Main process exited, code=killed, status=9/KILL")]);
    let audit = |query: &str| {
        let begun = Instant::now();
        loop {
            let run = sandbox.trawl(&["search", query, "-o", "ndjson"]);
            if run.code() == 0 {
                return String::from_utf8_lossy(run.stdout()).into_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "{query}: {}", sandbox.trawl(&["search", "index=_audit"]));
            thread::sleep(Duration::from_millis(200));
        }
    };
    audit("index=_audit action=restart-payment \"verified\"");
    let restarts = || fs::read_to_string(sandbox.path().join("restarts")).unwrap_or_default();
    assert_eq!(restarts(), "restart payment\n");

    // It dies again: nobody restarts it a second time, and it becomes a ticket.
    append(&sandbox, "syslog", &[systemd("payment.service: Main process exited, code=killed, status=11/SEGV")]);
    wait_for("the second ticket", &requests, &["POST /api/now/table/incident", "payment-dies-again"]);
    assert_eq!(restarts(), "restart payment\n");

    // A batch job fails.
    let failure = "EVENT: CHANGE_STATUS    STATUS: FAILURE         JOB: EOD_SALES MACHINE: bat09 EXITCODE:  3";
    append(
        &sandbox,
        "autosys/event_demon.PRD",
        &[format!("[{}]      CAUAJM_I_40245 {failure}", now("%m/%d/%Y %H:%M:%S"))],
    );
    wait_for("the mail of the job", &mails, &["eod-failed", "EOD_SALES"]);
}

#[test]
fn a_restart_that_does_not_help_is_escalated() {
    let ((http_port, requests), (smtp_port, mails)) = (serve(http), serve(smtp));
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", configured(&sandbox, http_port, smtp_port).as_bytes());
    sandbox.file("broken", b"");
    let systemd = |text: &str| format!("{} pay-01 systemd[1]: {text}", now("%b %e %H:%M:%S"));
    append(&sandbox, "syslog", &[systemd("payment.service: Started")]);
    let mut command = sandbox.command(&["run"]);
    command.env("SERVICENOW_PASSWORD", "a secret").stdout(Stdio::null());
    let _running = Running(command.stderr(Stdio::null()).spawn().unwrap());
    wait_for("the mail of the disk: it is at work", &mails, &["disk"]);
    append(&sandbox, "syslog", &[systemd("payment.service: Main process exited, code=killed, status=9/KILL")]);
    wait_for("the ticket", &requests, &["POST /api/now/table/incident", "payment-died"]);
    wait_for("the mail", &mails, &["payment-died"]);
    assert_eq!(fs::read_to_string(sandbox.path().join("restarts")).unwrap(), "restart payment\n", "once");
}

#[test]
fn a_late_job_is_found_in_history_and_old_events_are_archived() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", configured(&sandbox, 9, 9).as_bytes());
    // On Thursday in time, on Friday late, and on Monday again in time. 2026-11-20 is a Friday.
    let done = |at: &str| {
        format!(
            "[11/{at}:00]      CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: SUCCESS         JOB: EOD_SALES MACHINE: bat09 EXITCODE:  0\n"
        )
    };
    let log = [done("19/2026 21:50"), done("20/2026 22:40"), done("21/2026 09:00"), done("22/2026 09:00")].concat();
    sandbox.file("autosys/event_demon.PRD", log.as_bytes());
    let run = sandbox.trawl(&["index", "--index", "batch", "--sourcetype", "autosys_event_demon", "autosys"]);
    assert_eq!(run.code(), 0, "{run}");
    let test = ["alert", "test", "eod-late", "--earliest", "2026-11-19", "--latest", "2026-11-22", "-o", "csv"];
    let run = sandbox.trawl(&test);
    assert_eq!(run.code(), 0, "{run}");
    let rows = String::from_utf8_lossy(run.stdout()).into_owned();
    assert!(rows.lines().count() == 2 && rows.contains("2026-11-20T22:15:00"), "{run}");
    // On Saturday morning the checklist says so. Nothing is known of disks and alerts then, and that is not well.
    let run = sandbox.trawl(&["check", "sod", "--at", "2026-11-21 07:00:00", "-o", "markdown"]);
    let page = String::from_utf8_lossy(run.stdout()).into_owned();
    assert!(
        run.code() == 2 && page.contains("ended 2026-11-20 22:40:00, 00:25:00 after") && page.contains("status=late"),
        "{run}"
    );
    let run = sandbox.trawl(&["saved", "run", "job", "job=EOD_SALES", "--earliest", "2026-11-20", "-o", "csv"]);
    assert!(run.code() == 0 && String::from_utf8_lossy(run.stdout()).contains("bat09"), "{run}");

    let old = "2026-01-02 10:00:00,000 [pay-1] ERROR: PaymentService failed to connect to DB attempt=1\n".repeat(3);
    sandbox.file("payment/app.log", old.as_bytes());
    assert_eq!(sandbox.trawl(&["index", "--sourcetype", "log4j", "payment"]).code(), 0);
    let run = sandbox.trawl(&["retention", "--apply"]);
    assert_eq!(run.code(), 0, "{run}");
    let run = sandbox.trawl(&["archive", "list", "-o", "csv"]);
    assert!(run.code() == 0 && String::from_utf8_lossy(run.stdout()).contains("main"), "{run}");
    let archive = sandbox.path().join("archive");
    let count = ["search", "ERROR PaymentService | stats count", "-o", "csv"];
    assert_eq!(sandbox.trawl(&count).stdout(), b"count\n0\n");
    let run = sandbox.trawl(&[&count[..], &["--archive", archive.to_str().unwrap()]].concat());
    assert_eq!(run.stdout(), b"count\n3\n", "{run}");
}
