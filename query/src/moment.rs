//! Instants as results, and files that people read and edit, have them: RFC 3339, in UTC, to the microsecond.

use crate::time::TimeFormat;
use chrono::{DateTime, Datelike, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use trawl_formats::Zone;

/// An instant, microseconds since 1970 in UTC. It serialises as RFC 3339 with microseconds, in UTC; beyond the years of that, as
/// the number that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// Microseconds from `earlier` to this, negative if it is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant `us` microseconds later.
    pub fn plus(self, us: i64) -> Self {
        Self(self.0.saturating_add(us))
    }

    /// As people in `zone` write it: `2026-11-20 14:05:01.123 +01:00`.
    pub fn in_zone(self, zone: Zone) -> String {
        self.formatted("%Y-%m-%d %H:%M:%S.%3N %:z", zone)
    }

    /// Day and time of day to the second.
    pub fn to_second(self, zone: Zone) -> String {
        self.formatted("%Y-%m-%d %H:%M:%S", zone)
    }

    /// The day.
    pub fn day(self, zone: Zone) -> String {
        self.formatted("%Y-%m-%d", zone)
    }

    /// By a format of `strftime`; as the number where no calendar reaches.
    pub fn formatted(self, format: &str, zone: Zone) -> String {
        TimeFormat::new(format).format(self.0, zone).unwrap_or_else(|| self.0.to_string())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // RFC 3339 has four digits for the year.
        match DateTime::from_timestamp_micros(self.0).filter(|time| (0..=9999).contains(&time.year())) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(us) = text.parse() {
            return Ok(Self(us));
        }
        let time = DateTime::parse_from_rfc3339(text);
        time.map(|time| Self(time.timestamp_micros())).map_err(|_| format!("`{text}` is not a time as RFC 3339 has it"))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn moments_are_written_for_people() {
        let moment = Moment(1_795_183_500_123_456);
        assert_eq!(moment.to_string(), "2026-11-20T14:05:00.123456Z");
        assert_eq!("2026-11-20T15:05:00.123456+01:00".parse(), Ok(moment));
        let berlin = "Europe/Berlin".parse().unwrap();
        assert_eq!(moment.in_zone(berlin), "2026-11-20 15:05:00.123 +01:00");
        assert_eq!(moment.day(berlin), "2026-11-20");
        assert!("yesterday".parse::<Moment>().is_err());
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-11-20T14:05:00.123456Z\"");
        assert!(serde_json::from_str::<Moment>("\"yesterday\"").is_err());
    }

    proptest! {
        #[test]
        fn any_moment_reads_back(us: i64) {
            prop_assert_eq!(Moment(us).to_string().parse(), Ok(Moment(us)));
            let json = serde_json::to_string(&Moment(us)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Moment>(&json).unwrap(), Moment(us), "{}", json);
        }
    }
}
