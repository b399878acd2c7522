//! Commands that bring rows together: those of a subsearch, or those of one stream.

use super::cell::{Cell, Row, get, set};
use super::commands::apply;
use super::expressions::truth;
use super::generate::{Shape, condition, plain_stage};
use super::language::{Expr, Stage, flag, quote};
use super::random::Random;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub enum Combine {
    Append(Table),
    Appendcols { overrides: bool, table: Table },
    Appendpipe(Box<Stage>),
    Join { keeps_all: bool, max: usize, overwrite: bool, fields: Vec<String>, table: Table },
    Transaction(Transaction),
}

#[derive(Clone, Debug)]
pub struct Transaction {
    fields: Vec<&'static str>,
    max_span: Option<usize>,
    max_pause: Option<usize>,
    max_events: Option<usize>,
    starts_with: Option<Expr>,
    ends_with: Option<Expr>,
    keep_evicted: bool,
    lists: bool,
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
            let fields: [&[&str]; 5] = [&[], &["g"], &["g", "n"], &["a", "g"], &["n", "b", "g"]];
            let transaction = Transaction {
                fields: random.pick(&fields).to_vec(),
                max_span: random.one_in(3).then(|| 1 + random.below(6)),
                max_pause: random.one_in(3).then(|| 1 + random.below(4)),
                max_events: random.one_in(3).then(|| 1 + random.below(3)),
                starts_with: random.one_in(3).then(|| condition(shape, 1, random)),
                ends_with: random.one_in(3).then(|| condition(shape, 1, random)),
                keep_evicted: random.one_in(2),
                lists: random.one_in(4),
            };
            shape.become_table(["_time", "a", "b", "g", "n", "x", "duration", "eventcount"].map(str::to_owned));
            return Combine::Transaction(transaction);
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
                let n_fields = if shape.is_rounded {
                    1 + random.below(table.fields.len())
                } else {
                    random.below(table.fields.len() + 1)
                };
                let fields = table.fields.iter().take(n_fields).cloned().collect();
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
            Combine::Transaction(transaction) => transaction.write(random),
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
                // Without a list: all in which both sides have values.
                let is_common = |field: &&String| {
                    [&rows, &table.rows()].iter().all(|rows| rows.iter().any(|row| row.contains_key(*field)))
                };
                let common: Vec<String> = table.fields.iter().filter(is_common).cloned().collect();
                let fields = if fields.is_empty() { &common } else { fields };
                if fields.is_empty() {
                    return if *keeps_all { rows } else { vec![] };
                }
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
            Combine::Transaction(transaction) => return transaction.apply(rows),
        }
        rows
    }
}

/// A transaction on its way: built from its last event back to its first one.
struct Group {
    events: Vec<Row>,
    /// The value of each listed field, as far as an event had it.
    key: Vec<Option<String>>,
    has_start: bool,
    has_end: bool,
}

impl Transaction {
    fn write(&self, random: &mut Random) -> String {
        let mut options = String::new();
        for (name, limit) in [("maxspan", self.max_span), ("maxpause", self.max_pause)] {
            options += &limit.map_or(String::new(), |n| format!(" {name}={n}s"));
        }
        options += &self.max_events.map_or(String::new(), |n| format!(" maxevents={n}"));
        for (name, test) in [("startswith", &self.starts_with), ("endswith", &self.ends_with)] {
            if let Some(test) = test {
                options += &format!(" {name}=eval({})", test.print(random));
            }
        }
        options += &flag(self.keep_evicted, "keepevicted");
        options += &flag(self.lists, "mvlist");
        let list = self.fields.join(random.pick(&[" ", ", "]));
        let arguments = if random.one_in(2) { format!("{list}{options}") } else { format!("{options} {list}") };
        format!("sort 0 -_time | transaction {arguments}")
    }

