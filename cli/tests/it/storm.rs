//! `trawl run` killed at any moment of an alert storm: no transition is missed or told in two ways, and no command runs twice.

use crate::alert::{PATIENCE, receive_one};
use crate::support::{Running, Sandbox};
use chrono::DateTime;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use trawl_alert::book::{Book, TransitionRecord};
use trawl_alert::outbox::{Delivery, DeliveryState};

/// Kills, unless `TRAWL_STORM_KILLS` says more.
const KILLS: u64 = 8;
const HOSTS: u64 = 4;
/// Between two lines of a host that fails.
const PACE: Duration = Duration::from_millis(200);
/// How far back the rule looks.
const WINDOW: Duration = Duration::from_secs(2);
/// How long the last process lives while the storm goes on.
const AFTER_THE_KILLS: Duration = Duration::from_secs(10);
/// Between two looks at what a process has done.
const POLL: Duration = Duration::from_millis(50);

/// What hosts write until it is over: each fails for some seconds, then is well for some.
fn storm(log: &Path, is_over: &AtomicBool) {
    let mut log = File::options().append(true).create(true).open(log).unwrap();
    let begun = Instant::now();
    while !is_over.load(Ordering::SeqCst) {
        let now = DateTime::<chrono::Utc>::from(SystemTime::now()).format("%Y-%m-%d %H:%M:%S%.3f");
        let seconds = begun.elapsed().as_secs();
        for host in (0..HOSTS).filter(|host| ((seconds + host) / (3 + host)).is_multiple_of(2)) {
            writeln!(log, "{now} ERROR PaymentService failed to connect to DB server=db-{host}").unwrap();
        }
        thread::sleep(PACE);
    }
}

/// When each episode began and ended, microseconds UTC, with its group and how many events it began with.
type Episodes = BTreeSet<(i64, Option<i64>, String, u64)>;

/// The episodes of a history, which says the newest first.
fn episodes(history: &[TransitionRecord]) -> Episodes {
    let mut open: BTreeMap<String, (i64, u64)> = BTreeMap::new();
    let mut episodes = Episodes::new();
    for record in history.iter().rev() {
        let group = record.group.to_string();
        match record.what.as_str() {
            "raised" => {
                assert_eq!(open.insert(group, (record.tick_us, record.count)), None, "raised twice: {record:?}")
            }
            "resolved" => {
                let (raised_us, count) = open.remove(&group).unwrap_or_else(|| panic!("never raised: {record:?}"));
                episodes.insert((raised_us, Some(record.tick_us), group, count));
            }
            _ => panic!("{record:?}"),
        }
    }
    episodes.extend(open.into_iter().map(|(group, (raised_us, count))| (raised_us, None, group, count)));
    episodes
}

/// What history would have come to, had nobody been killed.
fn replayed(sandbox: &Sandbox) -> Episodes {
    let run = sandbox.trawl(&["alert", "test", "db", "--last", "6h", "-o", "ndjson"]);
    let lines = run.stdout().split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let time =
        |value: &Value| value.as_str().map(|text| DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros());
    let row = |line| {
        let row: Value = serde_json::from_slice(line).unwrap();
        let (group, count) = (row["group"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap());
        (time(&row["raised"]).unwrap(), time(&row["resolved"]), group, count)
    };
    lines.map(row).collect()
}

/// Every delivery, when all have come to an end.
fn settled(book: &Book) -> Vec<Delivery> {
    let begun = Instant::now();
    loop {
        let deliveries = book.deliveries(None, None, usize::MAX).unwrap();
        let is_over = |delivery: &Delivery| matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Dead);
        if book.history(None, 1).unwrap().iter().all(|last| last.what == "resolved") && deliveries.iter().all(is_over) {
            return deliveries;
        }
        assert!(
            begun.elapsed() < 2 * PATIENCE,
            "{} are on their way",
            deliveries.iter().filter(|d| !is_over(d)).count()
        );
        thread::sleep(POLL);
    }
}

