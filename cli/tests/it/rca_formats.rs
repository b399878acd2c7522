//! `trawl rca changes`: logs whose format or level changed at 14:00 though no line says so, and logs of which none may be told.

use crate::support::{NOW, Sandbox};
use serde_json::{Value as Json, json};

/// Four hours of lines every ten seconds, from 11:00 on, each with whether it is 14:00 or later, time, level and message.
fn log(mut line: impl FnMut(usize, bool, &str, &str, &str) -> Option<String>) -> String {
    const MESSAGES: [&str; 5] = ["order stored", "[retry] connection is back", "Pool: size 7", "took 12 ms", "user in"];
    let mut log = String::new();
    for n in 0..4 * 360 {
        let (minute, second) = (n / 6, n % 6 * 10 + 3);
        let time = format!("2026-11-20 {:02}:{:02}:{second:02}", 11 + minute / 60, minute % 60);
        let level = match n % 20 {
            7 => "WARN",
            13 => "ERROR",
            _ => "INFO",
        };
        if let Some(text) = line(n, minute >= 180, &time, level, MESSAGES[n * 7 % 5]) {
            log.push_str(&text);
            log.push('\n');
        }
    }
    log
}

fn text(time: &str, level: &str, message: &str) -> String {
    format!("{time},123 {level} [main] c.a.Service - {message}")
}

fn object(time: &str, level: &str, message: &str) -> String {
    json!({ "ts": format!("{}Z", time.replace(' ', "T")), "level": level.to_lowercase(), "msg": message }).to_string()
}

/// The logs by name.
fn logs() -> Vec<(&'static str, String)> {
    vec![
        ("json.log", log(|_, new, t, l, m| Some(if new { object(t, l, m) } else { text(t, l, m) }))),
        ("prefix.log", log(|_, new, t, l, m| Some(format!("{}{}", if new { "" } else { "<14> " }, text(t, l, m))))),
        (
            "order.log",
            log(|_, new, t, l, m| {
                Some(if new { format!("{t},123 [main] {l} c.a.Service - {m}") } else { text(t, l, m) })
            }),
        ),
        (
            "clock.log",
            log(|_, new, t, l, m| {
                Some(if new { format!("{}.11.2026 {} {l} {m}", 20, &t[11..]) } else { format!("{t} {l} {m}") })
            }),
        ),
        ("no-clock.log", log(|_, new, t, l, m| Some(if new { format!("{l} {m}") } else { format!("{t} {l} {m}") }))),
        ("debug.log", log(|n, new, t, l, m| Some(text(t, if new && !n.is_multiple_of(4) { "DEBUG" } else { l }, m)))),
        (
            "taken-back.log",
            log(|n, _, t, l, m| Some(if (1080..1260).contains(&n) { object(t, l, m) } else { text(t, l, m) })),
        ),
        (
            "reset.log",
            log(|_, new, t, l, m| Some(format!("{}{} {l} {m}", if new { "1970-01-01" } else { &t[..10] }, &t[10..]))),
        ),
        // And those of which nothing may be told.
        ("mixed.log", log(|n, _, t, l, m| Some(if n * 7 % 5 % 2 == 0 { object(t, l, m) } else { text(t, l, m) }))),
        (
            "errors.log",
            log(|n, new, t, l, m| {
                Some(if new && !n.is_multiple_of(9) {
                    format!("{t} ERROR PaymentService: [db-1] refused")
                } else {
                    format!("{t} {l} {m}")
                })
            }),
        ),
        // Two files of one log: one ends at 13:45, and the other one goes on.
        ("rotated.log.1", log(|n, _, t, l, m| (n < 990).then(|| text(t, l, m)))),
        ("rotated.log", log(|n, _, t, l, m| (n >= 990).then(|| text(t, l, m)))),
        ("silent.log", log(|n, _, t, l, m| (!(720..1080).contains(&n)).then(|| text(t, l, m)))),
        (
            "tiny.log",
            log(|n, new, t, l, m| (n % 200 == 100).then(|| if new { object(t, l, m) } else { text(t, l, m) })),
        ),
        (
            "traces.log",
            log(|n, new, t, l, m| {
                let trace = if new && n.is_multiple_of(3) {
                    "\n\tat com.acme.Service.call(Service.java:7)".repeat(40)
                } else {
                    String::new()
                };
                Some(format!("{}{trace}", text(t, if trace.is_empty() { l } else { "ERROR" }, m)))
            }),
        ),
    ]
}

