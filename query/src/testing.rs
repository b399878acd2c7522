//! Checks that the tests of all commands share.

use crate::batch::{Batch, Fields, OrderKey};
use crate::command::{Command, FieldFormats, Flow};
use crate::context::Context;
use crate::knowledge::Knowledge;
use crate::lookup::Lookups;
use crate::run::SearchOptions;
use crate::run_over::run_commands;
use crate::time::TimeRange;
use crate::value::Value;
use crate::wanted::Wanted;
use compact_str::CompactString;
use std::path::Path;
use std::sync::Arc;

/// One row written as `name=value name="a value" name=[several,values]`.
pub fn row(text: &str) -> Batch {
    let mut rest = text.trim();
    let mut cells: Vec<(CompactString, Value)> = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').unwrap_or_else(|| panic!("no `=` in {rest}"));
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            let (value, after) = quoted.split_once('"').expect("a closing quote");
            (Value::from(value), after)
        } else if let Some(list) = after.strip_prefix('[') {
            let (list, after) = list.split_once(']').expect("a closing bracket");
            (Value::multi(list.split(',').map(Value::from)), after)
        } else {
            let end = after.find(' ').unwrap_or(after.len());
            (Value::from(&after[..end]), &after[end..])
        };
        cells.push((name.trim().into(), value));
        rest = after.trim_start();
    }
    let fields = Arc::new(Fields::new(cells.iter().map(|(name, _)| name.clone())));
    Batch::new(fields, cells.into_iter().map(|(_, value)| vec![value]).collect(), 1, None)
}

/// Rows, one on each line. A line of `-` is a row without fields.
pub fn rows(text: &str) -> Vec<Batch> {
    text.lines().filter(|line| !line.is_empty()).map(|line| row(if line == "-" { "" } else { line })).collect()
}

/// The rows as [`rows`] reads them, absent fields left out.
pub fn print(batch: &Batch) -> String {
    let mut lines = String::new();
    for index in 0..batch.len() {
        let cells: Vec<String> = batch
            .iter()
            .filter(|(_, column)| !column[index].is_null())
            .map(|(name, column)| format!("{name}={}", print_value(&column[index])))
            .collect();
        lines.push_str(if cells.is_empty() { "-" } else { "" });
        lines.push_str(&cells.join(" "));
        lines.push('\n');
    }
    lines.trim_end().to_owned()
}

fn print_value(value: &Value) -> String {
    match value {
        Value::Multi(values) => {
            format!("[{}]", values.iter().map(Value::to_string).collect::<Vec<_>>().join(","))
        }
        single => match single.to_string() {
            text if text.is_empty() || text.contains(' ') => format!("\"{text}\""),
            text => text,
        },
    }
}

/// The present of all tests: 2026-03-05 15:47:33 UTC, a Thursday.
pub const NOW_US: i64 = 1_772_725_653_000_000;

pub fn context() -> Context {
    context_with(options())
}

/// A context in which a search runs that was started with `options`.
pub fn context_with(options: SearchOptions) -> Context {
    let mut ctx = Context::of_search(&options, TimeRange::ALL, None);
    ctx.clock = Some(|| NOW_US + 250_000);
    ctx
}

/// What the searches of tests are started with: among others with the lookup tables of the manual.
pub fn options() -> SearchOptions {
    let knowledge = Knowledge { lookups: lookups(), ..Knowledge::default() };
    SearchOptions { knowledge: Arc::new(knowledge), ..SearchOptions::new(NOW_US) }
}

/// The tables that the manual pages speak of.
const TABLES: [(&str, &str); 1] = [("hosts.csv", "host,owner,room\ndb-01,anna,A1\ndb-02,ben,\ndb-02,carla,B2\n")];

