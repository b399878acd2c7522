//! A book with deliveries in it, and what brings them, at moments of the test's choosing.

use crate::lab::{SECOND, START, at};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trawl_alert::action::{self, Attempt, Channel, DeliveryError, Receipt};
use trawl_alert::book::{BOOK_FILE, Book, Outcome, RuleProgress};
use trawl_alert::deliver::{Action, Deliverer, Policy, PostCondition, Pumped, Verdict, Verify};
use trawl_alert::machine::{Phase, State};
use trawl_alert::{Group, Happening, Notification, Severity, TransitionId};

/// Nothing takes as long as this unless it hangs.
pub const LONG: Duration = Duration::from_secs(30);

/// A data folder with a book.
pub struct Post {
    pub dir: tempfile::TempDir,
    pub book: Book,
}

impl Post {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let book = Book::open(dir.path()).expect("book");
        Self { dir, book }
    }

    /// Enters notifications for actions, in one transaction as an evaluated moment does, `seconds` after the start.
    pub fn enter(&self, seconds: f64, notifications: &[Notification], actions: &[&str]) {
        let states = notifications.iter().map(|n| {
            let firing = Phase::Firing {
                since_us: n.since_us,
                severity: n.severity,
                worst: n.severity,
                held_us: n.at_us,
                episode: n.episode.clone(),
                is_told: true,
                told_us: n.at_us,
            };
            let phase = if n.happening.is_end() { Phase::Ok } else { firing };
            (n.group.clone(), State { phase, ..State::default() })
        });
        let outcome = Outcome {
            alert: notifications[0].alert.clone(),
            progress: RuleProgress { meaning: String::new(), tick_us: 0, seen_us: 0, error: None },
            at_us: at(seconds),
            states: states.collect(),
            changes: Vec::new(),
            deliveries: notifications
                .iter()
                .map(|n| (n.clone(), actions.iter().map(|&action| action.to_owned()).collect()))
                .collect(),
            told_events: Vec::new(),
        };
        self.book.commit(&[outcome]).expect("commit");
    }

    pub fn deliverer(&self, actions: Vec<Action>, seconds: f64) -> Deliverer<'_> {
        self.deliverer_with(actions, no_verdict(), seconds)
    }

    pub fn deliverer_with(&self, actions: Vec<Action>, verifier: Arc<dyn Verify>, seconds: f64) -> Deliverer<'_> {
        Deliverer::new(&self.book, actions, verifier, at(seconds)).expect("deliverer")
    }

    /// The records that were made, in order, of deliveries alone.
    pub fn audit(&self) -> Vec<Value> {
        let connection = rusqlite::Connection::open(self.dir.path().join(BOOK_FILE)).expect("database");
        let mut statement = connection.prepare("SELECT record FROM audit ORDER BY seq").expect("statement");
        let texts = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        let records = texts.map(|text| serde_json::from_str::<Value>(&text.expect("text")).expect("JSON"));
        records.filter(|record| record["what"] == "delivery").collect()
    }

    /// `action transition state` of the records.
    pub fn story(&self) -> Vec<String> {
        let word = |value: &Value| value.as_str().expect("a word").to_owned();
        let line = |record: &Value| {
            format!("{} {} {}", word(&record["action"]), word(&record["transition"]), word(&record["state"]))
        };
        self.audit().iter().map(line).collect()
    }
}

/// Brings all that is due at a moment.
pub fn settle(deliverer: &mut Deliverer<'_>, seconds: f64) -> Pumped {
    let mut sum = Pumped::default();
    loop {
        let pumped = deliverer.pump(at(seconds)).expect("pump");
        sum.n_begun += pumped.n_begun;
        sum.n_delivered += pumped.n_delivered;
        sum.n_retried += pumped.n_retried;
        sum.n_dead += pumped.n_dead;
        if deliverer.n_under_way() == 0 {
            return sum;
        }
        assert!(deliverer.wait(LONG), "a delivery hangs");
    }
}

