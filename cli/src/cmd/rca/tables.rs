//! Results of analyses as tables of exhibits, and what is to be said before them.
//!
//! A report shows these in place of the page that is printed for a terminal. Nothing here is escaped: a report takes no text of
//! logs for markup, nor for what a terminal would do.

use super::diff::number;
use super::page::{Clock, ShortNames, relative, span};
use super::sink::Finding;
use crate::output::human;
use trawl_evidence::ColumnKind::{Line, Number, Short, Text};
use trawl_evidence::case::Case;
use trawl_evidence::{Mark, Table};
use trawl_formats::Zone;
use trawl_query::rca::changes::{Change, Changes, Onset, OnsetFrom};
use trawl_query::rca::coverage::{Report, SourceCoverage};
use trawl_query::rca::diff::{self, Diff, PatternChange, Side};
use trawl_query::rca::timeline::{EntryKind, Timeline};
use trawl_query::rca::trace::Trace;
use trawl_query::time::from_seconds;
use trawl_query::{Batch, Moment};

/// Other lines about a change that are kept.
const MAX_ALSO: usize = 3;

/// The zone in which the readers of the case read times.
fn zone_of(finding: &Finding, zone: Zone) -> Zone {
    finding.case.as_ref().map_or(zone, Case::zone)
}

/// What is different: patterns, and values.
pub fn of_diff(finding: &mut Finding, diff: &Diff, limit: usize, zone: Zone) {
    let zone = zone_of(finding, zone);
    let side = |side: &Side| {
        let ranges = side.stretches.first().map_or_else(String::new, |first| {
            let more = match side.stretches.len() {
                1 => String::new(),
                n => format!(" and {}", human::plural(n as u64 - 1, "earlier range")),
            };
            format!("{} to {}{more}", Moment(first.from_us).to_second(zone), Moment(first.to_us).to_second(zone))
        });
        let a_minute = number(side.n_events as f64 * 60.0 / side.seconds.max(1e-6));
        format!("{ranges}, {}, {a_minute} a minute", human::plural(side.n_events, "event"))
    };
    finding.summary.push(format!("Incident: {}.", side(&diff.incident)));
    let how = if diff.baseline_is_chosen { "chosen: " } else { "" };
    finding.summary.push(format!("Baseline: {} ({how}{}).", side(&diff.baseline), diff.baseline_text));
    finding.summary.push(format!("Findings are {}.", super::diff::tests(diff)));
    let of_kind = |change| diff.patterns.iter().filter(move |found| found.change == change).take(limit);
    let shown: Vec<&PatternChange> = diff::Change::ALL.into_iter().flat_map(of_kind).collect();
    let counts = |count: u64, rate: f64| format!("{}\n({}/min)", human::count(count), number(rate));
    let rows = shown.iter().enumerate().map(|(at, found)| {
        vec![
            (at + 1).to_string(),
            what_of(found),
            counts(found.count, found.rate),
            counts(found.baseline_count, found.baseline_rate),
            found.pattern.clone(),
            found.line.text.clone(),
        ]
    });
    let columns = [
        ("#", Number),
        ("change", Text),
        ("incident", Number),
        ("baseline", Number),
        ("pattern", Line),
        ("example", Line),
    ];
    push(finding, "Patterns of lines", &columns, rows.collect(), diff.patterns.len());
    let share = |share: f64| format!("{} %", number(100.0 * share));
    let rows = diff.values.iter().take(limit).enumerate().map(|(at, found)| {
        vec![
            (at + 1).to_string(),
            found.field.clone(),
            found.value.clone(),
            human::count(found.count),
            share(found.share),
            share(found.baseline_share),
        ]
    });
    let columns = [
        ("#", Number),
        ("field", Short),
        ("value", Line),
        ("events", Number),
        ("of the incident", Number),
        ("of the baseline", Number),
    ];
    push(finding, "Values that are over-represented", &columns, rows.collect(), diff.values.len());
}

/// How a pattern changed, in few words.
fn what_of(found: &PatternChange) -> String {
    match found.change {
        diff::Change::Moved => {
            let to = found.hosts.first().map(|host| format!(" to {}", host.host));
            format!("moved{}", to.unwrap_or_default())
        }
        change if found.is_significant => change.name().to_owned(),
        change => format!("{}, rare", change.name()),
    }
}

