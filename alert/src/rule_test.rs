//! Unit tests of rules: log lines and a clock go in, transitions must come out. The lines are parsed by the rules of their
//! sourcetype, stored in a folder of the test, and watched by the same evaluator as everything else, while the clock is turned.

mod lines;
mod moment;

pub use lines::TestLine;

use crate::backtest::History;
use crate::book::{Book, BookError, TransitionRecord};
use crate::evaluate::Evaluator;
use crate::machine::ChangeKind;
use crate::notification::Happening;
use crate::rule::Rule;
use crate::schedule::Schedule;
use crate::watch::Watch;
use lines::Shelf;
use moment::{Day, Written};
use std::path::Path;
use std::sync::Arc;
use trawl_formats::{Registry, Zone};
use trawl_query::error::nearest;
use trawl_query::{Engine, SearchOptions};
use trawl_store::{Reader, StoreError};

/// Most moments that a test may evaluate: a day of seconds.
const MAX_MOMENTS: usize = 86_400;

/// What happens, and what should come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleTest {
    /// Its name.
    pub name: String,
    /// The log, in the order in which it is written.
    pub lines: Vec<TestLine>,
    /// When the rule is first watched: `2026-11-20 14:00:00`. Default: when the first line arrives.
    pub start: Option<String>,
    /// The last moment that is looked at. Default: when nothing more can come of the lines.
    pub end: Option<String>,
    /// The zone of these times, and of stamps without one.
    pub zone: Zone,
    /// The transitions: `14:00:20 raised host=web01`.
    pub expect: Vec<String>,
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was expected and what happened, in order.
    pub lines: Vec<(Mark, String)>,
    /// Why the rule could not be evaluated, if it could not.
    pub trouble: Option<String>,
    /// Moments that were evaluated.
    pub n_moments: usize,
}

/// Where a transition of a [`Verdict`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It was expected, and happened.
    Both,
    /// It was expected, and did not happen.
    Missing,
    /// It happened, and was not expected.
    Unexpected,
}

