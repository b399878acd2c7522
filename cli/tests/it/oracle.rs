//! The answer equals a brute-force scan, for generated queries over every corpus: indexed, as live data, and read from the files
//! without an index.
//!
//! The scan shares with the engine what a text, an event, a stamp and a field are (`trawl-formats`); how a condition is
//! decided is written here a second time, from the definition and as slowly as it likes. `TRAWL_ORACLE_PAIRS` sets the number
//! of (corpus, query) pairs.

use generator::Generator;
use scan::Scanned;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use trawl_formats::{IndexName, Registry, Zone};
use trawl_indexer::tail::{Moment, Notices, Route, TailOptions, Tailer};
use trawl_indexer::{Input, Options, Progress};
use trawl_query::{Engine, Flow, Search, SearchOptions, Value, Wanted};
use trawl_store::{Reader, Writer};

mod condition;
mod generator;
mod scan;

/// Default number of pairs, over all corpora together.
const DEFAULT_PAIRS: usize = 5_000;
/// Events of a corpus that are compared; larger files are cut, at a line end, before they are indexed.
const MAX_FILE_BYTES: usize = 300 << 10;

/// A corpus that is scanned, and the stores in which it is searched.
struct Pair {
    name: String,
    _dir: tempfile::TempDir,
    stores: [Stored; 3],
    scanned: Vec<Scanned>,
}

/// A corpus in a store, or in files.
struct Stored {
    form: &'static str,
    engine: Engine,
}

impl Pair {
    /// Copies files, indexes each in a run of its own (so that there are several buckets), and scans them.
    fn new(name: &str, files: &[PathBuf]) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (logs, data) = (dir.path().join("logs"), dir.path().join("data"));
        std::fs::create_dir_all(&logs).expect("create");
        let registry = Registry::builtin();
        let now_us = trawl_testdata::now_us();
        let mut scanned = Vec::new();
        for (i, file) in files.iter().enumerate() {
            let bytes = std::fs::read(file).expect("read");
            let bytes = cut(&bytes);
            let file_name = file.file_name().expect("a file").to_string_lossy();
            let copy = logs.join(format!("{i:03}-{file_name}"));
            std::fs::write(&copy, bytes).expect("copy");
            let mtime = std::time::UNIX_EPOCH + Duration::from_micros(now_us as u64 - 3_600_000_000);
            std::fs::File::options().write(true).open(&copy).and_then(|file| file.set_modified(mtime)).expect("mtime");
            let writer = Writer::open(&data).expect("writer");
            let mut options = Options::new(IndexName::new("main").expect("name"), Zone::UTC, now_us);
            options.host = Some("here".into());
            let report =
                trawl_indexer::index(&writer, &registry, &[Input::Path(copy.clone())], &options, &Progress::default());
            let report = report.expect("index");
            if report.files.iter().any(|file| file.sourcetype.is_some()) {
                scanned.extend(scan::scan(&copy, bytes, &registry, now_us));
            }
        }
        let live = dir.path().join("live");
        follow(&logs, &live, &registry, now_us);
        let open = |data: &Path| Engine::new(Reader::open(data).expect("reader"), Arc::clone(&registry));
        let mut options = Options::new(IndexName::new("main").expect("name"), Zone::UTC, now_us);
        options.host = Some("here".into());
        let files = crate::support::scanning(vec![(vec![Input::Path(logs)], options)]);
        let stores = [("sealed", open(&data)), ("live", open(&live)), ("files", files)];
        let stores = stores.map(|(form, engine)| Stored { form, engine });
        Self { name: name.to_owned(), stores, _dir: dir, scanned }
    }

    /// Checks one query; whether it told some events from others.
    fn check(&self, generator: &mut Generator) -> bool {
        let query = generator.query(&self.scanned);
        let text = query.to_string();
        let expected: BTreeSet<(String, u64)> =
            self.scanned.iter().filter(|event| query.matches(event)).map(Scanned::address).collect();
        for store in &self.stores {
            let place = format!("corpus {}, {}, query {text}", self.name, store.form);
            let found = store.search(&text).unwrap_or_else(|error| panic!("{place}: {error}"));
            if found != expected {
                let missed: Vec<_> = expected.difference(&found).take(3).collect();
                let surplus: Vec<_> = found.difference(&expected).take(3).collect();
                let shown = missed.iter().chain(&surplus).map(|address| {
                    let event = self.scanned.iter().find(|event| event.address() == **address).expect("an event");
                    format!("{}:{} {:?}", event.source, event.offset, String::from_utf8_lossy(&event.text))
                });
                panic!("{place}\n  missed {missed:?}\n  surplus {surplus:?}\n{}", shown.collect::<Vec<_>>().join("\n"));
            }
            assert_eq!(store.count(&text), expected.len() as u64, "{place} | stats count");
        }
        !expected.is_empty() && expected.len() < self.scanned.len()
    }
}

