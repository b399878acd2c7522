//! `[[alert]]` and `[calendar.NAME]`: as written, then checked and turned into rules.
//!
//! A rule that makes no sense is no reason not to search: what is wrong is kept, and said by whoever needs the rules.

use super::definitions::{ShownDefinition, toml_key};
use super::raw::{Alert as RawAlert, Calendar as RawCalendar};
use super::rule_tests::{self, TestSetting};
use super::units::Timeout;
use super::{File, Origin, Setting};
use crate::error::Advice;
use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use toml::Spanned;
use trawl_alert::Severity;
use trawl_alert::calendar::{Calendar, parse_date, parse_days};
use trawl_alert::check::CHECK_PREFIX;
use trawl_alert::condition::{BadCondition, Condition};
use trawl_alert::machine::{Throttle, Timing};
use trawl_alert::rule::{BadRule, DEFAULT_LATENESS_US, Per, Rule};
use trawl_alert::schedule::{CronSchedule, Schedule};
use trawl_formats::Zone;
use trawl_query::SearchOptions;
use trawl_query::error::nearest;

/// Longest quiet time if nothing is said: a day, in microseconds.
const DEFAULT_THROTTLE_MAX_US: i64 = 86_400_000_000;

/// One `[[alert]]`: a rule, but for what needs the rest of the configuration.
#[derive(Clone, Debug)]
pub struct AlertSetting {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub origin: Origin,
    /// Its unit tests.
    pub tests: Vec<TestSetting>,
    draft: Result<Draft, Wrong>,
}

#[derive(Clone, Debug)]
struct Draft {
    rule: Rule,
    cron: Option<(String, Option<Zone>)>,
    active: Option<String>,
}

/// One `[calendar.NAME]`.
#[derive(Clone, Debug)]
pub struct CalendarSetting {
    /// Where it is written.
    pub origin: Origin,
    zone: Option<Zone>,
    calendar: Result<Calendar, Wrong>,
}

/// What is wrong, and what to write instead.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    what: String,
    hint: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }

    pub(super) fn error(&self, name: &str, origin: &Origin) -> anyhow::Error {
        Advice::new(format!("cannot use {name} of {origin}: {}", self.what), self.hint.clone()).into()
    }
}

impl From<BadCondition> for Wrong {
    fn from(bad: BadCondition) -> Self {
        let hint = bad.error.hint.clone().unwrap_or_else(|| "write for example `count > 5`".to_owned());
        Self::new(format!("`{}` is no condition: {}", bad.text, bad.error), hint)
    }
}

/// Reads the alerts of a configuration file.
///
/// # Errors
/// If two have the same name, or one has none.
pub(super) fn read(
    alerts: Vec<Spanned<RawAlert>>,
    file: &File<'_>,
) -> anyhow::Result<(Vec<AlertSetting>, Vec<ShownDefinition>)> {
    let (mut settings, mut shown): (Vec<AlertSetting>, Vec<ShownDefinition>) = (Vec::new(), Vec::new());
    for alert in alerts {
        let Setting { value: mut raw, origin } = file.setting(alert);
        shown.extend(show(&raw, file, &origin));
        let tests = rule_tests::read(&mut raw.test, file, &mut shown);
        let Some(name) = raw.name.as_ref().map(|name| name.get_ref().trim().to_owned()).filter(|name| !name.is_empty())
        else {
            return Err(
                Wrong::new("it has no name", "write for example name = \"payment-db\"").error("an [[alert]]", &origin)
            );
        };
        if let Some(other) = settings.iter().find(|setting| setting.name == name) {
            let what = format!("there is another one of that name ({})", other.origin);
            return Err(
                Wrong::new(what, "give each alert a name of its own").error(&format!("alert `{name}`"), &origin)
            );
        }
        settings.push(AlertSetting { draft: draft(&name, raw), name, origin, tests });
    }
    Ok((settings, shown))
}

/// Reads the calendars of a configuration file.
pub(super) fn read_calendars(
    calendars: BTreeMap<String, Spanned<RawCalendar>>,
    file: &File<'_>,
) -> (BTreeMap<String, CalendarSetting>, Vec<ShownDefinition>) {
    let (mut settings, mut shown) = (BTreeMap::new(), Vec::new());
    for (name, calendar) in calendars {
        let Setting { value: raw, origin } = file.setting(calendar);
        shown.extend(show_calendar(&name, &raw, file, &origin));
        let zone = raw.tz.as_ref().map(|tz| tz.get_ref().parse::<Zone>()).transpose();
        let (zone, calendar) = match zone {
            Ok(zone) => (zone, calendar_of(raw)),
            Err(error) => (None, Err(Wrong::new(format!("`tz`: {error}"), "write for example tz = \"Europe/London\""))),
        };
        settings.insert(name, CalendarSetting { origin, zone, calendar });
    }
    (settings, shown)
}

