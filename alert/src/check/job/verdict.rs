//! Whether a job did what is expected of it by the clock.
//!
//! What is judged is the last time that is past: at 07:00, the `by = "22:15"` of the evening before. The run that belongs to it is the
//! last one that started between 12 hours before it and 12 hours before the next such time.

use super::runs::{JobHistory, JobRun, RunState, usual_us};
use super::{JobExpectation, MaxRuntime, hms};
use crate::check::report::Outcome;
use trawl_formats::Zone;
use trawl_query::time::to_local;

/// How long before its time a run may start, if nothing is said: half a day, in microseconds.
const WITHIN_US: i64 = 12 * 3_600_000_000;
/// How far back runs count where no time is given: a day, in microseconds.
const DAY_US: i64 = 24 * 3_600_000_000;

/// What an expectation of a job is about at a moment. Microseconds UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Runs that start from here on belong to it.
    pub from_us: i64,
    /// Up to here, the end excluded.
    pub until_us: i64,
    /// When the job must have succeeded.
    pub by_us: Option<i64>,
    /// When it must have started.
    pub start_by_us: Option<i64>,
}

/// How a job stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// It succeeded in time.
    Succeeded,
    /// It succeeded, runs or started too late, or takes too long. It has not failed.
    Late,
    /// It failed.
    Failed,
    /// It was ended before it was done.
    Terminated,
    /// It runs.
    Running,
    /// It did not start.
    NotStarted,
    /// Its end was not seen.
    Unknown,
}

impl JobStatus {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
            Self::Running => "running",
            Self::NotStarted => "not started",
            Self::Unknown => "unknown",
        }
    }
}

/// How a job went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobReport {
    /// Its name.
    pub job: String,
    /// How it stands against what is expected.
    pub status: JobStatus,
    /// The run that is judged, if there is one.
    pub run: Option<JobRun>,
    /// How long that took, in microseconds; if it runs, until now.
    pub runtime_us: Option<i64>,
    /// How long it usually takes, and how many past runs say so.
    pub usual_us: Option<(i64, usize)>,
    /// When it must have succeeded, microseconds UTC.
    pub by_us: Option<i64>,
    /// When it must have started, microseconds UTC.
    pub start_by_us: Option<i64>,
}

impl JobReport {
    /// As fields and values: what is known, times, in microseconds UTC, as `time` prints them.
    pub fn fields(&self, time: &dyn Fn(i64) -> String) -> Vec<(String, String)> {
        let run = self.run.as_ref();
        let known = [
            ("job", Some(self.job.clone())),
            ("status", Some(self.status.as_str().to_owned())),
            ("start", run.and_then(|run| run.start_us).map(time)),
            ("end", run.and_then(|run| run.end_us).map(time)),
            ("runtime", self.runtime_us.map(hms)),
            ("usual_runtime", self.usual_us.map(|(us, _)| hms(us))),
            ("by", self.by_us.map(time)),
            ("start_by", self.start_by_us.map(time)),
            ("machine", run.and_then(|run| run.machine.clone())),
            ("exit_code", run.and_then(|run| run.exit_code).map(|code| code.to_string())),
            ("run", run.and_then(|run| run.run.clone())),
        ];
        known.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect()
    }
}

/// What is said of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobVerdict {
    /// Whether it is as expected.
    pub outcome: Outcome,
    /// How it went, in words.
    pub reason: Option<String>,
    /// Runs that belong to it.
    pub n_runs: u64,
    /// How it went, as data.
    pub report: JobReport,
}

/// What an expectation is about at a moment, microseconds UTC. `None`: on no day of more than a year was it due.
pub fn due(wanted: &JobExpectation, now_us: i64, zone: Zone) -> Option<Due> {
    let days = wanted.days.as_deref();
    let Some(clock) = wanted.by.or(wanted.start_by) else {
        let from_us = now_us.saturating_sub(wanted.within_us.unwrap_or(DAY_US));
        return Some(Due { from_us, until_us: now_us, by_us: None, start_by_us: None });
    };
    let within_us = wanted.within_us.unwrap_or(WITHIN_US);
    let due_us = clock.last(now_us, zone, days)?;
    let next_us = clock.next(due_us, zone, days).unwrap_or(i64::MAX);
    Some(Due {
        from_us: due_us.saturating_sub(within_us),
        until_us: now_us.min(next_us.saturating_sub(within_us)),
        by_us: wanted.by.map(|_| due_us),
        // That of a night job may be of the day before.
        start_by_us: wanted.start_by.and_then(|start| start.last(due_us, zone, None)),
    })
}

