//! The reference of expressions: chapters 7 to 9 of the language reference, word by word.

use super::cell::{Cell, Row, get, number_of, set, total_order};
use super::clock;
use super::digest;
use super::language::{Expr, Op};

/// What an expression yields.
enum Outcome {
    Value(Cell),
    Truth(Option<bool>),
}

/// The value of an expression.
pub fn value(expr: &Expr, row: &Row) -> Cell {
    match outcome(expr, row) {
        Outcome::Value(cell) => cell,
        Outcome::Truth(_) => panic!("a condition in the place of a value: {expr:?}"),
    }
}

/// The truth of a condition; `None` is unknown.
pub fn truth(expr: &Expr, row: &Row) -> Option<bool> {
    match outcome(expr, row) {
        Outcome::Truth(truth) => truth,
        Outcome::Value(_) => panic!("a value in the place of a condition: {expr:?}"),
    }
}

fn outcome(expr: &Expr, row: &Row) -> Outcome {
    Outcome::Value(match expr {
        Expr::Number(number) => Cell::Number(*number),
        Expr::Text(text) => Cell::text(text),
        Expr::Field(name) => get(row, name),
        Expr::Negate(operand) => value(operand, row).as_number().map_or(Cell::Null, |number| Cell::number(-number)),
        Expr::Binary(op, left, right) => binary(*op, &value(left, row), &value(right, row)),
        Expr::Call(name, args) => return call(name, args, row),
        Expr::Compare(op, left, right) => return Outcome::Truth(compare(*op, &value(left, row), &value(right, row))),
        Expr::Not(operand) => return Outcome::Truth(truth(operand, row).map(|truth| !truth)),
        Expr::And(left, right) => return Outcome::Truth(and(truth(left, row), truth(right, row))),
        Expr::Or(left, right) => return Outcome::Truth(or(truth(left, row), truth(right, row))),
        Expr::Xor(left, right) => {
            return Outcome::Truth(match (truth(left, row), truth(right, row)) {
                (Some(left), Some(right)) => Some(left != right),
                _ => None,
            });
        }
        Expr::In(operand, list, negated) => {
            let found = is_in(&value(operand, row), &list.iter().map(|expr| value(expr, row)).collect::<Vec<_>>());
            return Outcome::Truth(found.map(|found| found != *negated));
        }
        Expr::Like(operand, pattern, negated) => {
            let found = any(&value(operand, row), |text| is_like(text, pattern));
            return Outcome::Truth(found.map(|found| found != *negated));
        }
    })
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    and(left.map(|truth| !truth), right.map(|truth| !truth)).map(|truth| !truth)
}

fn binary(op: char, left: &Cell, right: &Cell) -> Cell {
    let joined = || match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) => Cell::Text(left + &right),
        _ => Cell::Null,
    };
    match (op, left.as_number(), right.as_number()) {
        ('.', _, _) => joined(),
        ('+', Some(left), Some(right)) => Cell::number(left + right),
        ('+', _, _) => joined(),
        ('-', Some(left), Some(right)) => Cell::number(left - right),
        ('*', Some(left), Some(right)) => Cell::number(left * right),
        ('/', Some(left), Some(right)) => Cell::number(left / right),
        ('%', Some(left), Some(right)) => Cell::number(left % right),
        _ => Cell::Null,
    }
}

/// Of several values one for which it holds is enough.
fn compare(op: Op, left: &Cell, right: &Cell) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    let holds = |left: &Cell, right: &Cell| {
        op.holds(match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right).expect("finite numbers"),
            _ => left.print().cmp(&right.print()),
        })
    };
    Some(left.singles().iter().any(|left| right.singles().iter().any(|right| holds(left, right))))
}

fn is_in(value: &Cell, list: &[Cell]) -> Option<bool> {
    list.iter().map(|other| compare(Op::Eq, value, other)).fold(Some(false), or)
}

/// Whether the text of one of the values passes; unknown for null.
fn any(cell: &Cell, passes: impl Fn(&str) -> bool) -> Option<bool> {
    (!cell.is_null()).then(|| cell.singles().iter().any(|single| passes(&single.print())))
}

fn is_like(text: &str, pattern: &str) -> bool {
    let mut regex = String::from("(?s)^");
    for c in pattern.chars() {
        regex.push_str(&match c {
            '%' => ".*".to_owned(),
            '_' => ".".to_owned(),
            other => regex::escape(&other.to_string()),
        });
    }
    is_match(text, &(regex + "$"))
}

fn is_match(text: &str, pattern: &str) -> bool {
    regex::Regex::new(pattern).expect("a valid pattern").is_match(text)
}