/// A notification of a group, `seconds` after the start. Its episode began at the start.
pub fn notification(host: &str, happening: Happening, seconds: f64) -> Notification {
    let group = Group(vec![("host".into(), host.into())]);
    let is_end = happening.is_end();
    Notification {
        id: TransitionId::new("payment-db", &group, happening.as_str(), at(seconds)),
        episode: TransitionId::new("payment-db", &group, "raised", START),
        group,
        happening,
        severity: if is_end { Severity::Ok } else { Severity::Critical },
        severity_before: if is_end { Severity::Critical } else { Severity::Ok },
        at_us: at(seconds),
        since_us: START,
        window_us: (at(seconds) - 60 * SECOND, at(seconds)),
        ..action::sample()
    }
}

pub fn raised(host: &str) -> Notification {
    notification(host, Happening::Raised, 0.0)
}

pub fn resolved(host: &str) -> Notification {
    notification(host, Happening::Resolved, 60.0)
}

/// A notification all of whose texts try to be more than text.
pub fn hostile() -> Notification {
    let evil = "\r\nBcc: all@example.com\r\n\r\n</script><img src=x onerror=alert(1)> {{ 7 * 7 }} {% raw %} $(rm -rf /) `id` \
                <!channel> ``` [code] \u{1b}]0;owned\u{7}\u{202e} \u{fffd} ' \" \\ & \0 %0d%0a ]]>";
    let group = Group(vec![("host".into(), evil.into()), ("a\r\nb: c".into(), evil.into())]);
    let sample = action::sample();
    let mut event = sample.events[0].clone();
    event.raw = format!("{evil}{}", "x".repeat(1 << 20));
    event.host = evil.into();
    event.source = evil.into();
    Notification {
        id: TransitionId::new("payment-db", &group, "raised", START),
        episode: TransitionId::new("payment-db", &group, "raised", START),
        events: vec![event; 10],
        rows: vec![vec![("field".into(), evil.into())]],
        reason: Some(evil.into()),
        acknowledged_by: Some(evil.into()),
        search: evil.into(),
        group,
        ..sample
    }
}

/// An attempt that no deliverer makes.
pub const ATTEMPT: Attempt<'static> = Attempt { action: "ops", key: "0123-ops", now_us: START + SECOND, n_before: 0 };

pub fn action(name: &str, channel: impl Channel + 'static) -> Action {
    Action { name: name.to_owned(), channel: Arc::new(channel), policy: Policy::default() }
}

type Answer = dyn Fn(&Notification, &Attempt<'_>) -> Result<Receipt, DeliveryError> + Send + Sync;

/// A channel into memory.
#[derive(Clone)]
pub struct Memory {
    /// Key and moment of each attempt.
    pub seen: Arc<Mutex<Vec<(String, Happening, i64)>>>,
    pub answer: Arc<Answer>,
    pub is_at_most_once: bool,
    pub resend: Option<Duration>,
}

impl Memory {
    pub fn new(
        answer: impl Fn(&Notification, &Attempt<'_>) -> Result<Receipt, DeliveryError> + Send + Sync + 'static,
    ) -> Self {
        Self { seen: Arc::default(), answer: Arc::new(answer), is_at_most_once: false, resend: None }
    }

    pub fn good() -> Self {
        Self::new(|_, _| Ok(Receipt::default()))
    }

    /// What came, and how many seconds after the start.
    pub fn seen(&self) -> Vec<(Happening, f64)> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().map(|(_, happening, us)| (*happening, crate::lab::seconds(*us))).collect()
    }

    pub fn keys(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").iter().map(|(key, ..)| key.clone()).collect()
    }
}

impl Channel for Memory {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let seen = (attempt.key.to_owned(), notification.happening, attempt.now_us);
        self.seen.lock().expect("no panic").push(seen);
        (self.answer)(notification, attempt)
    }

    fn is_at_most_once(&self) -> bool {
        self.is_at_most_once
    }

    fn resend(&self) -> Option<Duration> {
        self.resend
    }
}

/// For actions that verify nothing.
pub fn no_verdict() -> Arc<dyn Verify> {
    Arc::new(NoVerdict)
}

struct NoVerdict;

impl Verify for NoVerdict {
    fn verify(&self, _: &Notification, _: &PostCondition, _: i64, _: i64) -> Result<Verdict, String> {
        Err("there is nothing to search".to_owned())
    }
}
