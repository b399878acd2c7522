//! The one reader of windows of time on the command line: `14:00..14:25`, `-1h..now`, `2026-11-20 14:00..14:25`.

use crate::error::Advice;
use anyhow::bail;
use chrono::{NaiveDate, NaiveTime};
use trawl_formats::Zone;
use trawl_query::time::{TimeSpec, to_local, to_utc};

/// A window of time, microseconds UTC: from `from_us` until before `until_us`, where it has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first instant.
    pub from_us: i64,
    /// The first instant behind it.
    pub until_us: Option<i64>,
}

const HINT: &str =
    "write for example 14:00..14:25, '2026-11-20 14:00..14:25', -1h..now, or 14:00.. for a window without an end";

/// Reads `A..B`, `A..` or `A`. A and B are times as searches take them, or a time of the day: of the day that A names for B,
/// else of today. An end of the day before the beginning is that of the next day.
///
/// # Errors
/// If it cannot be read, or ends where it begins or before.
pub fn parse(option: &str, text: &str, now_us: i64, zone: Zone) -> anyhow::Result<Window> {
    let not_a_time = |part: &str| Advice::new(format!("`{part}` is not a time ({option})"), HINT);
    let (from, until) = match text.split_once("..") {
        Some((from, until)) => (from.trim(), Some(until.trim()).filter(|until| !until.is_empty())),
        None => (text.trim(), None),
    };
    let today = to_local(now_us, zone).map(|local| local.date());
    let Some(from_us) = moment(from, today, now_us, zone) else { bail!(not_a_time(from)) };
    let Some(until) = until else { return Ok(Window { from_us, until_us: None }) };
    let day = to_local(from_us, zone).map(|local| local.date());
    let mut until_us = moment(until, day, now_us, zone);
    if time_of_day(until).is_some() && until_us.is_some_and(|until_us| until_us < from_us) {
        until_us = moment(until, day.and_then(|day| day.succ_opt()), now_us, zone);
    }
    let Some(until_us) = until_us else { bail!(not_a_time(until)) };
    if until_us <= from_us {
        bail!(Advice::new(format!("the window `{text}` ends at its beginning or before ({option})"), HINT));
    }
    Ok(Window { from_us, until_us: Some(until_us) })
}

/// Reads one time: of `day` if it is a time of the day.
///
/// # Errors
/// If it cannot be read.
pub fn parse_moment(option: &str, text: &str, now_us: i64, zone: Zone) -> anyhow::Result<i64> {
    let today = to_local(now_us, zone).map(|local| local.date());
    let Some(us) = moment(text.trim(), today, now_us, zone) else {
        bail!(Advice::new(
            format!("`{text}` is not a time ({option})"),
            "write for example 14:05, -2h or 2026-11-20T14:05:00"
        ));
    };
    Ok(us)
}

fn moment(text: &str, day: Option<NaiveDate>, now_us: i64, zone: Zone) -> Option<i64> {
    match time_of_day(text) {
        Some(time) => to_utc(day?.and_time(time), zone),
        None => TimeSpec::parse(text)?.resolve(now_us, zone),
    }
}

/// `14:05`, `14:05:30`, `14:05:30.250`.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-22 23:00 UTC
    const NOW_US: i64 = 1_795_388_400_000_000;

    fn read(text: &str, zone: &str) -> String {
        let show = |us: i64| to_local(us, Zone::UTC).unwrap().format("%F %T%.f").to_string();
        match parse("--incident", text, NOW_US, zone.parse().unwrap()) {
            Ok(window) => format!("{} .. {}", show(window.from_us), window.until_us.map_or("".to_owned(), show)),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn windows_are_read() {
        let cases = [
            ("14:00..14:25", "2026-11-22 14:00:00 .. 2026-11-22 14:25:00"),
            ("2026-11-20 14:00..14:25", "2026-11-20 14:00:00 .. 2026-11-20 14:25:00"),
            ("2026-11-20T14:00:30.5Z..14:25", "2026-11-20 14:00:30.500 .. 2026-11-20 14:25:00"),
            ("2026-11-20 23:50..00:10", "2026-11-20 23:50:00 .. 2026-11-21 00:10:00"),
            ("-1h..now", "2026-11-22 22:00:00 .. 2026-11-22 23:00:00"),
            ("@d+14h .. @d+15h", "2026-11-22 14:00:00 .. 2026-11-22 15:00:00"),
            ("2026-11-20 14:00..2026-11-21", "2026-11-20 14:00:00 .. 2026-11-21 00:00:00"),
            ("14:00..", "2026-11-22 14:00:00 .. "),
            ("14:00", "2026-11-22 14:00:00 .. "),
            ("14:00..13:00x", "`13:00x` is not a time (--incident)"),
            ("..14:00", "`` is not a time (--incident)"),
            ("now..-1h", "the window `now..-1h` ends at its beginning or before (--incident)"),
            ("14:00..14:00", "the window `14:00..14:00` ends at its beginning or before (--incident)"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, "UTC"), expected, "{text}");
        }
        assert_eq!(read("14:00..14:25", "+05:30"), "2026-11-23 08:30:00 .. 2026-11-23 08:55:00");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}", times in "[0-9:.@dhm +-]{0,20}") {
            for text in [text, times] {
                if let Ok(window) = parse("--incident", &text, NOW_US, Zone::UTC) {
                    prop_assert!(window.until_us.is_none_or(|until_us| window.from_us < until_us));
                }
            }
        }
    }
}
