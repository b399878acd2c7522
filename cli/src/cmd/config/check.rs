//! `trawl config check`: whether the configuration makes sense, and whether its alerts pass their unit tests.

use crate::args::ConfigCheckArgs;
use crate::cmd::print_rows;
use crate::config::{AlertSetting, Config, Origin, TestSetting};
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{Look, human, notes, visible};
use crate::terminal::Terminal;
use anyhow::Context;
use std::io::{self, Write};
use std::sync::Arc;
use trawl_alert::rule::Rule;
use trawl_alert::rule_test::{Mark, Verdict};
use trawl_formats::Registry;
use trawl_query::error::nearest;
use trawl_query::value::Value;

const COLUMNS: [&str; 5] = ["kind", "name", "place", "result", "detail"];

/// What was checked, and what came of it.
struct Item {
    kind: &'static str,
    name: String,
    /// The alert of a test.
    of: Option<String>,
    place: String,
    outcome: Outcome,
}

enum Outcome {
    Ok,
    /// A test that failed, and how.
    Failed(String),
    /// What makes no sense, and what to write instead.
    Wrong {
        what: String,
        hint: Option<String>,
    },
}

/// Checks everything, and prints what is wrong; with `--output` a row for everything that was checked.
pub fn run(args: &ConfigCheckArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let registry = config.load_registry()?;
    if let Some(unknown) = args.alert.iter().find(|name| config.alerts.iter().all(|alert| &alert.name != *name)) {
        let hint = nearest(unknown, config.alerts.iter().map(|alert| alert.name.as_str()));
        let hint = hint.map_or("`trawl alert list` names them".to_owned(), |known| format!("did you mean `{known}`?"));
        return Err(Advice::new(format!("there is no alert `{unknown}`"), hint).into());
    }
    let mut items = saved_searches(config);
    for (alert, rule) in config.each_rule() {
        let is_wanted = args.alert.is_empty() || args.alert.contains(&alert.name);
        items.extend(alert_and_tests(config, &registry, alert, rule, is_wanted)?);
    }
    items.extend(checks(config));
    let mut stderr = io::stderr().lock();
    for concern in config.actions.concerns() {
        notes::warning(&mut stderr, &crate::output::Theme::new(terminal.color_stderr), &concern.to_string())?;
    }
    if let Some(format) = args.output {
        let look = Look { terminal, zone: config.zone.value };
        print_rows(&look, format, &COLUMNS, items.iter().map(Item::row).collect())?;
    } else {
        let mut stdout = io::stdout().lock();
        for item in &items {
            item.write(&mut stdout)?;
        }
        writeln!(stdout, "{}", summary(config, &items))?;
    }
    let is = |wanted: fn(&Outcome) -> bool| items.iter().any(|item| wanted(&item.outcome));
    Ok(if is(|outcome| matches!(outcome, Outcome::Wrong { .. })) {
        ExitCode::Error
    } else if is(|outcome| matches!(outcome, Outcome::Failed(_))) {
        ExitCode::NothingFound
    } else {
        ExitCode::Success
    })
}

/// A line about everything.
fn summary(config: &Config, items: &[Item]) -> String {
    let n = |kind: &str| items.iter().filter(|item| item.kind == kind).count() as u64;
    let n_failed = items.iter().filter(|item| matches!(item.outcome, Outcome::Failed(_))).count() as u64;
    let n_wrong = items.iter().filter(|item| matches!(item.outcome, Outcome::Wrong { .. })).count() as u64;
    let file = config.file.as_ref().map_or("no configuration file".to_owned(), |file| file.value.display().to_string());
    let verdict = match (n_wrong, n_failed) {
        (0, 0) => "all is well".to_owned(),
        (0, failed) => format!("{} failed", human::plural(failed, "test")),
        (wrong, 0) => format!("{} to be corrected", human::plural(wrong, "item")),
        (wrong, failed) => {
            format!("{} to be corrected, {} failed", human::plural(wrong, "item"), human::plural(failed, "test"))
        }
    };
    let (alerts, tests) = (human::plural(n("alert"), "alert"), human::plural(n("test"), "test"));
    let saved = match n("saved") {
        1 => "1 saved search".to_owned(),
        n => format!("{} saved searches", human::count(n)),
    };
    let checks = match n("check") {
        0 => String::new(),
        n => format!(", {}", human::plural(n, "check")),
    };
    format!("{}: {alerts}, {tests}, {saved}{checks}: {verdict}", visible(&file))
}

