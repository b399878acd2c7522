//! `trawl rca`: what the generated corpus plants is found, and small logs in a sandbox.

use crate::support::{NOW, Sandbox, folder_of};
use serde_json::Value as Json;
use std::path::Path;
use std::sync::LazyLock;
use trawl_query::rca::changes::{ChangesOptions, OnsetFrom, changes};
use trawl_query::rca::timeline::{EntryKind, TimelineOptions, timeline};
use trawl_query::rca::trace::{TraceOptions, WhyNot, trace};
use trawl_query::rca::{Inquiry, Moment};
use trawl_query::{Engine, SearchOptions};

struct Generated {
    _dir: tempfile::TempDir,
    truth: Json,
    engine: Engine,
}

/// The generated corpus, indexed once for all tests here.
static GENERATED: LazyLock<Option<Generated>> = LazyLock::new(|| {
    let folder = folder_of("TRAWL_GENERATED")?;
    let truth = std::fs::read(folder.join("truth.json")).expect("truth.json");
    let truth: Json = serde_json::from_slice(&truth).expect("JSON");
    let dir = tempfile::tempdir().expect("temporary directory");
    let engine = crate::support::indexed(&folder, dir.path(), &["truth.json"]);
    Some(Generated { _dir: dir, truth, engine })
});

impl Generated {
    fn inquiry(&self) -> Inquiry {
        Inquiry::new(&self.engine, SearchOptions::new(trawl_testdata::now_us()))
    }

