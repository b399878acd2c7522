//! Where the result of an analysis goes: onto the screen, or into a case.

use trawl_evidence::case::Case;
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
    /// What people would see of it.
    pub page: Vec<u8>,
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
