//! The queries of `testdata/queries` with their exact answers, over corpora that are indexed, and over their files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use trawl_formats::{IndexName, Registry, Zone};
use trawl_indexer::{Input, Options, Progress};
use trawl_query::{Batch, Engine, Flow, Search, SearchOptions, Value};
use trawl_store::{Reader, Writer};
use trawl_testdata::{Corpus, Expect, corpora, queries};

/// Each file of a corpus under its own host, as the expectations assume: in a store, and as it is.
fn engines(corpus: &Corpus, dir: &Path) -> [(&'static str, Engine); 2] {
    let (logs, data) = (dir.join("logs"), dir.join("data"));
    corpus.copy_to(&logs).expect("copy");
    let writer = Writer::open(&data).expect("writer");
    let mut by_host: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for file in corpus.files() {
        by_host.entry(file.host.as_str()).or_default().push(logs.join(&file.path));
    }
    let mut scans = Vec::new();
    for (host, files) in by_host {
        let mut options = Options::new(IndexName::new("main").expect("name"), Zone::UTC, trawl_testdata::now_us());
        options.host = Some(host.into());
        let inputs: Vec<Input> = files.into_iter().map(Input::Path).collect();
        trawl_indexer::index(&writer, &Registry::builtin(), &inputs, &options, &Progress::default()).expect("index");
        scans.push((inputs, options));
    }
    let indexed = Engine::new(Reader::open(&data).expect("reader"), Registry::builtin());
    [("indexed", indexed), ("files", crate::support::scanning(scans))]
}

/// All rows of a search as one batch.
fn rows(engine: &Engine, query: &str, earliest: Option<&str>, latest: Option<&str>, now_us: i64) -> Batch {
    let mut options = SearchOptions::new(now_us);
    options.earliest = earliest.map(str::to_owned);
    options.latest = latest.map(str::to_owned);
    let search = Search::prepare(query, &options).unwrap_or_else(|error| panic!("{}", error.render(query, false)));
    let mut rows = Batch::default();
    let summary = search.run(engine, &mut |batch| {
        rows.append(batch);
        Ok(Flow::More)
    });
    assert_eq!(summary.expect("run").incomplete, None, "{query}");
    rows
}

/// The values of a cell as the command line prints them: `_time` as a date.
fn texts(column: &str, value: &Value) -> Vec<String> {
    let print = |value: &Value| match value.as_number() {
        Some(seconds) if column == "_time" => chrono::DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
            .expect("a time")
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        _ => value.to_string(),
    };
    value.each().iter().map(print).collect()
}

#[test]
fn every_query_has_its_answer() {
    let mut failures = Vec::new();
    for corpus in corpora() {
        let cases: Vec<_> = queries().iter().filter(|case| case.corpus == corpus.name).collect();
        if cases.is_empty() {
            continue;
        }
        let dir = tempfile::tempdir().expect("temporary directory");
        let engines = engines(corpus, dir.path());
        for (case, (form, engine)) in cases.iter().flat_map(|case| engines.iter().map(move |engine| (case, engine))) {
            let found = rows(engine, &case.query, case.earliest.as_deref(), case.latest.as_deref(), case.now_us());
            let problem = match &case.expect {
                Expect::Count(expected) => {
                    (found.len() as u64 != *expected).then(|| format!("{} events instead of {expected}", found.len()))
                }
                Expect::Rows { columns, rows } => {
                    let names: Vec<&str> = found.fields().iter().collect();
                    // Without rows nobody says which columns there would be.
                    let same = (rows.is_empty() && found.is_empty())
                        || names == columns.iter().map(String::as_str).collect::<Vec<_>>()
                            && found.len() == rows.len()
                            && rows.iter().enumerate().all(|(row, cells)| {
                                cells.iter().zip(columns).all(|(cell, column)| {
                                    cell.agrees_with(column, &texts(column, found.value(row, column)))
                                })
                            });
                    (!same).then(|| {
                        let shown: Vec<String> = (0..found.len().min(8))
                            .map(|row| {
                                names
                                    .iter()
                                    .map(|name| found.value(row, name).to_string())
                                    .collect::<Vec<_>>()
                                    .join(" | ")
                            })
                            .collect();
                        format!("columns {names:?}\n    {}\n  instead of {columns:?} {rows:?}", shown.join("\n    "))
                    })
                }
            };
            failures.extend(problem.map(|problem| format!("{}, {form}: {}\n  {problem}", corpus.name, case.query)));
        }
    }
    assert!(failures.is_empty(), "{} of {} wrong:\n{}", failures.len(), queries().len(), failures.join("\n"));
}
