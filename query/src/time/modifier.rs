//! Time modifiers: `-15m@m`, `@d+3h`, `now`, `1709625600`, `"03/05/2024:08:00:00"`.

use super::{SECOND_US, from_seconds, offset_us, to_local, to_utc};
use chrono::{Datelike, Days, FixedOffset, Months, NaiveDate, NaiveDateTime, NaiveTime};
use std::fmt;
use trawl_formats::Zone;

/// A point of time as written, not yet resolved against a clock and a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeSpec {
    /// `now`, `now()`: the start of the search.
    Now,
    /// Microseconds since 1970.
    Epoch(i64),
    /// A date, or a date and time. Without an offset it is what the local clock shows.
    Absolute {
        /// What the clock shows.
        local: NaiveDateTime,
        /// Offset from UTC, if it was written.
        offset: Option<FixedOffset>,
    },
    /// Steps from the start of the search, applied from left to right.
    Relative(Vec<TimeStep>),
}

/// One part of a relative time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeStep {
    /// `-15m`: go by that many units.
    Shift {
        /// How many, negative for the past.
        n: i64,
        /// Of what.
        unit: Unit,
    },
    /// `@d`: go back to the start of the unit.
    Snap(SnapUnit),
}

/// A unit of time for steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// Every spelling of every unit, the canonical one first.
const UNIT_NAMES: [(Unit, &[&str]); 8] = [
    (Unit::Second, &["s", "sec", "secs", "second", "seconds"]),
    (Unit::Minute, &["m", "min", "minute", "minutes"]),
    (Unit::Hour, &["h", "hr", "hrs", "hour", "hours"]),
    (Unit::Day, &["d", "day", "days"]),
    (Unit::Week, &["w", "week", "weeks"]),
    (Unit::Month, &["mon", "month", "months"]),
    (Unit::Quarter, &["q", "qtr", "qtrs", "quarter", "quarters"]),
    (Unit::Year, &["y", "yr", "yrs", "year", "years"]),
];

impl Unit {
    /// The unit of that name, in any of its spellings.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        UNIT_NAMES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(unit, _)| *unit)
    }

    /// The shortest name.
    pub fn name(self) -> &'static str {
        UNIT_NAMES.iter().find(|(unit, _)| *unit == self).map_or("", |(_, names)| names[0])
    }
}

/// What a time can be snapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapUnit {
    /// The start of the unit; a week starts on Sunday.
    Unit(Unit),
    /// `w0` … `w6`: the last such day, 0 = Sunday.
    Weekday(u8),
}