    /// A time of the truth's incident.
    fn incident(&self, what: &str) -> Moment {
        let text = self.truth["incident"][what].as_str().expect("a time");
        Moment(chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339").timestamp_micros())
    }

    /// The incident as somebody would say it: to the quarter of an hour.
    fn window(&self) -> ChangesOptions {
        const QUARTER_US: i64 = 900_000_000;
        let mut options = ChangesOptions::new(self.incident("start").0.div_euclid(QUARTER_US) * QUARTER_US);
        options.until_us = Some((self.incident("end").0.div_euclid(QUARTER_US) + 1) * QUARTER_US);
        options
    }
}

fn file_name(source: &str) -> &str {
    Path::new(source).file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[test]
fn a_trace_follows_the_planted_order() {
    let Some(corpus) = &*GENERATED else { return };
    let trace = trace(&corpus.inquiry(), "ORD-7731ZK42", &TraceOptions::default()).expect("a trace");
    assert_eq!(trace.incomplete, None);
    let sources: Vec<&str> = trace.events.iter().map(|event| file_name(&event.event.source)).collect();
    assert_eq!(
        sources,
        [
            "api-gateway.log",
            "order-service.json.log",
            "payment-service.log",
            "ledger-service.log",
            "settlement-batch.log"
        ]
    );
    let deltas: Vec<i64> = trace.events.iter().map(|event| event.delta_us / 1000).collect();
    assert_eq!(deltas[..4], [0, 40, 40, 40]);
    assert_eq!(trace.n_errors, 2);
    assert!(trace.events[3].event.text.contains("NullPointerException"), "the stack trace is there");
    let followed: Vec<&str> = trace.followed.iter().map(|id| id.value.as_str()).collect();
    assert_eq!(followed, ["ORD-7731ZK42", "feedfacecafe7731", "PAY-ZK00000042"]);
    assert_eq!(trace.legs.len(), 5);
    let gap = trace.largest_gap.expect("a gap");
    assert_eq!(
        (file_name(&gap.from_source), file_name(&gap.to_source)),
        ("ledger-service.log", "settlement-batch.log")
    );
    assert_eq!(trace.skew, []);
}

#[test]
fn any_of_its_ids_leads_to_the_order() {
    let Some(corpus) = &*GENERATED else { return };
    for value in ["feedfacecafe7731", "PAY-ZK00000042"] {
        let trace = trace(&corpus.inquiry(), value, &TraceOptions::default()).expect("a trace");
        let sources: Vec<&str> = trace.events.iter().map(|event| file_name(&event.event.source)).collect();
        assert_eq!(sources.last(), Some(&"settlement-batch.log"), "{value}: {sources:?}");
        assert_eq!(sources.len(), 5, "{value}: {sources:?}");
    }
}

#[test]
fn ordinary_orders_do_not_run_into_each_other() {
    let Some(corpus) = &*GENERATED else { return };
    let inquiry = corpus.inquiry();
    let mut orders = Vec::new();
    let search =
        trawl_query::Search::prepare("\"authorised paymentId\" | head 12", inquiry.options()).expect("a query");
    let run = search.run(inquiry.engine(), &mut |batch| {
        let lines = batch.column("_raw").unwrap_or_default().iter().map(ToString::to_string);
        orders.extend(lines.filter_map(|line| {
            let (_, rest) = line.split_once("orderId=")?;
            Some(rest.split(' ').next()?.to_owned())
        }));
        Ok(trawl_query::Flow::More)
    });
    run.expect("a search");
    assert_eq!(orders.len(), 12);
    for order in orders {
        let trace = trace(&inquiry, &order, &TraceOptions::default()).expect("a trace");
        assert!((5..=20).contains(&trace.events.len()), "{order}: {} events, {:?}", trace.events.len(), trace.followed);
        let foreign = trace.events.iter().find(|event| {
            let text = &event.event.text;
            text.contains("orderId=ORD-") && !text.contains(&order)
        });
        assert!(foreign.is_none(), "{order}: {foreign:?}");
        // What is common is known to be, and the reason is said.
        assert!(
            trace.left_out.iter().all(|id| !matches!(id.why, WhyNot::NoRoom { .. })),
            "{order}: {:?}",
            trace.left_out
        );
    }
}

#[test]
fn changes_name_the_planted_change_first() {
    let Some(corpus) = &*GENERATED else { return };
    let changes = changes(&corpus.inquiry(), &corpus.window()).expect("changes");
    assert_eq!(changes.incomplete, None);
    // Where the corpus is small the first failure comes seconds after the incident begins.
    assert_eq!(changes.onset.how, OnsetFrom::Detected);
    let start = corpus.incident("start");
    assert!(changes.onset.time.since(start).abs() <= 10_000_000, "{:?} instead of {start:?}", changes.onset.time);
    let end = changes.onset.end.expect("an end");
    assert!(end.since(corpus.incident("end")).abs() <= 20_000_000, "{end:?}");
    assert_eq!(file_name(&changes.onset.failing[0].source), "payment-service.log");

    let first = &changes.suspects[0];
    assert_eq!(first.tickets, ["CHG0048213"]);
    assert_eq!(file_name(&first.source), "deploy.log");
    // The stamps of that file are whole seconds.
    let planted_s = corpus.truth["incident"]["root_cause"]["time"].as_str().map(|text| text[..19].to_owned());
    let line = first.event.as_ref().expect("a line");
    assert_eq!(Some(line.text[..19].replace(' ', "T")), planted_s);
    assert_eq!(file_name(&first.also[0].event.source), "payment-service.log", "the service saw it");
    assert!(!changes.after.is_empty() && changes.after.iter().all(|change| change.time >= changes.onset.time));
    // The rollback is what happened at the end, and no suspect.
    assert!(
        changes
            .suspects
            .iter()
            .all(|change| change.event.as_ref().is_none_or(|event| !event.text.contains("rollback")))
    );
    let rollback =
        changes.after.iter().find(|change| change.event.as_ref().is_some_and(|event| event.text.contains("rollback")));
    assert!(rollback.is_some_and(|rollback| rollback.tickets.contains(&"INC0091177".to_owned())));
}

#[test]
fn changes_are_found_from_other_windows_and_questions() {
    let Some(corpus) = &*GENERATED else { return };
    let minute_us = 60_000_000;
    let start = corpus.incident("start");
    let from = |minutes: i64, until: Option<i64>| ChangesOptions {
        until_us: until.map(|minutes| start.0 + minutes * minute_us),
        ..ChangesOptions::new(start.0 + minutes * minute_us)
    };
    let cases = [
        ("an hour around it", from(-60, Some(60))),
        ("begins late", from(7, Some(40))),
        ("without an end", from(-5, None)),
        ("only its first minutes", from(-1, Some(3))),
        ("with an onset", ChangesOptions { onset_us: Some(start.0), ..from(-30, Some(60)) }),
        ("a day before", ChangesOptions { before_us: 14 * 60 * minute_us, ..from(-5, Some(20)) }),
        ("with a query", ChangesOptions { query: Some("ERROR PaymentService".to_owned()), ..from(-10, Some(30)) }),
        ("seen from the gateway", ChangesOptions { query: Some("status=503".to_owned()), ..from(-10, Some(30)) }),
    ];
    for (what, options) in cases {
        let changes = changes(&corpus.inquiry(), &options).expect("changes");
        assert_eq!(
            changes.suspects[0].tickets,
            ["CHG0048213"],
            "{what}: {:?} {:?}",
            changes.onset,
            changes.suspects[0]
        );
        assert!(changes.onset.time.since(start).abs() <= 60_000_000, "{what}: {:?}", changes.onset);
    }
}

#[test]
fn a_timeline_has_change_onset_and_end_in_order() {
    let Some(corpus) = &*GENERATED else { return };
    let options = TimelineOptions {
        query: Some("\"FKM trigger matched\"".to_owned()),
        max_events: 1,
        ..TimelineOptions::new(corpus.window())
    };
    let timeline = timeline(&corpus.inquiry(), &options, Vec::new()).expect("a timeline");
    let place = |what: &dyn Fn(&trawl_query::rca::timeline::Entry) -> bool| {
        timeline.entries.iter().position(what).expect("an entry")
    };
    let change = place(&|entry| entry.what.contains("action=config-push change=") || entry.what.contains("CHG0048213"));
    let onset = place(&|entry| entry.kind == EntryKind::Onset);
    let event = place(&|entry| entry.kind == EntryKind::Event);
    let rollback = place(&|entry| entry.what.contains("rollback"));
    let end = place(&|entry| entry.kind == EntryKind::End);
    assert!(change < onset && onset < event && event < rollback && rollback < end);
    assert_eq!(timeline.entries[onset].relative_us, 0);
    assert!(timeline.n_events_left_out > 0);
}

const SHOP_LOG: &[u8] = b"\
2026-11-20 13:00:00 INFO shop started order=ORD-00001 by web\n\
2026-11-20 13:10:00 INFO request requestId=req-77001 order=ORD-4711001\n\
2026-11-20 13:10:01 ERROR order=ORD-4711001 rejected \x1b[31m<b>red</b>\n\
2026-11-20 13:10:02 INFO response requestId=req-77001 status=500\n";

fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("logs/shop.log", SHOP_LOG);
    sandbox.file("logs/db.log", b"2026-11-20 13:10:01 INFO query for req-77001 done\n2026-11-20 13:10:09 INFO idle\n");
    let run = sandbox.trawl(&["index", "--host", "shop-01", "logs"]);
    assert_eq!(run.code(), 0, "{run}");
    sandbox
}

#[test]
fn a_trace_is_printed_for_people() {
    let sandbox = shop();
    let run = sandbox.trawl(&["rca", "trace", "ORD-4711001", "--now", NOW]);
    insta::assert_snapshot!(run);
    let none = sandbox.trawl(&["rca", "trace", "ORD-9999999", "--now", NOW]);
    assert_eq!(none.code(), 1, "{none}");
    let wrong = sandbox.trawl(&["rca", "trace", "ORD-*"]);
    assert_eq!(wrong.code(), 2);
    assert!(wrong.stderr().contains("a trace needs a whole value"), "{wrong}");
}

#[test]
fn a_trace_is_json() {
    let run = shop().trawl(&["rca", "trace", "req-77001", "--hops", "0", "--now", NOW, "-o", "json"]);
    assert_eq!(run.code(), 0, "{run}");
    let trace: Json = serde_json::from_slice(run.stdout()).expect("JSON");
    assert_eq!(trace["events"].as_array().map(Vec::len), Some(3));
    assert_eq!(trace["events"][0]["time"], "2026-11-20T13:10:00.000000Z");
    assert_eq!(trace["followed"][0]["value"], "req-77001");
}

/// Two hours of a service that fails from 14:05 on, a restart at 14:04, and a machine that restarts all the time.
pub fn incident() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut service = String::new();
    for minute in 0..120 {
        let time = format!("2026-11-20 {:02}:{:02}", 13 + minute / 60, minute % 60);
        for second in [5, 25, 45] {
            let failed = (65..80).contains(&minute);
            let (level, text) = if failed {
                ("ERROR", "CheckoutService cannot reach the stock cache")
            } else {
                ("INFO", "checkout done")
            };
            service.push_str(&format!("{time}:{second:02} {level} {text} in {second} ms\n"));
        }
    }
    sandbox.file("logs/checkout-service.log", service.as_bytes());
    let mut system = String::new();
    for minute in 0..120 {
        let (hour, minute) = (13 + minute / 60, minute % 60);
        system.push_str(&format!("Nov 20 {hour:02}:{minute:02}:10 web-01 systemd[1]: Started Session cleanup.\n"));
        if (hour, minute) == (14, 4) {
            system.push_str("Nov 20 14:04:30 web-01 systemd[1]: Stopping Stock cache <b>|\x1b[2J...\n");
        }
        if (hour, minute) == (14, 20) {
            system.push_str("Nov 20 14:20:00 web-01 systemd[1]: Started Stock cache.\n");
        }
    }
    sandbox.file("logs/messages", system.as_bytes());
    let run = sandbox.trawl(&["index", "--host", "web-01", "logs"]);
    assert_eq!(run.code(), 0, "{run}");
    sandbox
}

