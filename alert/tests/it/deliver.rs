//! Deliveries through channels into memory: order, repeats, giving up, and what is at most once.

use crate::lab::at;
use crate::post::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use trawl_alert::action::{DeliveryError, Receipt};
use trawl_alert::audit::AuditRecord;
use trawl_alert::condition::Condition;
use trawl_alert::deliver::{Action, Deliverer, Policy, PostCondition, Verdict, Verify};
use trawl_alert::outbox::DeliveryState;
use trawl_alert::{Happening, Notification};

const SECOND: i64 = 1_000_000;

fn policy() -> Policy {
    Policy { retry_us: 10 * SECOND, retry_max_us: 60 * SECOND, give_up_us: 3600 * SECOND, ..Policy::default() }
}

fn with(name: &str, channel: &Memory, policy: Policy) -> Action {
    Action { policy, ..action(name, channel.clone()) }
}

/// Fails this many times, then succeeds.
fn failing(n_times: usize) -> Memory {
    let n_before = AtomicUsize::new(0);
    Memory::new(move |_, _| match n_before.fetch_add(1, Ordering::SeqCst) < n_times {
        true => Err(DeliveryError::temporary("it is down")),
        false => Ok(Receipt::default()),
    })
}

/// The moments at which an action that always fails is tried, until there is nothing left to do.
fn run_to_end(deliverer: &mut Deliverer<'_>, mut seconds: f64) -> f64 {
    loop {
        settle(deliverer, seconds);
        match deliverer.due_us(at(seconds)).unwrap() {
            Some(us) => seconds = crate::lab::seconds(us),
            None => return seconds,
        }
    }
}

#[test]
fn what_fails_is_tried_again_after_a_time_that_doubles() {
    let post = Post::new();
    let memory = failing(5);
    post.enter(0.0, &[raised("a")], &["ops"]);
    let mut deliverer = post.deliverer(vec![with("ops", &memory, policy())], 0.0);
    run_to_end(&mut deliverer, 1.0);
    let moments: Vec<f64> = memory.seen().iter().map(|(_, seconds)| *seconds).collect();
    assert_eq!(moments, [1.0, 11.0, 31.0, 71.0, 131.0, 191.0]);
    assert!(memory.keys().iter().all(|key| *key == format!("{}-ops", raised("a").id)));
    let states: Vec<String> = post.story();
    assert_eq!(states[..5], ["ops raised retry"; 5]);
    assert_eq!(states[5..], ["ops raised delivered"]);
    assert_eq!(post.audit()[0]["error"], "it is down");
    assert_eq!(post.audit()[0]["retry_at"], "2026-11-20T14:00:11.000000Z");
    assert_eq!(post.audit()[5]["attempt"], 6);
}

#[test]
fn the_other_side_says_when_to_come_back() {
    let post = Post::new();
    let is_first = AtomicBool::new(true);
    let memory = Memory::new(move |_, _| match is_first.swap(false, Ordering::SeqCst) {
        true => Err(DeliveryError::Temporary { what: "429".into(), retry_after: Some(Duration::from_secs(100)) }),
        false => Ok(Receipt::default()),
    });
    post.enter(0.0, &[raised("a")], &["ops"]);
    let mut deliverer = post.deliverer(vec![with("ops", &memory, policy())], 0.0);
    run_to_end(&mut deliverer, 0.0);
    assert_eq!(memory.seen(), [(Happening::Raised, 0.0), (Happening::Raised, 100.0)]);
}

