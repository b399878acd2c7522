//! DuckDB as a second opinion: the questions of `questions.toml`, asked in SPL and in SQL over the same events, have the same
//! answers.
//!
//! `TRAWL_DUCKDB` names a python that has the package `duckdb`; `.ci/run` makes one. Without it `python3` is tried, and
//! the comparison is skipped where that has none. The larger corpus is that of `TRAWL_GENERATED`.

use crate::support::{folder_of, indexed};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use trawl_query::{Batch, Engine, Flow, Search, SearchOptions, Value};

/// Two numbers are the same if they differ by less than this part of them: sums are taken in different orders.
const TOLERANCE: f64 = 1e-9;
/// Events of the corpus that is made here.
const N_EVENTS: u32 = 4_000;
/// What fields are called in the questions.
const ROLES: [&str; 5] = ["g", "h", "x", "y", "u"];

#[derive(Deserialize)]
struct Questions {
    question: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    spl: String,
    sql: String,
}

/// Events, and which of their fields play the parts of [`ROLES`].
struct Asked<'e> {
    engine: &'e Engine,
    fields: [&'e str; 5],
}

impl Asked<'_> {
    /// The text with the names of fields.
    fn named(&self, text: &str) -> String {
        let roles = ROLES.iter().zip(self.fields);
        roles.fold(text.to_owned(), |text, (role, field)| text.replace(&format!("{{{role}}}"), field))
    }

    /// The rows of a search over all events.
    fn rows(&self, commands: &str) -> Vec<Vec<Value>> {
        let query = format!("* | {}", self.named(commands));
        let options = SearchOptions::new(trawl_testdata::now_us());
        let search =
            Search::prepare(&query, &options).unwrap_or_else(|error| panic!("{}", error.render(&query, false)));
        let mut rows = Batch::default();
        let summary = search.run(self.engine, &mut |batch| {
            rows.append(batch);
            Ok(Flow::More)
        });
        assert_eq!(summary.unwrap_or_else(|error| panic!("{query}: {error}")).incomplete, None, "{query}");
        (0..rows.len()).map(|row| rows.iter().map(|(_, column)| column[row].clone()).collect()).collect()
    }

    /// Writes the events for DuckDB, in the order of the search.
    fn write_events(&self, path: &Path) {
        let mut text = String::new();
        for (i, row) in self.rows("table _time {g} {h} {x} {y} {u}").iter().enumerate() {
            let us = (row[0].as_number().expect("a time") * 1e6).round();
            let mut event = json!({"n": i + 1, "us": us as i64});
            for (role, value) in ROLES.iter().zip(&row[1..]).filter(|(_, value)| !value.is_null()) {
                assert!(!matches!(value, Value::Multi(_)), "{role} has several values");
                event[role] = value.to_string().into();
            }
            writeln!(text, "{event}").expect("a string");
        }
        std::fs::write(path, text).expect("write");
    }

    /// Asks both and compares.
    fn check(&self, python: &str) {
        let Questions { question: questions } =
            toml::from_str(include_str!("second_opinion/questions.toml")).expect("TOML");
        let dir = tempfile::tempdir().expect("temporary directory");
        let events = dir.path().join("events.ndjson");
        self.write_events(&events);
        let sql: Vec<String> = questions.iter().map(|question| self.named(&question.sql)).collect();
        let task = json!({"rows": events, "fields": ROLES, "sql": sql});
        let answers = answers(python, &task);
        assert_eq!(answers.len(), questions.len());
        let differences: Vec<String> = (questions.iter().zip(&answers))
            .filter_map(|(question, answer)| {
                let ours = self.rows(&question.spl);
                let difference = match answer["rows"].as_array() {
                    Some(theirs) => difference(&ours, theirs)?,
                    None => answer["error"].to_string(),
                };
                Some(format!("* | {}\n{}\n{difference}\n", self.named(&question.spl), self.named(&question.sql)))
            })
            .collect();
        assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), answers.len(), differences.join("\n"));
    }
}

