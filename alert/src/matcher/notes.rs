//! What a matcher remembers of one rule: in which stretches of time there may be events.

use std::collections::BTreeMap;

/// Most stretches that are remembered; where there would be more, they get longer.
const MAX_STRETCHES: usize = 512;
/// Into how many stretches the time that a rule looks back on is divided at most.
const STRETCHES_OF_REACH: i64 = 128;
const SECOND_US: i64 = 1_000_000;

/// Stretches of event time with the newest time of indexing of the events in them. Takes no more than some 20 KB.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    /// Length of a stretch in seconds.
    width_s: i64,
    /// By the number of the stretch.
    newest_us: BTreeMap<i64, i64>,
}

impl Notes {
    /// For a rule that looks back so far, in microseconds.
    pub(super) fn new(reach_us: i64) -> Self {
        Self { width_s: (reach_us / SECOND_US / STRETCHES_OF_REACH).max(1), newest_us: BTreeMap::new() }
    }

    /// Notes an event: the second of its time, and when it was indexed, in microseconds.
    pub(super) fn add(&mut self, second: i64, indexed_us: i64) {
        let newest = self.newest_us.entry(second.div_euclid(self.width_s)).or_insert(indexed_us);
        *newest = indexed_us.max(*newest);
        while self.newest_us.len() > MAX_STRETCHES {
            self.width_s *= 2;
            for (stretch, indexed_us) in std::mem::take(&mut self.newest_us) {
                let newest = self.newest_us.entry(stretch.div_euclid(2)).or_insert(indexed_us);
                *newest = indexed_us.max(*newest);
            }
        }
    }

    /// The newest time of indexing of events that may have their time in a range, the end excluded; all in microseconds.
    pub(super) fn newest(&self, (from_us, until_us): (i64, i64)) -> Option<i64> {
        if from_us >= until_us {
            return None;
        }
        let stretch = |time_us: i64| time_us.div_euclid(SECOND_US).div_euclid(self.width_s);
        self.newest_us.range(stretch(from_us)..=stretch(until_us - 1)).map(|(_, newest_us)| *newest_us).max()
    }

    /// Forgets what is wholly before a moment, in microseconds.
    pub(super) fn forget_before(&mut self, time_us: i64) {
        let first = time_us.div_euclid(SECOND_US).div_euclid(self.width_s);
        if self.newest_us.first_key_value().is_some_and(|(stretch, _)| *stretch < first) {
            self.newest_us = self.newest_us.split_off(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever lies in a range is known to lie there, and few stretches are kept.
        #[test]
        fn nothing_that_was_noted_is_missed(
            events in prop::collection::vec((-5_000i64..5_000, 0i64..1_000), 0..900),
            reach_s in 0i64..100_000,
            (from_us, len_us) in (-6_000_000_000i64..6_000_000_000, 0i64..100_000_000),
        ) {
            let mut notes = Notes::new(reach_s * SECOND_US);
            events.iter().for_each(|(second, indexed_us)| notes.add(*second, *indexed_us));
            let range = (from_us, from_us + len_us);
            let in_range = events.iter().filter(|(second, _)| (range.0..range.1).contains(&(second * SECOND_US)));
            let newest = in_range.map(|(_, indexed_us)| *indexed_us).max();
            prop_assert!(notes.newest(range) >= newest);
            prop_assert!(notes.newest_us.len() <= MAX_STRETCHES);
            notes.forget_before(from_us);
            prop_assert!(notes.newest(range) >= newest);
        }
    }

    #[test]
    fn seconds_apart_are_told_apart() {
        let mut notes = Notes::new(60 * SECOND_US);
        notes.add(100, 7);
        assert_eq!(notes.newest((100 * SECOND_US, 101 * SECOND_US)), Some(7));
        assert_eq!(notes.newest((99 * SECOND_US, 100 * SECOND_US)), None);
        assert_eq!(notes.newest((101 * SECOND_US, 200 * SECOND_US)), None);
        notes.forget_before(101 * SECOND_US);
        assert_eq!(notes.newest((0, 200 * SECOND_US)), None);
    }
}
