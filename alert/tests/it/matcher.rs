//! That the matcher hides nothing, and spares what it can.

use crate::lab::{Lab, SECOND, at, engine, options, rule, told};
use proptest::prelude::*;
use std::cell::Cell;
use std::sync::Arc;
use trawl_alert::backtest::replay;
use trawl_alert::evaluate::Evaluator;
use trawl_alert::matcher::Matcher;
use trawl_alert::rule::{Per, Rule};
use trawl_alert::schedule::Schedule;
use trawl_alert::watch::{Foresight, Watch};

fn named(name: &str, rule: Rule) -> Rule {
    Rule { name: name.to_owned(), ..rule }
}

fn matcher(lab: &Lab, rules: &[Rule]) -> Matcher {
    let engine = lab.engine();
    let rules: Vec<_> = rules.iter().cloned().map(Arc::new).collect();
    Matcher::new(&engine, &Evaluator::new(&engine, options()), &rules)
}

/// The rules of which it is not certain that nothing happened in seconds 0 to 10.
fn possible(lab: &Lab, searches: &[&str]) -> Vec<String> {
    let rules: Vec<Rule> = searches.iter().map(|search| named(search, rule(search, "count > 0"))).collect();
    let matcher = matcher(lab, &rules);
    matcher.look(at(10.8)).expect("a look");
    possible_of(&matcher, searches)
}

fn possible_of(matcher: &Matcher, searches: &[&str]) -> Vec<String> {
    let is_possible = |search: &&&str| !matcher.is_silent(search, (at(0.0), at(10.0)));
    searches.iter().filter(is_possible).map(|search| (*search).to_owned()).collect()
}

#[test]
fn it_knows_which_rules_find_nothing() {
    let lab = Lab::new();
    lab.arrive(5.0, 5.1, "ERROR payment failed user=ann code=17 path=/var/log/x.log");
    lab.arrive(6.0, 6.1, r#"{"level":"info","text":"caf\u00e9 \u0063losed","who":"b\u006fb"}"#);
    lab.arrive(20.0, 20.1, "ERROR later");
    let found = [
        "payment",
        "PAYMENT FAILED",
        "pay*",
        "*ment",
        "p*t",
        "user=ann",
        "user=a*",
        "user IN (eve, ann)",
        "code=17",
        "code>16",
        "\"payment failed\"",
        "TERM(user=ann)",
        "NOT nothing",
        "payment OR nothing",
        "closed",
        "café",
        "who=bob",
        "*",
        "host=web01",
        "source=*app.log user=*",
        "level=ERROR",
        "index=main payment",
        "payment | stats count by user",
        "payment | head 5",
        "path=\"/var/log/x.log\"",
    ];
    let nothing = [
        "refund",
        "paymen",
        "payment refund",
        "user=eve",
        "code=18",
        "code>17",
        "host=web02",
        "level=WARN",
        "index=other payment",
        "source=*other.log",
        "later",
        "payment NOT failed",
        "refund OR chargeback",
        "CASE(PAYMENT)",
        "\"failed payment\"",
        "refund | stats count by user",
        "payment | search refund",
    ];
    assert_eq!(possible(&lab, &found), found);
    assert_eq!(possible(&lab, &nothing), [""; 0]);
    // The same from buckets, that were there before.
    lab.seal();
    assert_eq!(possible(&lab, &found), found);
    assert_eq!(possible(&lab, &nothing), [""; 0]);
}

#[test]
fn what_asks_for_more_than_its_window_is_never_certain() {
    let lab = Lab::new();
    let searches = [
        "x [search y | fields user]",
        "x | append [search y]",
        "x | join user [search y]",
        "x | where user=[search y | return $user]",
    ];
    assert_eq!(possible(&lab, &searches), searches);
    let matcher = {
        let long = Rule { window_us: Some(30 * 3600 * SECOND), ..rule("x", "count > 0") };
        let own = Rule { window_us: None, ..named("own", rule("x", "count > 0")) };
        let own = Rule { search: "x earliest=-5m".to_owned(), ..own };
        let mut row = named("row", rule("x", "count > 0"));
        row.search = "| makeresults".to_owned();
        matcher(&lab, &[long, own, row])
    };
    matcher.look(at(10.8)).expect("a look");
    for name in ["payment-db", "own", "row", "nobody"] {
        assert!(!matcher.is_silent(name, (at(0.0), at(10.0))), "{name}");
    }
}

#[test]
fn nothing_is_certain_before_it_looked_or_of_times_that_it_did_not_look_at() {
    let lab = Lab::new();
    let rules = [rule("x", "count > 0")];
    let matcher = matcher(&lab, &rules);
    assert!(!matcher.is_silent("payment-db", (at(0.0), at(10.0))));
    matcher.look(at(5000.0)).expect("a look");
    assert!(matcher.is_silent("payment-db", (at(4900.0), at(5000.0))));
    assert!(!matcher.is_silent("payment-db", (at(0.0), at(10.0))));
}

#[test]
fn events_are_seen_whichever_way_they_come() {
    let lab = Lab::new();
    let searches = ["followed", "loaded", "open", "grown", "sealed", "unread", "absent"];
    let rules: Vec<Rule> = searches.iter().map(|search| named(search, rule(search, "count > 0"))).collect();
    let matcher = matcher(&lab, &rules);
    let look = || {
        matcher.look(at(10.8)).expect("a look");
        possible_of(&matcher, &searches)
    };
    assert_eq!(look(), [""; 0]);
    lab.arrive(1.0, 1.0, "followed");
    assert_eq!(look(), ["followed"]);
    lab.load(2.0, 3.0, "loaded");
    assert_eq!(look(), ["followed", "loaded"]);
    lab.arrive_open(3.0, 3.0, "open");
    assert_eq!(look(), ["followed", "loaded", "open"]);
    lab.arrive(3.0, 3.5, "open and grown");
    lab.arrive(4.0, 4.0, "sealed");
    lab.seal();
    // A log that began and ended while nobody looked.
    lab.arrive(5.0, 5.0, "unread");
    lab.seal();
    assert_eq!(look(), ["followed", "loaded", "open", "grown", "sealed", "unread"]);
}

#[test]
fn late_events_are_told_from_those_that_were_seen() {
    let lab = Lab::new();
    let matcher = matcher(&lab, &[rule("error", "count > 0")]);
    lab.arrive(5.0, 5.1, "ERROR");
    matcher.look(at(10.8)).expect("a look");
    let is_unchanged = |since| matcher.is_unchanged_since("payment-db", (at(0.0), at(10.0)), at(since));
    assert!(is_unchanged(10.5) && !is_unchanged(5.0));
    lab.arrive(6.0, 12.0, "ERROR late");
    matcher.look(at(12.8)).expect("a look");
    assert!(!is_unchanged(10.5));
}

/// Knows what another knows, and counts how often that spares a search.
struct Counting<'m>(&'m Matcher, Cell<usize>);

