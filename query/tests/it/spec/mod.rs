//! The language reference by its cases: what it shows or states, one case a line, by sections.
//!
//! Not here: the traps of section 13, which the crate tests beside its code (`trap_N_…`), and the examples of the manual
//! pages, which run as tests. The number in a test's name is that of the section.

mod combine;
mod eval_functions;
mod expressions;
mod extract;
mod fields;
mod generate;
mod lexical;
mod limits;
mod lookups;
mod search;
mod segmentation;
mod shape;
mod statistics;
mod stats_functions;
mod time;
mod values;

use std::fmt::Write;
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_query::context::Context;
use trawl_query::time::TimeRange;
use trawl_query::{Batch, Value};

/// The present of all cases: 2026-03-05 15:47:33 UTC, a Thursday.
const NOW_US: i64 = 1_772_725_653_000_000;

/// Rows, a query, and the rows that it makes of them. In rows, `[a,b]` are several values, what holds spaces is quoted in
/// either way, absent fields are left out, and a row without fields is `-`.
type Case<'c> = (&'c str, &'c str, &'c str);

/// Complains about all cases that fail together.
fn report(complaints: Vec<String>, n_cases: usize) {
    assert!(complaints.is_empty(), "{} of {n_cases} cases:\n\n{}", complaints.len(), complaints.join("\n\n"));
}

