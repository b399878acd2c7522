//! Time as people write it: modifiers, spans, formats — all in a zone, all in whole microseconds.
//!
//! Instants are microseconds since 1970 in UTC. What the local clock shows matters for days and longer units, for
//! snapping and for printing; the functions here are the only ones that turn one into the other.

mod format;
mod modifier;
mod span;

pub use format::TimeFormat;
pub use modifier::{SnapUnit, TimeSpec, TimeStep, Unit};
pub use span::{Bins, SpanUnit, TimeSpan};

use crate::value::Value;
use chrono::{DateTime, NaiveDateTime};
use trawl_formats::Zone;

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;

/// A half-open range of time, `earliest <= t < latest`, in microseconds UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// First instant, if there is a bound.
    pub earliest: Option<i64>,
    /// First instant that is no longer in the range, if there is a bound.
    pub latest: Option<i64>,
}

impl TimeRange {
    /// All time.
    pub const ALL: Self = Self { earliest: None, latest: None };

    /// Whether every instant lies in the range.
    pub fn is_all(&self) -> bool {
        self.earliest.is_none() && self.latest.is_none()
    }

    /// Whether `time_us` lies in the range.
    pub fn contains(&self, time_us: i64) -> bool {
        self.earliest.is_none_or(|earliest| earliest <= time_us) && self.latest.is_none_or(|latest| time_us < latest)
    }
}

/// Instants beyond ±250,000 years cannot be shown on a calendar, nor can days be added to them.
const CALENDAR_US: std::ops::Range<i64> = -7_889_400_000_000_000_000..7_889_400_000_000_000_000;

/// What the clock on the wall shows at an instant; `None` outside the years of the calendar.
pub fn to_local(time_us: i64, zone: Zone) -> Option<NaiveDateTime> {
    if !CALENDAR_US.contains(&time_us) {
        return None;
    }
    DateTime::from_timestamp_micros(zone.to_local_us(time_us)).map(|local| local.naive_utc())
}

/// The instant at which the clock shows `local`: the first of two when clocks go back. A time that is skipped when
/// clocks go forward is as long after the change as it is after the start of the gap. `None` outside the years of the
/// calendar.
pub fn to_utc(local: NaiveDateTime, zone: Zone) -> Option<i64> {
    let local_us = local.and_utc().timestamp_micros();
    CALENDAR_US.contains(&local_us).then(|| zone.to_utc_us(local_us))
}

/// The offset of the zone from UTC at an instant, in microseconds.
fn offset_us(time_us: i64, zone: Zone) -> i64 {
    if CALENDAR_US.contains(&time_us) { zone.to_local_us(time_us) - time_us } else { 0 }
}

/// `_time` as a cell: seconds since 1970 with their fraction.
pub fn to_value(time_us: i64) -> Value {
    Value::Number(time_us as f64 / SECOND_US as f64)
}

/// Seconds since 1970, as a cell or a query holds them, in microseconds; `None` beyond what a time can be.
pub fn from_seconds(seconds: f64) -> Option<i64> {
    let us = (seconds * SECOND_US as f64).round();
    (us.abs() < 1e18).then_some(us as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(local: &str, zone: Zone) -> i64 {
        to_utc(NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap(), zone).unwrap()
    }

    #[test]
    fn skipped_and_repeated_times() {
        let zone = Zone::Named(chrono_tz::America::New_York);
        let minute = 60 * SECOND_US;
        // 2026-03-08 02:00 EST → 03:00 EDT
        assert_eq!(at("2026-03-08 02:30", zone), at("2026-03-08 03:30", zone));
        assert_eq!(at("2026-03-08 03:00", zone) - at("2026-03-08 01:59", zone), minute);
        // 2026-11-01 02:00 EDT → 01:00 EST: 01:30 means the first
        assert_eq!(at("2026-11-01 02:00", zone) - at("2026-11-01 01:30", zone), 90 * minute);
        // No midnight: 2018-11-04 00:00 → 01:00 in São Paulo
        let zone = Zone::Named(chrono_tz::America::Sao_Paulo);
        assert_eq!(at("2018-11-04 00:00", zone), at("2018-11-04 01:00", zone));
    }

    #[test]
    fn seconds_keep_their_microseconds() {
        for us in [0, 1, -1, 1_709_625_600_123_456, 4_102_444_799_999_999] {
            let seconds = to_value(us).as_number().unwrap();
            assert_eq!(from_seconds(seconds), Some(us));
        }
        assert_eq!(to_value(1_709_625_600_123_456).to_string(), "1709625600.123456");
        assert_eq!(from_seconds(1e300), None);
    }

    #[test]
    fn extreme_instants_do_not_panic() {
        for us in [i64::MIN, i64::MAX, 8_210_266_876_799_999_999, -8_334_601_228_800_000_000] {
            let _ = to_local(us, Zone::Named(chrono_tz::Asia::Tokyo));
            let _ = offset_us(us, Zone::Named(chrono_tz::America::New_York));
        }
    }
}
