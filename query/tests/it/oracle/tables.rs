//! Commands that add up rows and columns, or turn one into the other.

use super::cell::{Cell, Row, get, set, total_order};
use super::generate::Shape;
use super::language::flag;
use super::random::Random;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub enum Tables {
    Addtotals {
        row: bool,
        column: bool,
        label_field: Option<String>,
        name: &'static str,
        list: Vec<String>,
    },
    Addcoltotals {
        label_field: Option<String>,
        list: Vec<String>,
    },
    Delta {
        field: String,
        name: Option<&'static str>,
        distance: usize,
    },
    Accum {
        field: String,
        name: Option<&'static str>,
    },
    /// After a `table` of the list, for the order of columns matters.
    Untable {
        list: Vec<String>,
        x: String,
    },
    Xyseries {
        x: String,
        name: String,
        values: Vec<String>,
        separator: Option<&'static str>,
    },
    /// After a `table` of the list.
    Transpose {
        list: Vec<String>,
        limit: Option<usize>,
        column: Option<&'static str>,
        header: Option<String>,
        include_empty: bool,
    },
}

impl Tables {
    pub fn generate(shape: &mut Shape, random: &mut Random) -> Self {
        let field = shape.field(random);
        let name = random.one_in(2).then(|| random.pick(&["e1", "d"]));
        let list = if random.one_in(2) { vec![] } else { shape.list(random) };
        let label_field = random.one_in(2).then(|| random.pick(&["g", "label"]).to_owned());
        match random.below(7) {
            0 => {
                let name = random.pick(&["Total", "e2"]);
                let column = random.one_in(2);
                if column {
                    shape.has_time = false;
                }
                Tables::Addtotals { row: !random.one_in(3), column, label_field, name, list }
            }
            1 => {
                shape.has_time = false;
                Tables::Addcoltotals { label_field, list }
            }
            2 => {
                name.iter().for_each(|name| shape.add(name));
                Tables::Delta { field, name, distance: 1 + random.below(3) }
            }
            3 => {
                name.iter().for_each(|name| shape.add(name));
                Tables::Accum { field, name }
            }
            4 => {
                let x = if matches!(&*field, "k" | "v") { "g".to_owned() } else { field };
                shape.become_table([x.clone(), "k".to_owned(), "v".to_owned()]);
                Tables::Untable { list: with(list, &x), x }
            }
            5 => {
                let name = shape.field(random);
                let mut values = shape.list(random);
                values.retain(|value| *value != field && *value != name);
                if name == field || values.is_empty() {
                    return Tables::Delta { field, name: None, distance: 1 };
                }
                let separator = random.one_in(3).then_some("/");
                shape.become_table([field.clone(), "up".to_owned(), "none".to_owned()]);
                Tables::Xyseries { x: field, name, values, separator }
            }
            _ => {
                let column = random.one_in(2).then_some("c");
                let header = random.one_in(2).then(|| field.clone());
                shape.become_table([column.unwrap_or("column").to_owned(), "up".to_owned()]);
                let limit = random.one_in(2).then(|| random.below(4));
                Tables::Transpose { list: with(list, &field), limit, column, header, include_empty: !random.one_in(3) }
            }
        }
    }

    pub fn write(&self, random: &mut Random) -> String {
        let names = |list: &[String]| list.iter().map(|field| format!(" {field}")).collect::<String>();
        let label =
            |field: &Option<String>| field.as_ref().map_or(String::new(), |field| format!(" labelfield={field}"));
        let alias = |name: &Option<&str>| name.map_or(String::new(), |name| format!(" AS {name}"));
        match self {
            Tables::Addtotals { row, column, label_field, name, list } => {
                let options = format!("{}{}", if *row { "" } else { " row=f" }, flag(*column, "col"));
                let name = if *name == "Total" { String::new() } else { format!(" fieldname={name}") };
                format!("addtotals{options}{name}{}{}", label(label_field), names(list))
            }
            Tables::Addcoltotals { label_field, list } => {
                format!("addcoltotals{} label=All{}", label(label_field), names(list))
            }
            Tables::Delta { field, name, distance } => match random.one_in(2) {
                true => format!("delta {field}{} p={distance}", alias(name)),
                false => format!("delta {field} p={distance}{}", alias(name)),
            },
            Tables::Accum { field, name } => format!("accum {field}{}", alias(name)),
            Tables::Untable { list, x } => format!("table{} | untable {x} k v", names(list)),
            Tables::Xyseries { x, name, values, separator } => {
                let separator = separator.map_or(String::new(), |separator| format!(" sep={separator}"));
                format!("xyseries {x} {name}{}{separator}", names(values))
            }
            Tables::Transpose { list, limit, column, header, include_empty } => {
                let limit = limit.map_or(String::new(), |limit| format!(" {limit}"));
                let column = column.map_or(String::new(), |column| format!(" column_name={column}"));
                let header = header.as_ref().map_or(String::new(), |header| format!(" header_field={header}"));
                let empty = if *include_empty { "" } else { " include_empty=f" };
                format!("table{} | transpose{limit}{column}{header}{empty}", names(list))
            }
        }
    }