/// Judges a job as of a moment, microseconds UTC and the zone in which times are shown. `newest_us` is when AutoSys last said
/// anything, of whatever job.
pub fn judge(
    wanted: &JobExpectation,
    job: &str,
    history: &JobHistory,
    due: &Due,
    newest_us: Option<i64>,
    (now_us, zone): (i64, Zone),
) -> JobVerdict {
    let belonging: Vec<&JobRun> =
        history.runs.iter().filter(|run| (due.from_us..due.until_us).contains(&run.at_us())).collect();
    let last = belonging.last().copied();
    let usual = usual_us(&history.runs, last.map_or(due.until_us, JobRun::at_us));
    let runtime_us = last.and_then(|run| run.runtime_us(now_us));
    let clock = |us: i64| clock_text(us, zone);

    let mut late = Vec::new();
    let mut unknown = None;
    // A run after the one that was in time takes nothing away from it.
    let was_in_time = due.by_us.is_some_and(|by_us| {
        let mut done = belonging.iter().filter(|run| run.state == RunState::Succeeded);
        done.any(|run| run.end_us.is_some_and(|end_us| end_us <= by_us))
    });
    if let (Some(by_us), Some(last), false) = (due.by_us, last, was_in_time) {
        match last.state {
            RunState::Succeeded => {
                let end_us = last.end_us.unwrap_or(now_us);
                late.push(format!("ended {}, {} after {}", clock(end_us), hms(end_us - by_us), clock(by_us)));
            }
            RunState::Running => late.push(format!("still running {} after {}", hms(now_us - by_us), clock(by_us))),
            _ => {}
        }
    }
    let start_us = belonging.iter().find_map(|run| run.start_us);
    if let (Some(start_by_us), Some(start_us)) = (due.start_by_us, start_us)
        && start_us > start_by_us
    {
        late.push(format!("started {}, {} after {}", clock(start_us), hms(start_us - start_by_us), clock(start_by_us)));
    }
    if let (Some(max), Some(_)) = (wanted.max_runtime, last) {
        let max_us = match (max, usual) {
            (MaxRuntime::Fixed(us), _) => Some(us),
            (MaxRuntime::TimesUsual(factor), Some((usual_us, _))) => Some((usual_us as f64 * factor) as i64),
            (MaxRuntime::TimesUsual(_), None) => None,
        };
        match (max_us, runtime_us) {
            (Some(max_us), Some(runtime_us)) if runtime_us > max_us => {
                late.push(format!("takes {}, at most {} is expected", hms(runtime_us), hms(max_us)));
            }
            (Some(_), Some(_)) => {}
            (None, _) => unknown = Some("no past run says how long it usually takes"),
            (_, None) => unknown = Some("nobody saw when it started"),
        }
    }

    let (status, outcome) = match last.map(|run| run.state) {
        None => not_started(due, newest_us),
        Some(RunState::Failed) => (JobStatus::Failed, Outcome::Failed),
        Some(RunState::Terminated) => (JobStatus::Terminated, Outcome::Failed),
        Some(_) if !late.is_empty() => (JobStatus::Late, Outcome::Failed),
        Some(RunState::Unknown) => (JobStatus::Unknown, Outcome::NotJudged),
        Some(RunState::Succeeded) if unknown.is_some() => (JobStatus::Succeeded, Outcome::NotJudged),
        Some(RunState::Succeeded) => (JobStatus::Succeeded, Outcome::Passed),
        // It was to start, and has.
        Some(RunState::Running) if wanted.start_by.is_some() && wanted.by.is_none() && unknown.is_none() => {
            (JobStatus::Running, Outcome::Passed)
        }
        Some(RunState::Running) if was_in_time && unknown.is_none() => (JobStatus::Running, Outcome::Passed),
        Some(RunState::Running) => (JobStatus::Running, Outcome::NotJudged),
    };
    let mut words = Vec::new();
    match status {
        JobStatus::Late => words.append(&mut late),
        JobStatus::NotStarted if outcome == Outcome::NotJudged => {
            words.push(format!("nothing of AutoSys arrived since {}", clock(due.from_us)));
        }
        JobStatus::NotStarted => {
            words.push(format!("no run since {}", clock(due.from_us)));
            let before = history.runs.iter().rev().find(|run| run.at_us() < due.from_us);
            match before {
                Some(run) if run.state == RunState::Running => {
                    words.push(format!("that of {} still runs", clock(run.at_us())))
                }
                Some(run) => words.push(format!("the last one was at {}", clock(run.at_us()))),
                None => words.push("none is known at all".to_owned()),
            }
            words.extend(history.idle.as_ref().map(|(idle, since_us)| format!("{idle} since {}", clock(*since_us))));
            if let (Some(newest_us), Some(by_us)) = (newest_us, due.by_us.or(due.start_by_us))
                && newest_us < by_us
            {
                words.push(format!("AutoSys said nothing after {}", clock(newest_us)));
            }
        }
        JobStatus::Failed => {
            let code = last.and_then(|run| run.exit_code).map(|code| format!(" with exit code {code}"));
            let end = last.and_then(|run| run.end_us).map(|end_us| format!(" at {}", clock(end_us)));
            words.push(format!("failed{}{}", end.unwrap_or_default(), code.unwrap_or_default()));
        }
        JobStatus::Terminated => {
            let end = last.and_then(|run| run.end_us).map(|end_us| format!(" at {}", clock(end_us)));
            words.push(format!("was terminated{}", end.unwrap_or_default()));
        }
        JobStatus::Unknown => words.push("nobody saw how it ended".to_owned()),
        JobStatus::Running if outcome == Outcome::NotJudged => words.push("it still runs".to_owned()),
        JobStatus::Running | JobStatus::Succeeded => {}
    }
    if outcome == Outcome::NotJudged {
        words.extend(unknown.map(str::to_owned));
    }
    JobVerdict {
        outcome,
        reason: (!words.is_empty()).then(|| words.join("; ")),
        n_runs: belonging.len() as u64,
        report: JobReport {
            job: job.to_owned(),
            status,
            run: last.cloned(),
            runtime_us,
            usual_us: usual,
            by_us: due.by_us,
            start_by_us: due.start_by_us,
        },
    }
}