#[test]
fn changes_are_printed_for_people() {
    let sandbox = incident();
    let run = sandbox.trawl(&["rca", "changes", "--incident", "2026-11-20 14:00..14:30", "--now", NOW, "-n", "3"]);
    insta::assert_snapshot!(run);
    let wrong = sandbox.trawl(&["rca", "changes", "--incident", "yesterday"]);
    assert_eq!(wrong.code(), 2);
    assert!(wrong.stderr().contains("is not a range of time (--incident)"), "{wrong}");
    let wrong = sandbox.trawl(&["rca", "changes", "--incident", "14:00..", "(broken", "--now", NOW]);
    assert_eq!(wrong.code(), 2, "{wrong}");
    // A time of the day is one of the incident's day.
    let window = ["--incident", "2026-11-20 14:00..", "--now", NOW, "-o", "json"];
    let given = sandbox.trawl(&[&["rca", "changes", "--onset", "14:04:45"], &window[..]].concat());
    let changes: Json = serde_json::from_slice(given.stdout()).expect("JSON");
    assert_eq!(
        (&changes["onset"]["time"], &changes["onset"]["how"]),
        (&"2026-11-20T14:04:45.000000Z".into(), &"given".into())
    );
    let wrong = sandbox.trawl(&[&["rca", "changes", "--onset", "soon"], &window[..]].concat());
    assert!(wrong.code() == 2 && wrong.stderr().contains("(--onset)"), "{wrong}");
}

