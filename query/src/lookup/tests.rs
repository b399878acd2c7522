//! A matcher finds what a scan of the table finds.

use super::matcher::Matcher;
use super::{LookupDefinition, MatchKind, Tables, TimeMatch};
use crate::glob::Glob;
use crate::net::Network;
use crate::testing::{context_with, options, write_table};
use crate::value::Value;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::sync::Arc;

/// The columns of the tables here.
const COLUMNS: [&str; 3] = ["word", "pattern", "net"];

/// The matcher of a table of lines `word, pattern, net, since`.
fn matcher(lines: &[[String; 4]], definition: &LookupDefinition, columns: &[String]) -> Arc<Matcher> {
    let mut options = options();
    let lookups = &mut Arc::make_mut(&mut options.knowledge).lookups;
    let text: String = lines.iter().map(|line| line.join(",") + "\n").collect();
    write_table(lookups.dir.as_deref().unwrap(), "t.csv", &format!("word,pattern,net,since\n{text}"));
    lookups.definitions.insert("t".to_owned(), definition.clone());
    Tables::default().matcher(&context_with(options), "lookup", "t", columns).unwrap()
}

/// Whether a cell matches one of the values.
fn cell_matches(cell: &str, kind: MatchKind, case_sensitive: bool, input: &Value) -> bool {
    let fold = |text: &str| if case_sensitive { text.to_owned() } else { text.to_lowercase() };
    !cell.is_empty()
        && input.each().iter().map(Value::to_string).any(|text| match kind {
            MatchKind::Exact => fold(&text) == fold(cell),
            MatchKind::Wildcard => Glob::new(&fold(cell)).matches(&fold(&text)),
            MatchKind::Cidr => match (Network::parse(cell), text.parse()) {
                (Some(network), Ok(address)) => network.contains(address),
                _ => cell == text && text.parse::<std::net::IpAddr>().is_ok(),
            },
        })
}

/// The lines that match, by looking at every line, and whether there are more than are used.
fn scan(
    lines: &[[String; 4]],
    definition: &LookupDefinition,
    columns: &[String],
    inputs: &[&Value],
    now: i64,
) -> (Vec<u32>, bool) {
    let mut found: Vec<u32> = (0..lines.len() as u32)
        .filter(|line| {
            columns.iter().zip(inputs).all(|(column, input)| {
                let place = COLUMNS.iter().position(|name| name == column).unwrap();
                let kind = definition.match_kind(column);
                cell_matches(&lines[*line as usize][place], kind, definition.case_sensitive, input)
            })
        })
        .collect();
    if let Some(time) = &definition.time {
        let since = |line: &u32| lines[*line as usize][3].parse::<i64>().ok();
        let range = now - time.max_offset_secs as i64..=now - time.min_offset_secs as i64;
        found.retain(|line| since(line).is_some_and(|since| range.contains(&since)));
        found.sort_by_key(|line| Reverse(since(line)));
    }
    let is_cut = found.len() > definition.max_matches();
    found.truncate(definition.max_matches());
    (found, is_cut)
}

fn cells() -> impl Strategy<Value = [String; 4]> {
    let word = "[abA]?";
    let pattern = "[abA*]{0,3}";
    let net = "|10\\.[01]\\.0\\.[01]|10\\.[01]\\.0\\.0/(0|8|15|16|24|32)|::1|::/0|::[12]/12[78]|bad";
    let since = "[0-9]|x|";
    (word, pattern, net, since).prop_map(|(word, pattern, net, since)| [word, pattern, net, since])
}

fn value() -> impl Strategy<Value = Value> {
    let text = "[abA]{0,2}|10\\.[012]\\.0\\.[01]|::[012]|bad";
    proptest::collection::vec(text, 0..3).prop_map(|texts| Value::multi(texts.into_iter().map(Value::from)))
}

fn definition() -> impl Strategy<Value = LookupDefinition> {
    let kind = proptest::sample::select(vec![MatchKind::Exact, MatchKind::Wildcard, MatchKind::Cidr]);
    let time = proptest::option::of((0..8_u64, 0..3_u64));
    (any::<bool>(), proptest::collection::vec(kind, 3), proptest::option::of(1..4_usize), time).prop_map(
        |(case_sensitive, kinds, max_matches, time)| LookupDefinition {
            case_sensitive,
            matches: COLUMNS.iter().map(|name| (*name).to_owned()).zip(kinds).collect(),
            max_matches,
            time: time.map(|(max_offset_secs, min_offset_secs)| TimeMatch {
                column: "since".to_owned(),
                format: None,
                max_offset_secs,
                min_offset_secs,
            }),
            ..LookupDefinition::of_file("t.csv")
        },
    )
}

proptest! {
    #[test]
    fn a_matcher_finds_what_a_scan_finds(
        lines in proptest::collection::vec(cells(), 0..24),
        definition in definition(),
        columns in proptest::sample::subsequence(COLUMNS.to_vec(), 1..=3),
        rows in proptest::collection::vec((proptest::collection::vec(value(), 3), 0..10_i64), 1..8),
    ) {
        let columns: Vec<String> = columns.into_iter().map(str::to_owned).collect();
        let matcher = matcher(&lines, &definition, &columns);
        let mut found = Vec::new();
        for (inputs, now) in &rows {
            let inputs: Vec<&Value> = inputs.iter().take(columns.len()).collect();
            let is_cut = matcher.find(&inputs, Some(now * 1_000_000), &mut found);
            let expected = scan(&lines, &definition, &columns, &inputs, *now);
            prop_assert_eq!((&found, is_cut), (&expected.0, expected.1), "{:?} at {}", inputs, now);
        }
    }
}

#[test]
fn a_table_is_read_and_indexed_once() {
    let options = options();
    let folder = options.knowledge.lookups.dir.clone().unwrap();
    let ctx = context_with(options);
    let columns = ["host".to_owned()];
    let find = || ctx.tables().matcher(&ctx, "lookup", "hosts", &columns).unwrap();
    let first = find();
    write_table(&folder, "hosts.csv", "changed\n");
    assert!(Arc::ptr_eq(&first, &find()));
    let by_owner = ctx.tables().matcher(&ctx, "lookup", "hosts.csv", &["owner".to_owned()]).unwrap();
    assert!(std::ptr::eq(first.table(), by_owner.table()));
    assert!(ctx.memory_bytes() >= first.bytes());
}