/// Nothing ran; whether that can be told.
fn not_started(due: &Due, newest_us: Option<i64>) -> (JobStatus, Outcome) {
    let has_news = newest_us.is_some_and(|newest_us| newest_us >= due.from_us);
    (JobStatus::NotStarted, if has_news { Outcome::Failed } else { Outcome::NotJudged })
}

/// A moment as clocks of the zone show it.
fn clock_text(us: i64, zone: Zone) -> String {
    to_local(us, zone).map_or_else(|| us.to_string(), |local| local.format("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, parse_days};
    use crate::severity::Severity;
    use std::sync::Arc;

    fn us(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(&format!("2026-11-{text}:00Z")).unwrap().timestamp_micros()
    }

    fn run(start: &str, end: Option<&str>, state: RunState) -> JobRun {
        JobRun {
            run: None,
            machine: None,
            start_us: Some(us(start)),
            end_us: end.map(us),
            state,
            exit_code: (state == RunState::Failed).then_some(3),
        }
    }

    fn by(time: &str) -> JobExpectation {
        JobExpectation {
            name: "EOD".to_owned(),
            by: Some(time.parse().unwrap()),
            start_by: None,
            max_runtime: None,
            within_us: None,
            days: None,
            history_us: super::super::DEFAULT_HISTORY_US,
            late_severity: Severity::Warning,
        }
    }

    /// `status outcome: reason`, AutoSys having said something a minute ago.
    fn verdict(wanted: &JobExpectation, runs: &[JobRun], now: &str) -> String {
        let now_us = us(now);
        let history = JobHistory { runs: runs.to_vec(), idle: None };
        let newest_us = Some(now_us - 60_000_000);
        let due = due(wanted, now_us, Zone::UTC).unwrap();
        let JobVerdict { outcome, reason, report, .. } =
            judge(wanted, "EOD", &history, &due, newest_us, (now_us, Zone::UTC));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {}{reason}", report.status.as_str(), outcome.as_str())
    }

    #[test]
    fn late_is_not_failed() {
        use RunState::*;
        let wanted = by("22:15");
        let check = |runs: &[JobRun], now: &str, expected: &str| assert_eq!(verdict(&wanted, runs, now), expected);
        let begin = "20T21:50";
        check(&[run(begin, Some("20T22:10"), Succeeded)], "21T07:00", "succeeded passed");
        check(
            &[run(begin, Some("20T22:40"), Succeeded)],
            "21T07:00",
            "late failed: ended 2026-11-20 22:40:00, 00:25:00 after 2026-11-20 22:15:00",
        );
        check(
            &[run(begin, None, Running)],
            "20T22:30",
            "late failed: still running 00:15:00 after 2026-11-20 22:15:00",
        );
        check(
            &[run(begin, Some("20T22:00"), Failed)],
            "21T07:00",
            "failed failed: failed at 2026-11-20 22:00:00 with exit code 3",
        );
        check(
            &[run(begin, Some("20T22:00"), Terminated)],
            "21T07:00",
            "terminated failed: was terminated at 2026-11-20 22:00:00",
        );
        check(&[run(begin, None, Unknown)], "21T07:00", "unknown not_judged: nobody saw how it ended");
        // It failed, was started again, and was done in time.
        let again = [run("20T21:00", Some("20T21:10"), Failed), run("20T21:20", Some("20T22:15"), Succeeded)];
        check(&again, "21T07:00", "succeeded passed");
        // A second run after the one that was in time.
        let twice = [run("20T21:00", Some("20T21:10"), Succeeded), run("20T23:20", Some("20T23:30"), Succeeded)];
        check(&twice, "21T07:00", "succeeded passed");
        let again = [run("20T21:00", Some("20T21:10"), Succeeded), run("21T06:50", None, Running)];
        check(&again, "21T07:00", "running passed");
    }

    #[test]
    fn what_did_not_run_is_said_to_be_so_only_if_autosys_was_heard() {
        let wanted = by("22:15");
        let yesterday = [run("19T21:50", Some("19T22:00"), RunState::Succeeded)];
        assert_eq!(
            verdict(&wanted, &yesterday, "21T07:00"),
            "not started failed: no run since 2026-11-20 10:15:00; the last one was at 2026-11-19 21:50:00"
        );
        // At 22:00 it is yesterday's time that is past.
        assert_eq!(verdict(&wanted, &yesterday, "20T22:00"), "succeeded passed");
        let now_us = us("21T07:00");
        let due = due(&wanted, now_us, Zone::UTC).unwrap();
        let silent = judge(&wanted, "EOD", &JobHistory::default(), &due, Some(us("19T23:00")), (now_us, Zone::UTC));
        assert_eq!(silent.outcome, Outcome::NotJudged);
        assert_eq!(silent.reason.as_deref(), Some("nothing of AutoSys arrived since 2026-11-20 10:15:00"));
        let stuck = judge(&wanted, "EOD", &JobHistory::default(), &due, Some(us("20T21:00")), (now_us, Zone::UTC));
        assert_eq!(stuck.outcome, Outcome::Failed);
        assert!(
            stuck.reason.unwrap().ends_with("none is known at all; AutoSys said nothing after 2026-11-20 21:00:00")
        );
    }

    #[test]
    fn a_job_is_due_on_the_days_of_its_calendar() {
        let days = Calendar { days: parse_days(&["mon-fri"]).unwrap(), ..Calendar::default() };
        let wanted = JobExpectation { days: Some(Arc::new(days)), ..by("22:15") };
        let friday = [run("20T21:50", Some("20T22:10"), RunState::Succeeded)];
        // The 23rd is a Monday.
        assert_eq!(verdict(&wanted, &friday, "23T07:00"), "succeeded passed");
        assert!(verdict(&by("22:15"), &friday, "23T07:00").starts_with("not started failed"));
        let never = Calendar { days: [false; 7], ..Calendar::default() };
        assert_eq!(
            due(&JobExpectation { days: Some(Arc::new(never)), ..by("22:15") }, us("23T07:00"), Zone::UTC),
            None
        );
    }

    #[test]
    fn starts_and_run_times_are_watched() {
        use RunState::*;
        let starts = JobExpectation { by: None, start_by: Some("21:00".parse().unwrap()), ..by("22:15") };
        assert_eq!(verdict(&starts, &[run("20T20:59", None, Running)], "20T21:30"), "running passed");
        assert_eq!(
            verdict(&starts, &[run("20T21:05", None, Running)], "20T21:30"),
            "late failed: started 2026-11-20 21:05:00, 00:05:00 after 2026-11-20 21:00:00"
        );
        let both = JobExpectation { start_by: Some("23:00".parse().unwrap()), ..by("02:00") };
        assert_eq!(verdict(&both, &[run("19T22:50", Some("20T01:50"), Succeeded)], "20T07:00"), "succeeded passed");

        let past = |day: &str| run(&format!("{day}T21:50"), Some(&format!("{day}T22:00")), Succeeded);
        let slow = JobExpectation { max_runtime: Some(MaxRuntime::TimesUsual(1.5)), ..by("23:00") };
        let runs = [past("18"), past("19"), run("20T21:50", Some("20T22:06"), Succeeded)];
        assert_eq!(verdict(&slow, &runs, "21T07:00"), "late failed: takes 00:16:00, at most 00:15:00 is expected");
        assert_eq!(
            verdict(&slow, &runs[2..], "21T07:00"),
            "succeeded not_judged: no past run says how long it usually takes"
        );
        let fixed = JobExpectation { max_runtime: Some(MaxRuntime::Fixed(900_000_000)), by: None, ..by("23:00") };
        assert_eq!(verdict(&fixed, &[run("20T21:50", None, Running)], "20T22:00"), "running not_judged: it still runs");
        assert!(
            verdict(&fixed, &[run("20T21:50", None, Running)], "20T22:10").starts_with("late failed: takes 00:20:00")
        );
    }
}
