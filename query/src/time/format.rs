//! `strftime` and `strptime` with Splunk's variables, sub-seconds (`%N`, `%3N`, `%Q`) among them.

use super::modifier::{parse_offset, split_at_first};
use super::{SECOND_US, to_local, to_utc};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use trawl_formats::Zone;

/// A compiled format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat(Vec<Item>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// A run of white space; when reading it stands for any run, also none.
    Space(String),
    Variable(Variable),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    Year,
    YearOfCentury,
    Month,
    MonthName,
    MonthShort,
    Day,
    DayPadded,
    DayOfYear,
    Hour,
    HourPadded,
    Hour12,
    Hour12Padded,
    Minute,
    Second,
    AmPm,
    WeekdayName,
    WeekdayShort,
    WeekdayNumber,
    IsoWeek,
    SundayWeek,
    Epoch,
    Offset,
    OffsetColon,
    ZoneName,
    /// This many digits after the second.
    Fraction(u8),
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Zone abbreviations that mean one thing to nearly everybody, with their offset in minutes.
const ZONES: [(&str, i32); 15] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("CET", 60),
    ("CEST", 120),
    ("JST", 540),
    ("BST", 60),
];

impl TimeFormat {
    /// Compiles a format. A `%` before a character that is no variable is text, as is everything else.
    pub fn new(format: &str) -> Self {
        let mut items = Vec::new();
        compile(format, &mut items);
        Self(items)
    }

    /// Prints an instant; `None` outside the years that can be printed.
    pub fn format(&self, time_us: i64, zone: Zone) -> Option<String> {
        let local = to_local(time_us, zone)?;
        let offset_us = local.and_utc().timestamp_micros() - time_us;
        let offset = FixedOffset::east_opt((offset_us / SECOND_US) as i32)?;
        let mut out = String::with_capacity(32);
        for item in &self.0 {
            match item {
                Item::Literal(text) | Item::Space(text) => out.push_str(text),
                Item::Variable(Variable::ZoneName) => out.push_str(&zone_name(time_us, zone)?),
                Item::Variable(variable) => variable.print(&mut out, local, offset, time_us),
            }
        }
        Some(out)
    }

    /// Reads a time. What follows the format in `text` is ignored, as in Splunk. Parts of the date that the format
    /// lacks are today's; a time it lacks is midnight. Without an offset the text is local time.
    pub fn parse(&self, text: &str, zone: Zone, now_us: i64) -> Option<i64> {
        let mut rest = text;
        let mut parts = Parts::default();
        for item in &self.0 {
            rest = match item {
                Item::Literal(literal) => rest.strip_prefix(literal.as_str())?,
                Item::Space(_) => rest.trim_start(),
                Item::Variable(variable) => variable.read(rest, &mut parts)?,
            };
        }
        parts.resolve(zone, now_us)
    }
}

/// `EST`, or the offset where the zone has no name.
fn zone_name(time_us: i64, zone: Zone) -> Option<String> {
    let utc = DateTime::from_timestamp_micros(time_us)?.naive_utc();
    Some(match zone {
        Zone::Named(tz) => tz.offset_from_utc_datetime(&utc).to_string(),
        Zone::Fixed(offset) => offset.to_string(),
    })
}

fn compile(format: &str, items: &mut Vec<Item>) {
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            let (space, after) = split_at_first(rest, |c| !c.is_whitespace());
            items.push(Item::Space(space.to_owned()));
            rest = after;
        } else if let Some((parsed, after)) = rest.strip_prefix('%').and_then(parse_variable) {
            match parsed {
                Parsed::Variable(variable) => items.push(Item::Variable(variable)),
                Parsed::Composite(format) => compile(format, items),
            }
            rest = after;
        } else {
            let text = match items.last_mut() {
                Some(Item::Literal(text)) => text,
                _ => {
                    items.push(Item::Literal(String::new()));
                    let Some(Item::Literal(text)) = items.last_mut() else { return };
                    text
                }
            };
            text.push(first);
            rest = &rest[first.len_utf8()..];
            if first == '%' && rest.starts_with('%') {
                rest = &rest[1..];
            }
        }
    }
}

