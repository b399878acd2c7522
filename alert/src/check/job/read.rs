//! Rows of a search as what AutoSys said.

use super::runs::{JobEvent, JobHistory, Said, histories};
use crate::check::report::Basis;
use crate::check::run::Bench;
use crate::check::search::{ask, basis};
use crate::check::{Check, Expected};
use crate::evaluate::{EvaluateError, seconds};
use chrono::NaiveDateTime;
use std::collections::{BTreeMap, BTreeSet};
use trawl_formats::Zone;
use trawl_query::time::to_utc;
use trawl_query::{Batch, SearchOptions, Value, Wanted};

/// Runs that began before the history and ended in it, in microseconds: a day.
const LEAD_US: i64 = 86_400_000_000;
/// What is read of each row.
const FIELDS: [&str; 14] = [
    "_time",
    "source",
    "job",
    "JOB",
    "status",
    "STATUS",
    "machine",
    "exitcode",
    "run",
    "message_id",
    "last_start",
    "last_end",
    "ntry",
    "pri_xit",
];

/// What is known of jobs.
#[derive(Clone, Debug, Default)]
pub struct JobNews {
    /// The runs of each job, by name.
    pub jobs: BTreeMap<String, JobHistory>,
    /// When AutoSys last said anything, of whatever job. Microseconds UTC.
    pub newest_us: Option<i64>,
    /// What that rests on.
    pub basis: Basis,
}

/// Reads what the jobs of a check need.
pub(in crate::check) fn read_for(check: &Check, bench: &Bench<'_>, now_us: i64) -> Result<JobNews, EvaluateError> {
    let jobs = check.expectations.iter().filter_map(|expectation| match &expectation.what {
        Expected::Job(wanted) => Some(wanted),
        _ => None,
    });
    let names: BTreeSet<&str> = jobs.clone().map(|wanted| wanted.name.as_str()).collect();
    let history_us = jobs.map(|wanted| wanted.history_us).max().unwrap_or(0);
    let names: Vec<&str> = names.into_iter().collect();
    read(check, bench, &names, (now_us.saturating_sub(history_us), now_us))
}

/// Reads what AutoSys said of jobs, by names that may hold `*`, in a range of time, microseconds UTC.
///
/// # Errors
/// If the search cannot be run, or its answer is not whole.
pub fn read(check: &Check, bench: &Bench<'_>, names: &[&str], range_us: (i64, i64)) -> Result<JobNews, EvaluateError> {
    let options = SearchOptions {
        earliest: Some(seconds(range_us.0.saturating_sub(LEAD_US))),
        latest: Some(seconds(range_us.1)),
        event_fields: Wanted::of(FIELDS),
        ..bench.options(check, range_us.1)
    };
    let is_any = names.contains(&"*");
    let of: Vec<String> = names.iter().map(|name| format!("job={0} OR JOB={0}", quoted(name))).collect();
    let filter = if is_any { String::new() } else { format!(" | search {}", of.join(" OR ")) };
    let answer = ask(bench, &format!("{}{filter}", check.autosys), &options)?;
    let newest = ask(bench, &format!("{} | stats max(_time) AS newest", check.autosys), &options)?;
    let newest_us = if newest.rows.is_empty() { None } else { time_us(newest.rows.value(0, "newest")) };
    Ok(JobNews { jobs: histories(events(&answer.rows, check.zone)), newest_us, basis: basis(&newest.summary) })
}

/// A text as a string of the language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The rows of a search, newest first as a search yields them, as what was said; the oldest first. Rows that say nothing of a job
/// are left out. Dates that `autorep` prints are read in `zone`.
pub fn events(rows: &Batch, zone: Zone) -> Vec<JobEvent> {
    let orders = date_orders(rows);
    (0..rows.len()).rev().filter_map(|row| event(rows, row, zone, &orders)).collect()
}

fn text(rows: &Batch, row: usize, fields: &[&str]) -> Option<String> {
    let texts = fields.iter().map(|field| rows.value(row, field).to_string());
    texts.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
}

fn event(rows: &Batch, row: usize, zone: Zone, orders: &BTreeMap<String, DateOrder>) -> Option<JobEvent> {
    let job = text(rows, row, &["job", "JOB"])?;
    let time = time_us(rows.value(row, "_time"))?;
    let status = text(rows, row, &["status", "STATUS"]);
    let machine = text(rows, row, &["machine"]);
    let run = text(rows, row, &["run"]);
    let said = match status {
        // A row of a table: a status of two letters.
        Some(status) if status.len() == 2 => {
            let order =
                text(rows, row, &["source"]).and_then(|source| orders.get(&source)).copied().unwrap_or_default();
            let date = |field: &str| date_us(&text(rows, row, &[field])?, order, zone);
            let number = run.filter(|run| run != "0");
            let exit_code = text(rows, row, &["pri_xit"]).and_then(|code| code.parse().ok());
            Said::Reported { status, start_us: date("last_start"), end_us: date("last_end"), run: number, exit_code }
        }
        Some(status) => {
            let exit_code = text(rows, row, &["exitcode"]).and_then(|code| code.parse().ok());
            Said::Status { status: status.to_ascii_uppercase(), machine, exit_code }
        }
        None => Said::Connected { run: run?, machine },
    };
    Some(JobEvent { time_us: time, job, said })
}

