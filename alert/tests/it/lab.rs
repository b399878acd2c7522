//! A store to which lines arrive at moments of the test's choosing, and rules that watch it.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use trawl_alert::book::{Book, TransitionRecord};
use trawl_alert::condition::Condition;
use trawl_alert::evaluate::Evaluator;
use trawl_alert::machine::Timing;
use trawl_alert::rule::{DEFAULT_LATENESS_US, Per, Rule};
use trawl_alert::schedule::Schedule;
use trawl_alert::watch::{Round, Watch};
use trawl_alert::{Notification, Severity};
use trawl_formats::event::IndexName;
use trawl_formats::{Decoding, ParsedBlock, Parser, ParserOptions, Registry, Step};
use trawl_query::{Engine, SearchOptions};
use trawl_store::{BlockInput, Fingerprint, LiveLog, NewSource, Reader, Record, SourceHandle, Writer};

pub const SECOND: i64 = 1_000_000;
/// 2026-11-20 14:00:00 UTC.
pub const START: i64 = 1_795_183_200 * SECOND;

/// The moment `seconds` after the start.
pub fn at(seconds: f64) -> i64 {
    START + (seconds * 1e6) as i64
}

/// Seconds after the start.
pub fn seconds(us: i64) -> f64 {
    (us - START) as f64 / 1e6
}

pub struct Lab {
    pub dir: tempfile::TempDir,
    writer: Writer,
    log: RefCell<LiveLog>,
    source: Arc<SourceHandle>,
    offset: Cell<u64>,
    n_loaded: Cell<u32>,
    pub book: Book,
}

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let writer = Writer::open(dir.path()).expect("writer");
        let source = register(&writer, "/var/log/app.log");
        let index = IndexName::new("main").expect("a valid name");
        let log = RefCell::new(writer.begin_live_log(&index).expect("live log"));
        let book = Book::open(dir.path()).expect("book");
        Self { dir, writer, log, source, offset: Cell::new(0), n_loaded: Cell::new(0), book }
    }

    /// Stores a line of which nobody knows whether it goes on; the next line shows that it did not.
    pub fn arrive_open(&self, time: f64, indexed: f64, text: &str) {
        self.store(time, indexed, text, true);
    }

    /// Stores a line of the time `time`, indexed at `indexed`, both in seconds after the start.
    pub fn arrive(&self, time: f64, indexed: f64, text: &str) {
        self.store(time, indexed, text, false);
    }

    fn store(&self, time: f64, indexed: f64, text: &str, is_open: bool) {
        let (line, parsed) = parse(time, text);
        let input =
            BlockInput { source: &self.source, offset: self.offset.get(), bytes: line.as_bytes(), parsed: &parsed };
        let record = if is_open { Record::Open(input) } else { Record::Events(input) };
        self.writer.append_at(&mut self.log.borrow_mut(), &[record], at(indexed)).expect("append");
        if !is_open {
            self.offset.set(self.offset.get() + line.len() as u64);
        }
    }

    /// Seals what was stored, and goes on in another log.
    pub fn seal(&self) {
        let index = self.log.borrow().index().clone();
        let next = self.writer.begin_live_log(&index).expect("live log");
        self.writer.end_live_log(self.log.replace(next));
        self.writer.seal_live_logs(&index, &|| false).expect("sealed");
    }

    /// Stores a line as a bulk load does, in a bucket of its own.
    pub fn load(&self, time: f64, indexed: f64, text: &str) {
        let (line, parsed) = parse(time, text);
        let n_loaded = self.n_loaded.replace(self.n_loaded.get() + 1);
        let source = register(&self.writer, &format!("/var/log/loaded-{n_loaded}.log"));
        let mut builder = self.writer.bucket_builder(&source.index).expect("builder");
        let input = BlockInput { source: &source, offset: 0, bytes: line.as_bytes(), parsed: &parsed };
        builder.push_indexed(&input, &[(0, at(indexed))]).expect("added");
        self.writer.commit(&[builder.seal().expect("sealed").expect("a bucket")]).expect("committed");
    }

    pub fn engine(&self) -> Engine {
        engine(self.dir.path())
    }

    /// A watch that takes up where the book is.
    pub fn watch(&self, rules: &[Rule], now: f64) -> Watch<'_> {
        let rules = rules.iter().cloned().map(Arc::new).collect();
        Watch::new(&self.book, rules, "lab".to_owned(), at(now)).expect("watch")
    }

    /// Evaluates what is due.
    pub fn advance(&self, watch: &mut Watch<'_>, now: f64) -> Round {
        let engine = self.engine();
        let round = watch.advance(&Evaluator::new(&engine, options()), at(now)).expect("a round");
        assert_eq!(round.troubles.iter().filter(|(_, trouble)| trouble.is_some()).count(), 0, "{:?}", round.troubles);
        round
    }

    /// All transitions, the oldest first.
    pub fn history(&self) -> Vec<TransitionRecord> {
        let mut history = self.book.history(None, usize::MAX).expect("history");
        history.reverse();
        history
    }

    /// All transitions as `tick what group`.
    pub fn told(&self) -> Vec<String> {
        self.history().iter().map(told).collect()
    }

    /// What the action `hook` was told.
    pub fn notifications(&self) -> Vec<Notification> {
        self.book.notifications("hook").expect("notifications")
    }
}

