//! Names in time stamps: months, weekdays, day halves, zones and numeric offsets.

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];

const WEEKDAYS: [&[u8]; 7] = [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

/// Zone abbreviations with their offset in minutes.
///
/// Many are ambiguous world-wide; the American reading wins for `CST`, `EST` and `MST` as in RFC 2822, `IST` is India's
/// and `BST` Britain's summer time. Zones that are English words (`CAT`, `EAT`, `MET`, `WEST`) are left out.
const ZONES: &[(&[u8], i32)] = &[
    (b"utc", 0),
    (b"gmt", 0),
    (b"z", 0),
    (b"bst", 60),
    (b"cet", 60),
    (b"cest", 120),
    (b"eet", 120),
    (b"sast", 120),
    (b"eest", 180),
    (b"msk", 180),
    (b"pkt", 300),
    (b"ist", 330),
    (b"wib", 420),
    (b"hkt", 480),
    (b"sgt", 480),
    (b"awst", 480),
    (b"jst", 540),
    (b"kst", 540),
    (b"acst", 570),
    (b"acdt", 630),
    (b"aest", 600),
    (b"aedt", 660),
    (b"nzst", 720),
    (b"nzdt", 780),
    (b"brt", -180),
    (b"edt", -240),
    (b"est", -300),
    (b"cdt", -300),
    (b"cst", -360),
    (b"mdt", -360),
    (b"mst", -420),
    (b"pdt", -420),
    (b"pst", -480),
    (b"akdt", -480),
    (b"akst", -540),
    (b"hst", -600),
];

/// Returns the month (1 to 12) that `text` begins with, and the length of its name, short or full.
#[inline]
pub(crate) fn month_at(text: &[u8]) -> Option<(u8, usize)> {
    let idx = match &lower_head(text)? {
        b"jan" => 0,
        b"feb" => 1,
        b"mar" => 2,
        b"apr" => 3,
        b"may" => 4,
        b"jun" => 5,
        b"jul" => 6,
        b"aug" => 7,
        b"sep" => 8,
        b"oct" => 9,
        b"nov" => 10,
        b"dec" => 11,
        _ => return None,
    };
    Some((idx as u8 + 1, name_len(text, MONTHS[idx])?))
}

/// Returns the length of the weekday name, short or full, that `text` begins with.
#[inline]
pub(crate) fn weekday_at(text: &[u8]) -> Option<usize> {
    let idx = match &lower_head(text)? {
        b"mon" => 0,
        b"tue" => 1,
        b"wed" => 2,
        b"thu" => 3,
        b"fri" => 4,
        b"sat" => 5,
        b"sun" => 6,
        _ => return None,
    };
    name_len(text, WEEKDAYS[idx])
}

#[inline]
fn lower_head(text: &[u8]) -> Option<[u8; 3]> {
    Some(text.first_chunk::<3>()?.map(|b| b.to_ascii_lowercase()))
}

/// Returns the length of the word at the start of `text`, which begins like `name`, if it is a way to write it: its first
/// three letters, the full name, or `Sept`.
#[inline]
fn name_len(text: &[u8], name: &[u8]) -> Option<usize> {
    if !text.get(3).is_some_and(u8::is_ascii_alphabetic) {
        return Some(3);
    }
    let len = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = &text[..len];
    (word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(b"sept")).then_some(len)
}

/// Returns whether `text` begins with `PM` (`true`) or `AM` (`false`).
pub(crate) fn meridiem_at(text: &[u8]) -> Option<bool> {
    match text.get(..2)? {
        [b'a' | b'A', b'm' | b'M'] => Some(false),
        [b'p' | b'P', b'm' | b'M'] => Some(true),
        _ => None,
    }
}

/// Returns the offset in seconds of the zone abbreviation, in capitals, that `text` begins with, and its length.
pub(crate) fn zone_at(text: &[u8]) -> Option<(i32, usize)> {
    let len = text.iter().take(5).take_while(|b| b.is_ascii_uppercase()).count();
    Some((zone_offset(&text[..len])?, len))
}

fn zone_offset(name: &[u8]) -> Option<i32> {
    ZONES.iter().find(|(zone, _)| zone.eq_ignore_ascii_case(name)).map(|(_, minutes)| minutes * 60)
}

/// Returns the offset in seconds that `text` begins with, and its length: `Z`, `±hh`, `±hhmm` or `±hh:mm`.
pub(crate) fn offset_at(text: &[u8]) -> Option<(i32, usize)> {
    let sign = match text.first()? {
        b'Z' | b'z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = two_digits(text.get(1..3)?)?;
    let (minutes, len) = match text.get(3..) {
        Some([b':', a, b, ..]) if a.is_ascii_digit() => (two_digits(&[*a, *b])?, 6),
        Some([a, b, ..]) if a.is_ascii_digit() => (two_digits(&[*a, *b])?, 5),
        _ => (0, 3),
    };
    // The zones of the world lie between -12 and +14 hours; minutes beyond 59 are another number.
    (hours <= 14 && minutes < 60).then_some((sign * (hours * 3600 + minutes * 60), len))
}

fn two_digits(digits: &[u8]) -> Option<i32> {
    let &[a, b] = digits else { return None };
    (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i32::from(a - b'0') * 10 + i32::from(b - b'0'))
}

/// Returns whether a token is made of parts that a stamp joins without a breaker: numbers, month and weekday names,
/// zones, day halves, and `T` before a number.
pub(crate) fn is_stamp_token(token: &[u8]) -> bool {
    let mut rest = token;
    while let Some(first) = rest.first() {
        if first.is_ascii_digit() {
            rest = &rest[rest.iter().take_while(|b| b.is_ascii_digit()).count()..];
            continue;
        }
        let n_letters = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, tail) = rest.split_at(n_letters);
        let separator = word.eq_ignore_ascii_case(b"t") && tail.first().is_some_and(u8::is_ascii_digit);
        if !separator && !is_stamp_word(word) {
            return false;
        }
        rest = tail;
    }
    true
}

/// Returns whether a stamp could hold `word`, made of letters alone.
pub(crate) fn is_stamp_word(word: &[u8]) -> bool {
    let whole = |len: usize| len == word.len();
    month_at(word).is_some_and(|(_, len)| whole(len))
        || weekday_at(word).is_some_and(whole)
        || (word.len() == 2 && meridiem_at(word).is_some())
        || zone_offset(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_weekdays() {
        for (text, expected) in [
            ("Jan 1", Some((1, 3))),
            ("DEC", Some((12, 3))),
            ("September 3", Some((9, 9))),
            ("Sept 3", Some((9, 4))),
            ("Jun2026", Some((6, 3))),
            ("Janus", None),
            ("Ja", None),
            ("M\x01y", None),
            ("", None),
        ] {
            assert_eq!(month_at(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(weekday_at(b"Sun Dec"), Some(3));
        assert_eq!(weekday_at(b"Wednesday, "), Some(9));
        assert_eq!(weekday_at(b"Sunny"), None);
    }

    #[test]
    fn offsets() {
        for (text, expected) in [
            ("Z", Some((0, 1))),
            ("+05:30", Some((19_800, 6))),
            ("-0800]", Some((-28_800, 5))),
            ("+01", Some((3600, 3))),
            ("+1", None),
            ("+15:00", None),
            ("+0199", None),
            ("05:30", None),
        ] {
            assert_eq!(offset_at(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(zone_at(b"PDT [1]"), Some((-25_200, 3)));
        assert_eq!(zone_at(b"CEST"), Some((7200, 4)));
        assert_eq!(zone_at(b"ERROR"), None);
    }
}
