//! `[[check]]`: as written, then checked and turned into what is made. As with alerts, what is wrong is kept, and said by whoever
//! needs the checks.

use super::alerts::{Lines, RuleContext, Wrong, calendar, known_actions, severity};
use super::definitions::ShownDefinition;
use super::raw::{Check as RawCheck, CheckJob, Expect};
use super::units::Timeout;
use super::{File, Origin, Setting};
use anyhow::Context;
use std::sync::Arc;
use toml::Spanned;
use trawl_alert::Severity;
use trawl_alert::check::job::{AUTOSYS_SEARCH, ClockTime, DEFAULT_HISTORY_US, JobExpectation, MaxRuntime};
use trawl_alert::check::{BadCheck, Check, Expectation, Expected, SearchExpectation, WatchedAlert};
use trawl_alert::condition::Condition;
use trawl_alert::rule::Rule;
use trawl_alert::schedule::{CronSchedule, Schedule};
use trawl_formats::Zone;

/// One `[[check]]`: a check, but for what needs the rest of the configuration.
#[derive(Clone, Debug)]
pub struct CheckSetting {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub origin: Origin,
    draft: Result<Draft, Wrong>,
}

#[derive(Clone, Debug)]
struct Draft {
    check: Check,
    zone: Option<Zone>,
    cron: Option<String>,
    active: Option<String>,
    /// Names of calendars, for the expectation of the same place.
    days: Vec<Option<String>>,
}

/// Reads the checks of a configuration file.
///
/// # Errors
/// If two have the same name, or one has none.
pub(super) fn read(
    checks: Vec<Spanned<RawCheck>>,
    file: &File<'_>,
) -> anyhow::Result<(Vec<CheckSetting>, Vec<ShownDefinition>)> {
    let (mut settings, mut shown): (Vec<CheckSetting>, Vec<ShownDefinition>) = (Vec::new(), Vec::new());
    for check in checks {
        let Setting { value: raw, origin } = file.setting(check);
        shown.extend(show(&raw, file, &origin));
        let Some(name) = raw.name.as_ref().map(|name| name.get_ref().trim().to_owned()).filter(|name| !name.is_empty())
        else {
            let wrong = Wrong::new("it has no name", "write for example name = \"sod\"");
            return Err(wrong.error("a [[check]]", &origin));
        };
        if let Some(other) = settings.iter().find(|setting| setting.name == name) {
            let what = format!("there is another one of that name ({})", other.origin);
            let wrong = Wrong::new(what, "give each check a name of its own");
            return Err(wrong.error(&format!("check `{name}`"), &origin));
        }
        settings.push(CheckSetting { draft: draft(&name, raw), name, origin });
    }
    Ok((settings, shown))
}

impl CheckSetting {
    /// The check. `rules` makes the rules of all alerts, where the check asks for them.
    ///
    /// # Errors
    /// If it makes no sense: the error names its place and what to write instead.
    pub fn check(
        &self,
        context: &RuleContext<'_>,
        rules: &dyn Fn() -> anyhow::Result<Vec<Rule>>,
    ) -> anyhow::Result<Check> {
        let title = format!("check `{}`", self.name);
        let of = |wrong: Wrong| wrong.error(&title, &self.origin);
        let Draft { mut check, zone, cron, active, days } = self.draft.clone().map_err(of)?;
        check.zone = zone.unwrap_or(context.zone);
        if let Some(pattern) = cron {
            let hint = "write minute, hour, day of the month, month and day of the week, such as `0 7 * * mon-fri`";
            let cron = CronSchedule::new(&pattern, check.zone);
            let cron = cron.map_err(|error| of(Wrong::new(error.to_string(), hint)))?;
            check.schedule = Some(Schedule::Cron(Box::new(cron)));
        }
        let named = |name: &str| calendar(name, context)?.with_context(|| format!("{title} of {}", self.origin));
        check.active = active.map(|name| named(&name).map(Arc::new)).transpose()?;
        for (expectation, days) in check.expectations.iter_mut().zip(days) {
            match &mut expectation.what {
                Expected::Job(job) => job.days = days.map(|name| named(&name).map(Arc::new)).transpose()?,
                Expected::NoOpenAlert { alerts, .. } => {
                    let watched = |rule: Rule| WatchedAlert { name: rule.name, schedule: rule.schedule };
                    *alerts = rules()?.into_iter().map(watched).collect();
                }
                Expected::Search(_) => {}
            }
        }
        known_actions(&check.actions, context).map_err(of)?;
        check.check(context.options).map_err(|bad| of(wrong_check(bad)))?;
        Ok(check)
    }
}

