use super::super::kinds::{KINDS, kind_of};
use super::*;
use proptest::prelude::*;

const MINUTE_US: i64 = 60_000_000;
const ONSET: Moment = Moment(1_000 * MINUTE_US);

/// A line of a source so many minutes after the onset.
fn line(source: &str, minutes: i64, text: &str) -> Line {
    let event = Event {
        time: ONSET.plus(minutes * MINUTE_US),
        index: "main".to_owned(),
        source: source.to_owned(),
        sourcetype: "log4j".to_owned(),
        host: "pay-01".to_owned(),
        level: None,
        is_error: false,
        text: text.to_owned(),
        addr: format!("{source}@0:{}+1", 5_000 + minutes),
    };
    Line { kind: kind_of(text).expect("a change"), event }
}

fn failing() -> Failing {
    let error = line("payment-service.log", 1, "restarted").event;
    Failing::of(&[Event { text: "PaymentService failed to connect: HikariPool timed out".to_owned(), ..error }])
}

#[test]
fn the_rare_related_change_wins_over_the_usual_and_the_late() {
    let mut lines: Vec<Line> = (1..10)
        .map(|n| {
            line("deploy.log", -30 * n, &format!("deployer change=CHG100{n}000 service=order-service rolling-restart"))
        })
        .collect();
    lines.push(line("deploy.log", -1, "deployer change=CHG1009999 service=order-service rolling-restart"));
    lines.push(line(
        "deploy.log",
        -2,
        "deployer change=CHG0048213 service=payment-service config-push hikari 200 -> 20",
    ));
    lines.push(line("payment-service.log", -1, "application.properties reloaded change=CHG0048213"));
    lines.push(line("deploy.log", 18, "deployer change=CHG0048213 service=payment-service rollback ticket=INC0091177"));
    lines.push(line("auth.log", 0, "sshd[811]: Accepted publickey for kim"));
    let (before, after) = rank(lines, Vec::new(), &failing(), ONSET);
    let first = &before[0];
    assert_eq!((first.tickets.as_slice(), first.relative_us), (&["CHG0048213".to_owned()][..], -2 * MINUTE_US));
    assert_eq!(first.also.len(), 1, "the service saw it, too");
    assert_eq!(first.parts.rarity, 1.0);
    assert!(first.shared.contains(&"hikari".to_owned()), "{:?}", first.shared);
    let usual = before.iter().find(|change| change.tickets == ["CHG1009999"]).unwrap();
    assert_eq!((usual.n_background, usual.parts.rarity), (9, 0.32));
    assert_eq!(after.len(), 1);
    assert_eq!((after[0].kind.as_str(), after[0].relative_us), ("deploy", 18 * MINUTE_US));
}

#[test]
fn a_change_on_many_machines_is_one() {
    let lines = (0..5).map(|n| line("web.log", n - 9, &format!("server restarted on web-0{n}"))).collect();
    let (before, _) = rank(lines, Vec::new(), &failing(), ONSET);
    assert_eq!((before.len(), before[0].n_alike, before[0].relative_us), (1, 5, -9 * MINUTE_US));
}

#[test]
fn what_is_said_all_the_time_is_one_suspect_and_a_weak_one() {
    let mut lines: Vec<Line> = (0..120).map(|n| line("messages", n - 60, "service session-42 started")).collect();
    lines.push(line("messages", -55, "service stock cache stopped"));
    let (before, after) = rank(lines, Vec::new(), &failing(), ONSET);
    let seen: Vec<_> = before.iter().map(|change| change.event.as_ref().unwrap().first_line()).collect();
    assert_eq!(seen, ["service stock cache stopped", "service session-42 started"]);
    assert!(before[1].parts.rarity < 0.2, "{:?}", before[1].parts);
    assert_eq!(after.len(), 1);
}

#[test]
fn silences_stand_beside_lines() {
    let silence = Silent {
        time: ONSET.plus(-MINUTE_US),
        source: "payment-service.log".to_owned(),
        host: "pay-01".to_owned(),
        regime: Regime::Silence { lasted_us: MINUTE_US, n_missed: 20.0 },
        is_effect: false,
    };
    let late = Silent { time: ONSET.plus(MINUTE_US), ..silence.clone() };
    let (before, after) = rank(vec![line("a.log", -300, "server started")], vec![silence, late], &failing(), ONSET);
    assert_eq!(before.iter().map(|change| change.kind.as_str()).collect::<Vec<_>>(), ["silence", "restart"]);
    assert_eq!(after.len(), 1);
}

#[test]
fn templates_are_without_numbers() {
    assert_eq!(
        template("2026-11-20 14:02:15 INFO change=CHG0048213 host=pay-01 diff=\"200 -> 20\""),
        "# # INFO change=# host=# diff=\"# -> #\""
    );
    assert_eq!(template(""), "");
}

proptest! {
    #[test]
    fn the_order_does_not_depend_on_the_order_of_lines(
        picks in proptest::collection::vec((0..4_usize, -400..60_i64, 0..3_usize), 0..25)
    ) {
        let texts = ["server restarted", "deployer change=CHG0048213 deployed", "sshd[1]: Accepted password for kim", "configuration changed by kim"];
        let sources = ["a.log", "b.log", "payment-service.log"];
        let lines = |reversed: bool| {
            let mut lines: Vec<Line> = picks.iter().enumerate().map(|(at, (text, minutes, source))| {
                let mut line = line(sources[*source], *minutes, texts[*text]);
                line.event.addr = format!("x@0:{at}+1");
                line
            }).collect();
            if reversed {
                lines.reverse();
            }
            lines
        };
        let (before, after) = rank(lines(false), Vec::new(), &failing(), ONSET);
        prop_assert_eq!(&(before.clone(), after.clone()), &rank(lines(true), Vec::new(), &failing(), ONSET));
        prop_assert!(before.is_sorted_by(|a, b| a.score >= b.score));
        prop_assert!(before.iter().all(|change| change.relative_us <= GRACE_US && change.score > 0.0 && change.score <= 1.0));
        prop_assert!(after.iter().all(|change| change.relative_us > GRACE_US));
        let n_lines: usize = before.iter().chain(&after).map(|change| change.n_alike).sum();
        prop_assert!(n_lines <= picks.len());
    }

    #[test]
    fn closer_scores_more(a in 0..600_i64, b in 0..600_i64) {
        let score = |minutes: i64| rank(vec![line("a.log", -minutes, "server restarted")], Vec::new(), &failing(), ONSET).0[0].score;
        prop_assert!(a > b || score(a) >= score(b));
    }
}

#[test]
fn weights_are_shares() {
    assert!(KINDS.iter().all(|kind| (0.0..=1.0).contains(&kind.weight)));
}
