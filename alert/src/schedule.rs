//! When an alert is evaluated.
//!
//! Moments are a pure function of the rule, so a process that starts again knows which ones it has missed.

use chrono::{DateTime, TimeZone, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use std::fmt;
use trawl_formats::Zone;

/// When an alert is evaluated, or a check is made.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// At each multiple of an interval since 1970, in microseconds; more than zero.
    Every {
        /// The interval.
        interval_us: i64,
    },
    /// At the times of a cron pattern.
    Cron(Box<CronSchedule>),
    /// Whenever events have been stored.
    Continuous,
}

/// A cron pattern on the clock of a zone.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    cron: Cron,
    text: String,
    zone: Zone,
}

/// A cron pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a cron pattern: {reason}")]
pub struct BadCron {
    /// What was written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl CronSchedule {
    /// Reads a pattern: minute, hour, day of the month, month, day of the week, optionally preceded by seconds; or `@daily`
    /// and the like. As in Vixie cron, if both kinds of day are given, either will do.
    ///
    /// A time that the clock skips in spring counts right after the gap; a fixed time that it shows twice in autumn counts once.
    ///
    /// # Errors
    /// If it is no such pattern, or never comes true.
    pub fn new(pattern: &str, zone: Zone) -> Result<Self, BadCron> {
        let bad = |reason: String| BadCron { pattern: pattern.to_owned(), reason };
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser.parse(pattern.trim()).map_err(|error| bad(error.to_string()))?;
        let schedule = Self { cron, text: pattern.trim().to_owned(), zone };
        if schedule.next_after(0).is_none() {
            return Err(bad("there is no such day".to_owned()));
        }
        Ok(schedule)
    }

    fn next_after(&self, after_us: i64) -> Option<i64> {
        let after = DateTime::<Utc>::from_timestamp_micros(after_us)?;
        fn next<Z: TimeZone>(cron: &Cron, after: &DateTime<Z>) -> Option<i64> {
            Some(cron.find_next_occurrence(after, false).ok()?.timestamp_micros())
        }
        match self.zone {
            Zone::Named(zone) => next(&self.cron, &after.with_timezone(&zone)),
            Zone::Fixed(zone) => next(&self.cron, &after.with_timezone(&zone)),
        }
    }
}

impl Schedule {
    /// The first moment after `after_us`, in microseconds UTC. `None` for [`Schedule::Continuous`], and at the end of time.
    pub fn next_after(&self, after_us: i64) -> Option<i64> {
        match self {
            Self::Every { interval_us } => (after_us.div_euclid(*interval_us) + 1).checked_mul(*interval_us),
            Self::Cron(cron) => cron.next_after(after_us),
            Self::Continuous => None,
        }
    }

