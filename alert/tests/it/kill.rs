//! Processes that deliver and are killed at any moment: nothing is lost, every repeat has its key, no command runs twice.

use crate::lab::at;
use crate::post::*;
use crate::server::{Reply, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;
use trawl_alert::Notification;
use trawl_alert::action::command::{Command, CommandOptions, DEFAULT_TIMEOUT};
use trawl_alert::action::webhook::{Webhook, WebhookOptions};
use trawl_alert::book::Book;
use trawl_alert::deliver::{Action, Deliverer, Policy};
use trawl_alert::outbox::DeliveryState;
use trawl_alert::secret::Secret;

/// What tells this binary that it is the process to be killed: the data folder, the address of the server, the moment.
const CHILD: &str = "TRAWL_TEST_DELIVERER";
/// Kills, unless `TRAWL_KILL_ROUNDS` says more.
const ROUNDS: usize = 25;
const N_TRANSITIONS: usize = 60;

fn actions(data: &Path, url: &str) -> Vec<Action> {
    let policy = Policy { max_per_minute: usize::MAX, ..Policy::default() };
    let hook = |name: &str| {
        let webhook = Webhook::new(WebhookOptions::new(Secret::inline(format!("{url}/{name}")))).expect("a webhook");
        Action { policy: policy.clone(), ..action(name, webhook) }
    };
    let program = data.join("script");
    let argv = vec![program.to_str().expect("text").to_owned()];
    let command = Command::new(CommandOptions { argv, timeout: DEFAULT_TIMEOUT, dry_run: false }, &[program]);
    let restart = Action { policy: policy.clone(), ..action("restart", command.expect("a command")) };
    vec![hook("one"), hook("two"), restart]
}

/// Not a test of its own: what the processes do that [`killed_at_any_moment`] starts.
#[test]
fn child() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let [data, url, seconds] = <[&str; 3]>::try_from(told.split('|').collect::<Vec<_>>()).expect("three parts");
    let (data, now_us) = (Path::new(data), at(seconds.parse().expect("a number")));
    let book = Book::open(data).expect("book");
    let mut deliverer = Deliverer::new(&book, actions(data, url), no_verdict(), now_us).expect("deliverer");
    let mut out = std::io::stdout();
    writeln!(out, "\nready").and_then(|()| out.flush()).expect("the parent listens");
    loop {
        deliverer.pump(now_us).expect("pump");
        if deliverer.n_under_way() == 0 {
            return;
        }
        deliverer.wait(LONG);
    }
}

/// Starts a process that delivers, and kills it some time after it has begun; without a time, lets it come to its end.
fn run_child(post: &Post, url: &str, seconds: usize, kill_after: Option<Duration>) {
    let told = format!("{}|{url}|{seconds}", post.dir.path().display());
    let mut child = Process::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "kill::child", "--nocapture"])
        .env(CHILD, told)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(lines.by_ref().any(|line| line.expect("a line") == "ready"), "it ended before it began");
    if let Some(time) = kill_after {
        std::thread::sleep(time);
        child.kill().expect("kill");
    }
    lines.for_each(drop);
    let status = child.wait().expect("its end");
    assert!(kill_after.is_some() || status.success(), "{status}");
}

#[test]
fn killed_at_any_moment() {
    let n_rounds =
        std::env::var("TRAWL_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS).min(200);
    let server = Server::new(|_, _| {
        std::thread::sleep(Duration::from_millis(3));
        Reply::status(200)
    });
    let post = Post::new();
    let script = post.dir.path().join("script");
    let runs = post.dir.path().join("runs");
    // Appending a line is one write: two at once do not mix.
    fs::write(&script, format!("#!/bin/sh\necho $TRAWL_ALERT_ID >> {}\n", runs.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let url = server.url("");
    // The storm goes on while processes come and go.
    let all: Vec<Notification> = (0..N_TRANSITIONS).map(|n| raised(&n.to_string())).collect();
    let mut rest = all.chunks(N_TRANSITIONS.div_ceil(n_rounds));
    for round in 0..n_rounds {
        if let Some(some) = rest.next() {
            post.enter(0.0, some, &["one", "two", "restart"]);
        }
        run_child(&post, &url, round, Some(Duration::from_millis((round as u64 * 7) % 40)));
    }
    for some in rest {
        post.enter(0.0, some, &["one", "two", "restart"]);
    }
    run_child(&post, &url, n_rounds, None);

    let mut bodies: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for request in server.received() {
        let key = request.header("Idempotency-Key").expect("a key").to_owned();
        assert!(key.ends_with(request.path.trim_start_matches('/')), "{key} {}", request.path);
        bodies.entry(key).or_default().insert(request.body);
    }
    assert_eq!(bodies.len(), 2 * N_TRANSITIONS, "keys are transitions times channels");
    assert!(bodies.values().all(|bodies| bodies.len() == 1), "a repeat is the same");

    let ran = fs::read_to_string(&runs).unwrap();
    let ids: BTreeSet<&str> = ran.lines().collect();
    assert_eq!(ids.len(), ran.lines().count(), "no command ran twice");
    let deliveries = post.book.deliveries(None, None, usize::MAX).unwrap();
    assert_eq!(deliveries.len(), 3 * N_TRANSITIONS);
    for delivery in deliveries {
        match (delivery.action.as_str(), delivery.state) {
            (_, DeliveryState::Delivered) => {
                assert!(delivery.action != "restart" || ids.contains(delivery.transition_id.as_str()));
            }
            // Killed while it ran, or before: nobody knows.
            ("restart", DeliveryState::Dead) => {
                assert!(delivery.outcome.unwrap()["error"].as_str().unwrap().contains("nobody knows"));
            }
            (action, state) => panic!("{action} is {state:?}"),
        }
    }
}