enum Parsed {
    Variable(Variable),
    Composite(&'static str),
}

/// Reads what follows a `%`; `None` if it is no variable.
fn parse_variable(text: &str) -> Option<(Parsed, &str)> {
    if let Some(after) = text.strip_prefix(":z") {
        return Some((Parsed::Variable(Variable::OffsetColon), after));
    }
    let (digits, after) = split_at_first(text, |c| !c.is_ascii_digit());
    let letter = after.chars().next()?;
    let after = &after[letter.len_utf8()..];
    if !digits.is_empty() {
        let n_digits = digits.parse().ok().filter(|n| (1..=9).contains(n))?;
        return matches!(letter, 'N' | 'Q').then_some((Parsed::Variable(Variable::Fraction(n_digits)), after));
    }
    let variable = match letter {
        'Y' => Variable::Year,
        'y' => Variable::YearOfCentury,
        'm' => Variable::Month,
        'B' => Variable::MonthName,
        'b' | 'h' => Variable::MonthShort,
        'd' => Variable::Day,
        'e' => Variable::DayPadded,
        'j' => Variable::DayOfYear,
        'H' => Variable::Hour,
        'k' => Variable::HourPadded,
        'I' => Variable::Hour12,
        'l' => Variable::Hour12Padded,
        'M' => Variable::Minute,
        'S' => Variable::Second,
        'p' => Variable::AmPm,
        'A' => Variable::WeekdayName,
        'a' => Variable::WeekdayShort,
        'w' => Variable::WeekdayNumber,
        'V' => Variable::IsoWeek,
        'U' => Variable::SundayWeek,
        's' => Variable::Epoch,
        'z' => Variable::Offset,
        'Z' => Variable::ZoneName,
        'N' => Variable::Fraction(9),
        'Q' => Variable::Fraction(3),
        'F' => return Some((Parsed::Composite("%Y-%m-%d"), after)),
        'T' | 'X' => return Some((Parsed::Composite("%H:%M:%S"), after)),
        'R' => return Some((Parsed::Composite("%H:%M"), after)),
        'D' | 'x' => return Some((Parsed::Composite("%m/%d/%y"), after)),
        'c' => return Some((Parsed::Composite("%a %b %e %H:%M:%S %Y"), after)),
        _ => return None,
    };
    Some((Parsed::Variable(variable), after))
}

impl Variable {
    fn print(self, out: &mut String, local: NaiveDateTime, offset: FixedOffset, time_us: i64) {
        let hour12 = local.hour12().1;
        let month = local.month0() as usize;
        let weekday = local.weekday().num_days_from_sunday() as usize;
        match self {
            Variable::Year => push_padded(out, local.year().into(), 4, '0'),
            Variable::YearOfCentury => push_padded(out, local.year().rem_euclid(100).into(), 2, '0'),
            Variable::Month => push_padded(out, local.month().into(), 2, '0'),
            Variable::MonthName => out.push_str(MONTHS[month]),
            Variable::MonthShort => out.push_str(&MONTHS[month][..3]),
            Variable::Day => push_padded(out, local.day().into(), 2, '0'),
            Variable::DayPadded => push_padded(out, local.day().into(), 2, ' '),
            Variable::DayOfYear => push_padded(out, local.ordinal().into(), 3, '0'),
            Variable::Hour => push_padded(out, local.hour().into(), 2, '0'),
            Variable::HourPadded => push_padded(out, local.hour().into(), 2, ' '),
            Variable::Hour12 => push_padded(out, hour12.into(), 2, '0'),
            Variable::Hour12Padded => push_padded(out, hour12.into(), 2, ' '),
            Variable::Minute => push_padded(out, local.minute().into(), 2, '0'),
            Variable::Second => push_padded(out, local.second().into(), 2, '0'),
            Variable::AmPm => out.push_str(if local.hour12().0 { "PM" } else { "AM" }),
            Variable::WeekdayName => out.push_str(WEEKDAYS[weekday]),
            Variable::WeekdayShort => out.push_str(&WEEKDAYS[weekday][..3]),
            Variable::WeekdayNumber => push_padded(out, weekday as i64, 1, '0'),
            Variable::IsoWeek => push_padded(out, local.iso_week().week().into(), 2, '0'),
            Variable::SundayWeek => push_padded(out, ((local.ordinal0() as usize + 7 - weekday) / 7) as i64, 2, '0'),
            Variable::Epoch => push_padded(out, time_us.div_euclid(SECOND_US), 1, '0'),
            Variable::Offset => out.push_str(&offset.to_string().replacen(':', "", 1)),
            Variable::OffsetColon => out.push_str(&offset.to_string()),
            Variable::ZoneName => {}
            Variable::Fraction(n_digits) => {
                let before = out.len();
                push_padded(out, time_us.rem_euclid(SECOND_US) * 1000, 9, '0');
                out.truncate(before + usize::from(n_digits));
            }
        }
    }