#[test]
fn what_is_given_up_is_told_to_others_once_and_so_is_its_end() {
    let post = Post::new();
    let (dead, pager) = (failing(usize::MAX), Memory::good());
    post.enter(0.0, &[raised("a")], &["mail"]);
    let escalate = vec!["pager".to_owned(), "mail".to_owned()];
    let actions = vec![
        with("mail", &dead, Policy { escalate, give_up_us: 100 * SECOND, ..policy() }),
        with("pager", &pager, policy()),
    ];
    let mut deliverer = post.deliverer(actions, 0.0);
    run_to_end(&mut deliverer, 0.0);
    // 0, 10, 30, 70, 130: then it is older than 100 s.
    assert_eq!(dead.seen().len(), 5);
    assert_eq!(pager.seen(), [(Happening::Escalated, 130.0)]);
    let told = &post.book.notifications("pager").unwrap()[0];
    assert_eq!(told.reason.as_deref(), Some("action mail (raised): it is down"));
    assert_eq!(told.episode, raised("a").episode);
    let last = post.audit().into_iter().find(|record| record["state"] == "dead").unwrap();
    assert_eq!(last["escalated_to"], serde_json::json!(["pager"]));
    // The alert names the mail alone, and the pager would ring for ever.
    post.enter(200.0, &[resolved("a")], &["mail"]);
    settle(&mut deliverer, 200.0);
    run_to_end(&mut deliverer, 200.0);
    let ends: Vec<Happening> = pager.seen().iter().map(|(happening, _)| *happening).collect();
    // The end could not be told by mail either.
    assert_eq!(ends, [Happening::Escalated, Happening::Resolved, Happening::Escalated]);
}

#[test]
fn an_escalation_that_fails_goes_no_further() {
    let post = Post::new();
    let bad = || Memory::new(|_, _| Err(DeliveryError::permanent("no")));
    let (one, two) = (bad(), bad());
    post.enter(0.0, &[raised("a")], &["one"]);
    let to = |name: &str| Policy { escalate: vec![name.to_owned()], ..policy() };
    let mut deliverer = post.deliverer(vec![with("one", &one, to("two")), with("two", &two, to("one"))], 0.0);
    run_to_end(&mut deliverer, 0.0);
    assert_eq!(post.story(), ["one raised dead", "two escalated dead"]);
}

#[test]
fn the_end_never_overtakes_the_beginning() {
    let post = Post::new();
    let memory = Memory::new(|n, attempt| match (n.group.0[0].1.as_str(), n.happening, attempt.n_before) {
        ("a", Happening::Raised, 0) => Err(DeliveryError::temporary("not yet")),
        _ => Ok(Receipt::default()),
    });
    post.enter(0.0, &[raised("a"), raised("b")], &["ops"]);
    post.enter(60.0, &[resolved("a"), resolved("b")], &["ops"]);
    let mut deliverer = post.deliverer(vec![with("ops", &memory, policy())], 60.0);
    run_to_end(&mut deliverer, 60.0);
    let of = |host: &str| {
        let ids = [raised(host).id, resolved(host).id];
        let keys = memory.keys().into_iter().filter(|key| ids.iter().any(|id| key.starts_with(id.as_str())));
        keys.map(|key| if key.starts_with(ids[0].as_str()) { "raised" } else { "resolved" }).collect::<Vec<_>>()
    };
    assert_eq!(of("a"), ["raised", "raised", "resolved"]);
    assert_eq!(of("b"), ["raised", "resolved"]);
    assert_eq!(memory.seen().last().unwrap(), &(Happening::Resolved, 70.0), "only a waited");
}

