//! What every analysis asks with: an engine, the clock, the indexes, and how far it may look.

use super::event::{COLUMNS, Event};
use crate::batch::Batch;
use crate::command::Flow;
use crate::engine::Engine;
use crate::engine::coverage::Coverage;
use crate::error::{QueryError, RunError};
use crate::run::{Search, SearchOptions};
use crate::search::SearchExpr;
use crate::wanted::Wanted;
use std::cell::RefCell;
use trawl_formats::Registry;
use trawl_formats::token::{is_short_number, may_be_in_stamp, tokens};
use trawl_store::segment::terms::MAX_TERM_LEN;

/// Why an analysis has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RcaError {
    /// The query that limits it is not valid.
    #[error("the query is not valid")]
    Query {
        /// Its text.
        text: String,
        /// What is wrong, with its place.
        #[source]
        error: Box<QueryError>,
    },
    /// A search failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The value to be traced cannot be searched for.
    #[error("`{value}` cannot be traced: {why}")]
    Value {
        /// As given.
        value: String,
        /// Why not, and what can.
        why: &'static str,
    },
    /// The window has no extent, or lies beyond what a time can be.
    #[error("the incident ends at or before its beginning")]
    EmptyWindow,
}

/// The surroundings of an analysis: all its searches see the store as the first of them finds it.
#[derive(Debug)]
pub struct Inquiry {
    engine: Engine,
    options: SearchOptions,
    coverage: RefCell<Coverage>,
    incomplete: RefCell<Option<String>>,
}

/// Events that a search found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// The newest first, as many as were wanted.
    pub events: Vec<Event>,
    /// How many match in all.
    pub n_matched: u64,
}

impl Found {
    /// Whether some matches were left out.
    pub fn is_cut(&self) -> bool {
        self.n_matched > self.events.len() as u64
    }
}

impl Inquiry {
    /// Asks `engine` with the clock, zone, indexes and bounds of `options`; its range of time holds for searches that name
    /// none.
    pub fn new(engine: &Engine, options: SearchOptions) -> Self {
        let engine = engine.at_one_moment();
        Self { engine, options, coverage: RefCell::default(), incomplete: RefCell::default() }
    }

    /// The engine, at the moment of the inquiry.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What searches are run with.
    pub fn options(&self) -> &SearchOptions {
        &self.options
    }

    /// The log formats.
    pub fn registry(&self) -> &Registry {
        &self.engine.registry
    }

    /// What the first search rested on, with the damage that any of them met.
    pub fn coverage(&self) -> Coverage {
        self.coverage.borrow().clone()
    }

    /// Why the answer is not whole, if one of the searches was not.
    pub fn incomplete(&self) -> Option<String> {
        self.incomplete.borrow().clone()
    }

    /// The options for a range of time, in microseconds UTC, half open; `None` where it is open.
    pub(super) fn within(&self, earliest_us: Option<i64>, latest_us: Option<i64>) -> SearchOptions {
        let text = |us: i64| crate::value::format_number(us as f64 / 1e6).into_string();
        SearchOptions {
            earliest: earliest_us.map(text).or_else(|| self.options.earliest.clone()),
            latest: latest_us.map(text).or_else(|| self.options.latest.clone()),
            ..self.options.clone()
        }
    }

    /// Says whether a query of the user can be run.
    ///
    /// # Errors
    /// [`RcaError::Query`].
    pub fn check(&self, query: &str) -> Result<(), RcaError> {
        Search::prepare(query, &self.options).map(drop).map_err(|error| wrong(query, error))
    }

    /// The events of a query, the newest `limit` of them.
    ///
    /// # Errors
    /// If the query is not valid, or its search fails.
    pub(super) fn events(&self, query: &str, options: SearchOptions, limit: usize) -> Result<Found, RcaError> {
        let options = SearchOptions { limit: Some(limit), event_fields: Wanted::of(COLUMNS), ..options };
        let mut found = Found::default();
        found.n_matched = self.run(query, &options, &mut |batch| {
            Event::of_batch(&batch, &self.engine.registry, &mut found.events);
        })?;
        Ok(found)
    }