/// What DuckDB answers.
fn answers(python: &str, task: &Json) -> Vec<Json> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/second_opinion/ask.py");
    let mut asked = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{python}: {error}"));
    serde_json::to_writer(asked.stdin.take().expect("a pipe"), task).expect("write");
    let output = asked.wait_with_output().expect("wait");
    assert!(output.status.success(), "{python} {script} failed");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Where two answers differ first.
fn difference(ours: &[Vec<Value>], theirs: &[Json]) -> Option<String> {
    let theirs: Vec<&Vec<Json>> = theirs.iter().map(|row| row.as_array().expect("a row")).collect();
    let is_same =
        |ours: &[Value], theirs: &[Json]| ours.len() == theirs.len() && ours.iter().zip(theirs).all(is_same_cell);
    let n_same = ours.iter().zip(&theirs).take_while(|(ours, theirs)| is_same(ours, theirs)).count();
    (n_same < ours.len().max(theirs.len())).then(|| {
        let (n_ours, n_theirs) = (ours.len(), theirs.len());
        let ours = ours.get(n_same).map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>());
        format!("{n_ours} rows, DuckDB {n_theirs}; row {n_same}: {ours:?}, DuckDB {:?}", theirs.get(n_same))
    })
}

fn is_same_cell((ours, theirs): (&Value, &Json)) -> bool {
    let (ours_text, number) = match ours {
        Value::Null => return theirs.is_null(),
        Value::Multi(values) => (values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), None),
        single => (single.to_string(), single.as_number()),
    };
    let theirs_number = theirs.as_f64().or_else(|| theirs.as_str()?.parse().ok());
    match (number, theirs_number) {
        (Some(a), Some(b)) => a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()),
        _ => theirs.as_str() == Some(&ours_text),
    }
}

/// The python to ask, if there is one.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn python() -> Option<String> {
    if let Ok(python) = std::env::var("TRAWL_DUCKDB") {
        return Some(python);
    }
    let has_duckdb = Command::new("python3").args(["-c", "import duckdb"]).stderr(Stdio::null()).status();
    if has_duckdb.is_ok_and(|status| status.success()) {
        return Some("python3".to_owned());
    }
    eprintln!("note: skipped: python3 has no package duckdb, and TRAWL_DUCKDB names no python that has");
    None
}

/// Lines in which fields are missing, numbers are negative, broken and written as texts, and many values are equal.
fn log() -> String {
    let mut state = 1_u32;
    let mut random = move |n: u32| {
        // Numerical Recipes, ranqd1.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % n
    };
    let mut log = String::new();
    for i in 0..N_EVENTS {
        let seconds = i * 7 + random(7);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut line = format!("2026-11-20T{hours:02}:{minutes:02}:{seconds:02}.{:06}Z event", random(1_000_000));
        let mut field = |name: &str, missing: u32, value: String| {
            if i % missing != 0 {
                write!(line, " {name}={value}").expect("a string");
            }
        };
        field("svc", 17, format!("s{}", random(6).min(random(6))));
        field("sev", 5, ["ERROR", "INFO", "WARN", "error", "INFO", "DEBUG"][random(6) as usize].to_owned());
        field("ms", 3, format!("{}", random(700).min(random(700))));
        let size = [format!("{}.{}", random(40), random(100)), format!("-{}e-1", random(90)), "none".to_owned()];
        field("size", 7, size[random(3) as usize].clone());
        field("user", 4, format!("u{:03}", random(90).min(random(90))));
        writeln!(log, "{line}").expect("a string");
    }
    log
}

#[test]
fn a_small_corpus() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("logs/events.log");
    std::fs::create_dir(dir.path().join("logs")).expect("create");
    std::fs::write(&file, log()).expect("write");
    let engine = indexed(&file, &dir.path().join("data"), &[]);
    Asked { engine: &engine, fields: ["svc", "sev", "ms", "size", "user"] }.check(&python);
}

#[test]
fn the_generated_corpus() {
    let (Some(python), Some(folder)) = (python(), folder_of("TRAWL_GENERATED")) else { return };
    let dir = tempfile::tempdir().expect("temporary directory");
    let engine = indexed(&folder, dir.path(), &["truth.json"]);
    Asked { engine: &engine, fields: ["sourcetype", "level", "latency_ms", "bytes", "user"] }.check(&python);
}
