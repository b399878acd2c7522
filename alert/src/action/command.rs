//! Command: a program, without a shell, at most once for each transition.
//!
//! What is run stands in the configuration alone, and must be in its list `allow_commands`. What happened is told by the
//! environment (`TRAWL_ALERT_NAME`, …) and as JSON on standard input, never as a part of the command line: there is nothing
//! to escape, and nothing that could be forgotten. The program gets `PATH`, `LANG=C` and those variables. It leads a process
//! group, which is killed as a whole when it takes too long.

use super::{Attempt, BadAction, Channel, DeliveryError, Receipt, facts};
use crate::notification::{Happening, Notification};
use crate::text::{clip, rfc3339, visible};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::{Value, json};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, ExitStatus};
use std::time::{Duration, Instant};

/// How long a program may take if nothing is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of output that are kept, of each of the two.
const MAX_OUTPUT_BYTES: usize = 8 << 10;
/// Most characters of a variable.
const MAX_VALUE_CHARS: usize = 4096;
/// How long a group of processes that was asked to end has for it.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How long after that its output is waited for.
const KILL_GRACE: Duration = Duration::from_millis(500);
/// How often a program that has closed its output is asked whether it has ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// `PATH` where we have none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a command action is, as configured.
#[derive(Clone, Debug)]
pub struct CommandOptions {
    /// The program, by its full path, and its arguments.
    pub argv: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether nothing is run: the record says what would have been.
    pub dry_run: bool,
}

/// The channel.
#[derive(Debug)]
pub struct Command {
    options: CommandOptions,
}

impl Command {
    /// Checks what is configured against the list of allowed programs.
    ///
    /// # Errors
    /// If the program is not in it, or not named by its full path.
    pub fn new(options: CommandOptions, allowed: &[PathBuf]) -> Result<Self, BadAction> {
        let program = Path::new(options.argv.first().ok_or(BadAction::NoProgram)?);
        let bad = allowed.iter().map(PathBuf::as_path).chain([program]).find(|path| !path.is_absolute());
        if let Some(path) = bad {
            return Err(BadAction::NotAbsolute(path.to_owned()));
        }
        if !allowed.iter().any(|allowed| allowed == program) {
            return Err(BadAction::NotAllowed(program.to_owned()));
        }
        Ok(Self { options })
    }
}

impl Channel for Command {
    fn kind(&self) -> &'static str {
        "command"
    }

    /// What changes nothing about the cause is not what a command is for.
    fn is_for(&self, happening: Happening) -> bool {
        matches!(happening, Happening::Raised | Happening::Row | Happening::Escalated)
    }

    fn is_at_most_once(&self) -> bool {
        true
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let argv = &self.options.argv;
        if self.options.dry_run {
            return Ok(Receipt::new([("argv", json!(argv)), ("dry_run", json!(true))]));
        }
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let facts = facts(notification);
        let mut process = Process::new(program);
        process
            .args(&argv[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()))
            .env("LANG", "C")
            .env("TRAWL_ALERT_KEY", attempt.key)
            .env("TRAWL_ALERT_ACTION", attempt.action)
            .envs(variables(notification))
            .current_dir("/")
            .process_group(0);
        let mut run = Run::default();
        let begun = Instant::now();
        let status = run.complete(process, facts.to_string().into_bytes(), begun + self.options.timeout);
        let output = |bytes: &[u8]| json!(visible(&String::from_utf8_lossy(bytes)));
        let mut record = vec![
            ("argv", json!(argv)),
            ("duration_ms", json!(begun.elapsed().as_millis() as u64)),
            ("stdout", output(&run.stdout)),
            ("stderr", output(&run.stderr)),
            ("output_cut", if run.is_cut { json!(true) } else { Value::Null }),
        ];
        let failed = |what: String, record| Err(DeliveryError::Permanent { what, receipt: Receipt::new(record) });
        match status {
            Err(error) => failed(format!("{program} cannot be run: {error}"), record),
            Ok(_) if run.is_timed_out => {
                record.push(("timed_out", json!(true)));
                failed(format!("{program} was ended after {} s", self.options.timeout.as_secs_f64()), record)
            }
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => {
                    record.push(("exit_code", json!(code)));
                    if code == 0 {
                        return Ok(Receipt::new(record));
                    }
                    failed(format!("{program} exits with status {code}"), record)
                }
                (None, signal) => {
                    record.push(("signal", json!(signal)));
                    failed(format!("{program} is killed by signal {}", signal.unwrap_or_default()), record)
                }
            },
        }
    }
}

