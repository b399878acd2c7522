//! When a rule would have fired: history is replayed through the same evaluator that watches.

use crate::book::{Book, BookError, TransitionRecord};
use crate::evaluate::{EvaluateError, Evaluator};
use crate::notification::Notification;
use crate::rule::Rule;
use crate::watch::{Foresight, Watch};
use std::sync::Arc;

/// What a replay came to.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Transitions, the oldest first.
    pub transitions: Vec<TransitionRecord>,
    /// What the actions would have been told, the oldest first.
    pub notifications: Vec<Notification>,
    /// Moments that were evaluated.
    pub n_moments: usize,
    /// Events that the search finds in the range; none where the search finds no events.
    pub n_events: usize,
    /// Of them, those that were indexed so late that they count as loaded: as if they had been indexed at their time.
    pub n_loaded: usize,
    /// Why it ended early, if it did: the rule could not be evaluated.
    pub trouble: Option<String>,
}

/// A replay that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// SQLite refuses to keep the states in memory.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The search of the rule cannot be run.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// The action that stands for all.
const ALL_ACTIONS: &str = "replay";
/// An event that was indexed later than this after its time was loaded, not followed. An hour, in microseconds.
const LOADED_US: i64 = 3_600_000_000;

/// The times of the events of a rule, all of them from a moment on; nothing where the rule asks for more than its events.
pub(crate) struct History {
    /// In order, microseconds UTC.
    pub(crate) times: Option<Vec<i64>>,
    pub(crate) from_us: i64,
}

impl Foresight for History {
    fn is_silent(&self, _: &str, (from_us, until_us): (i64, i64)) -> bool {
        let Some(times) = self.times.as_ref().filter(|_| from_us >= self.from_us) else { return false };
        let first = times.partition_point(|time_us| *time_us < from_us);
        times.get(first).is_none_or(|time_us| *time_us >= until_us)
    }
}

/// Replays the moments of a rule in a range of time, microseconds UTC, the start excluded. Nothing is written and nobody is
/// told. Events come in the order in which they were indexed, unless they were loaded long after they happened: then all come
/// at their time.
///
/// # Errors
/// If the search of the rule cannot be run.
pub fn replay(evaluator: &Evaluator<'_>, rule: &Rule, range_us: (i64, i64)) -> Result<Replay, ReplayError> {
    let book = Book::in_memory()?;
    let rule = Arc::new(Rule { actions: vec![ALL_ACTIONS.to_owned()], ..rule.clone() });
    let from_us = range_us.0 - rule.timing.lateness_us - rule.window_us.unwrap_or(0) - rule.baseline_us.unwrap_or(0);
    let (times, n_loaded) = evaluator.times(&rule, (from_us, range_us.1), LOADED_US)?;
    let evaluator = evaluator.clone();
    let evaluator = if n_loaded > 0 { evaluator.of_loaded_events() } else { evaluator };
    let mut replay = Replay { n_events: times.len(), n_loaded, ..Replay::default() };
    let history = History { times: evaluator.search_of_window(&rule).map(|_| times), from_us };
    let mut watch = Watch::new(&book, vec![Arc::clone(&rule)], String::new(), range_us.0)?.believing(&history);
    while let Some(due_us) = watch.due_us().filter(|due_us| Watch::moment_of(*due_us) <= range_us.1) {
        let round = watch.advance(&evaluator, due_us)?;
        replay.n_moments += round.n_moments;
        if let Some((_, Some(trouble))) = round.troubles.into_iter().next() {
            replay.trouble = Some(trouble);
            break;
        }
    }
    drop(watch);
    replay.transitions = book.history(None, usize::MAX)?;
    replay.transitions.reverse();
    replay.notifications = book.notifications(ALL_ACTIONS)?;
    Ok(replay)
}