/// Lets threads through when it is opened.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn pass(&self) {
        let open = self.0.lock().unwrap();
        drop(self.1.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[test]
fn a_slow_action_holds_up_nobody_but_itself() {
    let post = Post::new();
    let gate = Arc::new(Gate::default());
    let slow = Memory::new({
        let gate = Arc::clone(&gate);
        move |_, _| {
            gate.pass();
            Ok(Receipt::default())
        }
    });
    let pager = Memory::good();
    let all: Vec<Notification> = (0..10).map(|at| raised(&at.to_string())).collect();
    post.enter(0.0, &all, &["mail", "pager"]);
    let mut deliverer = post.deliverer(vec![with("mail", &slow, policy()), with("pager", &pager, policy())], 0.0);
    while pager.seen().len() < 10 {
        deliverer.pump(at(0.0)).unwrap();
        assert!(deliverer.wait(LONG));
    }
    assert!(slow.seen().len() <= 2, "no more than two at once");
    gate.open();
    settle(&mut deliverer, 1.0);
    assert_eq!(slow.seen().len(), 10);
}

#[test]
fn killed_between_sending_and_its_record_the_repeat_has_the_same_key() {
    let post = Post::new();
    let memory = Memory::good();
    post.enter(0.0, &[raised("a")], &["ops"]);
    let actions = || vec![with("ops", &memory, policy())];
    let mut deliverer = post.deliverer(actions(), 0.0);
    deliverer.pump(at(0.0)).unwrap();
    // It was sent, and nobody wrote it down.
    drop(deliverer);
    let mut deliverer = post.deliverer(actions(), 5.0);
    settle(&mut deliverer, 5.0);
    let keys = memory.keys();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    assert_eq!(post.story(), ["ops raised delivered"]);
    drop(deliverer);
    settle(&mut post.deliverer(actions(), 9.0), 9.0);
    assert_eq!(memory.keys().len(), 2, "what is written down is not brought again");
}

#[test]
fn killed_while_a_command_ran_it_is_escalated_and_never_run_again() {
    let post = Post::new();
    let command = Memory { is_at_most_once: true, ..Memory::good() };
    let pager = Memory::good();
    post.enter(0.0, &[raised("a")], &["restart"]);
    let actions = || {
        let escalate = vec!["pager".to_owned()];
        vec![with("restart", &command, Policy { escalate, ..policy() }), with("pager", &pager, policy())]
    };
    let mut deliverer = post.deliverer(actions(), 0.0);
    deliverer.pump(at(0.0)).unwrap();
    drop(deliverer);
    for seconds in [10.0, 1000.0, 2000.0] {
        run_to_end(&mut post.deliverer(actions(), seconds), seconds);
    }
    assert_eq!(command.seen().len(), 1);
    assert_eq!(pager.seen(), [(Happening::Escalated, 10.0)]);
    assert_eq!(post.story(), ["restart raised dead", "pager escalated delivered"]);
    assert!(post.audit()[0]["error"].as_str().unwrap().contains("nobody knows what came of it"));
}

#[test]
fn a_command_that_fails_or_panics_is_not_tried_again() {
    let failures: [fn() -> DeliveryError; 3] = [
        || DeliveryError::temporary("status 1"),
        || DeliveryError::permanent("status 2"),
        || panic!("a bug of a channel, made for this test"),
    ];
    for failure in failures {
        let post = Post::new();
        let command = Memory { is_at_most_once: true, ..Memory::new(move |_, _| Err(failure())) };
        post.enter(0.0, &[raised("a")], &["restart"]);
        let mut deliverer = post.deliverer(vec![with("restart", &command, policy())], 0.0);
        run_to_end(&mut deliverer, 0.0);
        assert_eq!(command.seen().len(), 1);
        assert_eq!(post.story(), ["restart raised dead"]);
    }
}

#[test]
fn commands_of_an_action_run_one_at_a_time() {
    let post = Post::new();
    let n_running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let command = Memory::new({
        let n_running = Arc::clone(&n_running);
        move |_, _| {
            let now = n_running.0.fetch_add(1, Ordering::SeqCst) + 1;
            n_running.1.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            n_running.0.fetch_sub(1, Ordering::SeqCst);
            Ok(Receipt::default())
        }
    });
    let command = Memory { is_at_most_once: true, ..command };
    let all: Vec<Notification> = (0..5).map(|at| raised(&at.to_string())).collect();
    post.enter(0.0, &all, &["restart"]);
    settle(&mut post.deliverer(vec![with("restart", &command, policy())], 0.0), 0.0);
    assert_eq!(command.seen().len(), 5);
    assert_eq!(n_running.1.load(Ordering::SeqCst), 1);
}

struct Says(Result<bool, &'static str>, Mutex<Vec<(i64, i64)>>);

impl Verify for Says {
    fn verify(&self, _: &Notification, _: &PostCondition, done_us: i64, now_us: i64) -> Result<Verdict, String> {
        self.1.lock().unwrap().push((done_us, now_us));
        self.0.map(|holds| Verdict { holds, evidence: "count=3".into() }).map_err(str::to_owned)
    }
}

#[test]
fn after_a_command_somebody_looks_whether_it_helped() {
    for (says, expected) in [
        (Ok(true), vec!["restart raised delivered", "restart raised verified"]),
        (Ok(false), vec!["restart raised delivered", "restart raised not_verified", "pager escalated delivered"]),
        (Err("down"), vec!["restart raised delivered", "restart raised not_verified", "pager escalated delivered"]),
    ] {
        let post = Post::new();
        let command = Memory { is_at_most_once: true, ..Memory::good() };
        let pager = Memory::good();
        post.enter(0.0, &[raised("a")], &["restart"]);
        let verify =
            PostCondition { search: "up".into(), want: Condition::parse("count > 0").unwrap(), after_us: 30 * SECOND };
        let restart = Policy { escalate: vec!["pager".into()], verify: Some(verify), ..policy() };
        let actions = || vec![with("restart", &command, restart.clone()), with("pager", &pager, policy())];
        let verifier = Arc::new(Says(says, Mutex::default()));
        let mut deliverer = post.deliverer_with(actions(), verifier.clone(), 0.0);
        settle(&mut deliverer, 1.0);
        drop(deliverer);
        // A restart in between changes nothing.
        let mut deliverer = post.deliverer_with(actions(), verifier.clone(), 2.0);
        assert_eq!(deliverer.due_us(at(2.0)).unwrap(), Some(at(31.0)));
        run_to_end(&mut deliverer, 2.0);
        assert_eq!(*verifier.1.lock().unwrap(), [(at(1.0), at(31.0))]);
        assert_eq!(post.story(), expected);
        assert_eq!(command.seen().len(), 1);
    }
}

#[test]
fn attempts_in_a_minute_are_bounded() {
    let post = Post::new();
    let memory = Memory::good();
    let all: Vec<Notification> = (0..7).map(|at| raised(&at.to_string())).collect();
    post.enter(0.0, &all, &["ops"]);
    let mut deliverer = post.deliverer(vec![with("ops", &memory, Policy { max_per_minute: 3, ..policy() })], 0.0);
    run_to_end(&mut deliverer, 0.0);
    let moments: Vec<f64> = memory.seen().iter().map(|(_, seconds)| *seconds).collect();
    assert_eq!(moments, [0.0, 0.0, 0.0, 60.0, 60.0, 60.0, 120.0]);
}

#[test]
fn what_lasts_is_said_again_until_it_ends() {
    let post = Post::new();
    let memory = Memory { resend: Some(Duration::from_secs(60)), ..Memory::good() };
    post.enter(0.0, &[raised("a")], &["am"]);
    let mut deliverer = post.deliverer(vec![with("am", &memory, policy())], 0.0);
    for seconds in [0.0, 30.0, 60.0, 120.0] {
        settle(&mut deliverer, seconds);
    }
    post.enter(150.0, &[resolved("a")], &["am"]);
    for seconds in [150.0, 180.0, 240.0] {
        settle(&mut deliverer, seconds);
    }
    use Happening::{Raised, Resolved};
    assert_eq!(memory.seen(), [(Raised, 0.0), (Raised, 60.0), (Raised, 120.0), (Resolved, 150.0)]);
    assert_eq!(post.story(), ["am raised delivered", "am resolved delivered"], "a repetition is no news");
    assert_eq!(deliverer.due_us(at(240.0)).unwrap(), None);
}

#[test]
fn what_an_action_is_not_told_ends_nothing_but_the_end() {
    let post = Post::new();
    let memory = Memory { resend: Some(Duration::from_secs(60)), ..Memory::good() };
    let on = Some(vec![Happening::Raised]);
    post.enter(0.0, &[raised("a")], &["am"]);
    let mut deliverer = post.deliverer(vec![with("am", &memory, Policy { on, ..policy() })], 0.0);
    settle(&mut deliverer, 0.0);
    post.enter(30.0, &[notification("a", Happening::Reminder, 30.0)], &["am"]);
    for seconds in [30.0, 60.0] {
        settle(&mut deliverer, seconds);
    }
    post.enter(90.0, &[resolved("a")], &["am"]);
    for seconds in [90.0, 120.0] {
        settle(&mut deliverer, seconds);
    }
    assert_eq!(memory.seen(), [(Happening::Raised, 0.0), (Happening::Raised, 60.0)]);
}

#[test]
fn what_fires_no_more_is_not_said_again_even_if_nobody_was_told() {
    let post = Post::new();
    let memory = Memory { resend: Some(Duration::from_secs(60)), ..Memory::good() };
    post.enter(0.0, &[raised("a")], &["am"]);
    let mut deliverer = post.deliverer(vec![with("am", &memory, policy())], 0.0);
    settle(&mut deliverer, 0.0);
    // It ended, snoozed: there is no delivery.
    post.enter(30.0, &[resolved("a")], &[]);
    settle(&mut deliverer, 60.0);
    assert_eq!(memory.seen().len(), 1);
    let states: Vec<DeliveryState> =
        post.book.deliveries(None, None, 10).unwrap().iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Delivered]);
}

