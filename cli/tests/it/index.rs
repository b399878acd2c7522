//! `trawl index`

use crate::support::{PAY_LOG, Sandbox};
use insta::assert_snapshot;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn indexing_again_adds_only_what_was_appended() {
    let sandbox = Sandbox::new();
    let path = sandbox.file("pay.log", PAY_LOG);
    assert_snapshot!(sandbox.trawl(&["index", "pay.log"]), @r"
    exit: 0
    --- stderr ---
    indexed 5 events (477 B) from 1 file in [TIME], [RATE]
    ");
    assert_snapshot!(sandbox.trawl(&["index", "pay.log"]), @r"
    exit: 0
    --- stderr ---
    nothing new in 1 file; 1 unchanged
    ");
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"2026-11-20 14:06:00,000 [pay-1] INFO: appended\n").unwrap();
    drop(file);
    assert_snapshot!(sandbox.trawl(&["index", "-v", "pay.log"]), @r"
    exit: 0
    --- stderr ---
    [DIR]/pay.log: more, log4j, 0 events (0 B)
    indexed 1 event from 1 file in [TIME]
    ");
    assert_snapshot!(sandbox.search(&["* | stats count"]), @r"
    exit: 0
    --- stdout ---
    count
    -----
        6
    ");
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_is_done() {
    let sandbox = Sandbox::new();
    sandbox.file("logs/pay.log", PAY_LOG);
    sandbox.file("logs/picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01");
    sandbox.file("logs/empty.log", b"");
    assert_snapshot!(sandbox.trawl(&["index", "-v", "logs", "missing.log", "no-*.log"]), @r"
    exit: 2
    --- stderr ---
    [DIR]/logs/empty.log: empty
    [DIR]/logs/pay.log: new, log4j, 5 events (477 B)
    warning: [DIR]/missing.log: no such file or directory
    [DIR]/data: left out, the data folder itself
    [DIR]/logs/picture.png: left out, not text
    indexed 5 events (477 B) from 1 file in [TIME], [RATE]; 1 with errors; 2 left out
    ");
    // Root may read everything.
    let secret = sandbox.file("secret.log", PAY_LOG);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&secret).is_err() {
        let run = sandbox.trawl(&["index", "secret.log"]);
        assert_eq!(run.code(), 2);
        assert!(run.stderr().contains("secret.log: cannot be read: Permission denied"), "{run}");
    }
}

#[test]
fn a_dry_run_shows_and_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.file("logs/pay.log", PAY_LOG);
    sandbox.file("logs/app.json", b"{\"ts\":\"2026-11-20T14:05:00Z\",\"level\":\"warn\",\"msg\":\"hi \\u001b[2J\"}\n");
    sandbox.file("logs/empty.log", b"");
    assert_snapshot!(sandbox.trawl(&["index", "--dry-run", "logs"]), @r#"
    exit: 0
    --- stdout ---
    [DIR]/logs/app.json: json, UTF-8
      2026-11-20T14:05:00.000000+00:00  warn  {"ts":"2026-11-20T14:05:00Z","level":"warn","msg":"hi \u001b[2J"}
    [DIR]/logs/empty.log: is empty
    [DIR]/logs/pay.log: log4j, windows-1252
      2026-11-20T14:05:00.001000+00:00  INFO  2026-11-20 14:05:00,001 [main] INFO: PaymentService started on port 8080
      2026-11-20T14:05:01.123000+00:00  ERROR  2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB
      2026-11-20T14:05:02.500000+00:00  WARN  2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2
    "#);
    assert!(!sandbox.path().join("data").exists());
}

#[test]
fn standard_input_and_the_fields_of_all_events() {
    let sandbox = Sandbox::new();
    let mut index = sandbox
        .command(&["index", "--index", "web", "--source", "k8s/pay", "--host", "node-7", "--sourcetype", "log4j", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    index.stdin.take().unwrap().write_all(PAY_LOG).unwrap();
    assert!(index.wait().unwrap().success());
    assert_snapshot!(sandbox.search(&["index=web attempt=2 | table index source host sourcetype level attempt"]), @r"
    exit: 0
    --- stdout ---
    index  source   host    sourcetype  level  attempt
    -----  -------  ------  ----------  -----  -------
    web    k8s/pay  node-7  log4j       WARN         2
    ");
}

#[test]
fn mistakes_are_explained() {
    let sandbox = Sandbox::new();
    sandbox.file("pay.log", PAY_LOG);
    assert_snapshot!(sandbox.trawl(&["index"]), @r"
    exit: 2
    --- stderr ---
    error: the following required arguments were not provided:
      <PATH>...

    Usage: trawl index <PATH>...

    For more information, try '--help'.
    ");
    assert_snapshot!(sandbox.trawl(&["index", "--index", "Web Logs", "pay.log"]), @r"
    exit: 2
    --- stderr ---
    error: invalid value 'Web Logs' for '--index <NAME>': index name `Web Logs` must be made of lower-case letters, digits, `_` and `-`

    For more information, try '--help'.
    ");
    assert_snapshot!(sandbox.trawl(&["index", "--sourcetype", "log5j", "pay.log"]), @r"
    exit: 2
    --- stderr ---
    error: cannot index into [DIR]/data: there is no sourcetype `log5j`
    ");
    assert_snapshot!(sandbox.trawl(&["index", "--tz", "Mars/Olympus", "pay.log"]), @r"
    exit: 2
    --- stderr ---
    error: invalid value 'Mars/Olympus' for '--tz <ZONE>': unknown time zone `Mars/Olympus`, expected a name such as `Europe/Berlin` or an offset such as `+05:30`

    For more information, try '--help'.
    ");
}

#[test]
fn the_second_ctrl_c_ends_the_process_at_once() {
    let sandbox = Sandbox::new();
    let mut index = sandbox.command(&["index", "-"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // Signals are watched before the store is opened. Until its catalog is complete there is nothing to verify.
    while trawl_store::Reader::open(&sandbox.path().join("data")).is_err() {
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(index.try_wait().unwrap(), None);
    }
    // Nothing will come from standard input, so the first one has nobody to obey it.
    let status = loop {
        let killed = Command::new("kill").args(["-INT", &index.id().to_string()]).status().unwrap();
        assert!(killed.success());
        std::thread::sleep(Duration::from_millis(5));
        if let Some(status) = index.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(130));
    assert_eq!(sandbox.trawl(&["verify"]).code(), 0);
}

#[test]
fn a_second_writer_is_told_who_holds_the_store() {
    let sandbox = Sandbox::with_pay_log();
    let _writer = trawl_store::Writer::open(&sandbox.path().join("data")).unwrap();
    let run = sandbox.trawl(&["index", "pay.log"]);
    assert_eq!(run.code(), 2);
    let pid = format!("{}", std::process::id());
    assert!(run.stderr().contains("is being written by another trawl") && run.stderr().contains(&pid), "{run}");
}