    pub fn apply(&self, mut rows: Vec<Row>) -> Vec<Row> {
        match self {
            Tables::Addtotals { row: of_rows, column, label_field, name, list } => {
                for row in rows.iter_mut().filter(|_| *of_rows) {
                    let numbers =
                        row.iter().filter(|(name, _)| is_added(list, name)).flat_map(|(_, cell)| numbers_of(cell));
                    let sum = numbers.sum();
                    set(row, name, Cell::number(sum));
                }
                if *column {
                    let mut line = column_sums(&rows, list, of_rows.then_some(*name));
                    if let Some(field) = label_field {
                        set(&mut line, field, Cell::text("Total"));
                    }
                    rows.push(line);
                }
            }
            Tables::Addcoltotals { label_field, list } => {
                let mut line = column_sums(&rows, list, None);
                if let Some(field) = label_field {
                    set(&mut line, field, Cell::text("All"));
                }
                rows.push(line);
            }
            Tables::Delta { field, name, distance } => {
                let name = name.map_or_else(|| format!("delta({field})"), str::to_owned);
                let numbers: Vec<Option<f64>> = rows.iter().map(|row| get(row, field).as_number()).collect();
                for (index, row) in rows.iter_mut().enumerate() {
                    let before = index.checked_sub(*distance).and_then(|before| numbers[before]);
                    let difference = numbers[index].zip(before).map(|(number, before)| number - before);
                    set(row, &name, difference.map_or(Cell::Null, Cell::number));
                }
            }
            Tables::Accum { field, name } => {
                let mut sum = 0.0;
                for row in &mut rows {
                    if let Some(number) = get(row, field).as_number() {
                        sum += number;
                        set(row, name.unwrap_or(field), Cell::number(sum));
                    }
                }
            }
            Tables::Untable { list, x } => {
                let mut lines = Vec::new();
                for row in &rows {
                    let is_shown =
                        |column: &&String| *column != x && !column.starts_with('_') && row.contains_key(*column);
                    for column in list.iter().filter(is_shown) {
                        let mut line = Row::new();
                        set(&mut line, x, get(row, x));
                        set(&mut line, "k", Cell::text(column));
                        set(&mut line, "v", get(row, column));
                        lines.push(line);
                    }
                }
                return lines;
            }
            Tables::Xyseries { x, name, values, separator } => {
                let separator = separator.unwrap_or(": ");
                let mut lines: Vec<Row> = Vec::new();
                for row in rows.iter().filter(|row| row.contains_key(x) && row.contains_key(name)) {
                    let at = lines.iter().position(|line| get(line, x).print() == get(row, x).print());
                    let at = at.unwrap_or_else(|| {
                        lines.push(Row::from([(x.clone(), get(row, x))]));
                        lines.len() - 1
                    });
                    for value in values {
                        let series = get(row, name).print();
                        let column = if values.len() == 1 { series } else { format!("{value}{separator}{series}") };
                        let column = if column == *x { format!("VALUE{column}") } else { column };
                        set(&mut lines[at], &column, get(row, value));
                    }
                }
                lines.sort_by(|a, b| total_order(&get(a, x), &get(b, x)));
                return lines;
            }
            Tables::Transpose { list, limit, column, header, include_empty } => {
                let n = match limit {
                    None => 5,
                    Some(0) => rows.len(),
                    Some(n) => *n,
                };
                rows.truncate(n);
                let mut lines = Vec::new();
                for name in list.iter().filter(|name| Some(*name) != header.as_ref()) {
                    let mut line = Row::from([(column.unwrap_or("column").to_owned(), Cell::text(name))]);
                    for (index, row) in rows.iter().enumerate() {
                        let title = header.as_ref().map_or(String::new(), |header| get(row, header).print());
                        let title = if title.is_empty() { format!("row {}", index + 1) } else { title };
                        set(&mut line, &title, get(row, name));
                    }
                    let is_empty = rows.iter().all(|row| get(row, name).print().is_empty());
                    if *include_empty || !is_empty {
                        lines.push(line);
                    }
                }
                return if rows.is_empty() { vec![] } else { lines };
            }
        }
        rows
    }
}

/// The list with the field at its beginning, once.
fn with(mut list: Vec<String>, field: &str) -> Vec<String> {
    list.retain(|name| name != field);
    list.insert(0, field.to_owned());
    list
}

/// Whether a field counts for the sums.
fn is_added(list: &[String], name: &str) -> bool {
    if list.is_empty() { !name.starts_with('_') } else { list.iter().any(|listed| listed == name) }
}

/// The numbers among the values of a cell.
fn numbers_of(cell: &Cell) -> Vec<f64> {
    cell.singles().iter().filter_map(Cell::as_number).collect()
}

/// A line with the sums of the columns, among them `total`.
fn column_sums(rows: &[Row], list: &[String], total: Option<&str>) -> Row {
    let names: BTreeSet<&String> = rows.iter().flat_map(Row::keys).collect();
    let mut line = Row::new();
    for name in names.into_iter().filter(|name| is_added(list, name) || Some(name.as_str()) == total) {
        let numbers: Vec<f64> = rows.iter().flat_map(|row| numbers_of(&get(row, name))).collect();
        if !numbers.is_empty() {
            set(&mut line, name, Cell::number(numbers.iter().sum()));
        }
    }
    line
}
