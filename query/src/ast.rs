//! The syntax of a whole query: the leading search, its time range, and the commands after it.

use crate::command::Command;
use crate::error::{QueryError, QueryErrorKind};
use crate::search::SearchExpr;
use crate::span::Span;
use crate::subsearch::{Place, Subsearch};
use crate::time::{TimeRange, TimeSpec};
use std::fmt;
use std::sync::Arc;
use trawl_formats::Zone;

/// A parsed query.
#[derive(Debug)]
pub struct Pipeline {
    /// What selects the events. `None` if the query begins with `|` and a command that needs none: such a command
    /// starts over no rows at all.
    pub search: Option<SearchExpr>,
    /// Time modifiers lifted out of the search expression. They override the caller's range.
    pub times: TimeModifiers,
    /// The commands after the search, in order.
    pub commands: Vec<Box<dyn Command>>,
    /// The text that was parsed, with macros replaced. The spans of subsearches are places in it.
    pub text: Arc<str>,
}

impl Pipeline {
    /// The subsearches whose result becomes a part of this search's text before it is planned, in order.
    pub(crate) fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        let mut found = Vec::new();
        if let Some(search) = &self.search {
            found.extend(search.subsearches().into_iter().map(|subsearch| (subsearch, Place::Search)));
        }
        found.extend(self.commands.iter().flat_map(|command| command.inline_subsearches()));
        found.sort_by_key(|(subsearch, _)| subsearch.span.start);
        found
    }
}

/// The canonical text; reading it gives the same pipeline.
impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(search) = &self.search {
            write!(f, "search {search}{}", self.times)?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            let pipe = if i > 0 || self.search.is_some() { " | " } else { "| " };
            write!(f, "{pipe}{command}")?;
        }
        Ok(())
    }
}

/// Which bound of which clock a time modifier sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeModifier {
    /// `earliest=`: first event time.
    Earliest,
    /// `latest=`: end of event times, excluded.
    Latest,
    /// `_index_earliest=`: first time of indexing.
    IndexEarliest,
    /// `_index_latest=`: end of times of indexing, excluded.
    IndexLatest,
}

impl TimeModifier {
    const ALL: [Self; 4] = [Self::Earliest, Self::Latest, Self::IndexEarliest, Self::IndexLatest];

    /// The modifier of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|modifier| modifier.name().eq_ignore_ascii_case(name))
    }

    /// The name as written before the `=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::IndexEarliest => "_index_earliest",
            Self::IndexLatest => "_index_latest",
        }
    }
}

/// The time modifiers of a search, each with the place where it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeModifiers {
    values: [Option<(TimeSpec, Span)>; 4],
}

