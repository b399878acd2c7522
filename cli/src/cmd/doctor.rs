//! `trawl doctor`: whether this machine, the configuration and the store let `trawl run` do its work.
//!
//! [`facts`] asks the machine, [`checks`] judges: pure functions from what was found to [`Finding`]s.

mod checks;
mod facts;

use super::{CANNOT_PRINT, now_us, print_rows};
use crate::args::DoctorArgs;
use crate::config::{Config, InputKind};
use crate::exit_code::ExitCode;
use crate::output::{Look, Theme, human, visible};
use crate::terminal::Terminal;
use anyhow::Context;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use trawl_formats::Zone;
use trawl_indexer::Survey;
use trawl_indexer::tail::{Route, StreamOrigin, TailOptions};
use trawl_query::value::Value;

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was checked, in a word or two.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could, or not for long.
    Warning,
    /// It does not work.
    Problem,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, state: State::Ok, detail: detail.into(), remedy: None }
    }

    fn warning(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Warning, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    fn problem(check: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Problem, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

/// Checks everything and prints a line for each check. `config` reads the configuration.
pub fn run(
    args: &DoctorArgs,
    config: &dyn Fn() -> anyhow::Result<Config>,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let (findings, zone) = match config() {
        Ok(config) => (examine(&config)?, config.zone.value),
        Err(error) => (vec![checks::broken_configuration(&error)], Zone::UTC),
    };
    let worst = findings.iter().map(|finding| finding.state).max();
    match args.output {
        Some(format) => {
            let row = |finding: Finding| {
                let remedy = finding.remedy.map_or(Value::Null, Into::into);
                vec![finding.check.into(), finding.state.as_str().into(), finding.detail.into(), remedy]
            };
            let rows = findings.into_iter().map(row).collect();
            print_rows(&Look { terminal, zone }, format, &["check", "state", "detail", "remedy"], rows)?;
        }
        None => print_lines(&findings, &Theme::new(terminal.color_stdout)).context(CANNOT_PRINT)?,
    }
    Ok(if worst == Some(State::Problem) { ExitCode::Error } else { ExitCode::Success })
}

fn print_lines(findings: &[Finding], theme: &Theme) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Finding { check, state, detail, remedy } in findings {
        let style = match state {
            State::Ok => theme.faint,
            State::Warning => theme.warning,
            State::Problem => theme.error,
        };
        writeln!(out, "{style}{:<8}{style:#} {check:<14} {}", state.as_str(), visible(detail))?;
        if let Some(remedy) = remedy {
            writeln!(out, "{:<8} {:<14} {}{}{:#}", "", "", theme.hint, visible(remedy), theme.hint)?;
        }
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count() as u64;
    let (n_warnings, n_problems) = (count(State::Warning), count(State::Problem));
    writeln!(out, "{}, {}", human::plural(n_problems, "problem"), human::plural(n_warnings, "warning"))
}

/// All findings about a configuration that can be read.
fn examine(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let file = config.file.as_ref().map(|file| file.value.as_path());
    let registry = config.load_registry();
    findings.push(checks::configuration(file, registry.as_ref().err()));
    findings.push(checks::zone(&config.zone));
    findings.push(checks::lookups(&config.lookups, facts::listing_error(&config.lookups.value).as_ref()));

    let data = &config.data.value;
    let mut dirs = BTreeSet::new();
    for input in &config.inputs {
        let origin = input.origin.to_string();
        let kind = input.kind(config.zone.value);
        let options = match &kind {
            InputKind::Files(route) => &route.options,
            InputKind::Command(command) => &command.options,
            InputKind::Fifos(fifos) => match fifos.first() {
                Some(fifo) => &fifo.options,
                None => continue,
            },
        };
        if let (Some(name), Ok(registry)) = (&options.sourcetype, &registry) {
            let known = registry.get(name.as_str()).is_some();
            findings.extend(checks::sourcetype(&origin, name.as_str(), known));
        }
        match &kind {
            InputKind::Files(route) => examine_files(&mut findings, &mut dirs, &origin, route, data)?,
            InputKind::Command(command) => {
                let program = command.argv.first().cloned().unwrap_or_default();
                let found = facts::find_program(&program);
                findings.push(checks::program(&origin, &command.line(), &program, found.as_deref()));
            }
            InputKind::Fifos(fifos) => {
                for fifo in fifos {
                    if let StreamOrigin::Fifo(path) = &fifo.origin {
                        findings.push(checks::fifo(&origin, path, facts::fifo(path)));
                    }
                }
            }
        }
    }
    if config.inputs.is_empty() {
        findings.push(checks::no_inputs(file));
    }

    findings.extend(checks::inotify(&facts::inotify_limits(), dirs.len() as u64));
    findings.push(checks::open_files(facts::max_open_files(), TailOptions::default().max_open_files as u64));
    findings.push(checks::writable(data, facts::write_error(data).as_ref()));
    let there = facts::nearest_existing(data);
    if let Ok(system) = facts::file_system(&there) {
        findings.push(checks::data_file_system(data, &system));
        findings.extend(checks::space(data, &system));
    }
    let store = facts::store(data);
    let newest_us = store.as_ref().ok().and_then(|store| store.newest_us);
    findings.extend(checks::store(data, &store));
    findings.extend(checks::clock(now_us()?, facts::file_time_us(&there), newest_us));
    Ok(findings)
}

/// Findings about the files of one input. Adds the directories that are to be watched for it.
fn examine_files(
    findings: &mut Vec<Finding>,
    dirs: &mut BTreeSet<PathBuf>,
    origin: &str,
    route: &Route,
    data: &Path,
) -> anyhow::Result<()> {
    let Survey { files, errors, dirs: listed } =
        trawl_indexer::survey(&route.inputs, &route.options.exclude, Some(data))?;
    dirs.extend(listed.iter().cloned());
    dirs.extend(files.iter().filter_map(|file| file.parent()).map(Path::to_owned));
    let unreadable: Vec<(PathBuf, io::Error)> =
        files.iter().filter_map(|file| Some((file.clone(), facts::read_error(file)?))).collect();
    findings.push(checks::files(origin, files.len() as u64, &errors));
    findings.extend(checks::unreadable(origin, &unreadable, facts::blocking_parent));
    let places = listed.iter().map(PathBuf::as_path).chain(files.iter().filter_map(|file| file.parent()));
    let systems = facts::file_systems(places);
    findings.extend(systems.iter().filter_map(|(place, system)| checks::input_file_system(origin, place, system)));
    Ok(())
}
