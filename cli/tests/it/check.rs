//! `trawl check` and `trawl jobs`, over the `event_demon` log of a small batch; scheduled checks of `trawl run`.

use crate::support::{Run, Running, Sandbox};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for what should happen within seconds, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &[u8] = b"\
[[check]]
name = \"sod\"
description = \"Start of day\"
owner = \"production support\"
runbook = \"https://wiki/sod\"

[[check.expect]]
title = \"backup logged\"
search = \"backup completed\"
earliest = \"-1d@d+18h\"
latest = \"@d+6h\"
want = \"count >= 1\"

[[check.expect]]
title = \"no restart of the gateway\"
search = \"sourcetype=log4j gateway restarted\"
want = \"absent\"
severity = \"warning\"

[[check.job]]
name = \"EOD_*\"
by = \"22:15\"
max_runtime = \"x3\"

[[check]]
name = \"eod\"
[[check.job]]
name = \"EOD_SALES\"
by = \"22:15\"
[[check.expect]]
title = \"all is still\"
search = \"sourcetype=autosys_event_demon ALARM JOBFAILURE\"
earliest = \"@d\"
want = \"rows == 0\"

[[check]]
name = \"weekdays\"
active = \"business\"
[[check.expect]]
title = \"anything\"
search = \"sourcetype=autosys_event_demon\"
want = \"count > 0\"

