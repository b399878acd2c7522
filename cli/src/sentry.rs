//! The part of `trawl run` that evaluates alerts and makes scheduled checks: a thread beside the tailer.

use crate::cmd::retention::chain;
use crate::config::Config;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use trawl_alert::audit::{AUDIT_FOLDER, AuditLog};
use trawl_alert::book::{BOOK_FILE, Book};
use trawl_alert::check::Check;
use trawl_alert::check::rounds::{Made, Rounds};
use trawl_alert::deliver::{Action, Deliverer, PostCondition, Verdict, Verify};
use trawl_alert::evaluate::{Evaluator, Moment};
use trawl_alert::machine::Timing;
use trawl_alert::matcher::Matcher;
use trawl_alert::rule::{Per, Rule};
use trawl_alert::schedule::Schedule;
use trawl_alert::watch::{Told, Watch};
use trawl_alert::{Notification, Severity};
use trawl_formats::Registry;
use trawl_indexer::tail::FileStatus;
use trawl_query::{Engine, SearchOptions};

/// Longest time between two looks at what people have said, and at what is due.
const PAUSE: Duration = Duration::from_millis(250);
/// How long deliveries that are under way are waited for at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);
/// How often it is looked whether the book has to be copied, or tried again.
const BACK_UP_INTERVAL: Duration = Duration::from_secs(3600);
/// Longest time between two looks at what has come in.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long the files are given to be read after a start, before moments that were missed are evaluated.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(300);

/// What is evaluated, and with what.
pub struct Post {
    data: PathBuf,
    rules: Vec<Arc<Rule>>,
    /// Those with a schedule.
    checks: Vec<Arc<Check>>,
    options: SearchOptions,
    registry: Arc<Registry>,
    actions: Vec<Action>,
    node: String,
}

/// What the thread has to say.
#[derive(Debug)]
pub enum SentryReport {
    /// An alert changed.
    Told(Told),
    /// A check was made.
    Made(Box<Made>),
    /// A rule cannot be evaluated, and why; or it can be again.
    Trouble(String, Option<String>),
    /// Something that no rule is to blame for; said once for as long as it lasts.
    Broken(String),
}

impl Post {
    /// What a configuration asks for; `None` where there is nothing to do.
    ///
    /// # Errors
    /// If an alert or a check makes no sense.
    pub fn new(config: &Config, registry: &Arc<Registry>) -> anyhow::Result<Option<Self>> {
        let rules: Vec<Arc<Rule>> = config.rules()?.into_iter().map(Arc::new).collect();
        let mut checks = config.all_checks()?;
        checks.retain(|check| check.schedule.is_some());
        let checks: Vec<Arc<Check>> = checks.into_iter().map(Arc::new).collect();
        let data = config.data.value.clone();
        // What was said or is still to be brought is written down even if the last alert is gone.
        if rules.is_empty() && checks.is_empty() && !data.join(BOOK_FILE).exists() {
            return Ok(None);
        }
        let options = config.search_options();
        // A folder that is followed must be there.
        AuditLog::open(&data)?;
        let node = trawl_indexer::local_host().to_string();
        let actions = config.actions.build()?;
        Ok(Some(Self { data, rules, checks, options, registry: Arc::clone(registry), actions, node }))
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

/// Finds out when all files have been read up to the ends that they had when they were first seen: they may grow all the time.
#[derive(Debug, Default)]
pub struct CatchUp {
    ends: BTreeMap<PathBuf, u64>,
}

impl CatchUp {
    /// Whether these files have been read so far.
    pub fn is_done<'f>(&mut self, files: impl Iterator<Item = &'f FileStatus>) -> bool {
        let mut is_done = true;
        for FileStatus { path, len, durable_to, lag, .. } in files {
            let end = match self.ends.get(path) {
                Some(end) => *end,
                None => *self.ends.entry(path.clone()).or_insert(*len),
            };
            // One that is shorter now is another file, or was truncated.
            is_done &= *lag == 0 || *durable_to >= end.min(*len);
        }
        is_done
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
        let matcher = Matcher::new(&engine, &evaluator, &self.rules);
        let watch = Watch::new(&book, self.rules.clone(), self.node.clone(), now_us())?;
        let mut watch = watch.believing(&matcher);
        let mut rounds = Rounds::new(&book, &self.checks, self.node.clone(), now_us())?;
        let mut is_blind = false;
        let mut looked = Instant::now();
        let mut backed_up: Option<Instant> = None;
        let verifier = Arc::new(Verifier { engine: engine.clone(), options: self.options.clone() });
        let mut deliverer = Deliverer::new(&book, self.actions.clone(), verifier, now_us())?;
        let started = Instant::now();
        loop {
            if is_caught_up.load(Ordering::Relaxed) || started.elapsed() > CATCH_UP_TIMEOUT {
                let moment_us = now_us();
                let is_due = watch.due_us().is_some_and(|due_us| due_us <= moment_us);
                // Also in between, so that there is never much to look at.
                if is_due || looked.elapsed() >= LOOK_INTERVAL {
                    looked = Instant::now();
                    // What cannot be looked at is searched; the searches say what is wrong.
                    let blind = matcher.look(moment_us).err().map(|error| chain(&error));
                    if let Some(why) = blind.as_ref().filter(|_| !is_blind) {
                        let text = format!("alerts: each is searched for by itself until the store can be read: {why}");
                        let _ = report.send(SentryReport::Broken(text));
                    }
                    is_blind = blind.is_some();
                }
                // All of a round are asked of the store as it is when the first one is.
                let at_once = engine.at_one_moment();
                let round = watch.advance(&Evaluator::new(&at_once, self.options.clone()), moment_us)?;
                *is_broken = false;
                for told in round.told {
                    let _ = report.send(SentryReport::Told(told));
                }
                for (alert, trouble) in round.troubles {
                    let _ = report.send(SentryReport::Trouble(alert, trouble));
                }
                // After the alerts, of which a check may expect that they do not fire.
                for made in rounds.advance(&evaluator, &|| started.elapsed(), now_us())? {
                    let _ = report.send(SentryReport::Made(Box::new(made)));
                }
            }
            if backed_up.is_none_or(|backed_up| backed_up.elapsed() >= BACK_UP_INTERVAL) {
                backed_up = Some(Instant::now());
                if let Err(error) = book.back_up(now_us()) {
                    let _ = report.send(SentryReport::Broken(format!("alerts: {}", chain(&error))));
                }
            }
            deliverer.pump(now_us())?;
            audit.drain(&book)?;
            let due = watch.due_us().into_iter().chain(rounds.due_us()).min();
            let due = due.map(|due_us| Duration::from_micros((due_us - now_us()).max(1000).unsigned_abs()));
            let pause = due.map_or(PAUSE, |due| due.min(PAUSE));
            // What comes of a delivery is worth waking for, too.
            let has_news = deliverer.n_under_way() > 0 && deliverer.wait(pause);
            let pause = if deliverer.n_under_way() > 0 || has_news { Duration::ZERO } else { pause };
            if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                watch.save(now_us())?;
                deliverer.finish(now_us(), FINISH_TIMEOUT)?;
                audit.drain(&book)?;
                return Ok(());
            }
        }
    }
}