/// What happened, as variables of the environment. A NUL cannot be in one, and becomes visible; line feeds stay.
fn variables(n: &Notification) -> Vec<(String, String)> {
    let text = |value: &str| clip(&value.replace('\0', r"\x00"), MAX_VALUE_CHARS).into_owned();
    let mut variables = vec![
        ("NAME", text(&n.alert)),
        ("STATE", n.happening.as_str().to_owned()),
        ("SEVERITY", n.severity.as_str().to_owned()),
        ("SEVERITY_BEFORE", n.severity_before.as_str().to_owned()),
        ("TITLE", text(&n.title())),
        ("COUNT", n.count.to_string()),
        ("GROUP", text(&n.group.to_string())),
        ("ID", n.id.to_string()),
        ("EPISODE", n.episode.to_string()),
        ("TIME", rfc3339(n.at_us)),
        ("SINCE", rfc3339(n.since_us)),
        ("EARLIEST", rfc3339(n.window_us.0)),
        ("LATEST", rfc3339(n.window_us.1)),
        ("RUNBOOK", text(n.runbook.as_deref().unwrap_or_default())),
        ("REASON", text(n.reason.as_deref().unwrap_or_default())),
        ("NODE", text(&n.node)),
    ]
    .into_iter()
    .map(|(name, value)| (format!("TRAWL_ALERT_{name}"), value))
    .collect::<Vec<_>>();
    for (field, value) in &n.group.0 {
        let name: String = field.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        variables.push((format!("TRAWL_ALERT_GROUP_{}", name.to_ascii_uppercase()), text(value)));
    }
    variables
}

/// What a run has written so far.
#[derive(Default)]
struct Run {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    is_cut: bool,
    is_timed_out: bool,
}

/// What is done about a program that does not end by itself.
#[derive(Clone, Copy)]
enum Stage {
    /// It may go on until then.
    Running(Instant),
    /// It was asked to end; then it is killed.
    Asked(Instant),
    /// It was killed; then its output is not waited for any more.
    Killed(Instant),
}

impl Run {
    /// Runs a program until it has ended and nobody holds its output, or until the deadline.
    fn complete(&mut self, mut process: Process, input: Vec<u8>, deadline: Instant) -> io::Result<ExitStatus> {
        let (their_input, stdin) = io::pipe()?;
        let (stdout, their_stdout) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        for pipe in [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()] {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        let mut child = process.stdin(their_input).stdout(their_stdout).stderr(their_stderr).spawn()?;
        // Their ends of the pipes are closed with it.
        drop(process);
        let attended = self.attend(&child, Some((stdin, input)), [Some(stdout), Some(stderr)], deadline);
        if attended.is_err() || self.is_timed_out {
            // Also whoever of the group has let go of the output and goes on.
            signal(&child, Signal::KILL);
        }
        attended?;
        child.wait()
    }

    fn attend(
        &mut self,
        child: &Child,
        mut stdin: Option<(PipeWriter, Vec<u8>)>,
        [mut stdout, mut stderr]: [Option<PipeReader>; 2],
        deadline: Instant,
    ) -> io::Result<()> {
        let mut stage = Stage::Running(deadline);
        loop {
            write_some(&mut stdin)?;
            self.is_cut |= read_all(&mut stdout, &mut self.stdout)?;
            self.is_cut |= read_all(&mut stderr, &mut self.stderr)?;
            // The program stays a zombie, so that its number cannot become that of another group.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let has_ended = waitid(WaitId::Pid(Pid::from_child(child)), options)?.is_some();
            if has_ended && stdout.is_none() && stderr.is_none() {
                return Ok(());
            }
            let now = Instant::now();
            match stage {
                Stage::Running(until) if now >= until => {
                    self.is_timed_out = true;
                    signal(child, Signal::TERM);
                    stage = Stage::Asked(now + TERM_GRACE);
                }
                Stage::Asked(until) if now >= until => {
                    signal(child, Signal::KILL);
                    stage = Stage::Killed(now + KILL_GRACE);
                }
                Stage::Killed(until) if now >= until => return Ok(()),
                _ => {}
            }
            let (Stage::Running(until) | Stage::Asked(until) | Stage::Killed(until)) = stage;
            let mut watched: Vec<PollFd<'_>> =
                [&stdout, &stderr].into_iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
            watched.extend(stdin.as_ref().map(|(pipe, _)| PollFd::new(pipe, PollFlags::OUT)));
            let time = until.saturating_duration_since(now).min(CHECK_INTERVAL);
            let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            match poll(&mut watched, Some(&time)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Ends the program's group of processes. There may be nobody left in it.
fn signal(child: &Child, signal: Signal) {
    let _ = kill_process_group(Pid::from_child(child), signal);
}

/// Writes what the program takes; when all of it is written, or it takes no more, the pipe is closed.
fn write_some(stdin: &mut Option<(PipeWriter, Vec<u8>)>) -> io::Result<()> {
    while let Some((pipe, rest)) = stdin {
        if rest.is_empty() {
            *stdin = None;
            break;
        }
        match pipe.write(rest) {
            Ok(n) => drop(rest.drain(..n)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It does not want to know.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => *stdin = None,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads what is there, and keeps the beginning of it all; at its end the pipe is closed. Whether something was not kept.
fn read_all(pipe: &mut Option<PipeReader>, kept: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 << 10];
    let (mut is_cut, mut n_reads) = (false, 0);
    // A program that writes for ever must not keep us from looking at the clock.
    while let Some(open) = pipe
        && n_reads < 64
    {
        n_reads += 1;
        match open.read(&mut buffer) {
            Ok(0) => *pipe = None,
            Ok(n) => {
                let fits = n.min(MAX_OUTPUT_BYTES - kept.len());
                kept.extend_from_slice(&buffer[..fits]);
                is_cut |= fits < n;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(is_cut)
}
