//! The reference of searches and commands: chapters 3, 4, 10 and 11 of the language reference, one row at a time.

use super::cell::{Cell, Row, get, glob_matches, mixed_order, number_of, set, total_order};
use super::expressions::{truth, value};
use super::language::{Aggregate, Argument, Op, Query, Search, SortKey, Stage};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The rows that a query makes of these.
pub fn run(query: &Query, rows: &[Row]) -> Vec<Row> {
    let found = rows.iter().filter(|row| matches(&query.search, row)).cloned().collect();
    query.stages.iter().fold(found, |rows, stage| apply(stage, rows))
}

pub fn apply(stage: &Stage, mut rows: Vec<Row>) -> Vec<Row> {
    match stage {
        Stage::Values(stage) => return stage.apply(rows),
        Stage::Tables(stage) => return stage.apply(rows),
        Stage::Series(stage) => return stage.apply(rows),
        Stage::Combine(stage) => return stage.apply(rows),
        Stage::Search(search) => rows.retain(|row| matches(search, row)),
        Stage::Where(condition) => rows.retain(|row| truth(condition, row) == Some(true)),
        Stage::Eval(assignments) => {
            for row in &mut rows {
                for (name, expr) in assignments {
                    let cell = value(expr, row);
                    set(row, name, cell);
                }
            }
        }
        Stage::Fields { remove, list } => {
            let is_listed = |name: &str| list.iter().any(|pattern| names(pattern, name));
            rows.iter_mut().for_each(|row| {
                row.retain(|name, _| if *remove { !is_listed(name) } else { name.starts_with('_') || is_listed(name) });
            });
        }
        Stage::Table(list) => {
            rows.iter_mut().for_each(|row| row.retain(|name, _| list.iter().any(|pattern| names(pattern, name))));
        }
        Stage::Rename(pairs) => {
            rows.iter_mut().for_each(|row| pairs.iter().for_each(|(old, new)| rename(row, old, new)))
        }
        Stage::Stats { aggregates, by } => return stats(aggregates, by, &rows),
        Stage::Frequency { rare, limit, fields, by, percent, other } => {
            return frequency(*rare, *limit, fields, by, *percent, *other, &rows);
        }
        Stage::Sort { limit, keys, reversed } => {
            sort(&mut rows, keys, *reversed);
            if *limit > 0 {
                rows.truncate(*limit);
            }
        }
        Stage::Head { limit, condition, keep_last, null_is_true } => {
            if let Some(condition) = condition {
                let ends = |row: &Row| !truth(condition, row).unwrap_or(*null_is_true);
                if let Some(end) = rows.iter().position(ends) {
                    rows.truncate(end + usize::from(*keep_last));
                }
            }
            match (limit, condition) {
                (Some(limit), _) => rows.truncate(*limit),
                (None, None) => rows.truncate(10),
                (None, Some(_)) => {}
            }
        }
        Stage::Tail(n) => {
            rows.reverse();
            rows.truncate(*n);
        }
        Stage::Reverse => rows.reverse(),
        Stage::Dedup { n, list, keep_events, keep_empty, consecutive, sort_by } => {
            sort(&mut rows, sort_by, false);
            return dedup(*n, list, *keep_events, *keep_empty, *consecutive, rows);
        }
    }
    rows
}

