//! The language: what is printed reads back as the same, and errors point into the text.

use crate::NOW_US;
use crate::input::Input;
use regex::Regex;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};
use trawl_formats::Zone;
use trawl_query::batch::Batch;
use trawl_query::command::Command;
use trawl_query::context::Context;
use trawl_query::knowledge::{Macro, Tag};
use trawl_query::time::TimeRange;
use trawl_query::{Knowledge, Pipeline, QueryError, SavedSearch, Search, SearchOptions, Value, parse, parse_with};

/// The text of a query is refused with a mark inside of it, or reads as a pipeline that its printed form reads as too.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let knowledge = knowledge();
    let pipeline = match parse_with(&text, &knowledge) {
        Ok(pipeline) => pipeline,
        Err(error) => return check_error(&error, &text),
    };
    let printed = pipeline.to_string();
    let again = parse_with(&printed, &knowledge).unwrap_or_else(|error| panic!("{}", error.render(&printed, false)));
    assert_eq!(again.to_string(), printed, "printing is stable");
    assert_eq!(without_spans(&again), without_spans(&pipeline), "{printed}");
    match Search::prepare(&text, &SearchOptions { knowledge: knowledge.into(), ..SearchOptions::new(NOW_US) }) {
        Ok(search) => drop((search.highlights(), format!("{search:?}"))),
        Err(error) => check_error(&error, &text),
    }
}

/// Macros that take parts of every kind, one that calls itself, and one of each other name.
fn knowledge() -> Knowledge {
    let macros = [
        ("word", vec![], "error"),
        ("stage", vec![], "search a=b | head 3"),
        ("two", vec!["x", "y"], "$x$ OR field=\"$y$\""),
        ("loop", vec![], "`loop`"),
        ("open", vec![], "(a \"b"),
    ];
    let named = |(name, parameters, definition): (&str, Vec<&str>, &str)| {
        let parameters: Vec<String> = parameters.into_iter().map(str::to_owned).collect();
        ((name.to_owned(), parameters.len()), Macro { parameters, definition: definition.to_owned() })
    };
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let saved = |name: &str, text: &str| (name.to_owned(), SavedSearch::new(text));
    Knowledge {
        macros: macros.into_iter().map(named).collect(),
        event_types: [pair("login", "sshd accepted"), pair("loop", "eventtype=loop")].into(),
        tags: vec![Tag { name: "prod".to_owned(), field: "host".to_owned(), value: "web*".to_owned() }],
        saved_searches: [saved("errors", "error $x$ | stats count"), saved("loop", "| savedsearch loop")].into(),
        ..Knowledge::default()
    }
}

fn check_error(error: &QueryError, text: &str) {
    assert!(text.get(error.span.range()).is_some(), "{:?} is no part of {text:?}", error.span);
    let rendered = error.render(text, false);
    assert!(rendered.starts_with("error: "), "{rendered}");
}

fn parse_printed(printed: &str) -> Pipeline {
    parse(printed).unwrap_or_else(|error| panic!("{}", error.render(printed, false)))
}

/// What was parsed, apart from where it stood and the text of the query itself.
fn without_spans(pipeline: &impl Debug) -> String {
    static SPAN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"\b\d+\.\.\d+\b|, text: "(?:[^"\\]|\\.)*""#).expect("a valid pattern"));
    SPAN.replace_all(&format!("{pipeline:?}"), "span").into_owned()
}

/// The first line is an expression, those behind are the values of fields of one row: `eval` and `where` give the same as
/// the printed form of the expression does.
pub fn eval(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let expression = input.text_line();
    let row = row(&mut input);
    for text in [format!("* | eval x={expression}"), format!("* | where {expression}")] {
        let Ok(pipeline) = parse(&text) else { continue };
        // What goes on behind another pipe or in brackets needs a store.
        let needs_store =
            |command: &dyn Command| !command.inline_subsearches().is_empty() || !command.subsearches().is_empty();
        if pipeline.commands.len() != 1 || needs_store(&*pipeline.commands[0]) {
            continue;
        }
        let printed = pipeline.to_string();
        assert_eq!(run(&pipeline, &row), run(&parse_printed(&printed), &row), "{text} printed as {printed}");
    }
}

/// A row with the fields `a` to `d`, the last one with all values that are left, and a time.
fn row(input: &mut Input<'_>) -> Batch {
    let mut columns = vec![("_time", Value::number(NOW_US as f64 / 1e6))];
    columns.extend(["a", "b", "c"].map(|name| (name, Value::from(input.text_line()))));
    let mut values = Vec::new();
    while !input.is_empty() {
        values.push(Value::from(input.text_line()));
    }
    columns.push(("d", Value::multi(values)));
    Batch::from_columns(1, columns.into_iter().map(|(name, value)| (name, vec![value])))
}

/// The rows that the commands make of `row`, or the limit they hit.
fn run(pipeline: &Pipeline, row: &Batch) -> Result<Vec<Batch>, String> {
    let ctx = Arc::new(Context::new(NOW_US, Zone::UTC, TimeRange::ALL));
    let mut batches = vec![row.clone()];
    for command in &pipeline.commands {
        let mut operator = command.start(&ctx);
        let mut output = Vec::new();
        for batch in batches {
            operator.push(batch, &mut |batch| output.push(batch)).map_err(|error| error.to_string())?;
        }
        operator.finish(&mut |batch| output.push(batch)).map_err(|error| error.to_string())?;
        batches = output;
    }
    Ok(batches)
}
