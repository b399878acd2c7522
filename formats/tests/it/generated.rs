//! A corpus made by a generator that wrote down what it made (`truth.json`): events per file, levels, hours and the
//! first and last time must come out exactly.

use std::collections::BTreeMap;

use regex::bytes::Regex;
use serde::Deserialize;

use crate::support::{Differences, ParsedFile, folder, micros, parse, read, rfc3339};

#[derive(Deserialize)]
struct Truth {
    files: BTreeMap<String, FileTruth>,
}

#[derive(Deserialize)]
struct FileTruth {
    events: usize,
    bytes: usize,
    first_ts: String,
    last_ts: String,
    /// Events per level; empty where the generator does not know levels.
    levels: BTreeMap<String, usize>,
    /// How the generator found a line's level; absent where it chose the level itself.
    level_regex: Option<String>,
    events_per_hour: BTreeMap<String, usize>,
    timestamp_format: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl FileTruth {
    /// The generator works in milliseconds; a stamp that is written in seconds cannot give them back. The wrappers of
    /// containers carry a finer stamp than the lines inside.
    fn resolution_us(&self, sourcetype: &str) -> i64 {
        const SECONDS: [&str; 8] = ["clf", "apache", "syslog", "epoch", "ymd", "iso_s", "us", "prox"];
        let first = match &self.timestamp_format {
            OneOrMany::One(format) => format,
            OneOrMany::Many(formats) => &formats[0],
        };
        let in_seconds = SECONDS.contains(&first.as_str()) || (first == "sl" && sourcetype != "k8s_cri");
        if in_seconds { 1_000_000 } else { 1_000 }
    }
}

#[test]
fn events_levels_and_times_equal_the_generators_truth() {
    let Some(folder) = folder("TRAWL_GENERATED", "comparison with a generated corpus") else {
        return;
    };
    let truth = std::fs::read(folder.join("truth.json")).expect("truth.json in the generated corpus");
    let truth: Truth = serde_json::from_slice(&truth).expect("truth.json as the generator writes it");
    let mut differences = Differences::default();
    for (name, truth) in &truth.files {
        let bytes = read(&folder.join(name));
        let file = parse(&bytes, name);
        differences.check(name, "bytes", truth.bytes, bytes.len());
        differences.check(name, "bytes covered", bytes.len(), file.covered);
        differences.check(name, "events", truth.events, file.events.len());
        check_times(name, truth, &file, &mut differences);
        check_levels(name, truth, &file, &mut differences);
    }
    differences.assert_none();
}

fn check_times(name: &str, truth: &FileTruth, file: &ParsedFile, differences: &mut Differences) {
    let unstamped = file.events.iter().filter(|event| !event.is_stamped()).count();
    differences.check(name, "events without a stamp", 0, unstamped);
    let resolution_us = truth.resolution_us(file.sourcetype());
    let floor = |time_us: i64| rfc3339(time_us - time_us.rem_euclid(resolution_us));
    let times = || file.events.iter().map(|event| event.time_us);
    differences.check(name, "first time", Some(floor(micros(&truth.first_ts))), times().min().map(floor));
    differences.check(name, "last time", Some(floor(micros(&truth.last_ts))), times().max().map(floor));

    let mut hours = BTreeMap::new();
    for time_us in times() {
        *hours.entry(time_us - time_us.rem_euclid(3_600_000_000)).or_insert(0) += 1;
    }
    let expected: BTreeMap<i64, usize> =
        truth.events_per_hour.iter().map(|(hour, n_events)| (micros(hour), *n_events)).collect();
    differences.check(name, "events per hour", expected, hours);
}

/// Where the generator found levels with a regex, it is silent about the other lines, and so is this check.
fn check_levels(name: &str, truth: &FileTruth, file: &ParsedFile, differences: &mut Differences) {
    if truth.levels.is_empty() {
        return;
    }
    let regex = truth.level_regex.as_deref().map(|regex| Regex::new(regex).expect("a valid regex"));
    let mut levels = BTreeMap::new();
    for event in &file.events {
        if regex.as_ref().is_some_and(|regex| !regex.is_match(&event.text)) {
            continue;
        }
        if let Some(level) = &event.level {
            *levels.entry(level.clone()).or_insert(0) += 1;
        }
    }
    differences.check(name, "levels", truth.levels.clone(), levels);
}