#[test]
fn a_timeline_is_printed_for_people_and_reports() {
    let sandbox = incident();
    let timeline = |format: &str| {
        let incident = "2026-11-20 14:00..14:30";
        sandbox.trawl(&["rca", "timeline", "--incident", incident, "--now", NOW, "-o", format])
    };
    insta::assert_snapshot!("timeline_table", timeline("table"));
    insta::assert_snapshot!("timeline_markdown", timeline("markdown"));
    let json: Json = serde_json::from_slice(timeline("json").stdout()).expect("JSON");
    assert_eq!(json["onset"]["time"], "2026-11-20T14:05:05.000000Z");
}

#[test]
fn alerts_are_a_part_of_the_timeline() {
    let sandbox = incident();
    let audit = concat!(
        r#"{"seq":1,"time":"2026-11-20T14:05:30.000000Z","what":"alert","alert":"checkout","group":"host=web-01","#,
        r#""transition":"raised","severity":"critical","severity_before":"ok","count":2}"#,
        "\n",
        r#"{"seq":2,"time":"2026-11-20T14:05:31.000000Z","what":"delivery","alert":"checkout","to":"mail"}"#,
        "\n",
        r#"{"seq":3,"time":"2026-11-20T14:07:00.000000Z","what":"acknowledged","alert":"checkout","by":"kim","note":"on it"}"#,
        "\n"
    );
    sandbox.file("audit.jsonl", audit.as_bytes());
    let run = sandbox.trawl(&["index", "--index", "_audit", "audit.jsonl"]);
    assert_eq!(run.code(), 0, "{run}");
    let run = sandbox.trawl(&["rca", "timeline", "--incident", "2026-11-20 14:00..14:30", "--now", NOW, "-o", "json"]);
    let timeline: Json = serde_json::from_slice(run.stdout()).expect("JSON");
    let entries = timeline["entries"].as_array().expect("entries");
    let alerts: Vec<&Json> =
        entries.iter().filter(|entry| entry["kind"] == "alert").map(|entry| &entry["what"]).collect();
    assert_eq!(alerts, ["checkout raised (critical) host=web-01", "checkout acknowledged by kim: on it"]);
}

