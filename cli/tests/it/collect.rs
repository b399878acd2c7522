//! `collect`: rows of a search become events that others find.

use crate::support::{PAY_LOG, Sandbox};
use insta::assert_snapshot;
use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

/// A search whose rows have quotes, several values and lines in their fields.
const COLLECT: &str = "| makeresults count=3 | streamstats count AS n \
    | eval _time=1795183500+n, what=\"say \\\"\".n.\"\\\" \\\\ x\", users=split(\"anna ben\", \" \"), \
      two=\"a\n11/20/2026 00:00:00.000000 +0000, b\", host=\"db-0\".n \
    | fields - _raw | collect index=summary source=nightly marker=\"report=daily\" | stats count";

/// Shows what was collected.
const SHOW: &str = "index=summary | sort n | table _time n what users two orig_host report source sourcetype";

fn check_found(sandbox: &Sandbox) {
    let found = sandbox.search(&[SHOW, "-o", "ndjson"]);
    let event = |n: usize| {
        format!(
            "{{\"_time\":\"2026-11-20T14:05:0{n}.000000+00:00\",\"n\":\"{n}\",\"what\":\"say \\\"{n}\\\" \\\\ x\",\
             \"users\":\"anna\\nben\",\"two\":\"a\\n 11/20/2026 00:00:00.000000 +0000, b\",\
             \"orig_host\":\"db-0{n}\",\"report\":\"daily\",\"source\":\"nightly\",\"sourcetype\":\"stash\"}}\n"
        )
    };
    let expected: String = (1..=3).map(event).collect();
    assert_eq!(String::from_utf8_lossy(found.stdout()), expected);
}

#[test]
fn what_was_collected_is_found_with_its_fields() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.search(&[COLLECT]), @r"
    exit: 0
    --- stdout ---
    count
    -----
        3

    --- stderr ---
    warning: collect wrote 3 events to the index `summary`
    ");
    check_found(&sandbox);
    assert_eq!(sandbox.trawl(&["verify"]).code(), 0);
}

#[test]
fn so_it_is_while_somebody_else_writes_the_store() {
    let sandbox = Sandbox::new();
    sandbox.file("followed/pay.log", PAY_LOG);
    let mut run = sandbox.command(&["run", "followed"]).stderr(Stdio::null()).spawn().unwrap();
    wait_until_served(&sandbox, &mut run);
    let searches: Vec<Child> = (0..3)
        .map(|n| {
            let query = format!("| makeresults count=50 | collect index=other marker=\"of={n}\"");
            sandbox.command(&["search", &query]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    assert_eq!(sandbox.search(&[COLLECT]).code(), 0);
    check_found(&sandbox);
    for mut search in searches {
        assert!(search.wait().unwrap().success());
    }
    assert_snapshot!(sandbox.search(&["index=other | stats count BY of"]), @r#"
    exit: 0
    --- stdout ---
    of  count
    --  -----
     0     50
     1     50
     2     50
    "#);
    let left: Vec<_> =
        fs::read_dir(sandbox.path().join("data/spool")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["serving"]);
    run.kill().unwrap();
    run.wait().unwrap();
}

fn wait_until_served(sandbox: &Sandbox, run: &mut Child) {
    let is_served = || {
        let file = fs::File::open(sandbox.path().join("data/spool/serving")).ok();
        file.is_some_and(|file| file.try_lock_shared().is_err())
    };
    while !is_served() {
        assert_eq!(run.try_wait().unwrap(), None);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn events_are_summarised() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.search(&["ERROR | collect index=errors | stats count"]), @r"
    exit: 0
    --- stdout ---
    count
    -----
        2

    --- stderr ---
    warning: collect wrote 2 events to the index `errors`
    ");
    assert_snapshot!(sandbox.search(&["index=errors attempt=1"]), @r#"
    exit: 0
    --- stdout ---
    11/20/2026 14:05:01.123000 +0000, orig_raw="2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB host=db-01 attempt=1
    java.sql.SQLException: timeout
    	at com.example.Pay.run(Pay.java:12)", orig_host="pay-01", orig_source="[DIR]/pay.log", orig_sourcetype="log4j", orig_index="main", level="ERROR", attempt="1", exception="java.sql.SQLException"
    "#);
    assert_snapshot!(sandbox.search(&["index=main | stats count avg(attempt) BY host | collect index=daily testmode=t"]), @r#"
    exit: 0
    --- stdout ---
    host    count  avg(attempt)
    ------  -----  ------------
    pay-01      5           2.5
    "#);
    assert_snapshot!(sandbox.search(&["index=daily"]), @r#"
    exit: 1
    --- stderr ---
    no event matched
      index=daily  0 events
    data folder: [DIR]/data ($TRAWL_DATA)
    searched nothing: no index, or stopped before the first one was opened; all time; [TIME]
    "#);
    assert_snapshot!(sandbox.search(&["* | collect index=errors sourcetype=nonesuch"]), @r#"
    exit: 2
    --- stderr ---
    error: `collect`: cannot index into [DIR]/data: there is no sourcetype `nonesuch`
    "#);
}

#[test]
fn it_is_refused_where_another_writes_who_does_not_serve() {
    let sandbox = Sandbox::with_pay_log();
    let _writer = trawl_store::Writer::open(&sandbox.path().join("data")).unwrap();
    let run = sandbox.search(&["* | collect index=errors"]);
    assert_eq!(run.code(), 2);
    assert!(
        run.stderr().contains("`collect`: ") && run.stderr().contains("is being written by another trawl"),
        "{run}"
    );
}
