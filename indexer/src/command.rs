//! Programs whose output is events: one run, started without a shell, bounded in time and in output.
//!
//! A run gets `PATH`, `LANG=C` and `TZ` of the zone in which its output is read, and nothing else; standard input is empty. It
//! is the leader of a process group, so that whatever it starts can be ended with it. It lasts until the program has ended
//! and nobody holds its output open any more.

use crate::options::Options;
use chrono::{DateTime, SecondsFormat};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::ffi::OsString;
use std::fmt::Write;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use trawl_formats::timestamp::Zone;

/// A run whose output is longer is ended.
pub(crate) const MAX_OUTPUT_BYTES: usize = 16 << 20;
/// Bytes that are kept of what a run says on standard error.
const MAX_STDERR_BYTES: usize = 1 << 10;
/// How long a group of processes that was asked to end has for it.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How long after that its output is waited for.
const KILL_GRACE: Duration = Duration::from_millis(500);
/// How often a program that has closed its output, or left it to others, is asked whether it has ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// `PATH` where we have none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that is run in intervals.
#[derive(Clone, Debug)]
pub struct CommandInput {
    /// The program, looked up in `PATH` if it holds no `/`, and its arguments.
    pub argv: Vec<OsString>,
    /// Time from the start of a run to the start of the next. Intervals that pass during a run are skipped.
    pub interval: Duration,
    /// A run that takes longer is ended.
    pub timeout: Duration,
    /// How its events are described.
    pub options: Options,
}

impl CommandInput {
    /// The command line as one would write it in a shell.
    pub fn line(&self) -> String {
        let words: Vec<String> = self.argv.iter().map(|word| quote(&word.to_string_lossy())).collect();
        words.join(" ")
    }

    /// The file name of the program.
    pub(crate) fn program_name(&self) -> String {
        let program = self.argv.first().map(std::path::Path::new).and_then(std::path::Path::file_name);
        program.unwrap_or_default().to_string_lossy().into_owned()
    }

    fn to_command(&self) -> Command {
        let mut command = Command::new(self.argv.first().cloned().unwrap_or_default());
        command
            .args(self.argv.iter().skip(1))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()))
            .env("LANG", "C")
            .env("TZ", posix_tz(self.options.zone))
            .stdin(Stdio::null())
            .process_group(0);
        command
    }
}

/// A word, in single quotes if a shell would not take it as it is.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-+=./,:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A zone as `TZ` has it: the name, or an offset, which POSIX counts from local time to UTC.
fn posix_tz(zone: Zone) -> String {
    match zone {
        Zone::Named(_) => zone.to_string(),
        Zone::Fixed(offset) => {
            let west = -offset.local_minus_utc();
            let (sign, seconds) = if west < 0 { ("-", -west) } else { ("", west) };
            format!("<{zone}>{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
        }
    }
}

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Run {
    /// When it was started, microseconds since the epoch.
    pub(crate) begun_us: i64,
    pub(crate) took: Duration,
    /// Standard output, as far as it was read.
    pub(crate) output: Vec<u8>,
    /// The beginning of standard error.
    pub(crate) stderr: Vec<u8>,
    pub(crate) ending: Ending,
    /// Why it was ended, if it did not end by itself.
    pub(crate) ended_for: Option<Reason>,
    /// Intervals that passed without a run since the one before.
    pub(crate) n_skipped: u64,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// By itself.
    Exited(i32),
    /// By a signal.
    Killed(i32),
    /// It did not begin, or got lost.
    Failed(io::Error),
}

/// Why a run was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Timeout,
    Output,
    /// We end ourselves.
    Stop,
}

