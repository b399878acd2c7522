//! `trawl run`: follows files, runs commands and reads streams until it is told to stop.

use super::index::{self, Surroundings, open_writer};
use super::retention::{self, chain};
use super::{now_us, restore};
use crate::args::RunArgs;
use crate::config::{Config, InputKind, input_of};
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::metrics::{Board, HttpServer};
use crate::output::{Theme, human, notes, visible};
use crate::run_state::Recorder;
use crate::sentry::{CatchUp, Post, Sentry, SentryReport};
use crate::signals::{Service, ServiceSignal};
use crate::spool::{Answer, Asked, Request, Server, Stdin, Work};
use crate::terminal::Terminal;
use anyhow::Context;
use sd_notify::NotifyState;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use trawl_alert::watch::Told;
use trawl_formats::Zone;
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::tail::{
    Activity, Control, FileState, Inputs, Route, StreamInput, StreamOrigin, TailOptions, TailStatus, run as tail,
};
use trawl_indexer::{Custody, Input, Options, Progress};
use trawl_store::retention::{Policies, RetentionReport};
use trawl_store::{StoreError, Writer};

/// How often `--verbose` says what is being done.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// Index and sourcetype of what alerts do.
const AUDIT_INDEX: &str = "_audit";
const AUDIT_SOURCETYPE: &str = "trawl:audit";
/// How often it is looked whether buckets have to go.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);

/// Follows what the configuration and the arguments name. `config` reads the configuration, at the start and whenever it
/// is to be read again.
pub fn run(
    args: &RunArgs,
    config: &dyn Fn() -> anyhow::Result<Config>,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let first = config()?;
    let plan = Plan::new(args, &first)?;
    let writer = open_writer(&first)?;
    let service = Service::watch()?;
    let metrics = args.metrics_listen.map(|address| {
        HttpServer::bind(address).with_context(|| format!("cannot listen on {address} (--metrics-listen)"))
    });
    let metrics = metrics.transpose()?;
    let server = Server::begin(&first.data.value)?;
    let started_at_us = wall_us();
    let recorder = Recorder::begin(&first.data.value, started_at_us);
    let mut reporter = Reporter::new(args.verbose, Theme::new(terminal.color_stderr), recorder);
    reporter.say(&format!("following {} into {}", plan.description, first.data.value.display()))?;
    let activity = Arc::default();
    let desk = Desk {
        writer: &writer,
        rules: Mutex::new(DeskRules { registry: Arc::clone(&plan.registry), retention: first.retention.clone() }),
        custody: Arc::default(),
        board: Board::new(&writer, &activity, started_at_us),
        activity: Arc::clone(&activity),
    };
    let page = |path: &str| desk.board.page(path, wall_us());
    if let Some(metrics) = &metrics {
        let address = metrics.address();
        reporter.say(&format!("figures are at http://{address}/metrics"))?;
        if !address.ip().is_loopback() {
            reporter.warn(&format!("everybody who reaches {address} can read them"))?;
        }
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| server.serve(&stop, &|request, asked| desk.serve(request, asked)));
        if let Some(metrics) = &metrics {
            scope.spawn(|| metrics.serve(&page));
        }
        let ended = follow(args, config, first, plan, &desk, &service, &mut reporter);
        stop.store(true, Ordering::Relaxed);
        metrics.iter().for_each(HttpServer::stop);
        ended
    })
}

