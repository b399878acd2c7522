//! What must hold for any bytes: the bodies of the fuzz targets.
//!
//! [`TARGETS`] names them all. The programs in `fuzz/fuzz_targets/` hand the bytes of libFuzzer to one of them; the test
//! `regressions` of this crate hands them the files of `fuzz/regressions/<target>/`, seeds made by hand and inputs that
//! once failed, with a stable compiler. A body panics where a law does not hold.
//!
//! Bodies use what the crates make public. Where a decoder reads files, they write its file into a temporary folder.

mod evidence;
mod formats;
mod indexer;
mod input;
mod query;
mod store;
mod time;

pub use evidence::bundle;
pub use formats::{extract, parser, text, timestamp};
pub use indexer::compressed;
pub use query::{eval, query};
pub use store::{archive, journal, live};
pub use time::{strptime, time_modifier};

/// What is done with the bytes.
pub type Body = fn(&[u8]);

/// Every target by its name, which is also that of its program and of its folder of regressions.
pub const TARGETS: [(&str, Body); 13] = [
    ("archive", archive),
    ("bundle", bundle),
    ("compressed", compressed),
    ("eval", eval),
    ("extract", extract),
    ("journal", journal),
    ("live", live),
    ("parser", parser),
    ("query", query),
    ("strptime", strptime),
    ("text", text),
    ("time_modifier", time_modifier),
    ("timestamp", timestamp),
];

/// 2026-11-22T00:00:00Z, the present of all bodies.
const NOW_US: i64 = 1_795_305_600_000_000;
