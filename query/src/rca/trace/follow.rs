//! Which ids belong to the story of a value: pure, without the store.
//!
//! An id that stands beside the value leads to further events. Two things show that they belong to somebody else's story:
//!
//! - They name another one: where all events of the story that have an `orderId` have the same, an event with another
//!   `orderId` is of another order. An id that leads mostly to such events is of the customer, the account, the shop.
//! - They lie all over the day: what is mentioned at any time is a job, a file, a thing that stays.

use super::super::event::{Event, Moment};
use super::super::ids::{NotAnId, Shape, mentions, normal_key};
use super::path::TraceEvent;
use aho_corasick::AhoCorasick;
use hashbrown::{HashMap, HashSet};
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt;
use trawl_formats::token::is_boundary;

/// Further events of an id that may lie anywhere in time: settlement comes an hour later, and once.
const MAX_SPREAD_EVENTS: usize = 8;
/// How far beside the story events count as near, at least: microseconds.
const MIN_MARGIN_US: i64 = 60_000_000;

/// An id that was followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FollowedId {
    /// The id.
    pub value: String,
    /// The key that it stands under where it was first seen, if any.
    pub key: Option<String>,
    /// What it looks like; absent for the value itself.
    pub shape: Option<Shape>,
    /// The hop in which it was followed; 0 for the value itself.
    pub hop: u32,
    /// Events of the story that hold it.
    pub n_events: usize,
}

/// A value that looks like an id and was not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutId {
    /// The value.
    pub value: String,
    /// The key that it stands under, if any.
    pub key: Option<String>,
    /// Why not.
    pub why: WhyNot,
}

/// Why an id was not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// It is none.
    Names(NotAnId),
    /// It stands in more events than an id of one request would.
    TooCommon {
        /// Events that hold it, at most.
        n_events: u64,
        /// How many it may be.
        most: u64,
    },
    /// Most of its other events are of others.
    OfOthers {
        /// The key that tells: `orderid`.
        key: String,
        /// Events that name another one under that key.
        n_others: usize,
        /// Of so many.
        n_events: usize,
    },
    /// Its other events lie all over the searched time.
    Spread {
        /// How many.
        n_events: usize,
        /// From the first to the last, microseconds.
        over_us: i64,
    },
    /// So many others were followed in that hop.
    NoRoom {
        /// As many as may be.
        most: usize,
    },
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhyNot::Names(is_not) => is_not.fmt(f),
            WhyNot::TooCommon { n_events, most } => {
                write!(f, "too common: in up to {n_events} events, at most {most} are followed")
            }
            WhyNot::OfOthers { key, n_others, n_events } => {
                write!(f, "leads to others: {n_others} of its {n_events} further events name another {key}")
            }
            WhyNot::Spread { n_events, over_us } => {
                write!(f, "leads elsewhere: its {n_events} further events lie all over {} h", over_us / 3_600_000_000)
            }
            WhyNot::NoRoom { most } => write!(f, "{most} others were followed first"),
        }
    }
}

/// An id that may be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub value: String,
    pub key: Option<String>,
    pub shape: Shape,
    /// How many events hold it at most, as far as the index knows.
    pub n_events_at_most: u64,
}

impl Candidate {
    pub fn left_out(self, why: WhyNot) -> LeftOutId {
        LeftOutId { value: self.value, key: self.key, why }
    }
}

/// The events and ids that belong together, so far.
#[derive(Debug)]
pub(super) struct Story {
    pub events: Vec<TraceEvent>,
    pub followed: Vec<FollowedId>,
    pub left_out: Vec<LeftOutId>,
    /// Values that were judged, in lower case.
    known: HashSet<String>,
    /// Addresses of the events.
    addresses: HashSet<String>,
    /// Values under each key in the events, in lower case.
    by_key: HashMap<String, HashSet<String>>,
    /// How many events were looked through for ids.
    n_looked_at: usize,
}

impl Story {
    /// The story of a value that stands in `events`.
    pub fn new(value: &str, events: Vec<Event>) -> Self {
        let n_events = events.len();
        let seed = FollowedId { value: value.to_owned(), key: None, shape: None, hop: 0, n_events };
        let mut story = Self {
            events: Vec::new(),
            followed: vec![seed],
            left_out: Vec::new(),
            known: HashSet::from_iter([value.to_ascii_lowercase()]),
            addresses: HashSet::new(),
            by_key: HashMap::new(),
            n_looked_at: 0,
        };
        events.into_iter().for_each(|event| story.add(event, 0, vec![0]));
        story
    }