/// Each query makes the expected rows. One that begins with `|` has none to begin with.
#[track_caller]
fn rows(cases: &[Case<'_>]) {
    rows_in(Zone::UTC, cases);
}

/// As [`rows`], searched from another zone.
#[track_caller]
fn rows_in(zone: Zone, cases: &[Case<'_>]) {
    let mut complaints = Vec::new();
    for (input, query, expected) in cases {
        for (batch_rows, n_workers) in [(usize::MAX, 1), (1, 2)] {
            let found = run(zone, input, query, batch_rows, n_workers).map(|(batch, _)| print(&batch));
            let found = found.unwrap_or_else(|error| error);
            if found != expected.trim() {
                complaints.push(format!("{query}\nover\n{input}\nexpected\n{expected}\nfound\n{found}"));
                break;
            }
        }
    }
    report(complaints, cases.len());
}

/// Each query makes a table with these columns, also those without values.
#[track_caller]
fn columns(cases: &[Case<'_>]) {
    let mut complaints = Vec::new();
    for (input, query, expected) in cases {
        let found = run(Zone::UTC, input, query, usize::MAX, 1)
            .map_or_else(|error| error, |(batch, _)| batch.fields().iter().collect::<Vec<_>>().join(" "));
        if found != *expected {
            complaints.push(format!("{query}\nexpected {expected}\nfound    {found}"));
        }
    }
    report(complaints, cases.len());
}

/// Each query warns so.
#[track_caller]
fn warnings(cases: &[Case<'_>]) {
    let mut complaints = Vec::new();
    for (input, query, expected) in cases {
        let found =
            run(Zone::UTC, input, query, usize::MAX, 1).map_or_else(|error| error, |(_, warnings)| warnings.join("; "));
        if found != *expected {
            complaints.push(format!("{query}\nexpected {expected}\nfound    {found}"));
        }
    }
    report(complaints, cases.len());
}

/// A row, an expression, and what it prints; `null` where there is nothing.
#[track_caller]
fn values(cases: &[Case<'_>]) {
    values_in(Zone::UTC, cases);
}

/// As [`values`], searched from another zone.
#[track_caller]
fn values_in(zone: Zone, cases: &[Case<'_>]) {
    check_expressions(zone, cases, |expr| format!("eval result={expr}"));
}

/// A row, a condition, and whether it is `true`, `false` or `null`.
#[track_caller]
fn conditions(cases: &[Case<'_>]) {
    let query = |expr: &str| format!("eval result=case({expr}, \"true\", NOT ({expr}), \"false\", true(), \"null\")");
    check_expressions(Zone::UTC, cases, query);
}

fn check_expressions(zone: Zone, cases: &[Case<'_>], query: impl Fn(&str) -> String) {
    let mut complaints = Vec::new();
    for (row, expr, expected) in cases {
        let row = if row.is_empty() { "-" } else { row };
        let found = run(zone, row, &query(expr), usize::MAX, 1);
        let found = found.map_or_else(
            |error| error,
            |(batch, _)| match batch.value(0, "result") {
                Value::Null => "null".to_owned(),
                value => print_value(value),
            },
        );
        if found != *expected {
            complaints.push(format!("{expr} for {row}\nexpected {expected}\nfound    {found}"));
        }
    }
    report(complaints, cases.len());
}

/// Each query is refused before anything runs, and the message holds this.
#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    let mut complaints = Vec::new();
    for (query, expected) in cases {
        match trawl_query::parse(query) {
            Ok(pipeline) => complaints.push(format!("{query}\nis read as\n{pipeline}")),
            Err(error) => {
                let message = format!("{error} {}", error.hint.as_deref().unwrap_or_default());
                if !message.contains(expected) {
                    complaints.push(format!("{query}\nexpected {expected}\nfound    {message}"));
                }
            }
        }
    }
    report(complaints, cases.len());
}

/// Each query has this canonical text.
#[track_caller]
fn canonical(cases: &[(&str, &str)]) {
    let mut complaints = Vec::new();
    for (query, expected) in cases {
        let found =
            trawl_query::parse(query).map_or_else(|error| error.render(query, false), |pipeline| pipeline.to_string());
        if found != *expected {
            complaints.push(format!("{query}\nexpected {expected}\nfound    {found}"));
        }
    }
    report(complaints, cases.len());
}

/// The rows that a query makes, and its warnings.
fn run(
    zone: Zone,
    input: &str,
    query: &str,
    batch_rows: usize,
    n_workers: usize,
) -> Result<(Batch, Vec<String>), String> {
    let text = if query.starts_with('|') { query.to_owned() } else { format!("* | {query}") };
    let pipeline = trawl_query::parse(&text).map_err(|error| error.render(&text, false))?;
    let ctx = Arc::new(Context::new(NOW_US, zone, TimeRange::ALL));
    let rows: Vec<Batch> = input.lines().filter(|line| !line.trim().is_empty()).map(row).collect();
    let batches = rows.chunks(batch_rows.min(rows.len().max(1))).map(|rows| {
        let mut batch = Batch::default();
        rows.iter().for_each(|row| batch.append(row.clone()));
        batch
    });
    let result = pipeline.run_over(batches.collect(), n_workers, &ctx).map_err(|error| error.to_string())?;
    Ok((result, ctx.warnings().iter().map(ToString::to_string).collect()))
}

fn row(line: &str) -> Batch {
    let mut rest = line.trim().trim_start_matches('-');
    let mut columns: Vec<(&str, Vec<Value>)> = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').unwrap_or_else(|| panic!("no `=` in {rest}"));
        let quoted = |quote: char| after.strip_prefix(quote).and_then(|inside| inside.split_once(quote));
        let (value, after) = if let Some((inside, after)) = quoted('"').or_else(|| quoted('\'')) {
            (Value::from(inside.replace("\\n", "\n")), after)
        } else if let Some((inside, after)) = after.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
            (Value::multi(inside.split(',').map(Value::from)), after)
        } else {
            let end = after.find(' ').unwrap_or(after.len());
            (Value::from(&after[..end]), &after[end..])
        };
        columns.push((name.trim(), vec![value]));
        rest = after.trim_start();
    }
    Batch::from_columns(1, columns)
}

fn print(batch: &Batch) -> String {
    let mut lines: Vec<String> = Vec::new();
    for index in 0..batch.len() {
        let mut line = String::new();
        for (name, column) in batch.iter().filter(|(_, column)| !column[index].is_null()) {
            let space = if line.is_empty() { "" } else { " " };
            write!(line, "{space}{name}={}", print_value(&column[index])).expect("strings can be written");
        }
        lines.push(if line.is_empty() { "-".to_owned() } else { line });
    }
    lines.join("\n")
}

fn print_value(value: &Value) -> String {
    match value {
        Value::Multi(values) => format!("[{}]", values.iter().map(Value::to_string).collect::<Vec<_>>().join(",")),
        single => match single.to_string().replace('\n', "\\n") {
            text if text.contains('"') && text.contains(' ') => format!("'{text}'"),
            text if text.is_empty() || text.contains(' ') => format!("\"{text}\""),
            text => text,
        },
    }
}