/// A folder with the tables of the manual as they were at first. It belongs to this test alone and goes when the test's
/// thread ends.
pub fn lookups() -> Lookups {
    thread_local!(static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder"));
    let folder = FOLDER.with(|folder| folder.path().to_owned());
    for (name, text) in TABLES {
        write_table(&folder, name, text);
    }
    Lookups { dir: Some(folder), ..Lookups::default() }
}

/// Writes a file into the folder of lookup tables.
#[expect(clippy::disallowed_methods, reason = "tests set up the files that they speak of")]
pub fn write_table(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("the folder can be written");
}

/// Runs commands over rows that arrive in batches of `batch_rows`, the part up to the first transforming command on
/// `n_workers` operators that are then merged, the last one first.
pub fn execute(
    ctx: &Arc<Context>,
    commands: &[Box<dyn Command>],
    rows: &[Batch],
    batch_rows: usize,
    n_workers: usize,
) -> crate::error::Result<Batch> {
    let mut n_rows = 0;
    let batches = rows.chunks(batch_rows).map(|rows| {
        let mut batch = Batch::default();
        rows.iter().for_each(|row| batch.append(row.clone()));
        batch.set_order((n_rows..).take(batch.len()).map(OrderKey::sequence).collect());
        n_rows += batch.len() as u64;
        batch
    });
    run_commands(commands, batches, n_workers, ctx)
}

/// The result with the values that `fieldformat` shows.
fn as_printed(mut result: Batch, commands: &[Box<dyn Command>]) -> Batch {
    FieldFormats::of(commands).apply(&mut result, &context());
    result
}

pub fn commands(query: &str) -> Vec<Box<dyn Command>> {
    let text = format!("* | {query}");
    crate::parse(&text).unwrap_or_else(|error| panic!("{}", error.render(&text, false))).commands
}

/// `query` over `input` gives `expected`, however the rows are cut into batches and shared between workers.
#[track_caller]
pub fn check_rows(input: &str, query: &str, expected: &str) {
    check_rows_in(context, input, query, expected);
}

/// As [`check_rows`], in a context of its own.
#[track_caller]
pub fn check_rows_in(ctx: impl Fn() -> Context, input: &str, query: &str, expected: &str) {
    let commands = commands(query);
    let rows = rows(input);
    for batch_rows in [1, 2, 3, rows.len().max(1)] {
        for n_workers in [1, 2, 3] {
            let result = execute(&Arc::new(ctx()), &commands, &rows, batch_rows, n_workers).unwrap();
            let printed = print(&as_printed(result, &commands));
            assert_eq!(printed, expected.trim(), "{query}, {batch_rows} rows a batch, {n_workers} workers");
        }
        check_without_memory(ctx(), &commands, &rows, batch_rows, |result| {
            let printed = print(&as_printed(result, &commands));
            assert_eq!(printed, expected.trim(), "{query}, {batch_rows} rows a batch, without memory");
        });
    }
}

/// Checks what the commands yield where no state fits in memory, unless one of them says that it cannot go on.
fn check_without_memory(
    mut ctx: Context,
    commands: &[Box<dyn Command>],
    rows: &[Batch],
    batch_rows: usize,
    check: impl Fn(Batch),
) {
    ctx.limits.max_memory_bytes = 0;
    let ctx = Arc::new(ctx);
    match execute(&ctx, commands, rows, batch_rows, 2) {
        Err(error) if error.to_string().contains("max_memory_bytes") => {}
        result => check(result.unwrap()),
    }
    assert_eq!((ctx.memory_bytes(), ctx.disk_bytes()), (0, 0), "nothing is held after the end");
}

/// A query that makes its own rows gives `expected`.
#[track_caller]
pub fn check_generated(query: &str, expected: &str) {
    assert_eq!(print(&generated(query).unwrap()), expected.trim(), "{query}");
}

/// The rows of a query that makes them itself.
pub fn generated(query: &str) -> crate::error::Result<Batch> {
    generated_with(query, &options())
}

/// As [`generated`], started with `options`.
pub fn generated_with(query: &str, options: &SearchOptions) -> crate::error::Result<Batch> {
    let search = crate::Search::prepare(query, options);
    let mut rows = Batch::default();
    search.unwrap_or_else(|error| panic!("{}", error.render(query, false))).run_in(None, None, &mut |batch| {
        rows.append(batch);
        Ok(Flow::More)
    })?;
    Ok(rows)
}

/// As [`check_prints`], for commands that stand first.
#[track_caller]
pub fn check_generates_prints(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        let printed = crate::parse(&format!("| {query}")).unwrap().to_string();
        assert_eq!(printed, format!("| {expected}"), "{query}");
        assert_eq!(crate::parse(&printed).unwrap().to_string(), printed, "printing is stable");
    }
}

