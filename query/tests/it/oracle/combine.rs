//! Commands that bring rows together: those of a subsearch, or those of one stream.

use super::cell::{Cell, Row, get, set};
use super::commands::apply;
use super::generate::{Shape, plain_stage};
use super::language::{Stage, flag, quote};
use super::random::Random;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub enum Combine {
    Append(Table),
    Appendcols {
        overrides: bool,
        table: Table,
    },
    Appendpipe(Box<Stage>),
    Join {
        keeps_all: bool,
        max: usize,
        overwrite: bool,
        fields: Vec<String>,
        table: Table,
    },
    Transaction {
        field: Option<&'static str>,
        max_span: Option<usize>,
        max_pause: Option<usize>,
        max_events: Option<usize>,
    },
}

/// Rows that a subsearch makes.
#[derive(Clone, Debug)]
pub struct Table {
    fields: Vec<String>,
    rows: Vec<Vec<Option<&'static str>>>,
}

impl Table {
    fn generate(random: &mut Random) -> Self {
        let mut fields: Vec<String> = ["a", "g", "n", "y"].map(str::to_owned).to_vec();
        fields.retain(|_| !random.one_in(3));
        if fields.len() < 2 {
            fields = vec!["g".to_owned(), "y".to_owned()];
        }
        let cell = |random: &mut Random| match random.below(7) {
            0 => None,
            _ => Some(random.pick(&["1", "10", "a", "b", "B", "up", "2"])),
        };
        let rows = (0..random.below(4)).map(|_| fields.iter().map(|_| cell(random)).collect()).collect();
        Self { fields, rows }
    }

    fn write(&self) -> String {
        let line = |row: &Vec<Option<&str>>| row.iter().map(|cell| cell.unwrap_or("")).collect::<Vec<_>>().join(",");
        let lines: Vec<String> = std::iter::once(self.fields.join(",")).chain(self.rows.iter().map(line)).collect();
        format!("[| makeresults format=csv data={} | fields - _time]", quote(&lines.join("\n")))
    }

    fn rows(&self) -> Vec<Row> {
        let row = |cells: &Vec<Option<&'static str>>| {
            let cells =
                self.fields.iter().zip(cells).filter_map(|(field, cell)| Some((field.clone(), Cell::text((*cell)?))));
            cells.collect()
        };
        self.rows.iter().map(row).collect()
    }
}

impl Combine {
    pub fn generate(shape: &mut Shape, random: &mut Random) -> Self {
        let table = Table::generate(random);
        if shape.is_fresh && random.one_in(2) {
            shape.become_table(["_time", "a", "b", "g", "n", "x", "duration", "eventcount"].map(str::to_owned));
            return Combine::Transaction {
                field: if random.one_in(3) { None } else { Some("g") },
                max_span: random.one_in(2).then(|| 1 + random.below(6)),
                max_pause: random.one_in(2).then(|| 1 + random.below(4)),
                max_events: random.one_in(3).then(|| 1 + random.below(3)),
            };
        }
        match random.below(4) {
            0 => {
                shape.has_time = false;
                table.fields.iter().for_each(|field| shape.add(field));
                Combine::Append(table)
            }
            1 => {
                shape.has_time = false;
                table.fields.iter().for_each(|field| shape.add(field));
                Combine::Appendcols { overrides: random.one_in(2), table }
            }
            2 => {
                let (fields, delimiters) = (shape.fields.clone(), shape.delimiters.clone());
                let mut inner = Shape { fields, delimiters, ..*shape };
                let stage = plain_stage(&mut inner, random);
                shape.is_rounded |= inner.is_rounded;
                shape.has_time = false;
                Combine::Appendpipe(Box::new(stage))
            }
            _ => {
                let fields = table.fields.iter().take(1 + random.below(table.fields.len())).cloned().collect();
                shape.has_time = false;
                table.fields.iter().for_each(|field| shape.add(field));
                Combine::Join {
                    keeps_all: random.one_in(2),
                    max: random.below(3),
                    overwrite: random.one_in(2),
                    fields,
                    table,
                }
            }
        }
    }

    pub fn write(&self, random: &mut Random) -> String {
        match self {
            Combine::Append(table) => format!("append {}", table.write()),
            Combine::Appendcols { overrides, table } => {
                format!("appendcols{} {}", flag(*overrides, "override"), table.write())
            }
            Combine::Appendpipe(stage) => {
                format!("appendpipe [{}{}]", random.pick(&["", "| ", " "]), stage.write(random))
            }
            Combine::Join { keeps_all, max, overwrite, fields, table } => {
                let kind = if *keeps_all { random.pick(&[" type=left", " type=outer"]) } else { "" };
                let max = if *max == 1 { String::new() } else { format!(" max={max}") };
                let overwrite = if *overwrite { "" } else { " overwrite=f" };
                format!("join{kind}{max}{overwrite} {} {}", fields.join(random.pick(&[" ", ", "])), table.write())
            }
            Combine::Transaction { field, max_span, max_pause, max_events } => {
                let seconds =
                    |name: &str, limit: &Option<usize>| limit.map_or(String::new(), |n| format!(" {name}={n}s"));
                let max_events = max_events.map_or(String::new(), |n| format!(" maxevents={n}"));
                let options = format!("{}{}{max_events}", seconds("maxspan", max_span), seconds("maxpause", max_pause));
                format!("sort 0 -_time | transaction {}{options}", field.unwrap_or(""))
            }
        }
    }

