//! `trawl rca coverage`: what is indexed, and what is missing.

use crate::support::{NOW, Run, Sandbox};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::parse::{ParsedBlock, Parser, ParserOptions};
use trawl_formats::text::Decoding;
use trawl_formats::{IndexName, Registry};
use trawl_store::{BlockInput, Fingerprint, NewSource, SourceHandle, Writer};

/// A line every ten seconds from 14:00 to 14:30, but none from 14:10 to 14:15, and an error at 14:05.
fn heartbeat() -> String {
    let beats = (0..180).filter(|beat| !(60..90).contains(beat));
    let line = |beat: u32| {
        let what = if beat == 30 { "ERROR db: timeout" } else { "INFO beat" };
        format!("2026-11-20 14:{:02}:{:02} {what} {beat}\n", beat / 6, beat % 6 * 10)
    };
    beats.map(line).collect()
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("beat.log", heartbeat().as_bytes());
    sandbox
        .file("pay.log", b"2026-11-20 14:05:01 INFO paid\nno stamp here\n2026-11-20 14:06:01 INFO paid \x1b[31mred\n");
    let run = sandbox.trawl(&["index", "--host", "web-01", "beat.log", "pay.log"]);
    assert_eq!(run.code(), 0, "{run}");
    sandbox
}

fn coverage(sandbox: &Sandbox, args: &[&str]) -> Run {
    let range = ["rca", "coverage", "--now", NOW, "--from", "2026-11-20 14:00", "--to", "14:20"];
    sandbox.trawl(&[&range, args].concat())
}

