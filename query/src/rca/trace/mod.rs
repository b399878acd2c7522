//! One request's path: all events that mention an id, or ids that stand beside it, as one timeline.
//!
//! The events of the value are read first. Every id that stands in them and is rare enough is then looked for in turn, up
//! to a number of hops; what it leads to must belong to the same story (see `follow`). The result says which ids were
//! followed, which were not and why, so that a short answer can be told from an incomplete one.

mod follow;
mod path;
mod skew;

pub use follow::{FollowedId, LeftOutId, WhyNot};
pub use path::{Gap, Leg, TraceEvent};
pub use skew::SkewHint;

use super::event::Event;
use super::inquiry::{Inquiry, RcaError, holding};
use crate::engine::coverage::Coverage;
use crate::engine::frequency;
use follow::{Candidate, Story};
use serde::Serialize;

/// An id in at most so many events is followed wherever it leads, as a share of all events: one in 200 …
const COMMON_SHARE: u64 = 200;
/// … but never in fewer than this, which are few in the smallest store, and never in more than that.
const COMMON_RANGE: (u64, u64) = (20, 500);

/// Events of an id that are read first, where there may be many.
const SAMPLE: usize = 20;

/// How far a trace goes.
#[derive(Clone, Debug)]
pub struct TraceOptions {
    /// How often the ids beside the ids are followed. 0: only the value itself.
    pub hops: u32,
    /// An id in more events than this is too common to be followed. Default: one in 200 events, between 20 and 500.
    pub most_events_of_id: Option<u64>,
    /// Most ids that are followed in a hop; those that stand in most events of the story first.
    pub max_ids_per_hop: usize,
    /// Most events of the story: beyond, the newest of the value count.
    pub max_events: usize,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { hops: 2, most_events_of_id: None, max_ids_per_hop: 40, max_events: 2_000 }
    }
}

/// A value followed through the sources.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// The value that was asked for.
    pub value: String,
    /// The events, the oldest first; of one moment in order of sources and bytes.
    pub events: Vec<TraceEvent>,
    /// The ids that were followed, the value itself first.
    pub followed: Vec<FollowedId>,
    /// Values with the shape of an id that were not, and why.
    pub left_out: Vec<LeftOutId>,
    /// The path: consecutive events of one source each.
    pub legs: Vec<Leg>,
    /// The longest time without an event, if there are two.
    pub largest_gap: Option<Gap>,
    /// Events that are errors.
    pub n_errors: usize,
    /// Signs that clocks disagree.
    pub skew: Vec<SkewHint>,
    /// How many events hold the value, where that is more than were read.
    pub n_not_read: u64,
    /// What the searches rested on.
    pub coverage: Coverage,
    /// Why the answer is not whole, if it is not.
    pub incomplete: Option<String>,
}

/// Follows `value` through the range of time of the inquiry.
///
/// # Errors
/// If the value has no word to look for or holds a `*`, or a search fails. Without an event the trace is empty.
pub fn trace(inquiry: &Inquiry, value: &str, options: &TraceOptions) -> Result<Trace, RcaError> {
    let value = value.trim();
    let refused = |why| Err(RcaError::Value { value: value.to_owned(), why });
    if value.contains('*') {
        return refused("a trace needs a whole value, without `*`");
    }
    if trawl_formats::token::tokens(value.as_bytes()).next().is_none() {
        return refused("it holds no letter or digit");
    }
    let found = inquiry.events(&holding(value), inquiry.options().clone(), options.max_events)?;
    let n_not_read = found.n_matched.saturating_sub(found.events.len() as u64);
    let most = most_events(inquiry, options)?;
    let mut story = Story::new(value, found.events);
    for hop in 1..=options.hops {
        let candidates = story.candidates();
        let (candidates, beyond) = rare(inquiry, candidates, most, options.max_ids_per_hop)?;
        story.leave_out(beyond);
        let (candidates, foreign) = of_story(inquiry, &story, candidates)?;
        story.leave_out(foreign);
        if candidates.is_empty() {
            break;
        }
        let found = events_of(inquiry, &candidates, most)?;
        story.follow(hop, candidates, found, most, options.max_events);
    }
    let Story { events, followed, left_out, .. } = story;
    let path = path::path(events);
    let skew = skew::hints(inquiry, &path.events, &followed)?;
    Ok(Trace {
        value: value.to_owned(),
        n_errors: path.events.iter().filter(|event| event.event.is_error).count(),
        events: path.events,
        legs: path.legs,
        largest_gap: path.largest_gap,
        followed,
        left_out,
        skew,
        n_not_read,
        coverage: inquiry.coverage(),
        incomplete: inquiry.incomplete(),
    })
}

