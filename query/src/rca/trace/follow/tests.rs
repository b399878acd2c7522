use super::super::path::tests::event;
use super::*;
use proptest::prelude::*;

/// Follows a value through a store of events, as the trace does.
fn followed(value: &str, store: &[Event], hops: u32, most: u64) -> Story {
    let holding = |value: &str| store.iter().filter(|event| holds(&event.text, value)).cloned().collect::<Vec<_>>();
    let mut story = Story::new(value, holding(value));
    for hop in 1..=hops {
        let candidates = story.candidates();
        let mut found: Vec<Event> = Vec::new();
        for event in candidates.iter().flat_map(|candidate| holding(&candidate.value)) {
            if !found.contains(&event) {
                found.push(event);
            }
        }
        story.follow(hop, candidates, found, most, 1_000);
    }
    story
}

fn ids(story: &Story) -> Vec<&str> {
    story.followed.iter().map(|id| id.value.as_str()).collect()
}

fn order(n: i64, ms: i64) -> Vec<Event> {
    let (order, pay, trace) = (
        format!("ORD-{:08}", 41_000_000 + n),
        format!("PAY-{:010}", 77 * n),
        format!("{:016x}", 0xfeed_face_0000_0000_u64 + n as u64),
    );
    vec![
        event("gw", ms, &format!("event=request path=/payments/{order} trace={trace}")),
        event("order", ms + 1, &format!("received orderId={order} customer=cust0000042 traceId={trace}")),
        event("pay", ms + 2, &format!("start paymentId={pay} orderId={order} traceId={trace}")),
        event("pay", ms + 3, &format!("risk paymentId={pay} score=17")),
        event("ledger", ms + 4, &format!("posted journal=000{n:06} paymentId={pay} debit=990000000001")),
    ]
}

#[test]
fn one_order_is_followed_and_its_neighbours_are_not() {
    let store: Vec<Event> = (0..20).flat_map(|n| order(n, n * 1_000)).collect();
    let story = followed("ORD-41000003", &store, 2, 100);
    assert_eq!(story.events.len(), 5);
    assert!(story.events.iter().all(|event| (3_000..3_005).contains(&(event.event.time.0 / 1000))));
    assert_eq!(ids(&story)[..3], ["ORD-41000003", "feedface00000003", "PAY-0000000231"]);
    let customer = story.left_out.iter().find(|id| id.value == "cust0000042").unwrap();
    assert_eq!(customer.why, WhyNot::OfOthers { key: "orderid".to_owned(), n_others: 19, n_events: 19 });
    // Without hops only the value itself counts.
    assert_eq!(followed("ORD-41000003", &store, 0, 100).events.len(), 3);
}

#[test]
fn what_is_mentioned_all_day_is_not_followed() {
    let mut store = vec![event("batch", 0, "event=unmatched orderId=ORD-7731ZK42 from=SETTLE_M10000")];
    store.extend((0..50).map(|n| event("batch", n * 600_000, "event=reconciled from=SETTLE_M10000")));
    let story = followed("ORD-7731ZK42", &store, 2, 100);
    assert_eq!(story.events.len(), 1);
    assert!(
        matches!(story.left_out[..], [LeftOutId { why: WhyNot::Spread { n_events: 50, .. }, .. }]),
        "{:?}",
        story.left_out
    );
    let story = followed("ORD-7731ZK42", &store, 2, 10);
    assert!(matches!(story.left_out[..], [LeftOutId { why: WhyNot::TooCommon { n_events: 51, most: 10 }, .. }]));
}

#[test]
fn requests_of_a_session_are_all_followed() {
    let mut store = Vec::new();
    for n in 0..3 {
        store.push(event("web", n * 100, &format!("session=a81bc81bdead4e5d requestId=req-00{n}771")));
        store.push(event("app", n * 100 + 5, &format!("query done requestId=req-00{n}771 rows=3")));
    }
    assert_eq!(followed("a81bc81bdead4e5d", &store, 1, 100).events.len(), 6);
}

proptest! {
    #[test]
    fn more_hops_never_find_less(links in proptest::collection::vec((0..12_u32, 0..12_u32), 1..40)) {
        let id = |n: u32| format!("req-{n:05}");
        let store: Vec<Event> = links.iter().enumerate()
            .map(|(at, (a, b))| event("s", at as i64, &format!("x {} y {} n{at}", id(*a), id(*b)))).collect();
        let mut n_events = 0;
        for hops in 0..4 {
            let story = followed(&id(0), &store, hops, 1_000);
            prop_assert!(story.events.len() >= n_events);
            n_events = story.events.len();
            let addresses: HashSet<&str> = story.events.iter().map(|event| event.event.addr.as_str()).collect();
            prop_assert_eq!(addresses.len(), story.events.len(), "each event once");
            // Each holds the ids it is said to hold, and one of them.
            for event in &story.events {
                prop_assert!(!event.ids.is_empty());
                prop_assert!(event.ids.iter().all(|id| holds(&event.event.text, &story.followed[*id].value)));
            }
        }
    }
}