/// The names of the result's columns, also of empty ones.
#[track_caller]
pub fn check_columns(input: &str, query: &str, expected: &str) {
    let result = execute(&Arc::new(context()), &commands(query), &rows(input), 100, 1).unwrap();
    assert_eq!(result.fields().iter().collect::<Vec<_>>().join(" "), expected, "{query}");
}

/// Each command prints as said, and what is printed parses to the same command.
#[track_caller]
pub fn check_prints(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        let first = commands(query);
        let printed = first[0].to_string();
        assert_eq!(printed, *expected, "{query}");
        let again = commands(&printed);
        assert_eq!(again[0].to_string(), printed, "printing is stable");
        assert_eq!(without_spans(&format!("{:?}", again[0])), without_spans(&format!("{:?}", first[0])), "{query}");
    }
}

fn without_spans(debug: &str) -> String {
    regex::Regex::new(r"\b\d+\.\.\d+\b").expect("a valid pattern").replace_all(debug, "span").into_owned()
}

/// The command is refused, with the mark under `marked` and this message.
#[track_caller]
pub fn check_refused(query: &str, marked: &str, message: &str) {
    let text = format!("* | {query}");
    let error = crate::parse(&text).expect_err(query);
    assert_eq!((&text[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
}

/// What the command reads if `downstream` is read from it; `*` alone stands for all.
#[track_caller]
pub fn check_fields_read(query: &str, downstream: &[&str], expected: &str) {
    let downstream = if downstream == ["*"] { Wanted::All } else { Wanted::of(downstream.iter().copied()) };
    let read = commands(query).iter().rev().fold(downstream, |downstream, command| command.fields_read(&downstream));
    let printed = match read {
        Wanted::All => "*".to_owned(),
        Wanted::Only { names, globs } => {
            let globs: Vec<String> = globs.iter().map(ToString::to_string).collect();
            names.into_iter().chain(globs).collect::<Vec<_>>().join(" ")
        }
    };
    assert_eq!(printed, expected, "{query}");
}

/// The expression, computed for one row, prints so; null as `null`, unknown conditions too.
#[track_caller]
pub fn check_eval(fields: &str, expr: &str, expected: &str) {
    let mut cursor = crate::lexer::Cursor::new(expr, crate::span::Span::new(0, expr.len()));
    let expression =
        crate::expr::Expression::parse(&mut cursor).unwrap_or_else(|error| panic!("{}", error.render(expr, false)));
    assert!(cursor.at_end(), "{expr} goes on with {}", cursor.rest());
    let (batch, ctx) = (row(fields), context());
    let bound = expression.bind(&batch, &ctx);
    let printed = if expression.is_condition() {
        bound.truth(0).map_or("null".to_owned(), |truth| truth.to_string())
    } else {
        match &*bound.value(0) {
            Value::Null => "null".to_owned(),
            Value::Text(text) if text.is_empty() => "\"\"".to_owned(),
            value => value.to_string(),
        }
    };
    assert_eq!(printed, expected, "{expr} for {fields}");
}

/// The examples of a manual page: rows, a line `> query`, rows.
#[track_caller]
pub fn check_examples(name: &str, manual: &crate::manual::Manual) {
    let examples = manual.examples();
    assert!(!examples.is_empty(), "{name} has no example");
    for example in examples {
        let mut parts = example.splitn(2, "> ");
        let (input, rest) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_else(|| panic!("no query in {example}")));
        let (query, expected) = rest.split_once('\n').unwrap_or((rest, ""));
        if query.starts_with('|') {
            assert_eq!(input, "", "{name}: a query that makes its rows has no input");
            check_generated(query, expected);
        } else {
            check_rows(input, query, expected);
        }
    }
}