/// In how many events an id may be.
fn most_events(inquiry: &Inquiry, options: &TraceOptions) -> Result<u64, RcaError> {
    if let Some(most) = options.most_events_of_id {
        return Ok(most);
    }
    let n_events = inquiry.coverage().n_events;
    Ok((n_events / COMMON_SHARE).clamp(COMMON_RANGE.0, COMMON_RANGE.1))
}

/// The candidates that the index calls rare, and those that are not followed, with the reason.
fn rare(
    inquiry: &Inquiry,
    candidates: Vec<Candidate>,
    most: u64,
    max_ids: usize,
) -> Result<(Vec<Candidate>, Vec<LeftOutId>), RcaError> {
    let search = inquiry.everything(inquiry.options())?;
    let values: Vec<&str> = candidates.iter().map(|candidate| candidate.value.as_str()).collect();
    let bounds = frequency::at_most(inquiry.engine(), search.plan(), &values)?;
    let (mut rare, mut beyond) = (Vec::new(), Vec::new());
    for (mut candidate, n_events) in candidates.into_iter().zip(bounds) {
        candidate.n_events_at_most = n_events;
        if n_events > most {
            beyond.push(candidate.left_out(WhyNot::TooCommon { n_events, most }));
        } else if rare.len() == max_ids {
            beyond.push(candidate.left_out(WhyNot::NoRoom { most: max_ids }));
        } else {
            rare.push(candidate);
        }
    }
    Ok((rare, beyond))
}

/// The candidates without those that a few of their events show to be of others: all events of a customer or shop need not be
/// read for that.
fn of_story(
    inquiry: &Inquiry,
    story: &Story,
    candidates: Vec<Candidate>,
) -> Result<(Vec<Candidate>, Vec<LeftOutId>), RcaError> {
    let (mut own, mut foreign) = (Vec::new(), Vec::new());
    for candidate in candidates {
        if candidate.n_events_at_most <= 2 * SAMPLE as u64 {
            own.push(candidate);
            continue;
        }
        let sample = inquiry.events(&holding(&candidate.value), inquiry.options().clone(), SAMPLE)?;
        match story.of_others(&candidate, &sample.events) {
            Some(why) => foreign.push(candidate.left_out(why)),
            None => own.push(candidate),
        }
    }
    Ok((own, foreign))
}

/// The events that hold one of the candidates: all of each, or one more than it may have.
fn events_of(inquiry: &Inquiry, candidates: &[Candidate], most: u64) -> Result<Vec<Event>, RcaError> {
    let phrases: Vec<String> = candidates.iter().map(|candidate| holding(&candidate.value)).collect();
    let limit = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
    let all = inquiry.events(&phrases.join(" OR "), inquiry.options().clone(), limit.saturating_mul(phrases.len()))?;
    if !all.is_cut() {
        return Ok(all.events);
    }
    // One of them is common where the index has not counted yet, in live logs: each for itself, so that it does not crowd
    // out the others.
    let mut events = Vec::new();
    for phrase in phrases {
        events.extend(inquiry.events(&phrase, inquiry.options().clone(), limit)?.events);
    }
    Ok(events)
}
