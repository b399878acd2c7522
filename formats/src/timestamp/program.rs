//! Time formats as small programs, run at a position of the text.
//!
//! A sourcetype writes a format as a strptime string; it compiles to a list of [`Op`]s. Common stretches become one
//! operation each (`%Y-%m-%d`, `%H:%M:%S`), which makes the interpreter as fast as a hand-written parser.
//!
//! | directive | takes |
//! | --- | --- |
//! | `%Y` `%y` | year of four or two digits (69–99 are 1969–1999) |
//! | `%m` `%d` `%H` `%M` `%S` | two digits; `%-m` … one or two |
//! | `%e` `%k` `%l` `%I` | one or two digits, perhaps after a blank: day, hour, hour of 12 (twice) |
//! | `%j` | day of the year, three digits |
//! | `%b` `%B` `%h` / `%a` `%A` | name of the month / weekday, short or full, any case |
//! | `%p` | `AM` or `PM` |
//! | `%N` `%f` `%L` `%Q` `%3N` … | fraction of a second, all its digits; `%-3N` whole milliseconds without padding |
//! | `%.N` | a fraction introduced by `.` or `,`, or three digits introduced by `:`, or nothing |
//! | `%z` / `%Z` | `Z`, `±hh`, `±hhmm`, `±hh:mm` / a zone abbreviation |
//! | `%?z` | an offset or abbreviation, perhaps after a blank, or nothing |
//! | `%s` | epoch seconds, milli-, micro- or nanoseconds by the number of digits, perhaps with a fraction |
//! | `%T` `%R` `%F` `%D` `%%` | `%H:%M:%S`, `%H:%M`, `%Y-%m-%d`, `%m/%d/%y`, a percent sign |
//!
//! A blank matches one or more blanks or tabs; every other character matches itself. Letters other than `T` and `Z`
//! cannot be literals: a stamp must fall into tokens that [`may_be_in_stamp`](crate::token::may_be_in_stamp) knows.

use super::civil;
use super::names;

/// One step of a format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    /// This byte.
    Literal(u8),
    /// One of these bytes.
    AnyOf(&'static [u8]),
    /// One or more blanks or tabs.
    Blanks,
    /// Four digits.
    Year,
    /// Two digits.
    ShortYear,
    /// So many digits, at least and at most.
    Number(Part, u8, u8),
    /// One or two digits, perhaps after one blank.
    Padded(Part),
    /// Name of a month.
    MonthName,
    /// Name of a weekday; says nothing.
    Weekday,
    /// `AM` or `PM`.
    Meridiem,
    /// Digits of a fraction of a second.
    Fraction,
    /// `.` or `,` and digits, `:` and three digits, or nothing.
    OptionalFraction,
    /// Numeric offset or `Z`.
    Offset,
    /// Zone abbreviation.
    ZoneName,
    /// Offset or abbreviation, perhaps after a blank; or nothing.
    OptionalZone,
    /// `YYYY-MM-DD` with this separator.
    Ymd(u8),
    /// `YYYY-MM-DD` with two equal separators out of `-`, `/` and `.`.
    AnyYmd,
    /// `HH:MM:SS`.
    Clock,
    /// `HH:MM:SS` with one or two digits each.
    LooseClock,
    /// Nothing, but no colon may follow: the clock ends at the minute.
    NoSeconds,
    /// What stands between date and time: `T`, `t`, `_`, `-`, `:`, or blanks, column separators and quotes.
    Separator,
    /// Epoch seconds to nanoseconds.
    Epoch,
    /// The letter before a klog date: `I`, `W`, `E`, `F` or `D`.
    KlogLetter,
    /// A TAI64 or TAI64N label without its `@`.
    Tai64,
}

/// What a number means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Month,
    Day,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
    Millisecond,
}

/// What a stamp says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// UTC microseconds.
    Instant(i64),
    /// Wall-clock time of which the zone or part of the date is to be told.
    Local {
        /// The date, as far as it is known.
        date: LocalDate,
        /// Microseconds since midnight.
        time_us: i64,
        /// Local minus UTC time in seconds, if the stamp says so.
        offset_seconds: Option<i32>,
    },
}

