//! Times at which something is in force: working hours, without holidays.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Weekday};
use std::collections::BTreeSet;
use std::str::FromStr;
use trawl_formats::Zone;

/// Named times: on which days, at which hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// The clock that days and hours are of.
    pub zone: Zone,
    /// Days of the week, Monday first.
    pub days: [bool; 7],
    /// Hours of those days. Empty: all day.
    pub hours: Vec<Hours>,
    /// Days that do not count, whatever day of the week they are.
    pub holidays: BTreeSet<NaiveDate>,
    /// Days that count, whatever day of the week they are.
    pub extra_days: BTreeSet<NaiveDate>,
}

/// A part of a day: from a minute to a minute, the end excluded. If the end is not later, it is of the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Minute of the day at which it begins.
    pub from: u32,
    /// Minute of the day at which it ends; 1,440 is midnight.
    pub to: u32,
}

/// A part of a calendar that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCalendar {
    /// No days of the week.
    #[error("`{0}` is no day of the week: write for example `mon`, `mon-fri` or `daily`")]
    Day(String),
    /// No hours.
    #[error("`{0}` are no hours: write for example `08:00-18:30`")]
    Hours(String),
    /// No date.
    #[error("`{0}` is no date: write for example `2026-12-25`")]
    Date(String),
}

impl Default for Calendar {
    /// Always.
    fn default() -> Self {
        Self {
            zone: Zone::UTC,
            days: [true; 7],
            hours: Vec::new(),
            holidays: BTreeSet::new(),
            extra_days: BTreeSet::new(),
        }
    }
}

impl Calendar {
    /// Whether the moment, in microseconds UTC, is in it.
    pub fn contains(&self, at_us: i64) -> bool {
        let Some(local) = local(self.zone, at_us) else { return false };
        let minute = local.hour() * 60 + local.minute();
        let today = local.date();
        if self.hours.is_empty() {
            return self.has_day(today);
        }
        self.hours.iter().any(|hours| {
            if hours.from < hours.to {
                self.has_day(today) && (hours.from..hours.to).contains(&minute)
            } else {
                // The part behind midnight belongs to the day on which it began.
                let begun_yesterday = today.pred_opt().is_some_and(|yesterday| self.has_day(yesterday));
                (self.has_day(today) && minute >= hours.from) || (begun_yesterday && minute < hours.to)
            }
        })
    }

    /// Whether a day counts.
    pub fn has_day(&self, day: NaiveDate) -> bool {
        let is_weekday = self.days[day.weekday().num_days_from_monday() as usize];
        self.extra_days.contains(&day) || (is_weekday && !self.holidays.contains(&day))
    }
}

fn local(zone: Zone, at_us: i64) -> Option<NaiveDateTime> {
    Some(chrono::DateTime::from_timestamp_micros(zone.to_local_us(at_us))?.naive_utc())
}

/// Reads days of the week: `mon`, `mon-fri`, `sat-mon`, `daily`.
///
/// # Errors
/// The first that is none.
pub fn parse_days<T: AsRef<str>>(texts: &[T]) -> Result<[bool; 7], BadCalendar> {
    let day = |text: &str| {
        let bad = || BadCalendar::Day(text.to_owned());
        Weekday::from_str(text.trim()).map(|day| day.num_days_from_monday() as usize).map_err(|_| bad())
    };
    let mut days = [false; 7];
    for text in texts.iter().map(AsRef::as_ref) {
        let (first, last) = match (text.trim(), text.split_once('-')) {
            ("daily", _) => (0, 6),
            (_, Some((first, last))) => (day(first)?, day(last)?),
            (one, None) => (day(one)?, day(one)?),
        };
        let n_days = (last + 7 - first) % 7 + 1;
        (first..first + n_days).for_each(|day| days[day % 7] = true);
    }
    Ok(days)
}

/// Reads a date such as `2026-12-25`.
///
/// # Errors
/// If it is none.
pub fn parse_date(text: &str) -> Result<NaiveDate, BadCalendar> {
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(|_| BadCalendar::Date(text.to_owned()))
}

impl FromStr for Hours {
    type Err = BadCalendar;

    fn from_str(text: &str) -> Result<Self, BadCalendar> {
        let bad = || BadCalendar::Hours(text.to_owned());
        let minute = |text: &str| match text.trim() {
            "24:00" => Ok(1440),
            time => {
                NaiveTime::parse_from_str(time, "%H:%M").map(|time| time.hour() * 60 + time.minute()).map_err(|_| bad())
            }
        };
        let (from, to) = text.split_once('-').ok_or_else(bad)?;
        let hours = Self { from: minute(from)?, to: minute(to)? };
        if hours.from == 1440 || hours.to == hours.from { Err(bad()) } else { Ok(hours) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    #[test]
    fn working_hours_end_and_holidays_are_free() {
        let calendar = Calendar {
            zone: "Europe/Berlin".parse().unwrap(),
            days: parse_days(&["mon-fri"]).unwrap(),
            hours: vec!["08:00-18:00".parse().unwrap()],
            holidays: BTreeSet::from([parse_date("2026-12-25").unwrap()]),
            extra_days: BTreeSet::from([parse_date("2026-11-21").unwrap()]),
        };
        for (moment, is_in) in [
            ("2026-11-20T08:00:00+01:00", true),
            ("2026-11-20T07:59:59+01:00", false),
            ("2026-11-20T17:59:59+01:00", true),
            ("2026-11-20T18:00:00+01:00", false),
            ("2026-11-21T12:00:00+01:00", true),
            ("2026-11-22T12:00:00+01:00", false),
            ("2026-12-25T12:00:00+01:00", false),
            // In summer the same hours are an hour earlier in UTC.
            ("2026-07-01T06:00:00Z", true),
            ("2026-07-01T16:00:00Z", false),
        ] {
            assert_eq!(calendar.contains(at(moment)), is_in, "{moment}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let calendar = Calendar {
            days: parse_days(&["fri"]).unwrap(),
            hours: vec!["22:00-06:00".parse().unwrap()],
            ..Calendar::default()
        };
        assert!(calendar.contains(at("2026-11-20T22:00:00Z")));
        assert!(calendar.contains(at("2026-11-21T05:59:00Z")));
        assert!(!calendar.contains(at("2026-11-21T06:00:00Z")));
        assert!(!calendar.contains(at("2026-11-20T05:00:00Z")));
        assert!(!calendar.contains(at("2026-11-21T22:00:00Z")));
    }

    #[test]
    fn texts_are_read_or_refused() {
        assert_eq!(parse_days(&["sat-mon"]).unwrap(), [true, false, false, false, false, true, true]);
        assert_eq!(parse_days(&["daily"]).unwrap(), [true; 7]);
        assert_eq!(parse_days(&["Mon", "wednesday"]).unwrap(), [true, false, true, false, false, false, false]);
        assert_eq!(parse_days(&["mo"]).unwrap_err(), BadCalendar::Day("mo".into()));
        assert_eq!("00:00-24:00".parse(), Ok(Hours { from: 0, to: 1440 }));
        for text in ["8-18", "08:00", "08:00-08:00", "24:00-08:00", "08:00-25:00"] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
        assert!(parse_date("25.12.2026").is_err());
    }
}
