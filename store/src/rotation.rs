//! What rotation and compression make of the names of files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Suffixes that compression tools append.
const COMPRESSION_SUFFIXES: [&str; 11] =
    [".gz", ".gzip", ".z", ".zst", ".zstd", ".bz2", ".bz", ".xz", ".lzma", ".lz4", ".zip"];
/// Suffixes of files that were put aside.
const ASIDE_SUFFIXES: [&str; 7] = [".old", ".bak", ".backup", ".prev", ".rotated", ".save", "~"];
/// Extensions in front of which some programs put the rotation's date: `app-2026-11-20.log`.
const LOG_EXTENSIONS: [&str; 6] = [".log", ".txt", ".out", ".err", ".json", ".csv"];
/// Longest number that counts rotations (`app.log.12345`).
const MAX_COUNT_DIGITS: usize = 5;

/// What remains of a file name without the suffixes of compression and rotation: the same for a log and everything that
/// rotation makes of it.
///
/// Taken off again and again: compression (`.gz`), put aside (`.old`), a count (`.1`), a date or date and time
/// (`-20261120`, `.2026-11-20-14`, `_2026-11-20T14-05-00.123`, `-1732111500`), in front of an extension, too.
pub fn rotation_key(file_name: &str) -> String {
    strip(file_name).0
}

/// Whether a file name is one that rotation gave: such a file may grow for a moment, but is never truncated.
pub fn is_rotated(file_name: &str) -> bool {
    strip(file_name).1
}

/// The key, and whether more than compression suffixes was taken off.
fn strip(file_name: &str) -> (String, bool) {
    let mut rest = file_name;
    let mut is_rotated = false;
    loop {
        let before = rest;
        rest = strip_any(rest, &COMPRESSION_SUFFIXES);
        let unrotated = strip_date(strip_count(strip_any(rest, &ASIDE_SUFFIXES)));
        is_rotated |= unrotated.len() < rest.len();
        rest = unrotated;
        if rest.len() == before.len() {
            break;
        }
    }
    // A count in front of an extension (`app-1.log`) is as likely the number of a process; only a date is a rotation's.
    let stem = strip_any(rest, &LOG_EXTENSIONS);
    let undated = strip_date(stem);
    if stem.len() < rest.len() && undated.len() < stem.len() {
        return (format!("{undated}{}", &rest[stem.len()..]), true);
    }
    (rest.to_owned(), is_rotated)
}

/// `text` without the first of `suffixes` that it ends with, in any case, if something remains.
fn strip_any<'t>(text: &'t str, suffixes: &[&str]) -> &'t str {
    let strip = |suffix: &&str| {
        let stem = text.len().checked_sub(suffix.len()).filter(|&stem| stem > 0)?;
        (text.is_char_boundary(stem) && text[stem..].eq_ignore_ascii_case(suffix)).then(|| &text[..stem])
    };
    suffixes.iter().find_map(strip).unwrap_or(text)
}

/// `text` without `.` and a short number.
fn strip_count(text: &str) -> &str {
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let n_digits = text.len() - stem.len();
    match stem.strip_suffix('.') {
        Some(stem) if !stem.is_empty() && (1..=MAX_COUNT_DIGITS).contains(&n_digits) => stem,
        _ => text,
    }
}

/// `text` without a separator and a date, which a time may follow.
///
/// ```text
/// date := digits{8} | digits{10} | digits{12} | digits{14} | digits{4} sep digits{2} sep digits{2} rest
/// rest := (letter T or sep, digits{1..6} | digits{10})*       sep := `-` `.` `_` `:`
/// ```
fn strip_date(text: &str) -> &str {
    let is_separator = |byte: u8| matches!(byte, b'-' | b'.' | b'_' | b':');
    // The run of digits and separators at the end, which the date must fill from some separator on.
    let start = text
        .bytes()
        .rposition(|byte| !(byte.is_ascii_digit() || is_separator(byte) || byte == b'T'))
        .map_or(0, |last_other| last_other + 1);
    let run = &text.as_bytes()[start..];
    let cut = (0..run.len()).find(|&at| is_separator(run[at]) && start + at > 0 && is_date(&run[at + 1..]));
    cut.map_or(text, |at| &text[..start + at])
}

fn is_date(bytes: &[u8]) -> bool {
    let n_digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match n_digits {
        8 | 12 | 14 => is_time(&bytes[n_digits..]),
        // yyyymmddhh, or seconds since the epoch.
        10 => bytes.len() == 10 || is_time(&bytes[10..]),
        4 => {
            let [_, _, _, _, a, month_1, month_2, b, day_1, day_2, rest @ ..] = bytes else { return false };
            matches!(a, b'-' | b'.' | b'_')
                && a == b
                && [month_1, month_2, day_1, day_2].iter().all(|byte| byte.is_ascii_digit())
                && is_time(rest)
        }
        _ => false,
    }
}

/// Whether `bytes` are groups of at most six digits, or of the ten of seconds since the epoch, each behind a separator or `T`.
fn is_time(mut bytes: &[u8]) -> bool {
    while let Some((separator, rest)) = bytes.split_first() {
        let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if separator.is_ascii_digit() || !matches!(n_digits, 1..=6 | 10) {
            return false;
        }
        bytes = &rest[n_digits..];
    }
    true
}

/// Folder and key of a path: equal for files of which one may be made from the other by rotation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Family {
    folder: PathBuf,
    key: String,
}

impl Family {
    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Of a file.
    pub fn of(path: &Path) -> Self {
        Self {
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            key: rotation_key(&path.file_name().unwrap_or(OsStr::new("")).to_string_lossy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_and_what_rotation_makes_of_it_have_one_key() {
        let rotated = [
            "app.log.1",
            "app.log.12.gz",
            "app.log.1.bak.zst",
            "app.log.old",
            "app.log~",
            "app.log-20261120",
            "app.log-20261120.gz",
            "app.log-20261120-1",
            "app.log-20261120-1763640000",
            "app.log-20261120-1763640000.gz",
            "app.log-2026112014",
            "app.log-1763640000",
            "app.log.2026-11-20",
            "app.log.2026-11-20.1.gz",
            "app.log.2026-11-20-14",
            "app.log.2026-11-20_14-05",
            "app.log_2026-11-20T14-05-00.123",
            "app.log.20261120T140500",
            "app-2026-11-20.log",
            "app-2026-11-20T14-05-00.123.log.gz",
            "app.2026-11-20.0.log",
            "app.2026-11-20.log.3",
            "app_20261120.log",
        ];
        for name in rotated {
            assert_eq!(rotation_key(name), "app.log", "{name}");
            assert!(is_rotated(name), "{name}");
        }
        for (name, key) in [("app.log", "app.log"), ("app.log.gz", "app.log"), ("app.LOG.GZ", "app.LOG"), ("", "")] {
            assert_eq!(rotation_key(name), key, "{name}");
            assert!(!is_rotated(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_look_alike_keep_their_difference() {
        let distinct = [
            "app-1.log",
            "app-2.log",
            "app.1.log",
            "web01.log",
            "access_8080.log",
            "app-v1.2.log",
            "2026-11-20.log",
            ".1",
            "20261120",
            "node-10.0.0.1.log",
            "1.log",
        ];
        for name in distinct {
            assert_eq!(rotation_key(name), name);
        }
        assert_eq!(rotation_key("syslog.1"), "syslog");
        assert_eq!(rotation_key("größe.log.1"), "größe.log");
        assert_eq!(rotation_key("日本.gz"), "日本");
    }
}
