//! What a watched rule tells, and when.

use crate::lab::{Lab, SECOND, at, engine, late, options, rule, seconds, timing, told};
use proptest::prelude::*;
use trawl_alert::Severity;
use trawl_alert::audit::AuditRecord;
use trawl_alert::backtest::replay;
use trawl_alert::condition::Condition;
use trawl_alert::evaluate::Evaluator;
use trawl_alert::machine::{Handling, OfEpisode, Phase, Said, Timing};
use trawl_alert::notification::{Group, Happening};
use trawl_alert::rule::{Per, Rule};
use trawl_alert::schedule::Schedule;

#[test]
fn it_fires_when_there_are_too_many_and_ends_when_there_are_not() {
    let lab = Lab::new();
    let rules = [rule("error db", "count > 2")];
    let mut watch = lab.watch(&rules, 0.0);
    for second in [1.0, 2.0, 11.0, 12.0, 13.0, 31.0] {
        lab.arrive(second, second + 0.1, "ERROR db failed user=ann");
        lab.arrive(second, second + 0.1, "INFO all is well");
    }
    drop(watch);
    watch = lab.watch(&rules, 0.0);
    lab.advance(&mut watch, 40.9);
    assert_eq!(lab.told(), ["20 raised", "30 resolved"]);
    let notifications = lab.notifications();
    assert_eq!(notifications[0].title(), "CRITICAL payment-db: 3 events (count > 2)");
    assert_eq!(notifications[0].happening, Happening::Raised);
    assert_eq!(notifications[0].events.len(), 3);
    assert!(notifications[0].events[0].raw.ends_with("ERROR db failed user=ann"), "{:?}", notifications[0].events[0]);
    assert_eq!(notifications[0].window_us, (at(10.0), at(20.0)));
    assert_eq!(notifications[0].series.iter().map(|(_, n)| n).sum::<u64>(), 3);
    assert_eq!(notifications[1].happening, Happening::Resolved);
    assert_eq!(notifications[1].episode, notifications[0].id);
    assert_eq!(notifications[1].correlation_id(), notifications[0].correlation_id());
}

#[test]
fn each_group_has_a_state_of_its_own() {
    let lab = Lab::new();
    let rules = [Rule { group_by: vec!["user".to_owned()], ..rule("error", "count >= 2") }];
    let mut watch = lab.watch(&rules, 0.0);
    for (second, user) in [(1.0, "ann"), (2.0, "ann"), (3.0, "bob"), (12.0, "bob"), (13.0, "bob")] {
        lab.arrive(second, second, &format!("ERROR failed user={user}"));
    }
    lab.advance(&mut watch, 30.9);
    assert_eq!(
        lab.told(),
        ["10 raised user=ann", "20 raised user=bob", "20 resolved user=ann", "30 resolved user=bob"]
    );
    assert_eq!(lab.notifications()[0].events.len(), 2, "those of the group only");
}

#[test]
fn a_table_is_judged_row_by_row() {
    let lab = Lab::new();
    let table = "error | stats avg(ms) AS avg_ms count AS n by user";
    let rules = [Rule { group_by: vec!["user".to_owned()], ..rule(table, "avg_ms > 250 AND n >= 2") }];
    let mut watch = lab.watch(&rules, 0.0);
    for (user, ms) in [("ann", 300), ("ann", 400), ("bob", 900), ("eve", 10), ("eve", 20)] {
        lab.arrive(5.0, 5.0, &format!("ERROR slow user={user} ms={ms}"));
    }
    lab.advance(&mut watch, 20.9);
    assert_eq!(lab.told(), ["10 raised user=ann", "20 resolved user=ann"]);
    let row = vec![("user".to_owned(), "ann".to_owned()), ("avg_ms".into(), "350".into()), ("n".into(), "2".into())];
    assert_eq!(lab.notifications()[0].rows, [row]);
}

#[test]
fn silence_can_be_told() {
    let lab = Lab::new();
    let rules = [rule("heartbeat", "absent")];
    let mut watch = lab.watch(&rules, 0.0);
    for second in [5.0, 15.0, 35.0] {
        lab.arrive(second, second, "INFO heartbeat");
    }
    lab.advance(&mut watch, 40.9);
    assert_eq!(lab.told(), ["30 raised", "40 resolved"]);
}

