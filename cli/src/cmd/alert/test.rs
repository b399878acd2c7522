//! `trawl alert test`: a rule replayed on history, and compared with another version of it.

use super::super::{open_reader, print_rows};
use super::rule_named;
use crate::args::AlertTestArgs;
use crate::cmd::ask::moment_us;
use crate::cmd::now_us;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look, human, visible};
use crate::terminal::Terminal;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use trawl_alert::backtest::{Replay, replay};
use trawl_alert::evaluate::Evaluator;
use trawl_alert::rule::{Per, Rule};
use trawl_alert::{Group, Happening, Severity};
use trawl_query::Engine;
use trawl_query::value::Value;

/// How far back if nothing is said: a week, in microseconds.
const DEFAULT_LAST_US: i64 = 7 * 86_400_000_000;

const COLUMNS: [&str; 7] = ["raised", "resolved", "lasts", "group", "severity", "count", "told"];

/// One time that a group fired.
#[derive(Clone, Debug, PartialEq)]
struct Episode {
    group: Group,
    raised_us: i64,
    resolved_us: Option<i64>,
    severity: Severity,
    count: u64,
    is_told: bool,
}

/// Replays the rule, and prints a row for each time that it would have fired.
pub fn run(
    args: &AlertTestArgs,
    config: &Config,
    against: &dyn Fn(&Path) -> anyhow::Result<Config>,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let rule = rule_named(config, &args.name)?;
    let other = match &args.against {
        Some(file) => Some(rule_named(&against(file)?, &args.name)?),
        None => None,
    };
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let range = range(args, config)?;
    let engine = Engine::new(open_reader(config)?, config.load_registry()?);
    let tried = try_rule(&engine, config, &rule, range)?;
    let mut stderr = io::stderr();
    write!(stderr, "{}", tried.summary("", &rule, range, &cells))?;
    let mut episodes: Vec<(String, Episode)> = Vec::new();
    match other {
        None => episodes.extend(tried.episodes.iter().map(|episode| (String::new(), episode.clone()))),
        Some(other) => {
            let with = try_rule(&engine, config, &other, range)?;
            write!(stderr, "{}", with.summary("the other version ", &other, range, &cells))?;
            episodes = compare(&tried.episodes, &with.episodes);
        }
    }
    if args.events {
        let told = tried.replay.notifications.iter().filter(|told| told.happening != Happening::Resolved);
        for event in told.flat_map(|told| &told.events) {
            writeln!(stderr, "{} {}", cells.time(event.time_us), visible(&event.raw))?;
        }
    }
    let compares = args.against.is_some();
    let columns: Vec<&str> = compares.then_some("version").into_iter().chain(COLUMNS).collect();
    let row = |(version, episode): &(String, Episode)| {
        let version: Option<Value> = compares.then(|| version.as_str().into());
        version.into_iter().chain(episode.row(range.1, &cells)).collect()
    };
    print_rows(&look, args.output, &columns, episodes.iter().map(row).collect())
}

fn range(args: &AlertTestArgs, config: &Config) -> anyhow::Result<(i64, i64)> {
    let now_us = now_us()?;
    let time = |option: &str, text: &Option<String>| -> anyhow::Result<Option<i64>> {
        text.as_deref().map(|text| moment_us(option, text, now_us, config.zone.value)).transpose()
    };
    let latest = time("--latest", &args.latest)?.unwrap_or(now_us);
    let last = args.last.and_then(|last| last.0).map(|last| i64::try_from(last.as_micros())).transpose()?;
    let earliest = time("--earliest", &args.earliest)?.unwrap_or(latest - last.unwrap_or(DEFAULT_LAST_US));
    anyhow::ensure!(earliest < latest, "history would end before it begins");
    Ok((earliest, latest))
}

/// What a version of the rule came to.
struct Tried {
    replay: Replay,
    episodes: Vec<Episode>,
}

fn try_rule(engine: &Engine, config: &Config, rule: &Rule, range_us: (i64, i64)) -> anyhow::Result<Tried> {
    let evaluator = Evaluator::new(engine, config.search_options());
    let replay = replay(&evaluator, rule, range_us)?;
    if let Some(trouble) = &replay.trouble {
        anyhow::bail!("alert `{}` cannot be evaluated: {trouble}", rule.name);
    }
    Ok(Tried { episodes: episodes(&replay), replay })
}

