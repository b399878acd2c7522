//! The part of `trawl run` that evaluates alerts: a thread beside the tailer.

use crate::cmd::retention::chain;
use crate::config::Config;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use trawl_alert::audit::{AUDIT_FOLDER, AuditLog};
use trawl_alert::book::{BOOK_FILE, Book};
use trawl_alert::evaluate::Evaluator;
use trawl_alert::rule::Rule;
use trawl_alert::watch::{Told, Watch};
use trawl_formats::Registry;
use trawl_query::{Engine, SearchOptions};

/// Longest time between two looks at what people have said, and at what is due.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the files are given to be read after a start, before moments that were missed are evaluated.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(300);

/// What is evaluated, and with what.
pub struct Post {
    data: PathBuf,
    rules: Vec<Arc<Rule>>,
    options: SearchOptions,
    registry: Arc<Registry>,
    node: String,
}

/// What the thread has to say.
#[derive(Debug)]
pub enum SentryReport {
    /// An alert changed.
    Told(Told),
    /// A rule cannot be evaluated, and why; or it can be again.
    Trouble(String, Option<String>),
    /// Something that no rule is to blame for; said once for as long as it lasts.
    Broken(String),
}

impl Post {
    /// What a configuration asks for; `None` where there is nothing to do.
    ///
    /// # Errors
    /// If an alert makes no sense.
    pub fn new(config: &Config, registry: &Arc<Registry>) -> anyhow::Result<Option<Self>> {
        let rules: Vec<Arc<Rule>> = config.rules()?.into_iter().map(Arc::new).collect();
        let data = config.data.value.clone();
        // What was said or is still to be brought is written down even if the last alert is gone.
        if rules.is_empty() && !data.join(BOOK_FILE).exists() {
            return Ok(None);
        }
        let options = config.search_options();
        // A folder that is followed must be there.
        AuditLog::open(&data)?;
        let node = trawl_indexer::local_host().to_string();
        Ok(Some(Self { data, rules, options, registry: Arc::clone(registry), node }))
    }

    /// Where the audit log lies.
    pub fn audit_folder(&self) -> PathBuf {
        self.data.join(AUDIT_FOLDER)
    }
}

/// The thread, until it is dropped.
pub struct Sentry {
    is_caught_up: Arc<AtomicBool>,
    _stop: Sender<()>,
}

impl Sentry {
    /// Begins to evaluate.
    pub fn start<'s>(scope: &'s thread::Scope<'s, '_>, post: &'s Post) -> (Self, Receiver<SentryReport>) {
        let is_caught_up = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        scope.spawn({
            let is_caught_up = Arc::clone(&is_caught_up);
            move || {
                // Where the book cannot be used now, it is tried again: the events wait.
                let mut is_broken = false;
                while let Err(error) = post.stand(&is_caught_up, &stopped, &report, &mut is_broken) {
                    if !is_broken {
                        is_broken = true;
                        let _ = report.send(SentryReport::Broken(format!("alerts: {}", chain(&*error))));
                    }
                    if stopped.recv_timeout(PAUSE * 20) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            }
        });
        (Self { is_caught_up, _stop: stop }, reports)
    }

    /// Tells that the files have been read up to their present ends once.
    pub fn caught_up(&self) {
        self.is_caught_up.store(true, Ordering::Relaxed);
    }
}

type StandResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl Post {
    /// Evaluates until it is told to stop.
    fn stand(
        &self,
        is_caught_up: &AtomicBool,
        stopped: &Receiver<()>,
        report: &Sender<SentryReport>,
        is_broken: &mut bool,
    ) -> StandResult {
        let now_us = || crate::cmd::now_us().unwrap_or_default();
        let engine = Engine::of_folder(self.data.clone(), Arc::clone(&self.registry));
        let evaluator = Evaluator::new(&engine, self.options.clone());
        let book = Book::open(&self.data)?;
        let audit = AuditLog::open(&self.data)?;
        let mut watch = Watch::new(&book, self.rules.clone(), self.node.clone(), now_us())?;
        let started = Instant::now();
        loop {
            if is_caught_up.load(Ordering::Relaxed) || started.elapsed() > CATCH_UP_TIMEOUT {
                let round = watch.advance(&evaluator, now_us())?;
                *is_broken = false;
                for told in round.told {
                    let _ = report.send(SentryReport::Told(told));
                }
                for (alert, trouble) in round.troubles {
                    let _ = report.send(SentryReport::Trouble(alert, trouble));
                }
            }
            audit.drain(&book)?;
            let due = watch.due_us().map(|due_us| Duration::from_micros((due_us - now_us()).max(1000).unsigned_abs()));
            if stopped.recv_timeout(due.map_or(PAUSE, |due| due.min(PAUSE))) != Err(RecvTimeoutError::Timeout) {
                watch.save(now_us())?;
                audit.drain(&book)?;
                return Ok(());
            }
        }
    }
}
