//! Time zones of sources: names of the IANA database or fixed offsets.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::names;

const SECOND_US: i64 = 1_000_000;

/// The zone in which stamps without an offset are read.
///
/// Written as a name of the IANA database (`Europe/Berlin`) or an offset (`+05:30`, `-0800`, `Z`).
///
/// A local time that does not exist, in the gap when clocks go forward, is read with the offset before the gap; one
/// that exists twice, when clocks go back, means the first of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zone {
    /// A zone of the IANA database, with its changes of clock.
    Named(Tz),
    /// Always the same offset.
    Fixed(FixedOffset),
}

/// A text that is neither a zone name nor an offset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{0}`, expected a name such as `Europe/Berlin` or an offset such as `+05:30`")]
pub struct UnknownZone(pub String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self::Named(Tz::UTC);

    /// Returns the moment, UTC microseconds, that clocks of the zone show as `local_us`, counted as if it were UTC.
    pub fn to_utc_us(self, local_us: i64) -> i64 {
        local_us - self.local_offset_us(local_us)
    }

    /// Returns what clocks of the zone show at `utc_us`, both in microseconds since 1970 of their own calendar.
    pub fn to_local_us(self, utc_us: i64) -> i64 {
        let offset = match self {
            Self::Named(Tz::UTC) => 0,
            Self::Fixed(offset) => offset.local_minus_utc(),
            Self::Named(tz) => naive(utc_us).map_or(0, |utc| tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()),
        };
        utc_us + i64::from(offset) * SECOND_US
    }

    /// Returns local minus UTC time for a local time, in microseconds.
    fn local_offset_us(self, local_us: i64) -> i64 {
        let seconds = match self {
            Self::Named(Tz::UTC) => 0,
            Self::Fixed(offset) => offset.local_minus_utc(),
            Self::Named(tz) => naive(local_us).map_or(0, |local| named_offset(tz, &local)),
        };
        i64::from(seconds) * SECOND_US
    }
}

fn naive(us: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(us).map(|time| time.naive_utc())
}

fn named_offset(tz: Tz, local: &NaiveDateTime) -> i32 {
    match tz.offset_from_local_datetime(local) {
        MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => offset.fix().local_minus_utc(),
        MappedLocalTime::None => {
            // No gap is longer than a day (Samoa skipped one in 2011), so a day earlier lies before it.
            let before = *local - chrono::TimeDelta::days(1);
            tz.offset_from_local_datetime(&before).earliest().map_or(0, |offset| offset.fix().local_minus_utc())
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownZone(text.to_owned());
        if let Some((seconds, len)) = names::offset_at(text.as_bytes()) {
            let offset = FixedOffset::east_opt(seconds).filter(|_| len == text.len());
            return offset.map(Self::Fixed).ok_or_else(unknown);
        }
        text.parse().map(Self::Named).map_err(|_| unknown())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(tz) => f.write_str(tz.name()),
            Self::Fixed(offset) => write!(f, "{offset}"),
        }
    }
}

/// A zone that remembers the offset of the local hour it was asked about last.
///
/// Asking the database costs about 50 ns, and the events of a log lie close together.
#[derive(Clone, Debug)]
pub(crate) struct CachedZone {
    zone: Zone,
    /// Local microseconds for which `offset_us` is known to hold.
    known: std::ops::Range<i64>,
    offset_us: i64,
}

impl CachedZone {
    pub(crate) fn new(zone: Zone) -> Self {
        Self { zone, known: 0..0, offset_us: 0 }
    }

    /// As [`Zone::to_utc_us`].
    pub(crate) fn utc_us(&mut self, local_us: i64) -> i64 {
        if !self.known.contains(&local_us) {
            self.look_up(local_us);
        }
        local_us - self.offset_us
    }

    fn look_up(&mut self, local_us: i64) {
        const HOUR_US: i64 = 3600 * SECOND_US;
        self.offset_us = self.zone.local_offset_us(local_us);
        let hour = local_us.div_euclid(HOUR_US) * HOUR_US;
        // Clocks change at whole minutes, and never twice within an hour: equal offsets at both ends and here mean the
        // same offset all through.
        let same = |us| self.zone.local_offset_us(us) == self.offset_us;
        let uniform = same(hour) && same(hour + HOUR_US - 1);
        self.known = if uniform { hour..hour + HOUR_US } else { local_us..local_us + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::civil;

    fn local(year: i32, month: u8, day: u8, hour: i64, minute: i64) -> i64 {
        (civil::days(year, month, day) * 86_400 + hour * 3600 + minute * 60) * SECOND_US
    }

    #[test]
    fn parses_and_prints() {
        for (text, printed) in [
            ("UTC", "UTC"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("+05:30", "+05:30"),
            ("-0800", "-08:00"),
            ("Z", "+00:00"),
        ] {
            assert_eq!(text.parse::<Zone>().unwrap().to_string(), printed);
        }
        for text in ["", "Mars/Base", "+25:00", "+1x"] {
            assert_eq!(text.parse::<Zone>(), Err(UnknownZone(text.to_owned())));
        }
    }

    #[test]
    fn changes_of_clock_are_resolved_deterministically() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let check = |zone: Zone, local_us: i64, offset_hours: i64| {
            assert_eq!(local_us - zone.to_utc_us(local_us), offset_hours * 3600 * SECOND_US);
            assert_eq!(CachedZone::new(zone).utc_us(local_us), zone.to_utc_us(local_us));
        };
        check(berlin, local(2026, 1, 15, 12, 0), 1);
        check(berlin, local(2026, 7, 15, 12, 0), 2);
        // 2026-03-29: 02:00 becomes 03:00. 02:30 does not exist and is read with the offset before.
        check(berlin, local(2026, 3, 29, 2, 30), 1);
        check(berlin, local(2026, 3, 29, 3, 0), 2);
        // 2026-10-25: 03:00 becomes 02:00. 02:30 exists twice; the first one counts.
        check(berlin, local(2026, 10, 25, 2, 30), 2);
        check(berlin, local(2026, 10, 25, 3, 0), 1);
    }

    #[test]
    fn the_cache_agrees_with_the_zone_over_a_year() {
        let zone: Zone = "Australia/Lord_Howe".parse().unwrap();
        let mut cached = CachedZone::new(zone);
        let start = local(2026, 1, 1, 0, 0);
        for n in 0..365 * 48 {
            let at = start + n * 1800 * SECOND_US + 7;
            assert_eq!(cached.utc_us(at), zone.to_utc_us(at));
        }
    }
}