impl Foresight for Counting<'_> {
    fn is_silent(&self, alert: &str, times_us: (i64, i64)) -> bool {
        let is_silent = self.0.is_silent(alert, times_us);
        self.1.set(self.1.get() + usize::from(is_silent));
        is_silent
    }

    fn is_unchanged_since(&self, alert: &str, times_us: (i64, i64), indexed_us: i64) -> bool {
        self.0.is_unchanged_since(alert, times_us, indexed_us)
    }
}

#[test]
fn a_quiet_rule_is_not_searched_but_found_out_to_be_wrong() {
    let lab = Lab::new();
    let rules = [
        rule("error | lookup nothing user OUTPUT x", "count > 0"),
        named("heartbeat", rule("beat", "absent")),
        named("table", rule("error | stats count | where count = 0", "rows > 0")),
        named("less than usual", Rule { baseline_us: Some(20 * SECOND), ..rule("usual", "count < baseline") }),
    ];
    lab.arrive(5.0, 5.0, "usual");
    let matcher = matcher(&lab, &rules);
    let counting = Counting(&matcher, Cell::new(0));
    let mut watch = lab.watch(&rules, 10.0).believing(&counting);
    matcher.look(at(20.9)).expect("a look");
    let engine = lab.engine();
    let round = watch.advance(&Evaluator::new(&engine, options()), at(20.9)).expect("a round");
    let wrong: Vec<&str> = round.troubles.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(wrong, ["payment-db"], "though there are no events");
    let told: Vec<_> = lab.history().iter().map(|record| format!("{} {}", record.alert, told(record))).collect();
    assert_eq!(told, ["heartbeat 20 raised", "table 20 raised", "less than usual 20 raised"]);
    assert_eq!(counting.1.get(), 3, "all but that of which there is something in the past");
}

#[derive(Clone, Debug)]
struct Arrival {
    time: f64,
    delay: f64,
    text: usize,
    /// 0: stays open, 1: bulk load, 2: a log is sealed behind it; else followed.
    way: u8,
}

const TEXTS: [&str; 7] = [
    "ERROR user=ann ms=5",
    "ERROR user=bob ms=70",
    "WARN disk full user=ann",
    "INFO fine",
    r#"{"level":"error","user":"b\u006fb","text":"d\u0069sk & co"}"#,
    "INFO beat &#100;isk",
    "ERROR\tmulti user=eve",
];

const SEARCHES: [&str; 16] = [
    "error",
    "ERROR user=bob",
    "user=bob",
    "user=b*",
    "disk OR beat",
    "NOT error",
    "NOT (error OR fine)",
    "level=ERROR",
    "level=error user=*",
    "ms>50",
    "user IN (ann, eve) error",
    "host=web01 disk",
    "source=*loaded* error",
    "beat",
    "error | where ms>10",
    "nowhere",
];

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let delay = prop_oneof![4 => 0.0..0.4, 1 => 0.0..30.0];
    // Some are ahead of the clock.
    let ahead = prop_oneof![6 => Just(0.0), 1 => 0.0..40.0];
    let arrival = (0u32..900, delay, ahead, 0..TEXTS.len(), 0u8..8).prop_map(|(time, delay, ahead, text, way)| {
        Arrival { time: f64::from(time) / 10.0, delay: delay - ahead, text, way }
    });
    prop::collection::vec(arrival, 0..25)
}