/// Follows until it is told to stop.
fn follow(
    args: &RunArgs,
    config: &dyn Fn() -> anyhow::Result<Config>,
    mut current: Config,
    mut plan: Plan,
    desk: &Desk<'_>,
    service: &Service,
    reporter: &mut Reporter,
) -> anyhow::Result<ExitCode> {
    loop {
        let control = Arc::new(Control::default());
        service.direct_to({
            let control = Arc::clone(&control);
            move || control.stop()
        });
        let options = TailOptions {
            custody: Arc::clone(&desk.custody),
            activity: Arc::clone(&desk.activity),
            ..TailOptions::default()
        };
        let Plan { inputs, registry, post, .. } = plan;
        thread::scope(|scope| {
            let (keeper, reports) = Keeper::start(scope, desk.writer);
            let sentry = post.as_ref().map(|post| Sentry::start(scope, post));
            let mut catch_up = CatchUp::default();
            let on_status = |status: &TailStatus| {
                notify(&[NotifyState::Ready, NotifyState::Watchdog]);
                if let Some((sentry, reports)) = &sentry {
                    if catch_up.is_done(status.files.iter()) {
                        sentry.caught_up();
                    }
                    reports.try_iter().for_each(|report| {
                        let _ = reporter.report_alert(report);
                    });
                }
                for report in reports.try_iter() {
                    // Where nobody reads the standard error, the work goes on.
                    let _ = reporter.report_retention(&report);
                }
                let _ = reporter.report(status);
                reporter.recorder.tell(status, &desk.activity.counts(), wall_us());
                desk.board.post(status, reporter.recorder.state());
            };
            let outcome = tail(desk.writer, &registry, inputs, options, &control, on_status);
            drop(keeper);
            drop(sentry);
            outcome
        })?;
        match service.take() {
            Some(ServiceSignal::Reload) => {
                notify(&[NotifyState::Reloading]);
                let again = config().and_then(|config| Ok((Plan::new(args, &config)?, config)));
                plan = match again {
                    Ok((plan, config)) => {
                        desk.writer.set_retention(config.retention.clone());
                        current = config;
                        reporter.say(&format!("read the configuration again: following {}", plan.description))?;
                        reporter.recorder.tell_configuration(None, wall_us());
                        plan
                    }
                    Err(error) => {
                        reporter.warn(&format!("the configuration is kept as it was: {error:#}"))?;
                        reporter.recorder.tell_configuration(Some(format!("{error:#}")), wall_us());
                        Plan::new(args, &current)?
                    }
                };
                desk.set_rules(&plan.registry, &current.retention);
            }
            Some(ServiceSignal::Stop) | None => {
                notify(&[NotifyState::Stopping]);
                reporter.recorder.end(wall_us());
                reporter.say("stopped; everything that was read is kept")?;
                return Ok(ExitCode::Success);
            }
        }
    }
}

/// What the configuration says of others' work, as of now.
struct DeskRules {
    registry: Arc<Registry>,
    retention: Policies,
}

/// Where others have their work done.
struct Desk<'w> {
    writer: &'w Writer,
    rules: Mutex<DeskRules>,
    custody: Arc<Custody>,
    activity: Arc<Activity>,
    /// Where it says how things are.
    board: Board<'w>,
}

impl Desk<'_> {
    fn set_rules(&self, registry: &Arc<Registry>, retention: &Policies) {
        *self.lock() = DeskRules { registry: Arc::clone(registry), retention: retention.clone() };
    }

    fn lock(&self) -> MutexGuard<'_, DeskRules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, request: &Request, asked: Asked) -> anyhow::Result<Answer> {
        let registry = Arc::clone(&self.lock().registry);
        match &request.work {
            Work::Index(work) => {
                let surroundings = Surroundings {
                    registry: &registry,
                    progress: &Progress::default(),
                    custody: Arc::clone(&self.custody),
                    cancel: asked.cancel,
                    has_color: request.has_color,
                };
                let stdin = asked.stdin.map_or(Stdin::None, |(copy, id)| Stdin::Copy(copy, id));
                index::perform(self.writer, work, &surroundings, stdin)
            }
            Work::Restore { .. } | Work::Release { .. } => restore::perform(self.writer, &request.work),
            Work::Retention { policies } => {
                if *policies != self.lock().retention {
                    let what = "`trawl run` keeps data by another configuration than this one";
                    let hint = "name the same with --config, or make it read the file again: `systemctl reload trawl`";
                    return Err(Advice::new(what, hint).into());
                }
                retention::perform(self.writer, &|| asked.cancel.load(Ordering::Relaxed))
            }
        }
    }
}

/// Lets go what retention has to, once a minute, until it is dropped.
struct Keeper {
    is_stopped: Arc<AtomicBool>,
    _stop: Sender<()>,
}

/// What a round of retention came to.
type Round = trawl_store::Result<RetentionReport>;

