//! Real log files in the folder named by `TRAWL_CORPORA`: sourcetype found, events, levels and time stamps of each
//! file as listed in `corpora.txt`, and every byte in an event.
//!
//! The counts of events and levels in the list were made with other tools (the lines that match a hand-written
//! pattern), not with this crate.

use std::collections::BTreeMap;

use crate::support::{Differences, ParsedFile, folder, parse, read, rfc3339};

/// One row per file: path, sourcetype, events, events without a stamp of their own, time of the first event, then
/// `level=events` pairs.
const EXPECTED: &str = include_str!("corpora.txt");

/// Files in which less than 99 % of the events carry a recognised stamp, each with the reason.
const POORLY_STAMPED: [(&str, &str); 2] = [
    ("misc/anglegrinder_partial_json.log", "no time stamps in the file"),
    ("misc/lnav_mixed_json2.json", "one event of fifteen is the output of a crash, without a stamp"),
];

struct Row {
    path: &'static str,
    sourcetype: &'static str,
    n_events: usize,
    n_unstamped: usize,
    first_time: &'static str,
    levels: BTreeMap<String, usize>,
}

fn rows() -> impl Iterator<Item = Row> {
    EXPECTED.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().unwrap_or_else(|| panic!("a row needs five columns: {line}"));
        let (path, sourcetype, n_events, n_unstamped, first_time) = (next(), next(), next(), next(), next());
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("`{text}` is no number: {line}"));
        let levels = words.map(|pair| {
            let (level, n_events) = pair.split_once('=').unwrap_or_else(|| panic!("`{pair}` is no pair: {line}"));
            (level.to_owned(), number(n_events))
        });
        Row {
            path,
            sourcetype,
            n_events: number(n_events),
            n_unstamped: number(n_unstamped),
            first_time,
            levels: levels.collect(),
        }
    })
}

#[test]
fn real_files_come_out_as_listed() {
    let Some(folder) = folder("TRAWL_CORPORA", "comparison with real log files") else {
        return;
    };
    let mut differences = Differences::default();
    for row in rows() {
        let bytes = read(&folder.join(row.path));
        let name = row.path.rsplit('/').next().unwrap_or(row.path);
        check(&row, &parse(&bytes, name.trim_end_matches(".gz")), bytes.len(), &mut differences);
    }
    differences.assert_none();
}

fn check(row: &Row, file: &ParsedFile, n_bytes: usize, differences: &mut Differences) {
    differences.check(row.path, "sourcetype", row.sourcetype, file.sourcetype());
    differences.check(row.path, "bytes covered", n_bytes, file.covered);
    differences.check(row.path, "events", row.n_events, file.events.len());
    differences.check(row.path, "levels", &row.levels, &file.levels());
    let first_time = file.events.iter().find(|event| !event.is_header()).map(|event| rfc3339(event.time_us));
    differences.check(row.path, "first time", Some(row.first_time), first_time.as_deref());
    let unstamped = file.events.iter().filter(|event| !event.is_stamped() && !event.is_header()).count();
    differences.check(row.path, "events without a stamp", row.n_unstamped, unstamped);
}

#[test]
fn nearly_every_event_of_a_file_with_stamps_is_stamped() {
    for row in rows() {
        let named = POORLY_STAMPED.iter().any(|(path, _)| *path == row.path);
        assert_eq!(named, row.n_unstamped * 100 > row.n_events, "{}: named as poorly stamped", row.path);
    }
}
