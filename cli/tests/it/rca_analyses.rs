//! `trawl rca add` with analyses: what they say is kept as tables, and shown as such.

use crate::rca_incident::incident;
use crate::support::{NOW, Run, Sandbox};
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};

const INCIDENT: [&str; 4] = ["--incident", "2026-11-20 14:00..14:30", "--now", NOW];
const RANGE: [&str; 6] = ["--from", "2026-11-20 14:00", "--to", "2026-11-20 14:30", "--now", NOW];

/// The logs of an incident, and a case.
fn with_case() -> (Sandbox, PathBuf) {
    let sandbox = incident();
    let run = sandbox.trawl(&["rca", "new", "Checkout outage", "--now", NOW]);
    assert_eq!(run.code(), 0, "{run}");
    let case = sandbox.path().join(String::from_utf8_lossy(run.stdout()).trim());
    (sandbox, case)
}

fn rca(sandbox: &Sandbox, case: &Path, args: &[&str]) -> Run {
    sandbox.finish(sandbox.command(&[&["rca"], args].concat()).env("TRAWL_CASE", case))
}

fn add(sandbox: &Sandbox, case: &Path, args: &[&str]) {
    let run = rca(sandbox, case, &[&["add"], args].concat());
    assert!(run.stderr().contains("added "), "{args:?}: {run}");
    assert_eq!(run.stdout(), b"", "{args:?}: {run}");
}

fn report(sandbox: &Sandbox, case: &Path, format: &str) -> String {
    let run = rca(sandbox, case, &["report", "--format", format, "--now", NOW]);
    String::from_utf8(run.stdout().to_vec()).expect("text")
}

/// The only exhibit of a kind: its folder and what `exhibit.json` says.
fn exhibit(case: &Path, kind: &str) -> (PathBuf, Json) {
    let folders = fs::read_dir(case.join("exhibits")).unwrap().flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().contains(&format!("-{kind}-"));
    let folder = folders.filter(is_it).min().expect("there is one");
    let json = serde_json::from_slice(&fs::read(folder.join("exhibit.json")).unwrap()).unwrap();
    (folder, json)
}

/// A column of a table of an exhibit.
fn column<'t>(exhibit: &'t Json, table: usize, name: &str) -> Vec<&'t str> {
    let table = &exhibit["tables"][table];
    let at = table["columns"].as_array().unwrap().iter().position(|column| column == name);
    let at = at.unwrap_or_else(|| panic!("{name}: {table}"));
    table["rows"].as_array().unwrap().iter().map(|row| row[at].as_str().unwrap()).collect()
}

#[test]
fn analyses_are_laid_into_a_case_with_the_events_that_they_name() {
    let (sandbox, case) = with_case();
    add(&sandbox, &case, &["note", "Kim called the DBA", "--at", "2026-11-20 14:06", "--now", NOW]);
    let shown = rca(&sandbox, &case, &[&["timeline"], &INCIDENT[..]].concat());
    assert!(String::from_utf8_lossy(shown.stdout()).contains("Kim called the DBA"), "{shown}");
    for (verb, args) in [("changes", &INCIDENT[..]), ("diff", &INCIDENT), ("timeline", &INCIDENT), ("coverage", &RANGE)]
    {
        add(&sandbox, &case, &[&[verb], args].concat());
    }
    let markdown = report(&sandbox, &case, "markdown");
    for expected in [
        "What changed before the incident",
        "What is different during the incident",
        "Timeline of the incident",
        "What of the time is indexed",
        "CheckoutService cannot reach the stock cache",
        "trawl rca add changes --incident '2026-11-20 14:00..14:30'",
    ] {
        assert!(markdown.contains(expected), "{expected}: {markdown}");
    }
    // What an analysis prints lies beside it, as it is printed; the report has tables.
    let printed = fs::read_to_string(exhibit(&case, "timeline").0.join("printed.txt")).unwrap();
    assert!(printed.starts_with("onset  2026-11-20 14:05"), "{printed}");
    assert!(!markdown.contains("```text\nonset  2026-11-20 14:05"), "{markdown}");
    // Log text is no markup in any of them, and the suspect is cited with its bytes.
    assert!(!markdown.contains('\x1b') && !report(&sandbox, &case, "html").contains("Stock cache <b>"), "{markdown}");
    let bundle = rca(&sandbox, &case, &["bundle", "-o", "b.tar.zst"]);
    assert_eq!(bundle.code(), 0, "{bundle}");
    let verified =
        sandbox.trawl(&["rca", "verify", "b.tar.zst", "--against", "logs/messages", "logs/checkout-service.log"]);
    assert_eq!(verified.code(), 0, "{verified}");
    assert_eq!(sandbox.trawl(&["rca", "verify", "b.tar.zst", "--extract", "out"]).code(), 0);
    let files = fs::read_dir(sandbox.path().join("out/files")).unwrap().flatten();
    let is_printed = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with("-printed.txt");
    assert_eq!(files.filter(|file| is_printed(&file.file_name())).count(), 4);
    let nowhere = sandbox.trawl(&["rca", "add", "trace", "req-1"]);
    assert!(nowhere.code() == 2 && nowhere.stderr().contains("trawl rca new TITLE"), "{nowhere}");
}

