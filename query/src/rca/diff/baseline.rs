//! What an incident is compared with, where nobody says.

use super::{DiffError, Searcher};
use crate::time::{to_local, to_utc};
use std::ops::Range;
use trawl_formats::Zone;

const HOUR_US: i64 = 3_600_000_000;
/// The time before the incident is ten times as long as the incident, but not shorter or longer than this.
const BEFORE: Range<i64> = HOUR_US..24 * HOUR_US;
/// Days before whose same hours count.
const DAYS: i64 = 7;

/// The ranges that are compared with, and why these.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// Half open, microseconds UTC; the newest first.
    ranges: Vec<(i64, i64)>,
    text: String,
}

impl Baseline {
    pub(super) fn given(range: (i64, i64)) -> Self {
        Self { ranges: vec![range], text: "as given".to_owned() }
    }

    /// The hours before the incident, and the same hours of the days before as far as there are events.
    pub(super) fn choose(searcher: &Searcher<'_>, incident_us: (i64, i64), zone: Zone) -> Result<Self, DiffError> {
        let (from_us, to_us) = incident_us;
        let length_us = to_us.saturating_sub(from_us);
        let mut ranges = Vec::new();
        let mut parts = Vec::new();
        let before = (from_us.saturating_sub(length_us.saturating_mul(10).clamp(BEFORE.start, BEFORE.end)), from_us);
        if let (1.., Some(first_us)) = searcher.count(before)? {
            // What is not there to be seen has no rate.
            let start = if first_us - before.0 > length_us { first_us } else { before.0 };
            parts.push(format!("the {} before the incident", duration(from_us - start)));
            ranges.push((start, from_us));
        }
        let mut n_days = 0;
        for days in 1..=DAYS {
            let earlier = days_before(from_us, days, zone).zip(days_before(to_us, days, zone));
            let Some(earlier) = earlier.filter(|(start, end)| start < end && *end <= before.0) else { continue };
            if searcher.count(earlier)?.0 > 0 {
                ranges.push(earlier);
                n_days += 1;
            }
        }
        match n_days {
            0 => {}
            1 => parts.push("the same time of 1 earlier day".to_owned()),
            n => parts.push(format!("the same time of {n} earlier days")),
        }
        if ranges.is_empty() {
            return Err(DiffError::NoBaseline);
        }
        if n_days == 0 {
            parts.push(format!("the {DAYS} days before hold no events of that time"));
        }
        Ok(Self { ranges, text: parts.join("; ") })
    }

    /// Half open ranges in microseconds UTC, the newest first.
    pub fn ranges(&self) -> impl Iterator<Item = (i64, i64)> {
        self.ranges.iter().copied()
    }

    /// What it is, in words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The newest part of it, so long or shorter.
    pub(super) fn newest(&self, length_us: i64) -> Vec<(i64, i64)> {
        let mut left = length_us;
        let mut newest = Vec::new();
        for (start, end) in &self.ranges {
            if left > 0 {
                let start = (*start).max(end.saturating_sub(left));
                left -= end - start;
                newest.push((start, *end));
            }
        }
        newest
    }
}

/// The same time by the clock on the wall, so many days before.
fn days_before(time_us: i64, days: i64, zone: Zone) -> Option<i64> {
    let local = to_local(time_us, zone)?;
    to_utc(local.checked_sub_signed(chrono::Duration::days(days))?, zone)
}

/// A length of time in a few words.
fn duration(us: i64) -> String {
    let minutes = us / 60_000_000;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_part_is_cut_from_the_end() {
        let baseline = Baseline { ranges: vec![(100, 200), (0, 50)], text: String::new() };
        assert_eq!(baseline.newest(30), [(170, 200)]);
        assert_eq!(baseline.newest(120), [(100, 200), (30, 50)]);
        assert_eq!(baseline.newest(1000), [(100, 200), (0, 50)]);
    }

    #[test]
    fn earlier_days_follow_the_clock() {
        let zone = Zone::Named(chrono_tz::America::New_York);
        // 2026-03-08 is 23 hours long: noon of the day after is 47 hours after noon of the day before.
        let noon_us = 1_773_072_000_000_000;
        assert_eq!(days_before(noon_us, 2, zone), Some(noon_us - 47 * HOUR_US));
    }

    #[test]
    fn lengths_in_words() {
        assert_eq!(
            [30, 60, 180, 205].map(|minutes| duration(minutes * 60_000_000)),
            ["30 min", "1 h", "3 h", "3 h 25 min"]
        );
    }
}