#[test]
fn clocks_that_disagree_are_hinted_at() {
    let sandbox = Sandbox::new();
    let (mut gateway, mut pay) = (String::new(), String::new());
    for n in 0..6 {
        let trace = format!("feedface0000{n:04}");
        let minute = 10 + n;
        // The clock of the second machine is three seconds behind.
        pay.push_str(&format!("2026-11-20 13:{minute}:07 INFO start authorisation traceId={trace}\n"));
        pay.push_str(&format!("2026-11-20 13:{minute}:08 INFO authorised traceId={trace}\n"));
        gateway.push_str(&format!("2026-11-20 13:{minute}:10 INFO event=request trace={trace}\n"));
        gateway.push_str(&format!("2026-11-20 13:{minute}:11 INFO event=response trace={trace}\n"));
    }
    sandbox.file("logs/gateway.log", gateway.as_bytes());
    sandbox.file("logs/pay.log", pay.as_bytes());
    let run = sandbox.trawl(&["index", "logs"]);
    assert_eq!(run.code(), 0, "{run}");
    let run = sandbox.trawl(&["rca", "trace", "feedface00000003", "--now", NOW, "-o", "json"]);
    let trace: Json = serde_json::from_slice(run.stdout()).expect("JSON");
    assert_eq!(trace["events"].as_array().map(Vec::len), Some(4), "{run}");
    let skew = &trace["skew"][0];
    assert_eq!(
        (&skew["n_traces"], &skew["n_reversed"], &skew["by_us"]),
        (&6.into(), &6.into(), &2_000_000.into()),
        "{run}"
    );
    let run = sandbox.trawl(&["rca", "trace", "feedface00000003", "--now", NOW]);
    assert!(run.to_string().contains("pay.log answers 2.0 s before gateway.log asks, in 6 of 6 traces"), "{run}");
}