fn time_us(value: &Value) -> Option<i64> {
    value.as_number().map(|seconds| (seconds * 1e6).round() as i64)
}

/// Whether the month or the day comes first in a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum DateOrder {
    /// `11/20/2026`.
    #[default]
    MonthFirst,
    /// `20/11/2026`.
    DayFirst,
}

/// How each source writes dates: with the month first, unless a date in it makes no sense so, or lies a day and more after the
/// report that it stands in, and does not with the day first.
fn date_orders(rows: &Batch) -> BTreeMap<String, DateOrder> {
    let mut orders = BTreeMap::new();
    for row in 0..rows.len() {
        let Some(report_us) = time_us(rows.value(row, "_time")) else { continue };
        let dates = ["last_start", "last_end"].into_iter().filter_map(|field| text(rows, row, &[field]));
        let makes_sense = |date: &str, order| {
            date_us(date, order, Zone::UTC).is_some_and(|us| us <= report_us.saturating_add(LEAD_US))
        };
        let is_day_first = dates
            .into_iter()
            .any(|date| !makes_sense(&date, DateOrder::MonthFirst) && makes_sense(&date, DateOrder::DayFirst));
        if let (true, Some(source)) = (is_day_first, text(rows, row, &["source"])) {
            orders.insert(source, DateOrder::DayFirst);
        }
    }
    orders
}

fn date_us(date: &str, order: DateOrder, zone: Zone) -> Option<i64> {
    let formats = match order {
        DateOrder::MonthFirst => ["%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"],
        DateOrder::DayFirst => ["%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"],
    };
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(date, format).ok())?;
    to_utc(local, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    /// Rows of fields, the newest first.
    fn rows(rows: &[&[(&str, &str)]]) -> Batch {
        let columns = FIELDS.iter().map(|field| {
            let cell = |row: &&[(&str, &str)]| {
                let value = row.iter().find(|(name, _)| name == field).map(|(_, value)| *value);
                match (value, *field) {
                    (Some(time), "_time") => Value::from(us(time) as f64 / 1e6),
                    (Some(text), _) => text.into(),
                    (None, _) => Value::Null,
                }
            };
            (*field, rows.iter().map(cell).collect())
        });
        Batch::from_columns(rows.len(), columns)
    }

    #[test]
    fn rows_of_the_log_are_events() {
        let batch = rows(&[
            &[
                ("_time", "2026-11-20T14:05:02Z"),
                ("job", "A"),
                ("status", "FAILURE"),
                ("exitcode", "3"),
                ("machine", "b"),
            ],
            &[("_time", "2026-11-20T14:05:01Z"), ("job", "A"), ("run", "1.2.1"), ("message_id", "CAUAJM_I_10082")],
            &[("_time", "2026-11-20T14:05:00Z"), ("JOB", "A"), ("STATUS", "STARTING")],
            &[("_time", "2026-11-20T14:04:00Z"), ("status", "STARTING")],
        ]);
        let events = events(&batch, Zone::UTC);
        assert_eq!(events.len(), 3, "a row without a job says nothing");
        assert_eq!(events[0].time_us, us("2026-11-20T14:05:00Z"));
        assert_eq!(events[1].said, Said::Connected { run: "1.2.1".to_owned(), machine: None });
        let failed = Said::Status { status: "FAILURE".to_owned(), machine: Some("b".to_owned()), exit_code: Some(3) };
        assert_eq!(events[2].said, failed);
    }

    #[test]
    fn dates_of_reports_are_read_as_they_are_meant() {
        let start = |source: &str, time: &str, dates: &[&str]| {
            let fields: Vec<Vec<(&str, &str)>> = dates
                .iter()
                .map(|date| {
                    vec![("_time", time), ("source", source), ("job", "A"), ("status", "SU"), ("last_start", *date)]
                })
                .collect();
            let fields: Vec<&[(&str, &str)]> = fields.iter().map(Vec::as_slice).collect();
            let said = events(&rows(&fields), "Europe/Berlin".parse().unwrap()).pop().unwrap().said;
            let Said::Reported { start_us, .. } = said else { panic!("{said:?} is no row of a report") };
            start_us
        };
        let november = "2026-11-21T00:00:00Z";
        assert_eq!(start("a", november, &["11/20/2026 14:00:03"]), Some(us("2026-11-20T14:00:03+01:00")));
        assert_eq!(start("a", november, &["20/11/2026 14:00"]), Some(us("2026-11-20T14:00:00+01:00")));
        // One date that only makes sense with the day first says how the others are meant.
        assert_eq!(
            start("a", november, &["02/11/2026 14:00:00", "20/11/2026 14:00:00"]),
            Some(us("2026-11-02T14:00:00+01:00"))
        );
        assert_eq!(start("a", november, &["02/11/2026 14:00:00"]), Some(us("2026-02-11T14:00:00+01:00")));
        // Read with the month first it would be of the future.
        let early = "2026-03-05T00:00:00Z";
        assert_eq!(start("a", early, &["04/03/2026 22:00:00"]), Some(us("2026-03-04T22:00:00+01:00")));
    }
}
