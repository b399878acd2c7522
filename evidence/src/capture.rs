//! Searches as exhibits: run, and what they found kept with what they rest on.

use crate::Moment;
use crate::events::{EventStore, StoredEvents};
use crate::exhibit::{Chart, Citation, Exhibit, Kind, QueryRun, Range, Series, Table};
use std::borrow::Cow;
use trawl_formats::Zone;
use trawl_formats::visible::{clip, one_line};
use trawl_query::batch::Batch;
use trawl_query::engine::address::Address;
use trawl_query::engine::bytes;
use trawl_query::time::from_seconds;
use trawl_query::value::Value;
use trawl_query::wanted::Wanted;
use trawl_query::{Engine, Flow, QueryError, RunError, Search, SearchOptions, Summary};

/// Longest title that is made of a query, in characters.
const MAX_TITLE: usize = 80;
/// Most columns of a table that become lines of a chart.
const MAX_SERIES: usize = 40;

/// A search that cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// It is not valid.
    #[error("the query is not valid")]
    Query(#[from] QueryError),
    /// It failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Runs a search and keeps up to `n_kept` events or rows of what it finds. A search for events comes with a chart of how many
/// there were when, a table over time with one of its numbers.
///
/// # Errors
/// If it is not valid, or fails. One that was cut short by its deadline is kept, and says so.
pub fn search(
    engine: &Engine,
    query: &str,
    options: &SearchOptions,
    n_kept: usize,
    added: Moment,
) -> Result<Exhibit, CaptureError> {
    let prepared = Search::prepare(query, options)?;
    let has_events = prepared.yields_events();
    let title = one_line(&clip(query.trim(), MAX_TITLE));
    let mut exhibit = Exhibit::new(Kind::Search, title, added);
    let mut rows = Rows { zone: options.zone, n_kept, table: Table::default(), numbers: Vec::new(), n_rows: 0 };
    let summary = if has_events {
        let mut options = SearchOptions { limit: Some(n_kept), with_bytes: true, ..options.clone() };
        options.event_fields = Wanted::of(["_time", "host", "_addr", "_bytes"]);
        let mut take = |batch: Batch| {
            exhibit.events.extend((0..batch.len()).filter_map(|row| citation(&batch, row)));
            Ok(Flow::More)
        };
        let summary = Search::prepare(query, &options)?.run(engine, &mut take)?;
        exhibit.charts.extend(over_time(engine, prepared.canonical(), &options)?);
        exhibit.events.sort_by_key(|event| event.time);
        let mut stored = StoredEvents::new(engine)?;
        for event in &exhibit.events {
            if !exhibit.sources.iter().any(|known| known.is_of(&event.address)) {
                exhibit.sources.extend(stored.source_of(&event.address));
            }
        }
        summary
    } else {
        let mut take = |batch: Batch| {
            rows.take(&batch);
            Ok(Flow::More)
        };
        prepared.run(engine, &mut take)?
    };
    exhibit.queries.push(query_run(query, &summary, options));
    if !has_events {
        exhibit.charts.extend(rows.chart());
        let n_rows_in_all = (rows.n_rows > n_kept as u64).then_some(rows.n_rows);
        exhibit.tables.push(Table { n_rows_in_all, ..rows.table });
    }
    Ok(exhibit)
}

/// What is to be said about a search that has run.
pub fn query_run(query: &str, summary: &Summary, options: &SearchOptions) -> QueryRun {
    let coverage = summary.coverage.clone();
    QueryRun {
        query: query.trim().to_owned(),
        range: Range { earliest: coverage.earliest_us.map(Moment), latest: coverage.latest_us.map(Moment) },
        now: Moment(options.now_us),
        indexes: options.indexes.clone(),
        n_matched: summary.n_matched,
        n_rows: summary.n_rows,
        warnings: summary.warnings.clone(),
        incomplete: summary.incomplete.clone(),
        coverage,
    }
}

/// An event of an answer.
fn citation(batch: &Batch, row: usize) -> Option<Citation> {
    let address: Address = batch.value(row, "_addr").as_text()?.parse().ok()?;
    let bytes = bytes::from_value(batch.value(row, "_bytes")).map(Cow::into_owned)?;
    let time = batch.value(row, "_time").as_number().and_then(from_seconds).map(Moment);
    let host = batch.value(row, "host").as_text().unwrap_or_default().into_owned();
    Some(Citation { time, host, ..Citation::new(address, bytes) })
}

/// How many events a search finds when.
fn over_time(engine: &Engine, canonical: &str, options: &SearchOptions) -> Result<Option<Chart>, CaptureError> {
    let options = SearchOptions { limit: None, with_bytes: false, event_fields: Wanted::All, ..options.clone() };
    let counting = Search::prepare(&format!("{canonical} | timechart count"), &options)?;
    let mut rows = Rows { zone: options.zone, n_kept: 0, table: Table::default(), numbers: Vec::new(), n_rows: 0 };
    counting.run(engine, &mut |batch| {
        rows.take(&batch);
        Ok(Flow::More)
    })?;
    let chart = rows.chart();
    Ok(chart.map(|chart| Chart { title: "Matching events over time".to_owned(), unit: "events".to_owned(), ..chart }))
}

/// Rows of a table on their way into an exhibit.
struct Rows {
    zone: Zone,
    n_kept: usize,
    table: Table,
    /// Time and numbers of each row, by column of the table.
    numbers: Vec<(i64, Vec<Option<f64>>)>,
    n_rows: u64,
}

impl Rows {
    fn take(&mut self, batch: &Batch) {
        for name in batch.fields().iter().filter(|name| *name != "_bytes") {
            if !self.table.columns.iter().any(|known| known == name) {
                self.table.columns.push(name.to_owned());
                self.table.rows.iter_mut().for_each(|row| row.push(String::new()));
            }
        }
        for row in 0..batch.len() {
            let cells = || self.table.columns.iter().map(|name| (name, batch.value(row, name)));
            if self.table.rows.len() < self.n_kept {
                let cells = cells().map(|(name, value)| self.text(name, value)).collect();
                self.table.rows.push(cells);
            }
            if let Some(time_us) = batch.value(row, "_time").as_number().and_then(from_seconds) {
                let numbers = self.table.columns.iter().map(|name| batch.value(row, name).as_number()).collect();
                self.numbers.push((time_us, numbers));
            }
        }
        self.n_rows += batch.len() as u64;
    }

    fn text(&self, name: &str, value: &Value) -> String {
        let time = (name == "_time").then(|| value.as_number()).flatten().and_then(from_seconds);
        time.map_or_else(|| value.to_string(), |time_us| Moment(time_us).in_zone(self.zone))
    }

    /// The numbers over time, if every row has a time, in steps of one length, and there is nothing but numbers.
    fn chart(&self) -> Option<Chart> {
        let [(start, _), (second, _), ..] = &self.numbers[..] else { return None };
        let step_us = second - start;
        let is_regular = self.numbers.len() as u64 == self.n_rows
            && step_us > 0
            && self.numbers.windows(2).all(|pair| pair[1].0 > pair[0].0);
        let is_number =
            |column: &usize| self.numbers.iter().all(|(_, row)| row.get(*column).is_some_and(Option::is_some));
        let columns: Vec<usize> =
            (0..self.table.columns.len()).filter(|column| !self.table.columns[*column].starts_with('_')).collect();
        if !is_regular || columns.is_empty() || columns.len() > MAX_SERIES || !columns.iter().all(is_number) {
            return None;
        }
        // Months and days with a change of the clock are not all of one length: each value stands where its time is.
        let place = |time_us: i64| ((time_us - start) as f64 / step_us as f64).round() as usize;
        let n_steps = place(self.numbers.last()?.0) + 1;
        if n_steps > 100 * self.numbers.len() {
            return None;
        }
        let series = columns.iter().map(|column| {
            let mut values = vec![0.0; n_steps];
            self.numbers.iter().for_each(|(time_us, row)| values[place(*time_us)] = row[*column].unwrap_or(0.0));
            Series { name: self.table.columns[*column].clone(), values }
        });
        let series: Vec<Series> = series.collect();
        Some(Chart {
            title: match &series[..] {
                [one] => format!("{} over time", one.name),
                _ => "Over time".to_owned(),
            },
            unit: String::new(),
            start: Moment(*start),
            step_s: step_us as f64 / 1e6,
            series,
            marks: Vec::new(),
        })
    }
}