/// A test that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleTestError {
    /// A time of the test cannot be read.
    #[error("`{text}` is not a time: write `14:00:20` or `2026-11-20 14:00:20`")]
    Time {
        /// As written.
        text: String,
    },
    /// Nothing says on which day a time of day is.
    #[error("nothing says on which day `{text}` is: write start = \"2026-11-20 14:00:00\"")]
    NoDay {
        /// As written.
        text: String,
    },
    /// Nothing says when the test begins.
    #[error("nothing says when it is: write start = \"2026-11-20 14:00:00\"")]
    NoStart,
    /// It would end before it begins.
    #[error("it ends before it begins")]
    EndsTooSoon,
    /// A line without a stamp, and nothing before it.
    #[error("nothing says when line {line_number} is written: write {{ line = \"…\", at = \"14:00:20\" }}")]
    NoTime {
        /// Which of the lines, from 1.
        line_number: usize,
    },
    /// An expected transition that can never happen.
    #[error("`{text}` is no transition: write for example `14:00:20 raised`{}", did_you_mean(.nearest.as_deref()))]
    Transition {
        /// As written.
        text: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// There is no such log format.
    #[error("there is no sourcetype `{name}`{}", did_you_mean(.nearest.as_deref()))]
    Sourcetype {
        /// As written.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// It takes too long.
    #[error("it takes more than {MAX_MOMENTS} moments: write an earlier `end`")]
    TooLong,
    /// The folder of the test refuses.
    #[error("the lines cannot be stored")]
    Store(#[from] StoreError),
    /// SQLite refuses to keep the states in memory.
    #[error(transparent)]
    Book(#[from] BookError),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

impl Verdict {
    /// Whether everything that was expected happened, and nothing else.
    pub fn is_passed(&self) -> bool {
        self.trouble.is_none() && self.lines.iter().all(|(mark, _)| *mark == Mark::Both)
    }
}

impl RuleTest {
    /// Whether the test can be made at all, without making it.
    ///
    /// # Errors
    /// The first thing of it that makes no sense.
    pub fn check(&self, registry: &Registry) -> Result<(), RuleTestError> {
        self.scene(registry).map(drop)
    }

    /// Watches `rule` while the lines arrive. They are stored in `folder`, which is empty and may go afterwards; `options`
    /// are those of the searches.
    ///
    /// # Errors
    /// If the test makes no sense, or the folder cannot be written to.
    pub fn run(
        &self,
        rule: &Rule,
        registry: &Arc<Registry>,
        options: &SearchOptions,
        folder: &Path,
    ) -> Result<Verdict, RuleTestError> {
        let Scene { mut shelf, start_us, day, expected, end_us } = self.scene(registry)?;
        let end_us = match end_us {
            Some(end_us) => end_us,
            None => {
                let last_us = shelf.last_us().unwrap_or(start_us).max(start_us) + rest_us(rule);
                expected.iter().map(|(time_us, _)| *time_us).fold(last_us, i64::max)
            }
        };
        shelf.open(folder)?;
        let book = Book::in_memory()?;
        let none = Engine::of_folder(folder.to_owned(), Arc::clone(registry));
        let asks_for_events_only = Evaluator::new(&none, options.clone()).search_of_window(rule).is_some();
        let lines = History { times: asks_for_events_only.then(|| shelf.times()), from_us: i64::MIN };
        let watched = Arc::new(Rule { actions: Vec::new(), ..rule.clone() });
        let mut watch = Watch::new(&book, vec![watched], String::new(), start_us)?.believing(&lines);
        let mut engine = None;
        let (mut trouble, mut n_moments) = (None, 0);
        while let Some(due_us) = watch.due_us().filter(|due_us| Watch::moment_of(*due_us) <= end_us) {
            if shelf.store_until(due_us)? || engine.is_none() {
                engine = Some(Engine::new(Reader::open(folder)?, Arc::clone(registry)));
            }
            let Some(engine) = &engine else { break };
            let round = watch.advance(&Evaluator::new(engine, options.clone()), due_us)?;
            n_moments += round.n_moments;
            if n_moments > MAX_MOMENTS {
                return Err(RuleTestError::TooLong);
            }
            trouble = round.troubles.into_iter().find_map(|(_, trouble)| trouble);
            if trouble.is_some() {
                break;
            }
        }
        drop(watch);
        let mut history = book.history(None, usize::MAX)?;
        history.reverse();
        let actual: Vec<String> = history.iter().map(|record| transition(rule, record, &day)).collect();
        let expected: Vec<String> =
            expected.into_iter().map(|(time_us, rest)| format!("{} {rest}", day.print(time_us))).collect();
        Ok(Verdict { lines: compare(&expected, &actual), trouble, n_moments })
    }

    /// Everything that the test says, read.
    fn scene(&self, registry: &Registry) -> Result<Scene, RuleTestError> {
        let start = self.start.as_deref().map(Written::read).transpose()?;
        let started_us = start.map(|start| start.resolve(None, self.zone)).transpose()?;
        let shelf = Shelf::read(&self.lines, started_us, self.zone, registry)?;
        let start_us = started_us.or_else(|| shelf.first_us()).ok_or(RuleTestError::NoStart)?;
        let day = Day::of(start_us, self.zone);
        let resolve = |text: &str| Written::read(text)?.resolve(Some(&day), self.zone);
        let end_us = self.end.as_deref().map(resolve).transpose()?;
        if end_us.is_some_and(|end_us| end_us <= start_us) {
            return Err(RuleTestError::EndsTooSoon);
        }
        let expected = self.expect.iter().map(|text| expectation(text, &day, self.zone)).collect::<Result<_, _>>()?;
        Ok(Scene { shelf, start_us, end_us, day, expected })
    }
}

struct Scene {
    shelf: Shelf,
    start_us: i64,
    end_us: Option<i64>,
    day: Day,
    /// The times and the rest of the expected transitions.
    expected: Vec<(i64, String)>,
}

/// How long after the last line something can still come of it, in microseconds.
fn rest_us(rule: &Rule) -> i64 {
    let interval_us = match &rule.schedule {
        Schedule::Every { interval_us } => *interval_us,
        Schedule::Continuous | Schedule::Cron(_) => 1_000_000,
    };
    let timing = &rule.timing;
    rule.window_us.unwrap_or(0) + timing.for_us + timing.keep_firing_us + 2 * interval_us
}

/// Reads `14:00:20 raised host=web01`.
fn expectation(text: &str, day: &Day, zone: Zone) -> Result<(i64, String), RuleTestError> {
    let (time, rest) = Written::split(text)?;
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let what = rest.split(' ').next().unwrap_or_default();
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.as_str()).collect();
    if !known.contains(&what) {
        let nearest = nearest(what, known).map(str::to_owned);
        return Err(RuleTestError::Transition { text: text.to_owned(), nearest });
    }
    Ok((time.resolve(Some(day), zone)?, rest))
}

/// What can happen to a group, without people and without actions.
const KINDS: [ChangeKind; 7] = [
    ChangeKind::Pending,
    ChangeKind::Lapsed,
    ChangeKind::Told(Happening::Raised),
    ChangeKind::Told(Happening::SeverityChanged),
    ChangeKind::Told(Happening::Reminder),
    ChangeKind::Told(Happening::Row),
    ChangeKind::Told(Happening::Resolved),
];

/// A transition as it is expected: the evaluated moment, what happened, the group; how bad it is, where the rule knows more
/// than one severity; and why nobody was told.
fn transition(rule: &Rule, record: &TransitionRecord, day: &Day) -> String {
    let mut text = format!("{} {}", day.print(record.tick_us), record.what);
    let mut add = |word: &str| {
        text.push(' ');
        text.push_str(word);
    };
    if !record.group.0.is_empty() {
        add(&record.group.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if rule.levels.len() > 1
        && record.what != Happening::Resolved.as_str()
        && record.what != ChangeKind::Lapsed.as_str()
    {
        add(record.severity.1.as_str());
    }
    if let Some(quiet) = &record.quiet {
        add(quiet);
    }
    text
}

/// Lines of both, the missing before the unexpected where they differ.
fn compare(expected: &[String], actual: &[String]) -> Vec<(Mark, String)> {
    let ops = similar::capture_diff_slices(similar::Algorithm::Myers, expected, actual);
    let changes = ops.iter().flat_map(|op| op.iter_changes(expected, actual));
    let mark = |tag| match tag {
        similar::ChangeTag::Equal => Mark::Both,
        similar::ChangeTag::Delete => Mark::Missing,
        similar::ChangeTag::Insert => Mark::Unexpected,
    };
    changes.map(|change| (mark(change.tag()), change.value())).collect()
}
