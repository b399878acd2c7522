//! Which rules certainly find nothing, so that they need no search: the first stages of all rules are matched together, in one pass
//! over what comes into the store ([`Arrivals`]). The cost grows with the bytes, and hardly with the number of rules.
//!
//! Each event is looked at once when it has come in, and it is noted for each rule in which stretch of time there may be an event
//! that the first stage of its search selects ([`Sieve`](trawl_query::engine::Sieve)). A rule whose window, with the time in which
//! late events count and the one it is compared with, holds no such stretch is evaluated on an empty store, or not at all where
//! that is known to tell nothing. What is noted may be too much, and is never too little; so the transitions are those that would
//! come without a matcher. The answer is "not certain", and the search runs, where
//!
//! - the search asks for more than events of the rule's window: it has a range of time of its own, a subsearch, or a command that
//!   makes rows. Macros, saved searches and event types are text that is put in place before; lookups and all other commands
//!   come behind the first stage, and see what it selects;
//! - the range begins before what was looked at: a rule that looks back further than [`MAX_REACH_US`], or is evaluated for a moment
//!   long past, after a stop;
//! - events of the range may lie in buckets that are too much to be looked at, or damaged. Otherwise whatever did not come through a
//!   live log is found in its bucket: bulk loads, restored buckets, collected events, and what was there before. An event
//!   that is replaced, because it was open and has grown, is noted in both forms;
//! - the store could not be read: then the matcher begins anew.
//!
//! [`Matcher::look`] has to be called at or after the moment for which rules are evaluated, and before they are: what was indexed
//! half a second after a moment can be searched when it is evaluated ([`crate::watch`]), and so it can be looked at.

mod notes;

use crate::evaluate::Evaluator;
use crate::rule::Rule;
use crate::watch::Foresight;
use notes::Notes;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use trawl_query::{Arrivals, Engine, RunError, Search, Sighting};

/// How far back rules may look to be known at all, in microseconds: a day, and two hours for what is late.
pub const MAX_REACH_US: i64 = 26 * 3_600_000_000;
/// How much longer it is remembered what was noted: moments are evaluated late where there is much to do. In microseconds.
const SPARE_US: i64 = 600_000_000;
/// How long the matcher waits until it begins anew, in microseconds.
const RETRY_US: i64 = 10_000_000;
/// Most ranges that were not looked at; of more, what lies between them is one with them.
const MAX_UNKNOWN: usize = 1000;

/// Matches the first stages of all rules together. Every method may be called while [`Foresight`] is asked in between, in one thread.
pub struct Matcher {
    engine: Engine,
    searches: Vec<Option<Search>>,
    places: HashMap<String, usize>,
    reach_us: i64,
    state: RefCell<State>,
}

struct State {
    arrivals: Option<Arrivals>,
    /// By the place of the rule.
    notes: Vec<Notes>,
    /// Events with a time from here on are known, microseconds UTC.
    from_us: i64,
    /// Ranges of time of which nothing is known.
    unknown: Vec<(i64, i64)>,
    retry_us: i64,
}

impl Matcher {
    /// A matcher of rules that are evaluated with `evaluator` on `engine`. It knows nothing before it has looked.
    pub fn new(engine: &Engine, evaluator: &Evaluator<'_>, rules: &[Arc<Rule>]) -> Self {
        let searches: Vec<Option<Search>> = rules
            .iter()
            .map(|rule| evaluator.search_of_window(rule).filter(|_| reach_us(rule) <= MAX_REACH_US))
            .collect();
        let known = || rules.iter().zip(&searches).filter(|(_, search)| search.is_some()).map(|(rule, _)| rule);
        let reach_us = known().map(|rule| reach_us(rule)).max().unwrap_or(0) + SPARE_US;
        let places = rules.iter().enumerate().map(|(place, rule)| (rule.name.clone(), place)).collect();
        let notes = rules.iter().map(|rule| Notes::new(self::reach_us(rule))).collect();
        let state = State { arrivals: None, notes, from_us: i64::MAX, unknown: Vec::new(), retry_us: i64::MIN };
        Self { engine: engine.clone(), searches, places, reach_us, state: RefCell::new(state) }
    }

    /// Looks at what has come in; `now_us` is the present, microseconds UTC.
    ///
    /// # Errors
    /// If the store cannot be read. Nothing is certain then until a later look succeeds.
    pub fn look(&self, now_us: i64) -> Result<(), RunError> {
        let state = &mut *self.state.borrow_mut();
        if self.searches.iter().all(Option::is_none) || (state.arrivals.is_none() && now_us < state.retry_us) {
            return Ok(());
        }
        let looked = state.look(self, now_us);
        if looked.is_err() {
            state.arrivals = None;
            state.from_us = i64::MAX;
            state.retry_us = now_us + RETRY_US;
        }
        looked
    }
}

/// How far back from a moment a rule looks, in microseconds.
fn reach_us(rule: &Rule) -> i64 {
    rule.window_us.unwrap_or(0).saturating_add(rule.timing.lateness_us).saturating_add(rule.baseline_us.unwrap_or(0))
}

impl State {
    fn look(&mut self, matcher: &Matcher, now_us: i64) -> Result<(), RunError> {
        let wanted_us = now_us - matcher.reach_us;
        let Self { arrivals, notes, from_us, unknown, .. } = self;
        let mut tell = |Sighting { search, second, indexed_at_us }| notes[search].add(second, indexed_at_us);
        let polled = match arrivals {
            Some(arrivals) => {
                *from_us = wanted_us.max(*from_us);
                Some(arrivals.poll(*from_us, &mut tell)?)
            }
            None => {
                *from_us = wanted_us;
                unknown.clear();
                let begun = Arrivals::begin(&matcher.engine, &matcher.searches, wanted_us, &mut tell)?;
                let (begun, polled) = begun.unzip();
                *arrivals = begun;
                polled
            }
        };
        let Some(polled) = polled else {
            // Nothing is ever known of such an engine.
            *from_us = i64::MAX;
            return Ok(());
        };
        unknown.extend(polled.unknown);
        unknown.retain(|(_, until_us)| *until_us > *from_us);
        if unknown.len() > MAX_UNKNOWN {
            let hull = unknown.iter().fold((i64::MAX, i64::MIN), |hull, next| (hull.0.min(next.0), hull.1.max(next.1)));
            *unknown = vec![hull];
        }
        notes.iter_mut().for_each(|notes| notes.forget_before(*from_us));
        Ok(())
    }
}

impl Matcher {
    /// The newest time of indexing of events of a rule that may have their time in a range; the outer `None`: nobody knows.
    fn newest(&self, alert: &str, (from_us, until_us): (i64, i64)) -> Option<Option<i64>> {
        let place = *self.places.get(alert)?;
        self.searches[place].as_ref()?;
        let state = self.state.borrow();
        let is_known = from_us >= state.from_us
            && !state.unknown.iter().any(|unknown| unknown.0 < until_us && from_us < unknown.1);
        is_known.then(|| state.notes[place].newest((from_us, until_us)))
    }
}

impl Foresight for Matcher {
    fn is_silent(&self, alert: &str, times_us: (i64, i64)) -> bool {
        self.newest(alert, times_us) == Some(None)
    }

    fn is_unchanged_since(&self, alert: &str, times_us: (i64, i64), indexed_us: i64) -> bool {
        self.newest(alert, times_us).is_some_and(|newest| newest.is_none_or(|newest_us| newest_us < indexed_us))
    }
}