    /// The moments in `(after_us, until_us]`, in order; of more than `limit` the last ones.
    pub fn between(&self, after_us: i64, until_us: i64, limit: usize) -> Vec<i64> {
        let start = match self {
            // The interval may be short and the range long.
            Self::Every { interval_us } => {
                let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_mul(*interval_us);
                after_us.max(until_us.saturating_sub(most))
            }
            _ => after_us,
        };
        let mut moments = std::collections::VecDeque::new();
        let mut at = start;
        while let Some(next) = self.next_after(at).filter(|next| *next <= until_us) {
            moments.push_back(next);
            if moments.len() > limit {
                moments.pop_front();
            }
            at = next;
        }
        moments.into()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every { interval_us } => write!(f, "every {} s", *interval_us as f64 / 1e6),
            Self::Cron(cron) => write!(f, "cron {}", cron.text),
            Self::Continuous => f.write_str("continuous"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn us(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn next(pattern: &str, zone: &str, after: &str, n: usize) -> Vec<String> {
        let schedule = Schedule::Cron(Box::new(CronSchedule::new(pattern, zone.parse().unwrap()).unwrap()));
        let mut at = us(after);
        let mut moments = Vec::new();
        for _ in 0..n {
            at = schedule.next_after(at).unwrap();
            moments.push(DateTime::<Utc>::from_timestamp_micros(at).unwrap().format("%m-%d %H:%M:%S").to_string());
        }
        moments
    }

    #[test]
    fn cron_follows_the_clock_of_its_zone() {
        assert_eq!(next("15 22 * * *", "UTC", "2026-11-20T22:15:00Z", 1), ["11-21 22:15:00"]);
        assert_eq!(next("15 22 * * *", "UTC", "2026-11-20T22:14:59.999999Z", 1), ["11-20 22:15:00"]);
        assert_eq!(next("0 9 * * *", "Europe/Berlin", "2026-11-20T00:00:00Z", 1), ["11-20 08:00:00"]);
        assert_eq!(next("0 9 * * *", "+05:30", "2026-11-20T00:00:00Z", 1), ["11-20 03:30:00"]);
        assert_eq!(next("*/20 * * * * *", "UTC", "2026-11-20T00:00:00Z", 2), ["11-20 00:00:20", "11-20 00:00:40"]);
        assert_eq!(next("0 8 * * mon-fri", "UTC", "2026-11-20T09:00:00Z", 2), ["11-23 08:00:00", "11-24 08:00:00"]);
    }

    #[test]
    fn a_skipped_hour_is_made_up_for_and_a_doubled_one_counts_once() {
        // Berlin, 29 March 2026: 02:00 to 03:00 does not exist; 25 October 2026: it comes twice.
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
            ["03-29 01:00:00", "03-30 00:30:00"]
        );
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["10-25 00:30:00", "10-26 01:30:00"]
        );
        // What runs each half hour runs in both of the doubled ones.
        assert_eq!(
            next("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:59:00Z", 5),
            ["10-25 00:00:00", "10-25 00:30:00", "10-25 01:00:00", "10-25 01:30:00", "10-25 02:00:00"]
        );
    }

    #[test]
    fn a_leap_day_is_waited_for() {
        assert_eq!(next("0 0 29 2 *", "UTC", "2026-11-20T00:00:00Z", 1), ["02-29 00:00:00"]);
        let error = CronSchedule::new("0 0 31 2 *", Zone::UTC).unwrap_err();
        assert_eq!(error.to_string(), "`0 0 31 2 *` is not a cron pattern: there is no such day");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["", "* * * *", "61 * * * *", "every day", "* * * * * * * *"] {
            assert!(CronSchedule::new(pattern, Zone::UTC).is_err(), "{pattern}");
        }
    }

    #[test]
    fn intervals_do_not_depend_on_the_start() {
        let schedule = Schedule::Every { interval_us: 10_000_000 };
        assert_eq!(schedule.next_after(0), Some(10_000_000));
        assert_eq!(schedule.next_after(10_000_000), Some(20_000_000));
        assert_eq!(schedule.next_after(-1), Some(0));
        assert_eq!(schedule.between(5, 1_000_000_000_000_000, 2), [999_999_990_000_000, 1_000_000_000_000_000]);
    }

    proptest! {
        /// However a stretch of time is cut, the moments in it are the same.
        #[test]
        fn moments_do_not_depend_on_cuts(start in 0i64..10_000_000_000, cut in 0i64..100, length in 0i64..100, cron: bool) {
            let schedule = if cron {
                Schedule::Cron(Box::new(CronSchedule::new("*/7 * * * * *", Zone::UTC).unwrap()))
            } else {
                Schedule::Every { interval_us: 3_000_000 }
            };
            let start = start * 1_000_000;
            let (middle, end) = (start + cut * 1_000_000, start + (cut + length) * 1_000_000);
            let mut parts = schedule.between(start, middle, 1000);
            parts.extend(schedule.between(middle, end, 1000));
            prop_assert_eq!(parts, schedule.between(start, end, 1000));
        }
    }
}
