//! Counts of a generated corpus against its `truth.json`, through the index.
//!
//! The folder is named by `TRAWL_GENERATED`; `.ci/run` generates 64 MiB, by hand it is tried with 1 GiB.

use serde_json::Value as Json;
use std::path::PathBuf;
use trawl_query::{Engine, Flow, Search, SearchOptions, Value};

/// The corpus was written for November 2026; stamps are believed up to two days after this.
const NOW_US: i64 = 1_795_388_400_000_000;

/// Names of the generator's queries that cannot be written as they are named.
fn query_text(name: &str) -> &str {
    match name {
        "ORA_12519 as phrase ORA-12519" => "\"ORA-12519\"",
        name => name,
    }
}

/// Events of a file that answer a query. The truth counts words of the bytes as written; trawl also looks at the text with
/// its escapes decoded, in which the `\n` of a JSON string ends a word: there the count of substrings is the right one.
fn expected_events(file: &str, query: &str, answers: &Json) -> u64 {
    let escaped = (file, query) == ("payments/order-service.json.log", "\"Caused by\"");
    let key = if escaped { "events_substr" } else { "events_token" };
    answers[key].as_u64().expect("a number")
}

struct Generated {
    _dir: tempfile::TempDir,
    folder: PathBuf,
    truth: Json,
    engine: Engine,
}

fn generated() -> Option<Generated> {
    let folder = crate::support::folder_of("TRAWL_GENERATED")?;
    let truth = std::fs::read(folder.join("truth.json")).expect("truth.json");
    let truth: Json = serde_json::from_slice(&truth).expect("JSON");
    let dir = tempfile::tempdir().expect("temporary directory");
    let engine = crate::support::indexed(&folder, dir.path(), &["truth.json"]);
    // Last events of files that were just written are provisional: they lie in the live log.
    let snapshot = engine.reader().expect("reader").snapshot().expect("snapshot");
    let sealed: u64 = snapshot.buckets.iter().map(|bucket| bucket.raw_bytes).sum();
    let live: u64 = snapshot.live.iter().map(|block| block.bytes.len() as u64).sum();
    assert_eq!(sealed + live, truth["totals"]["bytes"].as_u64().expect("bytes"), "every byte is stored");
    Some(Generated { _dir: dir, folder, truth, engine })
}

impl Generated {
    /// Cells of the first row.
    fn row(&self, query: &str, columns: &[&str]) -> Vec<Value> {
        let search = Search::prepare(query, &SearchOptions::new(NOW_US)).expect("a query");
        let mut row = vec![Value::Null; columns.len()];
        let summary = search.run(&self.engine, &mut |batch| {
            row = columns.iter().map(|column| batch.value(0, column).clone()).collect();
            Ok(Flow::More)
        });
        assert_eq!(summary.expect("run").incomplete, None);
        row
    }

    fn count(&self, query: &str) -> u64 {
        let count = &self.row(&format!("{query} | stats count"), &["count"])[0];
        count.as_number().expect("a number") as u64
    }
}

#[test]
fn counts_of_a_generated_corpus_are_exact() {
    let Some(corpus) = generated() else { return };
    let mut failures = Vec::new();
    let mut check = |what: String, found: u64, expected: u64| {
        if found != expected {
            failures.push(format!("{what}: {found} instead of {expected}"));
        }
    };
    let number = |json: &Json| json.as_u64().expect("a number");
    check("events".to_owned(), corpus.count("*"), number(&corpus.truth["totals"]["events"]));

    for (name, totals) in corpus.truth["query_totals"].as_object().expect("queries") {
        let query = query_text(name);
        let by_file = corpus.truth["files"].as_object().expect("files").iter();
        let expected = by_file
            .filter_map(|(file, truth)| Some(expected_events(file, name, &truth["queries"].get(name)?["total"])))
            .sum();
        check(query.to_owned(), corpus.count(query), expected);
        // One word as a substring: the same word between stars.
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let query = format!("*{name}*");
            check(query.clone(), corpus.count(&query), number(&totals["events_substr"]));
        }
    }

    for (name, file) in corpus.truth["files"].as_object().expect("files") {
        let source = corpus.folder.join(name);
        let source = format!("source=\"{}\"", source.display());
        check(format!("events of {name}"), corpus.count(&source), number(&file["events"]));
        // The truth knows the levels of BGL's RAS lines only.
        let lines = if name == "bgl.log" { " RAS" } else { "" };
        for (level, n) in file["levels"].as_object().into_iter().flatten() {
            check(
                format!("level {level} of {name}"),
                corpus.count(&format!("{source}{lines} level=CASE({level})")),
                number(n),
            );
        }
        for (query, answers) in file["queries"].as_object().into_iter().flatten() {
            let found = corpus.count(&format!("{source} {}", query_text(query)));
            check(format!("{query} in {name}"), found, expected_events(name, query, &answers["total"]));
        }
    }
    assert!(failures.is_empty(), "{} counts are wrong:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn needles_are_found_where_they_were_planted() {
    let Some(corpus) = generated() else { return };
    let mut failures = Vec::new();
    for (name, file) in corpus.truth["files"].as_object().expect("files") {
        let source = corpus.folder.join(name);
        for needle in file["needles"].as_array().into_iter().flatten() {
            let text = needle["needle"].as_str().expect("a needle");
            if text == "PAY_EOD_SETTLE FAILURE INC" {
                // Words of one event that do not stand together; the query `FAILURE PAY_EOD_SETTLE` counts them.
                continue;
            }
            let planted: u64 = file["needles"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|other| other["needle"] == needle["needle"])
                .map(|other| other["count"].as_u64().expect("a count"))
                .sum();
            // Access logs encode blanks.
            let plain = corpus.count(&format!("source=\"{}\" \"{text}\"", source.display()));
            let encoded = if text.contains(' ') {
                corpus.count(&format!("source=\"{}\" \"{}\"", source.display(), text.replace(' ', "%20")))
            } else {
                0
            };
            if plain + encoded != planted {
                failures.push(format!("{name}: `{text}` in {plain} + {encoded} events instead of {planted}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn events_per_hour_are_exact() {
    let Some(corpus) = generated() else { return };
    let search = "error | timechart span=1h count";
    let search = Search::prepare(search, &SearchOptions::new(NOW_US)).expect("a query");
    let mut found = 0;
    let mut n_bins = 0;
    search
        .run(&corpus.engine, &mut |batch| {
            for row in 0..batch.len() {
                found += batch.value(row, "count").as_number().expect("a count") as u64;
                n_bins += 1;
                let time = batch.value(row, "_time").as_number().expect("a time");
                assert!((time % 3600.0).abs() < f64::EPSILON, "bins begin at whole hours");
            }
            Ok(Flow::More)
        })
        .expect("run");
    assert_eq!(found, corpus.truth["query_totals"]["error"]["events_token"].as_u64().expect("a number"));
    assert_eq!(n_bins, 24);
}
