//! `trawl search`

use crate::support::{PAY_LOG, Sandbox};
use insta::assert_snapshot;
use std::io::Read;
use std::process::Stdio;

#[test]
fn words_need_no_quotes_and_a_pipe_gets_the_exact_bytes() {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.search(&["ERROR", "PaymentService"]);
    let lines: Vec<&[u8]> = PAY_LOG.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(run.stdout(), lines[1..4].concat(), "{run}");
    let run = sandbox.search(&["ERROR", "red"]);
    assert!(run.stdout().ends_with(b"caf\xe9 \x1b[31mred\x1b[0m host=db-02 attempt=3\n"), "{run}");
    assert_snapshot!(sandbox.search(&["error", "failed to connect"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB host=db-01 attempt=1
    java.sql.SQLException: timeout
    	at com.example.Pay.run(Pay.java:12)
    ");
}

#[test]
fn without_a_terminal_a_query_is_needed() {
    assert_snapshot!(Sandbox::new().trawl(&["search", "-n", "3"]), @r"
    exit: 2
    --- stderr ---
    error: the following required arguments were not provided:
      <QUERY>...

    Usage: trawl search --limit <N> <QUERY>...

    For more information, try '--help'.
    ");
}

#[test]
fn formats() {
    let sandbox = Sandbox::with_pay_log();
    let print = |format: &str| sandbox.search(&["attempt>2 | table _time level attempt", "--output", format]);
    assert_snapshot!(print("table"), @r"
    exit: 0
    --- stdout ---
    _time                             level  attempt
    --------------------------------  -----  -------
    2026-11-20T14:05:04.000000+00:00  INFO         4
    2026-11-20T14:05:03.000000+00:00  ERROR        3
    ");
    assert_snapshot!(print("csv"), @r"
    exit: 0
    --- stdout ---
    _time,level,attempt
    2026-11-20T14:05:04.000000+00:00,INFO,4
    2026-11-20T14:05:03.000000+00:00,ERROR,3
    ");
    assert_snapshot!(print("ndjson"), @r#"
    exit: 0
    --- stdout ---
    {"_time":"2026-11-20T14:05:04.000000+00:00","level":"INFO","attempt":"4"}
    {"_time":"2026-11-20T14:05:03.000000+00:00","level":"ERROR","attempt":"3"}
    "#);
    assert_snapshot!(print("raw"), @r"
    exit: 0
    --- stdout ---
    2026-11-20T14:05:04.000000+00:00	INFO	4
    2026-11-20T14:05:03.000000+00:00	ERROR	3
    ");
    let json: serde_json::Value = serde_json::from_slice(print("json").stdout()).unwrap();
    assert_eq!(json["fields"], serde_json::json!(["_time", "level", "attempt"]));
    assert_eq!(json["results"][0]["attempt"], "4");
    assert_eq!(json["warnings"], serde_json::json!([]));
    assert_eq!(json["coverage"]["n_events"], 5);
}

#[test]
fn an_event_row_has_its_default_fields_and_its_address() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.search(&["retry", "--output", "ndjson"]), @r#"
    exit: 0
    --- stdout ---
    {"_time":"2026-11-20T14:05:02.500000+00:00","_raw":"2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2","host":"pay-01","source":"[DIR]/pay.log","sourcetype":"log4j","index":"main","level":"WARN","_addr":"[DIR]/pay.log@0:240+75","attempt":"2"}
    "#);
}

#[test]
fn tables_follow_after_transforming_commands() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.search(&["* | stats count by level"]), @r"
    exit: 0
    --- stdout ---
    level  count
    -----  -----
    ERROR      2
    INFO       2
    WARN       1
    ");
    assert_snapshot!(sandbox.search(&["*", "|", "stats", "count", "--stats"]), @r"
    exit: 0
    --- stdout ---
    count
    -----
        5

    --- stderr ---
    searched 5 events of 1 source in 1 of 1 bucket, index main; all time; [TIME]
      buckets   1 of 1 read, 0 outside the time range
      blocks    0 of 1 read
      events    5 matched, 0 of 5 read
      raw text  0 B
    ");
}

#[test]
fn nothing_found_comes_with_a_diagnosis() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.search(&["ERORR", "PaymentService"]), @r"
    exit: 1
    --- stderr ---
    no event matched
      ERORR           0 events; nearest: error
      PaymentService  3 events
    data folder: [DIR]/data ($TRAWL_DATA)
    searched 5 events of 1 source in 1 of 1 bucket, index main; all time; [TIME]
    ");
    assert_snapshot!(sandbox.search(&["ERROR", "--earliest", "-1h"]), @r"
    exit: 1
    --- stderr ---
    no event matched
      ERROR  0 events in the time range, 2 in all
    data folder: [DIR]/data ($TRAWL_DATA)
    hint: there are events outside the time range; see --earliest and --latest
    searched 0 events of 0 sources in 0 of 1 bucket, index main; from 2026-11-22T22:00:00.000000+00:00; [TIME]
    ");
    let hint = |args: &[&str]| {
        sandbox.search(args).stderr().lines().find_map(|line| line.strip_prefix("hint: ").map(str::to_owned))
    };
    assert_eq!(
        hint(&["ERROR -1h"]).as_deref(),
        Some("`-1h` is searched for as a word; if it is a time, write --earliest -1h")
    );
    assert_eq!(
        hint(&["ERROR", "--earliest", "2026-11-21", "--latest", "2026-11-20"]).as_deref(),
        Some("the time range is empty: --latest is not after --earliest")
    );
    assert_snapshot!(sandbox.search(&["ERROR | where attempt>100"]), @r"
    exit: 1
    --- stderr ---
    2 events matched, but no row is left at the end
    searched 5 events of 1 source in 1 of 1 bucket, index main; all time; [TIME]
    ");
}

#[test]
fn time_ranges() {
    let sandbox = Sandbox::with_pay_log();
    let count = |args: &[&str]| {
        let run = sandbox.search(&[&["* | stats count"], args].concat());
        String::from_utf8_lossy(run.stdout()).lines().last().unwrap_or_default().trim().to_owned()
    };
    assert_eq!(count(&["--earliest", "2026-11-20T14:05:02Z"]), "3");
    assert_eq!(count(&["--latest", "2026-11-20T14:05:02Z"]), "2");
    assert_eq!(count(&["--earliest", "-3d", "--latest", "-1d@d"]), "5");
    assert_eq!(count(&["--tz", "Asia/Kolkata", "--earliest", "2026-11-20T19:35:02"]), "3");
}

#[test]
fn limits() {
    let sandbox = Sandbox::with_pay_log();
    let lines = |args: &[&str]| sandbox.search(args).stdout().split(|byte| *byte == b'\n').count() - 1;
    assert_eq!(lines(&["host=*"]), 7);
    assert_eq!(lines(&["host=*", "-n", "0"]), 7);
    assert_eq!(lines(&["host=*", "-n", "1"]), 1);
}

#[test]
fn context_is_that_of_the_file() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.search(&["retry", "-A", "1", "-B", "1"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB host=db-01 attempt=1
    java.sql.SQLException: timeout
    	at com.example.Pay.run(Pay.java:12)
    2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2
    2026-11-20 14:05:03,000 [pay-1] ERROR: caf� [31mred[0m host=db-02 attempt=3
    ");
    assert_snapshot!(sandbox.search(&["PaymentService", "NOT", "ERROR", "-C", "1"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20 14:05:03,000 [pay-1] ERROR: caf� [31mred[0m host=db-02 attempt=3
    2026-11-20 14:05:04,000 [pay-2] INFO: PaymentService connected host=db-01 attempt=4
    --
    2026-11-20 14:05:00,001 [main] INFO: PaymentService started on port 8080
    2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB host=db-01 attempt=1
    java.sql.SQLException: timeout
    	at com.example.Pay.run(Pay.java:12)
    ");
    assert_snapshot!(sandbox.search(&["* | stats count", "-C", "1"]), @r"
    exit: 2
    --- stderr ---
    error: -A, -B and -C need events printed as they are
    hint: leave out --output, and commands such as stats or table
    ");
}

#[test]
fn mistakes_are_explained() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.search(&["error", "-1h"]), @r"
    exit: 2
    --- stderr ---
    error: `-1h` is a time, not a word to search for
    hint: write --earliest -1h
    ");
    assert_snapshot!(sandbox.search(&["error | statz count"]), @r"
    exit: 2
    --- stderr ---
    error: unknown command `statz`
      |
    1 | error | statz count
      |         ^^^^^
      |
      = hint: did you mean `stats`?
    ");
    assert_snapshot!(sandbox.search(&["(error", "|", "head"]), @r"
    exit: 2
    --- stderr ---
    error: unbalanced `(`
      |
    1 | (error | head
      | ^
    ");
    assert_snapshot!(sandbox.search(&["error", "--earliest", "yesterday"]), @r"
    exit: 2
    --- stderr ---
    error: `yesterday` is not a time (--earliest)
    hint: write for example -15m, -1d@d, 2026-11-20, 2026-11-20T14:00:00+01:00 or an epoch second
    ");
    assert_snapshot!(sandbox.trawl(&["search", "error", "--data", "nowhere"]), @r"
    exit: 2
    --- stderr ---
    error: there is no trawl data in [DIR]/nowhere (--data)
    hint: index something first, for example `trawl index /var/log`, or name another folder with --data
    ");
}

#[test]
fn what_reads_no_events_needs_no_data() {
    let sandbox = Sandbox::new();
    sandbox.file("tables/hosts.csv", b"host,owner\ndb-01,Ada\n");
    assert_snapshot!(sandbox.search(&["| makeresults count=2 | stats count"]), @r"
    exit: 0
    --- stdout ---
    count
    -----
        2
    ");
    assert_snapshot!(sandbox.search(&["| gentimes start=11/20/2026 end=11/21/2026 | table starthuman"]), @r"
    exit: 0
    --- stdout ---
    starthuman
    ------------------------
    Fri Nov 20 00:00:00 2026
    ");
    assert_snapshot!(sandbox.search(&["| inputlookup hosts", "--lookups", "tables"]), @r"
    exit: 0
    --- stdout ---
    host   owner
    -----  -----
    db-01  Ada
    ");
    assert_snapshot!(sandbox.search(&["| makeresults | append [| makeresults count=2] | stats count", "--explain"]), @r"
    exit: 0
    --- stdout ---
    query   | makeresults | append [| makeresults count=2] | stats count
    scan    nothing
    then    makeresults
    then    append [| makeresults count=2]
    then    stats count
    ");
    assert_snapshot!(sandbox.search(&["error | stats count", "--check"]), @"exit: 0");
    assert_snapshot!(sandbox.search(&["error | stast count", "--check"]), @r"
    exit: 2
    --- stderr ---
    error: unknown command `stast`
      |
    1 | error | stast count
      |         ^^^^^
      |
      = hint: did you mean `stats`?
    ");
    for reads_events in
        ["error", "| tstats count", "| metadata type=hosts", "| eventcount", "| makeresults | append [search error]"]
    {
        let run = sandbox.search(&[reads_events]);
        assert_eq!(run.code(), 2, "{reads_events}: {run}");
        assert!(run.stderr().contains("there is no trawl data in"), "{reads_events}: {run}");
        assert!(run.stderr().contains("hint: index something first"), "{reads_events}: {run}");
    }
    assert!(!sandbox.path().join("data").exists());
}

#[test]
fn check_and_explain_print_no_rows() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.search(&["error | head 3", "--check"]), @"exit: 0");
    assert_snapshot!(sandbox.search(&["error |", "--check"]), @r"
    exit: 2
    --- stderr ---
    error: a command is missing here
      |
    1 | error |
      |       ^
    ");
    assert_snapshot!(sandbox.search(&["* | search level=error | stats count, max(attempt) by host", "--explain"]), @r"
    exit: 0
    --- stdout ---
    query   search * | search level=error | stats count max(attempt) BY host
    search
            field level=error
    scan    level=error
    pushed  level=error: a part of the scan
    builtin host
    extract attempt
    merge   stats count max(attempt) BY host
    term    level=error: at most 2 events in range, 2 in all
    buckets 1 in these indexes, 0 outside the range of time, 0 unreadable
    events  5 in the rest, 0 live
    match   2 certain by the index, 0 to be verified on the text
    open    text (events: 2)
    ");
    assert_snapshot!(sandbox.search(&["error | rex \"host=(?<h>\\S+)\" | top h", "--explain"]), @r#"
    exit: 0
    --- stdout ---
    query   search error | rex "host=(?<h>\\S+)" | top h
    search
            word error
    scan    error
    builtin _raw
    extract h
    map     rex "host=(?<h>\\S+)"
    merge   top h
    term    error: at most 2 events in range, 2 in all
    buckets 1 in these indexes, 0 outside the range of time, 0 unreadable
    events  5 in the rest, 0 live
    match   2 certain by the index, 0 to be verified on the text
    open    text (events: 2)
    "#);
    assert_snapshot!(sandbox.search(&["pay | sort 0 -_time | head 3", "--explain"]), @r"
    exit: 0
    --- stdout ---
    query   search pay | sort 0 -_time | head 3
    search
            word pay
    scan    pay
    builtin _time, _raw, host, source, sourcetype, index, level, _addr, _flags
    extract every field
    merge   sort 3 -_time
    then    head 3
    term    pay: at most 4 events in range, 4 in all
    buckets 1 in these indexes, 0 outside the range of time, 0 unreadable
    events  5 in the rest, 0 live
    match   4 certain by the index, 0 to be verified on the text
    open    text (events: 4)
    ");
    assert_snapshot!(sandbox.search(&["ERROR PaymentService attempt>1 | stats count by level", "--explain"]), @r"
    exit: 0
    --- stdout ---
    query   search ERROR PaymentService attempt>1 | stats count BY level
    search
            and
              word ERROR
              word PaymentService
              field attempt>1
    scan    ERROR PaymentService attempt>1
    builtin level
    extract nothing
    merge   stats count BY level
    term    ERROR: at most 2 events in range, 2 in all
    term    PaymentService: at most 3 events in range, 3 in all
    term    attempt>1: at most 5 events in range, 5 in all
    buckets 1 in these indexes, 0 outside the range of time, 0 unreadable
    events  5 in the rest, 0 live
    match   0 certain by the index, 1 to be verified on the text
    open    text (events to be verified: 1)
    ");
}

#[test]
fn a_table_without_rows_has_its_columns() {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.search(&["absent | stats count by level", "--output", "csv"]);
    assert_eq!((run.code(), run.stdout()), (1, &b"level,count\n"[..]));
    let run = sandbox.search(&["absent", "--output", "csv"]);
    assert_eq!((run.code(), run.stdout()), (1, &b""[..]));
}

#[test]
fn colours_on_request() {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.search(&["red", "--color", "always"]);
    let text = String::from_utf8_lossy(run.stdout()).replace('\x1b', "^");
    assert_snapshot!(text, @"2026-11-20 14:05:03,000 [pay-1] ^[1m^[31mERROR^[0m: café ^[1m^[35mred^[0m host=db-02 attempt=3");
}

#[test]
fn indexes_are_chosen_by_option_query_and_configuration() {
    let sandbox = Sandbox::with_pay_log();
    sandbox.file("web.log", b"2026-11-20 14:05:00 GET /\n");
    assert_eq!(sandbox.trawl(&["index", "--index", "web", "web.log"]).code(), 0);
    let found = |args: &[&str]| sandbox.search(args).code() == 0;
    assert!(found(&["GET"]) && found(&["GET", "--index", "web"]) && found(&["GET", "index=web"]));
    assert!(!found(&["GET", "--index", "main"]) && !found(&["GET", "index=main"]));
    sandbox.file("trawl.toml", b"[search]\ndefault_indexes = [\"main\"]\n");
    assert!(!found(&["GET"]) && found(&["GET", "--index", "web"]) && found(&["GET", "index=web"]));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let line = b"2026-11-20 14:05:00,001 [main] INFO: some text to fill the pipe with, again and again\n";
    sandbox.file("long.log", &line.repeat(20_000));
    assert_eq!(sandbox.trawl(&["index", "long.log"]).code(), 0);
    let mut search =
        sandbox.command(&["search", "INFO"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    search.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = search.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn what_stands_in_no_text_is_found_all_the_same() {
    let sandbox = Sandbox::with_pay_log();
    sandbox.file("odd.log", b"no stamp here\n2026-11-20 14:05:00 INFO one\n");
    assert_eq!(sandbox.trawl(&["index", "odd.log"]).code(), 0);
    let count = |query: &str| {
        let run = sandbox.search(&[&format!("{query} | stats count"), "--output", "csv"]);
        String::from_utf8_lossy(run.stdout()).lines().nth(1).unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(count("splunk_server=localhost"), 7);
    assert_eq!(count("_flags=no_stamp"), 1);
    assert_eq!(count("_raw=\"no stamp*\""), 1);
}

#[test]
fn numbers_are_found_where_a_stamp_begins_with_them() {
    let sandbox = Sandbox::new();
    sandbox.file("epochs.log", b"ts=987654321 level=info msg=hello id=5\nts=1763820000 level=info msg=hello id=6\n");
    sandbox.file(
        "orders.log",
        b"2026-11-20 14:05:02 INFO ORD-41000068 paid\n2026-11-20 14:05:03 INFO ORD-20261120 paid\n",
    );
    assert_eq!(sandbox.trawl(&["index", "epochs.log", "orders.log"]).code(), 0);
    for query in
        ["ts=987654321", "ts=1763820000", "\"ts=987654321\"", "ORD-41000068", "ORD-20261120", "\"ORD-41000068 paid\""]
    {
        let run = sandbox.search(&[query, "-o", "raw"]);
        assert_eq!(run.stdout().iter().filter(|byte| **byte == b'\n').count(), 1, "{query}: {run}");
    }
}