/// Pairs of transitions.
fn episodes(replay: &Replay) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    let mut open: BTreeMap<Group, usize> = BTreeMap::new();
    for record in &replay.transitions {
        let is = |happening: Happening| record.what == happening.as_str();
        let known = open.get(&record.group).copied();
        if let (true, Some(at)) = (is(Happening::Raised), known) {
            // It was kept quiet when it began.
            episodes[at].is_told |= record.quiet.is_none();
        } else if is(Happening::Raised) || is(Happening::Row) {
            let at = episodes.len();
            episodes.push(Episode {
                group: record.group.clone(),
                raised_us: record.tick_us,
                resolved_us: is(Happening::Row).then_some(record.tick_us),
                severity: record.severity.1,
                count: record.count,
                is_told: record.quiet.is_none(),
            });
            if is(Happening::Raised) {
                open.insert(record.group.clone(), at);
            }
        } else if let Some(at) = known {
            let episode = &mut episodes[at];
            episode.severity = episode.severity.max(record.severity.1);
            episode.is_told |= is(Happening::SeverityChanged) && record.quiet.is_none();
            if is(Happening::Resolved) {
                episode.resolved_us = Some(record.tick_us);
                open.remove(&record.group);
            }
        }
    }
    episodes
}

/// Episodes of both, and which version has them: those that overlap in the same group are one.
fn compare(first: &[Episode], other: &[Episode]) -> Vec<(String, Episode)> {
    let overlap = |a: &Episode, b: &Episode| {
        let end = |episode: &Episode| episode.resolved_us.unwrap_or(i64::MAX);
        a.group == b.group && a.raised_us <= end(b) && b.raised_us <= end(a)
    };
    let of_first = first.iter().map(|episode| {
        let is_both = other.iter().any(|other| overlap(episode, other));
        (if is_both { "both" } else { "this" }.to_owned(), episode.clone())
    });
    let only_other = other.iter().filter(|episode| !first.iter().any(|first| overlap(first, episode)));
    let mut all: Vec<_> = of_first.chain(only_other.map(|episode| ("other".to_owned(), episode.clone()))).collect();
    all.sort_by_key(|(_, episode)| episode.raised_us);
    all
}

fn span(us: i64) -> String {
    human::duration(Duration::from_micros(us.max(0).unsigned_abs()))
}

impl Episode {
    fn row(&self, end_us: i64, cells: &CellPrinter) -> Vec<Value> {
        vec![
            cells.time(self.raised_us).into(),
            self.resolved_us.map_or(Value::Null, |us| cells.time(us).into()),
            span(self.resolved_us.unwrap_or(end_us) - self.raised_us).into(),
            if self.group.0.is_empty() { Value::Null } else { self.group.to_string().into() },
            self.severity.as_str().into(),
            Value::count(self.count),
            if self.is_told { "yes".into() } else { "no".into() },
        ]
    }
}

impl Tried {
    /// How noisy it would have been.
    fn summary(&self, version: &str, rule: &Rule, range_us: (i64, i64), cells: &CellPrinter) -> String {
        let noun = if rule.per == Per::Event { "event" } else { "time" };
        let n_told = self.replay.notifications.len() as u64;
        let firing: i64 =
            self.episodes.iter().map(|episode| episode.resolved_us.unwrap_or(range_us.1) - episode.raised_us).sum();
        let days = (range_us.1 - range_us.0) as f64 / 86_400e6;
        let mut text = format!(
            "{version}from {} to {}: would have fired {}, {:.1} a day, for {} in all; {} to each of its actions\n",
            cells.time(range_us.0),
            cells.time(range_us.1),
            human::plural(self.episodes.len() as u64, noun),
            self.episodes.len() as f64 / days,
            span(firing),
            human::plural(n_told, "message"),
        );
        text.push_str(&format!(
            "evaluated {} over {}\n",
            human::plural(self.replay.n_moments as u64, "moment"),
            human::plural(self.replay.n_events as u64, "matching event"),
        ));
        if self.replay.n_loaded > 0 {
            text.push_str(&format!(
                "note: {} of them indexed more than an hour after they happened; all count as if they had been indexed at their time\n",
                human::plural(self.replay.n_loaded as u64, "event"),
            ));
        }
        text
    }
}