/// The date of a stamp without a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LocalDate {
    /// Days since 1970-01-01.
    Full(i64),
    /// Month and day of a year to be told.
    NoYear { month: u8, day: u8 },
    /// Nothing but a time.
    Absent,
}

/// Values collected while a program runs.
#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
    day_of_year: Option<u16>,
    hour: i64,
    minute: i64,
    second: i64,
    fraction_us: i64,
    is_pm: Option<bool>,
    offset_seconds: Option<i32>,
    instant_us: Option<i64>,
}

/// Runs a program at the start of `text`; returns how many bytes it took and what they say.
#[inline]
pub(crate) fn run(ops: &[Op], text: &[u8]) -> Option<(usize, Moment)> {
    let mut parts = Parts::default();
    let mut at = 0;
    for op in ops {
        at += op.step(&text[at..], &mut parts)?;
    }
    Some((at, parts.moment()?))
}

const DAY_US: i64 = 86_400 * 1_000_000;

impl Parts {
    fn moment(&self) -> Option<Moment> {
        if let Some(us) = self.instant_us {
            return Some(Moment::Instant(us));
        }
        let hour = match self.is_pm {
            Some(is_pm) if (1..=12).contains(&self.hour) => self.hour % 12 + if is_pm { 12 } else { 0 },
            Some(_) => return None,
            None => self.hour,
        };
        // Second 60 is a leap second, or a clock that rounds; it flows over into the next minute.
        if hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let time_us = ((hour * 60 + self.minute) * 60 + self.second) * 1_000_000 + self.fraction_us;
        let date = self.date()?;
        match (self.offset_seconds, date) {
            (Some(offset), LocalDate::Full(days)) => {
                Some(Moment::Instant(days * DAY_US + time_us - i64::from(offset) * 1_000_000))
            }
            (offset_seconds, date) => Some(Moment::Local { date, time_us, offset_seconds }),
        }
    }

    fn date(&self) -> Option<LocalDate> {
        if let (Some(year), Some(day)) = (self.year, self.day_of_year) {
            let valid = (1..=365 + u16::from(civil::is_leap(year))).contains(&day);
            return valid.then(|| LocalDate::Full(civil::days(year, 1, 1) + i64::from(day) - 1));
        }
        match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => {
                let valid = (1..=12).contains(&month) && (1..=civil::days_in_month(year, month)).contains(&day);
                valid.then(|| LocalDate::Full(civil::days(year, month, day)))
            }
            (None, Some(month), Some(day)) => {
                // 2000 is a leap year: 29 February is valid until the year is known.
                let valid = (1..=12).contains(&month) && (1..=civil::days_in_month(2000, month)).contains(&day);
                valid.then_some(LocalDate::NoYear { month, day })
            }
            (None, None, None) => Some(LocalDate::Absent),
            _ => None,
        }
    }

    fn set(&mut self, part: Part, value: u16) {
        match part {
            Part::Month => self.month = Some(value as u8),
            Part::Day => self.day = Some(value as u8),
            Part::DayOfYear => self.day_of_year = Some(value),
            Part::Hour => self.hour = i64::from(value),
            Part::Hour12 => self.hour = i64::from(value),
            Part::Minute => self.minute = i64::from(value),
            Part::Second => self.second = i64::from(value),
            Part::Millisecond => self.fraction_us = i64::from(value) * 1000,
        }
    }
}