/// What the rules need of the rest of the configuration.
pub struct RuleContext<'a> {
    /// Calendars by name.
    pub calendars: &'a BTreeMap<String, CalendarSetting>,
    /// Names of actions.
    pub actions: Vec<&'a str>,
    /// The zone of cron patterns and calendars that name none.
    pub zone: Zone,
    /// What searches are run with.
    pub options: &'a SearchOptions,
}

impl AlertSetting {
    /// The rule.
    ///
    /// # Errors
    /// If it makes no sense: the error names its place and what to write instead.
    pub fn rule(&self, context: &RuleContext<'_>) -> anyhow::Result<Rule> {
        let title = format!("alert `{}`", self.name);
        let of = |wrong: Wrong| wrong.error(&title, &self.origin);
        let Draft { mut rule, cron, active } = self.draft.clone().map_err(of)?;
        if let Some((pattern, zone)) = cron {
            let hint = "write minute, hour, day of the month, month and day of the week, such as `15 22 * * mon-fri`";
            let cron = CronSchedule::new(&pattern, zone.unwrap_or(context.zone));
            rule.schedule = Schedule::Cron(Box::new(cron.map_err(|error| of(Wrong::new(error.to_string(), hint)))?));
        }
        if let Some(name) = active {
            rule.active =
                Some(Arc::new(calendar(&name, context)?.with_context(|| format!("{title} of {}", self.origin))?));
        }
        known_actions(&rule.actions, context).map_err(of)?;
        rule.check(context.options).map_err(|bad| of(wrong_rule(bad)))?;
        Ok(rule)
    }
}

/// Whether all actions of these names exist.
pub(super) fn known_actions(names: &[String], context: &RuleContext<'_>) -> Result<(), Wrong> {
    let Some(name) = names.iter().find(|name| !context.actions.contains(&name.as_str())) else { return Ok(()) };
    let hint = match nearest(name, context.actions.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("write a section [action.{}]", toml_key(name)),
    };
    Err(Wrong::new(format!("there is no action `{name}`"), hint))
}

/// How bad something is, by its word.
pub(super) fn severity(text: Option<String>, default: Severity) -> Result<Severity, Wrong> {
    match text.map(|text| text.parse().map_err(|_| text)) {
        None => Ok(default),
        Some(Ok(severity @ (Severity::Warning | Severity::Critical))) => Ok(severity),
        Some(Ok(severity)) => {
            Err(Wrong::new(format!("`{severity}` is not how bad it can be"), "write `warning` or `critical`"))
        }
        Some(Err(text)) => {
            Err(Wrong::new(format!("`{text}` is not how bad it can be"), "write `warning` or `critical`"))
        }
    }
}

/// The calendar of a name.
pub(super) fn calendar(name: &str, context: &RuleContext<'_>) -> anyhow::Result<anyhow::Result<Calendar>> {
    let Some(setting) = context.calendars.get(name) else {
        let nearest = nearest(name, context.calendars.keys().map(String::as_str));
        let hint =
            nearest.map_or("write a section [calendar.NAME]".to_owned(), |known| format!("did you mean `{known}`?"));
        return Ok(Err(Advice::new(format!("there is no calendar `{name}`"), hint).into()));
    };
    let calendar = setting.calendar.clone();
    let calendar = calendar.map_err(|wrong| wrong.error(&format!("[calendar.{}]", toml_key(name)), &setting.origin))?;
    Ok(Ok(Calendar { zone: setting.zone.unwrap_or(context.zone), ..calendar }))
}

fn wrong_rule(bad: BadRule) -> Wrong {
    match bad {
        BadRule::Search { text, error } => {
            let rendered = error.render(&text, false);
            Wrong::new(format!("its search cannot be used\n{rendered}"), "`trawl search --check QUERY` tries a search")
        }
        other => {
            // What to write stands behind the colon.
            let text = other.to_string();
            let (what, hint) = text.split_once(": ").unwrap_or((&text, "see `[[alert]]` in docs/config.md"));
            Wrong::new(what, hint)
        }
    }
}

