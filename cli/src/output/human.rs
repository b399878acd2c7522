//! Numbers as people read them.

use std::time::Duration;

/// A number with its thousands apart: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: `1 file`, `3,804 events`.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A number of bytes with three significant digits, in powers of 1000: `553 kB`, `1.24 GB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1000.0;
    let mut unit = 0;
    // 999.5 would print as four digits.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A duration: `0.4 ms`, `12 ms`, `3.2 s`, `4 min 5 s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_millis() {
        ms if ms >= 60_000 => format!("{} min {} s", ms / 60_000, ms / 1_000 % 60),
        ms if ms >= 1_000 => format!("{seconds:.1} s"),
        ms if ms >= 10 => format!("{ms} ms"),
        _ => format!("{:.1} ms", seconds * 1_000.0),
    }
}

/// How long ago something was, or how long it has lasted, with its two largest units: `4 s`, `12 min 5 s`, `3 h 12 min`, `2 d 4 h`.
pub fn age(age: Duration) -> String {
    let (seconds, minutes, hours) = (age.as_secs(), age.as_secs() / 60, age.as_secs() / 3600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let counts = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (n, expected) in counts {
            assert_eq!(count(n), expected);
        }
        assert_eq!((plural(1, "file"), plural(0, "file")), ("1 file".to_owned(), "0 files".to_owned()));
        let sizes = [
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (553_626, "554 kB"),
            (999_600, "1.00 MB"),
            (12_345_678, "12.3 MB"),
            (1_240_000_000, "1.24 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (n, expected) in sizes {
            assert_eq!(bytes(n), expected);
        }
        let ages = [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (11_530, "3 h 12 min"), (187_300, "2 d 4 h")];
        for (seconds, expected) in ages {
            assert_eq!(age(Duration::from_secs(seconds)), expected);
        }
        let durations = [(300, "0.3 ms"), (12_000, "12 ms"), (3_210_000, "3.2 s"), (245_000_000, "4 min 5 s")];
        for (us, expected) in durations {
            assert_eq!(duration(Duration::from_micros(us)), expected);
        }
    }
}
