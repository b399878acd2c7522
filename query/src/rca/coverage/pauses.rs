//! How long a source usually says nothing, and when it said nothing for longer.

use super::Silence;
use std::ops::Range;

/// Most cells that a range of time is cut into: 512 KiB.
const MAX_CELLS: i64 = 4 << 20;
/// A cell is a second, or longer where there would be too many.
const CELL_US: i64 = 1_000_000;
/// With fewer pauses, nobody knows what is usual.
const MIN_PAUSES: usize = 10;
/// Of so many pauses in a hundred the longest says what is usual.
const PERCENTILE: usize = 99;
/// A silence is so many times as long as usual, at least: at night logs are some times as quiet as by day.
const FACTOR: i64 = 5;
/// A silence is so long at least, microseconds.
const MIN_SILENCE_US: i64 = 60_000_000;

/// Seconds with events, as bits.
pub(super) struct Pauses {
    from_us: i64,
    cell_us: i64,
    n_cells: usize,
    cells: Vec<u64>,
}

impl Pauses {
    /// No event yet in `seen`.
    pub fn new(seen: Range<i64>) -> Self {
        let len_us = seen.end.saturating_sub(seen.start).max(0);
        let cell_us = CELL_US.max(len_us / MAX_CELLS + 1);
        let n_cells = (len_us / cell_us + i64::from(len_us % cell_us > 0)) as usize;
        Self { from_us: seen.start, cell_us, n_cells, cells: vec![0; n_cells.div_ceil(64)] }
    }

    /// Takes an event; one outside of the range is none.
    pub fn add(&mut self, time_us: i64) {
        let Some(since_us) = time_us.checked_sub(self.from_us).filter(|since_us| *since_us >= 0) else { return };
        let cell = (since_us / self.cell_us) as usize;
        if cell < self.n_cells {
            self.cells[cell / 64] |= 1 << (cell % 64);
        }
    }

    /// Takes all events of others, which are about the same time.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!((self.from_us, self.cell_us, self.n_cells), (other.from_us, other.cell_us, other.n_cells));
        self.cells.iter_mut().zip(&other.cells).for_each(|(mine, others)| *mine |= others);
    }

    /// The beginning of the last cell with events that lies before a time, microseconds.
    pub fn last_before(&self, time_us: i64) -> Option<i64> {
        let n_before = (time_us.saturating_sub(self.from_us).max(0) / self.cell_us).min(self.n_cells as i64) as usize;
        let is_set = |cell: &usize| self.cells[cell / 64] >> (cell % 64) & 1 == 1;
        let last = (0..n_before).rev().find(is_set)?;
        Some(self.from_us.saturating_add(last as i64 * self.cell_us))
    }

    /// The times without events that are longer than usual, as far as they lie in `range`. What lies before the first event is no
    /// silence: it is not known that there was somebody to speak.
    pub fn silences(&self, range: &Range<i64>) -> Vec<Silence> {
        let pauses = self.pauses();
        let mut lens: Vec<i64> = pauses.iter().map(|pause| pause.end - pause.start).collect();
        if lens.len() < MIN_PAUSES {
            return Vec::new();
        }
        lens.sort_unstable();
        // Never the longest one, which is the one in question.
        let usual_us = lens[(lens.len() - 1) * PERCENTILE / 100];
        let least_us = usual_us.saturating_mul(FACTOR).max(MIN_SILENCE_US);
        let silence = |pause: &Range<i64>| {
            let (from_us, to_us) = (pause.start.max(range.start), pause.end.min(range.end));
            let is_one = pause.end - pause.start >= least_us && from_us < to_us;
            is_one.then_some(Silence { from_us, to_us, usual_us, is_open: pause.end >= range.end })
        };
        pauses.iter().filter_map(silence).collect()
    }

    /// The runs of cells without events behind the first one that has some.
    fn pauses(&self) -> Vec<Range<i64>> {
        let time = |cell: usize| self.from_us.saturating_add(cell as i64 * self.cell_us);
        let mut pauses = Vec::new();
        let mut last = None;
        for (word, &bits) in self.cells.iter().enumerate() {
            let mut rest = bits;
            while rest != 0 {
                let cell = word * 64 + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if let Some(last) = last.filter(|last| last + 1 < cell) {
                    pauses.push(time(last + 1)..time(cell));
                }
                last = Some(cell);
            }
        }
        if let Some(last) = last.filter(|last| last + 1 < self.n_cells) {
            pauses.push(time(last + 1)..time(self.n_cells));
        }
        pauses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    /// Silences in seconds, of events at these seconds.
    fn silences(seen: Range<i64>, range: Range<i64>, events: impl IntoIterator<Item = i64>) -> Vec<(i64, i64, bool)> {
        let us = |range: &Range<i64>| range.start * SECOND_US..range.end * SECOND_US;
        let mut pauses = Pauses::new(us(&seen));
        events.into_iter().for_each(|second| pauses.add(second * SECOND_US));
        let found = pauses.silences(&us(&range)).into_iter();
        found.map(|found| (found.from_us / SECOND_US, found.to_us / SECOND_US, found.is_open)).collect()
    }

    #[test]
    fn a_silence_is_longer_than_usual() {
        // A heartbeat of a minute that misses four beats.
        let beats = (0..40).filter(|beat| !(20..24).contains(beat)).map(|beat| beat * 60);
        assert_eq!(silences(0..2_400, 0..2_400, beats), [(1_141, 1_440, false)]);
        // Two beats are nothing to speak of.
        let beats = (0..40).filter(|beat| *beat != 20).map(|beat| beat * 60);
        assert_eq!(silences(0..2_400, 0..2_400, beats), []);
    }

    #[test]
    fn what_has_ended_is_silent_to_the_end_and_what_begins_was_not() {
        let events = || (1_000..1_100).step_by(3);
        assert_eq!(silences(0..2_000, 0..2_000, events()), [(1_100, 2_000, true)]);
        // Seen from a range behind it.
        assert_eq!(silences(0..2_000, 1_500..1_900, events()), [(1_500, 1_900, true)]);
        assert_eq!(silences(0..2_000, 500..1_000, events()), []);
        // Of few events nobody knows what is usual.
        assert_eq!(silences(0..2_000, 0..2_000, [5, 9, 12]), []);
    }

    #[test]
    fn several_are_as_quiet_as_all_of_them() {
        let of = |events: Range<i64>| {
            let mut pauses = Pauses::new(0..2_000 * SECOND_US);
            events.step_by(3).for_each(|second| pauses.add(second * SECOND_US));
            pauses
        };
        let (first, second) = (of(100..500), of(1_200..1_500));
        assert_eq!(first.last_before(800 * SECOND_US), Some(499 * SECOND_US));
        assert_eq!(
            (second.last_before(800 * SECOND_US), second.last_before(i64::MAX)),
            (None, Some(1_497 * SECOND_US))
        );
        let mut both = Pauses::new(0..2_000 * SECOND_US);
        both.merge(&first);
        both.merge(&second);
        let found = both.silences(&(0..1_400 * SECOND_US)).into_iter();
        let found: Vec<_> = found.map(|found| (found.from_us / SECOND_US, found.to_us / SECOND_US)).collect();
        assert_eq!(found, [(500, 1_200)]);
    }

    #[test]
    fn years_are_looked_at_in_larger_cells() {
        let year = 365 * 24 * 3_600;
        let found = silences(0..year, 0..year, (0..365).filter(|day| *day != 100).map(|day| day * 86_400));
        assert_eq!(found, []);
        assert!(Pauses::new(0..i64::MAX).cells.len() <= MAX_CELLS as usize / 64 + 1);
    }
}