fn draft(name: &str, raw: RawAlert) -> Result<Draft, Wrong> {
    fn value<T>(value: Option<Spanned<T>>) -> Option<T> {
        value.map(Spanned::into_inner)
    }
    let us = |timeout: Option<Spanned<Timeout>>| {
        let duration = value(timeout).and_then(|timeout| timeout.0);
        duration.map(|duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    };
    if name.starts_with(CHECK_PREFIX) {
        let what = format!("names that begin with `{CHECK_PREFIX}` are those of checks");
        return Err(Wrong::new(what, "give the alert another name"));
    }
    let search = value(raw.search).filter(|search| !search.trim().is_empty());
    let search = search.ok_or_else(|| Wrong::new("it has no search", "write for example search = \"level=ERROR\""))?;
    let zone = value(raw.tz)
        .map(|tz| {
            tz.parse().map_err(|error| Wrong::new(format!("`tz`: {error}"), "write for example tz = \"Europe/London\""))
        })
        .transpose()?;
    let cron = value(raw.cron);
    let continuous = value(raw.continuous).unwrap_or(false);
    let schedule = match (us(raw.every), &cron, continuous) {
        (Some(interval_us), None, false) if interval_us >= 1_000_000 => Schedule::Every { interval_us },
        (Some(_), None, false) => {
            return Err(Wrong::new("`every` is shorter than a second", "write continuous = true"));
        }
        (None, Some(_), false) | (None, None, true) => Schedule::Continuous,
        (None, None, false) => {
            let hint = "write every = \"1m\", or cron = \"15 22 * * *\", or continuous = true";
            return Err(Wrong::new("nothing says when it is evaluated", hint));
        }
        _ => {
            return Err(Wrong::new(
                "it has more than one of `every`, `cron` and `continuous`",
                "leave out all but one",
            ));
        }
    };
    let severity = severity(value(raw.severity), Severity::Critical)?;
    let condition = |text: Option<Spanned<String>>| value(text).map(|text| Condition::parse(&text)).transpose();
    let (one, warning, critical) = (condition(raw.condition)?, condition(raw.warning)?, condition(raw.critical)?);
    if one.is_some() && (warning.is_some() || critical.is_some()) {
        let hint = "leave out `condition`, or `warning` and `critical`";
        return Err(Wrong::new("it has `condition` and a condition for a severity", hint));
    }
    let levels = [(Severity::Critical, critical), (Severity::Warning, warning), (severity, one)];
    let per = match value(raw.per).as_deref() {
        None | Some("group") => Per::Group,
        Some("event") => Per::Event,
        Some(other) => return Err(Wrong::new(format!("`per` cannot be `{other}`"), "write `group` or `event`")),
    };
    let throttle = us(raw.throttle).filter(|throttle| *throttle > 0);
    let factor = value(raw.throttle_factor).unwrap_or(1.0);
    if !(1.0..=100.0).contains(&factor) {
        return Err(Wrong::new(format!("`throttle_factor` cannot be {factor}"), "write a number from 1 to 100"));
    }
    let max_us = us(raw.throttle_max).unwrap_or(DEFAULT_THROTTLE_MAX_US);
    let rule = Rule {
        name: name.to_owned(),
        description: value(raw.description),
        owner: value(raw.owner),
        tags: value(raw.tags).unwrap_or_default(),
        runbook: value(raw.runbook),
        search,
        schedule,
        window_us: us(raw.window),
        levels: levels.into_iter().filter_map(|(severity, condition)| Some((severity, condition?))).collect(),
        clear: condition(raw.clear)?,
        timing: Timing {
            for_us: us(raw.hold_for).unwrap_or(0),
            keep_firing_us: us(raw.keep_firing_for).unwrap_or(0),
            throttle: throttle.map(|first_us| Throttle { first_us, factor, max_us }),
            reminder_us: us(raw.remind_every),
            lateness_us: us(raw.lateness).unwrap_or(DEFAULT_LATENESS_US),
        },
        baseline_us: us(raw.baseline),
        group_by: value(raw.group_by).unwrap_or_default(),
        per,
        active: None,
        actions: value(raw.actions).unwrap_or_default(),
    };
    Ok(Draft { rule, cron: cron.map(|pattern| (pattern, zone)), active: value(raw.active) })
}

fn calendar_of(raw: RawCalendar) -> Result<Calendar, Wrong> {
    let wrong = |error: trawl_alert::calendar::BadCalendar| {
        let text = error.to_string();
        let (what, hint) = text.split_once(": ").unwrap_or((&text, ""));
        Wrong::new(what, hint)
    };
    let texts = |values: Option<Spanned<Vec<String>>>| values.map(Spanned::into_inner).unwrap_or_default();
    let dates = |values: Option<Spanned<Vec<String>>>| -> Result<BTreeSet<_>, Wrong> {
        texts(values).iter().map(|text| parse_date(text).map_err(wrong)).collect()
    };
    let days = match raw.days {
        Some(days) => parse_days(days.get_ref()).map_err(wrong)?,
        None => [true; 7],
    };
    let hours = texts(raw.hours).iter().map(|text| text.parse().map_err(wrong)).collect::<Result<_, _>>()?;
    Ok(Calendar { zone: Zone::UTC, days, hours, holidays: dates(raw.holidays)?, extra_days: dates(raw.extra_days)? })
}

/// Collects the lines of `config show` of one section.
pub(super) struct Lines<'f> {
    pub(super) file: &'f File<'f>,
    pub(super) origin: &'f Origin,
    pub(super) section: String,
    /// What was collected.
    pub(super) shown: Vec<ShownDefinition>,
}

