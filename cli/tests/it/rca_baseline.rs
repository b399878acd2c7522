//! `trawl rca diff` without `--baseline`: what it compares with, over days with jobs, a weekend, holes and changes of the clock.

use crate::support::Sandbox;
use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Timelike, Utc, Weekday};
use serde_json::Value as Json;

/// Lines by the time of the machine, each with its stamp in UTC.
struct Log(String);

impl Log {
    fn add(&mut self, time: DateTime<Utc>, text: &str) {
        self.0.push_str(&format!("{} {text}\n", time.format("%FT%TZ")));
    }

    /// So many lines a minute, for minutes from a time on.
    fn burst(&mut self, from: DateTime<Utc>, minutes: i64, per_minute: i64, text: impl Fn(i64) -> String) {
        for n in 0..minutes * per_minute {
            self.add(from + Duration::seconds(n * 60 / per_minute + 7), &text(n));
        }
    }
}

fn utc(year: i32, month: u32, day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, month, day, hour, minute, 0).unwrap()
}

/// Ten days up to Tuesday, 2026-09-01: a job at 02:00, one at 03:00 on weekdays, one at 04:00 on the first of the month, of which 2026-08-01
/// is kept, too. Of Thursday the 27th nothing is there, and the 26th begins at 02:14.
fn ten_days() -> Sandbox {
    let mut log = Log(String::new());
    let monthly = |n: i64| format!("INFO MonthEnd account {n} closed job=monthly status=200");
    log.burst(utc(2026, 8, 1, 4, 0), 20, 3, monthly);
    for day in 0..10 {
        let midnight = utc(2026, 8, 23, 0, 0) + Duration::days(day);
        if midnight.day() == 27 {
            continue;
        }
        let first = if midnight.day() == 26 { 134 } else { 0 };
        for minute in first..5 * 60 {
            let time = midnight + Duration::minutes(minute);
            log.add(
                time + Duration::seconds(3),
                &format!("INFO request {} served job=web status=200", day * 1440 + minute),
            );
            if time.hour() == 2 && time.minute() < 20 {
                log.burst(time, 1, 3, |n| {
                    format!("INFO NightlyBatch chunk {} written job=nightly status=200", minute * 3 + n)
                });
            }
            let is_weekday = !matches!(time.weekday(), Weekday::Sat | Weekday::Sun);
            if time.hour() == 3 && time.minute() < 20 && is_weekday {
                log.burst(time, 1, 3, |n| {
                    format!("INFO WeekdayReport page {} printed job=report status=200", minute * 3 + n)
                });
            }
            if time.hour() == 4 && time.minute() < 20 && time.day() == 1 {
                log.burst(time, 1, 3, monthly);
            }
        }
    }
    log.burst(utc(2026, 9, 1, 2, 5), 10, 2, |n| {
        format!("ERROR LedgerService cannot post entry {n} job=nightly status=503")
    });
    let sandbox = Sandbox::new();
    sandbox.file("app.log", log.0.as_bytes());
    assert_eq!(sandbox.trawl(&["index", "--host", "app-01", "app.log"]).code(), 0);
    sandbox
}

fn diff(sandbox: &Sandbox, zone: &str, args: &[&str]) -> Json {
    let start = ["--tz", zone, "rca", "diff", "--now", "2026-11-20T00:00:00Z", "-o", "json", "--incident"];
    let run = sandbox.trawl(&[&start[..], args].concat());
    serde_json::from_slice(run.stdout()).unwrap_or_else(|error| panic!("{error}: {run}"))
}

fn patterns(found: &Json) -> Vec<(&str, &str)> {
    let patterns = found["patterns"].as_array().unwrap().iter();
    patterns.map(|found| (found["change"].as_str().unwrap(), found["pattern"].as_str().unwrap())).collect()
}

fn tells_of(found: &Json, word: &str) -> bool {
    found["patterns"].to_string().contains(word) || found["values"].to_string().contains(word)
}

