//! `trawl retention`, `trawl archive`, `trawl restore`, `trawl search --archive`

use crate::support::{Run, Sandbox};
use insta::assert_snapshot;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use trawl_formats::{IndexName, Registry};
use trawl_query::{Engine, Flow, Search, SearchOptions, Summary};
use trawl_store::retention::{Policies, Policy};
use trawl_store::{Reader, Writer};

/// A policy under which everything goes at once: the events of these tests are many years old.
const OLD_GOES: &str = "[index.main]\nmax_age = \"1d\"\n";
const OLD_IS_ARCHIVED: &str = "[index.main]\nmax_age = \"1d\"\narchive = \"archive\"\n";

/// Hours 8 to 11 of one morning, one file and one bucket each.
fn with_hours(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for hour in 8..12 {
        let name = format!("logs/{hour:02}.log");
        let line = |n: u32| {
            let level = ["INFO", "WARN", "ERROR"][n as usize % 3];
            format!("2001-02-03 {hour:02}:{:02}:{:02} {level} hour={hour} n={n} took {} ms\n", n / 60, n % 60, n * 7)
        };
        sandbox.file(&name, (0..600).map(line).collect::<String>().as_bytes());
        let run = sandbox.trawl(&["index", "--host", "web", &name]);
        assert_eq!(run.code(), 0, "{run}");
    }
    sandbox.file("trawl.toml", config.as_bytes());
    sandbox
}