impl Run {
    /// What is wrong with it, for people.
    pub(crate) fn trouble(&self, timeout: Duration) -> Option<String> {
        match (&self.ending, self.ended_for) {
            (Ending::Failed(error), _) => Some(format!("cannot be run: {error}")),
            (_, Some(Reason::Timeout)) => Some(format!("was ended after {} s", timeout.as_secs_f64())),
            (_, Some(Reason::Output)) => Some(format!("was ended after {} MiB of output", MAX_OUTPUT_BYTES >> 20)),
            (_, Some(Reason::Stop)) | (Ending::Exited(0), None) => None,
            (Ending::Exited(code), None) => Some(format!("exits with status {code}")),
            (Ending::Killed(signal), None) => Some(format!("is killed by signal {signal}")),
        }
    }

    /// The event that tells of the run: `key=value` pairs on one line.
    pub(crate) fn to_event(&self, line: &str, n_events: u64, error: Option<&str>) -> String {
        let is_well = matches!(self.ending, Ending::Exited(0)) && self.ended_for.is_none() && error.is_none();
        let mut event = format!(
            "{} level={} command=\"{}\"",
            rfc3339(self.begun_us),
            if is_well || self.ended_for == Some(Reason::Stop) { "INFO" } else { "ERROR" },
            escape(line)
        );
        let mut add = |key: &str, value: &dyn std::fmt::Display| {
            write!(event, " {key}={value}").expect("writing to a string does not fail");
        };
        match &self.ending {
            Ending::Exited(code) => add("exit_code", code),
            Ending::Killed(signal) => add("signal", signal),
            Ending::Failed(_) => {}
        }
        add("duration_ms", &self.took.as_millis());
        add("n_events", &n_events);
        add("n_bytes", &self.output.len());
        add("timed_out", &(self.ended_for == Some(Reason::Timeout)));
        add("output_cut", &(self.ended_for == Some(Reason::Output)));
        add("stopped", &(self.ended_for == Some(Reason::Stop)));
        add("n_skipped", &self.n_skipped);
        let failure = match &self.ending {
            Ending::Failed(error) => Some(error.to_string()),
            Ending::Exited(_) | Ending::Killed(_) => error.map(str::to_owned),
        };
        if let Some(failure) = failure {
            add("error", &format!("\"{}\"", escape(&failure)));
        }
        let stderr = String::from_utf8_lossy(&self.stderr);
        if !stderr.trim_end().is_empty() {
            add("stderr", &format!("\"{}\"", escape(stderr.trim_end())));
        }
        event.push('\n');
        event
    }
}

/// Text for between quotes, on one line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            c if c.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A moment, microseconds since the epoch, as RFC 3339 has it, in UTC.
fn rfc3339(us: i64) -> String {
    let moment = DateTime::from_timestamp_micros(us).unwrap_or_default();
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Runs a program to its end. `stop` becomes readable when we are to end ourselves.
pub(crate) fn run(input: &CommandInput, n_skipped: u64, stop: &PipeReader) -> Run {
    let begun = Instant::now();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut run = Run {
        begun_us: i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX),
        took: Duration::ZERO,
        output: Vec::new(),
        stderr: Vec::new(),
        ending: Ending::Exited(0),
        ended_for: None,
        n_skipped,
    };
    run.ending = match start(input) {
        Ok((mut child, output, stderr)) => {
            let outcome = attend(&mut run, &mut child, Some(output), Some(stderr), begun + input.timeout, stop);
            outcome.unwrap_or_else(|error| {
                signal(Pid::from_child(&child), Signal::KILL);
                Ending::Failed(error)
            })
        }
        Err(error) => Ending::Failed(error),
    };
    run.took = begun.elapsed();
    run
}