fn call(name: &str, args: &[Expr], row: &Row) -> Outcome {
    let arg = |index: usize| value(&args[index], row);
    let number = |index: usize| arg(index).as_number();
    let text = |index: usize| args.get(index).and_then(|expr| value(expr, row).as_text());
    let is_quoted = matches!(args.first(), Some(Expr::Text(_)));
    let truth_of = |truth: bool| Outcome::Truth(Some(truth));
    // Lets a function of text loose on each value.
    let map_text = |f: &dyn Fn(&str) -> String| {
        Cell::many(arg(0).singles().iter().map(|single| Cell::Text(f(&single.print()))).collect())
    };
    let map_number = |f: fn(f64) -> f64| number(0).map_or(Cell::Null, |number| Cell::number(f(number)));
    Outcome::Value(match name {
        "if" => match truth(&args[0], row) {
            Some(true) => arg(1),
            _ => arg(2),
        },
        "case" => {
            let chosen = args.chunks(2).find(|case| truth(&case[0], row) == Some(true));
            chosen.map_or(Cell::Null, |case| value(&case[1], row))
        }
        "validate" => {
            let chosen = args.chunks(2).find(|case| truth(&case[0], row) == Some(false));
            chosen.map_or(Cell::Null, |case| value(&case[1], row))
        }
        "coalesce" => args.iter().map(|expr| value(expr, row)).find(|cell| !cell.is_null()).unwrap_or(Cell::Null),
        "null" => Cell::Null,
        "true" => return truth_of(true),
        "false" => return truth_of(false),
        "nullif" if compare(Op::Eq, &arg(0), &arg(1)) == Some(true) => Cell::Null,
        "nullif" => arg(0),
        "isnull" => return truth_of(arg(0).is_null()),
        "isnotnull" => return truth_of(!arg(0).is_null()),
        "in" => return Outcome::Truth(is_in(&arg(0), &(1..args.len()).map(arg).collect::<Vec<_>>())),
        "like" => {
            let Some(pattern) = text(1) else { return Outcome::Truth(None) };
            return Outcome::Truth(any(&arg(0), |text| is_like(text, &pattern)));
        }
        "match" => {
            let pattern = text(1).expect("a literal");
            return Outcome::Truth(any(&arg(0), |text| is_match(text, &pattern)));
        }
        "isnum" => return truth_of(!is_quoted && number(0).is_some()),
        "isint" => return truth_of(!is_quoted && number(0).is_some_and(|number| number == number.trunc())),
        "isstr" => return truth_of(arg(0).as_text().is_some() && (is_quoted || number(0).is_none())),
        "ismv" => return truth_of(arg(0).singles().len() > 1),
        "typeof" => Cell::text(match arg(0) {
            Cell::Null => "Invalid",
            Cell::Many(_) => "Multivalue",
            _ if !is_quoted && number(0).is_some() => "Number",
            _ => "String",
        }),
        "tonumber" => match text(0).and_then(|text| number_of(text.trim())) {
            Some(number) => Cell::Number(number),
            None => Cell::Null,
        },
        "tostring" => match &args[0] {
            condition if is_condition(condition) => match truth(condition, row) {
                Some(true) => Cell::text("True"),
                Some(false) => Cell::text("False"),
                None => Cell::Null,
            },
            _ => Cell::many(arg(0).singles().iter().map(|single| Cell::Text(single.print())).collect()),
        },
        "len" => text(0).map_or(Cell::Null, |text| Cell::Number(text.chars().count() as f64)),
        "lower" => map_text(&str::to_lowercase),
        "upper" => map_text(&str::to_uppercase),
        "trim" | "ltrim" | "rtrim" => {
            let cut: Vec<char> = match args.len() {
                1 => vec![' ', '\t'],
                _ => text(1).expect("a literal").chars().collect(),
            };
            map_text(&|text| {
                let text = if name == "rtrim" { text } else { text.trim_start_matches(&cut[..]) };
                let text = if name == "ltrim" { text } else { text.trim_end_matches(&cut[..]) };
                text.to_owned()
            })
        }
        "substr" => {
            match (text(0), number(1), args.len() > 2, args.get(2).and_then(|expr| value(expr, row).as_number())) {
                (Some(text), Some(start), has_length, length) if !has_length || length.is_some() => {
                    let chars: Vec<char> = text.chars().collect();
                    let skipped = match start as i64 {
                        start if start < 0 => (chars.len() as i64 + start).max(0),
                        start => (start - 1).max(0),
                    };
                    let length = length.map_or(usize::MAX, |length| length.max(0.0) as usize);
                    Cell::Text(chars.into_iter().skip(skipped as usize).take(length).collect())
                }
                _ => Cell::Null,
            }
        }
        "replace" => {
            let (pattern, with) = (text(1).expect("a literal"), text(2).expect("a literal"));
            let pattern = regex::Regex::new(&pattern).expect("a valid pattern");
            map_text(&|text| {
                let with = with.replace("\\1", "${1}");
                pattern.replace_all(text, with.as_str()).into_owned()
            })
        }
        "split" => match (text(0), text(1)) {
            (Some(text), Some(delimiter)) => Cell::many(text.split(&delimiter).map(Cell::text).collect()),
            _ => Cell::Null,
        },
        "round" => match (number(0), args.get(1).map_or(Some(0.0), |_| number(1))) {
            (Some(number), Some(digits)) => {
                let scale = 10_f64.powi(digits as i32);
                Cell::number((number * scale).round() / scale)
            }
            _ => Cell::Null,
        },
        "floor" => map_number(f64::floor),
        "ceil" | "ceiling" => map_number(f64::ceil),
        "abs" => map_number(f64::abs),
        "sqrt" => map_number(f64::sqrt),
        "pow" => match (number(0), number(1)) {
            (Some(base), Some(exponent)) => Cell::number(base.powf(exponent)),
            _ => Cell::Null,
        },
        "max" | "min" => {
            let cells: Vec<Cell> = (0..args.len()).map(arg).collect();
            if cells.iter().any(Cell::is_null) {
                return Outcome::Value(Cell::Null);
            }
            let mut singles = cells.iter().flat_map(Cell::singles).collect::<Vec<_>>();
            singles.sort_by(total_order);
            if name == "max" { singles.pop().expect("a value") } else { singles.remove(0) }
        }
        "sum" | "avg" => {
            let cells = (0..args.len()).flat_map(|index| arg(index).singles());
            let numbers: Vec<f64> = cells.filter_map(|cell| cell.as_number()).collect();
            let sum: f64 = numbers.iter().sum();
            match (numbers.len(), name) {
                (0, _) => Cell::Null,
                (_, "sum") => Cell::number(sum),
                (n, _) => Cell::number(sum / n as f64),
            }
        }
        "mvcount" => match arg(0).singles().len() {
            0 => Cell::Null,
            n => Cell::Number(n as f64),
        },
        "mvindex" => {
            let cells = arg(0).singles();
            let place = |number: f64| if number < 0.0 { number as i64 + cells.len() as i64 } else { number as i64 };
            match (number(1).map(place), if args.len() > 2 { number(2) } else { number(1) }.map(place)) {
                (Some(first), Some(last)) if first >= 0 && last >= first => {
                    let n = (last - first + 1) as usize;
                    Cell::many(cells.iter().skip(first as usize).take(n).cloned().collect())
                }
                _ => Cell::Null,
            }
        }
        "mvjoin" => match (arg(0), text(1)) {
            (Cell::Null, _) | (_, None) => Cell::Null,
            (cell, Some(delimiter)) => {
                Cell::Text(cell.singles().iter().map(Cell::print).collect::<Vec<_>>().join(&delimiter))
            }
        },
        "mvappend" => Cell::many((0..args.len()).map(arg).collect()),
        "mvdedup" => {
            let mut kept: Vec<Cell> = Vec::new();
            for single in arg(0).singles() {
                if kept.iter().all(|known| known.print() != single.print()) {
                    kept.push(single);
                }
            }
            Cell::many(kept)
        }
        "mvsort" => {
            let mut cells = arg(0).singles();
            cells.sort_by_key(Cell::print);
            Cell::many(cells)
        }
        "mvzip" => {
            let delimiter = if args.len() > 2 { text(2).expect("a literal") } else { ",".to_owned() };
            let pairs = arg(0).singles().into_iter().zip(arg(1).singles());
            Cell::many(pairs.map(|(a, b)| Cell::Text(a.print() + &delimiter + &b.print())).collect())
        }
        "mvfind" => {
            let pattern = text(1).expect("a literal");
            let place = arg(0).singles().iter().position(|single| is_match(&single.print(), &pattern));
            place.map_or(Cell::Null, |place| Cell::Number(place as f64))
        }
        "mvfilter" | "mvmap" => {
            let (field, body) = match (name, args) {
                ("mvmap", [Expr::Field(field), body]) => (field, body),
                ("mvfilter", [condition]) => (only_field(condition), condition),
                _ => panic!("{name} of {args:?}"),
            };
            let mut mapped = Vec::new();
            for single in get(row, field).singles() {
                let mut inner = row.clone();
                set(&mut inner, field, single.clone());
                if name == "mvmap" {
                    mapped.push(value(body, &inner));
                } else if truth(body, &inner) == Some(true) {
                    mapped.push(single);
                }
            }
            Cell::many(mapped)
        }
        "md5" => map_text(&digest::md5),
        "sha1" => map_text(&digest::sha1),
        "sha256" => map_text(&digest::sha256),
        "strftime" => match (number(0), text(1)) {
            (Some(time), Some(format)) => Cell::Text(clock::format(time, &format)),
            _ => Cell::Null,
        },
        "strptime" => text(0).and_then(|text| clock::parse(&text)).map_or(Cell::Null, Cell::Number),
        "relative_time" => match (number(0), text(1)) {
            (Some(time), Some(written)) => {
                let mut steps = Vec::new();
                let mut rest = written.as_str();
                while !rest.is_empty() {
                    let (text, step) = clock::STEPS.iter().find(|(text, _)| rest.starts_with(text)).expect("a step");
                    steps.push(*step);
                    rest = &rest[text.len()..];
                }
                Cell::Number(clock::relative(time, &steps))
            }
            _ => Cell::Null,
        },
        "printf" => match text(0).as_deref().expect("a literal") {
            "%%" => Cell::text("%"),
            "%s|%6s|%-6s" => (1..4)
                .map(text)
                .collect::<Option<Vec<_>>>()
                .map_or(Cell::Null, |texts| Cell::Text(format!("{}|{:>6}|{:<6}", texts[0], texts[1], texts[2]))),
            "%.2f %8.1f" => match (number(1), number(2)) {
                (Some(a), Some(b)) => Cell::Text(format!("{a:.2} {b:8.1}")),
                _ => Cell::Null,
            },
            "%d|%5d|%-5d|%05d|%+d" => {
                let numbers: Option<Vec<i64>> = (1..6).map(|index| Some(number(index)? as i64)).collect();
                numbers.map_or(Cell::Null, |n| {
                    Cell::Text(format!("{}|{:5}|{:<5}|{:05}|{:+}", n[0], n[1], n[2], n[3], n[4]))
                })
            }
            other => panic!("the reference does not know the format {other}"),
        },
        "json_valid" => {
            let is_valid = |text: String| serde_json::from_str::<serde_json::Value>(&text).is_ok();
            return Outcome::Truth((!arg(0).is_null()).then(|| text(0).is_some_and(is_valid)));
        }
        "json_array" => {
            Cell::Text(format!("[{}]", args.iter().map(|arg| json(arg, row)).collect::<Vec<_>>().join(",")))
        }
        "json_object" => {
            let member = |pair: &[Expr]| format!("{}:{}", json(&pair[0], row), json(&pair[1], row));
            Cell::Text(format!("{{{}}}", args.chunks(2).map(member).collect::<Vec<_>>().join(",")))
        }
        // Of an object that was just made: what it was made of.
        "json_extract" => match (&args[0], text(1)) {
            (Expr::Call("json_object", members), Some(key)) => {
                let member = members.chunks(2).find(|pair| matches!(&pair[0], Expr::Text(name) if *name == key));
                member.map_or(Cell::Null, |pair| match json(&pair[1], row).as_str() {
                    "null" => Cell::Null,
                    quoted if quoted.starts_with('"') => {
                        Cell::Text(serde_json::from_str(quoted).expect("a string of JSON"))
                    }
                    other => Cell::text(other),
                })
            }
            other => panic!("json_extract of {other:?}"),
        },
        other => panic!("the reference does not know {other}"),
    })
}

