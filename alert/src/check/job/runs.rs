//! The runs of jobs, put together from what AutoSys says of them.
//!
//! The log says that a job is `STARTING`, that an agent is connected for a run of it, that it is `RUNNING`, and how it ended; the
//! number of the run stands on the connection alone. `autorep` says of each job how its last run went: that fills in what the log
//! does not hold, and stands for itself where there is no log.

use std::collections::BTreeMap;

/// Starts that lie no further apart are of one run, in microseconds: the log and `autorep` round differently.
const SAME_RUN_US: i64 = 60_000_000;
/// The same said again within so long is not said of another run, in microseconds.
const AGAIN_US: i64 = 5_000_000;
/// Past runs that the usual run time is taken from: the last ones.
const N_USUAL: usize = 30;

/// Something that AutoSys said of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// When, microseconds UTC.
    pub time_us: i64,
    /// Name of the job.
    pub job: String,
    /// What.
    pub said: Said,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Its status changed: `STARTING`, `RUNNING`, `SUCCESS` …
    Status {
        /// The status, in capital letters.
        status: String,
        /// The machine that it runs on.
        machine: Option<String>,
        /// How the program ended.
        exit_code: Option<i64>,
    },
    /// An agent is connected, or no longer connected, for a run.
    Connected {
        /// Number of the job, of the run and of the try: `4411.70912.1`.
        run: String,
        /// The machine of the agent.
        machine: Option<String>,
    },
    /// A row of `autorep`: its last run.
    Reported {
        /// The status, two letters: `SU`, `FA` …
        status: String,
        /// When it started, microseconds UTC.
        start_us: Option<i64>,
        /// When it ended.
        end_us: Option<i64>,
        /// Number of the run.
        run: Option<String>,
        /// How the program ended.
        exit_code: Option<i64>,
    },
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It has not ended.
    Running,
    /// It did what it is for.
    Succeeded,
    /// It did not.
    Failed,
    /// It was ended before it was done.
    Terminated,
    /// It is over, and nobody saw how it ended.
    Unknown,
}

impl RunState {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
            Self::Unknown => "unknown",
        }
    }
}

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRun {
    /// Its number, as far as it is known.
    pub run: Option<String>,
    /// The machine.
    pub machine: Option<String>,
    /// When it started, microseconds UTC. `None`: before what is known, or a person has set the status.
    pub start_us: Option<i64>,
    /// When it ended.
    pub end_us: Option<i64>,
    /// How it stands.
    pub state: RunState,
    /// How the program ended.
    pub exit_code: Option<i64>,
}

impl JobRun {
    fn begun(start_us: i64, run: Option<String>) -> Self {
        Self { run, machine: None, start_us: Some(start_us), end_us: None, state: RunState::Running, exit_code: None }
    }

    /// When it was, microseconds UTC: its start, or else its end.
    pub fn at_us(&self) -> i64 {
        self.start_us.or(self.end_us).unwrap_or(i64::MIN)
    }

    /// How long it took, in microseconds; of one that runs, until now.
    pub fn runtime_us(&self, now_us: i64) -> Option<i64> {
        let end_us = self.end_us.or((self.state == RunState::Running).then_some(now_us))?;
        Some((end_us - self.start_us?).max(0))
    }
}

/// What is known of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobHistory {
    /// Its runs, the oldest first.
    pub runs: Vec<JobRun>,
    /// What was last said that is no run, and when: `ON_ICE`, `ON_HOLD`, `INACTIVE` … Only if nothing ran since.
    pub idle: Option<(String, i64)>,
}