#[test]
fn an_action_is_told_what_it_wants_to_know() {
    let post = Post::new();
    let memory = Memory::good();
    post.enter(0.0, &[raised("a")], &["ops"]);
    post.enter(60.0, &[resolved("a")], &["ops"]);
    let on = Some(vec![Happening::Resolved]);
    settle(&mut post.deliverer(vec![with("ops", &memory, Policy { on, ..policy() })], 60.0), 60.0);
    assert_eq!(memory.seen(), [(Happening::Resolved, 60.0)]);
    assert_eq!(post.story(), ["ops resolved delivered"]);
}

#[test]
fn deliveries_wait_for_an_action_that_is_not_configured() {
    let post = Post::new();
    let memory = Memory::good();
    post.enter(0.0, &[raised("a")], &["ops"]);
    settle(&mut post.deliverer(Vec::new(), 0.0), 0.0);
    assert_eq!(post.audit()[0]["error"], "there is no action `ops`");
    run_to_end(&mut post.deliverer(vec![with("ops", &memory, policy())], 600.0), 600.0);
    assert_eq!(post.story(), ["ops raised retry", "ops raised delivered"]);
}

#[test]
fn a_process_that_ends_enters_what_is_done() {
    let post = Post::new();
    let memory = Memory::good();
    post.enter(0.0, &[raised("a")], &["ops"]);
    let mut deliverer = post.deliverer(vec![with("ops", &memory, policy())], 0.0);
    deliverer.pump(at(0.0)).unwrap();
    assert!(deliverer.finish(at(1.0), LONG).unwrap());
    assert_eq!(post.story(), ["ops raised delivered"]);
    assert_eq!(post.book.forget_deliveries(at(0.5)).unwrap(), 1);
    assert!(post.book.deliveries(None, None, 10).unwrap().is_empty());
}

