//! When a rule would have fired: history is replayed through the same evaluator that watches.

use crate::book::{Book, BookError, TransitionRecord};
use crate::evaluate::Evaluator;
use crate::notification::Notification;
use crate::rule::Rule;
use crate::watch::Watch;
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
    /// Why it ended early, if it did: the rule could not be evaluated.
    pub trouble: Option<String>,
}

/// The action that stands for all.
const ALL_ACTIONS: &str = "replay";

/// Replays the moments of a rule in a range of time, microseconds UTC, the start excluded. Nothing is written and nobody is
/// told.
///
/// # Errors
/// If SQLite refuses to keep the states in memory.
pub fn replay(evaluator: &Evaluator<'_>, rule: &Rule, range_us: (i64, i64)) -> Result<Replay, BookError> {
    let book = Book::in_memory()?;
    let rule = Arc::new(Rule { actions: vec![ALL_ACTIONS.to_owned()], ..rule.clone() });
    let mut watch = Watch::new(&book, vec![Arc::clone(&rule)], String::new(), range_us.0)?;
    let mut replay = Replay::default();
    while let Some(due_us) = watch.due_us().filter(|due_us| Watch::moment_of(*due_us) <= range_us.1) {
        let round = watch.advance(evaluator, due_us)?;
        replay.n_moments += round.n_moments;
        if let Some((_, Some(trouble))) = round.troubles.into_iter().next() {
            replay.trouble = Some(trouble);
            break;
        }
    }
    replay.transitions = book.history(None, usize::MAX)?;
    replay.transitions.reverse();
    replay.notifications = book.notifications(ALL_ACTIONS)?;
    Ok(replay)
}
