//! Live data and what it is sealed into answer alike, also where events do not end with their lines.

use crate::support::Sandbox;
use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;
use trawl_formats::{IndexName, Registry, Zone};
use trawl_indexer::tail::{Moment, Notices, Route, TailOptions, Tailer};
use trawl_indexer::{Input, Options};
use trawl_query::{Engine, Flow, Search, SearchOptions};
use trawl_store::{Reader, Writer};

/// Follows a file to which each part is written after the last event was taken for whole. What it finds stays live.
fn follow(sandbox: &Sandbox, parts: &[&[u8]]) -> Writer {
    let logs = sandbox.path().join("logs");
    fs::create_dir_all(&logs).unwrap();
    let writer = Writer::open(&sandbox.path().join("data")).unwrap();
    let now_us = trawl_testdata::now_us();
    let options = Options::new(IndexName::new("main").unwrap(), Zone::UTC, now_us);
    let route = Route { inputs: vec![Input::Path(logs.clone())], options, ignore_older: None };
    let registry = Registry::builtin();
    let mut tailer = Tailer::new(&writer, &registry, vec![route], TailOptions::default()).unwrap();
    let at = |second: u64| Moment { at: Duration::from_secs(second), wall_us: now_us + second as i64 * 1_000_000 };
    let mut second = 0;
    for part in parts {
        let mut file = File::options().append(true).create(true).open(logs.join("app.log")).unwrap();
        file.write_all(part).unwrap();
        for _ in 0..20 {
            let mut notices = Notices { rescan: true, ..Notices::default() };
            while tailer.pump(at(second), std::mem::take(&mut notices)).unwrap().is_busy {}
            second += 1;
        }
    }
    tailer.finish(at(second));
    drop(tailer);
    writer
}

fn count(sandbox: &Sandbox, query: &str) -> u64 {
    let engine = Engine::new(Reader::open(&sandbox.path().join("data")).unwrap(), Registry::builtin());
    let options = SearchOptions::new(trawl_testdata::now_us());
    let summary = Search::prepare(query, &options).unwrap().run(&engine, &mut |_| Ok(Flow::More)).unwrap();
    assert_eq!(summary.incomplete, None);
    summary.n_matched
}

/// Checks how many events each query finds, before and after they are sealed.
fn check(parts: &[&[u8]], expected: &[(&str, u64)]) {
    let sandbox = Sandbox::new();
    let writer = follow(&sandbox, parts);
    let check = |form: &str| {
        for (query, n_events) in expected {
            assert_eq!(count(&sandbox, query), *n_events, "{form}: {query}");
        }
    };
    check("live");
    // A new writer appends to none of the logs that an earlier one left.
    drop(writer);
    let writer = Writer::open(&sandbox.path().join("data")).unwrap();
    writer.seal_live_logs(&IndexName::new("main").unwrap(), &|| false).unwrap();
    assert!(!Reader::open(&sandbox.path().join("data")).unwrap().snapshot().unwrap().buckets.is_empty());
    check("sealed");
}

#[test]
fn a_line_that_went_on_late_is_two_events() {
    check(
        &[b"2026-11-20 14:05:00 INFO it fail", b"ed again\n2026-11-20 14:05:01 INFO next\n"],
        &[
            ("*", 3),
            ("fail", 1),
            ("\"it fail\"", 1),
            ("failed", 0),
            ("\"it failed\"", 0),
            ("\"ed again\"", 1),
            ("next", 1),
        ],
    );
}

#[test]
fn carriage_returns_are_not_in_the_way() {
    check(
        &[b"2026-11-20 14:05:00 ERROR first\r\n\tat one.Two\r\n2026-11-20 14:05:01 INFO second 404\r\n"],
        &[
            ("first", 1),
            ("\"first\"", 1),
            ("TERM(first)", 1),
            ("\"first\n\tat\"", 1),
            ("CASE(error)", 0),
            ("CASE(ERROR)", 1),
            ("404", 1),
            ("NOT 404", 1),
            ("level=ERROR", 1),
            ("05", 0),
            ("\"05\"", 2),
        ],
    );
}

#[test]
fn words_of_the_stamp_are_found_beside_it() {
    check(
        &[b"2026-11-20 14:05:00 INFO year=2026 n=123456\n2026-11-20 14:05:01 INFO x=\"day\\n2026 caf\\u00e9\"\n\
            2026-11-20 14:05:02 INFO n=1234567 splunk\n"],
        &[
            ("2026", 2),
            ("year=2026", 1),
            ("n=123456", 1),
            ("n=1234*", 2),
            ("n IN (123456, 1234567)", 2),
            ("caf\u{e9}", 1),
            ("x=*caf*", 1),
            ("NOT 2026", 1),
            ("splunk OR year=2026", 2),
            ("splunk_server=localhost", 3),
            ("source=*app.log INFO NOT splunk", 2),
            ("qwertz OR NOT 14:05:00", 2),
        ],
    );
}
