//! `trawl scan`: files without an index.

use crate::support::{NOW, PAY_LOG, Run, Sandbox, indexed, scanning};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use trawl_formats::{IndexName, Zone};
use trawl_indexer::{Input, Options};
use trawl_query::{Batch, Engine, Flow, Search, SearchOptions};

/// Pipelines of each kind: those whose states merge, those that want events in order, and both behind each other.
const PIPELINES: [&str; 24] = [
    "*",
    "* | head 3",
    "ERROR | where isnotnull(host) | head 5 | eval n=len(_raw)",
    "* | tail 4",
    "* | reverse | head 2",
    "* | stats count by host, level",
    "* | stats first(_time) last(_time) earliest(_raw) latest(_raw) by source",
    "* | stats list(level) values(source) dc(host) by sourcetype",
    "* | timechart count by level",
    "* | top limit=3 level",
    "* | dedup level",
    "* | dedup 2 source sortby -_time",
    "* | sort 7 level, -_time",
    "* | streamstats count by level | where count<4",
    "* | transaction level maxspan=2m | stats count avg(duration)",
    "* | eventstats count by level | head 4",
    "* | delta _time as gap | head 6",
    "* | fields source, level | head 8",
    "* | rex \"(?<word>[A-Z]{4,})\" | stats count by word | sort -count, word",
    "* | head 20 | append [search level=ERROR | stats count]",
    "level=ERROR OR level=WARN | chart count over level by host",
    "* [search level=ERROR | head 1 | fields host]",
    "earliest=\"11/20/2026:14:00:00\" * | stats count",
    "* | stats count as n | eval source=\"x\" | table n, source",
];

fn rows(engine: &Engine, query: &str, limit: Option<usize>) -> (Vec<BTreeMap<String, String>>, u64) {
    let mut options = SearchOptions::new(trawl_testdata::now_us());
    options.limit = limit;
    let search = Search::prepare(query, &options).unwrap_or_else(|error| panic!("{}", error.render(query, false)));
    let mut rows = Batch::default();
    let summary = search.run(engine, &mut |batch| {
        rows.append(batch);
        Ok(Flow::More)
    });
    let summary = summary.unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(summary.incomplete, None, "{query}");
    let row = |row: usize| {
        // When it was indexed is another time: that of the search.
        let cells = rows.iter().filter(|(name, column)| !column[row].is_null() && *name != "_indextime");
        cells.map(|(name, column)| (name.to_owned(), column[row].to_string())).collect()
    };
    ((0..rows.len()).map(row).collect(), summary.n_matched)
}

#[test]
fn every_pipeline_has_the_answer_that_the_index_gives() {
    let mut n_rows = 0;
    for corpus in trawl_testdata::corpora() {
        let dir = tempfile::tempdir().unwrap();
        let (logs, data) = (dir.path().join("logs"), dir.path().join("data"));
        corpus.copy_to(&logs).unwrap();
        let index = indexed(&logs, &data, &[]);
        let options = Options::new(IndexName::new("main").unwrap(), Zone::UTC, trawl_testdata::now_us());
        let files = scanning(vec![(vec![Input::Path(logs)], options)]);
        for query in PIPELINES {
            for limit in [None, Some(3)] {
                let (expected, n_expected) = rows(&index, query, limit);
                let (found, n_found) = rows(&files, query, limit);
                assert_eq!(found, expected, "{}: {query}, limit {limit:?}", corpus.name);
                // Where somebody has enough, how many matched is not the same question.
                if !query.contains("head") && limit.is_none() {
                    assert_eq!(n_found, n_expected, "{}: {query}", corpus.name);
                }
                n_rows += found.len();
            }
        }
    }
    assert!(n_rows > 2_000, "{n_rows}");
}

/// Events of one to four lines with and without stamps; rare words stand at both ends, in later lines, and behind escapes.
fn log_with_rare_words() -> String {
    let mut log = String::from("no stamp needle-top\n");
    for n in 0..30_000 {
        let (minute, second) = (n / 600 % 60, n / 10 % 60);
        log.push_str(&format!("2026-11-20 14:{minute:02}:{second:02},{:03} INFO worker {n} done\n", n % 10 * 100));
        match n {
            7_000 => {
                log.push_str("java.lang.Exception: Needle-Trace\n\tat com.example.Pay(Pay.java:12)\n\tat needle.Deep\n")
            }
            12_000 => log.push_str("2026-11-20 14:59:00 ERROR needle-middle {\"x\":\"n\\u0065edle-escaped\"}\n"),
            12_001 => log.push_str("2026-11-20 14:59:01 ERROR colour n\x1b[31meedle-red\r\n"),
            _ if n % 97 == 0 => log.push_str("  continued without a stamp\n"),
            _ => {}
        }
    }
    log.push_str("2026-11-20 14:59:59 INFO needle-end");
    log
}

