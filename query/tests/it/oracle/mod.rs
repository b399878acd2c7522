//! The oracle of the language: a naive interpreter, written from the language reference alone, against the real executor.
//!
//! Tables and queries are generated; the number of pairs comes from `TRAWL_ORACLE_PAIRS`. Each query runs over several cuts
//! of its table into batches and over several workers; every third one also with no memory at all, where state goes to disk.

mod cell;
mod clock;
mod combine;
mod commands;
mod digest;
mod expressions;
mod generate;
mod language;
mod random;
mod series;
mod tables;
mod values;

use cell::{Cell, Row};
use random::Random;
use std::collections::BTreeSet;
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_query::context::Context;
use trawl_query::time::TimeRange;
use trawl_query::{Batch, Limits, RunError, Value};

const DEFAULT_PAIRS: u64 = 5_000;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is its own command line")]
fn the_executor_agrees_with_the_reference() {
    let n_pairs = match std::env::var("TRAWL_ORACLE_PAIRS") {
        Ok(text) => text.parse().expect("TRAWL_ORACLE_PAIRS is a number"),
        Err(_) => DEFAULT_PAIRS,
    };
    let failures: Vec<String> = (0..n_pairs).filter_map(|seed| check(seed).err()).take(5).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs one pair. Everything about it follows from the seed, so a failure repeats with it alone.
fn check(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let rows = generate::table(&mut random);
    let query = generate::query(&mut random);
    let text = query.write(&mut random);
    let pipeline = trawl_query::parse(&text).map_err(|error| format!("seed {seed}: {}", error.render(&text, false)))?;
    let expected = commands::run(&query, &rows);
    let with_memory = [(usize::MAX, 1), (1, 1), (2, 3), (3, 2)].map(|run| (run, Limits::default().max_memory_bytes));
    let without_memory = [((1, 2), 0), ((2, 3), 0)].into_iter().take(if seed.is_multiple_of(3) { 2 } else { 0 });
    for ((batch_rows, n_workers), max_memory_bytes) in with_memory.into_iter().chain(without_memory) {
        let mut ctx = Context::new(0, Zone::UTC, TimeRange::ALL);
        ctx.limits.max_memory_bytes = max_memory_bytes;
        let ctx = Arc::new(ctx);
        let batches = rows.chunks(batch_rows.min(rows.len().max(1))).map(batch_of).collect();
        let result = match pipeline.run_over(batches, n_workers, &ctx) {
            // Not every command can go on with temporary files.
            Err(RunError::Limit { limit: "max_memory_bytes", .. }) if max_memory_bytes == 0 => continue,
            result => result.expect("no limit is reached"),
        };
        if let Some(complaint) = difference(&query, &expected, &result) {
            return Err(format!(
                "seed {seed}, {batch_rows} rows a batch, {n_workers} workers, {max_memory_bytes} bytes: {complaint}\n{text}\nover\n{}expected\n{}found\n{}",
                print(&rows),
                print(&expected),
                print(&(0..result.len()).map(|row| row_of(&result, row)).collect::<Vec<_>>())
            ));
        }
    }
    Ok(())
}

/// What is wrong with the result, if something is.
fn difference(query: &language::Query, expected: &[Row], result: &Batch) -> Option<String> {
    if expected.len() != result.len() {
        return Some(format!("{} rows instead of {}", result.len(), expected.len()));
    }
    for (index, expected) in expected.iter().enumerate() {
        let found = row_of(result, index);
        let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        for name in names {
            let (expected, found) = (cell::get(expected, name), cell::get(&found, name));
            if !agree(&expected, &found) {
                return Some(format!("row {index}, {name} is {found:?} instead of {expected:?}"));
            }
        }
    }
    let columns: Vec<&str> = result.fields().iter().collect();
    let wanted = query.columns()?;
    (!result.is_empty() && columns != wanted).then(|| format!("the columns are {columns:?} instead of {wanted:?}"))
}

/// Whether both print alike; computed numbers may differ in their last digits.
fn agree(expected: &Cell, found: &Cell) -> bool {
    match (expected, found) {
        (Cell::Null, _) | (_, Cell::Null) => expected == found,
        (Cell::Many(expected), Cell::Many(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(expected, found)| agree(expected, found))
        }
        (Cell::Number(number), found) => {
            let close = |found: f64| (found - number).abs() <= 1e-6_f64.min(number.abs() * 1e-7).max(1e-12);
            found.as_number().is_some_and(close)
        }
        _ => expected.print() == found.print() && expected.singles().len() == found.singles().len(),
    }
}

/// Rows as a batch with a column for every field that the table may have.
fn batch_of(rows: &[Row]) -> Batch {
    let names = ["_time", "_raw", "a", "b", "g", "n", "x"];
    let columns = names.map(|name| (name, rows.iter().map(|row| value_of(&cell::get(row, name))).collect()));
    Batch::from_columns(rows.len(), columns)
}

fn value_of(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) => Value::from(text.as_str()),
        Cell::Number(number) => Value::from(*number),
        Cell::Many(cells) => Value::multi(cells.iter().map(value_of)),
    }
}

fn row_of(batch: &Batch, row: usize) -> Row {
    let cells = batch.iter().map(|(name, column)| (name.to_owned(), cell_of(&column[row])));
    cells.filter(|(_, cell)| !cell.is_null()).collect()
}

fn cell_of(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Text(text) => Cell::text(text),
        Value::Number(number) => Cell::Number(*number),
        Value::Multi(values) => Cell::Many(values.iter().map(cell_of).collect()),
    }
}

fn print(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|(name, cell)| format!("{name}={:?}", cell.print())).collect();
        text.push_str(&format!("  {}\n", cells.join(" ")));
    }
    text
}
