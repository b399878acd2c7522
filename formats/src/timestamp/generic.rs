//! The adaptive recogniser: the shapes of time stamps seen in the wild, found without being told the format.
//!
//! Shapes are looked for at token starts, from left to right; the first place where one matches wins. What the text
//! looks like at that place (a run of so many digits and the byte after it, or a name) selects the few shapes to try.
//!
//! A *strong* shape has a date and a time and is believed anywhere in the look-ahead. A *weak* one (a number that could
//! be an epoch, a time without a date, a date without a year) is believed only as the first token of the line, or as the
//! second one if a number, a level word or a key and `=` stands before it. A place right after `-`, `.`, `/`, `\`, `_`,
//! `+` or `~` is part of a name (`nova-api.log.1.2017-05-16_13:53:08`).

use super::Span;
use super::names;
use super::program::{Moment, Op, Part, run};
use crate::level::is_level_word;
use crate::token::{is_boundary, is_token_byte};

use Op::{
    AnyOf, AnyYmd, Blanks, Clock, Fraction, Literal, LooseClock, Meridiem, MonthName, NoSeconds, Number,
    OptionalFraction, OptionalZone, Padded, Separator, ShortYear, Weekday, Year, ZoneName,
};
use Part::{Day, Hour, Millisecond, Minute, Month, Second};

/// One way to write a time.
struct Shape {
    ops: &'static [Op],
    strength: Strength,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
}

const fn strong(ops: &'static [Op]) -> Shape {
    Shape { ops, strength: Strength::Strong }
}

const fn weak(ops: &'static [Op]) -> Shape {
    Shape { ops, strength: Strength::Weak }
}

const MONTH_2: Op = Number(Month, 2, 2);
const DAY_2: Op = Number(Day, 2, 2);
const MONTH_12: Op = Number(Month, 1, 2);
const DAY_12: Op = Number(Day, 1, 2);

/// `I0517 15:04:22.619632`, the head of klog and glog lines.
pub(super) const KLOG: &[Op] = &[Op::KlogLetter, MONTH_2, DAY_2, Blanks, Clock, OptionalFraction];

/// `I20260517 15:04:22.619632`, glog since 0.5.
const KLOG_YEAR: &[Op] = &[Op::KlogLetter, Year, MONTH_2, DAY_2, Blanks, Clock, OptionalFraction];

