//! A time of day, and the moments at which clocks show it.

use crate::calendar::Calendar;
use chrono::{Days, NaiveDateTime, NaiveTime};
use std::fmt;
use std::str::FromStr;
use trawl_formats::Zone;
use trawl_query::time::{to_local, to_utc};

/// Most days that are gone through to find one that counts: more than a year.
const MAX_DAYS: u64 = 400;

/// What a clock shows, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTime(NaiveTime);

/// A text that is no time of day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of day: write for example `22:15`")]
pub struct BadClock(pub String);

impl FromStr for ClockTime {
    type Err = BadClock;

    fn from_str(text: &str) -> Result<Self, BadClock> {
        let trimmed = text.trim();
        let time =
            NaiveTime::parse_from_str(trimmed, "%H:%M").or_else(|_| NaiveTime::parse_from_str(trimmed, "%H:%M:%S"));
        time.map(Self).map_err(|_| BadClock(text.to_owned()))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use chrono::Timelike;
        let format = if self.0.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        write!(f, "{}", self.0.format(format))
    }
}

impl ClockTime {
    /// The last moment at or before `at_us` at which clocks of the zone show this, on a day that counts. Microseconds UTC.
    pub fn last(self, at_us: i64, zone: Zone, days: Option<&Calendar>) -> Option<i64> {
        let today = to_local(at_us, zone)?.date();
        // The clock may show tomorrow's date already where it is set back at midnight.
        let from = today.checked_add_days(Days::new(1))?;
        (0..MAX_DAYS).find_map(|n| self.on(from.checked_sub_days(Days::new(n))?, zone, days).filter(|us| *us <= at_us))
    }

    /// The first moment after `after_us`, else as [`ClockTime::last`].
    pub fn next(self, after_us: i64, zone: Zone, days: Option<&Calendar>) -> Option<i64> {
        let today = to_local(after_us, zone)?.date();
        let from = today.checked_sub_days(Days::new(1))?;
        (0..MAX_DAYS)
            .find_map(|n| self.on(from.checked_add_days(Days::new(n))?, zone, days).filter(|us| *us > after_us))
    }

    fn on(self, day: chrono::NaiveDate, zone: Zone, days: Option<&Calendar>) -> Option<i64> {
        days.is_none_or(|days| days.has_day(day)).then(|| to_utc(NaiveDateTime::new(day, self.0), zone)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{parse_date, parse_days};

    fn us(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    #[test]
    fn the_last_and_the_next_time_are_of_days_that_count() {
        let time: ClockTime = "22:15".parse().unwrap();
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(time.last(us("2026-11-20T22:15:00Z"), Zone::UTC, None), Some(us("2026-11-20T22:15:00Z")));
        assert_eq!(time.last(us("2026-11-20T22:14:59Z"), Zone::UTC, None), Some(us("2026-11-19T22:15:00Z")));
        assert_eq!(time.last(us("2026-11-20T22:14:59Z"), berlin, None), Some(us("2026-11-20T22:15:00+01:00")));
        let days = Calendar {
            days: parse_days(&["mon-fri"]).unwrap(),
            holidays: [parse_date("2026-11-20").unwrap()].into(),
            ..Calendar::default()
        };
        // On Monday morning: not Sunday, not Saturday, and Friday was a holiday.
        let monday = us("2026-11-23T07:00:00Z");
        assert_eq!(time.last(monday, Zone::UTC, Some(&days)), Some(us("2026-11-19T22:15:00Z")));
        assert_eq!(time.next(us("2026-11-19T22:15:00Z"), Zone::UTC, Some(&days)), Some(us("2026-11-23T22:15:00Z")));
    }

    #[test]
    fn a_skipped_and_a_doubled_hour_have_one_moment_each() {
        let time: ClockTime = "02:30".parse().unwrap();
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(time.next(us("2026-10-24T12:00:00Z"), berlin, None), Some(us("2026-10-25T00:30:00Z")));
        assert_eq!(time.next(us("2026-10-25T00:30:00Z"), berlin, None), Some(us("2026-10-26T01:30:00Z")));
        let skipped = time.next(us("2026-03-28T12:00:00Z"), berlin, None).unwrap();
        assert_eq!(time.last(skipped, berlin, None), Some(skipped));
    }

    #[test]
    fn times_of_day_read_and_print() {
        for (text, printed) in [("22:15", "22:15"), ("06:00:30", "06:00:30"), (" 7:05 ", "07:05")] {
            assert_eq!(text.parse::<ClockTime>().unwrap().to_string(), printed);
        }
        for text in ["", "24:00", "22", "10pm", "22:60"] {
            assert!(text.parse::<ClockTime>().is_err(), "{text}");
        }
    }
}