fn saved_searches(config: &Config) -> Vec<Item> {
    let options = config.search_options();
    let saved = config.definitions.saved.iter();
    let check = |(name, saved): (&String, &crate::config::SavedSetting)| Item {
        kind: "saved",
        name: name.clone(),
        of: None,
        place: saved.origin.to_string(),
        outcome: match saved.search.check(&options) {
            Ok(()) => Outcome::Ok,
            Err(error) => Outcome::Wrong { what: error.render(&saved.search.search, false), hint: None },
        },
    };
    saved.map(check).collect()
}

fn checks(config: &Config) -> Vec<Item> {
    let check = |(setting, check): (&crate::config::CheckSetting, anyhow::Result<_>)| Item {
        kind: "check",
        name: setting.name.clone(),
        of: None,
        place: setting.origin.to_string(),
        outcome: check.map_or_else(|error| wrong(&error), |_| Outcome::Ok),
    };
    config.each_check().into_iter().map(check).collect()
}

/// The item of an alert, and those of its tests.
fn alert_and_tests(
    config: &Config,
    registry: &Arc<Registry>,
    alert: &AlertSetting,
    rule: anyhow::Result<Rule>,
    with_tests: bool,
) -> anyhow::Result<Vec<Item>> {
    let item = |kind, name: &str, of, origin: &Origin, outcome| Item {
        kind,
        name: name.to_owned(),
        of,
        place: origin.to_string(),
        outcome,
    };
    let rule = match rule {
        Ok(rule) => rule,
        Err(error) => return Ok(vec![item("alert", &alert.name, None, &alert.origin, wrong(&error))]),
    };
    let mut items = vec![item("alert", &alert.name, None, &alert.origin, Outcome::Ok)];
    for test in alert.tests.iter().filter(|_| with_tests) {
        let outcome = test_outcome(config, registry, &rule, test)?;
        items.push(item("test", &test.name, Some(alert.name.clone()), &test.origin, outcome));
    }
    Ok(items)
}

fn test_outcome(
    config: &Config,
    registry: &Arc<Registry>,
    rule: &Rule,
    setting: &TestSetting,
) -> anyhow::Result<Outcome> {
    let test = match setting.rule_test(config.zone.value) {
        Ok(test) => test,
        Err(error) => return Ok(wrong(&error)),
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    Ok(match test.run(rule, registry, &config.search_options(), folder.path()) {
        Ok(verdict) if verdict.is_passed() => Outcome::Ok,
        Ok(verdict) => Outcome::Failed(difference(&verdict)),
        Err(error) => wrong(&error.into()),
    })
}

fn wrong(error: &anyhow::Error) -> Outcome {
    Outcome::Wrong { what: format!("{error:#}"), hint: Advice::hint_of(error).map(str::to_owned) }
}

/// What was expected (`-`) and what happened (`+`).
fn difference(verdict: &Verdict) -> String {
    let mark = |mark: Mark| match mark {
        Mark::Both => "  ",
        Mark::Missing => "- ",
        Mark::Unexpected => "+ ",
    };
    let mut lines: Vec<String> =
        verdict.lines.iter().map(|(at, text)| format!("{}{}", mark(*at), visible(text))).collect();
    lines.extend(verdict.trouble.as_ref().map(|trouble| format!("it cannot be evaluated: {}", visible(trouble))));
    lines.join("\n")
}

impl Item {
    /// The name, of a test with that of its alert.
    fn title(&self) -> String {
        match &self.of {
            Some(alert) => format!("test `{}` of alert {alert}", self.name),
            None if self.kind == "saved" => format!("saved search {}", self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (verdict, detail) = match &self.outcome {
            Outcome::Ok => return Ok(()),
            Outcome::Failed(difference) => ("failed (- expected, + happened)", difference.clone()),
            Outcome::Wrong { what, hint } => {
                let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                // Where it stands is said already.
                let what = match what.split_once(&format!("{}: ", self.place)) {
                    Some((before, what)) if before.starts_with("cannot use ") => what,
                    _ => what,
                };
                ("cannot be used", format!("{what}{hint}"))
            }
        };
        writeln!(out, "{} ({}) {verdict}:", visible(&self.title()), visible(&self.place))?;
        detail.lines().try_for_each(|line| writeln!(out, "  {}", visible(line)))?;
        writeln!(out)
    }

    fn row(&self) -> Vec<Value> {
        let (result, detail) = match &self.outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Failed(difference) => ("failed", Some(difference.clone())),
            Outcome::Wrong { what, .. } => ("wrong", Some(what.clone())),
        };
        let name = self.of.as_ref().map_or(self.name.clone(), |alert| format!("{alert}: {}", self.name));
        vec![
            self.kind.into(),
            name.into(),
            self.place.as_str().into(),
            result.into(),
            detail.map_or(Value::Null, Into::into),
        ]
    }
}