fn wrong_check(bad: BadCheck) -> Wrong {
    match bad {
        BadCheck::Search { title, text, error } => {
            let rendered = error.render(&text, false);
            let what = format!("the search of `{title}` cannot be used\n{rendered}");
            Wrong::new(what, "`trawl search --check QUERY` tries a search")
        }
        other => {
            // What to write stands behind the colon.
            let text = other.to_string();
            let (what, hint) = text.rsplit_once(": ").unwrap_or((&text, "see `[[check]]` in docs/config.md"));
            Wrong::new(what, hint)
        }
    }
}

fn value<T>(value: Option<Spanned<T>>) -> Option<T> {
    value.map(Spanned::into_inner)
}

fn us(timeout: Option<Spanned<Timeout>>) -> Option<i64> {
    let duration = value(timeout).and_then(|timeout| timeout.0);
    duration.map(|duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

fn draft(name: &str, raw: RawCheck) -> Result<Draft, Wrong> {
    let zone = value(raw.tz).map(|tz| {
        tz.parse().map_err(|error| Wrong::new(format!("`tz`: {error}"), "write for example tz = \"Europe/London\""))
    });
    let cron = value(raw.cron);
    let schedule = match (us(raw.every), &cron) {
        (Some(_), Some(_)) => return Err(Wrong::new("it has `every` and `cron`", "leave out one of them")),
        (Some(interval_us), None) if interval_us < 1_000_000 => {
            return Err(Wrong::new("`every` is shorter than a second", "write for example every = \"15m\""));
        }
        (Some(interval_us), None) => Some(Schedule::Every { interval_us }),
        (None, _) => None,
    };
    let mut expectations = Vec::new();
    let mut days = Vec::new();
    for expect in raw.expect {
        expectations.push(expectation(expect.into_inner())?);
        days.push(None);
    }
    for job in raw.job {
        let (expectation, calendar) = job_expectation(job.into_inner())?;
        expectations.push(expectation);
        days.push(calendar);
    }
    let check = Check {
        name: name.to_owned(),
        description: value(raw.description),
        owner: value(raw.owner),
        tags: value(raw.tags).unwrap_or_default(),
        runbook: value(raw.runbook),
        schedule,
        active: None,
        zone: Zone::UTC,
        autosys: value(raw.autosys).unwrap_or_else(|| AUTOSYS_SEARCH.to_owned()),
        actions: value(raw.actions).unwrap_or_default(),
        expectations,
    };
    Ok(Draft { check, zone: zone.transpose()?, cron, active: value(raw.active), days })
}

fn expectation(raw: Expect) -> Result<Expectation, Wrong> {
    let title = value(raw.title);
    let search = value(raw.search).filter(|search| !search.trim().is_empty());
    let of = title.as_ref().or(search.as_ref()).map_or(String::new(), |title| format!(" `{title}`"));
    let want = value(raw.want);
    let has_range = raw.earliest.is_some() || raw.latest.is_some();
    let (title, what) = match (search, value(raw.open_alerts)) {
        (Some(search), None) => {
            let hint = "write for example want = \"count >= 1\", \"rows == 0\" or \"absent\"";
            let want = want.ok_or_else(|| Wrong::new(format!("nothing says what the expectation{of} wants"), hint))?;
            let want = Condition::parse(&want)?;
            let (earliest, latest) = (value(raw.earliest), value(raw.latest));
            let title = title.unwrap_or_else(|| search.clone());
            (title, Expected::Search(SearchExpectation { search, earliest, latest, want }))
        }
        (None, Some(text)) => {
            if want.is_some() || has_range {
                let what = format!("the expectation{of} has `open_alerts`, and keys of a search");
                return Err(Wrong::new(what, "leave out `want`, `earliest` and `latest`"));
            }
            let at_least = severity(Some(text), Severity::Critical)?;
            let title = title.unwrap_or_else(|| match at_least {
                Severity::Warning => "no open alert".to_owned(),
                _ => format!("no open {at_least} alert"),
            });
            (title, Expected::NoOpenAlert { severity: at_least, alerts: Vec::new() })
        }
        (Some(_), Some(_)) => {
            let what = format!("the expectation{of} has `search` and `open_alerts`");
            return Err(Wrong::new(what, "leave out one of them"));
        }
        (None, None) => {
            let hint = "write for example search = \"backup completed\", or open_alerts = \"critical\"";
            return Err(Wrong::new(format!("the expectation{of} has no search"), hint));
        }
    };
    Ok(Expectation {
        title,
        severity: severity(value(raw.severity), Severity::Critical)?,
        runbook: value(raw.runbook),
        what,
    })
}

/// The expectation, and the name of the calendar of its days.
fn job_expectation(raw: CheckJob) -> Result<(Expectation, Option<String>), Wrong> {
    let name = value(raw.name).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| Wrong::new("a [[check.job]] has no name", "write for example name = \"EOD_SALES\""))?;
    let clock = |key: &str, text: Option<Spanned<String>>| -> Result<Option<ClockTime>, Wrong> {
        let parse = |text: String| {
            text.parse().map_err(|_| {
                Wrong::new(
                    format!("`{key}` of job `{name}`: `{text}` is no time of day"),
                    format!("write for example {key} = \"22:15\""),
                )
            })
        };
        value(text).map(parse).transpose()
    };
    let max_runtime = value(raw.max_runtime).map(|text| {
        max_runtime(&text).ok_or_else(|| {
            let what = format!("`max_runtime` of job `{name}`: `{text}` is no run time");
            Wrong::new(what, "write for example max_runtime = \"30m\", or \"x1.5\" of the usual one")
        })
    });
    let job = JobExpectation {
        by: clock("by", raw.by)?,
        start_by: clock("start_by", raw.start_by)?,
        max_runtime: max_runtime.transpose()?,
        within_us: us(raw.within),
        days: None,
        history_us: us(raw.history).unwrap_or(DEFAULT_HISTORY_US),
        late_severity: severity(value(raw.late_severity), Severity::Warning)?,
        name,
    };
    let title = value(raw.title).unwrap_or_else(|| format!("{} {job}", job.name));
    let severity = severity(value(raw.severity), Severity::Critical)?;
    let expectation = Expectation { title, severity, runbook: value(raw.runbook), what: Expected::Job(job) };
    Ok((expectation, value(raw.days)))
}

/// `30m`, or `x1.5`.
fn max_runtime(text: &str) -> Option<MaxRuntime> {
    if let Some(factor) = text.trim().strip_prefix(['x', 'X']) {
        let factor: f64 = factor.trim().parse().ok()?;
        return (factor.is_finite() && factor > 0.0).then_some(MaxRuntime::TimesUsual(factor));
    }
    let duration = text.parse::<Timeout>().ok()?.0?;
    Some(MaxRuntime::Fixed(i64::try_from(duration.as_micros()).ok()?))
}

fn show(raw: &RawCheck, file: &File<'_>, origin: &Origin) -> Vec<ShownDefinition> {
    let begin = |section: &str| Lines { file, origin, section: section.to_owned(), shown: Vec::new() };
    let mut lines = begin("[[check]]");
    lines.text("name", &raw.name);
    lines.text("description", &raw.description);
    lines.text("owner", &raw.owner);
    lines.texts("tags", &raw.tags);
    lines.text("runbook", &raw.runbook);
    lines.text("cron", &raw.cron);
    lines.text("every", &raw.every);
    lines.text("active", &raw.active);
    lines.text("tz", &raw.tz);
    lines.texts("actions", &raw.actions);
    lines.text("autosys", &raw.autosys);
    let mut shown = lines.shown;
    for expect in raw.expect.iter().map(Spanned::get_ref) {
        let mut lines = begin("[[check.expect]]");
        lines.text("title", &expect.title);
        lines.text("search", &expect.search);
        lines.text("earliest", &expect.earliest);
        lines.text("latest", &expect.latest);
        lines.text("want", &expect.want);
        lines.text("open_alerts", &expect.open_alerts);
        lines.text("severity", &expect.severity);
        lines.text("runbook", &expect.runbook);
        shown.extend(lines.shown);
    }
    for job in raw.job.iter().map(Spanned::get_ref) {
        let mut lines = begin("[[check.job]]");
        lines.text("name", &job.name);
        lines.text("title", &job.title);
        lines.text("by", &job.by);
        lines.text("start_by", &job.start_by);
        lines.text("max_runtime", &job.max_runtime);
        lines.text("within", &job.within);
        lines.text("days", &job.days);
        lines.text("history", &job.history);
        lines.text("severity", &job.severity);
        lines.text("late_severity", &job.late_severity);
        lines.text("runbook", &job.runbook);
        shown.extend(lines.shown);
    }
    shown
}