impl Op {
    /// Takes what the operation describes off the start of `text`; returns its length.
    #[inline]
    fn step(self, text: &[u8], parts: &mut Parts) -> Option<usize> {
        match self {
            Self::Literal(b) => (*text.first()? == b).then_some(1),
            Self::AnyOf(set) => set.contains(text.first()?).then_some(1),
            Self::Blanks => some_len(n_blanks(text)),
            Self::Year => {
                parts.year = Some(year(text.first_chunk()?)?);
                Some(4)
            }
            Self::ShortYear => {
                let year = i32::from(two_digits(text.first_chunk()?)?);
                parts.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
                Some(2)
            }
            Self::Number(part, min, max) => {
                let (value, len) = number(text, max.into())?;
                parts.set(part, value);
                (len >= min.into()).then_some(len)
            }
            Self::Padded(part) => {
                let n_blanks = usize::from(text.first() == Some(&b' '));
                let (value, len) = number(&text[n_blanks..], 2)?;
                parts.set(part, value);
                Some(n_blanks + len)
            }
            Self::MonthName => {
                let (month, len) = names::month_at(text)?;
                parts.month = Some(month);
                Some(len)
            }
            Self::Weekday => names::weekday_at(text),
            Self::Meridiem => {
                parts.is_pm = Some(names::meridiem_at(text)?);
                Some(2)
            }
            Self::Fraction => some_len(fraction(text, parts)),
            Self::OptionalFraction => Some(optional_fraction(text, parts)),
            Self::Offset => zone(names::offset_at(text)?, parts),
            Self::ZoneName => zone(names::zone_at(text)?, parts),
            Self::OptionalZone => Some(optional_zone(text, parts)),
            Self::Ymd(separator) => ymd(text.first_chunk()?, separator, parts),
            Self::AnyYmd => {
                let date: &[u8; 10] = text.first_chunk()?;
                matches!(date[4], b'-' | b'/' | b'.').then(|| ymd(date, date[4], parts))?
            }
            Self::Clock => clock(text.first_chunk()?, parts),
            Self::LooseClock => loose_clock(text, parts),
            Self::NoSeconds => (text.first() != Some(&b':')).then_some(0),
            Self::Separator => match text.first()? {
                b'T' | b't' | b'_' | b'-' | b':' => Some(1),
                _ => some_len(n_separators(text)),
            },
            Self::Epoch => epoch(text, parts),
            Self::KlogLetter => matches!(text.first()?, b'I' | b'W' | b'E' | b'F' | b'D').then_some(1),
            Self::Tai64 => tai64(text, parts),
        }
    }
}

fn some_len(len: usize) -> Option<usize> {
    (len > 0).then_some(len)
}

