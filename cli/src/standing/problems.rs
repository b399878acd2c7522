//! What somebody has to see to, with what to do about it. Judges what was found; asks nobody.

use super::{Standing, State};
use crate::config::Config;
use crate::output::human;
use crate::run_state::{Heard, Life};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use trawl_store::retention::DiskUse;

/// Longest time that a byte may wait to be read.
const PATIENCE_US: i64 = 60_000_000;
/// Less free space than this is too little.
const LOW_SPACE_BYTES: u64 = 256 << 20;
/// A process that went without a word longer ago is forgotten, unless the configuration says that there should be one.
const FORGET: Duration = Duration::from_secs(24 * 3600);
/// Files that are named one by one.
const MAX_NAMED: usize = 8;

/// Something that somebody has to see to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// Since when, microseconds since the epoch, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_us: Option<i64>,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    fn new(what: impl Into<String>, since_us: Option<i64>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), since_us, remedy: remedy.into() }
    }

    /// In a line, with its age.
    pub fn line(&self, now_us: i64) -> String {
        let since = self.since_us.map(|since_us| format!(", for {}", age(since_us, now_us)));
        format!("{}{}", self.what, since.unwrap_or_default())
    }
}

/// How long ago a time was.
fn age(since_us: i64, now_us: i64) -> String {
    human::age(Duration::from_micros(now_us.saturating_sub(since_us).max(0) as u64))
}

/// What is wrong with the process that follows, or with there being none.
pub fn of_run(heard: Option<&Heard>, config: &Config) -> Vec<Problem> {
    let is_wanted = !config.inputs.is_empty();
    let start = "start it: `systemctl start trawl`, or `trawl run`; it goes on where it ended, and nothing is lost that is still \
                 in the files";
    let n_inputs = human::plural(config.inputs.len() as u64, "input");
    let Some(heard) = heard else {
        let what = format!("nobody follows the {n_inputs} of the configuration: `trawl run` is not running");
        return is_wanted.then(|| Problem::new(what, None, start)).into_iter().collect();
    };
    let state = &heard.state;
    match heard.life {
        Life::Gone if !is_wanted && heard.ago > FORGET => return Vec::new(),
        Life::Gone => {
            let what = format!("`trawl run` (process {}) is gone without a word, and nobody follows", state.pid);
            let what = format!("{what}; it was last heard of {} ago", human::age(heard.ago));
            let remedy = format!("see how it ended, `journalctl -u trawl`; {start}");
            return vec![Problem::new(what, None, remedy)];
        }
        Life::Stopped => {
            let what = format!("nobody follows the {n_inputs} of the configuration: `trawl run` was stopped");
            return is_wanted.then(|| Problem::new(what, state.stopped_at_us, start)).into_iter().collect();
        }
        Life::Running | Life::Silent => {}
    }
    let mut problems = Vec::new();
    if heard.life == Life::Silent {
        let what =
            format!("`trawl run` (process {}) has said nothing for {}: it hangs", state.pid, human::age(heard.ago));
        let remedy = "see whether the disk hangs, `dmesg`; else restart it, `systemctl restart trawl`: nothing is lost";
        problems.push(Problem::new(what, None, remedy));
    }
    if let Some(paused) = &state.paused {
        let what = format!("nothing can be stored: {}", paused.text);
        let remedy = "make room on the disk; the files wait, and nothing is lost as long as they are there";
        problems.push(Problem::new(what, Some(paused.since_us), remedy));
    }
    if let Some(refused) = &state.refused_configuration {
        let what = format!("the configuration was not read again: {}", refused.text);
        let remedy = "correct it, `trawl doctor` checks it, and reload: `systemctl reload trawl`";
        problems.push(Problem::new(what, Some(refused.since_us), remedy));
    }
    for trouble in &state.retention {
        let what = format!("retention: {}", trouble.text);
        problems.push(Problem::new(what, Some(trouble.since_us), "until then the data stays, and the disk fills"));
    }
    for unlisted in &state.unlisted {
        if let Some(trouble) = &unlisted.trouble {
            let what = format!("{}: {}", unlisted.name, trouble.text);
            let remedy = "correct the path in the configuration, or the permissions of the folder; it is tried again";
            problems.push(Problem::new(what, Some(trouble.since_us), remedy));
        }
    }
    for feed in &state.feeds {
        if let Some(trouble) = &feed.trouble {
            let what = format!("`{}`: {}", feed.name, trouble.text);
            let remedy = "see what it printed: `trawl search sourcetype=trawl:command level=ERROR`";
            problems.push(Problem::new(what, Some(trouble.since_us), remedy));
        }
    }
    problems
}

/// What is wrong with sources that a process follows.
pub fn of_sources(standings: &[Standing], now_us: i64) -> Vec<Problem> {
    let mut problems = Vec::new();
    let unreadable = || standings.iter().filter(|standing| standing.trouble_since_us.is_some());
    for standing in unreadable().take(MAX_NAMED) {
        let what = format!("{}: {}", standing.path.display(), standing.trouble.as_deref().unwrap_or("unreadable"));
        let remedy = "see `trawl doctor`, which tests permissions; it is tried again every few seconds";
        problems.push(Problem::new(what, standing.trouble_since_us, remedy));
    }
    let n_more = unreadable().count().saturating_sub(MAX_NAMED) as u64;
    if n_more > 0 {
        let what = format!("{} more cannot be read", human::plural(n_more, "file"));
        problems.push(Problem::new(what, None, "`trawl sources --problems` lists them"));
    }
    let is_late = |standing: &&Standing| {
        standing.behind_since_us.is_some_and(|since_us| now_us.saturating_sub(since_us) > PATIENCE_US)
            && standing.state != State::Unreadable
    };
    let late: Vec<&Standing> = standings.iter().filter(is_late).collect();
    if !late.is_empty() {
        let bytes = late.iter().filter_map(|standing| standing.lag_bytes).sum();
        let what =
            format!("{} behind: {} not read yet", human::plural(late.len() as u64, "source"), human::bytes(bytes));
        let oldest = late.iter().filter_map(|standing| standing.behind_since_us).min();
        let remedy = "nothing is lost while the files are there; `trawl sources --problems` says which, and whether they catch \
                      up; keep rotated files for longer until they have";
        problems.push(Problem::new(what, oldest, remedy));
    }
    problems
}

/// What is wrong with the disk.
pub fn of_disk(data: &Path, disk: &DiskUse) -> Option<Problem> {
    (disk.free < LOW_SPACE_BYTES).then(|| {
        let what = format!("only {} are free where {} lies", human::bytes(disk.free), data.display());
        Problem::new(what, None, "make room, or let old data go: `max_age`, `max_size`, `min_free` in [index.NAME]")
    })
}