#[test]
fn rare_words_are_found_though_most_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (logs, data) = (dir.path().join("logs"), dir.path().join("data"));
    std::fs::create_dir(&logs).unwrap();
    let log = log_with_rare_words();
    std::fs::write(logs.join("app.log"), &log).unwrap();
    std::fs::write(
        logs.join("packed.log.zst"),
        zstd::bulk::compress(log.replace("worker", "x").as_bytes(), 1).unwrap(),
    )
    .unwrap();
    let index = indexed(&logs, &data, &[]);
    let options = Options::new(IndexName::new("main").unwrap(), Zone::UTC, trawl_testdata::now_us());
    let files = scanning(vec![(vec![Input::Path(logs)], options)]);
    let queries = [
        "needle-top",
        "needle-trace",
        "CASE(Needle-Trace)",
        "\"at needle\"",
        "needle.Deep",
        "needle-middle",
        "needle-escaped",
        "needle-red",
        "needle-end",
        "*eedle*",
        "needle-*",
        "TERM(needle-middle)",
        "needle* NOT ERROR",
        "ERROR needle*",
        "worker 29999",
        "\"worker 15000 done\"",
        "absent",
        "needle* | stats count by source, linecount",
    ];
    let mut n_found = 0;
    for query in queries {
        let (expected, _) = rows(&index, query, None);
        let (found, _) = rows(&files, query, None);
        assert_eq!(found, expected, "{query}");
        n_found += usize::from(!found.is_empty());
    }
    assert_eq!(n_found, queries.len() - 1, "all but one are there");
    let absent = Search::prepare("absent", &SearchOptions::new(trawl_testdata::now_us())).unwrap();
    let coverage = absent.run(&files, &mut |_| Ok(Flow::More)).unwrap().coverage;
    assert!(coverage.n_bytes_skimmed * 10 > coverage.n_bytes_read * 7, "{coverage:?}");
    assert!(coverage.n_bytes_read >= log.len() as u64, "{coverage:?}");
}

fn scan(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.trawl(&[&["scan", "--now", NOW], args].concat())
}

/// Runs `trawl scan` with something on its standard input.
fn piped(sandbox: &Sandbox, input: &[u8], args: &[&str]) -> Run {
    let mut shell = Command::new("sh");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(input).unwrap();
    let command = sandbox.command(&[&["scan", "--now", NOW], args].concat());
    shell.arg("-c").arg("cat \"$0\" | \"$@\"").arg(file.path());
    shell.arg(command.get_program()).args(command.get_args()).current_dir(sandbox.path()).stdin(Stdio::null());
    shell.env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC").env("HOME", sandbox.path());
    sandbox.finish(&mut shell)
}

