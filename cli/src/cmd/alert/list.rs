//! `trawl alert list`, `show` and `history`.

use super::super::print_rows;
use super::{open_book, rule_named, unknown};
use crate::args::{AlertHistoryArgs, AlertListArgs, AlertShowArgs};
use crate::cmd::now_us;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Format, Look, human, visible};
use crate::terminal::Terminal;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;
use trawl_alert::book::{RuleProgress, TransitionRecord};
use trawl_alert::check::CHECK_PREFIX;
use trawl_alert::machine::{Handling, Phase, State};
use trawl_alert::{Group, Severity};
use trawl_query::value::Value;

const COLUMNS: [&str; 8] = ["alert", "group", "state", "severity", "since", "lasts", "handled", "evaluated"];
const HISTORY_COLUMNS: [&str; 8] = ["_time", "alert", "group", "transition", "severity", "count", "evaluated", "quiet"];
/// The column with what people should know of a row.
const HANDLED: usize = 6;
/// Transitions that `show` prints.
const N_SHOWN: usize = 10;

/// A row for each group that fires or is pending, and for each alert that does not.
pub fn list(args: &AlertListArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let scene = Scene::read(config)?;
    // A check of which nothing was ever entered has no states: it is made when somebody asks for it.
    let is_check = |name: &str| name.starts_with(CHECK_PREFIX);
    let declared: Vec<String> =
        config.names_in_book().filter(|name| !is_check(name) || scene.progress.contains_key(name)).collect();
    // What is known and declared no more is still to be seen.
    let known = scene.states.keys().map(|(alert, _)| alert).chain(scene.progress.keys());
    let gone: BTreeSet<&String> = known.filter(|alert| !declared.contains(alert)).collect();
    let n_declared = declared.len();
    let mut rows = Vec::new();
    let mut n_firing = 0;
    for (at, alert) in declared.iter().chain(gone).enumerate() {
        let first = rows.len();
        let active: Vec<_> = scene.active(alert).collect();
        n_firing += active.iter().filter(|(_, state)| matches!(state.phase, Phase::Firing { .. })).count();
        if active.is_empty() && !args.firing {
            rows.push(scene.row(alert, &Group::default(), &State::default(), &cells));
        }
        rows.extend(active.into_iter().map(|(group, state)| scene.row(alert, group, state, &cells)));
        if at >= n_declared {
            rows[first..].iter_mut().for_each(|row| say_gone(row));
        }
    }
    let mut stderr = io::stderr();
    for (alert, progress) in &scene.progress {
        if let Some((error, since_us)) = progress.error.as_ref().filter(|_| declared.contains(alert)) {
            let text = format!("alert {alert} cannot be evaluated since {}: {error}", cells.time(*since_us));
            writeln!(stderr, "trawl: {}", visible(&text))?;
        }
    }
    if !declared.is_empty() && scene.progress.is_empty() {
        writeln!(stderr, "trawl: no alert was evaluated yet: `trawl run` does it")?;
    }
    print_rows(&look, args.output, &COLUMNS, rows)?;
    Ok(if n_firing > 0 { ExitCode::NothingFound } else { ExitCode::Success })
}

/// One alert, for people.
pub fn show(args: &AlertShowArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let rule = rule_named(config, &args.name)?;
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let scene = Scene::read(config)?;
    let window = rule.window_us.map(|us| human::duration(Duration::from_micros(us.unsigned_abs())));
    let lines = [
        ("alert", Some(rule.name.clone())),
        ("description", rule.description.clone()),
        ("owner", rule.owner.clone()),
        ("runbook", rule.runbook.clone()),
        ("tags", (!rule.tags.is_empty()).then(|| rule.tags.join(", "))),
        ("search", Some(rule.search.clone())),
        ("evaluated", Some(rule.schedule.to_string())),
        ("window", window),
        ("condition", Some(rule.condition_text())),
        ("clear", rule.clear.as_ref().map(ToString::to_string)),
        ("groups", (!rule.group_by.is_empty()).then(|| rule.group_by.join(", "))),
        ("actions", (!rule.actions.is_empty()).then(|| rule.actions.join(", "))),
        ("trouble", scene.progress.get(&rule.name).and_then(|progress| Some(progress.error.as_ref()?.0.clone()))),
    ];
    let mut stdout = io::stdout().lock();
    for (title, text) in lines {
        if let Some(text) = text {
            writeln!(stdout, "{title:<12} {}", visible(&text))?;
        }
    }
    let active: Vec<_> =
        scene.active(&rule.name).map(|(group, state)| scene.row(&rule.name, group, state, &cells)).collect();
    drop(stdout);
    if !active.is_empty() {
        println()?;
        print_rows(&look, Format::Table, &COLUMNS, active)?;
    }
    let rows: Vec<_> = match open_book(config)? {
        Some(book) => {
            book.history(Some(&rule.name), N_SHOWN)?.iter().map(|record| history_row(record, &cells)).collect()
        }
        None => Vec::new(),
    };
    if !rows.is_empty() {
        println()?;
        print_rows(&look, Format::Table, &HISTORY_COLUMNS, rows)?;
    }
    Ok(ExitCode::Success)
}

