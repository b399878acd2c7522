//! Scheduled checks: each moment once, what fails is raised and resolved, whatever was stopped in between.

use crate::lab::{Lab, SECOND, at, options};
use std::sync::Arc;
use std::time::Duration;
use trawl_alert::Severity;
use trawl_alert::check::job::AUTOSYS_SEARCH;
use trawl_alert::check::rounds::Rounds;
use trawl_alert::check::{Bench, Check, Expectation, Expected, Outcome, SearchExpectation, WatchedAlert, judge};
use trawl_alert::condition::Condition;
use trawl_alert::evaluate::Evaluator;
use trawl_alert::schedule::Schedule;
use trawl_formats::Zone;

fn expectation(title: &str, what: Expected) -> Expectation {
    Expectation { title: title.to_owned(), severity: Severity::Critical, runbook: None, what }
}

fn search(title: &str, search: &str, want: &str) -> Expectation {
    let what = Expected::Search(SearchExpectation {
        search: search.to_owned(),
        earliest: Some("-1h".to_owned()),
        latest: None,
        want: Condition::parse(want).expect("a condition"),
    });
    expectation(title, what)
}

/// A check that is made every ten seconds.
fn check(expectations: Vec<Expectation>) -> Arc<Check> {
    let check = Check {
        name: "sod".to_owned(),
        description: None,
        owner: None,
        tags: Vec::new(),
        runbook: None,
        schedule: Some(Schedule::Every { interval_us: 10 * SECOND }),
        active: None,
        zone: Zone::UTC,
        autosys: AUTOSYS_SEARCH.to_owned(),
        actions: vec!["hook".to_owned()],
        expectations,
    };
    check.check(&options()).expect("a check that makes sense");
    Arc::new(check)
}

/// Makes what is due; the moments that were, in seconds after the start.
fn advance(lab: &Lab, rounds: &mut Rounds<'_>, now: f64) -> Vec<i64> {
    let engine = lab.engine();
    let evaluator = Evaluator::new(&engine, options());
    let made = rounds.advance(&evaluator, &|| Duration::ZERO, at(now)).expect("a round");
    made.iter().map(|made| (made.report.at_us - at(0.0)) / SECOND).collect()
}

#[test]
fn what_fails_is_raised_and_resolved_over_a_restart() {
    let lab = Lab::new();
    let checks = [check(vec![search("up", "started", "count >= 1"), search("calm", "trouble", "absent")])];
    let begin = |now: f64| Rounds::new(&lab.book, &checks, "lab".to_owned(), at(now)).expect("rounds");
    lab.arrive(1.0, 1.0, "booting");
    let mut rounds = begin(2.0);
    assert_eq!(advance(&lab, &mut rounds, 10.5), [0i64; 0], "it may still arrive");
    assert_eq!(advance(&lab, &mut rounds, 11.0), [10]);
    assert_eq!(advance(&lab, &mut rounds, 12.0), [0i64; 0], "each moment once");
    lab.arrive(15.0, 15.0, "service started");
    assert_eq!(advance(&lab, &mut rounds, 21.0), [20]);
    drop(rounds);

    // It goes on where it was: moments that were missed are made up for, in order.
    lab.arrive(25.0, 25.0, "trouble");
    let mut rounds = begin(45.0);
    assert_eq!(advance(&lab, &mut rounds, 45.0), [30, 40]);
    drop(rounds);
    assert_eq!(advance(&lab, &mut begin(46.0), 46.0), [0i64; 0]);
    assert_eq!(lab.told(), ["10 raised expect=up", "20 resolved expect=up", "30 raised expect=calm"]);
    let told: Vec<_> = lab.notifications().iter().map(|told| (told.title(), told.reason.clone())).collect();
    assert_eq!(told[0].0, "CRITICAL check:sod expect=up: 0 events (count >= 1)");
    assert_eq!(told[0].1.as_deref(), Some("0 events, wanted count >= 1"));
    assert!(lab.notifications()[2].events[0].raw.ends_with("trouble"));
}

#[test]
fn what_cannot_be_judged_is_told_and_never_passes() {
    let lab = Lab::new();
    lab.arrive(1.0, 1.0, "booting");
    // It reads a lookup table that is not there.
    let broken = search("broken", "* | lookup nonesuch host", "rows >= 0");
    let checks = [check(vec![broken])];
    let mut rounds = Rounds::new(&lab.book, &checks, "lab".to_owned(), at(2.0)).expect("rounds");
    assert_eq!(advance(&lab, &mut rounds, 21.0), [10, 20]);
    assert_eq!(lab.told(), ["10 raised expect=broken"]);
    let told = &lab.notifications()[0];
    assert_eq!(told.severity, Severity::Warning);
    assert!(told.reason.as_deref().is_some_and(|reason| reason.contains("nonesuch")), "{:?}", told.reason);
}

#[test]
fn open_alerts_are_those_of_the_moment() {
    let lab = Lab::new();
    let rule = crate::lab::rule("error", "count > 0");
    let alerts = vec![WatchedAlert { name: rule.name.clone(), schedule: rule.schedule.clone() }];
    let of = |severity| Expected::NoOpenAlert { severity, alerts: alerts.clone() };
    let check = check(vec![expectation("no alert", of(Severity::Warning))]);
    let engine = lab.engine();
    let evaluator = Evaluator::new(&engine, options());
    let outcome = |now: f64| {
        let clock = || Duration::ZERO;
        let bench = Bench { evaluator: &evaluator, book: Some(&lab.book), seen_us: None, clock: &clock };
        let report = judge(&check, &bench, at(now));
        (report.judged[0].outcome, report.judged[0].count)
    };
    assert_eq!(outcome(0.0), (Outcome::NotJudged, Some(0)), "nobody has evaluated it");
    let mut watch = lab.watch(&[rule], 0.0);
    lab.arrive(5.0, 5.0, "an error");
    (1..=4).for_each(|n| drop(lab.advance(&mut watch, f64::from(n) * 10.0 + 1.0)));
    watch.save(at(41.0)).expect("a book");
    assert_eq!(lab.told(), ["10 raised", "20 resolved"]);
    assert_eq!(outcome(9.0), (Outcome::Passed, Some(0)));
    assert_eq!(outcome(15.0), (Outcome::Failed, Some(1)));
    assert_eq!(outcome(25.0), (Outcome::Passed, Some(0)));
    // Nobody has been watching for an hour.
    assert_eq!(outcome(3600.0), (Outcome::NotJudged, Some(0)));
}
