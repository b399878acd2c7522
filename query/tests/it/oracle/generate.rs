//! Tables and queries at random: small enough to hit every corner often.

use super::cell::{Cell, Row, set};
use super::clock;
use super::combine::Combine;
use super::language::{Aggregate, Argument, Expr, Op, Query, Search, SortKey, Stage};
use super::random::Random;
use super::series::Series;
use super::tables::Tables;
use super::values::Values;
use std::collections::BTreeMap;

/// Values of every kind: numbers in several notations, text that sorts before and after them, the empty one.
const VALUES: [&str; 14] = ["1", "10", "2", "9.5", "-3", "007", "1e2", "up", "Up", "a b", "", "x*y", "err_or", "0.25"];
const GROUPS: [&str; 4] = ["a", "b", "B", "10"];
const TEXTS: [&str; 6] = ["disk error on a", "ERROR=5 up", "user=bob ok", "a,b;c", "up/down", "err_or 10.5"];
const WORDS: [&str; 9] = ["error", "up", "err*", "*o*", "10", "b", "or", "USER", "nothing"];
const PATTERNS: [&str; 6] = ["1", "^[a-z]+$", "u|9", "(?i)UP", "\\d\\.", "^$"];
const SEARCH_VALUES: [&str; 12] = ["1", "10", "up", "u*", "*1*", "a", "B", "-3", "5", "a b", "9*5", "zz"];
const FIELDS: [&str; 6] = ["a", "b", "g", "n", "x", "none"];
const NEW_FIELDS: [&str; 4] = ["e1", "e2", "a", "x"];

/// A table of a few rows with the columns that queries know; times are all different.
pub fn table(random: &mut Random) -> Vec<Row> {
    let n_rows = random.below(9);
    let row = |index: usize| {
        let mut row = Row::new();
        // In no order.
        set(&mut row, "_time", Cell::Text((100 + (index * 7) % 10).to_string()));
        if random.one_in(2) {
            set(&mut row, "_raw", Cell::text(random.pick(&TEXTS)));
        }
        for field in ["a", "b", "x"] {
            set(&mut row, field, cell(field == "x", random));
        }
        if !random.one_in(5) {
            set(&mut row, "g", Cell::text(random.pick(&GROUPS)));
        }
        if !random.one_in(6) {
            set(&mut row, "n", Cell::Text((random.below(7) as i64 - 2).to_string()));
        }
        row
    };
    (0..n_rows).map(row).collect()
}

fn cell(may_be_several: bool, random: &mut Random) -> Cell {
    match random.below(8) {
        0 => Cell::Null,
        1 | 2 if may_be_several => {
            // Different ones, for a group must not count a row twice.
            let first = random.below(VALUES.len());
            let n = 2 + random.below(2);
            Cell::many((0..n).map(|i| Cell::text(VALUES[(first + 3 * i) % VALUES.len()])).collect())
        }
        _ => Cell::text(random.pick(&VALUES)),
    }
}

/// What the rows have at some stage.
pub struct Shape {
    pub fields: Vec<String>,
    /// Whether `_time` is as it was, so that no two rows have the same.
    pub has_time: bool,
    /// Whether the last stage comes next: results whose last digits are not certain may only stand there.
    pub is_last: bool,
    /// Whether there are such results already.
    pub is_rounded: bool,
    /// Whether fields hold what they held in the beginning.
    pub is_fresh: bool,
    /// What the commands so far said to stand between the values of fields.
    pub delimiters: BTreeMap<String, String>,
}

pub fn query(random: &mut Random) -> Query {
    let mut shape = Shape {
        fields: FIELDS.map(str::to_owned).to_vec(),
        has_time: true,
        is_last: false,
        is_rounded: false,
        is_fresh: true,
        delimiters: BTreeMap::new(),
    };
    let search = if random.one_in(2) { Search::All } else { search(&shape, 2, random) };
    let n_stages = 1 + random.below(4);
    let mut stages = Vec::new();
    for index in 0..n_stages {
        shape.is_last = index + 1 == n_stages;
        stages.push(stage(&mut shape, random));
        shape.is_fresh = false;
    }
    Query { search, stages }
}

impl Shape {
    pub fn field(&self, random: &mut Random) -> String {
        self.fields[random.below(self.fields.len())].clone()
    }