fn rows(run: &Run) -> Vec<Value> {
    run.stdout().split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn buckets(sandbox: &Sandbox) -> Vec<PathBuf> {
    let listing = fs::read_dir(sandbox.path().join("data/index/main/buckets")).unwrap();
    listing.map(|entry| entry.unwrap().path()).collect()
}

/// Answers of all kinds: events, counts, statistics, context, time ranges.
fn answers(sandbox: &Sandbox, options: &[&str]) -> Vec<(Vec<u8>, i32)> {
    let searches: [&[&str]; 7] = [
        &["ERROR"],
        &["ERROR took", "-n", "7"],
        &["* | stats count, avg(n), dc(hour) by level"],
        &["hour=9 OR hour=10 | timechart span=10m count by level"],
        &["n=17", "-C", "2"],
        &["WARN", "--earliest", "2001-02-03T09:30:00", "--latest", "2001-02-03T10:30:00", "-o", "csv"],
        &["nowhere"],
    ];
    searches
        .iter()
        .map(|search| sandbox.search(&[search, options].concat()))
        .map(|run| (run.stdout().to_vec(), run.code()))
        .collect()
}

#[test]
fn store_and_archive_together_answer_as_the_store_did() {
    let sandbox = with_hours(OLD_IS_ARCHIVED);
    fs::create_dir(sandbox.path().join("archive")).unwrap();
    let before = answers(&sandbox, &[]);
    let planned = sandbox.trawl(&["retention", "-o", "ndjson"]);
    let row = &rows(&planned)[0];
    assert_eq!((&row["buckets"], &row["goes"], &row["max_age"]), (&4.into(), &4.into(), &"1d".into()), "{planned}");
    assert_eq!(answers(&sandbox, &["--archive", "archive"]), before, "an empty archive");

    let applied = sandbox.trawl(&["retention", "--apply", "-o", "ndjson"]);
    let removed = rows(&applied);
    assert_eq!((applied.code(), removed.len()), (0, 4), "{applied}");
    assert!(removed.iter().all(|row| row["reason"] == "max_age" && row["events"] == 600));
    assert_eq!(buckets(&sandbox).len(), 0);
    assert_eq!(sandbox.search(&["ERROR"]).code(), 1);
    assert_eq!(answers(&sandbox, &["--archive", "archive"]), before, "all in the archive");
    // Files that are still there are not read again.
    assert_snapshot!(sandbox.trawl(&["index", "logs"]), @r"
    exit: 0
    --- stderr ---
    nothing new in 4 files; 4 unchanged
    ");

    let listed = rows(&sandbox.trawl(&["archive", "list", "-o", "ndjson"]));
    assert!(listed.len() == 4 && listed.iter().all(|row| row["in_store"] == "no"), "{listed:?}");
    assert_snapshot!(sandbox.trawl(&["archive", "verify", "--archive", "archive"]), @r"
    exit: 0
    --- stdout ---
    checked 4 archived buckets, 2,400 events, 123 kB of log: sound
    ");

    // A part comes back; what is in both is found once.
    let chosen = ["--earliest", "2001-02-03T09:00:00", "--latest", "2001-02-03T11:00:00"];
    let restored = sandbox.trawl(&[&["restore", "-o", "ndjson"], &chosen[..]].concat());
    assert_eq!((restored.code(), rows(&restored).len()), (0, 2), "{restored}");
    let again = sandbox.trawl(&[&["restore", "-o", "ndjson"], &chosen[..]].concat());
    assert!(rows(&again).iter().all(|row| row["outcome"] == "already there"), "{again}");
    assert_eq!(answers(&sandbox, &["--archive", "archive", "--archive", "./archive"]), before, "partly restored");
    let all = rows(&sandbox.trawl(&["archive", "list", "-o", "ndjson"]));
    let by_id =
        sandbox.trawl(&["restore", "-o", "ndjson", all[0]["id"].as_str().unwrap(), all[3]["id"].as_str().unwrap()]);
    assert_eq!(rows(&by_id).len(), 2, "{by_id}");
    assert_eq!(answers(&sandbox, &[]), before, "all restored");

    // Restored buckets stay until they are released, and what is in the archive already is not written twice.
    let row = &rows(&sandbox.trawl(&["retention", "-o", "ndjson"]))[0];
    assert_eq!((&row["restored"], &row["goes"]), (&4.into(), &0.into()));
    assert_eq!(sandbox.trawl(&["verify"]).code(), 0);
    assert_eq!(rows(&sandbox.trawl(&["restore", "--release", "-o", "ndjson"])).len(), 4);
    assert_eq!(rows(&sandbox.trawl(&["retention", "--apply", "-o", "ndjson"])).len(), 4);
    assert_eq!(fs::read_dir(sandbox.path().join("archive")).unwrap().count(), 4);
    assert_eq!(answers(&sandbox, &["--archive", "archive"]), before, "archived again");
}

/// Lets all buckets go while a search has its first rows; `is_deleted` says whether their directories go, too.
fn search_while_buckets_go(is_deleted: bool) -> (usize, Summary) {
    let sandbox = with_hours("");
    let data = sandbox.path().join("data");
    let engine = Engine::new(Reader::open(&data).unwrap(), Registry::builtin());
    let search = Search::prepare("hour=*", &SearchOptions::new(0)).unwrap();
    let mut n_rows = 0;
    let summary = search.run(&engine, &mut |batch| {
        if n_rows == 0 {
            let writer = Writer::open(&data).unwrap();
            let policy = Policy { max_size: Some(0), ..Policy::default() };
            writer.set_retention(Policies::from([(IndexName::new("main").unwrap(), policy)]));
            assert_eq!(writer.enforce_retention(&|| false).unwrap().removed.len(), 4);
            if is_deleted {
                fs::remove_dir_all(data.join("index/main/removed")).unwrap();
            }
        }
        n_rows += batch.len();
        Ok(Flow::More)
    });
    (n_rows, summary.unwrap())
}

#[test]
fn a_search_goes_on_while_buckets_go() {
    let (n_rows, summary) = search_while_buckets_go(false);
    assert_eq!((n_rows, summary.incomplete, summary.coverage.aged_out.len()), (2_400, None, 0));
}

#[test]
fn what_went_for_good_under_a_search_is_named() {
    let (n_rows, summary) = search_while_buckets_go(true);
    let Summary { coverage, incomplete, .. } = summary;
    assert!(n_rows < 2_400 && !coverage.aged_out.is_empty(), "{n_rows} rows, {coverage:?}");
    assert_eq!((incomplete, coverage.damaged.len()), (None, 0), "{coverage:?}");
    assert!(coverage.to_string().contains("aged out meanwhile"), "{coverage}");
}

#[test]
fn a_damaged_archive_is_named_and_not_restored() {
    let sandbox = with_hours(OLD_IS_ARCHIVED);
    fs::create_dir(sandbox.path().join("archive")).unwrap();
    assert_eq!(sandbox.trawl(&["retention", "--apply"]).code(), 0);
    let file = fs::read_dir(sandbox.path().join("archive")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    // A block of the journal begins with the magic number of zstd.
    let block = bytes.windows(4).position(|bytes| bytes == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    bytes[block + 100] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let verified = sandbox.trawl(&["archive", "verify"]);
    assert!(verified.code() == 2 && String::from_utf8_lossy(verified.stdout()).contains("damaged:"), "{verified}");
    let restored = sandbox.trawl(&["restore", "--index", "main", "-o", "ndjson"]);
    assert_eq!((restored.code(), buckets(&sandbox).len()), (2, 3), "{restored}");
    // What is no bucket at all is part of every answer's coverage.
    fs::write(&file, b"not a tar").unwrap();
    let searched = sandbox.search(&["ERROR", "--archive", "archive"]);
    assert!(searched.code() == 2 && searched.stderr().contains("is no archived bucket"), "{searched}");
    assert_eq!(sandbox.trawl(&["archive", "list"]).code(), 2);
}

#[test]
fn nothing_goes_where_there_is_no_archive_folder_or_a_legal_hold() {
    let sandbox = with_hours(OLD_IS_ARCHIVED);
    assert_snapshot!(sandbox.trawl(&["retention", "--apply", "-o", "csv"]), @r"
    exit: 2
    --- stdout ---
    index,id,earliest,latest,events,disk_bytes,reason,archived

    --- stderr ---
    warning: there is no archive folder [DIR]/archive; create it, or mount what it is on
    nothing went
    ");
    sandbox.file("trawl.toml", format!("{OLD_GOES}protected = true\n").as_bytes());
    let held = sandbox.trawl(&["retention", "-o", "ndjson"]);
    assert_eq!((&rows(&held)[0]["protected"], &rows(&held)[0]["goes"]), (&"yes".into(), &0.into()));
    assert_eq!(sandbox.trawl(&["retention", "--apply"]).code(), 0);
    assert_eq!(buckets(&sandbox).len(), 4);
    sandbox.file("trawl.toml", b"");
    assert_snapshot!(sandbox.trawl(&["archive", "list"]), @r"
    exit: 2
    --- stderr ---
    error: no index has an archive
    hint: name a folder with --archive, or write `archive` into an [index.NAME] of the configuration
    ");
    assert_snapshot!(sandbox.trawl(&["restore", "--archive", "logs"]), @r"
    exit: 2
    --- stderr ---
    error: what is to be restored?
    hint: name buckets by id (see `trawl archive list`), or choose with --index, --earliest and --latest
    ");
    assert_snapshot!(sandbox.trawl(&["restore", "--archive", "logs", "abc"]), @r"
    exit: 1
    --- stdout ---
    index  id  earliest  latest  events  outcome
    -----  --  --------  ------  ------  -------

    --- stderr ---
    there is no such bucket in the archive
    ");
}

#[test]
fn a_disk_that_is_never_free_enough_refuses_events_and_answers() {
    let sandbox = with_hours("[index.main]\nmin_free = \"99.9999%\"\nprotected = true\n");
    sandbox.file("logs/12.log", b"2001-02-03 12:00:00 INFO hour=12 late\n");
    let refused = sandbox.trawl(&["index", "logs"]);
    assert!(refused.code() == 2 && refused.stderr().contains("min_free"), "{refused}");
    assert_eq!(sandbox.search(&["ERROR"]).code(), 0);
    // Without the hold, the old ones go; that is not enough either.
    sandbox.file("trawl.toml", b"[index.main]\nmin_free = \"99.9999%\"\n");
    assert_eq!(sandbox.trawl(&["index", "logs"]).code(), 2);
    assert_eq!((buckets(&sandbox).len(), sandbox.search(&["ERROR"]).code()), (0, 1));
    // And when there is room again, only what was refused is read.
    sandbox.file("trawl.toml", b"");
    assert_eq!(sandbox.trawl(&["index", "logs"]).code(), 0);
    let found = sandbox.search(&["hour=*", "-o", "ndjson"]);
    assert_eq!((rows(&found).len(), &rows(&found)[0]["hour"]), (1, &"12".into()), "{found}");
}

#[test]
fn run_lets_buckets_go_by_itself() {
    let sandbox = with_hours(OLD_GOES);
    let mut run = sandbox.command(&["run", "logs"]).stderr(Stdio::piped()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while !buckets(&sandbox).is_empty() {
        assert!(Instant::now() < patience, "the buckets are still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = run.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(run.wait().unwrap().success());
    // Neither did it read the files again.
    assert_eq!(sandbox.search(&["hour=*"]).code(), 1);
}