impl TimeSpec {
    /// Reads a time modifier. `None` if it is none: callers say what was wrong, with a position.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") || text.eq_ignore_ascii_case("now()") {
            return Some(TimeSpec::Now);
        }
        if text.starts_with(|c: char| c.is_ascii_digit())
            && let Some(seconds) = crate::value::parse_number(text)
        {
            return Some(TimeSpec::Epoch(from_seconds(seconds)?));
        }
        Self::parse_absolute(text).or_else(|| Self::parse_relative(text))
    }

    fn parse_absolute(text: &str) -> Option<Self> {
        // What begins with a sign is relative, and years have four digits; `%Y` takes more, and negative ones.
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        const YEARS: std::ops::RangeInclusive<i32> = 0..=9999;
        if let Ok(local) = NaiveDateTime::parse_from_str(text, "%m/%d/%Y:%H:%M:%S") {
            // Years of two digits are those of this century.
            let local = if local.year() < 100 { local.with_year(2000 + local.year())? } else { local };
            return YEARS.contains(&local.year()).then_some(TimeSpec::Absolute { local, offset: None });
        }
        let date = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
        let rest = &text[10..];
        if rest.is_empty() {
            return Some(TimeSpec::Absolute { local: date.and_time(NaiveTime::MIN), offset: None });
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let (time, offset) = match rest.find(['Z', 'z', '+', '-']) {
            Some(at) => (&rest[..at], Some(parse_offset(&rest[at..])?)),
            None => (rest, None),
        };
        let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(time, format).ok())?;
        Some(TimeSpec::Absolute { local: date.and_time(time), offset })
    }

    fn parse_relative(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('@') {
                let (name, after) = split_at_first(after, |c| !c.is_ascii_alphabetic());
                let (digits, after) = split_at_first(after, |c| !c.is_ascii_digit());
                let snap = match digits {
                    "" => SnapUnit::Unit(Unit::from_name(name)?),
                    day if name.eq_ignore_ascii_case("w") => match day.parse().ok()? {
                        day @ 0_u8..=6 => SnapUnit::Weekday(day),
                        7 => SnapUnit::Weekday(0),
                        _ => return None,
                    },
                    _ => return None,
                };
                steps.push(TimeStep::Snap(snap));
                rest = after;
            } else {
                let unsigned = rest.strip_prefix(['+', '-']);
                // Only the first step may leave its sign out.
                if unsigned.is_none() && !steps.is_empty() {
                    return None;
                }
                let sign = if rest.starts_with('-') { -1 } else { 1 };
                let (digits, after) = split_at_first(unsigned.unwrap_or(rest), |c| !c.is_ascii_digit());
                let (name, after) = split_at_first(after, |c| !c.is_ascii_alphabetic());
                let n = if digits.is_empty() { 1 } else { digits.parse::<u32>().ok()? };
                if digits.is_empty() && unsigned.is_none() {
                    return None;
                }
                steps.push(TimeStep::Shift { n: sign * i64::from(n), unit: Unit::from_name(name)? });
                rest = after;
            }
        }
        (!steps.is_empty()).then_some(TimeSpec::Relative(steps))
    }

    /// The instant meant, in microseconds UTC, if `now_us` is the present. `None` if it lies outside the years that a
    /// time can have.
    pub fn resolve(&self, now_us: i64, zone: Zone) -> Option<i64> {
        match self {
            TimeSpec::Now => Some(now_us),
            TimeSpec::Epoch(us) => Some(*us),
            TimeSpec::Absolute { local, offset: None } => to_utc(*local, zone),
            TimeSpec::Absolute { local, offset: Some(offset) } => {
                Some(local.checked_sub_offset(*offset)?.and_utc().timestamp_micros())
            }
            TimeSpec::Relative(steps) => steps.iter().try_fold(now_us, |time_us, step| step.apply(time_us, zone)),
        }
    }
}

impl TimeStep {
    fn apply(self, time_us: i64, zone: Zone) -> Option<i64> {
        match self {
            TimeStep::Shift { n, unit } => shift(time_us, n, unit, zone),
            TimeStep::Snap(SnapUnit::Unit(unit)) => snap(time_us, unit, zone),
            TimeStep::Snap(SnapUnit::Weekday(day)) => snap_to_weekday(time_us, day, zone),
        }
    }
}

/// Seconds to hours are lengths; days and longer keep what the local clock shows, so a day may have 23 hours.
fn shift(time_us: i64, n: i64, unit: Unit, zone: Zone) -> Option<i64> {
    let fixed = |seconds: i64| time_us.checked_add(n.checked_mul(seconds * SECOND_US)?);
    let days = |each: i64| {
        let local = to_local(time_us, zone)?;
        let days = Days::new(n.unsigned_abs() * each.unsigned_abs());
        to_utc(if n < 0 { local.checked_sub_days(days)? } else { local.checked_add_days(days)? }, zone)
    };
    let months = |each: i64| {
        let local = to_local(time_us, zone)?;
        let months = Months::new(u32::try_from(n.unsigned_abs() * each.unsigned_abs()).ok()?);
        to_utc(if n < 0 { local.checked_sub_months(months)? } else { local.checked_add_months(months)? }, zone)
    };
    match unit {
        Unit::Second => fixed(1),
        Unit::Minute => fixed(60),
        Unit::Hour => fixed(3600),
        Unit::Day => days(1),
        Unit::Week => days(7),
        Unit::Month => months(1),
        Unit::Quarter => months(3),
        Unit::Year => months(12),
    }
}

fn snap(time_us: i64, unit: Unit, zone: Zone) -> Option<i64> {
    // Below a day the offset stays what it is at this instant: an hour that the clock shows twice is two hours.
    let floor = |seconds: i64| {
        let offset = offset_us(time_us, zone);
        let local = time_us.checked_add(offset)?;
        local.checked_sub(local.rem_euclid(seconds * SECOND_US))?.checked_sub(offset)
    };
    let date = || to_local(time_us, zone).map(|local| local.date());
    let midnight = |date: NaiveDate| to_utc(date.and_time(NaiveTime::MIN), zone);
    match unit {
        Unit::Second => floor(1),
        Unit::Minute => floor(60),
        Unit::Hour => floor(3600),
        Unit::Day => midnight(date()?),
        Unit::Week => snap_to_weekday(time_us, 0, zone),
        Unit::Month => midnight(date()?.with_day(1)?),
        Unit::Quarter => {
            let date = date()?;
            midnight(NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)?)
        }
        Unit::Year => midnight(NaiveDate::from_ymd_opt(date()?.year(), 1, 1)?),
    }
}