    /// One to three different fields.
    pub fn list(&self, random: &mut Random) -> Vec<String> {
        let mut list: Vec<String> = (0..1 + random.below(3)).map(|_| self.field(random)).collect();
        list.sort();
        list.dedup();
        list
    }

    pub fn add(&mut self, field: &str) {
        if !self.fields.iter().any(|known| known == field) {
            self.fields.push(field.to_owned());
        }
    }
}

impl Shape {
    /// Other rows than before, with these fields.
    pub fn become_table(&mut self, fields: impl IntoIterator<Item = String>) {
        self.fields = fields.into_iter().collect();
        self.has_time = false;
    }
}

fn stage(shape: &mut Shape, random: &mut Random) -> Stage {
    match random.below(9) {
        0 | 1 => Stage::Values(Values::generate(shape, random)),
        2 => Stage::Tables(Tables::generate(shape, random)),
        3 => Stage::Series(Series::generate(shape, random)),
        4 => Stage::Combine(Combine::generate(shape, random)),
        _ => plain_stage(shape, random),
    }
}

/// A stage of the commands that everybody uses.
pub fn plain_stage(shape: &mut Shape, random: &mut Random) -> Stage {
    match random.below(20) {
        0 => Stage::Search(search(shape, 2, random)),
        1..=3 => Stage::Where(condition(shape, 3, random)),
        4..=7 => {
            let mut assignments = Vec::new();
            for _ in 0..1 + random.below(2) {
                let name = random.pick(&NEW_FIELDS).to_owned();
                assignments.push((name.clone(), value(shape, 3, random)));
                shape.add(&name);
            }
            Stage::Eval(assignments)
        }
        8 => {
            let (remove, mut list) = (random.one_in(2), shape.list(random));
            if random.one_in(4) {
                list = vec![random.pick(&["e*", "*1", "*"]).to_owned()];
            }
            Stage::Fields { remove, list }
        }
        9 => {
            let mut list = shape.list(random);
            match random.one_in(3) {
                true if !list.iter().any(|field| field == "_time") => list.push("_time".to_owned()),
                _ => shape.has_time &= list.iter().any(|field| field == "_time"),
            }
            if random.one_in(5) {
                list.push("e*".to_owned());
            }
            Stage::Table(list)
        }
        10 => {
            let old = shape.field(random);
            let pairs = match random.below(3) {
                0 => vec![("e*".to_owned(), "r_*".to_owned())],
                1 => vec![(old, "r_1".to_owned()), (shape.field(random), "b".to_owned())],
                _ => vec![(old, random.pick(&["r_1", "r_2", "g"]).to_owned())],
            };
            let pairs: Vec<_> = pairs.into_iter().filter(|(old, new)| old != new).collect();
            if pairs.is_empty() || (pairs.len() == 2 && pairs[0].0 == pairs[1].0) {
                return Stage::Reverse;
            }
            ["r_1", "r_2"].iter().for_each(|name| shape.add(name));
            Stage::Rename(pairs)
        }
        11..=13 => stats(shape, random),
        14 => {
            let mut fields = shape.list(random);
            // The results have these names.
            fields.retain(|field| field != "count" && field != "percent");
            fields.truncate(2);
            if fields.is_empty() {
                fields.push("g".to_owned());
            }
            let by: Vec<String> = shape
                .list(random)
                .into_iter()
                .filter(|field| !fields.contains(field) && field != "count")
                .take(1)
                .collect();
            let (percent, other) = (random.one_in(2), random.one_in(3));
            let by = if random.one_in(2) { by } else { vec![] };
            shape.become_table(by.iter().chain(&fields).cloned().chain(["count".to_owned()]));
            let limit = if random.one_in(3) { 0 } else { 1 + random.below(3) };
            Stage::Frequency { rare: random.one_in(3), limit, fields, by, percent, other }
        }
        15 => {
            let limit = if random.one_in(2) { 0 } else { 1 + random.below(6) };
            Stage::Sort { limit, keys: sort_keys(shape, random), reversed: random.one_in(4) }
        }
        16 => {
            let condition = random.one_in(2).then(|| condition(shape, 2, random));
            let limit = random.one_in(2).then(|| 1 + random.below(6));
            let is_conditional = condition.is_some();
            Stage::Head {
                limit,
                condition,
                keep_last: is_conditional && random.one_in(3),
                null_is_true: is_conditional && random.one_in(3),
            }
        }
        17 => Stage::Tail(1 + random.below(5)),
        18 => Stage::Reverse,
        _ => Stage::Dedup {
            n: 1 + random.below(2),
            list: shape.list(random),
            keep_events: random.one_in(4),
            keep_empty: random.one_in(3),
            consecutive: random.one_in(4),
            sort_by: if random.one_in(3) { sort_keys(shape, random) } else { vec![] },
        },
    }
}