/// Looks whether an action has helped.
struct Verifier {
    engine: Engine,
    options: SearchOptions,
}

impl Verify for Verifier {
    fn verify(
        &self,
        notification: &Notification,
        condition: &PostCondition,
        done_us: i64,
        now_us: i64,
    ) -> Result<Verdict, String> {
        let rule = Rule {
            name: notification.alert.clone(),
            description: None,
            owner: None,
            tags: Vec::new(),
            runbook: None,
            search: condition.search.clone(),
            schedule: Schedule::Continuous,
            window_us: Some(now_us - done_us),
            levels: vec![(Severity::Critical, condition.want.clone())],
            clear: None,
            timing: Timing::default(),
            baseline_us: None,
            group_by: Vec::new(),
            per: Per::Group,
            active: None,
            actions: Vec::new(),
        };
        let evaluator = Evaluator::new(&self.engine, self.options.clone());
        let findings = evaluator.findings(&rule, Moment { tick_us: now_us, seen_us: now_us });
        let findings = findings.map_err(|error| chain(&error))?;
        let holds = findings.iter().any(|finding| finding.reading.severity > Severity::Ok);
        let count: u64 = findings.iter().map(|finding| finding.count).sum();
        Ok(Verdict { holds, evidence: format!("{} found {count}", condition.search) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, len: u64, durable_to: u64) -> FileStatus {
        FileStatus {
            path: path.into(),
            index: "main".parse().expect("a name"),
            identity: None,
            state: trawl_indexer::tail::FileState::Followed,
            len,
            read_to: durable_to,
            durable_to,
            lag: len - durable_to,
            is_open: false,
            quiet_for: None,
            error: None,
        }
    }

    #[test]
    fn files_that_grow_all_the_time_are_caught_up_with() {
        let mut catch_up = CatchUp::default();
        assert!(!catch_up.is_done([file("a", 100, 0), file("b", 0, 0)].iter()));
        assert!(!catch_up.is_done([file("a", 300, 99), file("b", 0, 0)].iter()));
        assert!(catch_up.is_done([file("a", 500, 100), file("b", 0, 0)].iter()));
        // One that appears later has to be read, too; one that was truncated as far as it goes.
        assert!(!catch_up.is_done([file("a", 20, 20), file("c", 50, 0)].iter()));
        assert!(catch_up.is_done([file("a", 20, 20), file("c", 60, 50)].iter()));
    }
}