#[test]
fn rows_may_be_counted() {
    let lab = Lab::new();
    let mut none = rule("error", "rows = 0");
    none.name = "none".to_owned();
    let rules = [rule("error", "rows > 0"), none];
    let mut watch = lab.watch(&rules, 0.0);
    lab.arrive(5.0, 5.0, "ERROR");
    lab.advance(&mut watch, 20.9);
    let told: Vec<_> = lab.history().iter().map(|record| format!("{} {}", record.alert, told(record))).collect();
    assert_eq!(told, ["payment-db 10 raised", "payment-db 20 resolved", "none 20 raised"]);
}

#[test]
fn severities_have_conditions_of_their_own() {
    let lab = Lab::new();
    let levels = vec![
        (Severity::Critical, Condition::parse("count > 3").unwrap()),
        (Severity::Warning, Condition::parse("count > 1").unwrap()),
    ];
    let clear = Some(Condition::parse("count < 1").unwrap());
    let rules = [Rule { levels, clear, ..rule("error", "count > 0") }];
    let mut watch = lab.watch(&rules, 0.0);
    for (window, n) in [(0, 2), (1, 4), (2, 1), (3, 0)] {
        (0..n).for_each(|n| lab.arrive(f64::from(window * 10 + n + 1), f64::from(window * 10 + n + 1), "ERROR"));
    }
    lab.advance(&mut watch, 40.9);
    let told: Vec<_> = lab.history().iter().map(|record| format!("{} {}", told(record), record.severity.1)).collect();
    assert_eq!(told, ["10 raised warning", "20 severity_changed critical", "40 resolved ok"]);
}

#[test]
fn a_rate_is_compared_with_what_is_usual() {
    let lab = Lab::new();
    let rules = [Rule { baseline_us: Some(60 * SECOND), ..rule("error", "count > 3 * baseline") }];
    for second in (0..60).step_by(5) {
        lab.arrive(f64::from(second), f64::from(second), "ERROR");
    }
    let mut watch = lab.watch(&rules, 60.0);
    for n in 0..7 {
        lab.arrive(61.0 + f64::from(n), 61.0 + f64::from(n), "ERROR");
    }
    lab.advance(&mut watch, 80.9);
    assert_eq!(lab.told(), ["70 raised", "80 resolved"], "two are usual in ten seconds");
}

#[test]
fn a_late_event_opens_its_window_again() {
    let lab = Lab::new();
    let rules = [rule("error", "count > 1")];
    let mut watch = lab.watch(&rules, 0.0);
    lab.arrive(5.0, 5.0, "ERROR");
    lab.advance(&mut watch, 20.9);
    assert_eq!(lab.told(), [""; 0]);
    lab.arrive(6.0, 22.0, "ERROR late");
    lab.advance(&mut watch, 30.9);
    assert_eq!(lab.told(), ["30 raised", "30 resolved"], "raised for the window that ended at 10");
}

#[test]
fn an_event_counts_from_its_first_sight_on() {
    let lab = Lab::new();
    let rules = [rule("error", "count > 1")];
    let mut watch = lab.watch(&rules, 0.0);
    lab.arrive(5.0, 5.0, "ERROR");
    // More might be written to the last line; that it ends is known much later.
    lab.arrive_open(6.0, 6.0, "ERROR last");
    lab.advance(&mut watch, 10.9);
    assert_eq!(lab.told(), ["10 raised"]);
    lab.arrive(6.0, 14.0, "ERROR last");
    lab.advance(&mut watch, 30.9);
    let engine = lab.engine();
    let replayed = replay(&Evaluator::new(&engine, options()), &rules[0], (at(0.0), at(30.0))).unwrap();
    let replayed: Vec<_> = replayed.transitions.iter().map(told).collect();
    assert_eq!(replayed, lab.told());
    assert_eq!(replayed, ["10 raised", "20 resolved"]);
}

#[test]
fn what_is_later_than_the_rule_allows_counts_nowhere() {
    let lab = Lab::new();
    let rules = [late(15 * SECOND, rule("error", "count > 0"))];
    let mut watch = lab.watch(&rules, 0.0);
    lab.advance(&mut watch, 30.9);
    lab.arrive(6.0, 32.0, "ERROR late");
    lab.advance(&mut watch, 60.9);
    assert_eq!(lab.told(), [""; 0]);
}

