//! Commands that compute statistics beside the rows, or over bins.

use super::cell::{Cell, Row, get, set, total_order};
use super::commands::{combinations, compute, print_key};
use super::expressions::truth;
use super::generate::{Shape, aggregates, condition, is_rounded};
use super::language::{Aggregate, Argument, Expr, by, flag, write_aggregates};
use super::random::Random;

#[derive(Clone, Debug)]
pub enum Series {
    Bin { field: String, span: Span, name: Option<&'static str> },
    Eventstats { aggregates: Vec<Aggregate>, by: Vec<String> },
    Streamstats(Running),
    Chart(Chart),
}

#[derive(Clone, Debug)]
pub enum Span {
    /// As it is written, so much.
    Length(&'static str, f64),
    /// The shortest round one that gives at most so many bins.
    AtMost(usize),
}

#[derive(Clone, Debug)]
pub struct Running {
    aggregates: Vec<Aggregate>,
    by: Vec<String>,
    current: bool,
    window: usize,
    global: bool,
    reset_on_change: bool,
    reset_before: Option<Expr>,
    reset_after: Option<Expr>,
}

#[derive(Clone, Debug)]
pub struct Chart {
    aggregates: Vec<Aggregate>,
    /// The field of the lines; `None` for `timechart`, whose lines are bins of `_time` of so many seconds.
    row: Option<String>,
    span_s: usize,
    column: Option<String>,
    limit: usize,
    /// Whether the smallest ones are meant.
    is_bottom: bool,
    /// What the limit goes by, if not by the sum of the cells.
    score: Option<Score>,
    /// Which values become columns, in place of the limit.
    condition: Option<(Score, Test)>,
    use_other: bool,
    use_null: bool,
    /// Whether bins without rows are shown.
    continuous: bool,
}

/// A number for each value of the column field.
#[derive(Clone, Debug)]
enum Score {
    /// A function of the cells of the first result.
    Cells(&'static str),
    Rows(Aggregate),
}

#[derive(Clone, Copy, Debug)]
enum Test {
    Among { negated: bool, is_bottom: bool, n: usize },
    Above(i64),
}

impl Score {
    fn generate(random: &mut Random) -> Self {
        match random.below(4) {
            0 => Score::Cells("max"),
            1 => Score::Cells("sum"),
            2 => Score::Rows(Aggregate { function: "count", argument: Argument::Rows, name: "count".to_owned() }),
            _ => {
                let function = random.pick(&["max", "min"]);
                let argument = Argument::Field(random.pick(&["n", "b"]).to_owned());
                let name = match &argument {
                    Argument::Field(field) => format!("{function}({field})"),
                    _ => unreachable!("a field"),
                };
                Score::Rows(Aggregate { function, argument, name })
            }
        }
    }

    fn write(&self) -> &str {
        match self {
            Score::Cells(function) => function,
            Score::Rows(aggregate) => &aggregate.name,
        }
    }