[calendar.business]
days = [\"mon-fri\"]
";

/// The status changes of a run, from the 18th to the 20th of November 2026; times as `20T22:01:07`.
fn job(log: &mut String, name: &str, run: u32, start: &str, end: Option<(&str, &str)>) {
    let stamp = |time: &str| {
        let (day, clock) = time.split_once('T').unwrap();
        format!("[11/{day}/2026 {clock}]      ")
    };
    let status = |status: &str| {
        format!("CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: {status:<15} JOB: {name} MACHINE: bat09")
    };
    let begin = stamp(start);
    log.push_str(&format!("{begin}{}\n", status("STARTING")));
    log.push_str(&format!("{begin}CAUAJM_I_10082 [bat09 connected for {name} 4411.{run}.1]\n"));
    log.push_str(&format!("{begin}{}\n", status("RUNNING")));
    if let Some((end, how)) = end {
        let code = if how == "FAILURE" { " EXITCODE:  3" } else { "" };
        log.push_str(&format!("{}{}{code}\n", stamp(end), status(how)));
    }
}

/// Three days of four jobs. On the third EOD_SALES is in time, EOD_RISK late, EOD_FX failed, and EOD_POST missing.
fn event_demon() -> String {
    let mut log = String::new();
    for (n, day) in ["18", "19"].into_iter().enumerate() {
        let run = 100 + 10 * n as u32;
        for (at, name) in ["EOD_SALES", "EOD_RISK", "EOD_FX", "EOD_POST"].into_iter().enumerate() {
            let (start, end) = (format!("{day}T21:{at}0:00"), format!("{day}T21:{at}9:30"));
            job(&mut log, name, run + at as u32, &start, Some((&end, "SUCCESS")));
        }
    }
    job(&mut log, "EOD_SALES", 120, "20T21:00:00", Some(("20T21:10:30", "SUCCESS")));
    job(&mut log, "EOD_FX", 122, "20T21:20:00", Some(("20T21:21:00", "FAILURE")));
    job(&mut log, "EOD_RISK", 121, "20T22:00:00", Some(("20T22:20:00", "SUCCESS")));
    log
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", CONFIG);
    sandbox.file("event_demon.PRD", event_demon().as_bytes());
    sandbox.file(
        "backup.log",
        b"2026-11-20 23:10:00,000 [main] INFO: backup started\n2026-11-20 23:40:00,000 [main] INFO: backup completed <b>4 GB</b>\n",
    );
    let run = sandbox.trawl(&["index", "--host", "bat09", "event_demon.PRD", "backup.log"]);
    assert_eq!(run.code(), 0, "{run}");
    sandbox
}

/// A run without what differs from run to run.
fn shown(run: &Run) -> String {
    let took = regex::Regex::new(r"in [\d.]+ (ms|s)\b").unwrap();
    took.replace_all(&run.to_string(), "in [TIME]").into_owned()
}

const SOD: [&str; 4] = ["check", "sod", "--at", "2026-11-21T07:00:00"];

#[test]
fn the_start_of_day_says_what_is_late_failed_and_missing() {
    let sandbox = sandbox();
    insta::assert_snapshot!(shown(&sandbox.trawl(&SOD)));
    // Marks beyond ASCII where the environment says that they can be shown.
    let marked = sandbox.finish(sandbox.command(&SOD).env("LANG", "C.UTF-8"));
    let text = String::from_utf8_lossy(marked.stdout()).into_owned();
    assert!(text.contains("\u{2713} backup logged") && text.contains("\u{2717} EOD_FX finished by 22:15"), "{text}");
}

#[test]
fn the_end_of_day_is_judged_by_the_time_that_is_past() {
    let sandbox = sandbox();
    let code = |at: &str| sandbox.trawl(&["check", "eod", "--at", at]).code();
    assert_eq!(code("2026-11-19T22:30:00"), 0);
    assert_eq!(code("2026-11-20T22:30:00"), 0, "an alarm is another event than a failure");
    // On the 22nd nothing of AutoSys has arrived.
    let silent = sandbox.trawl(&["check", "eod", "--at", "2026-11-22T22:30:00"]);
    assert_eq!(silent.code(), 2, "{silent}");
    let text = String::from_utf8_lossy(silent.stdout()).into_owned();
    assert!(text.contains("nothing of AutoSys arrived since 2026-11-22 10:15:00"), "{text}");
    assert!(
        text.contains(
            "nothing of sourcetype=autosys_event_demon arrived in this range; the newest before it is of 2026-11-20"
        ),
        "{text}"
    );
}

#[test]
fn every_form_says_the_same() {
    let sandbox = sandbox();
    let of = |format: &str| {
        let run = sandbox.trawl(&[&SOD[..], &["--output", format]].concat());
        assert_eq!(run.code(), 1, "{run}");
        String::from_utf8(run.stdout().to_vec()).unwrap()
    };
    let json: Value = serde_json::from_str(&of("json")).unwrap();
    let check = &json["checks"][0];
    assert_eq!((&check["passed"], &check["failed"], &check["not_judged"]), (&3.into(), &3.into(), &0.into()));
    let told: Vec<String> = check["expectations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["kind"] == "job")
        .map(|one| format!("{} {} {}", one["job"]["job"], one["job"]["status"], one["severity"]).replace('"', ""))
        .collect();
    let expected = [
        "EOD_FX failed critical",
        "EOD_POST not started critical",
        "EOD_RISK late warning",
        "EOD_SALES succeeded critical",
    ];
    assert_eq!(told, expected);
    let risk = &check["expectations"][4]["job"];
    assert_eq!(
        (&risk["run_state"], &risk["runtime_s"], &risk["usual_runtime_s"]),
        (&"succeeded".into(), &1200.0.into(), &570.0.into())
    );
    assert_eq!((&risk["run"], &risk["by"]), (&"4411.121.1".into(), &"2026-11-20T22:15:00.000000+00:00".into()));

    let html = of("html");
    assert!(html.contains("backup completed &lt;b&gt;4 GB&lt;/b&gt;") && !html.contains("<b>"), "{html}");
    let markdown = of("markdown");
    assert!(markdown.contains("- [x] backup logged: passed (1 event)"), "{markdown}");
    assert!(markdown.contains("- [ ] EOD\\_FX finished by 22:15"), "{markdown}");
    let junit = of("junit");
    let count = |tag: &str| elements(&junit).iter().filter(|name| *name == tag).count();
    assert_eq!((count("testsuite"), count("testcase"), count("failure"), count("error")), (1, 6, 3, 0));
}

#[test]
fn the_names_that_autosys_writes_can_be_searched() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "trawl.toml",
        b"\
[[check]]
name = \"sod\"
[[check.expect]]
title = \"EOD_SALES finished by 22:15\"
search = \"sourcetype=autosys_event_demon JOB=EOD_SALES STATUS=SUCCESS\"
earliest = \"-1d@d+18h\"
latest = \"-1d@d+22h+15m\"
want = \"count >= 1\"
[[check.job]]
name = \"EOD_SALES\"
by = \"22:15\"
title = \"the same, as a job\"
",
    );
    sandbox.file("event_demon.PRD", event_demon().as_bytes());
    let run = sandbox.trawl(&["index", "event_demon.PRD"]);
    assert_eq!(run.code(), 0, "{run}");
    for (at, code) in [("2026-11-21T07:00:00", 0), ("2026-11-21T22:00:00", 0), ("2026-11-22T07:00:00", 2)] {
        let run = sandbox.trawl(&["check", "sod", "--at", at]);
        assert_eq!(run.code(), code, "{at}: {run}");
    }
}

