//! Commands that rewrite cells, or make rows of values and values of rows.

use super::cell::{Cell, Row, get, set};
use super::generate::Shape;
use super::language::{flag, quote};
use super::random::Random;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub enum Values {
    Fillnull { value: Option<String>, list: Vec<String> },
    Filldown(Vec<String>),
    Makemv { field: String, delimiter: String, allow_empty: bool },
    Tokenize { field: String, pattern: &'static str },
    Mvexpand { field: String, limit: usize },
    Mvcombine { field: String, delimiter: Option<&'static str> },
    Nomv { field: String, delimiter: String },
    Rex { field: String, pattern: &'static str, max_match: usize },
    Sed { field: String, pattern: &'static str, with: &'static str, flags: &'static str },
    Regex { field: String, pattern: &'static str, negated: bool },
    Replace { pairs: Vec<(&'static str, &'static str)>, list: Vec<String> },
    Strcat { all_required: bool, sources: Vec<Source>, destination: String },
    Rangemap { field: String, ranges: Vec<(&'static str, f64, f64)>, default: Option<&'static str> },
    Uniq,
}

/// What `strcat` joins.
#[derive(Clone, Debug)]
pub enum Source {
    Field(String),
    Text(&'static str),
}

const REX: [&str; 5] =
    [r"(?<e1>\d+)", r"(?<e1>[a-z])(?<w2>[^a-z])?", "(?<e2>u)|(?<e1>1)", "(?<e1>.)(?<e2>.*)$", "x(?<w2>)"];
const PATTERNS: [&str; 6] = ["1", "^[a-z]+$", "u|9", "(?i)UP", r"\d\.", "^$"];
const REPLACED: [(&str, &str); 7] =
    [("1", "one"), ("u*", "*y"), ("*1", "*"), ("UP", "a b"), ("", "empty"), ("a*b", "b"), ("1*", "x * y")];

impl Values {
    pub fn generate(shape: &mut Shape, random: &mut Random) -> Self {
        let field = shape.field(random);
        let whole_rows = !shape.is_rounded;
        match random.below(14) {
            13 => {
                let (pattern, with) = random.pick(&[
                    ("u|1", "<>"),
                    ("([a-z])(.)", r"\2\1"),
                    ("P", "-"),
                    ("^", "+"),
                    ("$", "!"),
                    ("[0-9]*", "+"),
                ]);
                Values::Sed { field, pattern, with, flags: random.pick(&["", "g", "2", "i", "gi"]) }
            }
            0 if random.one_in(2) && whole_rows => {
                Values::Fillnull { value: random.one_in(2).then(|| "1".to_owned()), list: vec![] }
            }
            0 => Values::Fillnull { value: random.one_in(2).then(|| "a b".to_owned()), list: shape.list(random) },
            1 => Values::Filldown(if random.one_in(2) { vec![] } else { shape.list(random) }),
            2 => {
                let delimiter = random.pick(&[" ", "1", "p", ".", "_"]).to_owned();
                shape.delimiters.insert(field.clone(), delimiter.clone());
                Values::Makemv { field, delimiter, allow_empty: random.one_in(2) }
            }
            3 => Values::Tokenize { field, pattern: random.pick(&["([a-z0-9]+)", "([a-z])[a-z]", "(.)"]) },
            4 => {
                shape.has_time = false;
                Values::Mvexpand { field, limit: random.below(3) }
            }
            5 if whole_rows => {
                let delimiter = random.one_in(2).then_some("+");
                shape.delimiters.insert(field.clone(), delimiter.unwrap_or(" ").to_owned());
                Values::Mvcombine { field, delimiter }
            }
            6 => {
                let delimiter = shape.delimiters.get(&field).cloned().unwrap_or_else(|| "\n".to_owned());
                Values::Nomv { field, delimiter }
            }
            7 => {
                let pattern = random.pick(&REX);
                ["e1", "e2", "w2"]
                    .iter()
                    .filter(|name| pattern.contains(&format!("<{name}>")))
                    .for_each(|name| shape.add(name));
                Values::Rex { field, pattern, max_match: random.below(3) }
            }
            8 => Values::Regex { field, pattern: random.pick(&PATTERNS), negated: random.one_in(2) },
            9 => {
                let pairs = (0..1 + random.below(2)).map(|_| random.pick(&REPLACED)).collect();
                let list = if random.one_in(2) && whole_rows { vec![] } else { shape.list(random) };
                Values::Replace { pairs, list }
            }
            10 => {
                let source = |random: &mut Random| match random.below(3) {
                    0 => Source::Text(random.pick(&["-", "", "a b"])),
                    _ => Source::Field(shape.field(random)),
                };
                let sources = (0..1 + random.below(3)).map(|_| source(random)).collect();
                let destination = random.pick(&["e1", "a"]).to_owned();
                shape.add(&destination);
                Values::Strcat { all_required: random.one_in(2), sources, destination }
            }
            11 => {
                shape.add("range");
                let ranges = vec![("low", -3.0, 1.0), ("mid", 1.0, 9.5), ("high", 9.5, 100.0)];
                let n = 1 + random.below(3);
                Values::Rangemap {
                    field,
                    ranges: ranges.into_iter().take(n).collect(),
                    default: random.one_in(2).then_some("odd"),
                }
            }
            _ if whole_rows => Values::Uniq,
            _ => Values::Regex { field, pattern: random.pick(&PATTERNS), negated: false },
        }
    }

    pub fn write(&self, random: &mut Random) -> String {
        match self {
            Values::Fillnull { value, list } => {
                let value = value.as_ref().map_or(String::new(), |value| format!(" value={}", quote(value)));
                let list = list.iter().map(|field| format!(" {field}")).collect::<String>();
                if random.one_in(2) { format!("fillnull{value}{list}") } else { format!("fillnull{list}{value}") }
            }
            Values::Filldown(list) => format!("filldown {}", list.join(" ")),
            Values::Makemv { field, delimiter, allow_empty } => {
                format!("makemv delim={}{} {field}", quote(delimiter), flag(*allow_empty, "allowempty"))
            }
            Values::Tokenize { field, pattern } => format!("makemv tokenizer={} {field}", quote(pattern)),
            Values::Mvexpand { field, limit: 0 } => format!("mvexpand {field}"),
            Values::Mvexpand { field, limit } => format!("mvexpand {field} limit={limit}"),
            Values::Mvcombine { field, delimiter: None } => format!("mvcombine {field}"),
            Values::Mvcombine { field, delimiter: Some(delimiter) } => {
                format!("mvcombine delim={} {field}", quote(delimiter))
            }
            Values::Nomv { field, .. } => format!("nomv {field}"),
            Values::Rex { field, pattern, max_match } => {
                let options = if *max_match == 1 { String::new() } else { format!(" max_match={max_match}") };
                format!("rex field={field}{options} {}", quote(pattern))
            }
            Values::Sed { field, pattern, with, flags } => {
                let separator = random.pick(&["/", "#"]);
                let script = ["s", pattern, with, flags].join(separator);
                match random.one_in(2) {
                    true => format!("rex field={field} mode=sed {}", quote(&script)),
                    false => format!("rex mode=sed {} field={field}", quote(&script)),
                }
            }
            Values::Regex { field, pattern, negated } => {
                format!("regex {field}{}{}", if *negated { "!=" } else { "=" }, quote(pattern))
            }
            Values::Replace { pairs, list } => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(old, new)| format!("{} WITH {}", quote(old), quote(new))).collect();
                let list = if list.is_empty() { String::new() } else { format!(" IN {}", list.join(" ")) };
                format!("replace {}{list}", pairs.join(", "))
            }
            Values::Strcat { all_required, sources, destination } => {
                let sources: Vec<String> = sources
                    .iter()
                    .map(|source| match source {
                        Source::Field(field) => field.clone(),
                        Source::Text(text) => quote(text),
                    })
                    .collect();
                format!("strcat{} {} {destination}", flag(*all_required, "allrequired"), sources.join(" "))
            }
            Values::Rangemap { field, ranges, default } => {
                let ranges: String = ranges.iter().map(|(name, from, to)| format!(" {name}={from}-{to}")).collect();
                let default = default.map_or(String::new(), |default| format!(" default={default}"));
                format!("rangemap field={field}{ranges}{default}")
            }
            Values::Uniq => "uniq".to_owned(),
        }
    }

    pub fn apply(&self, mut rows: Vec<Row>) -> Vec<Row> {
        match self {
            Values::Fillnull { value, list } => {
                let mut names: BTreeSet<String> = list.iter().cloned().collect();
                if list.is_empty() {
                    names.extend(rows.iter().flat_map(Row::keys).cloned());
                }
                for row in &mut rows {
                    for name in names.iter().filter(|name| get(row, name).is_null()).cloned().collect::<Vec<_>>() {
                        set(row, &name, Cell::text(value.as_deref().unwrap_or("0")));
                    }
                }
            }
            Values::Filldown(list) => {
                let mut last = Row::new();
                for row in &mut rows {
                    let is_meant = |name: &String| match list.is_empty() {
                        true => !name.starts_with('_'),
                        false => list.contains(name),
                    };
                    let cells: Vec<_> = row.clone().into_iter().filter(|(name, _)| is_meant(name)).collect();
                    last.extend(cells);
                    last.iter().for_each(|(name, cell)| set(row, name, cell.clone()));
                }
            }
            Values::Makemv { field, delimiter, allow_empty } => {
                for row in &mut rows {
                    map_values(row, field, |text| {
                        let pieces = text.split(delimiter.as_str()).filter(|piece| *allow_empty || !piece.is_empty());
                        pieces.map(str::to_owned).collect()
                    });
                }
            }
            Values::Tokenize { field, pattern } => {
                let pattern = regex::Regex::new(pattern).expect("a valid pattern");
                for row in &mut rows {
                    map_values(row, field, |text| {
                        pattern.captures_iter(text).map(|groups| groups[1].to_owned()).collect()
                    });
                }
            }
            Values::Mvexpand { field, limit } => {
                let expand = |row: &Row| {
                    let singles = get(row, field).singles();
                    let n = if *limit == 0 { singles.len() } else { *limit };
                    let mut expanded: Vec<Row> = Vec::new();
                    for single in singles.into_iter().take(n) {
                        let mut row = row.clone();
                        set(&mut row, field, single);
                        expanded.push(row);
                    }
                    if expanded.is_empty() { vec![row.clone()] } else { expanded }
                };
                return rows.iter().flat_map(expand).collect();
            }
            Values::Mvcombine { field, .. } => {
                let mut combined: Vec<(Option<BTreeMap<String, String>>, Row)> = Vec::new();
                for row in rows {
                    let others = || row.iter().filter(|(name, _)| *name != field);
                    let key = row.contains_key(field).then(|| others().map(|(n, c)| (n.clone(), c.print())).collect());
                    match combined.iter_mut().find(|(known, _)| key.is_some() && *known == key) {
                        Some((_, first)) => {
                            let cell = Cell::many(vec![get(first, field), get(&row, field)]);
                            set(first, field, cell);
                        }
                        None => combined.push((key, row)),
                    }
                }
                return combined.into_iter().map(|(_, row)| row).collect();
            }
            Values::Nomv { field, delimiter } => {
                for row in &mut rows {
                    if let Cell::Many(cells) = get(row, field) {
                        let texts: Vec<String> = cells.iter().map(Cell::print).collect();
                        set(row, field, Cell::Text(texts.join(delimiter)));
                    }
                }
            }
            Values::Rex { field, pattern, max_match } => {
                let pattern = regex::Regex::new(pattern).expect("a valid pattern");
                let n_matches = if *max_match == 0 { usize::MAX } else { *max_match };
                for row in &mut rows {
                    let singles = get(row, field).singles();
                    for name in pattern.capture_names().flatten() {
                        let mut found = Vec::new();
                        for single in &singles {
                            let text = single.print();
                            let groups = pattern.captures_iter(&text).take(n_matches);
                            found.extend(groups.filter_map(|groups| Some(Cell::text(groups.name(name)?.as_str()))));
                        }
                        if !found.is_empty() {
                            set(row, name, Cell::many(found));
                        }
                    }
                }
            }
            Values::Sed { field, pattern, with, flags } => {
                let case = if flags.contains('i') { "(?i)" } else { "" };
                let pattern = regex::Regex::new(&format!("{case}{pattern}")).expect("a valid pattern");
                let nth = flags.chars().find_map(|flag| flag.to_digit(10)).unwrap_or(1) as usize;
                for row in &mut rows {
                    map_values(row, field, |text| {
                        let mut result = String::new();
                        let mut at = 0;
                        for (n, groups) in pattern.captures_iter(text).enumerate() {
                            let whole = groups.get(0).expect("the whole match");
                            if !flags.contains('g') && n + 1 != nth {
                                continue;
                            }
                            result.push_str(&text[at..whole.start()]);
                            let group = |n| groups.get(n).map_or("", |group| group.as_str());
                            result.push_str(
                                &with.replace(r"\1", "\u{1}").replace(r"\2", group(2)).replace('\u{1}', group(1)),
                            );
                            at = whole.end();
                        }
                        vec![result + &text[at..]]
                    });
                }
            }
            Values::Regex { field, pattern, negated } => {
                let pattern = regex::Regex::new(pattern).expect("a valid pattern");
                let matches = |row: &Row| get(row, field).singles().iter().any(|cell| pattern.is_match(&cell.print()));
                rows.retain(|row| matches(row) != *negated);
            }
            Values::Replace { pairs, list } => {
                for row in &mut rows {
                    let names: Vec<String> = match list.is_empty() {
                        true => row.keys().filter(|name| !name.starts_with('_')).cloned().collect(),
                        false => list.clone(),
                    };
                    for name in names {
                        let replace = |cell: &Cell| replaced(pairs, &cell.print()).map_or(cell.clone(), Cell::Text);
                        let cells = get(row, &name).singles().iter().map(replace).collect();
                        set(row, &name, Cell::many(cells));
                    }
                }
            }
            Values::Strcat { all_required, sources, destination } => {
                for row in &mut rows {
                    let is_missing =
                        |source: &Source| matches!(source, Source::Field(field) if !row.contains_key(field));
                    if *all_required && sources.iter().any(is_missing) {
                        continue;
                    }
                    let text = |source: &Source| match source {
                        Source::Field(field) => get(row, field).print(),
                        Source::Text(text) => (*text).to_owned(),
                    };
                    let joined = sources.iter().map(text).collect();
                    set(row, destination, Cell::Text(joined));
                }
            }
            Values::Rangemap { field, ranges, default } => {
                for row in &mut rows {
                    let numbers: Vec<f64> = get(row, field).singles().iter().filter_map(Cell::as_number).collect();
                    let holds = |from: f64, to: f64| numbers.iter().any(|number| from <= *number && *number <= to);
                    let mut names: Vec<Cell> = ranges
                        .iter()
                        .filter(|(_, from, to)| holds(*from, *to))
                        .map(|(name, ..)| Cell::text(name))
                        .collect();
                    if names.is_empty() {
                        names.push(Cell::text(default.unwrap_or("None")));
                    }
                    set(row, "range", Cell::many(names));
                }
            }
            Values::Uniq => {
                let print = |row: &Row| row.iter().map(|(name, cell)| (name.clone(), cell.print())).collect::<Vec<_>>();
                rows.dedup_by_key(|row| print(row));
            }
        }
        rows
    }
}

/// Puts what `f` makes of each value of the field in its place.
fn map_values(row: &mut Row, field: &str, f: impl Fn(&str) -> Vec<String>) {
    let cells = get(row, field).singles().iter().flat_map(|cell| f(&cell.print())).map(Cell::Text).collect();
    set(row, field, Cell::many(cells));
}

/// What the text becomes, as the first pair that matches all of it says.
fn replaced(pairs: &[(&str, &str)], text: &str) -> Option<String> {
    for (old, new) in pairs {
        let pattern = format!("(?is)^{}$", regex::escape(old).replace(r"\*", "(.*)"));
        if let Some(groups) = regex::Regex::new(&pattern).expect("a valid pattern").captures(text) {
            return Some(new.replace('*', groups.get(1).map_or("", |group| group.as_str())));
        }
    }
    None
}