fn n_blanks(text: &[u8]) -> usize {
    text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// Counts blanks and what stands between two columns of a table; more than a few are no separator.
fn n_separators(text: &[u8]) -> usize {
    const MAX: usize = 8;
    text.iter().take(MAX).take_while(|b| matches!(b, b' ' | b'\t' | b',' | b';' | b'|' | b'"')).count()
}

#[inline]
fn digit(b: u8) -> u8 {
    b.wrapping_sub(b'0')
}

#[inline]
fn two_digits(digits: &[u8; 2]) -> Option<u8> {
    let [a, b] = digits.map(digit);
    (a < 10 && b < 10).then(|| a * 10 + b)
}

/// Four digits; a year outside 1900–2199 is some other number.
#[inline]
fn year(digits: &[u8; 4]) -> Option<i32> {
    let [a, b, c, d] = digits.map(digit);
    let year = i32::from(a) * 1000 + i32::from(b) * 100 + i32::from(c) * 10 + i32::from(d);
    (a < 10 && b < 10 && c < 10 && d < 10 && (1900..2200).contains(&year)).then_some(year)
}

/// The digits at the start of `text`, at most `max`: their value and their count.
fn number(text: &[u8], max: usize) -> Option<(u16, usize)> {
    let len = text.iter().take(max).take_while(|b| b.is_ascii_digit()).count();
    let value = text[..len].iter().fold(0, |value, &b| value * 10 + u16::from(digit(b)));
    (len > 0).then_some((value, len))
}

/// Takes all digits as a fraction of a second; returns how many there were.
fn fraction(text: &[u8], parts: &mut Parts) -> usize {
    let mut scale = 100_000;
    let mut us = 0;
    let mut len = 0;
    while let Some(digit) = text.get(len).map(|&b| digit(b)).filter(|d| *d < 10) {
        us += i64::from(digit) * scale;
        scale /= 10;
        len += 1;
    }
    parts.fraction_us = us;
    len
}

/// Takes a fraction with its introduction, if there is one.
#[inline]
fn optional_fraction(text: &[u8], parts: &mut Parts) -> usize {
    match text {
        [b'.' | b',', digits @ ..] => match fraction(digits, parts) {
            0 => 0,
            len => 1 + len,
        },
        // WebSphere: `14:05:00:123 CET`.
        [b':', a, b, c, ..] if [a, b, c].iter().all(|b| b.is_ascii_digit()) && crate::token::is_boundary(text, 4) => {
            1 + fraction(&text[1..4], parts)
        }
        _ => 0,
    }
}

#[inline]
fn ymd(date: &[u8; 10], separator: u8, parts: &mut Parts) -> Option<usize> {
    let [y1, y2, y3, y4, s1, m1, m2, s2, d1, d2] = *date;
    if s1 != separator || s2 != separator {
        return None;
    }
    parts.year = Some(year(&[y1, y2, y3, y4])?);
    parts.month = Some(two_digits(&[m1, m2])?);
    parts.day = Some(two_digits(&[d1, d2])?);
    Some(10)
}

#[inline]
fn clock(time: &[u8; 8], parts: &mut Parts) -> Option<usize> {
    let [h1, h2, c1, m1, m2, c2, s1, s2] = *time;
    if c1 != b':' || c2 != b':' {
        return None;
    }
    parts.hour = two_digits(&[h1, h2])?.into();
    parts.minute = two_digits(&[m1, m2])?.into();
    parts.second = two_digits(&[s1, s2])?.into();
    Some(8)
}

fn loose_clock(text: &[u8], parts: &mut Parts) -> Option<usize> {
    let mut at = 0;
    for part in [Part::Hour, Part::Minute, Part::Second] {
        if at > 0 {
            at += (*text.get(at)? == b':').then_some(1)?;
        }
        let (value, len) = number(&text[at..], 2)?;
        parts.set(part, value);
        at += len;
    }
    Some(at)
}

fn zone((seconds, len): (i32, usize), parts: &mut Parts) -> Option<usize> {
    parts.offset_seconds = Some(seconds);
    Some(len)
}

/// Takes `Z`, an offset, or a blank and an offset of four digits or a zone name, if it ends at a token boundary.
fn optional_zone(text: &[u8], parts: &mut Parts) -> usize {
    let ends = |len: usize| crate::token::is_boundary(text, len);
    let found = match text {
        [b' ', rest @ ..] => match rest.first() {
            // After a blank, `-12` could be a number of the message: only the full form counts.
            Some(b'+' | b'-') => names::offset_at(rest).filter(|(_, len)| *len >= 5),
            _ => names::zone_at(rest),
        }
        .map(|(seconds, len)| (seconds, len + 1)),
        [b'+' | b'-' | b'Z' | b'z', ..] => names::offset_at(text),
        _ => None,
    };
    match found {
        Some((seconds, len)) if ends(len) => {
            parts.offset_seconds = Some(seconds);
            len
        }
        _ => 0,
    }
}

/// Epoch seconds, milli-, micro- or nanoseconds: the number of digits tells the unit for any time from 2001 to 2286, and
/// 1990 to 2001 for the nine digits of seconds. Seconds may have a fraction.
fn epoch(text: &[u8], parts: &mut Parts) -> Option<usize> {
    let len = text.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    let value = text[..len].iter().fold(0i64, |value, &b| value.wrapping_mul(10).wrapping_add(digit(b).into()));
    let (us, len) = match len {
        9 | 10 => {
            let fraction_len = match text.get(len..) {
                Some([b'.', digits @ ..]) => fraction(digits, parts),
                _ => 0,
            };
            (value * 1_000_000 + parts.fraction_us, if fraction_len > 0 { len + 1 + fraction_len } else { len })
        }
        12 | 13 => (value * 1000, len),
        15 | 16 => (value, len),
        18 | 19 => (value / 1000, len),
        _ => return None,
    };
    /// 1990-01-01, where the plausible past begins for a log.
    const EARLIEST_US: i64 = 631_152_000_000_000;
    /// 2100-01-01.
    const LATEST_US: i64 = 4_102_444_800_000_000;
    if !(EARLIEST_US..LATEST_US).contains(&us) {
        return None;
    }
    parts.instant_us = Some(us);
    Some(len)
}

/// Whether a number of these digits is an epoch of a plausible time.
pub(crate) fn is_epoch(digits: &[u8]) -> bool {
    epoch(digits, &mut Parts::default()).is_some()
}

/// TAI64 as D. J. Bernstein defined it: 16 hexadecimal digits of 2^62 + seconds since 1970 TAI, 8 more of nanoseconds for
/// TAI64N. As in `tai64nlocal`, ten seconds are taken off, the difference to UTC that daemontools stamps were made with.
fn tai64(text: &[u8], parts: &mut Parts) -> Option<usize> {
    const DAEMONTOOLS_OFFSET: i64 = 10;
    let len = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let hex = |range: std::ops::Range<usize>| i64::from_str_radix(std::str::from_utf8(&text[range]).ok()?, 16).ok();
    let nanos = match len {
        16 => 0,
        24 => hex(16..24)?,
        _ => return None,
    };
    let seconds = hex(0..16)?.checked_sub(1 << 62)? - DAEMONTOOLS_OFFSET;
    parts.instant_us = Some(seconds.checked_mul(1_000_000)? + nanos / 1000);
    Some(len)
}

/// A time format that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimeFormat {
    /// A `%` sequence that is not in the list.
    #[error("time format `{format}`: unknown directive `{directive}`")]
    Directive {
        /// The whole format.
        format: String,
        /// The unknown part.
        directive: String,
    },
    /// A letter that would make the stamp hold tokens the index does not expect there.
    #[error("time format `{format}`: the letter `{letter}` cannot stand in a stamp, only `T` and `Z` can")]
    Literal {
        /// The whole format.
        format: String,
        /// The letter.
        letter: char,
    },
    /// Nothing in the format must match a part of a time.
    #[error("time format `{format}` has no directive that must match")]
    NoDirective {
        /// The whole format.
        format: String,
    },
}

