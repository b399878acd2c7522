//! Plays a script on a store: in the process that is recorded, and in the one whose calls fail.

use super::logs::Logs;
use super::script::{BEGIN_US, GONE, KEPT, MAIN, Step, World, worlds};
use super::shim::Shim;
use crate::lab::AN_HOUR;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_formats::timestamp::Zone;
use trawl_indexer::tail::{Moment, Notices, Route, TailOptions, Tailer};
use trawl_indexer::{Input, Options, Progress, index};
use trawl_store::Writer;
use trawl_store::retention::{Policies, Policy};

/// How far the clock jumps between two looks.
const STEP: Duration = Duration::from_secs(1);
/// Longer than files that could not be read rest, shorter than [`EVENT_TIMEOUT`].
const CATCH_UP: Duration = Duration::from_secs(13);
const EVENT_TIMEOUT: Duration = Duration::from_secs(20);

/// The folders of a run.
pub struct Folders {
    /// The disk that fails: it holds the store and the archive.
    pub disk: PathBuf,
    pub data: PathBuf,
    pub archive: PathBuf,
}

impl Folders {
    pub fn new(disk: PathBuf) -> Self {
        Self { data: disk.join("data"), archive: disk.join("archive"), disk }
    }

    pub fn create(&self) {
        std::fs::create_dir_all(&self.data).expect("create");
        std::fs::create_dir_all(&self.archive).expect("create");
    }
}

/// The tailer and its clock, as `run` has them.
pub struct Following<'w> {
    pub tailer: Tailer<'w>,
    writer: &'w Writer,
    pub at: Duration,
    /// What the tailer could not bear.
    pub error: Option<String>,
}

pub fn index_name(name: &str) -> IndexName {
    IndexName::new(name).expect("valid")
}

fn options(index: &str, now_us: i64) -> Options {
    Options {
        host: Some("web01".into()),
        jobs: NonZeroUsize::new(1),
        piece_bytes: 2048,
        bucket_bytes: 3000,
        ..Options::new(index_name(index), Zone::UTC, now_us)
    }
}

fn routes(logs: &Path) -> Vec<Route> {
    let route = |index, name: &str| {
        let path = logs.join(name);
        let input = match name.contains('*') {
            true => Input::Glob(path.to_str().expect("UTF-8").to_owned()),
            false => Input::Path(path),
        };
        Route { inputs: vec![input], options: options(index, BEGIN_US), ignore_older: None }
    };
    vec![route(GONE, "old-gone.log"), route(KEPT, "old-kept.log"), route(MAIN, "*.log*")]
}

impl<'w> Following<'w> {
    pub fn begin(writer: &'w Writer, registry: &'w Registry, logs: &Path, at: Duration) -> Self {
        // Live logs become full often.
        let options = TailOptions { log_bytes: 1500, event_timeout: EVENT_TIMEOUT, ..TailOptions::default() };
        let tailer = Tailer::new(writer, registry, routes(logs), options).expect("good inputs");
        Self { tailer, writer, at, error: None }
    }

    fn now(&self) -> Moment {
        Moment { at: self.at, wall_us: BEGIN_US + self.at.as_micros() as i64 }
    }

    fn pump(&mut self, mut notices: Notices) {
        for _ in 0..100 {
            match self.tailer.pump(self.now(), std::mem::take(&mut notices)) {
                Ok(pumped) => {
                    self.tailer.load_backlog(self.now());
                    if !pumped.is_busy {
                        return;
                    }
                }
                Err(error) => {
                    self.error = Some(format!("{error}: {error:?}"));
                    return;
                }
            }
        }
        self.error = Some("it is busy for ever".to_owned());
    }

    fn wait(&mut self, time: Duration) {
        let end = self.at + time;
        while self.at < end {
            self.at += STEP;
            self.pump(Notices::default());
        }
    }

    pub fn see(&mut self) {
        self.pump(Notices { rescan: true, ..Notices::default() });
        self.wait(Duration::from_secs(2));
    }

    pub fn catch_up(&mut self) {
        self.pump(Notices { rescan: true, ..Notices::default() });
        self.wait(CATCH_UP);
    }

    pub fn settle(&mut self) {
        self.pump(Notices { rescan: true, ..Notices::default() });
        self.wait(CATCH_UP + EVENT_TIMEOUT);
    }

    /// Why it waits, or cannot go on.
    pub fn trouble(&self) -> Option<String> {
        let status = self.tailer.status(self.now());
        let paused = status.paused.map(|(why, _)| format!("paused: {why}"));
        self.error.clone().or(paused)
    }

    pub fn finish(mut self) {
        self.tailer.finish(self.now());
    }

    pub fn seal(&mut self) -> Result<(), String> {
        let _ = self.tailer.take_ended_logs();
        seal(self.writer)
    }
}

/// Ended live logs become buckets.
pub fn seal(writer: &Writer) -> Result<(), String> {
    [MAIN, KEPT, GONE].into_iter().try_for_each(|index| {
        let sealed = writer.seal_live_logs(&index_name(index), &|| false);
        sealed.map(|_| ()).map_err(|error| format!("seal {index}: {error:?}"))
    })
}

