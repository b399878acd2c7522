//! Spans of time and the bins they cut time into.

use super::{SECOND_US, Unit, offset_us, to_local, to_utc};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime};
use std::fmt;
use trawl_formats::Zone;

/// The length of a bin of time: `5m`, `1d`, `1w@w1`, `100ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan {
    /// How many units; at least 1.
    n: u32,
    unit: SpanUnit,
    /// For weeks: the day on which they begin, 0 = Sunday.
    week_start: u8,
}

/// A unit of time for spans: those of modifiers and the fractions of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanUnit {
    /// A fraction of a second: this many microseconds.
    Fraction(u32),
    /// A second or more.
    Unit(Unit),
}

const FRACTIONS: [(&str, u32); 4] = [("us", 1), ("ms", 1_000), ("cs", 10_000), ("ds", 100_000)];

impl TimeSpan {
    /// The spans that automatic choice takes, shortest first. Each begins wherever the next one begins.
    pub const AUTOMATIC: [Self; 11] = [
        Self::of(1, Unit::Second),
        Self::of(5, Unit::Second),
        Self::of(10, Unit::Second),
        Self::of(30, Unit::Second),
        Self::of(1, Unit::Minute),
        Self::of(5, Unit::Minute),
        Self::of(10, Unit::Minute),
        Self::of(30, Unit::Minute),
        Self::of(1, Unit::Hour),
        Self::of(1, Unit::Day),
        Self::of(1, Unit::Month),
    ];

    /// `n` units; a week starts on Sunday.
    pub const fn of(n: u32, unit: Unit) -> Self {
        Self { n, unit: SpanUnit::Unit(unit), week_start: 0 }
    }

    /// The shortest automatic span, not below `at_least`, that cuts `length_us` into at most `max_bins` bins; the
    /// longest automatic span if none does.
    pub fn automatic(length_us: i64, max_bins: u32, at_least: Option<TimeSpan>) -> Self {
        let minimum_us = at_least.map_or(0, TimeSpan::nominal_us);
        let fits = |span: &TimeSpan| {
            let span_us = span.nominal_us();
            span_us >= minimum_us
                && length_us.max(0).unsigned_abs().div_ceil(span_us.unsigned_abs()) <= u64::from(max_bins)
        };
        Self::AUTOMATIC.into_iter().find(fits).unwrap_or(Self::of(1, Unit::Month))
    }