/// What changed before an incident, and since.
pub fn of_changes(finding: &mut Finding, changes: &Changes, after: &[&Change], limit: usize, zone: Zone) {
    let zone = zone_of(finding, zone);
    let shown = || changes.suspects.iter().take(limit);
    let clock = Clock::new(zone, shown().chain(after.iter().copied()).map(|change| change.time));
    let names = ShortNames::new(shown().chain(after.iter().copied()).map(|change| change.source.as_str()));
    finding.summary.push(onset_text(&changes.onset, zone));
    let cells = |change: &Change| {
        let line = change.event.as_ref().map_or_else(|| change.summary(), |event| event.text.clone());
        let when = [clock.short(change.time), relative(change.relative_us)];
        [&when[..], &[change.title.clone(), names.of(&change.source).to_owned(), line]].concat()
    };
    let columns = [("time", Short), ("from onset", Number), ("kind", Text), ("source", Text), ("line", Line)];
    let mut rows = Vec::new();
    for (at, change) in shown().enumerate() {
        rows.push([vec![(at + 1).to_string(), format!("{:.2}", change.score)], cells(change)].concat());
        for echo in change.also.iter().take(MAX_ALSO) {
            let source = echo.event.source.rsplit('/').next().unwrap_or_default().to_owned();
            let when = [clock.short(echo.event.time), relative(echo.relative_us), "the same, elsewhere".to_owned()];
            let cells = [&when[..], &[source, echo.event.text.clone()]].concat();
            rows.push([vec![String::new(), String::new()], cells].concat());
        }
    }
    let n_in_all = rows.len() + changes.suspects.len().saturating_sub(limit);
    let ranked = [&[("#", Number), ("score", Number)], &columns[..]].concat();
    push(finding, "Suspects, the likeliest first", &ranked, rows, n_in_all);
    let rows = after.iter().map(|change| cells(change)).collect();
    push(finding, "Since the onset", &columns, rows, changes.after.len());
    finding.moments.extend(onset_moments(&changes.onset));
    let untold = shown().filter(|change| change.event.is_none());
    finding.moments.extend(untold.map(|change| Mark { at: change.time, label: change.summary() }));
}

/// When an incident began, in a sentence.
fn onset_text(onset: &Onset, zone: Zone) -> String {
    let how = match onset.how {
        OnsetFrom::Given => "given",
        OnsetFrom::Detected => "detected",
        OnsetFrom::Window => "the beginning of the window",
    };
    let end = onset.end.map(|end| format!("; over at {}, after {}", end.to_second(zone), span(end.since(onset.time))));
    let (time, end) = (onset.time.in_zone(zone), end.unwrap_or_default());
    format!("Onset: {time} ({how}): {}{end}.", onset.summary())
}

/// The beginning and the end of an incident, which no event stands for.
fn onset_moments(onset: &Onset) -> impl Iterator<Item = Mark> {
    let begin = Mark { at: onset.time, label: format!("onset: {}", onset.summary()) };
    let end = onset.end.map(|at| Mark { at, label: "end: the last of these failures".to_owned() });
    std::iter::once(begin).chain(end)
}

/// One order of time.
pub fn of_timeline(finding: &mut Finding, timeline: &Timeline, zone: Zone) {
    let zone = zone_of(finding, zone);
    let clock = Clock::new(zone, timeline.entries.iter().map(|entry| entry.time));
    let names = ShortNames::new(timeline.entries.iter().filter_map(|entry| entry.source.as_deref()));
    finding.summary.push(onset_text(&timeline.onset, zone));
    if timeline.n_events_left_out > 0 {
        let n_events = human::count(timeline.n_events_left_out);
        finding.summary.push(format!("{n_events} older events of the query are left out."));
    }
    let rows = timeline.entries.iter().map(|entry| {
        vec![
            clock.short(entry.time),
            if entry.kind == EntryKind::Onset { String::new() } else { relative(entry.relative_us) },
            entry.kind.as_str().to_owned(),
            entry.source.as_deref().map_or("", |source| names.of(source)).to_owned(),
            entry.event.as_ref().map_or(&entry.what, |event| &event.text).clone(),
        ]
    });
    let columns = [("time", Short), ("from onset", Number), ("what", Short), ("source", Text), ("line", Line)];
    push(finding, "", &columns, rows.collect(), timeline.entries.len());
    finding.moments.extend(onset_moments(&timeline.onset));
    // Notes stand in the timeline of a report by themselves.
    let is_untold = |kind| matches!(kind, EntryKind::Alert | EntryKind::Change);
    let untold = timeline.entries.iter().filter(|entry| entry.event.is_none() && is_untold(entry.kind));
    finding.moments.extend(untold.map(|entry| Mark { at: entry.time, label: entry.what.clone() }));
}