#[test]
fn a_moment_and_an_event_stand_once_in_the_timeline_of_the_report() {
    let (sandbox, case) = with_case();
    add(&sandbox, &case, &["search", "Stopping", "--why", "the cache goes down", "--now", NOW]);
    add(&sandbox, &case, &[&["changes"], &INCIDENT[..]].concat());
    add(&sandbox, &case, &[&["timeline"], &INCIDENT[..]].concat());
    let markdown = report(&sandbox, &case, "markdown");
    let (_, timeline) = markdown.split_once("## Timeline").unwrap();
    let (timeline, _) = timeline.split_once("## Evidence").unwrap();
    let rows = |what: &str| timeline.lines().filter(|line| line.contains(what)).collect::<Vec<_>>();
    let [stopped] = rows("Stopping Stock cache")[..] else { panic!("once: {timeline}") };
    assert!(stopped.contains("the cache goes down; a suspect") && stopped.contains("; a change"), "{stopped}");
    for number in ["[E1](#e1-", "[E2](#e2-", "[E3](#e3-"] {
        assert!(stopped.contains(number), "{number}: {stopped}");
    }
    let [onset] = rows("onset: failures of checkout-service.log rise")[..] else { panic!("once: {timeline}") };
    assert!(onset.contains("[E2](#e2-") && onset.contains("[E3](#e3-"), "{onset}");
    assert_eq!(rows("end: the last of these failures").len(), 1, "{timeline}");
}

#[test]
fn a_diff_is_kept_as_tables() {
    let (sandbox, case) = with_case();
    add(&sandbox, &case, &[&["diff"], &INCIDENT[..]].concat());
    let (_, diff) = exhibit(&case, "diff");
    let new = column(&diff, 0, "change").iter().position(|change| *change == "new").expect("a new pattern");
    assert!(column(&diff, 0, "pattern")[new].contains("ERROR CheckoutService cannot reach the stock cache"), "{diff}");
    assert!(column(&diff, 0, "incident")[new].starts_with("45\n"), "{diff}");
    assert!(column(&diff, 0, "baseline")[new].starts_with("0\n"), "{diff}");
    assert!(column(&diff, 0, "example")[new].contains("2026-11-20 14:05:05"), "{diff}");
    assert!(column(&diff, 1, "value").contains(&"ERROR"), "{diff}");
    assert!(report(&sandbox, &case, "markdown").contains("- Baseline: 2026-11-20"));
}

#[test]
fn changes_are_kept_as_tables() {
    let (sandbox, case) = with_case();
    add(&sandbox, &case, &[&["changes"], &INCIDENT[..]].concat());
    let (_, changes) = exhibit(&case, "changes");
    assert_eq!(column(&changes, 0, "#")[0], "1");
    assert!(column(&changes, 0, "line")[0].contains("Stopping Stock cache"), "{changes}");
    assert_eq!(column(&changes, 0, "source")[0], "messages", "{changes}");
    assert!(column(&changes, 0, "from onset")[0].starts_with('-'), "{changes}");
    assert!(changes["moments"][0]["label"].as_str().unwrap().starts_with("onset: failures of"), "{changes}");
}

