//! `trawl alert ack`, `snooze`, `assign` and `rm`: what a person says of what fires. They need no lock: `trawl run` reads it, and
//! brings what is to be told.

use super::unknown;
use crate::args::{AlertAssignArgs, AlertRmArgs, AlertSayArgs, AlertSnoozeArgs, AlertTarget};
use crate::cmd::now_us;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::visible;
use serde_json::{Value, json};
use std::env;
use std::io::{self, Write};
use std::time::Duration;
use trawl_alert::Group;
use trawl_alert::audit::AuditRecord;
use trawl_alert::book::Book;
use trawl_alert::machine::{Assigned, Handling, OfEpisode, Phase, Said, Snooze};

/// How long a snooze lasts if nothing is said.
const DEFAULT_SNOOZE: Duration = Duration::from_secs(3600);

/// Notes that somebody knows of the episodes.
pub fn acknowledge(args: &AlertSayArgs, config: &Config) -> anyhow::Result<ExitCode> {
    say(&args.target, config, "acknowledged", &|said, handling, phase| {
        let acknowledged = Some(OfEpisode { episode: phase.episode()?.clone(), said });
        Some((Handling { acknowledged, ..handling }, Vec::new()))
    })
}

/// Notes that nobody wants to be told for a while.
pub fn snooze(args: &AlertSnoozeArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let duration = match (args.duration, args.until_change) {
        (Some(timeout), _) => timeout.0,
        (None, true) => None,
        (None, false) => Some(DEFAULT_SNOOZE),
    };
    let until_us = duration.map(|duration| Ok(now_us()? + i64::try_from(duration.as_micros())?));
    let until_us: Option<i64> = until_us.transpose().map_err(|error: anyhow::Error| error)?;
    if until_us.is_none() && !args.until_change {
        return Err(Advice::new("a snooze has an end", "write --for 2h, or --until-change").into());
    }
    let what = if duration == Some(Duration::ZERO) { "no longer snoozed" } else { "snoozed" };
    say(&args.target, config, what, &|said, handling, phase| {
        let only = match (args.until_change, phase) {
            (true, Phase::Firing { episode, severity, .. }) => Some((episode.clone(), *severity)),
            (true, _) => return None,
            (false, _) => None,
        };
        let snooze = (duration != Some(Duration::ZERO)).then_some(Snooze { said, until_us, only });
        let until = until_us.map_or(Value::Null, |until_us| json!(until_us as f64 / 1e6));
        Some((Handling { snooze, ..handling }, vec![("until", until)]))
    })
}

/// Notes who looks after the episodes.
pub fn assign(args: &AlertAssignArgs, config: &Config) -> anyhow::Result<ExitCode> {
    say(&args.target, config, "assigned", &|said, handling, phase| {
        let of = OfEpisode { episode: phase.episode()?.clone(), said };
        let assigned = Some(Assigned { to: args.to.clone(), of });
        Some((Handling { assigned, ..handling }, vec![("to", json!(args.to))]))
    })
}

/// Forgets an alert that is not declared any more.
pub fn remove(args: &AlertRmArgs, config: &Config) -> anyhow::Result<ExitCode> {
    if config.names_in_book().any(|name| name == args.name) {
        let what = format!("`{}` is in the configuration", args.name);
        let hint = "take the [[alert]] or [[check]] out, and let `trawl run` read that: `systemctl reload trawl`";
        return Err(Advice::new(what, hint).into());
    }
    let (by, now_us) = (person(args.by.as_ref()), now_us()?);
    let facts = [("alert", json!(args.name)), ("by", json!(by)), ("note", json!(args.note))];
    let record = AuditRecord::new(now_us, "removed", facts);
    let is_there = super::open_book(config)?.is_some();
    if !is_there || !Book::open(&config.data.value)?.remove(&args.name, now_us, &record)? {
        writeln!(io::stderr(), "trawl: nothing is known of {}", visible(&args.name))?;
        return Ok(ExitCode::NothingFound);
    }
    writeln!(io::stderr(), "{}: removed by {}", visible(&args.name), visible(&by))?;
    Ok(ExitCode::Success)
}

/// Who says something.
fn person(by: Option<&String>) -> String {
    let by = by.cloned().or_else(|| ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| env::var(name).ok()));
    by.unwrap_or_else(|| "somebody".to_owned())
}

/// What is said becomes of what was said before, and fields of the record.
type Change<'c> = &'c dyn Fn(Said, Handling, &Phase) -> Option<(Handling, Vec<(&'static str, Value)>)>;

/// Says something of all groups that were meant.
fn say(target: &AlertTarget, config: &Config, what: &'static str, change: Change<'_>) -> anyhow::Result<ExitCode> {
    let names: Vec<String> = config.names_in_book().collect();
    let states = match super::open_book(config)? {
        Some(book) => book.states(&target.name)?,
        None => Default::default(),
    };
    if !names.contains(&target.name) && states.is_empty() {
        return Err(unknown(&target.name, &names, config));
    }
    let wanted = target.group.iter().map(|pair| {
        let hint = "write for example --group host=web01";
        pair.split_once('=').ok_or_else(|| Advice::new(format!("`{pair}` names no group"), hint))
    });
    let wanted: Vec<(&str, &str)> = wanted.collect::<Result<_, _>>()?;
    let is_meant =
        |group: &Group| wanted.iter().all(|(field, value)| group.0.iter().any(|(f, v)| f == field && v == value));
    let groups: Vec<Group> =
        states.into_iter().filter(|(_, state)| state.phase != Phase::Ok).map(|(group, _)| group).collect();
    let groups: Vec<Group> = groups.into_iter().filter(is_meant).collect();
    let mut stderr = io::stderr();
    if groups.is_empty() {
        writeln!(stderr, "trawl: nothing of {} fires", visible(&target.name))?;
        return Ok(ExitCode::NothingFound);
    }
    let book = Book::open(&config.data.value)?;
    let by = person(target.by.as_ref());
    let now_us = now_us()?;
    let mut n_said = 0;
    for group in groups {
        let said = Said { by: by.clone(), at_us: now_us, note: target.note.clone() };
        let is_said = book.handle(&target.name, &group, |handling, phase| {
            let (handling, fields) = change(said.clone(), handling, phase)?;
            let known = [
                ("alert", json!(target.name)),
                ("group", if group.0.is_empty() { Value::Null } else { json!(group.to_string()) }),
                ("by", json!(by)),
                ("note", json!(target.note)),
                ("episode", json!(phase.episode().map(ToString::to_string))),
            ];
            Some((handling, AuditRecord::new(now_us, what, known.into_iter().chain(fields))))
        })?;
        if is_said {
            n_said += 1;
            let group = if group.0.is_empty() { String::new() } else { format!(" {group}") };
            writeln!(stderr, "{}: {what} by {}", visible(&format!("{}{group}", target.name)), visible(&by))?;
        }
    }
    if n_said == 0 {
        writeln!(stderr, "trawl: {} is pending, and does not fire yet", visible(&target.name))?;
    }
    Ok(ExitCode::of_rows(n_said))
}