#[test]
fn killed_in_an_alert_storm() {
    let kills = std::env::var("TRAWL_STORM_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let told: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>> = Arc::default();
    thread::spawn({
        let told = Arc::clone(&told);
        // A process that is killed may hang up before it has said everything.
        move || {
            while let Ok((stream, _)) = listener.accept() {
                if let Ok((key, body)) = receive_one(stream) {
                    told.lock().unwrap().entry(key).or_default().insert(body.to_string());
                }
            }
        }
    });
    let script = sandbox.file("restart.sh", b"#!/bin/sh\necho $TRAWL_ALERT_ID >> ${0%/*}/runs\nsleep 0.05\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let (script, window) = (script.display(), WINDOW.as_secs());
    let config = format!(
        "[[input]]\npaths = [\"logs/*.log\"]\n\n\
         [[alert]]\nname = \"db\"\nsearch = 'ERROR PaymentService \"failed to connect\"'\nevery = \"1s\"\nwindow = \"{window}s\"\n\
         condition = \"count > 3\"\ngroup_by = [\"server\"]\nactions = [\"hook\", \"restart\"]\n\n\
         [actions]\nallow_commands = [\"{script}\"]\n\n\
         [action.hook]\ntype = \"webhook\"\nurl = \"{url}\"\nmax_per_minute = 100000\n\n\
         [action.restart]\ntype = \"command\"\ncommand = [\"{script}\"]\nmax_per_minute = 100000\n"
    );
    sandbox.file("trawl.toml", config.as_bytes());
    let log = sandbox.file("logs/app.log", b"2026-11-20 14:00:00.000 INFO begun\n");

    // The rule is watched before anything happens.
    let running = Running::new(&sandbox, &[]);
    let data = sandbox.path().join("data");
    let begun = Instant::now();
    let is_watched = || Some(Book::open_to_read(&data).ok()??.progress().ok()?.contains_key("db"));
    while is_watched() != Some(true) {
        assert!(begun.elapsed() < PATIENCE, "it is never evaluated");
        thread::sleep(POLL);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || storm(&log, &is_over)
    });
    // The first episode may begin before anything is killed.
    thread::sleep(WINDOW);
    running.kill();
    for kill in 1..kills {
        let running = Running::new(&sandbox, &[]);
        thread::sleep(Duration::from_millis(200 + kill * 373 % 1300));
        running.kill();
    }
    let running = Running::new(&sandbox, &[]);
    // What was caught up with and what happens now stand in one history.
    thread::sleep(AFTER_THE_KILLS);
    is_over.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    // The last episodes end once their window has passed. How far rules are evaluated is saved too rarely to be waited for.
    thread::sleep(2 * WINDOW);
    let book = Book::open_to_read(&data).unwrap().expect("a book");
    let deliveries = settled(&book);
    running.stop();

    let history = book.history(None, usize::MAX).unwrap();
    let lived = episodes(&history);
    assert!(lived.len() >= 4, "there was no storm: {lived:?}");
    assert_eq!(lived, replayed(&sandbox), "live and replayed");

    let told = told.lock().unwrap();
    let ids: BTreeSet<&str> = history.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids.len(), history.len(), "each transition has an identity of its own");
    assert_eq!(deliveries.len(), 2 * ids.len(), "each transition goes to each action");
    assert_eq!(told.len(), ids.len(), "idempotency keys are transitions: {:?}", told.keys());
    assert!(told.values().all(|bodies| bodies.len() == 1), "a repeat is the same");

    let runs = fs::read_to_string(sandbox.path().join("runs")).unwrap();
    let ran: BTreeSet<&str> = runs.lines().collect();
    assert_eq!(ran.len(), runs.lines().count(), "no command ran twice");
    for delivery in &deliveries {
        assert!(ids.contains(delivery.transition_id.as_str()));
        match (delivery.action.as_str(), delivery.state) {
            ("hook", DeliveryState::Delivered) => {}
            // That it is over starts no command.
            ("restart", DeliveryState::Delivered) => {
                let is_skipped = delivery.outcome.as_ref().is_some_and(|outcome| outcome["skipped"] == true);
                let is_end = delivery.notification.as_ref().unwrap().happening.is_end();
                assert_eq!(is_skipped, is_end, "{delivery:?}");
                assert_eq!(ran.contains(delivery.transition_id.as_str()), !is_end, "{delivery:?}");
            }
            // Killed while it ran, or before: nobody knows, and that is said.
            ("restart", DeliveryState::Dead) => {
                let outcome = delivery.outcome.as_ref().expect("an outcome").to_string();
                assert!(outcome.contains("nobody knows"), "{outcome}");
            }
            (action, state) => panic!("{action} is {state:?}"),
        }
    }
}
