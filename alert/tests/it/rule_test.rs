//! Unit tests of rules: lines and a clock against expected transitions.

use crate::lab::{SECOND, late, options, rule, timing};
use trawl_alert::Severity;
use trawl_alert::condition::Condition;
use trawl_alert::machine::{Throttle, Timing};
use trawl_alert::rule::Rule;
use trawl_alert::rule_test::{Mark, RuleTest, RuleTestError, TestLine, Verdict};
use trawl_alert::schedule::{CronSchedule, Schedule};
use trawl_formats::{IndexName, Registry, Zone};

fn line(text: &str) -> TestLine {
    TestLine {
        text: text.to_owned(),
        at: None,
        sourcetype: None,
        host: "web01".into(),
        source: "/var/log/app.log".into(),
        index: IndexName::new("main").expect("a name"),
    }
}

fn at(at: &str, line: TestLine) -> TestLine {
    TestLine { at: Some(at.to_owned()), ..line }
}

fn of(host: &str, line: TestLine) -> TestLine {
    TestLine { host: host.into(), ..line }
}

fn test(lines: Vec<TestLine>, expect: &[&str]) -> RuleTest {
    let expect = expect.iter().map(|text| (*text).to_owned()).collect();
    RuleTest { name: "a test".to_owned(), lines, expect, zone: Zone::UTC, ..RuleTest::default() }
}

fn try_run(test: &RuleTest, rule: &Rule) -> Result<Verdict, RuleTestError> {
    let folder = tempfile::tempdir().expect("temporary folder");
    test.run(rule, &Registry::builtin(), &options(), folder.path())
}

/// The verdict with a mark before each line.
fn shown(verdict: &Verdict) -> Vec<String> {
    let mark = |mark: &Mark| match mark {
        Mark::Both => ' ',
        Mark::Missing => '-',
        Mark::Unexpected => '+',
    };
    verdict.lines.iter().map(|(at, text)| format!("{}{text}", mark(at))).collect()
}

#[track_caller]
fn check(rule: &Rule, test: &RuleTest) {
    let verdict = try_run(test, rule).expect("a test that makes sense");
    assert!(verdict.is_passed() && verdict.n_moments > 0, "{:#?} {:?}", shown(&verdict), verdict.trouble);
}

fn failures(n: usize) -> Vec<TestLine> {
    (0..n).map(|n| line(&format!("2026-11-20 14:00:1{n} ERROR PaymentService failed to connect to DB"))).collect()
}

#[test]
fn transitions_are_those_of_the_evaluator() {
    let rule = Rule { group_by: vec!["host".to_owned()], ..rule("ERROR \"failed to connect\"", "count > 2") };
    let expected = ["14:00:20 raised host=web01", "14:00:30 resolved host=web01"];
    check(&rule, &test(failures(3), &expected));
    check(&rule, &test(failures(2), &[]));
    // The same in other words.
    check(&rule, &test(failures(3), &["2026-11-20 14:00:20  raised  host=web01", "14:00:30.0 resolved host=web01"]));
    let of_two = [failures(3), failures(4).into_iter().map(|line| of("db 1", line)).collect()].concat();
    let both = ["14:00:20 raised host=db 1", "14:00:20 raised host=web01", "14:00:30 resolved host=db 1", expected[1]];
    check(&rule, &test(of_two, &both));
}

#[test]
fn what_differs_is_shown_in_its_order() {
    let rule = rule("ERROR", "count > 2");
    let verdict = try_run(&test(failures(3), &["14:00:10 raised", "14:00:30 resolved"]), &rule).unwrap();
    assert!(!verdict.is_passed());
    assert_eq!(shown(&verdict), ["-14:00:10 raised", "+14:00:20 raised", " 14:00:30 resolved"]);
    let verdict = try_run(&test(failures(3), &[]), &rule).unwrap();
    assert_eq!(shown(&verdict), ["+14:00:20 raised", "+14:00:30 resolved"]);
}

#[test]
fn several_lines_are_one_event() {
    let trace = [failures(1), vec![line("java.sql.SQLException: ERROR\n\tat com.example.Pay.run(Pay.java:12)")]];
    let rule = rule("ERROR SQLException", "count = 1");
    check(&rule, &test(trace.concat(), &["14:00:20 raised", "14:00:30 resolved"]));
}

#[test]
fn a_late_line_opens_its_window_again() {
    let mut lines = failures(2);
    lines.push(at("14:00:45", line("2026-11-20 14:00:15 ERROR late")));
    let rule = late(60 * SECOND, rule("ERROR", "count > 2"));
    let verdict = try_run(&test(lines.clone(), &[]), &rule).unwrap();
    assert_eq!(shown(&verdict), ["+14:00:50 raised", "+14:00:50 resolved"], "when it was found out");
    check(&late(20 * SECOND, rule), &test(lines, &[]));
}