impl<'f> Lines<'f> {
    pub(super) fn new(file: &'f File<'f>, origin: &'f Origin, section: String) -> Self {
        Self { file, origin, section, shown: Vec::new() }
    }

    pub(super) fn add<T>(&mut self, key: &str, value: &Option<Spanned<T>>, print: impl FnOnce(&T) -> toml::Value) {
        let Some(value) = value else { return };
        self.shown.push(ShownDefinition {
            section: self.section.clone(),
            key: key.to_owned(),
            value: print(value.get_ref()).to_string(),
            origin: match self.origin {
                Origin::File { path, .. } => {
                    Origin::File { path: path.clone(), line: self.file.line_at(value.span().start) }
                }
                other => other.clone(),
            },
            begins_section: self.shown.is_empty(),
        });
    }

    pub(super) fn text<T: ToString>(&mut self, key: &str, value: &Option<Spanned<T>>) {
        self.add(key, value, |value| value.to_string().into());
    }

    pub(super) fn texts(&mut self, key: &str, value: &Option<Spanned<Vec<String>>>) {
        self.add(key, value, |values| values.clone().into());
    }
}

fn show(raw: &RawAlert, file: &File<'_>, origin: &Origin) -> Vec<ShownDefinition> {
    let mut lines = Lines::new(file, origin, "[[alert]]".to_owned());
    lines.text("name", &raw.name);
    lines.text("description", &raw.description);
    lines.text("owner", &raw.owner);
    lines.texts("tags", &raw.tags);
    lines.text("runbook", &raw.runbook);
    lines.text("search", &raw.search);
    lines.text("every", &raw.every);
    lines.text("cron", &raw.cron);
    lines.add("continuous", &raw.continuous, |value| (*value).into());
    lines.text("window", &raw.window);
    lines.text("condition", &raw.condition);
    lines.text("severity", &raw.severity);
    lines.text("warning", &raw.warning);
    lines.text("critical", &raw.critical);
    lines.text("clear", &raw.clear);
    lines.text("for", &raw.hold_for);
    lines.text("keep_firing_for", &raw.keep_firing_for);
    lines.text("throttle", &raw.throttle);
    lines.add("throttle_factor", &raw.throttle_factor, |value| (*value).into());
    lines.text("throttle_max", &raw.throttle_max);
    lines.text("remind_every", &raw.remind_every);
    lines.text("lateness", &raw.lateness);
    lines.text("baseline", &raw.baseline);
    lines.texts("group_by", &raw.group_by);
    lines.text("per", &raw.per);
    lines.text("active", &raw.active);
    lines.text("tz", &raw.tz);
    lines.texts("actions", &raw.actions);
    lines.shown
}

fn show_calendar(name: &str, raw: &RawCalendar, file: &File<'_>, origin: &Origin) -> Vec<ShownDefinition> {
    let section = format!("[calendar.{}]", toml_key(name));
    let mut lines = Lines::new(file, origin, section);
    lines.texts("days", &raw.days);
    lines.texts("hours", &raw.hours);
    lines.texts("holidays", &raw.holidays);
    lines.texts("extra_days", &raw.extra_days);
    lines.text("tz", &raw.tz);
    lines.shown
}