fn sort_keys(shape: &Shape, random: &mut Random) -> Vec<SortKey> {
    let list = shape.list(random);
    let key = |field: String| SortKey {
        field,
        descending: random.one_in(2),
        kind: random.pick(&["auto", "auto", "auto", "num", "str"]),
    };
    list.into_iter().map(key).collect()
}

fn stats(shape: &mut Shape, random: &mut Random) -> Stage {
    let by: Vec<String> = if random.one_in(3) { vec![] } else { shape.list(random).into_iter().take(2).collect() };
    let aggregates = aggregates(shape, &by, random);
    let names = aggregates.iter().filter(|aggregate| !is_rounded(aggregate)).map(|aggregate| aggregate.name.clone());
    let names = names.filter(|name| !name.contains('('));
    shape.is_rounded |= aggregates.iter().any(is_rounded);
    shape.become_table(by.iter().cloned().chain(names).chain(["none".to_owned()]));
    Stage::Stats { aggregates, by }
}

/// Whether the last digits may differ from one way of computing to another: nothing may depend on them.
pub fn is_rounded(aggregate: &Aggregate) -> bool {
    matches!(aggregate.function, "var" | "stdev" | "avg" | "perc90")
}

/// Calls whose results have names of their own.
pub fn aggregates(shape: &Shape, by: &[String], random: &mut Random) -> Vec<Aggregate> {
    const FUNCTIONS: [&str; 16] = [
        "count", "dc", "sum", "avg", "sumsq", "range", "median", "perc90", "var", "stdev", "min", "max", "values",
        "list", "first", "last",
    ];
    let mut aggregates: Vec<Aggregate> = Vec::new();
    for index in 0..1 + random.below(3) {
        let function = match random.below(18) {
            16 if shape.has_time => "earliest",
            17 if shape.has_time => "latest",
            other => FUNCTIONS[other % FUNCTIONS.len()],
        };
        let argument = match random.below(6) {
            0 if function == "count" => Argument::Eval(condition(shape, 2, random)),
            0 => Argument::Eval(value(shape, 2, random)),
            1 | 2 if function == "count" => Argument::Rows,
            _ => Argument::Field(shape.field(random)),
        };
        let is_taken = |name: &str| by.iter().any(|field| field == name);
        let name = match &argument {
            Argument::Rows if random.one_in(2) => "count".to_owned(),
            Argument::Field(field) if random.one_in(2) => format!("{function}({field})"),
            // Named apart from what another stage made.
            _ => format!("s{index}{}", ["", "_", "__"][random.below(3)]),
        };
        if !is_taken(&name) && aggregates.iter().all(|known| known.name != name) {
            aggregates.push(Aggregate { function, argument, name });
        }
    }
    if aggregates.is_empty() {
        aggregates.push(Aggregate { function: "count", argument: Argument::Rows, name: "n_rows".to_owned() });
    }
    aggregates
}

fn search(shape: &Shape, depth: usize, random: &mut Random) -> Search {
    let operands = |random: &mut Random| (0..2 + random.below(2)).map(|_| search(shape, depth - 1, random)).collect();
    match random.below(if depth == 0 { 6 } else { 10 }) {
        0 => Search::Word(random.pick(&WORDS).to_owned()),
        1 => Search::Exists(shape.field(random)),
        2 => {
            let values = (0..1 + random.below(3)).map(|_| random.pick(&SEARCH_VALUES).to_owned()).collect();
            Search::In(shape.field(random), values)
        }
        3..=5 => {
            let op = random.pick(&Op::ALL);
            let value = random.pick(&SEARCH_VALUES);
            // Only `=` and `!=` know wildcards.
            let value = if matches!(op, Op::Eq | Op::Ne) { value.to_owned() } else { value.replace('*', "") };
            Search::Compare(shape.field(random), op, value)
        }
        6 => Search::Not(Box::new(search(shape, depth - 1, random))),
        7 | 8 => Search::And(operands(random)),
        _ => Search::Or(operands(random)),
    }
}