    pub fn apply(&self, mut rows: Vec<Row>) -> Vec<Row> {
        match self {
            Combine::Append(table) => rows.extend(table.rows()),
            Combine::Appendcols { overrides, table } => {
                for (index, other) in table.rows().into_iter().enumerate() {
                    if index >= rows.len() {
                        rows.push(Row::new());
                    }
                    for (name, cell) in other {
                        if *overrides || get(&rows[index], &name).is_null() {
                            set(&mut rows[index], &name, cell);
                        }
                    }
                }
            }
            Combine::Appendpipe(stage) => {
                let added = apply(stage, rows.clone());
                rows.extend(added);
            }
            Combine::Join { keeps_all, max, overwrite, fields, table } => {
                let key =
                    |row: &Row| fields.iter().map(|field| row.get(field).map(Cell::print)).collect::<Option<Vec<_>>>();
                let mut joined = Vec::new();
                for row in &rows {
                    let others = table.rows().into_iter().filter(|other| key(row).is_some() && key(other) == key(row));
                    let others: Vec<Row> = others.take(if *max == 0 { usize::MAX } else { *max }).collect();
                    if others.is_empty() && *keeps_all {
                        joined.push(row.clone());
                    }
                    for other in others {
                        let mut row = row.clone();
                        for (name, cell) in other.into_iter().filter(|(name, _)| !fields.contains(name)) {
                            if *overwrite || get(&row, &name).is_null() {
                                set(&mut row, &name, cell);
                            }
                        }
                        joined.push(row);
                    }
                }
                return joined;
            }
            Combine::Transaction { field, max_span, max_pause, max_events } => {
                return transactions(rows, *field, *max_span, *max_pause, max_events.unwrap_or(1000));
            }
        }
        rows
    }
}

/// The transactions of rows: each is built from its last event back to its first one.
fn transactions(
    mut rows: Vec<Row>,
    field: Option<&str>,
    max_span: Option<usize>,
    max_pause: Option<usize>,
    max_events: usize,
) -> Vec<Row> {
    let time = |row: &Row| get(row, "_time").as_number().expect("a time");
    rows.sort_by(|a, b| time(b).total_cmp(&time(a)));
    // Those that are open and those that are closed.
    let (mut open, mut closed): (Vec<Vec<Row>>, Vec<Vec<Row>>) = (Vec::new(), Vec::new());
    for row in rows {
        // Time has moved on for all of them, whatever the event belongs to.
        let exceeds = |limit: Option<usize>, of: &Row| limit.is_some_and(|limit| time(of) - time(&row) > limit as f64);
        let is_over =
            |events: &Vec<Row>| exceeds(max_span, &events[0]) || exceeds(max_pause, events.last().expect("not empty"));
        closed.extend(open.extract_if(.., |events| is_over(events)));
        if field.is_some_and(|field| !row.contains_key(field)) {
            continue;
        }
        let is_mine = |events: &Vec<Row>| field.is_none_or(|field| get(&events[0], field) == get(&row, field));
        let mut mine = match open.iter().position(is_mine) {
            Some(at) => open.remove(at),
            None => vec![],
        };
        mine.push(row);
        if mine.len() >= max_events { closed.push(mine) } else { open.push(mine) }
    }
    let mut lines: Vec<Row> =
        closed.iter().map(|events| (events, 1.0)).chain(open.iter().map(|events| (events, 0.0))).map(line).collect();
    lines.sort_by(|a, b| time(b).total_cmp(&time(a)));
    lines
}

/// What is shown of a transaction.
fn line((events, closed): (&Vec<Row>, f64)) -> Row {
    let (last, first) = (&events[0], &events[events.len() - 1]);
    let time = |row: &Row| get(row, "_time").as_number().expect("a time");
    let mut line = Row::new();
    let names: BTreeSet<&String> = events.iter().flat_map(Row::keys).filter(|name| !name.starts_with('_')).collect();
    for name in names {
        let mut singles: Vec<Cell> = events.iter().flat_map(|event| get(event, name).singles()).collect();
        singles.sort_by_key(Cell::print);
        singles.dedup_by_key(|single| single.print());
        set(&mut line, name, Cell::many(singles));
    }
    let raw: Vec<String> = events
        .iter()
        .rev()
        .filter(|event| event.contains_key("_raw"))
        .map(|event| get(event, "_raw").print())
        .collect();
    set(&mut line, "_time", get(first, "_time"));
    if !raw.is_empty() {
        set(&mut line, "_raw", Cell::Text(raw.join("\n")));
        set(&mut line, "linecount", Cell::Number(raw.len() as f64));
    }
    set(&mut line, "duration", Cell::number(time(last) - time(first)));
    set(&mut line, "eventcount", Cell::Number(events.len() as f64));
    set(&mut line, "closed_txn", Cell::Number(closed));
    line
}