/// Follows a folder of files into a store, in which everything stays live.
fn follow(logs: &Path, data: &Path, registry: &Registry, now_us: i64) {
    let writer = Writer::open(data).expect("writer");
    let mut options = Options::new(IndexName::new("main").expect("name"), Zone::UTC, now_us);
    options.host = Some("here".into());
    let route = Route { inputs: vec![Input::Path(logs.to_owned())], options, ignore_older: None };
    let mut tailer = Tailer::new(&writer, registry, vec![route], TailOptions::default()).expect("good inputs");
    // Long enough for each file to be found and read, whatever is waited for.
    for second in 0..20 {
        let now = Moment { at: Duration::from_secs(second), wall_us: now_us + second as i64 * 1_000_000 };
        let mut notices = Notices { rescan: true, ..Notices::default() };
        while tailer.pump(now, std::mem::take(&mut notices)).expect("the store answers").is_busy {}
    }
    tailer.finish(Moment { at: Duration::from_secs(20), wall_us: now_us + 20_000_000 });
    let snapshot = Reader::open(data).and_then(|reader| reader.snapshot()).expect("snapshot");
    assert!(snapshot.buckets.is_empty(), "nothing is sealed");
}

impl Stored {
    /// Offsets of the events that the engine finds, by source.
    fn search(&self, query: &str) -> Result<BTreeSet<(String, u64)>, String> {
        let mut options = SearchOptions::new(trawl_testdata::now_us());
        options.event_fields = Wanted::of(["_addr"]);
        let search = Search::prepare(query, &options).map_err(|error| format!("{query}: {error} {:?}", error.hint))?;
        let mut found = BTreeSet::new();
        let summary = search.run(&self.engine, &mut |batch| {
            for address in batch.column("_addr").expect("events have addresses") {
                let address: trawl_query::engine::address::Address =
                    address.as_text().expect("text").parse().expect("an address");
                assert!(found.insert((address.source, address.offset)), "an event came twice");
            }
            Ok(Flow::More)
        });
        let summary = summary.map_err(|error| format!("{query}: {error}"))?;
        assert_eq!(summary.incomplete, None);
        assert_eq!(summary.n_matched, found.len() as u64, "{query}");
        Ok(found)
    }

    /// Number of events by the engine, where it may answer from the index alone.
    fn count(&self, query: &str) -> u64 {
        let search = Search::prepare(&format!("{query} | stats count"), &SearchOptions::new(trawl_testdata::now_us()));
        let mut count = Value::Null;
        let run = search.expect("the query is known to be right").run(&self.engine, &mut |batch| {
            count = batch.value(0, "count").clone();
            Ok(Flow::More)
        });
        run.expect("run");
        count.as_number().expect("a number") as u64
    }
}

/// The first part of a large file, whole lines.
fn cut(bytes: &[u8]) -> &[u8] {
    if bytes.len() <= MAX_FILE_BYTES {
        return bytes;
    }
    let end = bytes[..MAX_FILE_BYTES].iter().rposition(|&byte| byte == b'\n').map_or(MAX_FILE_BYTES, |at| at + 1);
    &bytes[..end]
}

fn plain_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(dir).expect("list") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            files.extend(plain_files(&path));
        } else if !is_compressed(&path) {
            files.push(path);
        }
    }
    files.sort_unstable();
    files
}

/// The scan reads plain files only.
fn is_compressed(path: &Path) -> bool {
    const MAGICS: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"];
    let bytes = std::fs::read(path).expect("read");
    MAGICS.iter().any(|magic| bytes.starts_with(magic))
}

fn n_pairs() -> usize {
    std::env::var("TRAWL_ORACLE_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(DEFAULT_PAIRS)
}

fn check_all(pairs: &[Pair], n_pairs: usize, seed: u64) {
    let mut generator = Generator::new(seed);
    let pairs: Vec<&Pair> = pairs.iter().filter(|pair| !pair.scanned.is_empty()).collect();
    let n_telling = (0..n_pairs).filter(|i| pairs[i % pairs.len()].check(&mut generator)).count();
    assert!(n_telling * 3 > n_pairs, "only {n_telling} of {n_pairs} queries tell events apart");
}

#[test]
fn index_equals_scan_on_our_own_logs() {
    let corpora = trawl_testdata::corpora().iter().map(|corpus| (&corpus.name, plain_files(&corpus.path())));
    let pairs: Vec<Pair> =
        corpora.filter(|(_, files)| !files.is_empty()).map(|(name, files)| Pair::new(name, &files)).collect();
    check_all(&pairs, n_pairs(), 1);
}

#[test]
fn index_equals_scan_on_real_logs() {
    let Some(folder) = crate::support::folder_of("TRAWL_CORPORA") else { return };
    let files = plain_files(&folder);
    let pairs: Vec<Pair> =
        files.chunks(12).enumerate().map(|(i, files)| Pair::new(&format!("real {i}"), files)).collect();
    check_all(&pairs, n_pairs() / 4, 2);
}
