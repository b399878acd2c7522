//! `trawl rca diff`: what is different during an incident.

use crate::support::{NOW, Sandbox};
use serde_json::Value as Json;

/// An hour of a quiet service, and an incident of ten minutes from 14:00 on.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut log = String::new();
    for minute in 0..70 {
        let time = |second: u32| format!("2026-11-20 {:02}:{:02}:{second:02},000", 13 + minute / 60, minute % 60);
        log.push_str(&format!("{} INFO request {minute} served status=200\n", time(1)));
        log.push_str(&format!("{} INFO cache {minute} refreshed status=200\n", time(2)));
        if minute >= 60 {
            for second in 10..20 {
                log.push_str(&format!(
                    "{} ERROR PaymentService failed to connect to DB db-1 after {second} tries status=503\n",
                    time(second)
                ));
            }
        }
    }
    sandbox.file("pay.log", log.as_bytes());
    assert_eq!(sandbox.trawl(&["index", "--host", "pay-01", "pay.log"]).code(), 0);
    sandbox
}

const DIFF: [&str; 4] = ["rca", "diff", "--now", NOW];

fn json(sandbox: &Sandbox, args: &[&str]) -> Json {
    let run = sandbox.trawl(&[&DIFF[..], &["-o", "json"], args].concat());
    serde_json::from_slice(run.stdout()).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn an_incident_is_compared_with_the_hours_before() {
    let sandbox = sandbox();
    let incident = ["--incident", "2026-11-20 14:00..14:10"];
    insta::assert_snapshot!(sandbox.trawl(&[&DIFF[..], &incident].concat()), @r#"
    exit: 0
    --- stdout ---
    incident  2026-11-20 14:00:00 … 2026-11-20 14:10:00 UTC  120 events, 12.0 a minute
    baseline  2026-11-20 13:00:01 … 2026-11-20 14:00:00 UTC  120 events, 2.00 a minute
              chosen: the 1 h before the incident; the 7 days before hold no events of that time

    NEW patterns (1)
          389  <*> ERROR PaymentService failed to connect to DB db-<*> after <*> tries status=<*>
               100×  first 14:00:10  on pay-01  5e3c4427ecda
               2026-11-20 14:00:10,000 ERROR PaymentService failed to connect to DB db-1 after 10 tries status=503
               [DIR]/pay.log@0:7117+100

    VALUES over-represented (2)
          139  level=ERROR  100×, 83.3 % of the events, was 0 %
          139  status=503  100×, 83.3 % of the events, was 0 %

    ranked by G; 3 patterns and 7 values tested, adjusted so that 1 % of the findings may be false
    next: trawl context '[DIR]/pay.log@0:7117+100'
          trawl search '"ERROR PaymentService failed to connect to DB db" after "tries status"'
    "#);
    let found = json(&sandbox, &incident);
    assert_eq!(found["patterns"][0]["change"], "new");
    assert_eq!(found["patterns"][0]["count"], 100);
    assert!(found["values"].as_array().unwrap().iter().any(|value| value["value"] == "503"), "{found}");
    // The address of the line is one that can be typed.
    let address = found["patterns"][0]["line"]["address"].as_str().unwrap();
    assert_eq!(sandbox.trawl(&["context", address]).code(), 0);
    // The same, with a baseline that is named.
    let named = json(&sandbox, &[&incident[..], &["--baseline", "2026-11-20 13:00..14:00"]].concat());
    assert_eq!(named["patterns"][0]["pattern"], found["patterns"][0]["pattern"]);
    assert_eq!(named["baseline"]["seconds"], 3600.0);
    assert_eq!(named["baseline_is_chosen"], false);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let sandbox = sandbox();
    let error = |args: &[&str]| {
        let run = sandbox.trawl(&[&DIFF[..], args].concat());
        assert_eq!(run.code(), 2, "{run}");
        run.stderr()
    };
    assert!(error(&["--incident", "yesterday"]).contains("is not a range of time (--incident)"));
    assert!(error(&["--incident", "2026-11-20 13:00..13:10"]).contains("name a baseline"));
    let overlap = ["--incident", "2026-11-20 14:00..14:10", "--baseline", "2026-11-20 13:30..14:05"];
    assert!(error(&overlap).contains("must not overlap"));
    assert!(error(&["--incident", "2026-11-20 14:00..14:10", "* | stats count"]).contains("must yield events"));
    assert!(error(&["--incident", "2026-11-20 14:00..14:10", "earliest=-1h x"]).contains("names a time range"));
    let quiet = ["--incident", "2026-11-20 13:50..14:00", "--baseline", "2026-11-20 13:30..13:50"];
    assert_eq!(sandbox.trawl(&[&DIFF[..], &quiet].concat()).code(), 1, "nothing is different");
}

#[test]
fn the_planted_incident_is_found_first() {
    let Some(folder) = crate::support::folder_of("TRAWL_GENERATED") else { return };
    let truth: Json = serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let time = |name: &str| truth["incident"][name].as_str().unwrap().to_owned();
    let sandbox = Sandbox::new();
    let logs = folder.to_str().unwrap();
    let indexed = sandbox.trawl(&["--tz", "UTC", "index", logs, "--exclude", "*truth.json"]);
    assert_eq!(indexed.code(), 0, "{indexed}");
    let window = format!("{}..{}", time("start"), time("end"));
    let found = json(&sandbox, &["--incident", &window]);
    let first = &found["patterns"][0];
    assert_eq!(first["change"], "new");
    let pattern = first["pattern"].as_str().unwrap();
    assert!(pattern.contains("ERROR: PaymentService failed to connect to DB"), "{pattern}");
    let value = |field: &str, value: &str| {
        found["values"].as_array().unwrap().iter().any(|found| found["field"] == field && found["value"] == value)
    };
    assert!(value("status", "503") && value("level", "error"), "{}", found["values"]);
}