fn snap_to_weekday(time_us: i64, day: u8, zone: Zone) -> Option<i64> {
    let date = to_local(time_us, zone)?.date();
    let back = (date.weekday().num_days_from_sunday() + 7 - u32::from(day)) % 7;
    to_utc(date.checked_sub_days(Days::new(u64::from(back)))?.and_time(NaiveTime::MIN), zone)
}

/// Reads `Z`, `+hh`, `+hhmm` or `+hh:mm`.
pub(super) fn parse_offset(text: &str) -> Option<FixedOffset> {
    if text.eq_ignore_ascii_case("z") {
        return FixedOffset::east_opt(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = text[1..].replacen(':', "", 1);
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = (digits[..2].parse::<i32>().ok()?, digits[2..].parse::<i32>().unwrap_or(0));
    (minutes < 60).then(|| FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60)))?
}

pub(super) fn split_at_first(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

impl fmt::Display for TimeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeSpec::Now => f.write_str("now"),
            TimeSpec::Epoch(us) => f.write_str(&crate::value::format_number(*us as f64 / SECOND_US as f64)),
            TimeSpec::Absolute { local, offset } => {
                write!(f, "{}", local.format("%Y-%m-%dT%H:%M:%S%.f"))?;
                offset.map_or(Ok(()), |offset| write!(f, "{offset}"))
            }
            TimeSpec::Relative(steps) => steps.iter().try_for_each(|step| step.fmt(f)),
        }
    }
}