#[test]
fn what_a_program_prints_has_the_time_at_which_it_was_run() {
    let df = |at_time: &str, used: u32| {
        let header = "Filesystem     1024-blocks    Used Available Capacity Mounted on";
        let text = format!("{header}\n/dev/sda1         41152736 {used}         1      {used}% /\n");
        at(at_time, TestLine { sourcetype: Some("df".to_owned()), ..line(&text) })
    };
    let minute = Rule {
        schedule: Schedule::Every { interval_us: 60 * SECOND },
        window_us: Some(60 * SECOND),
        ..rule("sourcetype=df | stats latest(use_pct) AS used BY mount", "used > 80")
    };
    let lines = vec![df("14:00:01", 79), df("14:01:01", 81), df("14:02:01", 70)];
    let on = RuleTest { start: Some("2026-11-20 14:00".to_owned()), ..test(lines, &["14:02:00 raised"]) };
    check(&minute, &RuleTest { expect: [&on.expect[..], &["14:03:00 resolved".to_owned()]].concat(), ..on });
}

#[test]
fn silence_is_tested_by_its_clock() {
    let cron = CronSchedule::new("15 22 * * *", "Europe/Berlin".parse().expect("a zone")).expect("a pattern");
    let late = Rule {
        schedule: Schedule::Cron(Box::new(cron)),
        window_us: Some(4 * 3_600 * SECOND),
        ..rule("sourcetype=autosys_event_demon job=EOD status=SUCCESS", "absent")
    };
    let done = |day: &str| {
        line(&format!("[{day} 21:50:00]      CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: SUCCESS         JOB: EOD"))
    };
    let test = RuleTest {
        start: Some("2026-11-20 12:00".to_owned()),
        end: Some("2026-11-22 23:00".to_owned()),
        zone: "Europe/Berlin".parse().expect("a zone"),
        ..test(
            vec![done("11/20/2026"), done("11/22/2026")],
            &["2026-11-21 22:15:00 raised", "2026-11-22 22:15:00 resolved"],
        )
    };
    check(&late, &test);
    check(&late, &RuleTest { lines: Vec::new(), expect: vec!["22:15 raised".to_owned()], ..test });
}

#[test]
fn severities_and_quiet_are_a_part_of_the_text() {
    let condition = |text: &str| Condition::parse(text).expect("a condition");
    let rule = Rule {
        levels: vec![(Severity::Critical, condition("count > 3")), (Severity::Warning, condition("count > 1"))],
        timing: Timing {
            throttle: Some(Throttle { first_us: 60 * SECOND, factor: 1.0, max_us: 60 * SECOND }),
            ..timing()
        },
        ..rule("ERROR", "count > 1")
    };
    let mut lines = failures(2);
    lines.extend((0..4).map(|n| line(&format!("2026-11-20 14:00:2{n} ERROR again"))));
    lines.extend((0..2).map(|n| line(&format!("2026-11-20 14:00:5{n} ERROR again"))));
    let expected = [
        "14:00:20 raised warning",
        "14:00:30 severity_changed critical",
        "14:00:40 resolved",
        "14:01:00 raised warning throttled",
        "14:01:10 resolved never_told",
    ];
    check(&rule, &test(lines, &expected));
}

#[test]
fn a_rule_that_cannot_be_evaluated_fails_its_tests() {
    let broken = Rule { search: "ERROR | lookup nowhere host".to_owned(), ..rule("ERROR", "count > 0") };
    let verdict = try_run(&test(failures(1), &[]), &broken).unwrap();
    assert!(!verdict.is_passed() && verdict.trouble.is_some_and(|trouble| trouble.contains("nowhere")));
}

#[test]
fn a_test_that_makes_no_sense_says_why() {
    let rule = rule("ERROR", "count > 2");
    let base = || test(failures(1), &[]);
    let starting = |start: &str| RuleTest { start: Some(start.to_owned()), ..base() };
    let unknown = TestLine { sourcetype: Some("log4".to_owned()), ..line("x") };
    for (test, expected) in [
        (
            test(failures(1), &["14:00:20 rised"]),
            "`14:00:20 rised` is no transition: write for example `14:00:20 raised`; did you mean `raised`?",
        ),
        (test(failures(1), &["raised"]), "`raised` is not a time: write `14:00:20` or `2026-11-20 14:00:20`"),
        (test(Vec::new(), &[]), "nothing says when it is: write start = \"2026-11-20 14:00:00\""),
        (
            test(vec![line("no stamp")], &[]),
            "nothing says when line 1 is written: write { line = \"…\", at = \"14:00:20\" }",
        ),
        (
            test(vec![at("14:00", line("no stamp"))], &[]),
            "nothing says on which day `14:00` is: write start = \"2026-11-20 14:00:00\"",
        ),
        (starting("14:00"), "nothing says on which day `14:00` is: write start = \"2026-11-20 14:00:00\""),
        (RuleTest { end: Some("13:00".to_owned()), ..base() }, "it ends before it begins"),
        (test(vec![unknown], &[]), "there is no sourcetype `log4`; did you mean `log4j`?"),
    ] {
        let error = try_run(&test, &rule).expect_err(expected);
        assert_eq!(error.to_string(), expected);
        assert_eq!(test.check(&Registry::builtin()).expect_err(expected).to_string(), expected);
    }
    let long = RuleTest { end: Some("2027-11-20 14:00".to_owned()), ..base() };
    assert!(matches!(try_run(&long, &rule), Err(RuleTestError::TooLong)));
}