    fn apply(&self, mut rows: Vec<Row>) -> Vec<Row> {
        let time = |row: &Row| get(row, "_time").as_number().expect("a time");
        rows.sort_by(|a, b| time(b).total_cmp(&time(a)));
        // Those that are open, the one that was opened last at the end, and those that are closed.
        let (mut open, mut closed): (Vec<Group>, Vec<Group>) = (Vec::new(), Vec::new());
        for row in rows {
            // Time has moved on for all of them, whatever the event belongs to.
            let exceeds =
                |limit: Option<usize>, of: &Row| limit.is_some_and(|limit| time(of) - time(&row) > limit as f64);
            let is_over = |group: &mut Group| {
                let last = group.events.last().expect("not empty");
                exceeds(self.max_span, &group.events[0]) || exceeds(self.max_pause, last)
            };
            closed.extend(open.extract_if(.., is_over));
            let is_like = |test: &Option<Expr>| test.as_ref().is_some_and(|test| truth(test, &row) == Some(true));
            let (is_start, is_end) = (is_like(&self.starts_with), is_like(&self.ends_with));
            let key: Vec<Option<String>> = self.fields.iter().map(|field| row.get(*field).map(Cell::print)).collect();
            let is_keyless = !key.is_empty() && key.iter().all(Option::is_none);
            let found = match is_keyless {
                // What starts a transaction needs no key: it is that of the one that was opened last.
                true => (is_start && !open.is_empty()).then(|| open.len() - 1),
                // The one with which it has most fields in common, of several the one that was opened last.
                false => {
                    let n_common = |group: &Group| {
                        let pairs: Vec<_> =
                            group.key.iter().zip(&key).filter(|(a, b)| a.is_some() && b.is_some()).collect();
                        let agrees = key.is_empty() || (!pairs.is_empty() && pairs.iter().all(|(a, b)| a == b));
                        agrees.then_some(pairs.len())
                    };
                    let candidates = open.iter().enumerate().filter_map(|(at, group)| Some((n_common(group)?, at)));
                    candidates.max().map(|(_, at)| at)
                }
            };
            if is_keyless && found.is_none() {
                continue;
            }
            // Backwards in time the last event of a transaction comes first.
            let found = match found {
                Some(at) if is_end => {
                    closed.push(open.remove(at));
                    None
                }
                found => found,
            };
            let at = found.unwrap_or_else(|| {
                open.push(Group { events: vec![], key: key.clone(), has_start: false, has_end: false });
                open.len() - 1
            });
            let group = &mut open[at];
            for (known, new) in group.key.iter_mut().zip(key) {
                *known = known.take().or(new);
            }
            group.events.push(row);
            group.has_start |= is_start;
            group.has_end |= is_end;
            if is_start || group.events.len() >= self.max_events.unwrap_or(1000) {
                closed.push(open.remove(at));
            }
        }
        let groups = closed.iter().map(|group| (group, true)).chain(open.iter().map(|group| (group, false)));
        let mut lines = Vec::new();
        for (group, is_closed) in groups {
            let is_whole =
                (self.starts_with.is_none() || group.has_start) && (self.ends_with.is_none() || group.has_end);
            if is_whole || self.keep_evicted {
                lines.push(self.line(group, is_closed && is_whole));
            }
        }
        lines.sort_by(|a, b| time(b).total_cmp(&time(a)));
        lines
    }

    /// What is shown of a transaction.
    fn line(&self, group: &Group, is_closed: bool) -> Row {
        let events = &group.events;
        let (last, first) = (&events[0], &events[events.len() - 1]);
        let time = |row: &Row| get(row, "_time").as_number().expect("a time");
        let mut line = Row::new();
        let names: BTreeSet<&String> =
            events.iter().flat_map(Row::keys).filter(|name| !name.starts_with('_')).collect();
        for name in names {
            let in_time = events.iter().rev().map(|event| get(event, name));
            let singles: Vec<Cell> = match self.lists {
                true => in_time.map(|cell| if cell.is_null() { Cell::text("NULL") } else { cell }).collect(),
                false => {
                    let mut singles: Vec<Cell> = in_time.flat_map(|cell| cell.singles()).collect();
                    singles.sort_by_key(Cell::print);
                    singles.dedup_by_key(|single| single.print());
                    singles
                }
            };
            set(&mut line, name, Cell::many(singles));
        }
        let raws: Vec<String> = events.iter().rev().filter_map(|event| event.get("_raw")).map(Cell::print).collect();
        set(&mut line, "_time", get(first, "_time"));
        if !raws.is_empty() {
            set(&mut line, "_raw", Cell::Text(raws.join("\n")));
            set(&mut line, "linecount", Cell::Number(raws.len() as f64));
        }
        set(&mut line, "duration", Cell::number(time(last) - time(first)));
        set(&mut line, "eventcount", Cell::Number(events.len() as f64));
        set(&mut line, "closed_txn", Cell::Number(if is_closed { 1.0 } else { 0.0 }));
        line
    }
}