/// The beginnings of the baseline's ranges.
fn begins(found: &Json) -> Vec<DateTime<Utc>> {
    let stretches = found["baseline"]["stretches"].as_array().unwrap().iter();
    stretches.map(|range| DateTime::from_timestamp_micros(range["from_us"].as_i64().unwrap()).unwrap()).collect()
}

#[test]
fn the_job_of_every_night_is_no_news_and_the_error_in_it_is() {
    let sandbox = ten_days();
    // Also where the day is no multiple of the incident's length.
    for incident in ["2026-09-01 02:00..02:20", "2026-09-01 02:00..02:17"] {
        let found = diff(&sandbox, "UTC", &[incident]);
        let told = patterns(&found);
        assert_eq!(told.len(), 1, "{incident}: {told:?}");
        assert!(told[0].0 == "new" && told[0].1.contains("ERROR LedgerService cannot post entry"), "{told:?}");
        assert_eq!(found["patterns"][0]["seen_earlier_us"], Json::Null);
        let values: Vec<&str> =
            found["values"].as_array().unwrap().iter().map(|value| value["value"].as_str().unwrap()).collect();
        assert!(values.contains(&"503") && values.contains(&"ERROR"), "{values:?}");
        assert!(!values.contains(&"200") && !values.contains(&"INFO"), "{values:?}");
    }
}

#[test]
fn the_report_says_which_days_it_took_and_which_not() {
    let sandbox = ten_days();
    let found = diff(&sandbox, "UTC", &["2026-09-01 02:00..02:20"]);
    assert_eq!(
        found["baseline_text"],
        "the 2 h before the incident; the same time of 5 earlier days: Mon 31, Sun 30, Sat 29, Fri 28, Tue 25; \
         of Thu 27, Wed 26 nothing or little is indexed of that time"
    );
    assert_eq!(found["baseline"]["stretches"].as_array().map(Vec::len), Some(6));
    let page =
        sandbox.trawl(&["rca", "diff", "--now", "2026-11-20T00:00:00Z", "--incident", "2026-09-01 02:00..02:20"]);
    let page = String::from_utf8_lossy(page.stdout()).into_owned();
    assert!(page.contains("chosen: the 2 h before the incident; the same time of 5 earlier days: Mon 31, "), "{page}");
    // What is asked for was never there, but the time was indexed: that it is new can be said.
    let found = diff(&sandbox, "UTC", &["2026-09-01 02:00..02:20", "LedgerService"]);
    assert_eq!((&found["baseline"]["n_events"], patterns(&found).len()), (&Json::from(0), 1), "{found}");
}

#[test]
fn jobs_of_weekdays_and_of_the_first_of_the_month() {
    let sandbox = ten_days();
    // On Monday the days before are a weekend.
    let monday = diff(&sandbox, "UTC", &["2026-08-31 03:00..03:20"]);
    assert!(!tells_of(&monday, "WeekdayReport") && !tells_of(&monday, "report"), "{monday}");
    // On Saturday it is not missed.
    let saturday = diff(&sandbox, "UTC", &["2026-08-29 03:00..03:20"]);
    assert!(!tells_of(&saturday, "WeekdayReport"), "{saturday}");
    assert!(saturday["baseline_text"].as_str().unwrap().contains("Sat 22"), "{saturday}");
    // That of the first of the month is new to seven days, and the report says that it was seen before.
    let incident = "2026-09-01 04:00..04:20";
    let first = diff(&sandbox, "UTC", &[incident]);
    let told = patterns(&first);
    assert!(told.len() == 1 && told[0].0 == "new" && told[0].1.contains("MonthEnd account"), "{told:?}");
    let seen = DateTime::from_timestamp_micros(first["patterns"][0]["seen_earlier_us"].as_i64().unwrap()).unwrap();
    assert_eq!(seen, utc(2026, 8, 1, 4, 19) + Duration::seconds(47));
    let page = sandbox.trawl(&["rca", "diff", "--now", "2026-11-20T00:00:00Z", "--incident", incident]);
    let page = String::from_utf8_lossy(page.stdout()).into_owned();
    assert!(page.contains("not in the baseline, but last seen 2026-08-01 04:19:47"), "{page}");
}