    /// Runs a query and hands on its rows; how many events matched.
    ///
    /// # Errors
    /// If the query is not valid, or its search fails.
    pub(super) fn run(
        &self,
        query: &str,
        options: &SearchOptions,
        each: &mut dyn FnMut(Batch),
    ) -> Result<u64, RcaError> {
        let search = Search::prepare(query, options).map_err(|error| wrong(query, error))?;
        let summary = search.run(&self.engine, &mut |batch| {
            each(batch);
            Ok(Flow::More)
        })?;
        let mut coverage = self.coverage.borrow_mut();
        if coverage.n_events == 0 {
            *coverage = summary.coverage;
        } else {
            let new = summary.coverage.damaged.into_iter().filter(|damage| !coverage.damaged.contains(damage));
            let new: Vec<String> = new.collect();
            coverage.damaged.extend(new);
        }
        if summary.incomplete.is_some() {
            *self.incomplete.borrow_mut() = summary.incomplete;
        }
        Ok(summary.n_matched)
    }

    /// The search of all events, for its plan.
    ///
    /// # Errors
    /// If a time of `options` cannot be read.
    pub(super) fn everything(&self, options: &SearchOptions) -> Result<Search, RcaError> {
        Search::prepare("*", options).map_err(|error| wrong("*", error))
    }

    /// The first stage of a query, as the index sees it.
    ///
    /// # Errors
    /// If it is not valid.
    pub(super) fn expr(&self, query: &str) -> Result<SearchExpr, RcaError> {
        let search = Search::prepare(query, &self.options).map_err(|error| wrong(query, error))?;
        Ok(search.plan().search.clone().unwrap_or(SearchExpr::All))
    }
}

fn wrong(query: &str, error: QueryError) -> RcaError {
    RcaError::Query { text: query.to_owned(), error: Box::new(error) }
}

/// `field IN ("a", "b")`.
pub(super) fn in_list<'v>(field: &str, values: impl Iterator<Item = &'v str>) -> String {
    format!("{field} IN ({})", values.map(phrase).collect::<Vec<_>>().join(", "))
}

/// A value as a phrase of the language.
pub(super) fn phrase(value: &str) -> String {
    crate::lexer::quote(value)
}

/// The search of a value as a phrase. Its numbers are searched for as words, too: within a phrase a number might stand in the
/// stamp of an event, which the index does not know, and the index would narrow by the other words alone.
pub(super) fn holding(value: &str) -> String {
    let is_number = |token: &&str| {
        let is_indexed = !is_short_number(token.as_bytes()) && token.len() <= MAX_TERM_LEN;
        is_indexed && may_be_in_stamp(token.as_bytes()) && token.bytes().any(|byte| byte.is_ascii_digit())
    };
    let numbers = tokens(value.as_bytes()).filter_map(|token| std::str::from_utf8(token).ok()).filter(is_number);
    format!("({})", std::iter::once(phrase(value)).chain(numbers.map(str::to_owned)).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_an_id_are_words_for_the_index() {
        let cases = [
            ("ORD-41262840", r#"("ORD-41262840" 41262840)"#),
            ("ORD-7731ZK42", r#"("ORD-7731ZK42")"#),
            ("7f3c2a1e-0b1c-4d2e-1234-1b2c3d4e5f60", r#"("7f3c2a1e-0b1c-4d2e-1234-1b2c3d4e5f60" 1234)"#),
            ("a \"b\" 12", r#"("a \"b\" 12")"#),
        ];
        for (value, expected) in cases {
            assert_eq!(holding(value), expected);
            assert!(Search::prepare(&holding(value), &SearchOptions::new(0)).is_ok(), "{value}");
        }
    }
}
