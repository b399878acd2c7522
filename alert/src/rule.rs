//! An alert as it is declared, checked.

use crate::calendar::Calendar;
use crate::condition::Condition;
use crate::machine::Timing;
use crate::schedule::Schedule;
use crate::severity::Severity;
use std::sync::Arc;
use trawl_query::{QueryError, Search, SearchOptions};

/// How long a late event opens past moments again if nothing is said: a minute, in microseconds.
pub const DEFAULT_LATENESS_US: i64 = 60_000_000;

/// What an alert is: which search, when, what is worth telling, and to whom.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, unique.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// The search.
    pub search: String,
    /// When it is evaluated.
    pub schedule: Schedule,
    /// How far back the search reaches from the evaluated moment, in microseconds. `None`: the search says so itself.
    pub window_us: Option<i64>,
    /// What is worth telling, and how bad it is: the worst first.
    pub levels: Vec<(Severity, Condition)>,
    /// The condition under which a firing alert ends. Without one: when no condition of `levels` holds.
    pub clear: Option<Condition>,
    /// How long readings must last.
    pub timing: Timing,
    /// The time before the window that the field `baseline` is the mean of, in microseconds.
    pub baseline_us: Option<i64>,
    /// Fields whose values make groups with a state of their own.
    pub group_by: Vec<String>,
    /// Whether each event is told by itself.
    pub per: Per,
    /// When it is evaluated at all.
    pub active: Option<Arc<Calendar>>,
    /// Actions that are told.
    pub actions: Vec<String>,
}

/// What a notification is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// A group.
    #[default]
    Group,
    /// An event: each is told once, and there is nothing that ends.
    Event,
}

/// A rule that makes no sense, though each of its parts does.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRule {
    /// The search cannot be read.
    #[error("the search cannot be used: {error}")]
    Search {
        /// The search as written.
        text: String,
        /// What is wrong with it.
        error: Box<QueryError>,
    },
    /// There is nothing that could be told.
    #[error("there is no condition: write for example `condition = \"count > 5\"`")]
    NoCondition,
    /// No range of time.
    #[error("there is no window: write for example `window = \"5m\"`, or give the search an `earliest`")]
    NoWindow,
    /// Two ranges of time.
    #[error("the search has a range of time and the alert has a window: leave out one of them")]
    TwoWindows,
    /// Absence has no groups.
    #[error(
        "`absent` cannot be told by group: nothing says which groups there should be; search for them, for example with \
         `| metadata type=hosts | where now() - lastTime > 600`"
    )]
    AbsentGroups,
    /// A table has no events to tell one by one.
    #[error(
        "a search that makes a table cannot be told event by event: leave out `per = \"event\"`, or group by a field"
    )]
    EventsOfTable,
    /// Continuous and a table.
    #[error("`continuous` is for searches that find events, and `{0}` needs all of them: write `every = \"10s\"`")]
    ContinuousTable(String),
    /// The baseline is counted in events.
    #[error("`baseline` is for searches that find events")]
    BaselineOfTable,
}

impl Rule {
    /// Whether the parts fit each other. Returns whether the search makes a table.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self, options: &SearchOptions) -> Result<bool, BadRule> {
        let search = Search::prepare(&self.search, options)
            .map_err(|error| BadRule::Search { text: self.search.clone(), error: Box::new(error) })?;
        let is_table = search.is_transforming() || search.plan().search.is_none();
        // The range of a saved search is one to fall back to.
        let has_range = match self.window_us {
            Some(_) => search.names_range(),
            None => !search.plan().times.is_all(),
        };
        if self.levels.is_empty() && self.per == Per::Group {
            return Err(BadRule::NoCondition);
        }
        // A search such as `| inputlookup` reads no events, so it needs no range.
        match (self.window_us, has_range) {
            (Some(_), true) => return Err(BadRule::TwoWindows),
            (None, false) if search.plan().search.is_some() => return Err(BadRule::NoWindow),
            _ => {}
        }
        let is_absent = self.levels.iter().any(|(_, condition)| condition.is_absent());
        if is_absent && !self.group_by.is_empty() {
            return Err(BadRule::AbsentGroups);
        }
        if is_table && self.per == Per::Event {
            return Err(BadRule::EventsOfTable);
        }
        if is_table && self.baseline_us.is_some() {
            return Err(BadRule::BaselineOfTable);
        }
        if matches!(self.schedule, Schedule::Continuous)
            && let Some(command) = search.unfollowable()
        {
            return Err(BadRule::ContinuousTable(command));
        }
        Ok(is_table)
    }

    /// A number that differs where the meaning of the rule does: of the search, the conditions, and when they count. A rule
    /// whose actions or texts change goes on as it is.
    pub fn meaning(&self) -> String {
        let Self { search, schedule, window_us, levels, clear, timing, baseline_us, group_by, per, .. } = self;
        let levels: Vec<String> =
            levels.iter().map(|(severity, condition)| format!("{severity}: {condition}")).collect();
        let clear = clear.as_ref().map(ToString::to_string);
        format!(
            "{search}\n{schedule}\n{window_us:?}\n{levels:?}\n{clear:?}\n{timing:?}\n{baseline_us:?}\n{group_by:?}\n{per:?}"
        )
    }

    /// Its conditions as one text.
    pub fn condition_text(&self) -> String {
        match self.levels.as_slice() {
            [] => "each event".to_owned(),
            [(_, condition)] => condition.to_string(),
            levels => {
                let text = |(severity, condition): &(Severity, Condition)| format!("{severity}: {condition}");
                levels.iter().map(text).collect::<Vec<_>>().join("; ")
            }
        }
    }
}
