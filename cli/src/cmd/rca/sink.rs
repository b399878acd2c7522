//! Where the result of an analysis goes: onto the screen, or into a case.

use trawl_evidence::case::Case;
use trawl_evidence::{Mark, QueryRun, Table};
use trawl_query::Engine;
use trawl_query::engine::address::Address;

/// Where a result goes.
pub enum Sink<'s> {
    /// It is printed.
    Screen,
    /// It is laid into a case.
    Case(&'s mut Finding),
}

/// A result for a case.
#[derive(Default)]
pub struct Finding {
    /// What it shows, in a few words.
    pub title: String,
    /// The range of time that it is about, microseconds UTC.
    pub range_us: Option<(i64, i64)>,
    /// What people would see of it on a terminal.
    pub page: Vec<u8>,
    /// What is to be said of it, a sentence each; may hold text of logs.
    pub summary: Vec<String>,
    /// What a report shows.
    pub tables: Vec<Table>,
    /// Moments that no event stands for.
    pub moments: Vec<Mark>,
    /// The queries that it rests on, as far as they are known.
    pub queries: Vec<QueryRun>,
    /// The events that it names, and why.
    pub cited: Vec<(Address, String)>,
    /// Where they are.
    pub engine: Option<Engine>,
    /// The case that it is laid into.
    pub case: Option<Case>,
}

impl Finding {
    /// Cites the event at an address as results write it, if it is one.
    pub fn cite(&mut self, address: &str, why: impl Into<String>) {
        if let Ok(address) = address.parse()
            && !self.cited.iter().any(|(known, _)| *known == address)
        {
            self.cited.push((address, why.into()));
        }
    }
}