/// Whether a name in a list, maybe with wildcards, means the field. A wildcard does not match internal fields.
fn names(pattern: &str, name: &str) -> bool {
    match pattern.contains('*') {
        false => pattern == name,
        true if name.starts_with('_') && !pattern.starts_with('_') => false,
        // Field names are case-sensitive, also here.
        true => {
            let (start, end) = pattern.split_once('*').expect("one wildcard");
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

fn rename(row: &mut Row, old: &str, new: &str) {
    if !old.contains('*') {
        let cell = row.remove(old).unwrap_or(Cell::Null);
        return set(row, new, cell);
    }
    let prefix = old.trim_end_matches('*');
    let renamed: Vec<String> = row.keys().filter(|name| names(old, name)).cloned().collect();
    for name in renamed {
        let cell = row.remove(&name).expect("the field is there");
        set(row, &new.replace('*', &name[prefix.len()..]), cell);
    }
}

// Search

fn matches(search: &Search, row: &Row) -> bool {
    let any_value = |field: &str, passes: &dyn Fn(&str) -> bool| {
        get(row, field).singles().iter().any(|single| passes(&single.print()))
    };
    match search {
        Search::All => true,
        Search::And(operands) => operands.iter().all(|operand| matches(operand, row)),
        Search::Or(operands) => operands.iter().any(|operand| matches(operand, row)),
        Search::Not(operand) => !matches(operand, row),
        Search::Exists(field) => row.contains_key(field),
        Search::In(field, values) => any_value(field, &|text| values.iter().any(|value| glob_matches(value, text))),
        Search::Compare(field, op, wanted) => any_value(field, &|text| match op {
            Op::Eq => glob_matches(wanted, text),
            Op::Ne => !glob_matches(wanted, text),
            op => op.holds(match (number_of(text), number_of(wanted)) {
                (Some(found), Some(wanted)) => found.partial_cmp(&wanted).expect("finite numbers"),
                _ => text.cmp(wanted),
            }),
        }),
        Search::Word(word) => match get(row, "_raw") {
            Cell::Null => {
                let fields = row.keys().filter(|name| !name.starts_with('_'));
                fields.into_iter().any(|field| any_value(field, &|text| holds_word(text, word)))
            }
            raw => holds_word(&raw.print(), word),
        },
    }
}

/// Whether one of the tokens or their pieces is the word.
fn holds_word(text: &str, word: &str) -> bool {
    let mut tokens = text.split(|c: char| c.is_whitespace() || "[]<>(){}|!;,'\"*&?+".contains(c));
    tokens.any(|token| {
        let mut pieces = token.split(|c| "/:=@.-$#%\\_".contains(c));
        glob_matches(word, token) || pieces.any(|piece| glob_matches(word, piece))
    })
}

// Order

fn sort(rows: &mut [Row], keys: &[SortKey], reversed: bool) {
    rows.sort_by(|a, b| {
        let by_key = |key: &SortKey| {
            let [a, b] = [a, b].map(|row| sort_cell(&get(row, &key.field), key.kind));
            match (&a, &b) {
                // Null is last whatever the direction.
                (Cell::Null, _) | (_, Cell::Null) => mixed_order(&a, &b),
                _ if key.descending != reversed => order_of(&b, &a, key.kind),
                _ => order_of(&a, &b, key.kind),
            }
        };
        keys.iter().map(by_key).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    });
}

/// The cell as it is sorted: several values as their text, with `num` what is no number as null.
fn sort_cell(cell: &Cell, kind: &str) -> Cell {
    match cell {
        Cell::Null => Cell::Null,
        cell if kind == "num" => cell.as_number().map_or(Cell::Null, Cell::Number),
        cell => Cell::Text(cell.print()),
    }
}

fn order_of(a: &Cell, b: &Cell, kind: &str) -> Ordering {
    if kind == "str" { a.print().cmp(&b.print()) } else { mixed_order(a, b) }
}

fn dedup(
    n: usize,
    list: &[String],
    keep_events: bool,
    keep_empty: bool,
    consecutive: bool,
    rows: Vec<Row>,
) -> Vec<Row> {
    let mut kept = Vec::new();
    // For each combination how often it was there; with `consecutive` only the last one counts.
    let mut seen: Vec<(Vec<String>, usize)> = Vec::new();
    for mut row in rows {
        if list.iter().any(|field| !row.contains_key(field)) {
            if keep_empty || keep_events {
                kept.push(row);
            }
            continue;
        }
        let key: Vec<String> = list.iter().map(|field| get(&row, field).print()).collect();
        if consecutive && seen.last().is_some_and(|(last, _)| *last != key) {
            seen.clear();
        }
        let count = match seen.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                seen.push((key, 1));
                1
            }
        };
        if count > n {
            if !keep_events {
                continue;
            }
            list.iter().for_each(|field| set(&mut row, field, Cell::Null));
        }
        kept.push(row);
    }
    kept
}

// Statistics

/// The combinations of single values of fields; none if one of them is null. A value that a field has twice counts once:
/// no row is in a group more than once.
pub fn combinations(row: &Row, fields: &[String]) -> Vec<Vec<Cell>> {
    fields.iter().fold(vec![vec![]], |keys, field| {
        let mut singles = get(row, field).singles();
        singles.sort_by_key(Cell::print);
        singles.dedup_by_key(|single| single.print());
        keys.iter()
            .flat_map(|key| singles.iter().map(|single| [&key[..], std::slice::from_ref(single)].concat()))
            .collect()
    })
}

pub fn print_key(key: &[Cell]) -> Vec<String> {
    key.iter().map(Cell::print).collect()
}

/// Rows by key, in the order of their keys.
pub fn groups<'r>(rows: &'r [Row], by: &[String]) -> Vec<(Vec<Cell>, Vec<&'r Row>)> {
    let mut groups: Vec<(Vec<Cell>, Vec<&Row>)> = Vec::new();
    for row in rows {
        for key in combinations(row, by) {
            match groups.iter_mut().find(|(known, _)| print_key(known) == print_key(&key)) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((key, vec![row])),
            }
        }
    }
    if by.is_empty() && groups.is_empty() {
        groups.push((vec![], vec![]));
    }
    groups.sort_by(|(a, _), (b, _)| {
        let orders = a.iter().zip(b).map(|(a, b)| total_order(a, b));
        orders.into_iter().find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    });
    groups
}

