//! Calendar arithmetic on plain numbers.

/// Returns the days from 1970-01-01 to a date of the proleptic Gregorian calendar.
///
/// The algorithm is Howard Hinnant's `days_from_civil`: years are counted from March, so that the leap day comes last.
pub(crate) fn days(year: i32, month: u8, day: u8) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns the year that holds the day `days` after 1970-01-01.
pub(crate) fn year_of(days: i64) -> i32 {
    // A first guess from the mean length of a year is at most one off.
    let guess = 1970 + (days * 400).div_euclid(146_097) as i32;
    if days < self::days(guess, 1, 1) {
        guess - 1
    } else if days >= self::days(guess + 1, 1, 1) {
        guess + 1
    } else {
        guess
    }
}

/// Returns whether a year has a 29 February.
pub(crate) fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Returns the number of days of a month; `month` must be 1 to 12.
pub(crate) fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 => 28 + u8::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_chrono() {
        let mut date = chrono::NaiveDate::from_ymd_opt(1895, 1, 1).unwrap();
        let epoch = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for _ in 0..365 * 240 {
            use chrono::Datelike;
            let expected = date.signed_duration_since(epoch).num_days();
            assert_eq!(days(date.year(), date.month() as u8, date.day() as u8), expected);
            assert_eq!(year_of(expected), date.year());
            date = date.succ_opt().unwrap();
        }
    }

    #[test]
    fn months_have_their_days() {
        for (year, month, expected) in
            [(2026, 1, 31), (2026, 2, 28), (2028, 2, 29), (1900, 2, 28), (2000, 2, 29), (2026, 9, 30)]
        {
            assert_eq!(days_in_month(year, month), expected);
        }
    }
}
