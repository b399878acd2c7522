//! What people say, and what others are told of it.

use crate::lab::at;
use crate::post::*;
use trawl_alert::audit::AuditRecord;
use trawl_alert::deliver::{Action, Policy};
use trawl_alert::machine::{Handling, OfEpisode, Phase, Said};
use trawl_alert::{Happening, Notification};

/// Acknowledges what fires of the group that `of` is about.
fn acknowledge(post: &Post, of: &Notification, by: &str, seconds: f64) {
    let said = Said { by: by.to_owned(), at_us: at(seconds), note: Some("on it".to_owned()) };
    let change = |handling: Handling, phase: &Phase| {
        let acknowledged = Some(OfEpisode { episode: phase.episode()?.clone(), said });
        Some((Handling { acknowledged, ..handling }, AuditRecord::new(at(seconds), "acknowledged", [])))
    };
    assert!(post.book.handle(&of.alert, &of.group, change).expect("a book"));
}

fn happenings(memory: &Memory) -> Vec<Happening> {
    memory.seen().iter().map(|(happening, _)| *happening).collect()
}

#[test]
fn whoever_was_told_is_told_once_that_somebody_knows() {
    let post = Post::new();
    let (told, untold) = (Memory::good(), Memory::good());
    let on = Some(vec![Happening::Raised, Happening::Acknowledged, Happening::Resolved]);
    let on = |memory: &Memory, name| Action {
        policy: Policy { on: on.clone(), ..Policy::default() },
        ..action(name, memory.clone())
    };
    post.enter(0.0, &[raised("a"), raised("b")], &["told"]);
    let mut deliverer = post.deliverer(vec![on(&told, "told"), on(&untold, "untold")], 0.0);
    acknowledge(&post, &raised("a"), "kim", 5.0);
    acknowledge(&post, &raised("a"), "kim", 6.0);
    settle(&mut deliverer, 10.0);
    let entered = post.book.notifications("told").expect("notifications");
    let known: Vec<&Notification> = entered.iter().filter(|n| n.happening == Happening::Acknowledged).collect();
    assert_eq!(known.len(), 1, "said twice, told once");
    assert_eq!((known[0].acknowledged_by.as_deref(), known[0].reason.as_deref()), (Some("kim"), Some("on it")));
    assert_eq!((&known[0].episode, known[0].severity), (&raised("a").episode, raised("a").severity));
    assert!(known[0].title().starts_with("ACKNOWLEDGED CRITICAL payment-db host=a"), "{}", known[0].title());
    acknowledge(&post, &raised("a"), "eve", 11.0);
    post.enter(12.0, &[resolved("a")], &["told"]);
    settle(&mut deliverer, 20.0);
    let last = happenings(&told).split_off(3);
    assert_eq!(last, [Happening::Acknowledged, Happening::Resolved], "in order, behind what was told before");
    assert_eq!(happenings(&untold), []);
}

#[test]
fn channels_without_a_state_of_their_own_are_not_told_that_somebody_knows() {
    let post = Post::new();
    let memory = Memory::good();
    post.enter(0.0, &[raised("a")], &["told"]);
    let mut deliverer = post.deliverer(vec![action("told", memory.clone())], 0.0);
    acknowledge(&post, &raised("a"), "kim", 5.0);
    settle(&mut deliverer, 10.0);
    assert_eq!(happenings(&memory), [Happening::Raised]);
}

#[test]
fn what_is_removed_is_told_as_resolved_where_it_was_told() {
    let post = Post::new();
    let memory = Memory::good();
    post.enter(0.0, &[raised("a")], &["told"]);
    let mut deliverer = post.deliverer(vec![action("told", memory.clone())], 0.0);
    settle(&mut deliverer, 1.0);
    let record = AuditRecord::new(at(5.0), "removed", []);
    assert!(post.book.remove("payment-db", at(5.0), &record).expect("a book"));
    settle(&mut deliverer, 10.0);
    assert_eq!(happenings(&memory), [Happening::Raised, Happening::Resolved]);
    let last = post.book.notifications("told").expect("notifications").pop().expect("two");
    assert_eq!((last.reason.as_deref(), last.episode), (Some("removed"), raised("a").episode));
    assert!(
        post.book.all_states(None).expect("states").is_empty() && post.book.progress().expect("progress").is_empty()
    );
    let history = post.book.history(None, 10).expect("history");
    assert_eq!(history.iter().map(|record| record.what.as_str()).collect::<Vec<_>>(), ["resolved"]);
    assert!(!post.book.remove("payment-db", at(6.0), &record).expect("a book"), "there is nothing left");
}