pub fn told(record: &TransitionRecord) -> String {
    let group = if record.group.0.is_empty() { String::new() } else { format!(" {}", record.group) };
    format!("{} {}{group}", seconds(record.tick_us), record.what)
}

pub fn engine(data: &Path) -> Engine {
    Engine::new(Reader::open(data).expect("reader"), Registry::builtin())
}

pub fn options() -> SearchOptions {
    SearchOptions::new(0)
}

/// What a rule has of which nothing is said.
pub fn timing() -> Timing {
    Timing { lateness_us: DEFAULT_LATENESS_US, ..Timing::default() }
}

/// The rule with another lateness, in microseconds.
pub fn late(lateness_us: i64, rule: Rule) -> Rule {
    Rule { timing: Timing { lateness_us, ..rule.timing }, ..rule }
}

/// A rule that is evaluated every ten seconds over the last ten, and fires at a condition.
pub fn rule(search: &str, condition: &str) -> Rule {
    let rule = Rule {
        name: "payment-db".to_owned(),
        description: None,
        owner: None,
        tags: Vec::new(),
        runbook: None,
        search: search.to_owned(),
        schedule: Schedule::Every { interval_us: 10 * SECOND },
        window_us: Some(10 * SECOND),
        levels: vec![(Severity::Critical, Condition::parse(condition).expect("a condition"))],
        clear: None,
        timing: timing(),
        baseline_us: None,
        group_by: Vec::new(),
        per: Per::Group,
        active: None,
        actions: vec!["hook".to_owned()],
    };
    rule.check(&options()).expect("a rule that makes sense");
    rule
}

/// A line and the event in it.
fn parse(time: f64, text: &str) -> (String, ParsedBlock) {
    let stamp = chrono::DateTime::from_timestamp_micros(at(time)).expect("a time");
    let line = format!("{} {text}\n", stamp.format("%Y-%m-%d %H:%M:%S%.6f"));
    let mut parsed = ParsedBlock::default();
    let mut parser = Parser::new(ParserOptions::new(Registry::builtin().generic()));
    assert_eq!(parser.next_block(line.as_bytes(), true, &mut parsed), Step::Block);
    (line, parsed)
}

fn register(writer: &Writer, path: &str) -> Arc<SourceHandle> {
    let rules = Registry::builtin().generic();
    let new = NewSource {
        index: IndexName::new("main").expect("a valid name"),
        path: path.into(),
        source: path.into(),
        host: "web01".into(),
        sourcetype: rules.name().clone(),
        rules_hash: rules.hash(),
        decoding: Decoding::default(),
        fingerprint: Fingerprint::of(b"", 1, 2),
    };
    let (id, _) = writer.catalog().register(&new).expect("register");
    let sources = writer.catalog().sources().expect("sources");
    let source = sources.into_iter().find(|source| source.id == id).expect("registered");
    Arc::new(source.handle(&source.generations[0]))
}