#[test]
fn jobs_are_known_from_what_autorep_prints() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "trawl.toml",
        b"[[check]]\nname = \"eod\"\n\
          [[check.job]]\nname = \"EOD_*\"\ntitle = \"batch\"\nby = \"14:10\"\nwithin = \"2h\"\n\
          [[check.job]]\nname = \"EOD_BOX\"\nby = \"14:05\"\n",
    );
    // The first date says that days come first; the report is of 15:00.
    let report = b"\
Job Name                                                         Last Start           Last End             ST Run/Ntry Pri/Xit
________________________________________________________________ ____________________ ____________________ __ ________ _______
EOD_BOX                                                          20/11/2026 14:00:00  20/11/2026 14:09:00  SU 4410/1
 EOD_FX                                                          20/11/2026 14:00:03  20/11/2026 14:05:00  FA 4411/1   3
 EOD_RISK                                                        20/11/2026 13:50:00  -----                RU 4412/1
 EOD_POST                                                        -----                -----                IN 0/0
";
    sandbox.file("autorep.txt", report);
    let run = sandbox.trawl(&["index", "--sourcetype", "autorep", "autorep.txt"]);
    assert_eq!(run.code(), 0, "{run}");
    let run = sandbox.trawl(&["check", "eod", "--at", "2026-11-20T15:30:00", "-o", "json"]);
    assert_eq!(run.code(), 1, "{run}");
    let json: Value = serde_json::from_slice(run.stdout()).unwrap();
    let told: Vec<String> = json["checks"][0]["expectations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}: {} {}", one["title"], one["job"]["status"], one["job"]["runtime_s"]).replace('"', ""))
        .collect();
    // A job that is named by itself is no part of the batch.
    let expected = [
        "batch: EOD_FX: failed 297.0",
        "batch: EOD_POST: not started null",
        "batch: EOD_RISK: late 6000.0",
        "EOD_BOX finished by 14:05: late 540.0",
    ];
    assert_eq!(told, expected);
}

/// The names of all elements; fails if it is not well formed.
fn elements(xml: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(start) => {
                assert!(start.attributes().all(|attribute| attribute.is_ok()));
                names.push(start.name().as_ref().to_owned());
            }
            quick_xml::events::Event::Eof => return names,
            _ => {}
        }
    }
}