#[test]
fn a_path_is_kept_as_tables() {
    let (sandbox, case) = with_case();
    let log = "2026-11-20 14:05:05 INFO request requestId=req-77001 order=ORD-4711001\n\
               2026-11-20 14:05:07 ERROR order=ORD-4711001 rejected <b>red</b>\n\tat Shop.java:7\n";
    sandbox.file("logs/shop.log", log.as_bytes());
    assert_eq!(sandbox.trawl(&["index", "--host", "shop-01", "logs/shop.log"]).code(), 0);
    add(&sandbox, &case, &["trace", "ORD-4711001", "--now", NOW]);
    let (_, trace) = exhibit(&case, "trace");
    assert_eq!(column(&trace, 0, "source"), ["shop.log"], "{trace}");
    assert_eq!(column(&trace, 0, "errors"), ["1"], "{trace}");
    assert_eq!(column(&trace, 1, "after"), ["", "+2.0 s"], "{trace}");
    assert!(column(&trace, 1, "line")[1].ends_with("\tat Shop.java:7"), "all of the event is kept: {trace}");
    // What finds nothing is kept, too, and says so.
    add(&sandbox, &case, &["trace", "ORD-9999999", "--now", NOW]);
    let markdown = report(&sandbox, &case, "markdown");
    assert!(markdown.contains("no event holds ORD-9999999"), "{markdown}");
    assert!(markdown.contains("Followed: ORD-4711001"), "{markdown}");
    let html = report(&sandbox, &case, "html");
    assert!(html.contains("rejected &lt;b&gt;red&lt;/b&gt;") && !html.contains("<b>red"), "{html}");
}

#[test]
fn a_timeline_and_coverage_are_kept_as_tables() {
    let (sandbox, case) = with_case();
    add(&sandbox, &case, &[&["timeline"], &INCIDENT[..]].concat());
    let (_, timeline) = exhibit(&case, "timeline");
    let what = column(&timeline, 0, "what");
    let place = |kind: &str| what.iter().position(|what| *what == kind).unwrap_or_else(|| panic!("{kind}: {what:?}"));
    assert!(place("change") < place("onset") && place("onset") < place("end"), "{what:?}");
    add(&sandbox, &case, &[&["coverage"], &RANGE[..]].concat());
    let (folder, coverage) = exhibit(&case, "coverage");
    let sources = column(&coverage, 0, "source");
    assert!(sources.iter().any(|source| source.ends_with("checkout-service.log")), "{sources:?}");
    assert_eq!(column(&coverage, 0, "events").len(), 2);
    let verdict = fs::read_to_string(folder.join("text.md")).unwrap();
    assert!(verdict.starts_with("Nothing is missing"), "{verdict}");
}

#[test]
fn patterns_are_kept_with_an_example_of_each() {
    let (sandbox, case) = with_case();
    add(&sandbox, &case, &["patterns", "Checkout*", "OR", "checkout", "--now", NOW]);
    let (folder, patterns) = exhibit(&case, "patterns");
    assert_eq!(column(&patterns, 0, "count"), ["315", "45"], "{patterns}");
    assert_eq!(column(&patterns, 0, "share"), ["87.5 %", "12.5 %"], "{patterns}");
    assert!(column(&patterns, 0, "pattern")[1].contains("cannot reach the stock cache in"), "{patterns}");
    assert_eq!(column(&patterns, 0, "first")[1], "2026-11-20\n14:05:05", "{patterns}");
    let cited = patterns["events"].as_array().unwrap();
    assert_eq!(cited.len(), 2, "{patterns}");
    assert!(cited[1]["raw"].as_str().unwrap().contains("cannot reach the stock cache in 5 ms"), "{patterns}");
    assert_eq!(patterns["queries"][0]["n_matched"], 360, "{patterns}");
    assert!(fs::read_to_string(folder.join("printed.txt")).unwrap().contains("2 patterns of 360 events"));
    let markdown = report(&sandbox, &case, "markdown");
    assert!(markdown.contains("| count | share | pattern | first | last | example |"), "{markdown}");
    let none = rca(&sandbox, &case, &["add", "patterns", "nothing-like-it", "--now", NOW]);
    assert!(none.code() == 1 && none.stderr().contains("added "), "{none}");
    assert!(report(&sandbox, &case, "markdown").contains("no event was found"));
}