/// A row for each transition.
pub fn history(args: &AlertHistoryArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let history = match open_book(config)? {
        Some(book) => book.history(args.name.as_deref(), limit)?,
        None => Vec::new(),
    };
    if let Some(name) = args.name.as_ref().filter(|_| history.is_empty()) {
        let names: Vec<String> = config.names_in_book().collect();
        if !names.contains(name) {
            return Err(unknown(name, &names, config));
        }
    }
    let rows = history.iter().map(|record| history_row(record, &cells)).collect();
    print_rows(&look, args.output, &HISTORY_COLUMNS, rows)
}

/// Says of a row that its alert is declared no more.
fn say_gone(row: &mut [Value]) {
    let handled = &mut row[HANDLED];
    let said = if handled.is_null() { String::new() } else { format!("; {handled}") };
    *handled = format!("not in the configuration{said}").into();
}

fn println() -> io::Result<()> {
    writeln!(io::stdout())
}

fn text_or_null(text: String) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn history_row(record: &TransitionRecord, cells: &CellPrinter) -> Vec<Value> {
    vec![
        cells.time(record.at_us).into(),
        record.alert.as_str().into(),
        text_or_null(record.group.to_string()),
        record.what.as_str().into(),
        record.severity.1.as_str().into(),
        Value::count(record.count),
        cells.time(record.tick_us).into(),
        record.quiet.as_deref().map_or(Value::Null, Into::into),
    ]
}

/// What the book says at present.
struct Scene {
    now_us: i64,
    states: BTreeMap<(String, Group), State>,
    handlings: BTreeMap<(String, Group), Handling>,
    progress: BTreeMap<String, RuleProgress>,
}

impl Scene {
    fn read(config: &Config) -> anyhow::Result<Self> {
        let now_us = now_us()?;
        Ok(match open_book(config)? {
            Some(book) => Self {
                now_us,
                states: book.all_states(None)?,
                handlings: book.handlings()?,
                progress: book.progress()?,
            },
            None => Self { now_us, states: BTreeMap::new(), handlings: BTreeMap::new(), progress: BTreeMap::new() },
        })
    }

    /// Groups of an alert that fire or are pending.
    fn active(&self, alert: &str) -> impl Iterator<Item = (&Group, &State)> {
        let of = self.states.iter().filter(move |((name, _), state)| name == alert && state.phase != Phase::Ok);
        of.map(|((_, group), state)| (group, state))
    }

    fn row(&self, alert: &str, group: &Group, state: &State, cells: &CellPrinter) -> Vec<Value> {
        let (phase, severity, since) = match &state.phase {
            Phase::Ok => ("ok", Severity::Ok, None),
            Phase::Pending { since_us, severity } => ("pending", *severity, Some(*since_us)),
            Phase::Firing { since_us, severity, .. } => ("firing", *severity, Some(*since_us)),
        };
        let lasts = since.map(|since_us| Duration::from_micros((self.now_us - since_us).max(0).unsigned_abs()));
        let handling = self.handlings.get(&(alert.to_owned(), group.clone()));
        let handled = handling.map(|handling| self.handled(handling, &state.phase, cells)).unwrap_or_default();
        let evaluated = self.progress.get(alert).map(|progress| progress.tick_us);
        vec![
            alert.into(),
            text_or_null(group.to_string()),
            phase.into(),
            severity.as_str().into(),
            since.map_or(Value::Null, |since_us| cells.time(since_us).into()),
            lasts.map_or(Value::Null, |lasts| human::duration(lasts).into()),
            text_or_null(handled),
            evaluated.map_or(Value::Null, |tick_us| cells.time(tick_us).into()),
        ]
    }

    /// What people have said, in words.
    fn handled(&self, handling: &Handling, phase: &Phase, cells: &CellPrinter) -> String {
        let episode = phase.episode();
        let mut words = Vec::new();
        if let Some(of) = handling.acknowledged.as_ref().filter(|of| Some(&of.episode) == episode) {
            let note = of.said.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            words.push(format!("acknowledged by {}{note}", of.said.by));
        }
        if let Some(assigned) = handling.assigned.as_ref().filter(|assigned| Some(&assigned.of.episode) == episode) {
            words.push(format!("assigned to {}", assigned.to));
        }
        if let Some(snooze) = handling.snooze.as_ref().filter(|snooze| snooze.is_in_force(self.now_us, phase)) {
            let until = snooze.until_us.map_or("the severity changes".to_owned(), |until| cells.time(until));
            words.push(format!("snoozed by {} until {until}", snooze.said.by));
        }
        words.join("; ")
    }
}