    /// Reads the variable at the start of `text` and returns what follows it.
    fn read<'t>(self, text: &'t str, parts: &mut Parts) -> Option<&'t str> {
        match self {
            Variable::Year => read_number(text, 4, &mut parts.year),
            Variable::YearOfCentury => {
                let mut year = None;
                let rest = read_number(text, 2, &mut year)?;
                // POSIX: 69…99 are the last century.
                parts.year = year.map(|year: i32| if year < 69 { 2000 + year } else { 1900 + year });
                Some(rest)
            }
            Variable::Month => read_number(text, 2, &mut parts.month),
            Variable::MonthName | Variable::MonthShort => {
                let (index, rest) = read_name(text, &MONTHS)?;
                parts.month = Some(index as u32 + 1);
                Some(rest)
            }
            Variable::Day | Variable::DayPadded => read_number(text.trim_start(), 2, &mut parts.day),
            Variable::DayOfYear => read_number(text, 3, &mut parts.day_of_year),
            Variable::Hour | Variable::HourPadded => read_number(text.trim_start(), 2, &mut parts.hour),
            Variable::Hour12 | Variable::Hour12Padded => read_number(text.trim_start(), 2, &mut parts.hour12),
            Variable::Minute => read_number(text, 2, &mut parts.minute),
            Variable::Second => read_number(text, 2, &mut parts.second),
            Variable::AmPm => {
                parts.pm = Some(match text.get(..2)?.to_ascii_uppercase().as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                });
                Some(&text[2..])
            }
            Variable::WeekdayName | Variable::WeekdayShort => Some(read_name(text, &WEEKDAYS)?.1),
            Variable::WeekdayNumber => read_number(text, 1, &mut None::<u32>),
            Variable::IsoWeek | Variable::SundayWeek => read_number(text, 2, &mut None::<u32>),
            Variable::Epoch => {
                let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
                let rest = read_number(digits, 12, &mut parts.epoch)?;
                parts.epoch = parts.epoch.map(|seconds| sign * seconds);
                Some(rest)
            }
            Variable::Offset | Variable::OffsetColon => {
                let end = match text.as_bytes() {
                    [b'Z' | b'z', ..] => 1,
                    [_, _, _, b':', ..] => 6,
                    [_, _, _, b'0'..=b'9', ..] => 5,
                    _ => 3,
                };
                parts.offset = Some(parse_offset(text.get(..end)?)?);
                Some(&text[end..])
            }
            Variable::ZoneName => {
                let (name, rest) = split_at_first(text, |c| !c.is_ascii_alphabetic());
                let (_, minutes) = ZONES.iter().find(|(zone, _)| zone.eq_ignore_ascii_case(name))?;
                parts.offset = FixedOffset::east_opt(minutes * 60);
                Some(rest)
            }
            Variable::Fraction(_) => {
                let (digits, rest) = split_at_first(text, |c| !c.is_ascii_digit());
                let microseconds = format!("{:0<6.6}", digits);
                parts.microsecond = (!digits.is_empty()).then(|| microseconds.parse().ok())?;
                Some(rest)
            }
        }
    }
}

/// Writes a number with something before it that makes it at least so wide. The formatting of the standard library takes
/// several times as long, and a line of a log may have a time in every row.
fn push_padded(out: &mut String, number: i64, width: usize, padding: char) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push('-');
    }
    let n_chars = digits.len() - start + usize::from(number < 0);
    out.extend(std::iter::repeat_n(padding, width.saturating_sub(n_chars)));
    out.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

/// Reads 1 to `most` digits.
fn read_number<'t, N: std::str::FromStr>(text: &'t str, most: usize, into: &mut Option<N>) -> Option<&'t str> {
    let n_digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    *into = Some(text[..n_digits].parse().ok()?);
    Some(&text[n_digits..])
}

/// Reads a name in full or by its first three letters, without case.
fn read_name<'t>(text: &'t str, names: &[&str]) -> Option<(usize, &'t str)> {
    let starts_with = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    names.iter().enumerate().find_map(|(index, name)| {
        let found = [*name, &name[..3]].into_iter().find(|name| starts_with(name))?;
        Some((index, &text[found.len()..]))
    })
}

/// What a text said about a time.
#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    hour12: Option<u32>,
    pm: Option<bool>,
    minute: Option<u32>,
    second: Option<u32>,
    microsecond: Option<u32>,
    epoch: Option<i64>,
    offset: Option<FixedOffset>,
}

