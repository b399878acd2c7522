//! Small logs made by this project, as typed corpora, with what is known to be true of them.
//!
//! - [`corpora`] lists the [`Corpus`]es under `testdata/corpora/`. Each [`LogFile`] says what a reader must find in it:
//!   sourcetype, number of events, first and last time, levels. How each file was made is written in `PROVENANCE.md`.
//! - [`queries`] lists the [`QueryCase`]s under `testdata/queries/`: a search over one corpus and its exact answer. They
//!   name no engine, so that the same cases run through every path — scan, index, live log, command line.
//! - [`shop`] is one corpus embedded in the program, for `trawl quickstart`.
//!
//! All figures come from `programs/expect.py`, which shares no code with trawl. They hold for the clock [`NOW`], the zone
//! UTC, each file's own `host` and modification time ([`Corpus::copy_to`] sets the latter), and one index for each corpus.
//!
//! ```
//! use trawl_testdata::{Expect, corpus, queries};
//!
//! let shop = corpus("shop");
//! let access = shop.file("web-01/access.log");
//! assert_eq!(access.sourcetype.as_deref(), Some("access_combined"));
//! assert!(shop.path_of(access).exists());
//!
//! let case = queries().iter().find(|case| case.query == "ERROR PaymentService").unwrap();
//! assert_eq!(case.corpus, "shop");
//! assert!(matches!(case.expect, Expect::Count(n) if n > 100));
//! ```

mod corpus;
mod query;
mod shop;

pub use corpus::{Compression, Corpus, Encoding, LogFile, corpora, corpus};
pub use query::{Cell, Expect, QueryCase, queries};
pub use shop::{SHOP_SEARCHES, shop};

/// The clock of all expectations: later than the stamps of the corpora, and the year of stamps that have none.
///
/// Against a much earlier clock the stamps would count as absurd, against a later one those without a year would move.
pub const NOW: &str = "2026-11-22T23:00:00Z";

/// Returns [`NOW`] in microseconds since 1970.
pub fn now_us() -> i64 {
    micros(NOW).expect("NOW is RFC 3339")
}

/// Microseconds since 1970 of an RFC 3339 time.
fn micros(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros())
}
