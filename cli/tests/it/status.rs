//! `trawl status`

use crate::support::{PAY_LOG, Running, Sandbox};
use insta::assert_snapshot;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for what should happen at once, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The object of `trawl status -o json` and its exit code, once it is as it is `wanted`.
fn status_when(sandbox: &Sandbox, wanted: impl Fn(&Value) -> bool) -> (Value, i32) {
    let begun = Instant::now();
    loop {
        let run = sandbox.trawl(&["status", "-o", "json"]);
        let status: Value = serde_json::from_slice(run.stdout()).unwrap_or(Value::Null);
        if wanted(&status) {
            return (status, run.code());
        }
        assert!(begun.elapsed() < PATIENCE, "{run}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn sources(sandbox: &Sandbox, options: &[&str]) -> Vec<Value> {
    let run = sandbox.trawl(&[&["sources", "-o", "ndjson"], options].concat());
    run.stdout()
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn append(path: &std::path::Path, bytes: &[u8]) {
    File::options().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn the_data_folder_is_summed_up() {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.trawl(&["status", "-o", "ndjson"]);
    let row: Value = serde_json::from_slice(run.stdout()).unwrap();
    assert_eq!((&row["index"], &row["events"], &row["sources"]), (&"main".into(), &5.into(), &1.into()));
    assert_eq!(row["earliest"], "2026-11-20T14:05:00.001000+00:00");
    assert!(row["disk_bytes"].as_u64().unwrap() > 0);
    assert!(run.stderr().contains("data ($TRAWL_DATA): 5 events"), "{run}");
}

#[test]
fn a_missing_data_folder_is_named_with_its_origin() {
    assert_snapshot!(Sandbox::new().trawl(&["status"]), @r"
    exit: 2
    --- stderr ---
    error: there is no trawl data in [DIR]/data ($TRAWL_DATA)
    hint: index something first, for example `trawl index /var/log`, or name another folder with --data
    ");
}

#[test]
fn all_is_well_while_it_runs_and_when_it_was_stopped() {
    let sandbox = Sandbox::new();
    let path = sandbox.file("logs/pay.log", PAY_LOG);
    sandbox.file("logs/picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01");
    sandbox.file("logs/empty.log", b"");
    let running = Running::new(&sandbox, &["logs"]);
    let (status, code) = status_when(&sandbox, |status| {
        status["run"]["sources_by_state"]["following"] == 1 && status["lag"]["bytes"] == 0
    });
    assert_eq!((code, &status["run"]["state"], &status["problems"]), (0, &"running".into(), &serde_json::json!([])));
    assert_eq!(status["run"]["pid"], running.0.id());
    let by_state = &status["run"]["sources_by_state"];
    assert_eq!((&by_state["binary"], &by_state["empty"]), (&1.into(), &1.into()), "{status}");
    append(&path, b"2026-11-20 14:05:09,000 [pay-1] INFO: late\n");
    let (status, _) = status_when(&sandbox, |status| status["results"][0]["live_events"] == 6);
    assert_eq!((&status["results"][0]["protected"], &status["results"][0]["sources"]), (&"no".into(), &1.into()));
    assert!(status["results"][0]["live_bytes"].as_u64().unwrap() > 0 && status["disk"]["free_bytes"].is_u64());
    // The last event is read, and searchable; its bytes count as progress when it closes.
    let source = sources(&sandbox, &["--index", "main"]).into_iter().find(|source| source["events"] != 0).unwrap();
    assert_eq!(
        (&source["state"], &source["lag_bytes"], &source["read_bytes"]),
        (&"following".into(), &0.into(), &source["file_bytes"])
    );
    let shown = sandbox.trawl(&["status"]);
    assert!(shown.code() == 0 && shown.stderr().contains("1 file followed"), "{shown}");
    assert!(shown.stderr().contains("behind: nothing, everything that was written can be found"), "{shown}");

    running.stop();
    let (status, code) = status_when(&sandbox, |_| true);
    assert_eq!((code, &status["run"]["state"]), (0, &"stopped".into()), "{status}");
    append(&path, b"2026-11-20 14:05:10,000 [pay-1] INFO: unread\n");
    let (status, _) = status_when(&sandbox, |_| true);
    assert_eq!((&status["lag"]["bytes"], &status["lag"]["sources"]), (&45.into(), &1.into()), "{status}");
    let waiting = sources(&sandbox, &["--problems"]);
    assert_eq!((waiting.len(), &waiting[0]["state"], &waiting[0]["lag_bytes"]), (1, &"waiting".into(), &45.into()));
    // With an input in the configuration, there should be somebody.
    sandbox.file("trawl.toml", b"[[input]]\npaths = [\"logs\"]\n");
    let (status, code) = status_when(&sandbox, |_| true);
    assert!(code == 2 && status["problems"][0]["what"].as_str().unwrap().contains("was stopped"), "{status}");
}

#[test]
fn what_is_wrong_is_named_with_its_age_and_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", b"[[input]]\npaths = [\"logs\"]\n[[input]]\ncommand = [\"false\"]\ninterval = \"1h\"\n");
    let never = sandbox.trawl(&["status"]);
    assert_eq!(never.code(), 2, "there is no data folder yet");
    sandbox.file("logs/pay.log", PAY_LOG);
    sandbox.file("other/pay.log", PAY_LOG);
    assert_eq!(sandbox.trawl(&["index", "other"]).code(), 0);
    let (status, code) = status_when(&sandbox, |_| true);
    assert!(code == 2 && status["problems"][0]["what"].as_str().unwrap().contains("is not running"), "{status}");
    assert_eq!(status["run"], Value::Null);

    let running = Running::new(&sandbox, &[]);
    let problem = |status: &Value, text: &str| {
        status["problems"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|problem| problem["what"].as_str().unwrap().contains(text))
    };
    let (status, code) = status_when(&sandbox, |status| problem(status, "`false`: exits with status 1"));
    assert!(code == 2 && status["problems"][0]["since_us"].is_i64(), "{status}");
    assert!(status["problems"][0]["remedy"].as_str().unwrap().contains("trawl:command"));
    // The configuration that it gets next is not one.
    sandbox.file("trawl.toml", b"[[input]]\npats = [\"logs\"]\n");
    assert!(Command::new("kill").args(["-HUP", &running.0.id().to_string()]).status().unwrap().success());
    let state = sandbox.path().join("data/status.json");
    let begun = Instant::now();
    while !fs::read_to_string(&state).unwrap().contains("refused_configuration") {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    sandbox.file("trawl.toml", b"");
    let shown = sandbox.trawl(&["status"]);
    assert!(shown.code() == 2 && shown.stderr().contains("warning: the configuration was not read again: "), "{shown}");
    assert!(shown.stderr().contains("hint: correct it, `trawl doctor` checks it"), "{shown}");

    status_when(&sandbox, |status| status["run"]["sources_by_state"]["following"] == 1);
    running.kill();
    append(&sandbox.path().join("logs/pay.log"), b"2026-11-20 14:05:10,000 [pay-1] INFO: unread\n");
    let (status, code) = status_when(&sandbox, |_| true);
    assert!(code == 2 && problem(&status, "is gone without a word"), "{status}");
    assert_eq!((&status["run"]["state"], &status["lag"]["bytes"]), (&"gone".into(), &45.into()), "{status}");
}

#[test]
fn a_path_that_does_not_exist_is_a_problem() {
    let sandbox = Sandbox::new();
    sandbox.file("logs/pay.log", PAY_LOG);
    sandbox.file("trawl.toml", b"[[input]]\npaths = [\"logs\", \"missing/app.log\"]\n");
    let _running = Running::new(&sandbox, &[]);
    let (status, code) = status_when(&sandbox, |status| {
        status["problems"][0].is_object() && status["run"]["sources_by_state"]["following"] == 1
    });
    assert!(code == 2 && status["problems"][0]["what"].as_str().unwrap().contains("missing/app.log"), "{status}");
}