impl TimeModifiers {
    /// What was written for `modifier`.
    pub fn get(&self, modifier: TimeModifier) -> Option<&TimeSpec> {
        self.values[modifier as usize].as_ref().map(|(spec, _)| spec)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// Sets one. The same modifier twice must mean the same time, for it would be guesswork which one counts.
    pub(crate) fn set(&mut self, modifier: TimeModifier, spec: TimeSpec, span: Span) -> Result<(), QueryError> {
        match &self.values[modifier as usize] {
            Some((earlier, _)) if *earlier != spec => {
                Err(QueryError::rule(format!("`{}` is given twice", modifier.name()), span)
                    .with_hint("one search has one range of time"))
            }
            _ => {
                self.values[modifier as usize] = Some((spec, span));
                Ok(())
            }
        }
    }

    /// The searched range of event times: these modifiers over the `caller`'s range. `earliest` without `latest`
    /// reaches until now.
    ///
    /// # Errors
    /// If a time lies outside the years that can be searched, or the range ends before it begins.
    pub fn range(&self, caller: TimeRange, now_us: i64, zone: Zone) -> Result<TimeRange, QueryError> {
        if self.get(TimeModifier::Earliest).is_none() && self.get(TimeModifier::Latest).is_none() {
            return Ok(caller);
        }
        let earliest = self.resolve(TimeModifier::Earliest, now_us, zone)?;
        let latest = self.resolve(TimeModifier::Latest, now_us, zone)?;
        let open_latest = if earliest.is_some() { Some(caller.latest.unwrap_or(now_us)) } else { caller.latest };
        self.ordered(
            TimeRange { earliest: earliest.or(caller.earliest), latest: latest.or(open_latest) },
            TimeModifier::Earliest,
        )
    }

    /// The searched range of times of indexing.
    ///
    /// # Errors
    /// As [`TimeModifiers::range`].
    pub fn index_range(&self, now_us: i64, zone: Zone) -> Result<TimeRange, QueryError> {
        let range = TimeRange {
            earliest: self.resolve(TimeModifier::IndexEarliest, now_us, zone)?,
            latest: self.resolve(TimeModifier::IndexLatest, now_us, zone)?,
        };
        self.ordered(range, TimeModifier::IndexEarliest)
    }

    fn resolve(&self, modifier: TimeModifier, now_us: i64, zone: Zone) -> Result<Option<i64>, QueryError> {
        let Some((spec, span)) = &self.values[modifier as usize] else { return Ok(None) };
        match spec.resolve(now_us, zone) {
            Some(time_us) => Ok(Some(time_us)),
            None => {
                Err(QueryError::new(QueryErrorKind::Time(spec.to_string()), *span)
                    .with_hint("the time is too far away"))
            }
        }
    }

    fn ordered(&self, range: TimeRange, earliest: TimeModifier) -> Result<TimeRange, QueryError> {
        match (range.earliest, range.latest) {
            (Some(first), Some(end)) if first > end => {
                let span = self.values[earliest as usize].as_ref().map(|(_, span)| *span);
                let latest_span = self.values[earliest as usize + 1].as_ref().map(|(_, span)| *span);
                Err(QueryError::rule(
                    "the range of time ends before it begins",
                    span.or(latest_span).unwrap_or_default(),
                ))
            }
            _ => Ok(range),
        }
    }
}

/// The modifiers as written after a search, each with a space before it.
impl fmt::Display for TimeModifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for modifier in TimeModifier::ALL {
            if let Some(spec) = self.get(modifier) {
                write!(f, " {}={spec}", modifier.name())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_000_000_000;
    const HOUR_US: i64 = 3_600_000_000;

    fn range(query: &str, caller: TimeRange) -> Result<TimeRange, String> {
        let times = crate::parse(query).unwrap().times;
        times.range(caller, NOW_US, Zone::UTC).map_err(|error| error.to_string())
    }

    fn between(earliest: impl Into<Option<i64>>, latest: impl Into<Option<i64>>) -> TimeRange {
        TimeRange { earliest: earliest.into(), latest: latest.into() }
    }

    #[test]
    fn inline_modifiers_override_the_callers_range() {
        let caller = between(5, 2_000_000_000);
        for (query, caller, expected) in [
            ("x", TimeRange::ALL, TimeRange::ALL),
            ("x", caller, caller),
            ("x earliest=500", TimeRange::ALL, between(500_000_000, NOW_US)),
            ("x latest=500", TimeRange::ALL, between(None, 500_000_000)),
            ("x earliest=500", caller, between(500_000_000, 2_000_000_000)),
            ("x earliest=0 latest=now", caller, between(0, NOW_US)),
            ("x latest=+1h", between(7, None), between(7, NOW_US + HOUR_US)),
            ("x _index_earliest=0", TimeRange::ALL, TimeRange::ALL),
        ] {
            assert_eq!(range(query, caller), Ok(expected), "{query}");
        }
    }

    #[test]
    fn a_range_ends_after_it_begins() {
        assert_eq!(
            range("x earliest=now latest=0", TimeRange::ALL),
            Err("the range of time ends before it begins".into())
        );
        assert_eq!(range("x earliest=-4000000000y", TimeRange::ALL), Err("`-4000000000y` is not a time".into()));
    }

    #[test]
    fn times_of_indexing_are_a_range_of_their_own() {
        let times = crate::parse("x _index_earliest=500 earliest=0").unwrap().times;
        assert_eq!(times.index_range(NOW_US, Zone::UTC), Ok(between(500_000_000, None)));
    }
}