#[test]
fn a_log_with_nothing_but_a_job_has_a_baseline() {
    let mut log = Log(String::new());
    for day in 0..8 {
        let start = utc(2026, 8, 24, 2, 3) + Duration::days(day);
        log.burst(start, 4, 5, |n| format!("INFO NightlyBatch chunk {n} written"));
    }
    log.burst(utc(2026, 8, 31, 2, 5), 4, 5, |n| format!("ERROR NightlyBatch chunk {n} refused"));
    let sandbox = Sandbox::new();
    sandbox.file("job.log", log.0.as_bytes());
    assert_eq!(sandbox.trawl(&["index", "job.log"]).code(), 0);
    let found = diff(&sandbox, "UTC", &["2026-08-31 02:00..02:20"]);
    let told = patterns(&found);
    assert!(told.len() == 1 && told[0].1.contains("ERROR NightlyBatch chunk"), "{told:?}");
    assert_eq!(found["baseline"]["seconds"], 7.0 * 1200.0);
}

/// A week up to a day, in which something is written each minute, and a job runs at eight by a clock that is so many hours ahead of UTC
/// before a moment, and so many since.
fn week(last: NaiveDate, shift: DateTime<Utc>, (before, since): (i64, i64)) -> Sandbox {
    let mut log = Log(String::new());
    let end = last.and_hms_opt(22, 0, 0).unwrap().and_utc();
    for minute in 0..8 * 1440 {
        let time = end - Duration::days(8) + Duration::minutes(minute);
        log.add(time + Duration::seconds(3), &format!("INFO request {minute} served"));
        let local = time + Duration::hours(if time < shift { before } else { since });
        if local.hour() == 8 && local.minute() < 20 {
            log.burst(time, 1, 3, |n| format!("INFO MorningRun step {} done", minute * 3 + n));
        }
    }
    let sandbox = Sandbox::new();
    sandbox.file("app.log", log.0.as_bytes());
    assert_eq!(sandbox.trawl(&["index", "app.log"]).code(), 0);
    sandbox
}

#[test]
fn the_same_time_is_that_of_the_clock_on_the_wall() {
    // The clocks went back on Sunday, 2026-10-25.
    let sandbox = week(NaiveDate::from_ymd_opt(2026, 10, 26).unwrap(), utc(2026, 10, 25, 1, 0), (2, 1));
    let monday = diff(&sandbox, "Europe/Zurich", &["2026-10-26 08:00..08:20"]);
    assert!(!tells_of(&monday, "MorningRun"), "{monday}");
    let hours: Vec<(u32, u32)> = begins(&monday)[1..].iter().map(|time| (time.day(), time.hour())).collect();
    assert_eq!(hours, [(25, 7), (24, 6), (23, 6), (22, 6), (21, 6), (20, 6), (19, 6)]);
    // The hour that there was twice: the first one is meant.
    let night = diff(&sandbox, "Europe/Zurich", &["2026-10-25 02:30..02:50"]);
    assert_eq!(night["incident"]["stretches"][0]["from_us"], utc(2026, 10, 25, 0, 30).timestamp_micros());
    assert_eq!(begins(&night)[1], utc(2026, 10, 24, 0, 30));
    assert_eq!(patterns(&night), [], "{night}");
    // The clocks went forward on Sunday, 2026-03-29: what was to be at 02:00 was at 03:00.
    let sandbox = week(NaiveDate::from_ymd_opt(2026, 3, 30).unwrap(), utc(2026, 3, 29, 1, 0), (1, 2));
    let monday = diff(&sandbox, "Europe/Zurich", &["2026-03-30 02:00..02:20"]);
    assert_eq!(begins(&monday)[1..3], [utc(2026, 3, 29, 1, 0), utc(2026, 3, 28, 1, 0)]);
    assert_eq!(patterns(&monday), [], "{monday}");
    assert!(!tells_of(&diff(&sandbox, "Europe/Zurich", &["2026-03-30 08:00..08:20"]), "MorningRun"));
}