#[test]
fn files_are_searched_where_nothing_is_set_up() {
    let sandbox = Sandbox::new();
    sandbox.file("pay.log", PAY_LOG);
    sandbox.file("other.log", b"2026-11-20 14:05:02,000 INFO elsewhere\n");
    let run = scan(&sandbox, &["pay.log", "other.log", "ERROR OR elsewhere"]);
    assert_eq!(run.code(), 0, "{run}");
    // Newest first, the exact bytes.
    let newest = b"2026-11-20 14:05:03,000 [pay-1] ERROR: caf\xe9 \x1b[31mred\x1b[0m host=db-02 attempt=3\n";
    assert!(run.stdout().starts_with(newest), "{run}");
    insta::assert_snapshot!(scan(&sandbox, &["*.log", "* | stats count by level", "--stats"]), @r"
    exit: 0
    --- stdout ---
    level  count
    -----  -----
    ERROR      2
    INFO       3
    WARN       1

    --- stderr ---
    searched 6 events of 2 files; all time; [TIME]
      files     2
      events    6 matched, 0 of 6 read
      raw text  516 B
    ");
    insta::assert_snapshot!(scan(&sandbox, &["pay.log", "nowhere"]), @r"
    exit: 1
    --- stderr ---
    no event matched
    searched 5 events of 1 file; all time; [TIME]
    ");
    let run = scan(&sandbox, &["pay.log", "index=prod ERROR"]);
    assert!(run.code() == 1 && run.stderr().contains("the events of files have index=main"), "{run}");
    assert_eq!(scan(&sandbox, &["pay.log", "index=prod ERROR", "--index", "prod"]).code(), 0);
    assert!(!sandbox.path().join("data").exists());
}

#[test]
fn compressed_files_and_pipes_are_searched_too() {
    let sandbox = Sandbox::new();
    let packed = zstd::bulk::compress(PAY_LOG, 3).unwrap();
    sandbox.file("pay.log.zst", &packed);
    let expected = "count\n-----\n    2\n";
    let count = |run: Run| {
        assert_eq!(run.code(), 0, "{run}");
        String::from_utf8(run.stdout().to_vec()).unwrap()
    };
    assert_eq!(count(scan(&sandbox, &["pay.log.zst", "ERROR | stats count"])), expected);
    assert_eq!(count(piped(&sandbox, PAY_LOG, &["ERROR | stats count"])), expected);
    assert_eq!(count(piped(&sandbox, &packed, &["-", "ERROR | stats count"])), expected);
    // A pipe that is read twice.
    let expected = scan(&sandbox, &["pay.log.zst", "ERROR | append [search WARN] | table _raw"]);
    let run = piped(&sandbox, &packed, &["-", "ERROR | append [search WARN] | table _raw"]);
    assert!(run.code() == 0 && run.stdout() == expected.stdout() && run.to_string().contains("WARN"), "{run}");
}

#[test]
fn what_stands_around_is_what_stands_around_it_in_the_index() {
    let sandbox = Sandbox::new();
    for corpus in trawl_testdata::corpora() {
        corpus.copy_to(&sandbox.path().join("logs").join(&corpus.name)).unwrap();
    }
    sandbox.file("logs/rare.log.zst", &zstd::bulk::compress(log_with_rare_words().as_bytes(), 1).unwrap());
    let run = sandbox.trawl(&["index", "logs"]);
    assert!(run.code() == 0, "{run}");
    let mut n_bytes = 0;
    for query in ["ERROR OR WARN", "needle*", "* | head 5", "absent"] {
        for around in [&["-C", "2"][..], &["-B", "3"], &["-A", "1", "-n", "4"]] {
            let expected = sandbox.trawl(&[&["search", "--now", NOW, query], around].concat());
            let found = scan(&sandbox, &[&["logs", query], around].concat());
            assert_eq!(found.code(), expected.code(), "{query} {around:?}");
            assert!(found.stdout() == expected.stdout(), "{query} {around:?}");
            n_bytes += found.stdout().len();
        }
    }
    assert!(n_bytes > 50_000, "{n_bytes}");
    // A pipe is read again, too.
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(piped(&sandbox, PAY_LOG, &["-", "attempt=1", "-C", "1"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20 14:05:00,001 [main] INFO: PaymentService started on port 8080
    2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB host=db-01 attempt=1
    java.sql.SQLException: timeout
    	at com.example.Pay.run(Pay.java:12)
    2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2
    ");
}

#[test]
fn what_could_not_be_read_is_said() {
    let sandbox = Sandbox::new();
    sandbox.file("pay.log", PAY_LOG);
    sandbox.file("program", &[0x7f, b'E', b'L', b'F', 0, 1, 2, 3, 0, 0, 0, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 1]);
    sandbox.file("broken.log.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03garbage");
    insta::assert_snapshot!(scan(&sandbox, &["broken.log.gz", "program", "pay.log", "* | stats count"]), @r"
    exit: 2
    --- stdout ---
    count
    -----
        5

    --- stderr ---
    warning: the answer is incomplete: some files could not be read
    searched 5 events of 1 file (1 left out); INCOMPLETE: 1 part could not be read; all time; [TIME]
    warning: [DIR]/broken.log.gz: the compressed file is damaged after 0 bytes of its content: corrupt deflate stream
      [DIR]/program is not text
    ");
    let run = scan(&sandbox, &["gone.log", "*"]);
    assert!(run.code() == 2 && run.stderr().contains("no such file or directory"), "{run}");
    let run = scan(&sandbox, &["ERROR", "pay.log"]);
    assert!(run.code() == 2 && run.stderr().contains("trawl scan pay.log 'ERROR'"), "{run}");
}

#[test]
fn a_plan_is_explained_without_reading() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(scan(&sandbox, &["gone.log", "ERROR | stats count", "--explain"]), @r"
    exit: 0
    --- stdout ---
    query   search ERROR | stats count
    search
            word ERROR
    scan    ERROR
    builtin nothing
    extract nothing
    merge   stats count
    open    gone.log: read from beginning to end, without an index
    ");
}
