//! `trawl doctor`: the whole way from the machine to the lines; each check has tests of its own.

use crate::support::{PAY_LOG, Run, Sandbox};
use serde_json::Value;

/// State and detail of each finding of a check.
fn findings(run: &Run, check: &str) -> Vec<(String, String)> {
    let answer: Value = serde_json::from_slice(run.stdout()).unwrap_or_else(|error| panic!("{error}: {run}"));
    let rows = answer["results"].as_array().expect("rows");
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let of_check = rows.iter().filter(|row| row["check"] == check);
    of_check.map(|row| (text(row, "state"), text(row, "detail"))).collect()
}

#[test]
fn what_works_is_told_line_by_line() {
    let sandbox = Sandbox::with_pay_log();
    sandbox.file("logs/pay.log", PAY_LOG);
    sandbox.file("trawl.toml", b"[[input]]\npaths = [\"logs/*.log\"]\nsourcetype = \"log4j\"\n");
    let run = sandbox.trawl(&["doctor", "-o", "json"]);
    assert_eq!(run.code(), 0, "{run}");
    let files = findings(&run, "files");
    assert_eq!((files.len(), &*files[0].0), (1, "ok"));
    assert!(files[0].1.ends_with("trawl.toml:1: 1 file"), "{files:?}");
    assert!(findings(&run, "store")[0].1.starts_with("1 bucket, "), "{run}");
    for check in ["configuration", "time zone", "data folder", "open files", "clock"] {
        assert_eq!(findings(&run, check)[0].0, "ok", "{check}: {run}");
    }
    let lines = String::from_utf8_lossy(sandbox.trawl(&["doctor"]).stdout()).into_owned();
    assert!(lines.starts_with("ok       configuration  "), "{lines}");
    assert!(lines.lines().last().unwrap().starts_with("0 problems, "), "{lines}");
}

#[test]
fn what_does_not_work_is_a_problem() {
    let sandbox = Sandbox::new();
    let config = "[[input]]\ncommand = [\"no-such-program-here\"]\ninterval = \"60s\"\n\
                  [[input]]\npaths = [\"none/*.log\"]\nsourcetype = \"fancy\"\n\
                  [[input]]\npaths = [\"trawl.toml\"]\nfifo = true\n\
                  [[input]]\npaths = [\"/proc/self\"]\nexclude = [\"*\"]\n";
    sandbox.file("trawl.toml", config.as_bytes());
    let run = sandbox.trawl(&["doctor", "-o", "json"]);
    assert_eq!(run.code(), 2, "{run}");
    for (check, expected) in
        [("command", "problem"), ("sourcetype", "problem"), ("fifo", "problem"), ("files", "warning")]
    {
        assert_eq!(findings(&run, check)[0].0, expected, "{check}: {run}");
    }
    let systems = findings(&run, "file system");
    assert!(systems.iter().any(|(state, detail)| state == "problem" && detail.contains("lies on proc")), "{run}");
    assert!(findings(&run, "store")[0].1.starts_with("nothing is indexed"), "{run}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_a_problem() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", b"data = 7\n");
    let run = sandbox.trawl(&["doctor"]);
    assert_eq!(run.code(), 2, "{run}");
    let lines = String::from_utf8_lossy(run.stdout()).into_owned();
    assert!(lines.starts_with("problem  configuration  "), "{lines}");
}