fn field(shape: &Shape, random: &mut Random) -> Expr {
    Expr::Field(shape.field(random))
}

fn text(random: &mut Random) -> Expr {
    Expr::Text(random.pick(&VALUES).to_owned())
}

fn number(random: &mut Random) -> Expr {
    Expr::Number(random.pick(&[0.0, 1.0, 2.0, 3.0, 9.5, 10.0, 0.25]))
}

/// A time that calendars know well.
fn time(shape: &Shape, random: &mut Random) -> Expr {
    let number = match random.below(3) {
        0 => Expr::Binary('*', boxed(field(shape, random)), boxed(Expr::Number(9_876_543.25))),
        _ => field(shape, random),
    };
    Expr::Binary('%', boxed(number), boxed(Expr::Number(4_000_000_000.0)))
}

fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

pub fn condition(shape: &Shape, depth: usize, random: &mut Random) -> Expr {
    if depth > 0 && random.one_in(2) {
        let (left, right) = (condition(shape, depth - 1, random), condition(shape, depth - 1, random));
        return match random.below(4) {
            0 => Expr::Not(boxed(left)),
            1 => Expr::And(boxed(left), boxed(right)),
            2 => Expr::Or(boxed(left), boxed(right)),
            _ => Expr::Xor(boxed(left), boxed(right)),
        };
    }
    let operand = value(shape, depth.saturating_sub(1), random);
    match random.below(9) {
        0..=3 => {
            let right = match random.below(3) {
                0 => value(shape, depth.saturating_sub(1), random),
                1 => text(random),
                _ => number(random),
            };
            let (left, right) = if random.one_in(4) { (right, operand) } else { (operand, right) };
            Expr::Compare(random.pick(&Op::ALL), boxed(left), boxed(right))
        }
        4 => {
            let mut list: Vec<Expr> = (0..1 + random.below(3)).map(|_| text(random)).collect();
            if random.one_in(3) {
                list.push(field(shape, random));
            }
            Expr::In(boxed(operand), list, random.one_in(2))
        }
        5 => {
            let pattern = random.pick(&["%", "u%", "_", "%0%", "a_b", "Up", ""]).to_owned();
            Expr::Like(boxed(operand), pattern, random.one_in(2))
        }
        6 if random.one_in(3) => Expr::Call("json_valid", vec![operand]),
        6 => Expr::Call("match", vec![operand, Expr::Text(random.pick(&PATTERNS).to_owned())]),
        7 => Expr::Call(random.pick(&["isnull", "isnotnull"]), vec![operand]),
        _ => {
            let argument = if random.one_in(4) { text(random) } else { operand };
            Expr::Call(random.pick(&["isnum", "isint", "isstr", "ismv"]), vec![argument])
        }
    }
}

