//! Resolution: which moment a stamp means for one source.

use super::TimeContext;
use super::civil;
use super::program::{LocalDate, Moment};
use super::zone::{CachedZone, Zone};

const DAY_US: i64 = 86_400 * 1_000_000;

/// 1990-01-01: no log worth reading is older, a stamp before it is a counter or a clock that was not set.
const EARLIEST_US: i64 = 631_152_000_000_000;

/// How far past the later of now and the modification time a stamp is believed: clocks may be wrong by a zone or two.
const MAX_FUTURE_US: i64 = 2 * DAY_US;

/// Turns stamps into UTC microseconds by the context of their source.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    zone: CachedZone,
    mtime_us: i64,
    /// The modification time on the source's own clocks.
    mtime_local_us: i64,
    latest_us: i64,
}

impl Resolver {
    /// `default_zone` is that of the sourcetype, which wins over the source's.
    pub(crate) fn new(context: &TimeContext, default_zone: Option<Zone>) -> Self {
        let zone = default_zone.unwrap_or(context.zone);
        Self {
            zone: CachedZone::new(zone),
            mtime_us: context.mtime_us,
            mtime_local_us: zone.to_local_us(context.mtime_us),
            latest_us: context.now_us.max(context.mtime_us).saturating_add(MAX_FUTURE_US),
        }
    }

    /// Returns the moment in UTC microseconds; `None` if it is absurd.
    #[inline]
    pub(crate) fn resolve(&mut self, moment: Moment) -> Option<i64> {
        let us = match moment {
            Moment::Instant(us) => us,
            Moment::Local { date, time_us, offset_seconds: None } => {
                let local_us = complete(date, time_us, self.mtime_local_us)?;
                self.zone.utc_us(local_us)
            }
            Moment::Local { date, time_us, offset_seconds: Some(seconds) } => {
                let offset_us = i64::from(seconds) * 1_000_000;
                complete(date, time_us, self.mtime_us + offset_us)? - offset_us
            }
        };
        (EARLIEST_US..=self.latest_us).contains(&us).then_some(us)
    }
}

/// Completes the date of a local time by the modification time on the same clocks.
fn complete(date: LocalDate, time_us: i64, mtime_local_us: i64) -> Option<i64> {
    let days = match date {
        LocalDate::Full(days) => days,
        LocalDate::NoYear { month, day } => place_in_year(month, day, time_us, mtime_local_us)?,
        LocalDate::Absent => mtime_local_us.div_euclid(DAY_US),
    };
    Some(days * DAY_US + time_us)
}

/// Finds the latest year in which the date is not more than a day after the modification time; returns the day.
///
/// So December lines of a file written in January fall into the year before, and a stamp a few hours ahead of the file's
/// time at New Year falls into the next.
fn place_in_year(month: u8, day: u8, time_us: i64, mtime_local_us: i64) -> Option<i64> {
    /// 29 February comes back within eight years, also around 1900 and 2100.
    const MAX_YEARS_BACK: i32 = 8;
    let mtime_year = civil::year_of(mtime_local_us.div_euclid(DAY_US));
    (mtime_year - MAX_YEARS_BACK..=mtime_year + 1)
        .rev()
        .filter(|year| day <= civil::days_in_month(*year, month))
        .map(|year| civil::days(year, month, day))
        .find(|days| days * DAY_US + time_us <= mtime_local_us + DAY_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn resolver(zone: &str, mtime: &str, now: &str) -> Resolver {
        let context = TimeContext { zone: zone.parse().unwrap(), mtime_us: us(mtime), now_us: us(now) };
        Resolver::new(&context, None)
    }

    fn no_year(month: u8, day: u8, hour: i64) -> Moment {
        Moment::Local { date: LocalDate::NoYear { month, day }, time_us: hour * 3_600_000_000, offset_seconds: None }
    }

    #[test]
    fn missing_years_do_not_jump_at_new_year() {
        for (mtime, moment, expected) in [
            ("2026-11-22T00:00:00Z", no_year(11, 20, 14), "2026-11-20T14:00:00Z"),
            ("2026-11-22T00:00:00Z", no_year(12, 24, 0), "2025-12-24T00:00:00Z"),
            ("2027-01-02T08:00:00Z", no_year(12, 31, 23), "2026-12-31T23:00:00Z"),
            ("2027-01-02T08:00:00Z", no_year(1, 1, 0), "2027-01-01T00:00:00Z"),
            ("2026-12-31T23:30:00Z", no_year(1, 1, 0), "2027-01-01T00:00:00Z"),
            ("2026-11-22T00:00:00Z", no_year(2, 29, 0), "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(resolver("UTC", mtime, mtime).resolve(moment), Some(us(expected)), "{mtime}");
        }
    }

    #[test]
    fn missing_dates_are_those_of_the_file() {
        let moment = Moment::Local { date: LocalDate::Absent, time_us: 12 * 3_600_000_000, offset_seconds: None };
        assert_eq!(
            resolver("UTC", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z").resolve(moment),
            Some(us("2026-11-22T12:00:00Z"))
        );
        assert_eq!(
            resolver("Asia/Kolkata", "2026-11-22T20:00:00Z", "2026-11-22T20:00:00Z").resolve(moment),
            Some(us("2026-11-23T06:30:00Z"))
        );
    }

    #[test]
    fn offsets_without_a_year_are_kept() {
        let moment = |month, day, hour: i64| Moment::Local {
            date: LocalDate::NoYear { month, day },
            time_us: hour * 3_600_000_000,
            offset_seconds: Some(19_800),
        };
        let mut resolver = resolver("America/New_York", "2026-12-31T20:00:00Z", "2026-12-31T20:00:00Z");
        assert_eq!(resolver.resolve(moment(1, 1, 1)), Some(us("2026-12-31T19:30:00Z")));
        assert_eq!(resolver.resolve(moment(12, 31, 1)), Some(us("2026-12-30T19:30:00Z")));
    }

    #[test]
    fn absurd_times_are_refused() {
        let mut resolver = resolver("UTC", "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z");
        for (time, expected) in [
            ("1989-12-31T23:59:59Z", false),
            ("1990-01-01T00:00:00Z", true),
            ("2026-11-24T00:00:00Z", true),
            ("2026-11-24T00:00:01Z", false),
        ] {
            let moment = Moment::Instant(us(time));
            assert_eq!(resolver.resolve(moment).is_some(), expected, "{time}");
        }
    }
}