/// A path: its legs, and its events.
pub fn of_trace(finding: &mut Finding, trace: &Trace, zone: Zone) {
    let zone = zone_of(finding, zone);
    let (Some(first), Some(last)) = (trace.events.first(), trace.events.last()) else { return };
    let clock = Clock::new(zone, [first.event.time, last.event.time].into_iter());
    let names = ShortNames::new(trace.events.iter().map(|step| step.event.source.as_str()));
    finding.summary.push(format!(
        "{} in {}, {}, from {}.",
        human::plural(trace.events.len() as u64, "event"),
        span(last.event.time.since(first.event.time)),
        human::plural(trace.n_errors as u64, "error"),
        first.event.time.in_zone(zone),
    ));
    if let Some(gap) = trace.largest_gap.as_ref().filter(|gap| gap.us > 0) {
        let (from, to) = (names.of(&gap.from_source), names.of(&gap.to_source));
        let at = clock.short(gap.from);
        finding.summary.push(format!("Largest gap: {} without an event, from {from} ({at}) to {to}.", span(gap.us)));
    }
    let ids = trace.followed.iter().map(|id| match &id.key {
        Some(key) => format!("{key}={}", id.value),
        None => id.value.clone(),
    });
    finding.summary.push(format!("Followed: {}.", ids.collect::<Vec<_>>().join(", ")));
    for skew in &trace.skew {
        finding.summary.push(format!(
            "Clocks: {} answers {} before {} asks, in {} of {} traces: one of their clocks is off, unless it runs first.",
            names.of(&skew.answers),
            span(skew.by_us),
            names.of(&skew.asks),
            skew.n_reversed,
            skew.n_traces,
        ));
    }
    let rows = trace.legs.iter().map(|leg| {
        vec![
            names.of(&leg.source).to_owned(),
            leg.host.clone(),
            leg.wait_us.map_or_else(String::new, relative),
            if leg.n_events > 1 { span(leg.lasted_us) } else { String::new() },
            human::count(leg.n_events as u64),
            human::count(leg.n_errors as u64),
        ]
    });
    let columns =
        [("source", Text), ("host", Text), ("after", Number), ("for", Number), ("events", Number), ("errors", Number)];
    push(finding, "Path", &columns, rows.collect(), trace.legs.len());
    let rows = trace.events.iter().enumerate().map(|(at, step)| {
        vec![
            clock.short(step.event.time),
            if at == 0 { String::new() } else { relative(step.delta_us) },
            names.of(&step.event.source).to_owned(),
            step.event.level.clone().unwrap_or_default(),
            step.event.text.clone(),
        ]
    });
    let columns = [("time", Short), ("after", Number), ("source", Text), ("level", Short), ("line", Line)];
    push(finding, "Events", &columns, rows.collect(), trace.events.len());
}

/// What of a time is indexed: `verdict` says it in a sentence, `sources` are those to be named, each with what is to be said of it.
pub fn of_coverage(
    finding: &mut Finding,
    report: &Report,
    verdict: String,
    sources: &[(&SourceCoverage, Vec<String>)],
    zone: Zone,
) {
    let zone = zone_of(finding, zone);
    finding.summary.push(verdict);
    finding.summary.extend(report.damaged.iter().map(|damage| format!("Damaged: {damage}.")));
    let time = |time_us: Option<i64>| time_us.map_or_else(String::new, |time_us| Moment(time_us).to_second(zone));
    let is_remarked = sources.iter().any(|(_, remarks)| !remarks.is_empty());
    let rows = sources.iter().map(|(source, remarks)| {
        let mut row =
            vec![source.source.clone(), human::count(source.n_events), time(source.first_us), time(source.last_us)];
        row.extend(is_remarked.then(|| remarks.join("\n")));
        row
    });
    let mut columns = vec![("source", Text), ("events", Number), ("first", Short), ("last", Short)];
    columns.extend(is_remarked.then_some(("to be known", Text)));
    push(finding, "", &columns, rows.collect(), sources.len());
}

/// Patterns, as the command of that name yields them, for each value of the fields `by`.
pub fn of_patterns(finding: &mut Finding, rows: &Batch, by: &[String], zone: Zone) {
    let zone = zone_of(finding, zone);
    let time = |row: usize, name: &str| {
        let time_us = rows.value(row, name).as_number().and_then(from_seconds);
        time_us.map_or_else(String::new, |time_us| Moment(time_us).formatted("%Y-%m-%d\n%H:%M:%S", zone))
    };
    let row = |row: usize| -> Vec<String> {
        let text = |name: &str| rows.value(row, name).to_string();
        let count = rows.value(row, "count").as_number().unwrap_or(0.0) as u64;
        let share = text("percent").parse().map_or_else(|_| String::new(), |percent: f64| format!("{percent:.1} %"));
        let keys = by.iter().map(|name| text(name));
        let times = [time(row, "first_seen"), time(row, "last_seen")];
        keys.chain([human::count(count), share, text("pattern")]).chain(times).chain([text("example")]).collect()
    };
    let keys = by.iter().map(|name| (name.as_str(), Text));
    let columns =
        [("count", Number), ("share", Number), ("pattern", Line), ("first", Short), ("last", Short), ("example", Line)];
    let columns: Vec<_> = keys.chain(columns).collect();
    push(finding, "", &columns, (0..rows.len()).map(row).collect(), rows.len());
}

/// Adds a table, if it has rows.
fn push(
    finding: &mut Finding,
    title: &str,
    columns: &[(&str, trawl_evidence::ColumnKind)],
    rows: Vec<Vec<String>>,
    n: usize,
) {
    let n_rows_in_all = (n > rows.len()).then_some(n as u64);
    let table = Table { n_rows_in_all, ..Table::of_kinds(title, columns, rows) };
    finding.tables.extend((!table.rows.is_empty()).then_some(table));
}
