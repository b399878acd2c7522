//! Following files: the situations that a tailer must survive, each with its rule.
//!
//! The tailer is driven by hand, on a clock that jumps, and without any notice of the kernel unless a test gives one: what
//! it finds it finds by looking.

pub mod alone;
mod content;
mod custody;
mod kill;
mod limits;
mod listing;
mod places;
mod rotation;

use crate::lab::{Lab, NOON_US, open_writer};
use std::sync::Arc;
use std::time::Duration;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::Input;
use trawl_indexer::tail::{Moment, Notices, Route, TailOptions, TailStatus, Tailer};
use trawl_store::Writer;

/// How far the clock jumps between two looks.
const STEP: Duration = Duration::from_millis(250);

/// A tailer at work.
pub struct Following<'w> {
    tailer: Tailer<'w>,
    at: Duration,
    /// The clock on the wall at the beginning. Files are always written by the real one.
    begun_us: i64,
}

/// Follows what `inputs` name in the lab's folder (names or globs) while `scene` plays. Everything is durable at its end, as
/// after a clean stop.
pub fn follow(lab: &Lab, inputs: &[&str], scene: impl FnOnce(&mut Following<'_>)) {
    follow_with(lab, inputs, TailOptions::default(), |following| {
        scene(following);
        following.tailer.finish(following.now());
    });
}

/// As [`follow`]; at the end the process is killed.
pub fn follow_until_killed(lab: &Lab, inputs: &[&str], scene: impl FnOnce(&mut Following<'_>)) {
    follow_with(lab, inputs, TailOptions::default(), scene);
}

pub fn follow_with(lab: &Lab, inputs: &[&str], options: TailOptions, scene: impl FnOnce(&mut Following<'_>)) {
    let writer = open_writer(lab.data());
    follow_into(&writer, lab, inputs, options, None, scene);
}

pub fn follow_into(
    writer: &Writer,
    lab: &Lab,
    inputs: &[&str],
    options: TailOptions,
    ignore_older: Option<Duration>,
    scene: impl FnOnce(&mut Following<'_>),
) {
    let registry = Registry::builtin();
    let options = TailOptions { custody: Arc::clone(&lab.options.custody), ..options };
    let input = |name: &&str| {
        let path = lab.path(name);
        if name.contains('*') {
            Input::Glob(path.to_str().expect("temporary directories are UTF-8").to_owned())
        } else {
            Input::Path(path)
        }
    };
    let route = Route { inputs: inputs.iter().map(input).collect(), options: lab.options.clone(), ignore_older };
    let tailer = Tailer::new(writer, &registry, vec![route], options).expect("good inputs");
    scene(&mut Following { tailer, at: Duration::ZERO, begun_us: NOON_US });
}

impl Following<'_> {
    pub fn now(&self) -> Moment {
        Moment { at: self.at, wall_us: self.begun_us + self.at.as_micros() as i64 }
    }

    fn pump(&mut self, mut notices: Notices) {
        loop {
            let pumped = self.tailer.pump(self.now(), std::mem::take(&mut notices)).expect("the store answers");
            self.tailer.load_backlog(self.now());
            if !pumped.is_busy {
                break;
            }
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        let end = self.at + time;
        while self.at < end {
            self.at = (self.at + STEP).min(end);
            self.pump(Notices::default());
        }
    }

    /// Long enough for everything to be found, read, and made durable; not for the last event to be closed, unless files
    /// were quiet before.
    pub fn see(&mut self) {
        self.pump(Notices { rescan: true, ..Notices::default() });
        self.wait(Duration::from_secs(1));
    }

    /// Long enough for the last events to be closed.
    pub fn settle(&mut self) {
        self.wait(Duration::from_secs(20));
    }

    pub fn status(&self) -> TailStatus {
        self.tailer.status(self.now())
    }
}