    /// The score of a value, from the rows of each line that have it.
    fn of(&self, first: &Aggregate, lines: &[Vec<&Row>]) -> Option<f64> {
        match self {
            Score::Rows(aggregate) => compute(aggregate, &lines.concat()).as_number(),
            Score::Cells(function) => {
                let cells = lines.iter().filter(|rows| !rows.is_empty()).map(|rows| compute(first, rows));
                let numbers: Vec<f64> = cells.filter_map(|cell| cell.as_number()).collect();
                match *function {
                    _ if numbers.is_empty() => None,
                    "max" => numbers.into_iter().reduce(f64::max),
                    _ => Some(numbers.iter().sum()),
                }
            }
        }
    }
}

impl Series {
    pub fn generate(shape: &mut Shape, random: &mut Random) -> Self {
        let by: Vec<String> = if random.one_in(3) { vec![] } else { shape.list(random).into_iter().take(2).collect() };
        let calls = aggregates(shape, &by, random);
        let calls: Vec<Aggregate> = calls.into_iter().filter(|call| shape.is_last || !is_rounded(call)).collect();
        match random.below(5) {
            0 => {
                let name = random.one_in(2).then_some("e1");
                if random.one_in(3) {
                    shape.has_time &= name.is_some();
                    let span = random.pick(&[("2s", 2.0), ("3", 3.0), ("5sec", 5.0), ("1m", 60.0)]);
                    return Series::Bin { field: "_time".to_owned(), span: Span::Length(span.0, span.1), name };
                }
                name.iter().for_each(|name| shape.add(name));
                let whole = shape.is_fresh && random.one_in(2);
                let field = if whole { "n".to_owned() } else { shape.field(random) };
                let span = match whole {
                    true => Span::AtMost(2 + random.below(4)),
                    false => {
                        let (text, span) =
                            random.pick(&[("1", 1.0), ("2", 2.0), ("5", 5.0), ("0.5", 0.5), ("25", 25.0)]);
                        Span::Length(text, span)
                    }
                };
                Series::Bin { field, span, name }
            }
            1 if !calls.is_empty() => {
                add(&calls, shape);
                Series::Eventstats { aggregates: calls, by }
            }
            2 if !calls.is_empty() => {
                let reset_before = random.one_in(4).then(|| condition(shape, 1, random));
                let reset_after = random.one_in(4).then(|| condition(shape, 1, random));
                add(&calls, shape);
                Series::Streamstats(Running {
                    aggregates: calls,
                    current: !random.one_in(3),
                    window: if random.one_in(2) { 0 } else { 1 + random.below(4) },
                    global: !random.one_in(3),
                    reset_on_change: !by.is_empty() && random.one_in(4),
                    by,
                    reset_before,
                    reset_after,
                })
            }
            n => {
                let is_time = n == 4 && shape.has_time;
                let row = shape.field(random);
                let column =
                    if random.one_in(3) { None } else { Some(shape.field(random)).filter(|field| *field != row) };
                let mut calls = aggregates(shape, &[row.clone(), "_time".to_owned()], random);
                calls.retain(|call| !is_rounded(call) && call.function != "list" && call.function != "values");
                if calls.is_empty() {
                    calls.push(Aggregate { function: "count", argument: Argument::Rows, name: format!("n_{row}") });
                }
                let condition = random.one_in(4).then(|| {
                    let test = match random.one_in(2) {
                        true => Test::Above(random.below(5) as i64 - 1),
                        false => Test::Among {
                            negated: random.one_in(3),
                            is_bottom: random.one_in(2),
                            n: 1 + random.below(2),
                        },
                    };
                    (Score::generate(random), test)
                });
                let names: Vec<String> = match &column {
                    Some(_) => ["a", "b", "up", "OTHER"].map(str::to_owned).to_vec(),
                    None => calls.iter().map(|call| call.name.clone()).filter(|name| !name.contains('(')).collect(),
                };
                shape.become_table((!is_time).then(|| row.clone()).into_iter().chain(names).chain(["none".to_owned()]));
                Series::Chart(Chart {
                    aggregates: calls,
                    row: (!is_time).then_some(row),
                    span_s: random.pick(&[1, 2, 5, 60]),
                    limit: if random.one_in(3) { 10 } else { random.below(4) },
                    is_bottom: random.one_in(4),
                    score: random.one_in(4).then(|| Score::generate(random)),
                    condition: condition.filter(|_| column.is_some()),
                    use_other: !random.one_in(4),
                    use_null: !random.one_in(4),
                    continuous: !is_time || !random.one_in(4),
                    column,
                })
            }
        }
    }

