//! Times as a test writes them.

use super::RuleTestError;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use trawl_formats::Zone;
use trawl_query::time::{to_local, to_utc};

/// A time as written: of a day, or of the day of the test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'t> {
    text: &'t str,
    date: Option<NaiveDate>,
    time: NaiveTime,
}

impl<'t> Written<'t> {
    /// Reads `2026-11-20 14:00:20`, `2026-11-20T14:00:20.5` or `14:00:20`.
    pub(super) fn read(text: &'t str) -> Result<Self, RuleTestError> {
        let wrong = || RuleTestError::Time { text: text.to_owned() };
        let trimmed = text.trim();
        let (date, time) = match trimmed.split_once([' ', 'T']) {
            Some((date, time)) => (Some(date.parse().map_err(|_| wrong())?), time.trim_start()),
            None => (None, trimmed),
        };
        let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(time, format).ok());
        Ok(Self { text, date, time: time.ok_or_else(wrong)? })
    }

    /// Reads the time that a text begins with; what stands behind it.
    pub(super) fn split(text: &'t str) -> Result<(Self, &'t str), RuleTestError> {
        let text = text.trim();
        let begins_with_date = text.get(..10).is_some_and(|date| date.parse::<NaiveDate>().is_ok());
        let from = if begins_with_date { 11 } else { 0 };
        let len = text.get(from..).and_then(|rest| rest.find(char::is_whitespace)).map_or(text.len(), |len| from + len);
        let (time, rest) = text.split_at(len);
        Ok((Self::read(time)?, rest))
    }

    /// Microseconds UTC; a time of day is one of `day`.
    pub(super) fn resolve(self, day: Option<&Day>, zone: Zone) -> Result<i64, RuleTestError> {
        let date = self.date.or_else(|| day?.0.map(|(date, _)| date));
        let date = date.ok_or_else(|| RuleTestError::NoDay { text: self.text.to_owned() })?;
        to_utc(NaiveDateTime::new(date, self.time), zone)
            .ok_or_else(|| RuleTestError::Time { text: self.text.to_owned() })
    }
}

/// The day of a test; none beyond what a calendar knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day(Option<(NaiveDate, Zone)>);

impl Day {
    /// The day of a moment, microseconds UTC.
    pub(super) fn of(time_us: i64, zone: Zone) -> Self {
        Self(to_local(time_us, zone).map(|local| (local.date(), zone)))
    }

    /// A moment, microseconds UTC, as it is expected: without the date if it is on this day.
    pub(super) fn print(&self, time_us: i64) -> String {
        let Some((day, local)) = self.0.and_then(|(day, zone)| Some((day, to_local(time_us, zone)?))) else {
            return time_us.to_string();
        };
        let format = if local.date() == day { "%H:%M:%S%.f" } else { "%Y-%m-%d %H:%M:%S%.f" };
        local.format(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_printed() {
        let day = Day::of(1_795_183_200_000_000, Zone::UTC);
        for (text, printed, rest) in [
            ("14:00:20 raised host=a", "14:00:20", " raised host=a"),
            ("14:00 raised", "14:00:00", " raised"),
            ("2026-11-20 14:00:20.5 raised", "14:00:20.500", " raised"),
            ("2026-11-21T01:00:00 raised", "2026-11-21 01:00:00", " raised"),
            ("2026-11-21 01:00:00", "2026-11-21 01:00:00", ""),
        ] {
            let (time, behind) = Written::split(text).unwrap();
            assert_eq!((day.print(time.resolve(Some(&day), Zone::UTC).unwrap()).as_str(), behind), (printed, rest));
        }
        for text in ["", "raised", "25:00:00", "2026-11-20", "2026-13-01 10:00:00", "ä:00"] {
            assert!(Written::split(text).is_err(), "{text}");
        }
        let error = Written::read("14:00").unwrap().resolve(None, Zone::UTC).unwrap_err();
        assert!(matches!(error, RuleTestError::NoDay { .. }));
    }
}