/// Compiles a strptime-like format or one of the names `epoch`, `klog`, `tai64n`.
pub(crate) fn compile(format: &str) -> Result<Vec<Op>, InvalidTimeFormat> {
    match format {
        "epoch" => return Ok(vec![Op::Epoch]),
        "klog" => return Ok(super::generic::KLOG.to_vec()),
        "tai64n" => return Ok(vec![Op::Tai64]),
        _ => {}
    }
    let mut ops = Vec::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if c == '%' {
            rest = directive(format, rest, &mut ops)?;
            continue;
        }
        if c.is_ascii_alphanumeric() && !matches!(c, 'T' | 'Z') && !c.is_ascii_digit() || !c.is_ascii() {
            return Err(InvalidTimeFormat::Literal { format: format.to_owned(), letter: c });
        }
        if c != ' ' {
            ops.push(Op::Literal(c as u8));
        } else if ops.last() != Some(&Op::Blanks) {
            ops.push(Op::Blanks);
        }
        rest = &rest[1..];
    }
    // What may be left out does not count: a stamp is never empty.
    let is_optional = |op: &Op| matches!(op, Op::Literal(_) | Op::Blanks | Op::OptionalZone | Op::OptionalFraction);
    if ops.iter().all(is_optional) {
        return Err(InvalidTimeFormat::NoDirective { format: format.to_owned() });
    }
    Ok(fuse(&ops))
}