#[test]
fn what_happened_while_nobody_watched_is_made_up_for() {
    let lab = Lab::new();
    let rules = [rule("error", "count > 1")];
    let mut watch = lab.watch(&rules, 0.0);
    lab.advance(&mut watch, 10.9);
    watch.save(at(10.9)).unwrap();
    drop(watch);
    // The process was stopped; when it starts again it reads what was written, and indexes it then.
    for second in [301.0, 302.0] {
        lab.arrive(second, 1000.0, "ERROR");
    }
    let mut watch = lab.watch(&rules, 1000.0);
    let round = lab.advance(&mut watch, 1001.0);
    assert_eq!(round.n_moments, 99);
    assert_eq!(lab.told(), ["310 raised", "320 resolved"]);
}

#[test]
fn a_process_that_is_killed_all_the_time_does_not_fall_behind() {
    let lab = Lab::new();
    let rules = [rule("error", "count >= 3")];
    drop(lab.watch(&rules, 0.0));
    lab.arrive(70.0, 70.0, "ERROR");
    lab.arrive(70.0, 70.0, "ERROR");
    for tenth in 1..1000 {
        if tenth == 872 {
            lab.arrive(70.0, 87.2, "ERROR");
        }
        let now = f64::from(tenth) / 10.0;
        let mut watch = lab.watch(&rules, now);
        lab.advance(&mut watch, now);
    }
    // Evaluated again as if nobody had watched at 70, it would have been raised then.
    assert_eq!(lab.told(), ["90 raised", "90 resolved"]);
}

#[test]
fn events_can_be_told_one_by_one() {
    let lab = Lab::new();
    let rules = [Rule { per: Per::Event, window_us: Some(30 * SECOND), ..rule("error", "count > 0") }];
    let mut watch = lab.watch(&rules, 0.0);
    for second in [5.0, 6.0, 15.0] {
        lab.arrive(second, second, &format!("ERROR number {second}"));
    }
    lab.advance(&mut watch, 20.9);
    lab.advance(&mut watch, 60.9);
    let notifications = lab.notifications();
    let texts: Vec<_> = notifications.iter().map(|told| told.events[0].raw.rsplit(' ').next().unwrap()).collect();
    assert_eq!(texts, ["5", "6", "15"], "each once, although the windows overlap");
    assert!(notifications.iter().all(|told| told.happening == Happening::Row));
}

#[test]
fn a_person_s_word_lasts_as_long_as_the_episode() {
    let lab = Lab::new();
    let timing = Timing { reminder_us: Some(10 * SECOND), ..timing() };
    let rules = [Rule { timing, ..rule("error", "count > 0") }];
    for second in [5.0, 15.0, 25.0, 35.0, 55.0] {
        lab.arrive(second, second, "ERROR");
    }
    let mut watch = lab.watch(&rules, 0.0);
    lab.advance(&mut watch, 20.9);
    drop(watch);
    let said = Said { by: "kim".to_owned(), at_us: at(21.0), note: None };
    let acknowledge = |handling: Handling, phase: &Phase| {
        let record = AuditRecord::new(at(21.0), "acknowledge", []);
        let acknowledged = Some(OfEpisode { episode: phase.episode()?.clone(), said });
        Some((Handling { acknowledged, ..handling }, record))
    };
    assert!(lab.book.handle("payment-db", &Group::default(), acknowledge).unwrap());
    assert!(!lab.book.handle("other", &Group::default(), |_, _| None).unwrap());
    let mut watch = lab.watch(&rules, 0.0);
    lab.advance(&mut watch, 60.9);
    assert_eq!(lab.told(), ["10 raised", "20 reminder", "50 resolved", "60 raised"]);
    let happenings: Vec<&str> = lab.notifications().iter().map(|told| told.happening.as_str()).collect();
    assert_eq!(happenings, ["raised", "reminder", "acknowledged", "resolved", "raised"]);
    assert_eq!(lab.notifications()[3].acknowledged_by.as_deref(), Some("kim"));
}