    /// Reads a span. A number alone is seconds; a missing number is 1. `None` if the text is no span.
    ///
    /// `@` and a unit that is not longer, as in `1d@h`, says where bins begin: they begin there anyway.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, rest) = super::modifier::split_at_first(text.trim(), |c| !c.is_ascii_digit());
        let (name, snap) = rest.split_once('@').map_or((rest, None), |(name, snap)| (name, Some(snap)));
        let n = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        let unit = match name {
            "" if !digits.is_empty() => SpanUnit::Unit(Unit::Second),
            _ => match FRACTIONS.iter().find(|(fraction, _)| *fraction == name) {
                Some((_, us)) => SpanUnit::Fraction(*us),
                None => SpanUnit::Unit(Unit::from_name(name)?),
            },
        };
        let weekday = |day: &str| day.strip_prefix('w')?.parse().ok().filter(|day: &u8| *day <= 7);
        let week_start = match (snap, unit) {
            (None, _) => 0,
            (Some(snap), SpanUnit::Unit(Unit::Week)) if weekday(snap).is_some() => weekday(snap)? % 7,
            (Some(snap), SpanUnit::Unit(unit)) if Unit::from_name(snap)? <= unit => 0,
            (Some(_), _) => return None,
        };
        let span = Self { n, unit, week_start };
        let divides_second = match unit {
            SpanUnit::Fraction(us) => n > 0 && SECOND_US % (i64::from(us) * i64::from(n)) == 0,
            SpanUnit::Unit(_) => true,
        };
        // A thousand years is beyond use and keeps all arithmetic far from its limits.
        (n > 0 && divides_second && span.nominal_us() <= 1000 * 366 * 86_400 * SECOND_US).then_some(span)
    }

    /// The number of units and the unit.
    pub fn parts(self) -> (u32, SpanUnit) {
        (self.n, self.unit)
    }

    /// The length in microseconds, months counted as 30 days and years as 365.
    pub fn nominal_us(self) -> i64 {
        let unit_us = match self.unit {
            SpanUnit::Fraction(us) => i64::from(us),
            SpanUnit::Unit(unit) => {
                SECOND_US
                    * match unit {
                        Unit::Second => 1,
                        Unit::Minute => 60,
                        Unit::Hour => 3600,
                        Unit::Day => 86_400,
                        Unit::Week => 7 * 86_400,
                        Unit::Month => 30 * 86_400,
                        Unit::Quarter => 91 * 86_400,
                        Unit::Year => 365 * 86_400,
                    }
            }
        };
        unit_us.saturating_mul(i64::from(self.n))
    }

    /// The unit that counts days or months on the calendar, if the span does so, with its number of days or months.
    fn calendar(self) -> Option<Calendar> {
        let SpanUnit::Unit(unit) = self.unit else { return None };
        match unit {
            Unit::Second | Unit::Minute | Unit::Hour => None,
            Unit::Day => Some(Calendar::Days { n: self.n, first: 0 }),
            // 1970-01-01 was a Thursday; day 3 since then was the first Sunday.
            Unit::Week => Some(Calendar::Days { n: 7 * self.n, first: 3 + i64::from(self.week_start) }),
            Unit::Month => Some(Calendar::Months(self.n)),
            Unit::Quarter => Some(Calendar::Months(3 * self.n)),
            Unit::Year => Some(Calendar::Months(12 * self.n)),
        }
    }
}

#[derive(Clone, Copy)]
enum Calendar {
    /// Multiples of `n` days, counted from the day `first` since 1970.
    Days { n: u32, first: i64 },
    /// Multiples of this many months, counted from the year 0.
    Months(u32),
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            SpanUnit::Unit(unit) => unit.name(),
            SpanUnit::Fraction(us) => FRACTIONS.iter().find(|(_, each)| *each == us).map_or("us", |(name, _)| name),
        };
        write!(f, "{}{unit}", self.n)?;
        if self.week_start > 0 { write!(f, "@w{}", self.week_start) } else { Ok(()) }
    }
}

/// Time cut into bins that align to the local clock, or to a given instant.
#[derive(Clone, Copy, Debug)]
pub struct Bins {
    /// Length of a bin.
    pub span: TimeSpan,
    /// Zone whose clock the bins follow.
    pub zone: Zone,
    /// An instant at which some bin starts. Only spans of a fixed length can be aligned so; others ignore it.
    pub align_us: Option<i64>,
}

impl Bins {
    /// The start of the bin that holds `time_us`.
    pub fn start_of(&self, time_us: i64) -> i64 {
        self.local_start(time_us).unwrap_or(time_us)
    }