/// One index goes to the archive, one goes for good.
pub fn retain(writer: &Writer, archive: &Path) -> Result<(), String> {
    let nothing = Policy { max_size: Some(0), ..Policy::default() };
    let archived = Policy { archive: Some(archive.to_owned()), ..nothing.clone() };
    writer.set_retention(Policies::from(BTreeMap::from([(index_name(GONE), nothing), (index_name(KEPT), archived)])));
    let report = writer.enforce_retention(&|| false);
    writer.set_retention(Policies::new());
    match report {
        Ok(report) if report.problems.is_empty() => Ok(()),
        other => Err(format!("retention: {other:?}")),
    }
}

/// A script as it is played.
pub struct Player<'p> {
    pub shim: &'p Shim,
    pub registry: &'p Registry,
    pub folders: &'p Folders,
    pub logs: &'p mut Logs,
    worlds: Vec<World>,
    /// Time since the beginning.
    at: Duration,
    /// What was refused.
    pub refused: Vec<String>,
    /// Asked after each step.
    after_step: &'p mut dyn FnMut(&World) -> Result<(), String>,
}

impl<'p> Player<'p> {
    pub fn new(
        shim: &'p Shim,
        registry: &'p Registry,
        folders: &'p Folders,
        logs: &'p mut Logs,
        after_step: &'p mut dyn FnMut(&World) -> Result<(), String>,
    ) -> Self {
        let (worlds, at, refused) = (Vec::new(), Duration::ZERO, Vec::new());
        Self { shim, registry, folders, logs, worlds, at, refused, after_step }
    }

    /// Plays all steps. What a fault made impossible is left out, and noted.
    ///
    /// # Errors
    /// What [`after_step`](Self::after_step) says.
    pub fn play(&mut self, steps: &[Step]) -> Result<(), String> {
        self.worlds = worlds(steps);
        let mut next = 0;
        while next < steps.len() {
            self.begin_step(next);
            next += 1;
            if matches!(steps[next - 1], Step::Open) {
                next = self.with_store(steps, next)?;
            }
            (self.after_step)(&self.worlds[next - 1])?;
        }
        self.shim.mark_step(steps.len());
        Ok(())
    }

    fn begin_step(&mut self, number: usize) {
        self.shim.mark_step(number);
        self.at += Duration::from_secs(1);
        self.logs.show(&self.worlds[number]);
    }

    fn note(&mut self, outcome: Result<(), String>) {
        self.refused.extend(outcome.err());
    }

    /// From behind [`Step::Open`] to [`Step::Close`]; the number of the step after that.
    fn with_store(&mut self, steps: &[Step], mut next: usize) -> Result<usize, String> {
        let mut writer = self.open();
        loop {
            let step = &steps[next];
            self.begin_step(next);
            next += 1;
            match step {
                Step::Close { .. } => return Ok(next),
                Step::Load { file, index: name } => {
                    if let Some(writer) = &writer {
                        let options = options(name, BEGIN_US + self.at.as_micros() as i64);
                        let inputs = [Input::Path(self.logs.folder.join(file))];
                        let report = index(writer, self.registry, &inputs, &options, &Progress::default());
                        let outcome = match report {
                            Ok(report) if !report.has_errors() => Ok(()),
                            other => Err(format!("load: {other:?}")),
                        };
                        self.note(outcome);
                    }
                }
                Step::Follow | Step::CatchUp => {
                    if matches!(step, Step::CatchUp) {
                        self.shim.lift();
                        writer = writer.or_else(|| self.open());
                    }
                    if let Some(writer) = &writer {
                        return self.follow(writer, steps, next, matches!(step, Step::CatchUp));
                    }
                }
                _ => {}
            }
            (self.after_step)(&self.worlds[next - 1])?;
        }
    }

    fn open(&mut self) -> Option<Writer> {
        match Writer::open(&self.folders.data) {
            Ok(writer) => Some(writer),
            Err(error) => {
                self.refused.push(format!("open: {error:?}"));
                None
            }
        }
    }

    fn follow(&mut self, writer: &Writer, steps: &[Step], mut next: usize, begins_late: bool) -> Result<usize, String> {
        let logs = self.logs.folder.clone();
        let mut following = Following::begin(writer, self.registry, &logs, self.at);
        if begins_late {
            following.catch_up();
        }
        loop {
            let step = &steps[next];
            self.at = following.at;
            self.begin_step(next);
            following.at = self.at;
            next += 1;
            match step {
                Step::See => following.see(),
                Step::Settle => following.settle(),
                Step::CatchUp => {
                    self.shim.lift();
                    following.catch_up();
                }
                Step::Seal => self.note(following.seal()),
                Step::Retain => self.note(retain(writer, &self.folders.archive)),
                Step::Sweep => {
                    self.shim.advance(2 * AN_HOUR.as_micros() as i64);
                    self.note(retain(writer, &self.folders.archive));
                }
                Step::Close { is_clean } => {
                    self.at = following.at;
                    if *is_clean {
                        following.finish();
                    }
                    return Ok(next);
                }
                Step::Source(_) | Step::Open | Step::Load { .. } | Step::Follow => {}
            }
            let trouble = following.trouble();
            self.refused.extend(trouble);
            following.error = None;
            (self.after_step)(&self.worlds[next - 1])?;
        }
    }
}