#[test]
fn a_rule_sleeps_outside_its_calendar() {
    let lab = Lab::new();
    let calendar = trawl_alert::calendar::Calendar {
        hours: vec!["14:00-14:01".parse().unwrap()],
        ..trawl_alert::calendar::Calendar::default()
    };
    let rules = [Rule { active: Some(calendar.into()), ..rule("error", "count > 0") }];
    let mut watch = lab.watch(&rules, 0.0);
    lab.arrive(65.0, 65.0, "ERROR");
    lab.advance(&mut watch, 80.9);
    assert_eq!(lab.told(), [""; 0]);
}

#[test]
fn a_search_that_cannot_be_run_is_said_once_and_made_up_for() {
    let lab = Lab::new();
    let rules = [rule("error | lookup nothing user OUTPUT x", "count > 0")];
    let mut watch = lab.watch(&rules, 0.0);
    let engine = lab.engine();
    let evaluator = Evaluator::new(&engine, options());
    let round = watch.advance(&evaluator, at(20.9)).unwrap();
    let (name, trouble) = &round.troubles[0];
    assert_eq!((name.as_str(), trouble.is_some(), round.n_moments), ("payment-db", true, 0));
    assert_eq!(watch.advance(&evaluator, at(30.9)).unwrap().troubles, []);
    assert!(lab.book.progress().unwrap()["payment-db"].error.is_some());
}

#[derive(Clone, Debug)]
struct Arrival {
    time: f64,
    delay: f64,
    user: u8,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let delay = prop_oneof![4 => 0.0..0.4, 1 => 0.0..30.0];
    let arrival = (0u32..900, delay, 0u8..3).prop_map(|(time, delay, user)| Arrival {
        time: f64::from(time) / 10.0,
        delay,
        user,
    });
    prop::collection::vec(arrival, 0..25)
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let groups = prop_oneof![Just(vec![]), Just(vec!["user".to_owned()])];
    (1u32..4, groups, 0i64..25, 0i64..25, prop_oneof![Just(7), Just(10), Just(20)], any::<bool>()).prop_map(
        |(n, group_by, for_s, keep_s, every, per_event)| Rule {
            group_by,
            timing: Timing { for_us: for_s / 10 * 10 * SECOND, keep_firing_us: keep_s * SECOND, ..timing() },
            schedule: Schedule::Every { interval_us: every * SECOND },
            per: if per_event { Per::Event } else { Per::Group },
            ..rule("error", &format!("count >= {n}"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 24 }))]

    /// Watching events as they arrive, with a process that is killed now and then, comes to what a replay of history says.
    #[test]
    fn a_replay_tells_what_was_told(arrivals in arrivals(), rule in some_rule(), pace in prop::collection::vec(0.1f64..9.0, 1..6), killed: u8) {
        let lab = Lab::new();
        let mut queue: Vec<_> = arrivals.clone();
        queue.sort_by(|a, b| (a.time + a.delay).total_cmp(&(b.time + b.delay)));
        let mut queue = queue.into_iter().peekable();
        let rules = [rule.clone()];
        let (mut now, mut step) = (0.0, 0);
        // The book begins at the start.
        drop(lab.watch(&rules, 0.0));
        while now < 130.0 {
            now += pace[step % pace.len()];
            step += 1;
            while let Some(next) = queue.next_if(|next| next.time + next.delay <= now) {
                lab.arrive(next.time, next.time + next.delay, &format!("ERROR user={}", next.user));
            }
            // A new watch each time: it knows what the book knows.
            let begin = if lab.book.progress().unwrap().is_empty() { 0.0 } else { now };
            let mut watch = lab.watch(&rules, begin);
            if step % 7 != usize::from(killed % 7) {
                lab.advance(&mut watch, now);
            }
        }
        let mut watch = lab.watch(&rules, 0.0);
        lab.advance(&mut watch, 131.0);
        let engine = engine(lab.dir.path());
        let replayed = replay(&Evaluator::new(&engine, options()), &rule, (at(0.0), at(130.1))).unwrap();
        let replayed: Vec<_> = replayed.transitions.iter().map(|record| (told(record), record.id.clone())).collect();
        let lived: Vec<_> = lab.history().iter().map(|record| (told(record), record.id.clone())).collect();
        prop_assert_eq!(lived, replayed);
        prop_assert_eq!(lab.history().iter().all(|record| seconds(record.tick_us) <= 130.0), true);
    }
}