impl Keeper {
    fn start<'s>(scope: &'s thread::Scope<'s, '_>, writer: &'s Writer) -> (Self, Receiver<Round>) {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        scope.spawn({
            let is_stopped = Arc::clone(&is_stopped);
            move || loop {
                let round = writer.enforce_retention(&|| is_stopped.load(Ordering::Relaxed));
                let is_heard = report.send(round).is_ok();
                if !is_heard || stopped.recv_timeout(RETENTION_INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        (Self { is_stopped, _stop: stop }, reports)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}

/// The wall clock, microseconds since 1970.
fn wall_us() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

/// Tells systemd, if it has started us.
fn notify(states: &[NotifyState<'_>]) {
    // Without systemd there is nobody to tell, and that is no error.
    let _ = sd_notify::notify(false, states);
}

/// What is to be followed.
struct Plan {
    inputs: Inputs,
    registry: Arc<Registry>,
    description: String,
    /// Which alerts are evaluated.
    post: Option<Post>,
}

impl Plan {
    fn new(args: &RunArgs, config: &Config) -> anyhow::Result<Self> {
        let zone = config.zone.value;
        let mut inputs = Inputs::default();
        for input in &config.inputs {
            match input.kind(zone) {
                InputKind::Files(route) => inputs.routes.push(route),
                InputKind::Command(command) => inputs.commands.push(command),
                InputKind::Fifos(fifos) => inputs.streams.extend(fifos),
            }
        }
        let (stdin, paths): (Vec<&PathBuf>, Vec<&PathBuf>) =
            args.paths.iter().partition(|path| path.as_os_str() == "-");
        let options = Options::new(IndexName::new("main")?, zone, now_us()?);
        if !stdin.is_empty() {
            inputs.streams.push(StreamInput { origin: StreamOrigin::Stdin, options: options.clone() });
        }
        if !paths.is_empty() {
            let paths = paths.into_iter().cloned().map(input_of).collect();
            inputs.routes.push(Route { inputs: paths, options, ignore_older: None });
        }
        let Inputs { routes, commands, streams } = &inputs;
        let n_paths: usize = routes.iter().map(|route| route.inputs.len()).sum();
        let n_inputs = n_paths + commands.len() + streams.len();
        if n_inputs == 0 {
            let place = config.file.as_ref().map_or("trawl.toml".to_owned(), |file| file.value.display().to_string());
            return Err(Advice::new(
                "there is nothing to follow",
                format!("name files, `trawl run /var/log`, or write an [[input]] with `paths` into {place}"),
            )
            .into());
        }
        let registry = config.load_registry()?;
        let post = Post::new(config, &registry)?;
        if let Some(post) = &post {
            let options = Options {
                sourcetype: Some(AUDIT_SOURCETYPE.into()),
                ..Options::new(IndexName::new(AUDIT_INDEX)?, Zone::UTC, now_us()?)
            };
            inputs.routes.push(Route { inputs: vec![Input::Path(post.audit_folder())], options, ignore_older: None });
        }
        Ok(Self { registry, description: human::plural(n_inputs as u64, "input"), inputs, post })
    }
}

/// Says what changes: a person reads it, or the journal keeps it.
struct Reporter {
    is_verbose: bool,
    theme: Theme,
    /// What is wrong at present, by path.
    troubles: BTreeMap<PathBuf, String>,
    is_paused: bool,
    last: Option<Instant>,
    /// What kept retention from its work in the last round.
    retention_troubles: BTreeSet<String>,
    recorder: Recorder,
}

impl Reporter {
    fn new(is_verbose: bool, theme: Theme, recorder: Recorder) -> Self {
        Self {
            is_verbose,
            theme,
            recorder,
            troubles: BTreeMap::new(),
            is_paused: false,
            last: None,
            retention_troubles: BTreeSet::new(),
        }
    }

    fn say(&self, text: &str) -> io::Result<()> {
        writeln!(io::stderr(), "trawl: {text}")
    }

    fn warn(&self, text: &str) -> io::Result<()> {
        notes::warning(&mut io::stderr(), &self.theme, text)
    }

    fn report_retention(&mut self, round: &Round) -> io::Result<()> {
        let text = |error: &StoreError| chain(error);
        let troubles: BTreeSet<String> = match round {
            Ok(report) => report.problems.iter().map(text).collect(),
            Err(error) => BTreeSet::from([text(error)]),
        };
        for trouble in troubles.difference(&self.retention_troubles) {
            self.warn(&format!("retention: {trouble}"))?;
        }
        self.recorder.tell_retention(troubles.iter(), wall_us());
        self.retention_troubles = troubles;
        let removed = round.as_ref().map_or(&[][..], |report| &report.removed);
        if !removed.is_empty() {
            let n_archived = removed.iter().filter(|removed| removed.archived.is_some()).count() as u64;
            let archived =
                if n_archived > 0 { format!(", {} archived", human::count(n_archived)) } else { String::new() };
            self.say(&format!(
                "retention: {} ({}) went{archived}",
                human::plural(removed.len() as u64, "bucket"),
                human::bytes(removed.iter().map(|removed| removed.bytes).sum()),
            ))?;
        }
        Ok(())
    }

    fn report_alert(&mut self, report: SentryReport) -> io::Result<()> {
        match report {
            SentryReport::Told(told) => self.report_change("alert ", &told),
            SentryReport::Made(made) => {
                let counts = made.report.counts();
                let text = format!(
                    "check {}: {} passed, {} failed, {} not judged",
                    made.report.check, counts.n_passed, counts.n_failed, counts.n_not_judged
                );
                self.say(&visible(&text))?;
                made.told.iter().try_for_each(|told| self.report_change("", told))
            }
            SentryReport::Trouble(alert, Some(why)) => {
                self.warn(&format!("alert {alert} cannot be evaluated, and is tried again: {why}"))
            }
            SentryReport::Trouble(alert, None) => self.say(&format!("alert {alert} is evaluated again")),
            SentryReport::Broken(why) => self.warn(&why),
        }
    }

    fn report_change(&self, noun: &str, told: &Told) -> io::Result<()> {
        let Told { alert, group, change } = told;
        let group = if group.0.is_empty() { String::new() } else { format!(" {group}") };
        let text = format!("{noun}{alert}{group}: {} ({})", change.what.as_str(), change.severity.1);
        self.say(&visible(&text))
    }

    fn report(&mut self, status: &TailStatus) -> io::Result<()> {
        let files = status.files.iter().filter_map(|file| Some((file.path.clone(), file.error.as_ref()?.0.clone())));
        let listed = status.unlisted.iter().chain(&status.unwatched).cloned();
        let feeds =
            status.feeds.iter().filter_map(|feed| Some((PathBuf::from(&feed.name), feed.error.as_ref()?.0.clone())));
        let troubles: BTreeMap<PathBuf, String> = files.chain(listed).chain(feeds).collect();
        for (path, trouble) in &troubles {
            if self.troubles.get(path) != Some(trouble) {
                self.warn(&format!("{}: {trouble}", path.display()))?;
            }
        }
        for path in self.troubles.keys().filter(|path| !troubles.contains_key(*path)) {
            self.say(&format!("{} is well again", path.display()))?;
        }
        self.troubles = troubles;
        match (&status.paused, self.is_paused) {
            (Some((why, _)), false) => {
                self.warn(&format!("nothing can be stored: {why}; the files wait, and nothing is lost"))?;
            }
            (None, true) => self.say("storing goes on")?,
            _ => {}
        }
        self.is_paused = status.paused.is_some();
        let is_due = self.last.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if self.is_verbose && is_due {
            self.last = Some(Instant::now());
            let count = |state| status.files.iter().filter(|file| file.state == state).count() as u64;
            let lag: u64 = status.files.iter().map(|file| file.lag).sum();
            self.say(&format!(
                "{} followed, {} loading; {} ({}) stored, {} to go",
                human::plural(count(FileState::Followed), "file"),
                human::count(count(FileState::Loading)),
                human::plural(status.n_events, "event"),
                human::bytes(status.n_bytes),
                human::bytes(lag),
            ))?;
        }
        Ok(())
    }
}