#[test]
fn what_is_whole_is_shown_to_be_so() {
    let sandbox = sandbox();
    insta::assert_snapshot!(coverage(&sandbox, &["--verify"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20 14:00:00 to 2026-11-20 14:20:00
    2 sources, 92 events, 5.11 kB read and checked

          events  first                last                 source
              90  2026-11-20 14:00:00  2026-11-20 14:19:50  [DIR]/beat.log
                  silent for 5 min 9 s, from 2026-11-20 14:09:51 to 2026-11-20 14:15:00; its pauses are usually no longer than 9 s
               2  2026-11-20 14:05:01  2026-11-20 14:06:01  [DIR]/pay.log

    Nothing is missing: 92 events of 2 sources are indexed; 1 source fell silent for longer than usual, which only the program can explain.
    ");
    insta::assert_snapshot!(coverage(&sandbox, &["FATAL", "source=*beat.log"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20 14:00:00 to 2026-11-20 14:20:00
    1 source, 90 events

          events  first                last                 source
              90  2026-11-20 14:00:00  2026-11-20 14:19:50  [DIR]/beat.log
                  silent for 5 min 9 s, from 2026-11-20 14:09:51 to 2026-11-20 14:15:00; its pauses are usually no longer than 9 s

    Shown: nothing matches `search FATAL source=*beat.log` in 90 events of 1 source, of which nothing is missing; 1 source fell silent for longer than usual, which only the program can explain.
    ");
    let run = coverage(&sandbox, &["timeout", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(run.stdout()).unwrap();
    assert_eq!((run.code(), &report["n_found"]), (0, &1.into()), "{run}");
    let silence = &report["sources"][0]["silences"][0];
    assert_eq!(silence["to_us"].as_i64().unwrap() - silence["from_us"].as_i64().unwrap(), 309_000_000, "{silence}");
    // Of another time there is nothing.
    let run = sandbox.trawl(&["rca", "coverage", "--now", NOW, "--from", "-5d", "--to", "-4d"]);
    assert!(run.code() == 1 && String::from_utf8_lossy(run.stdout()).contains("no events in this time"), "{run}");
}

#[test]
fn files_of_one_log_go_on_where_the_last_one_ended() {
    let sandbox = Sandbox::new();
    let beats = heartbeat();
    let lines: Vec<&str> = beats.split_inclusive('\n').collect();
    // One ends before the silence, one begins after it; the third goes on at once.
    sandbox.file("logs/beat.log.2026-11-20-14", lines[..60].concat().as_bytes());
    sandbox.file("logs/beat.log.1", lines[60..80].concat().as_bytes());
    sandbox.file("logs/beat.log", lines[80..].concat().as_bytes());
    assert_eq!(sandbox.trawl(&["index", "logs"]).code(), 0);
    insta::assert_snapshot!(coverage(&sandbox, &[]), @r"
    exit: 0
    --- stdout ---
    2026-11-20 14:00:00 to 2026-11-20 14:20:00
    3 sources, 90 events

          events  first                last                 source
              60  2026-11-20 14:00:00  2026-11-20 14:09:50  [DIR]/logs/beat.log.2026-11-20-14
                  silent for 5 min 9 s, from 2026-11-20 14:09:51 to 2026-11-20 14:15:00; its pauses are usually no longer than 9 s
              10  2026-11-20 14:18:20  2026-11-20 14:19:50  [DIR]/logs/beat.log
              20  2026-11-20 14:15:00  2026-11-20 14:18:10  [DIR]/logs/beat.log.1

    Nothing is missing: 90 events of 3 sources are indexed; 1 source fell silent for longer than usual, which only the program can explain.
    ");
}

/// Checks that something is missing, and is said to be.
fn check_missing(sandbox: &Sandbox, args: &[&str], expected: &[&str]) {
    let run = coverage(sandbox, args);
    let text = String::from_utf8_lossy(run.stdout()).into_owned();
    assert_eq!(run.code(), 2, "{run}");
    for expected in expected {
        assert!(text.contains(expected), "{expected}: {run}");
    }
}

#[test]
fn what_was_not_read_may_hold_anything() {
    let sandbox = sandbox();
    let mut log = File::options().append(true).open(sandbox.path().join("beat.log")).unwrap();
    log.write_all(b"2026-11-20 14:19:59 FATAL out of memory\n").unwrap();
    check_missing(
        &sandbox,
        &["FATAL"],
        &["40 B not read yet", "Not shown: nothing matches `search FATAL`", "1 source not read to the end"],
    );
    // A source in which the search cannot find anything does not count.
    assert_eq!(coverage(&sandbox, &["FATAL", "source=*pay.log"]).code(), 0);
}

#[test]
fn what_has_aged_out_is_missing() {
    let sandbox = sandbox();
    sandbox.file("trawl.toml", b"[index.main]\nmax_age = \"1s\"\n");
    assert_eq!(sandbox.trawl(&["retention", "--apply"]).code(), 0);
    check_missing(&sandbox, &[], &["aged out", "2 sources of which a part has aged out"]);
}

#[test]
fn times_that_are_not_those_of_the_events_are_counted() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "odd.log",
        b"no stamp yet\n2026-11-20 14:05:01 INFO a\n1980-11-20 14:05:02 INFO b\n2026-11-20 14:05:03 INFO c\n",
    );
    assert_eq!(sandbox.trawl(&["index", "odd.log"]).code(), 0);
    let range = ["rca", "coverage", "--now", NOW, "--from", "2026-11-20 14:00", "--to", "16:00"];
    let run = sandbox.trawl(&range);
    let text = String::from_utf8_lossy(run.stdout()).into_owned();
    assert!(run.code() == 0 && text.contains("1 source, 4 events"), "{run}");
    assert!(text.contains("1 event with a time that makes no sense"), "{run}");
    assert!(text.contains("1 event without a time stamp: the time of the one before counts"), "{run}");
}

#[test]
fn bytes_between_those_that_were_indexed_are_missing() {
    let sandbox = Sandbox::new();
    let text = heartbeat();
    let data = sandbox.path().join("data");
    {
        let writer = Writer::open(&data).unwrap();
        let registry = Registry::builtin();
        let rules = registry.generic();
        let new = NewSource {
            index: IndexName::new("main").unwrap(),
            path: sandbox.file("beat.log", text.as_bytes()),
            source: "beat.log".into(),
            host: "web-01".into(),
            sourcetype: rules.name().clone(),
            rules_hash: rules.hash(),
            decoding: Decoding::default(),
            fingerprint: Fingerprint::of(text.as_bytes(), 1, 2),
        };
        let (id, generation) = writer.catalog().register(&new).unwrap();
        let NewSource { index, path, source, host, sourcetype, rules_hash, decoding, fingerprint } = new;
        let handle =
            SourceHandle { id, generation, index, path, source, sourcetype, host, rules_hash, decoding, fingerprint };
        let handle = Arc::new(handle);
        let mut builder = writer.bucket_builder(&handle.index).unwrap();
        // All but the lines from the 11th to the 20th.
        let starts: Vec<usize> = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        for range in [starts[0]..starts[10], starts[20]..text.len()] {
            let bytes = &text.as_bytes()[range.clone()];
            let mut parsed = ParsedBlock::default();
            Parser::new(ParserOptions::new(Arc::clone(&rules))).next_block(bytes, true, &mut parsed);
            let block = BlockInput { source: &handle, offset: range.start as u64, bytes, parsed: &parsed };
            builder.push(&block).unwrap();
        }
        let sealed = builder.seal().unwrap().unwrap();
        writer.commit(&[sealed]).unwrap();
    }
    check_missing(
        &sandbox,
        &[],
        &["not indexed: bytes 320 to 650 of generation 0", "1 source with bytes that were not indexed"],
    );
}

/// The files of that name in all buckets.
fn bucket_files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { bucket_files(&path, name) } else { vec![path] })
        .filter(|path| path.file_name().is_some_and(|file| file == name))
        .collect()
}

#[test]
fn damage_is_found_and_named() {
    let sandbox = sandbox();
    let journals = bucket_files(&sandbox.path().join("data"), "journal");
    assert!(!journals.is_empty());
    for journal in journals {
        let mut bytes = fs::read(&journal).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 0xff;
        fs::write(&journal, bytes).unwrap();
    }
    check_missing(&sandbox, &["--verify"], &["damaged:", "of the store damaged"]);
}