/// The JSON of an argument.
fn json(expr: &Expr, row: &Row) -> String {
    let quoted = |text: &str| serde_json::to_string(text).expect("a string of JSON");
    fn of(cell: &Cell, quoted: &dyn Fn(&str) -> String) -> String {
        let text = cell.print();
        let is_number = is_match(&text, r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$") && number_of(&text).is_some();
        let is_container = text.starts_with(['[', '{']) && serde_json::from_str::<serde_json::Value>(&text).is_ok();
        match cell {
            Cell::Null => "null".to_owned(),
            Cell::Many(cells) => {
                format!("[{}]", cells.iter().map(|cell| of(cell, quoted)).collect::<Vec<_>>().join(","))
            }
            _ if is_number || is_container => text,
            _ => quoted(&text),
        }
    }
    match expr {
        Expr::Text(text) => quoted(text),
        expr if is_condition(expr) => truth(expr, row).map_or("null".to_owned(), |truth| truth.to_string()),
        expr => of(&value(expr, row), &quoted),
    }
}

fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::Compare(..) | Expr::Not(_) | Expr::And(..) | Expr::Or(..) | Expr::Xor(..) => true,
        Expr::In(..) | Expr::Like(..) => true,
        Expr::Call(name, _) => {
            name.starts_with("is") || matches!(*name, "true" | "false" | "in" | "like" | "match" | "json_valid")
        }
        _ => false,
    }
}

/// The field on the left of a generated condition of `mvfilter`.
fn only_field(condition: &Expr) -> &String {
    match condition {
        Expr::Field(name) => name,
        Expr::Compare(_, left, _) | Expr::Like(left, ..) | Expr::In(left, ..) | Expr::Not(left) => only_field(left),
        Expr::Call(_, args) => only_field(&args[0]),
        other => panic!("no field in {other:?}"),
    }
}
