//! Ranges of time as they are typed: `14:00..14:25`.

use crate::error::Advice;
use anyhow::bail;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use trawl_formats::Zone;
use trawl_query::time::{TimeSpec, to_local, to_utc};

const HINT: &str = "write for example 14:00..14:25, '2026-11-20 14:00..14:25', -2h..-1h or 2026-11-20T14:00:00Z..now";

/// Reads a range of time, half open, microseconds UTC: `A..B`, where A and B are time modifiers, or `HH:MM` of today in the zone. B
/// may leave out the date that A names; a time that is not after A is then that of the day after. Without a B the range ends now.
///
/// # Errors
/// If the text is no range, or its end is not after its beginning.
pub fn parse(option: &str, text: &str, now_us: i64, zone: Zone) -> anyhow::Result<(i64, i64)> {
    let wrong = || Advice::new(format!("`{text}` is not a range of time ({option})"), HINT);
    let Some((from, to)) = text.split_once("..") else { bail!(wrong()) };
    let (from, to) = (from.trim(), to.trim());
    let today = to_local(now_us, zone).map(|now| now.date());
    let from_us = instant(from, today, now_us, zone).ok_or_else(wrong)?;
    let day = to_local(from_us, zone).map(|from| from.date());
    let to_us = match (to, clock(to)) {
        ("", _) => now_us,
        (_, Some(_)) => {
            let same_day = instant(to, day, now_us, zone).ok_or_else(wrong)?;
            let next_day = day.and_then(|day| day.checked_add_signed(TimeDelta::days(1)));
            if same_day > from_us { same_day } else { instant(to, next_day, now_us, zone).ok_or_else(wrong)? }
        }
        _ => instant(to, None, now_us, zone).ok_or_else(wrong)?,
    };
    if to_us <= from_us {
        bail!(Advice::new(format!("`{text}` ends before it begins ({option})"), HINT));
    }
    Ok((from_us, to_us))
}

/// A time modifier, or the time of a day.
fn instant(text: &str, day: Option<NaiveDate>, now_us: i64, zone: Zone) -> Option<i64> {
    match (clock(text), day) {
        (Some(time), Some(day)) => to_utc(day.and_time(time), zone),
        _ => TimeSpec::parse(text)?.resolve(now_us, zone),
    }
}

/// `HH:MM`, perhaps with seconds.
fn clock(text: &str) -> Option<NaiveTime> {
    let formats = ["%H:%M:%S%.f", "%H:%M"];
    formats.iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 16:00 UTC.
    const NOW_US: i64 = 1_795_190_400_000_000;
    const MINUTE_US: i64 = 60_000_000;

    #[track_caller]
    fn check(text: &str, zone: &str, from_minutes: i64, to_minutes: i64) {
        let range = parse("--incident", text, NOW_US, zone.parse().unwrap()).unwrap();
        let minutes = |us: i64| (us - NOW_US) / MINUTE_US;
        assert_eq!((minutes(range.0), minutes(range.1)), (from_minutes, to_minutes), "{text}");
    }

    #[test]
    fn ranges() {
        check("14:00..14:25", "UTC", -120, -95);
        check("14:00..14:25", "+02:00", -240, -215);
        check("-2h..-1h", "UTC", -120, -60);
        check("-2h..", "UTC", -120, 0);
        check("-2h..now", "UTC", -120, 0);
        check("2026-11-19 23:50..00:10", "UTC", -970, -950);
        check("2026-11-20T14:00:30Z..14:25:30", "UTC", -119, -94);
        check("2026-11-20T14:00:00Z..2026-11-20T15:00:00+00:00", "America/New_York", -120, -60);
        check("@d..@d+1h", "UTC", -960, -900);
    }

    #[test]
    fn what_is_no_range() {
        for text in ["14:00", "14:00..x", "x..14:00", "-1h..-2h", "..", "25:00..26:00"] {
            assert!(parse("--incident", text, NOW_US, Zone::UTC).is_err(), "{text}");
        }
    }
}