impl fmt::Display for TimeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeStep::Shift { n, unit } => write!(f, "{n:+}{}", unit.name()),
            TimeStep::Snap(SnapUnit::Unit(unit)) => write!(f, "@{}", unit.name()),
            TimeStep::Snap(SnapUnit::Weekday(day)) => write!(f, "@w{day}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    const NEW_YORK: Zone = Zone::Named(chrono_tz::America::New_York);

    fn resolve(spec: &str, now: &str, zone: Zone) -> String {
        let now_us = DateTime::parse_from_rfc3339(now).unwrap().timestamp_micros();
        let us = TimeSpec::parse(spec).unwrap_or_else(|| panic!("{spec}")).resolve(now_us, zone).unwrap();
        DateTime::from_timestamp_micros(us).unwrap().format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
    }

    #[test]
    fn times_relative_to_a_thursday_afternoon() {
        let cases = [
            ("now", "2026-03-05T15:47:33Z"),
            ("now()", "2026-03-05T15:47:33Z"),
            ("-15m", "2026-03-05T15:32:33Z"),
            ("-15m@m", "2026-03-05T15:32:00Z"),
            ("-15minutes", "2026-03-05T15:32:33Z"),
            ("-h", "2026-03-05T14:47:33Z"),
            ("@h", "2026-03-05T15:00:00Z"),
            ("+1d@d", "2026-03-06T00:00:00Z"),
            ("1d@d", "2026-03-06T00:00:00Z"),
            ("@d", "2026-03-05T00:00:00Z"),
            ("-1d@d+3h", "2026-03-04T03:00:00Z"),
            ("@w", "2026-03-01T00:00:00Z"),
            ("@w0", "2026-03-01T00:00:00Z"),
            ("@w7", "2026-03-01T00:00:00Z"),
            ("@w1", "2026-03-02T00:00:00Z"),
            ("@w4", "2026-03-05T00:00:00Z"),
            ("@w5", "2026-02-27T00:00:00Z"),
            ("@w1-7d+9h", "2026-02-23T09:00:00Z"),
            ("-mon@mon", "2026-02-01T00:00:00Z"),
            ("@q", "2026-01-01T00:00:00Z"),
            ("-1q@q", "2025-10-01T00:00:00Z"),
            ("@y", "2026-01-01T00:00:00Z"),
            ("-2y", "2024-03-05T15:47:33Z"),
            ("1709625600", "2024-03-05T08:00:00Z"),
            ("1709625600.25", "2024-03-05T08:00:00.250Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("03/05/2024:08:00:00", "2024-03-05T08:00:00Z"),
            ("2024-03-05", "2024-03-05T00:00:00Z"),
            ("2024-03-05T08:00", "2024-03-05T08:00:00Z"),
            ("2024-03-05 08:00:00.5", "2024-03-05T08:00:00.500Z"),
            ("2024-03-05T08:00:00+05:30", "2024-03-05T02:30:00Z"),
            ("2024-03-05T08:00:00Z", "2024-03-05T08:00:00Z"),
        ];
        for (spec, expected) in cases {
            assert_eq!(resolve(spec, "2026-03-05T15:47:33Z", Zone::UTC), expected, "{spec}");
        }
    }

    #[test]
    fn days_follow_the_local_clock() {
        // Clocks go forward on 2026-03-08 at 02:00 (07:00 UTC).
        let cases = [
            ("@d", "2026-03-08T05:00:00Z"),
            ("-1d", "2026-03-07T17:00:00Z"),
            ("-24h", "2026-03-07T16:00:00Z"),
            ("-1d@d", "2026-03-07T05:00:00Z"),
            ("+1d@d", "2026-03-09T04:00:00Z"),
            ("@d+3h", "2026-03-08T08:00:00Z"),
            ("@w", "2026-03-08T05:00:00Z"),
            ("@mon", "2026-03-01T05:00:00Z"),
        ];
        for (spec, expected) in cases {
            assert_eq!(resolve(spec, "2026-03-08T16:00:00Z", NEW_YORK), expected, "{spec}");
        }
        // In the hour that is shown twice, snapping to the hour keeps the two apart.
        assert_eq!(resolve("@h", "2026-11-01T05:30:00Z", NEW_YORK), "2026-11-01T05:00:00Z");
        assert_eq!(resolve("@h", "2026-11-01T06:30:00Z", NEW_YORK), "2026-11-01T06:00:00Z");
        assert_eq!(
            resolve("@h", "2026-11-01T06:45:00Z", Zone::Named(chrono_tz::Asia::Kolkata)),
            "2026-11-01T06:30:00Z"
        );
    }

    #[test]
    fn months_end_where_they_end() {
        assert_eq!(resolve("-1mon", "2026-03-31T12:00:00Z", Zone::UTC), "2026-02-28T12:00:00Z");
        assert_eq!(resolve("+1q", "2025-11-30T00:00:00Z", Zone::UTC), "2026-02-28T00:00:00Z");
    }

    #[test]
    fn anything_else_is_not_a_time() {
        for text in [
            "",
            "-1x",
            "yesterday",
            "-",
            "@",
            "-5",
            "@w8",
            "@d1",
            "-1d3h",
            "d",
            "rt",
            "rt-5m",
            "2024-13-01",
            "-1d@",
            "-803-03-04T08:00",
            "03/05/-2024:08:00:00",
            "03/05/12024:08:00:00",
        ] {
            assert_eq!(TimeSpec::parse(text), None, "{text}");
        }
    }

    #[test]
    fn far_away_is_none_not_a_panic() {
        for spec in ["-4000000000y", "+4000000000mon", "-4000000000d", "+4000000000w"] {
            assert_eq!(TimeSpec::parse(spec).unwrap().resolve(0, Zone::UTC), None, "{spec}");
        }
        for spec in ["@s", "@m", "@h", "@d", "@w3", "@mon", "@q", "@y"] {
            let spec = TimeSpec::parse(spec).unwrap();
            for zone in [Zone::UTC, NEW_YORK, "+05:30".parse().unwrap(), "-11:59".parse().unwrap()] {
                assert_eq!(spec.resolve(i64::MIN, zone), None, "{spec} {zone}");
                let _ = spec.resolve(i64::MAX, zone);
            }
        }
    }

    proptest! {
        #[test]
        fn printing_reads_back(text in "([+-][0-9]{1,3}(s|m|h|d|w|mon|q|y)|@(s|m|h|d|w|w[0-6]|mon|q|y)){1,4}") {
            let spec = TimeSpec::parse(&text).unwrap();
            prop_assert_eq!(TimeSpec::parse(&spec.to_string()), Some(spec));
        }

        #[test]
        fn snapping_goes_back_and_stays(
            now_us in 0_i64..4_000_000_000_000_000,
            unit in proptest::sample::select(UNIT_NAMES.map(|(unit, _)| unit).to_vec()),
        ) {
            let snapped = snap(now_us, unit, NEW_YORK).unwrap();
            prop_assert!(snapped <= now_us);
            prop_assert_eq!(snap(snapped, unit, NEW_YORK), Some(snapped));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,20}") {
            let _ = TimeSpec::parse(&text);
        }
    }
}
