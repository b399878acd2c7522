//! `trawl patterns`: lines put together.

use crate::support::{NOW, Sandbox};

/// A log of two statements, and one hostile line.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut log = String::new();
    for n in 0..6 {
        log.push_str(&format!("2026-11-20 14:05:0{n},000 INFO worker {n} started in {} ms\n", 10 + n));
    }
    log.push_str("2026-11-20 14:06:00,000 ERROR cannot reach db-1: \u{1b}[31mtimeout\u{1b}[0m\n");
    sandbox.file("app.log", log.as_bytes());
    assert_eq!(sandbox.trawl(&["index", "--host", "app-01", "app.log"]).code(), 0);
    sandbox
}

#[test]
fn patterns_are_shown_with_what_leads_on() {
    let sandbox = sandbox();
    insta::assert_snapshot!(sandbox.trawl(&["patterns", "--now", NOW]), @r#"
    exit: 0
    --- stdout ---
              6  85.7 %  <*> INFO worker <*> started in <*>
                         █▂▁▁▁▁▁▁▁▁▁▁▁  11-20 14:05:00 … 11-20 14:05:05  2164ce526bce  [DIR]/app.log
              1  14.3 %  <*> ERROR cannot reach db-<*>: timeout
                         ▁▁▁▁▁▁▁▁▁▁▁▁█  11-20 14:06:00 … 11-20 14:06:00  aba0e8c54c4e  [DIR]/app.log

    2 patterns of 7 events
    next: trawl search '"INFO worker" "started in"'
    "#);
    let run = sandbox.trawl(&["patterns", "--now", NOW, "level=ERROR", "--by", "host", "-n", "1", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_slice(run.stdout()).unwrap();
    assert_eq!(json["results"][0]["host"], "app-01");
    assert_eq!(json["results"][0]["count"], 1);
    let none = sandbox.trawl(&["patterns", "--now", NOW, "nothing-like-it"]);
    assert_eq!((none.code(), none.stdout()), (1, &b""[..]));
    let wrong = sandbox.trawl(&["patterns", "--now", NOW, "x | stast count"]);
    assert_eq!(wrong.code(), 2);
}

#[test]
fn what_it_says_to_type_finds_the_events_again() {
    let sandbox = sandbox();
    let run = sandbox.search(&["* | patterns | table count search", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_slice(run.stdout()).unwrap();
    for row in json["results"].as_array().unwrap() {
        let found = sandbox.search(&[&format!("{} | stats count", row["search"].as_str().unwrap()), "-o", "json"]);
        let found: serde_json::Value = serde_json::from_slice(found.stdout()).unwrap();
        assert_eq!(found["results"][0]["count"], row["count"], "{row}");
    }
}
