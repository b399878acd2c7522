//! Which files are read though no input names them: what rotation has made of a log that is followed.
//!
//! A sibling that holds a part of a known generation is read on, whatever its name. One that nothing is known of is a log
//! that was born *and* rotated away between two looks, or one from before anybody asked for the log. Only the former is to be
//! read. It was written last
//!
//! - after this tailer began, or
//! - after the last write to a file that is known of the same log: rotation makes one after the other, so that whatever is
//!   older than all that was ever read of the log was also written earlier.
//!
//! and is not one that the inputs leave out by `exclude`. Compression keeps the time of the last write. If none of the files that are known of a log is left, what was written
//! while nobody followed it cannot be told from what nobody asked for, and is left alone.

use super::Moment;
use crate::discovery::Found;
use hashbrown::HashMap;
use trawl_store::rotation::Family;

/// What was known when.
#[derive(Default)]
pub(super) struct Relatives {
    /// When the tailer began, microseconds since the epoch.
    begun_us: Option<i64>,
    /// The earliest last write to a file of which something was known.
    known_us: HashMap<Family, i64>,
}

impl Relatives {
    /// The tailer is at work.
    pub(super) fn begin(&mut self, now: Moment) {
        self.begun_us.get_or_insert(now.wall_us);
    }

    /// A file has turned out to be known.
    pub(super) fn note_known(&mut self, found: &Found) {
        let written_us = found.meta.mtime_us;
        let known_us = self.known_us.entry(Family::of(&found.real_path)).or_insert(written_us);
        *known_us = written_us.min(*known_us);
    }

    /// Whether a sibling of which nothing is known is newer than what is known of the log.
    pub(super) fn is_newer(&self, found: &Found) -> bool {
        let known_us = self.known_us.get(&Family::of(&found.real_path)).copied();
        let since_us = known_us.into_iter().chain(self.begun_us).min();
        since_us.is_some_and(|since_us| found.meta.mtime_us > since_us)
    }
}