fn start(input: &CommandInput) -> io::Result<(Child, PipeReader, PipeReader)> {
    let (output, their_output) = io::pipe()?;
    let (stderr, their_stderr) = io::pipe()?;
    for pipe in [output.as_fd(), stderr.as_fd()] {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    // Our ends of what the program writes to are closed with the `Command`.
    let child = input.to_command().stdout(their_output).stderr(their_stderr).spawn()?;
    Ok((child, output, stderr))
}

/// What is done about a program that does not end by itself.
#[derive(Clone, Copy)]
enum Stage {
    /// It may go on until then.
    Running(Instant),
    /// It was asked to end; then it is killed.
    Asked(Instant),
    /// It was killed; then it is not waited for any more.
    Killed(Instant),
}

/// Reads what a program writes until it has ended.
fn attend(
    run: &mut Run,
    child: &mut Child,
    mut output: Option<PipeReader>,
    mut stderr: Option<PipeReader>,
    deadline: Instant,
    stop: &PipeReader,
) -> io::Result<Ending> {
    let group = Pid::from_child(child);
    let mut stage = Stage::Running(deadline);
    loop {
        // One byte more than allowed tells that there is more.
        read_all(&mut output, &mut run.output, MAX_OUTPUT_BYTES + 1)?;
        read_all(&mut stderr, &mut run.stderr, MAX_STDERR_BYTES)?;
        // The program stays a zombie, so that its number cannot become that of another group.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let has_ended = waitid(WaitId::Pid(group), options)?.is_some();
        if has_ended && output.is_none() && stderr.is_none() {
            break;
        }
        let now = Instant::now();
        let reason = match stage {
            Stage::Running(_) if run.output.len() > MAX_OUTPUT_BYTES => Some(Reason::Output),
            Stage::Running(_) if is_closed(stop) => Some(Reason::Stop),
            Stage::Running(deadline) if now >= deadline => Some(Reason::Timeout),
            _ => None,
        };
        match (stage, reason) {
            (Stage::Running(_), Some(reason)) => {
                run.ended_for = Some(reason);
                signal(group, Signal::TERM);
                stage = Stage::Asked(now + TERM_GRACE);
            }
            (Stage::Asked(until), _) if now >= until => {
                signal(group, Signal::KILL);
                stage = Stage::Killed(now + KILL_GRACE);
            }
            (Stage::Killed(until), _) if now >= until => break,
            _ => {}
        }
        let until = match stage {
            Stage::Running(until) | Stage::Asked(until) | Stage::Killed(until) => until,
        };
        let is_running = matches!(stage, Stage::Running(_));
        let watched = [output.as_ref(), stderr.as_ref(), Some(stop).filter(|_| is_running)];
        let watched: Vec<BorrowedFd<'_>> = watched.into_iter().flatten().map(AsFd::as_fd).collect();
        wait(&watched, until.saturating_duration_since(now).min(CHECK_INTERVAL))?;
    }
    run.output.truncate(MAX_OUTPUT_BYTES);
    if run.ended_for.is_some() {
        // Whoever of the group has let go of the output and goes on.
        signal(group, Signal::KILL);
    }
    Ok(match child.try_wait()? {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, signal) => Ending::Killed(signal.unwrap_or_default()),
        },
        // It hangs in the kernel, and ends when that lets it go.
        None => Ending::Killed(Signal::KILL.as_raw()),
    })
}

/// Ends a group of processes. There may be nobody left in it.
fn signal(group: Pid, signal: Signal) {
    let _ = kill_process_group(group, signal);
}