/// The runs of all jobs, by name. Events come in any order.
pub fn histories(mut events: Vec<JobEvent>) -> BTreeMap<String, JobHistory> {
    // What was said at one time stays in the order in which it was said.
    events.sort_by_key(|event| event.time_us);
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    let (reports, log): (Vec<JobEvent>, Vec<JobEvent>) =
        events.into_iter().partition(|event| matches!(event.said, Said::Reported { .. }));
    for event in log {
        tracks.entry(event.job).or_default().take(event.time_us, event.said);
    }
    for event in reports {
        tracks.entry(event.job).or_default().report(event.time_us, event.said);
    }
    tracks.into_iter().map(|(job, track)| (job, track.finish())).collect()
}

/// The median of the last runs before `before_us` that succeeded, in microseconds, and how many these are.
pub fn usual_us(runs: &[JobRun], before_us: i64) -> Option<(i64, usize)> {
    let past = runs.iter().filter(|run| run.state == RunState::Succeeded && run.at_us() < before_us);
    let mut times: Vec<i64> = past.rev().filter_map(|run| run.runtime_us(before_us)).take(N_USUAL).collect();
    times.sort_unstable();
    let middle = times.len() / 2;
    let upper = *times.get(middle)?;
    let median = if times.len().is_multiple_of(2) { (times[middle - 1] + upper) / 2 } else { upper };
    Some((median, times.len()))
}

/// One job while its events are gone through.
#[derive(Default)]
struct Track {
    runs: Vec<JobRun>,
    /// The run that has not ended.
    open: Option<JobRun>,
    /// The number of a run that has still to start.
    announced: Option<String>,
    idle: Option<(String, i64)>,
}

impl Track {
    fn take(&mut self, time_us: i64, said: Said) {
        match said {
            Said::Status { status, machine, exit_code } => self.status(time_us, status, machine, exit_code),
            Said::Connected { run, machine } => self.connected(time_us, run, machine),
            Said::Reported { .. } => {}
        }
    }

    fn status(&mut self, time_us: i64, status: String, machine: Option<String>, exit_code: Option<i64>) {
        let ended = match status.as_str() {
            "STARTING" => {
                let is_again = self.open.as_ref().is_some_and(|open| time_us - open.at_us() <= AGAIN_US);
                if !is_again {
                    self.lose();
                    self.open = Some(JobRun::begun(time_us, self.announced.take()));
                }
                None
            }
            "RUNNING" => {
                if self.open.is_none() {
                    self.open = Some(JobRun::begun(time_us, self.announced.take()));
                }
                None
            }
            "SUCCESS" => Some(RunState::Succeeded),
            // It will be tried again, as another run.
            "FAILURE" | "RESTART" => Some(RunState::Failed),
            "TERMINATED" => Some(RunState::Terminated),
            _ => {
                self.idle = Some((status, time_us));
                return;
            }
        };
        self.idle = None;
        match ended {
            None => {
                if let (Some(open), Some(machine)) = (&mut self.open, machine) {
                    open.machine = Some(machine);
                }
            }
            Some(state) => self.end(time_us, state, machine, exit_code),
        }
    }

    fn end(&mut self, time_us: i64, state: RunState, machine: Option<String>, exit_code: Option<i64>) {
        let is_again = self.open.is_none()
            && self.runs.last().is_some_and(|last| {
                last.state == state && last.end_us.is_some_and(|end_us| time_us - end_us <= AGAIN_US)
            });
        if is_again {
            return;
        }
        // Without a start it began before what is known, or somebody has set the status by hand.
        let begun = self.open.take().unwrap_or(JobRun { start_us: None, ..JobRun::begun(time_us, None) });
        self.runs.push(JobRun {
            end_us: Some(time_us),
            state,
            machine: machine.or(begun.machine),
            exit_code: exit_code.or(begun.exit_code),
            ..begun
        });
    }

    fn connected(&mut self, time_us: i64, run: String, machine: Option<String>) {
        match &mut self.open {
            Some(open) if open.run.is_none() => {
                open.run = Some(run);
                open.machine = open.machine.take().or(machine);
            }
            Some(open) if open.run.as_ref() == Some(&run) => {}
            Some(_) => self.announced = Some(run),
            None => match self.runs.last_mut() {
                // The agent goes when the run is over.
                Some(last) if last.run.as_ref() == Some(&run) => {}
                Some(last) if last.run.is_none() && last.end_us.is_some_and(|end_us| time_us - end_us <= AGAIN_US) => {
                    last.run = Some(run);
                }
                _ => self.announced = Some(run),
            },
        }
    }