#[test]
fn jobs_of_a_day_are_listed() {
    let sandbox = sandbox();
    let args = ["jobs", "--latest", "2026-11-21T00:00:00", "--all", "-o", "csv"];
    insta::assert_snapshot!(sandbox.trawl(&args), @r#"
    exit: 0
    --- stdout ---
    job,status,start,end,runtime,usual,machine,exit_code,run
    EOD_SALES,succeeded,2026-11-20T21:00:00.000000+00:00,2026-11-20T21:10:30.000000+00:00,00:10:30,00:09:30,bat09,,4411.120.1
    EOD_FX,failed,2026-11-20T21:20:00.000000+00:00,2026-11-20T21:21:00.000000+00:00,00:01:00,00:09:30,bat09,3,4411.122.1
    EOD_RISK,succeeded,2026-11-20T22:00:00.000000+00:00,2026-11-20T22:20:00.000000+00:00,00:20:00,00:09:30,bat09,,4411.121.1
    EOD_POST,not started,,,,00:09:30,,,
    "#);
    let one = sandbox.trawl(&["jobs", "EOD_S*", "--last", "3d", "--latest", "2026-11-21T00:00:00", "-o", "ndjson"]);
    assert_eq!((one.code(), one.stdout().split(|&byte| byte == b'\n').count()), (0, 4), "{one}");
    let none = sandbox.trawl(&["jobs", "SOD_*", "--latest", "2026-11-21T00:00:00"]);
    assert!(none.code() == 1 && none.stderr().contains("no job like SOD_* is known; AutoSys last said"), "{none}");
}

#[test]
fn what_cannot_be_made_is_said() {
    let sandbox = sandbox();
    insta::assert_snapshot!(sandbox.trawl(&["check"]), @r"
    exit: 0
    --- stdout ---
    check     description   owner               expectations  schedule  last
    --------  ------------  ------------------  ------------  --------  ----
    sod       Start of day  production support             3
    eod                                                    2
    weekdays                                               1
    ");
    let unknown = sandbox.trawl(&["check", "sot"]);
    assert!(unknown.code() == 2 && unknown.stderr().contains("did you mean `sod`?"), "{unknown}");
    // The 21st is a Saturday.
    let weekend = ["check", "weekdays", "--at", "2026-11-21T07:00:00"];
    let skipped = sandbox.trawl(&weekend);
    assert!(skipped.code() == 0 && skipped.stderr().contains("--anyway makes it"), "{skipped}");
    assert_eq!(sandbox.trawl(&[&weekend[..], &["--anyway"]].concat()).code(), 0);
    for (written, expected) in [
        ("[[check]]\nname = \"a\"", "it expects nothing"),
        ("[[check]]\nname = \"a\"\n[[check.expect]]\nsearch = \"x\"", "nothing says what the expectation `x` wants"),
        ("[[check]]\nname = \"a\"\n[[check.expect]]\nsearch = \"x\"\nwant = \"count >\"", "is no condition"),
        (
            "[[check]]\nname = \"a\"\n[[check.expect]]\nsearch = \"x |\"\nwant = \"absent\"",
            "the search of `x |` cannot be used",
        ),
        ("[[check]]\nname = \"a\"\n[[check.job]]\nname = \"J\"\nby = \"25:00\"", "`25:00` is no time of day"),
        ("[[check]]\nname = \"a\"\n[[check.job]]\nname = \"J\"\nmax_runtime = \"long\"", "`long` is no run time"),
        (
            "[[check]]\nname = \"a\"\n[[check.job]]\nname = \"J\"\ndays = \"busness\"\n[calendar.business]",
            "did you mean `business`?",
        ),
        (
            "[[check]]\nname = \"a\"\nactions = [\"pager\"]\n[[check.job]]\nname = \"J\"",
            "write a section [action.pager]",
        ),
        ("[[check]]\nname = \"a\"\n[[check.expect]]\nopen_alerts = \"bad\"", "`bad` is not how bad it can be"),
        (
            "[[check]]\nname = \"a\"\n[[check.expect]]\nopen_alerts = \"critical\"\n[[alert]]\nname = \"check:a\"",
            "give the alert another name",
        ),
        ("[[check]]\nname = \"a\"\n[[check.expect]]\nsaerch = \"x\"", "did you mean `search`?"),
    ] {
        sandbox.file("trawl.toml", written.as_bytes());
        let run = sandbox.trawl(&["check", "a"]);
        assert!(run.code() == 2 && run.stderr().contains(expected), "{written}: {run}");
    }
}

/// Waits until rows are as they are wanted.
fn when(sandbox: &Sandbox, args: &[&str], wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let run = sandbox.trawl(&[args, &["-o", "ndjson"]].concat());
        let lines = run.stdout().split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let rows: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
        if wanted(&rows) {
            return rows;
        }
        assert!(begun.elapsed() < PATIENCE, "{rows:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Appends a line that happens now.
fn log(sandbox: &Sandbox, text: &str) {
    std::fs::create_dir_all(sandbox.path().join("logs")).unwrap();
    let mut log = File::options().append(true).create(true).open(sandbox.path().join("logs/app.log")).unwrap();
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).format("%Y-%m-%d %H:%M:%S%.3f");
    writeln!(log, "{now} {text}").unwrap();
}

#[test]
fn a_scheduled_check_tells_when_it_fails_and_when_it_passes_again() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "trawl.toml",
        b"\
[[input]]
paths = [\"logs/*.log\"]

[[check]]
name = \"up\"
every = \"1s\"
actions = [\"note\"]
[[check.expect]]
title = \"service started\"
search = \"service started\"
earliest = \"-1h\"
want = \"count >= 1\"
[[check.expect]]
title = \"no trouble\"
search = \"trouble\"
earliest = \"-1h\"
want = \"absent\"

[action.note]
type = \"log\"
",
    );
    log(&sandbox, "INFO booting");
    let running = Running::new(&sandbox, &[]);
    let firing = when(&sandbox, &["alert", "list", "--firing"], |rows| !rows.is_empty());
    assert_eq!((&firing[0]["alert"], &firing[0]["group"]), (&"check:up".into(), &"expect=service started".into()));
    log(&sandbox, "INFO service started");
    when(&sandbox, &["alert", "list", "--firing"], |rows| rows.is_empty());
    running.stop();

    // It goes on where it was, and no moment is made twice.
    log(&sandbox, "ERROR trouble");
    let running = Running::new(&sandbox, &[]);
    when(&sandbox, &["alert", "list", "--firing"], |rows| !rows.is_empty());
    let history = when(&sandbox, &["alert", "history", "check:up"], |rows| rows.len() == 3);
    let told: Vec<String> =
        history.iter().rev().map(|row| format!("{} {}", row["transition"], row["group"]).replace('"', "")).collect();
    assert_eq!(told, ["raised expect=service started", "resolved expect=service started", "raised expect=no trouble"]);
    // The action was told of each.
    when(&sandbox, &["search", "index=_audit what=delivery* alert=\"check:up\" | table what"], |rows| rows.len() == 3);
    running.stop();
    let query =
        "index=_audit what=check check=up | stats count BY evaluated | stats count AS moments, max(count) AS most";
    let moments = when(&sandbox, &["search", query], |rows| !rows.is_empty());
    assert_eq!(moments[0]["most"], 1, "{moments:?}");
    let failed = when(
        &sandbox,
        &["search", "index=_audit what=expectation outcome=failed | stats count BY expectation"],
        |rows| !rows.is_empty(),
    );
    assert_eq!(failed.len(), 2, "{failed:?}");
}