    fn add(&mut self, event: Event, hop: u32, ids: Vec<usize>) {
        if !self.addresses.insert(event.addr.clone()) {
            return;
        }
        mentions(&event.text, |mention| {
            if let Some(key) = mention.key {
                self.by_key.entry(normal_key(key)).or_default().insert(mention.value.to_ascii_lowercase());
            }
        });
        self.events.push(TraceEvent { event, hop, ids, delta_us: 0 });
    }

    /// The ids in the events that came since this was last asked, those in most events first. What is none is left out.
    pub fn candidates(&mut self) -> Vec<Candidate> {
        let mut found: Vec<(usize, Candidate)> = Vec::new();
        let mut places: HashMap<String, Option<usize>> = HashMap::new();
        for event in &self.events[self.n_looked_at..] {
            let mut in_event: HashSet<String> = HashSet::new();
            mentions(&event.event.text, |mention| {
                let lower = mention.value.to_ascii_lowercase();
                if self.known.contains(&lower) || !in_event.insert(lower.clone()) {
                    return;
                }
                let key = mention.key.map(str::to_owned);
                match (places.get(&lower), mention.is_not) {
                    (Some(Some(place)), None) => found[*place].0 += 1,
                    (Some(_), _) => {}
                    (None, Some(is_not)) => {
                        places.insert(lower, None);
                        // Times and measures are everywhere, and nobody would have followed them.
                        if matches!(is_not, NotAnId::Place | NotAnId::User | NotAnId::Thread) {
                            self.left_out.push(LeftOutId {
                                value: mention.value.to_owned(),
                                key,
                                why: WhyNot::Names(is_not),
                            });
                        }
                    }
                    (None, None) => {
                        places.insert(lower, Some(found.len()));
                        found.push((
                            1,
                            Candidate {
                                value: mention.value.to_owned(),
                                key,
                                shape: mention.shape,
                                n_events_at_most: 0,
                            },
                        ));
                    }
                }
            });
        }
        self.n_looked_at = self.events.len();
        self.known.extend(places.into_keys());
        // Stable: of ids in equally many events the one that was seen first.
        found.sort_by_key(|(n_events, _)| Reverse(*n_events));
        found.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// Notes ids that are not followed.
    pub fn leave_out(&mut self, ids: Vec<LeftOutId>) {
        self.left_out.extend(ids);
    }

    /// Takes in the events of those candidates that belong to the story.
    pub fn follow(&mut self, hop: u32, candidates: Vec<Candidate>, found: Vec<Event>, most: u64, max_events: usize) {
        let holders = holders(&candidates, &found);
        let mut found: Vec<Option<Event>> = found.into_iter().map(Some).collect();
        for (candidate, holders) in candidates.into_iter().zip(holders) {
            let new: Vec<usize> = holders
                .iter()
                .copied()
                .filter(|&at| found[at].as_ref().is_some_and(|event| !self.addresses.contains(&event.addr)))
                .collect();
            let judged = {
                let events: Vec<&Event> = new.iter().filter_map(|&at| found[at].as_ref()).collect();
                self.judge(&events, holders.len(), most)
            };
            let others = match judged {
                Ok(others) => others,
                Err(why) => {
                    self.left_out.push(candidate.left_out(why));
                    continue;
                }
            };
            let id = self.followed.len();
            let Candidate { value, key, shape, .. } = candidate;
            for event in &mut self.events {
                if holds(&event.event.text, &value) && !event.ids.contains(&id) {
                    event.ids.push(id);
                }
            }
            for (at, is_of_others) in new.into_iter().zip(others) {
                if !is_of_others
                    && self.events.len() < max_events
                    && let Some(event) = found[at].take()
                {
                    let ids =
                        (0..id).filter(|&known| holds(&event.text, &self.followed[known].value)).chain([id]).collect();
                    self.add(event, hop, ids);
                }
            }
            let n_events = self.events.iter().filter(|event| event.ids.contains(&id)).count();
            self.followed.push(FollowedId { value, key, shape: Some(shape), hop, n_events });
        }
    }

    /// Why an id is of others, if most of the further ones of these events with it are.
    pub fn of_others(&self, candidate: &Candidate, events: &[Event]) -> Option<WhyNot> {
        let is_new = |event: &&Event| !self.addresses.contains(&event.addr) && holds(&event.text, &candidate.value);
        let new: Vec<&Event> = events.iter().filter(is_new).collect();
        self.judge(&new, 0, u64::MAX).err().filter(|why| matches!(why, WhyNot::OfOthers { .. }))
    }

    /// Whether an id with these further events belongs to the story; if so, which of them are of others all the same.
    fn judge(&self, new: &[&Event], n_holders: usize, most: u64) -> Result<Vec<bool>, WhyNot> {
        if n_holders as u64 > most {
            return Err(WhyNot::TooCommon { n_events: n_holders as u64, most });
        }
        let telling = self.telling_keys();
        let mut by_key: HashMap<String, usize> = HashMap::new();
        let others: Vec<bool> = new
            .iter()
            .map(|event| {
                let other = names_another(&event.text, &telling);
                other.into_iter().for_each(|key| *by_key.entry(key).or_default() += 1);
                !names_another(&event.text, &telling).is_empty()
            })
            .collect();
        let n_others = others.iter().filter(|is_other| **is_other).count();
        if n_others * 2 > new.len() {
            let telling = by_key.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
            let key = telling.map_or_else(String::new, |(key, _)| key);
            return Err(WhyNot::OfOthers { key, n_others, n_events: new.len() });
        }
        match self.spread(new) {
            Some(over_us) => Err(WhyNot::Spread { n_events: new.len(), over_us }),
            None => Ok(others),
        }
    }

    /// Keys under which all events of the story that have them have the same followed id, with that id.
    fn telling_keys(&self) -> HashMap<&str, &str> {
        let is_followed = |value: &str| self.followed.iter().any(|id| id.value.eq_ignore_ascii_case(value));
        let only = self.by_key.iter().filter_map(|(key, values)| match values.iter().next() {
            Some(value) if values.len() == 1 && is_followed(value) => Some((key.as_str(), value.as_str())),
            _ => None,
        });
        only.collect()
    }

    /// From the first to the last of these events, if they are many and most lie far from the story.
    fn spread(&self, new: &[&Event]) -> Option<i64> {
        let times = || self.events.iter().map(|event| event.event.time);
        let (begin, end) = (times().min()?, times().max()?);
        let margin_us = end.since(begin).max(MIN_MARGIN_US);
        let is_near = |time: Moment| begin.plus(-margin_us) <= time && time <= end.plus(margin_us);
        let n_near = new.iter().filter(|event| is_near(event.time)).count();
        if new.len() <= MAX_SPREAD_EVENTS || n_near * 2 >= new.len() {
            return None;
        }
        let times = || new.iter().map(|event| event.time);
        Some(times().max()?.since(times().min()?))
    }
}

/// The keys under which a text names another one than `telling` says.
fn names_another(text: &str, telling: &HashMap<&str, &str>) -> Vec<String> {
    let mut others = Vec::new();
    mentions(text, |mention| {
        let Some(key) = mention.key.map(normal_key) else { return };
        if telling.get(key.as_str()).is_some_and(|value| !mention.value.eq_ignore_ascii_case(value))
            && !others.contains(&key)
        {
            others.push(key);
        }
    });
    others
}

/// Which of `events` hold each candidate as a whole word, by place.
fn holders(candidates: &[Candidate], events: &[Event]) -> Vec<Vec<usize>> {
    let mut holders = vec![Vec::new(); candidates.len()];
    let mut builder = AhoCorasick::builder();
    let built = builder.ascii_case_insensitive(true).build(candidates.iter().map(|candidate| &candidate.value));
    // There are few candidates, and they are short: the automaton is always small enough.
    let Ok(automaton) = built else { return holders };
    for (at, event) in events.iter().enumerate() {
        let text = event.text.as_bytes();
        for found in automaton.find_overlapping_iter(text) {
            let holders = &mut holders[found.pattern().as_usize()];
            if holders.last() != Some(&at) && is_boundary(text, found.start()) && is_boundary(text, found.end()) {
                holders.push(at);
            }
        }
    }
    holders
}

/// Whether a text holds a value as a whole word, in any case.
pub(super) fn holds(text: &str, value: &str) -> bool {
    let (text, value) = (text.as_bytes(), value.as_bytes());
    let Some(first) = value.first() else { return false };
    let starts = memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text);
    let is_here = |at: usize| {
        let end = at + value.len();
        text.get(at..end).is_some_and(|stretch| stretch.eq_ignore_ascii_case(value))
            && is_boundary(text, at)
            && is_boundary(text, end)
    };
    starts.into_iter().any(is_here)
}

#[cfg(test)]
mod tests;