#[test]
fn what_was_given_up_can_be_asked_for_again_but_a_command() {
    let post = Post::new();
    let is_down = Arc::new(AtomicBool::new(true));
    let memory = Memory::new({
        let is_down = Arc::clone(&is_down);
        move |_, _| match is_down.load(Ordering::SeqCst) {
            true => Err(DeliveryError::permanent("404")),
            false => Ok(Receipt::default()),
        }
    });
    let command = Memory { is_at_most_once: true, ..Memory::new(|_, _| Err(DeliveryError::permanent("status 1"))) };
    post.enter(0.0, &[raised("a")], &["ops", "restart"]);
    let mut deliverer = post.deliverer(vec![with("ops", &memory, policy()), with("restart", &command, policy())], 0.0);
    run_to_end(&mut deliverer, 0.0);
    let dead = post.book.deliveries(None, Some(DeliveryState::Dead), 10).unwrap();
    assert_eq!(dead.len(), 2);
    is_down.store(false, Ordering::SeqCst);
    let record = AuditRecord::new(at(100_000.0), "requeue", [("by", "alice".into())]);
    for delivery in dead {
        let asked = post.book.requeue(delivery.seq, at(100_000.0), &record).unwrap();
        assert_eq!(asked, delivery.action == "ops");
    }
    run_to_end(&mut deliverer, 100_000.0);
    assert_eq!(post.story().last().unwrap(), "ops raised delivered");
    assert_eq!(command.seen().len(), 1);
    assert_eq!(memory.keys()[0], memory.keys()[1]);
}

#[test]
fn times_without_end_do_no_harm() {
    let post = Post::new();
    let memory = failing(1);
    let endless = Policy { retry_us: i64::MAX, retry_max_us: i64::MAX, give_up_us: i64::MAX, ..policy() };
    post.enter(0.0, &[raised("a")], &["ops"]);
    let mut deliverer = post.deliverer(vec![with("ops", &memory, endless)], 0.0);
    settle(&mut deliverer, 0.0);
    assert_eq!(deliverer.due_us(at(0.0)).unwrap(), Some(i64::MAX));
}