    pub fn write(&self, random: &mut Random) -> String {
        match self {
            Series::Bin { field, span, name } => {
                let span = match span {
                    Span::Length(text, _) => format!("span={text}"),
                    Span::AtMost(n) => format!("bins={n}"),
                };
                let name = name.map_or(String::new(), |name| format!(" AS {name}"));
                if random.one_in(2) {
                    format!("bin {span} {field}{name}")
                } else {
                    format!("bucket {field} {span}{name}")
                }
            }
            Series::Eventstats { aggregates, by: fields } => {
                format!("eventstats {}{}", write_aggregates(aggregates, random), by(fields))
            }
            Series::Streamstats(running) => {
                let mut options = String::new();
                options += if running.current { "" } else { " current=f" };
                options += &if running.window > 0 { format!(" window={}", running.window) } else { String::new() };
                options += if running.global { "" } else { " global=f" };
                options += &flag(running.reset_on_change, "reset_on_change");
                for (name, condition) in [("before", &running.reset_before), ("after", &running.reset_after)] {
                    if let Some(condition) = condition {
                        options += &format!(" reset_{name}=({})", condition.print(random));
                    }
                }
                let calls = write_aggregates(&running.aggregates, random);
                match random.one_in(2) {
                    true => format!("streamstats{options} {calls}{}", by(&running.by)),
                    false => format!("streamstats {calls}{}{options}", by(&running.by)),
                }
            }
            Series::Chart(chart) => {
                let kind = if chart.is_bottom { "bottom" } else { random.pick(&["", "top"]) };
                let mut options = match chart.condition {
                    Some(_) => String::new(),
                    None => format!(" limit={kind}{}", chart.limit),
                };
                options += &chart.score.as_ref().map_or(String::new(), |score| format!(" agg={}", score.write()));
                options += if chart.use_other { "" } else { " useother=f" };
                options += if chart.use_null { "" } else { " usenull=f" };
                options += if chart.continuous { "" } else { " cont=f" };
                let calls = write_aggregates(&chart.aggregates, random);
                let mut column = chart.column.iter().cloned().collect::<Vec<_>>();
                if let (Some(column), Some((score, test))) = (column.first_mut(), &chart.condition) {
                    let kind = |is_bottom| if is_bottom { "bottom" } else { "top" };
                    let test = match test {
                        Test::Above(n) => format!("> {n}"),
                        Test::Among { negated, is_bottom, n } => {
                            format!("{} {}{n}", if *negated { "notin" } else { "in" }, kind(*is_bottom))
                        }
                    };
                    *column = format!("{column} WHERE {} {test}", score.write());
                }
                match &chart.row {
                    None if random.one_in(2) => {
                        format!("timechart span={}s {calls}{}{options}", chart.span_s, by(&column))
                    }
                    None => format!("timechart span={}s{options} {calls}{}", chart.span_s, by(&column)),
                    Some(row) if random.one_in(2) => format!("chart{options} {calls} OVER {row}{}", by(&column)),
                    Some(row) => format!("chart {calls} BY {row} {}{options}", column.join("")),
                }
            }
        }
    }

