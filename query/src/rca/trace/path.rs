//! From the events of a story to its path: in order, with what lies between them. Pure.

use super::super::event::{Event, Moment};
use serde::Serialize;

/// An event of a trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceEvent {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// The hop that found it; 0 if it holds the value itself.
    pub hop: u32,
    /// The followed ids that it holds, by their places.
    pub ids: Vec<usize>,
    /// Since the event before, microseconds; 0 for the first.
    pub delta_us: i64,
}

/// Consecutive events of one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leg {
    /// The source.
    pub source: String,
    /// Its machine.
    pub host: String,
    /// When its first event was.
    pub begin: Moment,
    /// When its last event was.
    pub end: Moment,
    /// Since the last event of the leg before, microseconds; absent for the first.
    pub wait_us: Option<i64>,
    /// From its first to its last event, microseconds.
    pub lasted_us: i64,
    /// How many events.
    pub n_events: usize,
    /// How many of them are errors.
    pub n_errors: usize,
}

/// A time without an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// How long, microseconds.
    pub us: i64,
    /// When the last event before it was.
    pub from: Moment,
    /// When the first event behind it was.
    pub to: Moment,
    /// The source of the event before it.
    pub from_source: String,
    /// The source of the event behind it.
    pub to_source: String,
}

/// A path.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    pub events: Vec<TraceEvent>,
    pub legs: Vec<Leg>,
    pub largest_gap: Option<Gap>,
}

/// Where an event's bytes begin: the number behind the last `:` of its address.
fn offset(event: &Event) -> u64 {
    event.addr.parse().map_or(0, |address: crate::engine::address::Address| address.offset)
}

/// Puts events in order of time, then source, then bytes, and measures what lies between them.
pub(super) fn path(mut events: Vec<TraceEvent>) -> Path {
    events.sort_by_cached_key(|event| {
        (event.event.time, event.event.source.clone(), offset(&event.event), event.event.addr.clone())
    });
    let mut legs: Vec<Leg> = Vec::new();
    let mut largest_gap: Option<Gap> = None;
    for at in 0..events.len() {
        let before = at.checked_sub(1).map(|before| (events[before].event.time, events[before].event.source.clone()));
        let event = &mut events[at];
        event.ids.sort_unstable();
        let Event { time, source, host, is_error, .. } = &event.event;
        let delta_us = before.as_ref().map_or(0, |(before, _)| time.since(*before));
        event.delta_us = delta_us;
        if let Some((from, from_source)) = before
            && largest_gap.as_ref().is_none_or(|gap| gap.us < delta_us)
        {
            largest_gap = Some(Gap { us: delta_us, from, to: *time, from_source, to_source: source.clone() });
        }
        match legs.last_mut().filter(|leg| leg.source == *source) {
            Some(leg) => {
                leg.end = *time;
                leg.lasted_us = time.since(leg.begin);
                leg.n_events += 1;
                leg.n_errors += usize::from(*is_error);
            }
            None => legs.push(Leg {
                source: source.clone(),
                host: host.clone(),
                begin: *time,
                end: *time,
                wait_us: (at > 0).then_some(delta_us),
                lasted_us: 0,
                n_events: 1,
                n_errors: usize::from(*is_error),
            }),
        }
    }
    Path { events, legs, largest_gap }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An event of a source at so many milliseconds.
    pub fn event(source: &str, ms: i64, text: &str) -> Event {
        Event {
            time: Moment(ms * 1000),
            index: "main".to_owned(),
            source: source.to_owned(),
            sourcetype: "log4j".to_owned(),
            host: "pay-01".to_owned(),
            level: None,
            is_error: text.contains("ERROR"),
            addr: format!("{source}@0:{ms}+{}", text.len()),
            text: text.to_owned(),
        }
    }

    fn traced(source: &str, ms: i64, text: &str) -> TraceEvent {
        TraceEvent { event: event(source, ms, text), hop: 0, ids: vec![0], delta_us: 0 }
    }

    #[test]
    fn legs_and_gaps() {
        let path = path(vec![
            traced("ledger", 120, "ERROR posting failed"),
            traced("gateway", 0, "request"),
            traced("pay", 80, "start"),
            traced("pay", 95, "risk"),
            traced("settle", 3_600_160, "ERROR unmatched"),
        ]);
        let legs: Vec<_> = path
            .legs
            .iter()
            .map(|leg| (&*leg.source, leg.wait_us, leg.lasted_us, leg.n_events, leg.n_errors))
            .collect();
        assert_eq!(
            legs,
            [
                ("gateway", None, 0, 1, 0),
                ("pay", Some(80_000), 15_000, 2, 0),
                ("ledger", Some(25_000), 0, 1, 1),
                ("settle", Some(3_600_040_000), 0, 1, 1)
            ]
        );
        let gap = path.largest_gap.unwrap();
        assert_eq!((gap.us, &*gap.from_source, &*gap.to_source), (3_600_040_000, "ledger", "settle"));
        assert_eq!(super::path(Vec::new()), Path::default());
    }

    proptest! {
        #[test]
        fn the_times_between_add_up(ms in proptest::collection::vec((0..1_000_i64, 0..4_usize), 1..30)) {
            let events: Vec<TraceEvent> = ms.iter().map(|(ms, source)| traced(["a", "b", "c", "d"][*source], *ms, "x")).collect();
            let path = path(events);
            let extent = path.events.last().unwrap().event.time.since(path.events[0].event.time);
            prop_assert!(path.events.is_sorted_by_key(|event| event.event.time));
            prop_assert_eq!(path.events.iter().map(|event| event.delta_us).sum::<i64>(), extent);
            prop_assert_eq!(path.legs.iter().map(|leg| leg.wait_us.unwrap_or(0) + leg.lasted_us).sum::<i64>(), extent);
            prop_assert_eq!(path.legs.iter().map(|leg| leg.n_events).sum::<usize>(), ms.len());
            prop_assert!(path.legs.windows(2).all(|legs| legs[0].source != legs[1].source));
        }
    }
}