impl Parts {
    fn resolve(&self, zone: Zone, now_us: i64) -> Option<i64> {
        let microsecond = self.microsecond.unwrap_or(0);
        if let Some(seconds) = self.epoch {
            return seconds.checked_mul(SECOND_US)?.checked_add(i64::from(microsecond));
        }
        let today = to_local(now_us, zone)?.date();
        let year = self.year.unwrap_or(today.year());
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => self.date(year, today)?,
        };
        let hour = match (self.hour, self.hour12) {
            (Some(hour), _) => hour,
            (None, Some(hour @ 1..=12)) => hour % 12 + if self.pm == Some(true) { 12 } else { 0 },
            (None, Some(_)) => return None,
            (None, None) => 0,
        };
        // A leap second is the last second of its minute.
        let second = self.second.unwrap_or(0);
        let second = if second == 60 { 59 } else { second };
        let time = NaiveTime::from_hms_micro_opt(hour, self.minute.unwrap_or(0), second, microsecond)?;
        let local = date.and_time(time);
        match self.offset {
            Some(offset) => Some(local.checked_sub_offset(offset)?.and_utc().timestamp_micros()),
            None => to_utc(local, zone),
        }
    }

    /// Today's day where none is given; in a shorter month that is its last.
    fn date(&self, year: i32, today: NaiveDate) -> Option<NaiveDate> {
        let month = self.month.unwrap_or(today.month());
        match self.day {
            Some(day) => NaiveDate::from_ymd_opt(year, month, day),
            None => (28..=today.day().max(28))
                .rev()
                .find_map(|day| NaiveDate::from_ymd_opt(year, month, day.min(today.day()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // 2026-03-05T15:47:33.012345Z, a Thursday
    const NOW_US: i64 = 1_772_725_653_012_345;
    const NEW_YORK: Zone = Zone::Named(chrono_tz::America::New_York);

    #[test]
    fn printed_times() {
        let cases = [
            ("%Y-%m-%dT%H:%M:%S.%3N%z", "2026-03-05T10:47:33.012-0500"),
            ("%F %T.%6N %:z %Z", "2026-03-05 10:47:33.012345 -05:00 EST"),
            ("%y %e %j %k %I %l %p", "26  5 064 10 10 10 AM"),
            ("%a %A %b %B %w %V %U", "Thu Thursday Mar March 4 10 09"),
            ("%s %N %Q %1N", "1772725653 012345000 012 0"),
            ("100%% %q %", "100% %q %"),
            ("%c|%x|%X", "Thu Mar  5 10:47:33 2026|03/05/26|10:47:33"),
        ];
        for (format, expected) in cases {
            assert_eq!(TimeFormat::new(format).format(NOW_US, NEW_YORK).as_deref(), Some(expected), "{format}");
        }
    }

    #[test]
    fn read_times() {
        let second = SECOND_US;
        let cases = [
            ("2024-03-05 08:00:00", "%Y-%m-%d %H:%M:%S", Some(1_709_625_600 * second)),
            ("2024-03-05 08:00:00.250 rest", "%F %T.%3N", Some(1_709_625_600 * second + 250_000)),
            ("2024-03-05T08:00:00+0530", "%FT%T%z", Some(1_709_605_800 * second)),
            ("2024-03-05T08:00:00+05:30", "%FT%T%:z", Some(1_709_605_800 * second)),
            ("2024-03-05T08:00:00Z", "%FT%T%z", Some(1_709_625_600 * second)),
            ("05/Mar/2024:08:00:00 EST", "%d/%b/%Y:%H:%M:%S %Z", Some(1_709_643_600 * second)),
            ("march 5 24 8:00:00 pm", "%B %d %y %I:%M:%S %p", Some(1_709_668_800 * second)),
            ("1709625600", "%s", Some(1_709_625_600 * second)),
            ("2024-065", "%Y-%j", Some(1_709_596_800 * second)),
            ("08:00", "%H:%M", Some(1_772_697_600 * second)),
            ("2024-02", "%Y-%m", Some(1_707_091_200 * second)),
            ("2024-02-30", "%Y-%m-%d", None),
            ("tomorrow", "%Y", None),
            ("25:00", "%H:%M", None),
            ("", "%H", None),
        ];
        for (text, format, expected) in cases {
            assert_eq!(TimeFormat::new(format).parse(text, Zone::UTC, NOW_US), expected, "{text} as {format}");
        }
    }

    #[test]
    fn a_missing_day_is_today_or_the_last_of_the_month() {
        let last_of_march = 1_774_915_200 * SECOND_US;
        let parsed = TimeFormat::new("%Y-%m").parse("2026-02", Zone::UTC, last_of_march);
        let expected = TimeFormat::new("%F").parse("2026-02-28", Zone::UTC, 0);
        assert_eq!(parsed, expected);
    }

    proptest! {
        #[test]
        fn reading_what_was_printed(time_us in 0_i64..4_000_000_000_000_000) {
            for format in ["%Y-%m-%dT%H:%M:%S.%6N%z", "%s.%6N", "%c %6N %z", "%d %B %Y %I:%M:%S %p %N %:z"] {
                let format = TimeFormat::new(format);
                let text = format.format(time_us, NEW_YORK).unwrap();
                prop_assert_eq!(format.parse(&text, Zone::UTC, 0), Some(time_us));
            }
        }

        #[test]
        fn no_panic(format in "\\PC{0,12}", text in "\\PC{0,12}", time_us in any::<i64>()) {
            let format = TimeFormat::new(&format);
            let _ = format.parse(&text, NEW_YORK, NOW_US);
            let _ = format.format(time_us, NEW_YORK);
        }
    }
}