fn some_rules() -> impl Strategy<Value = Vec<Rule>> {
    let conditions =
        prop_oneof![Just("count > 0"), Just("count > 1"), Just("absent"), Just("count < 2"), Just("rows = 0")];
    let tails = prop_oneof![4 => Just(""), 1 => Just(" | stats count by user"), 1 => Just(" | stats max(ms) AS ms"), 1 => Just(" | head 1")];
    let parts =
        (0..SEARCHES.len(), tails, conditions, any::<bool>(), any::<bool>(), prop_oneof![Just(7), Just(10), Just(20)]);
    let rule = parts.prop_map(|(search, tail, condition, is_grouped, per_event, every)| {
        let per_event = per_event && tail.is_empty();
        let rule = Rule {
            search: format!("{}{tail}", SEARCHES[search]),
            schedule: Schedule::Every { interval_us: every * SECOND },
            per: if per_event { Per::Event } else { Per::Group },
            ..rule("error", condition)
        };
        let rule =
            if is_grouped && condition != "absent" { Rule { group_by: vec!["user".to_owned()], ..rule } } else { rule };
        match every {
            20 if tail.is_empty() => Rule { baseline_us: Some(15 * SECOND), ..rule },
            _ => rule,
        }
    });
    prop::collection::vec(rule, 1..6)
        .prop_map(|rules| rules.into_iter().enumerate().map(|(at, rule)| named(&format!("rule-{at}"), rule)).collect())
}

/// Watches what arrives, with a process that ends now and then, and says what was told.
fn live(arrivals: &[Arrival], rules: &[Rule], pace: &[f64], killed: u8, is_matched: bool) -> (Lab, Vec<String>) {
    let lab = Lab::new();
    let mut queue = arrivals.to_vec();
    queue.sort_by(|a, b| (a.time + a.delay).total_cmp(&(b.time + b.delay)));
    let mut queue = queue.into_iter().peekable();
    let (mut now, mut step) = (0.0, 0_usize);
    let engine = lab.engine();
    let evaluator = Evaluator::new(&engine, options());
    let begin = || is_matched.then(|| matcher(&lab, rules));
    let mut matcher = begin();
    drop(lab.watch(rules, 0.0));
    while now < 131.0 {
        now += pace[step % pace.len()];
        step += 1;
        while let Some(next) = queue.next_if(|next| next.time + next.delay <= now) {
            let indexed = next.time + next.delay;
            let text = TEXTS[next.text];
            match next.way {
                0 => lab.arrive_open(next.time, indexed, text),
                1 => lab.load(next.time, indexed, text),
                _ => lab.arrive(next.time, indexed, text),
            }
            if next.way == 2 {
                lab.seal();
            }
        }
        if step % 9 == usize::from(killed % 9) {
            matcher = begin();
            continue;
        }
        if let Some(matcher) = &matcher {
            matcher.look(at(now)).expect("a look");
        }
        let mut watch: Watch<'_> = lab.watch(rules, now);
        if let Some(matcher) = &matcher {
            watch = watch.believing(matcher);
        }
        let round = watch.advance(&evaluator, at(now)).expect("a round");
        assert!(round.troubles.is_empty(), "{:?}", round.troubles);
        watch.save(at(now)).expect("saved");
    }
    let history =
        lab.history().iter().map(|record| format!("{} {} {}", record.alert, told(record), record.count)).collect();
    (lab, history)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 16 }))]

    /// With and without a matcher the same is told, and a replay says so, too.
    #[test]
    fn it_never_hides_what_happens(
        arrivals in arrivals(),
        rules in some_rules(),
        pace in prop::collection::vec(0.1f64..9.0, 1..6),
        killed: u8,
    ) {
        let (_, without) = live(&arrivals, &rules, &pace, killed, false);
        let (lab, with) = live(&arrivals, &rules, &pace, killed, true);
        prop_assert_eq!(&with, &without);
        // Nothing that happened while it was open comes to another text, so history is what was lived.
        let engine = engine(lab.dir.path());
        for rule in &rules {
            let progress = lab.book.progress().expect("progress")[&rule.name].tick_us;
            let replayed = replay(&Evaluator::new(&engine, options()), rule, (at(0.0), progress)).expect("a replay");
            let replayed: Vec<_> =
                replayed.transitions.iter().map(|record| format!("{} {} {}", record.alert, told(record), record.count)).collect();
            let lived: Vec<_> = with.iter().filter(|line| line.starts_with(&format!("{} ", rule.name))).cloned().collect();
            if arrivals.iter().all(|arrival| arrival.way != 0) {
                prop_assert_eq!(lived, replayed);
            }
        }
    }
}