/// `2026-11-20…`: four digits and a separator.
const YEAR_FIRST: &[Shape] = &[
    strong(&[AnyYmd, Separator, Clock, OptionalFraction, OptionalZone]),
    strong(&[
        AnyYmd,
        Literal(b'-'),
        Number(Hour, 2, 2),
        Literal(b'.'),
        Number(Minute, 2, 2),
        Literal(b'.'),
        Number(Second, 2, 2),
        OptionalFraction,
    ]),
    strong(&[
        Year,
        AnyOf(b"-/."),
        MONTH_12,
        AnyOf(b"-/."),
        DAY_12,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[AnyYmd, Separator, Number(Hour, 2, 2), Literal(b':'), Number(Minute, 2, 2), NoSeconds, OptionalZone]),
];

/// `20261120…`: eight digits.
const COMPACT_DATE: &[Shape] = &[
    strong(&[Year, MONTH_2, DAY_2, AnyOf(b"- "), LooseClock, Literal(b':'), Number(Millisecond, 1, 3)]),
    strong(&[Year, MONTH_2, DAY_2, Separator, Clock, OptionalFraction, OptionalZone]),
    strong(&[
        Year,
        MONTH_2,
        DAY_2,
        AnyOf(b"T-_ "),
        Number(Hour, 2, 2),
        Number(Minute, 2, 2),
        Number(Second, 2, 2),
        OptionalFraction,
        OptionalZone,
    ]),
];

/// `20261120140500`: fourteen digits, or seventeen with milliseconds.
const COMPACT: &[Shape] = &[
    weak(&[
        Year,
        MONTH_2,
        DAY_2,
        Number(Hour, 2, 2),
        Number(Minute, 2, 2),
        Number(Second, 2, 2),
        OptionalFraction,
        OptionalZone,
    ]),
    weak(&[Year, MONTH_2, DAY_2, Number(Hour, 2, 2), Number(Minute, 2, 2), Number(Second, 2, 2), Fraction]),
];

/// `20/…`: access logs, Spark, American and European dates.
const SLASHED: &[Shape] = &[
    strong(&[
        DAY_12,
        Literal(b'/'),
        MonthName,
        Literal(b'/'),
        Year,
        AnyOf(b": "),
        Clock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        MONTH_12,
        Literal(b'/'),
        DAY_12,
        Literal(b'/'),
        Year,
        Separator,
        LooseClock,
        OptionalFraction,
        Blanks,
        Meridiem,
    ]),
    strong(&[
        MONTH_12,
        Literal(b'/'),
        DAY_12,
        Literal(b'/'),
        Year,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        DAY_12,
        Literal(b'/'),
        MONTH_12,
        Literal(b'/'),
        Year,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        ShortYear,
        Literal(b'/'),
        MONTH_2,
        Literal(b'/'),
        DAY_2,
        Separator,
        Clock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        MONTH_12,
        Literal(b'/'),
        DAY_12,
        Literal(b'/'),
        ShortYear,
        Separator,
        LooseClock,
        OptionalFraction,
        Blanks,
        Meridiem,
    ]),
    strong(&[
        MONTH_12,
        Literal(b'/'),
        DAY_12,
        Literal(b'/'),
        ShortYear,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
    weak(&[MONTH_2, Literal(b'/'), DAY_2, Blanks, Clock, OptionalFraction]),
];

/// `20-…`: Tomcat, Android.
const DASHED: &[Shape] = &[
    strong(&[
        DAY_12,
        Literal(b'-'),
        MonthName,
        Literal(b'-'),
        Year,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        DAY_12,
        Literal(b'-'),
        MonthName,
        Literal(b'-'),
        ShortYear,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[MONTH_2, Literal(b'-'), DAY_2, Literal(b'-'), Year, Separator, Clock, OptionalFraction, OptionalZone]),
    strong(&[DAY_2, Literal(b'-'), MONTH_2, Literal(b'-'), Year, Separator, Clock, OptionalFraction, OptionalZone]),
    strong(&[
        ShortYear,
        Literal(b'-'),
        MONTH_2,
        Literal(b'-'),
        DAY_2,
        Separator,
        Clock,
        OptionalFraction,
        OptionalZone,
    ]),
    weak(&[MONTH_2, Literal(b'-'), DAY_2, Blanks, Clock, OptionalFraction]),
];

/// `20.…`: German dates, Proxifier.
const DOTTED: &[Shape] = &[
    strong(&[
        DAY_12,
        Literal(b'.'),
        MONTH_12,
        Literal(b'.'),
        Year,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        DAY_2,
        Literal(b'.'),
        MONTH_2,
        Literal(b'.'),
        ShortYear,
        Separator,
        Clock,
        OptionalFraction,
        OptionalZone,
    ]),
    weak(&[MONTH_2, Literal(b'.'), DAY_2, Blanks, Clock, OptionalFraction]),
];

/// `20 …`: a day before the name of a month.
const DAY_FIRST: &[Shape] =
    &[strong(&[DAY_12, Blanks, MonthName, Blanks, Year, Separator, LooseClock, OptionalFraction, OptionalZone])];

/// `14:05:00`: a time, perhaps before a date.
const TIME_FIRST: &[Shape] = &[
    strong(&[Clock, OptionalFraction, Blanks, AnyYmd]),
    weak(&[Clock, OptionalFraction, OptionalZone]),
    weak(&[LooseClock, OptionalFraction]),
];

/// `081109 203615`: HDFS and old MySQL.
const SIX_DIGITS: &[Shape] = &[
    weak(&[
        ShortYear,
        MONTH_2,
        DAY_2,
        Blanks,
        Number(Hour, 2, 2),
        Number(Minute, 2, 2),
        Number(Second, 2, 2),
        OptionalFraction,
    ]),
    weak(&[ShortYear, MONTH_2, DAY_2, Blanks, LooseClock, OptionalFraction]),
];

const EPOCH: &[Shape] = &[weak(&[Op::Epoch])];

const TAI: &[Shape] = &[weak(&[Op::Tai64])];

/// `Sun …`: asctime, date(1), RFC 2822.
const WEEKDAY_FIRST: &[Shape] = &[
    strong(&[Weekday, Blanks, MonthName, Blanks, DAY_12, Blanks, Clock, OptionalFraction, Blanks, Year]),
    strong(&[
        Weekday,
        Blanks,
        MonthName,
        Blanks,
        DAY_12,
        Blanks,
        Clock,
        OptionalFraction,
        Blanks,
        ZoneName,
        Blanks,
        Year,
    ]),
    strong(&[
        Weekday,
        AnyOf(b", "),
        Padded(Day),
        AnyOf(b" -"),
        MonthName,
        AnyOf(b" -"),
        Year,
        Separator,
        Clock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        Weekday,
        Literal(b','),
        Blanks,
        DAY_12,
        AnyOf(b" -"),
        MonthName,
        AnyOf(b" -"),
        Year,
        Separator,
        Clock,
        OptionalFraction,
        OptionalZone,
    ]),
    strong(&[
        Weekday,
        Blanks,
        DAY_12,
        Blanks,
        MonthName,
        Blanks,
        Year,
        Blanks,
        LooseClock,
        Blanks,
        Meridiem,
        OptionalZone,
    ]),
    strong(&[Weekday, Blanks, MonthName, Blanks, DAY_12, Blanks, Clock, OptionalFraction]),
];

/// `Nov …`: syslog, java.util.logging.
const MONTH_FIRST: &[Shape] = &[
    strong(&[MonthName, Blanks, DAY_12, Blanks, Clock, OptionalFraction, Blanks, Year]),
    strong(&[MonthName, Blanks, DAY_12, Blanks, Clock, OptionalFraction, OptionalZone]),
    strong(&[MonthName, Blanks, DAY_12, Blanks, Year, Separator, Clock, OptionalFraction, OptionalZone]),
    strong(&[
        MonthName,
        Blanks,
        DAY_12,
        Literal(b','),
        Blanks,
        Year,
        Separator,
        LooseClock,
        OptionalFraction,
        Blanks,
        Meridiem,
    ]),
    strong(&[
        MonthName,
        Blanks,
        DAY_12,
        Literal(b','),
        Blanks,
        Year,
        Separator,
        LooseClock,
        OptionalFraction,
        OptionalZone,
    ]),
];

const KLOG_SHAPES: &[Shape] = &[weak(KLOG)];
const KLOG_YEAR_SHAPES: &[Shape] = &[weak(KLOG_YEAR)];

/// Selects the shapes that could match at a token start.
fn shapes_at(text: &[u8], at: usize) -> &'static [Shape] {
    let rest = &text[at..];
    let first = rest[0];
    if first.is_ascii_digit() {
        let n_digits = rest.iter().take(21).take_while(|b| b.is_ascii_digit()).count();
        return match (n_digits, rest.get(n_digits)) {
            _ if first == b'4' && at > 0 && text[at - 1] == b'@' => TAI,
            (4, Some(b'-' | b'/' | b'.')) => YEAR_FIRST,
            (8, Some(b'T' | b't' | b'-' | b'_' | b' ' | b':')) => COMPACT_DATE,
            (14 | 17, _) => COMPACT,
            (1 | 2, Some(b'/')) => SLASHED,
            (1 | 2, Some(b'-')) => DASHED,
            (1 | 2, Some(b'.')) => DOTTED,
            (1 | 2, Some(b' ')) => DAY_FIRST,
            (1 | 2, Some(b':')) => TIME_FIRST,
            (6, Some(b' ')) => SIX_DIGITS,
            (9 | 10 | 13 | 16 | 19, _) => EPOCH,
            _ => &[],
        };
    }
    if !first.is_ascii_alphabetic() {
        return &[];
    }
    if names::month_at(rest).is_some() {
        return MONTH_FIRST;
    }
    if names::weekday_at(rest).is_some() {
        return WEEKDAY_FIRST;
    }
    match rest {
        [b'I' | b'W' | b'E' | b'F' | b'D', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', next, ..] => {
            match next {
                b' ' => KLOG_SHAPES,
                b'0'..=b'9' => KLOG_YEAR_SHAPES,
                _ => &[],
            }
        }
        _ => &[],
    }
}

/// Finds the leftmost stamp that begins within the first `lookahead` bytes of `line`.
pub(super) fn find(line: &[u8], lookahead: usize) -> Option<(Span, Moment)> {
    // Start of the first token, and whether weak shapes are believed at the present one.
    let mut first = None;
    let mut at = 0;
    let end = line.len().min(lookahead);
    while at < end {
        if !is_token_byte(line[at]) {
            at += 1;
            continue;
        }
        let may_be_weak = match first {
            None => true,
            Some((start, end)) => !is_past_second(line, end, at) && introduces(line, start, end, at),
        };
        if let Some(found) = match_at(line, at, may_be_weak) {
            return Some(found);
        }
        let start = at;
        while at < end && is_token_byte(line[at]) {
            at += 1;
        }
        first.get_or_insert((start, at));
    }
    None
}

/// Returns whether a token stands between the first one, which ends at `first_end`, and `at`.
fn is_past_second(line: &[u8], first_end: usize, at: usize) -> bool {
    line[first_end..at].iter().any(|&b| is_token_byte(b))
}

/// Returns whether the first token of a line is one that may stand before a stamp without a date.
fn introduces(line: &[u8], start: usize, end: usize, at: usize) -> bool {
    let token = &line[start..end];
    token.iter().all(u8::is_ascii_digit) || line[at - 1] == b'=' || is_level_word(token)
}

/// Matches a shape at a token start of `line`.
#[inline]
fn match_at(line: &[u8], at: usize, may_be_weak: bool) -> Option<(Span, Moment)> {
    if at > 0 && matches!(line[at - 1], b'-' | b'.' | b'/' | b'\\' | b'_' | b'+' | b'~') {
        return None;
    }
    shapes_at(line, at).iter().find_map(|shape| {
        if shape.strength == Strength::Weak && !may_be_weak {
            return None;
        }
        run_bounded(shape.ops, line, at)
    })
}

/// Runs a program at `at`; the stamp must end at a token boundary.
#[inline]
pub(super) fn run_bounded(ops: &[Op], line: &[u8], at: usize) -> Option<(Span, Moment)> {
    let (len, moment) = run(ops, &line[at..])?;
    is_boundary(line, at + len).then(|| (Span::new(at, at + len), moment))
}

/// Reads a text that is nothing but a stamp, as the wrapper of a container line holds it.
pub(crate) fn whole(text: &[u8]) -> Option<Moment> {
    value_at(text, 0).filter(|(span, _)| span.end() == text.len()).map(|(_, moment)| moment)
}

/// Reads the value of a field that is known to hold a time: text of any shape or an epoch number, at the start of
/// `value`.
pub(super) fn value_at(line: &[u8], at: usize) -> Option<(Span, Moment)> {
    if at >= line.len() || !is_boundary(line, at) {
        return None;
    }
    let start = if line[at] == b'@' { at + 1 } else { at };
    shapes_at(line, start.min(line.len() - 1)).iter().find_map(|shape| run_bounded(shape.ops, line, start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::program::LocalDate;

    /// Shows the stamp found in a line as the text of the span and, with a `Z`, the moment or local time.
    fn show(line: &str) -> String {
        let Some((span, moment)) = find(line.as_bytes(), 128) else { return "-".to_owned() };
        let stamp = &line[span.range()];
        let time = |us: i64| chrono::DateTime::from_timestamp_micros(us).unwrap().format("%FT%T%.f").to_string();
        match moment {
            Moment::Instant(us) => format!("{stamp} = {}Z", time(us)),
            Moment::Local { date: LocalDate::Full(days), time_us, .. } => {
                format!("{stamp} = {}", time(days * 86_400_000_000 + time_us))
            }
            Moment::Local { date: LocalDate::NoYear { month, day }, time_us, .. } => {
                format!("{stamp} = {month}-{day} {}", &time(time_us)[11..])
            }
            Moment::Local { date: LocalDate::Absent, time_us, .. } => format!("{stamp} = {}", &time(time_us)[11..]),
        }
    }

    #[test]
    fn shapes_seen_in_the_wild() {
        for (line, expected) in [
            ("2015-10-18 18:01:47,978 INFO [main]", "2015-10-18 18:01:47,978 = 2015-10-18T18:01:47.978"),
            ("2025-01-24T07:00:30,139 INFO", "2025-01-24T07:00:30,139 = 2025-01-24T07:00:30.139"),
            ("2024-05-07T10:58:13.877Z [INFO]", "2024-05-07T10:58:13.877Z = 2024-05-07T10:58:13.877Z"),
            ("web | 2024-04-25T05:32:35.584725130Z  x", "2024-04-25T05:32:35.584725130Z = 2024-04-25T05:32:35.584725Z"),
            ("2022-08-27T17:22:01.694554+03:00 host", "2022-08-27T17:22:01.694554+03:00 = 2022-08-27T14:22:01.694554Z"),
            ("2022-08-27T17:22:01+0300 host", "2022-08-27T17:22:01+0300 = 2022-08-27T14:22:01Z"),
            ("2025-08-13 01:45:01.123 PDT [12345] LOG", "2025-08-13 01:45:01.123 PDT = 2025-08-13T08:45:01.123Z"),
            ("2026-11-20 14:05:00 +0100 x", "2026-11-20 14:05:00 +0100 = 2026-11-20T13:05:00Z"),
            ("2026-11-20 14:05:00 -12 x", "2026-11-20 14:05:00 = 2026-11-20T14:05:00"),
            ("2026-11-20 14:05 x", "2026-11-20 14:05 = 2026-11-20T14:05:00"),
            ("1,2015-10-18,\"18:01:47,978\",INFO", "2015-10-18,\"18:01:47,978 = 2015-10-18T18:01:47.978"),
            ("2026/11/20 14:05:00 [error] 1#1", "2026/11/20 14:05:00 = 2026-11-20T14:05:00"),
            ("2016/9/27:20:30:31.455 x", "2016/9/27:20:30:31.455 = 2016-09-27T20:30:31.455"),
            ("17/06/09 20:10:40 INFO", "17/06/09 20:10:40 = 2017-06-09T20:10:40"),
            ("081109 203615 148 INFO", "081109 203615 = 2008-11-09T20:36:15"),
            ("081109 20:36:15 x", "081109 20:36:15 = 2008-11-09T20:36:15"),
            ("Jun 14 15:16:01 combo sshd", "Jun 14 15:16:01 = 6-14 15:16:01"),
            ("Jul  1 09:00:55 host", "Jul  1 09:00:55 = 7-1 09:00:55"),
            ("Nov 20 2026 14:05:00 host", "Nov 20 2026 14:05:00 = 2026-11-20T14:05:00"),
            ("<34>Oct 11 22:14:15 mymachine su", "Oct 11 22:14:15 = 10-11 22:14:15"),
            ("[Sun Dec 04 04:47:44 2005] [notice]", "Sun Dec 04 04:47:44 2005 = 2005-12-04T04:47:44"),
            ("[Sun Dec 04 04:47:44.123456 2005] [x]", "Sun Dec 04 04:47:44.123456 2005 = 2005-12-04T04:47:44.123456"),
            ("at Thu Jun 2 00:01:01 UTC 2022 ==", "Thu Jun 2 00:01:01 UTC 2022 = 2022-06-02T00:01:01Z"),
            ("Date: Fri, 20 Nov 2026 14:05:00 +0100", "Fri, 20 Nov 2026 14:05:00 +0100 = 2026-11-20T13:05:00Z"),
            ("1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET", "17/May/2015:10:05:03 +0000 = 2015-05-17T10:05:03Z"),
            ("[22/Nov/2026:10:05:03.123] x", "22/Nov/2026:10:05:03.123 = 2026-11-22T10:05:03.123"),
            ("22-Nov-2026 10:00:00.123 INFO", "22-Nov-2026 10:00:00.123 = 2026-11-22T10:00:00.123"),
            ("03-17 16:13:38.811  1702", "03-17 16:13:38.811 = 3-17 16:13:38.811"),
            ("[10.30 16:49:06] chrome", "10.30 16:49:06 = 10-30 16:49:06"),
            ("20.11.2026 14:05:00 x", "20.11.2026 14:05:00 = 2026-11-20T14:05:00"),
            ("20171223-22:15:29:606|Step", "20171223-22:15:29:606 = 2017-12-23T22:15:29.606"),
            ("20171223-2:5:9:6|Step", "20171223-2:5:9:6 = 2017-12-23T02:05:09.006"),
            ("20261120T140500Z x", "20261120T140500Z = 2026-11-20T14:05:00Z"),
            ("20261120140500 x", "20261120140500 = 2026-11-20T14:05:00"),
            ("2005-06-03-15.42.50.675872 R02", "2005-06-03-15.42.50.675872 = 2005-06-03T15:42:50.675872"),
            ("- 1117838570 2005.06.03 R02", "1117838570 = 2005-06-03T22:42:50Z"),
            ("1534860261221 x", "1534860261221 = 2018-08-21T14:04:21.221Z"),
            ("1761019822.3152757 x", "1761019822.3152757 = 2025-10-21T04:10:22.315275Z"),
            ("E0517 15:04:22.619632 19524 x.cc", "E0517 15:04:22.619632 = 5-17 15:04:22.619632"),
            ("I20260517 15:04:22.619632 1", "I20260517 15:04:22.619632 = 2026-05-17T15:04:22.619632"),
            ("@40000000433225833b6e1a8c tcpserver", "40000000433225833b6e1a8c = 2005-09-22T03:31:05.997071Z"),
            ("[11/22/2026 22:00:03]      CAUAJM", "11/22/2026 22:00:03 = 2026-11-22T22:00:03"),
            ("22/11/2026 22:00:03 x", "22/11/2026 22:00:03 = 2026-11-22T22:00:03"),
            ("11/2/2026 3:04:05 PM x", "11/2/2026 3:04:05 PM = 2026-11-02T15:04:05"),
            ("Jan 02, 2026 3:04:05 PM com.x", "Jan 02, 2026 3:04:05 PM = 2026-01-02T15:04:05"),
            ("478760 12:21:46.284771 execve", "12:21:46.284771 = 12:21:46.284771"),
            ("14:05:00 2026-11-20 x", "14:05:00 2026-11-20 = 2026-11-20T14:05:00"),
            (
                "logger=settings t=2025-04-24T19:51:48.520963849Z",
                "2025-04-24T19:51:48.520963849Z = 2025-04-24T19:51:48.520963Z",
            ),
        ] {
            assert_eq!(show(line), expected, "{line}");
        }
    }

    #[test]
    fn what_only_looks_like_a_stamp_is_left_alone() {
        for line in [
            "",
            "version 1.2.3.4 of 2026",
            "took 12:21:46 for all of it",
            "user 1534860261 logged in as 1534860261",
            "nova-api.log.1.2017-05-16_13:53:08",
            "2026-13-40 14:05:00",
            "2026-11-20x14:05:00",
            "2026-11-20 14:05:00x",
            "10.0.0.1 is up",
            "Mayor of Mon",
            "E1234 is a code",
            "0001-01-01 00:00:00 zero date",
        ] {
            assert_eq!(show(line), "-", "{line}");
        }
    }
}