    /// The open run is over, and its end was not seen.
    fn lose(&mut self) {
        self.runs.extend(self.open.take().map(|open| JobRun { state: RunState::Unknown, ..open }));
    }

    fn report(&mut self, time_us: i64, said: Said) {
        let Said::Reported { status, start_us, end_us, run, exit_code } = said else { return };
        let Some(start) = start_us else {
            // It has never run, or its last run is no longer known.
            if self.open.is_none() && self.runs.is_empty() {
                self.idle = Some((status, time_us));
            }
            return;
        };
        let state = match status.as_str() {
            "SU" => RunState::Succeeded,
            "FA" | "RE" => RunState::Failed,
            "TE" => RunState::Terminated,
            "RU" | "ST" => RunState::Running,
            _ => RunState::Unknown,
        };
        let is_same = |known: &JobRun| known.start_us.is_some_and(|known| (known - start).abs() <= SAME_RUN_US);
        let open = self.open.as_mut().filter(|open| is_same(open));
        if let Some(known) = open.or_else(|| self.runs.iter_mut().rev().find(|run| is_same(run))) {
            known.run = known.run.take().or(run);
            let is_over = !matches!(state, RunState::Running | RunState::Unknown);
            if matches!(known.state, RunState::Running | RunState::Unknown) && is_over {
                *known = JobRun { state, end_us: end_us.or(known.end_us), exit_code, ..known.clone() };
            }
        } else {
            let machine = None;
            self.runs.push(JobRun { run, machine, start_us, end_us, state, exit_code });
        }
        let is_newest = self.runs.iter().chain(&self.open).all(|run| run.at_us() <= time_us);
        if state == RunState::Unknown && is_newest {
            self.idle = Some((status, time_us));
        }
    }