    pub fn apply(&self, mut rows: Vec<Row>) -> Vec<Row> {
        match self {
            Series::Bin { field, span, name } => {
                let singles = rows.iter().flat_map(|row| get(row, field).singles());
                let numbers: Vec<f64> = singles.filter_map(|cell| cell.as_number()).collect();
                let span = match span {
                    Span::Length(_, span) => *span,
                    Span::AtMost(n) => round_span(&numbers, *n),
                };
                for row in &mut rows {
                    let bins = get(row, field).singles().iter().map(|cell| bin(cell, span, field == "_time")).collect();
                    set(row, name.unwrap_or(field), Cell::many(bins));
                }
                rows
            }
            Series::Eventstats { aggregates, by } => {
                let keys: Vec<Vec<Vec<String>>> = rows.iter().map(|row| group_keys(row, by)).collect();
                let mut done = rows.clone();
                for (row, of_row) in done.iter_mut().zip(&keys).filter(|(_, of_row)| !of_row.is_empty()) {
                    for aggregate in aggregates {
                        let result = |key: &Vec<String>| {
                            let alike =
                                rows.iter().zip(&keys).filter(|(_, keys)| keys.contains(key)).map(|(row, _)| row);
                            compute(aggregate, &alike.collect::<Vec<_>>())
                        };
                        set(row, &aggregate.name, Cell::many(of_row.iter().map(result).collect()));
                    }
                }
                done
            }
            Series::Streamstats(running) => running.apply(rows),
            Series::Chart(chart) => chart.apply(&rows),
        }
    }
}

/// The groups that a row belongs to, in the order of its values.
fn group_keys(row: &Row, by: &[String]) -> Vec<Vec<String>> {
    let place = |key: &Vec<Cell>| {
        let place = |(field, cell): (&String, &Cell)| {
            get(row, field).singles().iter().position(|single| single.print() == cell.print())
        };
        by.iter().zip(key).map(place).collect::<Vec<_>>()
    };
    let mut keys = combinations(row, by);
    keys.sort_by_key(place);
    keys.iter().map(|key| print_key(key)).collect()
}

/// Lets later stages know of results.
fn add(calls: &[Aggregate], shape: &mut Shape) {
    for call in calls {
        shape.fields.retain(|field| *field != call.name);
        if !is_rounded(call) && !call.name.contains('(') {
            shape.add(&call.name);
        }
        shape.is_rounded |= is_rounded(call);
    }
}

/// The shortest of 1, 2, 5, 10, … that cuts whole numbers into at most so many bins.
fn round_span(numbers: &[f64], most: usize) -> f64 {
    let spans = (0..9).flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(exponent)));
    let n_bins = |span: f64| {
        let bins = numbers.iter().map(|number| (number / span).floor());
        let (low, high) = bins.fold((f64::MAX, f64::MIN), |(low, high), bin| (low.min(bin), high.max(bin)));
        if numbers.is_empty() { 0.0 } else { high - low + 1.0 }
    };
    spans.into_iter().find(|span| n_bins(*span) <= most as f64).expect("a span that is long enough")
}

fn bin(cell: &Cell, span: f64, is_time: bool) -> Cell {
    let Some(number) = cell.as_number() else { return cell.clone() };
    let start = (number / span).floor() * span;
    match is_time {
        true => Cell::Number(start),
        false => Cell::Text(format!("{}-{}", Cell::Number(start).print(), Cell::Number(start + span).print())),
    }
}

impl Running {
    fn apply(&self, mut rows: Vec<Row>) -> Vec<Row> {
        let mut history: Vec<(Option<Vec<String>>, Row)> = Vec::new();
        let mut last_key = None;
        for row in &mut rows {
            let is_complete = self.by.iter().all(|field| row.contains_key(field));
            let key = is_complete.then(|| self.by.iter().map(|field| get(row, field).print()).collect::<Vec<_>>());
            if self.reset_on_change && key.is_some() {
                if last_key.as_ref().is_some_and(|last| *last != key) {
                    history.clear();
                }
                last_key = Some(key.clone());
            }
            if self.reset_before.as_ref().is_some_and(|condition| truth(condition, row) == Some(true)) {
                history.clear();
            }
            let before = row.clone();
            if self.current {
                history.push((key.clone(), before.clone()));
            }
            if key.is_some() {
                let window = if self.window == 0 { usize::MAX } else { self.window };
                let is_mine = |entry: &&(Option<Vec<String>>, Row)| entry.0 == key;
                let mut counted: Vec<&Row> = match self.global {
                    true => history.iter().rev().take(window).filter(is_mine).map(|(_, row)| row).collect(),
                    false => history.iter().rev().filter(is_mine).take(window).map(|(_, row)| row).collect(),
                };
                counted.reverse();
                for aggregate in &self.aggregates {
                    set(row, &aggregate.name, compute(aggregate, &counted));
                }
            }
            if !self.current {
                history.push((key, before));
            }
            if self.reset_after.as_ref().is_some_and(|condition| truth(condition, row) == Some(true)) {
                history.clear();
            }
        }
        rows
    }
}

impl Chart {
    fn apply(&self, rows: &[Row]) -> Vec<Row> {
        let lines = self.lines(rows);
        let line_name = self.row.as_deref().unwrap_or("_time");
        let Some(column) = &self.column else {
            let line = |(key, rows): &(Cell, Vec<&Row>)| {
                let mut line = Row::from([(line_name.to_owned(), key.clone())]);
                self.aggregates.iter().for_each(|aggregate| set(&mut line, &aggregate.name, compute(aggregate, rows)));
                line
            };
            return lines.iter().map(line).collect();
        };
        // The values of the column field that occur on some line, the best ones first.
        let first = &self.aggregates[0];
        let has = |row: &Row, value: &str| get(row, column).singles().iter().any(|single| single.print() == value);
        // The rows of each line that have a value.
        let rows_with = |value: &str| {
            let mut found: Vec<Vec<&Row>> = Vec::new();
            for (_, rows) in &lines {
                found.push(rows.iter().copied().filter(|row| has(row, value)).collect());
            }
            found
        };
        let mut values: Vec<Cell> = Vec::new();
        for cell in lines.iter().flat_map(|(_, rows)| rows).flat_map(|row| get(row, column).singles()) {
            if values.iter().all(|known| known.print() != cell.print()) {
                values.push(cell);
            }
        }
        // Of equal ones the first in order; those that have no number come last.
        values.sort_by(total_order);
        let score_of = |score: &Score, value: &Cell| score.of(first, &rows_with(&value.print()));
        let best = |score: &Score, is_bottom: bool, n: usize| -> Vec<Cell> {
            let mut ranked: Vec<(Cell, Option<f64>)> =
                values.iter().map(|value| (value.clone(), score_of(score, value))).collect();
            let sign = if is_bottom { 1.0 } else { -1.0 };
            let key = |score: &Option<f64>| score.map_or((1, 0.0), |score| (0, score * sign));
            ranked.sort_by(|(_, a), (_, b)| key(a).partial_cmp(&key(b)).expect("finite numbers"));
            ranked.into_iter().take(n).map(|(value, _)| value).collect()
        };
        let (shown, rest): (Vec<Cell>, Vec<Cell>) = match &self.condition {
            Some((score, Test::Above(n))) => {
                values.iter().cloned().partition(|value| score_of(score, value).is_some_and(|score| score > *n as f64))
            }
            Some((score, Test::Among { negated, is_bottom, n })) => {
                let best = best(score, *is_bottom, *n);
                values.iter().cloned().partition(|value| best.contains(value) != *negated)
            }
            None => {
                let score = self.score.clone().unwrap_or(Score::Cells("sum"));
                let best = best(&score, self.is_bottom, if self.limit == 0 { usize::MAX } else { self.limit });
                values.iter().cloned().partition(|value| best.contains(value))
            }
        };
        let any_null = lines.iter().flat_map(|(_, rows)| rows).any(|row| !row.contains_key(column));
        let mut table = Vec::new();
        for (key, rows) in &lines {
            let mut line = Row::from([(line_name.to_owned(), key.clone())]);
            let mut fill = |series: &str, rows: Vec<&Row>| {
                for aggregate in &self.aggregates {
                    let name = match self.aggregates.len() {
                        1 => series.to_owned(),
                        _ => format!("{}: {series}", aggregate.name),
                    };
                    set(&mut line, &name, compute(aggregate, &rows));
                }
            };
            for value in &shown {
                let value = &value.print();
                let is_taken = value.starts_with('_') || value == line_name;
                let series = if is_taken { format!("VALUE{value}") } else { value.clone() };
                fill(&series, rows.iter().copied().filter(|row| has(row, value)).collect());
            }
            if self.use_other && !rest.is_empty() {
                // A row counts for each of its values.
                let n_other = |row: &Row| rest.iter().filter(|value| has(row, &value.print())).count();
                let others = rows.iter().flat_map(|row| std::iter::repeat_n(*row, n_other(row)));
                fill("OTHER", others.collect());
            }
            if self.use_null && any_null {
                fill("NULL", rows.iter().copied().filter(|row| !row.contains_key(column)).collect());
            }
            table.push(line);
        }
        table
    }

    /// The rows of each line, in the order of the lines.
    fn lines<'r>(&self, rows: &'r [Row]) -> Vec<(Cell, Vec<&'r Row>)> {
        let Some(field) = &self.row else {
            let span = self.span_s as f64;
            let start = |row: &Row| get(row, "_time").as_number().map(|time| (time / span).floor() * span);
            let starts: Vec<f64> = rows.iter().filter_map(start).collect();
            let (low, high) = starts.iter().fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(*at), high.max(*at)));
            let n = if starts.is_empty() { 0 } else { ((high - low) / span) as usize + 1 };
            let bins = (0..n).map(|index| low + index as f64 * span);
            let bins = bins.map(|at| (Cell::Number(at), rows.iter().filter(|row| start(row) == Some(at)).collect()));
            return bins.filter(|(_, rows): &(Cell, Vec<&Row>)| self.continuous || !rows.is_empty()).collect();
        };
        super::commands::groups(rows, std::slice::from_ref(field))
            .into_iter()
            .map(|(mut key, rows)| (key.remove(0), rows))
            .collect()
    }
}