/// Compiles the directive that `rest` begins with; returns what follows it.
fn directive<'f>(format: &str, rest: &'f str, ops: &mut Vec<Op>) -> Result<&'f str, InvalidTimeFormat> {
    use Part::{Day, DayOfYear, Hour, Hour12, Millisecond, Minute, Month, Second};
    /// Longest first, so that `%.N` is not read as `%` and something.
    const DIRECTIVES: &[(&str, &[Op])] = &[
        ("%-3N", &[Op::Number(Millisecond, 1, 3)]),
        ("%3N", &[Op::Fraction]),
        ("%6N", &[Op::Fraction]),
        ("%9N", &[Op::Fraction]),
        ("%3Q", &[Op::Fraction]),
        ("%6Q", &[Op::Fraction]),
        ("%9Q", &[Op::Fraction]),
        ("%.N", &[Op::OptionalFraction]),
        ("%?z", &[Op::OptionalZone]),
        ("%-m", &[Op::Number(Month, 1, 2)]),
        ("%-d", &[Op::Number(Day, 1, 2)]),
        ("%-H", &[Op::Number(Hour, 1, 2)]),
        ("%-I", &[Op::Number(Hour12, 1, 2)]),
        ("%-M", &[Op::Number(Minute, 1, 2)]),
        ("%-S", &[Op::Number(Second, 1, 2)]),
        ("%:z", &[Op::Offset]),
        ("%Y", &[Op::Year]),
        ("%y", &[Op::ShortYear]),
        ("%m", &[Op::Number(Month, 2, 2)]),
        ("%d", &[Op::Number(Day, 2, 2)]),
        ("%e", &[Op::Padded(Day)]),
        ("%j", &[Op::Number(DayOfYear, 3, 3)]),
        ("%H", &[Op::Number(Hour, 2, 2)]),
        ("%k", &[Op::Padded(Hour)]),
        ("%I", &[Op::Padded(Hour12)]),
        ("%l", &[Op::Padded(Hour12)]),
        ("%M", &[Op::Number(Minute, 2, 2)]),
        ("%S", &[Op::Number(Second, 2, 2)]),
        ("%b", &[Op::MonthName]),
        ("%B", &[Op::MonthName]),
        ("%h", &[Op::MonthName]),
        ("%a", &[Op::Weekday]),
        ("%A", &[Op::Weekday]),
        ("%p", &[Op::Meridiem]),
        ("%N", &[Op::Fraction]),
        ("%f", &[Op::Fraction]),
        ("%L", &[Op::Fraction]),
        ("%Q", &[Op::Fraction]),
        ("%z", &[Op::Offset]),
        ("%Z", &[Op::ZoneName]),
        ("%s", &[Op::Epoch]),
        ("%T", &[Op::Clock]),
        ("%F", &[Op::Ymd(b'-')]),
        ("%R", &[Op::Number(Hour, 2, 2), Op::Literal(b':'), Op::Number(Minute, 2, 2)]),
        ("%D", &[Op::Number(Month, 2, 2), Op::Literal(b'/'), Op::Number(Day, 2, 2), Op::Literal(b'/'), Op::ShortYear]),
        ("%%", &[Op::Literal(b'%')]),
    ];
    let Some((name, compiled)) = DIRECTIVES.iter().find(|(name, _)| rest.starts_with(name)) else {
        let directive = rest.chars().take(2).collect();
        return Err(InvalidTimeFormat::Directive { format: format.to_owned(), directive });
    };
    ops.extend_from_slice(compiled);
    Ok(&rest[name.len()..])
}