/// Waits until one of `fds` can be read, or has been closed.
pub(crate) fn wait(fds: &[BorrowedFd<'_>], time: Duration) -> io::Result<()> {
    let mut fds: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    match poll(&mut fds, Some(&time)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the other end of a pipe nobody writes to has been closed.
pub(crate) fn is_closed(pipe: &PipeReader) -> bool {
    let mut fds = [PollFd::new(pipe, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n_ready| n_ready > 0)
}

/// Sleeps until a moment, or until `stop` is closed. Whether it was.
pub(crate) fn sleep_until(moment: Instant, stop: &PipeReader) -> bool {
    loop {
        let rest = moment.saturating_duration_since(Instant::now());
        if is_closed(stop) {
            return true;
        }
        if rest.is_zero() {
            return false;
        }
        if wait(&[stop.as_fd()], rest).is_err() {
            return true;
        }
    }
}

/// Bytes read of a pipe before the other has its turn.
const TURN_BYTES: usize = 4 << 20;

/// Reads what is there, and keeps `max` bytes of it all; at its end the pipe is closed.
fn read_all(pipe: &mut Option<PipeReader>, kept: &mut Vec<u8>, max: usize) -> io::Result<()> {
    let mut buffer = [0; 64 << 10];
    let mut n_read = 0;
    while let Some(open) = pipe
        && n_read < TURN_BYTES
    {
        match open.read(&mut buffer) {
            Ok(0) => *pipe = None,
            Ok(n) => {
                n_read += n;
                kept.extend_from_slice(&buffer[..n.min(max - kept.len())]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;
    use trawl_formats::event::IndexName;

    fn shell(script: &str, timeout: Duration) -> CommandInput {
        CommandInput {
            argv: ["sh", "-c", script].into_iter().map(OsString::from).collect(),
            interval: Duration::from_secs(60),
            timeout,
            options: Options::new(IndexName::new("main").unwrap(), "+05:30".parse().unwrap(), 0),
        }
    }

    fn run_shell(script: &str, timeout: Duration) -> Run {
        let (stop, _keep) = io::pipe().unwrap();
        run(&shell(script, timeout), 0, &stop)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn output_errors_and_status_are_kept() {
        let run = run_shell("echo out; echo err >&2; exit 3", LONG);
        assert_eq!((&*run.output, &*run.stderr), (&b"out\n"[..], &b"err\n"[..]));
        assert!(matches!(run.ending, Ending::Exited(3)), "{run:?}");
        assert_eq!(run.trouble(LONG).unwrap(), "exits with status 3");
    }

    #[test]
    fn the_environment_is_empty_but_for_path_language_and_zone() {
        let run = run_shell("exec env", LONG);
        let text = String::from_utf8(run.output).unwrap();
        let mut names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        names.sort_unstable();
        // A shell adds where it is.
        names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
        assert_eq!(names, ["LANG", "PATH", "TZ"]);
        assert!(text.contains("TZ=<+05:30>-05:30:00"), "{text}");
    }

    #[test]
    fn a_timeout_ends_the_whole_group() {
        let begun = Instant::now();
        let run = run_shell("echo early; sleep 30 & sleep 30", Duration::from_millis(300));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(run.ended_for, Some(Reason::Timeout));
        assert_eq!(run.output, b"early\n");
        assert!(matches!(run.ending, Ending::Killed(15)), "{run:?}");
    }

    #[test]
    fn who_does_not_listen_is_killed() {
        let begun = Instant::now();
        let run = run_shell("trap '' TERM; echo deaf; while :; do sleep 30; done", Duration::from_millis(300));
        assert!(matches!(run.ending, Ending::Killed(9)), "{run:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn output_is_bounded() {
        let run = run_shell("yes", LONG);
        assert_eq!(run.ended_for, Some(Reason::Output));
        assert_eq!(run.output.len(), MAX_OUTPUT_BYTES);
    }

    #[test]
    fn stopping_ends_a_run() {
        let (stop, keep) = io::pipe().unwrap();
        let (send, ended) = mpsc::channel();
        let runner = thread::spawn(move || send.send(run(&shell("echo a; sleep 30", LONG), 0, &stop)));
        drop(keep);
        let run = ended.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(run.ended_for, Some(Reason::Stop));
        runner.join().unwrap().unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_an_event() {
        let mut input = shell("", LONG);
        input.argv = vec!["no-such-program-here".into(), "it's".into()];
        let (stop, _keep) = io::pipe().unwrap();
        let run = Run { begun_us: 1_795_183_500_000_001, took: Duration::from_millis(2), ..run(&input, 4, &stop) };
        assert_eq!(
            run.to_event(&input.line(), 0, None),
            "2026-11-20T14:05:00.000001Z level=ERROR command=\"no-such-program-here 'it'\\\\''s'\" duration_ms=2 \
             n_events=0 n_bytes=0 timed_out=false output_cut=false stopped=false n_skipped=4 \
             error=\"No such file or directory (os error 2)\"\n"
        );
    }
}