    fn local_start(&self, time_us: i64) -> Option<i64> {
        const HOUR_US: i64 = 3600 * SECOND_US;
        const DAY_US: i64 = 24 * HOUR_US;
        let midnight = |date: NaiveDate| to_utc(date.and_time(NaiveTime::MIN), self.zone);
        let length_us = self.span.nominal_us();
        match self.span.calendar() {
            Some(Calendar::Months(n)) => {
                let date = to_local(time_us, self.zone)?.date();
                let months = i64::from(date.year()) * 12 + i64::from(date.month0());
                let first = months - months.rem_euclid(i64::from(n));
                let year = i32::try_from(first.div_euclid(12)).ok()?;
                midnight(NaiveDate::from_ymd_opt(year, first.rem_euclid(12) as u32 + 1, 1)?)
            }
            _ if self.align_us.is_some() => {
                time_us.checked_sub(time_us.checked_sub(self.align_us?)?.rem_euclid(length_us))
            }
            Some(Calendar::Days { n, first }) => {
                let date = to_local(time_us, self.zone)?.date();
                let day = date.signed_duration_since(NaiveDate::default()).num_days();
                let back = (day - first).rem_euclid(i64::from(n));
                midnight(date.checked_sub_days(Days::new(back.unsigned_abs()))?)
            }
            // Within an hour the offset of this instant decides: an hour shown twice stays two hours.
            None if HOUR_US % length_us == 0 => {
                let offset = offset_us(time_us, self.zone);
                time_us.checked_sub(time_us.checked_add(offset)?.rem_euclid(length_us))
            }
            None if DAY_US % length_us == 0 => {
                let local = to_local(time_us, self.zone)?;
                let since_midnight = local.time().signed_duration_since(NaiveTime::MIN).num_microseconds()?;
                let back = chrono::Duration::microseconds(since_midnight % length_us);
                to_utc(local.checked_sub_signed(back)?, self.zone)
            }
            // What does not divide a day cannot follow its clock; count from 1970.
            None => time_us.checked_sub(time_us.rem_euclid(length_us)),
        }
    }

    /// The start of the bin after the one that starts at `start_us`.
    pub fn next(&self, start_us: i64) -> i64 {
        let calendar = if self.align_us.is_some() { None } else { self.span.calendar() };
        self.calendar_next(start_us, calendar).unwrap_or_else(|| {
            // Where clocks go back a bin lasts longer than its name says.
            let length_us = self.span.nominal_us();
            let mut ahead = (1..=50).map(|n| self.start_of(start_us.saturating_add(n * length_us)));
            ahead.find(|next| *next > start_us).unwrap_or(start_us.saturating_add(length_us))
        })
    }