fn stats(aggregates: &[Aggregate], by: &[String], rows: &[Row]) -> Vec<Row> {
    let line = |(key, rows): (Vec<Cell>, Vec<&Row>)| {
        let mut line = Row::new();
        by.iter().zip(key).for_each(|(field, cell)| set(&mut line, field, cell));
        for aggregate in aggregates {
            set(&mut line, &aggregate.name, compute(aggregate, &rows));
        }
        line
    };
    groups(rows, by).into_iter().map(line).collect()
}

pub fn compute(aggregate: &Aggregate, rows: &[&Row]) -> Cell {
    // The values with the times of their rows.
    let mut values: Vec<(Cell, f64)> = Vec::new();
    for row in rows {
        let cell = match &aggregate.argument {
            Argument::Rows => Cell::text("a row"),
            Argument::Field(field) => get(row, field),
            Argument::Eval(condition) if aggregate.function == "count" => match truth(condition, row) {
                Some(true) => Cell::text("true"),
                _ => Cell::Null,
            },
            Argument::Eval(expr) => value(expr, row),
        };
        let time = get(row, "_time").as_number().unwrap_or(f64::NAN);
        values.extend(cell.singles().into_iter().map(|single| (single, time)));
    }
    let cells: Vec<Cell> = values.iter().map(|(cell, _)| cell.clone()).collect();
    let mut numbers: Vec<f64> = cells.iter().filter_map(Cell::as_number).collect();
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len() as f64;
    let sum: f64 = numbers.iter().sum();
    let numeric = |result: f64| if numbers.is_empty() { Cell::Null } else { Cell::number(result) };
    let percentile = |percent: f64| {
        let rank = (n - 1.0) * percent / 100.0;
        let (low, high) = (numbers[rank.floor() as usize], numbers[rank.ceil() as usize]);
        Cell::number(low + (high - low) * rank.fract())
    };
    // Of one value, as Splunk has it: 0.
    let variance = || numbers.iter().map(|number| (number - sum / n).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let mut distinct = cells.clone();
    distinct.sort_by_key(Cell::print);
    distinct.dedup_by_key(|cell| cell.print());
    let mut ordered = cells.clone();
    ordered.sort_by(total_order);
    let by_time = |wanted: fn(&f64, &f64) -> bool| {
        let best = values.iter().reduce(|best, next| if wanted(&next.1, &best.1) { next } else { best });
        best.map_or(Cell::Null, |(cell, _)| cell.clone())
    };
    match aggregate.function {
        "count" => Cell::Number(cells.len() as f64),
        "dc" => Cell::Number(distinct.len() as f64),
        "sum" => numeric(sum),
        "avg" => numeric(sum / n),
        "sumsq" => numeric(numbers.iter().map(|number| number * number).sum()),
        "range" => numeric(numbers.last().unwrap_or(&0.0) - numbers.first().unwrap_or(&0.0)),
        "median" | "p50" if numbers.is_empty() => Cell::Null,
        "median" | "p50" => percentile(50.0),
        "perc90" if numbers.is_empty() => Cell::Null,
        "perc90" => percentile(90.0),
        "var" => numeric(variance()),
        "stdev" => numeric(variance().sqrt()),
        "min" => ordered.first().cloned().unwrap_or(Cell::Null),
        "max" => ordered.last().cloned().unwrap_or(Cell::Null),
        "values" => Cell::many(distinct),
        "list" => Cell::many(cells.into_iter().take(100).collect()),
        "first" => cells.first().cloned().unwrap_or(Cell::Null),
        "last" => cells.last().cloned().unwrap_or(Cell::Null),
        // The stream begins with the newest: of equal times the last one is the earliest.
        "earliest" => by_time(|next, best| next <= best),
        "latest" => by_time(|next, best| next > best),
        other => panic!("the reference does not know {other}"),
    }
}

fn frequency(
    rare: bool,
    limit: usize,
    fields: &[String],
    by: &[String],
    percent: bool,
    other: bool,
    rows: &[Row],
) -> Vec<Row> {
    let mut lines = Vec::new();
    // Counted are combinations of the BY fields and the fields; those of one BY group belong together.
    let all: Vec<String> = by.iter().chain(fields).cloned().collect();
    let mut by_group: BTreeMap<usize, Vec<(Vec<Cell>, usize)>> = BTreeMap::new();
    let mut group_keys: Vec<Vec<Cell>> = Vec::new();
    for (key, rows) in if all.iter().all(|_| rows.is_empty()) { vec![] } else { groups(rows, &all) } {
        let group = group_keys.iter().position(|known| print_key(known) == print_key(&key[..by.len()]));
        let group = group.unwrap_or_else(|| {
            group_keys.push(key[..by.len()].to_vec());
            group_keys.len() - 1
        });
        by_group.entry(group).or_default().push((key[by.len()..].to_vec(), rows.len()));
    }
    for (group, mut counts) in by_group {
        let total: usize = counts.iter().map(|(_, n)| n).sum();
        counts.sort_by(|(a_key, a), (b_key, b)| {
            let by_count = if rare { a.cmp(b) } else { b.cmp(a) };
            by_count.then_with(|| print_key(b_key).cmp(&print_key(a_key)))
        });
        let n_shown = if limit == 0 { counts.len() } else { limit.min(counts.len()) };
        let n_rest: usize = counts[n_shown..].iter().map(|(_, n)| n).sum();
        let mut shown: Vec<(Vec<Cell>, usize)> = counts[..n_shown].to_vec();
        if other && n_rest > 0 {
            shown.push((vec![Cell::text("OTHER"); fields.len()], n_rest));
        }
        for (key, n) in shown {
            let mut line = Row::new();
            by.iter().zip(&group_keys[group]).for_each(|(field, cell)| set(&mut line, field, cell.clone()));
            fields.iter().zip(key).for_each(|(field, cell)| set(&mut line, field, cell));
            set(&mut line, "count", Cell::Number(n as f64));
            if percent {
                set(&mut line, "percent", Cell::Text(format!("{:.6}", n as f64 / total as f64 * 100.0)));
            }
            lines.push(line);
        }
    }
    lines
}
