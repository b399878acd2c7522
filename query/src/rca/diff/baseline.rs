//! What an incident is compared with, where nobody says.

use super::windows::{Kind, Part};
use super::{DiffError, Searcher};
use crate::time::{TimeFormat, to_local, to_utc};
use std::ops::Range;
use trawl_formats::Zone;

const HOUR_US: i64 = 3_600_000_000;
/// The time before the incident is ten times as long as the incident, but not shorter or longer than this.
const BEFORE: Range<i64> = HOUR_US..24 * HOUR_US;
/// Days before whose same hours count.
const DAYS: i64 = 7;
/// A sample of the baseline is at most so many times as long as the incident.
const SAMPLE_LENGTHS: i64 = 3;

/// The ranges that are compared with, and why these.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// The newest first.
    parts: Vec<Part>,
    text: String,
}

impl Baseline {
    pub(super) fn given((from_us, to_us): (i64, i64)) -> Self {
        Self { parts: vec![Part { from_us, to_us, kind: Kind::Before }], text: "as given".to_owned() }
    }

    /// The hours before the incident, and the same time of the days before, as far as they are indexed. Time of which nothing is
    /// indexed has no rate, whatever is searched for; time of which something is has one, though it be 0.
    pub(super) fn choose(searcher: &Searcher<'_>, incident_us: (i64, i64), zone: Zone) -> Result<Self, DiffError> {
        let (from_us, to_us) = incident_us;
        let length_us = to_us.saturating_sub(from_us);
        let mut parts = Vec::new();
        let mut texts = Vec::new();
        let before = (from_us.saturating_sub(length_us.saturating_mul(10).clamp(BEFORE.start, BEFORE.end)), from_us);
        if let Some((first_us, _)) = searcher.seen(before)? {
            let start = if first_us - before.0 > length_us { first_us } else { before.0 };
            texts.push(format!("the {} before the incident", duration(from_us - start)));
            parts.push(Part { from_us: start, to_us: from_us, kind: Kind::Before });
        }
        // Where little is written at that time a pause tells nothing.
        let is_dense = searcher.seen((from_us.saturating_sub(length_us.max(HOUR_US)), from_us))?.is_some();
        let (mut used, mut missing) = (Vec::new(), Vec::new());
        for days in 1..=DAYS {
            let earlier = days_before(from_us, days, zone).zip(days_before(to_us, days, zone));
            let Some(earlier) = earlier.filter(|(start, end)| start < end && *end <= before.0) else { continue };
            let day = TimeFormat::new("%a %d").format(earlier.0, zone).unwrap_or_default();
            match indexed(searcher, earlier, is_dense)? {
                Some((from_us, to_us)) => {
                    parts.push(Part { from_us, to_us, kind: Kind::SameTime });
                    used.push(day);
                }
                None => missing.push(day),
            }
        }
        match used.len() {
            0 => texts.push(format!("the {DAYS} days before hold no events of that time")),
            1 => texts.push(format!("the same time of 1 earlier day: {}", used[0])),
            n => texts.push(format!("the same time of {n} earlier days: {}", used.join(", "))),
        }
        if !used.is_empty() && !missing.is_empty() {
            texts.push(format!("of {} nothing or little is indexed of that time", missing.join(", ")));
        }
        if parts.is_empty() {
            return Err(DiffError::NoBaseline);
        }
        Ok(Self { parts, text: texts.join("; ") })
    }

    /// Half open ranges in microseconds UTC, the newest first.
    pub fn ranges(&self) -> impl Iterator<Item = (i64, i64)> {
        self.parts.iter().map(|part| (part.from_us, part.to_us))
    }

    /// The ranges, the newest first.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What it is, in words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A part of it for what costs more: the time just before the incident and the same time of the day before and of the
    /// same day of the week before, each as long as the incident; without such days, three times as long before it.
    pub(super) fn sample(&self, length_us: i64) -> Vec<Part> {
        let of_kind = |kind: Kind| self.parts.iter().filter(move |part| part.kind == kind);
        let days: Vec<Part> = of_kind(Kind::SameTime).copied().collect();
        let days = match days.as_slice() {
            [] | [_] => days,
            // What runs on weekdays only is seen on one of the two.
            [first, .., last] => vec![*first, *last],
        };
        let mut left = length_us.saturating_mul(SAMPLE_LENGTHS - days.len() as i64);
        let mut sample = Vec::new();
        for part in of_kind(Kind::Before) {
            if left > 0 {
                let from_us = part.from_us.max(part.to_us.saturating_sub(left));
                left -= part.to_us - from_us;
                sample.push(Part { from_us, ..*part });
            }
        }
        sample.extend(days);
        sample
    }
}

/// As much of a range as is indexed: `None` if that is less than half. If events are dense, it is cut where nothing is indexed beside
/// it, either: a day may have been read in part.
fn indexed(
    searcher: &Searcher<'_>,
    (from_us, to_us): (i64, i64),
    is_dense: bool,
) -> Result<Option<(i64, i64)>, DiffError> {
    let Some((first_us, last_us)) = searcher.seen((from_us, to_us))? else { return Ok(None) };
    if !is_dense {
        return Ok(Some((from_us, to_us)));
    }
    let beside_us = (to_us - from_us).max(HOUR_US);
    let begins = searcher.seen((from_us.saturating_sub(beside_us), from_us))?.is_none();
    let ends = searcher.seen((to_us, to_us.saturating_add(beside_us)))?.is_none();
    let start = if begins { first_us } else { from_us };
    let end = if ends { last_us + 1 } else { to_us };
    Ok(((end - start) * 2 >= to_us - from_us).then_some((start, end)))
}

/// The same time by the clock on the wall, so many days before.
fn days_before(time_us: i64, days: i64, zone: Zone) -> Option<i64> {
    let local = to_local(time_us, zone)?;
    to_utc(local.checked_sub_signed(chrono::Duration::days(days))?, zone)
}

/// A length of time in a few words, to the minute.
fn duration(us: i64) -> String {
    let minutes = (us + 30_000_000) / 60_000_000;
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
    fn a_sample_has_the_time_before_and_two_days() {
        let part = |from_us, to_us, kind| Part { from_us, to_us, kind };
        let before = part(100, 200, Kind::Before);
        let days = [80, 60, 40].map(|from_us| part(from_us, from_us + 10, Kind::SameTime));
        let sample = |parts: &[Part]| Baseline { parts: parts.to_vec(), text: String::new() }.sample(10);
        let cut = |from_us| part(from_us, 200, Kind::Before);
        assert_eq!(sample(&[before]), [cut(170)]);
        assert_eq!(sample(&[before, days[0]]), [cut(180), days[0]]);
        assert_eq!(sample(&[before, days[0], days[1], days[2]]), [cut(190), days[0], days[2]]);
        assert_eq!(sample(&days), [days[0], days[2]]);
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