    fn calendar_next(&self, start_us: i64, calendar: Option<Calendar>) -> Option<i64> {
        let local = to_local(start_us, self.zone)?;
        let next = match calendar? {
            Calendar::Days { n, .. } => local.date().checked_add_days(Days::new(u64::from(n)))?,
            Calendar::Months(n) => local.date().checked_add_months(Months::new(n))?,
        };
        to_utc(next.and_time(NaiveTime::MIN), self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    const NEW_YORK: Zone = Zone::Named(chrono_tz::America::New_York);

    fn bins(span: &str, zone: Zone) -> Bins {
        Bins { span: TimeSpan::parse(span).unwrap_or_else(|| panic!("{span}")), zone, align_us: None }
    }

    fn us(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    #[test]
    fn bins_align_to_the_local_clock() {
        let kolkata = Zone::Named(chrono_tz::Asia::Kolkata);
        let cases = [
            ("5m", Zone::UTC, "2026-03-05T15:47:33Z", "2026-03-05T15:45:00Z"),
            ("1h", kolkata, "2026-03-05T15:47:33Z", "2026-03-05T15:30:00Z"),
            ("4h", kolkata, "2026-03-05T15:47:33Z", "2026-03-05T14:30:00Z"),
            ("1d", NEW_YORK, "2026-03-05T03:00:00Z", "2026-03-04T05:00:00Z"),
            ("1w", Zone::UTC, "2026-03-05T15:47:33Z", "2026-03-01T00:00:00Z"),
            ("1w@w1", Zone::UTC, "2026-03-05T15:47:33Z", "2026-03-02T00:00:00Z"),
            ("1mon", NEW_YORK, "2026-03-05T03:00:00Z", "2026-03-01T05:00:00Z"),
            ("1q", Zone::UTC, "2026-03-05T03:00:00Z", "2026-01-01T00:00:00Z"),
            ("1y", Zone::UTC, "2026-03-05T03:00:00Z", "2026-01-01T00:00:00Z"),
            ("100ms", Zone::UTC, "2026-03-05T03:00:00.250Z", "2026-03-05T03:00:00.200Z"),
            ("1d@h", Zone::UTC, "2026-03-05T15:47:33Z", "2026-03-05T00:00:00Z"),
            ("30", Zone::UTC, "2026-03-05T03:00:47Z", "2026-03-05T03:00:30Z"),
            // clocks go back at 06:00 UTC: the bin from 00:00 to 04:00 has five hours
            ("4h", NEW_YORK, "2026-11-01T06:30:00Z", "2026-11-01T04:00:00Z"),
            ("1h", NEW_YORK, "2026-11-01T05:30:00Z", "2026-11-01T05:00:00Z"),
            ("1h", NEW_YORK, "2026-11-01T06:30:00Z", "2026-11-01T06:00:00Z"),
        ];
        for (span, zone, time, expected) in cases {
            assert_eq!(bins(span, zone).start_of(us(time)), us(expected), "{span} {zone:?} {time}");
        }
    }

    #[test]
    fn extreme_instants_do_not_panic() {
        for span in ["100ms", "30", "4h", "35540s", "1d", "1w@w1", "3mon", "1000y"] {
            for align_us in [None, Some(1), Some(i64::MIN), Some(i64::MAX)] {
                let bins = Bins { align_us, ..bins(span, NEW_YORK) };
                for us in [i64::MIN, i64::MAX] {
                    let _ = bins.next(bins.start_of(us));
                }
            }
        }
    }

    #[test]
    fn next_bins() {
        let cases = [
            ("1d", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
            ("1d", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
            ("4h", "2026-11-01T04:00:00Z", "2026-11-01T09:00:00Z"),
            ("1mon", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"),
            ("30m", "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z"),
        ];
        for (span, start, expected) in cases {
            assert_eq!(bins(span, NEW_YORK).next(us(start)), us(expected), "{span} {start}");
        }
    }

    #[test]
    fn automatic_spans_of_the_table() {
        let minute = 60 * SECOND_US;
        let day = 24 * 60 * minute;
        let cases = [
            (15 * minute, "10s"),
            (60 * minute, "1m"),
            (240 * minute, "5m"),
            (day, "30m"),
            (7 * day, "1d"),
            (30 * day, "1d"),
            (365 * day, "1mon"),
            (0, "1s"),
            (5000 * day, "1mon"),
        ];
        for (length_us, expected) in cases {
            assert_eq!(TimeSpan::automatic(length_us, 100, None).to_string(), expected);
        }
        let minimum = TimeSpan::parse("1m");
        assert_eq!(TimeSpan::automatic(minute, 100, minimum).to_string(), "1m");
    }

    #[test]
    fn anything_else_is_not_a_span() {
        for text in ["", "0", "0m", "5x", "-5m", "300ms", "1h@d", "1d@x", "1w@w8", "m5", "4000000000y"] {
            assert_eq!(TimeSpan::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn bins_tile_time(
            time_us in 1_700_000_000_000_000_i64..1_900_000_000_000_000,
            span in proptest::sample::select(vec!["1s", "10s", "5m", "1h", "4h", "1d", "3d", "1w", "1mon", "1q", "7m"]),
        ) {
            let bins = bins(span, NEW_YORK);
            let start = bins.start_of(time_us);
            prop_assert!(start <= time_us);
            prop_assert_eq!(bins.start_of(start), start);
            let next = bins.next(start);
            prop_assert!(next > time_us);
            prop_assert_eq!(bins.start_of(next), next);
            prop_assert_eq!(bins.start_of(next - 1), start);
        }

        #[test]
        fn automatic_spans_nest(time_us in 1_700_000_000_000_000_i64..1_900_000_000_000_000) {
            for pair in TimeSpan::AUTOMATIC.windows(2) {
                let [fine, coarse] = [pair[0], pair[1]].map(|span| Bins { span, zone: NEW_YORK, align_us: None });
                prop_assert_eq!(coarse.start_of(fine.start_of(time_us)), coarse.start_of(time_us));
            }
        }

        #[test]
        fn printing_reads_back(text in "[1-9][0-9]{0,2}(s|m|h|d|w|w@w[1-6]|mon|q|y)") {
            let span = TimeSpan::parse(&text).unwrap();
            prop_assert_eq!(TimeSpan::parse(&span.to_string()), Some(span));
        }
    }
}