    fn finish(mut self) -> JobHistory {
        self.runs.extend(self.open.take());
        self.runs.sort_by_key(JobRun::at_us);
        // A job runs once at a time.
        let n_earlier = self.runs.len().saturating_sub(1);
        for earlier in self.runs.iter_mut().take(n_earlier).filter(|run| run.state == RunState::Running) {
            earlier.state = RunState::Unknown;
        }
        JobHistory { runs: self.runs, idle: self.idle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn status(at: i64, status: &str) -> JobEvent {
        let exit_code = (status == "FAILURE").then_some(3);
        let said = Said::Status { status: status.to_owned(), machine: Some("bat09".to_owned()), exit_code };
        JobEvent { time_us: at * SECOND, job: "EOD".to_owned(), said }
    }

    fn connected(at: i64, run: &str) -> JobEvent {
        let said = Said::Connected { run: run.to_owned(), machine: None };
        JobEvent { time_us: at * SECOND, job: "EOD".to_owned(), said }
    }

    fn reported(at: i64, status: &str, start: Option<i64>, end: Option<i64>) -> JobEvent {
        let us = |seconds: i64| seconds * SECOND;
        let said = Said::Reported {
            status: status.to_owned(),
            start_us: start.map(us),
            end_us: end.map(us),
            run: Some("7".to_owned()),
            exit_code: None,
        };
        JobEvent { time_us: us(at), job: "EOD".to_owned(), said }
    }

    /// Each run as `run start-end state`.
    fn runs(events: Vec<JobEvent>) -> Vec<String> {
        let history = histories(events).remove("EOD").unwrap();
        let seconds = |us: Option<i64>| us.map_or("?".to_owned(), |us| (us / SECOND).to_string());
        let text = |run: &JobRun| {
            let number = run.run.as_deref().unwrap_or("?");
            format!("{number} {}-{} {}", seconds(run.start_us), seconds(run.end_us), run.state.as_str())
        };
        history.runs.iter().map(text).collect()
    }

    #[test]
    fn events_become_runs() {
        let events = vec![
            status(0, "STARTING"),
            connected(0, "4411.1.1"),
            status(1, "RUNNING"),
            status(60, "FAILURE"),
            connected(60, "4411.1.1"),
            status(100, "STARTING"),
            status(101, "RUNNING"),
            status(160, "SUCCESS"),
            status(160, "SUCCESS"),
            status(200, "STARTING"),
            status(201, "RUNNING"),
            status(230, "TERMINATED"),
            status(300, "RUNNING"),
        ];
        let expected = ["4411.1.1 0-60 failed", "? 100-160 succeeded", "? 200-230 terminated", "? 300-? running"];
        assert_eq!(runs(events.clone()), expected);
        let history = histories(events).remove("EOD").unwrap();
        assert_eq!((history.runs[0].exit_code, history.runs[0].machine.as_deref()), (Some(3), Some("bat09")));
    }

    #[test]
    fn what_was_not_seen_is_not_made_up() {
        // The log begins within a run, the end of the next one is missing, and a person sets the status of the last.
        let events = vec![
            status(10, "SUCCESS"),
            status(100, "STARTING"),
            status(200, "STARTING"),
            status(250, "FAILURE"),
            status(400, "SUCCESS"),
        ];
        assert_eq!(runs(events), ["? ?-10 succeeded", "? 100-? unknown", "? 200-250 failed", "? ?-400 succeeded"]);
        let idle = histories(vec![status(1, "SUCCESS"), status(2, "ON_ICE")]).remove("EOD").unwrap();
        assert_eq!(idle.idle, Some(("ON_ICE".to_owned(), 2 * SECOND)));
        let again = histories(vec![status(1, "ON_ICE"), status(2, "RUNNING")]).remove("EOD").unwrap();
        assert_eq!(again.idle, None);
    }

    #[test]
    fn autorep_fills_in_what_the_log_does_not_hold() {
        let events = vec![status(100, "STARTING"), status(101, "RUNNING"), reported(500, "SU", Some(101), Some(300))];
        assert_eq!(runs(events), ["7 100-300 succeeded"]);
        // What the log says of an end stands.
        let events = vec![status(100, "STARTING"), status(200, "FAILURE"), reported(150, "RU", Some(101), None)];
        assert_eq!(runs(events), ["7 100-200 failed"]);
        // Reports alone: the same run twice, and one before it.
        let events = vec![
            reported(50, "SU", Some(10), Some(20)),
            reported(150, "RU", Some(101), None),
            reported(500, "FA", Some(101), Some(300)),
        ];
        assert_eq!(runs(events), ["7 10-20 succeeded", "7 101-300 failed"]);
        let never = histories(vec![reported(50, "IN", None, None)]).remove("EOD").unwrap();
        assert_eq!((never.runs.len(), never.idle), (0, Some(("IN".to_owned(), 50 * SECOND))));
    }

    #[test]
    fn the_usual_run_time_is_the_median_of_past_successes() {
        let run = |start: i64, took: i64, state| JobRun {
            end_us: Some((start + took) * SECOND),
            state,
            ..JobRun::begun(start * SECOND, None)
        };
        let runs = [
            run(0, 10, RunState::Succeeded),
            run(100, 30, RunState::Succeeded),
            run(200, 900, RunState::Failed),
            run(2000, 20, RunState::Succeeded),
            run(3000, 500, RunState::Succeeded),
        ];
        assert_eq!(usual_us(&runs, 3000 * SECOND), Some((20 * SECOND, 3)));
        assert_eq!(usual_us(&runs, 2000 * SECOND), Some((20 * SECOND, 2)));
        assert_eq!(usual_us(&runs, 0), None);
    }
}