fn value(shape: &Shape, depth: usize, random: &mut Random) -> Expr {
    if depth == 0 || random.one_in(4) {
        return match random.below(6) {
            0 => text(random),
            1 => number(random),
            _ => field(shape, random),
        };
    }
    let inner = |random: &mut Random| value(shape, depth - 1, random);
    let index = |random: &mut Random| match random.below(5) {
        0 => Expr::Negate(boxed(Expr::Number(1.0))),
        1 => Expr::Negate(boxed(Expr::Number(2.0))),
        n => Expr::Number((n - 2) as f64),
    };
    let literal = |text: &str| Expr::Text(text.to_owned());
    match random.below(37) {
        31 => Expr::Call(random.pick(&["md5", "sha1", "sha256"]), vec![inner(random)]),
        32 => Expr::Call("strftime", vec![time(shape, random), literal(random.pick(&clock::FORMATS))]),
        33 => {
            let (text, format) = random.pick(&clock::STAMPS);
            Expr::Call("strptime", vec![literal(text), literal(format)])
        }
        34 => {
            let steps = (0..1 + random.below(3)).map(|_| random.pick(&clock::STEPS).0).collect::<String>();
            Expr::Call("relative_time", vec![time(shape, random), Expr::Text(steps)])
        }
        35 => {
            let (format, n) =
                random.pick(&[("%%", 0), ("%s|%6s|%-6s", 3), ("%.2f %8.1f", 2), ("%d|%5d|%-5d|%05d|%+d", 5)]);
            let args = (0..n).map(|_| field(shape, random)).collect::<Vec<_>>();
            Expr::Call("printf", std::iter::once(literal(format)).chain(args).collect())
        }
        36 => {
            let mut members = vec![literal("k"), inner(random), literal("l"), field(shape, random)];
            match random.below(3) {
                0 => Expr::Call("json_array", vec![members.remove(1), field(shape, random)]),
                1 => Expr::Call("json_object", members),
                _ => {
                    let path = literal(random.pick(&["k", "l", "m"]));
                    Expr::Call("json_extract", vec![Expr::Call("json_object", members), path])
                }
            }
        }
        0..=5 => {
            let op = random.pick(&['+', '-', '*', '/', '%', '.']);
            Expr::Binary(op, boxed(inner(random)), boxed(inner(random)))
        }
        6 => Expr::Negate(boxed(inner(random))),
        7 | 8 => Expr::Call("if", vec![condition(shape, depth - 1, random), inner(random), inner(random)]),
        9 => {
            let mut args = vec![condition(shape, depth - 1, random), inner(random)];
            args.extend([condition(shape, depth - 1, random), inner(random)]);
            Expr::Call(random.pick(&["case", "validate"]), args)
        }
        10 | 11 => Expr::Call("coalesce", vec![inner(random), inner(random)]),
        12 => Expr::Call("nullif", vec![inner(random), inner(random)]),
        13 => Expr::Call(random.pick(&["lower", "upper", "trim", "ltrim", "rtrim"]), vec![inner(random)]),
        14 => Expr::Call(random.pick(&["trim", "ltrim", "rtrim"]), vec![inner(random), literal("a1 ")]),
        15 => Expr::Call(random.pick(&["len", "mvcount", "mvdedup", "mvsort", "typeof"]), vec![inner(random)]),
        16 => {
            let mut args = vec![inner(random), index(random)];
            args.extend(random.one_in(2).then(|| index(random)));
            Expr::Call("substr", args)
        }
        17 => Expr::Call("replace", vec![inner(random), literal("([a1])"), literal("<\\1>")]),
        18 => Expr::Call("split", vec![inner(random), literal(random.pick(&[" ", "1", "p"]))]),
        19 => Expr::Call(random.pick(&["floor", "ceil", "ceiling", "abs", "sqrt"]), vec![inner(random)]),
        20 => Expr::Call("round", vec![inner(random)]),
        21 => Expr::Call(random.pick(&["max", "min"]), vec![inner(random), field(shape, random)]),
        // A literal that is no number would be refused.
        22 => Expr::Call(random.pick(&["sum", "avg"]), vec![field(shape, random), number(random)]),
        23 => Expr::Call("tonumber", vec![field(shape, random)]),
        24 => match random.one_in(2) {
            true => Expr::Call("tostring", vec![condition(shape, depth - 1, random)]),
            false => Expr::Call("tostring", vec![inner(random)]),
        },
        25 => {
            let mut args = vec![inner(random), index(random)];
            args.extend(random.one_in(2).then(|| index(random)));
            Expr::Call("mvindex", args)
        }
        26 => Expr::Call("mvjoin", vec![inner(random), literal(",")]),
        27 => Expr::Call("mvappend", vec![inner(random), inner(random)]),
        28 => Expr::Call("mvzip", vec![inner(random), inner(random)]),
        29 => Expr::Call("mvfind", vec![inner(random), literal(random.pick(&PATTERNS))]),
        _ => {
            let field = field(shape, random);
            match random.one_in(2) {
                true => Expr::Call("mvmap", vec![field, inner(random)]),
                false => Expr::Call(
                    "mvfilter",
                    vec![Expr::Compare(random.pick(&Op::ALL), boxed(field), boxed(number(random)))],
                ),
            }
        }
    }
}