#[test]
fn formats_and_levels_that_changed_silently_are_told_and_no_others() {
    let sandbox = Sandbox::new();
    for (name, log) in logs() {
        sandbox.file(&format!("logs/{name}"), log.as_bytes());
    }
    assert_eq!(sandbox.trawl(&["index", "--host", "app-01", "logs"]).code(), 0);
    let changes = ["rca", "changes", "--incident", "2026-11-20 14:02..14:40", "--now", NOW];
    let run = sandbox.trawl(&[&changes[..], &["--onset", "14:02", "-o", "json"]].concat());
    let found: Json = serde_json::from_slice(run.stdout()).unwrap_or_else(|error| panic!("{error}: {run}"));
    let mut told: Vec<(String, &Json)> = Vec::new();
    for change in found["suspects"].as_array().into_iter().chain(found["after"].as_array()).flatten() {
        if change["kind"] == "format" || change["kind"] == "verbosity" {
            let file = change["source"].as_str().unwrap().rsplit('/').next().unwrap();
            told.push((file.to_owned(), change));
        }
    }
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = told.iter().map(|(file, _)| file.as_str()).collect();
    let expected = [
        "clock.log",
        "debug.log",
        "json.log",
        "no-clock.log",
        "order.log",
        "prefix.log",
        "reset.log",
        "taken-back.log",
    ];
    assert_eq!(names, expected);
    let of = |name: &str| told.iter().find(|(file, _)| file == name).expect("told").1;
    let differences = [
        ("clock.log", "the time is written another way"),
        ("json.log", "JSON instead of text"),
        ("no-clock.log", "no time is found in its lines any more"),
        ("order.log", "another layout around the level"),
        ("prefix.log", "`<14>` no longer stands before the time"),
        ("reset.log", "its times are before 1990 or in the future, and not believed"),
        ("taken-back.log", "JSON instead of text"),
    ];
    for (name, difference) in differences {
        let regime = &of(name)["regime"];
        assert_eq!(regime["difference"], difference, "{name}");
        // The lines on both sides of the moment, to the line.
        let (before, since) = (&regime["last_before"], &regime["first_since"]);
        let last = before["text"].as_str().unwrap().lines().next().unwrap();
        assert!(last.contains("2026-11-20 13:59:53"), "{name}: {last}");
        let number = |event: &Json| {
            let address = event["addr"].as_str().unwrap();
            assert_eq!(sandbox.trawl(&["context", address]).code(), 0, "{name}: {address}");
            address.rsplit_once(':').unwrap().1.split('+').next().unwrap().parse::<u64>().unwrap()
        };
        assert!(number(before) <= number(since), "{name}");
        let is_unread = regime["n_unread"].as_u64().unwrap() > 0;
        assert_eq!(is_unread, ["json.log", "no-clock.log", "taken-back.log"].contains(&name), "{name}: {regime}");
        let text = since["text"].as_str().unwrap();
        assert!(text.contains("14:00:03") || name == "no-clock.log", "{name}: {text}");
    }
    assert!(of("taken-back.log")["regime"]["until"].as_str().unwrap().starts_with("2026-11-20T14:3"));
    let debug = of("debug.log");
    assert_eq!((&debug["kind"], &debug["regime"]["before"]), (&"verbosity".into(), &json!(0.0)));
    assert_eq!(debug["time"], "2026-11-20T14:00:13.123000Z");
    // Who is silent because lines are not read is not said to be silent, too.
    let also: Vec<&Json> =
        found["suspects"].as_array().unwrap().iter().filter(|change| change["kind"] == "silence").collect();
    assert!(also.iter().all(|change| change["source"].as_str().unwrap().ends_with("silent.log")), "{also:?}");
    // Rotation makes no source new.
    let told = found["suspects"].as_array().unwrap().iter().map(|change| change["source"].as_str().unwrap());
    assert!(
        told.clone().count() > 5 && !told.clone().any(|source| source.contains("rotated")),
        "{:?}",
        told.collect::<Vec<_>>()
    );
    // The first of them for people.
    let page = String::from_utf8(sandbox.trawl(&[&changes[..], &["-n", "12"]].concat()).stdout().to_vec()).unwrap();
    for expected in [
        "json.log  writes its lines otherwise: JSON instead of text; 360 lines hang on the event before",
        "last before  13:59:53.123  2026-11-20 13:59:53,123 ",
        "180 lines hang on the event before, as no time is found where log4j has it; as before again after about 30 min",
        "debug.log  begins to write DEBUG: ",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}