/// Replaces common stretches by one operation.
fn fuse(ops: &[Op]) -> Vec<Op> {
    use Part::{Day, Hour, Minute, Month, Second};
    let mut fused = Vec::with_capacity(ops.len());
    let mut rest = ops;
    while let Some((first, tail)) = rest.split_first() {
        rest = match rest {
            [Op::Year, Op::Literal(a), Op::Number(Month, 2, 2), Op::Literal(b), Op::Number(Day, 2, 2), tail @ ..]
                if a == b =>
            {
                fused.push(Op::Ymd(*a));
                tail
            }
            [
                Op::Number(Hour, 2, 2),
                Op::Literal(b':'),
                Op::Number(Minute, 2, 2),
                Op::Literal(b':'),
                Op::Number(Second, 2, 2),
                tail @ ..,
            ] => {
                fused.push(Op::Clock);
                tail
            }
            _ => {
                fused.push(*first);
                tail
            }
        };
    }
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a format over a text and shows what it took and means, `-` if it does not match.
    fn parse(format: &str, text: &str) -> String {
        match run(&compile(format).unwrap(), text.as_bytes()) {
            None => "-".to_owned(),
            Some((len, Moment::Instant(us))) => format!("{} {us}", &text[..len]),
            Some((len, Moment::Local { date, time_us, .. })) => {
                let date = match date {
                    LocalDate::Full(days) => (days * DAY_US + time_us).to_string(),
                    LocalDate::NoYear { month, day } => format!("{month}-{day} {time_us}"),
                    LocalDate::Absent => time_us.to_string(),
                };
                format!("{} local {date}", &text[..len])
            }
        }
    }

    #[test]
    fn formats_parse() {
        for (format, text, expected) in [
            ("%Y-%m-%d %H:%M:%S,%3N", "2015-10-18 18:01:47,978 INFO", "2015-10-18 18:01:47,978 local 1445191307978000"),
            (
                "%Y-%m-%dT%H:%M:%S%.N%?z",
                "2026-11-20T14:05:00.123456789Z",
                "2026-11-20T14:05:00.123456789Z 1795183500123456",
            ),
            ("%Y-%m-%dT%H:%M:%S%.N%?z", "2026-11-20T14:05:00+05:30", "2026-11-20T14:05:00+05:30 1795163700000000"),
            ("%Y-%m-%d %H:%M:%S %Z", "2025-08-13 01:45:01 PDT", "2025-08-13 01:45:01 PDT 1755074701000000"),
            ("%y%m%d %H%M%S", "081109 203615 148", "081109 203615 local 1226262975000000"),
            ("%b %e %H:%M:%S", "Jul  1 09:00:55 x", "Jul  1 09:00:55 local 7-1 32455000000"),
            ("%d/%b/%Y:%H:%M:%S %z", "17/May/2015:10:05:03 +0000", "17/May/2015:10:05:03 +0000 1431857103000000"),
            ("%b %d, %Y %I:%M:%S %p", "Jan 02, 2026 3:04:05 PM", "Jan 02, 2026 3:04:05 PM local 1767366245000000"),
            ("%Y%m%d-%-H:%-M:%-S:%-3N", "20171223-22:5:9:6|", "20171223-22:5:9:6 local 1514066709006000"),
            ("%H:%M:%S.%6N", "12:21:46.284771 x", "12:21:46.284771 local 44506284771"),
            ("%Y-%j", "2026-032", "2026-032 local 1769904000000000"),
            ("epoch", "1117838570 x", "1117838570 1117838570000000"),
            ("epoch", "1761019822.3152757,", "1761019822.3152757 1761019822315275"),
            ("epoch", "1534860261221373", "1534860261221373 1534860261221373"),
            ("epoch", "1700000000000000000", "1700000000000000000 1700000000000000"),
            ("klog", "E0517 15:04:22.619632 19", "E0517 15:04:22.619632 local 5-17 54262619632"),
            ("tai64n", "40000000433225833b6e1a8c t", "40000000433225833b6e1a8c 1127359865997071"),
            ("%Y-%m-%d %H:%M:%S", "2026-02-30 00:00:00", "-"),
            ("%Y-%m-%d %H:%M:%S", "2026-02-28 24:00:00", "-"),
            ("%Y-%m-%d %H:%M:%S", "2026-02-28 23:59:60", "2026-02-28 23:59:60 local 1772323200000000"),
            ("%Y-%m-%d %H:%M:%S", "2026-02-2", "-"),
            ("%I:%M %p", "13:00 PM", "-"),
        ] {
            assert_eq!(parse(format, text), expected, "{format} over {text}");
        }
    }

    #[test]
    fn bad_formats_are_refused() {
        let check = |format: &str, expected: &str| assert_eq!(compile(format).unwrap_err().to_string(), expected);
        check("%Y-%q", "time format `%Y-%q`: unknown directive `%q`");
        check("at %H:%M", "time format `at %H:%M`: the letter `a` cannot stand in a stamp, only `T` and `Z` can");
        check("", "time format `` has no directive that must match");
        check("12-", "time format `12-` has no directive that must match");
        check("%.N%?z", "time format `%.N%?z` has no directive that must match");
    }

    #[test]
    fn common_stretches_are_fused() {
        let ops = compile("%Y-%m-%d %H:%M:%S,%3N").unwrap();
        assert_eq!(ops, [Op::Ymd(b'-'), Op::Blanks, Op::Clock, Op::Literal(b','), Op::Fraction]);
    }
}
